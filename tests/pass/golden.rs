//! Promise: a change that is not meant to change results changes no bit of them.
//!
//! `HANDGRAD_GOLDEN=FILE cargo test --test pass golden` writes a digest of every output for engines, shapes, options and
//! threads to the file if there is none, and compares with it if there is one: run it before a change and after it, on
//! the same machine. Without the variable the digests are made twice, with different numbers in the scratch and in the
//! outputs before.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::scoped::Scoped;
use crate::support::{Element, Layout, Problem};
use half::bf16;
use handgrad::gemm::{Beta, Gemm, product_shape};
use handgrad::{Batch, Engine, Error, Kink, MatMut, MatRef, Params, ParamsMut, Pass, Reduction};

/// An engine of somebody else's: plain sums.
struct Plain;

impl<T: Element> Gemm<T> for Plain {
    fn gemm(&self, a: MatRef<'_, T>, b: MatRef<'_, T>, beta: Beta, c: MatMut<'_, T>) -> Result<(), Error> {
        let ((m, k, n), mut c) = (product_shape(&a, &b, &c)?, c);
        for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
            let term = |p| Some(a.get(i, p)? * b.get(p, j)?);
            let sum = (0..k).filter_map(term).fold(T::zero(), |sum, term| sum + term);
            if let Some(c) = c.get_mut(i, j) {
                *c = if beta == Beta::Zero { sum } else { *c + sum };
            }
        }
        Ok(())
    }
}

/// What is computed beside the outputs that do not depend on the objective.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Asked {
    Plain,
    /// Everything of the single examples, clipped.
    PerExample,
    /// Class and example weights, an ignored label, L2, a divisor; half of the ignored examples are NaN.
    Weighted,
    /// Weights and smoothing, the sum, the other kink, accumulated.
    Smoothed,
    /// Soft targets.
    Targets,
}

const ASKED: [Asked; 5] = [Asked::Plain, Asked::PerExample, Asked::Weighted, Asked::Smoothed, Asked::Targets];

