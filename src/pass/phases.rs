//! The two phases of a chunk: every example through the net and back, then every weight's gradient. Parts of a phase
//! can run at the same time.

use core::any::TypeId;
use core::ops::Range;

use num_traits::Float;

use super::few::{self, Few};
use super::objective::Objective;
use super::parts::{ExamplesPart, GradsPart, PanelsPart};
use super::plan::Plan;
use super::weight_grads::ChunkFactors;
use super::{backward, forward, per_example, weight_grads};
use crate::data::{MatMut, MatRef};
use crate::error::Error;
use crate::gemm::{self, AlphaBeta, Beta, Epilogue, Left, Right, is_finite, masked, product, product_shape};
use crate::kernels::scaled::Scaled;
use crate::simd::{Portable, Simd};

/// Which ways the examples are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Forward, and back if a gradient is wanted: a block at a time, while it is in the cache.
    Both,
    /// To G, and no further.
    Forward,
    /// From there on.
    Back,
}

/// The phases on one instruction set, for whoever knows the type T but not the set.
pub(crate) trait Phases<T>: Sync {
    /// Whether there are no vector instructions.
    fn is_portable(&self) -> bool;

    /// The rows of the largest register tile.
    fn tile_rows(&self) -> usize;

    /// The most registers in a row of a panel, for products that do without zeros or for others.
    fn panel_vecs(&self, without_zeros: bool) -> usize;

    /// The number of panels, of up to so many registers, of Wᵀ, for a matrix W of so many rows.
    fn panels(&self, rows: usize, vecs: usize) -> usize;

    /// The rows of W in a panel of Wᵀ.
    fn panel(&self, rows: usize, vecs: usize, index: usize) -> Range<usize>;

    /// Packs some panels of W1ᵀ, so that products with it need not.
    fn pack(&self, part: PanelsPart<'_, T>, vecs: usize);

    /// Whether a number of this type that is equal to 0 is nothing else.
    fn has_plain_zeros(&self) -> bool;

    /// Whether X has so many zeros that X W1ᵀ takes less time without them; and whether it may do without.
    fn skips_inputs(&self, x: MatRef<'_, T>, w1: MatRef<'_, T>) -> bool;

    /// A product on its own: what [`Gemm::gemm`](crate::gemm::Gemm::gemm) promises.
    fn gemm(&self, a: MatRef<'_, T>, b: MatRef<'_, T>, beta: Beta, c: MatMut<'_, T>) -> Result<(), Error>;

    /// Both phases of a few examples, the short way: the sum of the losses.
    fn few(&self, few: Few<'_, '_, T>) -> Result<Scaled<T>, Error>;

    /// Phase 1: Z, A, F, the outputs, G and D of these examples, or what of that is on this way.
    fn examples(
        &self,
        plan: &Plan<'_, T>,
        part: &mut ExamplesPart<'_, T>,
        objective: &Objective<'_, T>,
        way: Way,
    ) -> Result<(), Error>;

    /// Phase 2: dW1, db1, dW2, db2, or their sums with what was there.
    fn weight_grads(
        &self,
        plan: &Plan<'_, T>,
        chunk: &ChunkFactors<'_, T>,
        onto: AlphaBeta<T>,
        part: &mut GradsPart<'_, T>,
    ) -> Result<(), Error>;

    /// (19) of all pairs of a chunk's examples.
    fn gram(&self, plan: &Plan<'_, T>, chunk: &ChunkFactors<'_, T>, gram: MatMut<'_, T>);
}

impl<T: Float, S: Simd<T>> Phases<T> for S {
    fn is_portable(&self) -> bool {
        TypeId::of::<S>() == TypeId::of::<Portable>()
    }

    fn tile_rows(&self) -> usize {
        S::MR
    }

    fn panel_vecs(&self, without_zeros: bool) -> usize {
        if without_zeros { S::BLOCKING.masked_vecs } else { S::NR_VECS }
    }

    fn panels(&self, rows: usize, vecs: usize) -> usize {
        gemm::panels::<T, S>(rows, vecs)
    }

    fn panel(&self, rows: usize, vecs: usize, index: usize) -> Range<usize> {
        gemm::panel::<T, S>(rows, vecs, index)
    }

    fn pack(&self, part: PanelsPart<'_, T>, vecs: usize) {
        gemm::pack(*self, part.w1.t(), vecs, part.panels, part.data);
    }

    fn has_plain_zeros(&self) -> bool {
        Simd::has_plain_zeros(*self)
    }

    fn skips_inputs(&self, x: MatRef<'_, T>, w1: MatRef<'_, T>) -> bool {
        masked::time(*self, &Left::view(x), &Right::Packed(&[]), w1.rows()) < masked::PAYS
            && is_finite(*self, w1)
    }

    fn gemm(&self, a: MatRef<'_, T>, b: MatRef<'_, T>, beta: Beta, c: MatMut<'_, T>) -> Result<(), Error> {
        product_shape(&a, &b, &c)?;
        // Registers lie along the rows of C: if its columns are the contiguous ones, Cᵀ = Bᵀ Aᵀ.
        let (a, b, c) =
            if c.col_stride() != 1 && c.row_stride() == 1 { (b.t(), a.t(), c.t()) } else { (a, b, c) };
        product(*self, Left::view(a), Right::View(b), AlphaBeta::plain(beta), c, Epilogue::None, &mut []);
        Ok(())
    }

    fn few(&self, few: Few<'_, '_, T>) -> Result<Scaled<T>, Error> {
        few::run(*self, few)
    }

    fn examples(
        &self,
        plan: &Plan<'_, T>,
        part: &mut ExamplesPart<'_, T>,
        objective: &Objective<'_, T>,
        way: Way,
    ) -> Result<(), Error> {
        let rows_at_once = if plan.skips_inputs { part.len() } else { plan.layout.rows_at_once };
        for rows in cut(0..part.len(), rows_at_once) {
            if way != Way::Back {
                forward::hidden(*self, plan, part, rows.clone())?;
                for block in cut(rows.clone(), plan.layout.block) {
                    forward::scores(*self, plan, part, objective, block)?;
                }
            }
            if plan.goes_back && way != Way::Forward {
                backward::hidden_grad(*self, plan, part, objective, rows.clone())?;
                for block in cut(rows, plan.layout.block) {
                    backward::block(*self, plan, part, objective, block)?;
                }
            }
        }
        Ok(())
    }

    fn weight_grads(
        &self,
        plan: &Plan<'_, T>,
        chunk: &ChunkFactors<'_, T>,
        onto: AlphaBeta<T>,
        part: &mut GradsPart<'_, T>,
    ) -> Result<(), Error> {
        weight_grads::run(*self, plan, chunk, onto, part)
    }

    fn gram(&self, plan: &Plan<'_, T>, chunk: &ChunkFactors<'_, T>, gram: MatMut<'_, T>) {
        per_example::gram(*self, plan, chunk, gram);
    }
}

/// Ranges of so many rows; the last one may be shorter.
pub(crate) fn cut(rows: Range<usize>, len: usize) -> impl Iterator<Item = Range<usize>> {
    rows.clone().step_by(len).map(move |start| start..rows.end.min(start + len))
}
