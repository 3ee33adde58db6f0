//! The gradients of single examples: their norms (18) without them, clipping by those, and themselves.

use num_traits::Float;

use super::sum::sum;
use crate::matrix::MatRef;
use crate::simd::{MAX_LANES, Simd};

/// What the gradients of some examples are made of. G and D may carry a common factor 1/N.
pub(crate) struct Factors<'b, T> {
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

impl<T: Float> Factors<'_, T> {
    /// (18) of example i, N times that of G and D as they are: ||grad|| is the hypotenuse of
    /// ||g|| sqrt(||a||² + 1) and ||d|| sqrt(||x||² + 1).
    pub(crate) fn norm<S: Simd<T>>(&self, simd: S, i: usize, n: T) -> T {
        let row = i * self.stride..i * self.stride + self.hidden;
        let g = self.g[i..].iter().step_by(self.g_stride).fold(T::zero(), |sum, &g| sum + (g * n) * (g * n));
        let (d, a) = (squares(simd, &self.d[row.clone()], n), squares(simd, &self.a[row], T::one()));
        let x = if self.x.col_stride() == 1 {
            squares(simd, &self.x.as_slice()[i * self.x.row_stride()..][..self.x.cols()], T::one())
        } else {
            self.x.row(i).fold(T::zero(), |sum, x| sum + x * x)
        };
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
    /// So many registers are summed side by side: that hides the latency.
    const SIDES: usize = 4;
    simd.vectorize(
        #[inline(always)]
        || {
            let (n_v, mut sums) = (simd.splat(n), [simd.splat(T::zero()); SIDES]);
            let zero = sums[0];
            let chunks = row.chunks_exact(SIDES * S::LANES);
            let rest = chunks.remainder();
            for chunk in chunks {
                for side in 0..SIDES {
                    let v = simd.mul_add(simd.load(&chunk[side * S::LANES..]), n_v, zero);
                    sums[side] = simd.mul_add(v, v, sums[side]);
                }
            }
            let mut lanes = [T::zero(); MAX_LANES];
            simd.store(simd.add(simd.add(sums[0], sums[1]), simd.add(sums[2], sums[3])), &mut lanes);
            rest.iter().fold(sum(&lanes), |sum, &x| sum + (x * n) * (x * n))
        },
    )
}
