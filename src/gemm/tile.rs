//! The register tile: the micro-kernel of the blocked products.
#![allow(unsafe_code, reason = "one check for all of a tile's elements, instead of one for each")]

use core::ops::Range;

use num_traits::Float;

use super::destination::{Destination, finish_elements, finish_rows, load, prefetch_dest, store};
use super::factors::Left;
use crate::limits::MAX_LANES;
use crate::simd::Simd;

/// The most registers in a row of any instruction set's tile.
const MAX_VECS: usize = 3;

/// The kinds of tiles: which stride of A is known to be 1, that of its rows, of its columns, or none; and the one that copies
/// the panels of B, with none.
const ROWS: u8 = 0;
const COLS: u8 = 1;
const NONE: u8 = 2;
const COPY: u8 = 3;

/// What is multiplied: some rows of A, in whole tiles, by panels of B, each of whole registers. Of both the part
/// of the depth that `depth` says.
pub(super) struct Operands<'a, T> {
    pub(super) a: Left<'a, T>,
    pub(super) rows: Range<usize>,
    pub(super) depth: Range<usize>,
    pub(super) b: Panels<'a, T>,
    /// Where [`packing_kernel`] writes the panels, each row by row.
    pub(super) copy: &'a mut [T],
}

/// Panels of B, where B lies or packed.
#[derive(Clone, Copy)]
pub(super) struct Panels<'a, T> {
    pub(super) data: &'a [T],
    /// From one row of a panel to the next.
    pub(super) row_step: usize,
    /// From one panel to the next.
    pub(super) panel_step: usize,
}

impl<T> Panels<'_, T> {
    /// From the panel with this index on.
    #[inline(always)]
    fn from(self, index: usize) -> Self {
        Self { data: &self.data[index * self.panel_step..], ..self }
    }
}

pub(super) type MicroKernel<T, S> = fn(S, Operands<'_, T>, Destination<'_, T>);

/// The products of register tiles, each of so many rows and registers in a row, no more than the instruction set's
/// largest, for a left factor of these strides. (That the guards say so, too, leaves the others out of the program.)
pub(super) fn micro_kernel<T: Float, S: Simd<T>>(
    rows: usize,
    vecs: usize,
    strides: (usize, usize),
) -> MicroKernel<T, S> {
    match (rows, vecs) {
        (8, 3) if S::MR == 8 && S::NR_VECS == 3 => by_strides::<T, S, 8, 3>(strides),
        (8, 2) if S::MR == 8 => by_strides::<T, S, 8, 2>(strides),
        (6, 2) if S::MR == 6 => by_strides::<T, S, 6, 2>(strides),
        (8, 1) if S::MR == 8 => run::<T, S, 8, 1, NONE>,
        (6, 1) if S::MR == 6 => run::<T, S, 6, 1, NONE>,
        (4, 3) if S::NR_VECS == 3 => run::<T, S, 4, 3, NONE>,
        (4, 2) if S::MR == 6 => by_strides::<T, S, 4, 2>(strides),
        (4, 2) => run::<T, S, 4, 2, NONE>,
        (4, 1) => run::<T, S, 4, 1, NONE>,
        (2, 3) if S::NR_VECS == 3 => run::<T, S, 2, 3, NONE>,
        (2, 2) => run::<T, S, 2, 2, NONE>,
        (2, 1) => run::<T, S, 2, 1, NONE>,
        (_, 3) if S::NR_VECS == 3 => run::<T, S, 1, 3, NONE>,
        (_, 2) => run::<T, S, 1, 2, NONE>,
        _ => run::<T, S, 1, 1, NONE>,
    }
}

/// The largest tile, copying the panels while it multiplies by them: the units that load and store have time left, whereas
/// a copy before that takes as long as some 25 rows of the product.
pub(super) fn packing_kernel<T: Float, S: Simd<T>>(vecs: usize) -> Option<MicroKernel<T, S>> {
    match vecs {
        3 if S::BLOCKING.packs_in_tile && S::MR == 8 && S::NR_VECS == 3 => Some(run::<T, S, 8, 3, COPY>),
        2 if S::BLOCKING.packs_in_tile && S::MR == 8 => Some(run::<T, S, 8, 2, COPY>),
        _ => None,
    }
}

