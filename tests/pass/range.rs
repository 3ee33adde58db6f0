//! Promise: means, weights, divisors, norms and clipping are right to rounding wherever the right number is one of the type,
//! in f16 and bf16, too. What is right is computed in f64, whose range is wide enough, from the same numbers.

mod case;
mod moments;

use crate::support::matrix_multiply;
use case::{Case, Outputs, Results, check, plain, run};
use half::{bf16, f16};
use handgrad::{Engine, Reduction};

/// Any weight is as good as 1 in a mean, if all have it.
#[test]
fn weights_at_both_ends_of_the_range() {
    let weights = [f64::from(1e-40_f32), f64::from(1e-45_f32), f64::from(3e38_f32), f64::from(7e-20_f32)];
    let one = run::<f32>(&plain(), Engine::Auto, Outputs::Sums);
    for v in weights {
        let example = Case { example_weights: Some(vec![v, v]), ..plain() };
        let class = Case { class_weights: Some(vec![v, v]), ..plain() };
        for (what, case) in [("example weights", example), ("class weights", class)] {
            check::<f32>(what, &case, 16.0);
            // In both ends' own words: as with weight 1.
            let got = run::<f32>(&case, Engine::Auto, Outputs::Sums);
            for (got, one) in got.grad.iter().chain(&got.loss).zip(one.grad.iter().chain(&one.loss)) {
                assert!(
                    (got - one).abs() <= 8.0 * f64::from(f32::EPSILON) * one.abs(),
                    "{what}: {got:e} {one:e}"
                );
            }
            check::<f32>(what, &Case { smoothing: 0.125, ..case.clone() }, 16.0);
            check::<f32>(what, &Case { targets: true, ..case.clone() }, 16.0);
            check::<f32>(what, &Case { divisor: Some(v), ..case.clone() }, 16.0);
            check::<f32>(what, &Case { reduction: Reduction::Sum, ..case }, 16.0);
        }
    }
}

/// Weights whose products are out of range, and weights of which one is nothing beside the other but in a sum.
#[test]
fn weights_of_very_different_size() {
    let v = |v: f32| f64::from(v);
    let both = Case {
        example_weights: Some(vec![v(1e-30), v(3e-30)]),
        class_weights: Some(vec![v(1e-30), v(2e-30)]),
        ..plain()
    };
    check::<f32>("products of small weights", &both, 16.0);
    let both = Case {
        example_weights: Some(vec![v(1e30), v(3e30)]),
        class_weights: Some(vec![v(1e30), v(2e30)]),
        ..plain()
    };
    check::<f32>("products of large weights", &both, 16.0);
    // The first example is so sure of its class that its gradient is 0: the second one's is all there is.
    let sure = Case { theta: vec![300.0, 0.0, 0.5, -0.5, 0.0, 0.0], x: vec![1.0, 0.001953125], ..plain() };
    for reduction in [Reduction::Sum, Reduction::Mean] {
        let case = Case { example_weights: Some(vec![v(1e25), v(1e-25)]), reduction, ..sure.clone() };
        check::<f32>("one weight is nothing beside the other", &case, 32.0);
    }
}

#[test]
fn divisors_at_both_ends_of_the_range() {
    // Scores up to 80 apart have errors of 80 units, by which their exponentials are wrong in proportion: those of two classes
    // in p, and once more the rounding of products and of the factors of 1/N.
    let units = 2.0 * 80.0 + 32.0;
    for divisor in [f64::from(1e-40_f32), f64::from(1e-37_f32), f64::from(3e38_f32)] {
        // Scores so far apart that losses and gradients are small, and inputs so large that they are large.
        for theta in [vec![40.0, 0.0, 1.0, -1.0, 0.0, 0.0], plain().theta] {
            for x in [vec![1.0, 1.0], vec![f64::from(1e-30_f32), f64::from(1e30_f32)]] {
                let case =
                    Case { divisor: Some(divisor), theta: theta.clone(), x, labels: vec![0], ..plain() };
                check::<f32>(&format!("divisor {divisor:e}"), &case, units);
            }
        }
    }
}

