//! One probe: a slope from function values on a ladder of steps, as an interval that is never too narrow.
//!
//! Along a line through x, with steps t that halve from rung to rung, three quotients:
//!
//! - central (f(x + td) - f(x - td)) / 2t = slope + c₂t² + c₄t⁴ + ...,
//! - right (f(x + td) - f(x)) / t and left (f(x) - f(x - td)) / t = slope + c₁t + c₂t² + ...
//!
//! From each the claimed slope is subtracted before anything else: all that follows is about the
//! *discrepancy*. The claim is taken for the displacement that was really made (x ± td is rounded), so that
//! rounding of the displacement does not pass for a discrepancy.
//!
//! Each series is extrapolated to t = 0 (Richardson, in the scheme of Neville). An extrapolated value has two
//! errors, and both are in its bar: truncation, estimated by the changes that the last extrapolation made
//! ([`TRUST`] times the larger one), and noise, carried through the same scheme as a bound. The bar of
//! noise is never dropped: estimated changes can be small by accident, noise can't.
//!
//! What a rung tells of the discrepancy is an interval:
//!
//! - known to be smooth (the function says that it took the same branch at all three points): the central
//!   value and its bar;
//! - otherwise: the hull of the right, left and central values with their bars. Two smooth sides meet in it; a
//!   kink widens it to both slopes. So a claim outside the interval is wrong whether there is a kink or not.
//!
//! The rung with the smallest error bars counts, unless two neighbouring finer ones agree with one another and not
//! with it: then it has seen something else than the slope at x. At a kink each side is
//! compared with itself, so that finer rungs count if they have come between x and the kink.
//!
//! The rung with the smallest bars may owe them to chance. Two things tell. Error bars that noise does not explain, on
//! one of the next finer rungs: such a rung is not *settled*, and what it admits can't be excluded. And two neighbouring
//! rungs, whatever their size, that admit the claim and contradict the rung that counts.

use num_traits::Float;

use super::eval::Eval;
use super::interval::{Interval, Sides};
use super::numeric::{divide, real};

/// Extrapolated at most so often. More gains nothing: noise is reached before.
const ORDERS: usize = 8;

/// So many times the last change of an extrapolated value is taken for its truncation error. The change is the
/// error of the value before, which is larger by far where extrapolation converges; 2 is for where it has just
/// begun to.
const TRUST: f64 = 2.0;

/// The first step, in units of the scale of the line. No power of two, so that neither a period nor a grid that is
/// one hides behind the steps.
pub(super) const FIRST_STEP: f64 = 0.23;

/// The last step, in units of rounding.
pub(super) const LAST_STEP: f64 = 8.0;

/// So many rungs after a finding tell whether noise explains what they see.
const NEXT: usize = 12;

/// The steps shrink by this factor.
pub(super) const RATIO: f64 = 2.0;

/// One column after the other of the extrapolation: the last rung's row of the scheme, and the noise in it.
#[derive(Clone, Copy, Debug)]
struct Series<T> {
    ratio: T,
    row: [(T, T); ORDERS],
    len: usize,
}

impl<T: Float> Series<T> {
    /// `power`: the values are a + b t^power + c t^(2 power) + ...
    fn new(power: i32) -> Self {
        Self { ratio: real::<T>(RATIO).powi(power), row: [(T::zero(), T::zero()); ORDERS], len: 0 }
    }

    /// Takes the next rung's value with the bound of its noise; the narrowest interval of the new row, if there
    /// is a rung before it to compare with, and whether noise explains its change: it is no larger than the noise of
    /// the two values.
    fn push(&mut self, value: T, noise: T) -> Option<(Interval<T>, bool)> {
        let (mut value, mut noise, mut factor) = (value, noise, self.ratio);
        let mut best: Option<(Interval<T>, bool)> = None;
        for entry in &mut self.row[..self.len] {
            let (old, old_noise) = core::mem::replace(entry, (value, noise));
            let better = value + (value - old) / (factor - T::one());
            noise = (factor * noise + old_noise) / (factor - T::one());
            let change = (better - value).abs().max((better - old).abs());
            let interval = Interval::around(better, real::<T>(TRUST) * change + noise);
            if best.is_none_or(|(best, _)| interval.width() < best.width()) {
                best = Some((interval, change + change <= noise));
            }
            (value, factor) = (better, factor * self.ratio);
        }
        if self.len < ORDERS {
            self.row[self.len] = (value, noise);
            self.len += 1;
        }
        best
    }
}

/// The function at both ends of a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rung<T> {
    /// t.
    pub(super) step: T,
    /// f(x + td).
    pub(super) right: Eval<T>,
    /// f(x - td).
    pub(super) left: Eval<T>,
    /// The claimed change of f, for the displacement that was really made.
    pub(super) claimed: T,
    /// The error of `claimed` and of the displacement.
    pub(super) claim_error: T,
}

