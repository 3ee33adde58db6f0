//! Promise: the gradient checker tells right from wrong. Verdict by verdict; how often it is right is measured in
//! `detection` and `gradcheck_nets`.

use std::cell::Cell;

use handgrad::gradcheck::{
    Check, Dual, Eval, Outcome, Probe, Report, Verdict, branch, check, check_dual, check_jvp,
    jvp_scratch_len, scratch_len,
};
use handgrad::{Error, What};
use num_traits::Float;
use twofloat::TwoFloat;

/// A check with all settings as they are, in scratch full of NaN.
fn run(f: impl Fn(&[f64]) -> f64, x: &[f64], claims: &[f64]) -> Report<'static> {
    check(|x: &[f64]| f(x), x, claims, &mut vec![f64::NAN; scratch_len(x.len())]).unwrap()
}

fn verdicts(report: &Report<'_>) -> Vec<Verdict> {
    report.worst().map(|entry| entry.verdict).collect()
}

#[test]
fn at_a_kink_the_claim_must_lie_between_the_slopes() {
    for (claim, outcome) in [
        (-1.0, Outcome::Holds),
        (0.0, Outcome::Holds),
        (1.0, Outcome::Holds),
        (1.5, Outcome::Wrong),
        (-1.001, Outcome::Wrong),
    ] {
        let claims = [claim];
        let report = run(|x| x[0].abs(), &[0.0], &claims);
        assert_eq!(report.outcome(), outcome, "{claim}: {report}");
        assert_eq!(report.counts().agree, 0);
        assert_eq!(report.resolution(), f64::INFINITY, "a kink resolves nothing");
        if outcome == Outcome::Holds {
            assert!(verdicts(&report).iter().all(|verdict| *verdict == Verdict::Kink), "{report}");
            let entry = report.worst().find(|entry| matches!(entry.probe, Probe::Entry { .. })).unwrap();
            assert!((entry.slope - entry.error + 1.0).abs() < 1e-10, "from -1: {entry}");
            assert!((entry.slope + entry.error - 1.0).abs() < 1e-10, "to 1: {entry}");
        }
    }
}

/// However near it is, a kink beside the point leaves one slope, and it is found.
#[test]
fn beside_a_kink_there_is_one_slope() {
    for distance in [1e-12, 1e-9, 1e-6, 1e-3] {
        for (x, right, wrong) in [(distance, 1.0, 0.0), (-distance, -1.0, 0.5)] {
            assert!(run(|x| x[0].abs(), &[x], &[right]).resolution() < 1e-12);
            assert_eq!(run(|x| x[0].abs(), &[x], &[wrong]).outcome(), Outcome::Wrong);
        }
    }
}

/// Two kinks closer to the point than any step: without branches nobody can see them. With them the slope is
/// found, or it is said that there is none to find.
#[test]
fn branches_show_what_values_hide() {
    let f = |x: f64| (x - 1e-15).max(0.0) - (-x - 1e-15).max(0.0) + x * x;
    let named = |x: &[f64]| Eval::new(f(x[0])).branch(branch([x[0] > 1e-15, x[0] < -1e-15]));
    assert_eq!(run(|x| f(x[0]), &[0.0], &[0.0]).outcome(), Outcome::Wrong);
    assert_ne!(check(named, &[0.0], &[0.0], &mut [0.0; 2]).unwrap().outcome(), Outcome::Wrong);
    // A little farther away the steps that fit between the kinks resolve it.
    let f = |x: f64| (x - 1e-9).max(0.0) - (-x - 1e-9).max(0.0) + x;
    let named = |x: &[f64]| Eval::new(f(x[0])).branch(branch([x[0] > 1e-9, x[0] < -1e-9]));
    let report = check(named, &[0.0], &[1.0], &mut [0.0; 2]).unwrap();
    assert!(report.is_ok() && report.resolution() < 1e-12, "{report}");
    assert_eq!(check(named, &[0.0], &[1.0 + 1e-9], &mut [0.0; 2]).unwrap().outcome(), Outcome::Wrong);
}

/// Branches also make a smooth check sharper: only then is the central difference believed alone.
#[test]
fn branches_sharpen() {
    let f = |x: &[f64]| (x[0] * x[1]).exp();
    let (x, e) = ([0.5, 0.75], 0.375f64.exp());
    let claims = [0.75 * e, 0.5 * e];
    let plain = run(f, &x, &claims);
    let named = check(|x: &[f64]| Eval::new(f(x)).branch(0), &x, &claims, &mut [0.0; 4]).unwrap();
    assert!(named.is_ok() && named.resolution() < plain.resolution() / 4.0, "{named}\n{plain}");
}

