//! Second derivatives.

mod along;
mod directions;
mod outputs;
mod part;
mod products;
mod scratch;
mod second_order;

pub use outputs::Tangents;
pub use products::{
    Derivatives, gauss_newton_vector, gauss_newton_vectors, hessian_vector, hessian_vectors, tangent,
};
pub use scratch::scratch_len;
