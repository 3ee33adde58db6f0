//! What a check found.

use core::fmt;

use super::hint::Hint;
use crate::data::Block;

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

impl<'a> Probe<'a> {
    /// The entry with this index in a block that starts at `start`.
    pub(super) fn entry(block: Block<'a>, start: usize, index: usize) -> Self {
        let cols = block.shape().1;
        let (row, col) = (index / cols, block.is_matrix().then_some(index % cols));
        Probe::Entry { block: block.name(), index: start + index, row, col }
    }
}

impl fmt::Display for Probe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Probe::Point => write!(f, "the value at the point"),
            Probe::Entry { block, row, col: Some(col), .. } => write!(f, "{block}[{row}, {col}]"),
            Probe::Entry { block, row, .. } => write!(f, "{block}[{row}]"),
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
    /// gradient (see [`Report::resolution`]).
    pub resolution: f64,
}

impl Entry<'_> {
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

    /// Worse ones first: by verdict, of those that disagree entries before directions because they say where,
    /// then by the ratio, or the resolution of those that do not disagree.
    fn is_worse_than(&self, other: &Self) -> bool {
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
                    Verdict::Disagree => write!(f, ", {:.1e} error bars", self.ratio()),
                    Verdict::Agree | Verdict::Unresolved => {
                        write!(f, ", resolution {:.1e}", self.resolution)
                    }
                    _ => Ok(()),
                }
            }
        }
    }
}

/// How many probes found what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// [`Verdict::Agree`].
    pub agree: usize,
    /// [`Verdict::Disagree`].
    pub disagree: usize,
    /// [`Verdict::Kink`].
    pub kink: usize,
    /// [`Verdict::Unresolved`].
    pub unresolved: usize,
    /// [`Verdict::NonFinite`].
    pub non_finite: usize,
    /// [`Verdict::Nondeterministic`].
    pub nondeterministic: usize,
}

impl Counts {
    fn add(&mut self, verdict: Verdict) {
        *match verdict {
            Verdict::Agree => &mut self.agree,
            Verdict::Disagree => &mut self.disagree,
            Verdict::Kink => &mut self.kink,
            Verdict::Unresolved => &mut self.unresolved,
            Verdict::NonFinite => &mut self.non_finite,
            Verdict::Nondeterministic => &mut self.nondeterministic,
        } += 1;
    }

    /// Probes that compared something: those that agree, disagree or found a kink.
    pub fn conclusive(&self) -> usize {
        self.agree + self.disagree + self.kink
    }
}

/// What a check says as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The claim holds wherever it was probed.
    Holds,
    /// Too little could be compared: in some block no probe was conclusive, or the function is
    /// nondeterministic.
    Inconclusive,
    /// The claim is wrong: a probe disagrees, or something is NaN or infinite.
    Wrong,
}

/// So many of the worst probes are listed in a report.
pub const LISTED: usize = 8;

/// What a check found. Its `Display` is the text to read.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::gradcheck::{Outcome, check};
///
/// let f = |x: &[f64]| x[0] * x[0] * x[1];
/// let report = check(f, &[3.0, 2.0], &[12.0, 9.0], &mut [0.0; 4])?;
/// report.assert_ok();
/// assert!(report.resolution() < 1e-9);
///
/// let wrong = check(f, &[3.0, 2.0], &[12.0, -9.0], &mut [0.0; 4])?;
/// assert_eq!(wrong.outcome(), Outcome::Wrong);
/// let text = wrong.to_string();
/// assert!(text.contains("x[1]: disagrees, claimed -9.000000000e0, slope 9.000000000e0"));
/// assert!(text.contains("opposite sign"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report<'a> {
    counts: Counts,
    worst: [Option<Entry<'a>>; LISTED],
    resolution: Option<f64>,
    worst_error: f64,
    blind: Option<&'a str>,
    pub(super) hint: Option<Hint>,
    pub(super) seed: u64,
    pub(super) evaluations: usize,
}

impl<'a> Report<'a> {
    pub(super) fn new(seed: u64) -> Self {
        let (counts, worst) = (Counts::default(), [None; LISTED]);
        Self {
            counts,
            worst,
            resolution: None,
            worst_error: 0.0,
            blind: None,
            hint: None,
            seed,
            evaluations: 0,
        }
    }

