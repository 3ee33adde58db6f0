//! The two phases of a tile on the crate's own products: every example through the net and back, then every
//! weight's gradient. Parts of a phase can run at the same time.

use core::ops::Range;

use num_traits::Float;

use super::objective::Goal;
use super::outputs::Outputs;
use super::parts::{Done, Examples, Plan, Weights};
use super::scoring::{self, Wanted};
use super::{examples, per_example};
use crate::data::{MatMut, MatRef};
use crate::error::Error;
use crate::gemm::{
    Beta, Blocks, Left, Right, Then, Update, few_product, pack, panel, panels, product, product_shape,
};
use crate::kernels::norms::Factors;
use crate::kernels::sum::sum;
use crate::simd::Simd;

/// The phases on one instruction set, for whoever knows the type T but not the set.
pub(crate) trait Phases<T>: Sync {
    /// The rows of the largest register tile.
    fn tile_rows(&self) -> usize;

    /// The number of panels of Wᵀ, for a matrix W of so many rows.
    fn panels(&self, rows: usize) -> usize;

    /// The rows of W in a panel of Wᵀ.
    fn panel(&self, rows: usize, index: usize) -> Range<usize>;

    /// Packs some panels of Wᵀ, so that products with it need not.
    fn pack(&self, w: MatRef<'_, T>, panels: Range<usize>, data: &mut [T]);

    /// A product on its own: what [`Gemm::gemm`](crate::gemm::Gemm::gemm) promises.
    fn gemm(&self, a: MatRef<'_, T>, b: MatRef<'_, T>, beta: Beta, c: MatMut<'_, T>) -> Result<(), Error>;

    /// What follows the products on the way forward: [`scoring::finish`].
    fn finish(
        &self,
        wanted: &Wanted<'_, T>,
        first: usize,
        block: scoring::Block<'_, T>,
        out: &mut Outputs<'_, T>,
        offset: usize,
    ) -> T;

    /// The sums of the rows of D, and of the classes' gradients in G, class by class.
    fn bias_grads(
        &self,
        d_db1: (MatRef<'_, T>, &mut [T]),
        g_db2: (MatRef<'_, T>, &mut [T]),
        beta: Beta,
    ) -> Result<(), Error>;

    /// [`per_example::grads`].
    fn single_grads(
        &self,
        plan: &Plan<'_, T>,
        goal: &dyn Goal<T>,
        first: usize,
        factors: Factors<'_, T>,
        out: (&mut Outputs<'_, T>, usize),
    );

    /// Phase 1: Z, A, F, the outputs, G and D of these examples.
    fn examples(
        &self,
        plan: &Plan<'_, T>,
        part: &mut Examples<'_, T>,
        goal: &dyn Goal<T>,
    ) -> Result<(), Error>;

    /// [`per_example::gram`].
    fn gram(&self, plan: &Plan<'_, T>, done: &Done<'_, T>, gram: MatMut<'_, T>);

    /// Phase 2: dW1, db1, dW2, db2, or their sums with what was there.
    fn weights(&self, plan: &Plan<'_, T>, done: &Done<'_, T>, part: &mut Weights<'_, T>)
    -> Result<(), Error>;
}

impl<T: Float, S: Simd<T>> Phases<T> for S {
    fn tile_rows(&self) -> usize {
        S::ROWS
    }

    fn panels(&self, rows: usize) -> usize {
        panels::<T, S>(rows)
    }

    fn panel(&self, rows: usize, index: usize) -> Range<usize> {
        panel::<T, S>(rows, index)
    }

    fn pack(&self, w: MatRef<'_, T>, panels: Range<usize>, data: &mut [T]) {
        pack(*self, w.t(), panels, data);
    }

    fn gemm(&self, a: MatRef<'_, T>, b: MatRef<'_, T>, beta: Beta, c: MatMut<'_, T>) -> Result<(), Error> {
        product_shape(&a, &b, &c)?;
        // Registers lie along the rows of C: if its columns are the contiguous ones, Cᵀ = Bᵀ Aᵀ.
        let (a, b, c) =
            if c.col_stride() != 1 && c.row_stride() == 1 { (b.t(), a.t(), c.t()) } else { (a, b, c) };
        product(*self, Left::view(a), Right::View(b), beta, c, Then::Nothing, &mut []);
        Ok(())
    }

    fn finish(
        &self,
        wanted: &Wanted<'_, T>,
        first: usize,
        block: scoring::Block<'_, T>,
        out: &mut Outputs<'_, T>,
        offset: usize,
    ) -> T {
        scoring::finish(*self, wanted, first, block, out, offset)
    }

    fn bias_grads(
        &self,
        (d, db1): (MatRef<'_, T>, &mut [T]),
        (g, db2): (MatRef<'_, T>, &mut [T]),
        beta: Beta,
    ) -> Result<(), Error> {
        /// The error of a sum grows with the number of its terms, and with the number of such parts.
        const ROWS: usize = 256;
        class_bias_grad(g, beta, db2);
        for start in (0..d.rows()).step_by(ROWS) {
            let beta = if start == 0 { beta } else { Beta::One };
            hidden_bias_grad(*self, d.row_range(start..d.rows().min(start + ROWS)), 0, beta, db1)?;
        }
        Ok(())
    }

    fn single_grads(
        &self,
        plan: &Plan<'_, T>,
        goal: &dyn Goal<T>,
        first: usize,
        factors: Factors<'_, T>,
        out: (&mut Outputs<'_, T>, usize),
    ) {
        per_example::grads(*self, plan, goal, first, factors, out);
    }

    fn gram(&self, plan: &Plan<'_, T>, done: &Done<'_, T>, gram: MatMut<'_, T>) {
        per_example::gram(*self, plan, done, gram);
    }

    fn examples(
        &self,
        plan: &Plan<'_, T>,
        part: &mut Examples<'_, T>,
        goal: &dyn Goal<T>,
    ) -> Result<(), Error> {
        examples::run(*self, plan, part, goal)
    }

    fn weights(
        &self,
        plan: &Plan<'_, T>,
        done: &Done<'_, T>,
        part: &mut Weights<'_, T>,
    ) -> Result<(), Error> {
        let (h, c, n) = (plan.params.b1.len(), plan.params.b2.len(), done.x.rows());
        let stride = plan.hidden_stride;
        let step = plan.score_stride * c;
        let classes = |first: usize, t: usize| {
            let g = MatRef::with_strides(&done.g[first..], (c, t), (plan.score_stride, 1))?;
            Ok::<_, Error>(g.row_range(part.classes.clone()))
        };
        if let Some(w2) = &mut part.w2 {
            let g = classes(0, n.min(plan.block))?;
            let a = MatRef::with_strides(done.a, (n, h), (stride, 1))?;
            if plan.is_direct() {
                plain(*self, plan, g, a, done.beta, w2.reborrow(), part.room);
            } else {
                let g = Left::col_blocks(g, n, Blocks { len: plan.block, step });
                product(*self, g, Right::View(a), done.beta, w2.reborrow(), Then::Nothing, part.room);
            }
        }
        let mut beta = done.beta;
        for (index, start) in (0..n).step_by(plan.block).enumerate() {
            let rows = start..n.min(start + plan.block);
            let t = rows.len();
            if part.w2.is_some() {
                class_bias_grad(classes(index * step, t)?, beta, part.b2);
            }
            let d = MatRef::with_strides(&done.d[rows.start * stride..], (t, h), (stride, 1))?;
            hidden_bias_grad(*self, d, part.hidden.start, beta, part.b1)?;
            beta = Beta::One;
        }
        let d = MatRef::with_strides(done.d, (n, h), (stride, 1))?.t().row_range(part.hidden.clone());
        let room = &mut *part.room;
        let mut unpacked = |d: MatRef<'_, T>, x: MatRef<'_, T>, beta: Beta, w1: MatMut<'_, T>| {
            if done.squared {
                product(*self, Left::view(d), Right::Squares(x), beta, w1, Then::Nothing, room);
            } else {
                plain(*self, plan, d, x, beta, w1, room);
            }
            Ok(())
        };
        if let Some(poisoned) = done.poisoned {
            return poisoned.weights(d, done.x, done.beta, &mut part.w1, unpacked);
        }
        if done.squared || plan.is_direct() {
            return unpacked(d, done.x, done.beta, part.w1.reborrow());
        }
        let d = if done.d_panels.is_empty() {
            Left::view(d)
        } else {
            let (rows, width) = (part.hidden.clone(), S::ROWS);
            let panels = Left {
                data: done.d_panels,
                rows: h,
                depth: n,
                strides: (1, width),
                row_blocks: Blocks { len: width, step: plan.block * width },
                col_blocks: Blocks { len: plan.block, step: plan.block * stride },
            };
            panels.row_range(rows)
        };
        product(*self, d, Right::View(done.x), done.beta, part.w1.reborrow(), Then::Nothing, part.room);
        Ok(())
    }
}

/// C = A B, or C + A B, with nothing packed before.
pub(crate) fn plain<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    beta: Beta,
    c: MatMut<'_, T>,
    room: &mut [T],
) {
    if plan.is_direct() && b.col_stride() == 1 && c.col_stride() == 1 {
        few_product(simd, a, b, Update::Store(beta), c);
    } else {
        product(simd, Left::view(a), Right::View(b), beta, c, Then::Nothing, room);
    }
}

/// (14): the sums of the rows of D (t × h), of the columns from `first` on: 1ᵀ D.
fn hidden_bias_grad<T: Float, S: Simd<T>>(
    simd: S,
    d: MatRef<'_, T>,
    first: usize,
    beta: Beta,
    db1: &mut [T],
) -> Result<(), Error> {
    let (t, h, one) = (d.rows(), d.row_stride(), [T::one()]);
    let ones = MatRef::with_strides(&one, (1, t), (1, 0))?;
    let d = MatRef::with_strides(&d.as_slice()[first..], (t, db1.len()), (h, 1))?;
    let h = db1.len();
    few_product(simd, ones, d, Update::Store(beta), MatMut::new(db1, 1, h)?);
    Ok(())
}

/// (15): the sums of the rows of G (classes × t).
fn class_bias_grad<T: Float>(g: MatRef<'_, T>, beta: Beta, db2: &mut [T]) {
    for (class, db2) in db2.iter_mut().enumerate() {
        let g = sum(&g.as_slice()[class * g.row_stride()..][..g.cols()]);
        *db2 = if beta == Beta::One { *db2 + g } else { g };
    }
}
