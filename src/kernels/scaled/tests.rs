//! Numbers beyond the range of their type, against f64 and integers.

use half::f16;
use num_traits::Float;

use super::{Scaled, ScaledSum, is_wide, power, scaled_sum, times_power};

/// value 2^exponent, in f64.
fn of<T: Float>(number: Scaled<T>) -> f64 {
    number.value.to_f64().unwrap() * 2f64.powi(number.exponent)
}

fn scaled(value: f32, exponent: i32) -> Scaled<f32> {
    Scaled { value, exponent }
}

#[test]
fn powers_of_two_to_both_ends() {
    for k in -149..128 {
        assert_eq!(f64::from(power::<f32>(k)), 2f64.powi(k));
    }
    assert_eq!((power::<f32>(-150), power::<f32>(128)), (0.0, f32::INFINITY));
    assert_eq!((power::<f16>(-24).to_f64(), power::<f16>(15).to_f64()), (2f64.powi(-24), 2f64.powi(15)));
    // No step leaves the range where the result does not.
    assert_eq!(times_power(f32::from_bits(1), 149 + 127), 2f32.powi(127));
    assert_eq!(times_power(1e300, i32::MIN), 0.0);
    assert_eq!(times_power(1e-300, i32::MAX), f64::INFINITY);
}

#[test]
fn a_normalized_number_is_the_same_number() {
    for value in [1.0, 1.5, 2.0, -3.0, 255.9, 256.0, 1e-45, -1e-38, 3e38, 0.999_999_94] {
        for exponent in [0, 7, -300] {
            let got = scaled(value, exponent).normalized();
            assert!((1.0..2.0).contains(&got.value.abs()), "{value}: {got:?}");
            assert_eq!(got.value * got.value.signum(), times_power(value.abs(), exponent - got.exponent));
        }
    }
    assert_eq!(scaled(0.0, 3).normalized(), scaled(0.0, 3));
    assert_eq!(scaled(f32::INFINITY, 3).normalized().value, f32::INFINITY);
    assert!(scaled(f32::NAN, 3).normalized().value.is_nan());
}

#[test]
fn a_count_may_be_larger_than_any_number() {
    for n in [0, 1, 255, 65_504, 65_536, 70_000, 1 << 40] {
        let got = of(Scaled::<f16>::count(n));
        assert!((got - n as f64).abs() <= n as f64 / 2048.0, "{n}: {got}");
    }
    assert_eq!(Scaled::<f32>::count(70_000), scaled(70_000.0, 0));
}

/// The first factor with all of its digits.
#[test]
fn a_number_in_two_factors() {
    for exponent in -300..300 {
        for value in [1.0, 1.2, -1.999_999_9, 0.3] {
            let [first, rest] = scaled(value, exponent).split();
            assert!(first.get().is_normal(), "{value} 2^{exponent}: {first:?}");
            assert_eq!(
                f64::from(first.get()) * of(rest),
                of(scaled(value, exponent)),
                "{value} 2^{exponent}"
            );
            assert_eq!(rest.value, 1.0);
            assert!(rest.is_one() || !(-124..125).contains(&exponent), "{value} 2^{exponent}: {rest:?}");
        }
    }
    assert_eq!(scaled(0.0, 0).split(), [scaled(0.0, 0), scaled(1.0, 0)]);
}

#[test]
fn arithmetic_beyond_the_range() {
    let numbers = [
        scaled(3.0, 0),
        scaled(7e12, 0),
        scaled(3e-31, 0),
        scaled(-1.5, 200),
        scaled(2e38, 3),
        scaled(1e-40, -90),
        scaled(0.0, 5),
    ];
    let close = |got: Scaled<f32>, exact: f64| {
        assert!((of(got) - exact).abs() <= f64::from(f32::EPSILON) * exact.abs(), "{got:?}: {exact:e}");
    };
    for (a, b) in numbers.into_iter().flat_map(|a| numbers.map(|b| (a, b))) {
        close(a.times(b), of(a) * of(b));
        close(a.plus(b), of(a) + of(b));
        if b.value != 0.0 {
            close(a.over(b), of(a) / of(b));
        }
        close(scaled(a.value.abs(), a.exponent).sqrt(), of(a).abs().sqrt());
    }
}

#[test]
fn a_sum_beyond_the_range() {
    let largest = f32::MAX;
    let mut sum = ScaledSum::new();
    for term in [scaled(largest, 0), scaled(largest, 0), scaled(largest, 2), scaled(-largest, 0)] {
        sum.add(term);
    }
    let exact = 5.0 * f64::from(largest);
    assert!((of(sum.total()) - exact).abs() <= f64::from(f32::EPSILON) * exact);
    let exact = 100.0 * f64::from(largest);
    assert!((of(scaled_sum(&[largest; 100])) - exact).abs() <= f64::from(f32::EPSILON) * exact);
    assert_eq!(scaled_sum(&[largest, -largest, 1.0]), scaled(1.0, 0));
    assert_eq!(scaled_sum(&[f32::INFINITY, 1.0]).get(), f32::INFINITY);
    assert!(scaled_sum(&[f32::NAN, 1.0]).get().is_nan());
    assert!(scaled_sum(&[f32::INFINITY, f32::NEG_INFINITY]).get().is_nan());
}

#[test]
fn which_types_are_wide() {
    assert!(is_wide::<f32>() && is_wide::<f64>() && is_wide::<half::bf16>());
    assert!(!is_wide::<f16>());
}
