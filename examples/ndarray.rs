//! ndarray's memory goes in and out as it lies: owned and transposed arrays, and a slice of a wider table. Only what has gaps
//! and what runs backwards is copied.
//!
//! ```text
//! cargo run --example ndarray
//! ```

use handgrad::{Batch, Error, MatMut, MatRef, Params, ParamsMut, loss_and_grad};
use ndarray::{Array1, Array2, ArrayView2, CowArray, Ix2, s};

/// Any array as one that [`view`] takes: itself, or a copy if it has gaps or an axis is reversed. (A part of a table can do
/// without the copy: it is a view, with strides, of the table's own slice.)
fn forward(array: ArrayView2<'_, f64>) -> CowArray<'_, f64, Ix2> {
    let is_forward = array.strides().iter().all(|&stride| stride >= 0);
    if is_forward && array.to_slice_memory_order().is_some() {
        array.into()
    } else {
        array.as_standard_layout().into_owned().into()
    }
}

/// A view of what [`forward`] returns: row by row, column by column, owned or transposed.
fn view<'a>(array: &'a CowArray<'_, f64, Ix2>) -> Result<MatRef<'a, f64>, Error> {
    let strides = (array.strides()[0] as usize, array.strides()[1] as usize);
    MatRef::with_strides(array.as_slice_memory_order().unwrap_or_default(), array.dim(), strides)
}

fn view_mut(array: &mut Array2<f64>) -> Result<MatMut<'_, f64>, Error> {
    let (shape, strides) = (array.dim(), (array.strides()[0] as usize, array.strides()[1] as usize));
    MatMut::with_strides(array.as_slice_memory_order_mut().unwrap_or_default(), shape, strides)
}

fn main() -> Result<(), Error> {
    let (n, m, h, c) = (6, 4, 5, 3);
    let mut rng = fastrand::Rng::with_seed(1);
    let mut random = |rows, cols| Array2::from_shape_simple_fn((rows, cols), || rng.f64() - 0.5);
    let (w1, w2) = (random(h, m), random(c, h));
    let (b1, b2) = (Array1::<f64>::zeros(h), Array1::<f64>::zeros(c));
    // A table whose last column is the label: the examples are all columns but that one, where they are.
    let mut table = random(n, m + 1);
    let labels: Vec<usize> = (0..n).map(|i| i % c).collect();
    labels.iter().enumerate().for_each(|(i, &y)| table[(i, m)] = y as f64);
    let x = MatRef::with_strides(table.as_slice().unwrap_or_default(), (n, m), (m + 1, 1))?;

    // The same weights as they come; transposed: kept as (m, h) and (h, c) arrays, as many programs do; and with reversed
    // axes and with gaps.
    let (w1_t, w2_t) = (w1.t().as_standard_layout().into_owned(), w2.t().as_standard_layout().into_owned());
    let mut results = Vec::new();
    let (backwards, gaps) = (w1.slice(s![..;-1, ..;-1]).into_owned(), stretched(&w2));
    let (w1_r, w2_g) = (backwards.slice(s![..;-1, ..;-1]), gaps.slice(s![..;2, ..;3]));
    for (w1, w2) in [(w1.view(), w2.view()), (w1_t.t(), w2_t.t()), (w1_r, w2_g)] {
        let (w1, w2) = (forward(w1), forward(w2));
        let params = Params::new(
            view(&w1)?,
            b1.as_slice().unwrap_or_default(),
            view(&w2)?,
            b2.as_slice().unwrap_or_default(),
        )?;
        let mut scratch = vec![0.0; params.dims().scratch_len(n)];
        // Gradients into arrays of the other order.
        let (mut dw1, mut dw2) = (Array2::zeros((m, h)).reversed_axes(), Array2::zeros((c, h)));
        let (mut db1, mut db2) = (vec![0.0; h], vec![0.0; c]);
        let grad = ParamsMut::new(view_mut(&mut dw1)?, &mut db1, view_mut(&mut dw2)?, &mut db2)?;
        let loss = loss_and_grad(params, Batch::new(x, &labels)?, grad, &mut scratch)?;
        println!("loss {loss:.6}, |dW1| {:.6}, |dW2| {:.6}", norm(&dw1), norm(&dw2));
        results.push((loss, dw1, dw2));
    }

    // And with ndarray's own products.
    let z = table.slice(s![.., ..m]).dot(&w1.t()) + &b1;
    let f = z.mapv(|z| z.max(0.0)).dot(&w2.t()) + &b2;
    let losses = f.rows().into_iter().zip(&labels).map(|(f, &y)| f.mapv(f64::exp).sum().ln() - f[y]);
    let expected = losses.sum::<f64>() / n as f64;
    assert!(results.iter().all(|(loss, ..)| (loss - expected).abs() < 1e-14));
    for other in &results[1..] {
        assert!((&results[0].1 - &other.1).iter().all(|difference| difference.abs() < 1e-15));
    }
    println!("ndarray's products: loss {expected:.6}");
    Ok(())
}

/// With a row and two columns of gaps after each.
fn stretched(a: &Array2<f64>) -> Array2<f64> {
    let mut wide = Array2::from_elem((2 * a.nrows(), 3 * a.ncols()), f64::NAN);
    wide.slice_mut(s![..;2, ..;3]).assign(a);
    wide
}

fn norm(a: &Array2<f64>) -> f64 {
    a.iter().map(|x| x * x).sum::<f64>().sqrt()
}