/// Weights over the divisor that are no number of the type, and terms that have room for no more of it than they must take.
#[test]
fn weights_and_divisors_at_different_ends_of_the_range() {
    let of = |x: f32| f64::from(x);
    let one = Case { labels: vec![0], n: 1, ..plain() };
    // D is 2^75 and x 2^-90, over 2^-90.
    let (w2, tiny) = (2f64.powi(75), 2f64.powi(-90));
    let theta = vec![1024.0, 0.0, w2, -w2, 0.0, 0.0];
    let case = Case { theta, x: vec![tiny], divisor: Some(tiny), ..one.clone() };
    check::<f32>("a small divisor", &case, 16.0);
    // Weights of 3e-7 over 3e38.
    let light = |w2: f32, n| Case {
        theta: vec![of(2e-38), 0.0, of(w2), of(-w2), 0.0, 0.0],
        x: vec![of(1.1e38)],
        example_weights: Some(vec![of(3.1e-7)]),
        divisor: Some(of(3.3e38)),
        n,
        ..one.clone()
    };
    let close = |[got, exact]: [&[f64]; 2], units: f64| {
        let off = (got[0] - exact[0]).abs();
        assert!(off <= units * f64::from(f32::EPSILON) * exact[0].abs(), "{got:?}, exact {exact:?}");
    };
    // Of 5000 examples: sums of at most 800 terms, and of 16 such parts, each to half an epsilon; and the factors.
    let of_many = (800.0 + 16.0) / 2.0 + 16.0;
    for (case, units) in [(light(0.7, 1), 8.0), (light(4.3e-35, 5000), of_many)] {
        for engine in [Engine::Auto, Engine::Portable, matrix_multiply(), Engine::Gemm(&Engine::Portable)] {
            let exact = run::<f64>(&case, Engine::Portable, Outputs::Sums);
            close([&run::<f32>(&case, engine, Outputs::Sums).grad, &exact.grad], units);
        }
    }
    let case = light(1.1e-36, 1);
    let [exact, got] =
        [run::<f64>(&case, Engine::Auto, Outputs::All), run::<f32>(&case, Engine::Auto, Outputs::All)];
    close([&got.example_grads, &exact.example_grads], 8.0);
    close([&got.norms, &exact.norms], 8.0);
    // What is left of weight and divisor is no number of the type, and none of it may go to the terms.
    let case = light(0.7, 1);
    let [exact, got] =
        [run::<f64>(&case, Engine::Auto, Outputs::All), run::<f32>(&case, Engine::Auto, Outputs::All)];
    close([&got.grad, &exact.grad], 8.0);
}

/// Counts that the type has no number for, and terms of the mean that are among its smallest numbers.
#[test]
fn means_of_short_types() {
    for n in [3, 30, 30_000, 70_000] {
        let case =
            Case { theta: vec![0.0, 0.0, 0.0, 0.0, 9.0, 0.0], x: vec![1.0], labels: vec![0], n, ..plain() };
        // Sums of 32 terms, and of 16 such parts in turn.
        let p = (-9f64).exp() / (1.0 + (-9f64).exp());
        for (got, unit) in [
            (run::<f16>(&case, Engine::Auto, Outputs::Sums), f64::from(f16::EPSILON)),
            (run::<bf16>(&case, Engine::Auto, Outputs::Sums), f64::from(bf16::EPSILON)),
        ] {
            for (got, exact) in [(got.grad[5], p), (got.grad[4], -p), (got.loss[0], (-9f64).exp().ln_1p())] {
                assert!(
                    (got - exact).abs() <= 16.0 * unit * exact.abs(),
                    "n = {n}: {got:e}, exact {exact:e}"
                );
            }
        }
    }
}

/// The mean of losses whose sum is out of range.
#[test]
fn means_of_large_losses() {
    let case = Case {
        theta: vec![0.0, 0.0, 0.0, 0.0, 3000.0, 0.0],
        x: vec![1.0],
        labels: vec![1],
        n: 1000,
        ..plain()
    };
    for n in [7, 64, 1000, 70_000] {
        let got = run::<f16>(&Case { n, ..case.clone() }, Engine::Auto, Outputs::Sums);
        assert!((got.loss[0] - 3000.0).abs() <= 4.0, "{n}: {}", got.loss[0]);
        let huge = f64::from(2e38_f32);
        let theta = vec![0.0, 0.0, 0.0, 0.0, huge, 0.0];
        let got = run::<f32>(&Case { n, theta, ..case.clone() }, Engine::Auto, Outputs::Sums);
        assert!((got.loss[0] - huge).abs() <= 1e-6 * huge, "{n}: {:e}", got.loss[0]);
    }
}

