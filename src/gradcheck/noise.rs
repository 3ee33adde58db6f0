//! By how much the values of a function are off, measured where it shows.
//!
//! Over steps as small as rounding a smooth function is straight: its second differences there are noise and nothing
//! else. Two kinds of functions need another look:
//!
//! - Values that are coarser than their type (computed in a shorter one, printed and read again, rounded to a grid)
//!   do not change at all over such steps. Their noise is measured over steps at which they do.
//! - Around a removable singularity, such as that of (e^x - 1)/x at 0, noise grows the nearer it is. If the noise
//!   beside x would hide all that can be claimed, it is measured farther off as well.

use core::cmp::Ordering;

use num_traits::Float;

use super::eval::Eval;
use super::ladder::{FIRST_STEP, LAST_STEP, Rung};
use super::numeric::{largest_second_difference, real};

/// Directions along which noise is measured, by four points each.
const DIRECTIONS: usize = 8;

/// The steps at which it is measured, in units of rounding of each entry: wide enough to move every intermediate
/// result, so small that the function is straight over it.
const STEP: f64 = 16.0;

/// The distance from x at which it is measured a second time, in units of the scale, and along so many directions.
const FAR: f64 = FIRST_STEP;
const FAR_DIRECTIONS: usize = 5;

/// Along so many directions it is asked whether there is a kink at x.
const KINK_DIRECTIONS: usize = 2;

/// The step at which a function that stood still is seen to move is found in steps that grow by this factor ...
pub(super) const GROWTH: f64 = 4.0;

/// ... of which there are no more, whatever the arithmetic of T: from the rounding of double-doubles to 1 are 53.
pub(super) const MOST_STEPS: usize = 128;

/// ... and noise is measured over so many times that step.
const TREADS: f64 = 8.0;

/// Rounding in f is taken to be no less than this part of what rounding of each entry of x would do.
pub(super) const ROUNDED: f64 = 0.25;

/// The noise of a function's values around x.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noise<T> {
    near: T,
    far: T,
    /// There is a kink at x along some direction.
    pub(super) has_kink: bool,
    /// f stands still beside x, and the evaluations ran out before it was known how coarse its values are: what the finest
    /// steps see may be no slope.
    pub(super) is_blind: bool,
    /// f stands still beside x, and how coarse its values are was seen over wider steps.
    pub(super) is_coarse: bool,
}

impl<T: Float> Noise<T> {
    /// The same at any distance.
    pub(super) fn even(noise: T) -> Self {
        Self { near: noise, far: noise, has_kink: false, is_blind: false, is_coarse: false }
    }

    /// At least this, but how much more is not known.
    pub(super) fn blind(noise: T) -> Self {
        Self { is_blind: true, ..Self::even(noise) }
    }

    /// The noise right beside x.
    pub(super) fn beside(self) -> T {
        self.near
    }

    /// The noise at this distance from x, in units of the scale. Between the two places where it was measured it is
    /// taken to grow towards x as the inverse square of the distance. Steps finer than any at which it was measured
    /// are taken only where f has something to show there, which would pass for noise: nothing is known of it.
    pub(super) fn at(self, distance: T, epsilon: T) -> Option<T> {
        if distance < real::<T>(LAST_STEP) * epsilon {
            return None;
        }
        let nearer = (real::<T>(FAR) / distance).max(T::one());
        Some(self.near.min(self.far * nearer * nearer))
    }
}

/// Measures the noise of a function that is `here` at x. `take` evaluates it at both ends of a step, along a new
/// direction if its first argument says so; over `unit` a direction moves each entry by about its scale. `floor` is what
/// the rounding of x alone is claimed to change f by: where rounding errors are nearly the same for neighbouring points,
/// as they are beside a round number, differences do not show them. If the evaluations run out, what was measured counts.
pub(super) fn measure<T: Float, E>(
    here: Eval<T>,
    influence: T,
    floor: T,
    required: T,
    epsilon: T,
    unit: T,
    mut take: impl FnMut(bool, T) -> Result<Option<Rung<T>>, E>,
) -> Result<Noise<T>, E> {
    let step = real::<T>(STEP) * epsilon * unit;
    let (mut differences, mut still) = (Differences::<T>::new(), true);
    for _ in 0..DIRECTIONS {
        let (Some(single), Some(double)) = (take(true, step)?, take(false, step + step)?) else {
            let near = differences.noise().max(floor);
            return Ok(if still { Noise::blind(near) } else { Noise::even(near) });
        };
        let rungs = [single, double];
        still = still && rungs.iter().all(|rung| is_still(here, rung));
        differences.add(here, rungs, Differences::bend);
    }
    let near = differences.noise().max(floor);
    if still {
        let coarse = coarseness(here, step, unit, take)?;
        let known = |coarse| Noise { is_coarse: true, ..Noise::even(near.max(coarse)) };
        return Ok(coarse.map_or(Noise::blind(near), known));
    }
    let asks = here.branch.is_none() && unit > T::one();
    let kinked = if asks { is_kinked(here, epsilon.sqrt() * unit, near, &mut take)? } else { Some(false) };
    let Some(has_kink) = kinked else { return Ok(Noise::even(near)) };
    let hiding = required * real(FIRST_STEP / TREADS) * influence.max(here.value.abs());
    let far = if near > hiding { farther(step, unit, take)? } else { None };
    Ok(Noise { far: far.map_or(near, |far| far.min(near)), has_kink, ..Noise::even(near) })
}

