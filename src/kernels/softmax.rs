//! The scores of some examples: bias, leading score, exponentials, loss, score gradient, probabilities.
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
//!
//! The scores lie class by class, C × t, so that vectors run along the examples however few the classes are.

use num_traits::Float;

use crate::limits::CLASSES_AT_ONCE;
use crate::simd::Simd;

/// The label of an example without one: no class.
pub(crate) const NO_LABEL: usize = usize::MAX;

/// Who stands aside from a sum of exponentials.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aside {
    /// The leader.
    Leader,
    /// The leader and the class of the label.
    Label,
}

/// What is known of up to N examples.
pub(crate) struct Strip<T, const N: usize> {
    len: usize,
    /// M, and its class: the first of the largest scores. NaN counts as the largest of all.
    lead: [T; N],
    pub(crate) class: [usize; N],
    pub(crate) label: [usize; N],
    /// The sum of exp(f_j - M) over all but the leader, or over all but the label.
    rest: [T; N],
    others: [T; N],
    /// log of the sum of all exp(f_j - M): NaN if M is not finite.
    log_total: [T; N],
    pub(crate) loss: [T; N],
    /// What the loss counts: 0 for an example that is excluded.
    pub(crate) scale: [T; N],
    /// Whether one of them is 0.
    excludes: bool,
}

/// Some columns of the scores of a block: row c is class c.
pub(crate) struct Scores<'a, T> {
    pub(crate) data: &'a mut [T],
    /// The distance of two rows.
    pub(crate) stride: usize,
    /// The columns.
    pub(crate) first: usize,
    pub(crate) len: usize,
}

impl<T: Float> Scores<'_, T> {
    pub(crate) fn rows(&mut self) -> impl Iterator<Item = &mut [T]> {
        let (first, len) = (self.first, self.len);
        self.data.chunks_exact_mut(self.stride).map(move |row| &mut row[first..first + len])
    }

    /// The scores of one example, class by class.
    pub(crate) fn example(&self, col: usize) -> impl Iterator<Item = T> {
        self.data[self.first + col..].iter().step_by(self.stride).copied()
    }
}

impl<T: Float, const N: usize> Strip<T, N> {
    /// Of which nothing is known yet.
    #[inline(always)]
    pub(crate) fn new(len: usize) -> Self {
        let none = [T::zero(); N];
        Self {
            len,
            lead: none,
            class: [0; N],
            label: [NO_LABEL; N],
            rest: none,
            others: none,
            log_total: none,
            loss: none,
            scale: [T::one(); N],
            excludes: false,
        }
    }

    /// (3): f ← f + b2, where f holds W2 a; finds the leading scores.
    #[inline(always)]
    pub(crate) fn score(&mut self, f: &mut Scores<'_, T>, b2: &[T]) {
        for (class, (row, &b)) in f.rows().zip(b2).enumerate() {
            for ((f, lead), at) in row.iter_mut().zip(&mut self.lead).zip(&mut self.class) {
                let score = *f + b;
                // No branches: vector instructions have none.
                let leads = (class == 0) | (score > *lead) | (score.is_nan() & !lead.is_nan());
                *f = score;
                *lead = if leads { score } else { *lead };
                *at = if leads { class } else { *at };
            }
        }
    }

    /// Takes what the losses count.
    pub(crate) fn set_scales(&mut self, scale: impl Fn(usize) -> T) {
        for col in 0..self.len {
            self.scale[col] = scale(col);
            self.excludes |= self.scale[col] == T::zero();
        }
    }

    /// f ← f - M.
    #[inline(always)]
    pub(crate) fn shift(&mut self, f: &mut Scores<'_, T>) {
        for row in f.rows() {
            row.iter_mut().zip(&self.lead).for_each(|(f, &lead)| *f = *f - lead);
        }
        // M - f_y goes to the loss: a difference, before it is an exponential.
        for col in 0..self.len {
            let y = self.label[col];
            if y != NO_LABEL {
                self.loss[col] = -f.data[y * f.stride + f.first + col];
            }
        }
    }

    /// f ← exp(f).
    #[inline(always)]
    pub(crate) fn exponentiate<S: Simd<T>>(&self, simd: S, f: &mut Scores<'_, T>) {
        if f.len == f.stride {
            simd.exp(f.data);
        } else {
            f.rows().for_each(|row| simd.exp(row));
        }
    }

    /// The sums of the exponentials, and the logarithm.
    ///
    /// y and the leader stand aside, so that neither `rest` nor `others` is ever found by subtraction. For
    /// the probabilities only the leader does: they do not depend on whether there are labels.
    #[inline(always)]
    pub(crate) fn sum<S: Simd<T>>(&mut self, simd: S, f: &mut Scores<'_, T>, aside: Aside) {
        let none = [NO_LABEL; N];
        let middle = self.sum_others(f, if aside == Aside::Label { &self.label } else { &none });
        for col in 0..self.len {
            let (y, middle) = (self.label[col], middle[col]);
            // Without a label, nobody else stands aside.
            let leads = y == self.class[col] || y == NO_LABEL;
            self.rest[col] = if aside == Aside::Leader || leads {
                middle
            } else {
                middle + f.data[y * f.stride + f.first + col]
            };
            self.others[col] = if leads { middle } else { middle + T::one() };
        }
        self.log_total = self.rest;
        simd.ln_1p(&mut self.log_total[..self.len]);
        for (log, &lead) in self.log_total.iter_mut().zip(&self.lead) {
            *log = *log + zero(lead);
        }
    }

