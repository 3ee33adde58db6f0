//! handgrad as a peer, one row of the tables per engine, and as the reference of all others.

use anyhow::Result;
use handgrad::gemm::{Blocked, Gemm, default_engine};
use handgrad::{Batch, Dims, MatRef, Params, ParamsMut, Pass, Rayon};

use crate::peers::Peer;
use crate::problem::{Answer, Problem, Real};

pub struct Engine {
    pub name: &'static str,
    /// Whether it can share the work among threads.
    pub threads: bool,
}

/// The crate's own engine, and the default one of `f32` and `f64`.
pub const ENGINES: [Engine; 2] = [
    Engine { name: "handgrad Blocked", threads: true },
    Engine { name: "handgrad matrixmultiply", threads: false },
];

/// A problem with the buffers that every call uses again.
pub struct Ours<T: 'static> {
    problem: Problem<T>,
    dims: Dims,
    grad: Vec<T>,
    scratch: Vec<T>,
    loss: T,
    engine: &'static dyn Gemm<T>,
    threads: usize,
}

impl<T: Real> Ours<T> {
    pub fn new(problem: Problem<T>, engine: &'static Engine, threads: usize) -> Result<Self> {
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
            engine: if engine.threads { &Blocked } else { default_engine() },
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
        let pass = Pass::new(params, batch).engine(self.engine).grad(grad);
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

/// What all peers are compared with: the first engine, in `f64`.
pub fn reference(problem: Problem<f64>) -> Result<Answer> {
    let mut ours = Ours::new(problem, &ENGINES[0], 1)?;
    ours.call()?;
    ours.answer()
}
