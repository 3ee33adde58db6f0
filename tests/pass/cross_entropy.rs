//! Promise: where PyTorch's `cross_entropy` has an option, it is the same here. `tests/data/cross_entropy` says
//! how its results were made.

use handgrad::{Batch, Dims, MatMut, MatRef, Params, Pass, Reduction};
use num_traits::PrimInt;
use serde_json::Value;

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

/// The parameters of a net whose scores are its inputs: max(0, x) - max(0, -x) = x, and its input gradient is
/// that by the scores where none is 0.
fn identity(c: usize) -> (Dims, Vec<f64>) {
    let eye = |i: usize, j: usize, value: f64| if i == j { value } else { 0.0 };
    let w1 = (0..2 * c).flat_map(|i| (0..c).map(move |j| eye(i % c, j, if i < c { 1.0 } else { -1.0 })));
    let w2 = (0..c).flat_map(|i| (0..2 * c).map(move |j| eye(i, j % c, if j < c { 1.0 } else { -1.0 })));
    let theta = w1.chain(vec![0.0; 2 * c]).chain(w2).chain(vec![0.0; c]).collect();
    (Dims::new(c, 2 * c, c).unwrap(), theta)
}

/// Loss, losses and gradient of a case.
fn evaluate<L: PrimInt + Sync>(data: &Value, case: &Value, batch: Batch<'_, f64, L>, ignored: L) -> Vec<f64> {
    let (n, c) = (batch.len(), data["classes"].as_u64().unwrap() as usize);
    let (dims, theta) = identity(c);
    let weights = numbers(&data["weights"]);
    let (mut losses, mut grad) = (vec![f64::NAN; n], vec![f64::NAN; n * c]);
    let mean = case["reduction"] == "mean";
    let mut pass = Pass::new(Params::from_flat(dims, &theta).unwrap(), batch)
        .ignore_label(ignored)
        .smoothing(case["smoothing"].as_f64().unwrap())
        .reduction(if mean { Reduction::Mean } else { Reduction::Sum })
        .losses(&mut losses)
        .input_grad(MatMut::new(&mut grad, n, c).unwrap());
    if case["weighted"] == true {
        pass = pass.class_weights(&weights);
    }
    let loss = pass.run(&mut vec![0.0; dims.scratch_len(n)]).unwrap();
    [vec![loss], losses, grad].concat()
}

#[test]
fn every_option_is_the_same_as_in_pytorch() {
    let text = include_str!("../data/cross_entropy/pytorch.json");
    let data: Value = serde_json::from_str(text).unwrap();
    let (n, c) = (data["n"].as_u64().unwrap() as usize, data["classes"].as_u64().unwrap() as usize);
    let (x, targets) = (numbers(&data["scores"]), numbers(&data["targets"]));
    let labels: Vec<i64> = data["labels"].as_array().unwrap().iter().map(|y| y.as_i64().unwrap()).collect();
    let x = MatRef::new(&x, n, c).unwrap();
    let (mut cases, mut worst) = (0, 0.0);
    for case in data["cases"].as_array().unwrap() {
        let got = if case["target"] == "labels" {
            evaluate(&data, case, Batch::new(x, &labels).unwrap(), -100)
        } else {
            let targets = MatRef::new(&targets, n, c).unwrap();
            evaluate(&data, case, Batch::with_targets(x, targets).unwrap(), usize::MAX)
        };
        let expected =
            [vec![case["loss"].as_f64().unwrap()], numbers(&case["losses"]), numbers(&case["grad"])];
        for (got, expected) in got.iter().zip(expected.concat()) {
            // Rounding of both; measured: 4.5e-16.
            let error = (got - expected).abs() / expected.abs().max(1.0);
            worst = f64::max(worst, error);
            assert!(error <= 4e-15, "{case}: {got} {expected}");
        }
        cases += 1;
    }
    assert_eq!(cases, 24);
    println!("{cases} cases, largest difference {worst:.1e}");
}
