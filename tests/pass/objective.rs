//! Promise: every objective that can be put together on a `Pass` is what formulas (20) to (24) say, on every
//! engine, and an example that is left out has no part in it, whatever it holds.

use crate::scoped::Scoped;
use crate::support::matrix_multiply;
use handgrad::derivation as d;
use handgrad::{Batch, Dims, Engine, Kink, MatMut, MatRef, Params, ParamsMut, Pass, Reduction};
use num_traits::PrimInt;

mod misuse;

/// A net, examples, and everything that an objective can be made of.
struct Problem {
    dims: Dims,
    n: usize,
    theta: Vec<f64>,
    x: Vec<f64>,
    labels: Vec<i64>,
    targets: Vec<f64>,
    example_weights: Vec<f64>,
    class_weights: Vec<f64>,
}

impl Problem {
    fn new((m, h, c, n): (usize, usize, usize, usize)) -> Self {
        let mut rng = fastrand::Rng::with_seed((m + 10 * h + 100 * c + 1000 * n) as u64);
        let dims = Dims::new(m, h, c).unwrap();
        let mut vec = |len: usize| (0..len).map(|_| rng.f64() - 0.5).collect::<Vec<f64>>();
        let (theta, x, mut targets) = (vec(dims.param_len()), vec(n * m), vec(n * c));
        for row in targets.chunks_exact_mut(c) {
            // Some classes have no share at all.
            row.iter_mut().for_each(|q| *q = q.max(0.0));
            row[c - 1] += 0.25;
            let sum: f64 = row.iter().sum();
            row.iter_mut().for_each(|q| *q /= sum);
        }
        let labels = (0..n).map(|i| (i * 7 % (c + 1)) as i64 - 1).collect();
        let example_weights = (0..n).map(|i| [0.5, 0.0, 2.0, 1.0][i % 4]).collect();
        let class_weights = (0..c).map(|j| [1.5, 0.25, 0.0][j % 3]).collect();
        Self { dims, n, theta, x, labels, targets, example_weights, class_weights }
    }
}

