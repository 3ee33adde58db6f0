//! The fused kernels: each reads and writes what it works on once.

pub(crate) mod direct;
pub(crate) mod hidden;
pub(crate) mod math;
pub(crate) mod rows;
pub(crate) mod softmax;
pub(crate) mod sum;
