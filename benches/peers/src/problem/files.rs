//! The files that carry problems to the workers and answers back.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::{DIRECTIONS, Problem, Real, Shape, Type};

impl Problem<f32> {
    /// Writes X, the parameters, the labels (as 64-bit integers) and the directions, little-endian.
    pub fn write(&self, element: Type, path: &Path) -> Result<()> {
        let mut file = BufWriter::new(File::create(path).with_context(|| format!("{}", path.display()))?);
        write_reals(&mut file, element, &self.x)?;
        write_reals(&mut file, element, &self.params)?;
        for &label in &self.labels {
            file.write_all(&(label as u64).to_le_bytes())?;
        }
        write_reals(&mut file, element, &self.directions)?;
        Ok(file.flush()?)
    }
}

fn write_reals(file: &mut impl Write, element: Type, values: &[f32]) -> Result<()> {
    for &value in values {
        match element {
            Type::F32 => file.write_all(&value.to_le_bytes())?,
            Type::F64 => file.write_all(&f64::from(value).to_le_bytes())?,
        }
    }
    Ok(())
}

impl<T: Real> Problem<T> {
    /// Reads what [`Problem::write`] wrote, without a second copy: the peak of memory is measured later.
    pub fn read(path: &Path, shape: Shape) -> Result<Self> {
        let mut file = BufReader::new(File::open(path)?);
        let len = file.get_ref().metadata()?.len();
        let x = read_reals(&mut file, shape.n * shape.m)?;
        let params = read_reals(&mut file, shape.params())?;
        let mut labels = Vec::with_capacity(shape.n);
        for _ in 0..shape.n {
            let mut bytes = [0; 8];
            file.read_exact(&mut bytes)?;
            labels.push(usize::try_from(u64::from_le_bytes(bytes))?);
        }
        let rest = usize::try_from(len.saturating_sub(file.stream_position()?))?;
        let directions = read_reals(&mut file, rest / size_of::<T>())?;
        ensure!(directions.is_empty() || directions.len() == DIRECTIONS * params.len(), "broken directions");
        Ok(Self { shape, x, params, labels, directions })
    }
}

fn read_reals<T: Real>(file: &mut impl Read, count: usize) -> Result<Vec<T>> {
    let mut bytes = [0; 8];
    let bytes = &mut bytes[..size_of::<T>()];
    let mut values = Vec::with_capacity(count);
    for _ in 0..count {
        file.read_exact(bytes)?;
        values.push(T::from_le(bytes).context("an element of the wrong size")?);
    }
    Ok(values)
}

/// What a peer found: the loss and the gradient `[dW1, db1, dW2, db2]`, or in its place the Hessian's product with one
/// direction, or with each of [`DIRECTIONS`].
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub loss: f64,
    pub grad: Vec<f64>,
}

impl Answer {
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        for value in [&self.loss].into_iter().chain(&self.grad) {
            file.write_all(&value.to_le_bytes())?;
        }
        Ok(file.flush()?)
    }

    /// One with so many gradients, or products.
    pub fn read(path: &Path, shape: Shape, count: usize) -> Result<Self> {
        let expected = 8 * (1 + (count * shape.params()) as u64);
        let len = std::fs::metadata(path)?.len();
        ensure!(len == expected, "an answer of {len} bytes instead of {expected}");
        let mut file = BufReader::new(File::open(path)?);
        let values = read_reals(&mut file, 1)?;
        Ok(Self { loss: values[0], grad: read_reals(&mut file, count * shape.params())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::random;

    #[test]
    fn files_carry_every_bit() {
        let shape = Shape { m: 5, h: 4, c: 3, n: 7 };
        let problem = random::dense(shape);
        let path = std::env::temp_dir().join(format!("peers-test-{}", std::process::id()));
        problem.write(Type::F64, &path).unwrap();
        let back: Problem<f64> = Problem::read(&path, shape).unwrap();
        assert_eq!((&back.x, &back.labels), (&problem.widened().x, &problem.labels));
        assert_eq!((back.params, back.directions), (problem.widened().params, Vec::new()));
        let problem = crate::problem::with_directions(random::dense(shape));
        problem.write(Type::F32, &path).unwrap();
        let back: Problem<f32> = Problem::read(&path, shape).unwrap();
        assert_eq!((back.directions.len(), &back.params), (DIRECTIONS * shape.params(), &problem.params));
        assert_eq!(back.directions, problem.directions);
        for (count, grad) in [(1, problem.widened().params), (DIRECTIONS, problem.widened().directions)] {
            let answer = Answer { loss: 0.5, grad };
            answer.write(&path).unwrap();
            assert_eq!(Answer::read(&path, shape, count).unwrap(), answer);
            assert!(Answer::read(&path, Shape { c: 4, ..shape }, count).is_err());
        }
        std::fs::remove_file(path).unwrap();
    }
}
