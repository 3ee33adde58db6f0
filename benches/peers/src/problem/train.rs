//! A net that has learnt: plain minibatch gradient descent with momentum, by handgrad itself.

use anyhow::Result;
use handgrad::{Batch, Dims, MatRef, Params, ParamsMut, loss_and_grad};

use super::mnist::Mnist;
use super::random::{he, normal};
use super::{SEED, Shape};

const EPOCHS: usize = 3;
const BATCH: usize = 128;
const STEP: f32 = 0.05;
const MOMENTUM: f32 = 0.9;

/// He's initialisation: normal weights, b1 and b2 of 0.
pub fn initial(shape: Shape) -> Vec<f32> {
    let mut rng = fastrand::Rng::with_seed(SEED);
    let [w1, b1, w2, b2] = shape.blocks();
    let mut params = Vec::with_capacity(shape.params());
    params.extend((0..w1).map(|_| (he(shape.m) * normal(&mut rng)) as f32));
    params.resize(w1 + b1, 0.0);
    params.extend((0..w2).map(|_| (he(shape.h) * normal(&mut rng)) as f32));
    params.resize(w1 + b1 + w2 + b2, 0.0);
    params
}

/// Goes through all digits three times, each time in another order. The same bits on every run on one machine.
pub fn train(mnist: &Mnist, hidden: usize, params: &mut [f32]) -> Result<()> {
    let dims = Dims::new(mnist.inputs, hidden, mnist.classes)?;
    let mut rng = fastrand::Rng::with_seed(SEED);
    let mut order: Vec<usize> = (0..mnist.labels.len()).collect();
    let (mut grad, mut velocity) = (vec![0.0; params.len()], vec![0.0; params.len()]);
    let mut scratch = vec![0.0; dims.scratch_len(BATCH)];
    for _ in 0..EPOCHS {
        rng.shuffle(&mut order);
        // The last few examples of an epoch, too few for a batch, have their turn in another one.
        for batch in order.chunks_exact(BATCH) {
            let x: Vec<f32> = batch.iter().flat_map(|&at| mnist.example(at)).collect();
            let labels: Vec<usize> = batch.iter().map(|&at| mnist.labels[at]).collect();
            let batch = Batch::new(MatRef::new(&x, BATCH, mnist.inputs)?, &labels)?;
            let dtheta = ParamsMut::from_flat(dims, &mut grad)?;
            loss_and_grad(Params::from_flat(dims, params)?, batch, dtheta, &mut scratch)?;
            for ((v, g), theta) in velocity.iter_mut().zip(&grad).zip(&mut *params) {
                *v = MOMENTUM * *v - STEP * g;
                *theta += *v;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_learns_and_always_the_same() {
        // Images of one bright pixel, whose place is the label, among dim ones.
        let labels: Vec<usize> = (0..2560).map(|i| i % 10).collect();
        let mut rng = fastrand::Rng::with_seed(1);
        let pixel =
            |at: usize, label: usize, rng: &mut fastrand::Rng| if at == label { 255 } else { rng.u8(..80) };
        let pixels = labels
            .iter()
            .flat_map(|&l| (0..12).map(|at| pixel(at, l, &mut rng)).collect::<Vec<_>>())
            .collect();
        let mnist = Mnist { pixels, labels, inputs: 12, classes: 10 };
        let shape = Shape { m: 12, h: 16, c: 10, n: 2560 };
        let dims = Dims::new(12, 16, 10).unwrap();
        let x: Vec<f32> = (0..2560).flat_map(|at| mnist.example(at)).collect();
        let loss = |params: &[f32]| {
            let batch = Batch::new(MatRef::new(&x, 2560, 12).unwrap(), &mnist.labels).unwrap();
            let params = Params::from_flat(dims, params).unwrap();
            handgrad::loss(params, batch, &mut vec![0.0; dims.scratch_len(2560)]).unwrap()
        };
        let learn = || {
            let mut params = initial(shape);
            train(&mnist, 16, &mut params).unwrap();
            params
        };
        let (before, after) = (loss(&initial(shape)), loss(&learn()));
        assert!(before > 1.5 && after < 0.5 * before, "{before} {after}");
        assert_eq!(learn(), learn());
    }
}
