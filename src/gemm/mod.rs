//! Matrix products over views: the trait [`Gemm`] for engines of your own, and the crate's products.
//!
//! A [`Pass`](crate::Pass) multiplies with what [`Engine`](crate::Engine) says, by default with the products here.

mod blocked;
mod destination;
mod epilogue;
mod factors;
pub(crate) mod few;
pub(crate) mod masked;
mod masked_kernel;
mod masks;
#[cfg(feature = "matrixmultiply")]
mod matrix_multiply;
mod packing;
mod panels;
mod product;
pub(crate) mod sparse;
#[cfg(test)]
mod tests;
mod tile;

pub(crate) use blocked::product;
pub(crate) use epilogue::Epilogue;
pub(crate) use factors::{Blocks, Left, Right};
pub(crate) use masks::is_finite;
#[cfg(feature = "matrixmultiply")]
pub(crate) use matrix_multiply::matrix_multiply;
pub(crate) use packing::{pack, pack_left};
pub(crate) use panels::{panel, panels};
pub(crate) use product::AlphaBeta;
#[cfg(not(feature = "matrixmultiply"))]
pub(crate) use product::matrix_multiply;
pub use product::{Beta, Gemm, product_shape};
