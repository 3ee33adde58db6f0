//! What is wanted of the gradients of single examples, when a block or tile has been through the net and back.

use num_traits::Float;

use super::objective::Goal;
use super::outputs::Outputs;
use super::parts::{Done, Plan};
use crate::data::MatMut;
use crate::kernels::norms::{Factors, dot, dot_rows};
use crate::simd::Simd;

/// The gradients and norms (18) of some examples, and clipping, as far as they are wanted. The first example
/// has the number `first` in the batch and the row `offset` in `out`.
pub(crate) fn grads<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    goal: &dyn Goal<T>,
    first: usize,
    mut factors: Factors<'_, T>,
    (out, offset): (&mut Outputs<'_, T>, usize),
) {
    let needs_norm = plan.clip.is_some() || out.grad_norms.is_some();
    if !needs_norm && out.example_grads.is_none() {
        return;
    }
    for i in 0..factors.x.rows() {
        let skipped = goal.skips(first + i);
        if let Some(grads) = &mut out.example_grads {
            let row = grads.row_mut(offset + i);
            if skipped { row.for_each(|g| *g = T::zero()) } else { factors.grad(i, plan.divisor, row) }
        }
        if !needs_norm {
            continue;
        }
        let norm = if skipped { T::zero() } else { factors.norm(simd, i, plan.divisor) };
        if let Some(norms) = &mut out.grad_norms {
            norms[offset + i] = norm;
        }
        // NaN is not greater: it stays, and reaches the gradient.
        if let Some(most) = plan.clip.filter(|&most| norm > most) {
            factors.scale(i, most / norm);
        }
    }
}

/// (19) of all pairs of a tile's examples.
pub(crate) fn gram<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    done: &Done<'_, T>,
    mut gram: MatMut<'_, T>,
) {
    let (h, c, one, n) = (plan.params.b1.len(), plan.params.b2.len(), T::one(), plan.divisor);
    let g = |i: usize| {
        let g = &done.g[i / plan.block * plan.score_stride * c + i % plan.block..];
        g.iter().step_by(plan.score_stride).take(c).map(|&g| g * n)
    };
    let row = |i: usize| i * plan.hidden_stride..i * plan.hidden_stride + h;
    let left_out = |i: usize| done.poisoned.is_some_and(|poisoned| poisoned.has(i));
    for i in 0..done.x.rows() {
        for k in 0..=i {
            let value = if left_out(i) || left_out(k) {
                T::zero()
            } else {
                let gg = g(i).zip(g(k)).fold(T::zero(), |sum, (g_i, g_k)| sum + g_i * g_k);
                let dd = dot(simd, &done.d[row(i)], &done.d[row(k)]) * n * n;
                let aa = dot(simd, &done.a[row(i)], &done.a[row(k)]);
                gg * (aa + one) + dd * (dot_rows(simd, done.x, i, k) + one)
            };
            for (row, col) in [(i, k), (k, i)] {
                if let Some(out) = gram.get_mut(row, col) {
                    *out = value;
                }
            }
        }
    }
}
