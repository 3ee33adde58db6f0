//! Second derivatives.

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
pub use outputs::Tangents;
pub use products::{
    Derivatives, gauss_newton_vector, gauss_newton_vectors, hessian_vector, hessian_vectors, tangent,
};
pub use rows::backward;
pub use scratch::scratch_len;
