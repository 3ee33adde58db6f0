//! The only loop over chunks: one evaluation, whoever multiplies.

use num_traits::Float;

use super::grad_sum::GradSum;
use super::halfway::{Chunk, Halfway, Setting};
use super::headroom;
use super::layout::{External, Hidden, Layout, Scratch};
use super::moment::{self, Factors};
use super::nonfinite::NonFinite;
use super::objective::Objective;
use super::outputs::Outputs;
use super::parts::{ExamplesPart, Finding, GradsPart, PanelsPart};
use super::phases::{Phases, Way};
use super::plan::Plan;
use super::threads::Threads;
use super::weight_grads::ChunkFactors;
use crate::data::{Inputs, MatMut, MatRef, ParamsMut};
use crate::error::Error;
use crate::gemm::{AlphaBeta, Beta};
use crate::kernels::scaled::{Scaled, ScaledSum};
use crate::limits::{MAX_CHUNK, MIN_BLOCK};

/// A chunk has at most so many blocks: what is found of them lies on the stack.
const MAX_BLOCKS: usize = MAX_CHUNK / MIN_BLOCK;

/// A batch and everything that is wanted of it.
pub(crate) struct Job<'a, 's, T> {
    pub(crate) x: Inputs<'a, T>,
    /// X as the gradient has it: the same, or only the inputs that occur.
    pub(crate) used: Inputs<'a, T>,
    pub(crate) out: Outputs<'a, T>,
    pub(crate) scratch: Scratch<'s, T>,
    /// The gradient of the weights, if it is wanted.
    pub(crate) grad: Option<GradSum<'a, 's, T>>,
    /// The sum of the squares of single examples' gradients, if it is wanted.
    pub(crate) second_moment: Option<ParamsMut<'a, T>>,
    /// (19), if it is wanted: there is only one chunk then.
    pub(crate) gram: Option<MatMut<'a, T>>,
    /// What else is wanted of each chunk.
    pub(crate) halfway: Option<(&'s mut (dyn Halfway<T> + Send), &'s mut [T])>,
}

