//! Some examples along a direction: (25) to (28) and (30), from what a pass has made of them on its way forward.

use core::ops::Range;

use num_traits::Float;

use super::outputs::Tangents;
use super::part::{Finding, Part};
use super::scratch::Hidden;
use crate::data::{Kind, MatMut, MatRef, Params};
use crate::error::Error;
use crate::gemm::masked::Masked;
use crate::gemm::{AlphaBeta, Beta, Blocks, Epilogue, Left, Right, pack_left, product, sparse};
use crate::kernels::activate::mask;
use crate::kernels::norms::dot;
use crate::kernels::scaled::{Scaled, scaled_sum};
use crate::kernels::softmax::Scores;
use crate::kernels::tangent::{Slopes, Tangent, add_bias};
use crate::limits::STRIP;
use crate::pass::{Objective, Plan, cut, multiply, score_product};
use crate::simd::Simd;

/// What is wanted along a direction.
#[derive(Clone, Copy)]
pub(super) struct Along<'a, T> {
    /// V.
    pub(super) direction: Params<'a, T>,
    /// V1ᵀ in panels, where that pays.
    pub(super) v1_panels: Option<&'a [T]>,
    /// Whether X V1ᵀ is computed without the zeros of X.
    pub(super) skips_inputs: bool,
    /// D' and what follows from it, as the Hessian has it or as Gauss-Newton does.
    pub(super) product: Option<Curvature>,
    /// vᵀ H v.
    pub(super) hessian: bool,
}

/// Which second derivatives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Curvature {
    /// All.
    Hessian,
    /// Those of the loss by the scores, with the scores taken for linear in the parameters.
    GaussNewton,
}

/// All of it for the examples of a part.
pub(super) fn run<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    objective: &Objective<'_, T>,
    along: &Along<'_, T>,
    part: &mut Part<'_, T>,
) -> Result<(), Error> {
    let rows_at_once = if along.skips_inputs { part.len() } else { plan.layout.rows_at_once };
    for rows in cut(0..part.len(), rows_at_once) {
        hidden(simd, plan, along, part, rows.clone())?;
        for block in cut(rows.clone(), plan.layout.block) {
            scores(simd, plan, objective, along, part, block)?;
        }
        if let Some(curvature) = along.product {
            hidden_grad(simd, plan, along.direction, curvature, part, rows.clone())?;
            for block in cut(rows, plan.layout.block) {
                finish_hidden_grad(simd, plan, objective, part, block)?;
            }
        }
    }
    Ok(())
}

/// (25): A' = I * (X V1ᵀ + v1) of these rows.
fn hidden<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    along: &Along<'_, T>,
    part: &mut Part<'_, T>,
    rows: Range<usize>,
) -> Result<(), Error> {
    let (kink, stride, Params { w1: v1, b1: bias, .. }) =
        (plan.kink, plan.layout.hidden_stride, along.direction);
    let place = rows.start * stride..rows.end * stride;
    let (x, z, a) = (part.x.row_range(rows.clone()), &part.z[place.clone()], &mut part.hidden.a[place]);
    a.chunks_mut(stride).for_each(|a| a[..bias.len()].copy_from_slice(bias));
    let view = MatMut::with_strides(&mut *a, (rows.len(), bias.len()), (stride, 1))?;
    let (onto, epilogue) = (AlphaBeta::plain(Beta::One), Epilogue::Mask { kink, z: Some(z) });
    let x = match x.kind() {
        Kind::Dense(x) => x,
        Kind::Sparse(x) => {
            sparse::add_product(simd, x, v1, a, stride);
            mask(kink, z, a);
            return Ok(());
        }
    };
    if let (true, Some(panels)) = (along.skips_inputs, along.v1_panels) {
        let product = Masked::new(Left::view(x), Right::Packed(panels), onto, view);
        Masked { epilogue, ..product }.run(simd, part.pack_buffer);
    } else if let Some(gemm) = plan.forward_gemm() {
        gemm.gemm(x, v1.t(), Beta::One, view)?;
        mask(kink, z, a);
    } else {
        let right = along.v1_panels.map_or(Right::View(v1.t()), Right::Packed);
        product(simd, Left::view(x), right, onto, view, epilogue, part.pack_buffer);
    }
    Ok(())
}

