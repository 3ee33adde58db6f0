//! The objective as a function of the last layer alone.

#[cfg(test)]
mod tests;

use digits::net::Objective;
use digits::solvers::{cholesky, cholesky_solve};
use handgrad::Error;

/// A net of which W1 and b1 stay as they are. The scores are linear in what is left, W2 and b2: so the objective is convex
/// and its second derivatives are Gauss-Newton's matrix.
pub struct LastLayer<'a> {
    objective: Objective<'a>,
    /// All parameters, and room for as many derivatives.
    theta: Vec<f64>,
    direction: Vec<f64>,
    derivatives: Vec<f64>,
    /// Where W2 begins.
    start: usize,
}

impl<'a> LastLayer<'a> {
    /// With W1 and b1 of `theta`.
    pub fn new(objective: Objective<'a>, theta: Vec<f64>) -> Self {
        let [w1, b1, ..] = objective.dims().block_lens();
        let zeros = vec![0.0; theta.len()];
        Self { objective, theta, direction: zeros.clone(), derivatives: zeros, start: w1 + b1 }
    }

    /// The number of parameters in W2 and b2.
    pub fn len(&self) -> usize {
        self.theta.len() - self.start
    }

    /// The objective and its gradient at `last`, W2 and b2.
    pub fn loss_and_grad(&mut self, last: &[f64], grad: &mut [f64]) -> Result<f64, Error> {
        self.theta[self.start..].copy_from_slice(last);
        let loss = self.objective.loss_and_grad(&self.theta, &mut self.derivatives)?;
        grad.copy_from_slice(&self.derivatives[self.start..]);
        Ok(loss)
    }

    /// The product of the second derivatives at `last` with a direction.
    pub fn hessian_vector(&mut self, last: &[f64], v: &[f64], product: &mut [f64]) -> Result<(), Error> {
        self.theta[self.start..].copy_from_slice(last);
        // In W1 and b1 it stays 0.
        self.direction[self.start..].copy_from_slice(v);
        self.objective.hessian_vector(&self.theta, &self.direction, &mut self.derivatives)?;
        product.copy_from_slice(&self.derivatives[self.start..]);
        Ok(())
    }
}

/// About the inverse of the second derivatives: of each class W2's row and its bias alone, with the class's share of the
/// factor of the scores in the Kronecker factors. At the beginning, with W2 = 0, that lacks the factor's other elements only.
pub struct Preconditioner {
    /// Of each class the Cholesky factor of its part.
    factors: Vec<Vec<f64>>,
}

impl Preconditioner {
    /// At `last`.
    pub fn new(layer: &mut LastLayer<'_>, last: &[f64]) -> Result<Self, Error> {
        layer.theta[layer.start..].copy_from_slice(last);
        let (of_scores, of_activations) = layer.objective.last_layer_factors(&layer.theta)?;
        let (c, len) = (layer.objective.dims().classes(), layer.objective.dims().hidden() + 1);
        let part = |class: usize| {
            let mut part: Vec<f64> = of_activations.iter().map(|v| v * of_scores[class * (c + 1)]).collect();
            // No L2 of the bias, the last.
            (0..len - 1).for_each(|i| part[i * (len + 1)] += layer.objective.l2()[1]);
            cholesky(&mut part, len);
            part
        };
        Ok(Self { factors: (0..c).map(part).collect() })
    }

    /// The product with `v`, of W2 and b2.
    pub fn apply(&self, v: &[f64]) -> Vec<f64> {
        let (c, mut out) = (self.factors.len(), v.to_vec());
        let (w2, b2) = out.split_at_mut(v.len() - c);
        for ((row, bias), factor) in w2.chunks_exact_mut(v.len() / c - 1).zip(b2).zip(&self.factors) {
            let mut part = [&*row, &[*bias]].concat();
            cholesky_solve(factor, &mut part);
            row.copy_from_slice(&part[..row.len()]);
            *bias = part[row.len()];
        }
        out
    }
}
