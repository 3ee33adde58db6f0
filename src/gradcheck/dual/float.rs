//! The functions of `Float`: each is its value in T and its slope.

use core::num::FpCategory;

use num_traits::Float;

use super::{Dual, over, times};

/// A small whole number in T.
fn number<T: Float>(n: i32) -> T {
    T::from(n).unwrap_or_else(T::nan)
}

impl<T: Float> Dual<T> {
    /// The one of two operands that `value`, the larger or smaller of their values, comes from.
    fn chosen(self, other: Self, value: T) -> Self {
        let first = value == self.re || (value.is_nan() && self.re.is_nan());
        Self::new(value, if first { self.du } else { other.du })
    }
}

impl<T: Float> Float for Dual<T> {
    // Powers, exponentials, logarithms.

    fn recip(self) -> Self {
        let value = self.re.recip();
        Self::new(value, over(-times(self.du, value), self.re))
    }

    fn powi(self, n: i32) -> Self {
        let value = self.re.powi(n);
        let slope = match n {
            0 => T::zero(),
            1.. => number::<T>(n) * self.re.powi(n - 1),
            _ => number::<T>(n) * (value / self.re),
        };
        self.chain(value, slope)
    }

    fn powf(self, n: Self) -> Self {
        let value = self.re.powf(n.re);
        // x^n / x is closer to x^(n-1) than a power of the rounded n - 1 is, if x^n has all its digits.
        let lower = if value.is_normal() { value / self.re } else { self.re.powf(n.re - T::one()) };
        let (by_base, by_exponent) = (times(n.re, lower), times(value, self.re.ln()));
        Self::new(value, times(self.du, by_base) + times(n.du, by_exponent))
    }

    fn sqrt(self) -> Self {
        let root = self.re.sqrt();
        self.chain_over(root, root + root)
    }

    fn cbrt(self) -> Self {
        let root = self.re.cbrt();
        self.chain_over(root, number::<T>(3) * root * root)
    }

    fn exp(self) -> Self {
        let value = self.re.exp();
        self.chain(value, value)
    }

    fn exp2(self) -> Self {
        let value = self.re.exp2();
        self.chain(value, value * number::<T>(2).ln())
    }

    fn exp_m1(self) -> Self {
        self.chain(self.re.exp_m1(), self.re.exp())
    }

    fn ln(self) -> Self {
        self.chain_over(self.re.ln(), self.re)
    }

    fn ln_1p(self) -> Self {
        self.chain_over(self.re.ln_1p(), T::one() + self.re)
    }

    fn log2(self) -> Self {
        Self::new(self.re.log2(), over(self.du, self.re) / number::<T>(2).ln())
    }

    fn log10(self) -> Self {
        Self::new(self.re.log10(), over(self.du, self.re) / number::<T>(10).ln())
    }

    /// The logarithm is ln(x) / ln(b): its derivative is that of a quotient.
    fn log(self, base: Self) -> Self {
        let value = self.re.log(base.re);
        let (numerator, divisor) = (self.ln(), base.ln());
        Self::new(value, over(numerator.du - times(divisor.du, value), divisor.re))
    }

    // Angles.

    fn sin(self) -> Self {
        self.chain(self.re.sin(), self.re.cos())
    }

    fn cos(self) -> Self {
        self.chain(self.re.cos(), -self.re.sin())
    }

    fn sin_cos(self) -> (Self, Self) {
        let (sin, cos) = self.re.sin_cos();
        (self.chain(sin, cos), self.chain(cos, -sin))
    }

    fn tan(self) -> Self {
        let value = self.re.tan();
        self.chain(value, T::one() + value * value)
    }

    fn asin(self) -> Self {
        self.chain_over(self.re.asin(), ((T::one() - self.re) * (T::one() + self.re)).sqrt())
    }

    fn acos(self) -> Self {
        self.chain_over(self.re.acos(), -((T::one() - self.re) * (T::one() + self.re)).sqrt())
    }

    fn atan(self) -> Self {
        self.chain_over(self.re.atan(), T::one() + self.re * self.re)
    }

    /// Beyond the diagonals the angle is counted from the other axis: no quotient overflows.
    fn atan2(self, other: Self) -> Self {
        let flat = self.re.abs() <= other.re.abs();
        let du = if flat { (self / other).atan().du } else { -(other / self).atan().du };
        Self::new(self.re.atan2(other.re), du)
    }

