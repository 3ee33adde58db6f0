//! Promise: slopes that nobody claims are measured, every one of them, and lie within their error bars.

use std::cell::Cell;

use handgrad::gradcheck::{Block, Check, Outcome, Verdict, slopes_of_field_scratch_len, slopes_scratch_len};
use handgrad::{Error, What};
use num_traits::Float;
use twofloat::TwoFloat;

fn number<T: Float>(value: f64) -> T {
    T::from(value).unwrap()
}

fn bump<T: Float>(x: &[T]) -> T {
    (x[0] * x[1]).exp() + (x[2] / x[1]).sin() - x[2] * x[2] * x[0]
}

fn bump_grad<T: Float>(x: &[T]) -> [T; 3] {
    let (e, cos) = ((x[0] * x[1]).exp(), (x[2] / x[1]).cos());
    let two = T::one() + T::one();
    [x[1] * e - x[2] * x[2], x[0] * e - cos * x[2] / (x[1] * x[1]), cos / x[1] - two * x[2] * x[0]]
}

#[test]
fn slopes_lie_within_their_error_bars() {
    fn worst<T: Float>(rounding: f64) -> f64 {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut worst = 0.0;
        for seed in 0..300 {
            let x: [T; 3] = core::array::from_fn(|_| number(0.2 + 2.0 * rng.f64()));
            let check = Check::at(&x).seed(seed);
            let (slopes, errors) = check.slopes_alloc(bump::<T>).unwrap();
            for (i, slope) in bump_grad(&x).into_iter().enumerate() {
                let off = (slopes[i] - slope).abs().to_f64().unwrap();
                let bar = errors[i].to_f64().unwrap();
                assert!(
                    off <= bar + rounding * slope.abs().to_f64().unwrap(),
                    "{i} of {seed}: {off:e} ± {bar:e}"
                );
                worst = bar.max(worst);
            }
        }
        worst
    }
    assert!(worst::<f64>(1e-15) < 1e-8);
    assert!(worst::<f32>(1e-6) < 0.5);
}

/// Not through f64: in a double-double, the slopes have more digits than that.
#[test]
fn slopes_are_as_sharp_as_their_type() {
    let x = [TwoFloat::from(0.6), TwoFloat::from(0.8)];
    let f = |x: &[TwoFloat]| x[0] * x[0] * x[1] + x[1] * x[1] * x[1];
    let (slopes, errors) = Check::at(&x).slopes_alloc(f).unwrap();
    for (i, slope) in [2.0 * x[0] * x[1], x[0] * x[0] + 3.0 * x[1] * x[1]].into_iter().enumerate() {
        let off = f64::from((slopes[i] - slope).abs());
        assert!(off < 1e-22 && off <= f64::from(errors[i]) && f64::from(errors[i]) < 1e-20, "{off:e}");
    }
}

/// All 300, and what the probes would have sampled is 32 of them.
#[test]
fn every_slope_is_measured() {
    let x: Vec<f64> = (0..300).map(|i| 1.0 + 0.5 * f64::from(i).sin()).collect();
    let f = |x: &[f64]| x.iter().zip(1..).map(|(x, i)| f64::from(i) * x.ln()).sum::<f64>();
    let (mut slopes, mut errors) = (vec![7.0; 300], vec![7.0; 300]);
    let mut scratch = vec![f64::NAN; slopes_scratch_len(300)];
    // Settings about probes, and claims, have no part in it.
    let check = Check::new(&x, &[1.0]).coordinates(5).directions(2);
    let report = check.slopes(f, &mut slopes, Some(&mut errors), &mut scratch).unwrap();
    for i in 0..300 {
        let off = (slopes[i] - (i + 1) as f64 / x[i]).abs();
        assert!(off <= errors[i] && errors[i] < 1e-7, "{i}: {off:e} ± {:e}", errors[i]);
    }
    assert_eq!((report.counts().agree, report.outcome()), (300, Outcome::Holds));
    assert!(report.evaluations() < 300 * 30, "{report}");
    assert!(report.to_string().starts_with("gradient by differences: measured"), "{report}");
    // Relative to the mean slopes over a quarter of the scale: these are somewhat larger than ln' at x.
    let relative = (0..300).map(|i| errors[i] / slopes[i]).fold(0.0, f64::max);
    assert!((0.5..=1.0).contains(&(report.resolution() / relative)), "{report}, {relative:e} of the slopes");
    // Nothing is claimed but what was found.
    assert!(report.worst().all(|entry| entry.claimed == entry.slope) && report.worst_error() == 0.0);
    assert_eq!((report.accepted(), report.hint()), (0.0, None));
    let mut without = vec![7.0; 300];
    check.slopes(f, &mut without, None, &mut scratch).unwrap();
    assert_eq!(slopes, without);
}

