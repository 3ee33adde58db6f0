//! The fused kernels: each reads and writes what it works on once.

pub(crate) mod dense;
pub(crate) mod direct;
pub(crate) mod hidden;
#[cfg(any(
    test,
    all(feature = "std", target_arch = "x86_64"),
    all(feature = "std", target_arch = "aarch64", target_feature = "neon")
))]
pub(crate) mod math;
pub(crate) mod norms;
pub(crate) mod rows;
pub(crate) mod softmax;
pub(crate) mod sum;
