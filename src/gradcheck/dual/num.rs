//! What `Float` asks for beside the functions: constants 0 and 1, conversions, assigning operators, sums.

use core::iter::Sum;
use core::ops::{AddAssign, DivAssign, MulAssign, RemAssign, SubAssign};

use num_traits::{Float, Num, NumCast, One, ToPrimitive, Zero};

use super::Dual;

impl<T: Float> Zero for Dual<T> {
    fn zero() -> Self {
        Self::constant(T::zero())
    }

    fn is_zero(&self) -> bool {
        self.re.is_zero()
    }
}

impl<T: Float> One for Dual<T> {
    fn one() -> Self {
        Self::constant(T::one())
    }
}

impl<T: Float> Num for Dual<T> {
    type FromStrRadixErr = T::FromStrRadixErr;

    fn from_str_radix(digits: &str, radix: u32) -> Result<Self, Self::FromStrRadixErr> {
        T::from_str_radix(digits, radix).map(Self::constant)
    }
}

impl<T: Float> NumCast for Dual<T> {
    fn from<N: ToPrimitive>(number: N) -> Option<Self> {
        <T as NumCast>::from(number).map(Self::constant)
    }
}

// The shorter integers go through those of 64 bits by default.
impl<T: Float> ToPrimitive for Dual<T> {
    fn to_i64(&self) -> Option<i64> {
        self.re.to_i64()
    }

    fn to_u64(&self) -> Option<u64> {
        self.re.to_u64()
    }

    fn to_i128(&self) -> Option<i128> {
        self.re.to_i128()
    }

    fn to_u128(&self) -> Option<u128> {
        self.re.to_u128()
    }

    fn to_f32(&self) -> Option<f32> {
        self.re.to_f32()
    }

    fn to_f64(&self) -> Option<f64> {
        self.re.to_f64()
    }
}

impl<T: Float> AddAssign for Dual<T> {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl<T: Float> SubAssign for Dual<T> {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl<T: Float> MulAssign for Dual<T> {
    fn mul_assign(&mut self, other: Self) {
        *self = *self * other;
    }
}

impl<T: Float> DivAssign for Dual<T> {
    fn div_assign(&mut self, other: Self) {
        *self = *self / other;
    }
}

impl<T: Float> RemAssign for Dual<T> {
    fn rem_assign(&mut self, other: Self) {
        *self = *self % other;
    }
}

impl<T: Float> Sum for Dual<T> {
    fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
        terms.reduce(|sum, term| sum + term).unwrap_or_else(Self::zero)
    }
}

impl<'a, T: Float> Sum<&'a Self> for Dual<T> {
    fn sum<I: Iterator<Item = &'a Self>>(terms: I) -> Self {
        terms.copied().sum()
    }
}
