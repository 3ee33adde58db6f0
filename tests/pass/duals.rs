//! Promise: gradients are exact. Against dual numbers sent through `loss` in f64: 1e-12 relative.

use crate::support::{Problem, oracle, vectors};
use autodiff::F1;
use handgrad::{Batch, Kink, MatMut, MatRef, Params, ParamsMut, Pass, Reduction, derivation};

/// dL/dv for each entry v of theta and of x, by one evaluation of the loss in dual numbers each.
fn by_duals(problem: &Problem, kink: Kink, reduction: Reduction) -> (Vec<f64>, Vec<f64>) {
    let Problem { dims, n, ref labels, .. } = *problem;
    let (theta, x) = (problem.theta::<F1>(), problem.x::<F1>());
    let mut scratch = vec![F1::cst(0.0); dims.scratch_len(n)];
    let mut slope = |theta: &[F1], x: &[F1]| {
        let params = Params::from_flat(dims, theta).unwrap();
        let batch = Batch::new(MatRef::new(x, n, dims.inputs()).unwrap(), labels).unwrap();
        Pass::new(params, batch).kink(kink).reduction(reduction).run(&mut scratch).unwrap().dx
    };
    let variable = |values: &[F1], i: usize| {
        let mut values = values.to_vec();
        values[i] = F1::var(values[i].x);
        values
    };
    let dtheta = (0..theta.len()).map(|i| slope(&variable(&theta, i), &x)).collect();
    let dx = (0..x.len()).map(|i| slope(&theta, &variable(&x, i))).collect();
    (dtheta, dx)
}

fn by_hand(problem: &Problem, kink: Kink, reduction: Reduction) -> (Vec<f64>, Vec<f64>) {
    let Problem { dims, n, ref labels, .. } = *problem;
    let (mut grad, mut dx) = (vec![f64::NAN; dims.param_len()], vec![f64::NAN; n * dims.inputs()]);
    let batch = Batch::new(MatRef::new(&problem.x, n, dims.inputs()).unwrap(), labels).unwrap();
    Pass::new(Params::from_flat(dims, &problem.theta).unwrap(), batch)
        .kink(kink)
        .reduction(reduction)
        .grad(ParamsMut::from_flat(dims, &mut grad).unwrap())
        .input_grad(MatMut::new(&mut dx, n, dims.inputs()).unwrap())
        .run(&mut vec![f64::NAN; dims.scratch_len(n)])
        .unwrap();
    (grad, dx)
}

/// Relative to the largest entry of a block: single entries may be differences of larger numbers.
#[track_caller]
fn assert_close(what: &str, got: &[f64], expected: &[f64]) {
    let scale = expected.iter().fold(0.0, |max: f64, value| max.max(value.abs()));
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        let error = (got - expected).abs();
        assert!(error <= 1e-12 * expected.abs() || error <= 1e-14 * scale, "{what}[{i}]: {got} {expected}");
    }
}

fn check(problem: &Problem) {
    for kink in [Kink::One, Kink::Zero] {
        for reduction in [Reduction::Mean, Reduction::Sum] {
            let (grad, dx) = by_hand(problem, kink, reduction);
            let (dual_grad, dual_dx) = by_duals(problem, kink, reduction);
            for (got, expected) in
                oracle::blocks(problem, &grad).iter().zip(oracle::blocks(problem, &dual_grad))
            {
                assert_close("gradient", got, expected);
            }
            assert_close("input gradient", &dx, &dual_dx);
        }
    }
}

#[test]
fn random_nets() {
    for (seed, shape) in
        [(1, 1, 1, 1), (3, 5, 4, 7), (7, 11, 5, 3), (2, 3, 10, 20), (5, 2, 3, 300)].into_iter().enumerate()
    {
        check(&Problem::random(seed as u64, shape));
    }
}

/// Among them pre-activations of exactly 0, tiny gradients, and huge scores.
#[test]
fn reference_nets() {
    for vector in vectors::all().iter().filter(|vector| vector.problem.theta.len() < 400) {
        check(&vector.problem);
    }
}

/// The two conventions differ where they must.
#[test]
fn conventions_differ_at_zero() {
    let vector = vectors::all().into_iter().find(|vector| vector.name == "kink_at_zero").unwrap();
    let grad = |kink| by_hand(&vector.problem, kink, Reduction::Mean);
    assert_ne!(grad(Kink::One), grad(Kink::Zero));
}

/// (8) to (11) against dual numbers through (1) to (3), and (7) through them against (12) to (16).
#[test]
fn class_scores() {
    let problem = Problem::random(11, (4, 6, 5, 3));
    let (m, h, c) = (4, 6, 5);
    let theta = problem.theta::<F1>();
    for (x, &y) in problem.x.chunks_exact(m).zip(&problem.labels) {
        for kink in [Kink::One, Kink::Zero] {
            let at = oracle::example(&problem, &problem.theta, x, y, kink);
            let w2 = oracle::blocks(&problem, &problem.theta)[2];
            let mut score_grads = vec![];
            for class in 0..c {
                let (mut dw1, mut db1) = (vec![f64::NAN; h * m], vec![f64::NAN; h]);
                let (mut dw2, mut db2) = (vec![f64::NAN; c * h], vec![f64::NAN; c]);
                derivation::score_grad_w1(&at.z, w2, x, class, kink, &mut dw1).unwrap();
                derivation::score_grad_b1(&at.z, w2, class, kink, &mut db1).unwrap();
                derivation::score_grad_w2(&at.a, class, &mut dw2).unwrap();
                derivation::score_grad_b2(class, &mut db2).unwrap();
                score_grads.extend([dw1, db1, dw2, db2].concat());
            }
            let x_dual: Vec<F1> = x.iter().map(|&x| F1::cst(x)).collect();
            for i in 0..theta.len() {
                let mut theta = theta.clone();
                theta[i] = F1::var(theta[i].x);
                let dual = oracle::example(&problem, &theta, &x_dual, y, kink);
                for class in 0..c {
                    let (got, expected) = (score_grads[class * theta.len() + i], dual.f[class].dx);
                    assert!((got - expected).abs() <= 1e-14 * expected.abs(), "f_{class}, parameter {i}");
                }
            }
            let mut grad = vec![f64::NAN; theta.len()];
            derivation::softmax_loss_grad(&at.f, y, &score_grads, &mut grad).unwrap();
            assert_close("(7)", &grad, &oracle::example_grad(&at, x));
        }
    }
}
