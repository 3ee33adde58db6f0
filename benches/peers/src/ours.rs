//! handgrad as a peer, one row of the tables per engine, and as the reference of all others.

use anyhow::{Result, ensure};
use handgrad::curvature::{hessian_vectors, scratch_len};
use handgrad::{Batch, Dims, Engine, MatRef, Params, ParamsMut, Pass, Rayon};

use crate::peers::Peer;
use crate::problem::{Answer, DIRECTIONS, Problem, Real, Shape};

/// An engine of the crate as a row of the tables.
#[derive(Clone, Copy)]
pub enum Row {
    /// What users get who choose nothing.
    Auto,
    MatrixMultiply,
}

impl Row {
    pub const fn name(self) -> &'static str {
        match self {
            Row::Auto => "handgrad Auto",
            Row::MatrixMultiply => "handgrad MatrixMultiply",
        }
    }
}

pub const ROWS: [Row; 2] = [Row::Auto, Row::MatrixMultiply];

/// The rows of the section about the Hessian, and the directions that a call of each takes.
pub const PRODUCTS: [(&str, usize); 2] = [("handgrad H v", 1), ("handgrad H v 4 at once", DIRECTIONS)];

/// The default engine's loss and gradient in that section.
pub const GRADIENT: &str = "handgrad gradient";

/// A problem with the buffers that every call uses again.
pub struct Ours<T> {
    problem: Problem<T>,
    dims: Dims,
    grad: Vec<T>,
    scratch: Vec<T>,
    loss: T,
    row: Row,
    threads: usize,
}

fn make_pool(threads: usize) {
    if threads > 1 {
        // The calling thread is one of the pool's: it does not wait for another one to begin. A second
        // problem in the same process finds the pool there.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).use_current_thread().build_global();
    }
}

impl<T: Real> Ours<T> {
    pub fn new(problem: Problem<T>, row: Row, threads: usize) -> Result<Self> {
        make_pool(threads);
        let shape = problem.shape;
        let dims = Dims::new(shape.m, shape.h, shape.c)?;
        Ok(Self {
            grad: vec![T::zero(); shape.params()],
            scratch: vec![T::zero(); dims.scratch_len(shape.n)],
            loss: T::nan(),
            row,
            threads,
            problem,
            dims,
        })
    }
}

impl<T: Real> Peer for Ours<T> {
    fn call(&mut self) -> Result<()> {
        let x = MatRef::new(&self.problem.x, self.problem.shape.n, self.problem.shape.m)?;
        let batch = Batch::new(x, &self.problem.labels)?;
        let params = Params::from_flat(self.dims, &self.problem.params)?;
        let grad = ParamsMut::from_flat(self.dims, &mut self.grad)?;
        let engine = match self.row {
            Row::Auto => Engine::Auto,
            Row::MatrixMultiply => Engine::MatrixMultiply,
        };
        let pass = Pass::new(params, batch).engine(engine).grad(grad);
        self.loss = match self.threads {
            1 => pass.run(&mut self.scratch)?,
            _ => pass.executor(&Rayon).run(&mut self.scratch)?,
        };
        Ok(())
    }

    fn answer(&self) -> Result<Answer> {
        Ok(Answer { loss: self.loss.widen(), grad: self.grad.iter().map(|g| g.widen()).collect() })
    }
}

/// The same with the products of the Hessian, by the default engine.
pub struct Products<T> {
    problem: Problem<T>,
    dims: Dims,
    count: usize,
    products: Vec<T>,
    scratch: Vec<T>,
    loss: T,
    threads: usize,
}

impl<T: Real> Products<T> {
    /// With the first `count` directions of the problem, at most [`DIRECTIONS`].
    pub fn new(problem: Problem<T>, count: usize, threads: usize) -> Result<Self> {
        make_pool(threads);
        let shape = problem.shape;
        let dims = Dims::new(shape.m, shape.h, shape.c)?;
        let len = count * shape.params();
        ensure!(count <= DIRECTIONS && problem.directions.len() >= len, "no directions");
        Ok(Self {
            products: vec![T::zero(); len],
            scratch: vec![T::zero(); scratch_len(dims, shape.n, count)],
            loss: T::nan(),
            dims,
            count,
            threads,
            problem,
        })
    }
}

impl<T: Real> Peer for Products<T> {
    fn call(&mut self) -> Result<()> {
        let Shape { m, n, .. } = self.problem.shape;
        let (dims, len) = (self.dims, self.problem.shape.params());
        let batch = Batch::new(MatRef::new(&self.problem.x, n, m)?, &self.problem.labels)?;
        let params = Params::from_flat(dims, &self.problem.params)?;
        let each = self.problem.directions.chunks(len).take(self.count);
        let directions: Vec<_> = each.map(|v| Params::from_flat(dims, v)).collect::<Result<_, _>>()?;
        let each = self.products.chunks_mut(len);
        let mut products: Vec<_> = each.map(|p| ParamsMut::from_flat(dims, p)).collect::<Result<_, _>>()?;
        let pass = Pass::new(params, batch);
        let pass = if self.threads > 1 { pass.executor(&Rayon) } else { pass };
        self.loss = hessian_vectors(pass, &directions, &mut products, &mut self.scratch)?;
        Ok(())
    }

    fn answer(&self) -> Result<Answer> {
        Ok(Answer { loss: self.loss.widen(), grad: self.products.iter().map(|g| g.widen()).collect() })
    }
}

/// What all peers are compared with, in `f64`: the loss and the gradient, or the products with all directions.
pub fn reference(problem: Problem<f64>) -> Result<Answer> {
    if problem.directions.is_empty() {
        return answer_of(Ours::new(problem, Row::Auto, 1)?);
    }
    answer_of(Products::new(problem, DIRECTIONS, 1)?)
}

fn answer_of(mut peer: impl Peer) -> Result<Answer> {
    peer.call()?;
    peer.answer()
}
