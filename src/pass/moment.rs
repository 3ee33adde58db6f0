//! The squares that the second moment is made of.

use num_traits::Float;

use super::plan::Plan;
use super::weight_grads::Squared;
use crate::data::MatRef;
use crate::kernels::scaled::{Scaled, power};

/// Squares A, D and G of a chunk, as they are in no units and with all of their margin, but for a power of two that goes from
/// D to X and from G to A.
pub(super) fn square<T: Float>(
    plan: &Plan<'_, T>,
    x: MatRef<'_, T>,
    a: &mut [T],
    d: &mut [T],
    g: &mut [T],
) -> Squared<T> {
    let (layout, h, c) = (&plan.layout, plan.params.b1.len(), plan.params.b2.len());
    // What lies between the rows is not to be looked at, nor are the inputs of examples that count nothing.
    let rows =
        |factor: &[T]| exponent(factor.chunks(layout.hidden_stride).flat_map(|row| &row[..h]).copied());
    let (a_unit, d_unit) = (rows(a), rows(d));
    let counts = |row: &usize| d[row * layout.hidden_stride..][..h].iter().any(|&d| d != T::zero());
    let x_unit = exponent((0..x.rows()).filter(counts).flat_map(|row| x.row(row)));
    let blocks = g.chunks(layout.score_stride * c).enumerate();
    let g_unit = exponent(blocks.flat_map(|(index, block)| {
        let len = layout.block.min(x.rows() - index * layout.block);
        block.chunks(layout.score_stride).flat_map(move |row| &row[..len]).copied()
    }));
    let unit = plan.unit - plan.margin.1;
    let (d_shift, g_shift) = (balance::<T>(unit + d_unit, x_unit), balance::<T>(unit + g_unit, a_unit));
    for (factor, shift) in [(a, g_shift), (d, unit - d_shift), (g, unit - g_shift)] {
        // In two steps: not every number has an inverse.
        let by = [power::<T>(shift / 2), power(shift - shift / 2)];
        let scaled = |x: T| x * by[0] * by[1];
        factor.iter_mut().for_each(|x| *x = scaled(*x) * scaled(*x));
    }
    let alpha = [0, 2 * d_shift, 0, 2 * g_shift].map(power);
    Squared { x: power(d_shift), alpha }
}

/// The exponent of the power of two that goes from one factor to the other, so that the largest numbers of both have the
/// same size: neither's squares leave the range then unless the products do.
fn balance<T: Float>(from: i32, to: i32) -> i32 {
    let most = Scaled::new(T::max_value()).normalized().exponent / 2;
    ((from - to) / 2).max(-2 * most).min(most)
}

/// The exponent of the largest magnitude that is finite.
fn exponent<T: Float>(numbers: impl Iterator<Item = T>) -> i32 {
    let finite = numbers.map(T::abs).filter(|x| x.is_finite());
    Scaled::new(finite.fold(T::zero(), T::max)).normalized().exponent
}
