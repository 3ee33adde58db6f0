//! Products with a few examples: every weight is used a few times only, so nothing is packed.

use num_traits::Float;

use super::product::Beta;
use crate::data::{MatMut, MatRef};
use crate::kink::Kink;
use crate::limits::MAX_LANES;
use crate::simd::{self, Simd};

/// Rows of up to so many elements are written a part of each after the other: longer ones would lie in too many
/// pages.
const NARROW: usize = 256;

/// out = x wᵀ: rows of `x` times rows of `w`, both contiguous. `w` is read once from memory.
pub(crate) fn dots<T: Float, S: Simd<T>>(
    simd: S,
    x: MatRef<'_, T>,
    w: MatRef<'_, T>,
    mut out: MatMut<'_, T>,
) {
    debug_assert!(x.col_stride() == 1 && w.col_stride() == 1 && x.cols() == w.cols());
    let (depth, rows, w_stride) = (x.cols(), w.rows(), w.row_stride());
    let (row_stride, col_stride) = (out.row_stride(), out.col_stride());
    let out = out.as_mut_slice();
    simd.vectorize(
        #[inline(always)]
        || {
            for first in (0..rows).step_by(S::LANES) {
                let count = S::LANES.min(rows - first);
                let w = &w.as_slice()[first * w_stride..];
                for example in 0..x.rows() {
                    let x = &x.as_slice()[example * x.row_stride()..][..depth];
                    let out = &mut out[example * row_stride + first * col_stride..];
                    let mut sums = [T::zero(); MAX_LANES];
                    sums_of(simd, x, w, count, w_stride, &mut sums);
                    if count == S::LANES && col_stride == 1 {
                        out[..S::LANES].copy_from_slice(&sums[..S::LANES]);
                    } else {
                        sums[..count].iter().enumerate().for_each(|(i, &sum)| out[i * col_stride] = sum);
                    }
                }
            }
        },
    );
}

/// x times so many rows of the weights, at most as many as a register has lanes: that many independent sums
/// hide the latency, and their lanes are added up together.
#[inline(always)]
fn sums_of<T: Float, S: Simd<T>>(
    simd: S,
    x: &[T],
    w: &[T],
    count: usize,
    w_stride: usize,
    out: &mut [T; MAX_LANES],
) {
    let mut start = 0;
    // The last one more often if there are no more: those sums are not used.
    let rows: [&[T]; MAX_LANES] = core::array::from_fn(|i| {
        let row = &w[start..][..x.len()];
        start += if i + 1 < count { w_stride } else { 0 };
        row
    });
    let whole = x.len() / S::LANES * S::LANES;
    let mut sums = [simd.splat(T::zero()); MAX_LANES];
    for p in (0..whole).step_by(S::LANES) {
        let x = simd.load(&x[p..]);
        for i in 0..S::LANES {
            sums[i] = simd.mul_add(simd.load(&rows[i][p..]), x, sums[i]);
        }
    }
    simd.store(simd::lane_sums(simd, sums), out);
    if whole < x.len() {
        for (sum, row) in out.iter_mut().zip(rows).take(count) {
            let rest = x[whole..].iter().zip(&row[whole..]);
            *sum = rest.fold(*sum, |sum, (&x, &w)| sum + w * x);
        }
    }
}

/// What becomes of an element of C when its sum is complete.
#[derive(Clone, Copy)]
pub(crate) enum Update {
    /// It is the sum, or what was there and the sum.
    Store(Beta),
    /// (14): it was the pre-activation, and becomes I * sum.
    Mask(Kink),
}

impl Update {
    #[inline(always)]
    fn apply<T, S: Simd<T>>(self, simd: S, sum: S::V, c: &mut [T]) {
        let new = match self {
            Update::Store(Beta::Zero) => sum,
            Update::Store(Beta::One) => simd.add(simd.load(c), sum),
            Update::Mask(kink) => simd.keep_active(kink, simd.load(c), sum),
        };
        simd.store(new, c);
    }

