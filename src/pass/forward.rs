//! The forward pass of a part of the examples: Z, A, F, everything that is asked of the scores, and G in F's place.

use core::ops::Range;

use num_traits::Float;

use super::layout::HiddenGrad;
use super::objective::Objective;
use super::outputs::Outputs;
use super::parts::{ExamplesPart, Place};
use super::plan::Plan;
use crate::data::{Kind, MatMut, MatRef, Params};
use crate::error::Error;
use crate::gemm::masked::{self, Masked};
use crate::gemm::{AlphaBeta, Beta, Epilogue, Left, Right, few, is_finite, product, sparse};
use crate::kernels::activate::bias_relu;
use crate::kernels::scaled::{Scaled, ScaledSum, scaled_sum};
use crate::kernels::soft_targets::SoftTargets;
use crate::kernels::softmax::{Aside, Scores, Strip};
use crate::limits::{FEW_EXAMPLES, STRIP};
use crate::simd::Simd;

/// (1), (2): Z and A of these rows of the part.
pub(super) fn hidden<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    part: &mut ExamplesPart<'_, T>,
    rows: Range<usize>,
) -> Result<(), Error> {
    let (Params { w1, b1: bias, .. }, kink) = (plan.params, plan.kink);
    let (x, stride) = (part.x.row_range(rows.clone()), plan.layout.hidden_stride);
    let place = rows.start * stride..rows.end * stride;
    let (z, a) = (&mut part.hidden.z[place.clone()], &mut part.hidden.a[place]);
    let x = match x.kind() {
        Kind::Dense(x) => x,
        Kind::Sparse(x) => {
            z.fill(T::zero());
            sparse::add_product(simd, x, w1, z, stride);
            simd.vectorize(
                #[inline(always)]
                || bias_relu(kink, bias, stride, z, a),
            );
            return Ok(());
        }
    };
    let z_view = MatMut::with_strides(&mut *z, (x.rows(), bias.len()), (stride, 1))?;
    let epilogue = Epilogue::Activate { kink, bias, a };
    if let (true, Some(panels)) = (plan.skips_inputs, part.w1_panels) {
        let z = Masked::new(Left::view(x), Right::Packed(panels), AlphaBeta::plain(Beta::Zero), z_view);
        Masked { epilogue, ..z }.run(simd, part.pack_buffer);
        return Ok(());
    } else if let Some(gemm) = plan.forward_gemm() {
        gemm.gemm(x, w1.t(), Beta::Zero, z_view)?;
    } else if plan.layout.few_examples && x.col_stride() == 1 && w1.col_stride() == 1 {
        simd.vectorize(
            #[inline(always)]
            || few::dots(simd, x, w1, &mut *z, (stride, 1)),
        );
    } else {
        let w1 = part.w1_panels.map_or(Right::View(w1.t()), Right::Packed);
        product(simd, Left::view(x), w1, AlphaBeta::plain(Beta::Zero), z_view, epilogue, part.pack_buffer);
        return Ok(());
    }
    simd.vectorize(
        #[inline(always)]
        || bias_relu(kink, bias, stride, z, a),
    );
    Ok(())
}

/// (3) to (5), (15) of a block: F, the outputs, the sum of the losses, and G in F's place.
pub(super) fn scores<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    part: &mut ExamplesPart<'_, T>,
    objective: &Objective<'_, T>,
    rows: Range<usize>,
) -> Result<(), Error> {
    let (w2, stride, score_stride) = (plan.params.w2, plan.layout.hidden_stride, plan.layout.score_stride);
    let (h, c, index) = (w2.cols(), w2.rows(), rows.start / plan.layout.block);
    let hidden = rows.start * stride..rows.end * stride;
    let mut first_units = part.hidden.z[hidden.clone()].iter().step_by(stride);
    part.findings[index].has_finite_inputs = first_units.all(|z| z.is_finite());
    let a = &mut part.hidden.a[hidden];
    let f = &mut part.f[index * score_stride * c..][..score_stride * c];
    let active = MatRef::with_strides(a, (rows.len(), h), (stride, 1))?;
    let view = MatMut::with_strides(&mut *f, (c, rows.len()), (score_stride, 1))?;
    score_product(simd, plan, active, w2, Beta::Zero, view, part.pack_buffer)?;
    let kept_len = if part.kept.is_empty() { 0 } else { score_stride * (c + 1) };
    let kept = &mut part.kept[index * kept_len..][..kept_len];
    let mut losses = ScaledSum::new();
    for start in (0..rows.len()).step_by(STRIP) {
        let len = STRIP.min(rows.len() - start);
        let mut f = Scores { data: f, stride: score_stride, first: start, len };
        let place = Place { first: part.first + rows.start + start, row: part.row + rows.start + start };
        let finish =
            if plan.layout.few_examples { finish::<T, S, FEW_EXAMPLES> } else { finish::<T, S, STRIP> };
        losses.add(finish(simd, plan, objective, &mut f, &mut *kept, &mut part.out, place));
    }
    part.findings[index].loss = losses.total();
    // What the gradients are made of has nothing of an excluded example: no NaN either.
    if plan.grad_scale.is_some() {
        objective.clear_excluded(part.first + rows.start, rows.len(), h, stride, a);
    }
    Ok(())
}

