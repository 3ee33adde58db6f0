//! The register tile: the only place where products are summed.
#![allow(unsafe_code, reason = "one check for all of a tile's elements, instead of one for each")]

use core::ops::Range;

use num_traits::Float;

use super::Beta;
use super::factors::Left;
use crate::kink::Kink;
use crate::simd::{MAX_LANES, Simd};

/// The most rows, and registers in a row, of any instruction set's tile.
const MAX_VECS: usize = 3;

/// So many rows of B are asked for ahead.
const AHEAD: usize = 32;

/// What is multiplied: some rows of A, in whole tiles, by panels of B, each of whole registers. Of both the part
/// of the depth that `depth` says.
pub(super) struct Factors<'a, T> {
    pub(super) a: Left<'a, T>,
    pub(super) rows: Range<usize>,
    pub(super) depth: Range<usize>,
    pub(super) b: &'a [T],
    /// From one row of a panel to the next, and from one panel to the next.
    pub(super) b_steps: (usize, usize),
}

/// What happens to an element of the product when its sum is complete.
pub(crate) enum Then<'a, T> {
    /// It stays as it is.
    Nothing,
    /// (1), (2): it becomes z = sum + bias, and a = max(0, z) goes to the same place of `a`.
    Activate { kink: Kink, bias: &'a [T], a: &'a mut [T] },
    /// (14): it becomes I * sum. The pre-activation is at the same place of `z`, or where the result goes.
    Mask { kink: Kink, z: Option<&'a [T]> },
}

impl<T> Then<'_, T> {
    /// The same for the part of the result that begins `offset` further in memory, in column `col`.
    pub(super) fn at(&mut self, offset: usize, col: usize) -> Then<'_, T> {
        match self {
            Then::Nothing => Then::Nothing,
            Then::Activate { kink, bias, a } => {
                Then::Activate { kink: *kink, bias: &bias[col..], a: &mut a[offset..] }
            }
            Then::Mask { kink, z } => Then::Mask { kink: *kink, z: z.map(|z| &z[offset..]) },
        }
    }
}

/// Where the sums go: `cols` columns of C from `c[0]` on.
pub(super) struct Target<'a, T> {
    pub(super) c: &'a mut [T],
    pub(super) strides: (usize, usize),
    pub(super) cols: usize,
    pub(super) beta: Beta,
    pub(super) then: Then<'a, T>,
}

impl<T> Target<'_, T> {
    /// The same for the rows from this one on, and for these columns.
    fn at(&mut self, row: usize, cols: Range<usize>) -> Target<'_, T> {
        let offset = row * self.strides.0 + cols.start * self.strides.1;
        let then = self.then.at(offset, cols.start);
        Target { c: &mut self.c[offset..], strides: self.strides, cols: cols.len(), beta: self.beta, then }
    }
}

pub(super) type Sweep<T, S> = fn(S, Factors<'_, T>, Target<'_, T>);

/// The products of register tiles, each of so many rows and registers in a row, no more than the instruction
/// set's largest; `adjacent` says whether the rows of A lie side by side. (That the guards say so, too, leaves the
/// others out of the program.)
pub(super) fn sweep<T: Float, S: Simd<T>>(rows: usize, vecs: usize, adjacent: bool) -> Sweep<T, S> {
    match (rows, vecs) {
        // As they do in packed panels: there is less to compute in the innermost loop then, 3 % of all time.
        (8, 3) if S::ROWS == 8 && S::VECS >= 3 && adjacent => run::<T, S, 8, 3, true>,
        (8, 2) if S::ROWS == 8 && adjacent => run::<T, S, 8, 2, true>,
        (4, 3) if S::ROWS == 4 && S::VECS >= 3 && adjacent => run::<T, S, 4, 3, true>,
        (4, 2) if S::ROWS == 4 && S::VECS >= 3 && adjacent => run::<T, S, 4, 2, true>,
        (8, 3) if S::ROWS >= 8 && S::VECS >= 3 => run::<T, S, 8, 3, false>,
        (8, 2) if S::ROWS >= 8 => run::<T, S, 8, 2, false>,
        (8, 1) if S::ROWS >= 8 => run::<T, S, 8, 1, false>,
        (4, 3) if S::VECS >= 3 => run::<T, S, 4, 3, false>,
        (4, 2) => run::<T, S, 4, 2, false>,
        (4, 1) => run::<T, S, 4, 1, false>,
        (2, 3) if S::VECS >= 3 => run::<T, S, 2, 3, false>,
        (2, 2) => run::<T, S, 2, 2, false>,
        (2, 1) => run::<T, S, 2, 1, false>,
        (_, 3) if S::VECS >= 3 => run::<T, S, 1, 3, false>,
        (_, 2) => run::<T, S, 1, 2, false>,
        _ => run::<T, S, 1, 1, false>,
    }
}