/// Whether the sides differ in slope along one of a few directions: not by curvature, which would double with the step.
fn is_kinked<T: Float, E>(
    here: Eval<T>,
    step: T,
    noise: T,
    take: &mut impl FnMut(bool, T) -> Result<Option<Rung<T>>, E>,
) -> Result<Option<bool>, E> {
    let two = T::one() + T::one();
    for _ in 0..KINK_DIRECTIONS {
        let (Some(single), Some(double)) = (take(true, step)?, take(false, two * step)?) else {
            return Ok(None);
        };
        let [bend, double] =
            [single, double].map(|rung| (rung.right.value - here.value) - (here.value - rung.left.value));
        let is_visible = bend.abs() > real::<T>(TREADS) * noise;
        if is_visible && (double - two * bend).abs() < bend.abs() / two {
            return Ok(Some(true));
        }
    }
    Ok(Some(false))
}

/// The noise of a function that stands still over small steps, if it does so everywhere: of a staircase. That of one
/// which is flat at x and not elsewhere is 0. `None` if the evaluations ran out before either was seen.
fn coarseness<T: Float, E>(
    here: Eval<T>,
    small: T,
    unit: T,
    mut take: impl FnMut(bool, T) -> Result<Option<Rung<T>>, E>,
) -> Result<Option<T>, E> {
    let (riser, differences) = (T::infinity(), Differences::new());
    let widest = real::<T>(FIRST_STEP) * unit;
    let mut treads = Treads { small, widest, flat: 0, ends: 0, riser, differences };
    let (mut step, growth) = (real::<T>(GROWTH) * small, real::<T>(GROWTH));
    for _ in 0..DIRECTIONS {
        let Some(moved) = treads.look(here, step, &mut take)? else {
            return Ok(treads.is_staircase().then(|| treads.noise()));
        };
        step = (moved / (growth * growth)).max(growth * small);
    }
    Ok(Some(if treads.is_staircase() { treads.noise() } else { T::zero() }))
}

/// What was seen of a function that stands still beside x: whether it does so elsewhere, and its second differences over
/// several treads.
struct Treads<T> {
    small: T,
    widest: T,
    /// So many of the ends at which it had moved are flat.
    flat: usize,
    ends: usize,
    /// The smallest change of f that was seen.
    riser: T,
    differences: Differences<T>,
}

impl<T: Float> Treads<T> {
    /// Looks along a new direction for a step at which f moves, from this one on. The last step that was tried, or `None` if
    /// the evaluations ran out.
    fn look<E>(
        &mut self,
        here: Eval<T>,
        mut step: T,
        take: &mut impl FnMut(bool, T) -> Result<Option<Rung<T>>, E>,
    ) -> Result<Option<T>, E> {
        let Some(mut moved) = take(true, step)? else { return Ok(None) };
        for _ in 0..MOST_STEPS {
            if !(is_still(here, &moved) && step < self.widest) {
                break;
            }
            step = real::<T>(GROWTH) * step;
            let Some(wider) = take(false, step)? else { return Ok(None) };
            moved = wider;
        }
        if is_still(here, &moved) {
            return Ok(Some(step));
        }
        let wide = (real::<T>(TREADS) * step).min(self.widest);
        let (Some(beside), Some(single)) = (take(false, step + self.small)?, take(false, wide)?) else {
            return Ok(None);
        };
        let Some(double) = take(false, wide + wide)? else { return Ok(None) };
        self.flat += usize::from(moved.right.value == beside.right.value);
        self.flat += usize::from(moved.left.value == beside.left.value);
        self.ends += 2;
        let changes = [moved.right, moved.left].map(|end| (end.value - here.value).abs());
        self.riser = changes.into_iter().filter(|change| *change > T::zero()).fold(self.riser, T::min);
        self.differences.add(here, [single, double], |changes, least| {
            largest_second_difference(changes, T::one() + T::one(), least)
        });
        Ok(Some(step))
    }

