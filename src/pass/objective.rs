//! What the scores of an example are compared with, and what its loss counts.

use num_traits::{Float, PrimInt};

use crate::data::{Dims, MatRef, Params, ParamsMut};
use crate::error::{Error, What, check_len};
use crate::kernels::norms::sum_of_squares;
use crate::kernels::scaled::{Scaled, ScaledSum, power};
use crate::kernels::softmax::NO_LABEL;
use crate::kernels::sum::Sum;

/// The labels as classes, whatever their type: nothing below has to be compiled for each.
pub(crate) trait Labels: Sync {
    /// The classes of the examples from `first` on, or [`NO_LABEL`].
    fn classes(&self, first: usize, classes: &mut [usize]);
}

/// Labels of an integer type.
#[derive(Clone, Copy)]
pub(crate) struct Integers<'a, L> {
    pub(crate) labels: &'a [L],
    /// The label of examples that are excluded.
    pub(crate) ignored: Option<L>,
}

impl<L: PrimInt> Integers<'_, L> {
    /// `Ok` if each label is a class or the ignored one.
    pub(crate) fn check(&self, classes: usize) -> Result<(), Error> {
        for (example, &label) in self.labels.iter().enumerate() {
            if Some(label) != self.ignored && label.to_usize().is_none_or(|class| class >= classes) {
                // Only a `u128` can be too large for an `i128`.
                let got = label.to_i128().unwrap_or(i128::MAX);
                return Err(Error::Label { example, classes, got });
            }
        }
        Ok(())
    }
}

impl<L: PrimInt + Sync> Labels for Integers<'_, L> {
    fn classes(&self, first: usize, classes: &mut [usize]) {
        for (class, &label) in classes.iter_mut().zip(&self.labels[first..]) {
            // That all others are classes has been checked.
            *class =
                if Some(label) == self.ignored { NO_LABEL } else { label.to_usize().unwrap_or(NO_LABEL) };
        }
    }
}

/// The objective as the caller has put it together: (20) to (23).
#[derive(Clone, Copy)]
pub(crate) struct Objective<'a, T> {
    pub(crate) labels: Option<&'a dyn Labels>,
    /// Whether one of the labels is that of excluded examples.
    pub(crate) ignores_label: bool,
    /// The targets q, n × C, of a batch that has them in the place of labels.
    pub(crate) targets: Option<MatRef<'a, T>>,
    /// How far from 1 the sum of an example's target may be, beside rounding.
    pub(crate) target_sum_tolerance: T,
    /// v, n.
    pub(crate) example_weights: Option<&'a [T]>,
    /// w, C.
    pub(crate) class_weights: Option<&'a [T]>,
    /// ε.
    pub(crate) smoothing: T,
    /// What the weights are counted in.
    pub(crate) units: Units<T>,
}

/// Powers of two that weights are divided by, so that products of them stay in range. All scales, shares and losses are in
/// units of 2^exponent.
#[derive(Clone, Copy)]
pub(crate) struct Units<T> {
    example: Unit<T>,
    class: Unit<T>,
}

/// 2^exponent, and 1 divided by that.
#[derive(Clone, Copy)]
struct Unit<T> {
    exponent: i32,
    inverse: T,
}

impl<T: Float> Units<T> {
    pub(crate) fn one() -> Self {
        let one = Unit { exponent: 0, inverse: T::one() };
        Self { example: one, class: one }
    }

    pub(crate) fn exponent(&self) -> i32 {
        self.example.exponent + self.class.exponent
    }
}

impl<T: Float> Unit<T> {
    /// In which a weight in the middle between the largest and the smallest of these is about 1, without those that are 0.
    fn of(weights: impl Iterator<Item = T>) -> Self {
        let range = weights.filter(|&weight| weight > T::zero()).fold(None, |range, weight| match range {
            None => Some((weight, weight)),
            Some((low, high)) => Some((T::min(low, weight), T::max(high, weight))),
        });
        let exponent = |weight| Scaled::new(weight).normalized().exponent;
        let (low, high) = range.map_or((0, 0), |(low, high)| (exponent(low), exponent(high)));
        // Subnormal weights have no inverse. (No `clamp`: who says what the largest number is may say anything.)
        let limit = exponent(T::max_value()) - 2;
        let exponent = (low + (high - low) / 2).max(-limit).min(limit);
        Self { exponent, inverse: power(-exponent) }
    }
}

