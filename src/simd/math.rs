//! exp and ln_1p in straight lines: no branches, no tables, no calls, so that a loop over a slice becomes
//! vector instructions. For f32 and f64, where the CPU has a fused multiply-add.
//!
//! exp: x = k ln 2 + r, |r| <= ln 2 / 2; e^x = 2^k (1 + r + r² q(r)). k is found by adding a number so large
//! that the sum has no digits after the point. 2^k is multiplied in two halves, so that results among the
//! subnormal numbers are rounded once and those that overflow do so by themselves.
//!
//! ln_1p: u = 1 + x = 2^e (1 + f), √½ <= 1 + f < √2. With s = f / (2 + f),
//! log(1 + f) = 2s + s³ p(s²) = f - (f²/2 - s (f²/2 + s² p(s²))), where only the last part is rounded much less
//! than f. What 1 + x lost in rounding, c, comes back as c / u.
//!
//! The polynomials interpolate q and p at Chebyshev nodes, of a degree that makes their own error less than
//! 0.1 units in the last place. The largest errors found (see the tests): exp 0.99, ln_1p 0.87 units.

#![expect(clippy::excessive_precision, reason = "coefficients as they were computed")]

use num_traits::Float;

/// exp and ln_1p of a type, for loops over slices.
pub(crate) trait Math: Float {
    /// e^x.
    fn vexp(self) -> Self;

    /// log(1 + x).
    fn vln_1p(self) -> Self;
}

/// The value of a polynomial, coefficients from the highest one down.
#[inline(always)]
fn polynomial<T: Float, const N: usize>(x: T, coefficients: [T; N]) -> T {
    let mut value = coefficients[0];
    for i in 1..N {
        value = value.mul_add(x, coefficients[i]);
    }
    value
}

/// r² q(r) + r + 1.
#[inline(always)]
fn exp_of_rest<T: Float>(r: T, q: T) -> T {
    (r * r).mul_add(q, r) + T::one()
}

/// k ln 2 + log(1 + f) + correction, of these parts of ln 2 and this p(s²).
#[inline(always)]
fn log_of_parts<T: Float>(k: T, ln2: (T, T), f: T, s: T, p: T, correction: T) -> T {
    let half = f * f * T::from(0.5).unwrap_or(f);
    let small = s * (s * s).mul_add(p, half) + k.mul_add(ln2.1, correction);
    k.mul_add(ln2.0, f - (half - small))
}

/// What 1 + x lost in rounding to u.
#[inline(always)]
fn lost<T: Float>(x: T, u: T) -> T {
    // The larger of the two is taken off first: that difference is exact.
    if x.abs() > T::one() { T::one() - (u - x) } else { x - (u - T::one()) }
}

/// The result of ln_1p at the ends: the logarithm of infinity, of 0, and of less.
#[inline(always)]
fn at_ends<T: Float>(x: T, log: T) -> T {
    let log = if x == T::infinity() { x } else { log };
    let log = if x == -T::one() { T::neg_infinity() } else { log };
    let log = if x < -T::one() { T::nan() } else { log };
    // -0 stays what it is.
    if x == T::zero() { x } else { log }
}

impl Math for f32 {
    #[inline(always)]
    fn vexp(self) -> f32 {
        /// 1.5 * 2^23: the last digit before the point is the last one there is.
        const ROUND: f32 = 12_582_912.0;
        // Beyond these the result is 0 or infinite, and stays so. NaN is neither and goes through.
        let x = if self < -110.0 { -110.0 } else { self };
        let x = if x > 90.0 { 90.0 } else { x };
        let k = x.mul_add(core::f32::consts::LOG2_E, ROUND);
        let bits = k.to_bits().wrapping_sub(ROUND.to_bits()) as i32;
        let k = k - ROUND;
        let r = k.mul_add(-1.428_606_8e-6, k.mul_add(-0.693_145_75, x));
        let q = polynomial(r, EXP32);
        let power = |k: i32| f32::from_bits((k.wrapping_add(127) as u32) << 23);
        let half = bits >> 1;
        exp_of_rest(r, q) * power(half) * power(bits.wrapping_sub(half))
    }

