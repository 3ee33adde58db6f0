//! Promise: sums over examples that leave the range of a short type are divided on the way by as much as they need, and by no more.

use half::f16;
use handgrad::{Batch, Dims, Engine, MatRef, Params, ParamsMut, Pass};

/// The mean gradient of n examples with these inputs and labels in turn, with a scratch that holds this number before.
fn gradient(
    engine: Engine<'_, f16>,
    dims: (usize, usize, usize),
    theta: &[f64],
    (n, x, labels): (usize, f64, &[usize]),
    before: f64,
) -> Vec<f64> {
    let dims = Dims::new(dims.0, dims.1, dims.2).unwrap();
    let theta: Vec<f16> = theta.iter().map(|&x| f16::from_f64(x)).collect();
    let x = vec![f16::from_f64(x); n * dims.inputs()];
    let labels: Vec<usize> = labels.iter().copied().cycle().take(n).collect();
    let mut grad = vec![f16::NAN; dims.param_len()];
    let batch = Batch::new(MatRef::new(&x, n, dims.inputs()).unwrap(), &labels).unwrap();
    Pass::new(Params::from_flat(dims, &theta).unwrap(), batch)
        .engine(engine)
        .grad(ParamsMut::from_flat(dims, &mut grad).unwrap())
        .run(&mut vec![f16::from_f64(before); dims.scratch_len(n)])
        .unwrap();
    grad.iter().map(|grad| grad.to_f64()).collect()
}

fn assert_near(got: f64, exact: f64, what: &str) {
    assert!((got - exact).abs() <= 0.02 * exact.abs(), "{what}: {got:e}, exact {exact:e}");
}

/// G of one class is 9 times that of the others, and A is 60 000 everywhere.
#[test]
fn sums_of_the_largest_scores_gradient_times_the_largest_activation() {
    let theta = [vec![1.0, 0.0], vec![0.0; 20]].concat();
    for n in [2, 9, 40, 300] {
        let got = gradient(Engine::Auto, (1, 1, 10), &theta, (n, 6e4, &[7]), 0.0);
        for class in 0..10 {
            let exact = if class == 7 { -0.9 } else { 0.1 } * 6e4;
            assert_near(got[2 + class], exact, &format!("class {class} of {n}"));
        }
    }
}

/// D is -1 and X 7500. With small limits these are many chunks, some of them a group whose sums are added up.
#[test]
fn sums_over_a_group_of_chunks() {
    let h = if cfg!(handgrad_small_limits) { 40 } else { 2 };
    let theta = [vec![0.0; h], vec![1.0; 2 * h], vec![-1.0; h], vec![-(h as f64), h as f64]].concat();
    for n in [2, 16, 40] {
        let got = gradient(Engine::Auto, (1, h, 2), &theta, (n, 7500.0, &[0]), 0.0);
        (0..h).for_each(|unit| assert_near(got[unit], -7500.0, &format!("unit {unit} of {n}")));
    }
}

/// D is ±1000, its sum 16 of these, and that of its magnitudes 64.
#[test]
fn whoever_else_multiplies_gets_undivided_terms() {
    let theta = [1.0, 0.0, 1000.0, -1000.0, -1000.0, 1000.0];
    let engine = Engine::Gemm(&Engine::Portable);
    let got = gradient(engine, (1, 1, 2), &theta, (64, 1.0, &[1, 0, 1, 0, 1, 0, 1, 1]), 0.0);
    assert_eq!(got[..2], [250.0, 250.0]);
}

/// Large numbers there are none of these examples'.
#[test]
fn what_was_in_the_scratch_divides_nothing() {
    let theta = [1.0, 0.0, 0.0, 0.0, 0.0, 9.0];
    for n in [7, 40, 300, 301] {
        let [expected, got] =
            [0.0, 6e4].map(|before| gradient(Engine::Auto, (1, 1, 2), &theta, (n, 0.3, &[1]), before));
        assert_eq!(got, expected, "{n}");
        assert!(got[5] < 0.0, "{n}: {got:?}");
    }
}