    fn hypot(self, other: Self) -> Self {
        let value = self.re.hypot(other.re);
        if value.is_zero() {
            return Self::constant(value);
        }
        Self::new(value, times(self.du, self.re / value) + times(other.du, other.re / value))
    }

    fn to_degrees(self) -> Self {
        Self::new(self.re.to_degrees(), self.du.to_degrees())
    }

    fn to_radians(self) -> Self {
        Self::new(self.re.to_radians(), self.du.to_radians())
    }

    // Hyperbolic functions.

    fn sinh(self) -> Self {
        self.chain(self.re.sinh(), self.re.cosh())
    }

    fn cosh(self) -> Self {
        self.chain(self.re.cosh(), self.re.sinh())
    }

    /// The slope as 1 / cosh² in two steps: 1 - tanh² cancels, and cosh² overflows.
    fn tanh(self) -> Self {
        let cosh = self.re.cosh();
        Self::new(self.re.tanh(), over(over(self.du, cosh), cosh))
    }

    fn asinh(self) -> Self {
        self.chain_over(self.re.asinh(), self.re.hypot(T::one()))
    }

    fn acosh(self) -> Self {
        self.chain_over(self.re.acosh(), (self.re - T::one()).sqrt() * (self.re + T::one()).sqrt())
    }

    fn atanh(self) -> Self {
        self.chain_over(self.re.atanh(), (T::one() - self.re) * (T::one() + self.re))
    }

    // Linear pieces.

    fn mul_add(self, factor: Self, term: Self) -> Self {
        Self::new(self.re.mul_add(factor.re, term.re), (self * factor).du + term.du)
    }

    fn abs(self) -> Self {
        self.chain(self.re.abs(), self.re.signum())
    }

    fn copysign(self, sign: Self) -> Self {
        let same = self.is_sign_negative() == sign.is_sign_negative();
        Self::new(self.re.copysign(sign.re), if same { self.du } else { -self.du })
    }

    fn abs_sub(self, other: Self) -> Self {
        let du = if self.re <= other.re { T::zero() } else { self.du - other.du };
        Self::new(self.re.abs_sub(other.re), du)
    }

    fn max(self, other: Self) -> Self {
        self.chosen(other, self.re.max(other.re))
    }

    fn min(self, other: Self) -> Self {
        self.chosen(other, self.re.min(other.re))
    }

    fn clamp(self, min: Self, max: Self) -> Self {
        if self < min {
            min
        } else if self > max {
            max
        } else {
            self
        }
    }

    fn fract(self) -> Self {
        Self::new(self.re.fract(), self.du)
    }

    // Steps.

    fn floor(self) -> Self {
        Self::constant(self.re.floor())
    }

    fn ceil(self) -> Self {
        Self::constant(self.re.ceil())
    }

    fn round(self) -> Self {
        Self::constant(self.re.round())
    }

    fn trunc(self) -> Self {
        Self::constant(self.re.trunc())
    }

    fn signum(self) -> Self {
        Self::constant(self.re.signum())
    }

    // Questions, which the value answers.

    fn is_nan(self) -> bool {
        self.re.is_nan()
    }

    fn is_infinite(self) -> bool {
        self.re.is_infinite()
    }

    fn is_finite(self) -> bool {
        self.re.is_finite()
    }

    fn is_normal(self) -> bool {
        self.re.is_normal()
    }

    fn is_subnormal(self) -> bool {
        self.re.is_subnormal()
    }

    fn classify(self) -> FpCategory {
        self.re.classify()
    }

    fn is_sign_positive(self) -> bool {
        self.re.is_sign_positive()
    }

    fn is_sign_negative(self) -> bool {
        self.re.is_sign_negative()
    }

    fn integer_decode(self) -> (u64, i16, i8) {
        self.re.integer_decode()
    }

    // Constants.

    fn nan() -> Self {
        Self::constant(T::nan())
    }

    fn infinity() -> Self {
        Self::constant(T::infinity())
    }

    fn neg_infinity() -> Self {
        Self::constant(T::neg_infinity())
    }

    fn neg_zero() -> Self {
        Self::constant(T::neg_zero())
    }

    fn min_value() -> Self {
        Self::constant(T::min_value())
    }

    fn min_positive_value() -> Self {
        Self::constant(T::min_positive_value())
    }

    fn max_value() -> Self {
        Self::constant(T::max_value())
    }

    fn epsilon() -> Self {
        Self::constant(T::epsilon())
    }
}
