//! The innermost loops of products without zeros: rows of A, each alone, times a piece of B.

use core::ops::Range;

use num_traits::Float;

use super::destination::{Destination, finish_elements, finish_rows, load, prefetch_dest, store};
use super::factors::Left;
use super::panels::numbers_in;
use super::product::{AlphaBeta, Beta};
use crate::limits::MAX_LANES;
use crate::simd::{self, Simd};

/// The bytes of a cache line.
pub(super) const LINE: usize = 64;

/// So many rows of B are prefetched ahead while they are copied.
const ROWS_AHEAD: usize = 4;

/// So many rows ahead the elements of A are prefetched.
const TERMS_AHEAD: usize = 4;

/// So many rows ahead the places of the sums are prefetched: each may lie in a page of its own.
const SUMS_AHEAD: usize = 2;

/// Some rows of a panel of B, and how far they are apart.
pub(super) enum Piece<'p, T> {
    Ready {
        rows: &'p [T],
        step: usize,
    },
    /// To be copied before: in whole registers.
    Copy {
        rows: &'p [T],
        step: usize,
        to: &'p mut [T],
    },
}

/// Some rows of A times a piece of B.
pub(super) struct Terms<'a, T> {
    pub(super) a: Left<'a, T>,
    pub(super) rows: Range<usize>,
    pub(super) depth: Range<usize>,
    /// A bit for each term of each row.
    pub(super) masks: &'a [u64],
    /// Whether the sums begin here.
    pub(super) is_first: bool,
}

/// Adds the terms to the sums, or hands those on where they are complete: to the columns from this one on.
pub(super) type Kernel<T, S> =
    fn(S, &Terms<'_, T>, Piece<'_, T>, &mut [T], usize, Option<Destination<'_, T>>);

/// For panels of so many registers, no more than the instruction set's largest. (That the guards say so, too, leaves the others
/// out of the program.)
pub(super) fn kernel<T: Float, S: Simd<T>>(vecs: usize) -> Kernel<T, S> {
    let most = S::BLOCKING.masked_vecs;
    match vecs {
        12 if most >= 12 => rows::<T, S, 12>,
        11 if most >= 11 => rows::<T, S, 11>,
        10 if most >= 10 => rows::<T, S, 10>,
        9 if most >= 9 => rows::<T, S, 9>,
        8 if most >= 8 => rows::<T, S, 8>,
        7 if most >= 7 => rows::<T, S, 7>,
        6 if most >= 6 => rows::<T, S, 6>,
        5 if most >= 5 => rows::<T, S, 5>,
        4 => rows::<T, S, 4>,
        3 => rows::<T, S, 3>,
        2 => rows::<T, S, 2>,
        _ => rows::<T, S, 1>,
    }
}

// Not inlined: one copy of each serves all products.
#[inline(never)]
fn rows<T: Float, S: Simd<T>, const N: usize>(
    simd: S,
    terms: &Terms<'_, T>,
    piece: Piece<'_, T>,
    sums: &mut [T],
    col: usize,
    mut dest: Option<Destination<'_, T>>,
) {
    simd.vectorize(
        #[inline(always)]
        || {
            let width = N * S::LANES;
            let (a, a_step) = (&terms.a, terms.a.strides.1);
            let (b, b_step) = match piece {
                Piece::Ready { rows, step } => (rows, step),
                Piece::Copy { rows, step, to } => {
                    copy_rows::<T, S, N>(simd, rows, step, &mut to[..terms.depth.len() * width]);
                    (&*to, width)
                }
            };
            let (mut together, mut offset) = (0, 0);
            for (index, row) in terms.rows.clone().enumerate() {
                if together == 0 {
                    (together, offset) = (a.row_blocks.rest(row), a.offset(row, terms.depth.start));
                }
                let from = &a.data[offset..];
                (together, offset) = (together - 1, offset + a.strides.0);
                prefetch_terms(simd, from, row, terms.depth.len(), a.strides);
                let mask = terms.masks[index];
                if mask == 0 && !terms.is_first && dest.is_none() {
                    continue;
                }
                let memory = &mut sums[index * width..][..width];
                let sums = if terms.is_first { [simd.splat(T::zero()); N] } else { load(simd, memory) };
                let sums = add::<T, S, N>(simd, sums, mask, from, a_step, b, b_step);
                match &mut dest {
                    None => store(simd, sums, memory),
                    Some(dest) => {
                        let place = row * dest.strides.0 + col * dest.strides.1;
                        prefetch_dest::<T, S, N>(simd, dest, place + SUMS_AHEAD * dest.strides.0);
                        if dest.strides.1 == 1 && col + width <= dest.cols {
                            finish_rows(simd, [sums], dest, place, col);
                        } else {
                            store(simd, sums, memory);
                            finish_elements(memory, width, dest, place, col..dest.cols);
                        }
                    }
                }
            }
        },
    );
}

/// Prefetches what is going to be read of A: rows that are contiguous, some rows ahead; or of columns that are, for the rows
/// in the next cache line a share of it.
#[inline(always)]
fn prefetch_terms<T, S: Simd<T>>(
    simd: S,
    from: &[T],
    row: usize,
    depth: usize,
    (row_stride, col_stride): (usize, usize),
) {
    let (from, line) = (from.as_ptr(), numbers_in::<T>(LINE).max(1));
    if col_stride == 1 {
        for p in (0..depth).step_by(line) {
            simd.prefetch(from.wrapping_add(TERMS_AHEAD * row_stride + p));
        }
    } else if row_stride == 1 && col_stride > line {
        for p in (row % line..depth).step_by(line) {
            simd.prefetch(from.wrapping_add(line + p * col_stride));
        }
    }
}

/// Copies rows of N registers, which are so far apart.
#[inline(always)]
fn copy_rows<T: Float, S: Simd<T>, const N: usize>(simd: S, from: &[T], step: usize, to: &mut [T]) {
    for (p, to) in to.chunks_exact_mut(N * S::LANES).enumerate() {
        store::<T, S, N>(simd, load(simd, &from[p * step..]), to);
        for v in 0..N {
            simd.prefetch(from.as_ptr().wrapping_add((p + ROWS_AHEAD) * step + v * S::LANES));
        }
    }
}

/// The sums and the terms of a row whose bits are set, in their order.
#[inline(always)]
fn add<T: Float, S: Simd<T>, const N: usize>(
    simd: S,
    mut sums: [S::V; N],
    mut mask: u64,
    a: &[T],
    a_step: usize,
    b: &[T],
    b_step: usize,
) -> [S::V; N] {
    while mask != 0 {
        let p = mask.trailing_zeros() as usize;
        mask &= mask - 1;
        let (a, b) = (simd.splat(a[p * a_step]), &b[p * b_step..][..N * S::LANES]);
        for v in 0..N {
            sums[v] = simd.mul_add(a, simd.load(&b[v * S::LANES..]), sums[v]);
        }
    }
    sums
}

/// Sums whose rows are so wide, of which so many columns are used.
pub(super) struct Sums<'a, T> {
    pub(super) data: &'a [T],
    pub(super) width: usize,
    pub(super) cols: usize,
}

