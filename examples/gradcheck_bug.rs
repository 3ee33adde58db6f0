//! A gradient with a bug in it, as it was written, and what the checker says of it. The softmax classifier of
//! this crate without its hidden layer, by hand with nalgebra, whose matrices lie column by column.
//!
//! ```text
//! cargo run --example gradcheck_bug
//! ```

use handgrad::gradcheck::{Block, Check, Hint, scratch_len};
use nalgebra::{DMatrix, DVector};

/// Inputs, classes, examples.
const M: usize = 4;
const C: usize = 3;
const N: usize = 8;

/// The parameters: W (C x M) row by row, then b (C).
const BLOCKS: [Block<'static>; 2] = [Block::matrix("W", C, M), Block::vector("b", C)];

struct Data {
    /// Examples as columns.
    x: DMatrix<f64>,
    labels: Vec<usize>,
}

/// The probabilities of all examples, as columns.
fn probabilities(v: &[f64], data: &Data) -> DMatrix<f64> {
    let (w, b) = v.split_at(C * M);
    let mut f = DMatrix::from_row_slice(C, M, w) * &data.x;
    for mut column in f.column_iter_mut() {
        column += DVector::from_column_slice(b);
        let largest = column.max();
        column.apply(|f| *f = (*f - largest).exp());
        column /= column.sum();
    }
    f
}

fn loss(v: &[f64], data: &Data) -> f64 {
    let p = probabilities(v, data);
    -data.labels.iter().enumerate().map(|(i, &y)| p[(y, i)].ln()).sum::<f64>() / N as f64
}

/// dL/dW = (1/n) G Xᵀ, dL/db = (1/n) G 1, with G = P - Y. Two versions of how W's part gets into the flat slice.
fn gradient(v: &[f64], data: &Data, right: bool) -> Vec<f64> {
    let mut g = probabilities(v, data);
    data.labels.iter().enumerate().for_each(|(i, &y)| g[(y, i)] -= 1.0);
    let dw = &g * data.x.transpose() / N as f64;
    let db = g.column_sum() / N as f64;
    let dw = if right { dw.transpose() } else { dw }; // The bug: as_slice() is column by column.
    [dw.as_slice(), db.as_slice()].concat()
}

fn main() -> Result<(), handgrad::Error> {
    let mut rng = fastrand::Rng::with_seed(3);
    let v: Vec<f64> = (0..C * M + C).map(|_| 2.0 * rng.f64() - 1.0).collect();
    let data = Data {
        x: DMatrix::from_fn(M, N, |_, _| 4.0 * rng.f64() - 2.0),
        labels: (0..N).map(|_| rng.usize(0..C)).collect(),
    };
    let mut scratch = vec![0.0; scratch_len(v.len())];

    let buggy = gradient(&v, &data, false);
    let report = Check::new(&v, &buggy).blocks(&BLOCKS).run(|v: &[f64]| loss(v, &data), &mut scratch)?;
    println!("as it was written, {report}\n");
    assert_eq!(report.hint(), Some(Hint::Transposed));

    let fixed = gradient(&v, &data, true);
    let report = Check::new(&v, &fixed).blocks(&BLOCKS).run(|v: &[f64]| loss(v, &data), &mut scratch)?;
    println!("as it should be, {report}");
    report.assert_ok();
    Ok(())
}