/// What the rungs so far tell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finding<T> {
    /// The discrepancy, slope - claim, is in it.
    pub(super) discrepancy: Interval<T>,
    /// That to the right and to the left: where they are not known apart, all of it.
    sides: Sides<T>,
    /// The noise at this step is known.
    pub(super) is_known: bool,
    /// The error bars in that interval, without what lies between the two sides: the smaller, the better is the
    /// rung.
    pub(super) bars: T,
    /// The step of the rung that gave it.
    pub(super) step: T,
    /// The sides are known apart: a kink at x, or nearer to it than can be resolved.
    pub(super) kink: bool,
    /// The error bars of the sides do not meet: it may be a kink.
    pub(super) split: bool,
    /// The rung before or after says the same: the discrepancy has the same sign there.
    pub(super) persists: bool,
    /// Neither side belongs to the branch that f takes at x: the slope of that branch was not seen.
    pub(super) off_branch: bool,
    /// Only one side gave numbers: this is the edge of the domain.
    pub(super) one_sided: bool,
    /// Noise explains what is left of its error bars: a finer rung has nothing new to tell.
    pub(super) settled: bool,
    /// One of the next rungs has admitted the claim with error bars that noise does not explain: there is something
    /// that it does not resolve.
    pub(super) unsure: bool,
    /// So many rungs were tried since.
    pub(super) since: usize,
}

impl<T: Float> Finding<T> {
    fn new(discrepancy: Interval<T>, bars: T, step: T) -> Self {
        let (kink, split, persists, off_branch, one_sided) = (false, false, false, false, false);
        let (settled, unsure, since, sides, is_known) = (false, false, 0, Sides([discrepancy; 2]), true);
        Self {
            discrepancy,
            sides,
            is_known,
            bars,
            step,
            kink,
            split,
            persists,
            off_branch,
            one_sided,
            settled,
            unsure,
            since,
        }
    }

    /// Whether not both can be right: on either side.
    fn is_against(self, other: Self) -> bool {
        self.discrepancy.gap(other.discrepancy) > T::zero() || self.sides.is_against(other.sides)
    }

    /// Whether the claim is within error bars that noise does not explain.
    fn admits_unsettled(self) -> bool {
        !self.settled && self.discrepancy.has_zero()
    }

    /// Branches that do not touch x tell less than any others.
    fn is_sharper_than(self, other: Self) -> bool {
        if self.off_branch == other.off_branch { self.bars < other.bars } else { other.off_branch }
    }
}

/// The rungs of one probe, from wide to narrow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ladder<T> {
    here: Eval<T>,
    epsilon: T,
    central: Series<T>,
    right: Series<T>,
    left: Series<T>,
    branches: [Option<u64>; 2],
    last: Option<Finding<T>>,
    best: Option<Finding<T>>,
    /// The last rung, if it contradicts the best one.
    against: Option<Sides<T>>,
    /// Two neighbouring rungs that admit the claim, the narrowest such ones.
    admitting: Option<Sides<T>>,
}

impl<T: Float> Ladder<T> {
    /// A probe of a function that is `here` at x, in a type of this roundoff.
    pub(super) fn new(here: Eval<T>, epsilon: T) -> Self {
        let (central, right, left) = (Series::new(2), Series::new(1), Series::new(1));
        let (branches, last, best) = ([here.branch; 2], None, None);
        let (against, admitting) = (None, None);
        Self { here, epsilon, central, right, left, branches, last, best, against, admitting }
    }

    /// What is known so far, if anything.
    pub(super) fn finding(&self) -> Option<Finding<T>> {
        self.best
    }

    /// Whether other rungs admit the claim and this finding can't be right together with it.
    pub(super) fn is_doubted(&self, found: Finding<T>) -> bool {
        self.admitting.is_some_and(|admitting| found.sides.denies(admitting))
    }

    /// Whether the last rung leaves nothing to be found by finer ones.
    pub(super) fn is_settled(&self) -> bool {
        self.last.is_some_and(|last| last.settled)
    }

    /// Takes the next rung, whose values are good to `noise`, as far as that is known.
    pub(super) fn push(&mut self, rung: Rung<T>, noise: Option<T>) {
        let found = self.look(&rung, noise);
        let both = self.last.zip(found);
        let persists = both.is_some_and(|(last, found)| last.discrepancy.confirms(found.discrepancy));
        if let Some(kept) = &mut self.best {
            kept.persists |= kept.since == 0 && persists;
            kept.unsure |= (1..NEXT).contains(&kept.since) && found.is_some_and(Finding::admits_unsettled);
            kept.since += 1;
        }
        self.note_admitting(self.last, found);
        self.last = found;
        let Some(found) = found.map(|found| Finding { persists, ..found }) else {
            self.against = None;
            return;
        };
        self.choose(found);
    }

