//! Makes the problem of a task: the one place where all of a run's problems come from.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::mnist::Mnist;
use super::train::{initial, train};
use super::{Kind, Problem, Shape, Stage, Task, kink, random};

/// Has read the digits, and keeps the nets that it has trained: a run asks for each several times.
#[derive(Default)]
pub struct Maker {
    mnist: Option<Mnist>,
    /// By hidden units.
    trained: Vec<(usize, Vec<f32>)>,
}

impl Maker {
    /// # Errors
    ///
    /// If a directory is named that has no digits.
    pub fn new(mnist: Option<&Path>) -> Result<Self> {
        Ok(Self { mnist: mnist.map(Mnist::read).transpose()?, trained: Vec::new() })
    }

    /// The same numbers each time.
    ///
    /// # Errors
    ///
    /// If digits are asked for in a shape that they do not have.
    pub fn make(&mut self, task: Task) -> Result<Problem<f32>> {
        match task.kind {
            Kind::Random => Ok(random::dense(task.shape)),
            Kind::Hessian => Ok(with_directions(random::dense(task.shape))),
            Kind::HessianMnist => Ok(with_directions(self.digits(task.shape, Stage::Trained)?)),
            Kind::Sparse(entries) => Ok(random::few(task.shape, entries.into())),
            Kind::Density(percent) => Ok(random::sparse(task.shape, percent)),
            Kind::Active(percent) => random::active(task.shape, percent),
            Kind::Mnist(stage) => self.digits(task.shape, stage),
        }
    }

    /// Whether [`make`](Self::make) can make it, known at once.
    ///
    /// # Errors
    ///
    /// As `make`.
    pub fn check(&self, task: Task) -> Result<()> {
        match task.kind {
            Kind::Mnist(_) | Kind::HessianMnist => digits_for(self.mnist.as_ref(), task.shape).map(drop),
            _ => Ok(()),
        }
    }

    /// The first n digits.
    fn digits(&mut self, shape: Shape, stage: Stage) -> Result<Problem<f32>> {
        let mnist = digits_for(self.mnist.as_ref(), shape)?;
        let params = match stage {
            Stage::Start => initial(shape),
            Stage::Trained => trained(&mut self.trained, mnist, shape)?,
        };
        let x = (0..shape.n).flat_map(|at| mnist.example(at)).collect();
        let labels = mnist.labels[..shape.n].to_vec();
        let mut problem = Problem { shape, x, params, labels, directions: Vec::new() };
        kink::clear(&mut problem)?;
        Ok(problem)
    }
}

pub fn with_directions(problem: Problem<f32>) -> Problem<f32> {
    Problem { directions: random::directions(problem.shape), ..problem }
}

fn digits_for(mnist: Option<&Mnist>, shape: Shape) -> Result<&Mnist> {
    let mnist = mnist.context("no directory with MNIST's files")?;
    let (m, c, most) = (mnist.inputs, mnist.classes, mnist.labels.len());
    ensure!((shape.m, shape.c) == (m, c) && shape.n <= most, "MNIST is {m},h,{c},n with n up to {most}");
    Ok(mnist)
}

fn trained(known: &mut Vec<(usize, Vec<f32>)>, mnist: &Mnist, shape: Shape) -> Result<Vec<f32>> {
    if let Some((_, params)) = known.iter().find(|(hidden, _)| *hidden == shape.h) {
        return Ok(params.clone());
    }
    let mut params = initial(shape);
    train(mnist, shape.h, &mut params)?;
    known.push((shape.h, params.clone()));
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiny() -> Maker {
        let pixels = (0..300 * 6).map(|i| (i * 7 % 256) as u8).collect();
        let labels = (0..300).map(|i| i % 10).collect();
        let mnist = Mnist { pixels, labels, inputs: 6, classes: 10 };
        Maker { mnist: Some(mnist), trained: Vec::new() }
    }

    #[test]
    fn digits_are_the_first_ones_with_weights_of_their_stage() {
        let shape = Shape { m: 6, h: 4, c: 10, n: 5 };
        let mut maker = tiny();
        let mut make = |stage| maker.make(Task { kind: Kind::Mnist(stage), shape }).unwrap();
        let (start, after, again) = (make(Stage::Start), make(Stage::Trained), make(Stage::Trained));
        assert_eq!((&start.labels, &start.x[..2]), (&vec![0, 1, 2, 3, 4], &[0.0, 7.0 / 255.0][..]));
        assert_eq!((&start.x, &after.params), (&after.x, &again.params));
        assert_ne!(start.params, after.params);
        let hessian = maker.make(Task { kind: Kind::HessianMnist, shape }).unwrap();
        assert_eq!((&hessian.x, &hessian.params), (&after.x, &after.params));
        assert_eq!((hessian.directions, after.directions.len()), (random::directions(shape), 0));
        assert_eq!(start.params[..24], initial(shape)[..24]);
    }

    #[test]
    fn digits_have_their_own_sizes() {
        let shape = Shape { m: 6, h: 4, c: 10, n: 5 };
        let mut maker = tiny();
        for wrong in [Shape { m: 7, ..shape }, Shape { c: 9, ..shape }, Shape { n: 301, ..shape }] {
            for kind in [Kind::Mnist(Stage::Start), Kind::HessianMnist] {
                let task = Task { kind, shape: wrong };
                assert!(maker.check(task).is_err() && maker.make(task).is_err());
            }
            assert!(maker.check(Task { kind: Kind::Random, shape: wrong }).is_ok());
        }
        let task = Task { kind: Kind::Mnist(Stage::Start), shape };
        assert!(
            maker.check(task).is_ok() && maker.make(task).is_ok() && Maker::default().make(task).is_err()
        );
    }
}
