//! The bodies of the fuzz targets: each makes a case of a byte string, runs it, and panics if the crate has broken a promise.
//!
//! No byte string is refused: bytes say what is chosen, and where there are no more, 0 is. Numbers come from a generator whose
//! seed is among the bytes, so that a short string makes a large case.

mod ball;
mod bytes;
mod element;
mod gemm;
mod gradcheck;
mod memory;
mod pass;
mod values;

pub use gemm::gemm;
pub use gradcheck::gradcheck;
pub use pass::pass;

/// The body of a target.
pub type Target = fn(&[u8]);

/// All targets by their names.
pub const TARGETS: [(&str, Target); 3] = [("pass", pass), ("gemm", gemm), ("gradcheck", gradcheck)];
