//! Solvers that know nothing of nets: conjugate gradients for linear systems, L-BFGS for minima.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

/// The inner product.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The Euclidean length.
pub fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// y + factor x, in the place of y.
fn add(y: &mut [f64], factor: f64, x: &[f64]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += factor * x);
}

/// What conjugate gradients have found.
pub struct Solved {
    /// One for each right-hand side.
    pub solutions: Vec<Vec<f64>>,
    /// So many products of the matrix with a vector were needed.
    pub products: usize,
}

/// Solves A x = b for several b at once, A symmetric and positive semidefinite (then each b must be in its
/// range), until each residual is shorter than `tolerance` times its b.
///
/// `precondition` is the product with about the inverse of A, symmetric and positive definite. `product` writes the products
/// with those directions whose numbers it is given; the system of each may have a matrix of its own.
pub fn conjugate_gradients<E>(
    right_sides: &[Vec<f64>],
    precondition: impl Fn(&[f64]) -> Vec<f64>,
    tolerance: f64,
    most: usize,
    mut product: impl FnMut(&[usize], &[Vec<f64>], &mut [Vec<f64>]) -> Result<(), E>,
) -> Result<Solved, E> {
    let zeros = || right_sides.iter().map(|b| vec![0.0; b.len()]).collect::<Vec<_>>();
    let (mut solutions, mut products, mut residuals) = (zeros(), zeros(), right_sides.to_vec());
    let mut directions: Vec<Vec<f64>> = residuals.iter().map(|r| precondition(r)).collect();
    let mut squares: Vec<f64> = residuals.iter().zip(&directions).map(|(r, z)| dot(r, z)).collect();
    let goals: Vec<f64> = right_sides.iter().map(|b| tolerance * norm(b)).collect();
    let mut active: Vec<usize> = (0..right_sides.len()).filter(|&k| norm(&right_sides[k]) > 0.0).collect();
    let mut largest = vec![0.0f64; right_sides.len()];
    let mut count = 0;
    for _ in 0..most {
        if active.is_empty() {
            break;
        }
        product(&active, &directions, &mut products)?;
        count += active.len();
        active.retain(|&k| {
            let curvature = dot(&directions[k], &products[k]);
            let ratio = curvature / dot(&directions[k], &directions[k]);
            largest[k] = largest[k].max(ratio);
            // A direction in which A is 0 but for rounding: what can be solved is.
            if ratio.is_nan() || ratio <= 1e-14 * largest[k] {
                return false;
            }
            let step = squares[k] / curvature;
            add(&mut solutions[k], step, &directions[k]);
            add(&mut residuals[k], -step, &products[k]);
            let z = precondition(&residuals[k]);
            let square = dot(&residuals[k], &z);
            let keep = square / squares[k];
            directions[k].iter_mut().zip(&z).for_each(|(p, z)| *p = z + keep * *p);
            squares[k] = square;
            norm(&residuals[k]) > goals[k]
        });
    }
    Ok(Solved { solutions, products: count })
}

/// The factor L of A = L Lᵀ, of a symmetric positive definite matrix of `len` rows, in its place: what is above the diagonal
/// stays.
pub fn cholesky(matrix: &mut [f64], len: usize) {
    for i in 0..len {
        for j in 0..=i {
            let (above, row) = matrix.split_at_mut(i * len);
            let known = if i == j { &row[..j] } else { &above[j * len..j * len + j] };
            let rest = row[j] - dot(&row[..j], known);
            row[j] = if i == j { rest.sqrt() } else { rest / above[j * len + j] };
        }
    }
}

/// Solves L Lᵀ x = b, in the place of b.
pub fn cholesky_solve(factor: &[f64], b: &mut [f64]) {
    let len = b.len();
    for i in 0..len {
        let row = &factor[i * len..=i * len + i];
        b[i] = (b[i] - dot(&row[..i], &b[..i])) / row[i];
    }
    for i in (0..len).rev() {
        let row = &factor[i * len..=i * len + i];
        b[i] /= row[i];
        let value = b[i];
        add(&mut b[..i], -value, &row[..i]);
    }
}