/// (26), (27), (30) of a block: F', what is wanted of it, and G' in its place.
fn scores<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    objective: &Objective<'_, T>,
    along: &Along<'_, T>,
    part: &mut Part<'_, T>,
    rows: Range<usize>,
) -> Result<(), Error> {
    let (layout, v2) = (&plan.layout, along.direction.w2);
    let (h, c, index) = (v2.cols(), v2.rows(), rows.start / layout.block);
    let (stride, score_stride) = (layout.hidden_stride, layout.score_stride);
    let place = rows.start * stride..rows.end * stride;
    let [a, a_tangent] = [part.a, &*part.hidden.a]
        .map(|a| MatRef::with_strides(&a[place.clone()], (rows.len(), h), (stride, 1)));
    let f = &mut part.f[index * score_stride * c..][..score_stride * c];
    let mut view = MatMut::with_strides(f, (c, rows.len()), (score_stride, 1))?;
    score_product(simd, plan, a_tangent?, plan.params.w2, Beta::Zero, view.reborrow(), part.pack_buffer)?;
    score_product(simd, plan, a?, v2, Beta::One, view, part.pack_buffer)?;
    set_excluded(plan, objective, v2, part, rows.clone());
    objective.clear_excluded(part.first + rows.start, rows.len(), h, stride, &mut part.hidden.a[place]);
    if along.hessian {
        score_grads_by_v2(simd, plan, v2, part, rows.clone())?;
    }
    let mut found = Finding::none();
    for start in rows.clone().step_by(STRIP) {
        let strip = start..rows.end.min(start + STRIP);
        found = found.plus(score_grads(simd, plan, along, part, strip));
    }
    part.findings[index] = found;
    Ok(())
}

/// The excluded examples of a block, of which A has nothing any more: their scores have tangents, too.
fn set_excluded<T: Float>(
    plan: &Plan<'_, T>,
    objective: &Objective<'_, T>,
    v2: MatRef<'_, T>,
    part: &mut Part<'_, T>,
    rows: Range<usize>,
) {
    if part.out.scores.is_none() || !objective.is_weighted() {
        return;
    }
    let (layout, h, c) = (&plan.layout, v2.cols(), v2.rows());
    for i in rows.filter(|i| objective.excludes(part.first + i)) {
        let row = i * layout.hidden_stride..i * layout.hidden_stride + h;
        let (z, a_tangent) = (&part.z[row.clone()], &part.hidden.a[row]);
        let f = &mut part.f[i / layout.block * layout.score_stride * c + i % layout.block..];
        for (class, f) in f.iter_mut().step_by(layout.score_stride).take(c).enumerate() {
            let weights = plan.params.w2.row(class).zip(v2.row(class));
            // All of it anew: where V2 is infinite, what the products made of rows of zeros is NaN.
            *f = z.iter().zip(a_tangent).zip(weights).fold(T::zero(), |sum, ((&z, &a_tangent), (w, v))| {
                let a = if plan.kink.is_active(z) { z } else { T::zero() };
                sum + a_tangent * w + a * v
            });
        }
    }
}

/// (27), (30) of some examples of one block, from F' without its bias; G V2 is where D' will be if it is needed.
fn score_grads<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    along: &Along<'_, T>,
    part: &mut Part<'_, T>,
    rows: Range<usize>,
) -> Finding<T> {
    let (layout, Params { b1, b2: bias, .. }) = (&plan.layout, along.direction);
    let (h, c, stride, score_stride) = (b1.len(), bias.len(), layout.hidden_stride, layout.score_stride);
    let (index, first, len) = (rows.start / layout.block, rows.start % layout.block, rows.len());
    let of_block = |rows: usize| index * score_stride * rows..(index + 1) * score_stride * rows;
    let tangent = Tangent { kept: &part.kept[of_block(c + 1)], g: &part.g[of_block(c)] };
    let mut f = Scores { data: &mut part.f[of_block(c)], stride: score_stride, first, len };
    simd.vectorize(
        #[inline(always)]
        || add_bias(&mut f, bias),
    );
    if let Some(scores) = &mut part.out.scores {
        for col in 0..len {
            let row = scores.row_mut(part.row + rows.start + col);
            row.zip(f.example(col)).for_each(|(out, f)| *out = f);
        }
    }
    let Slopes { slope, square } = simd.vectorize(
        #[inline(always)]
        || tangent.score_grads::<STRIP>(&mut f),
    );
    let mut hessian = square;
    if along.hessian {
        let weights = &tangent.kept[c * score_stride + first..];
        let all = hessian[..len].iter_mut().zip(weights).enumerate();
        for (col, (hessian, _)) in all.filter(|(_, (_, weight))| **weight != T::zero()) {
            let row = (rows.start + col) * stride..(rows.start + col) * stride + h;
            let mixed = dot(simd, &part.hidden.d[row.clone()], &part.hidden.a[row]);
            *hessian = *hessian + (mixed + mixed);
        }
    }
    let (slope, square, hessian) = (&slope[..len], &square[..len], &hessian[..len]);
    let Tangents { slopes, gauss_newton, hessian: second, .. } = &mut part.out;
    for (out, values) in [(slopes, slope), (gauss_newton, square), (second, hessian)] {
        if let Some(out) = out {
            let out = out[part.row + rows.start..].iter_mut().zip(values);
            out.for_each(|(out, &value)| *out = Scaled { value, exponent: plan.unit }.get());
        }
    }
    Finding { slope: scaled_sum(slope), gauss_newton: scaled_sum(square), hessian: scaled_sum(hessian) }
}

