//! handgrad as a peer, one row of the tables per engine, and as the reference of all others.

use anyhow::Result;
use handgrad::{Batch, Dims, Engine, MatRef, Params, ParamsMut, Pass, Rayon};

use crate::peers::Peer;
use crate::problem::{Answer, Problem, Real};

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

impl<T: Real> Ours<T> {
    pub fn new(problem: Problem<T>, row: Row, threads: usize) -> Result<Self> {
        if threads > 1 {
            // The calling thread is one of the pool's: it does not wait for another one to begin. A second
            // problem in the same process finds the pool there.
            let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).use_current_thread().build_global();
        }
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

/// What all peers are compared with, in `f64`.
pub fn reference(problem: Problem<f64>) -> Result<Answer> {
    let mut ours = Ours::new(problem, Row::Auto, 1)?;
    ours.call()?;
    ours.answer()
}
