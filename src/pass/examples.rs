//! The first phase of a tile: its examples through the net and back, block by block.

use core::ops::Range;

use num_traits::Float;

use super::objective::Goal;
use super::parts::{Examples, Plan};
use super::per_example;
use super::phases::plain;
use super::scoring::{self, Wanted};
use crate::data::{MatMut, MatRef};
use crate::error::Error;
use crate::gemm::{Beta, Blocks, Left, Right, Then, Update, dots, few_product, pack_left, product};
use crate::kernels::activate::bias_relu;
use crate::kernels::norms::Factors;
use crate::simd::Simd;

/// Z, A, F, the outputs, G and D of these examples.
pub(crate) fn run<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    part: &mut Examples<'_, T>,
    goal: &dyn Goal<T>,
) -> Result<(), Error> {
    // Large weights come from far: better once for all examples, even if those do not stay in the cache then.
    let group = if plan.has_large_weights() { part.len() } else { plan.block };
    for rows in cut(0..part.len(), group) {
        hidden(simd, plan, part, rows.clone())?;
        for block in cut(rows.clone(), plan.block) {
            forward(simd, plan, part, goal, block)?;
        }
        if plan.weight.is_some() {
            hidden_grad(simd, plan, part, rows.clone())?;
            for block in cut(rows, plan.block) {
                backward(simd, plan, part, goal, block)?;
            }
        }
    }
    Ok(())
}

/// Ranges of so many rows; the last one may be shorter.
fn cut(rows: Range<usize>, len: usize) -> impl Iterator<Item = Range<usize>> {
    rows.clone().step_by(len).map(move |start| start..rows.end.min(start + len))
}

/// (1), (2): Z and A.
fn hidden<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    part: &mut Examples<'_, T>,
    rows: Range<usize>,
) -> Result<(), Error> {
    let (w1, bias, kink, stride) = (plan.params.w1, plan.params.b1, plan.kink, plan.hidden_stride);
    let x = part.x.row_range(rows.clone());
    let place = rows.start * stride..rows.end * stride;
    let (z, a) = (&mut part.z[place.clone()], &mut part.a[place]);
    let shape = (x.rows(), bias.len());
    if plan.is_direct() && x.col_stride() == 1 && w1.col_stride() == 1 {
        dots(simd, x, w1, MatMut::with_strides(&mut *z, shape, (stride, 1))?);
        bias_relu(kink, bias, z, a);
        return Ok(());
    }
    let w1 = plan.w1_panels.map_or(Right::View(w1.t()), Right::Packed);
    let z = MatMut::with_strides(z, shape, (stride, 1))?;
    product(simd, Left::view(x), w1, Beta::Zero, z, Then::Activate { kink, bias, a }, part.room);
    Ok(())
}

/// (3) to (5), (15) of a block: F, the outputs, the sum of the losses, and G in F's place.
fn forward<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    part: &mut Examples<'_, T>,
    goal: &dyn Goal<T>,
    rows: Range<usize>,
) -> Result<(), Error> {
    let (w2, stride, score_stride) = (plan.params.w2, plan.hidden_stride, plan.score_stride);
    let (h, c, index) = (w2.cols(), w2.rows(), rows.start / plan.block);
    let a = &mut part.a[rows.start * stride..rows.end * stride];
    let f = &mut part.f[index * score_stride * c..][..score_stride * c];
    {
        let a = MatRef::with_strides(a, (rows.len(), h), (stride, 1))?;
        let f = MatMut::with_strides(&mut *f, (c, rows.len()), (score_stride, 1))?;
        if plan.is_direct() && w2.col_stride() == 1 {
            dots(simd, a, w2, f.t());
        } else {
            product(simd, Left::view(w2), Right::View(a.t()), Beta::Zero, f, Then::Nothing, part.room);
        }
    }
    let wanted = Wanted { b2: plan.params.b2, goal, weight: plan.weight };
    let block = scoring::Block { f, stride: score_stride, len: rows.len() };
    let first = part.first + rows.start;
    part.losses[index] = scoring::finish(simd, &wanted, first, block, &mut part.out, part.row + rows.start);
    // What the gradients are made of has nothing of an example that is left out: no NaN either.
    if plan.weight.is_some() {
        skipped(goal, part.first, rows.clone())
            .for_each(|i| a[(i - rows.start) * stride..][..h].fill(T::zero()));
    }
    Ok(())
}

