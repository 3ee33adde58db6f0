//! Whether values have jumps: a part of f that is coarser than its type (computed in a shorter one, printed and read again),
//! beside a part that is not.
//!
//! On a tread of the coarse part the finest steps see the slope of the other part alone, with small error bars. What tells
//! is that f changes by more than its slopes add up to. Over an interval of length L a smooth function changes by the mean of
//! its slopes at both ends times L, but for a rest in L³, however narrow its structure once L is narrower. The rest of a
//! function that is coarse in part is what the coarse part changes by, and of one with a jump the height of that.

use num_traits::Float;

use super::eval::Eval;
use super::ladder::{FIRST_STEP, Rung};
use super::numeric::real;

/// Jumps are looked for within this distance, in units of the scale: about as far as x is large.
const REACH: f64 = 4.0 * FIRST_STEP;

/// Slopes are taken over steps of this power of the roundoff, in units of the scale: so short that hardly any meets a jump.
const SHORT: f64 = 0.6;

/// So often the interval is halved. That takes four evaluations each time, six in the beginning.
const HALVINGS: usize = 20;

/// Over so many of them in the end a jump stays as high as it is. A smooth rest has become a small part of itself, and so has what
/// noise does to slopes, which is in proportion to L.
const LAST: usize = 5;

/// A jump is no noise that was measured if it is so many times as high.
const TALL: f64 = 8.0;

/// The reach along each of the directions that are tried where the line of a claim has no jumps, in parts of [`REACH`].
/// The nearest jumps first: they tell best how coarse f is at x. Where a part of f hardly changes the next one may be far
/// off, and most directions miss it.
const REACHES: [f64; 6] = [1.0 / 256.0, 1.0 / 16.0, 1.0, 1.0, 1.0, 1.0];

/// Whether a jump of this height is more than noise.
pub(super) fn is_tall<T: Float>(height: T, noise: T) -> bool {
    height > real::<T>(TALL) * noise
}

/// The height of a jump of f along other directions than that of a claim, 0 if none of them has one that is more than noise.
/// `None` if the evaluations ran out. `take` evaluates f at both ends of a step, along a new direction if its first argument
/// says so; over `unit` a direction moves each entry by about its scale.
pub(super) fn jump_elsewhere<T: Float, E>(
    here: Eval<T>,
    unit: T,
    noise: T,
    epsilon: T,
    mut take: impl FnMut(bool, T) -> Result<Option<Rung<T>>, E>,
) -> Result<Option<T>, E> {
    for reach in REACHES {
        let mut turn = true;
        let along = |step| take(core::mem::replace(&mut turn, false), step);
        let Some(height) = jump(here, real::<T>(reach) * unit, epsilon, along)? else { return Ok(None) };
        if is_tall(height, noise) {
            return Ok(Some(height));
        }
    }
    Ok(Some(T::zero()))
}

/// f at one step from x, to the right and to the left, and its slopes there, away from x.
#[derive(Clone, Copy)]
struct Node<T> {
    step: T,
    values: [T; 2],
    slopes: [T; 2],
}

impl<T: Float> Node<T> {
    /// From a step and a slightly longer one.
    fn new(step: T, [right, left]: [T; 2], longer: Rung<T>) -> Self {
        let (values, short) = ([right, left], longer.step - step);
        Self {
            step,
            values,
            slopes: [(longer.right.value - right) / short, (longer.left.value - left) / short],
        }
    }

    /// What f changes by between two such steps beyond what its slopes add up to: to the right or to the left, the larger one.
    fn rest(self, other: Self) -> T {
        let half = (other.step - self.step) / (T::one() + T::one());
        let rest = |side: usize| {
            let rest =
                other.values[side] - self.values[side] - half * (self.slopes[side] + other.slopes[side]);
            // Of values that are no numbers nothing is known.
            if rest.is_finite() { rest.abs() } else { T::zero() }
        };
        rest(0).max(rest(1))
    }
}

/// The height of a jump of f on either side of x, 0 if none was found. `None` if the evaluations ran out. The function is
/// `here` at x, and expected to vary over `scale`.
pub(super) fn jump<T: Float, E>(
    here: Eval<T>,
    scale: T,
    epsilon: T,
    mut take: impl FnMut(T) -> Result<Option<Rung<T>>, E>,
) -> Result<Option<T>, E> {
    let (two, short) = (T::one() + T::one(), epsilon.powf(real(SHORT)) * scale);
    let Some(beside) = take(short)? else { return Ok(None) };
    let mut node = |step: T| {
        let (Some(rung), Some(longer)) = (take(step)?, take(step + short)?) else { return Ok(None) };
        Ok(Some(Node::new(rung.step, [rung.right.value, rung.left.value], longer)))
    };
    let Some(mut far) = node(real::<T>(REACH) * scale)? else { return Ok(None) };
    let mut near = Node::new(T::zero(), [here.value; 2], beside);
    // Of the last intervals, the latest one first.
    let mut rests = [T::infinity(); LAST + 1];
    for _ in 0..HALVINGS {
        let half = (far.step - near.step) / two;
        // Not all numbers have so many digits.
        if half <= short {
            break;
        }
        let Some(middle) = node(near.step + half)? else { return Ok(None) };
        if near.rest(middle) > middle.rest(far) {
            far = middle;
        } else {
            near = middle;
        }
        rests.rotate_right(1);
        rests[0] = near.rest(far);
    }
    let is_jump = rests.iter().all(|&rest| two * rests[0] > rest);
    Ok(Some(if is_jump { rests[0] } else { T::zero() }))
}

#[cfg(test)]
mod tests;
