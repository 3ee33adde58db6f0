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

/// Writes the diagonal of the Hessian, (31) and (32), to `diagonal`, and the traces of the Hessians of the single v_i
/// l_i to `traces`, n, if wanted. Returns the loss, NaN without labels.
///
/// The scores are linear in each layer alone, so away from kinks it is the diagonal of Gauss-Newton's matrix too: no
/// entry is negative. With L2, α1 and α2 are added to those of W1 and W2 (not to the traces of examples). n(2mh + 7hC)
/// multiply-adds; labels are not needed.
///
/// `scratch` needs [`scratch_len(dims, n, 1)`](super::scratch_len) elements.
///
/// # Errors
///
/// [`Error::Dims`] if `diagonal` has other dimensions than the net, [`Error::Length`] for traces of another length
/// than n or too short a scratch, and all errors of [`Pass::infer`](crate::Pass::infer); nothing has been written
/// then.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::curvature::{diagonal, scratch_len};
/// use handgrad::{Batch, Dims, MatRef, Params, ParamsMut, Pass};
///
/// let dims = Dims::new(1, 1, 2)?;
/// let theta = [1.0, 0.0, 1.0, -1.0, 0.0, 0.0]; // scores x and -x
/// let batch = Batch::new(MatRef::new(&[2.0], 1, 1)?, &[0])?;
/// let (mut d, mut trace) = ([0.0; 6], [0.0]);
/// let mut scratch = vec![0.0; scratch_len(dims, 1, 1)];
/// let pass = Pass::new(Params::from_flat(dims, &theta)?, batch);
/// diagonal(pass, ParamsMut::from_flat(dims, &mut d)?, Some(&mut trace), &mut scratch)?;
/// let q = 1.0 / (1.0 + f64::exp(4.0)); // of the other class
/// let variance = q * (1.0 - q);
/// for (d, expected) in d.iter().zip([4.0 * 4.0, 4.0, 4.0, 4.0, 1.0, 1.0]) {
///     assert!((d - expected * variance).abs() < 1e-15);
/// }
/// assert!((trace[0] - d.iter().sum::<f64>()).abs() < 1e-14);
/// # Ok(())
/// # }
/// ```
pub fn diagonal<T: Float + Send + Sync + 'static, L: PrimInt + Sync>(
    pass: Pass<'_, T, L>,
    mut diagonal: ParamsMut<'_, T>,
    traces: Option<&mut [T]>,
    scratch: &mut [T],
) -> Result<T, Error> {
    let Net { dims, examples: n, l2, layout, .. } = pass.net();
    dims.check_same(What::Hessian, diagonal.dims())?;
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
    fn chunk(&mut self, setting: &Setting<'_, T>, mut chunk: Chunk<'_, T>) -> Result<(), Error> {
        let Setting { threads, plan, .. } = *setting;
        let second_order = self.weights.second_order;
        let mut findings = [Finding::none(); MAX_BLOCKS];
        // The traces are a number for each example, as any.
        let out = Tangents { gauss_newton: self.traces.as_deref_mut(), ..Tangents::default() };
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
