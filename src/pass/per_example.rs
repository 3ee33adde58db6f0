//! What is wanted of the gradients of single examples, when a block or chunk has had its backward pass.

use num_traits::Float;

use super::objective::Objective;
use super::outputs::Outputs;
use super::parts::Place;
use super::plan::Plan;
use super::weight_grads::ChunkFactors;
use crate::data::MatMut;
use crate::kernels::norms::{ExampleFactors, dot, dot_rows, grad_inner_product, inner_product};
use crate::kernels::scaled::Scaled;
use crate::simd::Simd;

/// The gradients and norms (18) of some examples, and clipping, as far as they are wanted.
pub(crate) fn grads<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    objective: &Objective<'_, T>,
    mut factors: ExampleFactors<'_, T>,
    Place { first, row }: Place,
    out: &mut Outputs<'_, T>,
) {
    let needs_norm = plan.clip.is_some() || out.grad_norms.is_some();
    if !needs_norm && out.example_grads.is_none() {
        return;
    }
    for i in 0..factors.x.rows() {
        let excluded = objective.excludes(first + i);
        if let Some(grads) = &mut out.example_grads {
            let grad = grads.row_mut(row + i);
            if excluded { grad.for_each(|g| *g = T::zero()) } else { factors.grad(i, grad) }
        }
        if !needs_norm {
            continue;
        }
        let norm = if excluded { Scaled::new(T::zero()) } else { factors.norm(simd, i) };
        if let Some(norms) = &mut out.grad_norms {
            norms[row + i] = norm.get();
        }
        if let Some(by) = plan.clip.and_then(|most| share(most, norm)) {
            factors.scale(i, by);
        }
    }
}

/// What a gradient of this norm is multiplied with to have the largest one, if it is longer.
fn share<T: Float>(most: T, norm: Scaled<T>) -> Option<Scaled<T>> {
    // NaN is not less: it stays, and reaches the gradient.
    let share = Scaled::new(most).over(norm);
    (share.get() < T::one()).then_some(share)
}

/// (19) of all pairs of a chunk's examples.
pub(crate) fn gram<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    chunk: &ChunkFactors<'_, T>,
    mut gram: MatMut<'_, T>,
) {
    let (h, c) = (plan.params.b1.len(), plan.params.b2.len());
    let layout = &plan.layout;
    let g = |i: usize| {
        let g = &chunk.g[i / layout.block * layout.score_stride * c + i % layout.block..];
        g.iter().step_by(layout.score_stride).take(c).copied()
    };
    let row = |i: usize| i * layout.hidden_stride..i * layout.hidden_stride + h;
    let excluded = |i: usize| chunk.nonfinite.is_some_and(|nonfinite| nonfinite.excludes(i));
    for i in 0..chunk.x.rows() {
        for k in 0..=i {
            let value = if excluded(i) || excluded(k) {
                T::zero()
            } else {
                let (d, a) = ([i, k].map(|i| &chunk.d[row(i)]), [i, k].map(|i| &chunk.a[row(i)]));
                let gg = g(i).zip(g(k)).fold(T::zero(), |sum, (g_i, g_k)| sum + g_i * g_k);
                let (dd, aa) = (dot(simd, d[0], d[1]), dot(simd, a[0], a[1]));
                let product = grad_inner_product([
                    inner_product(gg, || g(i).zip(g(k))),
                    inner_product(dd, || d[0].iter().copied().zip(d[1].iter().copied())),
                    inner_product(aa, || a[0].iter().copied().zip(a[1].iter().copied())),
                    inner_product(dot_rows(simd, chunk.x, i, k), || chunk.x.pairs(i, k)),
                ]);
                Scaled { exponent: product.exponent + 2 * (plan.unit - plan.margin.1), ..product }.get()
            };
            for (row, col) in [(i, k), (k, i)] {
                if let Some(out) = gram.get_mut(row, col) {
                    *out = value;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