/// F = A W2ᵀ without the bias, or F + A W2ᵀ, class by class (C × t), by whoever multiplies on the way forward.
pub(crate) fn score_product<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    a: MatRef<'_, T>,
    w2: MatRef<'_, T>,
    beta: Beta,
    f: MatMut<'_, T>,
    pack_buffer: &mut [T],
) -> Result<(), Error> {
    let onto = AlphaBeta::plain(beta);
    let has_many_classes = plan.layout.hidden_grad == HiddenGrad::Own && !plan.layout.few_examples;
    let (active, right) = (Left::view(a), Right::View(w2.t()));
    if has_many_classes
        && masked::time(simd, &active, &right, w2.rows()) < masked::PAYS
        && is_finite(simd, w2)
    {
        Masked::new(active, right, onto, f.t()).run(simd, pack_buffer);
    } else if let Some(gemm) = plan.forward_gemm() {
        gemm.gemm(a, w2.t(), beta, f.t())?;
    } else if plan.layout.few_examples && beta == Beta::Zero && w2.col_stride() == 1 {
        let stride = f.row_stride();
        simd.vectorize(
            #[inline(always)]
            || few::dots(simd, a, w2, f.t().as_mut_slice(), (1, stride)),
        );
    } else {
        product(simd, Left::view(w2), Right::View(a.t()), onto, f, Epilogue::None, pack_buffer);
    }
    Ok(())
}

/// (3) to (5), (15) of up to N examples: from W2 a to the outputs and the score gradient in its place. Returns
/// the sum of the losses.
///
/// Not inlined: what it keeps on the stack would lie under the products.
#[inline(never)]
fn finish<T: Float, S: Simd<T>, const N: usize>(
    simd: S,
    plan: &Plan<'_, T>,
    objective: &Objective<'_, T>,
    f: &mut Scores<'_, T>,
    kept: &mut [T],
    out: &mut Outputs<'_, T>,
    Place { first, row }: Place,
) -> Scaled<T> {
    let len = f.len;
    let mut strip = Strip::<T, N>::new(len);
    simd.vectorize(
        #[inline(always)]
        || strip.score(f, plan.params.b2),
    );
    let known = objective.is_known();
    if let Some(labels) = objective.labels {
        labels.classes(first, &mut strip.label[..len]);
    }
    if objective.is_weighted() {
        strip.set_scales(|col| objective.scale(first + col));
    }
    out.scored(&strip, f, row);
    if !known && !out.needs_exponentials() && kept.is_empty() {
        return Scaled::new(T::zero());
    }
    simd.vectorize(
        #[inline(always)]
        || strip.shift(f),
    );
    if known && objective.is_soft() {
        soft(simd, plan, objective, &mut strip, f, (kept, out), Place { first, row });
    } else {
        let needs_sums = out.needs_exponentials() || !kept.is_empty();
        exponentials(simd, &mut strip, f, out, row, needs_sums);
        if !kept.is_empty() {
            strip.keep(f, plan.grad_scale.unwrap_or(T::one()), |_| T::one(), kept);
        }
        if !known {
            return Scaled::new(T::zero());
        }
        simd.vectorize(
            #[inline(always)]
            || {
                strip.sum(simd, f, Aside::Label);
                strip.add_log();
                if let Some(scale) = plan.grad_scale {
                    strip.grad(f, scale);
                }
            },
        );
    }
    if let Some(losses) = &mut out.losses {
        for (out, &value) in losses[row..].iter_mut().zip(strip.losses()) {
            *out = Scaled { value, exponent: plan.loss_unit }.get();
        }
    }
    scaled_sum(strip.losses())
}

/// The exponentials; and, if they are needed, their sums and what is written of them.
fn exponentials<T: Float, S: Simd<T>, const N: usize>(
    simd: S,
    strip: &mut Strip<T, N>,
    f: &mut Scores<'_, T>,
    out: &mut Outputs<'_, T>,
    row: usize,
    needs_sums: bool,
) {
    simd.vectorize(
        #[inline(always)]
        || strip.exponentiate(simd, f),
    );
    if needs_sums {
        strip.sum(simd, f, Aside::Leader);
        out.probable(strip, f, row);
    }
}

/// (20), (21) in the place of (5), (15): losses and score gradients of soft targets, from f - M.
#[inline(never)]
fn soft<T: Float, S: Simd<T>, const N: usize>(
    simd: S,
    plan: &Plan<'_, T>,
    objective: &Objective<'_, T>,
    strip: &mut Strip<T, N>,
    f: &mut Scores<'_, T>,
    (kept, out): (&mut [T], &mut Outputs<'_, T>),
    Place { first, row }: Place,
) {
    let classes = plan.params.b2.len();
    let share = |col, label, class| objective.share(first + col, label, class, classes);
    let soft = SoftTargets::new(&share, strip, f);
    exponentials(simd, strip, f, out, row, true);
    soft.losses(strip);
    if !kept.is_empty() {
        strip.keep(f, plan.grad_scale.unwrap_or(T::one()), |col| soft.total(col), kept);
    }
    if let Some(scale) = plan.grad_scale {
        soft.grad(strip, f, scale);
    }
}