// Not inlined: one copy of each tile serves all products.
//
// All panels are multiplied by a tile's rows before the next tile's turn comes: the panels stay in the second
// cache, the rows in the first, and C is written along its rows.
#[inline(never)]
fn run<T: Float, S: Simd<T>, const R: usize, const N: usize, const ADJACENT: bool>(
    simd: S,
    factors: Factors<'_, T>,
    mut target: Target<'_, T>,
) {
    simd.vectorize(
        #[inline(always)]
        || {
            let Factors { a, rows, depth, b, b_steps: (b_stride, b_next) } = factors;
            let (width, all) = (N * S::LANES, target.cols);
            for row in rows.clone().step_by(R) {
                for (panel, start) in (0..all).step_by(width).enumerate() {
                    let b = (&b[panel * b_next..], b_stride);
                    let target = target.at(row - rows.start, start..all.min(start + width));
                    let whole = target.strides.1 == 1 && target.cols == width;
                    ask_for::<T, S, R, N>(simd, &target);
                    let sums = multiply::<T, S, R, N, ADJACENT>(simd, &a, row, depth.clone(), b);
                    if whole {
                        finish_rows(simd, sums, target);
                    } else {
                        let mut memory = [[T::zero(); MAX_VECS * MAX_LANES]; R];
                        for i in 0..R {
                            store::<T, S, N>(simd, sums[i], &mut memory[i]);
                        }
                        finish_elements(&memory, target);
                    }
                }
            }
        },
    );
}

/// Asks for the places of the sums, so that they are at hand when those are complete.
#[inline(always)]
fn ask_for<T: Float, S: Simd<T>, const R: usize, const N: usize>(simd: S, target: &Target<'_, T>) {
    let (c, stride) = (target.c.as_ptr(), target.strides.0);
    for i in 0..R {
        for v in 0..N {
            simd.prefetch(c.wrapping_add(i * stride + v * S::LANES));
            if let Then::Activate { a, .. } = &target.then {
                simd.prefetch(a.as_ptr().wrapping_add(i * stride + v * S::LANES));
            }
        }
    }
}

/// The sums over the depth, each in its own order from first to last, of the rows from this one on.
///
/// By pointers: checks in the innermost loop cost 5 to 8 % of all time, since comparisons and additions share
/// their ports with the multiply-adds. For the same reason a second pointer stays four rows below the first one: the
/// addresses of all rows are one or two registers then.
#[inline(always)]
fn multiply<T: Float, S: Simd<T>, const R: usize, const N: usize, const ADJACENT: bool>(
    simd: S,
    a: &Left<'_, T>,
    row: usize,
    depth: Range<usize>,
    (b, b_stride): (&[T], usize),
) -> [[S::V; N]; R] {
    let (row_stride, col_stride) = (if ADJACENT { 1 } else { a.strides.0 }, a.strides.1);
    let width = N * S::LANES;
    let mut sums = [[simd.splat(T::zero()); N]; R];
    let (mut col, mut b) = (depth.start, b);
    // Both loops are left at their ends: with a question at the start, the compiler keeps the sums before it and
    // those after it, and there are registers for one of them.
    loop {
        // As far as the columns of A lie together, then on in the next block of them.
        let count = (depth.end - col).min(a.col_blocks.rest(col));
        let from = &a.data[a.offset(row, col)..];
        let last = count - 1;
        assert!(last * col_stride + (R - 1) * row_stride < from.len());
        assert!(last * b_stride + width <= b.len());
        let (mut x, mut terms, mut left) = (from.as_ptr(), b.as_ptr(), count);
        let mut x_below = x.wrapping_add(4 * row_stride);
        loop {
            for v in 0..N {
                simd.prefetch(terms.wrapping_add(AHEAD * b_stride + v * S::LANES));
            }
            // SAFETY: in the p-th round, p <= `last`, this is p rows further than at the start, and it has been
            // asserted that row `last` is in the slice.
            let row = load::<T, S, N>(simd, unsafe { core::slice::from_raw_parts(terms, width) });
            for i in 0..R {
                let x = if i < 4 {
                    x.wrapping_add(i * row_stride)
                } else {
                    x_below.wrapping_add((i - 4) * row_stride)
                };
                // SAFETY: likewise with i < R, element (R - 1, `last`) being the furthest.
                let x = simd.splat(unsafe { *x });
                for v in 0..N {
                    sums[i][v] = simd.mul_add(x, row[v], sums[i][v]);
                }
            }
            (x, x_below) = (x.wrapping_add(col_stride), x_below.wrapping_add(col_stride));
            terms = terms.wrapping_add(b_stride);
            left -= 1;
            if left == 0 {
                break;
            }
        }
        col += count;
        if col >= depth.end {
            return sums;
        }
        b = &b[count * b_stride..];
    }
}

