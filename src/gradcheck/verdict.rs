//! From the rungs of a ladder to a verdict: one probe by function values.

use num_traits::Float;

use super::entry::{Entry, Probe, Verdict};
use super::eval::Eval;
use super::ladder::{Finding, Ladder, RATIO, Rung};
use super::numeric::{Claim, as_f64, real};

/// The first step, in units of the scale of the line.
const FIRST_STEP: f64 = 0.25;

/// The last step, in units of rounding.
const LAST_STEP: f64 = 8.0;

/// So many rungs are tried past the best one before a probe that agrees stops.
const PATIENCE: usize = 4;

/// Errors of claims whose influence on f is below this share of the largest one are measured against that share:
/// what hardly matters need not be known to many digits.
pub(super) const MINOR: f64 = 0.01;

/// What all verdicts of a check depend on.
#[derive(Clone, Copy)]
pub(super) struct Limits<T> {
    /// By how much the claims of the most influential block change f over the scale of x, each, in the root
    /// mean square.
    pub(super) influence: T,
    /// The resolution that makes a probe conclusive.
    pub(super) required: T,
    /// The roundoff of T.
    pub(super) epsilon: T,
}

/// A function along a line through x, and the slope that is claimed there.
pub(super) struct Line<'n, T> {
    pub(super) probe: Probe<'n>,
    pub(super) claim: Claim<T>,
    /// The length over which the function is expected to vary.
    pub(super) scale: T,
    /// The function at x.
    pub(super) here: Eval<T>,
    /// The noise of its values around there.
    pub(super) noise: T,
}

impl<'n, T: Float> Line<'n, T> {
    /// Finds the slope with smaller and smaller steps, each of which `take` evaluates, and judges the claim by it.
    pub(super) fn search<E>(
        self,
        limits: Limits<T>,
        mut take: impl FnMut(T) -> Result<Rung<T>, E>,
    ) -> Result<Entry<'n>, E> {
        let size = self.claim.size.max(real::<T>(MINOR) * limits.influence / self.scale);
        let ladder = Ladder::new(self.here, self.noise, limits.epsilon);
        let mut step = real::<T>(FIRST_STEP) * self.scale;
        let last = self.scale * limits.epsilon * real(LAST_STEP);
        let mut search = Search { line: self, limits, size, ladder, largest: None };
        // Both may underflow to 0: then there are no more steps either.
        while step > last && !search.is_done() {
            search.push(take(step)?);
            step = step / real(RATIO);
        }
        Ok(search.entry())
    }
}

/// The search of one slope, under way.
struct Search<'n, T> {
    line: Line<'n, T>,
    limits: Limits<T>,
    /// What errors of the claim are relative to.
    size: T,
    ladder: Ladder<T>,
    /// The largest |f| at the first step that gave a number, and at x.
    largest: Option<T>,
}

impl<'n, T: Float> Search<'n, T> {
    /// Whether no further step is worth taking.
    fn is_done(&self) -> bool {
        let found = self.ladder.finding();
        found.is_some_and(|found| found.since >= PATIENCE && self.verdict(found) == Verdict::Agree)
    }

    /// Takes the next rung.
    fn push(&mut self, rung: Rung<T>) {
        let ends = [rung.right, rung.left].map(|end| end.value.abs());
        if self.largest.is_none() && ends.iter().any(|end| end.is_finite()) {
            let finite = ends.iter().filter(|end| end.is_finite());
            self.largest = Some(finite.fold(self.line.here.value.abs(), |max, &end| max.max(end)));
        }
        self.ladder.push(rung);
    }

    /// The probe's line in the report.
    fn entry(self) -> Entry<'n> {
        let (probe, claim) = (self.line.probe, self.line.claim.slope);
        let Some(found) = self.ladder.finding() else {
            let nothing = Entry::of_value(probe, Verdict::Unresolved, claim, T::nan());
            return Entry { error: f64::INFINITY, ..nothing };
        };
        // A direction that leaves the domain on one side can't tell a kink in one entry from a wrong slope.
        let verdict = match (self.verdict(found), probe) {
            (Verdict::Disagree, Probe::Direction { .. }) if found.one_sided => Verdict::Unresolved,
            (verdict, _) => verdict,
        };
        let middle = found.discrepancy.middle();
        Entry {
            probe,
            verdict,
            claimed: as_f64(claim),
            slope: as_f64(claim + middle),
            error: as_f64(found.discrepancy.high - middle),
            step: as_f64(found.step),
            resolution: as_f64(self.resolution(found)),
        }
    }

    fn verdict(&self, found: Finding<T>) -> Verdict {
        if !found.discrepancy.has_zero() {
            if found.persists && !found.off_branch { Verdict::Disagree } else { Verdict::Unresolved }
        } else if found.kink {
            Verdict::Kink
        } else if self.resolution(found) <= self.limits.required {
            Verdict::Agree
        } else {
            Verdict::Unresolved
        }
    }

    /// The smallest discrepancy that would have been called wrong, relative to `size`. Claims so small that
    /// noise hides all of them count as 0: the change of f over the scale of the line takes their place.
    fn resolution(&self, found: Finding<T>) -> T {
        let Line { scale, here, noise, .. } = self.line;
        let max_abs = found.discrepancy.max_abs();
        if max_abs.is_zero() {
            return max_abs;
        }
        let largest = self.largest.unwrap_or(here.value.abs());
        let hidden = (noise + largest * self.limits.epsilon) / (real::<T>(FIRST_STEP) * scale);
        max_abs / if self.size > hidden { self.size } else { largest / scale }
    }
}
