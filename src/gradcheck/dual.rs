//! Dual numbers: a value and its derivative, carried through the same formulas (forward mode).

mod float;
mod num;

use core::cmp::Ordering;
use core::ops::{Add, Div, Mul, Neg, Rem, Sub};

use num_traits::Float;

/// A dual number: a value and its derivative along one direction.
///
/// A function that is generic in [`Float`] and gets x as [`variable`](Self::variable) returns f(x) in `re`
/// and f'(x) in `du`, both to rounding. With several arguments x_i of derivatives v_i, `du` is the
/// directional derivative sum of v_i ∂f/∂x_i. `Dual<Dual<f64>>` has second derivatives.
///
/// # The value is that of T
///
/// `re` is bit for bit what the same function gives in T, and only `re` decides: comparisons, `==`,
/// `is_zero`, `is_nan`, `is_finite`, `classify`, the signs, `integer_decode` and the conversions to other
/// types do not look at `du`. So a function takes the branches it takes in T, and a NaN derivative does not
/// make a number NaN. Numbers that are `==` can have different derivatives.
///
/// `max` and `min` return the operand that those of T return, with its derivative: of two equal ones the
/// first, beside a NaN the other one. `clamp` returns the number itself on its bounds. Where that of f64
/// panics it does not: it asks for the lower bound first, and a NaN is no bound.
///
/// # Where there is no derivative
///
/// - `floor`, `ceil`, `round`, `trunc` and `signum` have derivative 0, `fract` has 1, also where they jump.
/// - `abs` has the `signum` of T, which for f32 and f64 is 1 at 0.0 and -1 at -0.0. `abs_sub` has 0 where
///   both are equal. `a % b` is a - b q with a constant q.
/// - `hypot` has 0 at the origin, the slope of the symmetric difference quotient. `atan2` has NaN there.
/// - Infinite slopes, as of `sqrt`, `cbrt` and `ln` at 0, give infinite derivatives, and these give NaN where
///   a slope of 0 follows.
/// - `powf` of a negative base has NaN if the exponent varies, and the usual derivative if it is constant.
///
/// # A derivative of 0 stays 0
///
/// A `du` of exactly 0 remains 0 whatever the slope, also if that is infinite or NaN: the square root of a
/// constant 0 is a constant. The price: a variable may have derivative 0 by chance, and then this is wrong.
/// The cube root of x³ at 0 has `du` 0, where the derivative of x is 1.
///
/// # Example
///
/// ```
/// use handgrad::gradcheck::Dual;
/// use num_traits::Float;
///
/// fn f<T: Float>(x: T) -> T {
///     x * x * x.exp()
/// }
///
/// let y = f(Dual::variable(1.0));
/// assert_eq!(y.re, f(1.0));
/// assert_eq!(y.du, 3.0 * 1f64.exp()); // f' = (2x + x²) exp(x)
///
/// let y = f(Dual::new(Dual::variable(0.0), Dual::constant(1.0)));
/// assert_eq!(y.du.du, 2.0); // f" = (2 + 4x + x²) exp(x)
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Dual<T> {
    /// The value.
    pub re: T,
    /// The derivative.
    pub du: T,
}

impl<T> Dual<T> {
    /// A value and its derivative.
    ///
    /// ```
    /// use handgrad::gradcheck::Dual;
    ///
    /// let (x, y) = (Dual::new(3.0, 0.5), Dual::new(2.0, -1.0)); // along the direction (0.5, -1)
    /// assert_eq!((x * y).du, 0.5 * 2.0 - 3.0);
    /// ```
    pub const fn new(re: T, du: T) -> Self {
        Self { re, du }
    }
}

impl<T: Float> Dual<T> {
    /// A number that does not depend on the variables: its derivative is 0.
    ///
    /// ```
    /// use handgrad::gradcheck::Dual;
    ///
    /// assert_eq!(Dual::constant(3.0).du, 0.0);
    /// ```
    pub fn constant(re: T) -> Self {
        Self::new(re, T::zero())
    }

    /// The variable by which is derived: its derivative is 1.
    ///
    /// ```
    /// use handgrad::gradcheck::Dual;
    ///
    /// assert_eq!(Dual::variable(3.0).du, 1.0);
    /// ```
    pub fn variable(re: T) -> Self {
        Self::new(re, T::one())
    }

    /// The chain rule: the `value` of a function of this number, given its `slope` here.
    fn chain(self, value: T, slope: T) -> Self {
        Self::new(value, times(self.du, slope))
    }

    /// The chain rule for a slope 1 / `divisor`.
    fn chain_over(self, value: T, divisor: T) -> Self {
        Self::new(value, over(self.du, divisor))
    }
}

/// du * slope, but 0 if du is 0.
fn times<T: Float>(du: T, slope: T) -> T {
    // A T that is a dual number itself can be 0 and have a derivative. So there is a product in any case, by
    // something large where the slope is not finite.
    if du.is_zero() && !slope.is_finite() { du * T::max_value() } else { du * slope }
}

/// du / divisor, but 0 if du is 0.
fn over<T: Float>(du: T, divisor: T) -> T {
    if du.is_zero() { times(du, divisor.recip()) } else { du / divisor }
}

impl<T: Float> PartialEq for Dual<T> {
    fn eq(&self, other: &Self) -> bool {
        self.re == other.re
    }
}

impl<T: Float> PartialOrd for Dual<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.re.partial_cmp(&other.re)
    }
}

impl<T: Float> Neg for Dual<T> {
    type Output = Self;

    fn neg(self) -> Self {
        Self::new(-self.re, -self.du)
    }
}

impl<T: Float> Add for Dual<T> {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self::new(self.re + other.re, self.du + other.du)
    }
}

impl<T: Float> Sub for Dual<T> {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self::new(self.re - other.re, self.du - other.du)
    }
}

impl<T: Float> Mul for Dual<T> {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        Self::new(self.re * other.re, times(self.du, other.re) + times(other.du, self.re))
    }
}

impl<T: Float> Div for Dual<T> {
    type Output = Self;

    /// The derivative as (a' - (a/b) b') / b: no b² that could under- or overflow.
    fn div(self, other: Self) -> Self {
        let value = self.re / other.re;
        Self::new(value, over(self.du - times(other.du, value), other.re))
    }
}

impl<T: Float> Rem for Dual<T> {
    type Output = Self;

    fn rem(self, other: Self) -> Self {
        let value = self.re % other.re;
        // Rounded, since the division is: the quotient is whole without it.
        let quotient = ((self.re - value) / other.re).round();
        Self::new(value, self.du - times(other.du, quotient))
    }
}
