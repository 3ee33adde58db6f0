//! The gradients of single examples: their norms (18) without them, clipping by those, and themselves.

use num_traits::Float;

use super::sum::sum;
use crate::data::MatRef;
use crate::limits::MAX_LANES;
use crate::simd::Simd;

/// What the gradients of some examples are made of. G and D may carry a common factor 1/N.
pub(crate) struct ExampleFactors<'b, T> {
    /// G, class by class.
    pub(crate) g: &'b mut [T],
    pub(crate) g_stride: usize,
    /// D and A, h numbers of each example.
    pub(crate) d: &'b mut [T],
    pub(crate) a: &'b [T],
    pub(crate) hidden: usize,
    pub(crate) stride: usize,
    pub(crate) x: MatRef<'b, T>,
}

impl<T: Float> ExampleFactors<'_, T> {
    /// (18) of example i, N times that of G and D as they are: ||grad|| is the hypotenuse of
    /// ||g|| sqrt(||a||² + 1) and ||d|| sqrt(||x||² + 1).
    pub(crate) fn norm<S: Simd<T>>(&self, simd: S, i: usize, n: T) -> T {
        let row = i * self.stride..i * self.stride + self.hidden;
        let g = self.g[i..].iter().step_by(self.g_stride).fold(T::zero(), |sum, &g| sum + (g * n) * (g * n));
        let (a, x) = (dot(simd, &self.a[row.clone()], &self.a[row.clone()]), dot_rows(simd, self.x, i, i));
        let d = squares(simd, &self.d[row], n);
        let root = |sum: T| (sum + T::one()).sqrt();
        (g.sqrt() * root(a)).hypot(d.sqrt() * root(x))
    }

    /// (12) to (15) of example i: the gradient by all parameters, in their flat order.
    pub(crate) fn grad<'g>(&self, i: usize, n: T, mut out: impl Iterator<Item = &'g mut T>)
    where
        T: 'g,
    {
        let row = i * self.stride..i * self.stride + self.hidden;
        let (d, a) = (&self.d[row.clone()], &self.a[row]);
        let g = || self.g[i..].iter().step_by(self.g_stride).map(|&g| g * n);
        let mut put =
            |values: &mut dyn Iterator<Item = T>| values.zip(out.by_ref()).for_each(|(v, out)| *out = v);
        d.iter().for_each(|&d| put(&mut self.x.row(i).map(|x| d * n * x)));
        put(&mut d.iter().map(|&d| d * n));
        g().for_each(|g| put(&mut a.iter().map(|&a| g * a)));
        put(&mut g());
    }

    /// Multiplies the gradient of example i: G and D are all that it is linear in.
    pub(crate) fn scale(&mut self, i: usize, by: T) {
        self.g[i..].iter_mut().step_by(self.g_stride).for_each(|g| *g = *g * by);
        self.d[i * self.stride..][..self.hidden].iter_mut().for_each(|d| *d = *d * by);
    }
}

/// The sum of the squares of `row`, each times n before.
fn squares<T: Float, S: Simd<T>>(simd: S, row: &[T], n: T) -> T {
    if n == T::one() {
        return dot(simd, row, row);
    }
    simd.vectorize(
        #[inline(always)]
        || {
            let by = simd.splat(n);
            let zero = simd.splat(T::zero());
            products(simd, row, row, |v| simd.mul_add(v, by, zero), |x| x * n)
        },
    )
}

/// The inner product of two rows.
pub(crate) fn dot<T: Float, S: Simd<T>>(simd: S, u: &[T], v: &[T]) -> T {
    simd.vectorize(
        #[inline(always)]
        || products(simd, u, v, |v| v, |x| x),
    )
}

/// The inner product of two rows of X.
pub(crate) fn dot_rows<T: Float, S: Simd<T>>(simd: S, x: MatRef<'_, T>, i: usize, k: usize) -> T {
    if x.col_stride() != 1 {
        return x.row(i).zip(x.row(k)).fold(T::zero(), |sum, (x_i, x_k)| sum + x_i * x_k);
    }
    let row = |i: usize| &x.as_slice()[i * x.row_stride()..][..x.cols()];
    dot(simd, row(i), row(k))
}

/// The sum of the products of two rows' elements, each of which is changed before, as registers or alone.
#[inline(always)]
fn products<T: Float, S: Simd<T>>(
    simd: S,
    u: &[T],
    v: &[T],
    registers: impl Fn(S::V) -> S::V,
    alone: impl Fn(T) -> T,
) -> T {
    /// So many registers are summed side by side: that hides the latency.
    const SIDES: usize = 4;
    let mut sums = [simd.splat(T::zero()); SIDES];
    let (us, vs) = (u.chunks_exact(SIDES * S::LANES), v.chunks_exact(SIDES * S::LANES));
    let rest = us.remainder().iter().zip(vs.remainder());
    for (u, v) in us.zip(vs) {
        for side in 0..SIDES {
            let u = registers(simd.load(&u[side * S::LANES..]));
            let v = registers(simd.load(&v[side * S::LANES..]));
            sums[side] = simd.mul_add(u, v, sums[side]);
        }
    }
    let mut lanes = [T::zero(); MAX_LANES];
    simd.store(simd.add(simd.add(sums[0], sums[1]), simd.add(sums[2], sums[3])), &mut lanes);
    rest.fold(sum(&lanes), |sum, (&u, &v)| sum + alone(u) * alone(v))
}

#[cfg(test)]
mod tests;
