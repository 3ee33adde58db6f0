//! From the rungs of a ladder to a verdict: one probe by function values.

use num_traits::Float;

use super::entry::{Entry, Found, Probe, Verdict};
use super::eval::Eval;
use super::ladder::{Finding, Interval, Ladder, RATIO, Rung};
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
    /// The relative error of a claim that is accepted.
    pub(super) tolerance: T,
    /// There are no claims: slopes are only measured.
    pub(super) measures: bool,
    /// The noise is known well enough to call a claim wrong.
    pub(super) sure: bool,
}

/// A function along a line through x, and the slope that is claimed there.
pub(super) struct Line<'n, T> {
    pub(super) probe: Probe<'n>,
    pub(super) claim: Claim<T>,
    /// What the tolerance is relative to.
    pub(super) reach: T,
    /// The length over which the function is expected to vary.
    pub(super) scale: T,
    /// The function at x.
    pub(super) here: Eval<T>,
    /// The noise of its values around there.
    pub(super) noise: T,
}

impl<'n, T: Float> Line<'n, T> {
    /// Finds the slope with smaller and smaller steps, each of which `take` evaluates as long as that may be done,
    /// and judges the claim by it.
    pub(super) fn search<E>(
        self,
        limits: Limits<T>,
        mut take: impl FnMut(T) -> Result<Option<Rung<T>>, E>,
    ) -> Result<Found<'n, T>, E> {
        let minor = real::<T>(MINOR) * limits.influence / self.scale;
        let (size, accepted) = (self.claim.size.max(minor), limits.tolerance * self.reach.max(minor));
        let ladder = Ladder::new(self.here, self.noise, limits.epsilon);
        let mut step = real::<T>(FIRST_STEP) * self.scale;
        let last = self.scale * limits.epsilon * real(LAST_STEP);
        let (largest, chord, cut) = (None, T::zero(), false);
        let mut search = Search { line: self, limits, size, accepted, ladder, largest, chord, cut };
        // Both may underflow to 0: then there are no more steps either.
        while step > last && !search.is_done() {
            let Some(rung) = take(step)? else {
                search.cut = true;
                break;
            };
            search.push(rung);
            step = step / real(RATIO);
        }
        Ok(search.found())
    }
}

/// The search of one slope, under way.
struct Search<'n, T> {
    line: Line<'n, T>,
    limits: Limits<T>,
    /// What errors of the claim are relative to.
    size: T,
    /// The error of the claim that is accepted.
    accepted: T,
    ladder: Ladder<T>,
    /// The largest |f| at the first step that gave a number, and at x.
    largest: Option<T>,
    /// The largest slope of a chord from x to the ends of that step.
    chord: T,
    /// The evaluations ran out before the last step.
    cut: bool,
}

impl<'n, T: Float> Search<'n, T> {
    /// Whether no further step is worth taking.
    fn is_done(&self) -> bool {
        let found = self.ladder.finding();
        found.is_some_and(|found| {
            let verdict = self.verdict(found);
            let kink = self.limits.measures && verdict == Verdict::Kink;
            found.since >= PATIENCE && (verdict == Verdict::Agree || kink)
        })
    }

    /// Takes the next rung.
    fn push(&mut self, rung: Rung<T>) {
        let ends = [rung.right, rung.left].map(|end| end.value.abs());
        if self.largest.is_none() && ends.iter().any(|end| end.is_finite()) {
            let finite = ends.iter().filter(|end| end.is_finite());
            self.largest = Some(finite.fold(self.line.here.value.abs(), |max, &end| max.max(end)));
            let chords =
                [rung.right, rung.left].map(|end| (end.value - self.line.here.value).abs() / rung.step);
            self.chord = chords.into_iter().filter(|chord| chord.is_finite()).fold(T::zero(), T::max);
        }
        self.ladder.push(rung);
    }

    /// What the probe found.
    fn found(self) -> Found<'n, T> {
        let (probe, claim) = (self.line.probe, self.line.claim.slope);
        let Some(found) = self.ladder.finding() else {
            return Found::nothing(probe, claim, self.cut);
        };
        let verdict = match (self.verdict(found), probe) {
            // A direction that leaves the domain on one side can't tell a kink in one entry from a wrong slope.
            (Verdict::Disagree, Probe::Direction { .. }) if found.one_sided => Verdict::Unresolved,
            (Verdict::Disagree, _) if self.cut || !self.limits.sure => Verdict::Unfinished,
            (verdict, _) => verdict,
        };
        let middle = found.discrepancy.middle();
        let (slope, error) = (claim + middle, found.discrepancy.high - middle);
        let entry = Entry {
            probe,
            verdict,
            claimed: as_f64(if self.limits.measures { slope } else { claim }),
            slope: as_f64(slope),
            error: as_f64(error),
            step: as_f64(found.step),
            resolution: as_f64(self.resolution(found)),
            accepted: self.accepted_share(found),
        };
        // What is not sharp enough to be called a slope may be anything.
        let is_unknown = self.limits.measures && verdict == Verdict::Unresolved;
        Found { entry, slope, error: if is_unknown { T::infinity() } else { error }, cut: self.cut }
    }

    fn verdict(&self, found: Finding<T>) -> Verdict {
        let within = found.discrepancy.has_zero() || from_zero(found.discrepancy) <= self.accepted;
        if !self.limits.measures && !within {
            if found.persists && !found.off_branch { Verdict::Disagree } else { Verdict::Unresolved }
        } else if found.kink {
            Verdict::Kink
        } else if self.relative(found, self.largest_error(found) - self.accepted) <= self.limits.required {
            Verdict::Agree
        } else {
            Verdict::Unresolved
        }
    }

    /// The smallest discrepancy that would have been called wrong, relative to `size`.
    fn resolution(&self, found: Finding<T>) -> T {
        self.relative(found, self.largest_error(found))
    }

    /// The largest error that the claim may have; without one, that the slope may have.
    fn largest_error(&self, found: Finding<T>) -> T {
        let Interval { high, .. } = found.discrepancy;
        if self.limits.measures { high - found.discrepancy.middle() } else { found.discrepancy.max_abs() }
    }

    /// An error relative to `size`. Claims so small that noise hides all of them count as 0: the change of f over the
    /// scale of the line takes their place.
    fn relative(&self, found: Finding<T>, error: T) -> T {
        let Line { scale, here, noise, claim, .. } = self.line;
        if error <= T::zero() {
            return T::zero();
        }
        // Without a claim: the slope itself, or what it is some way from x if that is more.
        let found = (claim.slope + found.discrepancy.middle()).abs().max(self.chord);
        let size = if self.limits.measures { found } else { self.size };
        let largest = self.largest.unwrap_or(here.value.abs());
        let hidden = (noise + largest * self.limits.epsilon) / (real::<T>(FIRST_STEP) * scale);
        error / if size > hidden { size } else { largest / scale }
    }

    /// By how much the claim is off beyond its error bar, where all of the tolerance would be the tolerance.
    fn accepted_share(&self, found: Finding<T>) -> f64 {
        let beyond = from_zero(found.discrepancy);
        let needed = beyond > T::zero() && beyond <= self.accepted;
        if needed { as_f64(beyond / self.accepted * self.limits.tolerance) } else { 0.0 }
    }
}

/// The smallest discrepancy in an interval.
fn from_zero<T: Float>(interval: Interval<T>) -> T {
    interval.low.max(-interval.high).max(T::zero())
}
