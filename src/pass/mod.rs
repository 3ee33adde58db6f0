//! One evaluation of a net on a batch.

mod backward;
mod engine;
mod evaluate;
mod few;
mod forward;
mod grad_sum;
mod headroom;
mod layout;
mod moment;
mod nonfinite;
mod objective;
mod options;
mod outputs;
mod parts;
mod per_example;
mod phases;
mod plan;
mod run;
mod setup;
#[cfg(test)]
mod tests;
mod threads;
mod weight_grads;

pub use engine::Engine;
pub use setup::{Pass, Reduction};
