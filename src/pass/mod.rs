//! One evaluation of a net on a batch.

mod engine;
mod examples;
mod excluded;
mod grad_sum;
mod objective;
mod outputs;
mod parts;
mod per_example;
mod phases;
mod run;
mod scoring;
mod setup;
mod threads;

pub use engine::{Blocked, Portable, default_engine};
pub(crate) use objective::Goal;
pub(crate) use phases::Phases;
pub use setup::{Pass, Reduction};
