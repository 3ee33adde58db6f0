//! Checks a gradient that has nothing to do with this crate: layer normalisation and a linear layer with squared
//! loss, written by hand with ndarray. Then shows that the check has teeth.
//!
//! ```text
//! cargo run --example gradcheck_foreign
//! ```

use handgrad::gradcheck::{Block, Check, scratch_len, self_test_scratch_len};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};

/// Examples, features, outputs.
const N: usize = 6;
const D: usize = 5;
const K: usize = 3;
const EPSILON: f64 = 1e-5;

/// What the parameters are, in the order in which they stand in the flat slice.
const BLOCKS: [Block<'static>; 4] =
    [Block::vector("gain", D), Block::vector("shift", D), Block::matrix("W", K, D), Block::matrix("X", N, D)];

/// gain (D), shift (D), W (K x D), X (N x D) in one flat slice: views of it, no copies.
fn views(v: &[f64]) -> (ArrayView1<'_, f64>, ArrayView1<'_, f64>, ArrayView2<'_, f64>, ArrayView2<'_, f64>) {
    let (gain, rest) = v.split_at(D);
    let (shift, rest) = rest.split_at(D);
    let (w, x) = rest.split_at(K * D);
    let matrix = |rows, part| ArrayView2::from_shape((rows, D), part).expect("lengths are constants");
    (ArrayView1::from(gain), ArrayView1::from(shift), matrix(K, w), matrix(N, x))
}

/// Rows of X with mean 0 and variance 1, and what they were divided by.
fn normalise(x: ArrayView2<'_, f64>) -> (Array2<f64>, Array1<f64>) {
    let centred = &x - &x.mean_axis(Axis(1)).expect("D > 0").insert_axis(Axis(1));
    let deviation = centred.map_axis(Axis(1), |row| (row.dot(&row) / D as f64 + EPSILON).sqrt());
    (centred / deviation.view().insert_axis(Axis(1)), deviation)
}

/// The loss |Y - target|² / 2n with Y = (gain * normalised X + shift) Wᵀ.
fn loss(v: &[f64], target: &Array2<f64>) -> f64 {
    let (gain, shift, w, x) = views(v);
    let y = (normalise(x).0 * gain + shift).dot(&w.t());
    (y - target).mapv(|e| e * e).sum() / (2 * N) as f64
}

/// Its gradient by all of it, flat, in the same order.
fn gradient(v: &[f64], target: &Array2<f64>) -> Vec<f64> {
    let (gain, shift, w, x) = views(v);
    let (normal, deviation) = normalise(x);
    let scaled = &normal * &gain + shift;
    let dy = (scaled.dot(&w.t()) - target) / N as f64;
    let dw = dy.t().dot(&scaled);
    let dscaled = dy.dot(&w);
    let (dgain, dshift) = ((&dscaled * &normal).sum_axis(Axis(0)), dscaled.sum_axis(Axis(0)));
    // Through the normalisation: what is left of the gradient when its mean, and its part along the normalised
    // row, are taken away.
    let mut dx = dscaled * gain;
    for ((mut dx, normal), deviation) in dx.rows_mut().into_iter().zip(normal.rows()).zip(&deviation) {
        let (mean, along) = (dx.sum() / D as f64, dx.dot(&normal) / D as f64);
        dx.zip_mut_with(&normal, |dx, normal| *dx = (*dx - mean - along * normal) / deviation);
    }
    [dgain.to_vec(), dshift.to_vec(), dw.iter().copied().collect(), dx.iter().copied().collect()].concat()
}

fn main() -> Result<(), handgrad::Error> {
    let len = BLOCKS.iter().map(Block::len).sum();
    let mut rng = fastrand::Rng::with_seed(1);
    let v: Vec<f64> = (0..len).map(|_| 2.0 * rng.f64() - 1.0).collect();
    let target = Array2::from_shape_fn((N, K), |_| rng.f64());
    let g = gradient(&v, &target);

    let check = Check::new(&v, &g).blocks(&BLOCKS);
    let report = check.run(|v: &[f64]| loss(v, &target), &mut vec![0.0; scratch_len(len)])?;
    println!("{report}\n");
    report.assert_ok();
    assert!(report.resolution() < 1e-8);

    let test = check.self_test(|v: &[f64]| loss(v, &target), &mut vec![0.0; self_test_scratch_len(len)])?;
    println!("{test}\n");
    test.assert_ok();

    // A mistake that is easily made: the part along the normalised row forgotten.
    let mut wrong = g.clone();
    let (normal, _) = normalise(views(&v).3);
    let dx = &mut wrong[len - N * D..];
    dx.iter_mut().zip(normal.slice(s![.., ..])).for_each(|(dx, normal)| *dx += 1e-3 * normal);
    let report =
        Check::new(&v, &wrong).blocks(&BLOCKS).run(|v: &[f64]| loss(v, &target), &mut vec![0.0; 2 * len])?;
    println!("with a small part of dX forgotten, {report}");
    assert!(!report.is_ok());
    Ok(())
}
