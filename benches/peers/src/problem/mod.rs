//! The task that every peer gets: its sizes, its data, and the files that carry both to the workers.

mod files;
mod kink;
mod maker;
mod mnist;
mod random;
mod real;
mod shape;
mod task;
mod train;

pub use files::Answer;
pub use maker::Maker;
#[cfg(test)]
pub use maker::with_directions;
pub use random::dense;
#[cfg(test)]
pub use random::few;
pub use real::{Real, Type};
pub use shape::{SHAPES, Shape};
pub use task::{Kind, Section, Stage, Task};

use anyhow::Result;
use handgrad::gemm::{Beta, Gemm};
use handgrad::{Engine, MatMut, MatRef};

/// The seed of all data.
const SEED: u64 = 20;

/// X (n × m, row by row), the parameters `[W1, b1, W2, b2]`, the labels.
pub struct Problem<T> {
    pub shape: Shape,
    pub x: Vec<T>,
    pub params: Vec<T>,
    pub labels: Vec<usize>,
    /// Where the Hessian is multiplied: [`DIRECTIONS`] times as many numbers as `params`, one direction after the other.
    /// Nothing where only gradients are wanted.
    pub directions: Vec<T>,
}

/// The directions that a problem has for products with the Hessian.
pub const DIRECTIONS: usize = 4;

impl<T: Real> Problem<T> {
    /// X W1ᵀ, an example a row.
    fn products(&self) -> Result<Vec<T>> {
        let Shape { m, h, n, .. } = self.shape;
        let [w1, ..] = self.shape.split(&self.params);
        let mut products = vec![T::zero(); n * h];
        let (x, w1) = (MatRef::new(&self.x, n, m)?, MatRef::new(w1, h, m)?);
        Engine::Builtin.gemm(x, w1.t(), Beta::Zero, MatMut::new(&mut products, n, h)?)?;
        Ok(products)
    }
}

impl Problem<f32> {
    pub fn widened(&self) -> Problem<f64> {
        let widen = |values: &[f32]| values.iter().map(|&v| v.into()).collect();
        Problem {
            shape: self.shape,
            x: widen(&self.x),
            params: widen(&self.params),
            labels: self.labels.clone(),
            directions: widen(&self.directions),
        }
    }

    /// What is zero in it: what a library that skips zeros has less to do.
    pub fn zeros(&self) -> Result<Zeros> {
        let [_, b1, ..] = self.shape.split(&self.params);
        let mut products = self.products()?;
        products.chunks_mut(self.shape.h).flat_map(|row| row.iter_mut().zip(b1)).for_each(|(z, &b)| *z += b);
        let share = |values: &[f32], is: fn(f32) -> bool| {
            values.iter().filter(|&&value| is(value)).count() as f64 / values.len() as f64
        };
        Ok(Zeros { inputs: share(&self.x, |x| x != 0.0), active: share(&products, |z| z > 0.0) })
    }
}

/// Shares of a problem's numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Zeros {
    /// Of the inputs, those that are not 0.
    pub inputs: f64,
    /// Of the hidden units, all examples together, those above 0.
    pub active: f64,
}