/// The mean of gradients whose sum is out of range.
#[test]
fn means_of_large_gradients() {
    for n in [2, 4, 7, 32] {
        let x = vec![f64::from(2e38_f32)];
        let case = Case { theta: vec![0.0, 1.0, 0.5, -0.5, 0.0, 0.0], x, n, ..plain() };
        let [exact, got] =
            [run::<f64>(&case, Engine::Auto, Outputs::Sums), run::<f32>(&case, Engine::Auto, Outputs::Sums)]
                .map(|results| results.grad[0]);
        assert!((got - exact).abs() <= 1e-6 * exact.abs(), "{n}: {got:e}, exact {exact:e}");
    }
}

/// How far sums of many equal terms may be off in f16: of 64 terms, of 32 such sums of a chunk, and of 2 chunks of a group, each
/// to half an epsilon, so by 0.048 at most. Such sums are exact up to a point: less than half of that is seen, and allowed.
const SUMS_IN_F16: f64 = 0.02;

/// Of inputs from 0 to 255 the sums of a few hundred examples are out of the range of f16, and the mean is not.
#[test]
fn means_of_large_gradients_in_f16() {
    for x in [255.0, 6e4] {
        for n in [2, 7, 9, 300, 3000, 20_000] {
            let theta = vec![0.0, 1.0, 0.5, -0.5, 0.0, 0.0];
            let inputs = vec![f64::from(f16::from_f64(x))];
            let case = Case { theta, x: inputs, labels: vec![0], n, ..plain() };
            let exact = run::<f64>(&case, Engine::Auto, Outputs::Sums).grad;
            let got = run::<f16>(&case, Engine::Auto, Outputs::Sums).grad;
            for (got, exact) in got.into_iter().zip(exact) {
                assert!(
                    (got - exact).abs() <= SUMS_IN_F16 * exact.abs(),
                    "{x:?} {n}: {got:e}, exact {exact:e}"
                );
            }
        }
    }
}

/// The sums of G A are out of range, too, those of one class more than those of the others. And a unit with little influence keeps
/// its digits beside one whose sums are divided on the way.
#[test]
fn means_of_large_gradients_and_small_ones_in_f16() {
    let of = |x: f64| f64::from(f16::from_f64(x));
    let many = Case {
        dims: (1, 1, 10),
        theta: [vec![1.0, 0.0], vec![0.0; 20]].concat(),
        x: vec![255.0],
        labels: vec![7],
        ..plain()
    };
    let theta = vec![0.0, 0.0, 1.0, 1.0, 0.5, of(0.003), -0.5, of(-0.003), 0.0, 0.0];
    let two = Case { dims: (1, 2, 2), theta, x: vec![255.0], labels: vec![0], ..plain() };
    for case in [many, two] {
        for n in [2, 7, 9, 33, 300, 3000] {
            let case = Case { n, ..case.clone() };
            let exact = run::<f64>(&case, Engine::Auto, Outputs::Sums).grad;
            let got = run::<f16>(&case, Engine::Auto, Outputs::Sums).grad;
            for (i, (got, exact)) in got.into_iter().zip(exact).enumerate() {
                assert!(
                    (got - exact).abs() <= SUMS_IN_F16 * exact.abs(),
                    "{i} of {n}: {got:e}, exact {exact:e}"
                );
            }
        }
    }
    // The moment is in the same units. (Only those of the biases are in range.)
    let case = Case { theta: vec![1.0, 0.0, 0.0, 0.0, 0.0, 0.0], x: vec![60.0], n: 1300, ..plain() };
    let got = run::<f16>(&case, Engine::Auto, Outputs::All).moment;
    assert!((got[4] - 325.0).abs() <= SUMS_IN_F16 * 325.0, "{got:?}");
    // Who knows nothing of divisions gets what sums do not overflow by themselves.
    let theta = vec![0.0, 1.0, 0.5, -0.5, 0.0, 0.0];
    let case = Case { theta, x: vec![of(6e4)], labels: vec![0], ..plain() };
    let exact = run::<f64>(&case, Engine::Auto, Outputs::Sums).grad[0];
    let got = run::<f16>(&case, Engine::Gemm(&Engine::Portable), Outputs::Sums).grad[0];
    assert!((got - exact).abs() <= SUMS_IN_F16 * exact.abs(), "{got:e}, exact {exact:e}");
}

