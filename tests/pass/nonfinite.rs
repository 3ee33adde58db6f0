//! Promise: NaN and infinities never panic and are never swallowed; extreme scores and sizes are ordinary.

use crate::support::bounds::{Rounding, bounds};
use crate::support::{How, Outputs, Problem, assert_within, oracle, run_pass};
use handgrad::{Kink, Reduction};

const SHAPE: (usize, usize, usize, usize) = (4, 5, 3, 6);

fn run(problem: &Problem) -> Outputs<f64> {
    run_pass(problem, How::default()).unwrap()
}

fn all_nan(values: &[f64]) -> bool {
    values.iter().all(|value| value.is_nan())
}

fn finite(values: &[f64]) -> bool {
    values.iter().all(|value| value.is_finite())
}

/// A NaN in one example: all of that example's outputs, the loss, and the whole gradient (every hidden unit
/// of that example is NaN); no other example's outputs.
#[test]
fn nan_in_an_example() {
    let (m, _, c, n) = SHAPE;
    for hit in 0..n {
        let mut problem = Problem::random(3, SHAPE);
        problem.x[hit * m + hit % m] = f64::NAN;
        let out = run(&problem);
        assert!(all_nan(&out.loss) && all_nan(&out.grad), "{out:?}");
        for i in 0..n {
            let is = if i == hit { all_nan } else { finite };
            assert!(is(&out.losses[i..=i]));
            assert!(is(&out.input_grad[i * m..(i + 1) * m]));
            for part in [&out.scores, &out.probabilities, &out.log_probabilities] {
                assert!(is(&part[i * c..(i + 1) * c]));
            }
        }
        assert_eq!(out.predictions[hit], 0, "the first NaN");
    }
}

/// A NaN parameter: every example whose scores depend on it, that is all of them but for W1 · 0.
#[test]
fn nan_in_a_parameter() {
    let (m, h, c, _) = SHAPE;
    let problem = Problem::random(4, SHAPE);
    for hit in 0..problem.dims.param_len() {
        let mut problem = problem.clone();
        problem.theta[hit] = f64::NAN;
        let out = run(&problem);
        assert!(all_nan(&out.loss) && all_nan(&out.losses), "parameter {hit}");
        assert!(all_nan(&out.probabilities) && all_nan(&out.log_probabilities), "parameter {hit}");
        let (first, second) = out.grad.split_at(h * m + h);
        assert!(all_nan(second), "parameter {hit}: dW2, db2");
        // A unit is NaN, or its weights have no influence and its gradient is 0.
        let unit = |i: usize| first[i * m..(i + 1) * m].iter().chain(&first[h * m + i..=h * m + i]);
        for i in 0..h {
            let dead = oracle_units_dead(&problem, i);
            assert!(
                unit(i).all(|value| if dead { *value == 0.0 } else { value.is_nan() }),
                "parameter {hit}"
            );
        }
        let class = if hit >= h * m + h + c * h { hit - (h * m + h + c * h) } else { usize::MAX };
        assert!(class == usize::MAX || out.predictions.iter().all(|&got| got == class), "the first NaN");
    }
}

/// Whether hidden unit i is inactive in every example.
fn oracle_units_dead(problem: &Problem, i: usize) -> bool {
    let (m, ..) = SHAPE;
    problem
        .x
        .chunks_exact(m)
        .zip(&problem.labels)
        .all(|(x, &y)| oracle::example(problem, &problem.theta, x, y, Kink::One).z[i] < 0.0)
}

/// Every output agrees with the derivation about which entries are NaN or infinite, wherever an infinity
/// is put.
#[test]
fn infinities() {
    let problem = Problem::random(5, SHAPE);
    for value in [f64::INFINITY, f64::NEG_INFINITY] {
        for hit in 0..problem.theta.len() + problem.x.len() {
            let mut problem = problem.clone();
            let len = problem.theta.len();
            *if hit < len { &mut problem.theta[hit] } else { &mut problem.x[hit - len] } = value;
            let out = run(&problem);
            let expected = oracle::evaluate::<f64>(&problem, Kink::One, Reduction::Mean);
            assert_eq!(out.predictions, expected.predictions);
            for ((what, got), (_, expected)) in out.parts().into_iter().zip(expected.parts()) {
                for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
                    assert_eq!(
                        got.is_finite(),
                        expected.is_finite(),
                        "{what}[{i}], hit {hit}: {got} {expected}"
                    );
                    assert_eq!(got.is_nan(), expected.is_nan(), "{what}[{i}], hit {hit}: {got} {expected}");
                }
            }
        }
    }
}

