//! (25) to (30): how scores and gradients of one example change along a direction V = (V1, v1, V2, v2) of the
//! parameters. A prime is the derivative along V at V = 0.

use num_traits::Float;

use super::vectors::{Softmax, check_matrix, dot, masked, vector_len};
use crate::error::{Error, What, check_len};
use crate::kink::Kink;

/// (25) a' = I * (V1 x + v1), how the hidden activations change along V, written to `a_tangent` (h). `v1` is V1 (h × m),
/// `v1_bias` is v1 (h), `z` are the pre-activations (1), which say where I is 0. O(hm).
///
/// # Errors
///
/// See the [module](super): the lengths of `v1`, `v1_bias` and `a_tangent`.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::{Kink, derivation::hidden_tangent};
///
/// let mut a_tangent = [0.0; 2];
/// hidden_tangent(&[1.0, 2.0, 3.0, 4.0], &[0.5, 0.0], &[1.0, 3.0], &[1.0, -1.0], Kink::One, &mut a_tangent)?;
/// assert_eq!(a_tangent, [7.5, 0.0]);
/// # Ok(())
/// # }
/// ```
pub fn hidden_tangent<T: Float>(
    v1: &[T],
    v1_bias: &[T],
    x: &[T],
    z: &[T],
    kink: Kink,
    a_tangent: &mut [T],
) -> Result<(), Error> {
    let (m, h) = (vector_len(What::Inputs, x)?, vector_len(What::Hidden, z)?);
    check_matrix(What::Direction, v1, h, m)?;
    check_len(What::Direction, h, v1_bias.len())?;
    check_len(What::Tangent, h, a_tangent.len())?;
    for i in 0..h {
        a_tangent[i] = masked(z[i], kink, dot(&v1[i * m..(i + 1) * m], x) + v1_bias[i]);
    }
    Ok(())
}

/// (26) f' = W2 a' + V2 a + v2, how the scores change along V, written to `f_tangent` (C): J v, with the Jacobian J of
/// the scores by all parameters. `v2` is V2 (C × h), `v2_bias` is v2 (C), `a_tangent` is what (25), [`hidden_tangent`],
/// gives. O(Ch).
///
/// # Errors
///
/// See the [module](super): the lengths of `w2`, `v2`, `a_tangent` (h, that of `a`) and `f_tangent` (C, that of
/// `v2_bias`).
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// let (w2, v2, v2_bias) = ([1.0, -1.0], [0.5, 2.0], [0.0, 10.0]); // h = 1, C = 2
/// let mut f_tangent = [0.0; 2];
/// handgrad::derivation::score_tangent(&w2, &v2, &v2_bias, &[4.0], &[3.0], &mut f_tangent)?;
/// assert_eq!(f_tangent, [5.0, 15.0]);
/// # Ok(())
/// # }
/// ```
pub fn score_tangent<T: Float>(
    w2: &[T],
    v2: &[T],
    v2_bias: &[T],
    a: &[T],
    a_tangent: &[T],
    f_tangent: &mut [T],
) -> Result<(), Error> {
    let (h, c) = (vector_len(What::Hidden, a)?, vector_len(What::Classes, v2_bias)?);
    check_matrix(What::W2, w2, c, h)?;
    check_matrix(What::Direction, v2, c, h)?;
    check_len(What::Tangent, h, a_tangent.len())?;
    check_len(What::Tangent, c, f_tangent.len())?;
    for j in 0..c {
        let row = j * h..(j + 1) * h;
        f_tangent[j] = dot(&w2[row.clone()], a_tangent) + dot(&v2[row], a) + v2_bias[j];
    }
    Ok(())
}

