//! Sums over chunks of what there is for each weight.

use num_traits::Float;

use super::second_order::SecondOrder;
use crate::data::ParamsMut;
use crate::error::Error;
use crate::gemm::Beta;
use crate::kernels::scaled::Scaled;
use crate::pass::{ChunkFactors, GradSum, GradsPart, Plan, Setting};

/// The sums of a run.
pub(super) struct WeightSums<'r, T: 'static> {
    pub(super) second_order: &'static dyn SecondOrder<T>,
    /// The low-order parts of each sum, one after the other.
    pub(super) low_order: &'r mut [T],
    /// So many chunks have been added.
    pub(super) chunks: usize,
}

/// What a sum over all examples is multiplied with: what 1/N is in the units of G. The margin comes later, on the way
/// back.
pub(super) fn alpha<T: Float>(plan: &Plan<'_, T>) -> Scaled<T> {
    Scaled { exponent: plan.alpha.exponent + plan.margin.1, ..plan.alpha }
}

impl<T: Float + Send + Sync + 'static> WeightSums<'_, T> {
    /// Adds a chunk's part to the sum with this index; of the second factors only Gᵀ A.
    pub(super) fn add(
        &mut self,
        setting: &Setting<'_, T>,
        index: usize,
        target: &mut ParamsMut<'_, T>,
        (first, second): (&ChunkFactors<'_, T>, Option<&ChunkFactors<'_, T>>),
        pack_buffer: &mut [T],
        is_last: bool,
    ) -> Result<(), Error> {
        let Setting { phases, threads, plan, .. } = *setting;
        let (layout, dims, second_order) = (&plan.layout, plan.params.dims, self.second_order);
        let alpha = alpha(plan);
        if alpha.value == T::zero() {
            // Nothing counts.
            target.fill(T::zero());
            return Ok(());
        }
        let low = match layout.lens.low_order {
            0 => None,
            len => Some(ParamsMut::from_flat(dims, &mut self.low_order[index * len..][..dims.param_len()])?),
        };
        let at_end = plan.gradient_gemm().is_some();
        let mut sum = GradSum::new((target.reborrow(), Beta::Zero), alpha, at_end, layout.plain_chunks, low);
        let (target, onto) = sum.target(self.chunks, 0);
        let part = GradsPart::all(target, pack_buffer);
        threads.run(part, &|part, share| part.cut(phases.tile_rows(), share), &|mut part| {
            second_order.weights(plan, first, second, onto, &mut part)
        })?;
        sum.chunk_done(self.chunks, is_last);
        Ok(())
    }
}