impl<T: Float> Objective<'_, T> {
    /// `Ok` if the options are of the right size and in range. O(n + C), with targets O(nC).
    pub(crate) fn check(&self, dims: Dims, n: usize) -> Result<(), Error> {
        let c = dims.classes();
        for (what, len, weights) in
            [(What::ExampleWeights, n, self.example_weights), (What::ClassWeights, c, self.class_weights)]
        {
            let Some(weights) = weights else { continue };
            check_len(what, len, weights.len())?;
            check_numbers(what, weights)?;
        }
        if !(self.smoothing >= T::zero() && self.smoothing <= T::one()) {
            return Err(value(What::Smoothing, 0, self.smoothing));
        }
        let tolerance = self.target_sum_tolerance;
        if tolerance.is_nan() || tolerance < T::zero() {
            return Err(value(What::TargetSumTolerance, 0, tolerance));
        }
        if let Some(targets) = self.targets {
            if (targets.rows(), targets.cols()) != (n, c) {
                let got = (targets.rows(), targets.cols());
                return Err(Error::Shape { what: What::Targets, expected: (n, c), got });
            }
            (0..n)
                .filter(|&i| !self.excludes(i))
                .try_for_each(|i| check_target(i, targets.row(i), tolerance))?;
        }
        Ok(())
    }

    /// Whether a loss can be computed.
    pub(crate) fn is_known(&self) -> bool {
        self.labels.is_some() || self.targets.is_some()
    }

    /// Whether an example's target is more than one class: (20) has more than one term then.
    pub(crate) fn is_soft(&self) -> bool {
        self.targets.is_some() || self.smoothing > T::zero()
    }

    /// Whether class weights are in the shares of targets, and so not in the scale of an example.
    fn has_shares(&self) -> bool {
        self.is_soft() && self.is_known()
    }

    /// Whether any example may have another scale than 1.
    pub(crate) fn is_weighted(&self) -> bool {
        self.ignores_label || self.example_weights.is_some() || self.class_weights.is_some()
    }

    /// Units in which the weights that occur are neither too large nor too small for products: see [`Unit::of`]. O(n + C).
    pub(crate) fn find_units(&mut self, n: usize) {
        if self.example_weights.is_none() && self.class_weights.is_none() {
            return;
        }
        let included = || (0..n).filter_map(|example| self.weights(example));
        let example = Unit::of(included().map(|(v, _)| v));
        let class = match self.class_weights {
            Some(weights) if self.has_shares() => Unit::of(weights.iter().copied()),
            _ => Unit::of(included().map(|(_, w)| w)),
        };
        self.units = Units { example, class };
    }

    /// The weights of an example and of its class, which is 1 where targets are not one class or nothing is known of it;
    /// `None` if it is excluded.
    fn weights(&self, example: usize) -> Option<(T, T)> {
        let v = self.example_weights.map_or(T::one(), |weights| weights[example]);
        let mut w = T::one();
        if self.labels.is_some() && (self.ignores_label || self.class_weights.is_some()) {
            let label = self.class(example);
            if label == NO_LABEL {
                return None;
            }
            w = self.class_weights.and_then(|weights| weights.get(label)).copied().unwrap_or(w);
        }
        (v > T::zero() && (w > T::zero() || self.is_soft())).then_some((v, w))
    }

    /// What the loss of an example is multiplied with, beside the terms of a soft target, in units: 0 if it is excluded, and
    /// only then.
    pub(crate) fn scale(&self, example: usize) -> T {
        let Some((v, w)) = self.weights(example) else { return T::zero() };
        let v = v * self.units.example.inverse;
        let scale = if self.has_shares() { v } else { v * (w * self.units.class.inverse) };
        scale.max(T::min_positive_value() * T::epsilon())
    }

    /// Whether an example is excluded.
    pub(crate) fn excludes(&self, example: usize) -> bool {
        self.is_weighted() && self.weights(example).is_none()
    }

    /// Fills what belongs to excluded examples with 0: the first `len` numbers of each of `count` rows, `stride` apart, of
    /// the examples from `first` on.
    pub(crate) fn clear_excluded(
        &self,
        first: usize,
        count: usize,
        len: usize,
        stride: usize,
        data: &mut [T],
    ) {
        if self.is_weighted() {
            let rows = data.chunks_mut(stride).take(count).enumerate();
            rows.filter(|(i, _)| self.excludes(first + i)).for_each(|(_, row)| row[..len].fill(T::zero()));
        }
    }

    /// (20): a_c of an example with this label and a soft target, in units.
    pub(crate) fn share(&self, example: usize, label: usize, class: usize, classes: usize) -> T {
        let (one, smoothing) = (T::one(), self.smoothing);
        let target = match self.targets {
            Some(targets) => targets.get(example, class).unwrap_or_else(T::nan),
            None if class == label => one,
            None => T::zero(),
        };
        let even = smoothing / T::from(classes).unwrap_or_else(T::nan);
        let weight = self.class_weights.map_or(one, |weights| weights[class] * self.units.class.inverse);
        weight * ((one - smoothing) * target + even)
    }

    /// (23): the sum of the effective weights.
    pub(crate) fn total_weight(&self, n: usize) -> Scaled<T> {
        if !self.is_weighted() {
            return Scaled::count(n);
        }
        let Units { example, class } = self.units;
        let mut sum = ScaledSum::new();
        for (v, w) in (0..n).filter_map(|example| self.weights(example)) {
            let w = if self.targets.is_some() { w } else { w * class.inverse };
            sum.add(Scaled::new(v * example.inverse * w));
        }
        let Scaled { value, exponent } = sum.total();
        let class = if self.targets.is_some() { 0 } else { class.exponent };
        Scaled { value, exponent: exponent + example.exponent + class }
    }

    /// The class of an example, or [`NO_LABEL`].
    fn class(&self, example: usize) -> usize {
        let mut class = [NO_LABEL];
        if let Some(labels) = self.labels {
            labels.classes(example, &mut class);
        }
        class[0]
    }
}

