//! Vector registers: what the kernels need of an instruction set, and which one this machine has.
//!
//! Other sets than [`Portable`] are there with the feature `std` only: without it `mul_add` of a single number is a call,
//! and what a CPU has is not known on x86. A kernel is written once, generic in `S: Simd<T>`, and inlined into
//! [`Simd::vectorize`], which is compiled for that instruction set. The value of type `S` is the proof that the machine
//! has it: only `Avx512::detect` and its like make one.

mod best;
#[cfg(any(
    test,
    all(feature = "std", target_arch = "x86_64"),
    all(feature = "std", target_arch = "aarch64", target_feature = "neon")
))]
mod math;
#[cfg(all(feature = "std", target_arch = "aarch64", target_feature = "neon"))]
mod neon;
mod portable;
mod registers;
#[cfg(test)]
pub(crate) mod tests;
#[cfg(all(feature = "std", target_arch = "x86_64"))]
mod x86;

pub(crate) use best::{WithSimd, best_of_f32, best_of_f64, if_same};
pub(crate) use portable::Portable;
pub(crate) use registers::{Simd, lane_sums, transpose};
