//! The verdict of a claim where the slope is known but for rounding: no steps, no truncation.

use num_traits::Float;

use super::entry::{Entry, Found, Probe, Verdict};
use super::numeric::{as_f64, real};
use super::verdict::Limits;

/// The error bar is so many times the largest change that rounding was seen to make...
const TRUST: f64 = 8.0;

/// ... and so many units of rounding of the size of the slope.
const ROUNDING: f64 = 32.0;

/// A slope that is known but for rounding.
#[derive(Clone, Copy)]
pub(super) struct Slope<T> {
    pub(super) slope: T,
    /// The largest change that rounding was seen to make, relative to `size`.
    pub(super) noise: T,
    /// What errors are relative to.
    pub(super) size: T,
    /// What the tolerance is relative to.
    pub(super) reach: T,
}

/// What a probe found that claims this of a slope.
pub(super) fn judge<'n, T: Float>(
    probe: Probe<'n>,
    claim: T,
    found: Slope<T>,
    limits: Limits<T>,
) -> Found<'n, T> {
    let Slope { slope, noise, size, reach } = found;
    let error = real::<T>(TRUST) * noise * size + real::<T>(ROUNDING) * limits.epsilon * size;
    let (off, accepted) = ((slope - claim).abs(), limits.tolerance * reach);
    let relative = |error: T| if error <= T::zero() { T::zero() } else { error / size };
    let verdict = if off > error + accepted {
        if limits.sure { Verdict::Disagree } else { Verdict::Unfinished }
    } else if relative(off + error - accepted) <= limits.required {
        Verdict::Agree
    } else {
        Verdict::Unresolved
    };
    let beyond = off - error;
    let needed = verdict == Verdict::Agree && beyond > T::zero();
    let entry = Entry {
        probe,
        verdict,
        claimed: as_f64(claim),
        slope: as_f64(slope),
        error: as_f64(error),
        step: 0.0,
        resolution: as_f64(relative(off + error)),
        accepted: if needed { as_f64(beyond / accepted * limits.tolerance) } else { 0.0 },
    };
    Found { entry, slope, error, cut: false, jump: T::zero() }
}
