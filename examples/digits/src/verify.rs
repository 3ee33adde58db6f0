//! The gradient against differences of the loss, on the data and the parameters that training begins with.

use std::error::Error;

use digits::data::Images;
use handgrad::gradcheck::{Check, Eval, branch, scratch_len};
use handgrad::{Batch, Dims, MatRef, Params, ParamsMut, derivation, loss, loss_and_grad};

/// A few images are enough: each parameter's slope is a sum over them.
const EXAMPLES: usize = 8;

/// About so many multiply-adds (a second or two) may be spent: with the digits all parameters are verified, in
/// larger nets a sample of each block.
const WORK: usize = 4_000_000_000;

/// Some 20 losses are needed for the slope by one parameter.
const LOSSES: usize = 20;

/// How the comparison went.
pub struct Verified {
    /// The largest relative error of the gradient.
    pub worst: f64,
    /// The smallest one that would have been called wrong.
    pub resolution: f64,
    /// So many slopes were compared: parameters, and directions through all of them.
    pub compared: usize,
}

/// Checks the gradient in f64. A wrong one is an error with the checker's report.
pub fn gradient(dims: Dims, theta: &[f32], images: &Images, seed: u64) -> Result<Verified, Box<dyn Error>> {
    let n = EXAMPLES.min(images.len());
    let x: Vec<f64> = images.pixels[..n * dims.inputs()].iter().copied().map(f64::from).collect();
    let batch = Batch::new(MatRef::new(&x, n, dims.inputs())?, &images.labels[..n])?;
    let theta: Vec<f64> = theta.iter().copied().map(f64::from).collect();
    let mut grad = vec![0.0; dims.param_len()];
    let mut scratch = vec![0.0; dims.scratch_len(n)];
    let dtheta = ParamsMut::from_flat(dims, &mut grad)?;
    loss_and_grad(Params::from_flat(dims, &theta)?, batch, dtheta, &mut scratch)?;

    let affordable = WORK / (LOSSES * n * dims.param_len());
    let all = if affordable < dims.param_len() { 0 } else { usize::MAX };
    let blocks = dims.blocks();
    let report = Check::new(&theta, &grad).blocks(&blocks).coordinates(all).seed(seed).try_run(
        |theta| {
            let params = Params::from_flat(dims, theta)?;
            Ok::<_, Box<dyn Error>>(Eval::new(loss(params, batch, &mut scratch)?).branch(masks(params, &x)?))
        },
        &mut vec![0.0; scratch_len(dims.param_len())],
    )?;
    if !report.is_ok() {
        return Err(report.to_string().into());
    }
    let compared = report.counts().conclusive();
    Ok(Verified { worst: report.worst_error(), resolution: report.resolution(), compared })
}

/// A fingerprint of which hidden units are active for which images: the loss is smooth while it stays the same.
fn masks(params: Params<'_, f64>, x: &[f64]) -> Result<u64, handgrad::Error> {
    let mut z = vec![0.0; params.b1().len()];
    let mut active = Vec::with_capacity(x.len() / params.dims().inputs() * z.len());
    for x in x.chunks_exact(params.dims().inputs()) {
        derivation::preactivations(params.w1().as_slice(), params.b1(), x, &mut z)?;
        active.extend(z.iter().map(|&z| z >= 0.0));
    }
    Ok(branch(active))
}