/// One case, all that it writes as bits.
fn digest<T: Element + Send + Sync>(
    problem: &Problem,
    engine: Engine<'_, T>,
    threads: usize,
    (asked, layout): (Asked, Layout),
    filler: T,
) -> u64 {
    let Problem { dims, n, .. } = *problem;
    let (m, c) = (dims.inputs(), dims.classes());
    // Sums of the problem's few bits would be exact in any order.
    let uneven = |values: &[f64]| -> Vec<T> { values.iter().map(|&v| T::of(v * 0.123_456_789)).collect() };
    let (theta, mut x) = (uneven(&problem.theta), uneven(&problem.x));
    let mut labels: Vec<i32> = problem.labels.iter().map(|&label| label as i32).collect();
    let number = |i: usize| T::of((i % 7) as f64 / 4.0);
    let example_weights: Vec<T> = (0..n).map(number).collect();
    let class_weights: Vec<T> = (0..c).map(|i| number(i + 1)).collect();
    if asked == Asked::Weighted {
        for i in (0..n).step_by(3) {
            labels[i] = -1;
            x[i * m + i % m] = if i % 2 == 0 { T::nan() } else { x[i * m + i % m] };
        }
    }
    // The first class has all the rest.
    let targets: Vec<T> = (0..n * c)
        .map(|i| match i % c {
            0 if c == 1 => T::one(),
            0 => T::of(0.75),
            j if j == 1 + i / c % (c - 1) => T::of(0.25),
            _ => T::zero(),
        })
        .collect();
    let memory = layout.lay(&x, n, m);
    let batch = if asked == Asked::Targets { None } else { Some(&labels) };
    let batch = match batch {
        Some(labels) => Batch::new(layout.view(&memory, n, m), labels).unwrap(),
        None => {
            return targets_digest(problem, engine, threads, (&theta, layout.view(&memory, n, m)), &targets);
        }
    };

    let per_example = asked == Asked::PerExample;
    let mut grad = if asked == Asked::Smoothed { theta.clone() } else { vec![filler; dims.param_len()] };
    let (mut dx, mut losses, mut classes) = (layout.blank(n, m, filler), vec![filler; n], vec![0; n]);
    let mut outs = [(); 3].map(|()| vec![filler; n * c]);
    let (mut norms, mut moment) = (vec![filler; n], vec![filler; dims.param_len()]);
    let has_gram = per_example && n <= dims.chunk_len(n) && n <= 300;
    let mut gram = vec![filler; if has_gram { n * n } else { 0 }];
    let has_grads = per_example && n * dims.param_len() < 1 << 20;
    let mut example_grads = vec![filler; if has_grads { n * dims.param_len() } else { 0 }];
    let mut weight = filler;
    let mut scratch = vec![filler; dims.scratch_len(n)];
    let executor = Scoped(threads);
    let loss = {
        let [f, p, log_p] = &mut outs;
        let mut pass = Pass::new(Params::from_flat(dims, &theta).unwrap(), batch)
            .engine(engine)
            .input_grad(layout.view_mut(&mut dx, n, m))
            .losses(&mut losses)
            .scores(MatMut::new(f, n, c).unwrap())
            .probabilities(MatMut::new(p, n, c).unwrap())
            .log_probabilities(MatMut::new(log_p, n, c).unwrap())
            .effective_weight(&mut weight)
            .predictions(&mut classes);
        let view = ParamsMut::from_flat(dims, &mut grad).unwrap();
        pass = if asked == Asked::Smoothed { pass.accumulate_grad(view) } else { pass.grad(view) };
        match asked {
            Asked::Plain | Asked::Targets => {}
            Asked::PerExample => {
                pass = pass
                    .grad_norms(&mut norms)
                    .clip(T::of(0.5))
                    .second_moment(ParamsMut::from_flat(dims, &mut moment).unwrap());
                if has_gram {
                    pass = pass.gram(MatMut::new(&mut gram, n, n).unwrap());
                }
                if has_grads {
                    pass = pass.example_grads(MatMut::new(&mut example_grads, n, dims.param_len()).unwrap());
                }
            }
            Asked::Weighted => {
                pass = pass
                    .class_weights(&class_weights)
                    .example_weights(&example_weights)
                    .ignore_label(-1)
                    .l2(T::of(0.25), T::of(0.5))
                    .divisor(T::of(3.0));
            }
            Asked::Smoothed => {
                pass = pass
                    .class_weights(&class_weights)
                    .smoothing(T::of(0.125))
                    .reduction(Reduction::Sum)
                    .kink(Kink::Zero);
            }
        }
        if threads > 0 { pass.executor(&executor).run(&mut scratch) } else { pass.run(&mut scratch) }.unwrap()
    };
    let dx = layout.collect(&dx, n, m);
    hash(
        [&[loss, weight], &*grad, &dx, &losses, &outs.concat(), &norms[..if per_example { n } else { 0 }]],
        [&moment[..if per_example { dims.param_len() } else { 0 }], &gram, &example_grads],
        &classes,
    )
}

