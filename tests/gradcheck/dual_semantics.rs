//! Promise: a dual number decides as T does, and where its derivative has a value that value is found: NaN,
//! zeros, infinities, and the points where the textbook's formula gives 0 · ∞ or cancels.

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

use handgrad::gradcheck::Dual;
use num_traits::{Float, Num, One, ToPrimitive, Zero};
use proptest::prelude::*;

type D = Dual<f64>;

fn same(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}

#[track_caller]
fn assert_dual(got: D, re: f64, du: f64) {
    assert!(same(got.re, re) && same(got.du, du), "got {got:?}, expected {re}, {du}");
}

/// Zeros, ones, halves, subnormal and huge numbers, infinities and NaN.
fn special() -> impl Strategy<Value = f64> {
    let values = [0.0, 0.5, 1.0, 3.7, 5e-324, 1e-200, 1e200, f64::MAX, f64::INFINITY, f64::NAN];
    (prop::sample::select(values.to_vec()), any::<bool>())
        .prop_map(|(value, minus)| if minus { -value } else { value })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every question gets the answer of f64, whatever the derivative is.
    #[test]
    fn questions(x in special(), y in special(), du in special()) {
        let (a, b) = (D::new(x, du), D::new(y, f64::NAN));
        prop_assert_eq!(a.partial_cmp(&b), x.partial_cmp(&y));
        prop_assert_eq!((a == b, a < b, a >= b, a.is_zero()), (x == y, x < y, x >= y, x == 0.0));
        prop_assert_eq!(
            (a.is_nan(), a.is_infinite(), a.is_finite(), a.is_normal(), a.is_subnormal(), a.classify()),
            (x.is_nan(), x.is_infinite(), x.is_finite(), x.is_normal(), x.is_subnormal(), x.classify())
        );
        prop_assert_eq!(
            (a.is_sign_positive(), a.is_sign_negative(), a.integer_decode()),
            (x.is_sign_positive(), x.is_sign_negative(), x.integer_decode())
        );
        prop_assert_eq!(
            (a.to_i64(), a.to_u64(), a.to_i128(), a.to_u128(), a.to_u8()),
            (x.to_i64(), x.to_u64(), x.to_i128(), x.to_u128(), x.to_u8())
        );
        prop_assert_eq!(a.to_f32().map(f32::to_bits), x.to_f32().map(f32::to_bits));
        prop_assert_eq!(a.to_f64().map(f64::to_bits), x.to_f64().map(f64::to_bits));
    }
}

/// NaN beside a number, equal numbers, and zeros.
#[test]
fn max_min_clamp_return_an_operand() {
    let (a, b, nan) = (D::new(2.0, 3.0), D::new(2.0, 4.0), D::new(f64::NAN, 5.0));
    for pick in [D::max, D::min] as [fn(D, D) -> D; 2] {
        assert_dual(pick(a, b), 2.0, 3.0);
        assert_dual(pick(b, a), 2.0, 4.0);
        assert_dual(pick(a, nan), 2.0, 3.0);
        assert_dual(pick(nan, b), 2.0, 4.0);
        assert_dual(pick(nan, D::new(f64::NAN, 6.0)), f64::NAN, 5.0);
    }
    assert_dual(D::variable(0.0).max(D::zero()), 0.0, 1.0);
    assert_dual(D::zero().max(D::variable(0.0)), 0.0, 0.0);
    assert_dual(a.clamp(b, b), 2.0, 3.0);
    assert_dual(nan.clamp(a, b), f64::NAN, 5.0);
    // Where f64 panics: the lower bound first, and a NaN is none.
    assert_dual(D::variable(0.0).clamp(D::new(1.0, 7.0), D::new(-1.0, 8.0)), 1.0, 7.0);
    assert_dual(D::variable(0.0).clamp(nan, nan), 0.0, 1.0);
}

