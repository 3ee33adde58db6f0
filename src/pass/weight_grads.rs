//! The gradients of the weights of a chunk: dW2 = Gᵀ A, db2, dW1 = Dᵀ X, db1, or some rows of them.

use num_traits::Float;

use super::layout::{HiddenFactors, HiddenGrad, Layout};
use super::nonfinite::NonFinite;
use super::parts::GradsPart;
use super::plan::Plan;
use crate::data::{Inputs, Kind, MatMut, MatRef};
use crate::error::Error;
use crate::gemm::masked::{self, Masked};
use crate::gemm::{AlphaBeta, Blocks, Epilogue, Left, Right, few, is_finite, product, sparse};
use crate::kernels::sum::sum;
use crate::limits::MAX_BLOCK;
use crate::simd::Simd;

/// What the gradients of the weights are made of: a chunk after its backward pass.
#[derive(Clone, Copy)]
pub(crate) struct ChunkFactors<'a, T> {
    pub(crate) x: Inputs<'a, T>,
    pub(crate) a: &'a [T],
    pub(crate) d: &'a [T],
    /// D packed as a left factor, a segment for each block, or empty.
    pub(crate) d_panels: &'a [T],
    /// G, block by block, each class by class.
    pub(crate) g: &'a [T],
    pub(crate) nonfinite: Option<&'a NonFinite>,
    /// Of the second moment: A, D and G hold squares, and those of X are to be taken.
    pub(crate) is_squared: bool,
}

impl<'a, T> ChunkFactors<'a, T> {
    pub(crate) fn new(
        layout: &Layout,
        x: Inputs<'a, T>,
        hidden: &'a HiddenFactors<'_, T>,
        g: &'a [T],
        nonfinite: Option<&'a NonFinite>,
    ) -> Self {
        let d_panels: &[T] = if layout.packs_hidden_grad { hidden.d_panels } else { &[] };
        Self { x, a: hidden.a, d: hidden.d, d_panels, g, nonfinite, is_squared: false }
    }
}

/// (12) to (15), summed over the chunk, of these rows; or what was there and that. Of squares only those of the weights.
pub(crate) fn run<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    chunk: &ChunkFactors<'_, T>,
    onto: AlphaBeta<T>,
    part: &mut GradsPart<'_, T>,
) -> Result<(), Error> {
    w2(simd, plan, chunk, onto, part)?;
    if !chunk.is_squared {
        biases(simd, plan, chunk, onto, part)?;
    }
    w1(simd, plan, chunk, onto, part)
}

/// (13): dW2 = Gᵀ A.
pub(crate) fn w2<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    chunk: &ChunkFactors<'_, T>,
    onto: AlphaBeta<T>,
    part: &mut GradsPart<'_, T>,
) -> Result<(), Error> {
    let Some(w2) = &mut part.w2 else { return Ok(()) };
    let (h, c, n, layout) = (plan.params.b1.len(), plan.params.b2.len(), chunk.x.rows(), &plan.layout);
    let first = MatRef::with_strides(chunk.g, (c, n.min(layout.block)), (layout.score_stride, 1))?;
    let (g, a) = (
        first.row_range(part.classes.clone()),
        MatRef::with_strides(chunk.a, (n, h), (layout.hidden_stride, 1))?,
    );
    let w2 = w2.reborrow();
    if layout.is_serial() && !chunk.is_squared {
        return multiply(simd, plan, g, a, onto, w2, part.pack_buffer);
    }
    let blocks = Blocks { len: layout.block, step: layout.score_stride * c };
    if layout.hidden_grad == HiddenGrad::Own && !layout.is_serial() {
        let len = layout.block * layout.hidden_stride;
        let active = MatRef::with_strides(chunk.a, (n.min(layout.block), h), (layout.hidden_stride, 1))?;
        let active = Left::col_blocks(active.t(), n, Blocks { len: layout.block, step: len });
        let right = Right::View(g.t());
        if masked::time(simd, &active, &right, g.rows()) < masked::PAYS
            && is_finite_in_blocks(simd, g, n, blocks)?
        {
            let w2 = Masked::new(active, right, onto, w2.t());
            Masked { b_blocks: blocks, ..w2 }.run(simd, part.pack_buffer);
            return Ok(());
        }
    }
    let g = Left::col_blocks(g, n, blocks);
    product(simd, g, Right::View(a), onto, w2, Epilogue::None, part.pack_buffer);
    Ok(())
}