    /// Half of a riser at least: steps of whole treads show none of it.
    fn noise(&self) -> T {
        self.differences.noise().max(self.riser / (T::one() + T::one()))
    }

    /// Not all ends need be flat, because some may lie beside a riser.
    fn is_staircase(&self) -> bool {
        2 * self.flat > self.ends
    }
}

/// The noise some way off x: the median of several directions, since one may come near to x all the same. Infinite
/// where f stands still there: then it is a staircase, and x lies at a riser.
fn farther<T: Float, E>(
    step: T,
    unit: T,
    mut take: impl FnMut(bool, T) -> Result<Option<Rung<T>>, E>,
) -> Result<Option<T>, E> {
    let (far, two) = (real::<T>(FAR) * unit, T::one() + T::one());
    let mut found = [T::zero(); FAR_DIRECTIONS];
    for noise in &mut found {
        let Some(middle) = take(true, far)? else { return Ok(None) };
        let (mut changes, mut still) = ([[T::zero(); 4]; 2], true);
        for (place, step) in [step, two * step, -step, -two * step].into_iter().enumerate() {
            let Some(rung) = take(false, far + step)? else { return Ok(None) };
            still = still && rung.right.value == middle.right.value && rung.left.value == middle.left.value;
            let claimed = rung.claimed - middle.claimed;
            changes[0][place] = rung.right.value - middle.right.value - claimed;
            changes[1][place] = rung.left.value - middle.left.value + claimed;
        }
        let differences = changes
            .into_iter()
            .fold(T::zero(), |most, changes| largest_second_difference(changes, two, most));
        *noise = if still { T::infinity() } else { differences };
    }
    found.sort_unstable_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
    Ok(Some(found[FAR_DIRECTIONS / 2]))
}

/// Whether the function is at both ends what it is at x.
fn is_still<T: Float>(here: Eval<T>, rung: &Rung<T>) -> bool {
    [rung.right, rung.left].iter().all(|end| end.value == here.value || !end.value.is_finite())
}

/// Half of the largest second difference: one is at most four times as large as the noise of a value.
///
/// Where branches are known to change, a kink is part of the second difference. Only if there are no others,
/// it is taken for noise.
struct Differences<T> {
    straight: T,
    any: T,
}

impl<T: Float> Differences<T> {
    fn new() -> Self {
        Self { straight: T::neg_infinity(), any: T::zero() }
    }

    /// Takes a step and one of twice the length.
    fn add(&mut self, here: Eval<T>, [near, far]: [Rung<T>; 2], bend: impl Fn([T; 4], T) -> T) {
        let ends = [near.right, far.right, near.left, far.left];
        let claimed = [near.claimed, far.claimed, -near.claimed, -far.claimed];
        // Without the claim, so that what is left of it as x ± d is rounded does not count.
        let changes = [0, 1, 2, 3].map(|end| ends[end].value - here.value - claimed[end]);
        let is_same = |end: usize| ends[end].branch == here.branch;
        let same = [0, 1, 2, 3].map(|end| if is_same(end) { changes[end] } else { T::nan() });
        self.any = bend(changes, self.any);
        self.straight = bend(same, self.straight);
    }

    /// Half of the largest second difference, or what the third and the fourth one tell if that is less: a function with
    /// structure almost as narrow as the steps is not straight over them, but more nearly a parabola. Of these, one is 0
    /// where rounding is symmetric.
    fn bend(changes: [T; 4], least: T) -> T {
        let ([right, far_right, left, far_left], two) = (changes, T::one() + T::one());
        let third = ((far_right - far_left) - two * (right - left)).abs();
        let fourth = ((far_right + far_left) - two * two * (right + left)).abs();
        let (second, higher) =
            (largest_second_difference(changes, two, T::neg_infinity()), third.max(fourth) / two);
        least.max(if higher < second { higher } else { second })
    }

    fn noise(&self) -> T {
        if self.straight < T::zero() { self.any } else { self.straight }
    }
}

#[cfg(test)]
mod tests;