/// (27) g' = s p * (f' - p·f'), how the gradient by the scores changes along V, written to `g_tangent` (C), from the
/// scores `f` and their tangent, what (26), [`score_tangent`], gives. `s` is the sum of the shares (20), for a label
/// without other options 1.
///
/// It is computed as g'_c = s p_c (u_c - mu) with u = f' - f'_lead, as seen from the class that leads, and
/// mu = sum of p_c u_c: full relative accuracy also where p_lead is near 1, and p·f' is next to f'_lead. NaN in all of
/// `g_tangent` if the largest score is NaN or infinite. O(C²): the mean is formed anew for each class.
///
/// # Errors
///
/// See the [module](super): the lengths of `f_tangent` and `g_tangent` (C).
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// let mut g_tangent = [0.0; 2];
/// handgrad::derivation::score_grad_tangent(&[100.0, 0.0], 1.0, &[3.0, 5.0], &mut g_tangent)?;
/// let p = (-100f64).exp();
/// assert_eq!(g_tangent, [-2.0 * p, 2.0 * p]); // p·f' would be 3, and the first 0
/// # Ok(())
/// # }
/// ```
pub fn score_grad_tangent<T: Float>(
    f: &[T],
    s: T,
    f_tangent: &[T],
    g_tangent: &mut [T],
) -> Result<(), Error> {
    let c = vector_len(What::Classes, f)?;
    check_len(What::Tangent, c, f_tangent.len())?;
    check_len(What::Tangent, c, g_tangent.len())?;
    let softmax = Softmax::new(f);
    for j in 0..c {
        g_tangent[j] = s * softmax.probability(j) * softmax.centred(j, |k| f_tangent[k]);
    }
    Ok(())
}

/// (28) d' = I * (W2ᵀ g' + V2ᵀ g), how the gradient by the pre-activations, and so by b1, changes along V, written to
/// `d_tangent` (h); `g` is (15) or (21), `g_tangent` is what (27), [`score_grad_tangent`], gives. That by W1 is d' xᵀ:
/// [`loss_grad_w1`](super::loss_grad_w1) with d' in the place of d. O(Ch).
///
/// Of Gauss-Newton it is the same without V2ᵀ g: [`loss_grad_b1`](super::loss_grad_b1) with g' in the place of g.
///
/// # Errors
///
/// See the [module](super): the lengths of `w2`, `v2` (Ch both), `g_tangent` (C, that of `g`) and `d_tangent` (h).
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::{Kink, derivation::hidden_grad_tangent};
///
/// let (z, w2, v2) = ([1.0], [2.0, 3.0], [10.0, 20.0]); // h = 1, C = 2
/// let mut d_tangent = [0.0];
/// hidden_grad_tangent(&z, &w2, &v2, &[0.5, -0.5], &[1.0, -1.0], Kink::One, &mut d_tangent)?;
/// assert_eq!(d_tangent, [-1.0 - 5.0]);
/// # Ok(())
/// # }
/// ```
pub fn hidden_grad_tangent<T: Float>(
    z: &[T],
    w2: &[T],
    v2: &[T],
    g: &[T],
    g_tangent: &[T],
    kink: Kink,
    d_tangent: &mut [T],
) -> Result<(), Error> {
    let (h, c) = (vector_len(What::Hidden, z)?, vector_len(What::Classes, g)?);
    check_matrix(What::W2, w2, c, h)?;
    check_matrix(What::Direction, v2, c, h)?;
    check_len(What::Tangent, c, g_tangent.len())?;
    check_len(What::Tangent, h, d_tangent.len())?;
    for i in 0..h {
        let change = |j: usize| w2[j * h + i] * g_tangent[j] + v2[j * h + i] * g[j];
        d_tangent[i] = masked(z[i], kink, (0..c).fold(T::zero(), |sum, j| sum + change(j)));
    }
    Ok(())
}

