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
