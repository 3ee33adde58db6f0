//! The register tile: the only place where products are summed.
#![allow(unsafe_code, reason = "one check for all of a tile's elements, instead of one for each")]

use num_traits::Float;

use super::Beta;
use crate::kink::Kink;
use crate::simd::{MAX_LANES, Simd};

/// The most rows, and registers in a row, of any instruction set's tile.
const MAX_VECS: usize = 3;

/// So many rows of B are asked for ahead.
const AHEAD: usize = 32;

/// What is multiplied: `tiles` times R rows of A, element (i, p) of a tile at
/// `a[i * a_strides.0 + p * a_strides.1]` and the next tile `a_next` further, and as many rows of B as `depth`
/// says, row p from `b[p * b_stride]` on, of whole registers.
///
/// The depth is cut into segments, each of which begins `a_step` after the one before in A.
pub(super) struct Factors<'a, T> {
    pub(super) tiles: usize,
    pub(super) depth: usize,
    pub(super) segment: usize,
    pub(super) a: &'a [T],
    pub(super) a_strides: (usize, usize),
    pub(super) a_next: usize,
    pub(super) a_step: usize,
    pub(super) b: &'a [T],
    pub(super) b_stride: usize,
    /// What will be B next, if it is far away: it is asked for meanwhile, a part of it in each tile.
    pub(super) next: &'a [T],
    /// From one tile to the next, and from one step to the next, and in how many tiles.
    pub(super) next_steps: (usize, usize, usize),
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
    /// The same for the rows from this one on.
    fn at_row(&mut self, row: usize) -> Target<'_, T> {
        let offset = row * self.strides.0;
        let Self { strides, cols, beta, .. } = *self;
        Target { c: &mut self.c[offset..], strides, cols, beta, then: self.then.at(offset, 0) }
    }
}

pub(super) type Sweep<T, S> = fn(S, Factors<'_, T>, Target<'_, T>);

/// The products of a column of register tiles, each of so many rows and registers in a row, no more than the
/// instruction set's largest. (That the guards say so, too, leaves the others out of the program.)
pub(super) fn sweep<T: Float, S: Simd<T>>(rows: usize, vecs: usize) -> Sweep<T, S> {
    match (rows, vecs) {
        (8, 3) if S::ROWS >= 8 && S::VECS >= 3 => run::<T, S, 8, 3>,
        (8, 2) if S::ROWS >= 8 => run::<T, S, 8, 2>,
        (8, 1) if S::ROWS >= 8 => run::<T, S, 8, 1>,
        (4, 3) if S::VECS >= 3 => run::<T, S, 4, 3>,
        (4, 2) => run::<T, S, 4, 2>,
        (4, 1) => run::<T, S, 4, 1>,
        (2, 3) if S::VECS >= 3 => run::<T, S, 2, 3>,
        (2, 2) => run::<T, S, 2, 2>,
        (2, 1) => run::<T, S, 2, 1>,
        (_, 3) if S::VECS >= 3 => run::<T, S, 1, 3>,
        (_, 2) => run::<T, S, 1, 2>,
        _ => run::<T, S, 1, 1>,
    }
}

// Not inlined: one copy of each tile serves all products.
#[inline(never)]
fn run<T: Float, S: Simd<T>, const R: usize, const N: usize>(
    simd: S,
    factors: Factors<'_, T>,
    mut target: Target<'_, T>,
) {
    simd.vectorize(
        #[inline(always)]
        || {
            let whole = target.strides.1 == 1 && target.cols == N * S::LANES;
            for tile in 0..factors.tiles {
                let a = &factors.a[tile * factors.a_next..];
                let (by_tile, step, tiles) = factors.next_steps;
                let next = if tile < tiles {
                    (factors.next.as_ptr().wrapping_add(tile * by_tile), step)
                } else {
                    (factors.b.as_ptr(), 0)
                };
                let target = target.at_row(tile * R);
                if whole {
                    ask_for::<T, S, R, N>(simd, &target);
                    let sums = multiply::<T, S, R, N>(simd, &factors, a, next);
                    finish_rows(simd, sums, target);
                } else {
                    let mut memory = [[T::zero(); MAX_VECS * MAX_LANES]; R];
                    let sums = multiply::<T, S, R, N>(simd, &factors, a, next);
                    for i in 0..R {
                        store::<T, S, N>(simd, sums[i], &mut memory[i]);
                    }
                    finish_elements(&memory, target);
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

/// The sums over the depth, each in its own order from first to last.
///
/// By pointers: checks in the innermost loop cost 5 to 8 % of all time, since comparisons and additions share
/// their ports with the multiply-adds.
#[inline(always)]
fn multiply<T: Float, S: Simd<T>, const R: usize, const N: usize>(
    simd: S,
    factors: &Factors<'_, T>,
    a: &[T],
    (mut next, step): (*const T, usize),
) -> [[S::V; N]; R] {
    let &Factors { a_strides: (row_stride, col_stride), b_stride, .. } = factors;
    let width = N * S::LANES;
    let mut sums = [[simd.splat(T::zero()); N]; R];
    for (segment, start) in (0..factors.depth).step_by(factors.segment).enumerate() {
        let a = &a[segment * factors.a_step..];
        let b = &factors.b[start * b_stride..];
        let depth = factors.segment.min(factors.depth - start);
        let last = depth - 1;
        assert!(last * col_stride + (R - 1) * row_stride < a.len());
        assert!(last * b_stride + width <= b.len());
        let (mut a, mut b) = (a.as_ptr(), b.as_ptr());
        for _ in 0..depth {
            for v in 0..N {
                simd.prefetch(b.wrapping_add(AHEAD * b_stride + v * S::LANES));
            }
            simd.prefetch(a.wrapping_add(AHEAD * col_stride));
            simd.prefetch(next);
            next = next.wrapping_add(step);
            // SAFETY: in the p-th round, p <= `last`, b is p rows further than at the start, and it has been
            // asserted that row `last` is in the slice.
            let row = load::<T, S, N>(simd, unsafe { core::slice::from_raw_parts(b, width) });
            for i in 0..R {
                // SAFETY: likewise with i < R, element (R - 1, `last`) being the furthest.
                let x = simd.splat(unsafe { *a.add(i * row_stride) });
                for v in 0..N {
                    sums[i][v] = simd.mul_add(x, row[v], sums[i][v]);
                }
            }
            (a, b) = (a.wrapping_add(col_stride), b.wrapping_add(b_stride));
        }
    }
    sums
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
