//! From the rungs of a ladder to a verdict.

use num_traits::Float;

use super::eval::Eval;
use super::ladder::{Finding, Ladder, RATIO, Rung, real};
use super::report::{Entry, Probe, Verdict};

/// The first step, in units of the scale of the probe.
const FIRST_STEP: f64 = 0.25;

/// The last step, in units of rounding.
const LAST_STEP: f64 = 8.0;

/// A ladder is climbed down so many rungs past the best one before a probe that agrees is content.
const PATIENCE: usize = 2;

/// One probe under way.
pub(super) struct Climb<T> {
    ladder: Ladder<T>,
    here: Eval<T>,
    noise: T,
    scale: T,
    step: T,
    /// The largest |f| at the first step that gave a number, and at x.
    largest: Option<T>,
    /// What errors are relative to, and the resolution that is required.
    size: T,
    required: T,
}

impl<T: Float> Climb<T> {
    /// A probe along a line on which the function is expected to vary over a length of `scale`.
    pub(super) fn new(here: Eval<T>, noise: T, scale: T) -> Self {
        let step = real::<T>(FIRST_STEP) * scale;
        let (largest, size, required) = (None, T::zero(), T::zero());
        Self { ladder: Ladder::new(here, noise), here, noise, scale, step, largest, size, required }
    }

    /// The next step to take, if another is worth taking.
    pub(super) fn next_step(&mut self, size: T, required: f64) -> Option<T> {
        (self.size, self.required) = (size, real(required));
        let content = self
            .ladder
            .finding()
            .is_some_and(|found| found.since >= PATIENCE && self.verdict(found) == Verdict::Agree);
        if content || self.step < self.scale * T::epsilon() * real(LAST_STEP) {
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
            self.largest = Some(finite.fold(self.here.value.abs(), |max, &end| max.max(end)));
        }
        self.ladder.push(rung);
    }

    /// The probe's line in the report.
    pub(super) fn entry(self, probe: Probe<'_>, claim: T) -> Entry<'_> {
        let Some(found) = self.ladder.finding() else {
            let (slope, error, step, resolution) = (f64::NAN, f64::INFINITY, f64::NAN, f64::INFINITY);
            let (verdict, claimed) = (Verdict::Unresolved, number(claim));
            return Entry { probe, verdict, claimed, slope, error, step, resolution };
        };
        let middle = found.discrepancy.middle();
        Entry {
            probe,
            verdict: self.verdict(found),
            claimed: number(claim),
            slope: number(claim + middle),
            error: number(found.discrepancy.high - middle),
            step: number(found.step),
            resolution: number(self.resolution(found)),
        }
    }

    fn verdict(&self, found: Finding<T>) -> Verdict {
        if !found.discrepancy.has_zero() {
            // Where kinks cross, a conventional derivative may lie outside the one-sided slopes.
            let judged = found.stays && !(found.kink && self.here.kinks > 1);
            if judged { Verdict::Disagree } else { Verdict::Unresolved }
        } else if self.resolution(found) <= self.required {
            Verdict::Agree
        } else if found.kink {
            Verdict::Kink
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
        let largest = self.largest.unwrap_or(self.here.value.abs());
        let hidden = (self.noise + largest * T::epsilon()) / (real::<T>(FIRST_STEP) * self.scale);
        reach / if self.size > hidden { self.size } else { largest / self.scale }
    }
}

/// A line in the report that is not about a slope.
pub(super) fn remark<T: Float>(probe: Probe<'_>, verdict: Verdict, first: T, second: T) -> Entry<'_> {
    let (claimed, slope) = (number(first), number(second));
    Entry { probe, verdict, claimed, slope, error: f64::NAN, step: f64::NAN, resolution: f64::INFINITY }
}

fn number<T: Float>(value: T) -> f64 {
    value.to_f64().unwrap_or(f64::NAN)
}