/// A net with one hidden unit, always 1 (W1 = 0, b1 = 1), so that the scores are W2 + b2 = `scores`.
fn with_scores(scores: &[f64], label: usize) -> Problem {
    let mut problem = Problem::random(0, (1, 1, scores.len(), 1));
    problem.theta = [&[0.0, 1.0], scores, &vec![0.0; scores.len()][..]].concat();
    problem.labels = vec![label];
    problem.grain = 0.0;
    problem
}

#[test]
fn extreme_scores_are_ordinary() {
    let e30 = 1e30;
    let out = run(&with_scores(&[e30, -e30, 0.0], 0));
    assert_eq!((out.loss[0], &out.probabilities[..]), (0.0, &[1.0, 0.0, 0.0][..]));
    assert!(finite(&out.grad));
    let out = run(&with_scores(&[e30, -e30, 0.0], 1));
    assert_eq!(out.loss[0], 2e30);
    assert_eq!(&out.grad[5..], &[1.0, -1.0, 0.0]);
    assert_eq!(out.log_probabilities, [0.0, -2e30, -1e30]);
    for score in [e30, -e30, 0.0, 12.5] {
        let out = run(&with_scores(&[score; 4], 2));
        assert_eq!(out.loss[0], 4f64.ln());
        assert_eq!(out.probabilities, [0.25; 4]);
        assert_eq!(&out.grad[6..], &[0.25, 0.25, -0.75, 0.25]);
        assert_eq!(out.predictions, [0], "the first of equals");
    }
    // In f32 the same scores and their differences do not overflow either.
    let out = run_pass::<f32>(&with_scores(&[e30, -e30], 1), How::default()).unwrap();
    assert_eq!(out.loss[0], 2.0 * e30 as f32);
}

/// No probability can be told from an infinite largest score; -infinity beside finite ones is probability 0.
#[test]
fn infinite_scores() {
    let inf = f64::INFINITY;
    for label in 0..3 {
        let out = run(&with_scores(&[0.0, inf, 1.0], label));
        assert!(out.loss[0].is_nan());
        assert!(all_nan(&out.probabilities) && all_nan(&out.log_probabilities) && all_nan(&out.grad[5..]));
        let out = run(&with_scores(&[-inf; 3], label));
        assert!(all_nan(&out.loss) && all_nan(&out.probabilities));
    }
    let out = run(&with_scores(&[0.0, -inf, 0.0], 0));
    assert_eq!((out.loss[0], &out.probabilities[..]), (2f64.ln(), &[0.5, 0.0, 0.5][..]));
    let out = run(&with_scores(&[0.0, -inf, 0.0], 1));
    assert_eq!(out.loss[0], inf);
    assert_eq!(&out.grad[5..], &[0.5, -1.0, 0.5]);
    let out = run(&with_scores(&[f64::NAN], 0));
    assert!(all_nan(&out.loss) && all_nan(&out.grad[3..]), "one class: {out:?}");
}

#[test]
fn sizes_of_one_are_ordinary() {
    for shape in [(1, 1, 1, 1), (1, 4, 3, 5), (4, 1, 3, 5), (4, 3, 1, 5), (4, 3, 5, 1), (1, 1, 4, 1)] {
        let problem = Problem::random(6, shape);
        let (got, expected) = (run(&problem), oracle::evaluate::<f64>(&problem, Kink::One, Reduction::Mean));
        let bounds = bounds(&problem, Rounding::of::<f64>(), Kink::One, Reduction::Mean);
        for (((what, got), (_, expected)), (_, bound)) in
            got.parts().into_iter().zip(expected.parts()).zip(bounds.parts())
        {
            let bound: Vec<f64> = bound.iter().map(|bound| 2.0 * bound).collect();
            assert_within(what, got, expected, &bound);
        }
        if shape.2 == 1 {
            assert!(got.loss[0] == 0.0 && got.grad.iter().chain(&got.input_grad).all(|value| *value == 0.0));
        }
    }
}

/// A sum that overflows stays infinite through the compensated steps; it does not become NaN.
#[test]
fn overflowing_sums_stay_infinite() {
    let n = 5000;
    let mut problem = Problem::random(0, (1, 1, 2, n));
    // z = a = x = 1e38, scores x and 0, the wrong label: g = (1, -1), each L_i and each entry of dW2 is 1e38.
    problem.theta = vec![1.0, 0.0, 1.0, 0.0, 0.0, 0.0];
    problem.x = vec![1e38; n];
    problem.labels = vec![1; n];
    problem.grain = 0.0;
    let out = run_pass::<f32>(&problem, How { reduction: Reduction::Sum, ..How::default() }).unwrap();
    assert_eq!(out.loss[0], f32::INFINITY);
    assert_eq!(out.grad[2..4], [f32::INFINITY, f32::NEG_INFINITY]);
    assert_eq!(out.grad[4..6], [n as f32, -(n as f32)]);
}
