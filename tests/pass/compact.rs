//! Promise: the net that takes one example at a time computes what the derivation says, for all shapes and
//! types, within the rounding bound of `support::bounds`; refuses what `Pass` refuses; swallows no NaN.

use crate::support::bounds::{Rounding, bounds};
use crate::support::{Element, Problem, assert_within, oracle};
use autodiff::F1;
use handgrad::compact::Net;
use handgrad::{Dims, Error, Kink, Reduction, What};
use twofloat::TwoFloat;

struct Got<T> {
    losses: Vec<T>,
    predictions: Vec<usize>,
    grad: Vec<T>,
}

/// All examples one after the other, the scratch full of NaN before each call. The gradient is added to 0.
fn run<T: Element>(problem: &Problem, weight: T) -> Got<T> {
    let Problem { dims, n, ref labels, .. } = *problem;
    let (theta, x) = (problem.theta::<T>(), problem.x::<T>());
    let scratch = || vec![T::nan(); dims.scratch_len(1)];
    let net = Net::new(dims, &theta).unwrap();
    let (losses, predictions, grad) = (vec![], vec![], vec![T::zero(); dims.param_len()]);
    let mut out = Got { losses, predictions, grad };
    for (x, &class) in x.chunks_exact(dims.inputs()).zip(labels) {
        let alone = net.loss(x, class, &mut scratch()).unwrap();
        let loss = net.add_grad(x, class, weight, &mut out.grad, &mut scratch()).unwrap();
        assert!(
            loss == alone || loss.is_nan() && alone.is_nan(),
            "{loss:?} with gradient, {alone:?} without"
        );
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
            let got = run(&problem, T::one());
            let expected = oracle::evaluate::<T>(&problem, Kink::One, Reduction::Sum);
            let bounds = bounds(&problem, Rounding::of::<T>(), Kink::One, Reduction::Sum);
            for (what, got, expected, bound) in [
                ("losses", &got.losses, &expected.losses, &bounds.losses),
                ("gradient", &got.grad, &expected.grad, &bounds.grad),
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
    let (once, twice) = (run::<f64>(&problem, 1.0).grad, run::<f64>(&problem, 2.0).grad);
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
            let (got, expected) =
                (run::<f64>(&problem, 1.0), oracle::evaluate::<f64>(&problem, Kink::One, Reduction::Sum));
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
