//! Products that leave out the terms that are known to be zero: those whose factor in A is 0.
//!
//! ```text
//! for each kc rows of B:                                (depth, as in blocked.rs)
//!   for each mc rows of A:
//!     mask their elements: a bit for each that is not 0 (masks.rs)
//!     for each panel of B, as wide as there are registers for:
//!       for each piece of the depth, of up to 64 rows:  (with this width it fits the L1 cache)
//!         copy it to the pack buffer, unless it is as well read where it lies
//!         for each row: for each bit of its mask: sums += element of A times row of the piece
//! ```
//!
//! A register tile has no use for a zero, because the other rows of the tile need the same row of B. Here each row has the
//! registers for itself, and every multiply-add loads its register of B: from the L1 cache, which is as fast as multiply-adds
//! are.
//!
//! The result has the bits of the product with all terms: the sums have the same order and are stored at the same places of
//! the depth, and a sum that begins with +0 is not changed by a term that is 0. (If a sum has become -0 because its terms are
//! too small for the type, such a term would make it +0: so both products add +0 before they store.) But 0 times NaN or
//! infinity is NaN: who calls has to know of rows of B that are not finite.

use core::ops::Range;

use num_traits::Float;

use super::blocked::{self, depth_part, even};
use super::destination::Destination;
use super::epilogue::Epilogue;
use super::factors::{Blocks, Left, Right};
use super::masked_kernel::{LINE, Piece, Sums, Terms, kernel, store_transposed};
use super::masks::{density, is_finite, masks};
use super::packing::{Submatrix, copy};
use super::panels::{numbers_in, panel, panels, widths};
use super::product::AlphaBeta;
use crate::data::{MatMut, MatRef};
use crate::limits::{
    MASKED_BEGIN, MASKED_COPY, MASKED_DEPTH, MASKED_MIN_ROWS, MASKED_ROWS, MASKED_TRANSPOSED, MASKED_VISIT,
};
use crate::simd::Simd;

/// A C = alpha A B of which A has zeros, or C + alpha A B, then the epilogue.
pub(crate) struct Masked<'a, T> {
    pub(crate) a: Left<'a, T>,
    /// If packed, in panels of up to `Blocking::masked_vecs` registers.
    pub(crate) b: Right<'a, T>,
    /// If the rows of B lie in blocks, the first of which is this view. The columns of A lie in blocks of the same length then.
    pub(crate) b_blocks: Blocks,
    pub(crate) onto: AlphaBeta<T>,
    pub(crate) c: MatMut<'a, T>,
    /// None where rows of C are not contiguous.
    pub(crate) epilogue: Epilogue<'a, T>,
    /// A bit for each row of B, set where zeros of A have to be multiplied by it; or nothing, if there are none.
    pub(crate) multiplied: &'a [u64],
}

/// Where a product without zeros takes no less than this share of the time, it does not pay: the estimate is not that good.
pub(crate) const PAYS: f32 = 0.95;

/// A product of so many terms whose columns are the contiguous ones takes this much more of the time: its sums are transposed.
pub(crate) fn transposed(depth: usize) -> f32 {
    MASKED_TRANSPOSED / depth as f32
}

/// C = alpha A B, or C + alpha A B, without the zeros of A where that takes less time and may be done.
pub(crate) fn product<T: Float, S: Simd<T>>(
    simd: S,
    a: Left<'_, T>,
    b: MatRef<'_, T>,
    onto: AlphaBeta<T>,
    c: MatMut<'_, T>,
    pack_buffer: &mut [T],
) {
    let right = Right::View(b);
    if time(simd, &a, &right, c.cols()) < PAYS && is_finite(simd, b) {
        Masked::new(a, right, onto, c).run(simd, pack_buffer);
    } else {
        blocked::product(simd, a, right, onto, c, Epilogue::None, pack_buffer);
    }
}

/// The time that a product takes without the zeros of its left factor, as a share of the time with them; by a sample of them.
/// C has so many columns. 1 for types of which a zero may be more than that.
pub(crate) fn time<T: Float, S: Simd<T>>(simd: S, a: &Left<'_, T>, b: &Right<'_, T>, cols: usize) -> f32 {
    let all_vecs = cols.div_ceil(S::LANES);
    let vecs = all_vecs.min(S::BLOCKING.masked_vecs) as f32;
    // In multiply-adds of whole registers: a term takes a load beside those of its registers, and no less than the latency of
    // a multiply-add.
    let term = (vecs + 1.0).max(4.0) / vecs;
    let visit = MASKED_VISIT / (vecs * a.depth.min(MASKED_DEPTH) as f32);
    let copy = match b {
        Right::Packed(_) => 0.0,
        Right::View(b) | Right::Squares(b) if b.col_stride() == 1 => MASKED_COPY[0],
        Right::View(_) | Right::Squares(..) => MASKED_COPY[1],
    };
    let begin = MASKED_BEGIN / (a.rows as f32 * a.depth as f32 * all_vecs as f32);
    let fixed = visit + copy / a.rows.min(MASKED_ROWS) as f32 + begin;
    // None are counted where little could be gained if all were zeros.
    if fixed < 0.75 && simd.has_plain_zeros() { density(simd, a) * term + fixed } else { 1.0 }
}

