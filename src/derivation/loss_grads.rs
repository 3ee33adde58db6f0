//! (12) to (16), (18), (19): the gradients of one example's loss, their norms and inner products.

use num_traits::Float;

use super::vectors::{check_class, check_matrix, dot, largest, masked, vector_len};
use crate::error::{Error, What, check_len};
use crate::kink::Kink;

/// (12) d L_i / d W1 = (I * (W2ᵀ p - W2\[y\]ᵀ)) xᵀ = d xᵀ, written to `grad` (h × m). `d` is what (14),
/// [`loss_grad_b1`], gives. O(hm).
///
/// # Errors
///
/// See the [module](super): the length of `grad`.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// let mut grad = [0.0; 4];
/// handgrad::derivation::loss_grad_w1(&[0.5, -1.0], &[2.0, 3.0], &mut grad)?;
/// assert_eq!(grad, [1.0, 1.5, -2.0, -3.0]);
/// # Ok(())
/// # }
/// ```
pub fn loss_grad_w1<T: Float>(d: &[T], x: &[T], grad: &mut [T]) -> Result<(), Error> {
    outer_product(d, x, [What::Hidden, What::Inputs], grad)
}

/// (13) d L_i / d W2 = g aᵀ, written to `grad` (C × h). `g` is what (15), [`loss_grad_b2`], gives. O(Ch).
///
/// # Errors
///
/// See the [module](super): the length of `grad`.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// let mut grad = [0.0; 4];
/// handgrad::derivation::loss_grad_w2(&[0.5, -0.5], &[2.0, 3.0], &mut grad)?;
/// assert_eq!(grad, [1.0, 1.5, -1.0, -1.5]);
/// # Ok(())
/// # }
/// ```
pub fn loss_grad_w2<T: Float>(g: &[T], a: &[T], grad: &mut [T]) -> Result<(), Error> {
    outer_product(g, a, [What::Classes, What::Hidden], grad)
}

/// (14) d L_i / d b1 = d = I * (W2ᵀ g), written to `d` (h). With g = p - e_y that is
/// I * (W2ᵀ p - W2\[y\]ᵀ). O(Ch).
///
/// # Errors
///
/// See the [module](super): the lengths of `w2` (Ch) and `d` (h).
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::{Kink, derivation::loss_grad_b1};
///
/// let (z, w2, g) = ([1.0, -1.0], [2.0, 3.0, 4.0, 5.0], [0.5, -0.5]);
/// let mut d = [0.0; 2];
/// loss_grad_b1(&z, &w2, &g, Kink::One, &mut d)?;
/// assert_eq!(d, [-1.0, 0.0]);
/// # Ok(())
/// # }
/// ```
pub fn loss_grad_b1<T: Float>(z: &[T], w2: &[T], g: &[T], kink: Kink, d: &mut [T]) -> Result<(), Error> {
    let (h, c) = (vector_len(What::Hidden, z)?, vector_len(What::Classes, g)?);
    check_matrix(What::W2, w2, c, h)?;
    check_len(What::HiddenGradient, h, d.len())?;
    for i in 0..h {
        let sum = (0..c).fold(T::zero(), |sum, j| sum + w2[j * h + i] * g[j]);
        d[i] = masked(z[i], kink, sum);
    }
    Ok(())
}

/// (15) d L_i / d b2 = d L_i / d f = g = p - e_y, written to `g` (C), from the scores.
///
/// g_y is minus the sum of the other probabilities, which equals p_y - 1 and does not cancel where p_y is
/// near 1. NaN in all of `g` if the largest score is NaN or infinite. O(C).
///
/// # Errors
///
/// See the [module](super): the length of `g` (C), and [`Error::Label`] if `y` is not in 0..C.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// let mut g = [0.0; 2];
/// handgrad::derivation::loss_grad_b2(&[100.0, 0.0], 0, &mut g)?;
/// assert_eq!(g, [-(-100f64).exp(), (-100f64).exp()]); // p_y - 1 would be 0
/// # Ok(())
/// # }
/// ```
pub fn loss_grad_b2<T: Float>(f: &[T], y: usize, g: &mut [T]) -> Result<(), Error> {
    let c = vector_len(What::Classes, f)?;
    check_len(What::ScoreGradient, c, g.len())?;
    check_class(y, c)?;
    let max = largest(f);
    let sum = f.iter().fold(T::zero(), |sum, &f| sum + (f - max).exp());
    let mut others = T::zero();
    for j in (0..c).filter(|&j| j != y) {
        g[j] = (f[j] - max).exp() / sum;
        others = others + g[j];
    }
    // Where there is no other class, NaN would otherwise be lost.
    g[y] = if sum.is_nan() { sum } else { -others };
    Ok(())
}

