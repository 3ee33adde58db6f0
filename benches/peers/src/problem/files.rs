//! The files that carry problems to the workers and answers back.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::{Problem, Real, Shape, Type};

impl Problem<f32> {
    /// Writes X, the parameters and the labels (as 64-bit integers), little-endian.
    pub fn write(&self, element: Type, path: &Path) -> Result<()> {
        let mut file = BufWriter::new(File::create(path).with_context(|| format!("{}", path.display()))?);
        for &value in self.x.iter().chain(&self.params) {
            match element {
                Type::F32 => file.write_all(&value.to_le_bytes())?,
                Type::F64 => file.write_all(&f64::from(value).to_le_bytes())?,
            }
        }
        for &label in &self.labels {
            file.write_all(&(label as u64).to_le_bytes())?;
        }
        Ok(file.flush()?)
    }
}

impl<T: Real> Problem<T> {
    /// Reads what [`Problem::write`] wrote, without a second copy: the peak of memory is measured later.
    pub fn read(path: &Path, shape: Shape) -> Result<Self> {
        let mut file = BufReader::new(File::open(path)?);
        let x = read_reals(&mut file, shape.n * shape.m)?;
        let params = read_reals(&mut file, shape.params())?;
        let mut labels = Vec::with_capacity(shape.n);
        for _ in 0..shape.n {
            let mut bytes = [0; 8];
            file.read_exact(&mut bytes)?;
            labels.push(usize::try_from(u64::from_le_bytes(bytes))?);
        }
        Ok(Self { shape, x, params, labels })
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

/// What a peer found: the loss and the gradient `[dW1, db1, dW2, db2]`.
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

    pub fn read(path: &Path, shape: Shape) -> Result<Self> {
        let expected = 8 * (1 + shape.params() as u64);
        let len = std::fs::metadata(path)?.len();
        ensure!(len == expected, "an answer of {len} bytes instead of {expected}");
        let mut file = BufReader::new(File::open(path)?);
        let values = read_reals(&mut file, 1)?;
        Ok(Self { loss: values[0], grad: read_reals(&mut file, shape.params())? })
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
        assert_eq!(back.params, problem.widened().params);
        let answer = Answer { loss: 0.5, grad: back.params };
        answer.write(&path).unwrap();
        assert_eq!(Answer::read(&path, shape).unwrap(), answer);
        assert!(Answer::read(&path, Shape { c: 4, ..shape }).is_err());
        std::fs::remove_file(path).unwrap();
    }
}
