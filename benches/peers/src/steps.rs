//! One step of gradient descent on a batch of sparse rows: ours, in the layouts that W1 and its gradient can have.

use anyhow::Result;
use handgrad::{Batch, Csr, Dims, MatMut, MatRef, Params, ParamsMut, Pass};

use crate::peers::Peer;
use crate::problem::{Answer, Problem, Real, Shape};

/// How far a step goes: so little that a run of many thousands changes no weight visibly, and all time the same numbers.
pub const RATE: f64 = 1.0 / 1_048_576.0;

/// Where the weights of W1 lie, and which of them a step moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// h x m, all of them.
    ByUnits,
    /// m x h, all of them.
    ByInputs,
    /// m x h, only those of inputs that occur in the batch, from a gradient that has no others.
    UsedInputs,
}

/// X as compressed sparse rows.
pub struct Rows<T> {
    pub offsets: Vec<u32>,
    pub indices: Vec<u32>,
    pub values: Vec<T>,
}

impl<T: Real> Rows<T> {
    pub fn of(problem: &Problem<T>) -> Self {
        let mut rows = Self { offsets: vec![0], indices: Vec::new(), values: Vec::new() };
        for row in problem.x.chunks(problem.shape.m) {
            let entries = row.iter().zip(0..).filter(|(x, _)| !x.is_zero());
            rows.indices.extend(entries.clone().map(|(_, input)| input));
            rows.values.extend(entries.map(|(&x, _)| x));
            rows.offsets.push(rows.indices.len() as u32);
        }
        rows
    }
}

/// The first `rows * cols` numbers as a matrix, in place of it its transpose, in the same place.
pub fn transpose<T: Copy>(flat: &mut [T], rows: usize, cols: usize) {
    let matrix = flat[..rows * cols].to_vec();
    for (to, at) in flat.iter_mut().zip((0..cols).flat_map(|col| (0..rows).map(move |row| row * cols + col)))
    {
        *to = matrix[at];
    }
}

/// theta -= RATE * grad.
pub fn descend<T: Real>(theta: &mut [T], grad: &[T]) {
    let rate = T::from(RATE).unwrap_or_else(T::nan);
    theta.iter_mut().zip(grad).for_each(|(theta, &grad)| *theta = *theta - rate * grad);
}

/// A gradient as all peers have it, from one of some inputs, m x h: `grad` is `[dW1, db1, dW2, db2]`.
pub fn spread<T: Real>(shape: Shape, inputs: &[u32], grad: &[T]) -> Vec<f64> {
    let Shape { m, h, .. } = shape;
    let (dw1, rest) = grad.split_at(inputs.len() * h);
    let mut all = vec![0.0; shape.params()];
    for (&input, dw1) in inputs.iter().zip(dw1.chunks(h)) {
        dw1.iter().enumerate().for_each(|(unit, g)| all[unit * m + input as usize] = g.widen());
    }
    all[m * h..].iter_mut().zip(rest).for_each(|(to, g)| *to = g.widen());
    all
}

/// Ours, on sparse rows or on all of X.
pub struct Ours<T> {
    problem: Problem<T>,
    rows: Rows<T>,
    is_dense: bool,
    layout: Layout,
    dims: Dims,
    grad: Vec<T>,
    used: [Vec<u32>; 3],
    /// The inputs of the gradient's columns after a step with `UsedInputs`.
    last: Vec<u32>,
    scratch: Vec<T>,
    loss: T,
}

impl<T: Real> Ours<T> {
    pub fn new(mut problem: Problem<T>, is_dense: bool, layout: Layout) -> Result<Self> {
        let Shape { m, h, c, n } = problem.shape;
        let dims = Dims::new(m, h, c)?;
        let rows = Rows::of(&problem);
        if layout != Layout::ByUnits {
            transpose(&mut problem.params, h, m);
        }
        let entries = rows.indices.len();
        let scratch = if is_dense { dims.scratch_len(n) } else { dims.sparse_scratch_len(n) };
        Ok(Self {
            grad: vec![T::zero(); problem.params.len()],
            used: [m, entries, entries].map(|len| vec![0; len]),
            last: Vec::with_capacity(entries),
            scratch: vec![T::zero(); scratch],
            loss: T::nan(),
            problem,
            rows,
            is_dense,
            layout,
            dims,
        })
    }

