//! A net with a direction in its parameters, and what a shard adds to the gradient and the product of Gauss-Newton's matrix.

use digits::data::CLASSES;
use handgrad::curvature::{gauss_newton_vector, scratch_len};
use handgrad::shards::part;
use handgrad::start::{Random, Start};
use handgrad::{Batch, Dims, Error, MatRef, Params, ParamsMut, Pass};

/// So many shards have the digits here.
pub const SHARDS: usize = 16;

/// The net and the direction.
pub struct Net {
    dims: Dims,
    theta: Vec<f64>,
    direction: Vec<f64>,
}

impl Net {
    /// Start values for 8 x 8 pixels and 32 hidden units, and numbers of the same kind for the direction.
    pub fn new() -> Result<Self, Error> {
        let dims = Dims::new(64, 32, CLASSES)?;
        let mut random = Random::new(1);
        let mut values = || {
            let mut values = vec![0.0; dims.param_len()];
            Start::HeNormal.fill(&mut ParamsMut::from_flat(dims, &mut values)?, || random.next_u64());
            Ok(values)
        };
        Ok(Self { dims, theta: values()?, direction: values()? })
    }

    /// How many numbers a shard writes: the gradient, the product, the loss.
    pub fn terms(&self) -> usize {
        2 * self.theta.len() + 1
    }

    /// Writes the terms of a shard, of which `n` are all examples' number.
    pub fn write_terms(
        &self,
        pixels: &[f64],
        labels: &[u8],
        (shard, n): (usize, f64),
        terms: &mut [f64],
    ) -> Result<(), Error> {
        let (dims, len) = (self.dims, self.theta.len());
        let (grad, rest) = terms.split_at_mut(len);
        let (product, loss) = rest.split_at_mut(len);
        let x = MatRef::new(pixels, labels.len(), dims.inputs())?;
        let pass = Pass::new(Params::from_flat(dims, &self.theta)?, Batch::new(x, labels)?).l2(0.01, 0.01);
        let pass = part(pass, shard, n).grad(ParamsMut::from_flat(dims, grad)?);
        let direction = Params::from_flat(dims, &self.direction)?;
        let mut scratch = vec![0.0; scratch_len(dims, labels.len(), 1)];
        loss[0] = gauss_newton_vector(pass, direction, ParamsMut::from_flat(dims, product)?, &mut scratch)?;
        Ok(())
    }
}
