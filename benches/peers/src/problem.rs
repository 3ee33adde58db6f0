//! The task that every peer gets: its sizes, its data, and the files that carry both to the workers.

use std::fmt;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;

/// Inputs m, hidden units h, classes C, examples n.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub m: usize,
    pub h: usize,
    pub c: usize,
    pub n: usize,
}

/// The shapes of a full run, smallest first.
pub const SHAPES: [Shape; 7] = [
    Shape { m: 64, h: 32, c: 10, n: 1 },
    Shape { m: 64, h: 32, c: 10, n: 32 },
    Shape { m: 64, h: 32, c: 10, n: 1797 },
    Shape { m: 784, h: 128, c: 10, n: 128 },
    Shape { m: 784, h: 128, c: 10, n: 1024 },
    Shape { m: 784, h: 1024, c: 10, n: 1024 },
    Shape { m: 3072, h: 1024, c: 1000, n: 1024 },
];

impl Shape {
    /// The floating-point operations of the matrix products, 4nmh + 6nhC: X W1ᵀ and Dᵀ X cost 2nmh each,
    /// A W2ᵀ, Gᵀ A and G W2 cost 2nhC each.
    pub fn flops(&self) -> f64 {
        (4 * self.n * self.m * self.h + 6 * self.n * self.h * self.c) as f64
    }

    /// The number of parameters.
    pub fn params(&self) -> usize {
        self.blocks().iter().sum()
    }

    /// The lengths of W1, b1, W2, b2, in the order in which they lie in the flat slices.
    pub fn blocks(&self) -> [usize; 4] {
        [self.h * self.m, self.h, self.c * self.h, self.c]
    }

    /// Cuts a flat slice of parameters into W1, b1, W2, b2.
    pub fn split<'a, T>(&self, flat: &'a [T]) -> [&'a [T]; 4] {
        let mut rest = flat;
        self.blocks().map(|len| {
            let (block, tail) = rest.split_at(len);
            rest = tail;
            block
        })
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{},{},{}", self.m, self.h, self.c, self.n)
    }
}

impl FromStr for Shape {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let sizes: Vec<usize> = text.split(',').map(|size| size.trim().parse()).collect::<Result<_, _>>()?;
        match sizes[..] {
            [m, h, c, n] if m > 0 && h > 0 && c > 0 && n > 0 => Ok(Self { m, h, c, n }),
            _ => bail!("a shape is four positive sizes, m,h,C,n"),
        }
    }
}

/// The element type of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Type {
    F32,
    F64,
}

impl Type {
    /// The unit roundoff u.
    pub fn unit_roundoff(self) -> f64 {
        match self {
            Self::F32 => f64::from(f32::EPSILON) / 2.0,
            Self::F64 => f64::EPSILON / 2.0,
        }
    }

    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
        })
    }
}

/// An element type that the Rust peers compute in.
#[cfg_attr(
    not(any(feature = "candle", feature = "burn")),
    expect(dead_code, reason = "only libraries with tensors of run-time types need the type as a value")
)]
pub trait Real: num_traits::Float + Send + Sync + 'static {
    const TYPE: Type;
    fn from_le(bytes: &[u8]) -> Option<Self>;
    fn widen(self) -> f64;

    /// The values as `f32`, which holds all numbers of a problem exactly.
    fn narrow(values: &[Self]) -> Vec<f32> {
        values.iter().map(|v| v.widen() as f32).collect()
    }
}

impl Real for f32 {
    const TYPE: Type = Type::F32;

    fn from_le(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_le_bytes)
    }

    fn widen(self) -> f64 {
        self.into()
    }
}

impl Real for f64 {
    const TYPE: Type = Type::F64;

    fn from_le(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_le_bytes)
    }

    fn widen(self) -> f64 {
        self
    }
}

/// X (n × m, row by row), the parameters `[W1, b1, W2, b2]`, the labels.
pub struct Problem<T> {
    pub shape: Shape,
    pub x: Vec<T>,
    pub params: Vec<T>,
    pub labels: Vec<usize>,
}

