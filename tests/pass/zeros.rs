//! Promise: inputs and activations that are 0 are left out of products without a trace: the results are those of the
//! derivation, the same bits on any number of threads, and NaN and infinities go where 0 times them says.

use half::bf16;
use handgrad::{Engine, Kink, Reduction};
use twofloat::TwoFloat;

use crate::support::bounds::{Rounding, bounds};
use crate::support::{Element, How, LAYOUTS, Problem, assert_within, oracle, run_pass};

mod excluded;
mod inputs;
mod written;

use inputs::{Inputs, KINDS};
use written::{Asked, assert_same};

/// Nets and numbers of examples that take the ways on which zeros are left out: a sparse X in Z and dW1, a D with many zeros
/// in dW1, A in F and dW2 with many classes; and short ones.
const SHAPES: [(usize, usize, usize, usize); 7] = [
    (7, 11, 5, 3),
    (12, 9, 60, 8),
    (13, 17, 5, 40),
    (20, 130, 10, 65),
    (64, 128, 60, 300),
    (300, 64, 10, 500),
    (784, 128, 10, 128),
];

/// All outputs against the plain loops, each of which may be off by the bound.
fn compare<T: Element>(problem: &Problem, how: How<'_, T>) {
    let got = run_pass(problem, how).unwrap();
    let expected = oracle::evaluate::<T>(problem, how.kink, how.reduction);
    let bounds = bounds(problem, Rounding::of::<T>(), how.kink, how.reduction);
    for (((what, got), (_, expected)), (_, bound)) in
        got.parts().into_iter().zip(expected.parts()).zip(bounds.parts())
    {
        let allowance: Vec<f64> = bound.iter().map(|bound| 2.0 * bound).collect();
        assert_within(what, got, expected, &allowance);
    }
}

#[test]
fn sparse_inputs_agree_with_the_derivation() {
    for (i, &shape) in SHAPES.iter().enumerate() {
        let large = shape.0 * shape.1 * shape.3 > 1 << 20;
        for (j, inputs) in KINDS.into_iter().enumerate() {
            // Of the large ones, each kind with some shape.
            if large && (i + j) % 3 != 0 {
                continue;
            }
            let problem = inputs.problem(shape);
            let layout = if large { LAYOUTS[0] } else { LAYOUTS[(i + j) % 4] };
            let (kink, reduction) =
                ([Kink::One, Kink::Zero][j % 2], [Reduction::Mean, Reduction::Sum][j / 2 % 2]);
            let all = if large { 1 } else { 3 };
            for engine in (0..all).map(|k| k + i + j) {
                match engine % 3 {
                    0 => compare::<f32>(&problem, How { layout, kink, reduction, engine: Engine::Builtin }),
                    1 => compare::<f64>(&problem, How { layout, kink, reduction, engine: Engine::Auto }),
                    _ => compare::<f32>(&problem, How { layout, kink, reduction, engine: Engine::Portable }),
                }
            }
            #[cfg(feature = "matrixmultiply")]
            if !large {
                compare::<f64>(&problem, How { layout, kink, reduction, engine: Engine::MatrixMultiply });
            }
        }
    }
}

/// Types without vector instructions: a short one, for which the bounds mean something with few terms only, and a long one.
#[test]
fn sparse_inputs_of_other_types_agree_with_the_derivation() {
    for inputs in KINDS {
        compare::<bf16>(&inputs.problem((40, 12, 5, 9)), How { kink: Kink::Zero, ..How::default() });
        compare::<TwoFloat>(&inputs.problem((60, 40, 60, 70)), How::default());
    }
}

/// Where NaN and infinities are in the inputs or the weights.
#[derive(Clone, Copy, Debug)]
enum Hit {
    X,
    W1,
    W2,
}

