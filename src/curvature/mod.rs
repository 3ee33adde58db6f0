//! Second derivatives in closed form: products with the Hessian and with Gauss-Newton's matrix, derivatives along a
//! direction, the diagonal, Kronecker factors. No autodiff, no heap; in one pass over the examples, with the loss and the
//! gradient if they are wanted.
//!
//! Each function takes a [`Pass`](crate::Pass): what has been chosen there holds here (weights, smoothing, targets,
//! an ignored label, L2, what is divided by, the derivative at z = 0, engine, threads), and the outputs that have
//! been chosen there are written in the same pass, with the same bits as without. The numbers are those of
//! `docs/derivation.md`.
//!
//! With V = (V1, v1, V2, v2) a direction in the parameters, P the probabilities, G the score gradients:
//!
//! ```text
//! A'   = I * (X V1ᵀ + 1 v1ᵀ)            n × h   (25)
//! F'   = A' W2ᵀ + A V2ᵀ + 1 v2ᵀ         n × C   (26)  J v
//! G'   = s P * (F' - P·F'), by rows     n × C   (27)
//! D'   = I * (G' W2 + G V2)             n × h   (28)
//! dW2' = G'ᵀ A + Gᵀ A'                  C × h   (29)  H v, with the three that follow
//! db2' = sum of the rows of G'          C
//! dW1' = D'ᵀ X                          h × m
//! db1' = sum of the rows of D'          h
//! ```
//!
//! Gauss-Newton's matrix, which for this loss is the Fisher information of the model, has the same without G V2 and
//! Gᵀ A'. It is positive semidefinite, and differs from the Hessian in the blocks of (W1, b1) with W2 only. Both hold
//! away from kinks, and at kinks with [`Kink`](crate::Kink)'s convention for I.
//!
//! The loss takes n(mh + hC) multiply-adds, each direction n(2mh + 6hC) (Gauss-Newton: n(2mh + 4hC)), the gradient
//! n(mh + 2hC).
//!
//! # Example
//!
//! A Newton step on the last layer, where the Hessian is Gauss-Newton's matrix, by conjugate gradients, takes products
//! alone:
//!
//! ```
//! # fn main() -> Result<(), handgrad::Error> {
//! use handgrad::curvature::{hessian_vector, scratch_len};
//! use handgrad::{Batch, Dims, MatRef, Params, ParamsMut, Pass};
//!
//! let dims = Dims::new(1, 1, 2)?;
//! let theta = [1.0, 0.0, 1.0, -1.0, 0.0, 0.0]; // scores x and -x, for x > 0
//! let batch = Batch::new(MatRef::new(&[0.5], 1, 1)?, &[0])?;
//! let pass = Pass::new(Params::from_flat(dims, &theta)?, batch);
//! let v = [0.0, 0.0, 0.0, 0.0, 1.0, 0.0]; // b2[0]
//! let mut hv = [0.0; 6];
//! let mut scratch = vec![0.0; scratch_len(dims, 1, 1)];
//! let direction = Params::from_flat(dims, &v)?;
//! hessian_vector(pass, direction, ParamsMut::from_flat(dims, &mut hv)?, &mut scratch)?;
//! let p = 1.0 / (1.0 + f64::exp(-1.0));
//! assert!((hv[4] - p * (1.0 - p)).abs() < 1e-15); // d²L/db2[0]²
//! assert_eq!(hv[5], -hv[4]);
//! # Ok(())
//! # }
//! ```
//!
//! # Exactness
//!
//! To rounding of the products and sums, as the gradient is: nothing is a difference of gradients. G' and the
//! variances of the diagonal are formed relative to the class that leads, so that a lead costs no digits. What is
//! summed over examples is divided by N once, at the end. In `f16` sums over examples can overflow where their mean
//! does not.
//!
//! [leave_one_out.svg]: data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7
//! [newton.svg]: data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7
//!
#![doc = include_str!("../../docs/curvature.md")]

mod along;
mod diagonal;
mod directions;
mod kronecker;
mod outputs;
mod part;
mod products;
mod rows;
mod scratch;
mod second_order;
mod variance;
mod weights;

pub use diagonal::diagonal;
pub use kronecker::{KroneckerFactors, kronecker_factors};
pub use outputs::{Derivatives, Tangents};
pub use products::{gauss_newton_vector, gauss_newton_vectors, hessian_vector, hessian_vectors, tangent};
pub use rows::backward;
pub use scratch::scratch_len;
