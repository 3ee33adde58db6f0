//! Whether values have jumps: a part of f that is coarser than its type (computed in a shorter one, printed and read again),
//! beside a part that is not.
//!
//! On a tread of the coarse part the finest steps see the slope of the other part alone, with small error bars. What tells
//! is that f is not continuous there. A smooth function, however narrow its structure, changes less and less over parts of an
//! interval that are halved again and again; a jump stays as high as it is.

use num_traits::Float;

use super::eval::Eval;
use super::ladder::Rung;

/// So often an interval is halved. Of all that f changes by over the first one, next to nothing is left of a smooth change.
const HALVINGS: usize = 20;

/// Over so many of them in the end a jump hardly changes, and a smooth change becomes a small part of itself.
const LAST: usize = 5;

/// The height of a jump of f on either side of x, nearer than `reach`, apart from a line of slope `discrepancy` beside what is
/// claimed; 0 if none was found. `None` if the evaluations ran out. No step is shorter than `finest`.
pub(super) fn jump<T: Float, E>(
    here: Eval<T>,
    [finest, reach]: [T; 2],
    discrepancy: T,
    mut take: impl FnMut(T) -> Result<Option<Rung<T>>, E>,
) -> Result<Option<T>, E> {
    let two = T::one() + T::one();
    let mut rest = |step: T| {
        let rest = |rung: Rung<T>| {
            let line = rung.claimed + discrepancy * rung.step;
            [rung.right.value - here.value - line, here.value - rung.left.value - line]
        };
        Ok(take(step)?.map(rest))
    };
    // Of values that are no numbers nothing is known.
    let change = |a: [T; 2], b: [T; 2]| (a[1] - b[1]).abs().max((a[0] - b[0]).abs()).max(T::zero());
    let Some(at_reach) = rest(reach)? else { return Ok(None) };
    let ([mut near, mut far], mut at_near, mut at_far) = ([T::zero(), reach], [T::zero(); 2], at_reach);
    // Of the last intervals, the latest one first.
    let mut changes = [T::infinity(); LAST + 1];
    for _ in 0..HALVINGS {
        let middle = near + (far - near) / two;
        if middle - near < finest {
            break;
        }
        let Some(at_middle) = rest(middle)? else { return Ok(None) };
        if change(at_near, at_middle) > change(at_middle, at_far) {
            (far, at_far) = (middle, at_middle);
        } else {
            (near, at_near) = (middle, at_middle);
        }
        changes.rotate_right(1);
        changes[0] = change(at_near, at_far);
    }
    let is_jump = two * changes[0] > changes[LAST];
    Ok(Some(if is_jump { changes[0] } else { T::zero() }))
}

#[cfg(test)]
mod tests;