/// Where the function is smooth or has a one-sided slope, and its textbook derivative is 0 · ∞, ∞ / ∞ or
/// cancels.
#[test]
fn hard_points() {
    let x = D::variable;
    let c = D::constant;
    assert_dual(x(0.0).powi(0), 1.0, 0.0);
    assert_dual(x(0.0).powi(1), 0.0, 1.0);
    assert_dual(x(0.0).powi(2), 0.0, 0.0);
    assert_dual(x(f64::INFINITY).powi(0), 1.0, 0.0);
    assert_dual(x(1.0).powi(i32::MIN), 1.0, f64::from(i32::MIN));
    assert_dual(x(1.0).powi(i32::MAX), 1.0, f64::from(i32::MAX));
    assert_dual(x(0.0).powf(c(0.0)), 1.0, 0.0);
    assert_dual(x(0.0).powf(c(1.0)), 0.0, 1.0);
    assert_dual(x(0.0).powf(c(2.0)), 0.0, 0.0);
    assert_dual(x(0.0).powf(c(0.5)), 0.0, f64::INFINITY);
    assert_dual(c(0.0).powf(x(2.0)), 0.0, 0.0);
    assert_dual(x(-2.0).powf(c(3.0)), -8.0, 12.0);
    assert_dual(x(-2.0).powf(x(3.0)), -8.0, f64::NAN);
    // x² underflows, its slope does not.
    assert_dual(x(1e-200).powf(c(2.0)), 0.0, 2e-200);
    assert_dual(x(0.0).sqrt(), 0.0, f64::INFINITY);
    assert_dual(x(1000.0).exp(), f64::INFINITY, f64::INFINITY);
    assert_dual(c(1000.0).exp() * x(2.0), f64::INFINITY, f64::INFINITY);
    assert_dual(x(-1000.0).exp_m1(), -1.0, 0.0);
    assert_dual(x(-40.0).exp_m1(), -1.0, (-40f64).exp());
    assert_dual(x(1e-200) / c(1e-200), 1.0, 1e200);
    assert_dual(c(1e200) / x(1e200), 1.0, -1e-200);
    assert_dual(x(1.0) / c(f64::INFINITY), 0.0, 0.0);
    assert_dual(x(0.0).hypot(x(0.0)), 0.0, 0.0);
    let big = 2f64.powi(700); // its square overflows
    assert_dual(x(3.0 * big).hypot(c(-4.0 * big)), 5.0 * big, 0.6);
    assert_dual(x(0.0).atan2(c(2.0)), 0.0, 0.5);
    assert_dual(x(0.0).atan2(c(-2.0)), PI, -0.5);
    assert_dual(c(2.0).atan2(x(0.0)), FRAC_PI_2, -0.5);
    assert_dual(c(-2.0).atan2(x(0.0)), -FRAC_PI_2, 0.5);
    assert_dual(c(1e-200).atan2(x(1e-200)), FRAC_PI_4, -0.5e200);
    assert_dual(x(1.0).atan2(c(f64::INFINITY)), 0.0, 0.0);
    assert_dual(x(0.0).atan2(c(0.0)), 0.0, f64::NAN);
    assert_dual(x(1e-20).ln_1p(), 1e-20, 1.0);
    assert_dual(x(1000.0).tanh(), 1.0, 0.0);
    assert_dual(x(1e200).asinh(), 1e200.asinh(), 1e-200);
    assert_dual(x(1e200).acosh(), 1e200.acosh(), 1e-200);
    assert_dual(x(0.0).abs(), 0.0, 1.0);
    assert_dual(x(-0.0).abs(), 0.0, -1.0);
    assert_dual(x(3.0) % c(0.1), 3.0 % 0.1, 1.0);
    assert_dual(c(3.0) % x(0.1), 3.0 % 0.1, -29.0); // 3 / 0.1 rounds to 30
    // The slope at 20 is 1 / cosh², of which 1 - tanh² has no digit.
    let slope = 4.0 * (-40f64).exp();
    assert!((x(20.0).tanh().du - slope).abs() <= 8.0 * f64::EPSILON * slope);
    // Just above 1, x² - 1 has a few digits only.
    let above = f64::EPSILON * 4097.0;
    let slope = 1.0 / (above * (2.0 + above)).sqrt();
    assert!((x(1.0 + above).acosh().du - slope).abs() <= 8.0 * f64::EPSILON * slope);
    // In x³ the derivative gets 0 by chance, and stays so: the price of the constants.
    assert_dual(x(0.0).powi(3).cbrt(), 0.0, 0.0);
}

/// What is not a function: constants, conversions, assignments, sums.
#[test]
fn number_traits() {
    assert_dual(<D as num_traits::NumCast>::from(2.5f32).unwrap(), 2.5, 0.0);
    assert_dual(<D as Num>::from_str_radix("1.5", 10).unwrap(), 1.5, 0.0);
    assert!(<D as Num>::from_str_radix("one", 10).is_err());
    for (got, re) in [
        (D::default(), 0.0),
        (D::zero(), 0.0),
        (D::one(), 1.0),
        (D::nan(), f64::NAN),
        (D::infinity(), f64::INFINITY),
        (D::neg_infinity(), f64::NEG_INFINITY),
        (D::min_value(), f64::MIN),
        (D::min_positive_value(), f64::MIN_POSITIVE),
        (D::max_value(), f64::MAX),
        (D::epsilon(), f64::EPSILON),
    ] {
        assert_dual(got, re, 0.0);
    }
    assert!(D::neg_zero().is_sign_negative());
    let (mut x, y) = (D::variable(7.0), D::new(2.0, 3.0));
    x += y; // 9, 4
    x -= D::one(); // 8, 4
    x *= y; // 16, 32
    x /= y; // 8, 4
    x %= D::constant(3.0);
    assert_dual(x, 2.0, 4.0);
    assert_dual([x, y, y].iter().sum(), 6.0, 10.0);
    assert_dual([x, y].into_iter().sum(), 4.0, 7.0);
    assert_dual(std::iter::empty::<D>().sum(), 0.0, 0.0);
}