/// Where each term is almost too small for the type, the mean of many is not: no class and no unit loses its digits.
#[test]
fn means_of_small_terms() {
    let n = 1 << 17;
    let p = (-85f64).exp();
    let case =
        Case { theta: vec![0.0, 0.0, 0.0, 0.0, 85.0, 0.0], x: vec![1.0], labels: vec![0], n, ..plain() };
    let got = run::<f32>(&case, Engine::Auto, Outputs::Sums);
    let close = |got: f64, exact: f64, units: f64| {
        let off = (got - exact).abs();
        assert!(off <= units * f64::from(f32::EPSILON) * exact.abs(), "{got:e}, exact {exact:e}");
    };
    close(got.grad[5], p, 4.0);
    close(got.grad[4], -p, 4.0);
    let single = run::<f32>(&Case { n: 4, ..case.clone() }, Engine::Auto, Outputs::All);
    close(single.example_grads[5], p, 2.0);
    close(single.norms[0], 2f64.sqrt() * p, 4.0);
    // Three classes of which one has next to nothing; two units, the outgoing weights of one of which are tiny.
    let case = Case {
        dims: (1, 2, 3),
        theta: [
            [1.0, 1.0, 0.0, 0.0].to_vec(),
            vec![1.0, f64::from(1e-37_f32), 0.0, f64::from(-1e-37_f32), 0.0, 0.0],
            vec![0.0, 0.0, -85.0],
        ]
        .concat(),
        x: vec![1.0, 1.5],
        labels: vec![0, 1],
        n,
        ..plain()
    };
    let exact = run::<f64>(&case, Engine::Auto, Outputs::Sums);
    for engine in [Engine::Auto, Engine::Portable, matrix_multiply()] {
        let got = run::<f32>(&case, engine, Outputs::Sums);
        for (i, (&got, &exact)) in got.grad.iter().zip(&exact.grad).enumerate() {
            // A sum of up to 820 plain terms.
            let off = (got - exact).abs();
            assert!(off <= 100.0 * f64::from(f32::EPSILON) * exact.abs(), "{i}: {got:e}, exact {exact:e}");
        }
    }
}

/// All labels of a class without weight: the mean is 0, but not the examples' own gradients.
#[test]
fn a_mean_of_nothing() {
    let case = Case { class_weights: Some(vec![0.0, 1.0]), labels: vec![0], smoothing: 0.125, ..plain() };
    check::<f64>("N = 0", &case, 1.0);
    let got = run::<f64>(&case, Engine::Auto, Outputs::All);
    assert_eq!((got.loss[0], got.weight[0]), (0.0, 0.0));
    assert!(got.grad.iter().chain(&got.dx).all(|&g| g == 0.0), "{got:?}");
    // Shares (0, 1/16), scores 1/2 and -1/2 of x = 1: g = p/16 - (0, 1/16).
    let p = 1.0 / (1.0 + (-1f64).exp());
    let g = [p / 16.0, (1.0 - p) / 16.0 - 1.0 / 16.0];
    let d = (g[0] - g[1]) / 2.0;
    let expected = [d, d, g[0], g[1], g[0], g[1]];
    for (got, expected) in got.example_grads.iter().zip(expected) {
        assert!((got - expected).abs() < 1e-16, "{got} {expected}");
    }
    let squares: f64 = expected.iter().map(|g| g * g).sum();
    assert!((got.norms[0] - squares.sqrt()).abs() < 1e-15);
    assert!((got.gram[0] - squares).abs() < 1e-15);
    assert!(got.moment.iter().all(|&moment| moment > 0.0));
    let kept = run::<f64>(&Case { before: Some(3.0), ..case }, Engine::Auto, Outputs::All);
    assert!(kept.grad.iter().all(|&g| g == 3.0), "{:?}", kept.grad);
}

