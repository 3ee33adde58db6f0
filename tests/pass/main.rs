//! The tests of [`handgrad::Pass`] and what it is made of. One program, because each would compile the same
//! kernels again; `cargo test --test pass kernels` runs one file of it.

#[path = "../support/mod.rs"]
mod support;

mod compact;
mod cross_entropy;
mod dual_numbers;
mod duals;
mod engines;
mod errors;
mod example_grads;
mod golden;
mod gradcheck_nets;
mod invariants;
mod kernels;
mod large_n;
mod nonfinite;
mod objective;
mod scoped;
mod scratch;
mod strategies;
mod support_itself;
mod threads;
mod vectors;
