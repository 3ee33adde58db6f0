//! nalgebra's matrices lie column by column, and its users write examples as columns, as the derivation does:
//! W1 (h × m) times X (m × n). All of it goes in and out as it lies.
//!
//! ```text
//! cargo run --example nalgebra
//! ```

use handgrad::{Batch, Error, MatMut, MatRef, Params, ParamsMut, Pass};
use nalgebra::{DMatrix, DVector};

fn view(a: &DMatrix<f64>) -> Result<MatRef<'_, f64>, Error> {
    MatRef::col_major(a.as_slice(), a.nrows(), a.ncols())
}

fn view_mut(a: &mut DMatrix<f64>) -> Result<MatMut<'_, f64>, Error> {
    let (rows, cols) = a.shape();
    MatMut::col_major(a.as_mut_slice(), rows, cols)
}

fn main() -> Result<(), Error> {
    let (n, m, h, c) = (7, 4, 6, 3);
    let mut rng = fastrand::Rng::with_seed(1);
    let mut random = |rows, cols| DMatrix::from_fn(rows, cols, |_, _| rng.f64() - 0.5);
    let (w1, w2, x) = (random(h, m), random(c, h), random(m, n));
    let (b1, b2) = (DVector::from_element(h, 0.1), DVector::from_element(c, 0.0));
    let labels: Vec<usize> = (0..n).map(|i| i % c).collect();

    let params = Params::new(view(&w1)?, b1.as_slice(), view(&w2)?, b2.as_slice())?;
    let (mut dw1, mut dw2, mut dx) = (DMatrix::zeros(h, m), DMatrix::zeros(c, h), DMatrix::zeros(m, n));
    let (mut db1, mut db2) = (DVector::zeros(h), DVector::zeros(c));
    let grad =
        ParamsMut::new(view_mut(&mut dw1)?, db1.as_mut_slice(), view_mut(&mut dw2)?, db2.as_mut_slice())?;
    let mut scratch = vec![0.0; params.dims().scratch_len(n)];
    // `t()`: a view of examples as columns is one of examples as rows.
    let loss = Pass::new(params, Batch::new(view(&x)?.t(), &labels)?)
        .grad(grad)
        .input_grad(view_mut(&mut dx)?.t())
        .run(&mut scratch)?;
    println!("loss {loss:.6}, |dW1| {:.6}, |dW2| {:.6}, |dX| {:.6}", dw1.norm(), dw2.norm(), dx.norm());

    // The derivation with nalgebra's own products.
    let mut z = &w1 * &x;
    z.column_iter_mut().for_each(|mut z| z += &b1);
    let a = z.map(|z| z.max(0.0));
    let mut g = &w2 * &a;
    for (mut g, &y) in g.column_iter_mut().zip(&labels) {
        g += &b2;
        g.apply(|f| *f = f.exp());
        let sum = g.sum();
        g /= sum;
        g[y] -= 1.0;
        g /= n as f64;
    }
    let d = (w2.transpose() * &g).zip_map(&z, |d, z| if z >= 0.0 { d } else { 0.0 });
    assert!((&dw1 - &d * x.transpose()).amax() < 1e-15);
    assert!((&dw2 - &g * a.transpose()).amax() < 1e-15);
    assert!((&dx - w1.transpose() * &d).amax() < 1e-15);
    assert!((&db1 - d.column_sum()).amax() < 1e-15 && (&db2 - g.column_sum()).amax() < 1e-15);
    println!("the gradients are those of the derivation in nalgebra's products");
    Ok(())
}
