//! Arithmetic in any `Float`: its rounding, sizes, steps that rounding does not spoil, sums in twice the precision.

use num_traits::Float;

/// The relative error of one operation in T: [`Float::epsilon`], or what a few square roots show, if that is more.
/// (A double-double has no sensible epsilon: 1 + 1e-300 is one of its numbers.)
pub(super) fn roundoff<T: Float>() -> T {
    (2..8).fold(T::epsilon(), |worst, k| {
        let number: T = real(f64::from(k));
        let root = number.sqrt();
        worst.max((root * root - number).abs() / number)
    })
}

/// A constant of the checker in T.
pub(super) fn real<T: Float>(value: f64) -> T {
    T::from(value).unwrap_or_else(T::one)
}

/// A number of the report.
pub(super) fn as_f64<T: Float>(value: T) -> f64 {
    value.to_f64().unwrap_or(f64::NAN)
}

/// a / b to all digits of T, by a step of Newton's: some double-doubles divide to the digits of their upper part only,
/// unless b is a power of two.
pub(super) fn divide<T: Float>(a: T, b: T) -> T {
    let quotient = a / b;
    quotient + (-quotient).mul_add(b, a) / b
}

/// The root mean square, without overflow.
pub(super) fn rms<T: Float>(values: &[T]) -> T {
    let largest = values.iter().fold(T::zero(), |max, value| max.max(value.abs()));
    if largest.is_zero() {
        return largest;
    }
    let sum = values.iter().fold(T::zero(), |sum, &value| sum + (value / largest) * (value / largest));
    largest * (sum / real(values.len() as f64)).sqrt()
}

/// The length over which an entry is expected to vary: its own size or that of its block, whichever is more,
/// rounded to a power of two so that most displacements are exact; 1 where all is 0.
pub(super) fn scale<T: Float>(entry: T, block_rms: T) -> T {
    let scale = entry.abs().max(block_rms);
    if scale.is_zero() {
        return T::one();
    }
    let rounded = scale.log2().round().exp2();
    if rounded.is_normal() { rounded } else { scale }
}

/// The two ends of a step from x.
pub(super) struct Ends<T> {
    /// Half of the distance between them.
    pub(super) step: T,
    pub(super) right: T,
    pub(super) left: T,
}

/// Steps from x by about `wanted` to both sides: equally far wherever the numbers around x allow it, so that the
/// claim can be taken for exactly this step.
pub(super) fn displace<T: Float>(x: T, wanted: T) -> Ends<T> {
    // The second step takes back what the first one could not represent on the other side.
    let right = x + ((x + wanted) - x);
    let move_left = x - (x - (right - x));
    let (right, left) = (x + move_left, x - move_left);
    Ends { step: (right - left) / (T::one() + T::one()), right, left }
}

/// A sum of products in twice the precision (Ogita, Rump and Oishi's Dot2), and the sum of their magnitudes.
#[derive(Clone, Copy)]
pub(super) struct Dot<T> {
    sum: T,
    low: T,
    magnitude: T,
}

impl<T: Float> Dot<T> {
    pub(super) fn new() -> Self {
        Self { sum: T::zero(), low: T::zero(), magnitude: T::zero() }
    }

    pub(super) fn add(&mut self, a: T, b: T) {
        let product = a * b;
        let product_low = a.mul_add(b, -product);
        let sum = self.sum + product;
        let back = sum - self.sum;
        let sum_low = (self.sum - (sum - back)) + (product - back);
        self.sum = sum;
        self.low = self.low + (product_low + sum_low);
        self.magnitude = self.magnitude + product.abs();
    }

    pub(super) fn magnitude(self) -> T {
        self.magnitude
    }

    pub(super) fn value(self) -> T {
        self.sum + self.low
    }
}

/// What is claimed of a slope.
#[derive(Clone, Copy)]
pub(super) struct Claim<T> {
    /// The slope itself.
    pub(super) slope: T,
    /// The typical size of such slopes, which errors are relative to.
    pub(super) size: T,
}

/// The slope that claims add up to along a direction. Its size is the root of the sum of the squares of what is added
/// up, and of `least`.
pub(super) fn claim_along<T: Float>(claims: &[T], direction: impl Iterator<Item = T>, least: T) -> Claim<T> {
    let (mut slope, mut size) = (Dot::new(), least);
    for (&claim, direction) in claims.iter().zip(direction) {
        slope.add(claim, direction);
        size = size.hypot(claim * direction);
    }
    Claim { slope: slope.value(), size }
}

/// The largest second difference of a function at x and on either side of it, in units of `unit`, or `least` if that
/// is more. `changes` is what the function changes by from x over one and two steps to the right and to the left.
///
/// Over steps as small as rounding second differences are nothing but noise. They are taken in several places because
/// rounding is symmetric about a round number. What is not finite tells nothing.
pub(super) fn largest_second_difference<T: Float>(changes: [T; 4], unit: T, least: T) -> T {
    let ([right, far_right, left, far_left], two) = (changes, T::one() + T::one());
    [right + left, far_right + far_left, far_right - two * right, far_left - two * left]
        .into_iter()
        .map(|difference| difference.abs() / unit)
        .filter(|difference| difference.is_finite())
        .fold(least, T::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::random::Rng;

    /// Both ends are equally far wherever numbers allow it, and nearly so elsewhere.
    #[test]
    fn displacements() {
        let mut rng = Rng::new(1);
        for _ in 0..1000 {
            let (x, wanted) = (rng.normal::<f64>(), 0.01 * rng.normal::<f64>());
            let Ends { step, right, left } = displace(x, wanted);
            assert_eq!((right - x, x - left), (step, step), "{x}, {wanted}");
            assert!((step - wanted).abs() <= f64::EPSILON * 2.0 * x.abs(), "{x}, {wanted}");
        }
        let Ends { step, right, left } = displace(1e-20, 0.1);
        assert_eq!((step, right, left), (0.1, 0.1, -0.1));
    }

    #[test]
    fn root_mean_squares_and_scales() {
        assert_eq!(rms(&[3.0, -4.0, 0.0, 5.0]), 12.5f64.sqrt());
        assert_eq!(rms(&[1e300; 4]), 1e300);
        assert_eq!(rms(&[0.0; 3]), 0.0);
        assert_eq!([scale(3.0, 1.0), scale(-0.1, 5.0), scale(0.0, 0.0)], [4.0, 4.0, 1.0]);
        assert_eq!(scale(f64::from_bits(3), 0.0), f64::from_bits(3));
    }

    /// 2^53 + 1 - 2^53, term by term of which a plain sum loses the 1; and a product with 106 digits.
    #[test]
    fn a_dot_product_in_twice_the_precision() {
        let mut dot = Dot::new();
        let big = 2f64.powi(53);
        [big, 1.0, -big].into_iter().for_each(|term| dot.add(term, 1.0));
        assert_eq!((dot.value(), dot.magnitude()), (1.0, 2.0 * big));
        let mut dot = Dot::new();
        let near = 1.0 + f64::EPSILON;
        dot.add(near, near);
        dot.add(-1.0, 1.0 + 2.0 * f64::EPSILON);
        assert_eq!(dot.value(), f64::EPSILON * f64::EPSILON);
    }
}