#[test]
fn kinks_edges_and_what_has_no_slope() {
    let f = |x: &[f64]| 3.0 * x[0].abs() + x[1].sqrt() * x[1] + 2.0 * x[1];
    let (slopes, errors) = Check::at(&[0.0; 2]).slopes_alloc(f).unwrap();
    assert!(slopes[0].abs() < 1e-9 && (errors[0] - 3.0).abs() < 1e-9, "from -3 to 3: {slopes:?} {errors:?}");
    assert!((slopes[1] - 2.0).abs() <= errors[1] && errors[1] < 1e-6, "{slopes:?} {errors:?}");
    let functions: [fn(f64) -> f64; 4] = [
        |x| x.cbrt(),
        |x| x.abs().sqrt(),
        |x| f64::from(u8::from(x > 0.0)),
        |x| if x == 0.0 { 1.0 } else { f64::NAN },
    ];
    for f in functions {
        let (mut slopes, mut errors) = ([0.0], [0.0]);
        let check = Check::at(&[0.0]);
        let report =
            check.slopes(|x: &[f64]| f(x[0]), &mut slopes, Some(&mut errors), &mut [0.0; 3]).unwrap();
        assert_eq!((report.outcome(), report.blind()), (Outcome::Inconclusive, Some("x")), "{report}");
        assert!(report.worst().all(|entry| entry.verdict == Verdict::Unresolved));
        assert_eq!(errors, [f64::INFINITY]);
    }
}

/// Each slope at its own place, in blocks of sizes far apart.
#[test]
fn slopes_in_blocks() {
    let x = [1e6, 2e6, 1e-6, 3e-6, -2e-6];
    let blocks = [Block::vector("large", 2), Block::vector("small", 3)];
    let f = |x: &[f64]| (x[0] / 1e6 + 1e6 * x[2]).sin() + x[1] / 1e6 + 1e6 * x[3] + 1e12 * x[4] * x[4];
    let cos = 2f64.cos();
    let (slopes, errors) = Check::at(&x).blocks(&blocks).slopes_alloc(f).unwrap();
    for (i, slope) in [cos / 1e6, 1e-6, 1e6 * cos, 1e6, -4e6].into_iter().enumerate() {
        let off = (slopes[i] - slope).abs();
        assert!(off <= errors[i] && errors[i] < 1e-8 * slope.abs(), "{i}: {off:e} ± {:e}", errors[i]);
    }
}

/// A slope of 0 where others are not, and values on top of something large.
#[test]
fn slopes_of_zero_and_rough_ones() {
    let f = |x: &[f64]| x[0] * x[0] + x[1].exp() + 0.0 * x[2];
    let (slopes, errors) = Check::at(&[0.0, 1.0, 1.0]).slopes_alloc(f).unwrap();
    for (i, slope) in [0.0, 1f64.exp(), 0.0].into_iter().enumerate() {
        assert!((slopes[i] - slope).abs() <= errors[i] && errors[i] < 1e-9, "{slopes:?} {errors:?}");
    }
    let f = |x: &[f64]| 1e10 + x[0].sin();
    let check = Check::at(&[1.0]);
    assert_eq!(check.slopes_alloc(f).unwrap().1, [f64::INFINITY]);
    let (slopes, errors) = check.require(0.01).slopes_alloc(f).unwrap();
    assert!((slopes[0] - 1f64.cos()).abs() <= errors[0] && errors[0] < 0.01, "{slopes:?} {errors:?}");
}

#[test]
fn nothing_is_measured_of_what_is_not_sound() {
    let calls = Cell::new(0.0);
    let counting = |x: &[f64]| {
        calls.set(calls.get() + 1.0);
        x[0] + calls.get()
    };
    let (mut slopes, mut errors, mut scratch) = ([0.0; 1], [0.0; 1], [0.0; 3]);
    let report = Check::at(&[1.0]).slopes(counting, &mut slopes, Some(&mut errors), &mut scratch).unwrap();
    assert_eq!((report.outcome(), report.counts().nondeterministic), (Outcome::Inconclusive, 1));
    assert!(slopes[0].is_nan() && errors[0] == f64::INFINITY);
    let (slopes, errors) = Check::at(&[f64::NAN]).slopes_alloc(|x: &[f64]| x[0]).unwrap();
    assert!(slopes[0].is_nan() && errors[0] == f64::INFINITY);
}

