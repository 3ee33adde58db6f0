// What README links to by path, the documentation links to by name: the first definition of a link counts. Of pictures it has
// nothing, since no path leads from it to them: an empty one.
//! [`Error`]: crate::Error
//! [`scores`]: crate::scores
//! [`probabilities`]: crate::probabilities
//! [`predict`]: crate::predict
//! [`loss`]: crate::loss
//! [`loss_and_grad`]: crate::loss_and_grad
//! [`Pass`]: crate::Pass
//! [`Config`]: crate::Config
//! [`Csr`]: crate::Csr
//! [`compact`]: crate::compact
//! [`curvature`]: crate::curvature
//! [`shards`]: crate::shards
//! [`gemm::Gemm`]: crate::gemm::Gemm
//! [`Executor`]: crate::Executor
//! [`gradcheck`]: crate::gradcheck
//! [`derivation`]: crate::derivation
//! [docs/sparse.md]: crate::Csr
//! [docs/many_machines.md]: crate::shards
//! [docs/gradcheck.md]: crate::gradcheck
//! [docs/curvature.md]: crate::curvature
//! [docs/derivation.md]: crate::derivation
//! [docs/training.svg]: data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7
//! [docs/web.png]: data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7
//! [docs/speed.svg]: data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7
#![cfg_attr(feature = "rayon", doc = "[`Rayon`]: crate::Rayon")]
//!
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
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
pub use data::{Batch, Csr, Dims, Inputs, MatMut, MatRef, Params, ParamsMut, UsedInputs};

// Threads and matrix products.
mod executor;
pub mod gemm;
mod simd;
pub use executor::Executor;
#[cfg(feature = "rayon")]
#[cfg_attr(docsrs, doc(cfg(feature = "rayon")))]
pub use executor::Rayon;

// The evaluation of a batch, short and long.
mod functions;
mod kernels;
mod pass;
pub use functions::{log_probabilities, loss, loss_and_grad, predict, probabilities, scores};
pub use pass::{ClassInteger, Config, Engine, Pass, Reduction};

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
#[cfg_attr(docsrs, doc(cfg(feature = "proptest")))]
pub mod strategies;
