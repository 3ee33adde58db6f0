//! What one probe looked at and what it found.

use core::fmt;

use num_traits::Float;

use super::numeric::as_f64;

/// What one probe found: worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// Two evaluations at the same point gave different results, so nothing can be concluded.
    Nondeterministic,
    /// The point, the claim or the value of the function at the point is NaN or infinite.
    NonFinite,
    /// The claim is wrong: it lies outside what the slope can be, on two neighbouring steps, with the same
    /// sign.
    Disagree,
    /// The claim looks wrong, but the evaluations ran out before that was sure
    /// ([`Check::evaluations`](crate::gradcheck::Check::evaluations)).
    Unfinished,
    /// The claim lies outside of what was found, but the function's values speak for it, too: at other steps, or at
    /// steps finer than any that can be taken. No pass: such a check is inconclusive.
    Disputed,
    /// The slope could not be found sharply enough to say anything.
    Unresolved,
    /// The one-sided slopes differ, and the claim lies between them, as it should at a kink.
    Kink,
    /// The claim is the slope, to the probe's resolution.
    Agree,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Nondeterministic => "nondeterministic",
            Verdict::NonFinite => "not finite",
            Verdict::Disagree => "disagrees",
            Verdict::Unfinished => "looks wrong, unfinished",
            Verdict::Disputed => "disputed",
            Verdict::Unresolved => "unresolved",
            Verdict::Kink => "kink",
            Verdict::Agree => "agrees",
        })
    }
}

/// What a probe looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Probe<'a> {
    /// The function at the point itself.
    Point,
    /// One entry.
    Entry {
        /// Of a Jacobian, the number of the output whose derivative by the entry it is.
        output: Option<usize>,
        /// The name of its block.
        block: &'a str,
        /// Its index in the flat slice.
        index: usize,
        /// Its row in the block; of a vector, its index.
        row: usize,
        /// Its column in the block, if that is a matrix.
        col: Option<usize>,
    },
    /// A Gaussian direction through the block of this name, or through everything.
    Direction {
        /// The name of the block, `None` for all of them.
        block: Option<&'a str>,
        /// The number of the direction.
        number: usize,
    },
}

impl fmt::Display for Probe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Probe::Point => write!(f, "the value at the point"),
            Probe::Entry { output, block, row, col, .. } => {
                if let Some(output) = output {
                    write!(f, "output {output} by ")?;
                }
                write!(f, "{block}[{row}")?;
                col.map_or(Ok(()), |col| write!(f, ", {col}"))?;
                write!(f, "]")
            }
            Probe::Direction { block: Some(block), number } => write!(f, "direction {number} in {block}"),
            Probe::Direction { block: None, number } => write!(f, "direction {number}"),
        }
    }
}

/// One probe and what it found. All numbers as f64.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Entry<'a> {
    /// What it looked at.
    pub probe: Probe<'a>,
    /// What it found.
    pub verdict: Verdict,
    /// The claimed slope.
    pub claimed: f64,
    /// The slope that was found. At a kink, the middle between the one-sided ones.
    pub slope: f64,
    /// The slope is within `slope` ± `error`. At a kink, both one-sided slopes are.
    pub error: f64,
    /// The step that gave it.
    pub step: f64,
    /// The smallest error of the claim that this probe would have called wrong, relative to the size of the
    /// gradient (see [`Report::resolution`](crate::gradcheck::Report::resolution)).
    pub resolution: f64,
    /// How much of the claim's error nothing but the tolerance accepts: what it is off by beyond `error`, relative as
    /// the resolution; of a direction, in the units in which the [tolerance](crate::gradcheck::Check::tolerance) is
    /// the most that is accepted. 0 if the claim is the slope within `error`, or is not accepted.
    pub accepted: f64,
}

/// What a probe found, as the report has it and in T.
pub(super) struct Found<'a, T> {
    pub(super) entry: Entry<'a>,
    pub(super) slope: T,
    /// The slope is within `slope` ± `error`.
    pub(super) error: T,
    /// The evaluations ran out before the probe was done.
    pub(super) cut: bool,
    /// The height of the highest jump that was met so far, if any was looked for.
    pub(super) jump: T,
}

impl<'a, T: Float> Found<'a, T> {
    /// The same, but the evaluations ran out before that was sure.
    pub(super) fn unfinished(mut self) -> Self {
        self.entry.verdict = Verdict::Unfinished;
        self
    }

    /// Of a probe that found no slope.
    pub(super) fn nothing(probe: Probe<'a>, claim: T, cut: bool) -> Self {
        let entry = Entry::of_value(probe, Verdict::Unresolved, claim, T::nan());
        let entry = Entry { error: f64::INFINITY, ..entry };
        Found { entry, slope: T::nan(), error: T::infinity(), cut, jump: T::zero() }
    }
}

impl<'a> Entry<'a> {
    /// A line of the report that is not about a slope but about a value, and the one that was found when it was
    /// asked for again.
    pub(super) fn of_value<T: Float>(probe: Probe<'a>, verdict: Verdict, value: T, again: T) -> Self {
        let (claimed, slope) = (as_f64(value), as_f64(again));
        let (error, step, resolution) = (f64::NAN, f64::NAN, f64::INFINITY);
        Entry { probe, verdict, claimed, slope, error, step, resolution, accepted: 0.0 }
    }

    /// |slope - claimed| in units of `error`: above 1 they are incompatible.
    pub fn ratio(&self) -> f64 {
        let off = (self.slope - self.claimed).abs();
        if off == 0.0 { 0.0 } else { off / self.error }
    }

    /// |slope - claimed|, relative as the resolution.
    pub fn relative_error(&self) -> f64 {
        let off = (self.slope - self.claimed).abs();
        if off == 0.0 { 0.0 } else { self.resolution * off / (off + self.error) }
    }

    /// What the resolution is relative to.
    pub(super) fn reference(&self) -> f64 {
        ((self.slope - self.claimed).abs() + self.error) / self.resolution
    }

    /// Worse ones first: by verdict, of those that disagree entries before directions because they say where,
    /// then by the ratio, or the resolution of those that do not disagree.
    pub(super) fn is_worse_than(&self, other: &Self) -> bool {
        let rank = |entry: &Self| {
            let tells_where =
                entry.verdict == Verdict::Disagree && matches!(entry.probe, Probe::Entry { .. });
            (entry.verdict, !tells_where)
        };
        let measure = |entry: &Self| match entry.verdict {
            Verdict::Unresolved | Verdict::Agree => entry.resolution,
            _ => entry.ratio(),
        };
        rank(self) < rank(other) || (rank(self) == rank(other) && measure(self) > measure(other))
    }
}

impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry { claimed, slope, error, step, .. } = *self;
        write!(f, "{}: {}", self.probe, self.verdict)?;
        match self.verdict {
            Verdict::Nondeterministic => write!(f, ": {claimed:e}, then {slope:e}"),
            Verdict::NonFinite => write!(f, ": {claimed}"),
            _ => {
                write!(f, ", claimed {claimed:.9e}, slope {slope:.9e} ± {error:.1e}, step {step:.1e}")?;
                match self.verdict {
                    Verdict::Disagree | Verdict::Disputed | Verdict::Unfinished => {
                        write!(f, ", {:.1e} error bars", self.ratio())
                    }
                    Verdict::Agree | Verdict::Unresolved => {
                        write!(f, ", resolution {:.1e}", self.resolution)
                    }
                    _ => Ok(()),
                }
            }
        }
    }
}