    /// Loss and gradient by all parameters, and a step of all.
    fn step(&mut self) -> Result<()> {
        let Shape { m, h, c, n } = self.problem.shape;
        let params = params(self.dims, self.layout, &self.problem.params)?;
        let [dw1, db1, dw2, db2] = self.dims.split_mut(&mut self.grad)?;
        let dw1 = match self.layout {
            Layout::ByUnits => MatMut::new(dw1, h, m)?,
            _ => MatMut::new(dw1, m, h)?.t(),
        };
        let grad = ParamsMut::new(dw1, db1, MatMut::new(dw2, c, h)?, db2)?;
        let labels = &self.problem.labels;
        let csr = Csr::new(m, &self.rows.offsets, &self.rows.indices, &self.rows.values)?;
        let batch = match self.is_dense {
            true => Batch::new(MatRef::new(&self.problem.x, n, m)?, labels)?,
            false => Batch::new(&csr, labels)?,
        };
        self.loss = Pass::new(params, batch).grad(grad).run(&mut self.scratch)?;
        descend(&mut self.problem.params, &self.grad);
        Ok(())
    }

    /// The same of the inputs that occur.
    fn step_of_used(&mut self) -> Result<()> {
        let Shape { m, h, c, .. } = self.problem.shape;
        let csr = Csr::new(m, &self.rows.offsets, &self.rows.indices, &self.rows.values)?;
        let [positions, inputs, indices] = &mut self.used;
        let used = csr.used_inputs(positions, inputs, indices)?;
        let dims = used.dims(self.dims)?;
        let [dw1, db1, dw2, db2] = dims.split_mut(&mut self.grad[..dims.param_len()])?;
        let dw1_t = MatMut::new(&mut *dw1, dims.inputs(), h)?;
        let grad = ParamsMut::new(dw1_t.t(), &mut *db1, MatMut::new(&mut *dw2, c, h)?, &mut *db2)?;
        let params = params(self.dims, self.layout, &self.problem.params)?;
        let pass = Pass::new(params, Batch::new(&csr, &self.problem.labels)?).used_inputs(&used);
        self.loss = pass.grad(grad).run(&mut self.scratch)?;
        let [w1, b1, w2, b2] = self.dims.split_mut(&mut self.problem.params)?;
        for (&input, dw1) in used.inputs().iter().zip(dw1.chunks(h)) {
            descend(&mut w1[input as usize * h..][..h], dw1);
        }
        descend(b1, db1);
        descend(w2, dw2);
        descend(b2, db2);
        self.last.clear();
        self.last.extend_from_slice(used.inputs());
        Ok(())
    }
}

fn params<T: Real>(dims: Dims, layout: Layout, flat: &[T]) -> Result<Params<'_, T>> {
    let (m, h, c) = (dims.inputs(), dims.hidden(), dims.classes());
    let [w1, b1, w2, b2] = dims.split(flat)?;
    let w1 = match layout {
        Layout::ByUnits => MatRef::new(w1, h, m)?,
        _ => MatRef::new(w1, m, h)?.t(),
    };
    Ok(Params::new(w1, b1, MatRef::new(w2, c, h)?, b2)?)
}

impl<T: Real> Peer for Ours<T> {
    fn call(&mut self) -> Result<()> {
        match self.layout {
            Layout::UsedInputs => self.step_of_used(),
            _ => self.step(),
        }
    }

    fn answer(&self) -> Result<Answer> {
        Ok(Answer {
            loss: self.loss.widen(),
            grad: gradient(self.problem.shape, self.layout, &self.last, &self.grad),
        })
    }
}

/// The gradient as all peers have it; `last` are the inputs of a gradient that has only some.
pub fn gradient<T: Real>(shape: Shape, layout: Layout, last: &[u32], grad: &[T]) -> Vec<f64> {
    let all: Vec<u32> = (0..shape.m as u32).collect();
    match layout {
        Layout::ByUnits => grad.iter().map(|g| g.widen()).collect(),
        Layout::ByInputs => spread(shape, &all, grad),
        Layout::UsedInputs => {
            let rest: usize = shape.blocks()[1..].iter().sum();
            spread(shape, last, &grad[..last.len() * shape.h + rest])
        }
    }
}