/// Some numbers become NaN or infinite. In X those of three examples, where there are so many.
fn spoil(problem: &mut Problem, hit: Hit) {
    let values = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    let Problem { dims, n, .. } = *problem;
    let (m, [w1, b1, w2, _]) = (dims.inputs(), dims.block_lens());
    for (i, &value) in values.iter().enumerate() {
        match hit {
            Hit::X => problem.x[(n / 2 + i * n / 3) % n * m + (5 * i + 1) % m] = value,
            Hit::W1 => problem.theta[i * w1 / 7 + i] = value,
            Hit::W2 => problem.theta[w1 + b1 + i * w2 / 5 + 1] = value,
        }
        // One alone in large ones: then not everything is NaN.
        if n % 2 == 0 {
            break;
        }
    }
    problem.grain = 0.0;
}

/// Which numbers are NaN, and which are infinite, is as in the plain loops.
fn compare_patterns<T: Element>(problem: &Problem, engine: Engine<'_, T>, what: &str) {
    let got = run_pass(problem, How { engine, ..How::default() }).unwrap();
    let expected = oracle::evaluate::<T>(problem, Kink::One, Reduction::Mean);
    assert_eq!(got.predictions, expected.predictions, "{what}");
    for ((part, got), (_, expected)) in got.parts().into_iter().zip(expected.parts()) {
        for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
            let same = got.is_nan() == expected.is_nan() && got.is_finite() == expected.is_finite();
            assert!(same, "{what}: {part}[{i}]: {got:?}, expected {expected:?}");
        }
    }
}

#[test]
fn nan_and_infinities_go_where_the_derivation_has_them() {
    for (i, &shape) in SHAPES.iter().enumerate() {
        for (j, inputs) in KINDS.into_iter().enumerate() {
            for (k, hit) in [Hit::X, Hit::W1, Hit::W2].into_iter().enumerate() {
                if shape.3 > 40 && (i + j + k) % 8 != 0 {
                    continue;
                }
                let mut problem = inputs.problem(shape);
                spoil(&mut problem, hit);
                let what = format!("{shape:?}, {inputs:?}, {hit:?}");
                match (i + j + k) % 3 {
                    0 => compare_patterns::<f64>(&problem, Engine::Portable, &what),
                    1 => compare_patterns::<f32>(&problem, Engine::Auto, &what),
                    _ => compare_patterns::<f64>(&problem, Engine::Builtin, &what),
                }
                compare_patterns::<f32>(&problem, Engine::Builtin, &what);
            }
        }
    }
}

/// On 1, 2, 3 and 8 threads as without an executor.
fn check_threads<T: Element>(case: &Asked<'_, T>) {
    let serial = case.run(None);
    for threads in [1, 2, 3, 8] {
        assert_same(&case.run(Some(threads)), &serial, &format!("{threads} threads"));
    }
}

#[test]
fn same_bits_on_any_number_of_threads() {
    for (i, &shape) in SHAPES.iter().enumerate() {
        for (j, inputs) in KINDS.into_iter().enumerate() {
            for (k, hit) in [None, Some(Hit::X), Some(Hit::W1), Some(Hit::W2)].into_iter().enumerate() {
                if (hit.is_some() || shape.3 > 100) && (i + j + k) % 4 != 0 {
                    continue;
                }
                let mut problem = inputs.problem(shape);
                problem.make_uneven();
                hit.iter().for_each(|&hit| spoil(&mut problem, hit));
                let moment = (i + j) % 2 == 0;
                match (i + j + k) / 4 % 3 {
                    0 => check_threads::<f32>(&Asked { moment, ..Asked::of(&problem, Engine::Builtin) }),
                    1 => check_threads::<f64>(&Asked { moment, ..Asked::of(&problem, Engine::Auto) }),
                    _ => check_threads::<f32>(&Asked { moment, ..Asked::of(&problem, Engine::Portable) }),
                }
                #[cfg(feature = "matrixmultiply")]
                if hit.is_none() && j % 4 == 0 {
                    check_threads::<f32>(&Asked::of(&problem, Engine::MatrixMultiply));
                }
            }
        }
    }
}

/// More than one chunk, whose examples have zeros of their own.
#[test]
fn same_bits_on_any_number_of_threads_for_several_chunks() {
    let mut problem = Inputs::BlankExamples.problem((30, 24, 5, 2300));
    problem.make_uneven();
    check_threads::<f32>(&Asked { moment: true, ..Asked::of(&problem, Engine::Builtin) });
    // In the second chunk.
    problem.x[2290 * 30 + 4] = f64::INFINITY;
    check_threads::<f64>(&Asked { moment: true, ..Asked::of(&problem, Engine::Builtin) });
}

