//! One evaluation, tile by tile: on the crate's own products in two phases, on a foreign engine's product by
//! product.

use num_traits::Float;

use super::excluded::Poisoned;
use super::grad_sum::GradSum;
use super::objective::Goal;
use super::outputs::Outputs;
use super::parts::{Done, Examples, Packing, Plan, Weights};
use super::phases::Phases;
use super::scoring::{Block, Wanted};
use super::threads::Fork;
use crate::data::{Dims, MatMut, MatRef, Params, ParamsMut};
use crate::error::Error;
use crate::gemm::{Beta, Gemm};
use crate::kernels::activate::{bias_relu, mask, relu};
use crate::kernels::norms::Factors;
use crate::kernels::sum::Sum;
use crate::limits::{MAX_CHUNK, MIN_BLOCK};

/// A tile has at most so many blocks: the sums of their losses lie on the stack.
const MAX_BLOCKS: usize = MAX_CHUNK / MIN_BLOCK;

/// The parts of the scratch.
pub(crate) struct Scratch<'s, T> {
    z: &'s mut [T],
    a: &'s mut [T],
    d: &'s mut [T],
    f: &'s mut [T],
    w1_panels: &'s mut [T],
    room: &'s mut [T],
}

impl<'s, T> Scratch<'s, T> {
    /// Cuts a scratch of [`Dims::scratch_len`] or more into its parts for n examples. The last one is for the
    /// low-order parts of the gradient's sums.
    pub(crate) fn new(dims: Dims, n: usize, mut scratch: &'s mut [T]) -> (Self, &'s mut [T]) {
        let [slack, parts @ ..] = dims.scratch_parts(n);
        // To the next line of the cache, as far as there is room: it makes loads faster, and changes nothing.
        let offset = if slack > 0 { scratch.as_ptr().align_offset(64) } else { 0 };
        scratch = &mut scratch[if offset <= slack { offset } else { 0 }..];
        let [z, a, d, f, w1_panels, room, low] = parts.map(|len| {
            let (part, rest) = core::mem::take(&mut scratch).split_at_mut(len);
            scratch = rest;
            part
        });
        (Self { z, a, d, f, w1_panels, room }, low)
    }

    /// Whether there are too few examples for packing, or threads, to pay.
    pub(crate) fn packs_nothing(&self) -> bool {
        self.w1_panels.is_empty()
    }
}

/// A batch and everything that is wanted of it.
pub(crate) struct Job<'a, 's, T> {
    pub(crate) x: MatRef<'a, T>,
    pub(crate) out: Outputs<'a, T>,
    pub(crate) scratch: Scratch<'s, T>,
    /// The gradient of the weights, if it is wanted.
    pub(crate) grad: Option<GradSum<'a, 's, T>>,
    /// The sum of the squares of single examples' gradients, if it is wanted.
    pub(crate) second_moment: Option<ParamsMut<'a, T>>,
    /// (19), if it is wanted: there is only one tile then.
    pub(crate) gram: Option<MatMut<'a, T>>,
}

/// The pass on the crate's own products. Returns the sum of the losses. Not inlined: each type of labels would
/// get its own.
#[inline(never)]
pub(crate) fn own<T: Float>(
    phases: &dyn Phases<T>,
    fork: &dyn Fork<T>,
    plan: &Plan<'_, T>,
    job: &mut Job<'_, '_, T>,
) -> Result<T, Error> {
    let Job { x, out, scratch: Scratch { z, a, d, f, w1_panels, room }, grad, second_moment, gram } = job;
    let (dims, n, mut plan) = (plan.params.dims, x.rows(), *plan);
    if !w1_panels.is_empty() {
        let w1 = plan.params.w1;
        fork.pack(phases, Packing { w1, panels: 0..phases.panels(w1.rows()), data: w1_panels })?;
        plan.w1_panels = Some(w1_panels);
    }
    let (c, stride) = (dims.classes(), plan.hidden_stride);
    let t = dims.tile_len(n);
    let mut total = Sum::new();
    for (index, start) in (0..n).step_by(t).enumerate() {
        let end = n.min(start + t);
        let (len, x) = (end - start, x.row_range(start..end));
        let count = len.div_ceil(plan.block);
        let blocks = count * plan.block;
        let scores = count * plan.score_stride * c;
        let own_d = if d.is_empty() { 0 } else { blocks * stride };
        let mut losses = [T::zero(); MAX_BLOCKS];
        let part = Examples {
            first: start,
            x,
            z: &mut z[..blocks * stride],
            a: &mut a[..len * stride],
            d: &mut d[..own_d],
            f: &mut f[..scores],
            losses: &mut losses[..count],
            room,
            out: out.reborrow(),
            row: start,
        };
        fork.examples(phases, &plan, part)?;
        losses[..count].iter().for_each(|&loss| total.add(loss));
        if plan.weight.is_none() {
            continue;
        }
        let (z, d) = (&mut z[..blocks * stride], &mut d[..own_d]);
        let (d, other) = if dims.has_few_classes() { (z, d) } else { (d, z) };
        let (a, g, poisoned) =
            (&mut a[..len * stride], &mut f[..scores], Poisoned::find(fork.goal(), start, x));
        let poisoned = poisoned.as_ref();
        let done = Done { x, a, d, d_panels: &[], g, beta: Beta::Zero, poisoned, squared: false };
        if let Some(gram) = gram {
            phases.gram(&plan, &done, gram.reborrow());
        }
        if let Some(grad) = grad {
            let (target, beta) = grad.target(index);
            let d_panels = if plan.packs_hidden_grad() { other } else { &mut [] };
            let done = Done { d_panels, beta, ..done };
            fork.weights(phases, &plan, &done, Weights::all(target, room))?;
            grad.tile_done(index, end == n);
        }
        if let Some(moment) = second_moment {
            square(&plan, a, d, g);
            let beta = if index == 0 { Beta::Zero } else { Beta::One };
            let done = Done { x, a, d, d_panels: &[], g, beta, poisoned, squared: true };
            fork.weights(phases, &plan, &done, Weights::all(moment.reborrow(), room))?;
        }
    }
    Ok(total.total())
}

