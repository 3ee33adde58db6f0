//! Numbers beyond the range of their type: a value times a power of two.
//!
//! Weights, divisors, norms and sums can be too large or too small for T where what is made of them is not: the mean of
//! losses whose sum overflows, a gradient clipped by its norm whose square underflows. Powers of two are taken out of such
//! numbers, which costs no digits, and put back at the end.

use num_traits::Float;

use super::sum::{Sum, sum};

/// The powers of two that numbers are multiplied by in one step: no type's range is narrower.
const STEP: i32 = 8;

/// The range of the widest type there is, in steps.
const MOST_STEPS: usize = 1 << 12;

/// value 2^exponent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scaled<T> {
    pub(crate) value: T,
    pub(crate) exponent: i32,
}

impl<T: Float> Scaled<T> {
    #[inline(always)]
    pub(crate) fn new(value: T) -> Self {
        Self { value, exponent: 0 }
    }

    /// A count, also one that T has no number for.
    pub(crate) fn count(n: usize) -> Self {
        match T::from(n) {
            Some(value) if value.is_finite() => Self::new(value),
            _ => {
                // So many bits as the shortest type can hold without overflow.
                let exponent = (usize::BITS - n.leading_zeros()).saturating_sub(STEP as u32) as i32;
                let value = T::from(n as f64 / (1_u64 << exponent) as f64).unwrap_or_else(T::nan);
                Self { value, exponent }
            }
        }
    }

    /// The same number with a value of magnitude from 1 to 2, if it is finite and not 0.
    pub(crate) fn normalized(self) -> Self {
        let Self { mut value, mut exponent } = self;
        if !value.is_finite() || value == T::zero() {
            return self;
        }
        for step in [STEP, 1] {
            let (large, small) = (power::<T>(step), power::<T>(-step));
            // No number takes more steps, but what says that it is one may.
            let mut left = MOST_STEPS;
            while value.abs() >= large && left > 0 {
                (value, exponent, left) = (value * small, exponent.saturating_add(step), left - 1);
            }
            while value.abs() < T::one() && left > 0 {
                (value, exponent, left) = (value * large, exponent.saturating_sub(step), left - 1);
            }
        }
        Self { value, exponent }
    }

    /// The number itself: infinite or 0 if it is out of range.
    #[inline(always)]
    pub(crate) fn get(self) -> T {
        if self.exponent == 0 { self.value } else { times_power(self.value, self.exponent) }
    }

    pub(crate) fn is_one(self) -> bool {
        self.value == T::one() && self.exponent == 0
    }

    /// Two factors of it: the number itself and 1, or if it is out of range a number that is not, and a power of two.
    pub(crate) fn split(self) -> [Self; 2] {
        let Self { value, exponent } = self.normalized();
        let most = Self::new(T::max_value()).normalized().exponent - 1;
        let kept = exponent.max(-most).min(most);
        [Self { value, exponent: kept }, Self { value: T::one(), exponent: exponent.saturating_sub(kept) }]
    }

    pub(crate) fn times(self, other: Self) -> Self {
        let (a, b) = (self.normalized(), other.normalized());
        Self { value: a.value * b.value, exponent: a.exponent.saturating_add(b.exponent) }
    }

    pub(crate) fn over(self, other: Self) -> Self {
        let plain = self.value / other.value;
        if self.exponent == other.exponent && plain.abs() >= T::min_positive_value() && plain.is_finite() {
            return Self::new(plain);
        }
        let (a, b) = (self.normalized(), other.normalized());
        Self { value: a.value / b.value, exponent: a.exponent.saturating_sub(b.exponent) }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        if self.value == T::zero() {
            return other;
        }
        if other.value == T::zero() {
            return self;
        }
        let (a, b) = (self.normalized(), other.normalized());
        let exponent = a.exponent.max(b.exponent);
        let part = |x: Self| times_power(x.value, x.exponent.saturating_sub(exponent));
        Self { value: part(a) + part(b), exponent }
    }

    pub(crate) fn sqrt(self) -> Self {
        let Self { value, exponent } = self.normalized();
        let odd = exponent.rem_euclid(2);
        Self { value: times_power(value, odd).sqrt(), exponent: (exponent - odd) / 2 }
    }
}

/// 2^k for a k that T has a power of two for, or the next one that it has.
pub(crate) fn power<T: Float>(k: i32) -> T {
    times_power(T::one(), k)
}

/// x 2^k. No step overflows or underflows unless the result does.
pub(crate) fn times_power<T: Float>(x: T, k: i32) -> T {
    let two = T::one() + T::one();
    let one_step = if k < 0 { two.recip() } else { two };
    let step = (0..STEP.trailing_zeros()).fold(one_step, |step, _| step * step);
    // Beyond any type's range there is nothing left to change.
    let (mut x, mut left) = (x, k.unsigned_abs().min(1 << 16));
    while left >= STEP as u32 {
        (x, left) = (x * step, left - STEP as u32);
    }
    (0..left).fold(x, |x, _| x * one_step)
}

/// Whether the type's numbers reach so far that some bits can be given away at either end: f32 and wider ones.
#[inline(always)]
pub(crate) fn is_wide<T: Float>() -> bool {
    T::min_positive_value().to_f64().is_some_and(|least| least < 1e-30)
}

/// A compensated sum, also where it is out of range.
pub(crate) struct ScaledSum<T> {
    sum: Sum<T>,
    exponent: i32,
}

impl<T: Float> ScaledSum<T> {
    pub(crate) fn new() -> Self {
        Self { sum: Sum::new(), exponent: 0 }
    }

    pub(crate) fn add(&mut self, term: Scaled<T>) {
        self.raise(term.exponent);
        let value = |exponent| times_power(term.value, term.exponent.saturating_sub(exponent));
        if !self.sum.reaches(value(self.exponent)) {
            self.raise(self.exponent.saturating_add(STEP));
        }
        self.sum.add(value(self.exponent));
    }

    /// Takes a larger power of two out of the sum.
    fn raise(&mut self, exponent: i32) {
        if exponent > self.exponent {
            self.sum.multiply(power(self.exponent.saturating_sub(exponent)));
            self.exponent = exponent;
        }
    }

    pub(crate) fn total(self) -> Scaled<T> {
        Scaled { value: self.sum.total(), exponent: self.exponent }
    }
}

/// [`sum()`], also where it is out of range.
#[inline(always)]
pub(crate) fn scaled_sum<T: Float>(terms: &[T]) -> Scaled<T> {
    let plain = Scaled::new(sum(terms));
    if plain.value.is_finite() { plain } else { sum_beyond(terms) }
}

#[cold]
fn sum_beyond<T: Float>(terms: &[T]) -> Scaled<T> {
    let mut sum = ScaledSum::new();
    terms.iter().for_each(|&term| sum.add(Scaled::new(term)));
    sum.total()
}

#[cfg(test)]
mod tests;
