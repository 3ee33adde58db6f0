//! The loss of an image if the net had been trained without it, predicted from the net that was trained with it.
//!
//! At the minimum θ of L = (1/n) Σ l_k + R the gradient is 0. Without image i, its gradient over n is missing in it:
//! ∇(L - l_i/n) = -∇l_i/n. So near θ, with Gauss-Newton's matrix for the second derivatives, the new minimum is at
//!
//! ```text
//! θ + δ,   (A - A_i) δ = ∇l_i/n
//! ```
//!
//! A is Gauss-Newton's matrix of all images plus L2, A_i = J_iᵀ B J_i what image i adds to it, J_i the derivatives of its
//! scores, B = (diag p - p pᵀ)/n. Then its scores are about f_i + J_i δ, and that gives the loss.
//!
//! With g = (p - e_y)/n, ∇l_i/n = J_iᵀ g. Multiplied by J_i A⁻¹, with the C × C matrix K = J_i A⁻¹ J_iᵀ, the system is
//! J_i δ = K g + K B J_i δ: so J_i δ = (I - K B)⁻¹ K g. That takes C systems with A instead of one with A - A_i: here it is what the
//! test compares with.
//!
//! The systems are solved by conjugate gradients, for several images at once: the products with A have their directions all in
//! one pass over the images, and those with A_i are of one image.

#[cfg(test)]
mod tests;

use digits::net::{DIRECTIONS, Objective};
use digits::solvers::conjugate_gradients;
use handgrad::{Error, derivation};

/// Residuals of this relative length are short enough: the error of the scores goes about with the square of it.
pub const TOLERANCE: f64 = 1e-2;

/// The predicted loss of each of these images, and how many products with A they took. `theta` is the minimum.
pub fn left_out(
    objective: &mut Objective<'_>,
    theta: &[f64],
    images: &[usize],
    tolerance: f64,
) -> Result<(Vec<f64>, usize), Error> {
    let (mut losses, mut count) = (Vec::with_capacity(images.len()), 0);
    for images in images.chunks(DIRECTIONS) {
        let mut own: Vec<_> = images.iter().map(|&i| objective.of_image(i)).collect();
        let mut grads = vec![vec![0.0; theta.len()]; own.len()];
        for (own, grad) in own.iter_mut().zip(&mut grads) {
            own.loss_and_grad(theta, grad)?;
        }
        let solved = conjugate_gradients(&grads, <[f64]>::to_vec, tolerance, 3000, |active, from, to| {
            products(objective, &mut own, theta, (active, from, to))
        })?;
        count += solved.products;
        for (own, step) in own.iter_mut().zip(&solved.solutions) {
            let (mut scores, _) = own.scores(theta)?;
            scores.iter_mut().zip(own.score_tangents(theta, step)?).for_each(|(f, change)| *f += change);
            losses.push(derivation::loss(&scores, own.labels()[0].into())?);
        }
    }
    Ok((losses, count))
}

/// The products of A - A_i, for the image i of each active system, with its direction.
fn products(
    objective: &mut Objective<'_>,
    own: &mut [Objective<'_>],
    theta: &[f64],
    (active, directions, products): (&[usize], &[Vec<f64>], &mut [Vec<f64>]),
) -> Result<(), Error> {
    let chosen = products.iter_mut().enumerate().filter(|(k, _)| active.contains(k)).map(|(_, to)| to);
    objective.gauss_newton_vectors(theta, active.iter().map(|&k| &directions[k]), chosen)?;
    let mut part = vec![0.0; theta.len()];
    for &k in active {
        own[k].gauss_newton_vectors(theta, [&directions[k]].into_iter(), [&mut part].into_iter())?;
        products[k].iter_mut().zip(&part).for_each(|(product, part)| *product -= part);
    }
    Ok(())
}