/// Squares A, and D and G without their factor 1/N, in place.
fn square<T: Float>(plan: &Plan<'_, T>, a: &mut [T], d: &mut [T], g: &mut [T]) {
    for (part, by) in [(a, T::one()), (d, plan.divisor), (g, plan.divisor)] {
        part.iter_mut().for_each(|x| *x = (*x * by) * (*x * by));
    }
}

/// The pass on a foreign engine: all of a tile's examples together, nothing fused, nothing cut up. Returns
/// the sum of the losses.
#[inline(never)]
pub(crate) fn foreign<T: Float>(
    engine: &dyn Gemm<T>,
    phases: &dyn Phases<T>,
    plan: &Plan<'_, T>,
    goal: &dyn Goal<T>,
    job: &mut Job<'_, '_, T>,
) -> Result<T, Error> {
    let Job { x, out, scratch, grad, second_moment, gram } = job;
    let Params { dims, w1, b1, w2, b2 } = plan.params;
    let (n, t, h, c) = (x.rows(), dims.tile_len(x.rows()), dims.hidden(), dims.classes());
    let wanted = Wanted { b2, goal, weight: plan.weight };
    let mut total = Sum::new();
    for (index, start) in (0..n).step_by(t).enumerate() {
        let end = n.min(start + t);
        let (len, x) = (end - start, x.row_range(start..end));
        let (z, a) = (&mut scratch.z[..len * h], &mut scratch.a[..len * h]);
        let f = &mut scratch.f[..len * c];
        engine.gemm(x, w1.t(), Beta::Zero, MatMut::new(z, len, h)?)?;
        bias_relu(plan.kink, b1, z, a);
        engine.gemm(MatRef::new(a, len, h)?, w2.t(), Beta::Zero, MatMut::col_major(f, len, c)?)?;
        total.add(phases.finish(&wanted, start, Block { f, stride: len, len }, out, start));
        if plan.weight.is_none() {
            continue;
        }
        let skipped = || (0..len).filter(|row| goal.skips(start + row));
        skipped().for_each(|row| a[row * h..][..h].fill(T::zero()));
        let mut target = grad.as_mut().map(|grad| grad.target(index));
        let singly =
            plan.clip.is_some() || out.needs_single_grads() || second_moment.is_some() || gram.is_some();
        if let Some((grad, beta)) = target.as_mut().filter(|_| !singly) {
            engine.gemm(MatRef::new(f, c, len)?, MatRef::new(a, len, h)?, *beta, grad.w2.reborrow())?;
        }
        // A is not needed any more, or will be made of Z again: D takes its place.
        engine.gemm(MatRef::col_major(f, len, c)?, w2, Beta::Zero, MatMut::new(a, len, h)?)?;
        mask(plan.kink, z, a);
        skipped().for_each(|row| a[row * h..][..h].fill(T::zero()));
        let (d, a) = (a, z);
        if let Some(input_grad) = &mut out.input_grad {
            let mut dx = input_grad.reborrow().row_range(start..end);
            engine.gemm(MatRef::new(d, len, h)?, w1, Beta::Zero, dx.reborrow())?;
            skipped().for_each(|row| dx.row_mut(row).for_each(|dx| *dx = T::zero()));
        }
        if singly {
            relu(plan.kink, a);
            skipped().for_each(|row| a[row * h..][..h].fill(T::zero()));
            let factors = Factors { g: f, g_stride: len, d, a, hidden: h, stride: h, x };
            phases.single_grads(plan, goal, start, factors, (out, start));
            if let Some((grad, beta)) = &mut target {
                engine.gemm(MatRef::new(f, c, len)?, MatRef::new(a, len, h)?, *beta, grad.w2.reborrow())?;
            }
        }
        let poisoned = Poisoned::find(goal, start, x);
        if let Some((mut grad, beta)) = target {
            let d = MatRef::new(d, len, h)?;
            match &poisoned {
                None => engine.gemm(d.t(), x, beta, grad.w1)?,
                Some(poisoned) => poisoned
                    .weights(d.t(), x, beta, &mut grad.w1, |d, x, beta, w1| engine.gemm(d, x, beta, w1))?,
            }
            phases.bias_grads((d, grad.b1), (MatRef::new(f, c, len)?, grad.b2), beta)?;
        }
        if let Some(grad) = grad {
            grad.tile_done(index, end == n);
        }
        // What no engine has, in this one's places.
        let plan = Plan { block: len, hidden_stride: h, score_stride: len, ..*plan };
        let poisoned = poisoned.as_ref();
        let done = Done { x, a, d, d_panels: &[], g: f, beta: Beta::Zero, poisoned, squared: false };
        if let Some(gram) = gram {
            phases.gram(&plan, &done, gram.reborrow());
        }
        if let Some(moment) = second_moment {
            square(&plan, a, d, f);
            let beta = if index == 0 { Beta::Zero } else { Beta::One };
            let done = Done { x, a, d, d_panels: &[], g: f, beta, poisoned, squared: true };
            phases.weights(&plan, &done, &mut Weights::all(moment.reborrow(), &mut []))?;
        }
    }
    Ok(total.total())
}