/// Whole registers, rows contiguous.
///
/// Each loop is short enough to be unrolled: an index into `sums` that is not a constant would keep them in
/// memory, in `multiply`, too.
#[inline(always)]
fn finish_rows<T: Float, S: Simd<T>, const R: usize, const N: usize>(
    simd: S,
    mut sums: [[S::V; N]; R],
    target: Target<'_, T>,
) {
    let Target { c, strides: (stride, _), beta, then, .. } = target;
    if beta == Beta::One {
        for i in 0..R {
            let old = load::<T, S, N>(simd, &c[i * stride..]);
            for v in 0..N {
                sums[i][v] = simd.add(old[v], sums[i][v]);
            }
        }
    }
    match then {
        Then::Nothing => {}
        Then::Activate { kink, bias, a } => {
            let bias = load::<T, S, N>(simd, bias);
            for i in 0..R {
                for v in 0..N {
                    sums[i][v] = simd.add(sums[i][v], bias[v]);
                }
            }
            let mut active = sums;
            for i in 0..R {
                for v in 0..N {
                    active[i][v] = simd.keep_active(kink, sums[i][v], sums[i][v]);
                }
            }
            for i in 0..R {
                store::<T, S, N>(simd, active[i], &mut a[i * stride..]);
            }
        }
        Then::Mask { kink, z } => {
            let z = z.unwrap_or(c);
            for i in 0..R {
                let z = load::<T, S, N>(simd, &z[i * stride..]);
                for v in 0..N {
                    sums[i][v] = simd.keep_active(kink, z[v], sums[i][v]);
                }
            }
        }
    }
    for i in 0..R {
        store::<T, S, N>(simd, sums[i], &mut c[i * stride..]);
    }
}

#[inline(always)]
fn load<T, S: Simd<T>, const N: usize>(simd: S, from: &[T]) -> [S::V; N] {
    let from = &from[..N * S::LANES];
    core::array::from_fn(|v| simd.load(&from[v * S::LANES..]))
}

#[inline(always)]
fn store<T, S: Simd<T>, const N: usize>(simd: S, row: [S::V; N], to: &mut [T]) {
    let to = &mut to[..N * S::LANES];
    for v in 0..N {
        simd.store(row[v], &mut to[v * S::LANES..]);
    }
}

/// Any strides, any number of columns: by way of memory. Down the columns, because only those are contiguous
/// where rows are not.
fn finish_elements<T: Float, const R: usize>(sums: &[[T; MAX_VECS * MAX_LANES]; R], target: Target<'_, T>) {
    let Target { c, strides: (row_stride, col_stride), cols, beta, mut then } = target;
    for j in 0..cols {
        for i in 0..R {
            let place = i * row_stride + j * col_stride;
            let c = &mut c[place];
            let sum = if beta == Beta::One { *c + sums[i][j] } else { sums[i][j] };
            *c = match &mut then {
                Then::Nothing => sum,
                Then::Activate { kink, bias, a } => {
                    let z = sum + bias[j];
                    a[place] = if kink.is_active(z) { z } else { T::zero() };
                    z
                }
                Then::Mask { kink, z } => {
                    if kink.is_active(z.map_or(*c, |z| z[place])) {
                        sum
                    } else {
                        T::zero()
                    }
                }
            };
        }
    }
}
