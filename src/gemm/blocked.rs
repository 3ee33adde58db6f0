//! The crate's own products: loops over panels and register tiles, packing where it pays, and an epilogue on the sums
//! while they are still in registers.
//!
//! ```text
//! for each kc rows of B:                                (depth)
//!   for each nc columns of B, in panels of nr:          (they stay in the L2 cache)
//!     copy them to the pack buffer, unless they are as well read where they lie
//!     for each mc rows of A, in tiles of mr:            (in the micro-kernel, see tile.rs)
//!       for each panel: C[mr x nr] (+)= A[mr x kc] B[kc x nr], then the epilogue if these are the last kc
//! ```

use core::ops::Range;

use num_traits::Float;

use super::destination::Destination;
use super::epilogue::Epilogue;
use super::factors::{Left, Right};
use super::packing::{Submatrix, copy};
use super::panels::{numbers_in, widths};
use super::product::AlphaBeta;
use super::tile::{MicroKernel, Operands, Panels, micro_kernel, packing_kernel};
use crate::data::{MatMut, MatRef};
use crate::limits::{FAR_STRIDE, IN_PLACE_DEPTH, IN_PLACE_ROWS};
use crate::simd::Simd;

/// C = alpha A B, or C + alpha A B, then the epilogue. The sizes must go together. The pack buffer may have any length: the more
/// panels of B fit there, the better. What it holds afterwards is unspecified.
///
/// Each sum is formed in an order that depends on the depth alone: not on how the rows or columns of the
/// product are cut up, nor on the pack buffer.
pub(crate) fn product<T: Float, S: Simd<T>>(
    simd: S,
    a: Left<'_, T>,
    b: Right<'_, T>,
    onto: AlphaBeta<T>,
    c: MatMut<'_, T>,
    epilogue: Epilogue<'_, T>,
    pack_buffer: &mut [T],
) {
    let kc = depth_part::<T, S>(a.depth);
    let packs = match b {
        Right::View(b) => c.cols() % S::LANES != 0 || !in_place(a.rows, &b),
        Right::Squares(..) => true,
        Right::Packed(_) => false,
    };
    let panel = kc * widths::<T, S>(c.cols(), S::NR_VECS)[0].1 * S::LANES;
    let product = Product { a, b, onto, c, epilogue, kc, packs };
    if !packs || panel <= pack_buffer.len() {
        product.run(simd, pack_buffer);
    } else if panel <= numbers_in::<T>(size_of::<S::SmallPanel>()) {
        product.run(simd, simd.small_panel().as_mut());
    } else {
        product.run_on_stack(simd);
    }
}

/// A product, and how it is cut up.
struct Product<'a, T> {
    a: Left<'a, T>,
    b: Right<'a, T>,
    onto: AlphaBeta<T>,
    c: MatMut<'a, T>,
    epilogue: Epilogue<'a, T>,
    kc: usize,
    /// Whether panels of B are copied to the pack buffer, before they are used or by the tile that uses them first.
    packs: bool,
}

/// At most kc rows and nc columns of B, in panels of one width.
struct Part {
    depth: Range<usize>,
    cols: Range<usize>,
    /// nr in registers.
    vecs: usize,
}

impl Part {
    /// Its panels where B lies.
    fn of<'b, T, S: Simd<T>>(&self, b: &MatRef<'b, T>) -> Panels<'b, T> {
        let data = &b.as_slice()[self.depth.start * b.row_stride() + self.cols.start..];
        Panels { data, row_step: b.row_stride(), panel_step: self.vecs * S::LANES }
    }
}

