//! One row of scores: bias, leading score, exponentials, loss, score gradient, probabilities.
//!
//! All forms are shifted by the leading score M = max f: no exponential overflows and one of them is exactly
//! e⁰ = 1. With rest = sum over all others of exp(f_j - M),
//!
//! - L = (M - f_y) + log1p(rest). If y leads, the first part is 0 and the loss has full relative accuracy,
//!   also where 1 + rest rounds to 1. Subtracting before adding the logarithm keeps the digits of f_y where
//!   the scores are large.
//! - g_y = -(sum over j ≠ y of p_j), not p_y - 1, which cancels where p_y is near 1.
//!
//! Where M is NaN or infinite there are no probabilities: M - M is NaN then, and so are all of them, their
//! logarithms, the loss and g. A score of -infinity beside finite ones has probability 0.

use num_traits::Float;

use super::sum::{add_to, sum};
use crate::matrix::MatMut;

/// The leading score of a row: the first of the largest. NaN counts as the largest of all.
#[derive(Clone, Copy)]
pub(crate) struct Lead<T> {
    pub(crate) class: usize,
    score: T,
}

impl<T: Float> Lead<T> {
    /// log of the sum of all exp(f_j - M), given the sum over all but the leader: NaN if M is not finite.
    fn log_total(self, rest: T) -> T {
        rest.ln_1p() + self.zero()
    }

    /// M - M: 0, or NaN if M is not finite.
    #[expect(clippy::eq_op, reason = "NaN is not equal")]
    fn zero(self) -> T {
        self.score - self.score
    }
}

/// (3): f ← f + b2, where f holds W2 a, and the leading score.
pub(crate) fn add_bias<T: Float>(f: &mut [T], b2: &[T]) -> Lead<T> {
    add_to(f, b2);
    let mut lead = Lead { class: 0, score: f[0] };
    for (class, &score) in f.iter().enumerate() {
        if (score > lead.score || score.is_nan()) && !lead.score.is_nan() {
            lead = Lead { class, score };
        }
    }
    lead
}

/// (5) and (15) in place: returns the loss of class y and overwrites the scores by `weight` times the score
/// gradient g = p - e_y.
pub(crate) fn loss_and_grad<T: Float>(f: &mut [T], lead: Lead<T>, y: usize, weight: T) -> T {
    let behind = lead.score - f[y];
    for f in f.iter_mut() {
        *f = (*f - lead.score).exp();
    }
    // y and the leader stand aside from the sum, so that neither `rest` (all but the leader) nor `others`
    // (all but y) is ever found by subtraction.
    let e_y = core::mem::replace(&mut f[y], T::zero());
    let (rest, others, total) = if y == lead.class {
        let rest = sum(f);
        (rest, rest, e_y + rest)
    } else {
        let e_lead = core::mem::replace(&mut f[lead.class], T::zero());
        let middle = sum(f);
        f[lead.class] = e_lead;
        (middle + e_y, middle + e_lead, e_lead + (middle + e_y))
    };
    let factor = weight / total;
    for g in f.iter_mut() {
        *g = *g * factor;
    }
    f[y] = -others * factor;
    behind + lead.log_total(rest)
}

/// (4): writes the probabilities of a row of scores to row `row` of `out`.
pub(crate) fn probabilities<T: Float>(f: &[T], lead: Lead<T>, out: &mut MatMut<'_, T>, row: usize) {
    let mut rest = T::zero();
    for (class, (&f, p)) in f.iter().zip(out.row_mut(row)).enumerate() {
        *p = (f - lead.score).exp();
        rest = if class == lead.class { rest } else { rest + *p };
    }
    let total = lead.zero().exp() + rest;
    for p in out.row_mut(row) {
        *p = *p / total;
    }
}

/// The logarithm of (4), from the scores: (f - M) - log1p(rest).
pub(crate) fn log_probabilities<T: Float>(f: &[T], lead: Lead<T>, out: &mut MatMut<'_, T>, row: usize) {
    let mut rest = T::zero();
    for (class, (&f, l)) in f.iter().zip(out.row_mut(row)).enumerate() {
        *l = f - lead.score;
        rest = if class == lead.class { rest } else { rest + l.exp() };
    }
    let log = lead.log_total(rest);
    for l in out.row_mut(row) {
        *l = *l - log;
    }
}
