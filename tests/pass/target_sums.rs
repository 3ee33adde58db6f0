//! Promise: targets need not add up to 1 where the caller says so, and what is computed then is (20) and (21) as they
//! stand. The expected values are those of the definition: losses at 60 digits, and slopes of them by differences at
//! that precision (mpmath 1.3).

mod cases;

use crate::support::{Element, matrix_multiply};
use cases::cases;
use half::{bf16, f16};
use handgrad::{Batch, Dims, Engine, Error, MatMut, MatRef, Params, ParamsMut, Pass, What};

const M: usize = 2;
const H: usize = 3;
const C: usize = 4;
const N: usize = 3;

/// Sixteenths: W1, b1, W2, b2.
const THETA: [i8; 25] =
    [9, -14, 5, 11, -3, 8, 4, -6, 2, 12, -7, 3, -10, 15, 6, 1, -13, 9, 8, -2, 5, 3, -1, 0, 7];
const X: [i8; N * M] = [20, -9, 13, 7, -5, 18];

/// Sums of 1, before they were stored with fewer digits.
const EXACT: [f64; N * C] = [0.1, 0.2, 0.3, 0.4, 0.05, 0.0, 0.9, 0.05, 0.3333, 0.3333, 0.3333, 0.0001];

struct Case {
    name: &'static str,
    targets: [f64; N * C],
    tolerance: f64,
    /// Loss and gradients by the parameters and X, without other options, and with those of `weighted`.
    expected: [(f64, [f64; 25 + N * M]); 2],
}

fn dims() -> Dims {
    Dims::new(M, H, C).unwrap()
}

fn numbers<T: Element>(sixteenths: &[i8]) -> Vec<T> {
    sixteenths.iter().map(|&v| T::of(f64::from(v) / 16.0)).collect()
}

fn of<T: Element>(values: &[f64]) -> Vec<T> {
    values.iter().map(|&v| T::of(v)).collect()
}

/// A pass over `times` copies of the examples; its loss and gradients, dX of the first copy times `times`.
fn evaluate<T: Element>(
    targets: &[f64],
    tolerance: T,
    weighted: bool,
    times: usize,
    engine: Engine<'_, T>,
) -> Result<Vec<T>, Error> {
    let n = N * times;
    let (theta, x, q) = (numbers(&THETA), numbers::<T>(&X).repeat(times), of::<T>(targets).repeat(times));
    let batch = Batch::with_targets(MatRef::new(&x, n, M)?, MatRef::new(&q, n, C)?)?;
    let (mut grad, mut dx) = (vec![T::nan(); 25], vec![T::nan(); n * M]);
    let weights = (of::<T>(&[0.5, 2.0, 1.0]).repeat(times), of::<T>(&[1.5, 0.25, 1.0, 2.0]));
    let mut pass = Pass::new(Params::from_flat(dims(), &theta)?, batch)
        .engine(engine)
        .target_sum_tolerance(tolerance)
        .grad(ParamsMut::from_flat(dims(), &mut grad)?)
        .input_grad(MatMut::new(&mut dx, n, M)?);
    if weighted {
        pass = pass.example_weights(&weights.0).class_weights(&weights.1).smoothing(T::of(0.125));
    }
    let loss = pass.run(&mut vec![T::nan(); dims().scratch_len(n)])?;
    dx.truncate(N * M);
    dx.iter_mut().for_each(|dx| *dx = *dx * T::of(times as f64));
    Ok([vec![loss], grad, dx].concat())
}

fn check<T: Element>() {
    let engines = [Engine::Auto, Engine::Builtin, Engine::Portable, matrix_multiply()];
    for case in cases() {
        // No sum has more than 64 terms, and for a target of sum 1 their magnitudes add up to less than 8.
        let total: f64 = case.targets.iter().sum();
        let bound = 64.0 * T::U * 8.0 * (1.0 + total) + 8.0 * T::FUN;
        for (weighted, (loss, grads)) in [false, true].into_iter().zip(case.expected) {
            for (engine, times) in engines.into_iter().flat_map(|engine| [(engine, 1), (engine, 8)]) {
                let tolerance = T::of(case.tolerance);
                let got = evaluate(&case.targets, tolerance, weighted, times, engine).unwrap();
                for (i, expected) in [loss].into_iter().chain(grads).enumerate() {
                    let error = (got[i].value() - expected).abs();
                    assert!(
                        error <= bound,
                        "{} {weighted} {engine:?} {i}: {:?}, {expected}",
                        case.name,
                        got[i]
                    );
                }
            }
        }
    }
}

#[test]
fn formulas_hold_for_any_sum() {
    check::<f32>();
    check::<f64>();
}

#[test]
fn by_default_the_sum_is_1_to_rounding() {
    for case in cases() {
        let sums: Vec<f64> = case.targets.chunks(C).map(|q| q.iter().sum()).collect();
        let example = sums.iter().position(|sum| (sum - 1.0).abs() > 1e-6).unwrap();
        let err = evaluate::<f64>(&case.targets, 0.0, false, 1, Engine::Auto).unwrap_err();
        let Error::TargetSum { example: at, tolerance: 0.0, got } = err else { panic!("{err}") };
        assert_eq!(at, example);
        assert!((got - sums[example]).abs() <= 4.0 * f64::EPSILON * got, "{got}");
    }
    assert!(evaluate::<f64>(&EXACT, 0.0, false, 1, Engine::Auto).is_ok());
}

