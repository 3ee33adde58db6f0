//! One example's second derivatives, put together from the functions of the derivation, and the magnitudes of their terms.

use handgrad::derivation as d;
use handgrad::gradcheck::Dual;
use handgrad::{Dims, Kink};
use num_traits::Float;

/// The blocks W1, b1, W2, b2.
pub fn blocks<T>(dims: Dims, theta: &[T]) -> [&[T]; 4] {
    let (m, h, c) = (dims.inputs(), dims.hidden(), dims.classes());
    let (w1, rest) = theta.split_at(h * m);
    let (b1, rest) = rest.split_at(h);
    let (w2, b2) = rest.split_at(c * h);
    [w1, b1, w2, b2]
}

pub fn unit(len: usize, i: usize) -> Vec<f64> {
    (0..len).map(|k| if k == i { 1.0 } else { 0.0 }).collect()
}

pub fn split(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| f64::from(v)).collect()
}

pub fn abs(values: &[f64]) -> Vec<f64> {
    values.iter().map(|v| v.abs()).collect()
}

/// The first order of one example.
pub struct First<T> {
    pub z: Vec<T>,
    pub a: Vec<T>,
    pub f: Vec<T>,
    pub g: Vec<T>,
    pub d: Vec<T>,
}

impl<T: Float> First<T> {
    pub fn new(dims: Dims, theta: &[T], x: &[T], shares: &[T], kink: Kink) -> Self {
        let mut first = Self::forward(dims, theta, x);
        d::shared_loss_grad(&first.f, shares, &mut first.g).unwrap();
        d::loss_grad_b1(&first.z, blocks(dims, theta)[2], &first.g, kink, &mut first.d).unwrap();
        first
    }

    fn forward(dims: Dims, theta: &[T], x: &[T]) -> Self {
        let [w1, b1, w2, b2] = blocks(dims, theta);
        let (h, c) = (vec![T::nan(); dims.hidden()], vec![T::nan(); dims.classes()]);
        let mut first = Self { z: h.clone(), a: h.clone(), f: c.clone(), g: c, d: h };
        d::preactivations(w1, b1, x, &mut first.z).unwrap();
        d::activations(&first.z, &mut first.a).unwrap();
        d::scores(w2, b2, &first.a, &mut first.f).unwrap();
        first
    }

    pub fn grad(&self, x: &[T]) -> Vec<T> {
        let (mut w1, mut w2) =
            (vec![T::nan(); self.d.len() * x.len()], vec![T::nan(); self.g.len() * self.a.len()]);
        d::loss_grad_w1(&self.d, x, &mut w1).unwrap();
        d::loss_grad_w2(&self.g, &self.a, &mut w2).unwrap();
        [w1, self.d.clone(), w2, self.g.clone()].concat()
    }
}

impl First<f64> {
    /// The magnitudes of the gradient's terms.
    pub fn grad_gauge(&self, dims: Dims, theta: &[f64], x: &[f64], kink: Kink) -> Vec<f64> {
        let (g, w2) = (abs(&self.g), abs(blocks(dims, theta)[2]));
        let mut d = vec![f64::NAN; self.d.len()];
        d::loss_grad_b1(&self.z, &w2, &g, kink, &mut d).unwrap();
        First { z: vec![], a: self.a.clone(), f: vec![], g, d }.grad(&abs(x))
    }
}

impl First<Dual<f64>> {
    /// The same with derivatives. With `Kink::Zero` units at 0 stay there, and s p - a of (21) is differentiated as it
    /// stands: products that keep digits of its value do not keep those of its derivative.
    pub fn of_duals(
        dims: Dims,
        theta: &[Dual<f64>],
        x: &[Dual<f64>],
        at: &First<f64>,
        s: f64,
        kink: Kink,
    ) -> Self {
        let [_, _, w2, b2] = blocks(dims, theta);
        let mut first = Self::forward(dims, theta, x);
        for (a, z) in first.a.iter_mut().zip(&at.z) {
            a.du = if kink == Kink::Zero && *z == 0.0 { 0.0 } else { a.du };
        }
        d::scores(w2, b2, &first.a, &mut first.f).unwrap();
        d::probabilities(&first.f, &mut first.g).unwrap();
        for (g, at) in first.g.iter_mut().zip(&at.g) {
            *g = Dual::new(*at, s * g.du);
        }
        d::loss_grad_b1(&first.z, w2, &first.g, kink, &mut first.d).unwrap();
        first
    }
}

/// The tangents of one example and H v.
pub struct Second<T> {
    pub a: Vec<T>,
    pub f: Vec<T>,
    pub g: Vec<T>,
    pub d: Vec<T>,
    pub product: Vec<T>,
}

