//! Promise: the single examples' gradients are (12) to (15), their norms are (18), and a clipped gradient is the sum of the
//! single ones, each scaled to the norm that it may have, on every engine, in one pass.

use crate::scoped::Scoped;
use crate::support::matrix_multiply;
use handgrad::derivation as d;

use handgrad::{Batch, Dims, Engine, Error, Kink, MatMut, MatRef, Params, ParamsMut, Pass, Reduction, What};

struct Problem {
    dims: Dims,
    n: usize,
    theta: Vec<f64>,
    x: Vec<f64>,
    labels: Vec<i32>,
    weights: Vec<f64>,
}

impl Problem {
    fn new((m, h, c, n): (usize, usize, usize, usize)) -> Self {
        let mut rng = fastrand::Rng::with_seed((m + 10 * h + 100 * c + 1000 * n) as u64);
        let dims = Dims::new(m, h, c).unwrap();
        let mut vec = |len: usize| (0..len).map(|_| rng.f64() - 0.5).collect::<Vec<f64>>();
        let (theta, x) = (vec(dims.param_len()), vec(n * m));
        let labels = (0..n).map(|i| if i % 5 == 4 { -1 } else { (i * 7 % c) as i32 }).collect();
        let weights = (0..n).map(|i| [1.0, 0.25, 3.0][i % 3]).collect();
        Self { dims, n, theta, x, labels, weights }
    }

    /// The gradients v_i grad L_i of the single examples, and their norms by (18).
    fn grads(&self) -> (Vec<Vec<f64>>, Vec<f64>) {
        let (m, h, c) = (self.dims.inputs(), self.dims.hidden(), self.dims.classes());
        let [len_w1, len_b1, len_w2, _] = self.dims.block_lens();
        let (w1, rest) = self.theta.split_at(len_w1);
        let (b1, rest) = rest.split_at(len_b1);
        let (w2, b2) = rest.split_at(len_w2);
        let (mut grads, mut norms) = (Vec::new(), Vec::new());
        for (i, x) in self.x.chunks_exact(m).enumerate() {
            if self.labels[i] < 0 {
                grads.push(vec![0.0; self.theta.len()]);
                norms.push(0.0);
                continue;
            }
            let (mut z, mut a, mut f, mut g) = (vec![0.0; h], vec![0.0; h], vec![0.0; c], vec![0.0; c]);
            d::preactivations(w1, b1, x, &mut z).unwrap();
            d::activations(&z, &mut a).unwrap();
            d::scores(w2, b2, &a, &mut f).unwrap();
            d::loss_grad_b2(&f, self.labels[i] as usize, &mut g).unwrap();
            g.iter_mut().for_each(|g| *g *= self.weights[i]);
            let (mut db1, mut dw1, mut dw2) = (vec![0.0; h], vec![0.0; len_w1], vec![0.0; len_w2]);
            d::loss_grad_b1(&z, w2, &g, Kink::One, &mut db1).unwrap();
            d::loss_grad_w1(&db1, x, &mut dw1).unwrap();
            d::loss_grad_w2(&g, &a, &mut dw2).unwrap();
            norms.push(d::grad_norm_squared(&g, &a, &db1, x).unwrap().sqrt());
            grads.push([dw1, db1, dw2, g].concat());
        }
        (grads, norms)
    }
}

#[derive(Debug, PartialEq)]
struct Results {
    loss: f64,
    norms: Vec<f64>,
    singles: Vec<f64>,
    grad: Vec<f64>,
    dx: Vec<f64>,
    moment: Vec<f64>,
    gram: Vec<f64>,
}

fn evaluate(
    problem: &Problem,
    engine: Engine<'_, f64>,
    clip: Option<f64>,
    column_major: bool,
    threads: bool,
) -> Results {
    let Problem { dims, n, .. } = *problem;
    let m = dims.inputs();
    let x: Vec<f64> = (0..n * m).map(|k| problem.x[k % n * m + k / n]).collect();
    let x = if column_major { MatRef::col_major(&x, n, m) } else { MatRef::new(&problem.x, n, m) }.unwrap();
    let mut got = Results {
        loss: 0.0,
        norms: vec![f64::NAN; n],
        singles: vec![f64::NAN; n * problem.theta.len()],
        grad: vec![f64::NAN; problem.theta.len()],
        dx: vec![f64::NAN; n * m],
        moment: vec![f64::NAN; problem.theta.len()],
        gram: vec![f64::NAN; if n <= FEW { n * n } else { 0 }],
    };
    let batch = Batch::new(x, &problem.labels).unwrap();
    let mut pass = Pass::new(Params::from_flat(dims, &problem.theta).unwrap(), batch)
        .engine(engine)
        .reduction(Reduction::Mean)
        .ignore_label(-1)
        .example_weights(&problem.weights)
        .grad_norms(&mut got.norms)
        .example_grads(MatMut::new(&mut got.singles, n, problem.theta.len()).unwrap())
        .input_grad(MatMut::new(&mut got.dx, n, m).unwrap())
        .second_moment(ParamsMut::from_flat(dims, &mut got.moment).unwrap())
        .grad(ParamsMut::from_flat(dims, &mut got.grad).unwrap());
    pass = clip.into_iter().fold(pass, Pass::clip);
    pass = MatMut::new(&mut got.gram, n, n).into_iter().fold(pass, Pass::gram);
    let mut scratch = vec![f64::NAN; dims.scratch_len(n)];
    got.loss =
        if threads { pass.executor(&Scoped(3)).run(&mut scratch) } else { pass.run(&mut scratch) }.unwrap();
    got
}

