//! Promise: a change that is not meant to change results changes no bit of them.
//!
//! `HANDGRAD_GOLDEN=FILE cargo test --test pass golden` writes a digest of every output for engines, shapes, options and
//! threads to the file if there is none, and compares with it if there is one: run it before a change and after it, on
//! the same machine. Without the variable the digests are made twice, with different numbers in the scratch and in the
//! outputs before.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::scoped::Scoped;
use crate::support::{Element, Layout, Problem, matrix_multiply};
use half::bf16;
use handgrad::gemm::{Beta, Gemm, product_shape};
use handgrad::{Batch, Engine, Error, Kink, MatMut, MatRef, Params, ParamsMut, Pass, Reduction};
use num_traits::PrimInt;

/// An engine of somebody else's: plain sums.
pub struct Plain;

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

/// What goes in: sums of the problem's few bits would be exact in any order, so all have more.
struct Inputs<T> {
    theta: Vec<T>,
    x: Vec<T>,
    labels: Vec<i32>,
    targets: Vec<T>,
    example_weights: Vec<T>,
    class_weights: Vec<T>,
}

impl<T: Element> Inputs<T> {
    fn new(problem: &Problem, asked: Asked) -> Self {
        let (n, m, c) = (problem.n, problem.dims.inputs(), problem.dims.classes());
        let uneven = |values: &[f64]| values.iter().map(|&v| T::of(v * 0.123_456_789)).collect();
        let weights = |len, first| (first..first + len).map(|i| T::of((i % 7) as f64 / 4.0)).collect();
        let mut inputs = Self {
            theta: uneven(&problem.theta),
            x: uneven(&problem.x),
            labels: problem.labels.iter().map(|&label| label as i32).collect(),
            targets: vec![T::zero(); n * c],
            example_weights: weights(n, 0),
            class_weights: weights(c, 1),
        };
        // Three quarters of the first class and a quarter of another.
        for (i, target) in inputs.targets.chunks_mut(c).enumerate() {
            target[0] = T::of(0.75);
            target[(1 + i) % c] = target[(1 + i) % c] + T::of(0.25);
        }
        if asked == Asked::Weighted {
            for i in (0..n).step_by(3) {
                inputs.labels[i] = -1;
                if i % 2 == 0 {
                    inputs.x[i * m + i % m] = T::nan();
                }
            }
        }
        inputs
    }
}

/// All that a pass can write.
struct Written<T> {
    loss: T,
    weight: T,
    grad: Vec<T>,
    /// In the layout of the case.
    input_grad: Vec<T>,
    losses: Vec<T>,
    by_class: [Vec<T>; 3],
    classes: Vec<usize>,
    norms: Vec<T>,
    moment: Vec<T>,
    gram: Vec<T>,
    example_grads: Vec<T>,
}

impl<T: Element> Written<T> {
    /// Filled with this before; what is not asked for is empty.
    fn new(problem: &Problem, asked: Asked, layout: Layout, filler: T) -> Self {
        let Problem { dims, n, .. } = *problem;
        let filled = |len| vec![filler; len];
        let per_example =
            |len: usize, most: usize| filled(if asked == Asked::PerExample && len <= most { len } else { 0 });
        Self {
            loss: filler,
            weight: filler,
            grad: filled(dims.param_len()),
            input_grad: layout.blank(n, dims.inputs(), filler),
            losses: filled(n),
            by_class: [(); 3].map(|()| filled(n * dims.classes())),
            classes: vec![0; n],
            norms: per_example(n, usize::MAX),
            moment: per_example(dims.param_len(), usize::MAX),
            gram: per_example(n * n, 300 * 300),
            example_grads: per_example(n * dims.param_len(), 1 << 20),
        }
    }

    /// FNV-1a of the bits. All NaN are one.
    fn hash(&self, layout: Layout, rows: usize, cols: usize) -> u64 {
        let input_grad = layout.collect(&self.input_grad, rows, cols);
        let parts = [&[self.loss, self.weight], &*self.grad, &input_grad, &self.losses, &self.norms];
        let more = [&self.moment, &self.gram, &self.example_grads];
        let numbers = parts.into_iter().chain(self.by_class.iter().chain(more).map(|part| &**part)).flatten();
        let bits = numbers.map(|value| value.value());
        let bits = bits.map(|value| if value.is_nan() { u64::MAX } else { value.to_bits() });
        let bytes = bits.chain(self.classes.iter().map(|&class| class as u64)).flat_map(u64::to_le_bytes);
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
    }
}

