//! The hidden layer around products that can't do it before their results are stored: bias and ReLU on the way
//! forward, the indicator on the way back.

use num_traits::Float;

use crate::kink::Kink;

/// (1), (2) of examples that are `stride` apart: z ← z + b1, a ← max(0, z).
///
/// The ReLU asks the same question as the indicator of the way back, whether I = 1. So NaN passes through (a
/// comparison with it is false, where `Float::max` would swallow it), and a type that carries derivatives
/// sees the chosen derivative at 0. Its loops are the caller's, inside of `Simd::vectorize`.
#[inline(always)]
pub(crate) fn bias_relu<T: Float>(kink: Kink, b1: &[T], stride: usize, z: &mut [T], a: &mut [T]) {
    for (z, a) in z.chunks_mut(stride).zip(a.chunks_mut(stride)) {
        for ((z, a), &b) in z.iter_mut().zip(a).zip(b1) {
            *z = *z + b;
            *a = if kink.is_active(*z) { *z } else { T::zero() };
        }
    }
}

/// (2) in place: z ← max(0, z), as above.
pub(crate) fn relu<T: Float>(kink: Kink, z: &mut [T]) {
    z.iter_mut().for_each(|z| *z = if kink.is_active(*z) { *z } else { T::zero() });
}

/// (14): d ← I * d, where d holds W2ᵀ g.
///
/// A unit with I = 0 gets exactly 0, whatever d holds: its weights have no influence on this example.
pub(crate) fn mask<T: Float>(kink: Kink, z: &[T], d: &mut [T]) {
    for (&z, d) in z.iter().zip(d) {
        *d = if kink.is_active(z) { *d } else { T::zero() };
    }
}

#[cfg(test)]
mod tests;
