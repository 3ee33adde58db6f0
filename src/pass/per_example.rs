//! What is wanted of the gradients of single examples, when a block or chunk has had its backward pass.

use num_traits::Float;

use super::objective::Objective;
use super::outputs::Outputs;
use super::parts::Place;
use super::plan::Plan;
use super::weight_grads::ChunkFactors;
use crate::data::MatMut;
use crate::kernels::norms::{ExampleFactors, dot, dot_rows};
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
            if excluded { grad.for_each(|g| *g = T::zero()) } else { factors.grad(i, plan.divisor, grad) }
        }
        if !needs_norm {
            continue;
        }
        let norm = if excluded { T::zero() } else { factors.norm(simd, i, plan.divisor) };
        if let Some(norms) = &mut out.grad_norms {
            norms[row + i] = norm;
        }
        // NaN is not greater: it stays, and reaches the gradient.
        if let Some(most) = plan.clip.filter(|&most| norm > most) {
            factors.scale(i, most / norm);
        }
    }
}

/// (19) of all pairs of a chunk's examples.
pub(crate) fn gram<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    chunk: &ChunkFactors<'_, T>,
    mut gram: MatMut<'_, T>,
) {
    let (h, c, one, n) = (plan.params.b1.len(), plan.params.b2.len(), T::one(), plan.divisor);
    let layout = &plan.layout;
    let g = |i: usize| {
        let g = &chunk.g[i / layout.block * layout.score_stride * c + i % layout.block..];
        g.iter().step_by(layout.score_stride).take(c).map(|&g| g * n)
    };
    let row = |i: usize| i * layout.hidden_stride..i * layout.hidden_stride + h;
    let excluded = |i: usize| chunk.nonfinite.is_some_and(|nonfinite| nonfinite.excludes(i));
    for i in 0..chunk.x.rows() {
        for k in 0..=i {
            let value = if excluded(i) || excluded(k) {
                T::zero()
            } else {
                let gg = g(i).zip(g(k)).fold(T::zero(), |sum, (g_i, g_k)| sum + g_i * g_k);
                let dd = dot(simd, &chunk.d[row(i)], &chunk.d[row(k)]) * n * n;
                let aa = dot(simd, &chunk.a[row(i)], &chunk.a[row(k)]);
                gg * (aa + one) + dd * (dot_rows(simd, chunk.x, i, k) + one)
            };
            for (row, col) in [(i, k), (k, i)] {
                if let Some(out) = gram.get_mut(row, col) {
                    *out = value;
                }
            }
        }
    }
}