    /// (5), (22): the losses, from M - f_y and the logarithm.
    #[inline(always)]
    pub(crate) fn add_log(&mut self) {
        let loss = self.loss.iter_mut().zip(&self.log_total).zip(&self.scale);
        loss.for_each(|((loss, &log), &scale)| *loss = (*loss + log) * scale);
        self.clear_excluded_losses();
    }

    /// An example that is excluded has no loss, whatever its scores.
    pub(crate) fn clear_excluded_losses(&mut self) {
        if self.excludes {
            let loss = self.loss.iter_mut().zip(&self.scale).filter(|(_, scale)| **scale == T::zero());
            loss.for_each(|(loss, _)| *loss = T::zero());
        }
    }

    /// And no score gradient.
    pub(crate) fn clear_excluded_grads(&self, g: &mut Scores<'_, T>) {
        if self.excludes {
            for row in g.rows() {
                let excluded = row.iter_mut().zip(&self.scale).filter(|(_, scale)| **scale == T::zero());
                excluded.for_each(|(g, _)| *g = T::zero());
            }
        }
    }

    /// The sums of exp(f_j - M) over all classes but the leader and these.
    #[inline(always)]
    fn sum_others(&self, f: &mut Scores<'_, T>, labels: &[usize; N]) -> [T; N] {
        sum_rows(f, |class, row, part| {
            for (((part, &mut e), &lead), &y) in part.iter_mut().zip(row).zip(&self.class).zip(labels) {
                *part = *part + if (class == lead) | (class == y) { T::zero() } else { e };
            }
        })
    }

    /// (15) in place: the exponentials become `weight` times the score gradient g = p - e_y.
    #[inline(always)]
    pub(crate) fn grad(&self, f: &mut Scores<'_, T>, weight: T) {
        let mut factor = [T::zero(); N];
        let factors = factor.iter_mut().enumerate();
        factors.for_each(|(col, factor)| *factor = weight * self.scale[col] / self.total(col));
        for row in f.rows() {
            row.iter_mut().zip(&factor).for_each(|(g, &factor)| *g = *g * factor);
        }
        for col in 0..self.len {
            if self.label[col] != NO_LABEL {
                f.data[self.label[col] * f.stride + f.first + col] = -(self.others[col] * factor[col]);
            }
        }
        self.clear_excluded_grads(f);
    }

    /// The sum of all exp(f_j - M): NaN if M is not finite.
    #[inline(always)]
    fn total(&self, col: usize) -> T {
        T::one() + zero(self.lead[col]) + self.rest[col]
    }

    /// (4) from the exponential of a class, and the sum of the other probabilities.
    pub(crate) fn probability(&self, col: usize, class: usize, e: T) -> (T, T) {
        let total = self.total(col);
        let p = e / total;
        (p, if class == self.class[col] { self.rest[col] / total } else { T::one() - p })
    }

    /// Keeps (4), from the exponentials and their sums, class by class as the scores of the block are; and in one
    /// more row what the second derivatives of the losses by the scores are multiplied with: `weight`, the scale, and
    /// the sum of the shares.
    pub(crate) fn keep(&self, f: &mut Scores<'_, T>, weight: T, shares: impl Fn(usize) -> T, kept: &mut [T]) {
        let (stride, first, len) = (f.stride, f.first, f.len);
        let mut rows = kept.chunks_exact_mut(stride).map(|row| &mut row[first..first + len]);
        let mut total = [T::zero(); N];
        total.iter_mut().enumerate().for_each(|(col, total)| *total = self.total(col));
        for (row, kept) in f.rows().zip(&mut rows) {
            kept.iter_mut().zip(row).zip(&total).for_each(|((p, e), &total)| *p = *e / total);
        }
        if let Some(weights) = rows.next() {
            let weights = weights.iter_mut().zip(&self.scale).enumerate();
            weights.for_each(|(col, (w, &scale))| *w = weight * scale * shares(col));
        }
    }

    /// (4): the probabilities of an example, from the exponentials.
    pub(crate) fn probabilities(&self, f: &Scores<'_, T>, col: usize) -> impl Iterator<Item = T> {
        let total = self.total(col);
        f.example(col).map(move |e| e / total)
    }

    /// f_j - M of an example, from the scores.
    pub(crate) fn shifted(&self, f: &Scores<'_, T>, col: usize) -> impl Iterator<Item = T> {
        let lead = self.lead[col];
        f.example(col).map(move |f| f - lead)
    }

    /// The logarithm of (4) is f_j - M less this.
    pub(crate) fn log_total(&self, col: usize) -> T {
        self.log_total[col]
    }

    /// The losses of the examples.
    pub(crate) fn losses(&self) -> &[T] {
        &self.loss[..self.len]
    }
}

/// A sum over classes for each example: `add` adds the terms of a class, in parts of [`CLASSES_AT_ONCE`].
#[inline(always)]
pub(crate) fn sum_rows<T: Float, const N: usize>(
    f: &mut Scores<'_, T>,
    mut add: impl FnMut(usize, &mut [T], &mut [T; N]),
) -> [T; N] {
    let (mut sums, mut part) = ([T::zero(); N], [T::zero(); N]);
    let last = f.data.len() / f.stride - 1;
    for (class, row) in f.rows().enumerate() {
        add(class, row, &mut part);
        if class % CLASSES_AT_ONCE == CLASSES_AT_ONCE - 1 || class == last {
            sums.iter_mut().zip(&part).for_each(|(sum, &part)| *sum = *sum + part);
            part = [T::zero(); N];
        }
    }
    sums
}

/// M - M: 0, or NaN if M is not finite.
#[inline(always)]
#[expect(clippy::eq_op, reason = "NaN is not equal")]
pub(crate) fn zero<T: Float>(lead: T) -> T {
    lead - lead
}

#[cfg(test)]
mod tests;
