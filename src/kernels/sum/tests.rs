//! What each sum promises of its error, with numbers that do not add up exactly.

use super::{Sum, add_to, fold, sum};

const TERMS: usize = 100_000;

/// Half the distance from 1 to the next number: the largest relative error of one operation.
const UNIT: f64 = f32::EPSILON as f64 / 2.0;

#[test]
fn each_sum_takes_its_own_term() {
    let mut sums = [1.0, 2.0, 3.0];
    add_to(&mut sums, &[10.0, 20.0]);
    assert_eq!(sums, [11.0, 22.0, 3.0]);
}

#[test]
fn integers_are_added_up_exactly_whatever_their_number() {
    for len in 0..50u16 {
        let terms: Vec<f32> = (1..=len).map(f32::from).collect();
        assert_eq!(sum(&terms), f32::from(len * (len + 1) / 2), "{len} terms");
    }
}

/// Beside 2^24 a 1 is lost. So of 800 terms those are that the large one shares a part with, and no others.
#[test]
fn a_large_term_swallows_no_more_than_an_eighth_of_the_others() {
    let mut terms = [1.0f32; 800];
    terms[0] = 16_777_216.0;
    assert_eq!(sum(&terms), 16_777_216.0 + 700.0);
}

/// Of Kahan's sum the last addition may lose one unit, and adding each term to what has been lost another one of that
/// term. A plain sum is more than a thousand units off.
#[test]
fn the_error_of_a_compensated_sum_does_not_grow_with_the_number_of_terms() {
    let mut compensated = Sum::new();
    let mut plain = 0.0;
    for _ in 0..TERMS {
        compensated.add(0.1f32);
        plain += 0.1f32;
    }
    let exact = f64::from(0.1f32) * TERMS as f64;
    let error = |sum: f32| (f64::from(sum) - exact).abs() / exact;
    assert!(error(compensated.total()) <= 2.0 * UNIT);
    assert!(error(plain) > 1000.0 * UNIT);
}

/// 2^24 + 1 takes both parts of the sum. So does its half, until the other half of the 1 is there.
#[test]
fn a_sum_times_a_power_of_two_keeps_what_has_been_lost() {
    let mut sum = Sum::new();
    [16_777_216.0f32, 1.0].into_iter().for_each(|term| sum.add(term));
    sum.multiply(0.5);
    sum.add(0.5);
    assert_eq!(sum.total(), 8_388_609.0);
}

/// The sum of two f32 of these sizes is exact in f64.
#[test]
fn a_step_loses_nothing_whichever_of_the_two_is_larger() {
    for [before, added] in [[1.0f32, 1e8], [1e8, 1.0], [-1e8, 3.7], [0.1, -1e7], [0.3, 0.7], [1e8, -1e8]] {
        let (mut sum, mut rest) = (before, added);
        fold(&mut sum, &mut rest);
        assert_eq!(f64::from(sum) + f64::from(rest), f64::from(before) + f64::from(added));
        assert_eq!(sum, before + added);
    }
}

#[test]
fn an_infinite_sum_stays_infinite() {
    for first in [[f32::INFINITY, 1.0], [f32::MAX, f32::MAX]] {
        let mut sum = Sum::new();
        first.into_iter().chain([-2.0, 5.0]).for_each(|term| sum.add(term));
        assert_eq!(sum.total(), f32::INFINITY);
    }
}

#[test]
fn a_sum_with_nan_stays_nan() {
    for first in [[f32::NAN, 1.0], [f32::INFINITY, f32::NEG_INFINITY]] {
        let mut sum = Sum::new();
        first.into_iter().chain([-2.0, 5.0]).for_each(|term| sum.add(term));
        assert!(sum.total().is_nan());
    }
}
