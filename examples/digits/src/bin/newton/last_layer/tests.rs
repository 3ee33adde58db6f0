//! The last layer's derivatives against those of the whole net.

use digits::net::{Objective, initial_parameters};
use fastrand::Rng;
use handgrad::{Dims, Error};

use super::{LastLayer, Preconditioner};

const CLASSES: usize = 3;

fn net<'a>(pixels: &'a [f64], labels: &'a [u8], l2: f64) -> Result<(Objective<'a>, Vec<f64>), Error> {
    let dims = Dims::new(4, 5, CLASSES)?;
    let theta = initial_parameters(dims, &mut Rng::with_seed(3)).into_iter().map(f64::from).collect();
    Ok((Objective::new(dims, pixels, labels, [0.0, l2]), theta))
}

fn images() -> (Vec<f64>, Vec<u8>) {
    let mut rng = Rng::with_seed(4);
    (
        (0..4 * 29).map(|_| 2.0 * rng.f64() - 1.0).collect(),
        (0..29).map(|_| rng.u8(0..CLASSES as u8)).collect(),
    )
}

#[test]
fn the_hessian_is_the_change_of_the_gradient_and_gauss_newtons_matrix() -> Result<(), Error> {
    let (pixels, labels) = images();
    let (mut objective, theta) = net(&pixels, &labels, 0.03)?;
    let mut layer = LastLayer::new(net(&pixels, &labels, 0.03)?.0, theta.clone());
    let (len, start) = (layer.len(), theta.len() - layer.len());
    let last = theta[start..].to_vec();
    let direction: Vec<f64> = (0..len).map(|i| (1.7 * i as f64).sin()).collect();
    let mut product = vec![0.0; len];
    layer.hessian_vector(&last, &direction, &mut product)?;

    let mut whole = vec![0.0; theta.len()];
    whole[start..].copy_from_slice(&direction);
    let mut expected = vec![0.0; theta.len()];
    objective.gauss_newton_vectors(&theta, [&whole].into_iter(), [&mut expected].into_iter())?;
    let (mut up, mut down) = (vec![0.0; len], vec![0.0; len]);
    let at = |step: f64| last.iter().zip(&direction).map(|(x, v)| x + step * v).collect::<Vec<f64>>();
    layer.loss_and_grad(&at(1e-5), &mut up)?;
    layer.loss_and_grad(&at(-1e-5), &mut down)?;
    for i in 0..len {
        assert!((product[i] - expected[start + i]).abs() < 1e-14, "{i}");
        assert!((product[i] - (up[i] - down[i]) / 2e-5).abs() < 1e-8, "{i}");
    }
    Ok(())
}

#[test]
fn of_one_class_against_another_the_preconditioner_is_one_and_a_half_inverses() -> Result<(), Error> {
    // At W2 = 0 the matrix is (diag p - p pᵀ) times that of the activations: of a direction that is the same, with
    // another sign, in two classes and 0 in the third, 1/3 times it; the preconditioner has p (1 - p) = 2/9 there.
    let (pixels, labels) = images();
    let (objective, theta) = net(&pixels, &labels, 0.0)?;
    let mut layer = LastLayer::new(objective, theta);
    let (len, h) = (layer.len(), 5);
    let last = vec![0.0; len];
    let mut direction = vec![0.0; len];
    for j in 0..h {
        direction[j] = 1.0 + j as f64;
        direction[h + j] = -direction[j];
    }
    let mut product = vec![0.0; len];
    layer.hessian_vector(&last, &direction, &mut product)?;
    let back = Preconditioner::new(&mut layer, &last)?.apply(&product);
    for (back, v) in back.iter().zip(&direction) {
        assert!((back - 1.5 * v).abs() < 1e-9, "{back} instead of {}", 1.5 * v);
    }
    Ok(())
}
