//! What is known of a number that the crate computes: a value, and how far rounding may take the computed one from it.
//!
//! The values are computed in f64 along the plain formulas, and their own rounding is part of the error. All errors are bounds
//! for any order of a sum, with fused multiply-adds or without.

use crate::element::Element;

/// The computed number is at most `error` from `value`; NaN if `value` is NaN, and `value` if that is infinite. Nothing is
/// known of it if the error is infinite.
#[derive(Clone, Copy, Debug)]
pub struct Ball {
    pub value: f64,
    pub error: f64,
}

/// How exact the arithmetic of a type is, and that of f64 beside it.
#[derive(Clone, Copy, Debug)]
pub struct Rounding {
    pub u: f64,
    pub fun: f64,
    pub max: f64,
    pub tiny: f64,
}

/// The same of f64, in which the values are computed.
const U64: f64 = f64::EPSILON / 2.0;

impl Rounding {
    pub fn of<T: Element>() -> Self {
        // Half of the type's numbers is room for partial sums.
        Self { u: T::U + U64, fun: T::FUN + 2.0 * f64::EPSILON, max: T::MAX / 2.0, tiny: T::TINY }
    }

    /// The error of a sum of k products by its magnitude: k u / (1 - k u), or infinite where that means nothing.
    pub fn gamma(self, k: usize) -> f64 {
        let ku = k as f64 * self.u;
        if ku < 0.5 { ku / (1.0 - ku) } else { f64::INFINITY }
    }
}

impl Ball {
    pub const ZERO: Self = Self::exact(0.0);
    pub const ONE: Self = Self::exact(1.0);
    pub const UNKNOWN: Self = Self { value: 0.0, error: f64::INFINITY };
    pub const NAN: Self = Self::exact(f64::NAN);

    pub const fn exact(value: f64) -> Self {
        Self { value, error: 0.0 }
    }

    /// A finite number, unless rounding may take it out of the type's range.
    pub fn new(value: f64, error: f64, r: Rounding) -> Self {
        let fits = value.abs() + error <= r.max;
        if fits { Self { value, error } } else { Self::UNKNOWN }
    }

    pub fn is_known(self) -> bool {
        self.error.is_finite()
    }

    pub fn is_nan(self) -> bool {
        self.value.is_nan()
    }

    /// Whether it is a finite number in any case.
    pub fn is_finite(self) -> bool {
        self.is_known() && self.value.is_finite()
    }

    /// The largest that it may be in magnitude.
    pub fn reach(self) -> f64 {
        self.value.abs() + self.error
    }

    /// Whether it is 0 in any case.
    pub fn is_zero(self) -> bool {
        self.value == 0.0 && self.error == 0.0
    }

    /// Whether it may be 0 or of either sign.
    pub fn is_unsure(self) -> bool {
        self.value.abs() <= self.error
    }

    pub fn neg(self) -> Self {
        Self { value: -self.value, ..self }
    }

    /// A product, rounded.
    pub fn times(self, other: Self, r: Rounding) -> Self {
        sum([(self, other)], 1, r)
    }

    /// Divided by a positive number, rounded.
    pub fn over(self, by: f64, r: Rounding) -> Self {
        let value = self.value / by;
        if !self.is_finite() {
            return Self { value: if self.is_known() { value } else { 0.0 }, ..self };
        }
        Self::new(value, self.error / by + 2.0 * r.fun * self.reach() / by + 2.0 * r.tiny, r)
    }

    /// Whether a computed number can be this one.
    pub fn holds(self, got: f64) -> bool {
        if !self.is_known() {
            true
        } else if self.value.is_nan() {
            got.is_nan()
        } else if self.value.is_infinite() {
            got == self.value
        } else {
            // The analysis is itself rounded.
            (got - self.value).abs() <= self.error * (1.0 + 1e-9) + self.value.abs() * 4.0 * U64
        }
    }
}

/// What the terms of a sum that are not finite make of it.
#[derive(Default)]
struct Special {
    nan: bool,
    unknown: bool,
    plus: bool,
    minus: bool,
}

impl Special {
    fn note(&mut self, a: Ball, b: Ball) {
        // NaN times anything, and infinity times 0, whatever else is unknown.
        let infinite = |a: Ball| a.is_known() && a.value.is_infinite();
        if a.is_nan() || b.is_nan() || (infinite(a) && b.is_zero()) || (infinite(b) && a.is_zero()) {
            self.nan = true;
        } else if !a.is_known()
            || !b.is_known()
            || a.is_unsure() && !a.is_zero()
            || b.is_unsure() && !b.is_zero()
        {
            self.unknown = true;
        } else if (a.value > 0.0) == (b.value > 0.0) {
            self.plus = true;
        } else {
            self.minus = true;
        }
    }

    /// What the sum is, if it has such terms; the others have this magnitude.
    fn sum(&self, magnitude: f64, r: Rounding) -> Option<Ball> {
        if self.nan || (self.plus && self.minus) {
            Some(Ball::NAN)
        } else if self.unknown || ((self.plus || self.minus) && magnitude > r.max) {
            Some(Ball::UNKNOWN)
        } else if self.plus || self.minus {
            Some(Ball::exact(if self.plus { f64::INFINITY } else { f64::NEG_INFINITY }))
        } else {
            None
        }
    }
}

/// A sum of products in any order, each term and partial sum of which is rounded; `more` further roundings of each term.
pub fn sum(terms: impl IntoIterator<Item = (Ball, Ball)>, more: usize, r: Rounding) -> Ball {
    let (mut value, mut low, mut error, mut magnitude, mut count) = (0.0f64, 0.0f64, 0.0, 0.0, 0);
    let (mut special, mut is_zero) = (Special::default(), true);
    for (a, b) in terms {
        count += 1;
        if !a.is_finite() || !b.is_finite() {
            special.note(a, b);
            continue;
        }
        // A product that is merely too small is not 0 for the crate, which may compute with a multiple of it.
        is_zero &= a.is_zero() || b.is_zero();
        let product = a.value * b.value;
        let before = value;
        value += product;
        // What the addition lost: the value is that of a longer type.
        let part = value - before;
        low += (before - (value - part)) + (product - part);
        magnitude += a.reach() * b.reach();
        error += a.error * b.value.abs() + a.value.abs() * b.error + a.error * b.error;
    }
    if let Some(ball) = special.sum(magnitude, r) {
        return ball;
    }
    if is_zero {
        return Ball::ZERO;
    }
    let error = error + r.gamma(count + more) * magnitude + (count + more) as f64 * r.tiny;
    if magnitude > r.max { Ball::UNKNOWN } else { Ball::new(value + low, error, r) }
}

/// The root of the sum of squares, each of which may underflow.
pub fn norm(numbers: &[Ball], r: Rounding) -> Ball {
    if numbers.iter().any(|x| x.is_nan()) {
        return Ball::NAN;
    }
    if numbers.iter().any(|x| !x.is_finite()) {
        return Ball::UNKNOWN;
    }
    let total = |of: fn(&Ball) -> f64| numbers.iter().map(of).map(|x| x * x).sum::<f64>();
    let (value, errors) = (total(|x| x.value).sqrt(), total(|x| x.error).sqrt());
    let k = numbers.len();
    let least = (k as f64 * r.tiny).sqrt();
    if value + errors > r.max.sqrt() {
        return Ball::UNKNOWN;
    }
    Ball::new(value, errors + r.gamma(k + 4) * (value + errors) + least, r)
}
