//! The net: where training begins, and the objective with its derivatives.

use fastrand::Rng;
use handgrad::curvature::{self, KroneckerFactors, Tangents, scratch_len};
use handgrad::start::Start;
use handgrad::{Batch, Dims, Error, MatMut, MatRef, Params, ParamsMut, Pass};

/// He's normal numbers for the weights, so that what passes a ReLU layer has about the size of what came in; 0 for the
/// biases.
pub fn initial_parameters(dims: Dims, rng: &mut Rng) -> Vec<f32> {
    let mut theta = vec![0.0; dims.param_len()];
    if let Ok(mut params) = ParamsMut::from_flat(dims, &mut theta) {
        Start::HeNormal.fill(&mut params, || rng.u64(..));
    }
    theta
}

/// The mean loss over some images plus L2, for any parameters, and its derivatives. In f64.
pub struct Objective<'a> {
    dims: Dims,
    pixels: &'a [f64],
    labels: &'a [u8],
    l2: [f64; 2],
    /// What the sum over the images is divided by.
    divisor: f64,
    /// Of the images. One of weight 0 is left out, and the divisor stays.
    weights: Vec<f64>,
    scratch: Vec<f64>,
}

/// The most directions in one call of [`Objective::gauss_newton_vectors`].
pub const DIRECTIONS: usize = 8;

impl<'a> Objective<'a> {
    /// Of the images with these pixels and labels, with (α1, α2) of L2.
    pub fn new(dims: Dims, pixels: &'a [f64], labels: &'a [u8], l2: [f64; 2]) -> Self {
        let n = labels.len();
        let scratch = vec![0.0; scratch_len(dims, n, DIRECTIONS)];
        Self { dims, pixels, labels, l2, divisor: n as f64, weights: vec![1.0; n], scratch }
    }

    /// What one of the images adds to the objective.
    pub fn of_image(&self, i: usize) -> Objective<'a> {
        let m = self.dims.inputs();
        let (pixels, labels) = (&self.pixels[i * m..(i + 1) * m], &self.labels[i..=i]);
        Objective { divisor: self.divisor, ..Objective::new(self.dims, pixels, labels, [0.0; 2]) }
    }

    /// Leaves out an image (weight 0), or takes it in again (1).
    pub fn set_weight(&mut self, image: usize, weight: f64) {
        self.weights[image] = weight;
    }

    /// The net.
    pub fn dims(&self) -> Dims {
        self.dims
    }

    /// (α1, α2) of L2.
    pub fn l2(&self) -> [f64; 2] {
        self.l2
    }

    /// What the images show.
    pub fn labels(&self) -> &'a [u8] {
        self.labels
    }

    /// A pass at `theta`, and the scratch for it.
    fn pass<'s>(&'s mut self, theta: &'s [f64]) -> Result<(Pass<'s, f64, u8>, &'s mut [f64]), Error> {
        let x = MatRef::new(self.pixels, self.labels.len(), self.dims.inputs())?;
        let pass = Pass::new(Params::from_flat(self.dims, theta)?, Batch::new(x, self.labels)?)
            .example_weights(&self.weights)
            .divisor(self.divisor)
            .l2(self.l2[0], self.l2[1]);
        Ok((pass, &mut self.scratch))
    }

    /// The objective and its gradient.
    pub fn loss_and_grad(&mut self, theta: &[f64], grad: &mut [f64]) -> Result<f64, Error> {
        let dims = self.dims;
        let (pass, scratch) = self.pass(theta)?;
        pass.grad(ParamsMut::from_flat(dims, grad)?).run(scratch)
    }

    /// The scores of each image, one image a row, and which class has the largest.
    pub fn scores(&mut self, theta: &[f64]) -> Result<(Vec<f64>, Vec<usize>), Error> {
        let (n, c) = (self.labels.len(), self.dims.classes());
        let (mut scores, mut classes) = (vec![0.0; n * c], vec![0; n]);
        let (pass, scratch) = self.pass(theta)?;
        pass.scores(MatMut::new(&mut scores, n, c)?).predictions(&mut classes).run(scratch)?;
        Ok((scores, classes))
    }

    /// J v: how fast the scores change along a direction.
    pub fn score_tangents(&mut self, theta: &[f64], direction: &[f64]) -> Result<Vec<f64>, Error> {
        let (dims, n, c) = (self.dims, self.labels.len(), self.dims.classes());
        let mut scores = vec![0.0; n * c];
        let (pass, scratch) = self.pass(theta)?;
        let out = Tangents { scores: Some(MatMut::new(&mut scores, n, c)?), ..Tangents::default() };
        curvature::tangent(pass, Params::from_flat(dims, direction)?, out, scratch)?;
        Ok(scores)
    }

    /// H v, the product of the second derivatives with a direction.
    pub fn hessian_vector(&mut self, theta: &[f64], v: &[f64], product: &mut [f64]) -> Result<(), Error> {
        let dims = self.dims;
        let (pass, scratch) = self.pass(theta)?;
        let (v, product) = (Params::from_flat(dims, v)?, ParamsMut::from_flat(dims, product)?);
        curvature::hessian_vector(pass, v, product, scratch).map(|_| ())
    }

    /// The products of Gauss-Newton's matrix with up to [`DIRECTIONS`] directions, in one pass over the images.
    pub fn gauss_newton_vectors<'v>(
        &mut self,
        theta: &[f64],
        directions: impl Iterator<Item = &'v Vec<f64>>,
        products: impl Iterator<Item = &'v mut Vec<f64>>,
    ) -> Result<(), Error> {
        let dims = self.dims;
        let (pass, scratch) = self.pass(theta)?;
        let directions = directions.map(|v| Params::from_flat(dims, v)).collect::<Result<Vec<_>, _>>()?;
        let mut products = products.map(|v| ParamsMut::from_flat(dims, v)).collect::<Result<Vec<_>, _>>()?;
        curvature::gauss_newton_vectors(pass, &directions, &mut products, scratch).map(|_| ())
    }

    /// The Kronecker factors of the last layer's part of Gauss-Newton's matrix, divided so that without L2 it is about their
    /// Kronecker product: the mean of diag p - p pᵀ, C × C, and that of [a; 1] [a; 1]ᵀ, (h + 1) × (h + 1).
    pub fn last_layer_factors(&mut self, theta: &[f64]) -> Result<(Vec<f64>, Vec<f64>), Error> {
        let (c, len, n) = (self.dims.classes(), self.dims.hidden() + 1, self.labels.len() as f64);
        let (mut of_scores, mut of_activations) = (vec![0.0; c * c], vec![0.0; len * len]);
        let (pass, scratch) = self.pass(theta)?;
        let factors = KroneckerFactors {
            scores: Some(MatMut::new(&mut of_scores, c, c)?),
            activations: Some(MatMut::new(&mut of_activations, len, len)?),
            ..KroneckerFactors::default()
        };
        curvature::kronecker_factors(pass, factors, scratch)?;
        of_activations.iter_mut().for_each(|value| *value /= n);
        Ok((of_scores, of_activations))
    }
}
