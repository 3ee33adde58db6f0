//! The tests of [`handgrad::Pass`] and what it is made of. One program, because each would compile the same
//! kernels again; `cargo test --test pass kernels` runs one file of it.

// The library has its strategies with the feature `proptest` alone, and the tests of a package cannot turn on a
// feature of that package. So they are compiled here from the same file, which finds the library's names, that it
// has as `crate::...`, by these imports.
use handgrad::{Batch, Dims, Error, MatRef, Params, derivation};
#[path = "../../src/strategies.rs"]
mod strategies;

#[path = "../support/mod.rs"]
mod support;

mod batches;
mod compact;
mod cross_entropy;
mod curvature;
mod dual_numbers;
mod duals;
mod empty;
mod engines;
mod errors;
mod example_grads;
mod executors;
mod golden;
mod gradcheck_nets;
mod helpers;
mod invariants;
mod kernels;
mod large_n;
mod messages;
mod nonfinite;
mod objective;
mod range;
mod scoped;
mod scratch;
mod second_order;
mod shards;
mod short_sums;
mod sparse;
mod strategies_themselves;
mod support_itself;
mod target_sums;
mod threads;
mod vectors;
mod zeros;
