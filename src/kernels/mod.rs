//! The fused kernels, over contiguous tiles: each reads and writes its tile once.

pub(crate) mod hidden;
pub(crate) mod softmax;
pub(crate) mod sum;