/// G V2 of a block, in the place of D', which is not there yet.
fn score_grads_by_v2<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    v2: MatRef<'_, T>,
    part: &mut Part<'_, T>,
    rows: Range<usize>,
) -> Result<(), Error> {
    let (layout, stride) = (&plan.layout, plan.layout.hidden_stride);
    let step = layout.score_stride * v2.rows();
    let g = MatRef::with_strides(
        &part.g[rows.start / layout.block * step..],
        (v2.rows(), rows.len()),
        (layout.score_stride, 1),
    )?;
    let d = &mut part.hidden.d[rows.start * stride..rows.end * stride];
    let d = MatMut::with_strides(d, (rows.len(), v2.cols()), (stride, 1))?;
    multiply(simd, plan, g.t(), v2, AlphaBeta::plain(Beta::Zero), d, part.pack_buffer)
}

/// (28): D' = I * (G' W2 + G V2) of these rows, or without G V2.
fn hidden_grad<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    direction: Params<'_, T>,
    curvature: Curvature,
    part: &mut Part<'_, T>,
    rows: Range<usize>,
) -> Result<(), Error> {
    let (kink, layout, w2) = (plan.kink, &plan.layout, plan.params.w2);
    let (h, c, stride) = (w2.cols(), w2.rows(), layout.hidden_stride);
    let step = layout.score_stride * c;
    let place = rows.start * stride..rows.end * stride;
    let (z, d) = (&part.z[place.clone()], &mut part.hidden.d[place]);
    let terms = [(&*part.f, w2, Beta::Zero), (part.g, direction.w2, Beta::One)];
    let count = if curvature == Curvature::Hessian { 2 } else { 1 };
    for (index, (g, w2, beta)) in terms.into_iter().take(count).enumerate() {
        let first = &g[rows.start / layout.block * step..];
        let first = MatRef::with_strides(first, (c, rows.len().min(layout.block)), (layout.score_stride, 1))?;
        let is_last = index + 1 == count;
        let view = MatMut::with_strides(&mut *d, (rows.len(), h), (stride, 1))?;
        if let Some(gemm) = plan.gradient_gemm() {
            gemm.gemm(first.t(), w2, beta, view)?;
            if is_last {
                mask(kink, z, d);
            }
            continue;
        }
        let g = Left::col_blocks(first, rows.len(), Blocks { len: layout.block, step });
        let epilogue = if is_last { Epilogue::Mask { kink, z: Some(z) } } else { Epilogue::None };
        let onto = AlphaBeta::plain(beta);
        product(simd, g.t(), Right::View(w2), onto, view, epilogue, part.pack_buffer);
    }
    Ok(())
}

/// What is excluded of D' of a block, and its panels.
fn finish_hidden_grad<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    objective: &Objective<'_, T>,
    part: &mut Part<'_, T>,
    rows: Range<usize>,
) -> Result<(), Error> {
    let (layout, h) = (&plan.layout, plan.params.b1.len());
    let stride = layout.hidden_stride;
    let Hidden { d, d_panels, .. } = &mut part.hidden;
    let d = &mut d[rows.start * stride..rows.end * stride];
    objective.clear_excluded(part.first + rows.start, rows.len(), h, stride, d);
    if layout.packs_hidden_grad {
        let panels = &mut d_panels[rows.start * stride..(rows.start + layout.block) * stride];
        let d = MatRef::with_strides(d, (rows.len(), h), (stride, 1))?;
        pack_left(simd, d, layout.block * S::MR, panels);
    }
    Ok(())
}