/// Of the tiles that most rows go in there is one for each kind of strides: with constants there is less to compute in the
/// innermost loop, 1 to 6 % of all time.
fn by_strides<T: Float, S: Simd<T>, const R: usize, const N: usize>(
    strides: (usize, usize),
) -> MicroKernel<T, S> {
    match strides {
        (1, _) => run::<T, S, R, N, ROWS>,
        (_, 1) => run::<T, S, R, N, COLS>,
        _ => run::<T, S, R, N, NONE>,
    }
}

// Not inlined: one copy of each tile serves all products.
//
// A panel is multiplied by some tiles' rows, then the next panel by the same rows: the panel is in the L1 cache
// meanwhile, the rows are in the L2 cache, and C is written along its rows.
#[inline(never)]
fn run<T: Float, S: Simd<T>, const R: usize, const N: usize, const KIND: u8>(
    simd: S,
    operands: Operands<'_, T>,
    mut dest: Destination<'_, T>,
) {
    simd.vectorize(
        #[inline(always)]
        || {
            let Operands { a, rows, depth, b, copy } = operands;
            let (width, all, strides) = (N * S::LANES, dest.cols, dest.strides);
            for mc in rows.clone().step_by(S::BLOCKING.mc_tiles * R) {
                let mc = mc..rows.end.min(mc + S::BLOCKING.mc_tiles * R);
                for (panel, col) in (0..all).step_by(width).enumerate() {
                    let b = b.from(panel);
                    for row in mc.clone().step_by(R) {
                        let place = (row - rows.start) * strides.0 + col * strides.1;
                        let prefetch = |i| prefetch_dest::<T, S, N>(simd, &dest, place + i * strides.0);
                        if !S::BLOCKING.spread_prefetch {
                            (0..R).for_each(prefetch);
                        }
                        let copy =
                            if KIND == COPY { &mut copy[panel * depth.len() * width..] } else { &mut [] };
                        let sums =
                            multiply::<T, S, R, N, KIND>(simd, &a, row, depth.clone(), b, copy, prefetch);
                        if strides.1 == 1 && col + width <= all {
                            finish_rows(simd, sums, &mut dest, place, col);
                        } else {
                            let mut memory = [[T::zero(); MAX_VECS * MAX_LANES]; R];
                            for i in 0..R {
                                store::<T, S, N>(simd, sums[i], &mut memory[i]);
                            }
                            finish_elements(
                                memory.as_flattened(),
                                MAX_VECS * MAX_LANES,
                                &mut dest,
                                place,
                                col..all.min(col + width),
                            );
                        }
                    }
                }
            }
        },
    );
}

