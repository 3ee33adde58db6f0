//! The prediction, by other ways.

use digits::net::{Objective, initial_parameters};
use digits::solvers::{cholesky, cholesky_solve, dot};
use fastrand::Rng;
use handgrad::{Dims, Error, derivation};

use super::left_out;

const CLASSES: usize = 3;

/// Net, pixels, labels, parameters.
type Problem = (Dims, Vec<f64>, Vec<u8>, Vec<f64>);

/// A few images, and parameters that are no minimum: the formulas do not need one.
fn problem() -> Result<Problem, Error> {
    let dims = Dims::new(4, 5, CLASSES)?;
    let mut rng = Rng::with_seed(5);
    let pixels = (0..4 * 23).map(|_| rng.f64()).collect();
    let labels = (0..23).map(|_| rng.u8(0..CLASSES as u8)).collect();
    let mut theta: Vec<f64> = initial_parameters(dims, &mut rng).into_iter().map(f64::from).collect();
    // The biases have no L2: a unit that is active for one image alone would have a bias that nothing holds without it.
    theta[4 * 5..5 * 5].fill(1.0);
    Ok((dims, pixels, labels, theta))
}

/// (I - K B)⁻¹ K g by the matrices themselves: A from its products with unit vectors, K by Cholesky.
fn by_matrices(objective: &mut Objective<'_>, theta: &[f64], image: usize) -> Result<f64, Error> {
    let (len, n) = (theta.len(), objective.labels().len() as f64);
    let unit = |i: usize| -> Vec<f64> { (0..len).map(|k| f64::from(u8::from(k == i))).collect() };
    let mut a = vec![0.0; len * len];
    for (i, row) in a.chunks_exact_mut(len).enumerate() {
        let mut product = vec![0.0; len];
        objective.gauss_newton_vectors(theta, [&unit(i)].into_iter(), [&mut product].into_iter())?;
        row.copy_from_slice(&product);
        // The biases have no L2, and all scores may rise together: a little of the unit matrix, of no effect on the result.
        row[i] += 1e-9;
    }
    cholesky(&mut a, len);
    let mut own = objective.of_image(image);
    let (f, label) = (own.scores(theta)?.0, usize::from(own.labels()[0]));
    let mut p = vec![0.0; CLASSES];
    derivation::probabilities(&f, &mut p)?;
    let mut j = vec![vec![0.0; len]; CLASSES];
    for i in 0..len {
        let column = own.score_tangents(theta, &unit(i))?;
        (0..CLASSES).for_each(|c| j[c][i] = column[c]);
    }
    // Only differences of scores matter: with their mean taken off nothing grows with the inverse of the little.
    let mean: Vec<f64> = (0..len).map(|i| j.iter().map(|row| row[i]).sum::<f64>() / CLASSES as f64).collect();
    j.iter_mut().for_each(|row| row.iter_mut().zip(&mean).for_each(|(v, mean)| *v -= mean));
    let mut k = [[0.0; CLASSES]; CLASSES];
    for d in 0..CLASSES {
        let mut solution = j[d].clone();
        cholesky_solve(&a, &mut solution);
        (0..CLASSES).for_each(|c| k[c][d] = dot(&j[c], &solution));
    }
    let unit = |a: usize, b: usize| f64::from(u8::from(a == b));
    let b = |c: usize, d: usize| (p[c] * unit(c, d) - p[c] * p[d]) / n;
    let g = |c: usize| (p[c] - unit(c, label)) / n;
    // By Neumann's series, (I + KB + KBKB + ...) K g.
    let kg: Vec<f64> = (0..CLASSES).map(|c| (0..CLASSES).map(|d| k[c][d] * g(d)).sum()).collect();
    let mut change = kg.clone();
    for _ in 0..10_000 {
        let bf: Vec<f64> = (0..CLASSES).map(|c| (0..CLASSES).map(|d| b(c, d) * change[d]).sum()).collect();
        change = (0..CLASSES).map(|c| kg[c] + (0..CLASSES).map(|d| k[c][d] * bf[d]).sum::<f64>()).collect();
    }
    let moved: Vec<f64> = f.iter().zip(&change).map(|(f, change)| f + change).collect();
    derivation::loss(&moved, label)
}

#[test]
fn one_system_an_image_is_the_formula_with_k() -> Result<(), Error> {
    let (dims, pixels, labels, theta) = problem()?;
    let mut objective = Objective::new(dims, &pixels, &labels, [0.01, 0.02]);
    let images: Vec<usize> = (0..labels.len()).collect();
    let (losses, _) = left_out(&mut objective, &theta, &images, 1e-7)?;
    for (&i, loss) in images.iter().zip(losses) {
        let expected = by_matrices(&mut objective, &theta, i)?;
        assert!((loss - expected).abs() < 1e-5 * expected, "image {i}: {loss} instead of {expected}");
    }
    Ok(())
}
