//! What holds for all examples of a pass.

use num_traits::Float;

use super::layout::{External, Layout};
use crate::data::Params;
use crate::gemm::Gemm;
use crate::kernels::scaled::{Scaled, is_wide, power};
use crate::kink::Kink;

/// The net, the options that every part needs, and the decisions.
#[derive(Clone, Copy)]
pub(crate) struct Plan<'a, T> {
    pub(crate) params: Params<'a, T>,
    pub(crate) kink: Kink,
    /// What G is multiplied with, a power of two beside the scales of the examples; `None` if no gradient is wanted.
    pub(crate) grad_scale: Option<T>,
    /// Whether any gradient is wanted, and not only what is made of G halfway.
    pub(crate) goes_back: bool,
    /// What G and D are multiplied with before they are added up, [`margin`], and its exponent.
    pub(crate) margin: (T, i32),
    /// What sums of gradients so scaled are multiplied with: the rest of 1/N.
    pub(crate) alpha: Scaled<T>,
    /// The losses are in units of 2^loss_unit; and the gradients of single examples, where they are wanted, of 2^unit.
    pub(crate) loss_unit: i32,
    pub(crate) unit: i32,
    /// The largest norm of an example's gradient.
    pub(crate) clip: Option<T>,
    pub(crate) layout: Layout,
    /// The multiply-adds of an example's way forward.
    pub(crate) work: usize,
    /// Whether Z = X W1ᵀ is computed without the zeros of X.
    pub(crate) skips_inputs: bool,
    /// The engine of the products that are not the crate's own, as [`Layout::external`] has it.
    pub(crate) gemm: Option<&'a dyn Gemm<T>>,
}

/// A power of two by which the gradients of single examples are divided in a mean over so many: what their sums cannot exceed
/// the range by then. No more of it than leaves all digits of the smallest ones that matter; where T has no such room, none.
pub(crate) fn margin<T: Float>(n: usize) -> i32 {
    if is_wide::<T>() { (n.next_power_of_two().trailing_zeros() as i32).min(MOST_MARGIN) } else { 0 }
}

/// The largest margin there is.
pub(crate) const MOST_MARGIN: i32 = 5;

impl<T: Float> Plan<'_, T> {
    /// Has gradients computed, and divided by N: by 2^margin before they are added up, by the rest after that.
    ///
    /// That rest may be out of the range of T: a part of it goes to the terms then, unless they are wanted as they are.
    pub(crate) fn divide(&mut self, divisor: Scaled<T>, margin: i32, keeps_terms: bool) {
        if divisor.value == T::zero() {
            self.grad_scale = Some(T::one());
            return;
        }
        let alpha = Scaled { value: T::one(), exponent: self.unit + margin }.over(divisor).normalized();
        let shift = if alpha.exponent.abs() > NEAR { shift::<T>(alpha.exponent, keeps_terms) } else { 0 };
        self.alpha = Scaled { exponent: alpha.exponent - shift, ..alpha };
        self.unit -= shift;
        self.grad_scale = Some(power(shift));
        self.margin = (power(-margin), -margin);
    }
}

/// Every type has powers of two with such exponents.
const NEAR: i32 = 12;

/// The part of an exponent that is out of the range of T.
fn shift<T: Float>(exponent: i32, keeps_terms: bool) -> i32 {
    let most = Scaled::new(T::max_value()).normalized().exponent;
    let (least, most) = (if keeps_terms { i32::MIN } else { 2 - most }, most / 4 * 3);
    exponent - exponent.max(least).min(most)
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
