//! (31) to (34): single blocks of the second derivatives of one example's loss, and their diagonal.

use num_traits::Float;

use super::vectors::{Softmax, check_matrix, dot, masked, vector_len};
use crate::error::{Error, What, check_len};
use crate::kink::Kink;

/// (31) s p_c (1 - p_c), the diagonal of the second derivatives by b2, written to `diagonal` (C), from the scores; `s` is
/// the sum of the shares (20), for a label without other options 1. The Hessian has the same diagonal as Gauss-Newton.
///
/// 1 - p_c is the sum of the other probabilities and does not cancel. NaN in all of `diagonal` if the largest score is NaN
/// or infinite. O(C²): the sums are formed anew for each class.
///
/// # Errors
///
/// See the [module](super): the length of `diagonal` (C).
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// let mut diagonal = [0.0; 2];
/// handgrad::derivation::diagonal_b2(&[100.0, 0.0], 1.0, &mut diagonal)?;
/// assert_eq!(diagonal, [(-100f64).exp(); 2]); // 1 - p_0 would be 0
/// # Ok(())
/// # }
/// ```
pub fn diagonal_b2<T: Float>(f: &[T], s: T, diagonal: &mut [T]) -> Result<(), Error> {
    let c = vector_len(What::Classes, f)?;
    check_len(What::Hessian, c, diagonal.len())?;
    let softmax = Softmax::new(f);
    for j in 0..c {
        diagonal[j] = s * softmax.probability(j) * softmax.others(j);
    }
    Ok(())
}

/// (31) s p_c (1 - p_c) a_j², the diagonal of the second derivatives by W2, written to `diagonal` (C × h). `q` is that by
/// b2, what [`diagonal_b2`] gives. O(Ch).
///
/// # Errors
///
/// See the [module](super): the length of `diagonal` (Ch).
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// let mut diagonal = [0.0; 4];
/// handgrad::derivation::diagonal_w2(&[0.25, 0.5], &[2.0, 3.0], &mut diagonal)?;
/// assert_eq!(diagonal, [1.0, 2.25, 2.0, 4.5]);
/// # Ok(())
/// # }
/// ```
pub fn diagonal_w2<T: Float>(q: &[T], a: &[T], diagonal: &mut [T]) -> Result<(), Error> {
    scaled_squares(q, a, [What::Classes, What::Hidden], diagonal)
}

/// (32) I_j k_j with k_j = s sum of p_c (W2\[c, j\] - mean_j)² and mean_j = sum of p_c W2\[c, j\]: the diagonal of the
/// second derivatives by b1, written to `diagonal` (h). `f` are the scores, `s` the sum of the shares (20), `z` the
/// pre-activations.
///
/// The weights are measured from those of the class that leads, as the scores' tangents are in (27), and the terms are
/// squares: full relative accuracy, where p_lead is near 1 as well. O(C²h): the means are formed anew for each term.
///
/// # Errors
///
/// See the [module](super): the lengths of `w2` (Ch) and `diagonal` (h).
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::{Kink, derivation::hidden_diagonal};
///
/// let (z, w2) = ([1.0, -1.0], [3.0, 5.0, 7.0, 9.0]); // h = 2, C = 2
/// let mut diagonal = [0.0; 2];
/// hidden_diagonal(&[0.0, 0.0], 1.0, &z, &w2, Kink::One, &mut diagonal)?;
/// assert_eq!(diagonal, [4.0, 0.0]); // 3 and 7 are both 2 from their mean
/// # Ok(())
/// # }
/// ```
pub fn hidden_diagonal<T: Float>(
    f: &[T],
    s: T,
    z: &[T],
    w2: &[T],
    kink: Kink,
    diagonal: &mut [T],
) -> Result<(), Error> {
    let (h, c) = (vector_len(What::Hidden, z)?, vector_len(What::Classes, f)?);
    check_matrix(What::W2, w2, c, h)?;
    check_len(What::Hessian, h, diagonal.len())?;
    let softmax = Softmax::new(f);
    for i in 0..h {
        diagonal[i] = masked(z[i], kink, s * covariance(&softmax, w2, h, (i, i)));
    }
    Ok(())
}

/// (32) I_j k_j x_b², the diagonal of the second derivatives by W1, written to `diagonal` (h × m). `k` is that by b1, what
/// [`hidden_diagonal`] gives. O(hm).
///
/// # Errors
///
/// See the [module](super): the length of `diagonal` (hm).
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// let mut diagonal = [0.0; 4];
/// handgrad::derivation::diagonal_w1(&[4.0, 0.0], &[0.5, 3.0], &mut diagonal)?;
/// assert_eq!(diagonal, [1.0, 36.0, 0.0, 0.0]);
/// # Ok(())
/// # }
/// ```
pub fn diagonal_w1<T: Float>(k: &[T], x: &[T], diagonal: &mut [T]) -> Result<(), Error> {
    scaled_squares(k, x, [What::Hidden, What::Inputs], diagonal)
}