/// (29) g' aᵀ + g a'ᵀ, the block W2 of H v, the Hessian of an example's loss times the direction, written to `product`
/// (C × h). The other blocks are g' for b2 (27), d' for b1 (28) and d' xᵀ for W1. O(Ch).
///
/// Of Gauss-Newton it is g' aᵀ: [`loss_grad_w2`](super::loss_grad_w2) with g' in the place of g.
///
/// # Errors
///
/// See the [module](super): the lengths of `g_tangent` (C, that of `g`), `a_tangent` (h, that of `a`) and `product`
/// (Ch).
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// let (g, a) = ([0.5, -0.5], [2.0]);
/// let mut product = [0.0; 2];
/// handgrad::derivation::hessian_vector_w2(&g, &a, &[1.0, -1.0], &[10.0], &mut product)?;
/// assert_eq!(product, [2.0 + 5.0, -2.0 - 5.0]);
/// # Ok(())
/// # }
/// ```
pub fn hessian_vector_w2<T: Float>(
    g: &[T],
    a: &[T],
    g_tangent: &[T],
    a_tangent: &[T],
    product: &mut [T],
) -> Result<(), Error> {
    let (h, c) = (vector_len(What::Hidden, a)?, vector_len(What::Classes, g)?);
    check_len(What::Tangent, c, g_tangent.len())?;
    check_len(What::Tangent, h, a_tangent.len())?;
    check_matrix(What::W2, product, c, h)?;
    for j in 0..c {
        for i in 0..h {
            product[j * h + i] = g_tangent[j] * a[i] + g[j] * a_tangent[i];
        }
    }
    Ok(())
}

/// The derivatives of one example's loss along V: (30).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DirectionalCurvature<T> {
    /// ∇L_i · v, the slope.
    pub slope: T,
    /// vᵀ (Gauss-Newton) v, never negative.
    pub gauss_newton: T,
    /// vᵀ H v, the second derivative.
    pub hessian: T,
}

/// (30) The slope g·f' and the curvatures along V: that of Gauss-Newton, s sum of p_c (u_c - mu)² with u and mu as in
/// (27), and that of the Hessian, which is larger by 2 g·(V2 a'), and can be negative.
///
/// `f` are the scores, `s` the sum of the shares (20), `g` is (15) or (21), `f_tangent` and `a_tangent` are what (26)
/// and (25) give. The curvature of Gauss-Newton keeps its relative accuracy whatever the scores are: its terms are
/// squares. O(Ch + C²).
///
/// # Errors
///
/// See the [module](super): the lengths of `g`, `f_tangent` (C, that of `f`) and `v2` (Ch).
///
/// # Example
///
/// The scores (0, 0) that change by (1, -1):
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// let (v2, a_tangent) = ([0.0, 3.0], [1.0]); // h = 1, C = 2
/// let along =
///     handgrad::derivation::directional_curvature(&[0.0, 0.0], 1.0, &[0.5, -0.5], &[1.0, -1.0], &v2, &a_tangent)?;
/// assert_eq!(along.slope, 1.0);
/// assert_eq!(along.gauss_newton, 1.0);
/// assert_eq!(along.hessian, 1.0 - 3.0);
/// # Ok(())
/// # }
/// ```
pub fn directional_curvature<T: Float>(
    f: &[T],
    s: T,
    g: &[T],
    f_tangent: &[T],
    v2: &[T],
    a_tangent: &[T],
) -> Result<DirectionalCurvature<T>, Error> {
    let (h, c) = (vector_len(What::Hidden, a_tangent)?, vector_len(What::Classes, f)?);
    check_len(What::ScoreGradient, c, g.len())?;
    check_len(What::Tangent, c, f_tangent.len())?;
    check_matrix(What::Direction, v2, c, h)?;
    let softmax = Softmax::new(f);
    let (mut square, mut mixed) = (T::zero(), T::zero());
    for j in 0..c {
        let from_mean = softmax.centred(j, |k| f_tangent[k]);
        square = square + softmax.probability(j) * from_mean * from_mean;
        mixed = mixed + g[j] * dot(&v2[j * h..(j + 1) * h], a_tangent);
    }
    let gauss_newton = s * square;
    Ok(DirectionalCurvature {
        slope: dot(g, f_tangent),
        gauss_newton,
        hessian: gauss_newton + (mixed + mixed),
    })
}