/// max(0, t) - max(0, -t) is t, and with ReLU'(0) = 1 the convention claims 2.
#[test]
fn where_kinks_cross_a_convention_is_judged_only_if_branches_are_not_named() {
    let f = |x: &[f64]| x[0].max(0.0) - (-x[0]).max(0.0);
    let named = |x: &[f64]| Eval::new(f(x)).branch(branch([x[0] >= 0.0, -x[0] >= 0.0]));
    assert_eq!(run(f, &[0.0], &[2.0]).outcome(), Outcome::Wrong);
    assert!(run(f, &[0.0], &[1.0]).is_ok());
    let report = check(named, &[0.0], &[2.0], &mut [0.0; 2]).unwrap();
    assert_eq!(report.outcome(), Outcome::Inconclusive, "{report}");
    assert!(check(named, &[0.0], &[1.0], &mut [0.0; 2]).unwrap().is_ok());
    // One kink: one side belongs to the point's branch, and the claim is judged.
    let relu = |x: &[f64]| Eval::new(x[0].max(0.0)).branch(branch([x[0] >= 0.0]));
    for (claim, outcome) in
        [(0.0, Outcome::Holds), (1.0, Outcome::Holds), (1.01, Outcome::Wrong), (-0.01, Outcome::Wrong)]
    {
        assert_eq!(check(relu, &[0.0], &[claim], &mut [0.0; 2]).unwrap().outcome(), outcome, "{claim}");
    }
}

#[test]
fn at_the_edge_of_the_domain_the_slope_inside_counts() {
    let f = |x: &[f64]| x[0].sqrt() * x[0] + 3.0 * x[0];
    assert!(run(f, &[0.0], &[3.0]).is_ok());
    assert_eq!(run(f, &[0.0], &[2.9]).outcome(), Outcome::Wrong);
    // The other edge.
    let f = |x: &[f64]| (1.0 - x[0]).sqrt() * (1.0 - x[0]) + 3.0 * x[0];
    assert!(run(f, &[1.0], &[3.0]).is_ok());
    assert_eq!(run(f, &[1.0], &[2.9]).outcome(), Outcome::Wrong);
    // Just inside, wide steps leave the domain and narrow ones do not.
    let (x, claims) = ([1e-8f64], [1e-8f64.ln() + 1.0]);
    let report = run(|x| x[0] * x[0].ln(), &x, &claims);
    assert!(report.is_ok() && report.resolution() < 1e-9, "{report}");
}

#[test]
fn without_a_slope_nothing_is_concluded() {
    let step = |x: &[f64]| f64::from(u8::from(x[0] > 0.0));
    let root = |x: &[f64]| x[0].abs().sqrt();
    let nowhere = |x: &[f64]| if x[0] == 0.0 { 1.0 } else { f64::NAN };
    for f in [&step as &dyn Fn(&[f64]) -> f64, &root, &nowhere] {
        for claim in [0.0, 1.0, -5.0] {
            let claims = [claim];
            let report = run(f, &[0.0], &claims);
            assert_eq!(report.outcome(), Outcome::Inconclusive, "{report}");
            assert!(verdicts(&report).iter().all(|verdict| *verdict == Verdict::Unresolved), "{report}");
            assert_eq!(report.blind(), Some("x"));
        }
    }
}

/// What a probe of f64 takes at most. Its steps are halved from 0.23 of the scale down to the power 2.5 of the roundoff, 2^-52:
/// 2^128 times, with two evaluations each. Then it looks for a jump, with 6 + 4 · 20, and takes the steps once more.
const PROBE: usize = 2 * (2 * 128) + 6 + 4 * 20;

/// And everything else: the value at x, twice, and again at the end; noise along 8 directions with 2 steps each; and if f stands
/// still over these, along 8 directions until it moves, in steps that grow fourfold from 2^-46 to 0.23, 23 at most, with 4 more.
const BESIDES: usize = 3 + 2 * (8 * 2) + 2 * (8 * (23 + 4));

/// Of a field evaluations are single ones: 8 times 4 for noise, and along 4 directions the same steps, each with one more.
const BESIDES_OF_FIELD: usize = 3 + 8 * 4 + 4 * (2 * 24);

