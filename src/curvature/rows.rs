//! The way back with score gradients of the caller's.

use num_traits::{Float, PrimInt};

use crate::data::MatRef;
use crate::error::{Error, What, check_scratch};
use crate::pass::{Chunk, Halfway, Net, Pass, Setting};

/// Rows.
pub fn backward<T: Float + Send + Sync + 'static, L: PrimInt + Sync>(
    pass: Pass<'_, T, L>,
    rows: MatRef<'_, T>,
    scratch: &mut [T],
) -> Result<(), Error> {
    let Net { dims, examples: n, .. } = pass.net();
    let (expected, got) = ((n, dims.classes()), (rows.rows(), rows.cols()));
    if got != expected {
        return Err(Error::Shape { what: What::ScoreGradients, expected, got });
    }
    check_scratch(dims.scratch_len(n), scratch.len())?;
    pass.run_back(&mut Rows(rows), scratch)
}

/// The rows that take G's place.
struct Rows<'r, T>(MatRef<'r, T>);

impl<T: Float + Send + Sync + 'static> Halfway<T> for Rows<'_, T> {
    fn chunk(&mut self, setting: &Setting<'_, T>, chunk: Chunk<'_, T>) -> Result<(), Error> {
        let (layout, c) = (&setting.plan.layout, setting.plan.params.b2.len());
        for i in 0..chunk.x.rows() {
            let g = &mut chunk.g[i / layout.block * layout.score_stride * c + i % layout.block..];
            let row = self.0.row(chunk.first + i);
            g.iter_mut().step_by(layout.score_stride).zip(row).for_each(|(g, value)| *g = value);
        }
        Ok(())
    }
}