/// (24): what the squares of the weights add to the loss.
#[derive(Clone, Copy)]
pub(crate) struct L2<T> {
    pub(crate) w1: T,
    pub(crate) w2: T,
}

impl<T: Float> L2<T> {
    /// The matrices with their factors, without those whose factor is 0: they may hold infinite numbers.
    fn terms<M>(self, w1: M, w2: M) -> impl Iterator<Item = (T, M)> {
        [(self.w1, w1), (self.w2, w2)].into_iter().filter(|(factor, _)| *factor != T::zero())
    }

    pub(crate) fn add_loss(self, params: Params<'_, T>, loss: T) -> T {
        self.terms(params.w1, params.w2).fold(loss, |loss, (factor, w)| {
            let squares = sum_of_squares(|| (0..w.rows()).flat_map(|row| w.row(row)));
            let half = Scaled { exponent: squares.exponent - 1, ..squares };
            loss + half.times(Scaled::new(factor)).get()
        })
    }

    /// The derivative of what the squares add in a direction.
    pub(crate) fn slope(self, params: Params<'_, T>, direction: Params<'_, T>) -> T {
        let pairs = self.terms((params.w1, direction.w1), (params.w2, direction.w2));
        pairs.fold(T::zero(), |slope, (factor, (w, v))| {
            let mut sum = Sum::new();
            (0..w.rows()).for_each(|row| w.row(row).zip(v.row(row)).for_each(|(w, v)| sum.add(w * v)));
            slope + factor * sum.total()
        })
    }

    pub(crate) fn add_grad(self, params: Params<'_, T>, grad: &mut ParamsMut<'_, T>) {
        for (factor, of_w1) in self.terms(true, false) {
            let (w, grad) = if of_w1 { (params.w1, &mut grad.w1) } else { (params.w2, &mut grad.w2) };
            for row in 0..w.rows() {
                grad.row_mut(row).zip(w.row(row)).for_each(|(grad, w)| *grad = *grad + factor * w);
            }
        }
    }
}

/// `Ok` if these are finite and not negative, and a divisor not 0.
pub(crate) fn check_numbers<T: Float>(what: What, numbers: &[T]) -> Result<(), Error> {
    for (index, &number) in numbers.iter().enumerate() {
        let in_range = number.is_finite() && number >= T::zero();
        if !in_range || (what == What::Divisor && number == T::zero()) {
            return Err(value(what, index, number));
        }
    }
    Ok(())
}

/// `Ok` if the targets of an example are not negative and add up to 1, as well as rounding lets them or `tolerance` has it.
fn check_target<T: Float>(
    example: usize,
    target: impl Iterator<Item = T>,
    tolerance: T,
) -> Result<(), Error> {
    let (mut sum, mut count) = (Sum::new(), T::zero());
    for (class, q) in target.enumerate() {
        if !(q >= T::zero() && q.is_finite()) {
            return Err(Error::Target { example, class, got: to_f64(q) });
        }
        sum.add(q);
        count = count + T::one();
    }
    // Each of them may have been rounded, their sum for the division by it too.
    let (sum, slack) = (sum.total(), (count + T::one()) * T::epsilon());
    // With an infinite tolerance any sum will do, also one that overflows: there is no NaN among sums of these numbers.
    if (sum - T::one()).abs() <= tolerance + slack {
        return Ok(());
    }
    Err(Error::TargetSum { example, tolerance: to_f64(tolerance), got: to_f64(sum) })
}

fn value<T: Float>(what: What, index: usize, got: T) -> Error {
    Error::Value { what, index, got: to_f64(got) }
}

fn to_f64<T: Float>(value: T) -> f64 {
    value.to_f64().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests;
