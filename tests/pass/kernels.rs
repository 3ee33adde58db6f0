//! Promise: every fast kernel computes what the derivation says, for all shapes, layouts, types, engines,
//! conventions and reductions, within the rounding bound of `support::bounds`.

use crate::support::bounds::{Rounding, bounds};
use crate::support::{
    Element, How, LAYOUTS, Layout, Problem, assert_within, matrix_multiply, oracle, run_pass,
};
use autodiff::F1;
use half::bf16;

use handgrad::{Engine, Kink, Reduction};
use twofloat::TwoFloat;

/// Runs a pass and compares every output with the oracle in the same type: each of the two may be off by
/// the bound. Returns the largest share of the allowance that was used.
fn compare<T: Element>(problem: &Problem, how: How<'_, T>) -> f64 {
    let got = run_pass(problem, how).unwrap();
    let expected = oracle::evaluate::<T>(problem, how.kink, how.reduction);
    let bounds = bounds(problem, Rounding::of::<T>(), how.kink, how.reduction);
    let mut worst = 0.0;
    for (((what, got), (_, expected)), (_, bound)) in
        got.parts().into_iter().zip(expected.parts()).zip(bounds.parts())
    {
        let allowance: Vec<f64> = bound.iter().map(|bound| 2.0 * bound).collect();
        worst = f64::max(worst, assert_within(what, got, expected, &allowance));
    }
    let row = |i: usize| &got.scores[i * problem.dims.classes()..][..problem.dims.classes()];
    for (i, &class) in got.predictions.iter().enumerate() {
        assert!(row(i)[..class].iter().all(|score| *score < row(i)[class]), "the first of the largest");
        assert!(row(i)[class..].iter().all(|score| *score <= row(i)[class]), "the largest");
    }
    worst
}

const SIZES: [(usize, usize, usize); 9] = [
    (1, 1, 1),
    (1, 5, 3),
    (5, 1, 2),
    (7, 11, 1),
    (2, 3, 2),
    (13, 17, 5),
    (16, 8, 8),
    (31, 29, 11),
    (65, 9, 19),
];

/// Sizes × numbers of examples × layouts × conventions × reductions, on this engine.
fn grid<T: Element>(engine: Engine<'_, T>, examples: &[usize]) {
    let mut worst = 0.0;
    for (seed, &(m, h, c)) in SIZES.iter().enumerate() {
        for (i, &n) in examples.iter().enumerate() {
            let problem = Problem::random(seed as u64, (m, h, c, n));
            for (k, layout) in LAYOUTS.into_iter().enumerate() {
                let kink = [Kink::One, Kink::Zero][(i + k) % 2];
                let reduction = [Reduction::Mean, Reduction::Sum][(i + k / 2) % 2];
                worst = f64::max(worst, compare(&problem, How { layout, kink, reduction, engine }));
            }
        }
    }
    println!("{}: at most {worst:.3} of the allowance", std::any::type_name::<T>());
}

#[test]
fn f64_agrees_with_the_derivation() {
    grid::<f64>(matrix_multiply(), &[1, 2, 7, 16]);
    grid::<f64>(Engine::Builtin, &[1, 2, 7, 8, 9, 33, 65]);
    grid::<f64>(Engine::Portable, &[1, 2, 7, 16, 33]);
}

#[test]
fn f32_agrees_with_the_derivation() {
    grid::<f32>(matrix_multiply(), &[1, 2, 7, 16]);
    grid::<f32>(Engine::Builtin, &[1, 2, 7, 8, 9, 33, 65]);
    grid::<f32>(Engine::Portable, &[1, 2, 7, 16, 33]);
}

#[test]
fn bf16_agrees_with_the_derivation() {
    grid::<bf16>(Engine::Auto, &[1, 2, 7, 16]);
}

#[test]
fn two_float_agrees_with_the_derivation() {
    grid::<TwoFloat>(Engine::Auto, &[1, 2, 7]);
}

#[test]
fn dual_numbers_agree_with_the_derivation() {
    grid::<F1>(Engine::Auto, &[1, 2, 7]);
}

/// Nets so wide that D and X are packed, and with so many classes that D has a place of its own; batches of
/// one block, of several, and with a short last one.
#[test]
fn wide_nets() {
    for (i, dims) in [(300, 260, 10), (20, 270, 60), (260, 17, 50), (270, 259, 49)].into_iter().enumerate() {
        for (j, n) in [3, 9, 33, 150].into_iter().enumerate() {
            let problem = Problem::random(j as u64, (dims.0, dims.1, dims.2, n));
            let layout = LAYOUTS[(i + j) % LAYOUTS.len()];
            let kink = [Kink::One, Kink::Zero][i % 2];
            compare::<f32>(&problem, How { layout, kink, engine: Engine::Builtin, ..How::default() });
            compare::<f64>(&problem, How { kink, engine: Engine::Builtin, ..How::default() });
            compare::<f32>(&problem, How { layout, kink, engine: Engine::Portable, ..How::default() });
            compare::<f32>(&problem, How { layout, kink, ..How::default() });
        }
    }
}

/// One example less and more than one chunk, two chunks, and the chunks of one group.
#[test]
#[cfg_attr(handgrad_small_limits, ignore = "states what holds at the limits that pay")]
fn chunk_boundaries() {
    let (m, h, c) = (3, 5, 4);
    let chunk = handgrad::Dims::new(m, h, c).unwrap().chunk_len(usize::MAX);
    assert_eq!(chunk, 2048);
    for n in [
        chunk - 1,
        chunk,
        chunk + 1,
        2 * chunk - 1,
        2 * chunk,
        2 * chunk + 1,
        4 * chunk,
        4 * chunk + 1,
        7 * chunk,
    ] {
        let problem = Problem::random(n as u64, (m, h, c, n));
        let layout = Layout::Spread;
        compare::<f64>(&problem, How { layout, ..How::default() });
        compare::<f32>(&problem, How { layout, ..How::default() });
        compare::<f32>(&problem, How { layout, engine: Engine::Builtin, ..How::default() });
        compare::<f32>(
            &problem,
            How { engine: Engine::Portable, reduction: Reduction::Sum, ..How::default() },
        );
    }
}

/// Dimensions at which a chunk has fewer examples than its largest number.
#[test]
#[cfg_attr(handgrad_small_limits, ignore = "states what holds at the limits that pay")]
fn small_chunks() {
    for (m, h, c, chunk) in [(2, 30_000, 2, 32), (3, 1200, 5, 512)] {
        let problem = Problem::random(1, (m, h, c, chunk + 3));
        assert_eq!(problem.dims.chunk_len(usize::MAX), chunk);
        compare::<f32>(&problem, How::default());
        compare::<f32>(&problem, How { engine: Engine::Builtin, ..How::default() });
    }
}

/// A dual number with derivative 0 is an f64 on the portable engine, bit for bit.
#[test]
fn portable_engine_is_the_same_for_every_type() {
    let problem = Problem::random(5, (13, 17, 5, 300));
    let plain = run_pass::<f64>(&problem, How { engine: Engine::Portable, ..How::default() }).unwrap();
    let dual = run_pass::<F1>(&problem, How::default()).unwrap();
    for ((what, plain), (_, dual)) in plain.parts().into_iter().zip(dual.parts()) {
        assert!(plain.iter().zip(dual).all(|(p, d)| p.to_bits() == d.x.to_bits()), "{what}");
    }
}
