//! The sum of the chunks' gradients, whose error does not grow with their number.

use num_traits::Float;

use crate::data::ParamsMut;
use crate::gemm::Beta;
use crate::kernels::sum::fold;

/// The caller's gradient, and a second one in the scratch for batches of more than one group of chunks.
///
/// The first group of chunks goes straight to the caller's gradient. The others are added to `low`, and at the
/// end of each group `low` to the gradient; what that addition lost stays in `low`, under the next group.
pub(crate) struct GradSum<'a, 's, T> {
    grad: ParamsMut<'a, T>,
    beta: Beta,
    /// So many chunks are added up plainly: a group.
    plain_chunks: usize,
    low: Option<ParamsMut<'s, T>>,
}

impl<'a, 's, T: Float> GradSum<'a, 's, T> {
    /// A sum that replaces what is in `grad` or is added to it, as `beta` says.
    pub(crate) fn new(
        grad: ParamsMut<'a, T>,
        beta: Beta,
        plain_chunks: usize,
        low: Option<ParamsMut<'s, T>>,
    ) -> Self {
        Self { grad, beta, plain_chunks, low }
    }

    /// Where the gradient of this chunk goes, and whether it replaces what is there.
    pub(crate) fn target(&mut self, chunk: usize) -> (ParamsMut<'_, T>, Beta) {
        match &mut self.low {
            Some(low) if chunk >= self.plain_chunks => {
                (low.reborrow(), if chunk == self.plain_chunks { Beta::Zero } else { Beta::One })
            }
            _ => (self.grad.reborrow(), if chunk == 0 { self.beta } else { Beta::One }),
        }
    }

    /// To be called when the gradient of a chunk is where it goes.
    pub(crate) fn chunk_done(&mut self, chunk: usize, is_last: bool) {
        let sum_done = is_last || (chunk + 1) % self.plain_chunks == 0;
        if let Some(low) = self.low.as_mut().filter(|_| chunk >= self.plain_chunks && sum_done) {
            fold_params(&mut self.grad, low);
        }
    }
}

/// [`fold`] for each parameter.
fn fold_params<T: Float>(sum: &mut ParamsMut<'_, T>, low: &mut ParamsMut<'_, T>) {
    for (sum, low) in [(&mut sum.w1, &mut low.w1), (&mut sum.w2, &mut low.w2)] {
        for row in 0..sum.rows() {
            sum.row_mut(row).zip(low.row_mut(row)).for_each(|(sum, low)| fold(sum, low));
        }
    }
    for (sum, low) in [(&mut *sum.b1, &mut *low.b1), (&mut *sum.b2, &mut *low.b2)] {
        sum.iter_mut().zip(low).for_each(|(sum, low)| fold(sum, low));
    }
}

#[cfg(test)]
mod tests;
