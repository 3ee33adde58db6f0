//! Promise: the net that takes one example at a time computes what the derivation says, for all shapes and
//! types, within the rounding bound of `support::bounds`; refuses what `Pass` refuses; swallows no NaN.

use crate::support::bounds::{Rounding, bounds};
use crate::support::{Element, Problem, assert_within, oracle};
use autodiff::F1;
use handgrad::compact::{Net, NetMut};
use handgrad::{Batch, Dims, Engine, Error, Kink, MatMut, MatRef, Params, ParamsMut, Pass, Reduction, What};
use twofloat::TwoFloat;

struct Got<T> {
    losses: Vec<T>,
    predictions: Vec<usize>,
    grad: Vec<T>,
    input_grad: Vec<T>,
}

/// All examples one after the other, the scratch full of NaN before each call. The gradient is added to 0.
fn run<T: Element>(problem: &Problem, weight: T, kink: Kink) -> Got<T> {
    let Problem { dims, n, ref labels, .. } = *problem;
    let (theta, x) = (problem.theta::<T>(), problem.x::<T>());
    let scratch = || vec![T::nan(); dims.scratch_len(1)];
    let net = Net::new(dims, &theta).unwrap().kink(kink);
    let grad = vec![T::zero(); dims.param_len()];
    let mut out = Got { losses: vec![], predictions: vec![], grad, input_grad: vec![] };
    for (x, &class) in x.chunks_exact(dims.inputs()).zip(labels) {
        let alone = net.loss(x, class, &mut scratch()).unwrap();
        let loss = net.add_grad(x, class, weight, &mut out.grad, &mut scratch()).unwrap();
        assert!(
            loss == alone || loss.is_nan() && alone.is_nan(),
            "{loss:?} with gradient, {alone:?} without"
        );
        let (mut after, mut dx) = (theta.clone(), vec![T::nan(); dims.inputs()]);
        // In the parameters' place: the same bits.
        net.add_grad(x, class, -weight, &mut after, &mut scratch()).unwrap();
        let mut stepped = theta.clone();
        let of_step = NetMut::new(dims, &mut stepped).unwrap().kink(kink);
        let of_step = { of_step }.step(x, class, weight, &mut scratch()).unwrap();
        let of_inputs = net.input_grad(x, class, weight, &mut dx, &mut scratch()).unwrap();
        for other in [of_step, of_inputs] {
            assert!(other == loss || other.is_nan() && loss.is_nan(), "{other:?}, not {loss:?}");
        }
        let is_same = |(a, b): (&T, &T)| a == b || a.is_nan() && b.is_nan();
        assert!(stepped.iter().zip(&after).all(is_same), "a step is not the gradient times its length");
        out.input_grad.append(&mut dx);
        out.losses.push(loss);
        out.predictions.push(net.predict(x, &mut scratch()).unwrap());
    }
    assert_eq!(out.losses.len(), n);
    out
}

const MANY: &[usize] = &[1, 7, 40];
const FEW: &[usize] = &[1, 7];

/// Returns the largest share of the allowance that was used.
fn grid<T: Element>(examples: &[usize]) -> f64 {
    let mut worst = 0.0;
    let shapes =
        [(1, 1, 1), (1, 5, 3), (5, 1, 2), (7, 11, 1), (4, 4, 4), (13, 17, 5), (31, 29, 11), (65, 9, 19)];
    for (seed, (m, h, c)) in shapes.into_iter().enumerate() {
        for &n in examples {
            let problem = Problem::random(seed as u64, (m, h, c, n));
            let kink = if n == 7 { Kink::Zero } else { Kink::One };
            let got = run(&problem, T::one(), kink);
            let expected = oracle::evaluate::<T>(&problem, kink, Reduction::Sum);
            let bounds = bounds(&problem, Rounding::of::<T>(), kink, Reduction::Sum);
            for (what, got, expected, bound) in [
                ("losses", &got.losses, &expected.losses, &bounds.losses),
                ("gradient", &got.grad, &expected.grad, &bounds.grad),
                ("input gradient", &got.input_grad, &expected.input_grad, &bounds.input_grad),
            ] {
                // Each of the two may be off by the bound.
                let allowance: Vec<f64> = bound.iter().map(|bound| 2.0 * bound).collect();
                worst = f64::max(worst, assert_within(what, got, expected, &allowance));
            }
            assert_eq!(got.predictions, expected.predictions);
        }
    }
    println!("{}: at most {worst:.3} of the allowance", std::any::type_name::<T>());
    worst
}

