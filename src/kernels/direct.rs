//! Products with a few examples: every weight is used a few times only, so nothing is packed.

use num_traits::Float;

use crate::gemm::Beta;
use crate::matrix::{MatMut, MatRef};
use crate::simd::{MAX_LANES, Simd};

/// Batches of up to so many examples go this way.
pub(crate) const MAX_EXAMPLES: usize = 8;

/// So many rows of the weights are summed together: that many independent sums hide the latency.
const ROWS: usize = 8;

/// out = x wᵀ: rows of `x` times rows of `w`, both contiguous. `w` is read once from memory.
pub(crate) fn dots<T: Float, S: Simd<T>>(
    simd: S,
    x: MatRef<'_, T>,
    w: MatRef<'_, T>,
    mut out: MatMut<'_, T>,
) {
    debug_assert!(x.col_stride() == 1 && w.col_stride() == 1 && x.cols() == w.cols());
    let (depth, w_stride) = (x.cols(), w.row_stride());
    let (row_stride, col_stride) = (out.row_stride(), out.col_stride());
    let out = out.as_mut_slice();
    simd.vectorize(
        #[inline(always)]
        || {
            let mut first = 0;
            while first < w.rows() {
                let group = if w.rows() - first < ROWS { 1 } else { ROWS };
                let w = &w.as_slice()[first * w_stride..];
                for example in 0..x.rows() {
                    let x = &x.as_slice()[example * x.row_stride()..][..depth];
                    let out = out[example * row_stride + first * col_stride..].iter_mut().step_by(col_stride);
                    if group == ROWS {
                        let sums: [T; ROWS] = group_of(simd, x, w, w_stride);
                        out.zip(sums).for_each(|(out, sum)| *out = sum);
                    } else {
                        let sums: [T; 1] = group_of(simd, x, w, w_stride);
                        out.zip(sums).for_each(|(out, sum)| *out = sum);
                    }
                }
                first += group;
            }
        },
    );
}

/// x times R rows of the weights.
#[inline(always)]
fn group_of<T: Float, S: Simd<T>, const R: usize>(simd: S, x: &[T], w: &[T], w_stride: usize) -> [T; R] {
    let w: [&[T]; R] = core::array::from_fn(|i| &w[i * w_stride..][..x.len()]);
    let mut sums = [simd.splat(T::zero()); R];
    let whole = x.len() / S::LANES * S::LANES;
    for p in (0..whole).step_by(S::LANES) {
        let x = simd.load(&x[p..]);
        for i in 0..R {
            sums[i] = simd.mul_add(simd.load(&w[i][p..]), x, sums[i]);
        }
    }
    core::array::from_fn(|i| {
        let rest = x[whole..].iter().zip(&w[i][whole..]);
        rest.fold(add_lanes(simd, sums[i]), |sum, (&x, &w)| sum + w * x)
    })
}

/// The sum of a register's lanes, by halves.
#[inline(always)]
fn add_lanes<T: Float, S: Simd<T>>(simd: S, v: S::V) -> T {
    let mut lanes = [T::zero(); MAX_LANES];
    simd.store(v, &mut lanes);
    if S::LANES == 16 {
        fold::<T, 8>(&mut lanes);
    }
    if S::LANES >= 8 {
        fold::<T, 4>(&mut lanes);
    }
    fold::<T, 2>(&mut lanes);
    lanes[0] + lanes[1]
}

/// Adds the second half of 2 HALF lanes to the first.
#[inline(always)]
fn fold<T: Float, const HALF: usize>(lanes: &mut [T; MAX_LANES]) {
    for lane in 0..HALF {
        lanes[lane] = lanes[lane] + lanes[lane + HALF];
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
