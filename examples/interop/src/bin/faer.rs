//! faer and handgrad on the same memory: faer's views of it whiten the examples in place, then a pass reads them
//! there, and its gradient is multiplied on by faer.

use faer::{Mat, MatMut as FaerMut, MatRef as FaerRef};
use handgrad::{Batch, Dims, MatRef, Params, ParamsMut, loss_and_grad};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let (dims, n) = (Dims::new(4, 6, 3)?, 50);
    let (m, h) = (dims.inputs(), dims.hidden());
    // Column by column, as faer has it: column k holds input k of all examples.
    let mut x: Vec<f64> =
        (0..n * m).map(|i| (i * 7919 % 1013) as f64 / 1013.0 + (i % n) as f64 / 50.0).collect();
    let labels: Vec<usize> = (0..n).map(|i| i * i % 3).collect();
    let theta: Vec<f64> = (0..dims.param_len()).map(|i| (i * 331 % 101) as f64 / 101.0 - 0.5).collect();

    let mut view = FaerMut::from_column_major_slice_mut(&mut x, n, m);
    for k in 0..m {
        let mean = (0..n).map(|i| view[(i, k)]).sum::<f64>() / n as f64;
        (0..n).for_each(|i| view[(i, k)] -= mean);
    }
    let svd = view.as_ref().thin_svd().map_err(|err| format!("{err:?}"))?;
    view.copy_from(svd.U() * (n as f64).sqrt());
    let x_view = FaerRef::from_column_major_slice(&x, n, m);
    let covariance: Mat<f64> = x_view.transpose() * x_view / n as f64;
    println!(
        "covariance of the whitened inputs: {:.3} {:.3} {:.3}",
        covariance[(0, 0)],
        covariance[(0, 1)],
        covariance[(1, 1)]
    );

    let mut grad = vec![0.0; dims.param_len()];
    let mut scratch = vec![0.0; dims.scratch_len(n)];
    let batch = Batch::new(MatRef::col_major(&x, n, m)?, &labels)?;
    let loss = loss_and_grad(
        Params::from_flat(dims, &theta)?,
        batch,
        ParamsMut::from_flat(dims, &mut grad)?,
        &mut scratch,
    )?;
    // faer's view of the first block of the flat gradient.
    let dw1 = FaerRef::from_row_major_slice(&grad[..h * m], h, m);
    let gram: Mat<f64> = dw1.transpose() * dw1;
    let trace: f64 = (0..m).map(|k| gram[(k, k)]).sum();
    let squares: f64 = grad[..h * m].iter().map(|g| g * g).sum();
    println!("loss {loss:.6}, |dW1|² {squares:.9}, by faer {trace:.9}");
    if (covariance[(0, 0)] - 1.0).abs() > 1e-12 || (trace - squares).abs() > 1e-15 {
        return Err("faer and handgrad do not see the same memory".into());
    }
    Ok(())
}
