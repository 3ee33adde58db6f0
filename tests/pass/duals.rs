//! Promise: gradients are exact. Against dual numbers sent through `loss` in f64: 1e-12 relative.

use crate::support::{Element, Problem, oracle, vectors};
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

/// A dual number that is 0 may have a derivative: products leave out no zeros of such a type. In sizes at which they do
/// leave out those of f64, along one direction at a time.
#[test]
fn zeros_with_a_derivative() {
    let (m, h, c, n) = (64, 48, 60, 150);
    let mut problem = Problem::random(3, (m, h, c, n));
    problem.x.iter_mut().enumerate().filter(|(i, _)| i % 16 != 0).for_each(|(_, x)| *x = 0.0);
    // No unit is at its kink, nor as near to it as the differences reach: products are multiples of 1/256.
    problem.theta[h * m..][..h].iter_mut().for_each(|b| *b += 1.0 / 512.0);
    let weights = problem.theta[h * m + h..].to_vec();
    // W2 = 0: D is 0 everywhere, and not so a little further on.
    for w2 in [weights.clone(), vec![0.0; weights.len()]] {
        problem.theta[h * m + h..].copy_from_slice(&w2);
        for (along_x, excluded) in [(true, 0), (false, 0), (true, 3), (false, 3)] {
            check_second(&problem, along_x, excluded);
        }
    }
}

/// The gradients by theta and x; examples of weight 0 hold NaN.
fn gradients<T: Element>(problem: &Problem, theta: &[T], x: &[T], weights: &[T]) -> Vec<T> {
    let Problem { dims, n, ref labels, .. } = *problem;
    let mut grads = vec![T::nan(); dims.param_len() + x.len()];
    let (grad, dx) = grads.split_at_mut(dims.param_len());
    let mut x = x.to_vec();
    let rows = x.chunks_mut(dims.inputs()).zip(weights);
    rows.filter(|(_, weight)| **weight == T::zero()).for_each(|(row, _)| row.fill(T::nan()));
    let batch = Batch::new(MatRef::new(&x, n, dims.inputs()).unwrap(), labels).unwrap();
    Pass::new(Params::from_flat(dims, theta).unwrap(), batch)
        .example_weights(weights)
        .grad(ParamsMut::from_flat(dims, grad).unwrap())
        .input_grad(MatMut::new(dx, n, dims.inputs()).unwrap())
        .run(&mut vec![T::nan(); dims.scratch_len(n)])
        .unwrap();
    grads
}

/// The derivative of all gradients along a direction, by a pass over dual numbers and by central differences of gradients:
/// the terms of second order are far below the bound.
fn check_second(problem: &Problem, along_x: bool, excluded: usize) {
    let mut rng = fastrand::Rng::with_seed(9);
    let len = if along_x { problem.x.len() } else { problem.theta.len() };
    let direction: Vec<f64> = (0..len).map(|_| f64::from(rng.i32(-8..9)) / 8.0).collect();
    let weight = |i: usize| if excluded > 0 && i % 50 < excluded { 0.0 } else { 1.0 };
    let weights: Vec<f64> = (0..problem.n).map(weight).collect();
    let moved = |step: f64| {
        let mut problem = problem.clone();
        let values = if along_x { &mut problem.x } else { &mut problem.theta };
        values.iter_mut().zip(&direction).for_each(|(value, v)| *value += step * v);
        gradients(&problem, &problem.theta, &problem.x, &weights)
    };
    let step = 1.0 / 1048576.0;
    let slopes: Vec<f64> =
        moved(step).iter().zip(moved(-step)).map(|(right, left)| (right - left) / (2.0 * step)).collect();

    let dual = |values: &[f64], moves: bool| -> Vec<F1> {
        let mut values: Vec<F1> = values.iter().map(|&value| F1::cst(value)).collect();
        if moves {
            values.iter_mut().zip(&direction).for_each(|(value, &v)| value.dx = v);
        }
        values
    };
    let (theta, x) = (dual(&problem.theta, !along_x), dual(&problem.x, along_x));
    let got = gradients(problem, &theta, &x, &dual(&weights, false));
    let scale = slopes.iter().fold(0.0, |scale: f64, slope| scale.max(slope.abs()));
    assert!(scale > 0.0);
    for (i, (got, expected)) in got.iter().zip(&slopes).enumerate() {
        assert!((got.dx - expected).abs() <= 1e-6 * scale, "{i}: {}, expected {expected}", got.dx);
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
