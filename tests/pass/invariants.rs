//! Promise: what must hold of any softmax classifier holds of this one. Properties over random nets.

use crate::strategies;
use crate::support::bounds::{Rounding, bounds};
use crate::support::{Element, How, Layout, Outputs, Problem, assert_within, run_pass};
use handgrad::{Batch, Dims, Engine, Kink, MatRef, Params, ParamsMut, Pass, Reduction};
use num_traits::Float;
use proptest::prelude::*;

impl From<strategies::Problem<f64>> for Problem {
    fn from(problem: strategies::Problem<f64>) -> Self {
        let strategies::Problem { dims, theta, x, labels } = problem;
        // The lowest bit of any number: 2^exponent times the power of two in the mantissa.
        let lowest = |value: &f64| {
            let (mantissa, exponent, _) = value.integer_decode();
            if mantissa == 0 {
                1.0
            } else {
                2f64.powi(i32::from(exponent) + mantissa.trailing_zeros() as i32)
            }
        };
        let grain = theta.iter().chain(&x).map(lowest).fold(1.0, f64::min);
        Self { dims, n: labels.len(), theta, x, labels, grain }
    }
}

/// Small nets and few examples, hard cases among them.
fn problems() -> impl Strategy<Value = Problem> {
    strategies::problems::<f64>(strategies::dims(7), 8).prop_map(Problem::from)
}

fn run(problem: &Problem) -> Outputs<f64> {
    run_pass(problem, How::default()).unwrap()
}

fn bounds_of(problem: &Problem, reduction: Reduction) -> Outputs<f64> {
    bounds(problem, Rounding::of::<f64>(), Kink::One, reduction)
}

/// Both results may be off by their bounds; the bounds are those of the same exact values.
fn assert_same(got: &Outputs<f64>, expected: &Outputs<f64>, bounds: &Outputs<f64>) {
    for (((what, got), (_, expected)), (_, bound)) in
        got.parts().into_iter().zip(expected.parts()).zip(bounds.parts())
    {
        let bound: Vec<f64> = bound.iter().map(|bound| 2.0 * bound).collect();
        assert_within(what, got, expected, &bound);
    }
}

fn assert_same_means_of_duplicates(problem: &Problem, times: usize) {
    let out = run(problem);
    let many = Problem {
        n: problem.n * times,
        x: problem.x.repeat(times),
        labels: problem.labels.repeat(times),
        ..problem.clone()
    };
    let got = run(&many);
    let bounds = bounds_of(&many, Reduction::Mean);
    for (what, got, expected, bound) in
        [("loss", &got.loss, &out.loss, &bounds.loss), ("gradient", &got.grad, &out.grad, &bounds.grad)]
    {
        let bound: Vec<f64> = bound.iter().map(|bound| 2.0 * bound).collect();
        assert_within(what, got, expected, &bound);
    }
    assert_eq!(got.predictions[..problem.n], out.predictions);
}

