//! A pass with directions: after its way forward each chunk is taken along each of them, one after the other.

use num_traits::{Float, PrimInt};

use super::along::{Along, Curvature};
use super::outputs::{Derivatives, Tangents};
use super::part::{Finding, MAX_BLOCKS, Part};
use super::scratch::{Hidden, Lens, Scratch, scratch_len};
use super::second_order::second_order;
use super::weights::{WeightSums, alpha};
use crate::data::{Params, ParamsMut};
use crate::error::{Error, What, check_scratch};
use crate::kernels::scaled::{Scaled, ScaledSum};
use crate::pass::{Chunk, ChunkFactors, Halfway, Net, Pass, Setting, pack};

/// The directions, and what is wanted along them.
pub(super) struct Directions<'j, 'p, T> {
    pub(super) directions: &'j [Params<'j, T>],
    /// One for each direction, or none.
    pub(super) products: &'j mut [ParamsMut<'p, T>],
    pub(super) curvature: Curvature,
    /// Of the only direction, as the derivatives are.
    pub(super) out: Tangents<'j, T>,
}

impl<T: Float + Send + Sync + 'static> Directions<'_, '_, T> {
    /// Runs the pass with them.
    pub(super) fn run<L: PrimInt + Sync>(
        mut self,
        pass: Pass<'_, T, L>,
        scratch: &mut [T],
    ) -> Result<Derivatives<T>, Error> {
        let (Net { params, dims, examples: n, l2, layout }, is_known) = (pass.net(), pass.is_known());
        let is_hessian = !self.products.is_empty() && self.curvature == Curvature::Hessian;
        if !is_known && (is_hessian || self.out.needs_labels()) {
            let what = if is_hessian { What::CurvatureProduct } else { What::Slopes };
            return Err(Error::Unlabelled { what });
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
            job: &mut self,
            hidden,
            f,
            v1_panels,
            weights: WeightSums { second_order: second_order(pass.engine), low_order, chunks: 0 },
            is_known,
            sums: [ScaledSum::new(), ScaledSum::new(), ScaledSum::new()],
            alpha: Scaled::new(T::zero()),
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
        let [direction] = self.directions else {
            return Ok(Derivatives { loss, slope, gauss_newton, hessian });
        };
        let (l2_slope, half) = (l2.slope(params, *direction), l2.add_loss(*direction, T::zero()));
        let of_labels = |value| if is_known { value } else { T::nan() };
        Ok(Derivatives {
            loss,
            slope: of_labels(slope + l2_slope),
            gauss_newton: gauss_newton + (half + half),
            hessian: of_labels(hessian + (half + half)),
        })
    }
}

/// The same while it runs.
struct Run<'r, 'j, 'p, T: 'static> {
    job: &'r mut Directions<'j, 'p, T>,
    hidden: Hidden<'r, T>,
    f: &'r mut [T],
    v1_panels: &'r mut [T],
    weights: WeightSums<'r, T>,
    /// Whether there are labels, and so score gradients.
    is_known: bool,
    sums: [ScaledSum<T>; 3],
    /// What sums over all examples are multiplied with.
    alpha: Scaled<T>,
}

impl<T: Float + Send + Sync + 'static> Halfway<T> for Run<'_, '_, '_, T> {
    fn chunk(&mut self, setting: &Setting<'_, T>, mut chunk: Chunk<'_, T>) -> Result<(), Error> {
        self.alpha = alpha(setting.plan);
        for index in 0..self.job.directions.len() {
            self.along(setting, &mut chunk, index)?;
            if !self.job.products.is_empty() {
                self.add_product(setting, &mut chunk, index)?;
            }
        }
        self.weights.chunks += 1;
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
        let (layout, second_order) = (&plan.layout, self.weights.second_order);
        let (direction, has_product) = (self.job.directions[index], !self.job.products.is_empty());
        let skips_inputs = plan.skips_inputs && second_order.is_finite(direction.w1);
        let along = Along {
            direction,
            v1_panels: pack(phases, threads, layout, direction.w1, skips_inputs, self.v1_panels)?,
            skips_inputs,
            product: has_product.then_some(self.job.curvature),
            hessian: !has_product && self.is_known,
        };
        let mut findings = [Finding::none(); MAX_BLOCKS];
        let out = self.job.out.reborrow();
        let part = Part::of(plan, chunk, &mut self.hidden, self.f, &mut findings, out);
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
        let is_packed = setting.plan.layout.packs_hidden_grad;
        let first = ChunkFactors {
            x: chunk.x,
            a: chunk.a,
            d: self.hidden.d,
            d_panels: if is_packed { self.hidden.d_panels } else { &[] },
            g: self.f,
            nonfinite: chunk.nonfinite,
            is_squared: false,
        };
        let second = ChunkFactors { a: self.hidden.a, g: chunk.g, ..first };
        let second = (self.job.curvature == Curvature::Hessian).then_some(&second);
        let product = &mut self.job.products[index];
        self.weights.add(setting, index, product, (&first, second), chunk.pack_buffer, chunk.is_last)
    }
}
