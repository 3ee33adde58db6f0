//! What a check found.

use core::fmt;

use num_traits::Float;

use super::check::Check;
use super::entry::{Entry, Verdict};
use super::failed::Failed;

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
    /// [`Verdict::Unfinished`].
    pub unfinished: usize,
    /// [`Verdict::Disputed`].
    pub disputed: usize,
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
            Verdict::Unfinished => &mut self.unfinished,
            Verdict::Disputed => &mut self.disputed,
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
    /// Too little could be compared: in some block no probe was conclusive, the function is nondeterministic, its values
    /// speak both for and against a claim, or a claim looks wrong but the evaluations ran out before that was sure.
    Inconclusive,
    /// The claim is wrong: a probe disagrees, or something is NaN or infinite.
    Wrong,
}

/// A simple explanation of all entries that are listed as wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Hint {
    /// Every claim has the opposite sign.
    Sign,
    /// The claims of all imaginary parts have the opposite sign, those of the real parts are right: complex numbers as
    /// pairs (re, im), or as a block whose name ends in "re" or "real" and one that ends in "im" or "imag".
    Conjugated,
    /// Every claim is 0, and the slope is not.
    Zero,
    /// Every claim is the slope times this factor, a whole number from 2 on: a sum where a mean was meant, or a
    /// forgotten 1/2.
    TooLarge(usize),
    /// Every slope is the claim times this factor, a whole number from 2 on: 1/n applied twice, or a forgotten
    /// factor 2.
    TooSmall(usize),
    /// Every slope is the claim at the transposed place: the block is stored column by column.
    Transposed,
    /// Every slope is the claim one row further down (+1) or up (-1).
    Row(isize),
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hint::Sign => write!(f, "the claims have the opposite sign"),
            Hint::Conjugated => {
                write!(f, "the claims of all imaginary parts have the opposite sign (complex conjugates?)")
            }
            Hint::Zero => write!(f, "the claims are 0 where the slopes are not"),
            Hint::TooLarge(factor) => {
                write!(
                    f,
                    "the claims are {factor} times the slopes (a sum instead of a mean? a missing 1/n?)"
                )
            }
            Hint::TooSmall(factor) => {
                write!(f, "the slopes are {factor} times the claims (1/n applied twice? a missing factor?)")
            }
            Hint::Transposed => {
                write!(f, "the claims lie transposed (stored column by column instead of row by row?)")
            }
            Hint::Row(1) => write!(f, "the slopes are the claims one row further down"),
            Hint::Row(_) => write!(f, "the slopes are the claims one row further up"),
        }
    }
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
    most: Option<usize>,
    pub(super) left_out: usize,
    tolerance: f64,
    accepted: f64,
    /// Of what the claims are.
    subject: &'static str,
    /// There are no claims.
    pub(super) measures: bool,
}

impl<'a> Report<'a> {
    pub(super) fn new<T: Float>(check: &Check<'_, '_, T>) -> Self {
        Self {
            counts: Counts::default(),
            worst: [None; LISTED],
            resolution: None,
            worst_error: 0.0,
            blind: None,
            hint: None,
            seed: check.seed,
            evaluations: 0,
            most: check.evaluations,
            left_out: 0,
            tolerance: check.tolerance,
            accepted: 0.0,
            subject: "gradient",
            measures: false,
        }
    }

    /// The same of another subject than a gradient.
    pub(super) fn of(self, subject: &'static str) -> Self {
        Self { subject, ..self }
    }