/// Norms whose squares are out of range, and clipping by them.
#[test]
fn norms_and_clipping_at_both_ends_of_the_range() {
    let (large, small) = (f64::from(1e25_f32), f64::from(1e-25_f32));
    let norm = |results: &Results| results.grad.iter().map(|g| g * g).sum::<f64>().sqrt();
    let one = Case { n: 1, x: vec![1.0], labels: vec![0], reduction: Reduction::Sum, ..plain() };
    let far =
        Case { theta: vec![small, 0.0, 0.5, -0.5, 0.0, 0.0], x: vec![large], clip: Some(1.0), ..one.clone() };
    check::<f32>("a large input", &far, 32.0);
    assert!((norm(&run::<f32>(&far, Engine::Auto, Outputs::Sums)) - 1.0).abs() < 1e-6);
    let (v, most) = (f64::from(1e-24_f32), f64::from(1e-26_f32));
    let light = Case { example_weights: Some(vec![v]), clip: Some(most), ..one.clone() };
    check::<f32>("a small weight", &light, 32.0);
    assert!((norm(&run::<f32>(&light, Engine::Auto, Outputs::Sums)) - most).abs() < 1e-6 * most);
    // Longer than any number of the type, and still clipped to 1; shorter than its square root, and left alone.
    let dims = (16, 1, 2);
    let theta = [vec![0.0; 16], vec![1.0, 0.5, -0.5, 0.0, 0.0]].concat();
    let long = Case { dims, theta, x: vec![f64::from(3e38_f32); 16], clip: Some(1.0), ..one.clone() };
    check::<f32>("a norm out of range", &long, 64.0);
    for exponent in [-60, -48, -40, -20, 20] {
        let theta = vec![1.0, 0.0, 0.5, -0.5, -f64::from(exponent), 0.0];
        let x = [f64::from(1e-19_f32), 1.0, f64::from(1e19_f32), f64::from(1e37_f32)];
        let case = Case { theta, x: x.to_vec(), n: 4, labels: vec![1], ..one.clone() };
        // Two scores with an error of as many units as they are apart, and inputs' norms.
        check::<f32>(&format!("scores apart by {exponent}"), &case, 2.0 * 60.0 + 64.0);
    }
}

#[test]
fn squares_of_the_weights_at_both_ends_of_the_range() {
    for (size, factor) in [(1e25_f32, 1e-30_f32), (1e-25, 1e30), (1e38, 1e-40), (1e-30, 3e38)] {
        let size = f64::from(size);
        let theta = vec![size, 0.0, size, -size, 0.0, 0.0];
        let l2 = (f64::from(factor), 2.0 * f64::from(factor / 4.0));
        let case = Case { theta, x: vec![0.0], labels: vec![0], l2, ..plain() };
        check::<f32>(&format!("weights {size:e}"), &case, 16.0);
    }
}

/// What is there before is not touched by what the mean divides by.
#[test]
fn a_gradient_is_accumulated_at_both_ends_of_the_range() {
    for before in [f64::from(3e38_f32), f64::from(-2e38_f32), f64::from(1e-44_f32), 1.0] {
        for n in [2, 40, 5000, 1 << 14] {
            check::<f32>(
                &format!("{before:e} before, {n}"),
                &Case { before: Some(before), n, ..plain() },
                900.0,
            );
        }
    }
}

/// Also by who knows nothing of divisions, in a type in which the sums that a mean is made of are soon out of range.
#[test]
fn a_gradient_is_accumulated_in_short_types() {
    for before in [6e4, -3e4, 1.0] {
        for (n, weight) in [2, 9, 40].into_iter().flat_map(|n| [1.0, 0.015625, 64.0].map(|v| (n, v))) {
            let before = Some(f64::from(f16::from_f64(before)));
            let example_weights = (weight != 1.0).then(|| vec![weight]);
            let case = Case { before, n, example_weights, ..plain() };
            check::<f16>(&format!("{before:?} before, {n}, weight {weight}"), &case, 40.0);
        }
    }
}
