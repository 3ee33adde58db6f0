//! The net and one step of its training, which costs as much as there are entries in the batch, whatever m is.

use handgrad::start::{Random, Start};
use handgrad::{Batch, Csr, Dims, Error, MatMut, MatRef, Params, ParamsMut, Pass};

/// A net whose W1 lies by inputs: the h weights of an input are side by side, as sparse rows need them.
pub struct Net {
    dims: Dims,
    /// m x h: the transpose of W1.
    w1: Vec<f32>,
    b1: Vec<f32>,
    w2: Vec<f32>,
    b2: Vec<f32>,
}

impl Net {
    pub fn new(dims: Dims, seed: u64) -> Result<Self, Error> {
        let (m, h, c) = (dims.inputs(), dims.hidden(), dims.classes());
        let [w1, w2] = [h * m, c * h].map(|len| vec![0.0; len]);
        let mut net = Self { dims, w1, b1: vec![0.0; h], w2, b2: vec![0.0; c] };
        let mut random = Random::new(seed);
        let w1 = MatMut::new(&mut net.w1, m, h)?.t();
        let mut params = ParamsMut::new(w1, &mut net.b1, MatMut::new(&mut net.w2, c, h)?, &mut net.b2)?;
        Start::HeNormal.fill(&mut params, || random.next_u64());
        Ok(net)
    }

    fn params(&self) -> Result<Params<'_, f32>, Error> {
        let (m, h, c) = (self.dims.inputs(), self.dims.hidden(), self.dims.classes());
        Params::new(MatRef::new(&self.w1, m, h)?.t(), &self.b1, MatRef::new(&self.w2, c, h)?, &self.b2)
    }

    /// P(Y = j | x) of each row: n x C.
    pub fn probabilities(&self, x: &Csr<'_, f32, u16, usize>) -> Result<Vec<f32>, Error> {
        let (n, c) = (x.rows(), self.dims.classes());
        let mut probabilities = vec![0.0; n * c];
        let mut scratch = vec![0.0; self.dims.sparse_scratch_len(n)];
        let pass = Pass::new(self.params()?, Batch::unlabelled(x));
        pass.probabilities(MatMut::new(&mut probabilities, n, c)?).infer(&mut scratch)?;
        Ok(probabilities)
    }

    /// Moves all parameters by -`rate` times the gradient of the mean loss, of W1 only the weights of inputs that occur: those
    /// of the others have a gradient of 0. Returns the loss from before.
    pub fn step(
        &mut self,
        x: &Csr<'_, f32, u16, usize>,
        labels: &[u8],
        rate: f32,
        buffers: &mut Buffers,
    ) -> Result<f32, Error> {
        let (h, c) = (self.dims.hidden(), self.dims.classes());
        let Buffers { positions, inputs, indices, grad, scratch } = buffers;
        let entries = x.entry_count();
        let used = x.used_inputs(positions, &mut inputs[..entries], &mut indices[..entries])?;
        let dims = used.dims(self.dims)?;
        let [dw1, db1, dw2, db2] = dims.split_mut(&mut grad[..dims.param_len()])?;
        let dw1_t = MatMut::new(&mut *dw1, dims.inputs(), h)?;
        let dtheta = ParamsMut::new(dw1_t.t(), &mut *db1, MatMut::new(&mut *dw2, c, h)?, &mut *db2)?;
        let pass = Pass::new(self.params()?, Batch::new(x, labels)?).used_inputs(&used);
        let loss = pass.grad(dtheta).run(scratch)?;

        for (&input, dw1) in used.inputs().iter().zip(dw1.chunks_exact(h)) {
            descend(&mut self.w1[input as usize * h..][..h], dw1, rate);
        }
        descend(&mut self.b1, db1, rate);
        descend(&mut self.w2, dw2, rate);
        descend(&mut self.b2, db2, rate);
        Ok(loss)
    }
}

fn descend(theta: &mut [f32], grad: &[f32], rate: f32) {
    theta.iter_mut().zip(grad).for_each(|(theta, grad)| *theta -= rate * grad);
}

/// What a step works in, long enough for every batch.
pub struct Buffers {
    positions: Vec<u32>,
    inputs: Vec<u32>,
    indices: Vec<u32>,
    grad: Vec<f32>,
    scratch: Vec<f32>,
}

impl Buffers {
    /// For batches of up to `examples` examples and `entries` entries.
    pub fn new(dims: Dims, examples: usize, entries: usize) -> Self {
        Self {
            positions: vec![0; dims.inputs()],
            inputs: vec![0; entries],
            indices: vec![0; entries],
            grad: vec![0.0; dims.param_len()],
            scratch: vec![0.0; dims.sparse_scratch_len(examples)],
        }
    }
}
