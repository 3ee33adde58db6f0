//! From the rungs of a ladder to a verdict: one probe by function values.

use num_traits::Float;

use super::entry::{Entry, Found, Probe, Verdict};
use super::eval::Eval;
use super::interval::Interval;
use super::jump::{is_tall, jump};
use super::ladder::{FIRST_STEP, Finding, LAST_STEP, Ladder, RATIO, Rung};
use super::noise::Noise;
use super::numeric::{Claim, as_f64, real};

/// So many rungs are tried past the best one before a probe that agrees stops.
const PATIENCE: usize = 4;

/// The smallest step of all, in units of the scale: this power of the roundoff.
const TINY: f64 = 2.5;

/// There are no more rungs, whatever the arithmetic of T: octuple precision has 600 down to the smallest step.
const MOST_RUNGS: usize = 1024;

/// A function that over the last step still changes by this part of all it has changed by may have more to show at
/// finer ones, if x allows them ...
const STEEP: f64 = 1e3;

/// ... and where it does so by this part, a claim that is as steep as that, again but for this part, is not judged.
const JUMP: f64 = 0.0625;

/// Where the slopes of both sides span an interval, a claim is not outside of it if it is no farther off than this part of its
/// width: fine structure of one side is not seen beside the other.
const EDGE: f64 = 1e-9;

/// Where the noise is not known, error bars are the spread of a few quotients, and can be too small by chance: a claim is
/// wrong there if it is so many of them off.
const CHANCE: f64 = 16.0;

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
#[derive(Clone, Copy)]
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
    pub(super) noise: Noise<T>,
    /// The size of what is moved, of the smallest entry where there are several: where that is 0 or nearly so, steps can
    /// be much smaller than the scale.
    pub(super) smallest: T,
    /// The height of the highest jump that other probes of this function have met: values that are coarse along one line are so
    /// along another one.
    pub(super) jump: T,
    /// More than one entry moves, so that the line may meet several kinks at x.
    pub(super) is_oblique: bool,
}

impl<'n, T: Float> Line<'n, T> {
    /// Whether f stands still beside x, and neither it nor measurements say how coarse its values are.
    fn is_blind(&self) -> bool {
        self.noise.is_blind && self.here.noise.is_none()
    }

    /// Finds the slope with smaller and smaller steps, each of which `take` evaluates as long as that may be done,
    /// and judges the claim by it. Where f has jumps, a claim is wrong only if it still is when they are taken for noise.
    pub(super) fn search<E>(
        self,
        limits: Limits<T>,
        mut take: impl FnMut(T) -> Result<Option<Rung<T>>, E>,
    ) -> Result<Found<'n, T>, E> {
        let mut found = self.descend(limits, &mut take)?;
        if found.entry.verdict != Verdict::Disagree || self.here.noise.is_some() {
            return Ok(found);
        }
        let Some(height) = jump(self.here, self.scale, limits.epsilon, &mut take)? else {
            return Ok(found.unfinished());
        };
        found.jump = height.max(self.jump);
        if is_tall(found.jump, self.noise.beside()) {
            let coarse = Self { noise: Noise::even(found.jump), ..self };
            found.entry.verdict = match coarse.descend(limits, &mut take)?.entry.verdict {
                Verdict::Agree | Verdict::Kink | Verdict::Unresolved => Verdict::Disputed,
                verdict => verdict,
            };
        }
        Ok(found)
    }

    /// The same without a thought of jumps.
    fn descend<E>(
        self,
        limits: Limits<T>,
        take: &mut impl FnMut(T) -> Result<Option<Rung<T>>, E>,
    ) -> Result<Found<'n, T>, E> {
        let minor = real::<T>(MINOR) * limits.influence / self.scale;
        let (size, accepted) = (self.claim.size.max(minor), limits.tolerance * self.reach.max(minor));
        let mut step = real::<T>(FIRST_STEP) * self.scale;
        let last = self.scale * limits.epsilon * real(LAST_STEP);
        let finest = (self.smallest * limits.epsilon * real(LAST_STEP))
            .max(self.scale * limits.epsilon.powf(real(TINY)));
        let mut search = Search::new(self, limits, size, accepted);
        // All may underflow to 0: then there are no more steps either.
        for _ in 0..MOST_RUNGS {
            if search.is_done() || !(step > last || step > finest && search.is_steep()) {
                break;
            }
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
    /// The largest change of f from x that was seen, and that over the last step; what was claimed of the latter.
    most: T,
    lately: T,
    claimed: T,
}

