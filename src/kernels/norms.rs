//! The gradients of single examples: their norms (18) without them, clipping by those, and themselves.

use num_traits::Float;

use super::scaled::{Scaled, power};
use super::sum::{Sum, sum};
use crate::data::{Inputs, MatRef};
use crate::limits::MAX_LANES;
use crate::simd::Simd;

/// What the gradients of some examples are made of, undivided and in units of a power of two.
pub(crate) struct ExampleFactors<'b, T> {
    /// G, class by class.
    pub(crate) g: &'b mut [T],
    pub(crate) g_stride: usize,
    /// D and A, h numbers of each example.
    pub(crate) d: &'b mut [T],
    pub(crate) a: &'b [T],
    pub(crate) hidden: usize,
    pub(crate) stride: usize,
    pub(crate) x: Inputs<'b, T>,
    /// The unit's exponent.
    pub(crate) unit: i32,
}

impl<T: Float> ExampleFactors<'_, T> {
    /// (18) of example i: ||grad|| is the hypotenuse of ||g|| sqrt(||a||² + 1) and ||d|| sqrt(||x||² + 1).
    pub(crate) fn norm<S: Simd<T>>(&self, simd: S, i: usize) -> Scaled<T> {
        let row = i * self.stride..i * self.stride + self.hidden;
        let (d, a, x) = (&self.d[row.clone()], &self.a[row], || self.x.numbers(i));
        let g = || self.g[i..].iter().step_by(self.g_stride).copied();
        let g = in_range(g().fold(T::zero(), |sum, g| sum + g * g), self.g.len() / self.g_stride, g);
        let d = in_range(dot(simd, d, d), d.len(), || d.iter().copied());
        let a = in_range(dot(simd, a, a), a.len(), || a.iter().copied());
        let x = in_range(dot_rows(simd, self.x, i, i), self.x.cols(), x);
        let root = |sum: T| (sum + T::one()).sqrt();
        let norm = (g.value.sqrt() * root(a.value)).hypot(d.value.sqrt() * root(x.value));
        let plain = [g, d, a, x].iter().all(|sum| sum.exponent == 0) && norm.is_finite();
        let norm = if plain { Scaled::new(norm) } else { norm_beyond([g, d, a, x]) };
        Scaled { exponent: norm.exponent + self.unit, ..norm }
    }

    /// (12) to (15) of example i: the gradient by all parameters, in their flat order.
    pub(crate) fn grad<'g>(&self, i: usize, mut out: impl Iterator<Item = &'g mut T>)
    where
        T: 'g,
    {
        let (row, unit) = (i * self.stride..i * self.stride + self.hidden, self.unit);
        let (d, a) = (&self.d[row.clone()], &self.a[row]);
        let g = || self.g[i..].iter().step_by(self.g_stride).copied();
        let mut put = |values: &mut dyn Iterator<Item = T>| {
            values.zip(out.by_ref()).for_each(|(value, out)| *out = Scaled { value, exponent: unit }.get());
        };
        d.iter().for_each(|&d| put(&mut self.x.row(i).map(|x| d * x)));
        put(&mut d.iter().copied());
        g().for_each(|g| put(&mut a.iter().map(|&a| g * a)));
        put(&mut g());
    }

    /// Multiplies the gradient of example i: G and D are all that it is linear in.
    pub(crate) fn scale(&mut self, i: usize, by: Scaled<T>) {
        let scale = |value: &mut T| *value = Scaled { value: *value * by.value, ..by }.get();
        self.g[i..].iter_mut().step_by(self.g_stride).for_each(scale);
        self.d[i * self.stride..][..self.hidden].iter_mut().for_each(scale);
    }
}

/// (18) from the sums of the squares of g, d, a and x.
#[cold]
fn norm_beyond<T: Float>([g, d, a, x]: [Scaled<T>; 4]) -> Scaled<T> {
    let one = Scaled::new(T::one());
    g.times(a.plus(one)).plus(d.times(x.plus(one))).sqrt()
}

/// A sum of so many squares, if it is in range; computed anew, if it is not.
fn in_range<T: Float, I: Iterator<Item = T>>(sum: T, count: usize, numbers: impl Fn() -> I) -> Scaled<T> {
    // What squares may lose by underflow is too little to matter in a larger sum.
    let least = T::from(count).map_or(T::one(), |count| count * T::min_positive_value());
    if sum.is_finite() && sum > least { Scaled::new(sum) } else { squares_beyond(numbers) }
}

/// The sum of squares of numbers whose squares may be out of range.
#[cold]
fn squares_beyond<T: Float, I: Iterator<Item = T>>(numbers: impl Fn() -> I) -> Scaled<T> {
    let (unit, mut sum) = (InUnits::of(largest(&numbers)), Sum::new());
    numbers().map(|x| unit.get(x)).for_each(|x| sum.add(x * x));
    Scaled { value: sum.total(), exponent: 2 * unit.exponent }
}

