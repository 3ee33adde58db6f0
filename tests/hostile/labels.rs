//! Labels that are another class each time that they are asked.

use std::cell::Cell;
use std::cmp::Ordering;
use std::convert::identity;
use std::num::ParseIntError;
use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Not, Rem, Shl, Shr, Sub};

use num_traits::{
    Bounded, CheckedAdd, CheckedDiv, CheckedMul, CheckedSub, Num, NumCast, One, PrimInt, Saturating,
    ToPrimitive, Zero,
};

thread_local! {
    /// So many questions are answered honestly.
    static HONEST: Cell<usize> = const { Cell::new(usize::MAX) };
    /// What the answer is from then on.
    static LIE: Cell<Option<usize>> = const { Cell::new(None) };
}

/// An honest label until its thread has asked too often.
#[derive(Clone, Copy, Debug)]
pub struct Turncoat(pub u8);

impl Turncoat {
    /// What all labels of this thread say when so many questions have been answered.
    pub fn turn(honest: usize, lie: Option<usize>) {
        HONEST.set(honest);
        LIE.set(lie);
    }

    /// How many questions are left.
    pub fn left() -> usize {
        HONEST.get()
    }

    fn is_honest(self) -> bool {
        let left = HONEST.get();
        HONEST.set(left.saturating_sub(1));
        left > 0
    }
}

impl ToPrimitive for Turncoat {
    fn to_i64(&self) -> Option<i64> {
        self.to_usize()?.to_i64()
    }
    fn to_u64(&self) -> Option<u64> {
        self.to_usize()?.to_u64()
    }
    fn to_i128(&self) -> Option<i128> {
        None
    }
    fn to_usize(&self) -> Option<usize> {
        if self.is_honest() { Some(self.0.into()) } else { LIE.get() }
    }
}

impl PartialEq for Turncoat {
    fn eq(&self, other: &Self) -> bool {
        (self.0 == other.0) == self.is_honest()
    }
}

impl Eq for Turncoat {}

impl PartialOrd for Turncoat {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Turncoat {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.is_honest() { self.0.cmp(&other.0) } else { Ordering::Less }
    }
}

// The rest is as an `u8` has it: nobody asks for it.

macro_rules! operators {
    ($($op:ident $name:ident),*) => {$(
        impl $op for Turncoat {
            type Output = Self;
            fn $name(self, other: Self) -> Self {
                Self(self.0.$name(other.0))
            }
        }
    )*};
}

operators!(Add add, Sub sub, Mul mul, Div div, Rem rem, BitAnd bitand, BitOr bitor, BitXor bitxor);

macro_rules! checked {
    ($($op:ident $name:ident),*) => {$(
        impl $op for Turncoat {
            fn $name(&self, other: &Self) -> Option<Self> {
                self.0.$name(other.0).map(Self)
            }
        }
    )*};
}

checked!(CheckedAdd checked_add, CheckedSub checked_sub, CheckedMul checked_mul, CheckedDiv checked_div);

impl Not for Turncoat {
    type Output = Self;
    fn not(self) -> Self {
        Self(!self.0)
    }
}

impl Shl<usize> for Turncoat {
    type Output = Self;
    fn shl(self, by: usize) -> Self {
        Self(self.0 << by)
    }
}

impl Shr<usize> for Turncoat {
    type Output = Self;
    fn shr(self, by: usize) -> Self {
        Self(self.0 >> by)
    }
}

impl Saturating for Turncoat {
    fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
    fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Bounded for Turncoat {
    fn min_value() -> Self {
        Self(u8::MAX)
    }
    fn max_value() -> Self {
        Self(0)
    }
}

impl Zero for Turncoat {
    fn zero() -> Self {
        Self(0)
    }
    fn is_zero(&self) -> bool {
        self.0 == 0
    }
}

impl One for Turncoat {
    fn one() -> Self {
        Self(1)
    }
}

impl Num for Turncoat {
    type FromStrRadixErr = ParseIntError;
    fn from_str_radix(digits: &str, radix: u32) -> Result<Self, ParseIntError> {
        u8::from_str_radix(digits, radix).map(Self)
    }
}

impl NumCast for Turncoat {
    fn from<T: ToPrimitive>(number: T) -> Option<Self> {
        number.to_u8().map(Self)
    }
}

macro_rules! bits {
    ($($name:ident($($by:ident: $t:ty)?) -> $out:ty as $wrap:expr),* $(,)?) => {$(
        fn $name(self $(, $by: $t)?) -> $out {
            ($wrap)(PrimInt::$name(self.0 $(, $by)?))
        }
    )*};
}

impl PrimInt for Turncoat {
    bits!(
        count_ones() -> u32 as identity, count_zeros() -> u32 as identity,
        leading_zeros() -> u32 as identity, trailing_zeros() -> u32 as identity,
        rotate_left(by: u32) -> Self as Self, rotate_right(by: u32) -> Self as Self,
        signed_shl(by: u32) -> Self as Self, signed_shr(by: u32) -> Self as Self,
        unsigned_shl(by: u32) -> Self as Self, unsigned_shr(by: u32) -> Self as Self,
        swap_bytes() -> Self as Self, to_be() -> Self as Self, to_le() -> Self as Self,
        pow(by: u32) -> Self as Self,
    );
    fn from_be(x: Self) -> Self {
        x
    }
    fn from_le(x: Self) -> Self {
        x
    }
}
