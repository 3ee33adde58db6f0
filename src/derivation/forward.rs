//! (1) to (6): the function and its loss.

use num_traits::Float;

use super::vectors::{check_class, check_matrix, dot, largest, vector_len};
use crate::error::{Error, What, check_len};

/// (1) z = W1 x + b1, the pre-activations of one example, written to `z` (h). O(hm).
///
/// # Errors
///
/// See the [module](super): the lengths of `w1` (hm) and `z` (h).
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// let mut z = [0.0; 2];
/// handgrad::derivation::preactivations(&[1.0, 2.0, 3.0, 4.0], &[0.5, -20.0], &[1.0, 3.0], &mut z)?;
/// assert_eq!(z, [7.5, -5.0]);
/// # Ok(())
/// # }
/// ```
pub fn preactivations<T: Float>(w1: &[T], b1: &[T], x: &[T], z: &mut [T]) -> Result<(), Error> {
    let (m, h) = (vector_len(What::Inputs, x)?, vector_len(What::Hidden, b1)?);
    check_matrix(What::W1, w1, h, m)?;
    check_len(What::PreActivations, h, z.len())?;
    for i in 0..h {
        z[i] = dot(&w1[i * m..(i + 1) * m], x) + b1[i];
    }
    Ok(())
}

/// (2) a = max(0, z), the hidden activations, written to `a` (h). NaN stays NaN. O(h).
///
/// # Errors
///
/// See the [module](super): the length of `a` (h).
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// let mut a = [0.0; 2];
/// handgrad::derivation::activations(&[7.5, -5.0], &mut a)?;
/// assert_eq!(a, [7.5, 0.0]);
/// # Ok(())
/// # }
/// ```
pub fn activations<T: Float>(z: &[T], a: &mut [T]) -> Result<(), Error> {
    check_len(What::Activations, vector_len(What::Hidden, z)?, a.len())?;
    for (a, &z) in a.iter_mut().zip(z) {
        *a = if z < T::zero() { T::zero() } else { z };
    }
    Ok(())
}

/// (3) f = W2 a + b2, the scores of the classes (also known as logits), written to `f` (C). O(Ch).
///
/// # Errors
///
/// See the [module](super): the lengths of `w2` (Ch) and `f` (C).
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// let mut f = [0.0; 2];
/// handgrad::derivation::scores(&[1.0, 0.0, -1.0, 1.0], &[0.0, 0.5], &[7.5, 2.0], &mut f)?;
/// assert_eq!(f, [7.5, -5.0]);
/// # Ok(())
/// # }
/// ```
pub fn scores<T: Float>(w2: &[T], b2: &[T], a: &[T], f: &mut [T]) -> Result<(), Error> {
    let (h, c) = (vector_len(What::Hidden, a)?, vector_len(What::Classes, b2)?);
    check_matrix(What::W2, w2, c, h)?;
    check_len(What::Scores, c, f.len())?;
    for j in 0..c {
        f[j] = dot(&w2[j * h..(j + 1) * h], a) + b2[j];
    }
    Ok(())
}

/// (4) P(Y = j | x) = exp(f_j) / sum of exp(f_k), written to `p` (C).
///
/// Numerator and denominator are divided by exp(max f), so that nothing overflows. NaN in all of `p` if the
/// largest score is NaN or infinite. O(C).
///
/// # Errors
///
/// See the [module](super): the length of `p` (C).
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// let mut p = [0.0; 2];
/// handgrad::derivation::probabilities(&[1e30, 1e30], &mut p)?;
/// assert_eq!(p, [0.5, 0.5]);
/// # Ok(())
/// # }
/// ```
pub fn probabilities<T: Float>(f: &[T], p: &mut [T]) -> Result<(), Error> {
    check_len(What::Probabilities, vector_len(What::Classes, f)?, p.len())?;
    let max = largest(f);
    let sum = f.iter().fold(T::zero(), |sum, &f| sum + (f - max).exp());
    for (p, &f) in p.iter_mut().zip(f) {
        *p = (f - max).exp() / sum;
    }
    Ok(())
}

