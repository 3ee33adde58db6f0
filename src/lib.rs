#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

#[cfg(not(any(feature = "std", feature = "libm")))]
compile_error!(
    "handgrad needs exp and ln_1p from somewhere: turn on the feature `std` or the feature `libm`"
);

// The derivation, formula by formula: slow, obviously right.
pub mod derivation;

mod error;
mod kink;
mod limits;
mod random;
pub use error::{Error, What};
pub use kink::Kink;

// What goes in and out: sizes, views, parameters, batches.
mod data;
pub use data::{Batch, Dims, MatMut, MatRef, Params, ParamsMut};

// Threads and matrix products.
mod executor;
pub mod gemm;
mod simd;
pub use executor::Executor;
#[cfg(feature = "rayon")]
pub use executor::Rayon;

// The evaluation of a batch, short and long.
mod functions;
mod kernels;
mod pass;
pub use functions::{log_probabilities, loss, loss_and_grad, predict, probabilities, scores};
pub use pass::{Engine, Pass, Reduction};

// Second derivatives.
pub mod curvature;

// One sum over examples, by many.
pub mod shards;

// Start values for training.
pub mod start;

// One example at a time, for small targets.
pub mod compact;

// The checker of gradients, anyone's. Knows nothing of nets.
pub mod gradcheck;

// Random problems for property-based tests.
#[cfg(feature = "proptest")]
pub mod strategies;
