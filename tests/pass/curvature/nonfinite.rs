//! Numbers that are not finite: of examples that are excluded they are nowhere seen, of others they reach the product.

use handgrad::MatMut;
use handgrad::curvature::{Tangents, tangent};

use super::case::{Case, assert_close, engines};
use super::{matrices, product, scratch};

/// Slope, second derivative as Gauss-Newton has it, and second derivative of each example; and the sums.
fn along(case: &Case<f64>) -> (Vec<[f64; 3]>, [f64; 3]) {
    let [mut slopes, mut squares, mut hessian] = [0, 1, 2].map(|_| vec![f64::NAN; case.n]);
    let out = Tangents {
        slopes: Some(&mut slopes),
        gauss_newton: Some(&mut squares),
        hessian: Some(&mut hessian),
        ..Tangents::default()
    };
    let all = tangent(case.pass(), case.v(), out, &mut scratch(case, 1)).unwrap();
    let singles = (0..case.n).map(|i| [slopes[i], squares[i], hessian[i]]).collect();
    (singles, [all.slope, all.gauss_newton, all.hessian])
}

/// An example that is excluded adds 0, also where a weight that only it needs is not finite.
#[test]
fn excluded_examples_beside_weights_that_are_not_finite() {
    let (m, h, c, n) = (3, 4, 3, 12);
    for in_direction in [true, false] {
        let mut case = Case::new(5, (m, h, c, n));
        case.example_weights = Some((0..n).map(|i| f64::from(u8::from(i != 1))).collect());
        // Unit 2 is active for example 1 alone.
        (0..n).for_each(|i| case.x[i * m] = if i == 1 { 9.0 } else { 0.0 });
        case.theta[2 * m..3 * m].copy_from_slice(&[1.0, 0.0, 0.0]);
        case.theta[h * m + 2] = -1.0;
        let at = h * m + h + h + 2;
        if in_direction {
            case.direction[at] = f64::INFINITY;
        } else {
            case.theta[at] = f64::NAN;
        }
        for (name, engine) in engines() {
            let (_, got) = product(&case, case.pass().engine(engine), true);
            assert_eq!(got[2 * m..3 * m], [0.0; 3], "{name}");
            assert_eq!(got[h * m + 2], 0.0, "{name}");
            assert!(got[got.len() - c..].iter().all(|x| x.is_nan()), "{name}");
        }
    }
}

/// What is excluded may be anything: it is not even looked at. What is not reaches the product.
#[test]
fn numbers_that_are_not_finite() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for sizes in [(3, 4, 3, 5), (9, 12, 6, 40), (64, 48, 60, 150)] {
            let mut case = Case::new(3, sizes);
            let (m, c) = (case.dims.inputs(), case.dims.classes());
            case.example_weights = Some((0..case.n).map(|i| f64::from(u8::from(i != 2))).collect());
            let expected = product(&case, case.pass(), true);
            let diagonal = matrices::diagonal(&case);
            let expected_x = case.x.clone();
            case.x[2 * m..3 * m].fill(bad);
            for (name, engine) in engines() {
                assert_close(&name, &product(&case, case.pass().engine(engine), true).1, &expected.1);
            }
            assert_eq!(product(&case, case.pass(), true), expected);
            assert_eq!(matrices::diagonal(&case), diagonal);
            assert_eq!(
                matrices::kronecker(&case),
                matrices::kronecker(&Case {
                    x: {
                        let mut x = case.x.clone();
                        x[2 * m..3 * m].fill(0.5);
                        x
                    },
                    ..case.clone()
                })
            );
            let (singles, sums) = along(&case);
            assert_eq!(singles[2], [0.0; 3]);
            let blank = Case { x: expected_x, ..case.clone() };
            assert_eq!((singles, sums), along(&blank));
            // The same example, and it counts.
            case.example_weights = None;
            let (_, got) = product(&case, case.pass(), true);
            assert!(got[got.len() - c..].iter().all(|x| x.is_nan()), "{bad} was swallowed");
            let (got, _) = matrices::diagonal(&case);
            assert!(got[..case.dims.hidden() * m].iter().all(|x| x.is_nan()), "{bad} was swallowed");
        }
    }
}

/// An input of -infinity times 1 turns off all units for an example, and its scores are finite. In products and in the
/// diagonal 0 times that input is a term all the same.
#[test]
fn units_that_are_not_active_have_zero_times_it() {
    for sizes @ (m, h, ..) in [(3, 4, 3, 5), (9, 12, 6, 40), (64, 48, 60, 150)] {
        let mut case = Case::new(3, sizes);
        (0..h).for_each(|unit| case.theta[unit * m + 1] = 1.0);
        case.x[2 * m + 1] = f64::NEG_INFINITY;
        let check = |name: &str, got: &[f64]| {
            for (at, got) in got.iter().enumerate() {
                let is_its_weight = at < h * m && at % m == 1;
                let is_right = if is_its_weight { got.is_nan() } else { got.is_finite() };
                assert!(is_right, "{name} of {sizes:?}, [{at}]: {got}");
            }
        };
        check("diagonal", &matrices::diagonal(&case).0);
        for (name, engine) in engines() {
            check(name, &product(&case, case.pass().engine(engine), true).1);
        }
    }
}

/// More examples than a block has, a unit that is active for each, and a direction that is infinite in a weight of it.
fn infinite_direction() -> Case<f64> {
    let (m, h, c, n) = (3, 4, 3, 300);
    let mut case = Case::new(5, (m, h, c, n));
    case.theta[h * m + 2] = 20.0;
    case.direction[h * m + h + h + 2] = f64::INFINITY;
    case
}

/// Its scores are its own nevertheless, and so are their tangents: infinity is not NaN.
#[test]
fn tangents_of_scores_of_excluded_examples_are_their_own() {
    let mut case = infinite_direction();
    let (n, c) = (case.n, case.dims.classes());
    let scores = |case: &Case<f64>| {
        let mut scores = vec![f64::NAN; n * c];
        let out = Tangents { scores: Some(MatMut::new(&mut scores, n, c).unwrap()), ..Tangents::default() };
        tangent(case.pass(), case.v(), out, &mut scratch(case, 1)).unwrap();
        scores
    };
    let expected = scores(&case);
    case.example_weights = Some((0..n).map(|i| f64::from(u8::from(i % 3 != 1))).collect());
    for (i, (got, expected)) in scores(&case).iter().zip(&expected).enumerate() {
        // Nine terms of up to 25.
        let is_close = got == expected || (got - expected).abs() <= 9.0 * 9.0 * 25.0 * f64::EPSILON;
        assert!(is_close && expected.is_infinite() == (i % c == 1), "[{i}]: {got}, expected {expected}");
    }
}

/// To what is summed over examples they add 0 nevertheless, not 0 times infinity.
#[test]
fn excluded_examples_have_no_slopes_along_what_is_not_finite() {
    let mut case = infinite_direction();
    case.example_weights = Some((0..case.n).map(|i| f64::from(u8::from(i % 3 != 1))).collect());
    for (i, got) in along(&case).0.iter().enumerate() {
        let is_right = if i % 3 == 1 { *got == [0.0; 3] } else { !got[2].is_finite() };
        assert!(is_right, "[{i}]: {got:?}");
    }
}
