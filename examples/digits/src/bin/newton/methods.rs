//! Two ways to the minimum, and what they cost.

use std::time::Instant;

use digits::solvers::{Point, conjugate_gradients, lbfgs, line_search, norm};
use handgrad::Error;

use crate::last_layer::{LastLayer, Preconditioner};

/// How far a method is, and what it has cost so far.
#[derive(Clone, Copy)]
pub struct Mark {
    /// Steps of Newton's method, or 0.
    pub steps: usize,
    /// Of the objective and its gradient.
    pub evaluations: usize,
    /// Of the second derivatives with a direction.
    pub products: usize,
    pub seconds: f64,
    /// The length of the gradient.
    pub gradient: f64,
}

/// Newton's method from 0: each step solves H d = -gradient by conjugate gradients, which need products with H alone. Ends when
/// the gradient is shorter than `tolerance`, or no step leads lower. A mark for each step, and one before the first.
pub fn newton(layer: &mut LastLayer<'_>, tolerance: f64) -> Result<Vec<Mark>, Error> {
    const MOST_STEPS: usize = 30;
    let begin = Instant::now();
    let (mut evaluations, mut products) = (0, 0);
    let evaluate = |layer: &mut LastLayer<'_>, x: &[f64], grad: &mut [f64], count: &mut usize| {
        *count += 1;
        layer.loss_and_grad(x, grad)
    };
    let start = vec![0.0; layer.len()];
    let mut point =
        Point::new(start, &mut |x: &[f64], grad: &mut [f64]| evaluate(layer, x, grad, &mut evaluations))?;
    let mut marks = Vec::new();
    loop {
        let (steps, seconds, gradient) = (marks.len(), begin.elapsed().as_secs_f64(), norm(&point.grad));
        marks.push(Mark { steps, evaluations, products, seconds, gradient });
        if gradient <= tolerance || steps == MOST_STEPS {
            break;
        }
        let preconditioner = Preconditioner::new(layer, &point.x)?;
        // The factors cost a pass without the way back.
        evaluations += 1;
        let downhill: Vec<f64> = point.grad.iter().map(|g| -g).collect();
        // Far away a rough step is as good as an exact one. Near the minimum an exact one's error would be about the square
        // of the one before; beyond that precision is wasted.
        let precision = gradient.clamp(1e-4, 0.1);
        let apply = |v: &[f64]| preconditioner.apply(v);
        let solved = conjugate_gradients(&[downhill], apply, precision, 1000, |_, v, product| {
            layer.hessian_vector(&point.x, &v[0], &mut product[0])
        })?;
        products += solved.products;
        let next = line_search(&point, &solved.solutions[0], &mut |x: &[f64], grad: &mut [f64]| {
            evaluate(layer, x, grad, &mut evaluations)
        })?;
        let Some(next) = next else { break };
        point = next;
    }
    Ok(marks)
}

/// L-BFGS from 0. A mark for each evaluation.
pub fn quasi_newton(layer: &mut LastLayer<'_>, tolerance: f64) -> Result<Vec<Mark>, Error> {
    let begin = Instant::now();
    let mut marks = Vec::new();
    lbfgs(vec![0.0; layer.len()], tolerance, 0.0, |x, grad| {
        let value = layer.loss_and_grad(x, grad)?;
        let (evaluations, seconds) = (marks.len() + 1, begin.elapsed().as_secs_f64());
        marks.push(Mark { steps: 0, evaluations, products: 0, seconds, gradient: norm(grad) });
        Ok::<_, Error>(value)
    })?;
    Ok(marks)
}