fn normal(rng: &mut fastrand::Rng) -> f64 {
    // 1 - u is never 0, so that the logarithm is finite.
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.f64()).cos()
}

/// Rounds to a multiple of `step`, at most `most` of them.
fn on_grid(value: f64, step: f64, most: f64) -> f32 {
    ((value / step).round().clamp(-most, most) * step) as f32
}

impl Problem<f32> {
    /// The same numbers on every run. They fit `f32`, so both types solve the same problem.
    ///
    /// X and W1 lie on grids so coarse that every sum of their products is exact in `f32`, in any order, as
    /// long as m ≤ 4000; b1 is an odd multiple of half the grid of the products. So no pre-activation is 0
    /// and every peer finds the same sign of it: otherwise one unit on the other side of the kink would
    /// change a gradient by more than all rounding does, and peers differ in the derivative at 0.
    pub fn generate(shape: Shape, seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let he = |fan_in: usize| (2.0 / fan_in as f64).sqrt();
        let x_step = 0.125;
        let w_step = (he(shape.m) / 8.0).log2().floor().exp2();
        let half = x_step * w_step / 2.0;
        let x = (0..shape.n * shape.m)
            .map(|_| if rng.u8(..) < 13 { 0.0 } else { on_grid(normal(&mut rng), x_step, 32.0) })
            .collect();
        let [w1, b1, w2, b2] = shape.blocks();
        let mut params = Vec::with_capacity(shape.params());
        params.extend((0..w1).map(|_| on_grid(he(shape.m) * normal(&mut rng), w_step, 63.0)));
        params.extend((0..b1).map(|_| (f64::from(2 * rng.i32(-32..32) + 1) * half) as f32));
        params.extend((0..w2).map(|_| (he(shape.h) * normal(&mut rng)) as f32));
        params.extend((0..b2).map(|_| (0.1 * normal(&mut rng)) as f32));
        let labels = (0..shape.n).map(|_| rng.usize(..shape.c)).collect();
        Self { shape, x, params, labels }
    }

    pub fn widened(&self) -> Problem<f64> {
        let widen = |values: &[f32]| values.iter().map(|&v| v.into()).collect();
        Problem {
            shape: self.shape,
            x: widen(&self.x),
            params: widen(&self.params),
            labels: self.labels.clone(),
        }
    }

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

    #[test]
    fn pre_activations_are_exact_and_never_zero() {
        let shape = Shape { m: 784, h: 20, c: 3, n: 50 };
        let problem = Problem::generate(shape, 1);
        let [w1, b1, ..] = shape.split(&problem.params);
        for x in problem.x.chunks(shape.m) {
            for (w, &b) in w1.chunks(shape.m).zip(b1) {
                let forward = x.iter().zip(w).fold(b, |sum, (x, w)| sum + x * w);
                let backward = x.iter().zip(w).rev().fold(0.0, |sum, (x, w)| x.mul_add(*w, sum)) + b;
                assert!(forward != 0.0 && forward == backward);
            }
        }
        let zeros = problem.x.iter().filter(|&&x| x == 0.0).count() as f64 / problem.x.len() as f64;
        assert!((0.05..0.15).contains(&zeros), "{zeros}");
    }

    #[test]
    fn files_carry_every_bit() {
        let shape = Shape { m: 5, h: 4, c: 3, n: 7 };
        let problem = Problem::generate(shape, 2);
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

    #[test]
    fn flops_and_blocks() {
        let shape: Shape = "2, 3,5,7".parse().unwrap();
        assert_eq!(shape, Shape { m: 2, h: 3, c: 5, n: 7 });
        assert_eq!(shape.flops(), (4 * 7 * 2 * 3 + 6 * 7 * 3 * 5) as f64);
        assert_eq!(shape.params(), 6 + 3 + 15 + 5);
        assert!("1,2,3".parse::<Shape>().is_err() && "1,2,3,0".parse::<Shape>().is_err());
    }
}
