//! In f32 against f64: where a class leads by far, and near the ends of the range.

use handgrad::ParamsMut;
use handgrad::curvature::{
    Tangents, diagonal, gauss_newton_vector, hessian_vector, kronecker_factors, scratch_len, tangent,
};

use super::case::Case;
use super::{matrices, product, scratch};

/// In f32 against f64, with one class that leads: s p * (f' - p·f') as it stands has no digit left at a lead of 14.
#[test]
fn a_class_that_leads_costs_no_digits() {
    for (lead, class) in [(0.0, 0), (5.0, 0), (10.0, 9), (14.0, 4), (30.0, 0), (30.0, 7)] {
        let mut case = Case::new(9, (8, 12, 10, 40));
        let len = case.dims.param_len();
        case.theta[len - 10 + class] = lead;
        let case = case.map(|x| f64::from(x as f32));
        let short = case.map(|x| x as f32);
        let mut got = vec![f32::NAN; len];
        let out = ParamsMut::from_flat(case.dims, &mut got).unwrap();
        let scratch = &mut vec![f32::NAN; scratch_len(case.dims, 40, 1)];
        // Without the labels: a wrong label has a gradient that does not become small with the lead.
        gauss_newton_vector(short.pass(), short.v(), out, scratch).unwrap();
        let (_, expected) = product(&case, case.pass(), false);
        let size = expected.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
        for (got, expected) in got.iter().zip(&expected) {
            let error = (f64::from(*got) - expected).abs() / size;
            assert!(error < 3e-6, "lead {lead}: {got} {expected}");
        }
        let mut got = vec![f32::NAN; len];
        let out = ParamsMut::from_flat(case.dims, &mut got).unwrap();
        diagonal(short.pass(), out, None, scratch).unwrap();
        // All terms of the diagonal are positive: each entry has its digits.
        for (got, expected) in got.iter().zip(&matrices::diagonal(&case).0) {
            let error = (f64::from(*got) - expected).abs();
            assert!(error <= 3e-5 * expected.abs(), "lead {lead}: {got} {expected}");
        }
    }
}

/// Where 1/N alone is beyond the range of f32, and what it is multiplied with so small that the product is not.
#[test]
fn divisors_that_have_no_reciprocal() {
    let mut case = Case::new(9, (8, 12, 10, 40));
    let (len, n) = (case.dims.param_len(), case.n);
    case.theta[len - 7] = 60.0;
    case.labels.fill(3);
    case.divisor = Some(1e-39);
    let case = case.map(|x| f64::from(x as f32));
    let short = case.map(|x| x as f32);
    let close = |what: &str, got: &[f32], expected: &[f64]| {
        let size = expected.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
        assert!(size > 1e6, "{what}");
        for (got, expected) in got.iter().zip(expected) {
            // Scores of about 60 in f32 are off by some 1e-5, and so are probabilities, relative to themselves.
            assert!((f64::from(*got) - expected).abs() < 3e-5 * size, "{what}: {got} {expected}");
        }
    };
    let scratch_short = &mut vec![f32::NAN; scratch_len(case.dims, n, 1)];
    for (what, hessian) in [("H v", true), ("Gauss-Newton v", false)] {
        let mut got = vec![f32::NAN; len];
        let out = ParamsMut::from_flat(case.dims, &mut got).unwrap();
        let run = if hessian { hessian_vector } else { gauss_newton_vector };
        run(short.pass(), short.v(), out, scratch_short).unwrap();
        close(what, &got, &product(&case, case.pass(), hessian).1);
    }
    let mut got = vec![f32::NAN; len];
    let out = ParamsMut::from_flat(case.dims, &mut got).unwrap();
    diagonal(short.pass(), out, None, scratch_short).unwrap();
    close("diagonal", &got, &matrices::diagonal(&case).0);
    let [_, hidden, _, scores] = matrices::factors(case.dims, |out| {
        kronecker_factors(short.pass(), out, scratch_short).unwrap();
    });
    let [_, of_hidden, _, of_scores] = matrices::kronecker(&case);
    close("by z", &hidden, &of_hidden);
    close("by scores", &scores, &of_scores);
    let got = tangent(short.pass(), short.v(), Tangents::default(), scratch_short).unwrap();
    let exact = tangent(case.pass(), case.v(), Tangents::default(), &mut scratch(&case, 1)).unwrap();
    close("along", &[got.slope], &[exact.slope]);
    close("along", &[got.gauss_newton], &[exact.gauss_newton]);
    close("along", &[got.hessian], &[exact.hessian]);
}

/// As small as weights and 1/N are together, no number of f32 is: what it is multiplied with makes up for it. With norms of
/// single gradients in the same pass nothing of 1/N may go to the terms.
#[test]
fn factors_with_weights_and_divisors_beyond_the_range() {
    let mut case = Case::new(2, (8, 12, 10, 40));
    let (first, n) = (case.dims.hidden() * (case.dims.inputs() + 1), case.n);
    let second = first + case.dims.hidden() * case.dims.classes();
    case.theta[..first].iter_mut().for_each(|w| *w *= 1e-15);
    case.theta[first..second].iter_mut().for_each(|w| *w *= 1e15);
    case.example_weights = Some(vec![1e-25; n]);
    case.divisor = Some(1e25);
    let case = case.map(|x| f64::from(x as f32));
    let short = case.map(|x| x as f32);
    let mut norms = vec![f32::NAN; n];
    let [_, got, ..] = matrices::factors(case.dims, |out| {
        let pass = short.pass().grad_norms(&mut norms);
        kronecker_factors(pass, out, &mut vec![f32::NAN; scratch_len(case.dims, n, 1)]).unwrap();
    });
    let [_, expected, ..] = matrices::kronecker(&case);
    let size = expected.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
    assert!((1e-24..1e-16).contains(&size), "{size}");
    for (got, expected) in got.iter().zip(&expected) {
        assert!((f64::from(*got) - expected).abs() < 3e-6 * size, "{got} {expected}");
    }
}
