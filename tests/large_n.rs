//! Promise: the error of sums over examples does not grow with n. Tested at n = 10^6 in f32.

mod support;

use handgrad::{Kink, Reduction};
use support::bounds::PLAIN_TERMS;
use support::bounds::{Rounding, bounds};
use support::{Element, How, Layout, Problem, assert_within, run_pass};

const N: usize = 1_000_000;

/// Random examples: f32 against f64, within the bound whose sums have at most 276 plain terms.
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
/// up tile by tile they reach about 4000 U; the promise is that of so many plain terms, and some for the
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
