//! No peer but a yardstick: the five matrix products of a loss and gradient as calls of matrixmultiply, one after the
//! other on one thread or on its own threads, and nothing else.

#![expect(unsafe_code, reason = "matrixmultiply takes raw pointers")]

use anyhow::{Result, bail};

use super::Peer;
use crate::problem::{Answer, Problem, Real, Shape};

/// An element type that matrixmultiply has.
pub trait Product: Sized {
    /// C = A B for A (m × k) and B (k × n), with row and column strides, and C row by row.
    fn product(a: Factor<'_, Self>, b: Factor<'_, Self>, c: &mut [Self]);
}

/// A matrix in memory: rows × cols, each element at row * strides.0 + col * strides.1.
pub struct Factor<'a, T> {
    values: &'a [T],
    rows: usize,
    cols: usize,
    strides: (usize, usize),
}

impl<'a, T> Factor<'a, T> {
    /// Row by row.
    fn new(values: &'a [T], rows: usize, cols: usize) -> Self {
        assert_eq!(values.len(), rows * cols, "a matrix of another size");
        Self { values, rows, cols, strides: (cols, 1) }
    }

    fn t(self) -> Self {
        Self { rows: self.cols, cols: self.rows, strides: (self.strides.1, self.strides.0), ..self }
    }
}

// One body for both types: matrixmultiply has a function for each.
macro_rules! product {
    ($t:ty, $gemm:path) => {
        impl Product for $t {
            fn product(a: Factor<'_, $t>, b: Factor<'_, $t>, c: &mut [$t]) {
                let (m, k, n) = (a.rows, a.cols, b.cols);
                assert!(b.rows == k && c.len() == m * n, "factors that do not fit");
                let [rsa, csa, rsb, csb, rsc] =
                    [a.strides.0, a.strides.1, b.strides.0, b.strides.1, n].map(|stride| stride as isize);
                let (pa, pb, pc) = (a.values.as_ptr(), b.values.as_ptr(), c.as_mut_ptr());
                // SAFETY: A is m × k, B is k × n and C is m × n, as has just been checked. A and B have as many values as
                // elements, with the strides of a matrix that lies row by row or is the transpose of one, so that all
                // elements lie in them; C lies row by row, and is borrowed mutably while A and B are borrowed.
                unsafe { $gemm(m, k, n, 1.0, pa, rsa, csa, pb, rsb, csb, 0.0, pc, rsc, 1) };
            }
        }
    };
}

product!(f32, matrixmultiply::sgemm);
product!(f64, matrixmultiply::dgemm);

pub struct Five<T> {
    problem: Problem<T>,
    a: Vec<T>,
    f: Vec<T>,
    d: Vec<T>,
    dw1: Vec<T>,
    dw2: Vec<T>,
}

impl<T: Real> Five<T> {
    pub fn new(problem: Problem<T>) -> Self {
        let Shape { m, h, c, n } = problem.shape;
        let new = |len| vec![T::zero(); len];
        Self { problem, a: new(n * h), f: new(n * c), d: new(n * h), dw1: new(h * m), dw2: new(c * h) }
    }
}

impl<T: Real + Product> Peer for Five<T> {
    /// Without bias, ReLU and softmax the values mean nothing; they are of the same order, so they take as long.
    fn call(&mut self) -> Result<()> {
        let Shape { m, h, c, n } = self.problem.shape;
        let [w1, _, w2, _] = self.problem.shape.split(&self.problem.params);
        let x = || Factor::new(&self.problem.x, n, m);
        T::product(x(), Factor::new(w1, h, m).t(), &mut self.a);
        T::product(Factor::new(&self.a, n, h), Factor::new(w2, c, h).t(), &mut self.f);
        T::product(Factor::new(&self.f, n, c).t(), Factor::new(&self.a, n, h), &mut self.dw2);
        T::product(Factor::new(&self.f, n, c), Factor::new(w2, c, h), &mut self.d);
        T::product(Factor::new(&self.d, n, h).t(), x(), &mut self.dw1);
        Ok(())
    }

    fn answer(&self) -> Result<Answer> {
        bail!("it computes no gradient")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::dense;

    #[test]
    fn the_five_products_are_those_of_the_shape() {
        let shape = Shape { m: 5, h: 4, c: 3, n: 6 };
        let problem = dense(shape).widened();
        let [w1, _, w2, _] = shape.split(&problem.params).map(<[f64]>::to_vec);
        let x = problem.x.clone();
        let mut five = Five::new(problem);
        five.call().unwrap();
        let sum = |k: usize, term: &dyn Fn(usize) -> f64| (0..k).map(term).sum::<f64>();
        let (i, j, y, p) = (2, 1, 2, 3);
        let near = |found: f64, expected: f64| (found - expected).abs() < 1e-12 * (1.0 + expected.abs());
        assert!(near(five.a[i * 4 + j], sum(5, &|k| x[i * 5 + k] * w1[j * 5 + k])));
        assert!(near(five.f[i * 3 + y], sum(4, &|k| five.a[i * 4 + k] * w2[y * 4 + k])));
        assert!(near(five.dw2[y * 4 + j], sum(6, &|k| five.f[k * 3 + y] * five.a[k * 4 + j])));
        assert!(near(five.d[i * 4 + j], sum(3, &|k| five.f[i * 3 + k] * w2[k * 4 + j])));
        assert!(near(five.dw1[j * 5 + p], sum(6, &|k| five.d[k * 4 + j] * x[k * 5 + p])));
        assert!(five.answer().is_err());
    }
}
