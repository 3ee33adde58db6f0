//! A pass with directions: after its way forward each chunk is taken along each of them, one after the other.

use num_traits::{Float, PrimInt};

use super::along::{Along, Curvature};
use super::outputs::Outputs;
use super::part::{Finding, Part};
use super::scratch::{Hidden, Lens, Scratch, scratch_len};
use super::second_order::{SecondOrder, second_order};
use crate::data::{Params, ParamsMut};
use crate::error::{Error, What, check_scratch};
use crate::gemm::Beta;
use crate::kernels::scaled::{Scaled, ScaledSum};
use crate::limits::{MAX_CHUNK, MIN_BLOCK};
use crate::pass::{Chunk, ChunkFactors, GradSum, GradsPart, Halfway, Net, Pass, Setting, pack};

/// A chunk has at most so many blocks: what is found of them lies on the stack.
const MAX_BLOCKS: usize = MAX_CHUNK / MIN_BLOCK;

/// The directions, and what is wanted along them.
pub(super) struct Directions<'j, 'p, T> {
    pub(super) directions: &'j [Params<'j, T>],
    /// One for each direction, or none.
    pub(super) products: &'j mut [ParamsMut<'p, T>],
    pub(super) curvature: Curvature,
    /// Of the only direction.
    pub(super) out: Outputs<'j, T>,
}

/// The sums over all examples along the only direction, divided by N.
#[derive(Clone, Copy)]
pub(super) struct Sums<T> {
    pub(super) loss: T,
    pub(super) slope: T,
    pub(super) gauss_newton: T,
    pub(super) hessian: T,
}

impl<T: Float + Send + Sync + 'static> Directions<'_, '_, T> {
    /// Runs the pass with them.
    pub(super) fn run<L: PrimInt + Sync>(
        mut self,
        pass: Pass<'_, T, L>,
        scratch: &mut [T],
    ) -> Result<Sums<T>, Error> {
        let (Net { params, dims, examples: n, l2, layout }, is_known) = (pass.net(), pass.is_known());
        let is_hessian = !self.products.is_empty() && self.curvature == Curvature::Hessian;
        if !is_known && (is_hessian || self.out.needs_labels()) {
            return Err(Error::Unlabelled { what: What::CurvatureProduct });
        }
        for direction in self.directions {
            dims.check_same(What::Direction, direction.dims())?;
        }
        for product in &*self.products {
            dims.check_same(What::CurvatureProduct, product.dims())?;
        }
        self.out.check(n, dims)?;
        check_scratch(scratch_len(dims, n, self.directions.len()), scratch.len())?;
        let (own, rest) = scratch.split_at_mut(dims.scratch_len(n));
        let Scratch { kept, hidden, f, v1_panels, low_order } = Lens::new(dims, &layout).cut(rest);
        let mut run = Run {
            second_order: second_order(pass.engine),
            job: &mut self,
            hidden,
            f,
            v1_panels,
            low_order,
            is_known,
            sums: [ScaledSum::new(), ScaledSum::new(), ScaledSum::new()],
            alpha: Scaled::new(T::zero()),
            chunks: 0,
        };
        let loss = pass.run_halfway(&mut run, kept, own)?;
        let alpha = run.alpha;
        let [slope, gauss_newton, hessian] = run.sums.map(|sum| sum.total().times(alpha).get());
        if n == 0 {
            self.products.iter_mut().for_each(|product| product.fill(T::zero()));
        }
        for (direction, product) in self.directions.iter().zip(&mut *self.products) {
            l2.add_grad(*direction, product);
        }
        let mut sums = Sums { loss, slope, gauss_newton, hessian };
        if let [direction] = self.directions {
            let square = l2.add_loss(*direction, T::zero());
            sums.slope = sums.slope + l2.slope(params, *direction);
            sums.gauss_newton = sums.gauss_newton + (square + square);
            sums.hessian = sums.hessian + (square + square);
        }
        Ok(sums)
    }
}

/// The same while it runs.
struct Run<'r, 'j, 'p, T: 'static> {
    second_order: &'static dyn SecondOrder<T>,
    job: &'r mut Directions<'j, 'p, T>,
    hidden: Hidden<'r, T>,
    f: &'r mut [T],
    v1_panels: &'r mut [T],
    low_order: &'r mut [T],
    /// Whether there are labels, and so score gradients.
    is_known: bool,
    sums: [ScaledSum<T>; 3],
    /// What sums over all examples are multiplied with.
    alpha: Scaled<T>,
    /// So many have been taken.
    chunks: usize,
}