    /// Takes the finding of one more probe.
    pub(super) fn add(&mut self, entry: Entry<'a>) {
        self.counts.add(entry.verdict);
        if matches!(entry.verdict, Verdict::Agree | Verdict::Disagree) {
            self.worst_error = self.worst_error.max(entry.relative_error());
        }
        if entry.verdict == Verdict::Agree {
            self.resolution = Some(self.resolution.map_or(entry.resolution, |r| r.max(entry.resolution)));
        }
        let mut entry = Some(entry);
        for place in &mut self.worst {
            if match (&entry, &place) {
                (Some(entry), Some(other)) => entry.is_worse_than(other),
                (entry, _) => entry.is_some(),
            } {
                core::mem::swap(place, &mut entry);
            }
        }
    }

    /// Remembers a block whose probes have added no conclusive one to those `before` it.
    pub(super) fn note_blind(&mut self, block: &'a str, before: usize) {
        if self.counts.conclusive() == before && self.blind.is_none() {
            self.blind = Some(block);
        }
    }

    /// How many probes found what.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The worst probes, worst first, up to [`LISTED`].
    pub fn worst(&self) -> impl Iterator<Item = &Entry<'a>> {
        self.worst.iter().flatten()
    }

    /// The resolution of the whole check: the largest of those of all probes that agree, and infinity if none
    /// does. Had any entry that was probed been wrong by more than this, it would have been found.
    ///
    /// It is relative to the largest of three: the claim; the root mean square of the claims in its block; and
    /// the claim that would have 1 % of the influence on f (claim times scale of x) that the most influential
    /// block has. For a direction, the claims times the displacement take the place of the claims. Where
    /// noise hides all claims, or they are 0, it is relative to |f| over the scale of x.
    pub fn resolution(&self) -> f64 {
        self.resolution.unwrap_or(f64::INFINITY)
    }

    /// The largest |slope - claimed| of the probes that agree or disagree, relative as the
    /// [resolution](Self::resolution).
    pub fn worst_error(&self) -> f64 {
        self.worst_error
    }

    /// The first block in which not one probe was conclusive.
    pub fn blind(&self) -> Option<&'a str> {
        self.blind
    }

    /// What the wrong entries look like, if there is a simple explanation of all that are listed.
    pub fn hint(&self) -> Option<Hint> {
        self.hint
    }

    /// The seed with which the same probes can be made again.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// How often the function was evaluated.
    pub fn evaluations(&self) -> usize {
        self.evaluations
    }

    /// What the check says as a whole.
    pub fn outcome(&self) -> Outcome {
        let counts = self.counts;
        if counts.disagree + counts.non_finite > 0 {
            Outcome::Wrong
        } else if counts.nondeterministic > 0 || counts.conclusive() == 0 || self.blind.is_some() {
            Outcome::Inconclusive
        } else {
            Outcome::Holds
        }
    }

    /// Whether the claim holds: the outcome is [`Outcome::Holds`].
    pub fn is_ok(&self) -> bool {
        self.outcome() == Outcome::Holds
    }

    /// Panics with the report unless the claim holds. For tests.
    ///
    /// # Panics
    ///
    /// If [`is_ok`](Self::is_ok) is false.
    #[track_caller]
    pub fn assert_ok(&self) {
        assert!(self.is_ok(), "{self}");
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.counts;
        let outcome = match self.outcome() {
            Outcome::Holds => "the claimed slopes hold",
            Outcome::Inconclusive => "INCONCLUSIVE",
            Outcome::Wrong => "WRONG",
        };
        write!(f, "gradient check: {outcome}")?;
        if let (Outcome::Inconclusive, Some(block)) = (self.outcome(), self.blind) {
            write!(f, " (no probe of {block} was conclusive)")?;
        }
        write!(f, "\n  probes:")?;
        let named = [
            (counts.agree, "agree"),
            (counts.disagree, "disagree"),
            (counts.kink, "at a kink"),
            (counts.unresolved, "unresolved"),
            (counts.non_finite, "not finite"),
            (counts.nondeterministic, "nondeterministic"),
        ];
        for (i, (count, name)) in named.iter().filter(|(count, _)| *count > 0).enumerate() {
            write!(f, "{} {count} {name}", if i == 0 { "" } else { "," })?;
        }
        write!(f, " ({} evaluations, seed {})", self.evaluations, self.seed)?;
        if let Some(resolution) = self.resolution {
            write!(f, "\n  resolution: {resolution:.1e} relative")?;
        }
        let shown = if self.is_ok() { 1 } else { LISTED };
        for entry in self.worst().filter(|entry| self.is_ok() || entry.verdict < Verdict::Kink).take(shown) {
            write!(f, "\n  {}{entry}", if self.is_ok() { "worst: " } else { "" })?;
        }
        if let Some(hint) = self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}
