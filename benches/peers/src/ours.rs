//! handgrad as a peer, one row of the tables per engine, and as the reference of all others.

use anyhow::Result;
use handgrad::{Batch, Dims, MatRef, Params, ParamsMut, Pass};

use crate::peers::Peer;
use crate::problem::{Answer, Problem, Real};

pub struct Engine {
    pub name: &'static str,
    /// Whether it can share the work among threads.
    pub threads: bool,
}

pub const ENGINES: [Engine; 1] = [Engine { name: "handgrad", threads: false }];

/// A problem with the buffers that every call uses again.
pub struct Ours<T> {
    problem: Problem<T>,
    dims: Dims,
    grad: Vec<T>,
    scratch: Vec<T>,
    loss: T,
}

impl<T: Real> Ours<T> {
    pub fn new(problem: Problem<T>, _engine: &'static Engine, _threads: usize) -> Result<Self> {
        let shape = problem.shape;
        let dims = Dims::new(shape.m, shape.h, shape.c)?;
        Ok(Self {
            grad: vec![T::zero(); shape.params()],
            scratch: vec![T::zero(); dims.scratch_len(shape.n)],
            loss: T::nan(),
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
        self.loss = Pass::new(params, batch).grad(grad).run(&mut self.scratch)?;
        Ok(())
    }

    fn answer(&self) -> Result<Answer> {
        Ok(Answer { loss: self.loss.widen(), grad: self.grad.iter().map(|g| g.widen()).collect() })
    }
}

/// What all peers are compared with: the first engine, in `f64`.
pub fn reference(problem: Problem<f64>) -> Result<Answer> {
    let mut ours = Ours::new(problem, &ENGINES[0], 1)?;
    ours.call()?;
    ours.answer()
}
