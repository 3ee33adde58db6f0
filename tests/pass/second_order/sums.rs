//! The vectors' results by the functions of the derivation: of single examples, and summed as (22) and (35) say.

use super::nets::{First, abs, blocks, diagonal, gauge, gauss_newton, hessian_vector};
use crate::support::Element;
use crate::support::second_order::Vector;
use handgrad::Kink;
use handgrad::derivation as d;
use num_traits::Float;

/// Everything of one example of a vector.
pub struct Single<T> {
    pub f: Vec<T>,
    pub f_tangent: Vec<T>,
    pub g_tangent: Vec<T>,
    pub k: Vec<T>,
    pub trace: T,
    pub along: [T; 3],
    pub loss: T,
    /// Sums over examples are made of these: gradient, H v, Gauss-Newton's, diagonal, (33), (34) and the sides of inputs.
    pub summed: [Vec<T>; 8],
    pub s: f64,
}

fn of<T: Element>(values: &[f64]) -> Vec<T> {
    values.iter().map(|&v| T::of(v)).collect()
}

fn square<T: Float>(values: &[T]) -> Vec<T> {
    let side: Vec<T> = values.iter().copied().chain([T::one()]).collect();
    side.iter().flat_map(|&u| side.iter().map(move |&v| u * v)).collect()
}

pub fn single<T: Element>(vector: &Vector, example: usize) -> Single<T> {
    let (dims, kink) = (vector.dims, Kink::One);
    let (h, c, m) = (dims.hidden(), dims.classes(), dims.inputs());
    let (theta, direction) = (of::<T>(&vector.theta), of::<T>(&vector.direction));
    let x = of::<T>(&vector.x[example * m..][..m]);
    let mut shares = vec![T::nan(); c];
    let (q, weights) = (of::<T>(&vector.target(example)), of::<T>(&vector.class_weights));
    d::target_shares(&q, &weights, T::of(vector.smoothing), &mut shares).unwrap();
    let s = shares.iter().fold(T::zero(), |sum, &share| sum + share);
    let at = First::new(dims, &theta, &x, &shares, kink);
    let along = hessian_vector(dims, &theta, &direction, &x, &at, s, kink);
    let curved = gauss_newton(dims, &theta, &x, &at, &along, kink);
    let v2 = blocks(dims, &direction)[2];
    let curvature = d::directional_curvature(&at.f, s, &at.g, &along.f, v2, &along.a).unwrap();
    let [w1, b1, w2, b2] = diagonal(dims, &theta, &x, &at, s, kink);
    let trace = d::hessian_trace(&b2, &at.a, &b1, &x).unwrap();
    let (mut by_scores, mut by_hidden) = (vec![T::nan(); c * c], vec![T::nan(); h * h]);
    d::score_hessian(&at.f, s, &mut by_scores).unwrap();
    d::hidden_hessian(&at.f, s, &at.z, blocks(dims, &theta)[2], kink, &mut by_hidden).unwrap();
    let diagonal = [w1, b1.clone(), w2, b2].concat();
    let sides = [square(&at.a), square(&x)];
    let [activations, inputs] = sides;
    Single {
        loss: d::shared_loss(&at.f, &shares).unwrap(),
        f_tangent: along.f,
        g_tangent: along.g,
        k: b1,
        trace,
        along: [curvature.slope, curvature.gauss_newton, curvature.hessian],
        summed: [at.grad(&x), along.product, curved, diagonal, by_scores, by_hidden, activations, inputs],
        s: s.value(),
        f: at.f,
    }
}

/// A result, its expected value and the magnitude of its terms.
type Part<'a, T> = (&'static str, Vec<T>, &'a [f64], Vec<f64>);

