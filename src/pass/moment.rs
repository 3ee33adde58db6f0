//! The second moment: what is summed apart from the products, and the squares that those are made of.
//!
//! (d x)² is d² x² in a product of squares. Where d² or x² leaves the range of T and (d x)² does not, the example's part is
//! added up element by element, and its row of D is 0 in the product.

use num_traits::Float;

use super::nonfinite::NonFinite;
use super::plan::Plan;
use super::weight_grads::ChunkFactors;
use crate::data::{Inputs, MatMut, ParamsMut};
use crate::kernels::norms::sum_of_squares;
use crate::kernels::scaled::{Scaled, power};

/// A chunk after its backward pass.
pub(super) struct Factors<'a, T> {
    pub(super) x: Inputs<'a, T>,
    pub(super) a: &'a mut [T],
    pub(super) d: &'a mut [T],
    pub(super) g: &'a mut [T],
    /// The exponent of the unit of D and G.
    pub(super) unit: i32,
}

impl<T> Factors<'_, T> {
    /// For the products, once [`prepare`] has been there.
    pub(super) fn squares<'c>(&'c self, nonfinite: Option<&'c NonFinite>) -> ChunkFactors<'c, T> {
        let Self { x, a, d, g, .. } = self;
        ChunkFactors { x: *x, a, d, d_panels: &[], g, nonfinite, is_squared: true }
    }
}

/// Adds to the moment what is not left to products of squares, and squares A, D and G for those.
pub(super) fn prepare<T: Float>(
    plan: &Plan<'_, T>,
    factors: &mut Factors<'_, T>,
    moment: &mut ParamsMut<'_, T>,
) {
    let (layout, h, c) = (&plan.layout, plan.params.b1.len(), plan.params.b2.len());
    let Factors { x, a, d, g, unit } = factors;
    let unit = *unit;
    add_biases(plan, (x.rows(), unit), (d, g), moment);
    let class_step = layout.score_stride;
    for i in 0..x.rows() {
        let row = i * layout.hidden_stride..i * layout.hidden_stride + h;
        let (d, a) = (&mut d[row.clone()], &mut a[row]);
        if is_apart((d.iter(), unit), x.numbers(i)) {
            add(d.iter().copied(), unit, || x.row(i), &mut moment.w1);
            d.fill(T::zero());
        }
        let g = &mut g[i / layout.block * class_step * c + i % layout.block..];
        if is_apart((g.iter().step_by(class_step).take(c), unit), a.iter().copied()) {
            add(g.iter().step_by(class_step).take(c).copied(), unit, || a.iter().copied(), &mut moment.w2);
            g.iter_mut().step_by(class_step).take(c).for_each(|g| *g = T::zero());
            a.fill(T::zero());
        }
    }
    for (numbers, unit) in [(a, 0), (d, unit), (g, unit)] {
        // In two steps: not every power of two that is needed is a number.
        let by = [power::<T>(unit / 2), power(unit - unit / 2)];
        let scaled = |x: T| x * by[0] * by[1];
        numbers.iter_mut().for_each(|x| *x = scaled(*x) * scaled(*x));
    }
}

/// The biases: the sums of the squares of the columns of D and G, n examples of them.
fn add_biases<T: Float>(
    plan: &Plan<'_, T>,
    (n, unit): (usize, i32),
    (d, g): (&[T], &[T]),
    moment: &mut ParamsMut<'_, T>,
) {
    let (layout, c) = (&plan.layout, plan.params.b2.len());
    let add = |moment: &mut T, squares: Scaled<T>| {
        *moment = *moment + Scaled { exponent: squares.exponent + 2 * unit, ..squares }.get();
    };
    for (unit, moment) in moment.b1.iter_mut().enumerate() {
        add(moment, sum_of_squares(|| d[unit..].iter().step_by(layout.hidden_stride).take(n).copied()));
    }
    for (class, moment) in moment.b2.iter_mut().enumerate() {
        let blocks = || g.chunks(layout.score_stride * c).enumerate();
        let row = |(index, block)| {
            let block: &[T] = block;
            &block[class * layout.score_stride..][..layout.block.min(n - index * layout.block)]
        };
        add(moment, sum_of_squares(|| blocks().flat_map(row).copied()));
    }
}

/// Whether, of an example, a square of one factor, or that of a number of the other one, may be out of the range of T and
/// their product in it.
fn is_apart<'n, T: Float + 'n>(
    (first, unit): (impl Iterator<Item = &'n T>, i32),
    second: impl Iterator<Item = T>,
) -> bool {
    let exponent = |x| Scaled::<T>::new(x).normalized().exponent;
    let least = exponent(T::min_positive_value());
    let (smallest, most) = (exponent(T::min_positive_value() * T::epsilon()), exponent(T::max_value()));
    let (Some(first), Some(second)) =
        (Sizes::of(first.copied(), least / 2, unit), Sizes::of(second, least / 2, 0))
    else {
        return false;
    };
    let is_large = |sizes: &Sizes| 2 * sizes.largest + 2 > most;
    // Times numbers below 1, what it lost is less than the smallest number.
    let is_small = |sizes: &Sizes, other: &Sizes| {
        sizes.small.is_some_and(|small| other.largest >= 0 && 2 * (small + other.largest + 2) > smallest)
    };
    is_large(&first) || is_large(&second) || is_small(&first, &second) || is_small(&second, &first)
}

/// Exponents of the largest of some numbers, and of the largest one whose square is subnormal.
struct Sizes {
    largest: i32,
    small: Option<i32>,
}

impl Sizes {
    /// Of numbers in units of 2^unit, if all of them are finite; those below 2^least have subnormal squares.
    fn of<T: Float>(numbers: impl Iterator<Item = T>, least: i32, unit: i32) -> Option<Self> {
        let (zero, root) = (T::zero(), power::<T>(least.saturating_sub(unit)));
        let (mut largest, mut small, mut zeros) = (zero, zero, zero);
        numbers.for_each(|x| {
            let x = x.abs();
            (largest, small) = (largest.max(x), if x < root { small.max(x) } else { small });
            // NaN from then on if x is infinite or NaN.
            zeros = zeros + x * zero;
        });
        let exponent = |x| Scaled::new(x).normalized().exponent + unit;
        (zeros == zero).then(|| Self {
            largest: if largest > zero { exponent(largest) } else { i32::MIN / 8 },
            small: (small > zero).then(|| exponent(small)),
        })
    }
}

/// Adds the squares of the products of a column, in units of 2^unit, and a row.
#[cold]
fn add<T: Float, R: Iterator<Item = T>>(
    column: impl Iterator<Item = T>,
    unit: i32,
    row: impl Fn() -> R,
    moment: &mut MatMut<'_, T>,
) {
    for (index, number) in column.enumerate().filter(|(_, number)| *number != T::zero()) {
        let Scaled { value, exponent } = Scaled::new(number).normalized();
        // In two steps: not every power of two that is needed is a number. The value comes last, so that nothing is subnormal
        // before the product is.
        let exponent = exponent + unit;
        let by = [power::<T>(exponent / 2), power(exponent - exponent / 2)];
        moment.row_mut(index).zip(row()).for_each(|(moment, x)| {
            let product = x * by[0] * by[1] * value;
            *moment = *moment + product * product;
        });
    }
}

#[cfg(test)]
mod tests;
