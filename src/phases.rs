//! The two phases of a tile on the crate's own products: every example through the net and back, then every
//! weight's gradient. Parts of a phase can run at the same time.

use core::ops::Range;

use num_traits::Float;

use crate::error::Error;
use crate::gemm::blocked::{Left, Panels, Right, panel, panels, product};
use crate::gemm::packing::{pack, pack_left};
use crate::gemm::tile::Then;
use crate::gemm::{Beta, product_shape};
use crate::kernels::direct;
use crate::kernels::norms::Factors;
use crate::kernels::rows::{self, Wanted};
use crate::kernels::sum::sum;
use crate::matrix::{MatMut, MatRef};
use crate::objective::Goal;
use crate::outputs::Outputs;
use crate::plan::{Done, Examples, Plan, Weights};
use crate::simd::Simd;
use crate::single;

/// The phases on one instruction set, for whoever knows the type T but not the set.
pub(crate) trait Phases<T>: Sync {
    /// The number of panels of Wᵀ, for a matrix W of so many rows.
    fn panels(&self, rows: usize) -> usize;

    /// The rows of W in a panel of Wᵀ.
    fn panel(&self, rows: usize, index: usize) -> Range<usize>;

    /// Packs some panels of Wᵀ, so that products with it need not.
    fn pack(&self, w: MatRef<'_, T>, panels: Range<usize>, data: &mut [T]);

    /// A product on its own: what [`Gemm::gemm`](crate::gemm::Gemm::gemm) promises.
    fn gemm(&self, a: MatRef<'_, T>, b: MatRef<'_, T>, beta: Beta, c: MatMut<'_, T>) -> Result<(), Error>;

    /// What follows the products on the way forward: [`rows::finish`].
    fn finish(
        &self,
        wanted: &Wanted<'_, T>,
        first: usize,
        block: rows::Block<'_, T>,
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

    /// [`single::grads`].
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

    /// [`single::gram`].
    fn gram(&self, plan: &Plan<'_, T>, done: &Done<'_, T>, gram: MatMut<'_, T>);

    /// Phase 2: dW1, db1, dW2, db2, or their sums with what was there.
    fn weights(&self, plan: &Plan<'_, T>, done: &Done<'_, T>, part: &mut Weights<'_, T>)
    -> Result<(), Error>;
}

impl<T: Float, S: Simd<T>> Phases<T> for S {
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
        product(*self, Left::view(a), Right::View(b), beta, c, Then::Nothing);
        Ok(())
    }

    fn finish(
        &self,
        wanted: &Wanted<'_, T>,
        first: usize,
        block: rows::Block<'_, T>,
        out: &mut Outputs<'_, T>,
        offset: usize,
    ) -> T {
        rows::finish(*self, wanted, first, block, out, offset)
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
        single::grads(*self, plan, goal, first, factors, out);
    }

    fn gram(&self, plan: &Plan<'_, T>, done: &Done<'_, T>, gram: MatMut<'_, T>) {
        single::gram(*self, plan, done, gram);
    }

    fn examples(
        &self,
        plan: &Plan<'_, T>,
        part: &mut Examples<'_, T>,
        goal: &dyn Goal<T>,
    ) -> Result<(), Error> {
        let dims = plan.params.dims;
        let (h, c, stride) = (dims.hidden(), dims.classes(), plan.hidden_stride);
        let wanted = Wanted { b2: plan.params.b2, goal, weight: plan.weight };
        let uneven = goal.is_uneven();
        for (index, start) in (0..part.len()).step_by(plan.block).enumerate() {
            let rows = start..part.len().min(start + plan.block);
            let t = rows.len();
            // Room for a whole block, even if this one is shorter: its panels are as far apart.
            let room = start * stride..(start + plan.block) * stride;
            let z = &mut part.z[room.clone()];
            let a = &mut part.a[rows.start * stride..rows.end * stride];
            let f = &mut part.f[index * plan.score_stride * c..][..plan.score_stride * c];
            hidden(*self, plan, part.x.row_range(rows.clone()), z, a)?;
            let scored = MatMut::with_strides(&mut *f, (c, t), (plan.score_stride, 1))?;
            let d = part.d.get_mut(room.clone()).unwrap_or_default();
            scores(*self, plan, MatRef::with_strides(a, (t, h), (stride, 1))?, d, scored)?;
            let block = rows::Block { f: &mut *f, stride: plan.score_stride, len: t };
            part.losses[index] =
                rows::finish(*self, &wanted, part.first + start, block, &mut part.out, part.row + start);
            if plan.weight.is_some() {
                // What the gradients are made of has nothing of an example that is left out: no NaN either.
                let skipped =
                    || (0..if uneven { t } else { 0 }).filter(|row| goal.skips(part.first + start + row));
                skipped().for_each(|row| a[row * stride..][..h].fill(T::zero()));
                let d = part.d.get_mut(room).unwrap_or_default();
                let g = MatRef::with_strides(f, (c, t), (plan.score_stride, 1))?;
                let (d, panels) = hidden_grad(*self, plan, g, z, d)?;
                skipped().for_each(|row| d[row * stride..][..h].fill(T::zero()));
                if let Some(dx) = &mut part.out.input_grad {
                    let mut dx = dx.reborrow().row_range(part.row + rows.start..part.row + rows.end);
                    let d = MatRef::with_strides(d, (t, h), (stride, 1))?;
                    plain(*self, plan, d, plan.params.w1, Beta::Zero, dx.reborrow());
                    skipped().for_each(|row| dx.row_mut(row).for_each(|dx| *dx = T::zero()));
                }
                let (g_stride, x) = (plan.score_stride, part.x.row_range(rows.clone()));
                let factors = Factors { g: f, g_stride, d, a, hidden: h, stride, x };
                let (first, row) = (part.first + start, part.row + start);
                single::grads(*self, plan, goal, first, factors, (&mut part.out, row));
                let d = MatRef::with_strides(d, (t, h), (stride, 1))?;
                if plan.packs_hidden_grad() {
                    pack_left(*self, d, plan.block, panels);
                }
            }
        }
        Ok(())
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
                plain(*self, plan, g, a, done.beta, w2.reborrow());
            } else {
                let g = Left::View { first: g, depth: n, segment: plan.block, step };
                product(*self, g, Right::View(a), done.beta, w2.reborrow(), Then::Nothing);
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
        let (depth, segment) = (n, plan.block);
        let d = MatRef::with_strides(done.d, (n, h), (stride, 1))?.t().row_range(part.hidden.clone());
        let unpacked = |d: MatRef<'_, T>, x: MatRef<'_, T>, beta: Beta, w1: MatMut<'_, T>| {
            if done.squared {
                product(*self, Left::view(d), Right::Squares(x), beta, w1, Then::Nothing);
            } else {
                plain(*self, plan, d, x, beta, w1);
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
            let panels = Panels { data: done.d_panels, depth, segment, step: segment * stride };
            Left::Packed { panels, rows: part.hidden.len(), first: part.hidden.start }
        };
        product(*self, d, Right::View(done.x), done.beta, part.w1.reborrow(), Then::Nothing);
        Ok(())
    }
}

/// (1), (2): Z and A.
fn hidden<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    x: MatRef<'_, T>,
    z: &mut [T],
    a: &mut [T],
) -> Result<(), Error> {
    let (w1, bias, kink) = (plan.params.w1, plan.params.b1, plan.kink);
    if plan.is_direct() && x.col_stride() == 1 && w1.col_stride() == 1 {
        let len = x.rows() * bias.len();
        let (z, a) = (&mut z[..len], &mut a[..len]);
        direct::dots(simd, x, w1, MatMut::new(z, x.rows(), bias.len())?);
        crate::kernels::hidden::bias_relu(kink, bias, z, a);
        return Ok(());
    }
    let w1 = plan.w1_panels.map_or(Right::View(w1.t()), Right::Packed);
    let z = MatMut::with_strides(z, (x.rows(), bias.len()), (plan.hidden_stride, 1))?;
    product(simd, Left::view(x), w1, Beta::Zero, z, Then::Activate { kink, bias, a });
    Ok(())
}

/// (3) without b2: F, class by class. `room` is for the panels of Aᵀ, if they fit there: D's place.
fn scores<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    a: MatRef<'_, T>,
    room: &mut [T],
    f: MatMut<'_, T>,
) -> Result<(), Error> {
    let w2 = plan.params.w2;
    if plan.is_direct() && w2.col_stride() == 1 {
        direct::dots(simd, a, w2, f.t());
    } else if !plan.params.dims.has_few_classes()
        && a.cols() * a.rows().next_multiple_of(S::LANES) <= room.len()
    {
        pack(simd, a.t(), 0..panels::<T, S>(a.rows()), room);
        product(simd, Left::view(w2), Right::Packed(room), Beta::Zero, f, Then::Nothing);
    } else {
        product(simd, Left::view(w2), Right::View(a.t()), Beta::Zero, f, Then::Nothing);
    }
    Ok(())
}

/// (14): D, in a place of its own if it has one and there are many classes, else in that of Z. The other of
/// the two places is free then, and comes second.
fn hidden_grad<'d, T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    g: MatRef<'_, T>,
    z: &'d mut [T],
    d: &'d mut [T],
) -> Result<(&'d mut [T], &'d mut [T]), Error> {
    let (shape, strides) = ((g.cols(), plan.params.b1.len()), (plan.hidden_stride, 1));
    let (g, w2) = (g.t(), plan.params.w2);
    let in_place = plan.params.dims.has_few_classes();
    let (to, other) = if in_place { (z, d) } else { (d, z) };
    let z = if in_place { None } else { Some(&*other) };
    let mask = Then::Mask { kink: plan.kink, z };
    let d = MatMut::with_strides(&mut *to, shape, strides)?;
    product(simd, Left::view(g), Right::View(w2), Beta::Zero, d, mask);
    Ok((to, other))
}

/// C = A B, or C + A B, with nothing packed before.
fn plain<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    beta: Beta,
    c: MatMut<'_, T>,
) {
    if plan.is_direct() && b.col_stride() == 1 && c.col_stride() == 1 {
        direct::product(simd, a, b, beta, c);
    } else {
        product(simd, Left::view(a), Right::View(b), beta, c, Then::Nothing);
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
    direct::product(simd, ones, d, beta, MatMut::new(db1, 1, h)?);
    Ok(())
}

/// (15): the sums of the rows of G (classes × t).
fn class_bias_grad<T: Float>(g: MatRef<'_, T>, beta: Beta, db2: &mut [T]) {
    for (class, db2) in db2.iter_mut().enumerate() {
        let g = sum(&g.as_slice()[class * g.row_stride()..][..g.cols()]);
        *db2 = if beta == Beta::One { *db2 + g } else { g };
    }
}
