//! The testers are tested: a check that could not fail would prove nothing.

use std::panic::catch_unwind;

use crate::support::bounds::{Rounding, bounds};
use crate::support::vectors::all;
use crate::support::{Element, How, LAYOUTS, Problem, assert_within, oracle, run_pass};
use handgrad::{Kink, Reduction};

/// Whether the comparison refuses these numbers.
fn refuses(got: &[f64], expected: &[f64], bound: &[f64]) -> bool {
    catch_unwind(|| assert_within("", got, expected, bound)).is_err()
}

#[test]
fn comparison() {
    assert_eq!(assert_within("", &[1.0, 2.0], &[1.0, 2.5], &[0.0, 1.0]), 0.5);
    assert!(refuses(&[1.0 + f64::EPSILON], &[1.0], &[f64::EPSILON / 2.0]));
    assert!(refuses(&[1e-300], &[0.0], &[0.0]), "an expected 0 is not always right");
    assert!(refuses(&[f64::NAN], &[1.0], &[1.0]));
    assert!(refuses(&[f64::NAN], &[f64::NAN], &[1.0]), "NaN is compared elsewhere, on purpose");
    assert!(refuses(&[1.0], &[1.0], &[f64::NAN]));
    assert!(refuses(&[1.0, 1.0], &[1.0], &[1.0]), "lengths");
    assert!(refuses(&[], &[1.0], &[1.0]), "lengths");
}

#[test]
fn layouts() {
    let values: Vec<f64> = (0..6).map(f64::from).collect();
    for layout in LAYOUTS {
        let memory = layout.lay(&values, 2, 3);
        assert_eq!(layout.collect(&memory, 2, 3), values);
        assert_eq!(memory.iter().filter(|value| !value.is_nan()).count(), 6);
        assert_eq!(layout.view(&memory, 2, 3).get(1, 2), Some(5.0));
    }
}

/// No bound is looser than this share of the largest entry of its output (in f64: 8 digits would be shown
/// wrong), so each comparison says something; and each is larger than 0 wherever rounding happens.
#[test]
fn bounds_are_neither_void_nor_zero() {
    for seed in 0..20 {
        let problem = Problem::random(seed, (7, 9, 4, 6));
        let out = oracle::evaluate::<f64>(&problem, Kink::One, Reduction::Mean);
        let bounds = bounds(&problem, Rounding::of::<f64>(), Kink::One, Reduction::Mean);
        for ((what, out), (_, bound)) in out.parts().into_iter().zip(bounds.parts()) {
            let largest = out.iter().fold(0.0, |max: f64, v| max.max(v.abs()));
            assert!(bound.iter().all(|&bound| bound <= 1e-13 * largest), "{what}: {bound:?}");
            let exact = what == "scores"; // multiples of 2^-12, added up exactly
            assert!(exact == bound.iter().all(|&bound| bound == 0.0), "{what}: {bound:?}");
        }
    }
}

/// A result that is off by three times its allowance anywhere is refused.
#[test]
fn a_wrong_entry_is_refused() {
    let problem = Problem::random(1, (3, 4, 3, 5));
    let exact = oracle::evaluate::<f64>(&problem, Kink::One, Reduction::Mean);
    let bounds = bounds(&problem, Rounding::of::<f64>(), Kink::One, Reduction::Mean);
    let bound: Vec<f64> = bounds.grad.iter().map(|bound| 2.0 * bound).collect();
    for i in 0..exact.grad.len() {
        let mut wrong = exact.grad.clone();
        wrong[i] += 3.0 * bound[i] + f64::MIN_POSITIVE;
        assert!(refuses(&wrong, &exact.grad, &bound), "entry {i}");
    }
}

/// The textbook forms, log of a rounded probability and p_y - 1, are outside of the bounds where the right
/// class leads by far.
#[test]
fn textbook_forms_are_refused() {
    let vector = all().into_iter().find(|vector| vector.name == "confident").unwrap();
    let bounds = bounds(&vector.problem, Rounding::of::<f64>(), Kink::One, Reduction::Mean);
    let (c, labels) = (vector.problem.dims.classes(), &vector.problem.labels);
    let rows = || vector.expected.probabilities.chunks_exact(c).zip(labels);
    let losses: Vec<f64> = rows().map(|(p, &y)| -p[y].ln()).collect();
    assert!(refuses(&losses, &vector.expected.losses, &bounds.losses));
    let db2: Vec<f64> = (0..c)
        .map(|j| rows().map(|(p, &y)| p[j] - f64::from(j == y)).sum::<f64>() / labels.len() as f64)
        .collect();
    let tail = |values: &[f64]| values[values.len() - c..].to_vec();
    assert!(refuses(&db2, &tail(&vector.expected.grad), &tail(&bounds.grad)));
}

/// The other convention is refused where a pre-activation is exactly 0.
#[test]
fn the_other_convention_is_refused() {
    let vector = all().into_iter().find(|vector| vector.name == "kink_at_zero").unwrap();
    let bounds = bounds(&vector.problem, Rounding::of::<f64>(), Kink::One, Reduction::Mean);
    let other = run_pass::<f64>(&vector.problem, How { kink: Kink::Zero, ..How::default() }).unwrap();
    assert!(refuses(&other.grad, &vector.expected.grad, &bounds.grad));
}

/// f32 results are not good enough for the f64 bounds: the bounds follow the type.
#[test]
fn bounds_follow_the_type() {
    let problem = Problem::random(2, (7, 9, 4, 6));
    let exact = run_pass::<f64>(&problem, How::default()).unwrap();
    let single = run_pass::<f32>(&problem, How::default()).unwrap();
    let grad: Vec<f64> = single.grad.iter().map(|g| g.value()).collect();
    let of = |rounding| bounds(&problem, rounding, Kink::One, Reduction::Mean).grad;
    assert!(refuses(&grad, &exact.grad, &of(Rounding::of::<f64>())));
    assert_within("f32", &grad, &exact.grad, &of(Rounding::of::<f32>()));
}
