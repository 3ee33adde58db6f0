//! From the rungs of a ladder to a verdict.

use num_traits::Float;

use super::check::Check;
use super::entry::{Entry, Probe, Verdict};
use super::eval::Eval;
use super::ladder::{Finding, Ladder, RATIO, Rung};
use super::numeric::{as_f64, real};
use super::report::Report;

/// The first step, in units of the scale of the probe.
const FIRST_STEP: f64 = 0.25;

/// The last step, in units of rounding.
const LAST_STEP: f64 = 8.0;

/// A ladder is climbed down so many rungs past the best one before a probe that agrees is content.
const PATIENCE: usize = 4;

/// Errors of claims whose influence on f is below this share of the largest one are measured against that share:
/// what hardly matters need not be known to many digits.
pub(super) const MINOR: f64 = 0.01;

/// What all probes of a check share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ground<T> {
    /// The function at x.
    pub(super) here: Eval<T>,
    /// The noise of its values around there.
    pub(super) noise: T,
    /// By how much the claims of the most influential block change f over the scale of x, each, in the root
    /// mean square.
    pub(super) influence: T,
    /// The resolution that makes a probe conclusive.
    pub(super) required: T,
    /// The roundoff of T.
    pub(super) epsilon: T,
}

/// One probe under way.
pub(super) struct Climb<T> {
    ground: Ground<T>,
    ladder: Ladder<T>,
    scale: T,
    size: T,
    /// The next step.
    step: T,
    /// The largest |f| at the first step that gave a number, and at x.
    largest: Option<T>,
}

impl<T: Float> Climb<T> {
    /// A probe along a line on which the function is expected to vary over a length of `scale`, and where
    /// claims have the typical `size`.
    pub(super) fn new(ground: Ground<T>, scale: T, size: T) -> Self {
        let size = size.max(real::<T>(MINOR) * ground.influence / scale);
        let step = real::<T>(FIRST_STEP) * scale;
        let ladder = Ladder::new(ground.here, ground.noise, ground.epsilon);
        Self { ground, ladder, scale, size, step, largest: None }
    }

    /// The next step to take, if another is worth taking.
    pub(super) fn next_step(&mut self) -> Option<T> {
        let found = self.ladder.finding();
        let content =
            found.is_some_and(|found| found.since >= PATIENCE && self.verdict(found) == Verdict::Agree);
        // Both may underflow to 0: then there are no more steps either.
        let last = self.scale * self.ground.epsilon * real(LAST_STEP);
        if content || self.step <= last || self.step.is_nan() {
            return None;
        }
        let step = self.step;
        self.step = step / real(RATIO);
        Some(step)
    }

    /// Takes the rung at that step.
    pub(super) fn push(&mut self, rung: Rung<T>) {
        let ends = [rung.right, rung.left].map(|end| end.value.abs());
        if self.largest.is_none() && ends.iter().any(|end| end.is_finite()) {
            let finite = ends.iter().filter(|end| end.is_finite());
            self.largest = Some(finite.fold(self.ground.here.value.abs(), |max, &end| max.max(end)));
        }
        self.ladder.push(rung);
    }

    /// The probe's line in the report.
    pub(super) fn entry(self, probe: Probe<'_>, claim: T) -> Entry<'_> {
        let Some(found) = self.ladder.finding() else {
            let (slope, error, step, resolution) = (f64::NAN, f64::INFINITY, f64::NAN, f64::INFINITY);
            let (verdict, claimed) = (Verdict::Unresolved, as_f64(claim));
            return Entry { probe, verdict, claimed, slope, error, step, resolution };
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
            if found.stays && !found.alien { Verdict::Disagree } else { Verdict::Unresolved }
        } else if found.kink {
            Verdict::Kink
        } else if self.resolution(found) <= self.ground.required {
            Verdict::Agree
        } else {
            Verdict::Unresolved
        }
    }

    /// The smallest discrepancy that would have been called wrong, relative to `size`. Claims so small that
    /// noise hides all of them count as 0: the change of f over the scale of x takes their place.
    fn resolution(&self, found: Finding<T>) -> T {
        let reach = found.discrepancy.reach();
        if reach.is_zero() {
            return reach;
        }
        let largest = self.largest.unwrap_or(self.ground.here.value.abs());
        let hidden =
            (self.ground.noise + largest * self.ground.epsilon) / (real::<T>(FIRST_STEP) * self.scale);
        reach / if self.size > hidden { self.size } else { largest / self.scale }
    }
}

/// Reports each value that is NaN or infinite, in terms of the blocks of the check.
pub(super) fn note_non_finite<'n, T: Float>(report: &mut Report<'n>, check: &Check<'_, 'n, T>, values: &[T]) {
    for (block, start) in check.each_block() {
        for (index, &value) in values[start..].iter().take(block.len()).enumerate() {
            if !value.is_finite() {
                report.add(Entry::of_value(
                    Probe::entry(block, start, index),
                    Verdict::NonFinite,
                    value,
                    value,
                ));
            }
        }
    }
}
