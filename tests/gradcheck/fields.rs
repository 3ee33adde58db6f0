//! Promise: Jacobians, and products with them from the left, are judged as strictly as gradients.

use std::cell::Cell;

use handgrad::gradcheck::{
    Block, Check, Hint, Outcome, Probe, Report, Verdict, check_jacobian, check_vjp, jacobian_scratch_len,
    vjp_scratch_len,
};
use handgrad::{Error, What};
use num_traits::Float;

/// A field from R^3 to R^4, and its Jacobian.
fn field<T: Float>(x: &[T], out: &mut [T]) {
    out.copy_from_slice(&[x[0] * x[1], x[2].sin(), (x[0] - x[2]).exp(), x[1] + x[1]]);
}

fn jacobian<T: Float>(x: &[T]) -> [T; 12] {
    let (e, zero, two) = ((x[0] - x[2]).exp(), T::zero(), T::one() + T::one());
    [x[1], x[0], zero, zero, zero, x[2].cos(), e, zero, -e, zero, two, zero]
}

const X: [f64; 3] = [0.4, -1.2, 0.9];
const BLOCKS: [Block<'static>; 2] = [Block::matrix("W", 1, 2), Block::vector("b", 1)];

fn run(claims: &[f64]) -> Report<'static> {
    let mut scratch = [f64::NAN; jacobian_scratch_len(3, 4)];
    Check::new(&X, claims).blocks(&BLOCKS).run_jacobian(field, &mut scratch).unwrap()
}

#[test]
fn a_right_jacobian() {
    let report = run(&jacobian(&X));
    report.assert_ok();
    assert!(report.resolution() < 1e-9 && report.to_string().starts_with("Jacobian check: the"), "{report}");
    assert_eq!(report.counts().agree, 12 + 3 * 3);
    let single = check_jacobian(field, &X, &jacobian(&X), &mut [0.0; jacobian_scratch_len(3, 4)]).unwrap();
    assert_eq!(single.counts().agree, 12 + 3);
    for seed in 0..200 {
        let x = X.map(|x| (x + seed as f64 * 0.01) as f32);
        let claims = jacobian(&x);
        let report = Check::new(&x, &claims).seed(seed).run_jacobian_alloc(field::<f32>).unwrap();
        assert_ne!(report.outcome(), Outcome::Wrong, "{report}");
    }
}

#[test]
fn a_wrong_entry_is_named() {
    let names = ["W[0, 0]", "W[0, 1]", "b[0]"];
    for index in 0..12 {
        let mut claims = jacobian(&X);
        claims[index] += 1e-7;
        let report = run(&claims);
        assert_eq!(report.outcome(), Outcome::Wrong, "{index}");
        let entry = report.worst().next().unwrap();
        let expected = format!("output {} by {}", index / 3, names[index % 3]);
        assert_eq!(entry.probe.to_string(), expected, "{report}");
        assert!(matches!(entry.probe, Probe::Entry { output: Some(output), index: place, .. }
            if [output, place] == [index / 3, index % 3]));
        let entries = report.worst().filter(|entry| matches!(entry.probe, Probe::Entry { .. }));
        assert_eq!(entries.filter(|entry| entry.verdict == Verdict::Disagree).count(), 1, "{report}");
        assert!((entry.slope - jacobian(&X)[index]).abs() <= entry.error);
    }
}

/// Directions alone see an error in any entry, each in the blocks that have it.
#[test]
fn directions_through_a_jacobian() {
    for index in 0..12 {
        let mut claims = jacobian(&X);
        claims[index] += 1e-3;
        for seed in 0..20 {
            let check = Check::new(&X, &claims).blocks(&BLOCKS).seed(seed);
            let report = check.run_jacobian_alloc(field::<f64>).unwrap();
            let wrong = report.worst().filter(|entry| entry.verdict == Verdict::Disagree);
            let blocks: Vec<_> = wrong
                .filter_map(|entry| match entry.probe {
                    Probe::Direction { block, .. } => Some(block),
                    _ => None,
                })
                .collect();
            let [this, other] = if index % 3 < 2 { ["W", "b"] } else { ["b", "W"] };
            let count = |which| blocks.iter().filter(|block| **block == which).count();
            assert_eq!([count(None), count(Some(this)), count(Some(other))], [3, 3, 0], "{report}");
        }
    }
}