/// Runs the pass and returns the sum of the losses. Not inlined: each type of labels would get its own.
#[inline(never)]
pub(crate) fn run<T: Float + Send + Sync>(
    phases: &dyn Phases<T>,
    threads: Threads<'_>,
    plan: &Plan<'_, T>,
    objective: &Objective<'_, T>,
    job: &mut Job<'_, '_, T>,
) -> Result<Scaled<T>, Error> {
    let Job { x, used, out, scratch, grad, second_moment, gram, halfway } = job;
    let Scratch { hidden, f, w1_panels, pack_buffer, .. } = scratch;
    let (w1, c, n, layout) = (plan.params.w1, plan.params.b2.len(), x.rows(), plan.layout);
    let skips_inputs = x.dense().is_some_and(|x| !layout.is_serial() && phases.skips_inputs(x, w1));
    let plan = &Plan { skips_inputs, ..*plan };
    let packed_w1 = pack(phases, threads, &layout, w1, plan.skips_inputs, w1_panels)?;
    let mut total = ScaledSum::new();
    for (index, start) in (0..n).step_by(layout.chunk).enumerate() {
        let end = n.min(start + layout.chunk);
        let (len, x, used) = (end - start, x.row_range(start..end), used.row_range(start..end));
        let (count, threads) = (len.div_ceil(layout.block), threads.for_examples(plan, len));
        let in_blocks = count * layout.block * layout.hidden_stride;
        let Hidden { z, a, d } = hidden.reborrow();
        let own_d = if d.is_empty() { 0 } else { in_blocks };
        let mut hidden =
            Hidden { z: &mut z[..in_blocks], a: &mut a[..len * layout.hidden_stride], d: &mut d[..own_d] };
        let f = &mut f[..count * layout.score_stride * c];
        let mut findings = [Finding { loss: Scaled::new(T::zero()), has_finite_inputs: true }; MAX_BLOCKS];
        let findings = &mut findings[..count];
        let kept_len = count * layout.score_stride * (c + 1);
        let (mut halfway, kept) = match halfway {
            Some((halfway, kept)) => {
                let len = kept_len.min(kept.len());
                (Some(halfway), &mut kept[..len])
            }
            None => (None, &mut [][..]),
        };
        let mut part = ExamplesPart {
            first: start,
            x,
            w1_panels: packed_w1,
            hidden: hidden.reborrow(),
            f,
            kept,
            findings,
            pack_buffer,
            out: out.reborrow(),
            row: start,
        };
        let examples = |part: ExamplesPart<'_, T>, way| {
            threads.run(part, &|part, share| part.cut(layout.block, share), &|mut part| {
                phases.examples(plan, &mut part, objective, way)
            })
        };
        let nonfinite = |findings: &[Finding<T>]| {
            let finite = findings.iter().all(|found| found.has_finite_inputs);
            let nonfinite = NonFinite::find(objective, start, x, finite);
            let plain = phases.has_plain_zeros();
            nonfinite.map(|found| if plain { found } else { found.include_all() })
        };
        let mut found = None;
        if let Some(halfway) = &mut halfway {
            examples(part.reborrow(), Way::Forward)?;
            found = nonfinite(part.findings);
            let ExamplesPart { hidden: Hidden { z, a, .. }, f: g, kept, pack_buffer, .. } = part.reborrow();
            let is_last = end == n;
            let chunk =
                Chunk { first: start, is_last, x, z, a, g, kept, nonfinite: found.as_ref(), pack_buffer };
            halfway.chunk(&Setting { phases, threads, plan, objective }, chunk)?;
            if plan.goes_back {
                examples(part, Way::Back)?;
            }
        } else {
            examples(part, Way::Both)?;
            if plan.goes_back {
                found = nonfinite(findings);
            }
        }
        findings.iter().for_each(|found| total.add(found.loss));
        if !plan.goes_back {
            continue;
        }
        let (mut hidden, nonfinite) = (layout.after_hidden_grad(hidden), found.as_ref());
        if let Some(gram) = gram {
            phases.gram(plan, &ChunkFactors::new(&layout, x, &hidden, f, nonfinite), gram.reborrow());
            clear_excluded(objective, gram);
        }
        let mut weight_grads = |chunk: &ChunkFactors<'_, T>, onto, target: ParamsMut<'_, T>| {
            let part = GradsPart::all(target, pack_buffer);
            threads.run(part, &|part, share| part.cut(phases.tile_rows(), share), &|mut part| {
                phases.weight_grads(plan, chunk, onto, &mut part)
            })
        };
        let mut headroom = 0;
        if let Some(grad) = grad {
            headroom = headroom::make(plan, x, &mut hidden, f);
            let (target, onto) = grad.target(index, headroom);
            weight_grads(&ChunkFactors::new(&layout, used, &hidden, f, nonfinite), onto, target)?;
            grad.chunk_done(index, end == n);
        }
        if let Some(target) = second_moment {
            if index == 0 {
                target.fill(T::zero());
            }
            let in_use = len * layout.hidden_stride;
            let (a, d) = (&mut hidden.a[..in_use], &mut hidden.d[..in_use]);
            // Of D and G as they are by now.
            let unit = plan.unit - plan.margin.1 + headroom;
            let mut factors = Factors { x: used, a, d, g: f, unit };
            moment::prepare(plan, &mut factors, target);
            let squares = factors.squares(nonfinite);
            weight_grads(&squares, AlphaBeta::plain(Beta::One), target.reborrow())?;
        }
    }
    Ok(total.total())
}

/// The panels of a matrix like W1, where packing pays.
pub(crate) fn pack<'d, T: Float + Send + Sync>(
    phases: &dyn Phases<T>,
    threads: Threads<'_>,
    layout: &Layout,
    w1: MatRef<'_, T>,
    skips_inputs: bool,
    data: &'d mut [T],
) -> Result<Option<&'d [T]>, Error> {
    let pays = skips_inputs || layout.external == External::None;
    if layout.lens.w1_panels == 0 || !pays {
        return Ok(None);
    }
    let vecs = phases.panel_vecs(skips_inputs);
    let part = PanelsPart { w1, panels: 0..phases.panels(w1.rows(), vecs), data: &mut *data };
    let first_row = |panel| phases.panel(w1.rows(), vecs, panel).start;
    let pack = |part| {
        phases.pack(part, vecs);
        Ok(())
    };
    threads.run(part, &|part, share| part.cut(share, first_row), &pack)?;
    Ok(Some(data))
}

/// The gradient of an example that is excluded is 0, and so are its inner products: also where the factors of those are
/// infinite or NaN.
fn clear_excluded<T: Float>(objective: &Objective<'_, T>, gram: &mut MatMut<'_, T>) {
    let n = gram.rows();
    for excluded in (0..n).filter(|&i| objective.excludes(i)) {
        gram.row_mut(excluded).for_each(|product| *product = T::zero());
        for row in 0..n {
            gram.row_mut(row).skip(excluded).take(1).for_each(|product| *product = T::zero());
        }
    }
}
