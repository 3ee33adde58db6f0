//! The crate's own products: loops over panels and register tiles, packing where it pays, and what can be
//! done to the result while it is still in registers.

use core::ops::Range;

use num_traits::Float;

use super::Beta;
use super::tile::{Factors, Target, Then, sweep};
use crate::matrix::{MatMut, MatRef};
use crate::simd::{self, MAX_LANES, Simd};

/// A factor cut into panels, and its depth into segments: row p of panel j, counted within its segment, begins
/// at `j * panel_step + p * width` of the segment.
#[derive(Clone, Copy)]
pub(crate) struct Panels<'a, T> {
    pub(crate) data: &'a [T],
    /// The whole depth.
    pub(crate) depth: usize,
    /// The depth of a segment, and so of a panel; the last one may be less.
    pub(crate) segment: usize,
    /// How far apart segments begin.
    pub(crate) step: usize,
}

/// The left factor of a product.
#[derive(Clone, Copy)]
pub(crate) enum Left<'a, T> {
    /// As it lies in memory.
    View(MatRef<'a, T>),
    /// So many rows from the first one on, in panels as high as the largest register tile, as
    /// [`pack_left`] makes them.
    Packed { panels: Panels<'a, T>, rows: usize, first: usize },
}

impl<'a, T> Left<'a, T> {
    fn rows(&self) -> usize {
        match *self {
            Left::View(a) => a.rows(),
            Left::Packed { rows, .. } => rows,
        }
    }

    fn depth(&self) -> usize {
        match self {
            Left::View(a) => a.cols(),
            Left::Packed { panels, .. } => panels.depth,
        }
    }

    /// Within a segment of so many columns, an element's place depends on its column by a stride.
    fn segment(&self) -> usize {
        match self {
            Left::View(_) => usize::MAX,
            Left::Packed { panels, .. } => panels.segment,
        }
    }

    /// The memory from element (row, p) on, the strides from there to the next rows and columns, and the step
    /// to the next segment of B, which is as long as those of A if that has any. Panels have `width` rows.
    fn at(&self, row: usize, p: usize, width: usize, segment: usize) -> (&'a [T], (usize, usize), usize) {
        match *self {
            Left::View(a) => {
                let strides = (a.row_stride(), a.col_stride());
                (&a.as_slice()[row * strides.0 + p * strides.1..], strides, segment * strides.1)
            }
            Left::Packed { panels: Panels { data, segment, step, .. }, first, .. } => {
                let (row, panel) = ((first + row) % width, (first + row) / width);
                let start = p / segment * step + (panel * segment + p % segment) * width + row;
                (&data[start..], (1, width), step)
            }
        }
    }

    /// How far apart tiles of so many rows begin: panels, if they are packed, and else rows.
    fn step(&self, rows: usize) -> usize {
        match self {
            Left::View(a) => rows * a.row_stride(),
            Left::Packed { panels, .. } => rows * panels.segment,
        }
    }
}

/// The right factor of a product.
#[derive(Clone, Copy)]
pub(crate) enum Right<'a, T> {
    /// As it lies in memory.
    View(MatRef<'a, T>),
    /// The squares of what lies in memory.
    Squares(MatRef<'a, T>),
    /// In panels as wide as the widest register tile, as [`pack`] makes them.
    Packed(Panels<'a, T>),
}

/// The most rows of a packed B that are used at a time: a panel of them stays in the second cache.
const MAX_DEPTH: usize = 800;

/// So many rows of A are multiplied with all of B before the next ones are: they stay in the second cache.
const A_ROWS: usize = 256;

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
    let (rows, cols) = (a.rows(), c.cols());
    let whole = cols % S::LANES == 0;
    let squared = matches!(b, Right::Squares(_));
    match b {
        Right::View(b) | Right::Squares(b) => {
            // The same parts of the depth whether B is copied or not, which depends on the number of rows.
            let step = even(a.depth().min(a.segment()), 1, panel_depth::<T, S>());
            let parts = (step, a.segment());
            if whole && !squared && in_place(rows, &b) {
                for_panels::<T, S>(a.depth(), parts, cols, |depth, panel, _| {
                    let from = &b.as_slice()[depth.start * b.row_stride() + panel.start..];
                    let block = Block { a, segment: step, b: from, b_stride: b.row_stride(), b_step: 0 };
                    block.run(simd, 0..rows, depth, panel, beta, &mut c, &mut then);
                });
                return;
            }
            // Only as much as is needed, roughly: it is cleared first.
            let (mut small, mut large);
            let memory = if a.depth().min(step) * panel_width::<T, S>(cols)
                <= size_of::<S::SmallPanel>() / size_of::<T>()
            {
                small = simd.small_panel();
                small.as_mut()
            } else {
                large = simd.panel();
                large.as_mut()
            };
            for_panels::<T, S>(a.depth(), parts, cols, |depth, panel, width| {
                copy(simd, b, depth.clone(), panel.clone(), width, memory);
                if squared {
                    memory[..depth.len() * width].iter_mut().for_each(|b| *b = *b * *b);
                }
                let block = Block { a, segment: step, b: memory, b_stride: width, b_step: 0 };
                block.run(simd, 0..rows, depth, panel, beta, &mut c, &mut then);
            });
        }
        Right::Packed(Panels { data, depth, segment, step }) => {
            let grain = if segment < depth { segment } else { 1 };
            let part = even(depth, grain, MAX_DEPTH);
            for start in (0..rows).step_by(A_ROWS) {
                for_panels::<T, S>(depth, (part, usize::MAX), cols, |depth, panel, width| {
                    let first = depth.start / segment * step + panel.start * segment;
                    let b = &data[first + depth.start % segment * width..];
                    let block = Block { a, segment: segment.min(part), b, b_stride: width, b_step: step };
                    block.run(simd, start..rows.min(start + A_ROWS), depth, panel, beta, &mut c, &mut then);
                });
            }
        }
    }
}

/// The rows of a panel that fit its place on the stack.
fn panel_depth<T, S: Simd<T>>() -> usize {
    size_of::<S::Panel>() / size_of::<T>() / (S::VECS * S::LANES)
}

/// The columns of a panel: whole registers, and as equal as can be. Only the last panel may have fewer.
fn panel_width<T, S: Simd<T>>(cols: usize) -> usize {
    let vecs = cols.div_ceil(S::LANES);
    vecs.div_ceil(vecs.div_ceil(S::VECS)) * S::LANES
}

/// The length of the parts of a depth: equal ones of whole grains, none longer than `most` or than a grain.
fn even(depth: usize, grain: usize, most: usize) -> usize {
    let grains = depth.div_ceil(grain);
    let parts = grains.div_ceil((most / grain).max(1));
    grains.div_ceil(parts) * grain
}

/// Calls `run` for each part of the depth and each panel of columns with those and the panel's width in whole
/// registers. No part is longer than `part` or reaches over the end of a segment.
fn for_panels<T, S: Simd<T>>(
    depth: usize,
    (part, segment): (usize, usize),
    cols: usize,
    mut run: impl FnMut(Range<usize>, Range<usize>, usize),
) {
    let most = panel_width::<T, S>(cols);
    let mut p = 0;
    while p < depth {
        let end = depth.min(p + part).min((p / segment + 1).saturating_mul(segment));
        for col in (0..cols).step_by(most) {
            let panel = col..cols.min(col + most);
            let width = panel.len().next_multiple_of(S::LANES);
            run(p..end, panel, width);
        }
        p = end;
    }
}

/// Whether B is as well read where it lies.
fn in_place<T>(rows: usize, b: &MatRef<'_, T>) -> bool {
    b.col_stride() == 1 && (b.row_stride() < FAR || rows < 32 || b.rows() < 16)
}

/// One panel of B.
struct Block<'a, T> {
    a: Left<'a, T>,
    segment: usize,
    b: &'a [T],
    b_stride: usize,
    b_step: usize,
}

impl<T: Float> Block<'_, T> {
    /// Its product with some rows of A.
    #[expect(clippy::too_many_arguments, reason = "where the product lies, and what becomes of it")]
    fn run<S: Simd<T>>(
        &self,
        simd: S,
        rows: Range<usize>,
        depth: Range<usize>,
        cols: Range<usize>,
        beta: Beta,
        c: &mut MatMut<'_, T>,
        then: &mut Then<'_, T>,
    ) {
        let strides = (c.row_stride(), c.col_stride());
        let beta = if depth.start == 0 { beta } else { Beta::One };
        let vecs = cols.len().div_ceil(S::LANES);
        let mut nothing = Then::Nothing;
        let then = if depth.end == self.a.depth() { then } else { &mut nothing };
        let mut row = rows.start;
        // The largest tiles as far as they go, then the rest.
        let mut tile = S::ROWS;
        while row < rows.end {
            let tiles = (rows.end - row) / tile;
            if tiles > 0 {
                let offset = row * strides.0 + cols.start * strides.1;
                let (a, a_strides, a_step) = self.a.at(row, depth.start, S::ROWS, self.segment);
                let factors = Factors {
                    tiles,
                    depth: depth.len(),
                    segment: self.segment,
                    a,
                    a_strides,
                    a_next: self.a.step(tile),
                    a_step,
                    b: self.b,
                    b_stride: self.b_stride,
                    b_step: self.b_step,
                };
                let target = Target {
                    c: &mut c.as_mut_slice()[offset..],
                    strides,
                    cols: cols.len(),
                    beta,
                    then: then.at(offset, cols.start),
                };
                sweep::<T, S>(tile, vecs)(simd, factors, target);
                row += tiles * tile;
            }
            tile /= 2;
        }
    }
}