impl<'n, T: Float> Search<'n, T> {
    fn new(line: Line<'n, T>, limits: Limits<T>, size: T, accepted: T) -> Self {
        let (zero, ladder) = (T::zero(), Ladder::new(line.here, limits.epsilon));
        let (largest, chord, cut, most, lately, claimed) = (None, zero, false, zero, zero, zero);
        Self { line, limits, size, accepted, ladder, largest, chord, cut, most, lately, claimed }
    }

    /// Whether no further step is worth taking.
    fn is_done(&self) -> bool {
        let found = self.ladder.finding();
        found.is_some_and(|found| {
            let verdict = self.verdict(found);
            let kink = self.limits.measures && verdict == Verdict::Kink;
            let rested = found.since >= PATIENCE && self.ladder.is_settled();
            rested && (verdict == Verdict::Agree || kink)
        })
    }

    /// Whether f still changes over the last step by this part of all that it has changed by.
    fn changes(&self, part: f64) -> bool {
        self.lately > real::<T>(part) * self.most
    }

    /// Whether there may be more to see at finer steps.
    fn is_steep(&self) -> bool {
        let shown = self.lately.max(self.line.noise.beside());
        !self.lately.is_zero() && shown > real::<T>(STEEP) * self.limits.epsilon * self.most
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
        let changes = [rung.right, rung.left].map(|end| (end.value - self.line.here.value).abs());
        self.lately = changes.into_iter().filter(|change| change.is_finite()).fold(T::zero(), T::max);
        self.most = self.most.max(self.lately);
        self.claimed = rung.claimed.abs();
        let noise = self.line.noise.at(rung.step / self.line.scale, self.limits.epsilon);
        self.ladder.push(rung, noise);
    }

    /// What the probe found.
    fn found(self) -> Found<'n, T> {
        let (probe, claim) = (self.line.probe, self.line.claim.slope);
        let Some(found) = self.ladder.finding() else {
            return Found::nothing(probe, claim, self.cut);
        };
        let verdict = match self.verdict(found) {
            Verdict::Agree | Verdict::Kink if self.line.is_blind() => {
                return Found::nothing(probe, claim, self.cut);
            }
            Verdict::Disagree if self.may_be_kinks(found) => Verdict::Unresolved,
            Verdict::Disagree if self.cut || !self.limits.sure => Verdict::Unfinished,
            Verdict::Disagree if self.is_disputed(found) => Verdict::Disputed,
            verdict => verdict,
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
        let error = if is_unknown { T::infinity() } else { error };
        Found { entry, slope, error, cut: self.cut, jump: T::zero() }
    }

    /// Whether kinks in single entries, met along a direction, can explain a claim outside of what was found: where it
    /// leaves the domain on one side, or where there is a kink at x. There may be several of them, whose convention adds
    /// up to something else than what f does along the direction. A function that names its branches tells whether it is
    /// so.
    fn may_be_kinks(&self, found: Finding<T>) -> bool {
        let along = matches!(self.line.probe, Probe::Direction { .. });
        let is_kinked = found.split || self.line.noise.has_kink;
        let crossing = is_kinked && self.line.is_oblique && self.line.here.branch.is_none();
        along && found.one_sided || crossing
    }

    /// Whether f itself gives a reason to doubt that a claim outside of what was found is wrong: other steps have
    /// admitted it, or it still changes by most of all that it has changed by over the last one, and the claim is for that.
    fn is_disputed(&self, found: Finding<T>) -> bool {
        let too_steep = self.changes(JUMP) && self.claimed > real::<T>(JUMP) * self.lately;
        too_steep || found.unsure || self.ladder.is_doubted(found)
    }

    fn verdict(&self, found: Finding<T>) -> Verdict {
        let Interval { low, high } = found.discrepancy;
        let edge = if found.split { real::<T>(EDGE) * (high - low) } else { T::zero() };
        let within = found.discrepancy.has_zero() || from_zero(found.discrepancy) <= self.accepted.max(edge);
        if !self.limits.measures && !within {
            // Error bars of a few steps can be chance where the noise is not known.
            let is_chance = !found.is_known && from_zero(found.discrepancy) < real::<T>(CHANCE) * found.bars;
            let is_sure = found.persists && !is_chance && !found.off_branch;
            if is_sure { Verdict::Disagree } else { Verdict::Unresolved }
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
        let (first, epsilon) = (real::<T>(FIRST_STEP), self.limits.epsilon);
        let hidden = (noise.at(first, epsilon).unwrap_or_else(T::zero) + largest * epsilon) / (first * scale);
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
