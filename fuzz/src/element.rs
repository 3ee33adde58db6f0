//! The number types under test, and how exact their arithmetic is.

use std::fmt::Debug;

use half::{bf16, f16};
use num_traits::Float;

pub trait Element: Float + Debug + Send + Sync + 'static {
    /// The largest relative error of an addition or multiplication.
    const U: f64;
    /// The largest relative error of an exp, ln, ln_1p or division.
    const FUN: f64;
    /// The largest finite number.
    const MAX: f64;
    /// The smallest positive number.
    const TINY: f64;
    const NAME: &'static str;
    /// The nearest number.
    fn of(value: f64) -> Self;
    fn value(self) -> f64;
    /// Its bits, and a number with these.
    fn bits(self) -> u64;
    fn from_bits(bits: u64) -> Self;
}

macro_rules! element {
    ($t:ident, $bits:ty, $u:expr, $fun:expr, $max:expr, $tiny:expr, $of:expr, $value:expr) => {
        impl Element for $t {
            const U: f64 = $u;
            const FUN: f64 = $fun;
            const MAX: f64 = $max;
            const TINY: f64 = $tiny;
            const NAME: &'static str = stringify!($t);
            fn of(value: f64) -> Self {
                $of(value)
            }
            fn value(self) -> f64 {
                $value(self)
            }
            fn bits(self) -> u64 {
                self.to_bits().into()
            }
            fn from_bits(bits: u64) -> Self {
                $t::from_bits(bits as $bits)
            }
        }
    };
}

// Math libraries are good to 1 ulp in these functions; 2 ulp leave room for poor ones. Those of the short types are of
// f32's, rounded once more.
element!(f64, u64, 0.5 * f64::EPSILON, 2.0 * f64::EPSILON, f64::MAX, 5e-324, |v| v, |v| v);
element!(
    f32,
    u32,
    0.5 * f32::EPSILON as f64,
    2.0 * f32::EPSILON as f64,
    f32::MAX as f64,
    1.401298464324817e-45,
    |v| v as f32,
    f64::from
);
element!(
    bf16,
    u16,
    1.0 / 256.0,
    1.01 / 256.0,
    3.3895313892515355e38,
    9.183549615799121e-41,
    bf16::from_f64,
    |v: bf16| v.to_f64()
);
element!(f16, u16, 1.0 / 2048.0, 1.01 / 2048.0, 65504.0, 5.960464477539063e-8, f16::from_f64, |v: f16| v
    .to_f64());
