//! Sums over examples that would leave the range of T, of terms and a mean that do not.

use num_traits::Float;

use super::layout::HiddenFactors;
use super::plan::Plan;
use crate::data::{Inputs, MatRef, Params};
use crate::kernels::scaled::{Scaled, is_wide, power};

/// Divides D and G of a chunk by 2^k, so that sums over its examples, and over those of its group, stay in range, and returns k: 0 where they do as it is,
/// and in types that have so long a range that D and G have a margin at all times.
pub(super) fn make<T: Float>(
    plan: &Plan<'_, T>,
    x: Inputs<'_, T>,
    hidden: &mut HiddenFactors<'_, T>,
    g: &mut [T],
) -> i32 {
    // Whoever else multiplies knows no factor by which to undo it.
    if is_wide::<T>() || plan.gradient_gemm().is_some() {
        return 0;
    }
    let HiddenFactors { a, d, d_panels } = hidden;
    let (layout, n, h, c) = (&plan.layout, x.rows(), plan.params.b1.len(), plan.params.b2.len());
    let column = |unit: usize| d[unit..].iter().step_by(layout.hidden_stride).take(n);
    let of_d = (0..h).map(|unit| column(unit).copied().map(size).sum());
    let of_g = (0..c).map(|class| {
        let blocks = g.chunks(layout.score_stride * c).enumerate();
        let row = blocks.flat_map(|(index, block)| {
            &block[class * layout.score_stride..][..layout.block.min(n - index * layout.block)]
        });
        row.copied().map(size).sum()
    });
    let rows = a.chunks(layout.hidden_stride).take(n).flat_map(|row| &row[..h]);
    let of_a = rows.copied().map(size).fold(1.0, f64::max);
    let of_x = (0..n).flat_map(|row| x.numbers(row)).map(size).fold(1.0, f64::max);
    let largest = (of_d.fold(0.0, f64::max) * of_x).max(of_g.fold(0.0, f64::max) * of_a);
    let k = halvings::<T>(largest, layout.plain_chunks);
    if k > 0 {
        let by = power::<T>(-k);
        let panels = if layout.packs_hidden_grad { &mut d_panels[..] } else { &mut [] };
        g.iter_mut().chain(&mut **d).chain(panels).for_each(|term| *term = *term * by);
    }
    k
}

/// How often sums of so much at most, of each of so many chunks, are to be halved so that they stay in range added up.
fn halvings<T: Float>(of_chunk: f64, chunks: usize) -> i32 {
    let largest = of_chunk * chunks as f64;
    let (mut k, mut most) = (0, size(T::max_value()) / 2.0);
    // With more of it no term would be left.
    while largest > most && k < Scaled::new(T::max_value()).normalized().exponent {
        (k, most) = (k + 1, 2.0 * most);
    }
    k
}

/// A magnitude; 0 if that is infinite or NaN.
fn size<T: Float>(x: T) -> f64 {
    x.abs().to_f64().filter(|x| x.is_finite()).unwrap_or(0.0)
}

/// The margin that it takes to multiply what is in `grad` with the inverse of alpha, where who multiplies knows no alpha: so
/// far the terms are to be divided before they are added to that.
pub(super) fn for_what_was_there<T: Float>(grad: &Params<'_, T>, divisor: Scaled<T>, unit: i32) -> i32 {
    let exponent = |x| Scaled::<T>::new(x).normalized().exponent;
    let larger = |largest: T, x: T| if x.is_finite() { largest.max(x.abs()) } else { largest };
    let rows = |view: MatRef<'_, T>| {
        (0..view.rows()).fold(T::zero(), |largest, row| view.row(row).fold(largest, larger))
    };
    let biases = grad.b1.iter().chain(grad.b2).copied();
    let largest = biases.fold(rows(grad.w1).max(rows(grad.w2)), larger);
    // Half of the range is for the sum.
    exponent(largest) + divisor.normalized().exponent + 4 - unit - exponent(T::max_value())
}

#[cfg(test)]
mod tests;