/// The largest magnitude, or NaN.
fn largest<T: Float, I: Iterator<Item = T>>(numbers: impl Fn() -> I) -> T {
    let larger = |largest: T, x: T| if x.abs() > largest || x.is_nan() { x.abs() } else { largest };
    numbers().fold(T::zero(), larger)
}

/// Divides by 2^exponent: in two steps, because subnormal numbers have no inverse.
struct InUnits<T> {
    exponent: i32,
    inverse: [T; 2],
}

impl<T: Float> InUnits<T> {
    /// So that a number of this magnitude is about 1, if it is finite and not 0.
    fn of(largest: T) -> Self {
        let exponent = Scaled::new(largest).normalized().exponent;
        Self { exponent, inverse: [power(-exponent / 2), power(-exponent + exponent / 2)] }
    }

    fn get(&self, x: T) -> T {
        x * self.inverse[0] * self.inverse[1]
    }
}

/// The sum of the squares of these numbers, with compensation.
pub(crate) fn sum_of_squares<T: Float, I: Iterator<Item = T>>(numbers: impl Fn() -> I) -> Scaled<T> {
    let (mut sum, mut count) = (Sum::new(), 0);
    numbers().for_each(|x| {
        sum.add(x * x);
        count += 1;
    });
    in_range(sum.total(), count, numbers)
}

/// (19) from the inner products of two examples' g, d, a and x.
pub(crate) fn grad_inner_product<T: Float>([g, d, a, x]: [Scaled<T>; 4]) -> Scaled<T> {
    let plain = g.value * (a.value + T::one()) + d.value * (x.value + T::one());
    if [g, d, a, x].iter().all(|product| product.exponent == 0) && plain.is_finite() {
        return Scaled::new(plain);
    }
    let one = Scaled::new(T::one());
    g.times(a.plus(one)).plus(d.times(x.plus(one)))
}

/// An inner product, if it is in range; computed anew, if it is not.
pub(crate) fn inner_product<T: Float, I: Iterator<Item = (T, T)>>(
    sum: T,
    pairs: impl Fn() -> I,
) -> Scaled<T> {
    let least = T::min_positive_value() / T::epsilon();
    if sum.is_finite() && sum.abs() > least {
        return Scaled::new(sum);
    }
    let u = InUnits::of(largest(|| pairs().map(|(u, _)| u)));
    let v = InUnits::of(largest(|| pairs().map(|(_, v)| v)));
    let mut sum = Sum::new();
    pairs().for_each(|(x, y)| sum.add(u.get(x) * v.get(y)));
    Scaled { value: sum.total(), exponent: u.exponent + v.exponent }
}

/// The inner product of two rows.
pub(crate) fn dot<T: Float, S: Simd<T>>(simd: S, u: &[T], v: &[T]) -> T {
    simd.vectorize(
        #[inline(always)]
        || products(simd, u, v),
    )
}

/// The inner product of two rows of X.
pub(crate) fn dot_rows<T: Float, S: Simd<T>>(simd: S, x: Inputs<'_, T>, i: usize, k: usize) -> T {
    fn row<T>(x: MatRef<'_, T>, i: usize) -> &[T] {
        &x.as_slice()[i * x.row_stride()..][..x.cols()]
    }
    match x.dense() {
        Some(x) if x.col_stride() == 1 => dot(simd, row(x, i), row(x, k)),
        _ => x.pairs(i, k).fold(T::zero(), |sum, (x_i, x_k)| sum + x_i * x_k),
    }
}

/// The sum of the products of two rows' elements.
#[inline(always)]
fn products<T: Float, S: Simd<T>>(simd: S, u: &[T], v: &[T]) -> T {
    /// So many registers are summed side by side: that hides the latency.
    const SIDES: usize = 4;
    let mut sums = [simd.splat(T::zero()); SIDES];
    let (us, vs) = (u.chunks_exact(SIDES * S::LANES), v.chunks_exact(SIDES * S::LANES));
    let rest = us.remainder().iter().zip(vs.remainder());
    for (u, v) in us.zip(vs) {
        for side in 0..SIDES {
            let (u, v) = (simd.load(&u[side * S::LANES..]), simd.load(&v[side * S::LANES..]));
            sums[side] = simd.mul_add(u, v, sums[side]);
        }
    }
    let mut lanes = [T::zero(); MAX_LANES];
    simd.store(simd.add(simd.add(sums[0], sums[1]), simd.add(sums[2], sums[3])), &mut lanes);
    rest.fold(sum(&lanes), |sum, (&u, &v)| sum + u * v)
}

#[cfg(test)]
mod tests;
