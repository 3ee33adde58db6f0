//! The pictures of the training.

mod training;
mod units;

pub use training::training;
pub use units::hidden_units;
