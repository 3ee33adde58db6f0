//! Promise: the self-test tells which faults a check would find.

use handgrad::gradcheck::{Block, Catch, Check, Eval, Fault, Outcome, Verdict, self_test_scratch_len};
use handgrad::{Error, What};

/// tr(AᵀB) with B constant: df/dA = B.
const B: [f64; 6] = [0.5, -1.5, 2.0, 0.25, 3.0, -0.75];
const A: [Block<'static>; 2] = [Block::vector("c", 1), Block::matrix("A", 2, 3)];

fn trace(v: &[f64]) -> f64 {
    v[0] * v[0] + v[1..].iter().zip(B).map(|(a, b)| a * b).sum::<f64>()
}

const AT: [f64; 7] = [0.7, 1.0, -2.0, 0.5, 0.3, 0.9, -0.2];

#[test]
fn every_fault_is_caught() {
    let claims = [1.4, 0.5, -1.5, 2.0, 0.25, 3.0, -0.75];
    let mut scratch = [f64::NAN; self_test_scratch_len(7)];
    let test = Check::new(&AT, &claims).blocks(&A).self_test(trace, &mut scratch).unwrap();
    test.assert_ok();
    assert!(test.baseline().is_ok());
    assert_eq!(test.catches().len(), 8);
    assert!(test.catches().iter().all(|&(_, catch)| catch == Catch::Caught), "{test}");
    assert!(test.to_string().contains("Transposed: caught"));
}

/// Too rough for faults of 1e-6: the self-test says so, and of the large ones that they are caught.
#[test]
fn missed_faults_are_told() {
    let rough = |v: &[f64]| Eval::new(trace(v)).noise(1e-6);
    let claims = [1.4, 0.5, -1.5, 2.0, 0.25, 3.0, -0.75];
    let mut scratch = [0.0; self_test_scratch_len(7)];
    let test = Check::new(&AT, &claims).blocks(&A).self_test(rough, &mut scratch).unwrap();
    let catch = |fault| test.catches().iter().find(|(other, _)| *other == fault).unwrap().1;
    assert_eq!([catch(Fault::ScaledUp), catch(Fault::ScaledDown)], [Catch::Missed; 2], "{test}");
    assert_eq!([catch(Fault::Sign), catch(Fault::Zeroed), catch(Fault::MissingMean)], [Catch::Caught; 3]);
    assert!(!test.is_ok());
    assert!(test.to_string().contains("ScaledUp: MISSED"));
    assert!(std::panic::catch_unwind(|| test.assert_ok()).is_err());
}

/// A claim that is wrong already: its faults are not those that were injected.
#[test]
fn a_wrong_baseline_fails() {
    let claims = [1.4, 0.5, -1.5, 2.0, 0.25, -3.0, -0.75];
    let mut scratch = [0.0; self_test_scratch_len(7)];
    let test = Check::new(&AT, &claims).blocks(&A).self_test(trace, &mut scratch).unwrap();
    assert!(!test.is_ok());
    assert_eq!(test.baseline().outcome(), Outcome::Wrong);
    assert!(test.catches().contains(&(Fault::ScaledUp, Catch::WrongReason)), "{test}");
}

#[test]
fn faults_that_change_nothing_do_not_apply() {
    let mut scratch = [0.0; self_test_scratch_len(1)];
    let test = Check::new(&[2.0], &[3.0]).self_test(|x: &[f64]| 3.0 * x[0], &mut scratch).unwrap();
    test.assert_ok();
    let applies = |fault| !test.catches().contains(&(fault, Catch::NotApplicable));
    assert!(
        [Fault::ScaledUp, Fault::ScaledDown, Fault::Sign, Fault::Zeroed, Fault::MissingMean].map(applies)
            == [true; 5]
    );
    assert!([Fault::Swapped, Fault::ZeroSum, Fault::Transposed].map(applies) == [false; 3]);
    // Where none applies, nothing was shown.
    let test = Check::new(&[2.0], &[0.0]).self_test(|_: &[f64]| 3.0, &mut scratch).unwrap();
    assert!(test.baseline().is_ok() && !test.is_ok());
    let short = Check::new(&[2.0], &[0.0]).self_test(|_: &[f64]| 3.0, &mut scratch[..2]);
    assert_eq!(short, Err(Error::Length { what: What::Scratch, expected: 3, got: 2 }));
}

/// The check of a check in f32, where the faults are larger.
#[test]
fn a_self_test_in_f32() {
    let f = |x: &[f32]| (x[0] * x[1]).exp() + x[2] * x[2];
    let (x, e) = ([0.5f32, 0.75, -1.0], 0.375f32.exp());
    let claims = [0.75 * e, 0.5 * e, -2.0];
    let test = Check::new(&x, &claims).self_test(f, &mut [0.0; self_test_scratch_len(3)]).unwrap();
    test.assert_ok();
    assert!(test.catches().contains(&(Fault::ScaledUp, Catch::Caught)));
    assert_eq!(test.baseline().worst().next().unwrap().verdict, Verdict::Agree);
}
