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
//! The rung with the smallest error bars counts; at a kink a finer one, if it has come between x and the kink.

use num_traits::Float;

use super::eval::Eval;
use super::numeric::real;

/// Extrapolated at most so often. More gains nothing: noise is reached before.
const ORDERS: usize = 8;

/// So many times the last change of an extrapolated value is taken for its truncation error. The change is the
/// error of the value before, which is larger by far where extrapolation converges; 2 is for where it has just
/// begun to.
const TRUST: f64 = 2.0;

/// The steps shrink by this factor.
pub(super) const RATIO: f64 = 2.0;

/// A discrepancy lies between `low` and `high`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interval<T> {
    pub(super) low: T,
    pub(super) high: T,
}

impl<T: Float> Interval<T> {
    fn around(value: T, error: T) -> Self {
        Self { low: value - error, high: value + error }
    }

    fn hull(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    fn width(self) -> T {
        self.high - self.low
    }

    /// Whether there may be no discrepancy at all.
    pub(super) fn has_zero(self) -> bool {
        self.low <= T::zero() && self.high >= T::zero()
    }

    /// The largest discrepancy in it.
    pub(super) fn max_abs(self) -> T {
        self.high.max(-self.low)
    }

    pub(super) fn middle(self) -> T {
        self.low + self.width() / (T::one() + T::one())
    }

    /// The distance between two intervals, 0 if they overlap.
    fn gap(self, other: Self) -> T {
        (other.low - self.high).max(self.low - other.high).max(T::zero())
    }
}

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
    /// is a rung before it to compare with.
    fn push(&mut self, value: T, noise: T) -> Option<Interval<T>> {
        let (mut value, mut noise, mut factor) = (value, noise, self.ratio);
        let mut best: Option<Interval<T>> = None;
        for entry in &mut self.row[..self.len] {
            let (old, old_noise) = core::mem::replace(entry, (value, noise));
            let better = value + (value - old) / (factor - T::one());
            noise = (factor * noise + old_noise) / (factor - T::one());
            let change = (better - value).abs().max((better - old).abs());
            let interval = Interval::around(better, real::<T>(TRUST) * change + noise);
            if best.is_none_or(|best| interval.width() < best.width()) {
                best = Some(interval);
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
    /// The error bars in that interval, without what lies between the two sides: the smaller, the better is the
    /// rung.
    bars: T,
    /// The step of the rung that gave it.
    pub(super) step: T,
    /// The sides are known apart: a kink at x, or nearer to it than can be resolved.
    pub(super) kink: bool,
    /// The rung before or after says the same: the discrepancy has the same sign there.
    pub(super) persists: bool,
    /// Neither side belongs to the branch that f takes at x: the slope of that branch was not seen.
    pub(super) off_branch: bool,
    /// Only one side gave numbers: this is the edge of the domain.
    pub(super) one_sided: bool,
    /// So many rungs were tried since.
    pub(super) since: usize,
}

impl<T: Float> Finding<T> {
    fn width(self) -> T {
        self.discrepancy.width()
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
    noise: T,
    epsilon: T,
    central: Series<T>,
    right: Series<T>,
    left: Series<T>,
    branches: [Option<u64>; 2],
    last: Option<Interval<T>>,
    best: Option<Finding<T>>,
    /// The narrowest of those finer than the best one.
    finer: Option<Finding<T>>,
}

impl<T: Float> Ladder<T> {
    /// A probe of a function that is `here` at x and whose values are good to `noise` around there, in a type of
    /// this roundoff.
    pub(super) fn new(here: Eval<T>, noise: T, epsilon: T) -> Self {
        let (central, right, left) = (Series::new(2), Series::new(1), Series::new(1));
        let (branches, last, best, finer) = ([here.branch; 2], None, None, None);
        Self { here, noise, epsilon, central, right, left, branches, last, best, finer }
    }

    /// What is known so far, if anything: the sharpest rung's finding. Where that shows a kink, a finer rung that
    /// narrows its interval has come between x and the kink.
    pub(super) fn finding(&self) -> Option<Finding<T>> {
        match (self.best, self.finer) {
            (Some(best), Some(finer)) if best.kink && finer.width() < best.width() => Some(finer),
            (best, _) => best,
        }
    }

    /// Takes the next rung.
    pub(super) fn push(&mut self, rung: Rung<T>) {
        let found = self.look(&rung);
        let persists = self.last.zip(found).is_some_and(|(last, found)| persists(last, found.discrepancy));
        for kept in [&mut self.best, &mut self.finer].into_iter().flatten() {
            kept.persists |= kept.since == 0 && persists;
            kept.since += 1;
        }
        self.last = found.map(|found| found.discrepancy);
        let Some(found) = found.map(|found| Finding { persists, ..found }) else { return };
        if self.best.is_none_or(|best| found.is_sharper_than(best)) {
            self.best = Some(found);
            self.finer = None;
        } else if !found.off_branch && self.finer.is_none_or(|finer| found.width() < finer.width()) {
            self.finer = Some(found);
        }
    }

    /// What this rung tells with those before it.
    fn look(&mut self, rung: &Rung<T>) -> Option<Finding<T>> {
        let here = self.here.branch;
        for (side, series, end) in [(0, &mut self.right, rung.right), (1, &mut self.left, rung.left)] {
            if end.branch != self.branches[side] || !end.value.is_finite() {
                *series = Series::new(1);
                self.central = Series::new(2);
            }
            self.branches[side] = end.branch;
        }
        let (noise, two) = (self.noise_of(rung), T::one() + T::one());
        let smooth = rung.right.branch == here && rung.left.branch == here;
        let quotient = |series: &mut Series<T>, change: T, noise: T| {
            let value = (change - rung.claimed) / rung.step;
            if value.is_finite() { series.push(value, noise / rung.step) } else { None }
        };
        let right = quotient(&mut self.right, rung.right.value - self.here.value, two * noise);
        let left = quotient(&mut self.left, self.here.value - rung.left.value, two * noise);
        let half = (rung.right.value - rung.left.value) / two;
        let central = if smooth { quotient(&mut self.central, half, noise) } else { None };

        let off_branch = rung.right.branch != here && rung.left.branch != here;
        let one_sided = !(rung.right.value.is_finite() && rung.left.value.is_finite());
        let found = |discrepancy, bars| {
            let (kink, persists, since) = (false, false, 0);
            Finding { discrepancy, bars, step: rung.step, kink, persists, off_branch, one_sided, since }
        };
        if smooth && here.is_some() {
            // A bend much narrower than the step looks like a kink: then the step is too wide for this function.
            let bent = right.zip(left).is_none_or(|(right, left)| right.gap(left) > T::zero());
            return if bent { None } else { central.map(|central| found(central, central.width())) };
        }
        match (right, left) {
            (Some(right), Some(left)) => {
                let (sides, bars) = (right.hull(left), right.width() + left.width());
                let kink = right.gap(left) > two * bars;
                Some(Finding { kink, ..found(central.map_or(sides, |central| sides.hull(central)), bars) })
            }
            // The edge of the domain: where one side gives no number, the other one's slope counts.
            (Some(side), None) | (None, Some(side)) if one_sided => Some(found(side, side.width())),
            _ => None,
        }
    }

    /// By how much a difference of two values may be off: what was measured or declared, the rounding of values
    /// this large, and the error of the claimed change.
    fn noise_of(&self, rung: &Rung<T>) -> T {
        let mut noise = self.noise;
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

/// Whether two neighbouring rungs tell of the same discrepancy.
fn persists<T: Float>(a: Interval<T>, b: Interval<T>) -> bool {
    let zero = T::zero();
    ((a.low > zero && b.low > zero) || (a.high < zero && b.high < zero)) && a.gap(b) == zero
}

#[cfg(test)]
mod tests;