/// A score gradient near the least number of f64: it is rounded after its weight in the mean.
#[test]
fn duplicated_examples_with_gradients_that_underflow() {
    let problem = Problem {
        dims: Dims::new(1, 1, 2).unwrap(),
        n: 5,
        theta: vec![0.0, 0.0, 384.0, 0.0, -288.0, 448.0],
        x: vec![0.0, -0.0625, 0.0, 0.0, -0.5],
        labels: vec![0, 1, 0, 0, 1],
        grain: 0.0625,
    };
    assert_same_means_of_duplicates(&problem, 4);
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn probabilities_are_a_distribution(problem in problems()) {
        let out = run(&problem);
        let c = problem.dims.classes();
        for (p, log_p) in out.probabilities.chunks(c).zip(out.log_probabilities.chunks(c)) {
            prop_assert!(p.iter().all(|p| (0.0..=1.0).contains(p)));
            prop_assert!(log_p.iter().all(|l| *l <= 0.0));
            // Each is rounded once after a division by their common, rounded sum of C terms.
            prop_assert!((p.iter().sum::<f64>() - 1.0).abs() <= (2 * c + 2) as f64 * f64::U);
            for (p, l) in p.iter().zip(log_p) {
                // exp of a rounded logarithm is off by the rounding of the logarithm.
                let bound = p * (8.0 + 4.0 * l.abs() + c as f64) * f64::EPSILON + f64::MIN_POSITIVE;
                prop_assert!((l.exp() - p).abs() <= bound, "{p} {l}");
            }
        }
    }

    /// db2 is the sum of the score gradients over examples: it sums to 0 over classes, and no entry of g is
    /// larger than 1.
    #[test]
    fn score_gradients_sum_to_zero(problem in problems()) {
        let c = problem.dims.classes();
        for i in 0..problem.n {
            let m = problem.dims.inputs();
            let x = problem.x[i * m..(i + 1) * m].to_vec();
            let one = Problem { n: 1, x, labels: vec![problem.labels[i]], ..problem.clone() };
            let out = run(&one);
            let g = &out.grad[out.grad.len() - c..];
            let magnitude: f64 = g.iter().map(|g| g.abs()).sum();
            prop_assert!(g.iter().sum::<f64>().abs() <= (2 * c + 8) as f64 * f64::U * magnitude);
            let right_sign = |(j, g): (usize, &f64)| if j == one.labels[0] { *g <= 0.0 } else { *g >= 0.0 };
            prop_assert!(g.iter().enumerate().all(right_sign), "{g:?}");
        }
    }

    #[test]
    fn permuting_examples_permutes_outputs(problem in problems(), seed: u64) {
        let Problem { n, dims, .. } = problem;
        let mut order: Vec<usize> = (0..n).collect();
        fastrand::Rng::with_seed(seed).shuffle(&mut order);
        let permute = |values: &[f64], width: usize| -> Vec<f64> {
            order.iter().flat_map(|&i| &values[i * width..(i + 1) * width]).copied().collect()
        };
        let permuted = Problem {
            x: permute(&problem.x, dims.inputs()),
            labels: order.iter().map(|&i| problem.labels[i]).collect(),
            ..problem.clone()
        };
        let out = run(&problem);
        let expected = Outputs {
            losses: permute(&out.losses, 1),
            scores: permute(&out.scores, dims.classes()),
            probabilities: permute(&out.probabilities, dims.classes()),
            log_probabilities: permute(&out.log_probabilities, dims.classes()),
            input_grad: permute(&out.input_grad, dims.inputs()),
            predictions: order.iter().map(|&i| out.predictions[i]).collect(),
            ..out
        };
        assert_same(&run(&permuted), &expected, &bounds_of(&permuted, Reduction::Mean));
    }

    #[test]
    fn sum_is_n_times_mean(problem in problems()) {
        let n = problem.n as f64;
        let mut mean = run(&problem);
        let sum = run_pass(&problem, How { reduction: Reduction::Sum, ..How::default() }).unwrap();
        for part in [&mut mean.loss, &mut mean.grad, &mut mean.input_grad] {
            part.iter_mut().for_each(|value| *value *= n);
        }
        assert_same(&sum, &mean, &bounds_of(&problem, Reduction::Sum));
    }

    #[test]
    fn duplicated_examples_change_no_mean(problem in problems(), times in 2usize..5) {
        assert_same_means_of_duplicates(&problem, times);
    }

    /// Into zeros, accumulating is the gradient itself; a second time gives twice of it. Both exactly, as long as each sum over
    /// examples has one part.
    #[test]
    #[cfg_attr(handgrad_small_limits, ignore = "states what holds at the limits that pay")]
    fn accumulating_twice_is_twice_once(problem in problems(), portable: bool) {
        let Problem { dims, n, .. } = problem;
        let engine: Engine<'_, f64> = if portable { Engine::Portable } else { Engine::Auto };
        let params = Params::from_flat(dims, &problem.theta).unwrap();
        let batch = Batch::new(MatRef::new(&problem.x, n, dims.inputs()).unwrap(), &problem.labels).unwrap();
        let mut scratch = vec![f64::NAN; dims.scratch_len(n)];
        let mut once = vec![f64::NAN; dims.param_len()];
        let grad = ParamsMut::from_flat(dims, &mut once).unwrap();
        Pass::new(params, batch).engine(engine).grad(grad).run(&mut scratch).unwrap();
        let mut twice = vec![0.0; dims.param_len()];
        for times in 1..3 {
            let grad = ParamsMut::from_flat(dims, &mut twice).unwrap();
            Pass::new(params, batch).engine(engine).accumulate_grad(grad).run(&mut scratch).unwrap();
            for (once, twice) in once.iter().zip(&twice) {
                prop_assert_eq!(f64::from(times) * once, *twice);
            }
        }
    }

    /// The same numbers in another layout: the same sums, whatever order an engine picks for them.
    #[test]
    fn layouts_agree(problem in problems()) {
        let expected = run(&problem);
        for layout in [Layout::ColMajor, Layout::Padded, Layout::Spread] {
            let got = run_pass(&problem, How { layout, ..How::default() }).unwrap();
            assert_same(&got, &expected, &bounds_of(&problem, Reduction::Mean));
        }
    }

    /// Adding one number to all of b2 changes the scores, and nothing else beyond rounding.
    #[test]
    fn shifting_all_scores_changes_no_probability(problem in problems(), shift in -64i32..65) {
        let mut shifted = problem.clone();
        let from = shifted.theta.len() - problem.dims.classes();
        shifted.theta[from..].iter_mut().for_each(|b| *b += f64::from(shift) / 4.0);
        let (mut out, got) = (run(&problem), run(&shifted));
        out.scores.clone_from(&got.scores);
        assert_same(&got, &out, &bounds_of(&shifted, Reduction::Mean));
    }
}
