//! Matrix products over views: one trait, the engines behind it, and which one is the default for a type.
//!
//! Every product of the crate goes through [`Gemm`]. For `f32` and `f64` that is [`MatrixMultiply`] (with
//! the feature of that name), for every other type [`Portable`]. Hand another engine, say a BLAS, to
//! [`Pass::engine`](crate::Pass::engine).

mod blocked;
mod factors;
mod few;
#[cfg(feature = "matrixmultiply")]
mod matrix_multiply;
mod packing;
mod panels;
mod product;
#[cfg(test)]
mod tests;
mod tile;

pub use crate::pass::{Blocked, Portable, default_engine};
pub(crate) use blocked::product;
pub(crate) use factors::{Blocks, Left, Right};
pub(crate) use few::{Update, dots, product as few_product};
#[cfg(feature = "matrixmultiply")]
pub use matrix_multiply::MatrixMultiply;
pub(crate) use packing::{pack, pack_left};
pub(crate) use panels::{panel, panels};
pub use product::{Beta, Fused, Gemm, product_shape};
pub(crate) use tile::Then;