    #[inline(always)]
    fn vln_1p(self) -> f32 {
        /// √½, the least 1 + f.
        const LEAST: u32 = 0x3f35_04f3;
        let u = 1.0 + self;
        let k = u.to_bits().wrapping_sub(LEAST) as i32 >> 23;
        let f = f32::from_bits(u.to_bits().wrapping_sub((k << 23) as u32)) - 1.0;
        let s = f / (2.0 + f);
        let p = polynomial(s * s, LOG32);
        let log = log_of_parts(k as f32, (0.693_145_75, 1.428_606_8e-6), f, s, p, lost(self, u) / u);
        at_ends(self, log)
    }
}

impl Math for f64 {
    #[inline(always)]
    fn vexp(self) -> f64 {
        /// 1.5 * 2^52: the last digit before the point is the last one there is.
        const ROUND: f64 = 6_755_399_441_055_744.0;
        // Beyond these the result is 0 or infinite, and stays so. NaN is neither and goes through.
        let x = if self < -750.0 { -750.0 } else { self };
        let x = if x > 712.0 { 712.0 } else { x };
        let k = x.mul_add(core::f64::consts::LOG2_E, ROUND);
        let bits = k.to_bits().wrapping_sub(ROUND.to_bits()) as i64;
        let k = k - ROUND;
        let r = k.mul_add(-LN2_64.1, k.mul_add(-LN2_64.0, x));
        let q = polynomial(r, EXP64);
        let power = |k: i64| f64::from_bits((k.wrapping_add(1023) as u64) << 52);
        // The half rounded down, by a multiplication-free route that every instruction set has: a shift of
        // 64-bit numbers that keeps the sign is missing from AVX2.
        let half = (bits.wrapping_add(4096) as u64 >> 1) as i64 - 2048;
        exp_of_rest(r, q) * power(half) * power(bits.wrapping_sub(half))
    }

    #[inline(always)]
    fn vln_1p(self) -> f64 {
        /// √½, the least 1 + f.
        const LEAST: u64 = 0x3fe6_a09e_667f_3bcd;
        /// 2^52: numbers up to there have no digits after the point.
        const WHOLE: f64 = 4_503_599_627_370_496.0;
        let u = 1.0 + self;
        // The exponent, made positive for the shift.
        let k = u.to_bits().wrapping_sub(LEAST).wrapping_add(2048 << 52) >> 52;
        let f = f64::from_bits(u.to_bits().wrapping_sub(k.wrapping_sub(2048) << 52)) - 1.0;
        // The exponent as a number, by its bits.
        let k = f64::from_bits(k | WHOLE.to_bits()) - (WHOLE + 2048.0);
        let s = f / (2.0 + f);
        let p = polynomial(s * s, LOG64);
        let log = log_of_parts(k, LN2_64, f, s, p, lost(self, u) / u);
        at_ends(self, log)
    }
}

/// ln 2 in two parts: the product of the first with an exponent is exact.
const LN2_64: (f64, f64) = (0.693_147_180_559_662_956_5, 2.823_529_056_303_157_7e-13);

const EXP32: [f32; 6] =
    [1.989_099_1e-4, 1.393_365e-3, 8.333_311e-3, 4.166_646_5e-2, 1.666_666_7e-1, 5.000_000_0e-1];

const EXP64: [f64; 11] = [
    2.091_468_696_808_687_72e-9,
    2.510_521_700_472_074_52e-8,
    2.755_727_364_311_029_53e-7,
    2.755_725_540_020_642_44e-6,
    2.480_158_732_554_774_12e-5,
    1.984_126_987_482_062_53e-4,
    1.388_888_888_888_374_83e-3,
    8.333_333_333_326_135_13e-3,
    4.166_666_666_666_666_98e-2,
    1.666_666_666_666_667_1e-1,
    5.0e-1,
];

const LOG32: [f32; 4] = [0.233_316_145, 0.285_507_786, 0.400_001_222, 0.666_666_666];

const LOG64: [f64; 7] = [
    0.146_178_071_534_173_25,
    0.153_316_117_220_550_08,
    0.181_828_924_325_368_71,
    0.222_222_110_893_794_96,
    0.285_714_286_262_538_38,
    0.399_999_999_998_988_91,
    0.666_666_666_666_666_97,
];

/// e^x of each element, for the vector instructions of whoever this is inlined to.
#[inline(always)]
pub(super) fn exp<T: Math>(x: &mut [T]) {
    x.iter_mut().for_each(|x| *x = x.vexp());
}

/// log(1 + x) of each element, in the same way.
#[inline(always)]
pub(super) fn ln_1p<T: Math>(x: &mut [T]) {
    x.iter_mut().for_each(|x| *x = x.vln_1p());
}

#[cfg(test)]
mod tests;
