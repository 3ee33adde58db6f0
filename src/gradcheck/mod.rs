//! Gradient checks.

mod block;
mod check;
mod eval;
mod hint;
mod ladder;
mod probe;
mod report;
mod rng;
mod run;
mod verdict;

pub use block::Block;
pub use check::{Check, scratch_len};
pub use eval::{Eval, branch};
pub use hint::Hint;
pub use report::{Counts, Entry, LISTED, Outcome, Probe, Report, Verdict};

use num_traits::Float;

use crate::error::Error;

/// Checks
pub fn check<'a, T, F, V>(f: F, x: &'a [T], g: &'a [T], scratch: &mut [T]) -> Result<Report<'a>, Error>
where
    T: Float,
    F: FnMut(&[T]) -> V,
    V: Into<Eval<T>>,
{
    Check::new(x, g).run(f, scratch)
}