/// Stores sums where columns of C may be the contiguous ones: by squares of registers.
pub(super) fn store_transposed<T: Float, S: Simd<T>>(
    simd: S,
    sums: Sums<'_, T>,
    onto: AlphaBeta<T>,
    (row_stride, col_stride): (usize, usize),
    c: &mut [T],
) {
    let Sums { data, width, cols } = sums;
    let rows = data.len() / width;
    simd.vectorize(
        #[inline(always)]
        || {
            for row in (0..rows).step_by(S::LANES) {
                let count = S::LANES.min(rows - row);
                for col in (0..cols).step_by(S::LANES) {
                    let mut square = [simd.splat(T::zero()); MAX_LANES];
                    for i in 0..S::LANES {
                        // The last row more often if there are no more: those columns are not used.
                        let sums = simd.load(&data[(row + i.min(count - 1)) * width + col..]);
                        square[i] = onto.scaled(simd, sums);
                    }
                    square = simd::transpose(simd, square);
                    for j in 0..S::LANES.min(cols - col) {
                        let c = &mut c[row * row_stride + (col + j) * col_stride..];
                        if row_stride == 1 && count == S::LANES {
                            let new = if onto.beta == Beta::One {
                                simd.add(simd.load(c), square[j])
                            } else {
                                square[j]
                            };
                            simd.store(new, c);
                        } else {
                            let mut column = [T::zero(); MAX_LANES];
                            simd.store(square[j], &mut column);
                            let c = c.iter_mut().step_by(row_stride).zip(&column[..count]);
                            c.for_each(|(c, &sum)| *c = if onto.beta == Beta::One { *c + sum } else { sum });
                        }
                    }
                }
            }
        },
    );
}
