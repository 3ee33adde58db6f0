//! Promise: gradients are exact to rounding, also where the textbook form loses accuracy. Against reference
//! results of 60-digit arithmetic.

use crate::support::bounds::{Rounding, bounds, gauges};
use crate::support::vectors::{Vector, all};
use crate::support::{Element, How, Outputs, assert_within, matrix_multiply, oracle, run_pass};

use handgrad::derivation::GradFactors;
use handgrad::{Engine, Kink, Reduction, derivation};

/// The outputs a file has, next to each other: (name, got, expected, bound or gauge).
fn parts<'a, T: Element>(
    got: &'a Outputs<T>,
    vector: &'a Vector,
    scale: &'a Outputs<f64>,
) -> impl Iterator<Item = (&'static str, Vec<f64>, &'a [f64], &'a [f64])> {
    let exact = vector.expected.parts();
    got.parts()
        .into_iter()
        .zip(exact)
        .zip(scale.parts())
        .filter(|((_, (_, exact)), _)| !exact.is_empty())
        .map(|(((what, got), (_, exact)), (_, scale))| {
            (what, got.iter().map(|got| got.value()).collect(), exact, scale)
        })
}

/// Every output within the rounding bound of the type; the reference itself is rounded to f64 once.
fn check<T: Element>(engine: Engine<'_, T>) {
    for vector in all() {
        let got = run_pass(&vector.problem, How { engine, ..How::default() }).unwrap();
        let bounds = bounds(&vector.problem, Rounding::of::<T>(), Kink::One, Reduction::Mean);
        for (what, got, exact, bound) in parts(&got, &vector, &bounds) {
            let bound: Vec<f64> = bound.iter().zip(exact).map(|(b, x)| b + f64::U * x.abs()).collect();
            let share = assert_within(&format!("{}: {what}", vector.name), &got, exact, &bound);
            println!("{} {} {what}: {share:.2} of the bound", std::any::type_name::<T>(), vector.name);
        }
    }
}

#[test]
fn f64_within_the_bound() {
    check::<f64>(matrix_multiply());
    check::<f64>(Engine::Builtin);
    check::<f64>(Engine::Portable);
}

#[test]
fn f32_within_the_bound() {
    check::<f32>(matrix_multiply());
    check::<f32>(Engine::Builtin);
    check::<f32>(Engine::Portable);
}

/// In f64 the errors are a few units in the last place of the magnitude gauge, at most `ulps`: the pre-
/// activations and scores of these nets are exact in f64 (sums of multiples of 2^-18), so what is left are
/// the exponentials, a division and one sum of at most 101 classes, 24 units or 32 examples.
#[test]
fn f64_to_a_few_ulps_of_the_gauge() {
    let ulps = 8.0;
    let mut worst = 0.0;
    for vector in all() {
        let got = run_pass::<f64>(&vector.problem, How::default()).unwrap();
        let gauges = gauges(&vector.problem, Kink::One);
        for (what, got, exact, gauge) in parts(&got, &vector, &gauges) {
            let bound: Vec<f64> = gauge.iter().map(|gauge| ulps * f64::EPSILON * gauge).collect();
            let share = assert_within(&format!("{}: {what}", vector.name), &got, exact, &bound);
            worst = f64::max(worst, share * ulps);
            println!("{} {what}: {:.2} ulp of the gauge", vector.name, share * ulps);
        }
    }
    println!("worst: {worst:.2} ulp of the gauge");
}

/// Where the right class leads by far, the loss and all gradients are far below the type's epsilon and still
/// right in relative terms; the textbook forms give 0.
#[test]
fn confident_relative() {
    let vector = all().into_iter().find(|vector| vector.name == "confident").unwrap();
    fn relative<T: Element>(vector: &Vector, tolerance: f64) {
        let got = run_pass::<T>(&vector.problem, How::default()).unwrap();
        for (what, got, exact, _) in parts(&got, vector, &vector.expected) {
            let bound: Vec<f64> = exact.iter().map(|exact| tolerance * exact.abs()).collect();
            if what == "loss" || what == "losses" || what == "gradient" {
                assert!(exact.iter().all(|exact| exact.abs() < T::U), "{what} is tiny");
                assert_within(what, &got, exact, &bound);
            }
        }
    }
    // Relative to each entry. The scores differ by up to 70, so rounding them in f32 alone may cost
    // 70 U twice; in f64 they are exact, and 8 examples, 3 classes, exp and division cost less than 32 U.
    relative::<f64>(&vector, 32.0 * f64::U);
    relative::<f32>(&vector, 2.0 * 70.0 * f32::U + 32.0 * f32::U);
}

