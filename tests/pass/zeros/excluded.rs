//! Examples that do not count may hold anything.

use handgrad::{Batch, Dims, Engine, MatMut, MatRef, Params, Pass};

use super::inputs::Inputs;
use super::written::{Asked, Which, Written, assert_same_part};
use crate::golden::Plain;
use crate::support::{Element, Problem};

/// What the excluded examples hold.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Holds {
    Zeros,
    /// Other numbers, none of them 0.
    Numbers,
    /// NaN and infinities.
    NonFinite,
    /// A single NaN, at another place of each.
    OneNan,
}

const IGNORED: Which = |i| i % 4 == 1;
const WEIGHTLESS: Which = |i| i % 7 == 2 || i == 64;

fn is_excluded(i: usize) -> bool {
    IGNORED(i) || WEIGHTLESS(i)
}

fn with(problem: &Problem, holds: Holds) -> Problem {
    let mut problem = problem.clone();
    let m = problem.dims.inputs();
    for (i, x) in problem.x.chunks_mut(m).enumerate().filter(|(i, _)| is_excluded(*i)) {
        for (k, x) in x.iter_mut().enumerate() {
            *x = match holds {
                Holds::Zeros => 0.0,
                Holds::Numbers => 0.25 + (k % 5) as f64,
                Holds::NonFinite => [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][(i + k) % 3],
                Holds::OneNan if k == i % m => f64::NAN,
                Holds::OneNan => 0.25 + (k % 5) as f64,
            };
        }
    }
    problem
}

/// All that the batch with such examples writes is as with other ones there. The scores of those are their own. With
/// `tolerance` dW1 may be off by so much of its largest element.
fn check<T: Element>(expected: &Written<T>, got: &Written<T>, problem: &Problem, tolerance: f64, case: &str) {
    let (c, w1) = (problem.dims.classes(), problem.dims.block_lens()[0]);
    for ((what, got), (_, expected)) in got.iter().zip(expected) {
        let case = format!("{case}: {what}");
        match *what {
            "scores" => {
                for i in (0..problem.n).filter(|&i| !is_excluded(i)) {
                    assert_same_part(&got[i * c..][..c], &expected[i * c..][..c], &case);
                }
            }
            "grad" if tolerance > 0.0 => {
                let largest = expected[..w1].iter().fold(0.0, |max: f64, x| max.max(x.value().abs()));
                for (got, &expected) in got[..w1].iter().zip(&expected[..w1]) {
                    let both_nan = got.is_nan() && expected.is_nan();
                    assert!(both_nan || got.minus(expected).abs() <= tolerance * largest, "{case}");
                }
                assert_same_part(&got[w1..], &expected[w1..], &case);
            }
            _ => assert_same_part(got, expected, &case),
        }
    }
}

/// How far dW1 may be off: with few examples and with an engine of somebody else's, the products for W1 are others if there
/// are excluded examples that are not finite.
fn tolerance<T: Element>(engine: Engine<'_, T>, n: usize) -> f64 {
    if matches!(engine, Engine::Gemm(_)) || n <= 8 { T::U * 4.0 * n as f64 } else { 0.0 }
}

fn check_engine<T: Element>(problem: &Problem, engine: Engine<'_, T>, threads: Option<usize>) {
    // Whether the zeros of X choose none but the crate's own products.
    let is_own = matches!(engine, Engine::Builtin | Engine::Portable);
    let tolerance = tolerance(engine, problem.n);
    let run = |holds| {
        let problem = with(problem, holds);
        let asked = Asked::of(&problem, engine);
        let single = problem.n <= 40;
        Asked { excluded: Some([IGNORED, WEIGHTLESS]), moment: true, single, ..asked }.run(threads)
    };
    let expected = run(Holds::Numbers);
    let is_finite =
        |(what, part): &(&str, Vec<T>)| *what == "scores" || part.iter().all(|value| value.is_finite());
    assert!(expected.iter().all(is_finite), "n = {}", problem.n);
    for holds in [Holds::Zeros, Holds::NonFinite, Holds::OneNan] {
        if holds != Holds::Zeros || is_own {
            let case = format!("{:?}, {engine:?}, n = {}, {holds:?}", problem.dims, problem.n);
            check(&run(holds), &expected, problem, tolerance, &case);
        }
    }
}