impl<T: Float> Product<'_, T> {
    // Not inlined: a stack frame of this size is touched page by page at each call.
    #[inline(never)]
    fn run_on_stack<S: Simd<T>>(self, simd: S) {
        self.run(simd, simd.panel().as_mut());
    }

    fn run<S: Simd<T>>(mut self, simd: S, pack_buffer: &mut [T]) {
        let (depth, cols) = (self.a.depth, self.c.cols());
        for p in (0..depth).step_by(self.kc) {
            let depth = p..depth.min(p + self.kc);
            let mut col = 0;
            for (panels, vecs) in widths::<T, S>(cols, S::NR_VECS) {
                let width = vecs * S::LANES;
                let most = numbers_in::<T>(simd.l2_bytes());
                let most = if self.packs { most.min(pack_buffer.len()) } else { most };
                let nc = (most / (self.kc * width)).max(1) * width;
                let end = cols.min(col + panels * width);
                while col < end {
                    let cols = col..end.min(col + nc);
                    col = cols.end;
                    self.part(simd, &Part { depth: depth.clone(), cols, vecs }, pack_buffer);
                }
            }
        }
    }

    /// All rows of A times some panels of B.
    fn part<S: Simd<T>>(&mut self, simd: S, part: &Part, pack_buffer: &mut [T]) {
        let Part { depth, cols, vecs } = part;
        let (width, mut row) = (vecs * S::LANES, 0);
        let b = match self.b {
            Right::Packed(panels) => {
                let data = &panels[cols.start * self.a.depth + depth.start * width..];
                Panels { data, row_step: width, panel_step: self.a.depth * width }
            }
            Right::View(b) if !self.packs => part.of::<T, S>(&b),
            Right::View(b) | Right::Squares(b) => {
                let packed = &mut pack_buffer[..depth.len() * cols.len().next_multiple_of(width)];
                if let Some(kernel) = self.packing_kernel::<S>(part) {
                    row = S::MR;
                    self.rows(simd, kernel, 0..row, part, part.of::<T, S>(&b), packed);
                } else {
                    copy(simd, Submatrix::of(&b, depth.clone(), cols.clone()), width, packed);
                }
                if let Right::Squares(_) = self.b {
                    packed.iter_mut().for_each(|b| *b = *b * *b);
                }
                Panels { data: packed, row_step: width, panel_step: depth.len() * width }
            }
        };
        while row < self.a.rows {
            // As far as the rows of A lie together, unless tiles end where they do: in the largest tiles as far as
            // those go, then in smaller ones.
            let blocks = self.a.row_blocks;
            let in_tiles = blocks.len % S::MR == 0;
            let together = if in_tiles { usize::MAX } else { blocks.rest(row) };
            let end = row + together.min(self.a.rows - row);
            let mut mr = S::MR;
            // Rather four and four rows than six and two: the sums of two are too few to hide the latency of a multiply-add.
            let fours = mr == 6 && !in_tiles && matches!((end - row) % 6, 2 | 3);
            while row < end {
                let left = end - row;
                let most = if fours && mr == 6 { left.saturating_sub(6) } else { left };
                let rows = row..row + most - most % mr;
                if !rows.is_empty() {
                    row = rows.end;
                    let kernel = micro_kernel::<T, S>(mr, *vecs, self.a.strides);
                    self.rows(simd, kernel, rows, part, b, &mut []);
                }
                mr = (mr / 2).next_power_of_two();
            }
        }
    }

    /// The kernel that copies these panels of B while it multiplies the first rows of A by them, if that can be done.
    fn packing_kernel<S: Simd<T>>(&self, part: &Part) -> Option<MicroKernel<T, S>> {
        let Right::View(b) = self.b else { return None };
        let whole = part.cols.len() % S::LANES == 0 && self.a.row_blocks.rest(0).min(self.a.rows) >= S::MR;
        if whole && b.col_stride() == 1 { packing_kernel::<T, S>(part.vecs) } else { None }
    }

    /// Some rows of A, in whole tiles.
    #[inline(always)]
    fn rows<S: Simd<T>>(
        &mut self,
        simd: S,
        kernel: MicroKernel<T, S>,
        rows: Range<usize>,
        part: &Part,
        b: Panels<'_, T>,
        copy: &mut [T],
    ) {
        let strides = (self.c.row_stride(), self.c.col_stride());
        let offset = rows.start * strides.0 + part.cols.start * strides.1;
        let onto = if part.depth.start == 0 { self.onto } else { self.onto.added() };
        let is_last = part.depth.end == self.a.depth;
        let epilogue = if is_last { self.epilogue.at(offset, part.cols.start) } else { Epilogue::None };
        let c = &mut self.c.as_mut_slice()[offset..];
        let operands = Operands { a: self.a, rows, depth: part.depth.clone(), b, copy };
        kernel(simd, operands, Destination { c, strides, cols: part.cols.len(), onto, epilogue });
    }
}

/// kc for a depth: so many terms are added up before the sums are stored.
pub(super) fn depth_part<T, S: Simd<T>>(depth: usize) -> usize {
    even(depth, S::BLOCKING.kc).next_multiple_of(S::BLOCKING.unroll)
}

/// The length of parts of a whole: equal ones, none longer than `most`.
pub(super) fn even(whole: usize, most: usize) -> usize {
    whole.div_ceil(whole.div_ceil(most))
}

/// Whether B is as well read where it lies.
fn in_place<T>(rows: usize, b: &MatRef<'_, T>) -> bool {
    b.col_stride() == 1 && (b.row_stride() < FAR_STRIDE || rows <= IN_PLACE_ROWS || b.rows() < IN_PLACE_DEPTH)
}

#[cfg(test)]
mod tests;
