//! The backward pass of a part of the examples: D, the input gradient, what is wanted of single examples, and the
//! panels of D.

use core::ops::Range;

use num_traits::Float;

use super::layout::{Hidden, HiddenGrad};
use super::objective::Objective;
use super::parts::{ExamplesPart, Place};
use super::per_example;
use super::plan::Plan;
use super::weight_grads::multiply;
use crate::data::{MatMut, MatRef};
use crate::error::Error;
use crate::gemm::{AlphaBeta, Beta, Blocks, Epilogue, Left, Right, few, pack_left, product};
use crate::kernels::activate::{mask, relu};
use crate::kernels::norms::ExampleFactors;
use crate::kernels::scaled::Scaled;
use crate::simd::Simd;

/// (14): D of these rows of the part, where [`HiddenGrad`] says.
pub(super) fn hidden_grad<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    part: &mut ExamplesPart<'_, T>,
    objective: &Objective<'_, T>,
    rows: Range<usize>,
) -> Result<(), Error> {
    let (w2, kink, layout) = (plan.params.w2, plan.kink, &plan.layout);
    let (h, c, stride) = (w2.cols(), w2.rows(), layout.hidden_stride);
    let step = layout.score_stride * c;
    let first = &part.f[rows.start / layout.block * step..];
    let first = MatRef::with_strides(first, (c, rows.len().min(layout.block)), (layout.score_stride, 1))?;
    let (shape, place) = ((rows.len(), h), rows.start * stride..rows.end * stride);
    let Hidden { z, a, d } = part.hidden.reborrow();
    let z = &mut z[place.clone()];
    let view = |d| MatMut::with_strides(d, shape, (stride, 1));
    if let Some(gemm) = plan.gradient_gemm() {
        let d = &mut a[place];
        gemm.gemm(first.t(), w2, Beta::Zero, view(&mut *d)?)?;
        mask(kink, z, d);
        relu(kink, z);
        let a = z;
        // What was Z is A now, and D is where A was: `HiddenGrad::OverA`.
        // The rows are a whole chunk, from its first one on.
        objective.clear_excluded(part.first, rows.len(), h, stride, a);
        return Ok(());
    }
    let over_z = layout.hidden_grad == HiddenGrad::OverZ;
    if layout.few_examples && over_z && w2.col_stride() == 1 {
        few::product(simd, first.t(), w2, few::Update::Mask(kink), view(z)?);
        return Ok(());
    }
    // Over Z the epilogue finds Z where it writes D.
    let (target, z_apart) = if over_z { (z, None) } else { (&mut d[place], Some(&*z)) };
    let g = Left::col_blocks(first, rows.len(), Blocks { len: layout.block, step });
    let epilogue = Epilogue::Mask { kink, z: z_apart };
    let onto = AlphaBeta::plain(Beta::Zero);
    product(simd, g.t(), Right::View(w2), onto, view(target)?, epilogue, part.pack_buffer);
    Ok(())
}

/// (16) of a block, what is wanted of single examples, and the packed D.
pub(super) fn block<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    part: &mut ExamplesPart<'_, T>,
    objective: &Objective<'_, T>,
    rows: Range<usize>,
) -> Result<(), Error> {
    let (layout, h, c) = (&plan.layout, plan.params.b1.len(), plan.params.b2.len());
    let (t, stride, x) = (rows.len(), layout.hidden_stride, part.x.row_range(rows.clone()));
    let Hidden { z, a, d } = part.hidden.reborrow();
    // Whole blocks, even if this one is shorter: panels of D are as far apart.
    let whole = rows.start * stride..(rows.start + layout.block) * stride;
    let hidden = layout.after_hidden_grad(Hidden {
        z: &mut z[whole.clone()],
        a: &mut a[rows.start * stride..rows.end * stride],
        d: d.get_mut(whole).unwrap_or_default(),
    });
    let d = hidden.d;
    let place = Place { first: part.first + rows.start, row: part.row + rows.start };
    objective.clear_excluded(place.first, t, h, stride, d);
    if let Some(dx) = &mut part.out.input_grad {
        let mut dx = dx.reborrow().row_range(place.row..place.row + t);
        let d = MatRef::with_strides(d, (t, h), (stride, 1))?;
        let alpha = Scaled { exponent: plan.alpha.exponent + plan.margin.1, ..plan.alpha };
        let [alpha, rest] = alpha.split();
        let onto = AlphaBeta { alpha: alpha.get(), beta: Beta::Zero };
        multiply(simd, plan, d, plan.params.w1, onto, dx.reborrow(), part.pack_buffer)?;
        let is_done = plan.gradient_gemm().is_none();
        if !is_done || !rest.is_one() {
            let alpha = if is_done { T::one() } else { onto.alpha };
            (0..t).for_each(|i| dx.row_mut(i).for_each(|dx| *dx = *dx * alpha * rest.get()));
        }
        if objective.is_weighted() {
            let excluded = (0..t).filter(|i| objective.excludes(place.first + i));
            excluded.for_each(|i| dx.row_mut(i).for_each(|dx| *dx = T::zero()));
        }
    }
    let step = layout.score_stride * c;
    let g = &mut part.f[rows.start / layout.block * step..][..step];
    let factors = ExampleFactors {
        g: &mut *g,
        g_stride: layout.score_stride,
        d: &mut *d,
        a: hidden.a,
        hidden: h,
        stride,
        x,
        unit: plan.unit,
    };
    per_example::grads(simd, plan, objective, factors, place, &mut part.out);
    let margin = plan.margin.0;
    if margin != T::one() {
        g.iter_mut().for_each(|g| *g = *g * margin);
        d[..t * stride].iter_mut().for_each(|d| *d = *d * margin);
    }
    if layout.packs_hidden_grad {
        let d = MatRef::with_strides(d, (t, h), (stride, 1))?;
        pack_left(simd, d, layout.block * S::MR, hidden.d_panels);
    }
    Ok(())
}