/// All results of a vector.
pub fn evaluate<T: Element>(vector: &Vector) -> Vec<Part<'_, T>> {
    let expected = &vector.expected;
    let (mut rows, mut row_gauges): ([Vec<T>; 6], [Vec<f64>; 6]) = Default::default();
    let (mut sums, mut gauges): ([Vec<T>; 8], [Vec<f64>; 8]) = Default::default();
    let (mut loss, mut loss_gauge) = (T::zero(), 0.0);
    for i in 0..vector.n {
        let (got, gauge) = (single::<T>(vector, i), magnitudes(vector, i));
        rows[0].extend(got.f_tangent);
        row_gauges[0].extend(&gauge.f_tangent);
        let v = vector.example_weights[i];
        let counts = if v == 0.0 { 0.0 } else { 1.0 };
        let counted = |values: Vec<T>| values.into_iter().map(move |value| T::of(counts) * value);
        rows[1].extend(counted(got.g_tangent));
        rows[2].extend(counted(got.k));
        rows[3].extend(counted(vec![got.trace]));
        rows[4].extend(counted(got.along.to_vec()));
        rows[5].extend(got.f);
        row_gauges[1].extend(&gauge.g_tangent);
        row_gauges[2].extend(&gauge.k);
        row_gauges[3].push(gauge.trace);
        row_gauges[4].extend(gauge.along);
        row_gauges[5].extend(&gauge.f);
        let scale = v / vector.count();
        loss = loss + T::of(scale) * got.loss;
        loss_gauge += scale * gauge.loss;
        for (k, (got, gauge)) in got.summed.into_iter().zip(gauge.summed).enumerate() {
            let factor = if k < 6 { scale } else { counts };
            sums[k].resize(got.len(), T::zero());
            gauges[k].resize(got.len(), 0.0);
            sums[k].iter_mut().zip(got).for_each(|(sum, got)| *sum = *sum + T::of(factor) * got);
            gauges[k].iter_mut().zip(gauge).for_each(|(sum, gauge)| *sum += factor * gauge);
        }
    }
    loss = loss + add_squares(vector, &of(&vector.theta), &of(&vector.direction), &mut sums);
    loss_gauge += add_squares(vector, &abs(&vector.theta), &abs(&vector.direction), &mut gauges);
    let [f_tangents, g_tangents, k, traces, along, f] = rows;
    let [gf_tangents, gg_tangents, gk, gtraces, galong, gf] = row_gauges;
    let names = ["gradient", "H v", "Gauss-Newton v", "diagonal", "(33)", "(34)", "[a; 1]", "[x; 1]"];
    let exact = [
        &expected.grad,
        &expected.hessian_vector,
        &expected.gauss_newton_vector,
        &expected.diagonal,
        &expected.score_side,
        &expected.hidden_side,
        &expected.activation_side,
        &expected.input_side,
    ];
    let mut parts: Vec<Part<'_, T>> = vec![
        ("loss", vec![loss], std::slice::from_ref(&expected.loss), vec![loss_gauge]),
        ("scores", f, &expected.scores, gf),
        ("score tangents", f_tangents, &expected.score_tangents, gf_tangents),
        ("g'", g_tangents, &expected.score_grad_tangents, gg_tangents),
        ("k", k, &expected.hidden_diagonals, gk),
        ("traces", traces, &expected.traces, gtraces),
        ("along", along, &expected.along, galong),
    ];
    for ((name, exact), (got, gauge)) in names.into_iter().zip(exact).zip(sums.into_iter().zip(gauges)) {
        parts.push((name, got, exact, gauge));
    }
    parts
}

/// Those of (24), to the loss, the gradient, the products and the diagonal.
fn add_squares<T: Element>(vector: &Vector, theta: &[T], direction: &[T], sums: &mut [Vec<T>; 8]) -> T {
    let dims = vector.dims;
    let (m, h, c) = (dims.inputs(), dims.hidden(), dims.classes());
    let ranges = [0..h * m, h * m + h..h * m + h + c * h];
    let mut loss = T::zero();
    for (range, alpha) in ranges.into_iter().zip(vector.l2) {
        let alpha = T::of(alpha);
        for i in range {
            loss = loss + alpha * theta[i] * theta[i] * T::of(0.5);
            sums[0][i] = sums[0][i] + alpha * theta[i];
            sums[1][i] = sums[1][i] + alpha * direction[i];
            sums[2][i] = sums[2][i] + alpha * direction[i];
            sums[3][i] = sums[3][i] + alpha;
        }
    }
    loss
}

/// The magnitudes of the terms of all that is in `Single`, of one example.
fn magnitudes(vector: &Vector, example: usize) -> Single<f64> {
    let (dims, kink) = (vector.dims, Kink::One);
    let (h, c, m) = (dims.hidden(), dims.classes(), dims.inputs());
    let got = single::<f64>(vector, example);
    let x = &vector.x[example * m..][..m];
    let mut shares = vec![f64::NAN; c];
    d::target_shares(&vector.target(example), &vector.class_weights, vector.smoothing, &mut shares).unwrap();
    let mut at = First::new(dims, &vector.theta, x, &shares, kink);
    // (21) as its function forms it has a difference of two terms.
    let mut p = vec![f64::NAN; c];
    d::probabilities(&at.f, &mut p).unwrap();
    for k in 0..c {
        at.g[k] = p[k] * (got.s - shares[k]) + shares[k] * (1.0 - p[k]).max(at.g[k].abs());
    }
    let gauge = gauge(dims, &vector.theta, &vector.direction, x, &at, got.s, kink);
    let grad = at.grad_gauge(dims, &vector.theta, x, kink);
    let curved = gauss_newton(dims, &abs(&vector.theta), &abs(x), &at, &gauge, kink);
    let [_, _, _, diagonal, by_scores, mut by_hidden, activations, inputs] = got.summed;
    for i in 0..h * h {
        by_hidden[i] = (got.k[i / h] * got.k[i % h]).sqrt();
    }
    let v = abs(&vector.direction);
    let curvature: f64 = v.iter().zip(&gauge.product).map(|(v, product)| v * product).sum();
    let slope: f64 = v.iter().zip(&grad).map(|(v, grad)| v * grad).sum();
    Single {
        f: abs(&got.f),
        f_tangent: gauge.f,
        g_tangent: gauge.g,
        along: [slope, got.along[1], curvature],
        summed: [
            grad,
            gauge.product,
            curved,
            diagonal,
            abs(&by_scores),
            by_hidden,
            activations,
            abs(&inputs),
        ],
        k: got.k,
        trace: got.trace,
        loss: got.loss,
        s: got.s,
    }
}
