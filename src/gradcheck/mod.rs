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
//! # What there is
//!
//! | claimed, at x | short form | long form, on a [`Check`] |
//! |---|---|---|
//! | a gradient, of an f of which nothing is known but its values | [`check()`] | [`run`](Check::run), [`try_run`](Check::try_run) |
//! | the same, of an f that can be run on [`Dual`] numbers: exact but for rounding | [`check_dual`] | [`run_dual`](Check::run_dual) |
//! | J v of a vector field; H v, with a gradient as the field | [`check_jvp`] | [`run_jvp`](Check::run_jvp) |
//! | wᵀJ of a vector field | [`check_vjp`] | [`run_vjp`](Check::run_vjp) |
//! | the Jacobian J itself | [`check_jacobian`] | [`run_jacobian`](Check::run_jacobian) |
//! | that two functions multiply by the same J, one from either side | [`check_adjoint`] | [`run_adjoint`](Check::run_adjoint) |
//! | a gradient, and that this check would notice if it were wrong | [`self_test()`] | [`self_test`](Check::self_test) |
//! | nothing: the gradient, or Jacobian, is measured | | [`slopes`](Check::slopes), [`jacobian`](Check::jacobian) |
//!
//! The long form has settings: named [`blocks`](Check::blocks), a [`seed`](Check::seed), how many probes
//! ([`coordinates`](Check::coordinates), [`directions`](Check::directions)), how sharp they must be
//! ([`require`](Check::require)), how large an error is accepted ([`tolerance`](Check::tolerance)), and how often f is
//! evaluated at most ([`evaluations`](Check::evaluations)).
//!
//! Each of these works in the caller's scratch, whose length is a `const fn` (`scratch_len` of a gradient, and one by the
//! name of each other), and allocates nothing. The name of a long form with `_alloc` after it is the same check with
//! scratch of its own, where the feature `std` is on: [`run_alloc`](Check::run_alloc).
//!
//! What comes out is a [`Report`]: to print, to [`assert_ok`](Report::assert_ok), or as a `Result` for `?`:
//! [`ok`](Report::ok). [`split`] takes flat points apart into whatever the parameters really are.
//!
//! # Hessian-vector products
//!
//! A gradient that is written for any `Float` has the derivative of each of its entries along v in its dual parts, if it
//! is run on θ + v as dual numbers: that is H v, exact but for rounding. [`loss_and_grad`](crate::loss_and_grad) and all
//! that [`Pass`](crate::Pass) can do are so written. Where it is to be shown, [`check_jvp`] compares it with the gradient in
//! f64:
//!
//! ```
//! # fn main() -> Result<(), handgrad::Error> {
//! use handgrad::gradcheck::{Dual, check_jvp, jvp_scratch_len};
//! use handgrad::{Batch, Dims, Error, MatRef, Params, ParamsMut, loss_and_grad};
//! use num_traits::Float;
//!
//! const DIMS: Dims = match Dims::new(2, 2, 2) {
//!     Ok(dims) => dims,
//!     Err(_) => unreachable!(),
//! };
//! const N: usize = DIMS.param_len();
//!
//! /// The gradient of the mean loss of two examples.
//! fn gradient<T: Float + Send + Sync + 'static>(theta: &[T], grad: &mut [T]) -> Result<T, Error> {
//!     let x = [1.0, -2.0, 0.5, 3.0].map(|x| T::from(x).unwrap());
//!     let batch = Batch::new(MatRef::new(&x, 2, 2)?, &[0, 1])?;
//!     let mut scratch = [T::zero(); DIMS.scratch_len(2)];
//!     loss_and_grad(
//!         Params::from_flat(DIMS, theta)?,
//!         batch,
//!         ParamsMut::from_flat(DIMS, grad)?,
//!         &mut scratch,
//!     )
//! }
//!
//! let theta: [f64; N] = core::array::from_fn(|i| (1.0 + i as f64).sin());
//! let v: [f64; N] = core::array::from_fn(|i| (2.0 * i as f64).cos());
//! let moving: [Dual<f64>; N] = core::array::from_fn(|i| Dual::new(theta[i], v[i]));
//! let mut grad = [Dual::constant(0.0); N];
//! let loss = gradient(&moving, &mut grad)?;
//!
//! let hv = grad.map(|g| g.du); // H v
//! let slope = loss.du; // and the gradient along v, for nothing
//! assert!((slope - grad.iter().zip(v).map(|(g, v)| g.re * v).sum::<f64>()).abs() < 1e-14);
//! let field = |theta: &[f64], out: &mut [f64]| {
//!     gradient(theta, out).expect("all sizes are constants");
//! };
//! let report = check_jvp(field, &theta, &v, &hv, &mut [0.0; jvp_scratch_len(N, N)])?;
//! report.assert_ok();
//! assert!(report.resolution() < 1e-8);
//! # Ok(())
//! # }
//! ```
//!
//! # How it tells right from wrong
//!
//! A probe is a slope along one line through x: along one entry, or along a Gaussian direction, through a block or
//! through everything (the entries of a Gaussian direction have both signs, so errors that add up to zero, which
//! is what a wrong softmax gradient tends to have, do not cancel).
//!
//! 1. **Steps.** Differences are taken on a ladder of steps, from a quarter of the scale of x down to rounding, each
//!    half of the one before, until they get no sharper. The scale is that of the entry or its block. No step
//!    is assumed to be right for all functions. The first one is no power of two, so that no period or grid that is one
//!    hides behind the steps. Where x is 0 and f steep, they go on: down to ε^2.5 of the scale.
//! 2. **The claim is subtracted first**, times the displacement that floating point really made, in twice the
//!    precision. What remains is the discrepancy, and only it is extrapolated to step 0 (Richardson).
//! 3. **Its error bar** is truncation, estimated by the last change of the extrapolation, plus noise: measured from
//!    second differences of f over steps as small as rounding, or as f declares it ([`Eval::noise`]). The noise
//!    is never dropped, so a lucky coincidence does not pass for precision. If f stands still over such steps, at x and
//!    elsewhere, its values are coarser than their type (computed in a shorter one, printed and read, rounded to a
//!    grid): then noise is measured over steps at which it moves, and where the
//!    [`evaluations`](Check::evaluations) do not suffice for that, no claim passes. If the noise at x would hide every claim,
//!    as beside 0/0, it is measured farther off, too, and taken to grow towards x; not for vector fields, whose probes are
//!    unresolved there.
//! 4. **A slope is a limit.** Wide steps may see another one than that at x: a wave of whole periods, a bump or a
//!    regulariser much narrower than they are. Where two neighbouring finer steps agree with one another and not
//!    with the sharpest one, they count. And no probe ends on a step whose error bar noise does not explain.
//! 5. **Kinks.** Unless f says that it took the same branch on both sides ([`Eval::branch`]), the discrepancy lies
//!    anywhere between those of the two one-sided slopes, with their error bars. For a smooth function the two
//!    are the same; at a kink they are not, and a claim between them is fine.
//! 6. **Verdict.** [`Agree`](Verdict::Agree) and [`Kink`](Verdict::Kink) if 0 is among the possible discrepancies;
//!    [`Disagree`](Verdict::Disagree) only if it is not, at two neighbouring steps, with the same sign, and nothing that
//!    f does speaks for the claim. [`Disputed`](Verdict::Disputed), if something does: two neighbouring steps that admit
//!    the claim and can't be right together with the sharpest one; one of the next finer steps, with an error bar that
//!    noise does not explain; or a jump, if f still changes over the last step by a good part of all that it has changed
//!    by, and the claim is as steep as that. [`Unfinished`](Verdict::Unfinished), disputed or not, if the
//!    [`evaluations`](Check::evaluations) ran out before the last step was taken or the noise was known.
//!    [`Unresolved`](Verdict::Unresolved) if the interval is too wide to say anything. None of the three is a pass: one
//!    disputed or unfinished probe, or a block of which nothing was resolved, makes the whole check
//!    [`Inconclusive`](Outcome::Inconclusive).
//!
//! # What it can't see
//!
//! - Anything in f that no probe crosses. Entries of large blocks are sampled ([`Check::coordinates`]); an error in
//!   one entry that was not sampled shows only in the directions, and only if it is large enough there.
//! - Structure that is narrower than the finest step, or no higher than rounding. It may have any slope, and is taken for
//!   noise: in f32, a ripple of a few units in the last place can make a right claim look wrong in its third digit.
//! - Two kinks close to x, one on each side, look like none where the steps are wider than their distance. A function
//!   that names its branches has no such problem.
//! - Noise that is the same for neighbouring points, unless f stands still over them. Declare it. A sum of a part in a
//!   shorter type and an exact one does not stand still, and the finest steps see the slope of the exact part alone. Such an
//!   f has jumps, which make a right claim disputed; but where the search meets none, mostly since there is none within
//!   about the scale of x, the claim is called wrong: one of 250 with f16 or bf16 (`docs/gradcheck.md`).
//! - Values so coarse that f does not change within a quarter of the scale of x: it is a constant then.
//!
//! # Where kinks cross
//!
//! If x lies exactly on two kinks or more, a gradient by convention (ReLU'(0) = 1, say) may be no slope of f at all:
//! max(0, t) - max(0, -t) is t, its slope is 1, and the convention gives 2. Along one entry the check calls that wrong,
//! which it is. Along a direction, kinks of several entries meet (biases of 0 and a blank example: all units are at their
//! kinks), and a gradient that is right entry by entry need not lie between the slopes on both sides. So where a
//! direction finds a kink at x, or one was found at x along any, a claim outside of them is unresolved, and the entries
//! decide.
//!
//! Where the convention is what was promised, let f name its branches ([`Eval::branch`]): claims outside the
//! one-sided slopes are then unresolved only where the probe meets the point's own branch on neither side, and this holds
//! for entries, too.
//!
#![doc = include_str!("../../docs/gradcheck.md")]

// From the ground up; each file uses only files named before it: dual, eval, random, numeric, interval, ladder, jump, noise, entry,
// check, failed, report, verdict, judge, hint, driver, run, exact, field, jvp, vjp, jacobian, adjoint, slopes, self_test,
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
mod interval;
mod jacobian;
mod judge;
mod jump;
mod jvp;
mod ladder;
mod noise;
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