/// A point, with the function's value and gradient there.
#[derive(Clone)]
pub struct Point {
    /// Where it is.
    pub x: Vec<f64>,
    /// The value.
    pub value: f64,
    /// The gradient.
    pub grad: Vec<f64>,
}

impl Point {
    /// Evaluates the function, which writes its gradient.
    pub fn new<E>(
        x: Vec<f64>,
        function: &mut impl FnMut(&[f64], &mut [f64]) -> Result<f64, E>,
    ) -> Result<Self, E> {
        let mut grad = vec![0.0; x.len()];
        let value = function(&x, &mut grad)?;
        Ok(Self { x, value, grad })
    }
}

/// A point along `direction` that is lower and where the slope is flatter (the weak conditions of Wolfe), by doubling
/// and halving the step from 1. `None` if there is none down to rounding, as in the corner of a kink.
pub fn line_search<E>(
    from: &Point,
    direction: &[f64],
    function: &mut impl FnMut(&[f64], &mut [f64]) -> Result<f64, E>,
) -> Result<Option<Point>, E> {
    const MOST: usize = 40;
    let slope = dot(&from.grad, direction);
    if slope.is_nan() || slope >= 0.0 {
        return Ok(None);
    }
    let (mut low, mut high, mut step) = (0.0, f64::INFINITY, 1.0);
    for _ in 0..MOST {
        let mut x = from.x.clone();
        add(&mut x, step, direction);
        let point = Point::new(x, function)?;
        // Near the minimum values differ by less than their rounding.
        let allowed = from.value + 1e-4 * step * slope + 1e-15 * from.value.abs();
        if point.value.is_nan() || point.value > allowed {
            high = step;
        } else if dot(&point.grad, direction) < 0.9 * slope {
            low = step;
        } else {
            return Ok(Some(point));
        }
        step = if high.is_finite() { (low + high) / 2.0 } else { 2.0 * low };
    }
    Ok(None)
}

/// Minimises a function by L-BFGS until its gradient is shorter than `tolerance`, or nothing lower is found, or a
/// hundred steps have taken off no more than `least` of the value. (In the corner of a kink no gradient is short.)
pub fn lbfgs<E>(
    x: Vec<f64>,
    tolerance: f64,
    least: f64,
    mut function: impl FnMut(&[f64], &mut [f64]) -> Result<f64, E>,
) -> Result<Point, E> {
    const MEMORY: usize = 20;
    let mut pairs: VecDeque<(Vec<f64>, Vec<f64>)> = VecDeque::new();
    let mut point = Point::new(x, &mut function)?;
    let mut milestone = point.value;
    for step in 0.. {
        if norm(&point.grad) <= tolerance {
            break;
        }
        if step % 100 == 99 {
            if milestone - point.value <= least * milestone {
                break;
            }
            milestone = point.value;
        }
        let direction = quasi_newton(&point.grad, &pairs);
        let Some(next) = line_search(&point, &direction, &mut function)? else {
            if pairs.is_empty() {
                break;
            }
            pairs.clear();
            continue;
        };
        let difference = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<f64>>();
        let (step, change) = (difference(&next.x, &point.x), difference(&next.grad, &point.grad));
        if dot(&step, &change) > 0.0 {
            pairs.truncate(MEMORY - 1);
            pairs.push_front((step, change));
        }
        point = next;
    }
    Ok(point)
}

/// Minus the inverse of the second derivatives that the pairs (step, change of the gradient), the newest first, tell of,
/// times the gradient.
fn quasi_newton(grad: &[f64], pairs: &VecDeque<(Vec<f64>, Vec<f64>)>) -> Vec<f64> {
    let mut q: Vec<f64> = grad.iter().map(|g| -g).collect();
    let shares: Vec<f64> = pairs
        .iter()
        .map(|(step, change)| {
            let share = dot(step, &q) / dot(step, change);
            add(&mut q, -share, change);
            share
        })
        .collect();
    let size = pairs.front().map_or(1.0 / norm(grad).max(1.0), |(s, y)| dot(s, y) / dot(y, y));
    q.iter_mut().for_each(|q| *q *= size);
    for ((step, change), share) in pairs.iter().zip(&shares).rev() {
        let other = dot(change, &q) / dot(step, change);
        add(&mut q, share - other, step);
    }
    q
}
