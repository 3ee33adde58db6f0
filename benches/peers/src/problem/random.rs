//! Problems of random numbers.

use anyhow::{Context, Result};

use super::{DIRECTIONS, Problem, SEED, Shape};

pub fn normal(rng: &mut fastrand::Rng) -> f64 {
    // 1 - u is never 0, so that the logarithm is finite.
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.f64()).cos()
}

/// He's initialisation: the standard deviation of weights for so many inputs.
pub fn he(fan_in: usize) -> f64 {
    (2.0 / fan_in as f64).sqrt()
}

/// The grid of the inputs.
const X_STEP: f64 = 0.125;

/// The grid of W1.
fn w_step(shape: Shape) -> f64 {
    (he(shape.m) / 8.0).log2().floor().exp2()
}

/// Rounds to a multiple of `step`, at most `most` of them.
fn on_grid(value: f64, step: f64, most: f64) -> f32 {
    ((value / step).round().clamp(-most, most) * step) as f32
}

/// An input on the grid that is not 0.
fn input(rng: &mut fastrand::Rng) -> f32 {
    let value = normal(rng);
    match on_grid(value, X_STEP, 32.0) {
        0.0 => X_STEP.copysign(value) as f32,
        rounded => rounded,
    }
}

/// Random inputs, none of them 0, and weights.
pub fn dense(shape: Shape) -> Problem<f32> {
    sparse(shape, 100)
}

/// Random inputs, `percent` of them not 0, and weights. The same numbers on every run. They fit `f32`, so both types
/// solve the same problem.
///
/// X and W1 lie on grids so coarse that every sum of their products is exact in `f32`, in any order, as
/// long as m ≤ 4000; b1 is an odd multiple of half the grid of the products. So no pre-activation is 0
/// and every peer finds the same sign of it: otherwise one unit on the other side of the kink would
/// change a gradient by more than all rounding does, and peers differ in the derivative at 0.
pub fn sparse(shape: Shape, percent: u8) -> Problem<f32> {
    let mut rng = fastrand::Rng::with_seed(SEED);
    let x =
        (0..shape.n * shape.m).map(|_| if rng.u8(..100) < percent { input(&mut rng) } else { 0.0 }).collect();
    with_inputs(shape, x, rng)
}

/// The same with so many inputs of each example not 0.
pub fn few(shape: Shape, entries: usize) -> Problem<f32> {
    let mut rng = fastrand::Rng::with_seed(SEED);
    let mut x = vec![0.0; shape.n * shape.m];
    let mut places: Vec<usize> = (0..shape.m).collect();
    for row in x.chunks_mut(shape.m) {
        rng.shuffle(&mut places);
        places[..entries.min(shape.m)].iter().for_each(|&place| row[place] = input(&mut rng));
    }
    with_inputs(shape, x, rng)
}

fn with_inputs(shape: Shape, x: Vec<f32>, mut rng: fastrand::Rng) -> Problem<f32> {
    let w_step = w_step(shape);
    let half = X_STEP * w_step / 2.0;
    let [w1, b1, w2, b2] = shape.blocks();
    let mut params = Vec::with_capacity(shape.params());
    params.extend((0..w1).map(|_| on_grid(he(shape.m) * normal(&mut rng), w_step, 63.0)));
    params.extend((0..b1).map(|_| (f64::from(2 * rng.i32(-32..32) + 1) * half) as f32));
    params.extend((0..w2).map(|_| (he(shape.h) * normal(&mut rng)) as f32));
    params.extend((0..b2).map(|_| (0.1 * normal(&mut rng)) as f32));
    let labels = (0..shape.n).map(|_| rng.usize(..shape.c)).collect();
    Problem { shape, x, params, labels, directions: Vec::new() }
}

/// Directions for the Hessian, whose blocks are as large as those of the weights: so each has a part in every product that
/// can be seen.
pub fn directions(shape: Shape) -> Vec<f32> {
    let mut rng = fastrand::Rng::with_seed(SEED + 1);
    let sizes = [he(shape.m), 0.1, he(shape.h), 0.1];
    let mut directions = Vec::with_capacity(DIRECTIONS * shape.params());
    for _ in 0..DIRECTIONS {
        for (len, size) in shape.blocks().into_iter().zip(sizes) {
            directions.extend((0..len).map(|_| (size * normal(&mut rng)) as f32));
        }
    }
    directions
}

/// [`dense`] with a smaller b1, by the same amount for all units: the smallest with which at most `percent` of the
/// hidden units are above 0. It is a multiple of the grid, so pre-activations are exact and not 0 as before.
pub fn active(shape: Shape, percent: u8) -> Result<Problem<f32>> {
    let mut problem = dense(shape);
    let [w1, b1, ..] = shape.blocks();
    let mut z = problem.products()?;
    z.chunks_mut(shape.h)
        .flat_map(|row| row.iter_mut().zip(&problem.params[w1..]))
        .for_each(|(z, b)| *z += b);
    let keep = z.len() * usize::from(percent) / 100;
    if keep < z.len() {
        // The largest that must go below 0. It is an odd multiple of half the grid.
        let (_, &mut most, _) = z.select_nth_unstable_by(keep, |a, b| b.total_cmp(a));
        let half = (X_STEP * w_step(shape) / 2.0) as f32;
        let shift = (most + half).max(0.0);
        problem.params.get_mut(w1..w1 + b1).context("no b1")?.iter_mut().for_each(|b| *b -= shift);
    }
    Ok(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_exact(problem: &Problem<f32>) {
        let shape = problem.shape;
        let [w1, b1, ..] = shape.split(&problem.params);
        for x in problem.x.chunks(shape.m) {
            for (w, &b) in w1.chunks(shape.m).zip(b1) {
                let forward = x.iter().zip(w).fold(b, |sum, (x, w)| sum + x * w);
                let backward = x.iter().zip(w).rev().fold(0.0, |sum, (x, w)| x.mul_add(*w, sum)) + b;
                assert!(forward != 0.0 && forward == backward);
            }
        }
    }

    #[test]
    fn pre_activations_are_exact_and_never_zero() {
        let shape = Shape { m: 784, h: 20, c: 3, n: 50 };
        for problem in [dense(shape), sparse(shape, 20), few(shape, 20), active(shape, 30).unwrap()] {
            assert_exact(&problem);
        }
    }

    #[test]
    fn so_many_inputs_are_not_zero() {
        let shape = Shape { m: 784, h: 2, c: 3, n: 100 };
        assert_eq!(dense(shape).zeros().unwrap().inputs, 1.0);
        let few = few(shape, 20);
        assert!(few.x.chunks(784).all(|row| row.iter().filter(|x| **x != 0.0).count() == 20));
        for percent in [75, 20, 5] {
            let found = sparse(shape, percent).zeros().unwrap().inputs;
            assert!((100.0 * found - f64::from(percent)).abs() < 1.0, "{percent}: {found}");
        }
    }

    #[test]
    fn so_many_units_are_active() {
        let shape = Shape { m: 64, h: 50, c: 3, n: 100 };
        let half = dense(shape).zeros().unwrap().active;
        assert!((0.45..0.55).contains(&half), "{half}");
        for percent in [40, 20, 0] {
            let found = 100.0 * active(shape, percent).unwrap().zeros().unwrap().active;
            // Some values are the same, and go below 0 together.
            let wanted = f64::from(percent);
            assert!((wanted - 1.0..=wanted).contains(&found), "{percent}: {found}");
        }
        assert_eq!(active(shape, 90).unwrap().params, dense(shape).params);
    }
}