/// Scores of some 10^5: every example's loss and the mean to the last places.
#[test]
fn huge_relative() {
    for name in ["huge_scores", "equal_huge_scores"] {
        let vector = all().into_iter().find(|vector| vector.name == name).unwrap();
        let got = run_pass::<f64>(&vector.problem, How::default()).unwrap();
        for (what, got, exact, _) in parts(&got, &vector, &vector.expected).take(2) {
            let bound: Vec<f64> = exact.iter().map(|exact| 8.0 * f64::U * exact.abs()).collect();
            assert_within(what, &got, exact, &bound);
        }
    }
}

/// The derivation itself against the same references, each formula with its own exact inputs.
#[test]
fn derivation() {
    for vector in all() {
        let problem = &vector.problem;
        let got = oracle::evaluate::<f64>(problem, Kink::One, Reduction::Mean);
        let bounds = bounds(problem, Rounding::of::<f64>(), Kink::One, Reduction::Mean);
        for (what, got, exact, bound) in parts(&got, &vector, &bounds) {
            let bound: Vec<f64> = bound.iter().zip(exact).map(|(b, x)| b + f64::U * x.abs()).collect();
            assert_within(&format!("{}: {what}", vector.name), &got, exact, &bound);
        }
    }
}

/// (18): the norms in the files. (19): the inner product of the gradients themselves.
#[test]
fn gradient_norms_and_inner_products() {
    for vector in all() {
        let problem = &vector.problem;
        let m = problem.dims.inputs();
        let at = |i: usize| {
            let x = &problem.x[i * m..(i + 1) * m];
            (oracle::example(problem, &problem.theta, x, problem.labels[i], Kink::One), x)
        };
        for i in 0..problem.n {
            let ((one, x), (other, other_x)) = (at(i), at((i + 1) % problem.n));
            let norm = derivation::grad_norm_squared(&one.g, &one.a, &one.d, x).unwrap();
            let exact = vector.grad_norms_squared[i];
            // A sum of squares: no cancellation, so the relative error is twice that of g and d (their own
            // sums may cancel: 32 U of slack), and that of a sum of m + h + C terms.
            let terms = (m + problem.dims.hidden() + problem.dims.classes()) as f64;
            let bound = (64.0 + terms) * f64::U * exact;
            assert_within(&vector.name, &[norm], &[exact], &[bound]);

            let (u, v) = (oracle::example_grad(&one, x), oracle::example_grad(&other, other_x));
            let direct: f64 = u.iter().zip(&v).map(|(u, v)| u * v).sum();
            let magnitude: f64 = u.iter().zip(&v).map(|(u, v)| (u * v).abs()).sum();
            let factors = |g, a, d, x| GradFactors { g, a, d, x };
            let first = factors(&one.g, &one.a, &one.d, x);
            let second = factors(&other.g, &other.a, &other.d, other_x);
            let inner = derivation::grad_inner_product(first, second).unwrap();
            let abs = |vector: &[f64]| vector.iter().map(|v| v.abs()).collect::<Vec<_>>();
            let gauge = derivation::grad_inner_product(
                factors(&abs(&one.g), &abs(&one.a), &abs(&one.d), &abs(x)),
                factors(&abs(&other.g), &abs(&other.a), &abs(&other.d), &abs(other_x)),
            )
            .unwrap();
            let bound = 2.0 * (u.len() as f64 + 4.0) * f64::U * gauge.max(magnitude);
            assert_within(&vector.name, &[inner], &[direct], &[bound]);
        }
    }
}
