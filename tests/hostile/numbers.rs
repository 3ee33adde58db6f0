//! Types of numbers that keep none of the promises of `Float`, or lie oddly in memory.

use std::any::Any;
use std::cmp::Ordering;
use std::num::FpCategory;
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use num_traits::{Float, Num, NumCast, One, ToPrimitive, Zero};

/// A number that a test can make and look at.
pub trait Number: Float + Send + Sync + 'static {
    const IS_HOSTILE: bool;
    fn of(value: f64) -> Self;
    /// What it holds, asking nothing of its arithmetic or comparisons.
    fn value(self) -> f64;
}

impl Number for f32 {
    const IS_HOSTILE: bool = false;
    fn of(value: f64) -> Self {
        value as f32
    }
    fn value(self) -> f64 {
        self.into()
    }
}

impl Number for f64 {
    const IS_HOSTILE: bool = false;
    fn of(value: f64) -> Self {
        value
    }
    fn value(self) -> f64 {
        self
    }
}

/// What a hostile number is made of: how it lies in memory, and in what it is not a number.
pub trait Nature: Copy + Send + Sync + 'static {
    fn of(value: f64) -> Self;
    fn value(self) -> f64;
    /// Before each operation.
    fn before() {}
    /// What a comparison says instead of this.
    fn compare(honest: Option<Ordering>) -> Option<Ordering> {
        honest
    }
    fn equal(honest: bool) -> bool {
        honest
    }
    /// What a question with the answer yes or no says instead of this.
    fn answer(honest: bool) -> bool {
        honest
    }
    /// What a constant is instead of this.
    fn constant(honest: f64) -> f64 {
        honest
    }
    /// What a conversion from another type gives instead of this.
    fn converted(honest: f64) -> Option<f64> {
        Some(honest)
    }
}

/// A quarter of an `i8`, the least of which is NaN: one byte.
#[derive(Clone, Copy)]
pub struct Byte(i8);

impl Nature for Byte {
    fn of(value: f64) -> Self {
        Self(if value.is_nan() { i8::MIN } else { (value * 4.0).clamp(-127.0, 127.0) as i8 })
    }
    fn value(self) -> f64 {
        if self.0 == i8::MIN {
            return f64::NAN;
        }
        let quarters: f64 = self.0.into();
        quarters / 4.0
    }
}

/// No byte long: there is only one such number, and it is not itself. So it gets through all checks.
#[derive(Clone, Copy)]
pub struct Nothing;

impl Nature for Nothing {
    fn of(_: f64) -> Self {
        Self
    }
    fn value(self) -> f64 {
        1.0
    }
    fn equal(_: bool) -> bool {
        false
    }
}

/// Its comparisons say this today and that tomorrow, from a question on that has been set before.
#[derive(Clone, Copy)]
pub struct Liar(f32);

/// Questions that are still answered honestly, and then those that are not, below 0.
static HONEST: AtomicI64 = AtomicI64::new(0);

impl Liar {
    /// So many questions are answered honestly, of all threads together.
    pub fn turn(honest: i64) {
        HONEST.store(honest, Relaxed);
    }

    /// Three bits, from 0 on once it lies; else 7.
    fn dice() -> u64 {
        let left = HONEST.fetch_sub(1, Relaxed);
        if left > 0 { 7 } else { (left as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 61 }
    }
}

impl Nature for Liar {
    fn of(value: f64) -> Self {
        Self(value as f32)
    }
    fn value(self) -> f64 {
        self.0.into()
    }
    fn compare(honest: Option<Ordering>) -> Option<Ordering> {
        match Self::dice() {
            0 => None,
            1 => Some(Ordering::Less),
            2 => Some(Ordering::Equal),
            3 => Some(Ordering::Greater),
            _ => honest,
        }
    }
    fn equal(honest: bool) -> bool {
        Self::answer(honest)
    }
    fn answer(honest: bool) -> bool {
        honest ^ (Self::dice() < 3)
    }
}

/// Its constants are others', and no conversion succeeds. It begins with a cache line, and has padding behind it.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub struct Odd(f32);

impl Nature for Odd {
    fn of(value: f64) -> Self {
        Self(value as f32)
    }
    fn value(self) -> f64 {
        assert!((&raw const self).addr() % 64 == 0, "misaligned");
        self.0.into()
    }
    fn constant(honest: f64) -> f64 {
        match honest {
            0.0 => -0.5,
            1.0 => 2.0,
            f64::EPSILON => f64::INFINITY,
            f64::MAX => f64::MIN,
            f64::MIN => f64::MAX,
            f64::INFINITY => 0.0,
            _ => 0.5,
        }
    }
    fn converted(_: f64) -> Option<f64> {
        None
    }
}

/// Panics at an operation that has been set before. Four times the same: 32 bytes.
#[derive(Clone, Copy)]
pub struct Bomb([f64; 4]);

/// What hostile code panics with.
pub struct Bang;

static FUSE: AtomicI64 = AtomicI64::new(i64::MAX);

impl Bomb {
    /// After so many operations, of all threads together.
    pub fn light(operations: i64) {
        FUSE.store(operations, Relaxed);
    }

