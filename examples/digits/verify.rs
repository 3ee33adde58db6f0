//! The gradient against finite differences, on the data and the parameters that training begins with.

use std::error::Error;

use fastrand::Rng;
use handgrad::{Batch, Dims, MatRef, Params, ParamsMut, derivation, loss, loss_and_grad};

use crate::data::Images;

/// A few images are enough: each parameter's slope is a sum over them.
const EXAMPLES: usize = 8;

/// How far each parameter is moved up and down. The error of the central difference is about h² from the curve
/// and eps/h from rounding; they meet at the cube root of eps, with eps = 2.2e-16.
const STEP: f64 = 6e-6;

/// The largest error that passes. With losses and curvatures of about 1 both errors are then eps^(2/3), 4e-11.
/// Compared to slopes of about 0.01 this is 4e-9, and the limit is 25 times that. (A wrong formula is off by
/// far more than 0.01.)
const LIMIT: f64 = 1e-7;

/// About so many multiply-adds (a second or less) may be spent: with the digits all parameters are verified, in
/// larger nets a random selection.
const WORK: usize = 4_000_000_000;

/// How the comparison went.
pub struct Verified {
    /// The largest |slope - gradient|, relative to that entry of the gradient, or to the root mean square of
    /// all entries where that is larger: entries near 0 have no digits to compare.
    pub worst: f64,
    pub limit: f64,
    pub compared: usize,
    /// Parameters left out because their step takes a pre-activation through 0, where the loss has a kink and
    /// the difference no meaning.
    pub kinks: usize,
}

/// Compares the gradient to central differences of the loss, in f64.
pub fn gradient(
    dims: Dims,
    theta: &[f32],
    images: &Images,
    rng: &mut Rng,
) -> Result<Verified, Box<dyn Error>> {
    let n = EXAMPLES.min(images.len());
    let x: Vec<f64> = images.pixels[..n * dims.inputs()].iter().copied().map(f64::from).collect();
    let batch = Batch::new(MatRef::new(&x, n, dims.inputs())?, &images.labels[..n])?;
    let mut theta: Vec<f64> = theta.iter().copied().map(f64::from).collect();
    let mut grad = vec![0.0; dims.param_len()];
    let mut scratch = vec![0.0; dims.scratch_len(n)];
    let dtheta = ParamsMut::from_flat(dims, &mut grad)?;
    loss_and_grad(Params::from_flat(dims, &theta)?, batch, dtheta, &mut scratch)?;

    let rms = (grad.iter().map(|g| g * g).sum::<f64>() / grad.len() as f64).sqrt();
    let z = preactivations(Params::from_flat(dims, &theta)?, &x)?;
    let mut verified = Verified { worst: 0.0, limit: LIMIT, compared: 0, kinks: 0 };
    for i in selection(dims, rng) {
        if meets_kink(dims, i, &x, &z) {
            verified.kinks += 1;
            continue;
        }
        let here = theta[i];
        let (left, right) = (here - STEP, here + STEP);
        let mut loss_at = |value| {
            theta[i] = value;
            loss(Params::from_flat(dims, &theta)?, batch, &mut scratch)
        };
        let slope = (loss_at(right)? - loss_at(left)?) / (right - left);
        theta[i] = here;
        let error = (slope - grad[i]).abs() / grad[i].abs().max(rms);
        if error.is_nan() || error > LIMIT {
            let g = grad[i];
            return Err(format!(
                "the gradient is wrong: parameter {i} has {g:.9e}, but the slope of the loss is {slope:.9e} \
                 (relative error {error:.1e}, limit {LIMIT:e})"
            )
            .into());
        }
        verified.worst = verified.worst.max(error);
        verified.compared += 1;
    }
    Ok(verified)
}

/// The parameters to verify: as many as the work allows, the same number of each of W1, b1, W2, b2.
fn selection(dims: Dims, rng: &mut Rng) -> Vec<usize> {
    let affordable = WORK / (2 * EXAMPLES * dims.param_len());
    let mut chosen = Vec::new();
    let mut start = 0;
    for len in dims.block_lens() {
        let amount = (affordable / 4).clamp(16, len.max(16)).min(len);
        chosen.extend(rng.choose_multiple(start..start + len, amount));
        start += len;
    }
    chosen
}

/// The pre-activations of all examples, n x h.
fn preactivations(params: Params<'_, f64>, x: &[f64]) -> Result<Vec<f64>, handgrad::Error> {
    let dims = params.dims();
    let mut z = vec![0.0; x.len() / dims.inputs() * dims.hidden()];
    for (x, z) in x.chunks_exact(dims.inputs()).zip(z.chunks_exact_mut(dims.hidden())) {
        derivation::preactivations(params.w1().as_slice(), params.b1(), x, z)?;
    }
    Ok(z)
}

/// Whether moving parameter `i` by a step may take a pre-activation through 0. Only W1 and b1 move them, one
/// hidden unit's, by the step times the pixel or the step itself. Twice that, to be clear of rounding.
fn meets_kink(dims: Dims, i: usize, x: &[f64], z: &[f64]) -> bool {
    let (m, h) = (dims.inputs(), dims.hidden());
    let (unit, pixel) = match i.checked_sub(h * m) {
        None => (i / m, Some(i % m)),
        Some(b1) if b1 < h => (b1, None),
        Some(_) => return false,
    };
    x.chunks_exact(m).zip(z.chunks_exact(h)).any(|(x, z)| {
        let moved = STEP * pixel.map_or(1.0, |pixel| x[pixel]);
        moved > 0.0 && z[unit].abs() <= 2.0 * moved
    })
}
