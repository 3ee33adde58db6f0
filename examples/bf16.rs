//! Parameters in bf16, half the memory: the pass runs in the type itself, so nothing is converted.
//!
//! ```text
//! cargo run --release --example bf16
//! ```

use half::bf16;
use handgrad::{Batch, Dims, Error, MatRef, Params, ParamsMut, loss_and_grad};
use num_traits::Float;

/// Loss and gradient of the same net and batch in some type.
fn evaluate<T: Float + Send + Sync + 'static>(of: impl Fn(f64) -> T) -> Result<(T, Vec<T>), Error> {
    let (dims, n) = (Dims::new(64, 32, 10)?, 32);
    let mut rng = fastrand::Rng::with_seed(1);
    // Multiples of 1/64: bf16 has them exactly.
    let mut random = |len| (0..len).map(|_| of(f64::from(rng.i32(-16..=16)) / 64.0)).collect::<Vec<T>>();
    let (theta, x) = (random(dims.param_len()), random(n * dims.inputs()));
    let labels: Vec<u8> = (0..n).map(|i| (i % 10) as u8).collect();
    let mut grad = vec![T::zero(); dims.param_len()];
    let mut scratch = vec![T::zero(); dims.scratch_len(n)];
    let batch = Batch::new(MatRef::new(&x, n, dims.inputs())?, &labels)?;
    let dtheta = ParamsMut::from_flat(dims, &mut grad)?;
    Ok((loss_and_grad(Params::from_flat(dims, &theta)?, batch, dtheta, &mut scratch)?, grad))
}

fn main() -> Result<(), Error> {
    let (exact, grad) = evaluate(|x| x)?;
    let (loss, short) = evaluate(bf16::from_f64)?;
    let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|x| x * x).sum::<f64>().sqrt();
    let size = norm(&mut grad.iter().copied());
    let error = norm(&mut short.iter().zip(&grad).map(|(short, grad)| short.to_f64() - grad)) / size;
    println!(
        "loss in bf16 {loss}, in f64 {exact:.4}; error of the gradient {:.1} % of its norm",
        100.0 * error
    );
    // Numbers of eight bits, in sums of 32 and 64 terms: 2⁻⁸ of each partial sum is lost.
    assert!((loss.to_f64() - exact).abs() < 0.01 * exact && error < 64.0 / 256.0);
    Ok(())
}