#[test]
fn hints_of_a_jacobian() {
    let right = jacobian(&X);
    assert_eq!(run(&right.map(|claim| -claim)).hint(), Some(Hint::Sign));
    assert_eq!(run(&right.map(|claim| 2.0 * claim)).hint(), Some(Hint::TooLarge(2)));
    let mut by_columns = [0.0; 12];
    (0..12).for_each(|i| by_columns[i % 3 * 4 + i / 3] = right[i]);
    assert_eq!(run(&by_columns).hint(), Some(Hint::Transposed), "{}", run(&by_columns));
    // Each row at the output before it.
    let mut moved = right;
    moved[..9].copy_from_slice(&right[3..]);
    assert_eq!(run(&moved).hint(), Some(Hint::Row(-1)), "{}", run(&moved));
}

/// 50 outputs by 40 entries: 32 of the 2000 are tried, the directions see the rest.
#[test]
fn a_large_jacobian_is_sampled() {
    let (n, outputs) = (40, 50);
    let x: Vec<f64> = (0..n).map(|i| 1.0 + 0.5 * (i as f64).sin()).collect();
    let factor = |i: usize, j: usize| (1.0 + (i * n + j) as f64).cos();
    let calls = Cell::new(0);
    let field = |x: &[f64], out: &mut [f64]| {
        calls.set(calls.get() + 1);
        for (i, out) in out.iter_mut().enumerate() {
            *out = x.iter().enumerate().map(|(j, x)| factor(i, j) * x * x).sum();
        }
    };
    let right: Vec<f64> = (0..n * outputs).map(|at| 2.0 * factor(at / n, at % n) * x[at % n]).collect();
    let mut scratch = vec![0.0; jacobian_scratch_len(n, outputs)];
    let report = check_jacobian(field, &x, &right, &mut scratch).unwrap();
    assert!(report.is_ok() && report.counts().agree <= 32 + 3, "{report}");
    assert_eq!(report.evaluations(), calls.get());
    let mut wrong = right.clone();
    wrong.chunks_exact_mut(2).for_each(|pair| (pair[0], pair[1]) = (pair[0] + 1e-5, pair[1] - 1e-5));
    let report = check_jacobian(field, &x, &wrong, &mut scratch).unwrap();
    assert_eq!(report.outcome(), Outcome::Wrong);
    let directions = report.worst().filter(|entry| matches!(entry.probe, Probe::Direction { .. }));
    let directions = directions.count();
    let mut one = right.clone();
    one[1234] += 1e-2;
    let check = Check::new(&x, &one).evaluations(220);
    let report = check.run_jacobian(field, &mut scratch).unwrap();
    assert_eq!(report.outcome(), Outcome::Wrong, "by a direction, {directions}: {report}");
}

/// What resolutions are relative to: the claim, or the root mean square of all outputs' claims in the block.
#[test]
fn resolutions_of_a_jacobian() {
    let right = [3.0, 0.5, 4.0, 1.0, 0.25, 2.0];
    let linear = move |x: &[f64], out: &mut [f64]| {
        for (out, row) in out.iter_mut().zip(right.chunks_exact(2)) {
            *out = 1.0 + row[0] * x[0] + row[1] * x[1];
        }
    };
    let blocks = [Block::vector("a", 1), Block::vector("b", 1)];
    let check = Check::new(&[1.0, 1.0], &right).blocks(&blocks).directions(0);
    let report = check.run_jacobian_alloc(linear).unwrap();
    let rms = |a: f64, b: f64, c: f64| ((a * a + b * b + c * c) / 3.0).sqrt();
    let sizes = [rms(3.0, 4.0, 0.25), rms(0.5, 1.0, 2.0)];
    assert_eq!(report.worst().count(), 6);
    for entry in report.worst() {
        let Probe::Entry { output: Some(output), index, .. } = entry.probe else { panic!("{entry}") };
        let expected = right[2 * output + index].max(sizes[index]);
        let got = ((entry.slope - entry.claimed).abs() + entry.error) / entry.resolution;
        assert!((got / expected - 1.0).abs() < 0.01, "{entry}: relative to {got}, expected {expected}");
    }
}