/// What a budget does not reach is not made up.
#[test]
fn slopes_within_a_budget() {
    let x = [0.5; 10];
    let f = |x: &[f64]| x.iter().map(|x| x.exp()).sum::<f64>();
    let (mut slopes, mut errors) = ([0.0; 10], [0.0; 10]);
    let check = Check::at(&x).evaluations(150);
    let report = check.slopes(f, &mut slopes, Some(&mut errors), &mut [0.0; 30]).unwrap();
    let found = slopes.iter().filter(|slope| slope.is_finite()).count();
    assert!((3..8).contains(&found), "{report}");
    assert_eq!(report.left_out(), 10 - found);
    for (slope, error) in slopes.iter().zip(errors) {
        assert!((slope - 0.5f64.exp()).abs() <= error || (slope.is_nan() && error == f64::INFINITY));
    }
}

#[test]
fn a_jacobian_is_measured_row_by_row() {
    let field = |x: &[f64], out: &mut [f64]| {
        out.copy_from_slice(&[x[0] * x[1], x[2].sin(), (x[0] - x[2]).exp(), 7.0]);
    };
    let x = [0.4, -1.2, 0.9];
    let e = (-0.5f64).exp();
    let expected = [-1.2, 0.4, 0.0, 0.0, 0.0, 0.9f64.cos(), e, 0.0, -e, 0.0, 0.0, 0.0];
    let (jacobian, errors) = Check::at(&x).jacobian_alloc(field, 4).unwrap();
    for i in 0..12 {
        let off = (jacobian[i] - expected[i]).abs();
        assert!(off <= errors[i] && errors[i] < 1e-9, "{i}: {off:e} ± {:e}", errors[i]);
    }
    Check::new(&x, &jacobian).run_jacobian_alloc(field).unwrap().assert_ok();
    let mut scratch = [f64::NAN; slopes_of_field_scratch_len(3, 4)];
    let mut again = [0.0; 12];
    let report = Check::at(&x).jacobian(field, 4, &mut again, None, &mut scratch).unwrap();
    assert!(report.is_ok() && jacobian == again);
    assert!(report.to_string().starts_with("Jacobian by differences: measured"), "{report}");
}

#[test]
fn misuse_is_refused_before_anything_is_written() {
    let never = |_: &[f64]| -> f64 { panic!("called in spite of a misuse") };
    let nowhere = |_: &[f64], _: &mut [f64]| panic!("called in spite of a misuse");
    let length = |what, expected, got| Error::Length { what, expected, got };
    let x = [1.0, 2.0];
    let run = |x: &[f64], slopes: usize, errors: usize, scratch: usize| {
        let (mut slopes, mut errors) = (vec![7.0; slopes], vec![7.0; errors]);
        let check = Check::at(x);
        let got = check.slopes(never, &mut slopes, Some(&mut errors), &mut vec![0.0; scratch]).unwrap_err();
        assert!(slopes.iter().chain(&errors).all(|value| *value == 7.0), "{got}");
        got
    };
    assert_eq!(run(&[], 0, 0, 9), Error::Zero { what: What::Point });
    assert_eq!(run(&x, 1, 2, 9), length(What::Slopes, 2, 1));
    assert_eq!(run(&x, 2, 3, 9), length(What::SlopeErrors, 2, 3));
    assert_eq!(run(&x, 2, 2, 5), length(What::Scratch, 6, 5));
    let run = |outputs: usize, slopes: usize, errors: usize, scratch: usize| {
        let (mut slopes, mut errors) = (vec![7.0; slopes], vec![7.0; errors]);
        let (check, mut scratch) = (Check::at(&x), vec![0.0; scratch]);
        let got = check.jacobian(nowhere, outputs, &mut slopes, Some(&mut errors), &mut scratch).unwrap_err();
        assert!(slopes.iter().chain(&errors).all(|value| *value == 7.0), "{got}");
        got
    };
    assert_eq!(run(0, 0, 0, 99), Error::Zero { what: What::Outputs });
    assert_eq!(run(3, 5, 6, 99), length(What::Slopes, 6, 5));
    assert_eq!(run(3, 6, 5, 99), length(What::SlopeErrors, 6, 5));
    assert_eq!(run(3, 6, 6, 26), length(What::Scratch, 6 + 3 * 2 + 5 * 3, 26));
    let huge = Error::Overflow { what: What::Jacobian, sizes: (usize::MAX, 2) };
    assert_eq!(run(usize::MAX, 6, 6, 99), huge);
    let blocks = [Block::vector("x", 3)];
    assert_eq!(Check::at(&x).blocks(&blocks).slopes_alloc(never).unwrap_err(), length(What::Blocks, 2, 3));
    assert!(matches!(Check::at(&x).jacobian_alloc(nowhere, usize::MAX), Err(Error::Overflow { .. })));
}