/// The tolerance is beside rounding: 0.999 is within 0.001 of 1 also where both are rounded.
#[test]
fn the_tolerance_is_the_callers() {
    fn accepts<T: Element>(sum: f64, tolerance: f64) -> bool {
        let targets = [[sum, 0.0, 0.0, 0.0], [0.25, 0.25, 0.25, sum - 0.75], [0.0, 0.0, 0.0, 1.0]].concat();
        match evaluate::<T>(&targets, T::of(tolerance), false, 1, Engine::Auto) {
            Err(Error::TargetSum { example: 0, tolerance: got, .. }) => {
                assert_eq!(got, T::of(tolerance).value());
                false
            }
            result => result.is_ok(),
        }
    }
    for (sum, tolerance, expected) in [
        (0.999, 0.001, true),
        (1.001, 0.001, true),
        (0.999, 0.0009, false),
        (1.001, 0.0009, false),
        (0.99, 0.001, false),
        (0.75, 0.25, true),
        (0.75, 0.2, false),
        (300.0, f64::INFINITY, true),
    ] {
        assert_eq!(accepts::<f32>(sum, tolerance), expected, "{sum} {tolerance}");
        assert_eq!(accepts::<f64>(sum, tolerance), expected, "{sum} {tolerance}");
    }
}

/// Beside the tolerance there is one unit for each of the four classes, and one for their sum.
#[test]
fn rounding_has_a_unit_for_each_class_and_one_for_the_sum() {
    fn check<T: Element>() {
        for (units, expected) in [(5.0, true), (6.0, false), (-5.0, true), (-5.5, false)] {
            let sum = 1.0 + units * 2.0 * T::U;
            let targets = [[sum, 0.0, 0.0, 0.0]; N].concat();
            let result = evaluate::<T>(&targets, T::zero(), false, 1, Engine::Auto);
            assert_eq!(result.is_ok(), expected, "{units} units off: {result:?}");
        }
    }
    check::<f32>();
    check::<f64>();
}

/// A thousand numbers of 11 and of 8 bits.
#[test]
fn long_targets_of_short_types() {
    let (dims, c) = (Dims::new(1, 1, 1000).unwrap(), 1000);
    let exact: Vec<f64> = (0..c).map(|i| (1.0 + (i % 7) as f64) / 3997.0).collect();
    assert!((exact.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    let theta = vec![0.0f32; dims.param_len()];
    let short = [
        exact.iter().map(|&q| f16::from_f64(q).to_f32()).collect::<Vec<f32>>(),
        exact.iter().map(|&q| bf16::from_f64(q).to_f32()).collect(),
    ];
    for q in short {
        let sum: f64 = q.iter().map(|&q| f64::from(q)).sum();
        let batch = Batch::with_targets(MatRef::new(&[1.0], 1, 1).unwrap(), MatRef::new(&q, 1, c).unwrap());
        let pass = Pass::new(Params::from_flat(dims, &theta).unwrap(), batch.unwrap());
        let loss = pass.target_sum_tolerance(0.01).run(&mut vec![0.0; dims.scratch_len(1)]).unwrap();
        // All scores are alike. A sum of a thousand terms in parts of 64, and a product.
        let expected = sum * (c as f64).ln();
        assert!((f64::from(loss) - expected).abs() <= 100.0 * f64::from(f32::EPSILON) * expected, "{loss}");
    }
}

/// Also where there are no targets, and in the order in which options are checked.
#[test]
fn a_tolerance_has_a_range() {
    let (theta, x) = (numbers::<f32>(&THETA), numbers::<f32>(&X));
    for bad in [-0.001, f32::NEG_INFINITY, f32::NAN] {
        let (mut grad, mut scratch) = ([7.25; 25], vec![7.25; dims().scratch_len(N)]);
        let batch = Batch::new(MatRef::new(&x, N, M).unwrap(), &[0u8, 1, 2]).unwrap();
        let err = Pass::new(Params::from_flat(dims(), &theta).unwrap(), batch)
            .target_sum_tolerance(bad)
            .grad(ParamsMut::from_flat(dims(), &mut grad).unwrap())
            .run(&mut scratch)
            .unwrap_err();
        let expected = Error::Value { what: What::TargetSumTolerance, index: 0, got: f64::from(bad) };
        // By their words: NaN is not equal to itself.
        assert_eq!(err.to_string(), expected.to_string());
        assert!(grad.iter().chain(&scratch).all(|&v| v == 7.25));
    }
}

/// Numbers that are none are errors with any tolerance; a sum that overflows is none with an infinite one.
#[test]
fn what_an_infinite_tolerance_takes() {
    for (bad, place) in [(-0.5, 5), (f32::NAN, 0), (f32::INFINITY, 11)] {
        let mut targets = [0.25; N * C];
        targets[place] = f64::from(bad);
        let err = evaluate::<f32>(&targets, f32::INFINITY, false, 1, Engine::Auto).unwrap_err();
        let expected = Error::Target { example: place / C, class: place % C, got: f64::from(bad) };
        assert_eq!(err.to_string(), expected.to_string());
    }
    let huge = [f64::from(f32::MAX); N * C];
    let got = evaluate::<f32>(&huge, f32::INFINITY, false, 1, Engine::Auto).unwrap();
    assert!(!got[0].is_finite());
    assert!(evaluate::<f32>(&huge, f32::MAX / 2.0, false, 1, Engine::Auto).is_err());
}
