//! What goes in and out: sizes, views, parameters, batches.

mod batch;
mod block;
mod dims;
mod matrix;
mod params;

pub use batch::Batch;
pub use block::Block;
pub(crate) use block::check_blocks;
pub use dims::Dims;
pub use matrix::{MatMut, MatRef};
pub use params::{Params, ParamsMut};