impl<T: Float + Send + Sync + 'static> Halfway<T> for Run<'_, '_, '_, T> {
    fn chunk(&mut self, setting: &Setting<'_, T>, mut chunk: Chunk<'_, T>) -> Result<(), Error> {
        let plan = setting.plan;
        // The margin comes later, on the way back.
        self.alpha = Scaled { exponent: plan.alpha.exponent + plan.margin.1, ..plan.alpha };
        for index in 0..self.job.directions.len() {
            self.along(setting, &mut chunk, index)?;
            if !self.job.products.is_empty() {
                self.add_product(setting, &mut chunk, index)?;
            }
        }
        self.chunks += 1;
        Ok(())
    }
}

impl<T: Float + Send + Sync + 'static> Run<'_, '_, '_, T> {
    /// A chunk along a direction.
    fn along(
        &mut self,
        setting: &Setting<'_, T>,
        chunk: &mut Chunk<'_, T>,
        index: usize,
    ) -> Result<(), Error> {
        let Setting { phases, threads, plan, objective } = *setting;
        let (layout, second_order, t) = (&plan.layout, self.second_order, chunk.x.rows());
        let (direction, has_product) = (self.job.directions[index], !self.job.products.is_empty());
        let skips_inputs = plan.skips_inputs && second_order.is_finite(direction.w1);
        let along = Along {
            direction,
            v1_panels: pack(phases, threads, layout, direction.w1, skips_inputs, self.v1_panels)?,
            skips_inputs,
            product: has_product.then_some(self.job.curvature),
            hessian: !has_product && self.is_known,
        };
        let count = t.div_ceil(layout.block);
        let (in_blocks, c) = (count * layout.block * layout.hidden_stride, plan.params.b2.len());
        let Hidden { a, d, d_panels } = &mut self.hidden;
        let mut findings = [Finding::none(); MAX_BLOCKS];
        let findings = &mut findings[..count];
        let part = Part {
            first: chunk.first,
            x: chunk.x,
            z: chunk.z,
            a: chunk.a,
            kept: chunk.kept,
            g: chunk.g,
            hidden: Hidden {
                a: &mut a[..in_blocks],
                d: &mut d[..in_blocks],
                d_panels: d_panels.get_mut(..in_blocks).unwrap_or_default(),
            },
            f: &mut self.f[..count * layout.score_stride * c],
            findings,
            pack_buffer: chunk.pack_buffer,
            out: self.job.out.reborrow(),
            row: chunk.first,
        };
        threads.run(part, &|part, share| part.cut(layout, share), &|mut part| {
            second_order.along(plan, objective, &along, &mut part)
        })?;
        let [slope, gauss_newton, hessian] = &mut self.sums;
        for found in findings {
            slope.add(found.slope);
            gauss_newton.add(found.gauss_newton);
            hessian.add(found.hessian);
        }
        Ok(())
    }

    /// Adds a chunk's part to the product with this direction.
    fn add_product(
        &mut self,
        setting: &Setting<'_, T>,
        chunk: &mut Chunk<'_, T>,
        index: usize,
    ) -> Result<(), Error> {
        let Setting { phases, threads, plan, .. } = *setting;
        let (layout, dims) = (&plan.layout, plan.params.dims);
        let product = &mut self.job.products[index];
        if self.alpha.value == T::zero() {
            // Nothing counts.
            product.fill(T::zero());
            return Ok(());
        }
        let low = match layout.lens.low_order {
            0 => None,
            len => Some(ParamsMut::from_flat(dims, &mut self.low_order[index * len..][..dims.param_len()])?),
        };
        let onto = (product.reborrow(), Beta::Zero);
        let at_end = plan.gradient_gemm().is_some();
        let mut sum = GradSum::new(onto, self.alpha, at_end, layout.plain_chunks, low);
        if self.chunks == 0 {
            sum.begin();
        }
        let (target, onto) = sum.target(self.chunks, 0);
        let d_panels: &[T] = if layout.packs_hidden_grad { self.hidden.d_panels } else { &[] };
        let first = ChunkFactors {
            x: chunk.x,
            a: chunk.a,
            d: self.hidden.d,
            d_panels,
            g: self.f,
            nonfinite: chunk.nonfinite,
            is_squared: false,
        };
        let second = ChunkFactors { a: self.hidden.a, g: chunk.g, ..first };
        let second = (self.job.curvature == Curvature::Hessian).then_some(second);
        let second_order = self.second_order;
        let part = GradsPart::all(target, chunk.pack_buffer);
        threads.run(part, &|part, share| part.cut(phases.tile_rows(), share), &|mut part| {
            second_order.weights(plan, &first, second.as_ref(), onto, &mut part)
        })?;
        sum.chunk_done(self.chunks, chunk.is_last);
        Ok(())
    }
}
