//! The sum of the chunks' gradients, whose error does not grow with their number.

use num_traits::Float;

use super::plan::MOST_MARGIN;
use crate::data::ParamsMut;
use crate::gemm::{AlphaBeta, Beta};
use crate::kernels::scaled::{Scaled, is_wide, power};
use crate::kernels::sum::fold;
use crate::limits::PLAIN_SUM;

/// The caller's gradient, and a second one in the scratch for batches of more than one group of chunks.
///
/// The gradients of chunks are multiplied by alpha when they are added up, not before: what is small in each example need not
/// be small in the mean. The chunks of a single group go straight to the caller's gradient. Of more groups, the chunks are
/// added to `low`, a share of alpha each, and at the end of each group `low` to the gradient, times the rest of alpha; what
/// that addition lost stays in `low`, under the next group.
pub(crate) struct GradSum<'a, 's, T> {
    grad: ParamsMut<'a, T>,
    beta: Beta,
    /// What the products of a chunk are multiplied with; and what goes from `low` to the gradient, or, where there is no
    /// `low`, the gradient itself at the end.
    alpha: T,
    rest: Scaled<T>,
    /// What `low` has been divided by, as an exponent.
    headroom: i32,
    /// So many chunks are added up plainly: a group.
    plain_chunks: usize,
    low: Option<ParamsMut<'s, T>>,
}

/// A number, in two factors where it is out of the range of T.
#[derive(Clone, Copy)]
struct Factor<T>([T; 2]);

impl<T: Float> Factor<T> {
    fn new(number: Scaled<T>) -> Self {
        let half = number.exponent / 2;
        Self([Scaled { exponent: half, ..number }.get(), power(number.exponent - half)])
    }

    fn times(self, x: T) -> T {
        x * self.0[0] * self.0[1]
    }

    fn inverse(self) -> Self {
        Self(self.0.map(T::recip))
    }
}

/// Of more groups than one, a chunk's sums are multiplied by 2 to this, so that with the margin those of a group stay in range;
/// where T has room for that. By no less than alpha: the smallest numbers would lose digits for nothing.
const SHARE: i32 = -(PLAIN_SUM.ilog2().saturating_sub(MOST_MARGIN as u32) as i32);

impl<'a, 's, T: Float> GradSum<'a, 's, T> {
    /// A sum of gradients times alpha that replaces what is in `grad` or is added to it, as `beta` says. `at_end`: who
    /// multiplies knows no alpha.
    pub(crate) fn new(
        (grad, beta): (ParamsMut<'a, T>, Beta),
        alpha: Scaled<T>,
        at_end: bool,
        plain_chunks: usize,
        low: Option<ParamsMut<'s, T>>,
    ) -> Self {
        let one = Scaled::new(T::one());
        let [alpha, rest] = if at_end {
            [one, alpha]
        } else if low.is_none() {
            alpha.split()
        } else {
            let share = if is_wide::<T>() { alpha.normalized().exponent.clamp(SHARE, 0) } else { 0 };
            [Scaled { exponent: share, ..one }, Scaled { exponent: alpha.exponent - share, ..alpha }]
        };
        Self { grad, beta, alpha: alpha.get(), rest, headroom: 0, plain_chunks, low }
    }

    /// What there is to do before the first chunk.
    fn begin(&mut self) {
        if self.low.is_some() && self.beta == Beta::Zero {
            self.grad.fill(T::zero());
        } else if self.low.is_none() && self.beta == Beta::One && !self.rest.is_one() {
            let inverse = Factor::new(self.rest).inverse();
            each(&mut self.grad, |grad| *grad = inverse.times(*grad));
        }
    }

    /// Where the gradient of this chunk goes, times what, and whether it replaces what is there. D and G have been divided by
    /// 2^headroom.
    pub(crate) fn target(&mut self, chunk: usize, headroom: i32) -> (ParamsMut<'_, T>, AlphaBeta<T>) {
        if chunk == 0 {
            self.begin();
        }
        if self.low.is_some() && headroom > self.headroom {
            let by = power::<T>(self.headroom - headroom);
            self.low.iter_mut().for_each(|low| each(low, |low| *low = *low * by));
            self.headroom = headroom;
        }
        let alpha = self.alpha * power(headroom - self.headroom);
        let (target, first) = match &mut self.low {
            Some(low) => (low.reborrow(), Beta::Zero),
            None => (self.grad.reborrow(), self.beta),
        };
        (target, AlphaBeta { alpha, beta: if chunk == 0 { first } else { Beta::One } })
    }

    /// To be called when the gradient of a chunk is where it goes.
    pub(crate) fn chunk_done(&mut self, chunk: usize, is_last: bool) {
        let rest = Factor::new(Scaled { exponent: self.rest.exponent + self.headroom, ..self.rest });
        let inverse = rest.inverse();
        match &mut self.low {
            Some(low) if is_last || (chunk + 1) % self.plain_chunks == 0 => {
                each_pair(&mut self.grad, low, |sum, low| {
                    let term = rest.times(*low);
                    let mut lost = term;
                    fold(sum, &mut lost);
                    // What the term has lost, if it is subnormal, and what the sum has.
                    let back = (*low - inverse.times(term)) + inverse.times(lost);
                    *low = if sum.is_finite() { back } else { T::zero() };
                });
            }
            None if is_last && !self.rest.is_one() => {
                each(&mut self.grad, |grad| *grad = rest.times(*grad));
            }
            _ => {}
        }
    }
}

/// Changes each parameter.
fn each<T: Float>(params: &mut ParamsMut<'_, T>, change: impl Fn(&mut T)) {
    for view in [&mut params.w1, &mut params.w2] {
        (0..view.rows()).for_each(|row| view.row_mut(row).for_each(&change));
    }
    params.b1.iter_mut().chain(&mut *params.b2).for_each(change);
}

/// Changes each parameter and its partner.
fn each_pair<T: Float>(
    params: &mut ParamsMut<'_, T>,
    partners: &mut ParamsMut<'_, T>,
    change: impl Fn(&mut T, &mut T),
) {
    for (sum, low) in [(&mut params.w1, &mut partners.w1), (&mut params.w2, &mut partners.w2)] {
        for row in 0..sum.rows() {
            sum.row_mut(row).zip(low.row_mut(row)).for_each(|(sum, low)| change(sum, low));
        }
    }
    for (sum, low) in [(&mut *params.b1, &mut *partners.b1), (&mut *params.b2, &mut *partners.b2)] {
        sum.iter_mut().zip(low).for_each(|(sum, low)| change(sum, low));
    }
}

#[cfg(test)]
mod tests;