/// Points, slopes and values at the ends of the range: whatever is said of them, it is said.
#[test]
fn every_check_ends() {
    let most = std::cell::Cell::new(0);
    let tiny = f64::from_bits(3);
    let extremes =
        [tiny, -tiny, 1e-310, f64::MIN_POSITIVE, 1e-200, 0.0, -0.0, 1.0, 1e200, f64::MAX, f64::MIN];
    let functions: [fn(f64) -> f64; 5] =
        [|x| x, |x| x * x, |x| x.abs().sqrt(), |x| 1.0 / x, |x| (x * 1e300).sin()];
    for x in extremes {
        for claim in extremes {
            for f in functions {
                let report = run(|x| f(x[0]), &[x], &[claim]);
                most.set(report.evaluations().max(most.get()));
                // An entry and three directions.
                assert!(report.evaluations() <= BESIDES + 4 * PROBE, "{report}");
            }
            let field = |x: &[f64], out: &mut [f64]| (out[0], out[1]) = (x[0], x[0] * x[0]);
            let mut scratch = [0.0; jvp_scratch_len(1, 2)];
            for v in extremes {
                let report = check_jvp(field, &[x], &[v], &[claim, claim], &mut scratch).unwrap();
                // Two entries and three directions.
                assert!(report.evaluations() <= BESIDES_OF_FIELD + 5 * PROBE, "{report}");
            }
            let cube = |x: &[Dual<f64>]| x[0] * x[0] * x[0];
            check_dual(cube, &[x], &[claim], &mut [Dual::constant(0.0); 2]).unwrap();
        }
    }
    // And where x is subnormal, slopes are still found.
    let report = run(|x| 1e300 * x[0], &[1e-310], &[1e300]);
    assert!(report.is_ok(), "{report}");
}

#[test]
fn noise_is_measured_and_never_forgotten() {
    // The low 20 bits of the value are random: noise of 2^-33 relative.
    let rough = |x: &[f64]| {
        let value = (x[0] + x[1]).sin() + 2.0;
        let hash = value.to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44;
        f64::from_bits(value.to_bits() & !0xf_ffff | hash)
    };
    let (x, slope) = ([0.3, 0.4], 0.7f64.cos());
    for seed in 0..50 {
        let claims = [slope; 2];
        let report = Check::new(&x, &claims).seed(seed).run(rough, &mut [0.0; 4]).unwrap();
        assert!(report.is_ok(), "{report}");
        assert!((1e-8..1e-4).contains(&report.resolution()), "{report}");
        // Errors above the noise are found, errors below it are not invented.
        let wrong = [slope * 1.001, slope];
        let report = Check::new(&x, &wrong).seed(seed).run(rough, &mut [0.0; 4]).unwrap();
        assert_eq!(report.outcome(), Outcome::Wrong, "{report}");
    }
}

/// A table of a function: piecewise constant, so between neighbouring points its noise does not show.
#[test]
fn noise_that_does_not_show_can_be_declared() {
    let table = |x: &[f64]| (1e6 * x[0].sin()).round() / 1e6;
    let (x, claims) = ([0.5], [0.5f64.cos()]);
    let declared = |x: &[f64]| Eval::new(table(x)).noise(0.5e-6);
    for seed in 0..50 {
        let report = Check::new(&x, &claims).seed(seed).run(declared, &mut [0.0; 2]).unwrap();
        assert_ne!(report.outcome(), Outcome::Wrong, "{report}");
        let generous = Check::new(&x, &claims).seed(seed).require(0.01);
        let report = generous.run(declared, &mut [0.0; 2]).unwrap();
        assert!(report.is_ok() && report.resolution() > 1e-7, "{report}");
        let wrong = [1.01 * claims[0]];
        let report = Check::new(&x, &wrong).seed(seed).run(declared, &mut [0.0; 2]).unwrap();
        assert_eq!(report.outcome(), Outcome::Wrong, "{report}");
    }
}

#[test]
fn the_required_resolution_makes_a_probe_conclusive() {
    let f = |x: &[f64]| 1e6 + x[0].sin();
    let (x, claims) = ([1.0], [1f64.cos()]);
    let check = |required| Check::new(&x, &claims).require(required).run(f, &mut [0.0; 2]).unwrap();
    assert!(check(1e-4).is_ok());
    assert_eq!(check(1e-9).outcome(), Outcome::Inconclusive);
}

#[test]
fn two_answers_to_one_question_are_no_answer() {
    let calls = Cell::new(0);
    let f = |x: &[f64]| {
        calls.set(calls.get() + 1);
        x[0] + 1e-15 * f64::from(calls.get())
    };
    let report = check(f, &[1.0], &[1.0], &mut [0.0; 2]).unwrap();
    assert_eq!((report.outcome(), calls.get()), (Outcome::Inconclusive, 2));
    assert_eq!(report.counts().nondeterministic, 1);
    assert!(report.to_string().contains("the value at the point: nondeterministic: 1."), "{report}");
    assert!(report.to_string().contains(", then 1."), "{report}");
    // Also if it changes its mind later, or its branch.
    let calls = Cell::new(0);
    let late = |x: &[f64]| {
        calls.set(calls.get() + 1);
        x[0] + f64::from(u8::from(calls.get() > 50 && x[0] == 1.0))
    };
    assert_eq!(check(late, &[1.0], &[1.0], &mut [0.0; 2]).unwrap().outcome(), Outcome::Inconclusive);
    let calls = Cell::new(0);
    let other_branch = |x: &[f64]| {
        calls.set(calls.get() + 1);
        Eval::new(x[0]).branch(calls.get())
    };
    assert_eq!(check(other_branch, &[1.0], &[1.0], &mut [0.0; 2]).unwrap().counts().nondeterministic, 1);
}

