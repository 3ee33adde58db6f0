//! Promise: the gradient is the gradient of the loss. Analytic gradients against central differences in f64,
//! for each parameter and each input of random nets.
//!
//! The difference quotient D(s) = (L(v + s) - L(v - s)) / 2s has an error c s² + O(s⁴) where L is smooth. Two
//! steps give (4 D(s/2) - D(s)) / 3, and |D(s/2) - D(s)| is three times the larger of their errors: a safe
//! bound for the better estimate. To it comes the rounding of L, divided by the step. A probe between whose
//! ends a pre-activation changes its sign is not smooth: it is tried again with a smaller step, and given up
//! at the third. How many were conclusive, and how exact they were, is itself asserted.

mod support;

use handgrad::{Batch, Dims, Kink, MatMut, MatRef, Params, ParamsMut, Pass, Reduction, derivation};
use proptest::prelude::*;
use support::bounds::{Rounding, bounds};
use support::{Problem, oracle};

/// A net, its examples, and the place of one number in `theta` followed by `x`.
fn at(problem: &Problem, i: usize, change: f64) -> Problem {
    let mut problem = problem.clone();
    let len = problem.theta.len();
    *if i < len { &mut problem.theta[i] } else { &mut problem.x[i - len] } += change;
    problem
}

fn loss(problem: &Problem) -> f64 {
    let Problem { dims, n, ref labels, .. } = *problem;
    let batch = Batch::new(MatRef::new(&problem.x, n, dims.inputs()).unwrap(), labels).unwrap();
    let params = Params::from_flat(dims, &problem.theta).unwrap();
    handgrad::loss(params, batch, &mut vec![0.0; dims.scratch_len(n)]).unwrap()
}

/// dL/dtheta followed by dL/dx.
fn gradient(problem: &Problem, kink: Kink) -> Vec<f64> {
    let Problem { dims, n, ref labels, .. } = *problem;
    let (mut grad, mut dx) = (vec![0.0; dims.param_len()], vec![0.0; n * dims.inputs()]);
    let batch = Batch::new(MatRef::new(&problem.x, n, dims.inputs()).unwrap(), labels).unwrap();
    Pass::new(Params::from_flat(dims, &problem.theta).unwrap(), batch)
        .kink(kink)
        .grad(ParamsMut::from_flat(dims, &mut grad).unwrap())
        .input_grad(MatMut::new(&mut dx, n, dims.inputs()).unwrap())
        .run(&mut vec![0.0; dims.scratch_len(n)])
        .unwrap();
    [grad, dx].concat()
}

/// The signs of all pre-activations: where they differ, L is another smooth function.
fn branch(problem: &Problem) -> Vec<i8> {
    let [w1, b1, ..] = oracle::blocks(problem, &problem.theta);
    let mut z = vec![0.0; b1.len()];
    let mut signs = vec![];
    for x in problem.x.chunks_exact(problem.dims.inputs()) {
        derivation::preactivations(w1, b1, x, &mut z).unwrap();
        signs.extend(z.iter().map(|z| if *z > 0.0 { 1 } else { -i8::from(*z < 0.0) }));
    }
    signs
}

/// The slope along number i and the bound of its error, if L is smooth around it.
fn slope(problem: &Problem, i: usize) -> Option<(f64, f64)> {
    let here = branch(problem);
    [1e-3, 1e-5, 1e-7].into_iter().find_map(|step| {
        let difference = |step: f64| {
            let ends = [at(problem, i, step), at(problem, i, -step)];
            let noise = bounds(&ends[0], Rounding::of::<f64>(), Kink::One, Reduction::Mean).loss[0];
            let smooth = ends.iter().all(|end| branch(end) == here);
            smooth.then(|| ((loss(&ends[0]) - loss(&ends[1])) / (2.0 * step), noise / step))
        };
        let ((wide, noise), (narrow, more_noise)) = (difference(step)?, difference(step / 2.0)?);
        let slope = (4.0 * narrow - wide) / 3.0;
        // v ± step is itself rounded: to U |v|, against a step of 1e-7 or more.
        let displacement = f64::EPSILON * 2.0 / step * slope.abs();
        Some((slope, (narrow - wide).abs() + noise + 2.0 * more_noise + displacement))
    })
}

fn problems() -> impl Strategy<Value = Problem> {
    (1usize..5, 1usize..6, 1usize..5, 1usize..6).prop_flat_map(|(m, h, c, n)| {
        let dims = Dims::new(m, h, c).unwrap();
        let numbers = |len| prop::collection::vec(-2.0..2.0f64, len);
        (numbers(dims.param_len()), numbers(n * m), prop::collection::vec(0..c, n))
            .prop_map(move |(theta, x, labels)| Problem { dims, n, theta, x, labels, grain: 0.0 })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn gradient_is_the_slope_of_the_loss(problem in problems()) {
        let grad = gradient(&problem, Kink::One);
        let scale = grad.iter().fold(1e-3, |max: f64, g| max.max(g.abs()));
        let (mut smooth, mut sharp) = (0, 0);
        for (i, grad) in grad.iter().enumerate() {
            if let Some((slope, bound)) = slope(&problem, i) {
                smooth += 1;
                sharp += usize::from(bound <= 1e-4 * scale);
                prop_assert!((grad - slope).abs() <= bound, "{i}: {grad} but slope {slope} +- {bound}");
            }
        }
        prop_assert!(smooth * 10 >= grad.len() * 9, "only {smooth} of {} probes were smooth", grad.len());
        prop_assert!(sharp * 10 >= smooth * 9, "only {sharp} of {smooth} probes were sharp");
    }
}

/// At z = 0 exactly the loss has two slopes along b1: to the right (z grows, the unit is active) and to the
/// left. The two conventions are the two of them.
#[test]
fn the_two_conventions_are_the_two_slopes_at_the_kink() {
    let problem = Problem {
        dims: Dims::new(1, 2, 3).unwrap(),
        n: 2,
        // The first unit is at z = 0 for both examples, the second one is active.
        theta: vec![0.0, 1.0, 0.0, 0.5, 1.0, -0.5, -2.0, 1.5, 0.25, 1.0, 0.1, 0.2, -0.3],
        x: vec![0.75, 1.25],
        labels: vec![0, 2],
        grain: 0.0,
    };
    let b1 = 2;
    let here = loss(&problem);
    for (kink, sign) in [(Kink::One, 1.0), (Kink::Zero, -1.0)] {
        let grad = gradient(&problem, kink)[b1];
        let slope = |step: f64| (loss(&at(&problem, b1, sign * step)) - here) / (sign * step);
        // One-sided: error c s, halved with the step, so the last change bounds what is left.
        let (wide, narrow) = (slope(2e-6), slope(1e-6));
        assert!((grad - narrow).abs() <= (wide - narrow).abs() + 1e-9, "{kink:?}: {grad} but slope {narrow}");
    }
    assert!((gradient(&problem, Kink::One)[b1]).abs() > 0.1);
    assert_eq!(gradient(&problem, Kink::Zero)[b1], 0.0);
}
