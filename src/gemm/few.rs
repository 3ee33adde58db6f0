//! Products with a few examples: every weight is used a few times only, so nothing is packed.

use num_traits::Float;

use super::product::AlphaBeta;
use crate::data::{MatMut, MatRef};
use crate::kink::Kink;
use crate::limits::{MAX_LANES, NARROW};
use crate::simd::{self, Simd};

/// out = x wᵀ: rows of `x` times rows of `w`, both contiguous. `w` is read once from memory. The strides are those of an
/// example and of a row of `w` in `out`. Its loops are the caller's, inside of [`Simd::vectorize`].
#[inline(always)]
pub(crate) fn dots<T: Float, S: Simd<T>>(
    simd: S,
    x: MatRef<'_, T>,
    w: MatRef<'_, T>,
    out: &mut [T],
    (row_stride, col_stride): (usize, usize),
) {
    debug_assert!(x.col_stride() == 1 && w.col_stride() == 1 && x.cols() == w.cols());
    let (depth, rows, w_stride) = (x.cols(), w.rows(), w.row_stride());
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
}

/// x times so many rows of the weights, at most as many as a register has lanes: the lanes of their sums are added up
/// together.
#[inline(always)]
fn sums_of<T: Float, S: Simd<T>>(
    simd: S,
    x: &[T],
    w: &[T],
    count: usize,
    w_stride: usize,
    out: &mut [T; MAX_LANES],
) {
    let whole = x.len() / S::LANES * S::LANES;
    if whole > 0 {
        // Sums enough to hide the latency, and rows few enough that their addresses stay in registers.
        let sums = if S::LANES < 8 {
            sums_by_rows::<T, S, 4>(simd, x, w, count, w_stride)
        } else {
            sums_by_rows::<T, S, 8>(simd, x, w, count, w_stride)
        };
        simd.store(simd::lane_sums(simd, sums), out);
    }
    if whole < x.len() {
        for (i, sum) in out.iter_mut().enumerate().take(count) {
            let rest = x[whole..].iter().zip(&w[i * w_stride..][..x.len()][whole..]);
            *sum = rest.fold(*sum, |sum, (&x, &w)| sum + w * x);
        }
    }
}

/// The sums of each lane of x times so many rows of the weights, N rows at a time, as far as there are whole registers.
#[inline(always)]
fn sums_by_rows<T: Float, S: Simd<T>, const N: usize>(
    simd: S,
    x: &[T],
    w: &[T],
    count: usize,
    w_stride: usize,
) -> [S::V; MAX_LANES] {
    let mut all = [simd.splat(T::zero()); MAX_LANES];
    for group in 0..MAX_LANES / N {
        let first = group * N;
        if first >= S::LANES || first >= count {
            continue;
        }
        // The first one again if there are no more: those sums are not used.
        let w = &w[first * w_stride..];
        let mut rows = [&w[..x.len()]; N];
        for i in 0..N {
            rows[i] = &w[if first + i < count { i * w_stride } else { 0 }..][..x.len()];
        }
        let mut sums = [simd.splat(T::zero()); N];
        for (p, x) in x.chunks_exact(S::LANES).enumerate() {
            let x = simd.load(x);
            for i in 0..N {
                sums[i] = simd.mul_add(simd.load(&rows[i][p * S::LANES..]), x, sums[i]);
            }
        }
        all[first..first + N].copy_from_slice(&sums);
    }
    all
}

/// What becomes of an element of C when its sum is complete.
#[derive(Clone, Copy)]
pub(crate) enum Update<T> {
    /// It is alpha times the sum, or what was there and that.
    Store(AlphaBeta<T>),
    /// (14): it was the pre-activation, and becomes I * sum.
    Mask(Kink),
}

impl<T: Float> Update<T> {
    #[inline(always)]
    fn apply<S: Simd<T>>(self, simd: S, sum: S::V, c: &mut [T]) {
        let new = match self {
            Update::Store(onto) => onto.apply(simd, sum, c),
            // As where it is stored, a sum that underflowed to -0 is made +0.
            Update::Mask(kink) => simd.keep_active(kink, simd.load(c), simd.add(sum, simd.splat(T::zero()))),
        };
        simd.store(new, c);
    }

