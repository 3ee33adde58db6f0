//! The crate's own products: loops over panels and register tiles, packing where it pays, and what can be
//! done to the result while it is still in registers.

use core::ops::Range;

use num_traits::Float;

use super::epilogue::Epilogue;
use super::factors::{Left, Right};
use super::packing::copy;
use super::panels::widths;
use super::product::Beta;
use super::tile::{Factors, Sweep, Target, copying, sweep};
use crate::data::{MatMut, MatRef};
use crate::limits::FAR_STRIDE;
use crate::simd::Simd;

/// C = A B, or C + A B, then the epilogue. The sizes must go together. `room` is for copies of parts of B, of any
/// length: the more panels fit there, the better. What it holds afterwards is unspecified.
///
/// Each sum is formed in an order that depends on the depth alone: not on how the rows or columns of the
/// product are cut up, nor on the room.
pub(crate) fn product<T: Float, S: Simd<T>>(
    simd: S,
    a: Left<'_, T>,
    b: Right<'_, T>,
    beta: Beta,
    c: MatMut<'_, T>,
    epilogue: Epilogue<'_, T>,
    room: &mut [T],
) {
    let part = even(a.depth, S::BLOCKING.depth).next_multiple_of(S::BLOCKING.steps);
    let copies = match b {
        Right::View(b) => c.cols() % S::LANES != 0 || !in_place(a.rows, &b),
        Right::Squares(_) => true,
        Right::Packed(_) => false,
    };
    let panel = part * widths::<T, S>(c.cols())[0].1 * S::LANES;
    let product = Product { a, b, beta, c, epilogue, part, copies };
    if !copies || panel <= room.len() {
        product.run(simd, room);
    } else if panel <= size_of::<S::SmallPanel>() / size_of::<T>() {
        product.run(simd, simd.small_panel().as_mut());
    } else {
        product.run_on_stack(simd);
    }
}

/// A product, and how it is cut into parts.
struct Product<'a, T> {
    a: Left<'a, T>,
    b: Right<'a, T>,
    beta: Beta,
    c: MatMut<'a, T>,
    epilogue: Epilogue<'a, T>,
    /// The longest part of the depth.
    part: usize,
    /// Whether panels of B are copied to the room, before they are used or by the tile that uses them first.
    copies: bool,
}

