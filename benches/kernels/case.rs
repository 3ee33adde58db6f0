//! A net and a batch, checked before anything is timed, and room for all results.

use handgrad::{Dims, MatRef, Params, derivation};
use num_traits::Float;

use crate::work::{By, What};

/// Inputs m, hidden units h, classes C, examples n.
pub type Shape = (usize, usize, usize, usize);

pub trait Real: Float + Send + Sync + 'static {}
impl<T: Float + Send + Sync + 'static> Real for T {}

pub struct Case<T> {
    pub dims: Dims,
    pub n: usize,
    pub theta: Vec<T>,
    pub x: Vec<T>,
    pub labels: Vec<u16>,
    pub grad: Vec<T>,
    pub moment: Vec<T>,
    pub input_grad: Vec<T>,
    pub norms: Vec<T>,
    pub scores: Vec<T>,
    pub scratch: Vec<T>,
    /// n × h: one factor of the products A W2ᵀ, Gᵀ A and Dᵀ X.
    pub hidden: Vec<T>,
    /// n × h: the product X W1ᵀ or G W2.
    pub product: Vec<T>,
}

impl<T: Real> Case<T> {
    /// So many percent of the inputs are not 0.
    pub fn new((m, h, c, n): Shape, percent: u8) -> Self {
        let dims = Dims::new(m, h, c).expect("dimensions of a benchmark");
        let mut rng = fastrand::Rng::with_seed(1);
        let mut numbers = |len: usize, scale: f64, percent: u8| -> Vec<T> {
            let mut number = || if rng.u8(..100) < percent { (rng.f64() * 2.0 - 1.0) * scale } else { 0.0 };
            (0..len).map(|_| T::from(number()).expect("a float")).collect()
        };
        let theta = numbers(dims.param_len(), (3.0 / m as f64).sqrt(), 100);
        let (x, hidden) = (numbers(n * m, 1.0, percent), numbers(n * h, 1.0, 100));
        let scores = numbers(n * c, 1.0, 100);
        let labels = (0..n).map(|_| rng.u16(0..c as u16)).collect();
        let zeros = |len: usize| vec![T::zero(); len];
        let mut case = Self {
            dims,
            n,
            theta,
            x,
            labels,
            grad: zeros(dims.param_len()),
            moment: zeros(dims.param_len()),
            input_grad: zeros(n * m),
            norms: zeros(n),
            scores,
            scratch: zeros(dims.scratch_len(n)),
            hidden,
            product: zeros(n * h),
        };
        case.check();
        case
    }

    /// The mean loss by the plain loops of the derivation.
    fn expected_loss(&self) -> f64 {
        let params = Params::from_flat(self.dims, &self.theta).expect("parameters");
        let x = MatRef::new(&self.x, self.n, self.dims.inputs()).expect("examples");
        let (mut z, mut a) = (vec![T::zero(); self.dims.hidden()], vec![T::zero(); self.dims.hidden()]);
        let mut f = vec![T::zero(); self.dims.classes()];
        let losses = x.as_slice().chunks_exact(self.dims.inputs()).zip(&self.labels).map(|(x, &y)| {
            derivation::preactivations(params.w1().as_slice(), params.b1(), x, &mut z)?;
            derivation::activations(&z, &mut a)?;
            derivation::scores(params.w2().as_slice(), params.b2(), &a, &mut f)?;
            derivation::loss(&f, y.into())
        });
        let losses: Vec<T> = losses.collect::<Result<_, _>>().expect("a valid net");
        derivation::mean_loss(&losses).expect("examples").to_f64().expect("a float")
    }

    /// All ways to the loss, and the gradient of b2, whose sum must be 0.
    fn check(&mut self) {
        let epsilon = T::epsilon().to_f64().expect("a float");
        let expected = self.expected_loss();
        // The plain loops' sums of m terms may lose m epsilon of magnitudes around 1.
        let tolerance = 4.0 * self.dims.inputs() as f64 * epsilon * (1.0 + expected);
        let ways = [What::Loss, What::Grad].into_iter().flat_map(|what| By::ALL.map(|by| (what, by)));
        for (what, by) in ways {
            let got = self.run(what, by).to_f64().expect("a float");
            assert!((got - expected).abs() <= tolerance, "loss {got} by {}, expected {expected}", by.name());
        }
        let c = self.dims.classes();
        let db2 = self.grad[self.grad.len() - c..].iter().map(|g| g.to_f64().expect("a float"));
        let sum: f64 = db2.sum();
        assert!(sum.abs() <= 16.0 * c as f64 * epsilon, "db2 sums to {sum}");
    }
}