fn assert_close(what: &str, got: &[f64], expected: &[f64]) {
    let scale = expected.iter().fold(0.0, |scale, x| f64::max(scale, x.abs()));
    for (k, (got, expected)) in got.iter().zip(expected).enumerate() {
        // Sums of some hundred terms of about this magnitude.
        assert!((got - expected).abs() <= 1e-13 * scale, "{what} {k}: {got} {expected}");
    }
}

/// Inner products are wanted of up to so many.
const FEW: usize = 500;

/// The last one has more than one chunk.
const SHAPES: [(usize, usize, usize, usize); 7] = [
    (3, 4, 2, 6),
    (5, 4, 3, 1),
    (70, 130, 4, 7),
    (9, 16, 3, 50),
    (4, 5, 70, 40),
    (20, 260, 6, 300),
    (2, 3, 2, 2500),
];

#[test]
#[cfg_attr(handgrad_small_limits, ignore = "asks for the gram of more than a chunk")]
fn norms_and_clipped_gradients_are_the_formulas() {
    for shape in SHAPES {
        let problem = Problem::new(shape);
        let (grads, norms) = problem.grads();
        let total: f64 = (0..problem.n).filter(|&i| problem.labels[i] >= 0).map(|i| problem.weights[i]).sum();
        let mut sorted = norms.clone();
        sorted.sort_by(f64::total_cmp);
        // Some are clipped and some are not; all; none.
        for clip in
            [Some(sorted[problem.n / 2]), Some(0.0), Some(1e-3 * sorted[problem.n - 1]), Some(1e9), None]
        {
            let count = |norm: f64| clip.map_or(1.0, |clip| if norm > clip { clip / norm } else { 1.0 });
            let expected: Vec<f64> = (0..problem.theta.len())
                .map(|k| (0..problem.n).map(|i| count(norms[i]) * grads[i][k]).sum::<f64>() / total)
                .collect();
            // What is added up: v_i grad L_i, clipped.
            let clipped: Vec<Vec<f64>> = grads
                .iter()
                .zip(&norms)
                .map(|(grad, &norm)| grad.iter().map(|g| g * count(norm)).collect())
                .collect();
            let moment: Vec<f64> = (0..problem.theta.len())
                .map(|k| clipped.iter().map(|grad| grad[k] * grad[k]).sum())
                .collect();
            let dot = |u: &[f64], v: &[f64]| u.iter().zip(v).map(|(u, v)| u * v).sum::<f64>();
            let few = if problem.n <= FEW { &clipped[..] } else { &[] };
            let gram: Vec<f64> = few.iter().flat_map(|u| few.iter().map(|v| dot(u, v))).collect();
            let engines: [Engine<'_, f64>; 3] = [matrix_multiply(), Engine::Builtin, Engine::Portable];
            for engine in engines {
                for column_major in [false, true] {
                    let got = evaluate(&problem, engine, clip, column_major, false);
                    assert_close("norm", &got.norms, &norms);
                    assert_close("single gradient", &got.singles, &grads.concat());
                    assert_close("gradient", &got.grad, &expected);
                    assert_close("second moment", &got.moment, &moment);
                    assert_close("Gram matrix", &got.gram, &gram);
                }
            }
        }
    }
}

#[test]
#[cfg_attr(handgrad_small_limits, ignore = "asks for the gram of more than a chunk")]
fn loss_and_input_gradient_are_not_clipped() {
    for shape in SHAPES {
        let problem = Problem::new(shape);
        let engines: [Engine<'_, f64>; 3] = [matrix_multiply(), Engine::Builtin, Engine::Portable];
        for engine in engines {
            let [plain, clipped] =
                [None, Some(1e-6)].map(|clip| evaluate(&problem, engine, clip, false, false));
            assert_eq!((plain.loss, plain.dx), (clipped.loss, clipped.dx));
            assert_eq!((plain.norms, plain.singles), (clipped.norms, clipped.singles));
        }
    }
}

#[test]
#[cfg_attr(handgrad_small_limits, ignore = "asks for the gram of more than a chunk")]
fn same_bits_on_threads() {
    let problem = Problem::new((60, 300, 6, 400));
    let [one, three] =
        [false, true].map(|threads| evaluate(&problem, Engine::Builtin, Some(0.1), false, threads));
    assert_eq!(one, three);
}

/// Clipping does not hide what is not a number.
#[test]
#[cfg_attr(handgrad_small_limits, ignore = "asks for the gram of more than a chunk")]
fn nan_stays() {
    let mut problem = Problem::new((9, 16, 3, 50));
    problem.x[9] = f64::NAN;
    let engines: [Engine<'_, f64>; 3] = [matrix_multiply(), Engine::Builtin, Engine::Portable];
    for engine in engines {
        let got = evaluate(&problem, engine, Some(1.0), false, false);
        assert!(got.norms[1].is_nan() && got.norms[0].is_finite() && got.norms[2].is_finite());
        assert!(got.loss.is_nan() && got.grad[got.grad.len() - 1].is_nan());
    }
}

#[test]
#[cfg_attr(handgrad_small_limits, ignore = "asks for the gram of more than a chunk")]
fn what_is_left_out_has_no_part() {
    for shape in SHAPES {
        let mut problem = Problem::new(shape);
        let engines: [Engine<'_, f64>; 3] = [matrix_multiply(), Engine::Builtin, Engine::Portable];
        let clean = engines.map(|engine| evaluate(&problem, engine, Some(0.1), false, false));
        let m = problem.dims.inputs();
        for (i, x) in problem.x.chunks_exact_mut(m).enumerate().filter(|(i, _)| problem.labels[*i] < 0) {
            x[i % m] = f64::NAN;
        }
        for (engine, clean) in engines.into_iter().zip(clean) {
            let got = evaluate(&problem, engine, Some(0.1), false, false);
            for (got, clean) in [
                (vec![got.loss], vec![clean.loss]),
                (got.norms, clean.norms),
                (got.singles, clean.singles),
                (got.grad, clean.grad),
                (got.dx, clean.dx),
                (got.moment, clean.moment),
                (got.gram, clean.gram),
            ] {
                assert_close("left out", &got, &clean);
            }
        }
    }
}

#[test]
fn outputs_of_the_wrong_size_are_refused() {
    let problem = Problem::new((3, 4, 2, 6));
    let (dims, n) = (problem.dims, problem.n);
    let (params, len) = (Params::from_flat(dims, &problem.theta).unwrap(), dims.param_len());
    let batch = Batch::new(MatRef::new(&problem.x, n, 3).unwrap(), &problem.labels).unwrap();
    let pass = || Pass::new(params, batch).ignore_label(-1);
    let (mut out, mut scratch) = (vec![7.0; n * (len + 1)], vec![0.0; dims.scratch_len(n)]);
    let shape = |what, expected, got| Error::Shape { what, expected, got };
    let got = pass().grad_norms(&mut out[..n + 1]).run(&mut scratch).unwrap_err();
    assert_eq!(got, Error::Length { what: What::GradNorms, expected: n, got: n + 1 });
    let view = MatMut::new(&mut out, n, len + 1).unwrap();
    let got = pass().example_grads(view).run(&mut scratch).unwrap_err();
    assert_eq!(got, shape(What::ExampleGradients, (n, len), (n, len + 1)));
    let view = MatMut::new(&mut out[..n], n, 1).unwrap();
    assert_eq!(pass().gram(view).run(&mut scratch).unwrap_err(), shape(What::Gram, (n, n), (n, 1)));
    let other = Dims::new(3, 4, 1).unwrap();
    let moment = ParamsMut::from_flat(other, &mut out[..other.param_len()]).unwrap();
    let got = pass().second_moment(moment).run(&mut scratch).unwrap_err();
    assert_eq!(got, Error::Dims { what: What::SecondMoment, expected: (3, 4, 2), got: (3, 4, 1) });
    let got = pass().clip(-1.0).run(&mut scratch).unwrap_err();
    assert_eq!(got, Error::Value { what: What::Clip, index: 0, got: -1.0 });
    // More pairs than a chunk has.
    let n = dims.chunk_len(usize::MAX) + 1;
    let (x, labels) = (vec![0.0; n * 3], vec![0; n]);
    let (mut gram, mut scratch) = (vec![7.0; n * n], vec![0.0; dims.scratch_len(n)]);
    let batch = Batch::new(MatRef::new(&x, n, 3).unwrap(), &labels).unwrap();
    let view = MatMut::new(&mut gram, n, n).unwrap();
    let got = Pass::new(params, batch).gram(view).run(&mut scratch).unwrap_err();
    assert_eq!(got, Error::Length { what: What::Examples, expected: n - 1, got: n });
    assert!(out.iter().chain(&gram).all(|&x| x == 7.0));
    let unlabelled = Pass::new(params, Batch::unlabelled(MatRef::new(&problem.x, 6, 3).unwrap()));
    let got = unlabelled.grad_norms(&mut out[..6]).infer(&mut scratch).unwrap_err();
    assert_eq!(got, Error::Unlabelled { what: What::GradNorms });
}
