//! The way back with score gradients of the caller's.

use num_traits::{Float, PrimInt};

use crate::data::MatRef;
use crate::error::{Error, What, check_scratch};
use crate::pass::{Chunk, Halfway, Net, Pass, Setting};

/// The way back from rows of the caller's, n × C, in the place of G: writes Jᵀ R, the product of the Jacobian of all
/// scores, transposed, and R, to the gradient of the pass, and what else has been chosen there, as if R were the
/// gradient of a loss by the scores.
///
/// It is the sum over the examples, nothing is divided, and labels, targets, weights and L2 have no part in it. So a
/// loss of your own on these scores has its gradient, and rows that are unit vectors give single rows of the Jacobian
/// ([`Pass::example_grads`](crate::Pass::example_grads)). n(2mh + 3hC) multiply-adds.
///
/// `scratch` needs [`Dims::scratch_len(n)`](crate::Dims::scratch_len) elements.
///
/// # Errors
///
/// [`Error::Shape`] if `rows` is not n × C, [`Error::Unlabelled`] if losses have been chosen, and those of
/// [`Pass::infer`](crate::Pass::infer); nothing has been written then.
///
/// # Example
///
/// The gradient of half the sum of squares of all scores:
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::curvature::backward;
/// use handgrad::{Batch, Dims, MatMut, MatRef, Params, ParamsMut, Pass, scores};
///
/// let dims = Dims::new(1, 1, 2)?;
/// let theta = [1.0, 0.0, 1.0, -1.0, 0.0, 0.5];
/// let (params, x) = (Params::from_flat(dims, &theta)?, MatRef::new(&[2.0], 1, 1)?);
/// let mut scratch = vec![0.0; dims.scratch_len(1)];
/// let (mut f, mut grad) = ([0.0; 2], [0.0; 6]);
/// scores(params, x, MatMut::new(&mut f, 1, 2)?, &mut scratch)?;
/// assert_eq!(f, [2.0, -1.5]);
/// let pass = Pass::new(params, Batch::unlabelled(x)).grad(ParamsMut::from_flat(dims, &mut grad)?);
/// backward(pass, MatRef::new(&f, 1, 2)?, &mut scratch)?;
/// assert_eq!(grad, [7.0, 3.5, 4.0, -3.0, 2.0, -1.5]);
/// # Ok(())
/// # }
/// ```
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
