//! The two loops over weights.

use num_traits::Float;

// Four terms at a time, in the same order as one by one: the loop's own instructions are shared by four.

/// w · x, from the first term to the last.
#[inline(never)]
pub(super) fn dot<T: Float>(w: &[T], x: &[T]) -> T {
    let (w, x) = (w.chunks_exact(4), x.chunks_exact(4));
    let rest = w.remainder().iter().zip(x.remainder());
    let mut sum = T::zero();
    for (w, x) in w.zip(x) {
        if let (&[w0, w1, w2, w3], &[x0, x1, x2, x3]) = (w, x) {
            sum = sum + w0 * x0 + w1 * x1 + w2 * x2 + w3 * x3;
        }
    }
    rest.fold(sum, |sum, (&w, &x)| sum + w * x)
}

/// sums ← sums + factor x.
#[inline(never)]
pub(super) fn add_scaled<T: Float>(sums: &mut [T], factor: T, x: &[T]) {
    let (mut sums, x) = (sums.chunks_exact_mut(4), x.chunks_exact(4));
    let rest = x.remainder();
    for (sums, x) in sums.by_ref().zip(x) {
        if let ([s0, s1, s2, s3], &[x0, x1, x2, x3]) = (sums, x) {
            *s0 = *s0 + factor * x0;
            *s1 = *s1 + factor * x1;
            *s2 = *s2 + factor * x2;
            *s3 = *s3 + factor * x3;
        }
    }
    sums.into_remainder().iter_mut().zip(rest).for_each(|(sum, &x)| *sum = *sum + factor * x);
}
