#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

#[cfg(not(any(feature = "std", feature = "libm")))]
compile_error!(
    "handgrad needs exp and ln_1p from somewhere: turn on the feature `std` or the feature `libm`"
);

// The derivation, formula by formula: slow, obviously right.
pub mod derivation;

// What goes in and out: sizes, views, parameters, batches, errors.
mod batch;
mod dims;
mod error;
mod matrix;
mod params;
pub use batch::Batch;
pub use dims::Dims;
pub use error::{Error, What};
pub use matrix::{MatMut, MatRef};
pub use params::{Params, ParamsMut};

// The evaluation of a batch, short and long.
mod executor;
mod functions;
mod kink;
mod pass;
pub use executor::Executor;
#[cfg(feature = "rayon")]
pub use executor::Rayon;
pub use functions::{log_probabilities, loss, loss_and_grad, predict, probabilities, scores};
pub use kink::Kink;
pub use pass::{Pass, Reduction};

// One example at a time, for small targets.
pub mod compact;

// The checker of gradients, anyone's. Knows nothing of nets.
pub mod gradcheck;

// Random problems for property-based tests.
#[cfg(feature = "proptest")]
pub mod strategies;

// What it is made of.
mod evaluate;
mod examples;
mod fork;
pub mod gemm;
mod grad_sum;
mod kernels;
mod objective;
mod outputs;
mod phases;
mod plan;
mod poisoned;
mod simd;
mod single;
