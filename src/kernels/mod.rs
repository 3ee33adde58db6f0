//! The fused kernels: each reads and writes what it works on once.

pub(crate) mod activate;
pub(crate) mod norms;
pub(crate) mod scaled;
pub(crate) mod soft_targets;
pub(crate) mod softmax;
pub(crate) mod sum;
pub(crate) mod tangent;
