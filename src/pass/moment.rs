//! The squares that the second moment is made of.

use num_traits::Float;

use super::plan::Plan;
use super::weight_grads::Squared;
use crate::data::MatRef;
use crate::kernels::scaled::{Scaled, power};

/// Squares A, D and G of a chunk, in units in which none is out of range. D and G are those of a pass, after their margin is taken off.
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
    // The square of more is no number of the type.
    let most = Scaled::new(T::max_value()).normalized().exponent / 2;
    let unit = plan.unit - plan.margin.1;
    let (d_unit, g_unit) = (d_unit.min(most - unit), g_unit.min(most - unit));
    let (of_d, of_g) = (unit + d_unit, unit + g_unit);
    // Nor is the inverse of less.
    let x_unit = x_unit.clamp(1 - 2 * most, (most - of_d).max(1 - 2 * most));
    let a_unit = a_unit.min(most - of_g);
    for (factor, unit) in [(a, a_unit), (d, d_unit), (g, g_unit)] {
        let by = [power::<T>(-unit / 2), power(-unit + unit / 2)];
        let scaled = |x: T| x * by[0] * by[1];
        factor.iter_mut().for_each(|x| *x = scaled(*x) * scaled(*x));
    }
    let alpha = [of_d + x_unit, of_d, of_g + a_unit, of_g].map(|exponent| power(2 * exponent));
    Squared { x: power(-x_unit), alpha }
}

/// The exponent of the largest magnitude that is finite.
fn exponent<T: Float>(numbers: impl Iterator<Item = T>) -> i32 {
    let finite = numbers.map(T::abs).filter(|x| x.is_finite());
    Scaled::new(finite.fold(T::zero(), T::max)).normalized().exponent
}