    /// The same for a single element.
    fn apply_one<T: Float>(self, sum: T, c: &mut T) {
        *c = match self {
            Update::Store(Beta::Zero) => sum,
            Update::Store(Beta::One) => *c + sum,
            Update::Mask(kink) if kink.is_active(*c) => sum,
            Update::Mask(_) => T::zero(),
        };
    }
}

/// C = A B, or what `update` says, for a few columns of A, where the rows of B and C are contiguous: `C` is written once.
pub(crate) fn product<T: Float, S: Simd<T>>(
    simd: S,
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    update: Update,
    mut c: MatMut<'_, T>,
) {
    debug_assert!(b.col_stride() == 1 && c.col_stride() == 1 && a.cols() == b.rows());
    let (cols, b_stride, c_stride) = (b.cols(), b.row_stride(), c.row_stride());
    let c = c.as_mut_slice();
    simd.vectorize(
        #[inline(always)]
        || {
            // Of one example, what is the same in each row stays in registers.
            let outer_product = a.cols() == 1 && cols <= NARROW;
            let mut from = 0;
            while outer_product && from + 4 * S::LANES <= cols {
                outer::<T, S, 4>(simd, &a, &b.as_slice()[from..], update, &mut c[from..], c_stride);
                from += 4 * S::LANES;
            }
            while outer_product && from + S::LANES <= cols {
                outer::<T, S, 1>(simd, &a, &b.as_slice()[from..], update, &mut c[from..], c_stride);
                from += S::LANES;
            }
            for row in 0..if from < cols { a.rows() } else { 0 } {
                let a = Terms {
                    data: &a.as_slice()[row * a.row_stride()..],
                    stride: a.col_stride(),
                    len: a.cols(),
                };
                let c = &mut c[row * c_stride..][..cols];
                let mut col = from;
                while col + 4 * S::LANES <= cols {
                    sum::<T, S, 4>(simd, &a, &b.as_slice()[col..], b_stride, update, &mut c[col..]);
                    col += 4 * S::LANES;
                }
                while col + S::LANES <= cols {
                    sum::<T, S, 1>(simd, &a, &b.as_slice()[col..], b_stride, update, &mut c[col..]);
                    col += S::LANES;
                }
                for (col, c) in c.iter_mut().enumerate().skip(col) {
                    let terms = (0..a.len).map(|p| a.data[p * a.stride] * b.as_slice()[p * b_stride + col]);
                    update.apply_one(terms.fold(T::zero(), |sum, term| sum + term), c);
                }
            }
        },
    );
}

/// N registers of each row of C, where each is a single term.
#[inline(always)]
fn outer<T: Float, S: Simd<T>, const N: usize>(
    simd: S,
    a: &MatRef<'_, T>,
    b: &[T],
    update: Update,
    c: &mut [T],
    c_stride: usize,
) {
    let zero = simd.splat(T::zero());
    let b: [S::V; N] = core::array::from_fn(|v| simd.load(&b[v * S::LANES..]));
    let terms = a.as_slice().iter().step_by(a.row_stride()).take(a.rows());
    for (row, &a) in terms.enumerate() {
        let (a, c) = (simd.splat(a), &mut c[row * c_stride..][..N * S::LANES]);
        for v in 0..N {
            update.apply(simd, simd.mul_add(a, b[v], zero), &mut c[v * S::LANES..]);
        }
    }
}

/// A row of A.
struct Terms<'a, T> {
    data: &'a [T],
    stride: usize,
    len: usize,
}

/// N registers of a row of C.
#[inline(always)]
fn sum<T: Float, S: Simd<T>, const N: usize>(
    simd: S,
    a: &Terms<'_, T>,
    b: &[T],
    b_stride: usize,
    update: Update,
    c: &mut [T],
) {
    let c = &mut c[..N * S::LANES];
    let mut sums = [simd.splat(T::zero()); N];
    for p in 0..a.len {
        let (a, b) = (simd.splat(a.data[p * a.stride]), &b[p * b_stride..][..N * S::LANES]);
        for v in 0..N {
            sums[v] = simd.mul_add(a, simd.load(&b[v * S::LANES..]), sums[v]);
        }
    }
    for v in 0..N {
        update.apply(simd, sums[v], &mut c[v * S::LANES..]);
    }
}

#[cfg(test)]
mod tests;
