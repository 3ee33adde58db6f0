//! A PyTorch model goes on learning here: the weights of a Sequential(Linear, ReLU, Linear) are read from the
//! safetensors file that PyTorch has written (`data/make.py`), and give PyTorch's scores, and its losses after
//! each further step.

use handgrad::{Batch, Kink, MatMut, MatRef, Params, ParamsMut, Pass, scores};
use safetensors::SafeTensors;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A tensor of f32, row by row, as PyTorch has them.
fn numbers(file: &SafeTensors<'_>, name: &str) -> Result<Vec<f32>> {
    let bytes = file.tensor(name)?.data().chunks_exact(4);
    Ok(bytes.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
}

fn main() -> Result<()> {
    let file = SafeTensors::deserialize(include_bytes!("../../data/model.safetensors"))?;
    let shape = file.tensor("0.weight")?.shape().to_vec();
    let (h, m) = (shape[0], shape[1]);
    let (mut w1, mut b1) = (numbers(&file, "0.weight")?, numbers(&file, "0.bias")?);
    let (mut w2, mut b2) = (numbers(&file, "2.weight")?, numbers(&file, "2.bias")?);
    let (x, expected) = (numbers(&file, "x")?, numbers(&file, "scores")?);
    let (labels, c, n) = (file.tensor("labels")?.data(), b2.len(), x.len() / m);
    let x = MatRef::new(&x, n, m)?;

    let params = Params::new(MatRef::new(&w1, h, m)?, &b1, MatRef::new(&w2, c, h)?, &b2)?;
    let mut scratch = vec![0.0; params.dims().scratch_len(n)];
    let mut f = vec![0.0; n * c];
    scores(params, x, MatMut::new(&mut f, n, c)?, &mut scratch)?;
    let error = f.iter().zip(&expected).map(|(f, expected)| (f - expected).abs()).fold(0.0, f32::max);
    println!("scores of {n} images: off PyTorch's by at most {error:.1e}");

    let mut worst = 0.0f32;
    for (step, expected) in numbers(&file, "losses")?.into_iter().enumerate() {
        let (mut dw1, mut db1, mut dw2, mut db2) =
            (vec![0.0; h * m], vec![0.0; h], vec![0.0; c * h], vec![0.0; c]);
        let params = Params::new(MatRef::new(&w1, h, m)?, &b1, MatRef::new(&w2, c, h)?, &b2)?;
        let grad =
            ParamsMut::new(MatMut::new(&mut dw1, h, m)?, &mut db1, MatMut::new(&mut dw2, c, h)?, &mut db2)?;
        let loss = Pass::new(params, Batch::new(x, labels)?).kink(Kink::Zero).grad(grad).run(&mut scratch)?;
        println!("step {step}: loss {loss:.6}, PyTorch's {expected:.6}");
        worst = worst.max((loss - expected).abs() / expected);
        for (w, dw) in [(&mut w1, dw1), (&mut b1, db1), (&mut w2, dw2), (&mut b2, db2)] {
            w.iter_mut().zip(dw).for_each(|(w, dw)| *w -= 0.5 * dw);
        }
    }
    if f.len() != expected.len() || error > 1e-5 || worst > 1e-5 {
        return Err("this is not PyTorch's model".into());
    }
    Ok(())
}