    /// Remembers two neighbouring rungs if both admit the claim.
    fn note_admitting(&mut self, last: Option<Finding<T>>, found: Option<Finding<T>>) {
        let admits = |found: &Finding<T>| found.discrepancy.has_zero() && !found.off_branch;
        if let Some((last, found)) = last.zip(found).filter(|(last, found)| admits(last) && admits(found)) {
            let both = last.sides.hull(found.sides);
            if self.admitting.is_none_or(|other| both.width() < other.width()) {
                self.admitting = Some(both);
            }
        }
    }

    /// The sharpest rung is the best one. But a slope is a limit: where two neighbouring finer ones agree with one
    /// another and not with it, it has seen another slope than that at x.
    fn choose(&mut self, found: Finding<T>) {
        let Some(best) = self.best else {
            self.best = Some(found);
            return;
        };
        let is_against = found.off_branch <= best.off_branch && found.is_against(best);
        let confirmed = is_against && self.against.is_some_and(|before| !before.is_against(found.sides));
        self.against = is_against.then_some(found.sides);
        if confirmed || found.is_sharper_than(best) {
            (self.best, self.against) = (Some(found), None);
        }
    }

    /// What this rung tells with those before it.
    fn look(&mut self, rung: &Rung<T>, noise: Option<T>) -> Option<Finding<T>> {
        let here = self.here.branch;
        for (side, series, end) in [(0, &mut self.right, rung.right), (1, &mut self.left, rung.left)] {
            if end.branch != self.branches[side] || !end.value.is_finite() {
                *series = Series::new(1);
                self.central = Series::new(2);
            }
            self.branches[side] = end.branch;
        }
        let (is_known, two) = (noise.is_some(), T::one() + T::one());
        let noise = self.noise_of(rung, noise.unwrap_or_else(T::zero));
        let smooth = rung.right.branch == here && rung.left.branch == here;
        let quotient = |series: &mut Series<T>, change: T, noise: T| {
            let value = divide(change - rung.claimed, rung.step);
            if value.is_finite() { series.push(value, noise / rung.step) } else { None }
        };
        let right = quotient(&mut self.right, rung.right.value - self.here.value, two * noise);
        let left = quotient(&mut self.left, self.here.value - rung.left.value, two * noise);
        let half = (rung.right.value - rung.left.value) / two;
        let central = if smooth { quotient(&mut self.central, half, noise) } else { None };

        let off_branch = rung.right.branch != here && rung.left.branch != here;
        let one_sided = !(rung.right.value.is_finite() && rung.left.value.is_finite());
        let found = |discrepancy, bars, settled| {
            let settled = settled || !is_known;
            Finding { off_branch, one_sided, settled, is_known, ..Finding::new(discrepancy, bars, rung.step) }
        };
        if smooth && here.is_some() {
            // A bend much narrower than the step looks like a kink: then the step is too wide for this function.
            let bent = right.zip(left).is_none_or(|(right, left)| right.0.gap(left.0) > T::zero());
            let seen = |(central, settled): (Interval<T>, bool)| found(central, central.width(), settled);
            if bent {
                // And so are wider ones: small error bars of theirs were chance, unless noise explains them.
                self.best = self.best.filter(|best| best.settled);
                return None;
            }
            return central.map(seen);
        }
        match (right, left) {
            (Some((right, right_settled)), Some((left, left_settled))) => {
                let (hull, bars) = (right.hull(left), right.width() + left.width());
                let gap = right.gap(left);
                let (kink, split) = (gap > two * bars, gap > T::zero());
                let hull = central.map_or(hull, |(central, _)| hull.hull(central));
                let found = found(hull, bars, right_settled && left_settled);
                let sides = if split { Sides([right, left]) } else { found.sides };
                Some(Finding { kink, split, sides, ..found })
            }
            // The edge of the domain: where one side gives no number, the other one's slope counts.
            (Some((side, settled)), None) | (None, Some((side, settled))) if one_sided => {
                Some(found(side, side.width(), settled))
            }
            _ => None,
        }
    }

    /// By how much a difference of two values may be off: what was measured or declared, the rounding of values
    /// this large, and the error of the claimed change.
    fn noise_of(&self, rung: &Rung<T>, measured: T) -> T {
        let mut noise = measured;
        for end in [self.here, rung.right, rung.left] {
            noise = noise.max(end.noise.unwrap_or_else(T::zero));
            if end.value.is_finite() {
                noise = noise.max(end.value.abs() * self.epsilon);
            }
        }
        // Twice: two values enter, and the largest noise that was measured need not be the largest there is.
        noise + noise + rung.claim_error
    }
}

#[cfg(test)]
mod tests;
