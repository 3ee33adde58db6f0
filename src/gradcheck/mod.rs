//! A checker of gradients, anyone's: it calls a gradient wrong only when it is, and tells how small an error it
//! would have seen.
//!
//! It gets a function, a point and the slopes that are claimed there. It knows nothing of neural nets, needs no
//! heap and works in any `Float`: f32, f64, double-doubles.
//!
//! ```
//! # fn main() -> Result<(), handgrad::Error> {
//! use handgrad::gradcheck::{check, scratch_len};
//!
//! let f = |x: &[f64]| (x[0] * x[1]).sin() + x[1];
//! let (x, claims) = ([0.5, 2.0], [2.0 * 1f64.cos(), 0.5 * 1f64.cos() + 1.0]);
//! let report = check(f, &x, &claims, &mut [0.0; scratch_len(2)])?;
//! report.assert_ok(); // panics with the whole report if a claim is wrong
//! assert!(report.resolution() < 1e-9); // an error of this relative size would have been found
//! # Ok(())
//! # }
//! ```
//!
//! - [`check()`] compares with differences of function values. Nothing is asked of f but its values.
//! - [`check_jvp`] does so for a vector field: Jacobian-vector and Hessian-vector products.
//! - [`check_dual`] is exact but for rounding, for an f that can be run on [`Dual`] numbers.
//! - [`self_test()`] injects known faults into the claims and tells which the check catches.
//! - [`Check`] is the long form of all of them: named blocks, a seed, how many probes.
//!
//! # How it tells right from wrong
//!
//! A probe is a slope along one line through x: along one entry, or along a Gaussian direction, through a block or
//! through everything (the entries of a Gaussian direction have both signs, so errors that add up to zero, which
//! is what a wrong softmax gradient tends to have, do not cancel).
//!
//! 1. **Steps.** Differences are taken on a ladder of steps, from a quarter of the scale of x down to rounding, each
//!    half of the one before, until they get no sharper. The scale is that of the entry or its block. No step
//!    is assumed to be right for all functions.
//! 2. **The claim is subtracted first**, times the displacement that floating point really made, in twice the
//!    precision. What remains is the discrepancy, and only it is extrapolated to step 0 (Richardson).
//! 3. **Its error bar** is truncation, estimated by the last change of the extrapolation, plus noise: measured from
//!    second differences of f over steps as small as rounding, or as f declares it ([`Eval::noise`]). The noise
//!    is never dropped, so a lucky coincidence does not pass for precision.
//! 4. **Kinks.** Unless f says that it took the same branch on both sides ([`Eval::branch`]), the discrepancy lies
//!    anywhere between those of the two one-sided slopes, with their error bars. For a smooth function the two
//!    are the same; at a kink they are not, and a claim between them is fine.
//! 5. **Verdict.** [`Agree`](Verdict::Agree) and [`Kink`](Verdict::Kink) if 0 is among the possible discrepancies;
//!    [`Disagree`](Verdict::Disagree) only if it is not, at two neighbouring steps, with the same sign;
//!    [`Unresolved`](Verdict::Unresolved) if the interval is too wide to say anything, which is no pass: a block
//!    of which nothing was resolved makes the whole check [`Inconclusive`](Outcome::Inconclusive).
//!
//! # What it can't see
//!
//! - Anything in f that no probe crosses. Entries of large blocks are sampled ([`Check::coordinates`]); an error in
//!   one entry that was not sampled shows only in the directions, and only if it is large enough there.
//! - Features of f much narrower than the ladder can resolve: two kinks close to x, one on each side, look like
//!   none where the steps are wider than their distance. A function that names its branches has no such problem.
//! - Noise that is the same for neighbouring points. Declare it.
//!
//! # Where kinks cross
//!
//! If x lies exactly on two kinks or more, a gradient by convention (ReLU'(0) = 1, say) may be no slope of f at all:
//! max(0, t) - max(0, -t) is t, its slope is 1, and the convention gives 2. The check calls that wrong, which it is.
//! Where the convention is what was promised, let f name its branches ([`Eval::branch`]): claims outside the
//! one-sided slopes are then unresolved where the probe meets the point's own branch on neither side.

// From the ground up; each file uses only files named before it: dual, eval, random, numeric, ladder, entry, check,
// failed, report, verdict, judge, hint, driver, run, exact, field, jvp, vjp, jacobian, adjoint, slopes, self_test,
// functions, alloc, tree.
mod adjoint;
#[cfg(feature = "std")]
mod alloc;
mod check;
mod driver;
mod dual;
mod entry;
mod eval;
mod exact;
mod failed;
mod field;
mod functions;
mod hint;
mod jacobian;
mod judge;
mod jvp;
mod ladder;
mod numeric;
mod random;
mod report;
mod run;
mod self_test;
mod slopes;
mod tree;
mod verdict;
mod vjp;

// What goes in.
pub use crate::data::Block;
pub use check::{Check, scratch_len};
pub use dual::Dual;
pub use eval::{Eval, branch};
pub use functions::{check, check_adjoint, check_dual, check_jacobian, check_jvp, check_vjp, self_test};
pub use tree::split;

// How much scratch each takes.
pub use adjoint::adjoint_scratch_len;
pub use jacobian::jacobian_scratch_len;
pub use jvp::jvp_scratch_len;
pub use self_test::self_test_scratch_len;
pub use slopes::{slopes_of_field_scratch_len, slopes_scratch_len};
pub use vjp::vjp_scratch_len;

// What comes out.
pub use entry::{Entry, Probe, Verdict};
pub use failed::Failed;
pub use report::{Counts, Hint, LISTED, Outcome, Report};
pub use self_test::{Catch, Fault, SelfTest};