    /// How many are left.
    pub fn left() -> i64 {
        FUSE.load(Relaxed)
    }
}

impl Nature for Bomb {
    fn of(value: f64) -> Self {
        Self([value; 4])
    }
    fn value(self) -> f64 {
        assert!(self.0.iter().all(|part| part.to_bits() == self.0[0].to_bits()), "torn");
        self.0[0]
    }
    fn before() {
        if FUSE.fetch_sub(1, Relaxed) == 0 {
            std::panic::panic_any(Bang);
        }
    }
}

/// Whether it was [`Bang`].
pub fn is_bang(panic: &(dyn Any + Send)) -> bool {
    panic.is::<Bang>()
}

/// A number of this nature.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Hostile<N>(N);

impl<N: Nature> Number for Hostile<N> {
    const IS_HOSTILE: bool = true;
    fn of(value: f64) -> Self {
        Self(N::of(value))
    }
    fn value(self) -> f64 {
        self.0.value()
    }
}

impl<N: Nature> Hostile<N> {
    fn map(self, f: impl FnOnce(f64) -> f64) -> Self {
        N::before();
        Self::of(f(self.value()))
    }

    fn with(self, other: Self, f: impl FnOnce(f64, f64) -> f64) -> Self {
        N::before();
        Self::of(f(self.value(), other.value()))
    }

    fn constant(honest: f64) -> Self {
        N::before();
        Self::of(N::constant(honest))
    }
}

impl<N: Nature> PartialEq for Hostile<N> {
    fn eq(&self, other: &Self) -> bool {
        N::before();
        N::equal(self.value() == other.value())
    }
}

impl<N: Nature> PartialOrd for Hostile<N> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        N::before();
        N::compare(self.value().partial_cmp(&other.value()))
    }
}

macro_rules! operators {
    ($($op:ident $name:ident),*) => {$(
        impl<N: Nature> $op for Hostile<N> {
            type Output = Self;
            fn $name(self, other: Self) -> Self {
                self.with(other, |a, b| a.$name(b))
            }
        }
    )*};
}

operators!(Add add, Sub sub, Mul mul, Div div, Rem rem);

impl<N: Nature> Neg for Hostile<N> {
    type Output = Self;
    fn neg(self) -> Self {
        self.map(|a| -a)
    }
}

impl<N: Nature> Zero for Hostile<N> {
    fn zero() -> Self {
        Self::constant(0.0)
    }
    fn is_zero(&self) -> bool {
        N::answer(self.value() == 0.0)
    }
}

impl<N: Nature> One for Hostile<N> {
    fn one() -> Self {
        Self::constant(1.0)
    }
}

impl<N: Nature> Num for Hostile<N> {
    type FromStrRadixErr = <f64 as Num>::FromStrRadixErr;
    fn from_str_radix(digits: &str, radix: u32) -> Result<Self, Self::FromStrRadixErr> {
        f64::from_str_radix(digits, radix).map(Self::of)
    }
}

impl<N: Nature> ToPrimitive for Hostile<N> {
    fn to_i64(&self) -> Option<i64> {
        self.to_f64()?.to_i64()
    }
    fn to_u64(&self) -> Option<u64> {
        self.to_f64()?.to_u64()
    }
    fn to_f64(&self) -> Option<f64> {
        N::converted(self.value())
    }
}

impl<N: Nature> NumCast for Hostile<N> {
    fn from<T: ToPrimitive>(number: T) -> Option<Self> {
        N::converted(number.to_f64()?).map(Self::of)
    }
}

macro_rules! functions {
    ($($name:ident)*) => {$(fn $name(self) -> Self { self.map(f64::$name) })*};
}

macro_rules! pairs {
    ($($name:ident)*) => {$(fn $name(self, other: Self) -> Self { self.with(other, f64::$name) })*};
}

macro_rules! questions {
    ($($name:ident)*) => {$(fn $name(self) -> bool { N::before(); N::answer(self.value().$name()) })*};
}

macro_rules! constants {
    ($($name:ident $honest:expr),*) => {$(fn $name() -> Self { Self::constant($honest) })*};
}

impl<N: Nature> Float for Hostile<N> {
    functions!(floor ceil round trunc fract abs signum recip sqrt cbrt exp exp2 exp_m1 ln ln_1p log2 log10);
    functions!(sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh);
    pairs!(powf log max min atan2 hypot);
    questions!(is_nan is_infinite is_finite is_normal is_sign_positive is_sign_negative);
    constants!(nan f64::NAN, infinity f64::INFINITY, neg_infinity f64::NEG_INFINITY, neg_zero -0.0,
        min_value f64::MIN, min_positive_value f64::MIN_POSITIVE, max_value f64::MAX, epsilon f64::EPSILON);

    fn abs_sub(self, other: Self) -> Self {
        self.with(other, |a, b| (a - b).max(0.0))
    }
    fn mul_add(self, a: Self, b: Self) -> Self {
        self * a + b
    }
    fn powi(self, n: i32) -> Self {
        self.map(|a| a.powi(n))
    }
    fn sin_cos(self) -> (Self, Self) {
        (self.sin(), self.cos())
    }
    fn classify(self) -> FpCategory {
        N::before();
        self.value().classify()
    }
    fn integer_decode(self) -> (u64, i16, i8) {
        Float::integer_decode(self.value())
    }
}
