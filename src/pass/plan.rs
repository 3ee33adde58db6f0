//! What holds for all examples of a pass.

use super::layout::{External, Layout};
use crate::data::Params;
use crate::gemm::Gemm;
use crate::kink::Kink;

/// The net, the options that every part needs, and the decisions.
#[derive(Clone, Copy)]
pub(crate) struct Plan<'a, T> {
    pub(crate) params: Params<'a, T>,
    pub(crate) kink: Kink,
    /// What the loss of an example counts in the gradient, 1/N; `None` if no gradient is wanted.
    pub(crate) grad_scale: Option<T>,
    /// N, by which the gradients are divided: those of single examples are not.
    pub(crate) divisor: T,
    /// The largest norm of an example's gradient.
    pub(crate) clip: Option<T>,
    pub(crate) layout: Layout,
    /// Whether Z = X W1ᵀ is computed without the zeros of X.
    pub(crate) skips_inputs: bool,
    /// The engine of the products that are not the crate's own, as [`Layout::external`] has it.
    pub(crate) gemm: Option<&'a dyn Gemm<T>>,
}

impl<'a, T> Plan<'a, T> {
    /// Who multiplies on the way forward, if it is not the crate.
    pub(crate) fn forward_gemm(&self) -> Option<&'a dyn Gemm<T>> {
        self.gemm.filter(|_| self.layout.external != External::None)
    }

    /// Who multiplies for the gradients, if it is not the crate.
    pub(crate) fn gradient_gemm(&self) -> Option<&'a dyn Gemm<T>> {
        self.gemm.filter(|_| self.layout.external == External::All)
    }
}
