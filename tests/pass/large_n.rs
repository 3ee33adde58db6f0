//! Promise: the error of sums over examples does not grow with n, tested at n = 10^6 in f32; and memory does
//! not grow with n × C.

use crate::support::bounds::{PLAIN_TERMS, Rounding, bounds};
use crate::support::{Element, How, Layout, Problem, assert_within, run_pass};
use handgrad::{Batch, Dims, Engine, Kink, MatRef, Params, ParamsMut, Pass, Reduction, derivation};

const N: usize = 1_000_000;

/// Random examples: f32 against f64, within the bound whose sums have so many plain terms.
#[test]
fn million_examples() {
    let problem = Problem::random(1, (3, 4, 3, N));
    let exact = run_pass::<f64>(&problem, How::default()).unwrap();
    let got = run_pass::<f32>(&problem, How::default()).unwrap();
    let bounds = bounds(&problem, Rounding::of::<f32>(), Kink::One, Reduction::Mean);
    let parts = got.parts().into_iter().zip(exact.parts()).zip(bounds.parts());
    for (((what, got), (_, exact)), (_, bound)) in parts.filter(|((part, _), _)| part.0 != "scores") {
        let got: Vec<f64> = got.iter().map(|&got| got.into()).collect();
        let share = assert_within(what, &got, exact, bound);
        println!("{what}: {share:.3} of the bound");
    }
    // The bound has teeth: a plain f32 sum of the very same losses is outside of it.
    let plain = got.losses.iter().sum::<f32>() / N as f32;
    let error = (f64::from(plain) - exact.loss[0]).abs();
    println!("plain sum: {:.1} times the bound", error / bounds.loss[0]);
    assert!(error > bounds.loss[0]);
}

/// One example a million times. Rounding errors of plain sums have one sign for long stretches here: added
/// up chunk by chunk they reach about 4000 U; the promise is that of so many plain terms, and some for the
/// example itself.
#[test]
fn one_example_a_million_times() {
    let one = Problem::random(7, (3, 4, 3, 1));
    let problem = Problem { n: N, x: one.x.repeat(N), labels: one.labels.repeat(N), ..one.clone() };
    for reduction in [Reduction::Mean, Reduction::Sum] {
        let scale = if reduction == Reduction::Mean { 1.0 } else { N as f64 };
        let exact = run_pass::<f64>(&one, How::default()).unwrap();
        for layout in [Layout::RowMajor, Layout::Spread] {
            let got = run_pass::<f32>(&problem, How { layout, reduction, ..How::default() }).unwrap();
            let check = |what, got: &[f32], exact: &[f64], ulps: f64| {
                let got: Vec<f64> = got.iter().map(|&got| got.into()).collect();
                let exact: Vec<f64> = exact.iter().map(|exact| exact * scale).collect();
                let bound: Vec<f64> = exact.iter().map(|exact| ulps * f32::U * exact.abs()).collect();
                assert_within(what, &got, &exact, &bound)
            };
            // The example's own loss and gradient are right to 32 U: exponentials, 3 classes, 4 units.
            check("loss", &got.loss, &exact.loss, 32.0 + 15.0);
            let share = check("gradient", &got.grad, &exact.grad, 32.0 + PLAIN_TERMS as f64);
            println!("gradient: {share:.3} of the bound");
        }
    }
}

/// A vocabulary as classes: nothing of the size of n × C is needed. On a narrow net, or on one as wide as a language
/// model's last layers, with 2.6 GB of memory:
/// `HANDGRAD_TEST_ALL=1 cargo test --release --test pass large_n -- --nocapture`.
#[test]
fn very_many_classes() {
    let all = std::env::var_os("HANDGRAD_TEST_ALL").is_some();
    let (m, h) = if all { (768, 3072) } else { (24, 16) };
    let (c, n) = (50_257, 64);
    let dims = Dims::new(m, h, c).unwrap();
    assert!(dims.scratch_len(n) < n * c + dims.block_lens()[0]);
    let mut rng = fastrand::Rng::with_seed(1);
    let mut numbers = |len| -> Vec<f32> { (0..len).map(|_| (rng.f32() - 0.5) / 16.0).collect() };
    let (theta, x) = (numbers(dims.param_len()), numbers(n * m));
    let labels: Vec<usize> = (0..n).map(|i| i * 785 % c).collect();
    let params = Params::from_flat(dims, &theta).unwrap();
    let batch = Batch::new(MatRef::new(&x, n, m).unwrap(), &labels).unwrap();
    let (mut grad, mut losses) = (vec![f32::NAN; dims.param_len()], vec![f32::NAN; n]);
    let mut scratch = vec![f32::NAN; dims.scratch_len(n)];
    let start = std::time::Instant::now();
    Pass::new(params, batch)
        .engine(Engine::Builtin)
        .grad(ParamsMut::from_flat(dims, &mut grad).unwrap())
        .losses(&mut losses)
        .run(&mut scratch)
        .unwrap();
    println!("{:.2} s, scratch {} MB", start.elapsed().as_secs_f64(), 4 * dims.scratch_len(n) / 1_000_000);
    // By the derivation's plain loops, an example of each chunk. All scores are small, so all probabilities are
    // about 1 / C and a loss is right to a few units of its own rounding.
    let [w1, b1, w2, _] = dims.block_lens();
    for example in [0, n - 1] {
        let (mut z, mut a) = (vec![0.0; h], vec![0.0; h]);
        let x = &x[example * m..][..m];
        derivation::preactivations(&theta[..w1], &theta[w1..w1 + b1], x, &mut z).unwrap();
        derivation::activations(&z, &mut a).unwrap();
        let w2 = &theta[w1 + b1..][..w2];
        let f: Vec<f64> = w2
            .chunks(h)
            .zip(&theta[dims.param_len() - c..])
            .map(|(w, &b)| w.iter().zip(&a).map(|(w, a)| f64::from(w * a)).sum::<f64>() + f64::from(b))
            .collect();
        let loss = f.iter().map(|f| f.exp()).sum::<f64>().ln() - f[labels[example]];
        assert!((f64::from(losses[example]) - loss).abs() < 1e-5 * loss, "example {example}");
    }
    assert!(grad.iter().all(|g| g.is_finite()));
    let sum: f64 = grad[dims.param_len() - c..].iter().map(|&g| f64::from(g)).sum();
    assert!(sum.abs() < 1e-6, "the entries of db2 add up to 0: {sum:e}");
}