/// One objective.
#[derive(Clone, Copy, Debug)]
struct Choice {
    targets: bool,
    smoothing: f64,
    class_weights: bool,
    example_weights: bool,
    divisor: Divisor,
    l2: (f64, f64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Divisor {
    Mean,
    Sum,
    Given(f64),
}

fn choices() -> Vec<Choice> {
    let mut all = Vec::new();
    for i in 0..48 {
        let divisor = [Divisor::Mean, Divisor::Sum, Divisor::Given(7.5)][i % 3];
        let bit = |k: usize| ((i / 3) >> k) & 1 == 1;
        let (targets, class_weights, example_weights) = (bit(0), bit(1), bit(2));
        let smoothing = if bit(3) { 0.1 } else { 0.0 };
        let l2 = if i % 2 == 0 { (0.0, 0.0) } else { (0.3, 0.02) };
        all.push(Choice { targets, smoothing, class_weights, example_weights, divisor, l2 });
    }
    all.push(Choice { smoothing: 1.0, ..all[0] });
    all
}

#[derive(Debug, Default, PartialEq)]
struct Results {
    loss: f64,
    weight: f64,
    losses: Vec<f64>,
    grad: Vec<f64>,
    dx: Vec<f64>,
}

#[derive(Clone, Copy)]
enum Threads {
    One,
    Three,
}

fn evaluate(problem: &Problem, choice: Choice, engine: Engine<'_, f64>, threads: Threads) -> Results {
    let x = MatRef::new(&problem.x, problem.n, problem.dims.inputs()).unwrap();
    if choice.targets {
        let targets = MatRef::new(&problem.targets, problem.n, problem.dims.classes()).unwrap();
        run(problem, choice, Batch::with_targets(x, targets).unwrap(), usize::MAX, (engine, threads))
    } else {
        run(problem, choice, Batch::new(x, &problem.labels).unwrap(), -1, (engine, threads))
    }
}

fn run<L: PrimInt + Sync>(
    problem: &Problem,
    choice: Choice,
    batch: Batch<'_, f64, L>,
    ignored: L,
    (engine, threads): (Engine<'_, f64>, Threads),
) -> Results {
    let (dims, n) = (problem.dims, problem.n);
    let nan = |len| vec![f64::NAN; len];
    let mut got = Results {
        losses: nan(n),
        grad: nan(dims.param_len()),
        dx: nan(problem.x.len()),
        ..Results::default()
    };
    let mut pass = Pass::new(Params::from_flat(dims, &problem.theta).unwrap(), batch)
        .engine(engine)
        .ignore_label(ignored)
        .smoothing(choice.smoothing)
        .l2(choice.l2.0, choice.l2.1)
        .losses(&mut got.losses)
        .grad(ParamsMut::from_flat(dims, &mut got.grad).unwrap())
        .input_grad(MatMut::new(&mut got.dx, n, dims.inputs()).unwrap())
        .effective_weight(&mut got.weight);
    pass = if choice.class_weights { pass.class_weights(&problem.class_weights) } else { pass };
    pass = if choice.example_weights { pass.example_weights(&problem.example_weights) } else { pass };
    pass = match choice.divisor {
        Divisor::Mean => pass.reduction(Reduction::Mean),
        Divisor::Sum => pass.reduction(Reduction::Sum),
        Divisor::Given(divisor) => pass.divisor(divisor),
    };
    let mut scratch = nan(dims.scratch_len(n));
    got.loss = match threads {
        Threads::One => pass.run(&mut scratch).unwrap(),
        Threads::Three => pass.executor(&Scoped(3)).run(&mut scratch).unwrap(),
    };
    got
}

/// The same from the formulas, example by example.
fn formulas(problem: &Problem, choice: Choice) -> Results {
    let Problem { dims, n, .. } = *problem;
    let (m, h, c) = (dims.inputs(), dims.hidden(), dims.classes());
    let [w1, b1, w2, _] = dims.block_lens();
    let (theta_w1, rest) = problem.theta.split_at(w1);
    let (theta_b1, rest) = rest.split_at(b1);
    let (theta_w2, theta_b2) = rest.split_at(w2);
    let class_weights = if choice.class_weights { problem.class_weights.clone() } else { vec![1.0; c] };
    let (mut weights, mut losses, mut grads, mut dx) = (vec![0.0; n], vec![0.0; n], Vec::new(), Vec::new());
    let mut weight = 0.0;
    for i in 0..n {
        let x = &problem.x[i * m..][..m];
        let (mut z, mut a, mut f) = (vec![0.0; h], vec![0.0; h], vec![0.0; c]);
        d::preactivations(theta_w1, theta_b1, x, &mut z).unwrap();
        d::activations(&z, &mut a).unwrap();
        d::scores(theta_w2, theta_b2, &a, &mut f).unwrap();
        let label = problem.labels[i];
        let (mut q, mut v) =
            (vec![0.0; c], if choice.example_weights { problem.example_weights[i] } else { 1.0 });
        if choice.targets {
            q.copy_from_slice(&problem.targets[i * c..][..c]);
            weight += v;
        } else if label < 0 {
            v = 0.0;
        } else {
            q[label as usize] = 1.0;
            weight += v * class_weights[label as usize];
        }
        let (mut shares, mut g, mut db1) = (vec![0.0; c], vec![0.0; c], vec![0.0; h]);
        d::target_shares(&q, &class_weights, choice.smoothing, &mut shares).unwrap();
        // Nothing of the target counts: left out, as an example of weight 0 is.
        if shares.iter().all(|&share| share == 0.0) {
            v = 0.0;
        }
        let (mut dw1, mut dw2, mut row) = (vec![0.0; w1], vec![0.0; w2], vec![0.0; m]);
        d::shared_loss_grad(&f, &shares, &mut g).unwrap();
        d::loss_grad_b1(&z, theta_w2, &g, Kink::One, &mut db1).unwrap();
        d::loss_grad_w1(&db1, x, &mut dw1).unwrap();
        d::loss_grad_w2(&g, &a, &mut dw2).unwrap();
        d::input_grad(theta_w1, &db1, &mut row).unwrap();
        (weights[i], losses[i]) = (v, d::shared_loss(&f, &shares).unwrap());
        grads.push([dw1, db1, dw2, g].concat());
        dx.push(row);
    }
    let divisor = match choice.divisor {
        Divisor::Mean => weight,
        Divisor::Sum => 1.0,
        Divisor::Given(divisor) => divisor,
    };
    let mean = |terms: &[f64]| d::weighted_loss(terms, &weights, divisor).unwrap();
    let mut grad: Vec<f64> = (0..dims.param_len())
        .map(|k| mean(&grads.iter().map(|grad| grad[k]).collect::<Vec<f64>>()))
        .collect();
    (0..w1).for_each(|k| grad[k] += choice.l2.0 * theta_w1[k]);
    (0..w2).for_each(|k| grad[w1 + b1 + k] += choice.l2.1 * theta_w2[k]);
    let squares =
        d::half_square(theta_w1, choice.l2.0).unwrap() + d::half_square(theta_w2, choice.l2.1).unwrap();
    let factor = |i: usize| if weights[i] == 0.0 { 0.0 } else { weights[i] / divisor };
    Results {
        loss: mean(&losses) + squares,
        weight,
        losses: (0..n).map(|i| if weights[i] == 0.0 { 0.0 } else { weights[i] * losses[i] }).collect(),
        grad,
        dx: (0..n)
            .flat_map(|i| dx[i].iter().map(move |dx| (i, dx)))
            .map(|(i, dx)| if weights[i] == 0.0 { 0.0 } else { factor(i) * dx })
            .collect(),
    }
}

fn assert_close(got: &Results, expected: &Results, what: &dyn std::fmt::Debug) {
    let parts = |r: &Results| [vec![r.loss, r.weight], r.losses.clone(), r.grad.clone(), r.dx.clone()];
    for (part, (got, expected)) in parts(got).into_iter().zip(parts(expected)).enumerate() {
        let scale = expected.iter().fold(0.0, |scale, x| f64::max(scale, x.abs()));
        for (k, (got, expected)) in got.iter().zip(&expected).enumerate() {
            // Sums of some hundred terms of about this magnitude.
            assert!((got - expected).abs() <= 1e-13 * scale, "{what:?}: part {part}, {k}: {got} {expected}");
        }
    }
}

const SHAPES: [(usize, usize, usize, usize); 6] =
    [(3, 4, 1, 6), (5, 4, 3, 1), (5, 7, 4, 7), (9, 16, 3, 50), (4, 5, 70, 40), (20, 260, 6, 300)];

#[test]
fn all_combinations_are_the_formulas() {
    let engines: [Engine<'_, f64>; 3] = [matrix_multiply(), Engine::Builtin, Engine::Portable];
    for shape in SHAPES {
        let problem = Problem::new(shape);
        for choice in choices() {
            let expected = formulas(&problem, choice);
            for engine in engines {
                assert_close(&evaluate(&problem, choice, engine, Threads::One), &expected, &(shape, choice));
            }
        }
    }
}

#[test]
fn no_option_changes_no_bit() {
    let problem = Problem { labels: (0..50).map(|i| i % 3).collect(), ..Problem::new((9, 16, 3, 50)) };
    let plain = Choice { smoothing: 0.0, l2: (0.0, 0.0), ..choices()[0] };
    let got = evaluate(&problem, plain, Engine::Builtin, Threads::One);
    let mut ones = problem;
    ones.example_weights.fill(1.0);
    ones.class_weights.fill(1.0);
    let weighted = Choice { class_weights: true, example_weights: true, ..plain };
    assert_eq!(got, evaluate(&ones, weighted, Engine::Builtin, Threads::One));
}

#[test]
fn same_bits_on_threads() {
    let problem = Problem::new((60, 300, 6, 400));
    for choice in choices() {
        let one = evaluate(&problem, choice, Engine::Builtin, Threads::One);
        assert_eq!(one, evaluate(&problem, choice, Engine::Builtin, Threads::Three), "{choice:?}");
    }
}

/// Puts numbers into the examples that are left out that would spoil everything they reach.
fn fill_excluded(problem: &Problem, choice: Choice, value: f64) -> Problem {
    let m = problem.dims.inputs();
    let mut x = problem.x.clone();
    for (i, x) in x.chunks_exact_mut(m).enumerate() {
        let ignored = !choice.targets && problem.labels[i] < 0;
        if ignored || (choice.example_weights && problem.example_weights[i] == 0.0) {
            x[i % m] = value;
        }
    }
    let Problem { theta, labels, targets, example_weights, class_weights, .. } = problem;
    Problem {
        dims: problem.dims,
        n: problem.n,
        theta: theta.clone(),
        x,
        labels: labels.clone(),
        targets: targets.clone(),
        example_weights: example_weights.clone(),
        class_weights: class_weights.clone(),
    }
}

#[test]
fn what_is_left_out_has_no_part() {
    let engines: [Engine<'_, f64>; 3] = [matrix_multiply(), Engine::Builtin, Engine::Portable];
    for shape in SHAPES {
        let problem = Problem::new(shape);
        for choice in choices() {
            let expected = formulas(&problem, choice);
            for value in [f64::NAN, f64::INFINITY, 1e308] {
                let filled = fill_excluded(&problem, choice, value);
                for engine in engines {
                    for threads in [Threads::One, Threads::Three] {
                        let got = evaluate(&filled, choice, engine, threads);
                        assert_close(&got, &expected, &(shape, choice, value));
                    }
                }
            }
        }
    }
}

#[test]
fn nothing_left_is_zero() {
    let mut problem = Problem::new((5, 7, 4, 40));
    problem.labels.fill(-1);
    problem.example_weights.fill(0.0);
    for choice in choices() {
        if choice.targets && !choice.example_weights {
            continue;
        }
        let choice = Choice { l2: (0.0, 0.0), ..choice };
        let got = evaluate(&fill_excluded(&problem, choice, f64::NAN), choice, Engine::Builtin, Threads::One);
        let zeros = |len| vec![0.0; len];
        let (losses, grad, dx) = (zeros(40), zeros(problem.theta.len()), zeros(200));
        assert_eq!(got, Results { losses, grad, dx, ..Results::default() }, "{choice:?}");
    }
}

/// A target of one class keeps all the digits that a label does, where p_y - 1 has none left.
#[test]
fn a_sure_target_is_as_exact_as_a_label() {
    let dims = Dims::new(1, 1, 3).unwrap();
    let theta = [1.0, 0.0, 40.0, 0.0, -1.0, 0.0, 0.0, 0.0]; // scores 40 x, 0, -x
    let (x, label, target) = ([1.0], [0], [1.0, 0.0, 0.0]);
    let x = MatRef::new(&x, 1, 1).unwrap();
    let (mut by_label, mut by_target) = ([0f64; 8], [0f64; 8]);
    let mut scratch = [0.0; 16];
    let params = Params::from_flat(dims, &theta).unwrap();
    let grad = ParamsMut::from_flat(dims, &mut by_label).unwrap();
    let first = Pass::new(params, Batch::new(x, &label).unwrap()).grad(grad).run(&mut scratch).unwrap();
    let grad = ParamsMut::from_flat(dims, &mut by_target).unwrap();
    let batch = Batch::with_targets(x, MatRef::new(&target, 1, 3).unwrap()).unwrap();
    let second = Pass::new(params, batch).grad(grad).run(&mut scratch).unwrap();
    assert!(first > 0.0 && first < 1e-16);
    for (first, second) in by_label.into_iter().chain([first]).zip(by_target.into_iter().chain([second])) {
        assert!((first - second).abs() <= 4.0 * f64::EPSILON * first.abs(), "{first} {second}");
    }
    // And one of almost one class: the rest of it is in the size of the other probabilities.
    let (target, mut expected) = ([1.0, 1e-18, 0.0], [0f64; 3]);
    let grad = ParamsMut::from_flat(dims, &mut by_target).unwrap();
    let batch = Batch::with_targets(x, MatRef::new(&target, 1, 3).unwrap()).unwrap();
    Pass::new(params, batch).grad(grad).run(&mut scratch).unwrap();
    d::shared_loss_grad(&[40.0, 0.0, -1.0], &target, &mut expected).unwrap();
    for (got, expected) in by_target[5..].iter().zip(expected) {
        assert!((got - expected).abs() <= 4.0 * f64::EPSILON * expected.abs(), "{got} {expected}");
    }
}