/// The pass with all that is asked for, except the ignored label.
fn with_outputs<'a, T: Element, L: PrimInt + Sync>(
    pass: Pass<'a, T, L>,
    problem: &Problem,
    asked: Asked,
    layout: Layout,
    inputs: &'a Inputs<T>,
    out: &'a mut Written<T>,
) -> Pass<'a, T, L> {
    let Problem { dims, n, .. } = *problem;
    let (m, c) = (dims.inputs(), dims.classes());
    let [f, p, log_p] = &mut out.by_class;
    let mut pass = pass
        .input_grad(layout.view_mut(&mut out.input_grad, n, m))
        .losses(&mut out.losses)
        .scores(MatMut::new(f, n, c).unwrap())
        .probabilities(MatMut::new(p, n, c).unwrap())
        .log_probabilities(MatMut::new(log_p, n, c).unwrap())
        .effective_weight(&mut out.weight)
        .predictions(&mut out.classes);
    let grad = ParamsMut::from_flat(dims, &mut out.grad).unwrap();
    pass = if asked == Asked::Smoothed { pass.accumulate_grad(grad) } else { pass.grad(grad) };
    if asked == Asked::Weighted || asked == Asked::Smoothed {
        pass = pass.class_weights(&inputs.class_weights);
    }
    if asked == Asked::Weighted {
        pass = pass.example_weights(&inputs.example_weights);
        pass = pass.l2(T::of(0.25), T::of(0.5)).divisor(T::of(3.0));
    }
    if asked == Asked::Smoothed {
        pass = pass.smoothing(T::of(0.125)).reduction(Reduction::Sum).kink(Kink::Zero);
    }
    if asked == Asked::PerExample {
        pass = pass.grad_norms(&mut out.norms).clip(T::of(0.5));
        pass = pass.second_moment(ParamsMut::from_flat(dims, &mut out.moment).unwrap());
    }
    if !out.gram.is_empty() {
        pass = pass.gram(MatMut::new(&mut out.gram, n, n).unwrap());
    }
    if !out.example_grads.is_empty() {
        pass = pass.example_grads(MatMut::new(&mut out.example_grads, n, dims.param_len()).unwrap());
    }
    pass
}

/// One case: the digest of all that it writes.
fn digest<T: Element>(
    problem: &Problem,
    engine: Engine<'_, T>,
    threads: usize,
    asked: Asked,
    layout: Layout,
    filler: T,
) -> u64 {
    let Problem { dims, n, .. } = *problem;
    let (inputs, mut out) = (Inputs::new(problem, asked), Written::new(problem, asked, layout, filler));
    if asked == Asked::Smoothed {
        out.grad.clone_from(&inputs.theta);
    }
    let memory = layout.lay(&inputs.x, n, dims.inputs());
    let (x, params) =
        (layout.view(&memory, n, dims.inputs()), Params::from_flat(dims, &inputs.theta).unwrap());
    let (executor, mut scratch) = (Scoped(threads), vec![filler; dims.scratch_len(n)]);
    let loss = if asked == Asked::Targets {
        let targets = MatRef::new(&inputs.targets, n, dims.classes()).unwrap();
        let pass = Pass::new(params, Batch::with_targets(x, targets).unwrap());
        let pass = with_outputs(pass, problem, asked, layout, &inputs, &mut out).engine(engine);
        if threads > 0 { pass.executor(&executor) } else { pass }.run(&mut scratch)
    } else {
        let pass = Pass::new(params, Batch::new(x, &inputs.labels).unwrap());
        let pass = if asked == Asked::Weighted { pass.ignore_label(-1) } else { pass };
        let pass = with_outputs(pass, problem, asked, layout, &inputs, &mut out).engine(engine);
        if threads > 0 { pass.executor(&executor) } else { pass }.run(&mut scratch)
    };
    out.loss = loss.unwrap();
    out.hash(layout, n, dims.inputs())
}

fn add<T: Element>(
    lines: &mut String,
    shapes: &[(usize, usize, usize, usize)],
    threads: &[usize],
    filler: f64,
) {
    let t = std::any::type_name::<T>();
    for &(m, h, c, n) in shapes {
        let problem = Problem::random((m * 31 + h * 17 + c * 5 + n) as u64, (m, h, c, n));
        let work = n * (m * h + h * c);
        let engines: [(&str, Engine<'_, T>); 5] = [
            ("auto", Engine::Auto),
            ("matrixmultiply", matrix_multiply()),
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
                            let digest = digest::<T>(&problem, engine, threads, asked, layout, T::of(filler));
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
#[cfg_attr(handgrad_small_limits, ignore = "asks for the gram of more than a chunk")]
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
