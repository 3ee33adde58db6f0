//! Products with a few examples: every weight is used a few times only, so nothing is packed.

use num_traits::Float;

use crate::gemm::Beta;
use crate::matrix::{MatMut, MatRef};
use crate::simd::{self, MAX_LANES, Simd};

/// Batches of up to so many examples go this way.
pub(crate) const MAX_EXAMPLES: usize = 8;

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
                    sums_of(simd, x, w, (count, w_stride), &mut sums);
                    for i in 0..count {
                        out[i * col_stride] = sums[i];
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
    (count, w_stride): (usize, usize),
    out: &mut [T; MAX_LANES],
) {
    let whole = x.len() / S::LANES * S::LANES;
    let mut sums = [simd.splat(T::zero()); MAX_LANES];
    // A row too many is read twice, and its sum not used.
    let row = |i: usize| &w[i.min(count - 1) * w_stride..][..x.len()];
    for p in (0..whole).step_by(S::LANES) {
        let x = simd.load(&x[p..]);
        for i in 0..S::LANES {
            sums[i] = simd.mul_add(simd.load(&row(i)[p..]), x, sums[i]);
        }
    }
    // Lane i of each register is a part of sum i then.
    let parts = simd::transpose(simd, sums);
    let mut total = parts[0];
    for i in 1..S::LANES {
        total = simd.add(total, parts[i]);
    }
    simd.store(total, out);
    for i in 0..count {
        let rest = x[whole..].iter().zip(&row(i)[whole..]);
        out[i] = rest.fold(out[i], |sum, (&x, &w)| sum + w * x);
    }
}

/// C = A B, or C + A B, for a few columns of A, where the rows of B and C are contiguous: `C` is written once.
pub(crate) fn product<T: Float, S: Simd<T>>(
    simd: S,
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    beta: Beta,
    mut c: MatMut<'_, T>,
) {
    debug_assert!(b.col_stride() == 1 && c.col_stride() == 1 && a.cols() == b.rows());
    let (cols, b_stride, c_stride) = (b.cols(), b.row_stride(), c.row_stride());
    let c = c.as_mut_slice();
    simd.vectorize(
        #[inline(always)]
        || {
            for row in 0..a.rows() {
                let a = Terms {
                    data: &a.as_slice()[row * a.row_stride()..],
                    stride: a.col_stride(),
                    len: a.cols(),
                };
                let c = &mut c[row * c_stride..][..cols];
                let mut col = 0;
                while col + 4 * S::LANES <= cols {
                    sum::<T, S, 4>(simd, &a, &b.as_slice()[col..], b_stride, beta, &mut c[col..]);
                    col += 4 * S::LANES;
                }
                while col + S::LANES <= cols {
                    sum::<T, S, 1>(simd, &a, &b.as_slice()[col..], b_stride, beta, &mut c[col..]);
                    col += S::LANES;
                }
                for (col, c) in c.iter_mut().enumerate().skip(col) {
                    let terms = (0..a.len).map(|p| a.data[p * a.stride] * b.as_slice()[p * b_stride + col]);
                    let sum = terms.fold(T::zero(), |sum, term| sum + term);
                    *c = if beta == Beta::One { *c + sum } else { sum };
                }
            }
        },
    );
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
    beta: Beta,
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
        let c = &mut c[v * S::LANES..];
        simd.store(if beta == Beta::One { simd.add(simd.load(c), sums[v]) } else { sums[v] }, c);
    }
}