impl<T: Float> Product<'_, T> {
    // Not inlined: a stack frame of this size is touched page by page at each call.
    #[inline(never)]
    fn run_on_stack<S: Simd<T>>(self, simd: S) {
        self.run(simd, simd.panel().as_mut());
    }

    fn run<S: Simd<T>>(mut self, simd: S, room: &mut [T]) {
        let (depth, cols) = (self.a.depth, self.c.cols());
        for p in (0..depth).step_by(self.part) {
            let depth = p..depth.min(p + self.part);
            let mut col = 0;
            for (panels, vecs) in widths::<T, S>(cols) {
                let width = vecs * S::LANES;
                let most = simd.block_bytes() / size_of::<T>();
                let most = if self.copies { most.min(room.len()) } else { most };
                let most = (most / (self.part * width)).max(1);
                let end = cols.min(col + panels * width);
                while col < end {
                    let cols = col..end.min(col + most * width);
                    self.block(simd, (depth.clone(), cols.clone(), vecs), room);
                    col = cols.end;
                }
            }
        }
    }

    /// All rows of A times some panels of B of one width.
    fn block<S: Simd<T>>(
        &mut self,
        simd: S,
        (depth, cols, vecs): (Range<usize>, Range<usize>, usize),
        room: &mut [T],
    ) {
        let (width, mut row) = (vecs * S::LANES, 0);
        let part = (&depth, &cols);
        let (b, b_steps) = match self.b {
            Right::Packed(panels) => {
                (&panels[cols.start * self.a.depth + depth.start * width..], (width, self.a.depth * width))
            }
            Right::View(b) if !self.copies => (part_of(&b, part), (b.row_stride(), width)),
            Right::View(b) | Right::Squares(b) => {
                let room = &mut room[..depth.len() * cols.len().next_multiple_of(width)];
                if let Some(copying) = self.first_tile::<S>(&cols, vecs) {
                    row = S::ROWS;
                    let b = (part_of(&b, part), (b.row_stride(), width));
                    self.rows(simd, copying, 0..row, part, b, room);
                } else {
                    copy(simd, b, depth.clone(), cols.clone(), width, room);
                }
                if matches!(self.b, Right::Squares(_)) {
                    room.iter_mut().for_each(|b| *b = *b * *b);
                }
                (&*room, (width, depth.len() * width))
            }
        };
        while row < self.a.rows {
            // As far as the rows of A lie together, unless tiles end where they do: in the largest tiles as far as
            // those go, then in smaller ones.
            let blocks = self.a.row_blocks;
            let in_tiles = blocks.len % S::ROWS == 0;
            let together = if in_tiles { usize::MAX } else { blocks.rest(row) };
            let end = row + together.min(self.a.rows - row);
            let mut tile = S::ROWS;
            // Rather four and four rows than six and two: the sums of two are too few to hide the latency of a multiply-add.
            let fours = tile == 6 && !in_tiles && matches!((end - row) % 6, 2 | 3);
            while row < end {
                let left = end - row;
                let most = if fours && tile == 6 { left.saturating_sub(6) } else { left };
                let rows = row..row + most - most % tile;
                if !rows.is_empty() {
                    row = rows.end;
                    let sweep = sweep::<T, S>(tile, vecs, self.a.strides);
                    self.rows(simd, sweep, rows, part, (b, b_steps), &mut []);
                }
                tile = (tile / 2).next_power_of_two();
            }
        }
    }

    /// The tile that copies these panels of B while it multiplies the first rows of A by them, if that can be done.
    fn first_tile<S: Simd<T>>(&self, cols: &Range<usize>, vecs: usize) -> Option<Sweep<T, S>> {
        let Right::View(b) = self.b else { return None };
        let whole = cols.len() % S::LANES == 0 && self.a.row_blocks.rest(0).min(self.a.rows) >= S::ROWS;
        if whole && b.col_stride() == 1 { copying::<T, S>(vecs) } else { None }
    }

    /// Some rows of A, in whole tiles.
    #[inline(always)]
    fn rows<S: Simd<T>>(
        &mut self,
        simd: S,
        sweep: Sweep<T, S>,
        rows: Range<usize>,
        (depth, cols): (&Range<usize>, &Range<usize>),
        (b, b_steps): (&[T], (usize, usize)),
        copy: &mut [T],
    ) {
        let strides = (self.c.row_stride(), self.c.col_stride());
        let offset = rows.start * strides.0 + cols.start * strides.1;
        let beta = if depth.start == 0 { self.beta } else { Beta::One };
        let last = depth.end == self.a.depth;
        let epilogue = if last { self.epilogue.at(offset, cols.start) } else { Epilogue::None };
        let c = &mut self.c.as_mut_slice()[offset..];
        let factors = Factors { a: self.a, rows, depth: depth.clone(), b, b_steps, copy };
        let target = Target { c, strides, cols: cols.len(), beta, epilogue };
        sweep(simd, factors, target);
    }
}

/// A part of B from its first element on.
fn part_of<'b, T>(b: &MatRef<'b, T>, (depth, cols): (&Range<usize>, &Range<usize>)) -> &'b [T] {
    &b.as_slice()[depth.start * b.row_stride() + cols.start..]
}

/// The length of the parts of a depth: equal ones, none longer than `most`.
fn even(depth: usize, most: usize) -> usize {
    depth.div_ceil(depth.div_ceil(most))
}

/// Whether B is as well read where it lies.
fn in_place<T>(rows: usize, b: &MatRef<'_, T>) -> bool {
    b.col_stride() == 1 && (b.row_stride() < FAR_STRIDE || rows <= 64 || b.rows() < 16)
}
