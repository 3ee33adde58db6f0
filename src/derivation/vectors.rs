//! What the formulas share: checks of lengths, and a few sums over vectors.

use num_traits::Float;

use crate::error::{Error, What, check_len, product};
use crate::kink::Kink;

/// I * v: 0 or v, by the sign of z and at z = 0 by the convention. NaN has no sign: it is not less than 0. A
/// choice and not a product: where I = 0 the result is 0 even if v is infinite.
pub(super) fn masked<T: Float>(z: T, kink: Kink, v: T) -> T {
    if z < T::zero() || (z == T::zero() && kink == Kink::Zero) { T::zero() } else { v }
}

/// The length of a vector, which may not be 0.
pub(super) fn vector_len<T>(size: What, vector: &[T]) -> Result<usize, Error> {
    if vector.is_empty() { Err(Error::Zero { what: size }) } else { Ok(vector.len()) }
}

/// `Ok` if a slice holds a rows × cols matrix.
pub(super) fn check_matrix<T>(what: What, matrix: &[T], rows: usize, cols: usize) -> Result<(), Error> {
    check_len(what, product(what, rows, cols)?, matrix.len())
}

/// `Ok` if `class` is one of C.
pub(super) fn check_class(class: usize, classes: usize) -> Result<(), Error> {
    if class < classes { Ok(()) } else { Err(Error::Label { example: 0, classes, got: class as i128 }) }
}

/// The largest of some scores, at least one; NaN if one of them is.
pub(super) fn largest<T: Float>(f: &[T]) -> T {
    f.iter().fold(f[0], |max, &f| if f > max || f.is_nan() { f } else { max })
}

/// The inner product of two vectors of one length.
pub(super) fn dot<T: Float>(u: &[T], v: &[T]) -> T {
    u.iter().zip(v).fold(T::zero(), |sum, (&u, &v)| sum + u * v)
}

/// The softmax of some scores, at least one, with the class that leads: the first of the largest scores. Values of the
/// classes are averaged as seen from that of the leader, whose own distance is exactly 0: where its probability is near
/// 1, a mean of the values themselves would be that of the leader, and what is left of their differences to it rounding.
pub(super) struct Softmax<'a, T> {
    f: &'a [T],
    lead: usize,
    sum: T,
}

impl<'a, T: Float> Softmax<'a, T> {
    pub(super) fn new(f: &'a [T]) -> Self {
        let max = largest(f);
        let lead = f.iter().position(|&f| f == max || max.is_nan()).unwrap_or(0);
        Self { f, lead, sum: f.iter().fold(T::zero(), |sum, &f| sum + (f - max).exp()) }
    }

    /// p_c; NaN if the largest score is NaN or infinite.
    pub(super) fn probability(&self, c: usize) -> T {
        (self.f[c] - self.f[self.lead]).exp() / self.sum
    }

    /// 1 - p_c as the sum of the other probabilities.
    pub(super) fn others(&self, c: usize) -> T {
        (0..self.f.len()).filter(|&k| k != c).fold(T::zero(), |sum, k| sum + self.probability(k))
    }

    /// How far the value of class c lies from the mean of all, sum of p_k value_k.
    pub(super) fn centred(&self, c: usize, value: impl Fn(usize) -> T) -> T {
        let from_lead = |k| value(k) - value(self.lead);
        let mean = (0..self.f.len()).fold(T::zero(), |sum, k| sum + self.probability(k) * from_lead(k));
        from_lead(c) - mean
    }
}