/// (14): D, in a place of its own if there are many classes, else in that of Z.
fn hidden_grad<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    part: &mut Examples<'_, T>,
    rows: Range<usize>,
) -> Result<(), Error> {
    let (w2, stride, c) = (plan.params.w2, plan.hidden_stride, plan.params.b2.len());
    let step = plan.score_stride * c;
    let first = &part.f[rows.start / plan.block * step..];
    let first = MatRef::with_strides(first, (c, rows.len().min(plan.block)), (plan.score_stride, 1))?;
    let g = Left::col_blocks(first, rows.len(), Blocks { len: plan.block, step });
    let (shape, place) = ((rows.len(), w2.cols()), rows.start * stride..rows.end * stride);
    let z = &mut part.z[place.clone()];
    let (d, z) = if plan.params.dims.has_few_classes() { (z, None) } else { (&mut part.d[place], Some(&*z)) };
    let d = MatMut::with_strides(d, shape, (stride, 1))?;
    if plan.is_direct() && z.is_none() && w2.col_stride() == 1 {
        few_product(simd, first.t(), w2, Update::Mask(plan.kink), d);
        return Ok(());
    }
    let mask = Then::Mask { kink: plan.kink, z };
    product(simd, g.t(), Right::View(w2), Beta::Zero, d, mask, part.room);
    Ok(())
}

/// (16) of a block, what is wanted of single examples, and the packed D.
fn backward<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    part: &mut Examples<'_, T>,
    goal: &dyn Goal<T>,
    rows: Range<usize>,
) -> Result<(), Error> {
    let (h, c, stride) = (plan.params.b1.len(), plan.params.b2.len(), plan.hidden_stride);
    // Room for a whole block, even if this one is shorter: its panels are as far apart.
    let room = rows.start * stride..(rows.start + plan.block) * stride;
    let (z, d) = (&mut part.z[room.clone()], part.d.get_mut(room).unwrap_or_default());
    let (d, panels) = if plan.params.dims.has_few_classes() { (z, d) } else { (d, z) };
    let (t, x) = (rows.len(), part.x.row_range(rows.clone()));
    skipped(goal, part.first, rows.clone()).for_each(|i| d[(i - rows.start) * stride..][..h].fill(T::zero()));
    if let Some(dx) = &mut part.out.input_grad {
        let mut dx = dx.reborrow().row_range(part.row + rows.start..part.row + rows.end);
        let d = MatRef::with_strides(d, (t, h), (stride, 1))?;
        plain(simd, plan, d, plan.params.w1, Beta::Zero, dx.reborrow(), part.room);
        let skipped = skipped(goal, part.first, rows.clone()).map(|i| i - rows.start);
        skipped.for_each(|row| dx.row_mut(row).for_each(|dx| *dx = T::zero()));
    }
    let g = &mut part.f[rows.start / plan.block * plan.score_stride * c..][..plan.score_stride * c];
    let a = &mut part.a[rows.start * stride..rows.end * stride];
    let factors = Factors { g, g_stride: plan.score_stride, d, a, hidden: h, stride, x };
    let (first, row) = (part.first + rows.start, part.row + rows.start);
    per_example::grads(simd, plan, goal, first, factors, (&mut part.out, row));
    if plan.packs_hidden_grad() {
        pack_left(simd, MatRef::with_strides(d, (t, h), (stride, 1))?, plan.block * S::ROWS, panels);
    }
    Ok(())
}

/// Those of these rows that are left out; the first row of all has the number `first` in the batch.
fn skipped<'g, T: Float>(
    goal: &'g dyn Goal<T>,
    first: usize,
    rows: Range<usize>,
) -> impl Iterator<Item = usize> + use<'g, T> {
    let all = if goal.is_uneven() { rows } else { 0..0 };
    all.filter(move |row| goal.skips(first + row))
}
