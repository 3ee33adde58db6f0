//! The crate's own products: loops over panels and register tiles, packing where it pays, and what can be
//! done to the result while it is still in registers.

use core::ops::Range;

use num_traits::Float;

use super::tile::{Factors, Target, Then, tile};
use super::Beta;
use crate::matrix::{MatMut, MatRef};
use crate::simd::Simd;

/// The left factor of a product.
#[derive(Clone, Copy)]
pub(crate) enum Left<'a, T> {
    /// As it lies in memory.
    View(MatRef<'a, T>),
    /// So many rows, all or some of those in the panels that [`pack_left`] has made.
    Packed { panels: &'a [T], depth: usize, rows: usize, first: usize },
}

impl<'a, T> Left<'a, T> {
    fn rows(&self) -> usize {
        match *self {
            Left::View(a) => a.rows(),
            Left::Packed { rows, .. } => rows,
        }
    }

    fn depth(&self) -> usize {
        match *self {
            Left::View(a) => a.cols(),
            Left::Packed { depth, .. } => depth,
        }
    }

    /// The memory from element (row, p) on, and the strides from there to the next rows and columns.
    fn at(&self, row: usize, p: usize) -> (&'a [T], (usize, usize)) {
        match *self {
            Left::View(a) => {
                let strides = (a.row_stride(), a.col_stride());
                (&a.as_slice()[row * strides.0 + p * strides.1..], strides)
            }
            Left::Packed { panels, depth, first, .. } => {
                let row = first + row;
                (&panels[(row / LEFT * depth + p) * LEFT + row % LEFT..], (1, LEFT))
            }
        }
    }
}

/// The right factor of a product.
#[derive(Clone, Copy)]
pub(crate) enum Right<'a, T> {
    /// As it lies in memory.
    View(MatRef<'a, T>),
    /// The panels that [`pack`] has made of it.
    Packed(&'a [T]),
}

/// The rows of A in one of its panels: those of the largest register tile.
pub(crate) const LEFT: usize = 8;

/// So deep a part of a packed B is used at a time: its panels are read from the second cache.
const PACKED_DEPTH: usize = 384;

/// Where a row stride of B reaches so far, the rows of a panel would fall into few sets of the first cache
/// and each into a page of its own: from here on packing pays.
const FAR: usize = 256;

/// C = A B, or C + A B, then `then`. The sizes must go together.
///
/// Each sum is formed in an order that depends on the depth alone: not on how the rows or columns of the
/// product are cut up.
pub(crate) fn product<T: Float, S: Simd<T>>(
    simd: S,
    a: Left<'_, T>,
    b: Right<'_, T>,
    beta: Beta,
    mut c: MatMut<'_, T>,
    mut then: Then<'_, T>,
) {
    let (depth, cols) = (a.depth(), c.cols());
    let step = if let Right::Packed(_) = b { PACKED_DEPTH } else { panel_depth::<T, S>() };
    let mut memory = simd.panel();
    for p in (0..depth).step_by(step) {
        let rows = p..depth.min(p + step);
        let beta = if p == 0 { beta } else { Beta::One };
        let mut col = 0;
        while col < cols {
            let vecs = S::VECS.min((cols - col).div_ceil(S::LANES));
            let panel = col..cols.min(col + vecs * S::LANES);
            let mut block = Block { a, rows: rows.clone(), cols: panel.clone(), vecs, beta, c: c.reborrow() };
            let mut last = Then::Nothing;
            let then = if rows.end == depth { &mut then } else { &mut last };
            match b {
                Right::Packed(panels) => {
                    let width = vecs * S::LANES;
                    block.run(simd, &panels[col * depth + p * width..], width, then);
                }
                Right::View(b) if in_place(a.rows(), &b, panel.len() == vecs * S::LANES) => {
                    block.run(simd, &b.as_slice()[p * b.row_stride() + col..], b.row_stride(), then);
                }
                Right::View(b) => {
                    let width = vecs * S::LANES;
                    copy(simd, b, rows.clone(), panel.clone(), width, memory.as_mut());
                    block.run(simd, memory.as_mut(), width, then);
                }
            }
            col = panel.end;
        }
    }
}

/// The rows of a panel that fit its place on the stack.
fn panel_depth<T, S: Simd<T>>() -> usize {
    size_of::<S::Panel>() / size_of::<T>() / (S::VECS * S::LANES)
}

/// Whether a panel of B is as well read where it lies.
fn in_place<T>(rows: usize, b: &MatRef<'_, T>, whole: bool) -> bool {
    whole && b.col_stride() == 1 && (b.row_stride() < FAR || rows < 32 || b.rows() < 16)
}

/// One panel of B times all rows of A.
struct Block<'a, 'c, T> {
    a: Left<'a, T>,
    rows: Range<usize>,
    cols: Range<usize>,
    vecs: usize,
    beta: Beta,
    c: MatMut<'c, T>,
}

impl<T: Float> Block<'_, '_, T> {
    fn run<S: Simd<T>>(&mut self, simd: S, b: &[T], b_stride: usize, then: &mut Then<'_, T>) {
        let strides = (self.c.row_stride(), self.c.col_stride());
        let mut row = 0;
        while row < self.a.rows() {
            let rows = tile_rows(self.a.rows() - row, S::ROWS);
            let offset = row * strides.0 + self.cols.start * strides.1;
            let (a, a_strides) = self.a.at(row, self.rows.start);
            let factors = Factors { depth: self.rows.len(), a, a_strides, b, b_stride };
            let target = Target {
                c: &mut self.c.as_mut_slice()[offset..],
                strides,
                cols: self.cols.len(),
                beta: self.beta,
                then: then.at(offset, self.cols.start),
            };
            tile::<T, S>(rows, self.vecs)(simd, factors, target);
            row += rows;
        }
    }
}

/// The rows of the next tile: the largest there is that does not reach beyond the end.
fn tile_rows(left: usize, most: usize) -> usize {
    let mut rows = most;
    while rows > left {
        rows /= 2;
    }
    rows
}

/// Packs a whole matrix: panel by panel, each row by row, the last one padded to whole registers.
pub(crate) fn pack<T: Float, S: Simd<T>>(simd: S, b: MatRef<'_, T>, panels: &mut [T]) {
    for col in (0..b.cols()).step_by(S::VECS * S::LANES) {
        let cols = col..b.cols().min(col + S::VECS * S::LANES);
        let width = cols.len().next_multiple_of(S::LANES);
        copy(simd, b, 0..b.rows(), cols, width, &mut panels[col * b.rows()..]);
    }
}

/// Packs Aᵀ for use as a left factor A: panels of [`LEFT`] columns each, the last one padded.
pub(crate) fn pack_left<T: Float, S: Simd<T>>(simd: S, at: MatRef<'_, T>, panels: &mut [T]) {
    for (col, panel) in (0..at.cols()).step_by(LEFT).zip(panels.chunks_exact_mut(LEFT * at.rows())) {
        copy(simd, at, 0..at.rows(), col..at.cols().min(col + LEFT), LEFT, panel);
    }
}

/// Copies a part of B into a panel of rows of this width; what is wider than the part becomes 0.
fn copy<T: Float, S: Simd<T>>(
    simd: S,
    b: MatRef<'_, T>,
    rows: Range<usize>,
    cols: Range<usize>,
    width: usize,
    panel: &mut [T],
) {
    let (row_stride, col_stride) = (b.row_stride(), b.col_stride());
    let from = &b.as_slice()[rows.start * row_stride + cols.start * col_stride..];
    let panel = &mut panel[..rows.len() * width];
    simd.vectorize(
        #[inline(always)]
        || {
            if col_stride == 1 {
                for (p, row) in panel.chunks_exact_mut(width).enumerate() {
                    let (row, padding) = row.split_at_mut(cols.len());
                    row.copy_from_slice(&from[p * row_stride..][..row.len()]);
                    padding.fill(T::zero());
                }
            } else {
                // Column by column, because those are contiguous if rows are not.
                for j in 0..width {
                    let column = panel[j..].iter_mut().step_by(width).enumerate();
                    if j < cols.len() {
                        let from = &from[j * col_stride..];
                        column.for_each(|(p, to)| *to = from[p * row_stride]);
                    } else {
                        column.for_each(|(_, to)| *to = T::zero());
                    }
                }
            }
        },
    );
}
