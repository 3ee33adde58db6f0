//! Targets of more than one class: the loss (20) and its gradient (21) of some examples.
//!
//! a_c is the share of class c in an example's target, and A the sum of all shares.
//!
//! - L = sum of a_c (M - f_c) + A log1p(rest): no term is negative, so nothing cancels.
//! - g_k = A p_k - a_k = (A - a_k) p_k - a_k (1 - p_k), where A - a_k is the sum of the other shares if a_k is
//!   the largest of them, and 1 - p_k that of the other probabilities if p_k is. Where both differences are of
//!   numbers at most half as large as what they are taken from, they are exact enough as they stand. So a
//!   target of one class gives (15) with all its digits.

use num_traits::Float;

use super::softmax::{Scores, Strip, sum_rows};

/// What is known of the targets of up to N examples.
pub(crate) struct SoftTargets<'a, T, const N: usize> {
    /// a_c of an example, by its column, its label and the class.
    share: &'a dyn Fn(usize, usize, usize) -> T,
    /// The class of the largest share.
    class: [usize; N],
    /// The sum of all shares but that one.
    rest: [T; N],
    /// A.
    total: [T; N],
    /// The sum of a_c (M - f_c).
    distance: [T; N],
}

impl<'a, T: Float, const N: usize> SoftTargets<'a, T, N> {
    /// From f - M.
    pub(crate) fn new(
        share: &'a dyn Fn(usize, usize, usize) -> T,
        strip: &Strip<T, N>,
        f: &mut Scores<'_, T>,
    ) -> Self {
        let share_of = |col: usize, class| share(col, strip.label[col], class);
        let classes = f.data.len() / f.stride;
        let none = [T::zero(); N];
        let mut soft = Self { share, class: [0; N], rest: none, total: none, distance: none };
        let mut largest = none;
        for class in 0..classes {
            for col in 0..f.len {
                let share = share_of(col, class);
                if share > largest[col] {
                    (largest[col], soft.class[col]) = (share, class);
                }
            }
        }
        soft.rest = sum_rows(f, |class, row, part| {
            for col in (0..row.len()).filter(|&col| class != soft.class[col]) {
                part[col] = part[col] + share_of(col, class);
            }
        });
        soft.distance = sum_rows(f, |class, row, part| {
            for (col, &mut shifted) in row.iter_mut().enumerate() {
                let share = share_of(col, class);
                // A class that the target has nothing of may have a score of -infinity.
                if share != T::zero() {
                    part[col] = part[col] - share * shifted;
                }
            }
        });
        for col in 0..f.len {
            soft.total[col] = soft.rest[col] + largest[col];
        }
        soft
    }

    /// A of an example.
    pub(crate) fn total(&self, col: usize) -> T {
        self.total[col]
    }

    /// (20), (22): the losses.
    pub(crate) fn losses(&self, strip: &mut Strip<T, N>) {
        for col in 0..strip.losses().len() {
            let log = strip.log_total(col);
            strip.loss[col] = (self.distance[col] + self.total[col] * log) * strip.scale[col];
        }
        strip.clear_excluded_losses();
    }

    /// (21) in place: the exponentials become `weight` times the score gradient.
    pub(crate) fn grad(&self, strip: &Strip<T, N>, f: &mut Scores<'_, T>, weight: T) {
        for (class, row) in f.rows().enumerate() {
            for (col, g) in row.iter_mut().enumerate() {
                let share = (self.share)(col, strip.label[col], class);
                let (p, others) = strip.probability(col, class, *g);
                let rest = if class == self.class[col] { self.rest[col] } else { self.total[col] - share };
                *g = (rest * p - share * others) * (weight * strip.scale[col]);
            }
        }
        strip.clear_excluded_grads(f);
    }
}

#[cfg(test)]
mod tests;