/// (5) L_i = -log P(Y = y | x), the loss of one example, from its scores.
///
/// Where y leads (f_y is the largest score) it is log1p of the sum over j ≠ y of exp(f_j - f_y), which has
/// full relative accuracy also where the loss is tiny. Elsewhere it is -((f_y - max f) - log of the sum of
/// exp(f_k - max f)). NaN if the largest score is NaN or infinite. O(C).
///
/// # Errors
///
/// See the [module](super): [`Error::Label`] if `y` is not in 0..C.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::derivation::loss;
///
/// assert_eq!(loss(&[100.0, 0.0], 0)?, (-100f64).exp()); // -log(1 / (1 + e^-100))
/// assert_eq!(loss(&[100.0, 0.0], 1)?, 100.0);
/// # Ok(())
/// # }
/// ```
pub fn loss<T: Float>(f: &[T], y: usize) -> Result<T, Error> {
    check_class(y, vector_len(What::Classes, f)?)?;
    let max = largest(f);
    if f[y] == max && max.is_finite() {
        let others = f.iter().enumerate().filter(|&(j, _)| j != y);
        return Ok(others.fold(T::zero(), |sum, (_, &f)| sum + (f - max).exp()).ln_1p());
    }
    let sum = f.iter().fold(T::zero(), |sum, &f| sum + (f - max).exp());
    Ok(-((f[y] - max) - sum.ln()))
}

/// (6) L = (1/n) sum of L_i, the mean loss of n examples, 0 if there are none. The sum is compensated: its error does
/// not grow with n. O(n).
///
/// # Errors
///
/// None: every length is right.
///
/// # Example
///
/// ```
/// assert_eq!(handgrad::derivation::mean_loss(&[1.0, 2.0, 6.0]), Ok(3.0));
/// ```
pub fn mean_loss<T: Float>(losses: &[T]) -> Result<T, Error> {
    let mut mean = [T::zero()];
    mean_rows(losses, losses.len(), &mut mean);
    Ok(mean[0])
}

/// (6) grad L = (1/n) sum of grad L_i: the mean of n gradients that stand one after the other in `grads`,
/// written to `grad`, whose length is that of one of them; 0 if there are none. The sums are compensated.
///
/// # Errors
///
/// [`Error::Zero`] if `grad` is empty, [`Error::Length`] if the length of `grads` is no multiple of that of `grad`.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// let mut grad = [0.0; 2];
/// handgrad::derivation::mean_grad(&[1.0, 10.0, 3.0, 20.0], &mut grad)?;
/// assert_eq!(grad, [2.0, 15.0]);
/// # Ok(())
/// # }
/// ```
pub fn mean_grad<T: Float>(grads: &[T], grad: &mut [T]) -> Result<(), Error> {
    let n = grads.len() / vector_len(What::Gradient, grad)?;
    check_matrix(What::Gradient, grads, n.max(usize::from(!grads.is_empty())), grad.len())?;
    mean_rows(grads, n, grad);
    Ok(())
}

/// The mean of n rows, by Neumaier's compensated summation.
fn mean_rows<T: Float>(rows: &[T], n: usize, mean: &mut [T]) {
    if n == 0 {
        return mean.fill(T::zero());
    }
    let count = T::from(n).unwrap_or_else(T::nan);
    for (i, mean) in mean.iter_mut().enumerate() {
        let (mut sum, mut lost) = (T::zero(), T::zero());
        for &term in rows[i..].iter().step_by(rows.len() / n) {
            let next = sum + term;
            let (large, small) = if sum.abs() < term.abs() { (term, sum) } else { (sum, term) };
            // An infinite sum has lost nothing; its difference to a summand would be NaN.
            lost = if next.is_finite() { lost + ((large - next) + small) } else { lost };
            sum = next;
        }
        *mean = (sum + lost) / count;
    }
}