/// A kink in one output, and one that is not defined to one side.
#[test]
fn a_jacobian_with_edges() {
    let field = |x: &[f64], out: &mut [f64]| (out[0], out[1]) = (x[0].abs(), x[0].sqrt() * x[0] + x[0]);
    let run = |claims: &[f64]| Check::new(&[0.0], claims).run_jacobian_alloc(field).unwrap().outcome();
    assert_eq!(run(&[0.5, 1.0]), Outcome::Holds);
    assert_eq!(run(&[1.5, 1.0]), Outcome::Wrong);
    assert_eq!(run(&[0.5, 1.1]), Outcome::Wrong);
}

/// 0/0 at x, where the output has its limit: its noise is measured beside x alone, where it may hide all slopes. Then claims are
/// unresolved, and never taken for right.
#[test]
fn a_jacobian_beside_a_removable_singularity() {
    let filled = |x: f64| if x == 0.0 { 1.0 } else { (x.exp() - 1.0) / x };
    let field = |x: &[f64], out: &mut [f64]| (out[0], out[1]) = (filled(x[0]), x[1].sin());
    let mut unresolved = 0;
    for seed in 0..200 {
        let run = |slope: f64| {
            let claims = [slope, 0.0, 0.0, 1.5f64.cos()];
            Check::new(&[0.0, 1.5], &claims).seed(seed).run_jacobian_alloc(field).unwrap()
        };
        assert_ne!(run(0.5).outcome(), Outcome::Wrong, "{}", run(0.5));
        for wrong in [-0.5, 0.0, 1.0] {
            let report = run(wrong);
            let is_it = |probe| matches!(probe, Probe::Entry { output: Some(0), index: 0, .. });
            let entry = report.worst().find(|entry| is_it(entry.probe)).unwrap();
            assert!(entry.verdict <= Verdict::Unresolved, "{report}");
            unresolved += usize::from(entry.verdict == Verdict::Unresolved);
        }
    }
    assert!((1..200).contains(&unresolved), "the docs say that it may be: {unresolved}");
}

/// Noise of an output counts in what it is part of, and nowhere else.
#[test]
fn noise_of_a_jacobian() {
    let rough = |x: &[f64], out: &mut [f64]| {
        let value = (x[0] + x[1]).sin() + 2.0;
        let hash = value.to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        (out[0], out[1]) = (f64::from_bits(value.to_bits() & !0xff_ffff | hash), x[0].cos() * x[1]);
    };
    let x = [0.3, 0.4];
    let right = [0.7f64.cos(), 0.7f64.cos(), -0.4 * 0.3f64.sin(), 0.3f64.cos()];
    for seed in 0..100 {
        let report = Check::new(&x, &right).seed(seed).run_jacobian_alloc(rough).unwrap();
        assert!(report.is_ok() && report.resolution() > 1e-8, "{report}");
        for index in [2, 3] {
            let mut sharp = right;
            sharp[index] *= 1.0 + 1e-7;
            let report = Check::new(&x, &sharp).seed(seed).run_jacobian_alloc(rough).unwrap();
            assert_eq!(report.outcome(), Outcome::Wrong, "{report}");
        }
    }
}

#[test]
fn a_jacobian_that_is_not_finite_or_not_deterministic() {
    let mut claims = jacobian(&X);
    claims[7] = f64::NAN;
    let report = run(&claims);
    assert_eq!(report.worst().next().unwrap().to_string(), "output 2 by W[0, 1]: not finite: NaN");
    let half = |x: &[f64], out: &mut [f64]| (out[0], out[1]) = (x[0], f64::NAN);
    let report = Check::new(&[1.0], &[1.0, 1.0]).run_jacobian_alloc(half).unwrap();
    assert_eq!((report.outcome(), report.counts().non_finite), (Outcome::Wrong, 1));
    let report = Check::new(&[f64::NAN; 3], &jacobian(&X)).run_jacobian_alloc(field::<f64>).unwrap();
    assert_eq!(report.worst().filter(|entry| entry.to_string() == "x[1]: not finite: NaN").count(), 1);
    let calls = Cell::new(0.0);
    let counting = |x: &[f64], out: &mut [f64]| {
        calls.set(calls.get() + 1.0);
        out[0] = x[0] + calls.get();
    };
    let report = Check::new(&[1.0], &[1.0]).run_jacobian_alloc(counting).unwrap();
    assert_eq!((report.outcome(), calls.get()), (Outcome::Inconclusive, 2.0));
}

