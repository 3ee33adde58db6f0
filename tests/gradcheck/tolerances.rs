//! Promise: a tolerance accepts claims that are off by no more, and nothing else; the report tells that it was needed.

use handgrad::gradcheck::{Block, Catch, Check, Dual, Fault, Outcome, Probe, Report};
use handgrad::{Error, What};
use num_traits::Float;

const X: [f64; 7] = [0.6, -1.2, 0.3, 0.9, -0.4, 1.7, 0.8];
const BLOCKS: [Block<'static>; 2] = [Block::matrix("A", 2, 2), Block::vector("b", 3)];
const TOLERANCE: f64 = 1e-5;

/// Slopes that differ much within each block.
fn f<T: Float>(x: &[T]) -> T {
    let terms = x.iter().zip([3.0, -0.2, 1.0, 0.01, 2.0, 0.5, -1.0]);
    terms.fold(T::zero(), |sum, (&x, factor)| sum + T::from(factor).unwrap() * x.exp())
}

fn slopes() -> [f64; 7] {
    let factors = [3.0, -0.2, 1.0, 0.01, 2.0, 0.5, -1.0];
    core::array::from_fn(|i| factors[i] * X[i].exp())
}

/// What an entry's resolution is relative to: the claim or the root mean square of its block.
fn sizes(claims: &[f64; 7]) -> [f64; 7] {
    core::array::from_fn(|i| {
        let block = if i < 4 { &claims[..4] } else { &claims[4..] };
        let rms = (block.iter().map(|c| c * c).sum::<f64>() / block.len() as f64).sqrt();
        rms.max(claims[i].abs())
    })
}

/// The same claims as a gradient by values, by dual numbers, as a product J v, wᵀJ and a Jacobian.
fn all_checks(claims: &[f64; 7], tolerance: f64, seed: u64) -> [Report<'static>; 5] {
    let check = Check::new(&X, claims).blocks(&BLOCKS).tolerance(tolerance).seed(seed);
    let along = |t: &[f64], out: &mut [f64]| {
        out.iter_mut().zip(slopes()).for_each(|(out, slope)| *out = slope * (1.0 + t[0].sin()));
    };
    let one = |x: &[f64], out: &mut [f64]| out[0] = f(x);
    [
        check.run_alloc(f::<f64>).unwrap(),
        check.run_dual_alloc(f::<Dual<f64>>).unwrap(),
        Check::new(&[0.0], claims)
            .blocks(&BLOCKS)
            .tolerance(tolerance)
            .seed(seed)
            .run_jvp_alloc(along, &[1.0])
            .unwrap(),
        check.run_vjp_alloc(one, &[1.0]).unwrap(),
        check.run_jacobian_alloc(one).unwrap(),
    ]
}

/// All entries off by nearly the tolerance, with signs by turns and with those that add up along no direction.
#[test]
fn what_is_within_is_accepted() {
    let (right, sizes) = (slopes(), sizes(&slopes()));
    for seed in 0..30 {
        for signs in [[1.0, 1.0], [1.0, -1.0]] {
            let off = |i: usize| 0.97 * TOLERANCE * sizes[i] * signs[i % 2];
            let claims = core::array::from_fn(|i| right[i] + off(i));
            for report in all_checks(&claims, TOLERANCE, seed) {
                report.assert_ok();
                let accepted = 0.95 * TOLERANCE..=TOLERANCE;
                assert!(accepted.contains(&report.accepted()), "{report}");
                assert_eq!((report.tolerance(), report.counts().agree), (TOLERANCE, 7 + 9));
            }
            for report in all_checks(&claims, 0.0, seed) {
                assert_eq!(report.outcome(), Outcome::Wrong);
                assert!(report.accepted() == 0.0 && !report.to_string().contains("tolerance"));
            }
        }
    }
}

#[test]
fn what_is_beyond_is_wrong_and_named() {
    let (right, sizes) = (slopes(), sizes(&slopes()));
    for index in 0..7 {
        let mut claims = right;
        claims[index] += 1.05 * TOLERANCE * sizes[index];
        for report in all_checks(&claims, TOLERANCE, index as u64) {
            assert_eq!((report.outcome(), report.counts().disagree), (Outcome::Wrong, 1), "{report}");
            let probe = report.worst().next().unwrap().probe;
            assert!(matches!(probe, Probe::Entry { index: at, .. } if at == index), "{report}");
            assert!(report.accepted() < TOLERANCE, "by directions: {report}");
        }
    }
}

/// 400 entries, of which 32 are sampled: whatever their errors add up to along a direction.
#[test]
fn directions_accept_what_entries_add_up_to_and_no_more() {
    let x: Vec<f64> = (0..400).map(|i| 1.0 + 0.5 * f64::from(i).sin()).collect();
    let f = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>();
    for seed in 0..50 {
        let outcome = |relative: f64, most: usize| {
            let signs = [1.0, -1.0].into_iter().cycle();
            let claims: Vec<f64> =
                x.iter().zip(signs).map(|(x, sign)| 2.0 * x * (1.0 + relative * sign)).collect();
            let check = Check::new(&x, &claims).tolerance(TOLERANCE).seed(seed).evaluations(most);
            check.run_alloc(f).unwrap().outcome()
        };
        assert_eq!(outcome(0.9 * TOLERANCE, 10_000), Outcome::Holds);
        assert_eq!(outcome(1.5 * TOLERANCE, 10_000), Outcome::Wrong, "by the entries");
        // 739 evaluations, and some 20 for a direction along which the errors happen to cancel.
        assert_eq!(
            outcome(1000.0 * TOLERANCE, 766),
            Outcome::Wrong,
            "by the one direction that there is time for"
        );
    }
}

/// A claim is relative to itself or its block: where all are 0, nothing is accepted.
#[test]
fn claims_of_zero_have_no_tolerance() {
    let f = |x: &[f64]| 1.0 + 1e-3 * x[0];
    let report = Check::new(&[1.0], &[0.0]).tolerance(0.5).run_alloc(f).unwrap();
    assert_eq!(report.outcome(), Outcome::Wrong, "{report}");
    let report = Check::new(&[1.0], &[0.0]).tolerance(0.5).run_alloc(|_: &[f64]| 1.0).unwrap();
    assert!(report.is_ok() && report.accepted() == 0.0);
}

/// Much more than the resolution that is required is accepted, and is conclusive.
#[test]
fn a_large_tolerance() {
    for (claim, outcome) in
        [(1.0, Outcome::Holds), (1.09, Outcome::Holds), (0.92, Outcome::Holds), (1.2, Outcome::Wrong)]
    {
        let claims = [claim];
        let check = Check::new(&[0.5], &claims).tolerance(0.1).directions(0);
        let report = check.run_alloc(|x: &[f64]| x[0].sin() / 0.5f64.cos()).unwrap();
        assert_eq!(report.outcome(), outcome, "{report}");
        let off = (claim - 1.0).abs() / claim;
        let accepted = if outcome == Outcome::Holds { off } else { 0.0 };
        assert!((report.accepted() - accepted).abs() < 1e-9, "{report}");
        // The resolution tells how far off this claim may be.
        assert!(outcome == Outcome::Wrong || (report.resolution() - off).abs() < 1e-9, "{report}");
    }
}

#[test]
fn at_a_kink_the_tolerance_widens_both_sides() {
    for (claim, outcome) in [(1.0005, Outcome::Holds), (-1.0005, Outcome::Holds), (1.002, Outcome::Wrong)] {
        let claims = [claim];
        let report = Check::new(&[0.0], &claims).tolerance(1e-3).run_alloc(|x: &[f64]| x[0].abs()).unwrap();
        assert_eq!(report.outcome(), outcome, "{report}");
        assert_eq!(report.counts().agree, 0);
    }
}

#[test]
fn the_report_says_so() {
    let claims = slopes().map(|slope| slope * (1.0 + 4e-6));
    let text = Check::new(&X, &claims).tolerance(TOLERANCE).directions(0).run_alloc(f).unwrap().to_string();
    assert!(text.contains("tolerance: 1.0e-5 relative, of which 4.0e-6 was needed"), "{text}");
}

/// Faults within the tolerance are none: those of a self-test are 16 times as large.
#[test]
fn a_self_test_of_claims_in_f32() {
    let claims = slopes().map(|slope| f64::from(slope as f32));
    let check = Check::new(&X, &claims).blocks(&BLOCKS);
    assert!(!check.self_test_alloc(f).unwrap().is_ok());
    for tolerance in [1e-7, 1e-6, 1e-4] {
        let test = check.tolerance(tolerance).self_test_alloc(f).unwrap();
        test.assert_ok();
        assert!(test.catches().contains(&(Fault::ScaledUp, Catch::Caught)));
        assert!(test.baseline().accepted() > 0.0 && test.baseline().accepted() < 1e-7);
    }
}

#[test]
fn settings_out_of_range() {
    let never = |_: &[f64]| -> f64 { panic!("called in spite of a misuse") };
    let never_dual = |_: &[Dual<f64>]| -> Dual<f64> { panic!("called in spite of a misuse") };
    let nowhere = |_: &[f64], _: &mut [f64]| panic!("called in spite of a misuse");
    let errors = |check: Check<'_, '_, f64>| {
        [
            check.run_alloc(never).unwrap_err(),
            check.run_dual_alloc(never_dual).unwrap_err(),
            check.run_jvp_alloc(nowhere, &[1.0]).unwrap_err(),
            check.run_vjp_alloc(nowhere, &[1.0]).unwrap_err(),
            check.run_jacobian_alloc(nowhere).unwrap_err(),
            check.run_adjoint_alloc(nowhere, nowhere, 1).unwrap_err(),
            check.self_test_alloc(never).unwrap_err(),
            check.slopes_alloc(never).unwrap_err(),
            check.jacobian_alloc(nowhere, 1).unwrap_err(),
        ]
    };
    let check = Check::new(&[1.0], &[1.0]);
    for bad in [-1e-300, f64::NEG_INFINITY, 1.0, 2.0, f64::INFINITY] {
        let expected = Error::Value { what: What::Tolerance, index: 0, got: bad };
        assert_eq!(errors(check.tolerance(bad)), [expected; 9]);
    }
    for error in errors(check.tolerance(f64::NAN)) {
        assert!(matches!(error, Error::Value { what: What::Tolerance, got, .. } if got.is_nan()));
        assert!(error.to_string().contains("tolerance: expected a number from 0 on, less than 1"));
    }
    for error in errors(check.require(f64::NAN)) {
        assert!(matches!(error, Error::Value { what: What::Resolution, got, .. } if got.is_nan()));
    }
    let negative = Error::Value { what: What::Resolution, index: 0, got: -1.0 };
    assert_eq!(errors(check.require(-1.0)), [negative; 9]);
    assert_eq!(errors(check.evaluations(0)), [Error::Zero { what: What::Evaluations }; 9]);
}