/// How the product is cut up.
#[derive(Clone, Copy)]
struct Cuts {
    /// The most registers in a row of a panel.
    vecs: usize,
    /// The most rows of A that are masked at a time.
    mc: usize,
    /// The longest piece of the depth.
    piece: usize,
    /// The elements of a packed piece, 0 if B is read where it lies.
    packed: usize,
}

impl<'a, T> Masked<'a, T> {
    /// C = alpha A B or C + alpha A B, of a B whose rows lie as those of a matrix do and have only finite numbers.
    pub(crate) fn new(a: Left<'a, T>, b: Right<'a, T>, onto: AlphaBeta<T>, c: MatMut<'a, T>) -> Self {
        Self { a, b, b_blocks: Blocks::ONE, onto, c, epilogue: Epilogue::None, multiplied: &[] }
    }
}

impl<T: Float> Masked<'_, T> {
    /// Computes it. The pack buffer may have any length: the longer, the better. What it holds afterwards is unspecified.
    pub(crate) fn run<S: Simd<T>>(self, simd: S, pack_buffer: &mut [T]) {
        match self.cuts::<S>(pack_buffer.len()) {
            Some(cuts) => self.in_parts(simd, cuts, pack_buffer),
            None => self.on_stack(simd),
        }
    }

    // Not inlined: a stack frame of this size is touched page by page at each call.
    #[inline(never)]
    fn on_stack<S: Simd<T>>(self, simd: S) {
        let mut panel = simd.panel();
        let panel = panel.as_mut();
        if let Some(cuts) = self.cuts::<S>(panel.len()) {
            self.in_parts(simd, cuts, panel);
        } else {
            debug_assert!(false, "a panel holds a narrow piece and the sums of some rows");
        }
    }

    /// Panels as wide as a buffer of this length allows, `None` if it is too short.
    fn cuts<S: Simd<T>>(&self, buffer: usize) -> Option<Cuts> {
        let all = S::BLOCKING.masked_vecs;
        let is_packed = matches!(self.b, Right::Packed(_));
        [all, all / 2, all / 4, 1].into_iter().take(if is_packed { 1 } else { 4 }).find_map(|vecs| {
            let vecs = widths::<T, S>(self.c.cols(), vecs.max(1))[0].1;
            let width = vecs * S::LANES;
            let piece = MASKED_DEPTH.min(numbers_in::<T>(S::BLOCKING.l1_bytes) / width).max(1);
            let packed = if self.packs::<S>() { piece * width } else { 0 };
            let rows = buffer.checked_sub(packed)? / width;
            (rows >= MASKED_MIN_ROWS.min(self.a.rows)).then_some(Cuts { vecs, mc: rows, piece, packed })
        })
    }

    /// Whether pieces of B are copied to the pack buffer before they are used.
    fn packs<S: Simd<T>>(&self) -> bool {
        match self.b {
            Right::View(b) => b.col_stride() != 1 || self.c.cols() % S::LANES != 0 || !is_aligned(&b),
            Right::Squares(..) => true,
            Right::Packed(_) => false,
        }
    }

    fn in_parts<S: Simd<T>>(mut self, simd: S, cuts: Cuts, buffer: &mut [T]) {
        let mut memory = simd.masks();
        let (memory, kc) = (memory.as_mut(), depth_part::<T, S>(self.a.depth));
        for p in (0..self.a.depth).step_by(kc) {
            let depth = p..self.a.depth.min(p + kc);
            let count = pieces(self.a, depth.clone(), cuts.piece).count();
            let mc = even(self.a.rows, cuts.mc.min(memory.len() / count).clamp(1, MASKED_ROWS));
            for row in (0..self.a.rows).step_by(mc) {
                let rows = row..self.a.rows.min(row + mc);
                for (depth, masks) in pieces(self.a, depth.clone(), cuts.piece).zip(memory.chunks_mut(mc)) {
                    self.mask(simd, rows.clone(), depth.clone(), masks);
                }
                let block = Block { rows, depth: depth.clone(), masks: memory, step: mc };
                for index in 0..panels::<T, S>(self.c.cols(), cuts.vecs) {
                    let cols = panel::<T, S>(self.c.cols(), cuts.vecs, index);
                    self.panel(simd, &cuts, &block, cols, buffer);
                }
            }
        }
    }

    /// The masks of some rows: their elements that are not 0, and those by which zeros have to be multiplied.
    fn mask<S: Simd<T>>(&self, simd: S, rows: Range<usize>, depth: Range<usize>, to: &mut [u64]) {
        let to = &mut to[..rows.len()];
        masks(simd, &self.a, rows, depth.clone(), to);
        if !self.multiplied.is_empty() {
            let is_set = |p: usize| self.multiplied[p / 64] >> (p % 64) & 1;
            let all = depth.clone().fold(0, |all, p| all | is_set(p) << (p - depth.start));
            to.iter_mut().for_each(|mask| *mask |= all);
        }
    }

    /// Some rows of A times a part of a panel of B.
    fn panel<S: Simd<T>>(
        &mut self,
        simd: S,
        cuts: &Cuts,
        block: &Block<'_>,
        cols: Range<usize>,
        buffer: &mut [T],
    ) {
        let (rows, width) = (block.rows.clone(), cols.len().next_multiple_of(S::LANES));
        let (packed, sums) = buffer.split_at_mut(cuts.packed);
        let sums = &mut sums[..rows.len() * width];
        let strides = (self.c.row_stride(), self.c.col_stride());
        let onto = if block.depth.start == 0 { self.onto } else { self.onto.added() };
        let is_transposed = strides.1 != 1 && matches!(self.epilogue, Epilogue::None);
        let kernel = kernel::<T, S>(width / S::LANES);
        for (depth, masks) in
            pieces(self.a, block.depth.clone(), cuts.piece).zip(block.masks.chunks(block.step))
        {
            let (is_first, is_last) = (depth.start == block.depth.start, depth.end == block.depth.end);
            let piece = self.piece(simd, depth.clone(), cols.clone(), width, packed);
            let terms = Terms { a: self.a, rows: rows.clone(), depth: depth.clone(), masks, is_first };
            let dest = (is_last && !is_transposed).then(|| {
                let is_end = depth.end == self.a.depth;
                let epilogue = if is_end { self.epilogue.at(0, 0) } else { Epilogue::None };
                Destination { c: self.c.as_mut_slice(), strides, cols: cols.end, onto, epilogue }
            });
            kernel(simd, &terms, piece, sums, cols.start, dest);
        }
        if is_transposed {
            let c = &mut self.c.as_mut_slice()[rows.start * strides.0 + cols.start * strides.1..];
            store_transposed(simd, Sums { data: sums, width, cols: cols.len() }, onto, strides, c);
        }
    }

    /// A piece of a panel of B: where it lies, copied, or still to be copied.
    fn piece<'p, S: Simd<T>>(
        &self,
        simd: S,
        depth: Range<usize>,
        cols: Range<usize>,
        width: usize,
        packed: &'p mut [T],
    ) -> Piece<'p, T>
    where
        Self: 'p,
    {
        let view = match self.b {
            Right::Packed(panels) => {
                let rows = &panels[cols.start * self.a.depth + depth.start * width..];
                return Piece::Ready { rows, step: width };
            }
            Right::View(view) | Right::Squares(view) => view,
        };
        let strides = (view.row_stride(), view.col_stride());
        let data = &view.as_slice()[self.b_blocks.offset(depth.start, strides.0) + cols.start * strides.1..];
        let is_square = matches!(self.b, Right::Squares(..));
        if strides.1 == 1 && cols.len() == width && !is_square {
            let (rows, step) = (data, strides.0);
            if packed.is_empty() {
                Piece::Ready { rows, step }
            } else {
                Piece::Copy { rows, step, to: packed }
            }
        } else {
            let packed = &mut packed[..depth.len() * width];
            copy(simd, Submatrix { data, rows: depth.len(), cols: cols.len(), strides }, width, packed);
            if is_square {
                packed.iter_mut().for_each(|b| *b = *b * *b);
            }
            Piece::Ready { rows: packed, step: width }
        }
    }
}

/// Whether each row begins with a cache line: registers that lie in two of them take twice the time to load.
fn is_aligned<T>(b: &MatRef<'_, T>) -> bool {
    b.as_slice().as_ptr().align_offset(LINE) == 0 && b.row_stride() * size_of::<T>() % LINE == 0
}

/// Some rows of A and a part of the depth, and the masks of its pieces, `step` for each.
struct Block<'m> {
    rows: Range<usize>,
    depth: Range<usize>,
    masks: &'m [u64],
    step: usize,
}

/// Cuts a part of the depth into pieces no longer than `most`, where the blocks of A's columns end and as equal as can be
/// between.
fn pieces<T>(a: Left<'_, T>, part: Range<usize>, most: usize) -> impl Iterator<Item = Range<usize>> {
    let mut start = part.start;
    core::iter::from_fn(move || {
        (start < part.end).then(|| {
            let together = a.col_blocks.rest(start).min(part.end - start);
            let piece = start..start + together.div_ceil(together.div_ceil(most));
            start = piece.end;
            piece
        })
    })
}

#[cfg(test)]
mod tests;
