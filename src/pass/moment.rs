//! The squares that the second moment is made of.

use num_traits::Float;

use super::weight_grads::Squared;
use crate::data::MatRef;
use crate::kernels::scaled::{Scaled, power};

/// Squares A, D and G of a chunk, in units in which none is out of range. D and G are in units of 2^unit before.
pub(super) fn square<T: Float>(
    unit: i32,
    x: MatRef<'_, T>,
    a: &mut [T],
    d: &mut [T],
    g: &mut [T],
) -> Squared<T> {
    // The square of more is no number of the type.
    let most = Scaled::new(T::max_value()).normalized().exponent / 2;
    let [a_unit, d_unit, g_unit] = [&*a, &*d, &*g].map(|factor| exponent(factor.iter().copied()));
    let (d_unit, g_unit) = (d_unit.min(most - unit), g_unit.min(most - unit));
    let (of_d, of_g) = (unit + d_unit, unit + g_unit);
    let x_unit = exponent((0..x.rows()).flat_map(|row| x.row(row))).min(most - of_d);
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