#[test]
fn is_the_derivation() {
    let worst = [grid::<f32>(MANY), grid::<f64>(MANY), grid::<TwoFloat>(FEW), grid::<F1>(FEW)];
    assert!(worst.iter().all(|&worst| worst > 0.0), "nothing was compared: {worst:?}");
}

/// The gradient is added to what is there, so many times as the weight says.
#[test]
fn adds_the_weighted_gradient() {
    let problem = Problem::random(1, (6, 5, 4, 3));
    let (once, twice) =
        (run::<f64>(&problem, 1.0, Kink::One).grad, run::<f64>(&problem, 2.0, Kink::One).grad);
    assert!(once.iter().any(|&g| g != 0.0));
    assert_eq!(twice, once.iter().map(|g| 2.0 * g).collect::<Vec<_>>());

    let theta = problem.theta::<f64>();
    let (net, mut scratch) = (Net::new(problem.dims, &theta).unwrap(), [0.0; 14]);
    let (mut from_zero, mut from_one) = (vec![0.0; theta.len()], vec![1.0; theta.len()]);
    for grad in [&mut from_zero, &mut from_one] {
        net.add_grad(&problem.x[..6], 2, 1.0, grad, &mut scratch).unwrap();
    }
    assert_eq!(from_one, from_zero.iter().map(|g| 1.0 + g).collect::<Vec<_>>());
}

/// Units that are off are left out, which nobody may notice: with numbers that are not finite, too, NaN is
/// where the derivation has it.
#[test]
fn swallows_no_nan() {
    let (m, h, c) = (4, 5, 3);
    for (seed, value) in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY].into_iter().enumerate() {
        for hit in 0..m + (h * m + h + c * h + c) {
            let mut problem = Problem::random(seed as u64, (m, h, c, 1));
            match hit.checked_sub(m) {
                None => problem.x[hit] = value,
                Some(hit) => problem.theta[hit] = value,
            }
            let (got, expected) = (
                run::<f64>(&problem, 1.0, Kink::One),
                oracle::evaluate::<f64>(&problem, Kink::One, Reduction::Sum),
            );
            assert_eq!(got.predictions, expected.predictions, "{value} at {hit}");
            for (got, expected) in
                got.grad.iter().chain(&got.losses).zip(expected.grad.iter().chain(&expected.losses))
            {
                let close = f64::abs(got - expected) <= 1e-12 || got == expected;
                assert!(
                    close || got.is_nan() && expected.is_nan(),
                    "{value} at {hit}: {got}, not {expected}"
                );
            }
        }
    }
}

#[test]
fn refuses_what_does_not_fit() {
    let dims = Dims::new(3, 4, 2).unwrap();
    let (theta, x) = (vec![0.5f32; dims.param_len()], [1.0; 3]);
    let length = |what, expected, got| Err(Error::Length { what, expected, got });
    let params = dims.param_len();
    assert_eq!(Net::new(dims, &theta[1..]).map(|_| ()), length(What::Params, params, params - 1));

    let net = Net::new(dims, &theta).unwrap();
    let (mut grad, mut scratch) = (vec![7.0; params], [0.0; 10]);
    assert_eq!(net.predict(&x[1..], &mut scratch).map(|_| ()), length(What::X, 3, 2));
    assert_eq!(net.loss(&x, 0, &mut scratch[1..]).map(|_| ()), length(What::Scratch, 10, 9));
    let label = Err(Error::Label { example: 0, classes: 2, got: 2 });
    assert_eq!(net.loss(&x, 2, &mut scratch).map(|_| ()), label);
    assert_eq!(net.add_grad(&x, 2, 1.0, &mut grad, &mut scratch).map(|_| ()), label);
    let short = net.add_grad(&x, 1, 1.0, &mut grad[1..], &mut scratch);
    assert_eq!(short.map(|_| ()), length(What::Gradient, params, params - 1));
    let short = net.add_grad(&x, 1, 1.0, &mut grad, &mut scratch[..3]);
    assert_eq!(short.map(|_| ()), length(What::Scratch, 10, 3));
    assert!(grad.iter().all(|&g| g == 7.0), "written before it was refused");
}

