//! Promise: vector fields and dual numbers are as strict as the check of values.

use std::cell::Cell;

use handgrad::gradcheck::{
    Block, Check, Dual, Eval, Hint, Outcome, Probe, Verdict, branch, check_dual, check_jvp, jvp_scratch_len,
};
use handgrad::{Error, What};
use num_traits::Float;

/// A field from R^3 to R^4, and J v.
fn field(x: &[f64], out: &mut [f64]) {
    out.copy_from_slice(&[x[0] * x[1], x[2].sin(), (x[0] - x[2]).exp(), 7.0]);
}

fn field_jvp(x: &[f64], v: &[f64]) -> Vec<f64> {
    let slope = (x[0] - x[2]).exp();
    vec![v[0] * x[1] + x[0] * v[1], v[2] * x[2].cos(), (v[0] - v[2]) * slope, 0.0]
}

const X: [f64; 3] = [0.4, -1.2, 0.9];
const V: [f64; 3] = [1.0, 0.5, -2.0];
const OUTPUTS: [Block<'static>; 2] = [Block::vector("first", 1), Block::vector("rest", 3)];

#[test]
fn a_jacobian_vector_product() {
    for scale in [1e-6, 1.0, 1e6] {
        let v = V.map(|v| v * scale);
        let claims = field_jvp(&X, &v);
        let check = Check::new(&X, &claims).blocks(&OUTPUTS);
        let report = check.run_jvp(field, &v, &mut [f64::NAN; jvp_scratch_len(3, 4)]).unwrap();
        report.assert_ok();
        assert!(report.resolution() < 1e-9, "{report}");
        assert_eq!(report.counts().agree, 4 + 3 * 3);
    }
}

#[test]
fn a_wrong_one_is_found() {
    for (index, fault) in [(0, 1e-7), (1, -1e-7), (2, 1e-7), (3, 1e-7)] {
        let mut claims = field_jvp(&X, &V);
        claims[index] += fault;
        let check = Check::new(&X, &claims).blocks(&OUTPUTS);
        let report = check.run_jvp(field, &V, &mut [0.0; jvp_scratch_len(3, 4)]).unwrap();
        assert_eq!(report.outcome(), Outcome::Wrong, "{index}");
        let probe = report.worst().next().unwrap().probe;
        assert!(matches!(probe, Probe::Entry { index: at, .. } if at == index), "{report}");
    }
    let claims = field_jvp(&X, &V).iter().map(|claim| -claim).collect::<Vec<_>>();
    let report = check_jvp(field, &X, &V, &claims, &mut [0.0; jvp_scratch_len(3, 4)]).unwrap();
    assert_eq!(report.hint(), Some(Hint::Sign));
}

/// The direction through a block sees an error in its last entry.
#[test]
fn directions_through_outputs_see_all_of_them() {
    let mut claims = field_jvp(&X, &V);
    claims[3] += 1.0;
    let check = Check::new(&X, &claims).blocks(&OUTPUTS).coordinates(0).seed(1);
    let report = check.run_jvp(field, &V, &mut [0.0; jvp_scratch_len(3, 4)]).unwrap();
    let blocks: Vec<_> = report
        .worst()
        .filter(|entry| entry.verdict == Verdict::Disagree)
        .filter_map(|entry| match entry.probe {
            Probe::Direction { block, .. } => Some(block),
            _ => None,
        })
        .collect();
    assert_eq!(blocks.iter().filter(|block| **block == Some("rest")).count(), 3, "{report}");
    assert_eq!(blocks.iter().filter(|block| block.is_none()).count(), 3, "{report}");
    assert!(!blocks.contains(&Some("first")));
    let single = check_jvp(field, &X, &V, &field_jvp(&X, &V), &mut [0.0; jvp_scratch_len(3, 4)]).unwrap();
    assert_eq!(single.counts().agree, 4 + 3);
}

/// What resolutions of a field are relative to: the claim, for a direction all of the block's with their weights, or 1 %
/// of the root mean square of all claims.
#[test]
fn resolutions_of_a_field() {
    let slopes = [2.0, 30.0, 4.0, 1e-5];
    let linear = move |x: &[f64], out: &mut [f64]| {
        out.iter_mut().zip(slopes).for_each(|(out, slope)| *out = 1.0 + slope * x[0]);
    };
    let v = 4.0;
    let claims = slopes.map(|slope| v * slope);
    let blocks = [Block::vector("first", 1), Block::vector("rest", 2), Block::vector("small", 1)];
    let check = Check::new(&[1.0], &claims).blocks(&blocks);
    let minor = 0.01 * (claims.iter().map(|claim| claim * claim).sum::<f64>() / 4.0).sqrt();
    let mut seen = 0;
    for seed in 0..20 {
        let report = check.seed(seed).run_jvp(linear, &[v], &mut [0.0; jvp_scratch_len(1, 4)]).unwrap();
        for entry in report.worst() {
            let expected = match entry.probe {
                Probe::Entry { index: 3, .. } => minor,
                Probe::Entry { index: 1, .. } => claims[1],
                Probe::Direction { block: Some("first"), .. } => entry.claimed.abs().max(minor),
                _ => continue,
            };
            let got = ((entry.slope - entry.claimed).abs() + entry.error) / entry.resolution;
            assert!((got / expected - 1.0).abs() < 0.01, "{entry}: relative to {got}, expected {expected}");
            seen += 1;
        }
    }
    assert!(seen > 30, "{seen}");
}

/// Noise of an output counts in what it is part of, and nowhere else.
#[test]
fn noise_of_a_field() {
    let rough = |x: &[f64], out: &mut [f64]| {
        let value = x[0].sin() + 2.0;
        let hash = value.to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        out[0] = f64::from_bits(value.to_bits() & !0xff_ffff | hash);
        out[1] = x[0].cos();
    };
    let claims = [0.3f64.cos(), -0.3f64.sin()];
    for seed in 0..100 {
        let check = Check::new(&[0.3], &claims).seed(seed);
        let report = check.run_jvp(rough, &[1.0], &mut [0.0; jvp_scratch_len(1, 2)]).unwrap();
        assert!(report.is_ok(), "{report}");
        assert!(report.resolution() > 1e-8, "{report}");
        let sharp = [claims[0], claims[1] * (1.0 + 1e-8)];
        let check = Check::new(&[0.3], &sharp).seed(seed);
        let report = check.run_jvp(rough, &[1.0], &mut [0.0; jvp_scratch_len(1, 2)]).unwrap();
        assert_eq!(report.outcome(), Outcome::Wrong, "{report}");
    }
}

/// A kink in one output, and one output that is not defined to one side.
#[test]
fn a_field_with_edges() {
    let field = |x: &[f64], out: &mut [f64]| (out[0], out[1]) = (x[0].abs(), x[0].sqrt() * x[0] + x[0]);
    let run = |claims: &[f64]| {
        check_jvp(field, &[0.0], &[1.0], claims, &mut [0.0; jvp_scratch_len(1, 2)]).unwrap().outcome()
    };
    assert_eq!(run(&[0.5, 1.0]), Outcome::Holds);
    assert_eq!(run(&[1.5, 1.0]), Outcome::Wrong);
    assert_eq!(run(&[0.5, 1.1]), Outcome::Wrong);
}

#[test]
fn a_field_that_is_not_finite_or_not_deterministic() {
    let claims = [1.0, 2.0];
    let mut scratch = [0.0; jvp_scratch_len(1, 2)];
    let half = |x: &[f64], out: &mut [f64]| (out[0], out[1]) = (x[0], f64::NAN);
    let report = check_jvp(half, &[1.0], &[1.0], &claims, &mut scratch).unwrap();
    assert_eq!((report.outcome(), report.counts().non_finite), (Outcome::Wrong, 1));
    let good = |x: &[f64], out: &mut [f64]| (out[0], out[1]) = (x[0], 2.0 * x[0]);
    for (x, v, claims) in [(f64::NAN, 1.0, claims), (1.0, f64::INFINITY, claims), (1.0, 1.0, [f64::NAN, 2.0])]
    {
        let x = [x];
        let report = check_jvp(good, &x, &[v], &claims, &mut scratch).unwrap();
        assert_eq!(report.outcome(), Outcome::Wrong, "{report}");
        assert_eq!(report.counts().disagree, 0);
    }
    let calls = Cell::new(0.0);
    let counting = |x: &[f64], out: &mut [f64]| {
        calls.set(calls.get() + 1.0);
        (out[0], out[1]) = (x[0], 2.0 * x[0] + calls.get());
    };
    let report = check_jvp(counting, &[1.0], &[1.0], &claims, &mut scratch).unwrap();
    assert_eq!((report.outcome(), calls.get()), (Outcome::Inconclusive, 2.0));
    assert_eq!(report.evaluations(), 2);
}

#[test]
fn a_field_too_large_to_try_all_outputs() {
    let n = 500;
    let field = |x: &[f64], out: &mut [f64]| {
        out.iter_mut().zip(1..).for_each(|(out, i)| *out = (x[0] * f64::from(i) / 100.0).sin());
    };
    let mut claims: Vec<f64> =
        (1..=n).map(|i| f64::from(i) / 100.0 * (0.7 * f64::from(i) / 100.0).cos()).collect();
    let mut scratch = vec![0.0; jvp_scratch_len(1, 500)];
    let report = check_jvp(field, &[0.7], &[1.0], &claims, &mut scratch).unwrap();
    assert!(report.is_ok() && report.counts().agree < 40, "{report}");
    claims.chunks_exact_mut(2).for_each(|pair| (pair[0], pair[1]) = (pair[0] + 1e-5, pair[1] - 1e-5));
    let report = check_jvp(field, &[0.7], &[1.0], &claims, &mut scratch).unwrap();
    assert_eq!(report.outcome(), Outcome::Wrong);
}

#[test]
fn misuse_of_a_field_check() {
    let never = |_: &[f64], _: &mut [f64]| panic!("called in spite of a misuse");
    let run = |x: &[f64], v: &[f64], claims: &[f64], len| {
        check_jvp(never, x, v, claims, &mut vec![0.0; len]).unwrap_err()
    };
    let length = |what, expected, got| Error::Length { what, expected, got };
    assert_eq!(run(&[], &[], &[1.0], 99), Error::Zero { what: What::Point });
    assert_eq!(run(&[1.0], &[1.0], &[], 99), Error::Zero { what: What::Jvp });
    assert_eq!(run(&[1.0], &[1.0, 2.0], &[1.0], 99), length(What::Direction, 1, 2));
    assert_eq!(run(&[1.0, 2.0], &[1.0, 2.0], &[1.0; 3], 16), length(What::Scratch, 17, 16));
    let check = Check::new(&[1.0], &[1.0]).blocks(&OUTPUTS);
    assert_eq!(check.run_jvp(never, &[1.0], &mut [0.0; 99]), Err(length(What::Blocks, 1, 4)));
}

fn bump<T: Float>(x: &[T]) -> T {
    (x[0] * x[1]).exp() * x[2].sin() + x[1]
}

fn bump_grad(x: &[f64; 3]) -> [f64; 3] {
    let (e, (sin, cos)) = ((x[0] * x[1]).exp(), x[2].sin_cos());
    [x[1] * e * sin, x[0] * e * sin + 1.0, e * cos]
}

#[test]
fn dual_numbers_see_the_thirteenth_digit() {
    let mut scratch = [Dual::constant(f64::NAN); 6];
    let right = bump_grad(&X);
    let report = check_dual(bump, &X, &right, &mut scratch).unwrap();
    assert!(report.is_ok() && report.resolution() < 1e-13, "{report}");
    assert_eq!(report.counts().agree, 3 + 3);
    for index in 0..3 {
        let mut claims = right;
        claims[index] *= 1.0 + 2e-13;
        let report = check_dual(bump, &X, &claims, &mut scratch).unwrap();
        assert_eq!(report.outcome(), Outcome::Wrong, "{index}");
        assert!(
            matches!(report.worst().next().unwrap().probe, Probe::Entry { index: at, .. } if at == index)
        );
    }
}

/// x² - y² where x and y are nearly the same: what cancels in the slope is in the error bar.
#[test]
fn rounding_that_cancels_is_not_called_wrong() {
    let f = |x: &[Dual<f64>]| {
        let big = x[0] * Dual::constant(1e6) + Dual::constant(1e9);
        (big * big - Dual::constant(1e18)) - big * Dual::constant(2e9 - 2.0)
    };
    // f = (b - 1e9)² - 2e18 + 2b, with b = 1e9 + 1e6 x: f' = 2e12 x + 2e6.
    let claims = [2e12 * 0.3 + 2e6];
    for seed in 0..500 {
        let check = Check::new(&[0.3], &claims).seed(seed);
        let report = check.run_dual(f, &mut [Dual::constant(0.0); 2]).unwrap();
        assert_ne!(report.outcome(), Outcome::Wrong, "{report}");
        assert!(report.resolution() > 1e-14, "{report}");
    }
}

/// A slope of 0 that rounding does not find to be 0, claimed as 0: not wrong, whatever else.
#[test]
fn rounding_instead_of_zero_is_not_called_wrong() {
    // (x + 0.1) (x + 0.1) - x x - 0.2 x: its slope is 0.
    let f = |x: &[Dual<f64>]| {
        let (tenth, fifth) = (Dual::constant(0.1), Dual::constant(0.2));
        (x[0] + tenth) * (x[0] + tenth) - x[0] * x[0] - fifth * x[0]
    };
    for seed in 0..500 {
        let x = [0.1 + seed as f64 * 0.37];
        let report = Check::new(&x, &[0.0]).seed(seed).run_dual(f, &mut [Dual::constant(0.0); 2]).unwrap();
        assert_ne!(report.outcome(), Outcome::Wrong, "{report}");
        let report = Check::new(&x, &[1e-6]).seed(seed).run_dual(f, &mut [Dual::constant(0.0); 2]).unwrap();
        assert_eq!(report.outcome(), Outcome::Wrong, "{report}");
    }
}

/// Where nothing is noisy the bar is 32 units of rounding of what a resolution is relative to: the claim, or 1 % of the
/// influence of the most influential block.
#[test]
fn error_bars_of_dual_numbers() {
    let f = |x: &[Dual<f64>]| Dual::constant(3.0) * x[0] + Dual::constant(0.0) * x[1];
    let (x, claims) = ([2.0, 0.25], [3.0, 0.0]);
    let blocks = [Block::vector("large", 1), Block::vector("small", 1)];
    let check = Check::new(&x, &claims).blocks(&blocks).directions(1);
    let report = check.run_dual(f, &mut [Dual::constant(0.0); 4]).unwrap();
    let (unit, influence) = (32.0 * f64::EPSILON, 0.01 * 3.0 * 2.0);
    assert_eq!(report.worst().count(), 2 + 3, "all of them");
    for entry in report.worst() {
        let expected = match entry.probe {
            Probe::Entry { index: 0, .. } => unit * 3.0,
            Probe::Entry { .. } => unit * influence / 0.25,
            Probe::Direction { block: Some("small"), .. } => unit * influence,
            _ => unit * influence.hypot(entry.claimed),
        };
        // Up to two and a half times as much for the rounding of the derivatives themselves.
        assert!((0.999..2.5).contains(&(entry.error / expected)), "{entry}: expected {expected:e}");
        // Directions move each entry in proportion to its own scale.
        assert!(
            matches!(entry.probe, Probe::Entry { .. }) || entry.claimed.abs() < 4.0 * 3.0 * 2.0,
            "{entry}"
        );
    }
}

/// If every point beside x is in another branch, nothing is known of rounding, and nothing is judged.
#[test]
fn branches_all_over() {
    let f = |x: &[Dual<f64>]| Eval::new(x[0] * x[0]).branch(x[0].re.to_bits());
    for claim in [4.0, 4.0 + 1e-9, 5.0] {
        let claims = [claim];
        let report = check_dual(f, &[2.0], &claims, &mut [Dual::constant(0.0); 2]).unwrap();
        assert_eq!(report.outcome(), Outcome::Inconclusive, "{report}");
    }
}

#[test]
fn with_branches_a_kink_is_checked_in_its_own_convention() {
    let relu = |x: &[Dual<f64>]| {
        let zero = Dual::constant(0.0);
        Eval::new(if x[0] >= zero { x[0] } else { zero }).branch(branch([x[0] >= zero]))
    };
    for (claim, outcome) in [(1.0, Outcome::Holds), (0.0, Outcome::Wrong), (0.5, Outcome::Wrong)] {
        let claims = [claim];
        let report = check_dual(relu, &[0.0], &claims, &mut [Dual::constant(0.0); 2]).unwrap();
        assert_eq!(report.outcome(), outcome, "{report}");
    }
}

#[test]
fn what_is_not_finite_or_repeatable_in_dual_numbers() {
    let mut scratch = [Dual::constant(0.0); 6];
    let right = bump_grad(&X);
    let never_finite = |_: &[Dual<f64>]| Dual::constant(f64::INFINITY);
    assert_eq!(check_dual(never_finite, &X, &right, &mut scratch).unwrap().counts().non_finite, 1);
    let claims = [right[0], f64::NAN, right[2]];
    let report = check_dual(bump, &X, &claims, &mut scratch).unwrap();
    assert_eq!(report.worst().next().unwrap().to_string(), "x[1]: not finite: NaN");
    let calls = Cell::new(0.0);
    let counting = |x: &[Dual<f64>]| {
        calls.set(calls.get() + 1.0);
        x[0] + Dual::constant(calls.get())
    };
    let report = check_dual(counting, &X, &right, &mut scratch).unwrap();
    assert_eq!((report.outcome(), report.evaluations()), (Outcome::Inconclusive, 2));
    // A slope that is not finite where the value is: nothing to compare with.
    let root = |x: &[Dual<f64>]| x[0].abs().sqrt();
    let report = check_dual(root, &[0.0], &[0.0], &mut scratch).unwrap();
    assert_eq!(report.outcome(), Outcome::Inconclusive, "{report}");
    let too_short = check_dual(bump, &X, &right, &mut scratch[..5]).unwrap_err();
    assert_eq!(too_short, Error::Length { what: What::Scratch, expected: 6, got: 5 });
}

/// In large blocks the same sample, in f32 the same strictness.
#[test]
fn dual_numbers_in_large_blocks_and_in_f32() {
    let x: Vec<f32> = (0..300).map(|i| 1.0 + 0.1 * (i as f32).sin()).collect();
    let f = |x: &[Dual<f32>]| x.iter().fold(Dual::constant(0.0), |sum, &x| sum + x * x * x);
    let mut claims: Vec<f32> = x.iter().map(|x| 3.0 * x * x).collect();
    let mut scratch = vec![Dual::constant(0.0); 600];
    let report = check_dual(f, &x, &claims, &mut scratch).unwrap();
    assert!(report.is_ok() && report.counts().agree <= 32 + 3 && report.resolution() < 1e-4, "{report}");
    claims.chunks_exact_mut(2).for_each(|pair| (pair[0], pair[1]) = (pair[0] + 1e-3, pair[1] - 1e-3));
    assert_eq!(check_dual(f, &x, &claims, &mut scratch).unwrap().outcome(), Outcome::Wrong);
}
