//! The oracle: every output of a pass by the plain loops of `handgrad::derivation`, example by example.

use handgrad::derivation as d;
use handgrad::{Kink, Reduction};

use super::{Element, Outputs, Problem};

/// The intermediate results of one example.
#[derive(Clone, Debug)]
pub struct Example<T> {
    pub z: Vec<T>,
    pub a: Vec<T>,
    pub f: Vec<T>,
    pub p: Vec<T>,
    pub g: Vec<T>,
    pub d: Vec<T>,
}

/// The blocks W1, b1, W2, b2.
pub fn blocks<'a, T>(problem: &Problem, theta: &'a [T]) -> [&'a [T]; 4] {
    let (m, h, c) = (problem.dims.inputs(), problem.dims.hidden(), problem.dims.classes());
    let (w1, rest) = theta.split_at(h * m);
    let (b1, rest) = rest.split_at(h);
    let (w2, b2) = rest.split_at(c * h);
    [w1, b1, w2, b2]
}

pub fn example<T: Element>(problem: &Problem, theta: &[T], x: &[T], y: usize, kink: Kink) -> Example<T> {
    let (h, c) = (problem.dims.hidden(), problem.dims.classes());
    let [w1, b1, w2, b2] = blocks(problem, theta);
    let nan = T::nan();
    let (mut z, mut a, mut d) = (vec![nan; h], vec![nan; h], vec![nan; h]);
    let (mut f, mut p, mut g) = (vec![nan; c], vec![nan; c], vec![nan; c]);
    d::preactivations(w1, b1, x, &mut z).unwrap();
    d::activations(&z, &mut a).unwrap();
    d::scores(w2, b2, &a, &mut f).unwrap();
    d::probabilities(&f, &mut p).unwrap();
    d::loss_grad_b2(&f, y, &mut g).unwrap();
    d::loss_grad_b1(&z, w2, &g, kink, &mut d).unwrap();
    Example { z, a, f, p, g, d }
}

/// One example's gradient, flat.
pub fn example_grad<T: Element>(at: &Example<T>, x: &[T]) -> Vec<T> {
    let nan = T::nan();
    let (mut dw1, mut dw2) = (vec![nan; at.d.len() * x.len()], vec![nan; at.g.len() * at.a.len()]);
    d::loss_grad_w1(&at.d, x, &mut dw1).unwrap();
    d::loss_grad_w2(&at.g, &at.a, &mut dw2).unwrap();
    [dw1, at.d.clone(), dw2, at.g.clone()].concat()
}

/// The index of the first NaN, or of the first of the largest.
fn largest<T: Element>(f: &[T]) -> usize {
    let is_largest = |&i: &usize| f.iter().all(|other| f[i] >= *other);
    f.iter().position(|f| f.is_nan()).or_else(|| (0..f.len()).find(is_largest)).unwrap()
}

pub fn evaluate<T: Element>(problem: &Problem, kink: Kink, reduction: Reduction) -> Outputs<T> {
    let Problem { dims, n, ref labels, .. } = *problem;
    let (theta, x) = (problem.theta::<T>(), problem.x::<T>());
    let count = T::of(n as f64);
    let (mut losses, mut scores, mut probabilities, mut log_probabilities, mut predictions) =
        (vec![], vec![], vec![], vec![], vec![]);
    let (mut grads, mut input_grad) = (vec![], vec![]);
    for (x, &y) in x.chunks_exact(dims.inputs()).zip(labels) {
        let at = example(problem, &theta, x, y, kink);
        losses.push(d::loss(&at.f, y).unwrap());
        log_probabilities.extend((0..dims.classes()).map(|j| -d::loss(&at.f, j).unwrap()));
        predictions.push(largest(&at.f));
        grads.extend(example_grad(&at, x));
        let mut dx = vec![T::nan(); dims.inputs()];
        d::input_grad(blocks(problem, &theta)[0], &at.d, &mut dx).unwrap();
        input_grad.extend(dx);
        scores.extend(at.f);
        probabilities.extend(at.p);
    }
    let mut grad = vec![T::nan(); dims.param_len()];
    d::mean_grad(&grads, &mut grad).unwrap();
    let mut loss = vec![d::mean_loss(&losses).unwrap()];
    match reduction {
        Reduction::Sum => loss.iter_mut().chain(&mut grad).for_each(|value| *value = *value * count),
        Reduction::Mean => input_grad.iter_mut().for_each(|value| *value = *value / count),
    }
    Outputs { loss, losses, scores, probabilities, log_probabilities, grad, input_grad, predictions }
}
