//! Against derivatives of the loss at 200 digits, where a class leads by far, too, within the bounds of rounding that the
//! derivation itself has to keep.

use handgrad::curvature::{
    Tangents, backward, diagonal, gauss_newton_vector, hessian_vector, kronecker_factors, scratch_len,
    tangent,
};
use handgrad::{Batch, Engine, MatMut, MatRef, Params, ParamsMut, Pass, Reduction};
use twofloat::TwoFloat;

use super::matrices::factors;
use crate::second_order::sums;
use crate::second_order::{bounds, terms};
use crate::support::second_order::{Divisor, Vector, all};
use crate::support::{Element, assert_within, matrix_multiply};

/// The numbers of a vector in a type.
struct Numbers<'a, T> {
    vector: &'a Vector,
    engine: Engine<'a, T>,
    theta: Vec<T>,
    direction: Vec<T>,
    x: Vec<T>,
    targets: Option<Vec<T>>,
    example_weights: Vec<T>,
    class_weights: Vec<T>,
}

impl<'a, T: Element> Numbers<'a, T> {
    fn new(vector: &'a Vector, engine: Engine<'a, T>) -> Self {
        let of = |numbers: &[f64]| numbers.iter().map(|&x| T::of(x)).collect::<Vec<T>>();
        Self {
            theta: of(&vector.theta),
            direction: of(&vector.direction),
            x: of(&vector.x),
            targets: vector.targets.as_deref().map(of),
            example_weights: of(&vector.example_weights),
            class_weights: of(&vector.class_weights),
            vector,
            engine,
        }
    }

    fn pass(&self) -> Pass<'_, T> {
        let Vector { dims, n, smoothing, l2, divisor, labels, .. } = self.vector;
        let x = MatRef::new(&self.x, *n, dims.inputs()).unwrap();
        let batch = match &self.targets {
            Some(targets) => Batch::with_targets(x, MatRef::new(targets, *n, dims.classes()).unwrap()),
            None => Batch::new(x, labels),
        };
        let pass = Pass::new(Params::from_flat(*dims, &self.theta).unwrap(), batch.unwrap())
            .engine(self.engine)
            .smoothing(T::of(*smoothing))
            .l2(T::of(l2[0]), T::of(l2[1]))
            .example_weights(&self.example_weights)
            .class_weights(&self.class_weights);
        match divisor {
            Divisor::Mean => pass,
            Divisor::Sum => pass.reduction(Reduction::Sum),
            Divisor::Given(count) => pass.divisor(T::of(*count)),
        }
    }

    fn scratch(&self) -> Vec<T> {
        vec![T::nan(); scratch_len(self.vector.dims, self.vector.n, 1)]
    }

    /// All that there is for a vector, by the names that `sums` has for it.
    fn all(&self) -> Vec<(&'static str, Vec<T>)> {
        let (dims, n) = (self.vector.dims, self.vector.n);
        let (len, c) = (dims.param_len(), dims.classes());
        let v = || Params::from_flat(dims, &self.direction).unwrap();
        let [mut grad, mut hv, mut gv, mut diag] = [(); 4].map(|()| vec![T::nan(); len]);
        let [mut traces, mut slopes, mut squares, mut hessian] = [(); 4].map(|()| vec![T::nan(); n]);
        let [mut scores, mut jv] = [(); 2].map(|()| vec![T::nan(); n * c]);
        let out = |data| ParamsMut::from_flat(dims, data).unwrap();
        let pass = self.pass().grad(out(&mut grad)).scores(MatMut::new(&mut scores, n, c).unwrap());
        let loss = hessian_vector(pass, v(), out(&mut hv), &mut self.scratch()).unwrap();
        gauss_newton_vector(self.pass(), v(), out(&mut gv), &mut self.scratch()).unwrap();
        diagonal(self.pass(), out(&mut diag), Some(&mut traces), &mut self.scratch()).unwrap();
        let tangents = Tangents {
            scores: Some(MatMut::new(&mut jv, n, c).unwrap()),
            slopes: Some(&mut slopes),
            gauss_newton: Some(&mut squares),
            hessian: Some(&mut hessian),
        };
        let along = tangent(self.pass(), v(), tangents, &mut self.scratch()).unwrap();
        let single = (0..n).flat_map(|i| [slopes[i], squares[i], hessian[i]]).collect();
        let [inputs, hidden, activations, by_scores] = factors(dims, |out| {
            kronecker_factors(self.pass(), out, &mut self.scratch()).unwrap();
        });
        vec![
            ("loss", vec![loss]),
            ("scores", scores),
            ("score tangents", jv),
            ("traces", traces),
            ("along", single),
            ("gradient", grad),
            ("H v", hv),
            ("Gauss-Newton v", gv),
            ("diagonal", diag),
            ("(33)", by_scores),
            ("(34)", hidden),
            ("[a; 1]", activations),
            ("[x; 1]", inputs),
            ("sums along", vec![along.loss, along.slope, along.gauss_newton, along.hessian]),
        ]
    }
}

