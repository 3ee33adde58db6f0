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

use num_traits::Float;

use crate::error::Error;

mod block;
mod check;
mod dual;
mod eval;
mod exact;
mod hint;
mod jvp;
mod ladder;
mod numeric;
mod random;
mod report;
mod run;
mod self_test;
mod verdict;

// What goes in.
pub use block::Block;
pub use check::{Check, scratch_len};
pub use dual::Dual;

pub use eval::{Eval, branch};
pub use jvp::jvp_scratch_len;
pub use self_test::self_test_scratch_len;

// What comes out.
pub use hint::Hint;
pub use report::{Counts, Entry, LISTED, Outcome, Probe, Report, Verdict};
pub use self_test::{Catch, Fault, SelfTest};

/// Checks that `claims` is the gradient of `f` at `x`: [`Check::run`] with all settings as they are.
///
/// # Errors
///
/// As [`Check::run`].
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::gradcheck::{Hint, check};
///
/// // Somebody forgot the factor 2.
/// let report = check(|x: &[f64]| x[0] * x[0], &[3.0], &[3.0], &mut [0.0; 2])?;
/// assert!(!report.is_ok());
/// assert_eq!(report.hint(), Some(Hint::TooSmall(2)));
/// # Ok(())
/// # }
/// ```
pub fn check<T, F, V>(f: F, x: &[T], claims: &[T], scratch: &mut [T]) -> Result<Report<'static>, Error>
where
    T: Float,
    F: FnMut(&[T]) -> V,
    V: Into<Eval<T>>,
{
    Check::new(x, claims).run(f, scratch)
}

/// Checks that `claims` is J v, the derivative of the vector field `field` at `x` along `v`: [`Check::run_jvp`] with
/// all settings as they are.
///
/// # Errors
///
/// As [`Check::run_jvp`].
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::gradcheck::{check_jvp, jvp_scratch_len};
///
/// let polar = |p: &[f64], out: &mut [f64]| (out[0], out[1]) = (p[0] * p[1].cos(), p[0] * p[1].sin());
/// let (x, v) = ([2.0, 0.5f64], [1.0, 1.0]);
/// let (sin, cos) = x[1].sin_cos();
/// let jv = [cos - 2.0 * sin, sin + 2.0 * cos];
/// check_jvp(polar, &x, &v, &jv, &mut [0.0; jvp_scratch_len(2, 2)])?.assert_ok();
/// # Ok(())
/// # }
/// ```
pub fn check_jvp<T, F>(
    field: F,
    x: &[T],
    v: &[T],
    claims: &[T],
    scratch: &mut [T],
) -> Result<Report<'static>, Error>
where
    T: Float,
    F: FnMut(&[T], &mut [T]),
{
    Check::new(x, claims).run_jvp(field, v, scratch)
}

/// Checks that `claims` is the gradient of `f` at `x`, by dual numbers: [`Check::run_dual`] with all settings as they
/// are.
///
/// # Errors
///
/// As [`Check::run_dual`].
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::gradcheck::{Dual, check_dual};
///
/// let cube = |x: &[Dual<f64>]| x[0] * x[0] * x[0];
/// let report = check_dual(cube, &[2.0], &[12.0], &mut [Dual::constant(0.0); 2])?;
/// report.assert_ok();
/// # Ok(())
/// # }
/// ```
pub fn check_dual<T, F, V>(
    f: F,
    x: &[T],
    claims: &[T],
    scratch: &mut [Dual<T>],
) -> Result<Report<'static>, Error>
where
    T: Float,
    F: FnMut(&[Dual<T>]) -> V,
    V: Into<Eval<Dual<T>>>,
{
    Check::new(x, claims).run_dual(f, scratch)
}

/// Tells which known faults in `claims` a check of them catches: [`Check::self_test`] with all settings as they are.
///
/// # Errors
///
/// As [`Check::self_test`].
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::gradcheck::{self_test, self_test_scratch_len};
///
/// let f = |x: &[f64]| x[0].exp() * x[1];
/// let claims = [3.0 * 1f64.exp(), 1f64.exp()];
/// self_test(f, &[1.0, 3.0], &claims, &mut [0.0; self_test_scratch_len(2)])?.assert_ok();
/// # Ok(())
/// # }
/// ```
pub fn self_test<T, F, V>(f: F, x: &[T], claims: &[T], scratch: &mut [T]) -> Result<SelfTest<'static>, Error>
where
    T: Float,
    F: FnMut(&[T]) -> V,
    V: Into<Eval<T>>,
{
    Check::new(x, claims).self_test(f, scratch)
}