#[test]
#[cfg_attr(handgrad_small_limits, ignore = "asks for the gram of more than a chunk")]
fn excluded_examples_may_hold_anything() {
    for (m, h, c) in [(13, 17, 5), (20, 130, 10), (16, 24, 60)] {
        for n in [3, 8, 9, 40, 300] {
            for share in [10, 100] {
                let mut problem = Inputs::Density(share).problem((m, h, c, n));
                problem.make_uneven();
                let threads = (share == 10).then_some(3);
                check_engine::<f32>(&problem, Engine::Builtin, threads);
                check_engine::<f64>(&problem, Engine::Auto, threads);
                check_engine::<f64>(&problem, Engine::Builtin, None);
                check_engine::<f32>(&problem, Engine::Portable, threads);
                check_engine::<f64>(&problem, Engine::Gemm(&Plain), threads);
                check_engine::<f32>(&problem, Engine::Gemm(&Plain), None);
                #[cfg(feature = "matrixmultiply")]
                if c < 49 {
                    check_engine::<f64>(&problem, Engine::MatrixMultiply, threads);
                }
            }
        }
    }
}

/// An example that counts and is not finite, beside such ones that do not: its NaN goes where it would without those.
#[test]
fn those_that_count_are_not_forgotten_beside_them() {
    for n in [3, 8, 9, 40, 300] {
        let mut problem = Inputs::Density(30).problem((13, 130, 5, n));
        problem.make_uneven();
        for value in [f64::NAN, f64::INFINITY] {
            let mut hit = (0..n).rev().find(|&i| !is_excluded(i)).unwrap();
            if value.is_nan() {
                hit = 0;
            }
            problem.x[hit * 13 + 4] = value;
            let run = |holds| {
                let problem = with(&problem, holds);
                let asked = Asked::<f64>::of(&problem, Engine::Builtin);
                Asked { excluded: Some([IGNORED, WEIGHTLESS]), moment: true, ..asked }.run(Some(2))
            };
            let (got, expected) = (run(Holds::NonFinite), run(Holds::Numbers));
            let tolerance = tolerance::<f64>(Engine::Builtin, n);
            check(&expected, &got, &problem, tolerance, &format!("n = {n}, {value}"));
            let grad = &expected.iter().find(|(what, _)| *what == "grad").unwrap().1;
            assert!(grad[4].is_nan(), "0 times {value} is NaN");
            problem.x[hit * 13 + 4] = 0.5;
        }
    }
}

/// 0 times a sum that overflows, or times an example that is NaN, is no 0: the inner products of an example that is excluded
/// are so nevertheless.
#[test]
fn inner_products_of_excluded_examples_are_0() {
    let dims = Dims::new(1, 1, 2).unwrap();
    let theta = [0.5f32, 0.0, 1.0, -1.0, 0.0, 0.0];
    for (x, others) in [([1e30, 1e30, 2.0], false), ([1.0, 2.0, f32::NAN], true)] {
        let (mut gram, mut scratch) = ([5.0; 9], vec![f32::NAN; dims.scratch_len(3)]);
        let batch = Batch::new(MatRef::new(&x, 3, 1).unwrap(), &[0, 0, 1]).unwrap();
        Pass::new(Params::from_flat(dims, &theta).unwrap(), batch)
            .example_weights(&[0.0, 1.0, 1.0])
            .gram(MatMut::new(&mut gram, 3, 3).unwrap())
            .run(&mut scratch)
            .unwrap();
        let of_excluded = [gram[0], gram[1], gram[2], gram[3], gram[6]];
        assert_eq!(of_excluded, [0.0; 5], "{x:?}");
        assert!(gram[8].is_nan() == others && gram[8] != 0.0, "{gram:?}");
    }
}