/// (32) The trace of one example's Hessian, which is that of Gauss-Newton:
/// (sum of s p_c (1 - p_c)) (||a||² + 1) + (sum of I_j k_j) (||x||² + 1). `q` is what [`diagonal_b2`] gives, `k` what
/// [`hidden_diagonal`] gives. No term is negative. O(m + h + C).
///
/// # Errors
///
/// See the [module](super): the length of `k` (h, that of `a`).
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// let trace = handgrad::derivation::hessian_trace(&[0.25, 0.25], &[2.0], &[4.0], &[3.0])?;
/// assert_eq!(trace, 0.5 * 5.0 + 4.0 * 10.0);
/// # Ok(())
/// # }
/// ```
pub fn hessian_trace<T: Float>(q: &[T], a: &[T], k: &[T], x: &[T]) -> Result<T, Error> {
    vector_len(What::Classes, q)?;
    check_len(What::Hessian, vector_len(What::Hidden, a)?, k.len())?;
    vector_len(What::Inputs, x)?;
    let sum = |terms: &[T]| terms.iter().fold(T::zero(), |sum, &term| sum + term);
    Ok(sum(q) * (dot(a, a) + T::one()) + sum(k) * (dot(x, x) + T::one()))
}

/// (33) S = s (diag p - p pᵀ), the second derivatives of one example's loss by its scores, and so by b2, written to
/// `hessian` (C × C), from the scores; `s` is the sum of the shares (20).
///
/// Symmetric, and each row adds up to 0: the diagonal is (31) and does not cancel. NaN in all of `hessian` if the largest
/// score is NaN or infinite. O(C²).
///
/// # Errors
///
/// See the [module](super): the length of `hessian` (C²).
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// let mut hessian = [0.0; 4];
/// handgrad::derivation::score_hessian(&[1.0, 1.0], 2.0, &mut hessian)?;
/// assert_eq!(hessian, [0.5, -0.5, -0.5, 0.5]);
/// # Ok(())
/// # }
/// ```
pub fn score_hessian<T: Float>(f: &[T], s: T, hessian: &mut [T]) -> Result<(), Error> {
    let c = vector_len(What::Classes, f)?;
    check_matrix(What::Hessian, hessian, c, c)?;
    let softmax = Softmax::new(f);
    let p = |j| softmax.probability(j);
    for j in 0..c {
        for k in 0..c {
            hessian[j * c + k] = s * if j == k { p(j) * softmax.others(j) } else { -(p(j) * p(k)) };
        }
    }
    Ok(())
}

/// (34) diag I (W2ᵀ S W2) diag I with S of (33): the second derivatives of one example's loss by its pre-activations, and so by b1,
/// written to `hessian` (h × h). `f` are the scores, `s` the sum of the shares (20), `z` the pre-activations. The Hessian
/// and Gauss-Newton have this block in common.
///
/// It is computed as s sum of p_c r_c r_cᵀ, r_c = I * (W2\[c\] - sum of p_k W2\[k\])ᵀ: symmetric, with (32) as its diagonal.
/// O(C²h²): the means are formed anew for each term.
///
/// # Errors
///
/// See the [module](super): the lengths of `w2` (Ch) and `hessian` (h²).
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::{Kink, derivation::hidden_hessian};
///
/// let (z, w2) = ([1.0, 2.0], [3.0, 5.0, 7.0, 7.0]); // h = 2, C = 2: 3 and 7 are 2 from their mean, 5 and 7 are 1
/// let mut hessian = [0.0; 4];
/// hidden_hessian(&[0.0, 0.0], 1.0, &z, &w2, Kink::One, &mut hessian)?;
/// assert_eq!(hessian, [4.0, 2.0, 2.0, 1.0]);
/// # Ok(())
/// # }
/// ```
pub fn hidden_hessian<T: Float>(
    f: &[T],
    s: T,
    z: &[T],
    w2: &[T],
    kink: Kink,
    hessian: &mut [T],
) -> Result<(), Error> {
    let (h, c) = (vector_len(What::Hidden, z)?, vector_len(What::Classes, f)?);
    check_matrix(What::W2, w2, c, h)?;
    check_matrix(What::Hessian, hessian, h, h)?;
    let softmax = Softmax::new(f);
    for i in 0..h {
        for j in 0..h {
            let both = s * covariance(&softmax, w2, h, (i, j));
            hessian[i * h + j] = masked(z[i], kink, masked(z[j], kink, both));
        }
    }
    Ok(())
}

/// The covariance of the weights of two hidden units, over the classes with their probabilities.
fn covariance<T: Float>(softmax: &Softmax<'_, T>, w2: &[T], h: usize, units: (usize, usize)) -> T {
    (0..w2.len() / h).fold(T::zero(), |sum, j| {
        let from_mean = |unit: usize| softmax.centred(j, |k| w2[k * h + unit]);
        sum + softmax.probability(j) * (from_mean(units.0) * from_mean(units.1))
    })
}

/// u_i v_k², row by row; what their lengths are called.
fn scaled_squares<T: Float>(u: &[T], v: &[T], sizes: [What; 2], diagonal: &mut [T]) -> Result<(), Error> {
    let (rows, cols) = (vector_len(sizes[0], u)?, vector_len(sizes[1], v)?);
    check_matrix(What::Hessian, diagonal, rows, cols)?;
    for i in 0..rows {
        for k in 0..cols {
            diagonal[i * cols + k] = u[i] * (v[k] * v[k]);
        }
    }
    Ok(())
}