/// With targets in the place of labels.
fn targets_digest<T: Element + Send + Sync>(
    problem: &Problem,
    engine: Engine<'_, T>,
    threads: usize,
    (theta, x): (&[T], MatRef<'_, T>),
    targets: &[T],
) -> u64 {
    let Problem { dims, n, .. } = *problem;
    let batch = Batch::with_targets(x, MatRef::new(targets, n, dims.classes()).unwrap()).unwrap();
    let (mut grad, mut losses) = (vec![T::nan(); dims.param_len()], vec![T::nan(); n]);
    let mut scratch = vec![T::nan(); dims.scratch_len(n)];
    let executor = Scoped(threads);
    let pass = Pass::new(Params::from_flat(dims, theta).unwrap(), batch)
        .engine(engine)
        .grad(ParamsMut::from_flat(dims, &mut grad).unwrap())
        .losses(&mut losses);
    let loss = if threads > 0 { pass.executor(&executor).run(&mut scratch) } else { pass.run(&mut scratch) };
    let empty: &[T] = &[];
    hash([&[loss.unwrap()], &*grad, &losses, empty, empty, empty], [empty; 3], &[])
}

/// FNV-1a of the bits.
fn hash<T: Element>(first: [&[T]; 6], second: [&[T]; 3], classes: &[usize]) -> u64 {
    let numbers = first.into_iter().chain(second).flatten().map(|value| {
        let value = value.value();
        // All NaN are one.
        if value.is_nan() { u64::MAX } else { value.to_bits() }
    });
    let all = numbers.chain(classes.iter().map(|&class| class as u64));
    let bytes = all.flat_map(u64::to_le_bytes);
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

fn add<T: Element + Send + Sync>(
    lines: &mut String,
    shapes: &[(usize, usize, usize, usize)],
    threads: &[usize],
    filler: f64,
) {
    let t = std::any::type_name::<T>();
    for &(m, h, c, n) in shapes {
        let problem = Problem::random((m * 31 + h * 17 + c * 5 + n) as u64, (m, h, c, n));
        let work = n * (m * h + h * c);
        let engines: [(&str, Engine<'_, T>); 4] = [
            ("auto", Engine::Auto),
            ("builtin", Engine::Builtin),
            ("portable", Engine::Portable),
            ("gemm", Engine::Gemm(&Plain)),
        ];
        for (name, engine) in engines {
            for asked in ASKED {
                for layout in [Layout::RowMajor, Layout::Spread] {
                    for &threads in threads {
                        // On one thread most of it is the same, and plain sums take their time.
                        let cut_up = matches!(name, "auto" | "builtin") && work >= 1 << 18;
                        let usual = asked != Asked::Smoothed && layout == Layout::RowMajor;
                        let large = work > 1 << 23 && (name == "gemm" || layout == Layout::Spread);
                        let skip = large || (threads > 0 && !(cut_up && usual));
                        if !skip {
                            let digest =
                                digest::<T>(&problem, engine, threads, (asked, layout), T::of(filler));
                            writeln!(
                                lines,
                                "{t} {name} {m} {h} {c} {n} {asked:?} {layout:?} {threads}: {digest:016x}"
                            )
                            .unwrap();
                        }
                    }
                }
            }
        }
    }
}

fn digests(all: bool, filler: f64) -> String {
    let few = [(3, 5, 4, 1), (7, 11, 5, 8), (7, 11, 5, 9), (20, 24, 49, 6), (16, 130, 10, 40)];
    let many = [
        (1, 1, 1, 3),
        (64, 32, 10, 1),
        (64, 32, 10, 32),
        (64, 32, 10, 300),
        (784, 128, 10, 3),
        (784, 128, 10, 128),
        (300, 40, 3, 600),
        (270, 259, 49, 150),
        (20, 270, 60, 333),
        (5, 9, 4, 5000),
        (17, 27, 4, 2049),
        (4, 1024, 1025, 40),
    ];
    let mut lines = String::new();
    add::<f32>(&mut lines, &few, &[0], filler);
    add::<f64>(&mut lines, &few, &[0], filler);
    add::<bf16>(&mut lines, &few[..3], &[0], filler);
    if all {
        add::<f32>(&mut lines, &many, &[0, 1, 2, 3, 8], filler);
        add::<f64>(&mut lines, &many, &[0, 2, 3], filler);
    }
    lines
}

#[test]
fn the_same_bits_as_before() {
    let Some(file) = std::env::var_os("HANDGRAD_GOLDEN") else {
        let lines = digests(false, 1e30);
        assert_eq!(digests(false, f64::NAN), lines);
        assert!(lines.lines().count() > 400);
        return;
    };
    let now = digests(true, f64::NAN);
    let Ok(before) = std::fs::read_to_string(&file) else {
        std::fs::write(&file, now).unwrap();
        return;
    };
    let before: HashMap<&str, &str> = before.lines().filter_map(|line| line.rsplit_once(':')).collect();
    let (mut compared, mut other) = (0, vec![]);
    for (case, digest) in now.lines().filter_map(|line| line.rsplit_once(':')) {
        if let Some(before) = before.get(case) {
            compared += 1;
            if *before != digest {
                other.push(case);
            }
        }
    }
    println!("{compared} of {} cases compared, {} differ", before.len(), other.len());
    assert!(compared > 0 && other.is_empty(), "other bits: {other:#?}");
}