/// Everything that a pass has, too: scores, probabilities, smoothing.
#[test]
fn is_what_a_pass_gives() {
    for (seed, smoothing) in [0.0, 0.1, 0.5, 1.0].into_iter().enumerate() {
        for kink in [Kink::One, Kink::Zero] {
            let problem = Problem::random(seed as u64, (9, 7, 5, 1));
            let (dims, class) = (problem.dims, problem.labels[0]);
            let params = Params::from_flat(dims, &problem.theta).unwrap();
            let batch = Batch::new(MatRef::new(&problem.x, 1, 9).unwrap(), &problem.labels).unwrap();
            let (mut grad, mut scores, mut p) = (vec![0.0; dims.param_len()], [0.0; 5], [0.0; 5]);
            let (mut dx, mut scratch) = ([0.0; 9], vec![0.0; dims.scratch_len(1)]);
            let loss = Pass::new(params, batch)
                .engine(Engine::Portable)
                .kink(kink)
                .smoothing(smoothing)
                .grad(ParamsMut::from_flat(dims, &mut grad).unwrap())
                .input_grad(MatMut::new(&mut dx, 1, 9).unwrap())
                .scores(MatMut::new(&mut scores, 1, 5).unwrap())
                .probabilities(MatMut::new(&mut p, 1, 5).unwrap())
                .run(&mut scratch)
                .unwrap();
            let net = Net::new(dims, &problem.theta).unwrap().kink(kink).smoothing(smoothing).unwrap();
            let close = |got: &[f64], expected: &[f64]| {
                assert_eq!(got.len(), expected.len());
                for (got, expected) in got.iter().zip(expected) {
                    assert!((got - expected).abs() <= 1e-14, "{got}, not {expected}");
                }
            };
            close(net.scores(&problem.x, &mut scratch).unwrap(), &scores);
            close(net.probabilities(&problem.x, &mut scratch).unwrap(), &p);
            let (mut got, mut got_dx) = (vec![0.0; dims.param_len()], [0.0; 9]);
            let mine = net.add_grad(&problem.x, class, 1.0, &mut got, &mut scratch).unwrap();
            net.input_grad(&problem.x, class, 1.0, &mut got_dx, &mut scratch).unwrap();
            close(&[mine, net.loss(&problem.x, class, &mut scratch).unwrap()], &[loss, loss]);
            close(&got, &grad);
            close(&got_dx, &dx);
            let mut theta = problem.theta.clone();
            let step = NetMut::new(dims, &mut theta).unwrap().kink(kink).smoothing(smoothing).unwrap();
            { step }.step(&problem.x, class, 0.5, &mut scratch).unwrap();
            let expected: Vec<f64> = problem.theta.iter().zip(&grad).map(|(v, g)| v - 0.5 * g).collect();
            close(&theta, &expected);
        }
    }
}

#[test]
fn refuses_a_smoothing_that_is_none() {
    let dims = Dims::new(1, 1, 2).unwrap();
    let mut theta = [0.0f32; 6];
    for smoothing in [-0.5, 1.5, f32::NAN] {
        let is_it = |err| matches!(err, Error::Value { what: What::Smoothing, index: 0, .. });
        assert!(is_it(Net::new(dims, &theta).unwrap().smoothing(smoothing).unwrap_err()));
        assert!(is_it(NetMut::new(dims, &mut theta).unwrap().smoothing(smoothing).unwrap_err()));
    }
}

#[test]
fn a_step_that_is_refused_changes_nothing() {
    let dims = Dims::new(3, 4, 2).unwrap();
    let mut theta = vec![0.5f32; dims.param_len()];
    let length = |what, expected, got| Err(Error::Length { what, expected, got });
    assert_eq!(NetMut::new(dims, &mut theta[1..]).map(|_| ()), length(What::Params, 26, 25));
    let mut net = NetMut::new(dims, &mut theta).unwrap();
    assert_eq!(net.step(&[1.0; 2], 0, 0.1, &mut [0.0; 10]).map(|_| ()), length(What::X, 3, 2));
    assert_eq!(net.step(&[1.0; 3], 0, 0.1, &mut [0.0; 9]).map(|_| ()), length(What::Scratch, 10, 9));
    let label = Err(Error::Label { example: 0, classes: 2, got: 2 });
    assert_eq!(net.step(&[1.0; 3], 2, 0.1, &mut [0.0; 10]).map(|_| ()), label);
    let net = Net::new(dims, &theta).unwrap();
    let mut dx = [7.0; 2];
    let short = net.input_grad(&[1.0; 3], 0, 1.0, &mut dx, &mut [0.0; 10]);
    assert_eq!(short.map(|_| ()), length(What::InputGradient, 3, 2));
    assert!(theta.iter().all(|v| *v == 0.5) && dx == [7.0; 2]);
}