/// Only the sum z = 0 of all zeros could tell, and b1 is added to it.
#[test]
fn the_signs_of_zeros_change_no_bit() {
    for (i, &shape) in SHAPES.iter().enumerate() {
        for (j, inputs) in KINDS.into_iter().enumerate() {
            if shape.3 > 100 && (i + j) % 3 != 0 {
                continue;
            }
            let mut problem = inputs.problem(shape);
            problem.make_uneven();
            let mut flipped = problem.clone();
            flipped.x.iter_mut().filter(|x| **x == 0.0).for_each(|x| *x = -*x);
            assert!(inputs == Inputs::Density(100) || flipped.x.contains(&0.0));
            fn check<T: Element>(problem: &Problem, flipped: &Problem, moment: bool) {
                let [one, other] = [problem, flipped]
                    .map(|problem| Asked { moment, ..Asked::<T>::of(problem, Engine::Builtin) }.run(None));
                assert_same(&one, &other, "the other signs");
            }
            check::<f32>(&problem, &flipped, j % 2 == 0);
            check::<f64>(&problem, &flipped, j % 2 == 1);
        }
    }
}

/// A unit that is active for no example has no gradient, whatever way its zeros take.
#[test]
fn units_that_are_never_active_have_gradients_of_zero() {
    for (i, &shape @ (m, h, ..)) in SHAPES.iter().enumerate() {
        for (j, inputs) in KINDS.into_iter().enumerate() {
            if shape.3 > 100 && (i + j) % 3 != 0 {
                continue;
            }
            let mut problem = inputs.problem(shape);
            let dead = |unit: &usize| unit % 3 == 1;
            (0..h).filter(dead).for_each(|unit| problem.theta[h * m + unit] = -1e6);
            fn check<T: Element>(problem: &Problem, engine: Engine<'_, T>, dead: impl Fn(&usize) -> bool) {
                let parts = Asked { moment: true, ..Asked::of(problem, engine) }.run(Some(2));
                let (m, h) = (problem.dims.inputs(), problem.dims.hidden());
                for (what, part) in parts.iter().filter(|(what, _)| ["grad", "moment"].contains(what)) {
                    let (w1, rest) = part.split_at(h * m);
                    for unit in (0..h).filter(|unit| dead(unit)) {
                        let row = w1[unit * m..][..m].iter().chain(&rest[unit..=unit]);
                        assert!(row.clone().all(|value| value.value() == 0.0), "{what}: unit {unit}");
                    }
                    assert!(part.iter().all(|value| value.is_finite()));
                }
            }
            check::<f32>(&problem, Engine::Builtin, dead);
            check::<f64>(&problem, [Engine::Auto, Engine::Portable][j % 2], dead);
        }
    }
}

/// The square of an input may overflow. An example for which a unit is not active still adds nothing to that unit's second
/// moment, whatever way its zeros take: on other numbers of threads it may be another one.
#[test]
fn inputs_whose_squares_overflow_add_nothing_where_a_unit_is_not_active() {
    for shape @ (m, h, _, n) in [(7, 11, 5, 3), (13, 17, 5, 40), (64, 128, 10, 300)] {
        for share in [5, 100] {
            let mut problem = Inputs::Density(share).problem(shape);
            // No unit is active for the examples with that input, so that no score overflows.
            let hit = m / 2;
            (0..n).step_by(5).for_each(|i| problem.x[i * m + hit] = 1e30);
            (0..h).for_each(|unit| problem.theta[unit * m + hit] = -0.5);
            // The first half of the units is active for few of the others, the second half for many.
            (0..h).for_each(|unit| problem.theta[h * m + unit] = if unit < h / 2 { -30.0 } else { 30.0 });
            let case = Asked { moment: true, ..Asked::<f32>::of(&problem, Engine::Builtin) };
            check_threads(&case);
            let (what, moment) = case.run(None).pop().unwrap();
            assert!(what == "moment" && moment.iter().all(|value| value.is_finite()), "{shape:?}, {share}");
        }
    }
}