/// The sums over the depth, each in its own order from first to last, of the rows from this one on. Where the destination
/// is prefetched meanwhile, `prefetch` is called with the number of one row after the other.
///
/// By pointers: checks in the innermost loop cost 5 to 8 % of all time, since comparisons and additions share
/// their ports with the multiply-adds. For the same reason the loop is unrolled; where it is not, a second pointer stays
/// four rows below the first one: the addresses of all rows are one or two registers then.
#[inline(always)]
fn multiply<T: Float, S: Simd<T>, const R: usize, const N: usize, const KIND: u8>(
    simd: S,
    a: &Left<'_, T>,
    row: usize,
    depth: Range<usize>,
    b: Panels<'_, T>,
    mut copy: &mut [T],
    prefetch: impl Fn(usize),
) -> [[S::V; N]; R] {
    let row_stride = if KIND == ROWS { 1 } else { a.strides.0 };
    let col_stride = if KIND == COLS { 1 } else { a.strides.1 };
    let width = N * S::LANES;
    let mut sums = [[simd.splat(T::zero()); N]; R];
    let (mut col, mut b, b_stride, mut prefetched) = (depth.start, b.data, b.row_step, 0);
    loop {
        // As far as the columns of A lie together, then on in the next block of them.
        let count = (depth.end - col).min(a.col_blocks.rest(col));
        let from = &a.data[a.offset(row, col)..];
        let last = count - 1;
        // Sizes and strides are those of views, whose places fit an `isize`: no product overflows. None of them comes from
        // T's arithmetic, nor from anything else that a caller can implement.
        assert!(last * col_stride + (R - 1) * row_stride < from.len());
        assert!(last * b_stride + width <= b.len());
        assert!(KIND != COPY || count * width <= copy.len());
        let (mut x, mut terms, mut left) = (from.as_ptr(), b.as_ptr(), count);
        let mut below = x.wrapping_add(4 * row_stride);
        let mut to = copy.as_mut_ptr();
        while left % S::BLOCKING.unroll != 0 {
            // SAFETY: as below.
            unsafe { step::<T, S, R, N, KIND>(simd, &mut sums, x, below, row_stride, terms, to) };
            to = to.wrapping_add(width);
            (x, below) = (x.wrapping_add(col_stride), below.wrapping_add(col_stride));
            terms = terms.wrapping_add(b_stride);
            left -= 1;
        }
        let between = left.div_ceil(R).next_multiple_of(S::BLOCKING.unroll);
        while left > 0 {
            let mut end = 0;
            if S::BLOCKING.spread_prefetch {
                prefetch(prefetched);
                (prefetched, end) = (prefetched + 1, left.saturating_sub(between));
            }
            while left > end {
                for p in 0..S::BLOCKING.unroll {
                    let terms = terms.wrapping_add(p * b_stride);
                    let (x, below) = (x.wrapping_add(p * col_stride), below.wrapping_add(p * col_stride));
                    if S::BLOCKING.prefetch_ahead > 0 {
                        for v in 0..N {
                            simd.prefetch(
                                terms.wrapping_add(S::BLOCKING.prefetch_ahead * b_stride + v * S::LANES),
                            );
                        }
                    }
                    // SAFETY: this is at most `last` columns of A, rows of B and rows of the copy further than at the
                    // start, and it has been asserted that these are in the slices.
                    unsafe { step::<T, S, R, N, KIND>(simd, &mut sums, x, below, row_stride, terms, to) };
                    to = to.wrapping_add(width);
                }
                let next = S::BLOCKING.unroll * col_stride;
                (x, below) = (x.wrapping_add(next), below.wrapping_add(next));
                terms = terms.wrapping_add(S::BLOCKING.unroll * b_stride);
                left -= S::BLOCKING.unroll;
            }
        }
        col += count;
        if col >= depth.end {
            return sums;
        }
        b = &b[count * b_stride..];
        if KIND == COPY {
            copy = &mut copy[count * width..];
        }
    }
}

/// One column of A times one row of B, added to the sums; and a copy of that row, if one is wanted.
///
/// # Safety
///
/// The `R` elements that are `row_stride` apart from `x` on are readable, and so are `N` registers from `terms` on. To copy
/// them, as many from `to` on are writable, and nobody else's.
#[inline(always)]
unsafe fn step<T: Float, S: Simd<T>, const R: usize, const N: usize, const KIND: u8>(
    simd: S,
    sums: &mut [[S::V; N]; R],
    x: *const T,
    below: *const T,
    row_stride: usize,
    terms: *const T,
    to: *mut T,
) {
    // SAFETY: the caller's promise.
    let terms = load::<T, S, N>(simd, unsafe { core::slice::from_raw_parts(terms, N * S::LANES) });
    if KIND == COPY {
        // SAFETY: the caller's promise.
        store::<T, S, N>(simd, terms, unsafe { core::slice::from_raw_parts_mut(to, N * S::LANES) });
    }
    for i in 0..R {
        // Unrolled, the second pointer would be one register too many.
        let x = if i < 4 || S::BLOCKING.unroll > 1 {
            x.wrapping_add(i * row_stride)
        } else {
            below.wrapping_add((i - 4) * row_stride)
        };
        // SAFETY: the caller's promise.
        let x = simd.splat(unsafe { *x });
        for v in 0..N {
            sums[i][v] = simd.mul_add(x, terms[v], sums[i][v]);
        }
    }
}
