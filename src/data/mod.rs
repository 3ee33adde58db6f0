//! What goes in and out: sizes, views, parameters, batches.

mod batch;
mod block;
mod csr;
mod dims;
mod inputs;
mod matrix;
mod params;
mod sparse_rows;

pub use batch::Batch;
pub use block::Block;
pub(crate) use block::check_blocks;
pub use csr::{Csr, UsedInputs};
pub use dims::Dims;
pub use inputs::Inputs;
pub(crate) use inputs::Kind;
pub use matrix::{MatMut, MatRef};
pub use params::{Params, ParamsMut};
pub(crate) use sparse_rows::SparseRows;
