//! Products with a few examples: every weight is used a few times only, so nothing is packed.

use num_traits::Float;

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
    let mut half = S::LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] = lanes[lane] + lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}