/// Packs a whole matrix as one segment of a right factor, which may have room for more rows: panel by panel,
/// each row by row, the last one padded to whole registers.
pub(crate) fn pack<T: Float, S: Simd<T>>(simd: S, b: MatRef<'_, T>, segment: usize, data: &mut [T]) {
    for_panels::<T, S>(b.rows(), (segment, usize::MAX), b.cols(), |rows, cols, width| {
        let first = cols.start * segment;
        copy(simd, b, rows, cols, width, &mut data[first..]);
    });
}

/// Packs Aᵀ as one segment of a left factor A: panels as wide as the largest register tile is
/// high, the last one padded.
pub(crate) fn pack_left<T: Float, S: Simd<T>>(simd: S, at: MatRef<'_, T>, segment: usize, data: &mut [T]) {
    for col in (0..at.cols()).step_by(S::ROWS) {
        let cols = col..at.cols().min(col + S::ROWS);
        copy(simd, at, 0..at.rows(), cols, S::ROWS, &mut data[col * segment..]);
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
                let whole = cols.len() / S::LANES * S::LANES;
                for (p, row) in panel.chunks_exact_mut(width).enumerate() {
                    let from = &from[p * row_stride..][..cols.len()];
                    for lane in (0..whole).step_by(S::LANES) {
                        simd.store(simd.load(&from[lane..]), &mut row[lane..]);
                    }
                    let (rest, padding) = row[whole..].split_at_mut(cols.len() - whole);
                    rest.copy_from_slice(&from[whole..]);
                    padding.fill(T::zero());
                }
            } else {
                // By columns, because those are contiguous if rows are not, and several at a time, because
                // those are contiguous in the panel.
                for j in (0..width).step_by(S::LANES) {
                    let some = S::LANES.min(cols.len().saturating_sub(j));
                    let from = if some > 0 { &from[j * col_stride..] } else { &[] };
                    if some == S::LANES && row_stride == 1 {
                        transpose(simd, from, col_stride, rows.len(), &mut panel[j..], width);
                        continue;
                    }
                    for (p, row) in panel.chunks_exact_mut(width).enumerate() {
                        let (row, padding) = row[j..width.min(j + S::LANES)].split_at_mut(some);
                        let columns = row.iter_mut().enumerate();
                        columns.for_each(|(i, to)| *to = from[p * row_stride + i * col_stride]);
                        padding.fill(T::zero());
                    }
                }
            }
        },
    );
}

/// Copies as many contiguous columns as a register has lanes, of `depth` elements and `col_stride` apart, to
/// rows of `width`.
#[inline(always)]
fn transpose<T: Float, S: Simd<T>>(
    simd: S,
    from: &[T],
    col_stride: usize,
    depth: usize,
    to: &mut [T],
    width: usize,
) {
    let column = |j: usize| &from[j * col_stride..][..depth];
    let whole = depth / S::LANES * S::LANES;
    for p in (0..whole).step_by(S::LANES) {
        let mut square = [simd.splat(T::zero()); MAX_LANES];
        for j in 0..S::LANES {
            square[j] = simd.load(&column(j)[p..]);
        }
        square = simd::transpose(simd, square);
        for i in 0..S::LANES {
            simd.store(square[i], &mut to[(p + i) * width..]);
        }
    }
    for p in whole..depth {
        let to = &mut to[p * width..][..S::LANES];
        to.iter_mut().enumerate().for_each(|(j, to)| *to = column(j)[p]);
    }
}