/// Whether G, or some of its rows, is finite, of which this is the first block.
fn is_finite_in_blocks<T: Float, S: Simd<T>>(
    simd: S,
    first: MatRef<'_, T>,
    n: usize,
    blocks: Blocks,
) -> Result<bool, Error> {
    for (index, start) in (0..n).step_by(blocks.len).enumerate() {
        let shape = (first.rows(), blocks.len.min(n - start));
        let strides = (first.row_stride(), first.col_stride());
        let block = MatRef::with_strides(&first.as_slice()[index * blocks.step..], shape, strides)?;
        if !is_finite(simd, block) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// (14), (15): db1 and db2, the sums of the rows of D and G.
pub(crate) fn biases<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    chunk: &ChunkFactors<'_, T>,
    onto: AlphaBeta<T>,
    part: &mut GradsPart<'_, T>,
) -> Result<(), Error> {
    let (c, n, layout) = (plan.params.b2.len(), chunk.x.rows(), &plan.layout);
    let (mut db1, mut db2) = (onto, onto);
    for (index, start) in (0..n).step_by(layout.block).enumerate() {
        let end = n.min(start + layout.block);
        if part.w2.is_some() {
            let g = &chunk.g[index * layout.score_stride * c..];
            let g = MatRef::with_strides(g, (c, end - start), (layout.score_stride, 1))?;
            class_sums(g.row_range(part.classes.clone()), db2, part.b2);
            db2 = db2.added();
        }
        // The error of a sum grows with the number of its terms, and with the number of such parts.
        for start in (start..end).step_by(MAX_BLOCK) {
            let (t, d) = (MAX_BLOCK.min(end - start), &chunk.d[start * layout.hidden_stride..]);
            let d =
                MatRef::with_strides(&d[part.hidden.start..], (t, part.b1.len()), (layout.hidden_stride, 1))?;
            row_sum(simd, d, db1, part.b1)?;
            db1 = db1.added();
        }
    }
    Ok(())
}

/// (12): dW1 = Dᵀ X, without the zeros of D or those of X where that takes less time.
fn w1<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    chunk: &ChunkFactors<'_, T>,
    onto: AlphaBeta<T>,
    part: &mut GradsPart<'_, T>,
) -> Result<(), Error> {
    let (x, hidden, layout) = (chunk.x, part.hidden.clone(), &plan.layout);
    let shape = (x.rows(), hidden.len());
    let rows = MatRef::with_strides(&chunk.d[hidden.start..], shape, (layout.hidden_stride, 1))?;
    let x = match x.kind() {
        Kind::Dense(x) => x,
        Kind::Sparse(x) => {
            let d = (rows.as_slice(), layout.hidden_stride);
            let has_plain_zeros = Simd::has_plain_zeros(simd);
            let skips_zeros =
                |row| chunk.nonfinite.map_or(has_plain_zeros, |nonfinite| nonfinite.skips_zeros(row));
            sparse::add_gradient(simd, d, (x, chunk.is_squared), onto, part.w1.reborrow(), skips_zeros);
            return Ok(());
        }
    };
    let has_excluded = chunk.nonfinite.is_some_and(NonFinite::has_excluded);
    if layout.is_serial() && !has_excluded && !chunk.is_squared {
        return multiply(simd, plan, rows.t(), x, onto, part.w1.reborrow(), part.pack_buffer);
    }
    let d = if chunk.d_panels.is_empty() {
        Left::view(rows.t())
    } else {
        let width = S::MR;
        let panels = Left {
            data: chunk.d_panels,
            rows: plan.params.b1.len(),
            depth: x.rows(),
            strides: (1, width),
            row_blocks: Blocks { len: width, step: layout.block * width },
            col_blocks: Blocks { len: layout.block, step: layout.block * layout.hidden_stride },
        };
        panels.row_range(hidden)
    };
    let multiplied = chunk.nonfinite.map_or(&[][..], NonFinite::included);
    let c = part.w1.reborrow();
    let b = if chunk.is_squared { Right::Squares(x) } else { Right::View(x) };
    // The square of a finite number can be infinite, and 0 times that is NaN: none is multiplied by the zeros of D.
    let time_d = if has_excluded || chunk.is_squared { 0.0 } else { masked::time(simd, &d, &b, x.cols()) };
    let inputs = Left::view(x.t());
    let by_inputs = time_d > 0.0 && multiplied.is_empty() && {
        let time_x =
            masked::time(simd, &inputs, &Right::View(rows), rows.cols()) + masked::transposed(x.rows());
        time_x < time_d.min(masked::PAYS) && is_finite(simd, rows)
    };
    if by_inputs {
        Masked::new(inputs, Right::View(rows), onto, c.t()).run(simd, part.pack_buffer);
    } else if time_d < masked::PAYS {
        Masked { multiplied, ..Masked::new(d, b, onto, c) }.run(simd, part.pack_buffer);
    } else {
        product(simd, d, b, onto, c, Epilogue::None, part.pack_buffer);
    }
    Ok(())
}

/// C = A B, or C + A B, for a gradient, by whoever multiplies for those; nothing is packed before. The zeros of A are left out
/// where that takes less time.
pub(crate) fn multiply<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    onto: AlphaBeta<T>,
    c: MatMut<'_, T>,
    pack_buffer: &mut [T],
) -> Result<(), Error> {
    if let Some(gemm) = plan.gradient_gemm() {
        return gemm.gemm(a, b, onto.beta, c);
    }
    if plan.layout.few_examples && b.col_stride() == 1 && c.col_stride() == 1 {
        few::product(simd, a, b, few::Update::Store(onto), c);
    } else if plan.layout.few_examples {
        product(simd, Left::view(a), Right::View(b), onto, c, Epilogue::None, pack_buffer);
    } else {
        masked::product(simd, Left::view(a), b, onto, c, pack_buffer);
    }
    Ok(())
}

/// (14): the sum of the rows of D: 1ᵀ D.
fn row_sum<T: Float, S: Simd<T>>(
    simd: S,
    d: MatRef<'_, T>,
    onto: AlphaBeta<T>,
    db1: &mut [T],
) -> Result<(), Error> {
    let one = [T::one()];
    let ones = MatRef::with_strides(&one, (1, d.rows()), (1, 0))?;
    let h = db1.len();
    few::product(simd, ones, d, few::Update::Store(onto), MatMut::new(db1, 1, h)?);
    Ok(())
}

/// (15): the sums of the rows of G (classes × t).
fn class_sums<T: Float>(g: MatRef<'_, T>, onto: AlphaBeta<T>, db2: &mut [T]) {
    for (class, db2) in db2.iter_mut().enumerate() {
        let g = sum(&g.as_slice()[class * g.row_stride()..][..g.cols()]);
        *db2 = onto.apply_one(g, *db2);
    }
}
