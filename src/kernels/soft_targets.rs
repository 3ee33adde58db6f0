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

use super::softmax::{LANES, Lanes, Scores, sum_rows};
use crate::pass::Goal;

/// What is known of the targets of up to [`LANES`] examples.
pub(crate) struct Dense<'a, T> {
    goal: &'a dyn Goal<T>,
    /// The number of the first example.
    first: usize,
    classes: usize,
    /// The class of the largest share.
    class: [usize; LANES],
    /// The sum of all shares but that one.
    rest: [T; LANES],
    /// A.
    total: [T; LANES],
    /// The sum of a_c (M - f_c).
    distance: [T; LANES],
}

impl<'a, T: Float> Dense<'a, T> {
    /// From f - M.
    pub(crate) fn new(goal: &'a dyn Goal<T>, lanes: &Lanes<T>, first: usize, f: &mut Scores<'_, T>) -> Self {
        let classes = f.data.len() / f.stride;
        let none = [T::zero(); LANES];
        let mut dense =
            Self { goal, first, classes, class: [0; LANES], rest: none, total: none, distance: none };
        let mut largest = none;
        for class in 0..classes {
            for lane in 0..f.len {
                let share = dense.share(lanes, lane, class);
                if share > largest[lane] {
                    (largest[lane], dense.class[lane]) = (share, class);
                }
            }
        }
        dense.rest = sum_rows(f, |class, row, part| {
            for lane in (0..row.len()).filter(|&lane| class != dense.class[lane]) {
                part[lane] = part[lane] + dense.share(lanes, lane, class);
            }
        });
        dense.distance = sum_rows(f, |class, row, part| {
            for (lane, &mut shifted) in row.iter_mut().enumerate() {
                let share = dense.share(lanes, lane, class);
                // A class that the target has nothing of may have a score of -infinity.
                if share != T::zero() {
                    part[lane] = part[lane] - share * shifted;
                }
            }
        });
        for lane in 0..f.len {
            dense.total[lane] = dense.rest[lane] + largest[lane];
        }
        dense
    }

    fn share(&self, lanes: &Lanes<T>, lane: usize, class: usize) -> T {
        self.goal.share(self.first + lane, lanes.label[lane], class, self.classes)
    }

    /// (20), (22): the losses.
    pub(crate) fn losses(&self, lanes: &mut Lanes<T>) {
        for lane in 0..lanes.losses().len() {
            let log = lanes.log_total(lane);
            lanes.loss[lane] = (self.distance[lane] + self.total[lane] * log) * lanes.scale[lane];
        }
        lanes.skip_losses();
    }

    /// (21) in place: the exponentials become `weight` times the score gradient.
    pub(crate) fn grad(&self, lanes: &Lanes<T>, f: &mut Scores<'_, T>, weight: T) {
        for (class, row) in f.rows().enumerate() {
            for (lane, g) in row.iter_mut().enumerate() {
                let share = self.share(lanes, lane, class);
                let (p, others) = lanes.probability(lane, class, *g);
                let rest = if class == self.class[lane] { self.rest[lane] } else { self.total[lane] - share };
                *g = (rest * p - share * others) * (weight * lanes.scale[lane]);
            }
        }
        lanes.skip_grads(f);
    }
}
