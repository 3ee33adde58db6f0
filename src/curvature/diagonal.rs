//! The diagonal of the second derivatives.

use num_traits::{Float, PrimInt};

use super::outputs::Tangents;
use super::part::{Finding, MAX_BLOCKS, Part};
use super::scratch::{Hidden, Lens, Scratch, scratch_len};
use super::second_order::second_order;
use super::weights::WeightSums;
use crate::data::ParamsMut;
use crate::error::{Error, What, check_len, check_scratch};
use crate::pass::{Chunk, ChunkFactors, Halfway, Net, Pass, Setting};

/// Writes the diagonal.
pub fn diagonal<T: Float + Send + Sync + 'static, L: PrimInt + Sync>(
    pass: Pass<'_, T, L>,
    mut diagonal: ParamsMut<'_, T>,
    traces: Option<&mut [T]>,
    scratch: &mut [T],
) -> Result<T, Error> {
    let Net { dims, examples: n, l2, layout, .. } = pass.net();
    dims.check_same(What::Diagonal, diagonal.dims())?;
    check_len(What::Traces, n, traces.as_ref().map_or(n, |traces| traces.len()))?;
    check_scratch(scratch_len(dims, n, 1), scratch.len())?;
    let (own, rest) = scratch.split_at_mut(dims.scratch_len(n));
    let Scratch { kept, hidden, f, low_order, .. } = Lens::new(dims, &layout).cut(rest);
    let weights = WeightSums { second_order: second_order(pass.engine), low_order, chunks: 0 };
    let mut run = Run { diagonal: diagonal.reborrow(), traces, hidden, f, weights };
    let loss = pass.run_halfway(&mut run, kept, own)?;
    if n == 0 {
        diagonal.fill(T::zero());
    }
    for (factor, view) in [(l2.w1, &mut diagonal.w1), (l2.w2, &mut diagonal.w2)] {
        (0..view.rows()).for_each(|row| view.row_mut(row).for_each(|out| *out = *out + factor));
    }
    Ok(loss)
}

/// The diagonal while it is added up.
struct Run<'r, T: 'static> {
    diagonal: ParamsMut<'r, T>,
    traces: Option<&'r mut [T]>,
    hidden: Hidden<'r, T>,
    f: &'r mut [T],
    weights: WeightSums<'r, T>,
}

impl<T: Float + Send + Sync + 'static> Halfway<T> for Run<'_, T> {
    fn chunk(&mut self, setting: &Setting<'_, T>, chunk: Chunk<'_, T>) -> Result<(), Error> {
        let Setting { threads, plan, .. } = *setting;
        let second_order = self.weights.second_order;
        let mut findings = [Finding::none(); MAX_BLOCKS];
        // The traces are a number for each example, as any.
        let out = Tangents { gauss_newton: self.traces.as_deref_mut(), ..Tangents::default() };
        let mut chunk = chunk;
        let part = Part::of(plan, &mut chunk, &mut self.hidden, self.f, &mut findings, out);
        threads.run(part, &|part, share| part.cut(&plan.layout, share), &|mut part| {
            second_order.diagonal(plan, &mut part);
            Ok(())
        })?;
        let squares = ChunkFactors {
            x: chunk.x,
            a: self.hidden.a,
            d: self.hidden.d,
            d_panels: &[],
            g: self.f,
            nonfinite: chunk.nonfinite,
            is_squared: true,
        };
        let diagonal = &mut self.diagonal;
        self.weights.add(setting, 0, diagonal, (&squares, None), chunk.pack_buffer, chunk.is_last)?;
        self.weights.chunks += 1;
        Ok(())
    }
}
