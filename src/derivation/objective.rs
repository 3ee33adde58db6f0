//! (20) to (22), (24): losses of more than one class, of weighted examples, and the squares of the weights.

use num_traits::Float;

use super::vectors::{largest, vector_len};
use crate::error::{Error, What, check_len};

/// (20) The shares a_c = w_c ((1 - ε) q_c + ε/C) of the classes in an example's loss, written to `shares` (C):
/// `q` is the target, `weights` are those of the classes, `smoothing` is ε. O(C).
///
/// # Errors
///
/// See the [module](super): the lengths of `weights` and `shares` (C).
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// let mut a = [0.0; 2];
/// handgrad::derivation::target_shares(&[1.0, 0.0], &[1.0, 2.0], 0.5, &mut a)?;
/// assert_eq!(a, [0.75, 0.5]);
/// # Ok(())
/// # }
/// ```
pub fn target_shares<T: Float>(q: &[T], weights: &[T], smoothing: T, shares: &mut [T]) -> Result<(), Error> {
    let c = vector_len(What::Targets, q)?;
    check_len(What::ClassWeights, c, weights.len())?;
    check_len(What::Targets, c, shares.len())?;
    let even = smoothing / T::from(c).unwrap_or_else(T::nan);
    for j in 0..c {
        shares[j] = weights[j] * ((T::one() - smoothing) * q[j] + even);
    }
    Ok(())
}

/// (20) l = -sum of a_c log p_c, from the scores: sum of a_c (M - f_c) + A log(sum of exp(f_c - M)), where M is
/// the largest score and A the sum of the shares. A class with share 0 adds nothing, whatever its score. O(C).
///
/// # Errors
///
/// See the [module](super): the length of `shares` (C).
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// let loss = handgrad::derivation::shared_loss(&[1.0, 1.0], &[0.75, 0.5])?;
/// assert!((loss - 1.25 * 2f64.ln()).abs() < 1e-15);
/// # Ok(())
/// # }
/// ```
pub fn shared_loss<T: Float>(f: &[T], shares: &[T]) -> Result<T, Error> {
    check_len(What::Targets, vector_len(What::Classes, f)?, shares.len())?;
    let max = largest(f);
    let lead = f.iter().position(|&f| f == max);
    let others = f.iter().enumerate().filter(|&(j, _)| Some(j) != lead);
    let rest = others.fold(T::zero(), |sum, (_, &f)| sum + (f - max).exp());
    let log = if max.is_finite() { rest.ln_1p() } else { T::nan() };
    let terms = f.iter().zip(shares).filter(|(_, share)| **share != T::zero());
    Ok(terms.fold(T::zero(), |sum, (&f, &share)| sum + share * ((max - f) + log)))
}

/// (21) d l / d f = A p - a, written to `g` (C), from the scores, as
/// g_k = p_k (sum of the other shares) - a_k (sum of the other probabilities): with a target of one class that
/// is (15), and nothing cancels. O(C²): the sums are formed anew for each class.
///
/// # Errors
///
/// See the [module](super): the lengths of `shares` and `g` (C).
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// let mut g = [0.0; 2];
/// handgrad::derivation::shared_loss_grad(&[1.0, 1.0], &[0.75, 0.5], &mut g)?;
/// assert_eq!(g, [-0.125, 0.125]);
/// # Ok(())
/// # }
/// ```
pub fn shared_loss_grad<T: Float>(f: &[T], shares: &[T], g: &mut [T]) -> Result<(), Error> {
    let c = vector_len(What::Classes, f)?;
    check_len(What::Targets, c, shares.len())?;
    check_len(What::ScoreGradient, c, g.len())?;
    let max = largest(f);
    let total = f.iter().fold(T::zero(), |sum, &f| sum + (f - max).exp());
    for k in 0..c {
        let others = || (0..c).filter(|&j| j != k);
        let probability = others().fold(T::zero(), |sum, j| sum + (f[j] - max).exp()) / total;
        let share = others().fold(T::zero(), |sum, j| sum + shares[j]);
        g[k] = (f[k] - max).exp() / total * share - shares[k] * probability;
    }
    Ok(())
}

/// (22) L = (1/N) sum of v_i l_i, and of gradients likewise: an excluded example has v_i = 0 and adds nothing,
/// whatever its loss is. With N = 0, or without examples, that is 0. O(n).
///
/// # Errors
///
/// See the [module](super): the length of `weights` (n).
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// let loss = handgrad::derivation::weighted_loss(&[1.0, 3.0, f64::NAN], &[0.5, 0.5, 0.0], 2.0)?;
/// assert_eq!(loss, 1.0);
/// # Ok(())
/// # }
/// ```
pub fn weighted_loss<T: Float>(losses: &[T], weights: &[T], divisor: T) -> Result<T, Error> {
    check_len(What::ExampleWeights, losses.len(), weights.len())?;
    if divisor == T::zero() {
        return Ok(T::zero());
    }
    let counted = losses.iter().zip(weights).filter(|(_, v)| **v != T::zero());
    Ok(counted.fold(T::zero(), |sum, (&loss, &v)| sum + v * loss) / divisor)
}

/// (24) (α/2) ||W||², whose gradient by W is α W. O(length of W).
///
/// # Errors
///
/// See the [module](super): [`Error::Zero`] if W is empty.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// assert_eq!(handgrad::derivation::half_square(&[3.0, 4.0], 0.5)?, 6.25);
/// # Ok(())
/// # }
/// ```
pub fn half_square<T: Float>(w: &[T], factor: T) -> Result<T, Error> {
    vector_len(What::Params, w)?;
    Ok(factor * super::vectors::dot(w, w) / (T::one() + T::one()))
}