    /// Takes the finding of one more probe.
    pub(super) fn add(&mut self, entry: Entry<'a>) {
        self.counts.add(entry.verdict);
        if matches!(entry.verdict, Verdict::Agree | Verdict::Disagree) {
            self.worst_error = self.worst_error.max(entry.relative_error());
        }
        self.accepted = self.accepted.max(entry.accepted);
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

    /// How many probes the budget of [evaluations](Check::evaluations) left out, or cut off before they had found
    /// anything.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// The [tolerance](Check::tolerance) that was set, 0 if none was.
    pub fn tolerance(&self) -> f64 {
        self.tolerance
    }

    /// The largest error that was accepted for the tolerance alone: [`Entry::accepted`] of all probes. Never more than
    /// the tolerance, and 0 if it was not needed.
    pub fn accepted(&self) -> f64 {
        self.accepted
    }

    /// What the check says as a whole.
    pub fn outcome(&self) -> Outcome {
        let counts = self.counts;
        if counts.disagree + counts.non_finite > 0 {
            Outcome::Wrong
        } else if counts.nondeterministic + counts.disputed + counts.unfinished > 0
            || counts.conclusive() == 0
            || self.blind.is_some()
        {
            Outcome::Inconclusive
        } else {
            Outcome::Holds
        }
    }

    /// Whether the claim holds: the outcome is [`Outcome::Holds`].
    pub fn is_ok(&self) -> bool {
        self.outcome() == Outcome::Holds
    }

    /// The report, if the claim holds, and otherwise an error whose text is the report's: for `?`.
    ///
    /// # Errors
    ///
    /// [`Failed`] if [`is_ok`](Self::is_ok) is false.
    ///
    /// # Example
    ///
    /// ```
    /// use handgrad::gradcheck::check;
    ///
    /// fn test(claim: f64) -> Result<(), Box<dyn std::error::Error>> {
    ///     check(|x: &[f64]| x[0] * x[0], &[3.0], &[claim], &mut [0.0; 2])?.ok()?;
    ///     Ok(())
    /// }
    /// assert!(test(6.0).is_ok());
    /// let text = test(-6.0).unwrap_err().to_string();
    /// assert!(text.contains("WRONG") && text.contains("opposite sign"));
    /// ```
    #[allow(clippy::result_large_err, reason = "a report needs no heap")]
    pub fn ok(self) -> Result<Self, Failed<Self>> {
        if self.is_ok() { Ok(self) } else { Err(Failed(self)) }
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
            Outcome::Holds if self.measures => "measured",
            Outcome::Holds => "the claimed slopes hold",
            Outcome::Inconclusive => "INCONCLUSIVE",
            Outcome::Wrong => "WRONG",
        };
        write!(f, "{} {}: {outcome}", self.subject, if self.measures { "by differences" } else { "check" })?;
        if let (Outcome::Inconclusive, Some(block)) = (self.outcome(), self.blind) {
            write!(f, " (no probe of {block} was conclusive)")?;
        }
        write!(f, "\n  probes:")?;
        let named = [
            (counts.agree, "agree"),
            (counts.disagree, "disagree"),
            (counts.kink, "at a kink"),
            (counts.unfinished, "unfinished"),
            (counts.disputed, "disputed"),
            (counts.unresolved, "unresolved"),
            (counts.non_finite, "not finite"),
            (counts.nondeterministic, "nondeterministic"),
        ];
        for (i, (count, name)) in named.iter().filter(|(count, _)| *count > 0).enumerate() {
            write!(f, "{} {count} {name}", if i == 0 { "" } else { "," })?;
        }
        match self.most {
            None => write!(f, " ({} evaluations, seed {})", self.evaluations, self.seed),
            Some(most) => write!(f, " ({} of {most} evaluations, seed {})", self.evaluations, self.seed),
        }?;
        if self.left_out > 0 {
            write!(f, "\n  left out for want of evaluations: {} probes", self.left_out)?;
        }
        if let Some(resolution) = self.resolution {
            write!(f, "\n  resolution: {resolution:.1e} relative")?;
        }
        if self.tolerance > 0.0 {
            let Self { tolerance, accepted, .. } = self;
            write!(f, "\n  tolerance: {tolerance:.1e} relative, of which {accepted:.1e} was needed")?;
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
