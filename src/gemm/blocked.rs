//! The crate's own products: loops over panels and register tiles, packing where it pays, and what can be
//! done to the result while it is still in registers.

use core::ops::Range;

use num_traits::Float;

use super::Beta;
use super::packing::copy;
use super::tile::{Factors, Target, Then, sweep};
use crate::matrix::{MatMut, MatRef};
use crate::simd::Simd;

/// A left factor cut into panels of rows, and its depth into segments: column p of panel j, counted within its
/// segment, begins at `(j * segment + p) * height` of the segment.
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
    /// As it lies in memory, its columns in segments that begin `step` apart, of which this is the first one.
    View { first: MatRef<'a, T>, depth: usize, segment: usize, step: usize },
    /// So many rows from the first one on, in panels as high as the largest register tile, as
    /// [`pack_left`](super::packing::pack_left) makes them.
    Packed { panels: Panels<'a, T>, rows: usize, first: usize },
}

impl<'a, T> Left<'a, T> {
    /// A matrix as it lies in memory.
    pub(crate) fn view(a: MatRef<'a, T>) -> Self {
        Left::View { first: a, depth: a.cols(), segment: usize::MAX, step: 0 }
    }

    fn rows(&self) -> usize {
        match *self {
            Left::View { first, .. } => first.rows(),
            Left::Packed { rows, .. } => rows,
        }
    }

    fn depth(&self) -> usize {
        match *self {
            Left::View { depth, .. } | Left::Packed { panels: Panels { depth, .. }, .. } => depth,
        }
    }

    /// Within a segment of so many columns, an element's place depends on its column by a stride.
    fn segment(&self) -> usize {
        match *self {
            Left::View { segment, .. } | Left::Packed { panels: Panels { segment, .. }, .. } => segment,
        }
    }

    /// The memory from element (row, p) on, the strides from there to the next rows and columns, and the step
    /// to the next segment. Panels have `width` rows.
    fn at(&self, row: usize, p: usize, width: usize) -> (&'a [T], (usize, usize), usize) {
        match *self {
            Left::View { first, segment, step, .. } => {
                let strides = (first.row_stride(), first.col_stride());
                let start = p / segment * step + row * strides.0 + p % segment * strides.1;
                (&first.as_slice()[start..], strides, step)
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
            Left::View { first, .. } => rows * first.row_stride(),
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
    /// In panels as wide as the widest register tile, as [`pack`](super::packing::pack) makes them.
    Packed(&'a [T]),
}

/// The most rows of a packed B that are used at a time: a panel of them stays in the second cache.
const MAX_DEPTH: usize = 800;

/// So much of A is multiplied with all of B before the next rows are: it stays in the second cache.
const A_BYTES: usize = 1 << 20;

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
    c: MatMut<'_, T>,
    then: Then<'_, T>,
) {
    // The same parts of the depth whether B is copied or not, which depends on the number of rows.
    let most = if matches!(b, Right::Packed(_)) { MAX_DEPTH } else { panel_depth::<T, S>() };
    let (part, limit) = parts(a.depth(), a.segment(), most);
    let copies = match b {
        Right::View(b) => c.cols() % S::LANES != 0 || !in_place(a.rows(), &b),
        Right::Squares(_) => true,
        Right::Packed(_) => false,
    };
    // Only as much as is needed, roughly: it is cleared first.
    let needed = if copies { part * panel_width::<T, S>(c.cols()) } else { 0 };
    let product = Product { a, b, beta, c, then, part, limit, copies };
    if needed == 0 {
        product.run(simd, &mut []);
    } else if needed <= size_of::<S::SmallPanel>() / size_of::<T>() {
        product.run(simd, simd.small_panel().as_mut());
    } else {
        product.run_large(simd);
    }
}

/// A product, and how it is cut into parts.
struct Product<'a, T> {
    a: Left<'a, T>,
    b: Right<'a, T>,
    beta: Beta,
    c: MatMut<'a, T>,
    then: Then<'a, T>,
    part: usize,
    limit: usize,
    /// Whether panels of B are copied before they are used.
    copies: bool,
}

impl<T: Float> Product<'_, T> {
    // Not inlined: a stack frame of this size is touched page by page at each call.
    #[inline(never)]
    fn run_large<S: Simd<T>>(self, simd: S) {
        self.run(simd, simd.panel().as_mut());
    }

    fn run<S: Simd<T>>(self, simd: S, memory: &mut [T]) {
        let Self { a, b, beta, mut c, mut then, part, limit, copies } = self;
        let (rows, cols) = (a.rows(), c.cols());
        let most = A_BYTES / size_of::<T>();
        let chunk = if rows * part <= most { rows } else { even(rows, S::ROWS, most / part) };
        for start in (0..rows).step_by(chunk) {
            let rows = start..rows.min(start + chunk);
            for_panels::<T, S>(a.depth(), (part, limit), cols, |depth, panel, width| {
                let mut next: &[T] = &[];
                let mut next_stride = 0;
                let (b, b_stride) = match b {
                    Right::Packed(panels) => {
                        next = panels.get(panel.end * a.depth() + depth.start * width..).unwrap_or_default();
                        next = &next[..next.len().min(depth.len() * width)];
                        (&panels[panel.start * a.depth() + depth.start * width..], width)
                    }
                    Right::View(b) if !copies => {
                        (&b.as_slice()[depth.start * b.row_stride() + panel.start..], b.row_stride())
                    }
                    Right::View(b) => {
                        if b.col_stride() == 1 && panel.end < cols {
                            next = &b.as_slice()[depth.start * b.row_stride() + panel.end..];
                            next_stride = b.row_stride();
                        }
                        copy(simd, b, depth.clone(), panel.clone(), width, memory);
                        (&*memory, width)
                    }
                    Right::Squares(b) => {
                        copy(simd, b, depth.clone(), panel.clone(), width, memory);
                        memory[..depth.len() * width].iter_mut().for_each(|b| *b = *b * *b);
                        (&*memory, width)
                    }
                };
                let block = Block { a, segment: a.segment().min(part), b, b_stride, next, next_stride };
                block.run(simd, rows.clone(), depth, panel, beta, &mut c, &mut then);
            });
        }
    }
}

/// The length of the parts of a depth, none longer than `most`, and of the segments over whose end none
/// reaches, where parts are not of whole segments.
fn parts(depth: usize, segment: usize, most: usize) -> (usize, usize) {
    if segment >= depth {
        (even(depth, 1, most), usize::MAX)
    } else if segment > most {
        (even(segment, 1, most), segment)
    } else {
        (even(depth, segment, most), usize::MAX)
    }
}

/// The rows of a panel that fit its place on the stack.
fn panel_depth<T, S: Simd<T>>() -> usize {
    size_of::<S::Panel>() / size_of::<T>() / (S::VECS * S::LANES)
}

/// The number of panels of a matrix with so many columns: as few as can be.
pub(crate) fn panels<T, S: Simd<T>>(cols: usize) -> usize {
    cols.div_ceil(S::LANES).div_ceil(S::VECS)
}

/// The columns of a panel: whole registers, as equal as can be. The last one may be used in part.
pub(crate) fn panel<T, S: Simd<T>>(cols: usize, index: usize) -> Range<usize> {
    let start = |index| index * cols.div_ceil(S::LANES) / panels::<T, S>(cols) * S::LANES;
    start(index)..cols.min(start(index + 1))
}

/// The columns of the widest panel, in whole registers.
fn panel_width<T, S: Simd<T>>(cols: usize) -> usize {
    cols.div_ceil(S::LANES).div_ceil(panels::<T, S>(cols)) * S::LANES
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
    let mut p = 0;
    while p < depth {
        let end = depth.min(p.saturating_add(part)).min((p / segment + 1).saturating_mul(segment));
        for index in 0..panels::<T, S>(cols) {
            let panel = panel::<T, S>(cols, index);
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
    next: &'a [T],
    next_stride: usize,
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
                let (a, a_strides, a_step) = self.a.at(row, depth.start, S::ROWS);
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
                    next: self.next,
                    next_steps: if self.next.is_empty() {
                        (0, 0, 0)
                    } else if self.next_stride == 0 {
                        let step = (vecs * S::LANES).div_ceil(tiles);
                        (step * depth.len(), step, tiles)
                    } else {
                        let line = 64 / size_of::<T>();
                        (line, self.next_stride, vecs * S::LANES / line + 1)
                    },
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