/// What a vector has of its v · ∇L, vᵀ of Gauss-Newton v and vᵀ H v, from its gradient and products, and the magnitudes.
fn sums_along(vector: &Vector, gauge: impl Fn(&str) -> Vec<f64>) -> (Vec<f64>, Vec<f64>) {
    let exact = &vector.expected;
    let with_v = |u: &[f64]| u.iter().zip(&vector.direction).map(|(u, v)| u * v).sum::<f64>();
    let magnitude = |u: Vec<f64>| u.iter().zip(&vector.direction).map(|(u, v)| u * v.abs()).sum::<f64>();
    let products = [&exact.grad, &exact.gauss_newton_vector, &exact.hessian_vector].map(|u| with_v(u));
    let gauges = ["gradient", "Gauss-Newton v", "H v"].map(|what| magnitude(gauge(what)));
    ([&[exact.loss], &products[..]].concat(), [&gauge("loss"), &gauges[..]].concat())
}

/// Of single examples the vectors have l, and the crate v l.
fn weighted(vector: &Vector, numbers: &[f64]) -> Vec<f64> {
    let each = numbers.len() / vector.n;
    numbers.iter().enumerate().map(|(i, x)| vector.example_weights[i / each] * x).collect()
}

/// Of a type whose exponentials and divisions are worse than four units, these have their share in the bounds.
fn units<T: Element>(count: f64) -> f64 {
    count * (T::FUN / (4.0 * T::U)).max(1.0)
}

fn check<T: Element>(engine: Engine<'_, T>) {
    let mut worst = 0.0;
    for vector in all() {
        let parts = sums::evaluate::<T>(&vector);
        let find = |what: &str| parts.iter().find(|part| part.0 == what).unwrap();
        // One more: a product with v_i in the place of one with v_i / N, and the parameters' own of v · ∇L.
        let terms = units::<T>(terms(vector.dims) + vector.n as f64);
        for (what, got) in Numbers::new(&vector, engine).all() {
            let (expected, gauge, count) = match what {
                "sums along" => {
                    let (exact, gauge) = sums_along(&vector, |what| find(what).3.clone());
                    (exact, gauge, terms + vector.dims.param_len() as f64)
                }
                "along" | "traces" => {
                    let part = find(what);
                    (weighted(&vector, part.2), weighted(&vector, &part.3), terms)
                }
                _ => (find(what).2.to_vec(), find(what).3.clone(), terms),
            };
            let bound = bounds::<T>(count, &gauge);
            // The expected value is itself rounded once, which shows in a longer type.
            let bound: Vec<f64> = bound.iter().zip(&expected).map(|(b, x)| b + f64::U * x.abs()).collect();
            let got: Vec<f64> = got.iter().map(|got| got.value()).collect();
            let share = assert_within(&format!("{}: {what}", vector.name), &got, &expected, &bound);
            println!("{} {}: {what}: {share:.3} of the bound", std::any::type_name::<T>(), vector.name);
            worst = f64::max(worst, share);
        }
    }
    println!("worst: {worst:.3}");
}

#[test]
fn f64_within_the_bound() {
    check::<f64>(matrix_multiply());
    check::<f64>(Engine::Builtin);
    check::<f64>(Engine::Portable);
    check::<f64>(Engine::Gemm(&Engine::Portable));
}

#[test]
fn f32_within_the_bound() {
    check::<f32>(matrix_multiply());
    check::<f32>(Engine::Builtin);
    check::<f32>(Engine::Portable);
    check::<f32>(Engine::Gemm(&Engine::Portable));
}

/// A type that no instruction set has. In the short ones the vectors' multiples of 1/64 are not exact.
#[test]
fn a_longer_type_within_the_bound() {
    check::<TwoFloat>(Engine::Auto);
}

/// (27), by its way back: Jᵀ G' of the expected rows is the product of Gauss-Newton's matrix.
#[test]
fn rows_of_score_gradients_go_back_to_the_product() {
    fn check<T: Element>() {
        for vector in all() {
            let (dims, n, c) = (vector.dims, vector.n, vector.dims.classes());
            let numbers = Numbers::<T>::new(&vector, Engine::Builtin);
            let scale = |i: usize| vector.example_weights[i / c] / vector.count();
            let rows = vector.expected.score_grad_tangents.iter().enumerate();
            let rows: Vec<T> = rows.map(|(i, g)| T::of(scale(i) * g)).collect();
            let mut got = vec![T::nan(); dims.param_len()];
            let pass = numbers.pass().grad(ParamsMut::from_flat(dims, &mut got).unwrap());
            backward(pass, MatRef::new(&rows, n, c).unwrap(), &mut numbers.scratch()).unwrap();
            let [w1, b1, w2, _] = dims.block_lens();
            for (i, (got, v)) in got.iter_mut().zip(&numbers.direction).enumerate() {
                let alpha = match i {
                    i if i < w1 => vector.l2[0],
                    i if i >= w1 + b1 && i < w1 + b1 + w2 => vector.l2[1],
                    _ => 0.0,
                };
                *got = *got + T::of(alpha) * *v;
            }
            let got: Vec<f64> = got.iter().map(|got| got.value()).collect();
            let parts = sums::evaluate::<T>(&vector);
            let (_, _, expected, gauge) = parts.iter().find(|part| part.0 == "Gauss-Newton v").unwrap();
            assert_within(&vector.name, &got, expected, &bounds::<T>(terms(dims) + n as f64, gauge));
        }
    }
    check::<f64>();
    check::<f32>();
}