    /// The same for a single element.
    fn apply_one(self, sum: T, c: &mut T) {
        *c = match self {
            Update::Store(onto) => onto.apply_one(sum, *c),
            Update::Mask(kink) if kink.is_active(*c) => sum + T::zero(),
            Update::Mask(_) => T::zero(),
        };
    }
}

/// C = A B, or what `update` says, for a few columns of A, where the rows of B and C are contiguous: `C` is written once.
pub(crate) fn product<T: Float, S: Simd<T>>(
    simd: S,
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    update: Update<T>,
    mut c: MatMut<'_, T>,
) {
    debug_assert!(b.col_stride() == 1 && c.col_stride() == 1 && a.cols() == b.rows());
    let (cols, b_stride, c_stride) = (b.cols(), b.row_stride(), c.row_stride());
    let c = c.as_mut_slice();
    if a.cols() == 1 {
        let a = Terms { data: a.as_slice(), stride: a.row_stride(), len: a.rows() };
        return simd.vectorize(
            #[inline(always)]
            || outer(simd, &a, &b.as_slice()[..cols], update, c, c_stride),
        );
    }
    simd.vectorize(
        #[inline(always)]
        || {
            for row in 0..a.rows() {
                let a = Terms {
                    data: &a.as_slice()[row * a.row_stride()..],
                    stride: a.col_stride(),
                    len: a.cols(),
                };
                sums(simd, &a, b.as_slice(), b_stride, update, &mut c[row * c_stride..][..cols]);
            }
        },
    );
}

/// Numbers of A: a row, or a column.
pub(crate) struct Terms<'a, T> {
    pub(crate) data: &'a [T],
    pub(crate) stride: usize,
    pub(crate) len: usize,
}

impl<T: Float> Terms<'_, T> {
    #[inline(always)]
    fn get(&self, p: usize) -> T {
        self.data[p * self.stride]
    }
}

/// The product of a column and a row, as [`product`]: what is the same in each row of C stays in registers. Its loops are
/// the caller's, as those of [`dots`].
#[inline(always)]
pub(crate) fn outer<T: Float, S: Simd<T>>(
    simd: S,
    a: &Terms<'_, T>,
    b: &[T],
    update: Update<T>,
    c: &mut [T],
    c_stride: usize,
) {
    let (cols, lanes) = (b.len(), S::LANES);
    let len = if cols <= NARROW { a.len } else { 1 };
    for row in (0..a.len).step_by(len) {
        let a = Terms { data: &a.data[row * a.stride..], stride: a.stride, len };
        let (mut at, c) = (0, &mut c[row * c_stride..]);
        while at + 4 * lanes <= cols {
            outer_vecs::<T, S, 4>(simd, &a, &b[at..], update, &mut c[at..], c_stride);
            at += 4 * lanes;
        }
        if at + 2 * lanes <= cols {
            outer_vecs::<T, S, 2>(simd, &a, &b[at..], update, &mut c[at..], c_stride);
            at += 2 * lanes;
        }
        if at + lanes <= cols {
            outer_vecs::<T, S, 1>(simd, &a, &b[at..], update, &mut c[at..], c_stride);
            at += lanes;
        }
        if lanes > 8 && at + 8 <= cols {
            outer_some::<T, 8>(&a, &b[at..], update, &mut c[at..], c_stride);
            at += 8;
        }
        if lanes > 4 && at + 4 <= cols {
            outer_some::<T, 4>(&a, &b[at..], update, &mut c[at..], c_stride);
            at += 4;
        }
        for col in at..cols {
            outer_some::<T, 1>(&a, &b[col..], update, &mut c[col..], c_stride);
        }
    }
}

