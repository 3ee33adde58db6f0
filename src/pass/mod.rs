//! One evaluation of a net on a batch.

mod backward;
mod config;
mod engine;
mod evaluate;
mod few;
mod forward;
mod grad_sum;
mod halfway;
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
mod predictions;
mod run;
mod setup;
#[cfg(test)]
mod tests;
mod threads;
mod weight_grads;

pub use config::Config;
pub use engine::Engine;
pub(crate) use forward::score_product;
pub(crate) use grad_sum::GradSum;
pub(crate) use halfway::{Chunk, Halfway, Net, Setting};
pub(crate) use layout::{External, Layout, padded};
pub(crate) use objective::Objective;
pub(crate) use parts::{GradsPart, Share};
pub(crate) use phases::cut;
pub(crate) use plan::Plan;
pub use predictions::ClassInteger;
pub(crate) use run::pack;
pub use setup::{Pass, Reduction};
pub(crate) use weight_grads::{
    ChunkFactors, biases, multiply, run as weight_grads, w2 as score_weight_grads,
};