pub fn hessian_vector<T: Float>(
    dims: Dims,
    theta: &[T],
    direction: &[T],
    x: &[T],
    at: &First<T>,
    s: T,
    kink: Kink,
) -> Second<T> {
    let w2 = blocks(dims, theta)[2];
    let (a, f) = tangents(dims, w2, direction, x, at, kink);
    let mut g = vec![T::nan(); f.len()];
    d::score_grad_tangent(&at.f, s, &f, &mut g).unwrap();
    backward(dims, w2, direction, x, at, [a, f, g], kink)
}

/// (25) and (26).
fn tangents<T: Float>(
    dims: Dims,
    w2: &[T],
    direction: &[T],
    x: &[T],
    at: &First<T>,
    kink: Kink,
) -> (Vec<T>, Vec<T>) {
    let [v1, v1_bias, v2, v2_bias] = blocks(dims, direction);
    let (mut a, mut f) = (vec![T::nan(); dims.hidden()], vec![T::nan(); dims.classes()]);
    d::hidden_tangent(v1, v1_bias, x, &at.z, kink, &mut a).unwrap();
    d::score_tangent(w2, v2, v2_bias, &at.a, &a, &mut f).unwrap();
    (a, f)
}

/// (28) and (29).
fn backward<T: Float>(
    dims: Dims,
    w2: &[T],
    direction: &[T],
    x: &[T],
    at: &First<T>,
    [a, f, g]: [Vec<T>; 3],
    kink: Kink,
) -> Second<T> {
    let (m, h, c) = (dims.inputs(), dims.hidden(), dims.classes());
    let (mut d, mut dw1, mut dw2) = (vec![T::nan(); h], vec![T::nan(); h * m], vec![T::nan(); c * h]);
    let v2 = blocks(dims, direction)[2];
    d::hidden_grad_tangent(&at.z, w2, v2, &at.g, &g, kink, &mut d).unwrap();
    d::loss_grad_w1(&d, x, &mut dw1).unwrap();
    d::hessian_vector_w2(&at.g, &at.a, &g, &a, &mut dw2).unwrap();
    let product = [dw1, d.clone(), dw2, g.clone()].concat();
    Second { a, f, g, d, product }
}

/// Gauss-Newton times the direction: the gradient's functions with g' in the place of g.
pub fn gauss_newton<T: Float>(
    dims: Dims,
    theta: &[T],
    x: &[T],
    at: &First<T>,
    along: &Second<T>,
    kink: Kink,
) -> Vec<T> {
    let mut d = vec![T::nan(); dims.hidden()];
    d::loss_grad_b1(&at.z, blocks(dims, theta)[2], &along.g, kink, &mut d).unwrap();
    First { z: vec![], a: at.a.clone(), f: vec![], g: along.g.clone(), d }.grad(x)
}

/// The magnitudes of the terms of g', seen from the leader.
pub fn score_grad_gauge(f: &[f64], s: f64, tangent_gauge: &[f64]) -> Vec<f64> {
    let mut p = vec![f64::NAN; f.len()];
    d::probabilities(f, &mut p).unwrap();
    let lead = (0..f.len()).find(|&j| f.iter().all(|other| f[j] >= *other)).unwrap();
    let from_lead =
        |j: usize| if j == lead { 0.0 } else { tangent_gauge[j].abs() + tangent_gauge[lead].abs() };
    let mean: f64 = (0..f.len()).map(|j| p[j] * from_lead(j)).sum();
    (0..f.len()).map(|j| s * p[j] * (from_lead(j) + mean)).collect()
}

/// The magnitudes of all terms of `hessian_vector`.
pub fn gauge(
    dims: Dims,
    theta: &[f64],
    direction: &[f64],
    x: &[f64],
    at: &First<f64>,
    s: f64,
    kink: Kink,
) -> Second<f64> {
    let (w2, direction, x) = (abs(blocks(dims, theta)[2]), abs(direction), abs(x));
    let (a, f) = tangents(dims, &w2, &direction, &x, at, kink);
    let g = score_grad_gauge(&at.f, s, &f);
    let at = First { z: at.z.clone(), a: at.a.clone(), f: vec![], g: abs(&at.g), d: vec![] };
    backward(dims, &w2, &direction, &x, &at, [a, f, g], kink)
}

/// (31) and (32), in blocks.
pub fn diagonal<T: Float>(dims: Dims, theta: &[T], x: &[T], at: &First<T>, s: T, kink: Kink) -> [Vec<T>; 4] {
    let (m, h, c) = (dims.inputs(), dims.hidden(), dims.classes());
    let (mut b2, mut w2) = (vec![T::nan(); c], vec![T::nan(); c * h]);
    let (mut b1, mut w1) = (vec![T::nan(); h], vec![T::nan(); h * m]);
    d::diagonal_b2(&at.f, s, &mut b2).unwrap();
    d::diagonal_w2(&b2, &at.a, &mut w2).unwrap();
    d::hidden_diagonal(&at.f, s, &at.z, blocks(dims, theta)[2], kink, &mut b1).unwrap();
    d::diagonal_w1(&b1, x, &mut w1).unwrap();
    [w1, b1, w2, b2]
}