/// N registers of each row of C, where each is a single term.
#[inline(always)]
fn outer_vecs<T: Float, S: Simd<T>, const N: usize>(
    simd: S,
    a: &Terms<'_, T>,
    b: &[T],
    update: Update<T>,
    c: &mut [T],
    c_stride: usize,
) {
    let zero = simd.splat(T::zero());
    let mut vecs = [zero; N];
    for v in 0..N {
        vecs[v] = simd.load(&b[v * S::LANES..]);
    }
    for row in 0..a.len {
        let (a, c) = (simd.splat(a.get(row)), &mut c[row * c_stride..][..N * S::LANES]);
        for v in 0..N {
            update.apply(simd, simd.mul_add(a, vecs[v], zero), &mut c[v * S::LANES..]);
        }
    }
}

/// The same of N elements: fewer than a register has.
#[inline(always)]
fn outer_some<T: Float, const N: usize>(
    a: &Terms<'_, T>,
    b: &[T],
    update: Update<T>,
    c: &mut [T],
    c_stride: usize,
) {
    let b = &b[..N];
    for row in 0..a.len {
        let (a, c) = (a.get(row), &mut c[row * c_stride..][..N]);
        for i in 0..N {
            update.apply_one(T::zero() + a * b[i], &mut c[i]);
        }
    }
}

/// A row of C. Its loops are the caller's, as those of [`dots`].
#[inline(always)]
pub(crate) fn sums<T: Float, S: Simd<T>>(
    simd: S,
    a: &Terms<'_, T>,
    b: &[T],
    b_stride: usize,
    update: Update<T>,
    c: &mut [T],
) {
    let (cols, lanes, mut at) = (c.len(), S::LANES, 0);
    while at + 4 * lanes <= cols {
        sum_vecs::<T, S, 4>(simd, a, &b[at..], b_stride, update, &mut c[at..]);
        at += 4 * lanes;
    }
    if at + 2 * lanes <= cols {
        sum_vecs::<T, S, 2>(simd, a, &b[at..], b_stride, update, &mut c[at..]);
        at += 2 * lanes;
    }
    if at + lanes <= cols {
        sum_vecs::<T, S, 1>(simd, a, &b[at..], b_stride, update, &mut c[at..]);
        at += lanes;
    }
    if lanes > 8 && at + 8 <= cols {
        sum_some::<T, 8>(a, &b[at..], b_stride, update, &mut c[at..]);
        at += 8;
    }
    if lanes > 4 && at + 4 <= cols {
        sum_some::<T, 4>(a, &b[at..], b_stride, update, &mut c[at..]);
        at += 4;
    }
    for col in at..cols {
        sum_some::<T, 1>(a, &b[col..], b_stride, update, &mut c[col..]);
    }
}

/// N registers of a row of C.
#[inline(always)]
fn sum_vecs<T: Float, S: Simd<T>, const N: usize>(
    simd: S,
    a: &Terms<'_, T>,
    b: &[T],
    b_stride: usize,
    update: Update<T>,
    c: &mut [T],
) {
    let c = &mut c[..N * S::LANES];
    let mut sums = [simd.splat(T::zero()); N];
    for p in 0..a.len {
        let (a, b) = (simd.splat(a.get(p)), &b[p * b_stride..][..N * S::LANES]);
        for v in 0..N {
            sums[v] = simd.mul_add(a, simd.load(&b[v * S::LANES..]), sums[v]);
        }
    }
    for v in 0..N {
        update.apply(simd, sums[v], &mut c[v * S::LANES..]);
    }
}

/// N elements of a row of C: fewer than a register has.
#[inline(always)]
fn sum_some<T: Float, const N: usize>(
    a: &Terms<'_, T>,
    b: &[T],
    b_stride: usize,
    update: Update<T>,
    c: &mut [T],
) {
    let c = &mut c[..N];
    let mut sums = [T::zero(); N];
    for p in 0..a.len {
        let (a, b) = (a.get(p), &b[p * b_stride..][..N]);
        for i in 0..N {
            sums[i] = sums[i] + a * b[i];
        }
    }
    for i in 0..N {
        update.apply_one(sums[i], &mut c[i]);
    }
}

#[cfg(test)]
mod tests;
