//! Threads: who runs the parts of a pass.

#[cfg(feature = "rayon")]
mod pool;
mod tasks;

#[cfg(feature = "rayon")]
pub use pool::Rayon;
pub use tasks::Executor;
pub(crate) use tasks::both;
