//! (7) to (11): the softmax loss's gradient through any score function, and the gradients of one score.

use num_traits::Float;

use super::vectors::{check_class, check_matrix, largest, masked, vector_len};
use crate::error::{Error, What, check_len};
use crate::kink::Kink;

/// (7) grad L_i = (sum over j of exp(f_j) grad f_j) / (sum over j of exp(f_j)) - grad f_y: the gradient of the
/// softmax loss through any score function, by any number of parameters, written to `grad`.
///
/// `score_grads` holds grad f_0, grad f_1, ... one after the other, C × the length of `grad`.
///
/// It is computed as the sum over j ≠ y of p_j (grad f_j - grad f_y), which is the same because the p_j add
/// up to 1, and keeps full relative accuracy where p_y is near 1.
///
/// # Errors
///
/// See the [module](super): the length of `score_grads`, and [`Error::Label`] if `y` is not in 0..C.
///
/// # Example
///
/// The scores (t, 2t) of one parameter t, at t = 0:
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// let mut grad = [0.0];
/// handgrad::derivation::softmax_loss_grad(&[0.0, 0.0], 0, &[1.0, 2.0], &mut grad)?;
/// assert_eq!(grad, [0.5]); // (1 + 2) / 2 - 1
/// # Ok(())
/// # }
/// ```
pub fn softmax_loss_grad<T: Float>(
    f: &[T],
    y: usize,
    score_grads: &[T],
    grad: &mut [T],
) -> Result<(), Error> {
    let (c, len) = (vector_len(What::Classes, f)?, vector_len(What::Gradient, grad)?);
    check_matrix(What::ScoreGradients, score_grads, c, len)?;
    check_class(y, c)?;
    let max = largest(f);
    let sum = f.iter().fold(T::zero(), |sum, &f| sum + (f - max).exp());
    for (i, grad) in grad.iter_mut().enumerate() {
        *grad = T::zero();
        for j in (0..c).filter(|&j| j != y) {
            let p = (f[j] - max).exp() / sum;
            *grad = *grad + p * (score_grads[j * len + i] - score_grads[y * len + i]);
        }
    }
    Ok(())
}

/// (8) d f_j / d W1 = (I * W2\[j\]ᵀ) xᵀ, the gradient of the score of class `class` by W1, an outer product,
/// written to `grad` (h × m). C is the length of `w2` over h. O(hm).
///
/// # Errors
///
/// See the [module](super): the lengths of `w2` and `grad`, and [`Error::Label`] if `class` is not in 0..C.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::{Kink, derivation::score_grad_w1};
///
/// let (z, w2, x) = ([1.0, -1.0], [2.0, 3.0], [5.0, 7.0]); // h = 2, C = 1, m = 2
/// let mut grad = [0.0; 4];
/// score_grad_w1(&z, &w2, &x, 0, Kink::One, &mut grad)?;
/// assert_eq!(grad, [10.0, 14.0, 0.0, 0.0]);
/// # Ok(())
/// # }
/// ```
pub fn score_grad_w1<T: Float>(
    z: &[T],
    w2: &[T],
    x: &[T],
    class: usize,
    kink: Kink,
    grad: &mut [T],
) -> Result<(), Error> {
    let (h, m) = (check_w2(z, w2, class)?, vector_len(What::Inputs, x)?);
    check_matrix(What::Gradient, grad, h, m)?;
    for i in 0..h {
        for k in 0..m {
            grad[i * m + k] = masked(z[i], kink, w2[class * h + i] * x[k]);
        }
    }
    Ok(())
}

/// (9) d f_j / d W2 = e_j aᵀ, the gradient of the score of class `class` by W2, written to `grad` (C × h):
/// only row j is not 0. C is the length of `grad` over h. O(Ch).
///
/// # Errors
///
/// See the [module](super): the length of `grad`, and [`Error::Label`] if `class` is not in 0..C.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// let mut grad = [9.0; 4];
/// handgrad::derivation::score_grad_w2(&[2.0, 3.0], 1, &mut grad)?;
/// assert_eq!(grad, [0.0, 0.0, 2.0, 3.0]);
/// # Ok(())
/// # }
/// ```
pub fn score_grad_w2<T: Float>(a: &[T], class: usize, grad: &mut [T]) -> Result<(), Error> {
    let h = vector_len(What::Hidden, a)?;
    check_matrix(What::Gradient, grad, (grad.len() / h).max(1), h)?;
    check_class(class, grad.len() / h)?;
    grad.fill(T::zero());
    grad[class * h..(class + 1) * h].copy_from_slice(a);
    Ok(())
}

/// (10) d f_j / d b1 = I * W2\[j\]ᵀ, the gradient of the score of class `class` by b1, written to `grad` (h).
/// C is the length of `w2` over h. O(h).
///
/// # Errors
///
/// See the [module](super): the lengths of `w2` and `grad`, and [`Error::Label`] if `class` is not in 0..C.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::{Kink, derivation::score_grad_b1};
///
/// let (z, w2) = ([1.0, -1.0, 0.0], [2.0, 3.0, 4.0]);
/// let mut grad = [0.0; 3];
/// score_grad_b1(&z, &w2, 0, Kink::One, &mut grad)?;
/// assert_eq!(grad, [2.0, 0.0, 4.0]);
/// score_grad_b1(&z, &w2, 0, Kink::Zero, &mut grad)?;
/// assert_eq!(grad, [2.0, 0.0, 0.0]);
/// # Ok(())
/// # }
/// ```
pub fn score_grad_b1<T: Float>(
    z: &[T],
    w2: &[T],
    class: usize,
    kink: Kink,
    grad: &mut [T],
) -> Result<(), Error> {
    let h = check_w2(z, w2, class)?;
    check_len(What::Gradient, h, grad.len())?;
    for i in 0..h {
        grad[i] = masked(z[i], kink, w2[class * h + i]);
    }
    Ok(())
}

/// (11) d f_j / d b2 = e_j, the gradient of the score of class `class` by b2, written to `grad` (C). O(C).
///
/// # Errors
///
/// See the [module](super): [`Error::Label`] if `class` is not in 0..C.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// let mut grad = [9.0; 3];
/// handgrad::derivation::score_grad_b2(1, &mut grad)?;
/// assert_eq!(grad, [0.0, 1.0, 0.0]);
/// # Ok(())
/// # }
/// ```
pub fn score_grad_b2<T: Float>(class: usize, grad: &mut [T]) -> Result<(), Error> {
    check_class(class, vector_len(What::Classes, grad)?)?;
    grad.fill(T::zero());
    grad[class] = T::one();
    Ok(())
}

/// The number of hidden units, if `w2` has rows of that length and one for this class.
fn check_w2<T>(z: &[T], w2: &[T], class: usize) -> Result<usize, Error> {
    let h = vector_len(What::Hidden, z)?;
    let c = w2.len() / h;
    check_matrix(What::W2, w2, c.max(1), h)?;
    check_class(class, c)?;
    Ok(h)
}