#[test]
fn an_error_of_the_function_ends_the_check() {
    #[derive(Debug, PartialEq)]
    enum Mine {
        Broken(u32),
        Check(Error),
    }
    impl From<Error> for Mine {
        fn from(err: Error) -> Self {
            Mine::Check(err)
        }
    }
    let calls = Cell::new(0);
    for last in [1, 2, 20, 60] {
        calls.set(0);
        let f = |x: &[f64]| {
            calls.set(calls.get() + 1);
            if calls.get() == last { Err(Mine::Broken(last)) } else { Ok(x[0]) }
        };
        assert_eq!(Check::new(&[1.0], &[1.0]).try_run(f, &mut [0.0; 2]), Err(Mine::Broken(last)));
        assert_eq!(calls.get(), last);
    }
    let never = |_: &[f64]| -> Result<f64, Mine> { panic!("called in spite of a misuse") };
    let short = Error::Length { what: What::Scratch, expected: 2, got: 1 };
    assert_eq!(Check::new(&[1.0], &[1.0]).try_run(never, &mut [0.0]), Err(Mine::Check(short)));
}

/// The same function in other units of x and f: the same resolution, but for rounding.
#[test]
fn units_do_not_matter() {
    for x_unit in [1e-150, 1e-8, 1.0, 1e6, 1e150] {
        for f_unit in [1e-100, 1e-6, 1.0, 1e9, 1e100] {
            let f = |x: &[f64]| f_unit * (x[0] / x_unit * (x[1] / x_unit)).sin();
            let x = [0.7 * x_unit, 1.1 * x_unit];
            let slope = f_unit * 0.77f64.cos() / x_unit;
            let claims = [1.1 * slope, 0.7 * slope];
            let report = run(f, &x, &claims);
            assert!(report.is_ok() && report.resolution() < 1e-9, "{x_unit:e}, {f_unit:e}: {report}");
            let claims = [1.1 * slope, 0.7 * slope * (1.0 + 1e-8)];
            assert_eq!(run(f, &x, &claims).outcome(), Outcome::Wrong, "{x_unit:e}, {f_unit:e}");
        }
    }
}

fn bump<T: Float>(x: &[T]) -> T {
    (x[0] * x[1]).exp() + x[1].sin()
}

fn bump_grad<T: Float>(x: &[T]) -> [T; 2] {
    let e = (x[0] * x[1]).exp();
    [x[1] * e, x[0] * e + x[1].cos()]
}

/// In each type as sharp as the type allows, and not sharper.
#[test]
fn any_float() {
    fn resolution<T: Float>(x: [T; 2], fault: f64) -> f64 {
        let claims = bump_grad(&x);
        let report = check(bump::<T>, &x, &claims, &mut [T::zero(); 4]).unwrap();
        report.assert_ok();
        let wrong = [claims[0], claims[1] * (T::one() + T::from(fault).unwrap())];
        let report_of_wrong = check(bump::<T>, &x, &wrong, &mut [T::zero(); 4]).unwrap();
        assert_eq!(report_of_wrong.outcome(), Outcome::Wrong);
        report.resolution()
    }
    assert!((1e-7..1e-3).contains(&resolution([0.6f32, 0.8], 1e-2)));
    assert!((1e-15..1e-9).contains(&resolution([0.6f64, 0.8], 1e-8)));
    // Its exp and sin are good to about 2^-35 only, and the noise that is measured says so.
    assert!((1e-15..1e-5).contains(&resolution([TwoFloat::from(0.6), TwoFloat::from(0.8)], 1e-3)));
}

/// In a double-double, where f needs additions and multiplications alone.
#[test]
fn double_doubles() {
    let x = [TwoFloat::from(0.6), TwoFloat::from(0.8)];
    let f = |x: &[TwoFloat]| x[0] * x[0] * x[1] + x[1] * x[1] * x[1];
    let claims = [2.0 * x[0] * x[1], x[0] * x[0] + 3.0 * x[1] * x[1]];
    let report = check(f, &x, &claims, &mut [TwoFloat::from(0.0); 4]).unwrap();
    report.assert_ok();
    assert!(report.resolution() < 1e-22, "{report}");
}
