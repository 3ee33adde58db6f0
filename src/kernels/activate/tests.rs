//! The kinks, and rows with something between them.

use super::{bias_relu, mask, relu};
use crate::kink::Kink;
use crate::simd::Simd;
use crate::simd::tests::{Check, number, on_each_set};

/// A pre-activation, and whether I = 1 there in each convention.
struct Case {
    z: f32,
    one: bool,
    zero: bool,
}

const SUBNORMAL: f32 = 1e-45;

const CASES: [Case; 9] = [
    Case { z: 0.0, one: true, zero: false },
    Case { z: -0.0, one: true, zero: false },
    Case { z: f32::NAN, one: true, zero: true },
    Case { z: SUBNORMAL, one: true, zero: true },
    Case { z: -SUBNORMAL, one: false, zero: false },
    Case { z: 2.5, one: true, zero: true },
    Case { z: -2.5, one: false, zero: false },
    Case { z: f32::INFINITY, one: true, zero: true },
    Case { z: f32::NEG_INFINITY, one: false, zero: false },
];

/// With each convention: the pre-activations, and whether I = 1.
fn each_kink(check: impl Fn(Kink, &[f32], &[bool])) {
    let z = CASES.map(|case| case.z);
    check(Kink::One, &z, &CASES.map(|case| case.one));
    check(Kink::Zero, &z, &CASES.map(|case| case.zero));
}

/// The same number, where NaN is NaN.
fn same(a: f32, b: f32) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}

#[test]
fn relu_keeps_active_numbers_and_nan_passes_through() {
    each_kink(|kink, z, active| {
        let mut a = z.to_vec();
        relu(kink, &mut a);
        for ((a, &z), &active) in a.into_iter().zip(z).zip(active) {
            assert!(same(a, if active { z } else { 0.0 }), "{kink:?} {z:e}: {a:e}");
        }
    });
}

#[test]
fn an_inactive_unit_gets_exactly_zero_whatever_the_gradient() {
    for d in [3.0, f32::NAN, f32::INFINITY, -0.5] {
        each_kink(|kink, z, active| {
            let mut masked = vec![d; z.len()];
            mask(kink, z, &mut masked);
            for ((got, &z), &active) in masked.into_iter().zip(z).zip(active) {
                assert!(same(got, if active { d } else { 0.0 }), "{kink:?} {z:e}: {got:e}");
            }
        });
    }
}

struct BiasAndRelu;

impl BiasAndRelu {
    /// Units of which some have z = 0 once the bias is added, `stride` apart with something between the examples.
    fn check_rows<S: Simd<f32>>(name: &str, set: S, hidden: usize, stride: usize) {
        const EXAMPLES: usize = 3;
        let between = 77.0;
        let b1: Vec<f32> = (0..hidden).map(|j| number(j + 3)).collect();
        let is_kink = |i: usize, j: usize| (i + j) % 3 == 0;
        let product = |i: usize, j: usize| if is_kink(i, j) { -b1[j] } else { number(i * 31 + j) };
        for kink in [Kink::One, Kink::Zero] {
            let (mut z, mut a) = (vec![between; EXAMPLES * stride], vec![between; EXAMPLES * stride]);
            for (i, j) in (0..EXAMPLES).flat_map(|i| (0..hidden).map(move |j| (i, j))) {
                z[i * stride + j] = product(i, j);
            }
            set.vectorize(|| bias_relu(kink, &b1, stride, &mut z, &mut a));
            for (i, j) in (0..EXAMPLES).flat_map(|i| (0..stride).map(move |j| (i, j))) {
                let got = (z[i * stride + j], a[i * stride + j]);
                let expected = if j < hidden {
                    let sum = product(i, j) + b1[j];
                    (sum, if sum < 0.0 { 0.0 } else { sum })
                } else {
                    (between, between)
                };
                assert_eq!(got, expected, "{name} {kink:?} {hidden} units: ({i}, {j})");
            }
        }
    }
}

impl Check for BiasAndRelu {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S) {
        for hidden in [1, 7, 16, 33] {
            Self::check_rows(name, *set, hidden, hidden);
            Self::check_rows(name, *set, hidden, hidden + 5);
        }
    }
}

#[test]
fn the_bias_is_added_before_the_relu_and_what_lies_between_rows_stays() {
    on_each_set(&BiasAndRelu);
}

struct Kinks;

impl Check for Kinks {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S) {
        each_kink(|kink, products, active| {
            let (mut z, mut a) = (products.to_vec(), vec![77.0; products.len()]);
            // -0 as the bias changes no number.
            Simd::<f64>::vectorize(*set, || {
                bias_relu(kink, &vec![-0.0; products.len()], products.len(), &mut z, &mut a)
            });
            for (i, (&product, &active)) in products.iter().zip(active).enumerate() {
                let expected = if active { product } else { 0.0 };
                assert!(same(z[i], product) && same(a[i], expected), "{name} {kink:?} {product:e}: {}", a[i]);
            }
        });
    }
}

#[test]
fn the_activation_asks_the_same_question_as_the_way_back() {
    on_each_set(&Kinks);
}