/// (16) d L_i / d x = W1ᵀ d, written to `grad` (m): what a model below this net needs. `d` is what (14),
/// [`loss_grad_b1`], gives. O(hm).
///
/// # Errors
///
/// See the [module](super): the length of `w1` (hm).
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// let mut grad = [0.0; 2];
/// handgrad::derivation::input_grad(&[1.0, 2.0, 3.0, 4.0], &[0.5, -1.0], &mut grad)?;
/// assert_eq!(grad, [-2.5, -3.0]);
/// # Ok(())
/// # }
/// ```
pub fn input_grad<T: Float>(w1: &[T], d: &[T], grad: &mut [T]) -> Result<(), Error> {
    let (h, m) = (vector_len(What::Hidden, d)?, vector_len(What::InputGradient, grad)?);
    check_matrix(What::W1, w1, h, m)?;
    for k in 0..m {
        grad[k] = T::zero();
        for i in 0..h {
            grad[k] = grad[k] + w1[i * m + k] * d[i];
        }
    }
    Ok(())
}

/// (18) ||grad L_i||² = ||g||² (||a||² + 1) + ||d||² (||x||² + 1): the squared norm of one example's gradient
/// by all parameters, without that gradient. O(m + h + C).
///
/// # Errors
///
/// See the [module](super): the length of `d` (h, that of `a`).
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// let norm = handgrad::derivation::grad_norm_squared(&[0.5, -0.5], &[2.0], &[1.0], &[3.0])?;
/// assert_eq!(norm, 0.5 * 5.0 + 1.0 * 10.0);
/// # Ok(())
/// # }
/// ```
pub fn grad_norm_squared<T: Float>(g: &[T], a: &[T], d: &[T], x: &[T]) -> Result<T, Error> {
    let factors = GradFactors { g, a, d, x };
    grad_inner_product(factors, factors)
}

/// (19) The inner product of the gradients of two examples i and k,
/// (g_i · g_k)(a_i · a_k + 1) + (d_i · d_k)(x_i · x_k + 1), without those gradients. Each example is given as
/// its [`GradFactors`]. O(m + h + C).
///
/// # Errors
///
/// See the [module](super): the lengths of the second example's vectors, and that of the first one's `d` (h,
/// that of `a`).
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::derivation::{GradFactors, grad_inner_product};
///
/// let first = GradFactors { g: &[0.5, -0.5], a: &[2.0], d: &[1.0], x: &[3.0] };
/// let second = GradFactors { g: &[-0.5, 0.5], a: &[1.0], d: &[1.0], x: &[-1.0] };
/// assert_eq!(grad_inner_product(first, second)?, -0.5 * 3.0 + 1.0 * -2.0);
/// # Ok(())
/// # }
/// ```
pub fn grad_inner_product<T: Float>(i: GradFactors<'_, T>, k: GradFactors<'_, T>) -> Result<T, Error> {
    let h = vector_len(What::Hidden, i.a)?;
    check_len(What::HiddenGradient, h, i.d.len())?;
    check_len(What::ScoreGradient, vector_len(What::Classes, i.g)?, k.g.len())?;
    check_len(What::Activations, h, k.a.len())?;
    check_len(What::HiddenGradient, h, k.d.len())?;
    check_len(What::X, vector_len(What::Inputs, i.x)?, k.x.len())?;
    let one = T::one();
    Ok(dot(i.g, k.g) * (dot(i.a, k.a) + one) + dot(i.d, k.d) * (dot(i.x, k.x) + one))
}

/// What the gradient of one example's loss is made of: by (12) to (15) it is d xᵀ, d, g aᵀ and g.
#[derive(Clone, Copy, Debug)]
pub struct GradFactors<'a, T> {
    /// dL/df, C: (15).
    pub g: &'a [T],
    /// The hidden activations, h: (2).
    pub a: &'a [T],
    /// dL/dz, h: (14).
    pub d: &'a [T],
    /// The example, m.
    pub x: &'a [T],
}

/// u vᵀ, row by row; what their lengths are called.
fn outer_product<T: Float>(u: &[T], v: &[T], sizes: [What; 2], grad: &mut [T]) -> Result<(), Error> {
    let (rows, cols) = (vector_len(sizes[0], u)?, vector_len(sizes[1], v)?);
    check_matrix(What::Gradient, grad, rows, cols)?;
    for i in 0..rows {
        for k in 0..cols {
            grad[i * cols + k] = u[i] * v[k];
        }
    }
    Ok(())
}