const W: [f64; 4] = [1.0, -2.0, 0.5, 3.0];

fn pulled_back(w: &[f64]) -> [f64; 3] {
    core::array::from_fn(|j| w.iter().enumerate().map(|(i, w)| w * jacobian(&X)[3 * i + j]).sum())
}

#[test]
fn a_vector_jacobian_product() {
    let mut scratch = [f64::NAN; vjp_scratch_len(3, 4)];
    let report = check_vjp(field, &X, &W, &pulled_back(&W), &mut scratch).unwrap();
    report.assert_ok();
    assert!(
        report.resolution() < 1e-9 && report.to_string().starts_with("vector-Jacobian product check: the")
    );
    for index in 0..3 {
        let mut claims = pulled_back(&W);
        claims[index] += 1e-7;
        let check = Check::new(&X, &claims).blocks(&BLOCKS);
        let report = check.run_vjp(field, &W, &mut scratch).unwrap();
        let probe = report.worst().next().unwrap().probe;
        assert_eq!(report.outcome(), Outcome::Wrong);
        assert!(matches!(probe, Probe::Entry { index: at, .. } if at == index), "{report}");
    }
    // J instead of Jᵀ would not even have as many entries; the product with another w is wrong.
    let report = check_vjp(field, &X, &W, &pulled_back(&[1.0, -2.0, 0.5, 2.9]), &mut scratch).unwrap();
    assert_eq!(report.outcome(), Outcome::Wrong);
    // What has weight 0 has no part in it.
    let half = |x: &[f64], out: &mut [f64]| (out[0], out[1]) = (x[0] * x[0], f64::NAN);
    Check::new(&[2.0], &[12.0]).run_vjp_alloc(half, &[3.0, 0.0]).unwrap().assert_ok();
    let report = Check::new(&[2.0], &[12.0]).run_vjp_alloc(half, &[3.0, 1.0]).unwrap();
    assert_eq!(report.counts().non_finite, 1);
}

#[test]
fn misuse_of_field_checks() {
    let never = |_: &[f64], _: &mut [f64]| panic!("called in spite of a misuse");
    let length = |what, expected, got| Error::Length { what, expected, got };
    let point = Error::Zero { what: What::Point };
    let jacobian = |x: &[f64], claims: &[f64], scratch: usize| {
        check_jacobian(never, x, claims, &mut vec![0.0; scratch]).unwrap_err()
    };
    assert_eq!(jacobian(&[], &[1.0], 99), point);
    assert_eq!(jacobian(&[1.0, 2.0], &[], 99), Error::Zero { what: What::Jacobian });
    assert_eq!(jacobian(&[1.0, 2.0], &[1.0; 5], 99), length(What::Jacobian, 6, 5));
    assert_eq!(jacobian(&[1.0, 2.0], &[1.0; 6], 20), length(What::Scratch, 3 * 2 + 5 * 3, 20));
    let check = Check::new(&[1.0], &[1.0]).blocks(&BLOCKS);
    assert_eq!(check.run_jacobian(never, &mut [0.0; 99]), Err(length(What::Blocks, 1, 3)));
    let vjp = |x: &[f64], w: &[f64], claims: &[f64], scratch: usize| {
        check_vjp(never, x, w, claims, &mut vec![0.0; scratch]).unwrap_err()
    };
    assert_eq!(vjp(&[], &[1.0], &[], 99), point);
    assert_eq!(vjp(&[1.0], &[], &[1.0], 99), Error::Zero { what: What::Weights });
    assert_eq!(vjp(&[1.0], &[1.0], &[1.0, 2.0], 99), length(What::Gradient, 1, 2));
    assert_eq!(vjp(&[1.0], &[1.0, 2.0], &[1.0], 3), length(What::Scratch, 4, 3));
}
