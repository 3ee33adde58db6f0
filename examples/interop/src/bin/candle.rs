//! A head on a candle model: candle has the layer below, handgrad reads its output where candle keeps it, and
//! dX goes back into candle's own backward pass.

use candle_core::{DType, Device, Result, Storage, Tensor, Var};
use handgrad::{Batch, Dims, MatMut, MatRef, Params, ParamsMut, Pass};

const DIMS: Dims = match Dims::new(8, 16, 3) {
    Ok(dims) => dims,
    Err(_) => panic!("constant dimensions"),
};

/// Loss, dW of the head, and dX, of features that candle keeps in memory.
fn head(theta: &[f32], features: &Tensor, labels: &[u8]) -> Result<(f32, Vec<f32>, Tensor)> {
    let (n, m) = features.dims2()?;
    let (storage, layout) = features.storage_and_layout();
    let Storage::Cpu(memory) = &*storage else { candle_core::bail!("not in the memory of the CPU") };
    let strides = (layout.stride()[0], layout.stride()[1]);
    let slice = &memory.as_slice::<f32>()?[layout.start_offset()..];
    let x = MatRef::with_strides(slice, (n, m), strides).map_err(candle_core::Error::wrap)?;
    let (mut grad, mut dx) = (vec![0.0; theta.len()], vec![0.0; n * m]);
    let loss = (|| {
        Pass::new(Params::from_flat(DIMS, theta)?, Batch::new(x, labels)?)
            .grad(ParamsMut::from_flat(DIMS, &mut grad)?)
            .input_grad(MatMut::new(&mut dx, n, m)?)
            .run(&mut vec![0.0; DIMS.scratch_len(n)])
    })()
    .map_err(candle_core::Error::wrap)?;
    Ok((loss, grad, Tensor::from_vec(dx, (n, m), &Device::Cpu)?))
}

/// The same loss with candle's own operations.
fn candle_loss(theta: &[f32], features: &Tensor, labels: &[u8]) -> Result<Tensor> {
    let [w1, b1, w2, _] = DIMS.block_lens();
    let part = |from, rows: usize, cols: usize| {
        Tensor::from_slice(&theta[from..from + rows * cols], (rows, cols), &Device::Cpu)
    };
    let (h, c) = (DIMS.hidden(), DIMS.classes());
    let z = features.matmul(&part(0, h, DIMS.inputs())?.t()?)?.broadcast_add(&part(w1, 1, h)?)?;
    let f = z.relu()?.matmul(&part(w1 + b1, c, h)?.t()?)?.broadcast_add(&part(w1 + b1 + w2, 1, c)?)?;
    let onehot = labels.iter().flat_map(|&y| (0..c).map(move |j| f32::from(u8::from(j == usize::from(y)))));
    let onehot = Tensor::from_iter(onehot, &Device::Cpu)?.reshape((labels.len(), c))?;
    let right = (&f * onehot)?.sum(1)?;
    f.exp()?.sum(1)?.log()?.sub(&right)?.mean_all()
}

fn main() -> Result<()> {
    let (n, inputs, m) = (60, 2, DIMS.inputs());
    // Three arms of a spiral.
    let labels: Vec<u8> = (0..n).map(|i| (i % 3) as u8).collect();
    let points = (0..n).flat_map(|i| {
        let (radius, arm) = (0.2 + i as f32 / 60.0, (i % 3) as f32);
        let angle = 2.1 * arm + 2.0 * radius;
        [radius * angle.cos(), radius * angle.sin()]
    });
    let x = Tensor::from_iter(points, &Device::Cpu)?.reshape((n, inputs))?;
    let w = Var::from_tensor(
        &(Tensor::arange(0f32, (inputs * m) as f32, &Device::Cpu)? * 1.7)?.sin()?.reshape((inputs, m))?,
    )?;
    let b = Var::zeros(m, DType::F32, &Device::Cpu)?;
    let mut theta: Vec<f32> = (0..DIMS.param_len()).map(|i| (i as f32 * 1.3).sin() / 2.0).collect();

    let (mut first, mut last) = (f32::NAN, f32::NAN);
    for step in 0..400 {
        let features = x.matmul(&w)?.broadcast_add(&b)?.tanh()?;
        let (loss, grad, dx) = head(&theta, &features, &labels)?;
        // The scalar whose gradient by the features is dX.
        let grads = (&features * dx)?.sum_all()?.backward()?;
        if step == 0 {
            let whole = candle_loss(&theta, &features, &labels)?;
            let (ours, theirs) = (grads.get(&w), whole.backward()?);
            let (Some(ours), Some(theirs)) = (ours, theirs.get(&w)) else {
                candle_core::bail!("no gradient")
            };
            let error = (ours - theirs)?.abs()?.max_all()?.to_scalar::<f32>()?;
            println!("gradient of candle's layer, by dX and by candle alone: {error:.1e} apart");
            if error > 1e-6 || (whole.to_scalar::<f32>()? - loss).abs() > 1e-5 {
                candle_core::bail!("not the same gradient");
            }
        }
        for var in [&w, &b] {
            if let Some(grad) = grads.get(var) {
                var.set(&(var.as_tensor() - (grad * 0.5)?)?)?;
            }
        }
        theta.iter_mut().zip(grad).for_each(|(theta, grad)| *theta -= 0.5 * grad);
        if step % 100 == 0 {
            println!("step {step}: loss {loss:.4}");
        }
        (first, last) = (if step == 0 { loss } else { first }, loss);
    }
    println!("loss {first:.4} -> {last:.4}");
    if last > 0.05 {
        candle_core::bail!("it has not learned");
    }
    Ok(())
}
