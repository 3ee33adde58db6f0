//! What the tests share: problems, memory layouts, the oracle made of `handgrad::derivation`, and the
//! rounding bounds that are the tolerances. `tests/pass/support_itself.rs` tests it.
#![allow(dead_code, reason = "every test file uses its own part of it")]

pub mod bounds;
pub mod oracle;
pub mod second_order;
pub mod vectors;

use std::fmt::Debug;

use autodiff::F1;
use half::bf16;

use handgrad::{Batch, Dims, Engine, Error, Kink, MatMut, MatRef, Params, ParamsMut, Pass, Reduction};
use num_traits::Float;
use twofloat::TwoFloat;

/// A number type under test, and how exact its arithmetic is.
pub trait Element: Float + Debug + Send + Sync + 'static {
    /// Largest relative error of one addition or multiplication, and of reading a sum of two.
    const U: f64;
    /// Largest relative error of one `exp`, `ln`, `ln_1p` or division.
    const FUN: f64;
    /// The nearest number.
    fn of(value: f64) -> Self;
    /// The difference to another number, formed in this type before it is rounded.
    fn minus(self, other: Self) -> f64;
    /// As f64, rounded if need be.
    fn value(self) -> f64;
}

/// Math libraries are good to 1 ulp (2 units roundoff) in these functions; 2 ulp leave room for poor ones.
impl Element for f64 {
    const U: f64 = f64::EPSILON / 2.0;
    const FUN: f64 = 4.0 * Self::U;
    fn of(value: f64) -> Self {
        value
    }
    fn minus(self, other: Self) -> f64 {
        self - other
    }
    fn value(self) -> f64 {
        self
    }
}

impl Element for f32 {
    const U: f64 = f32::EPSILON as f64 / 2.0;
    const FUN: f64 = 4.0 * Self::U;
    fn of(value: f64) -> Self {
        value as f32
    }
    fn minus(self, other: Self) -> f64 {
        f64::from(self) - f64::from(other)
    }
    fn value(self) -> f64 {
        f64::from(self)
    }
}

/// Each operation is made in f32 and rounded to 8 bits.
impl Element for bf16 {
    const U: f64 = 1.0 / 256.0;
    const FUN: f64 = 1.01 * Self::U;
    fn of(value: f64) -> Self {
        bf16::from_f64(value)
    }
    fn minus(self, other: Self) -> f64 {
        self.to_f64() - other.to_f64()
    }
    fn value(self) -> f64 {
        self.to_f64()
    }
}

/// A double-double. Measured against 60-digit values for version 0.8.4: additions and multiplications are
/// good to 2^-104, but a division only to 2^-53, and `exp` and `ln` in places only to 2^-35.
impl Element for TwoFloat {
    const U: f64 = 1.0 / (1u128 << 104) as f64;
    const FUN: f64 = 1.0 / (1u64 << 35) as f64;
    fn of(value: f64) -> Self {
        TwoFloat::from(value)
    }
    fn minus(self, other: Self) -> f64 {
        f64::from(self - other)
    }
    fn value(self) -> f64 {
        f64::from(self)
    }
}

/// A dual number. Constants here: what it differentiates is tested in `tests/pass/duals.rs`.
impl Element for F1 {
    const U: f64 = f64::U;
    const FUN: f64 = f64::FUN;
    fn of(value: f64) -> Self {
        F1::cst(value)
    }
    fn minus(self, other: Self) -> f64 {
        self.x - other.x
    }
    fn value(self) -> f64 {
        self.x
    }
}

/// How a matrix lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    RowMajor,
    ColMajor,
    /// Rows with three unused elements behind each.
    Padded,
    /// Column-major with two unused elements behind every element, and one more behind every column.
    Spread,
}

pub const LAYOUTS: [Layout; 4] = [Layout::RowMajor, Layout::ColMajor, Layout::Padded, Layout::Spread];

impl Layout {
    pub fn strides(self, rows: usize, cols: usize) -> (usize, usize) {
        match self {
            Layout::RowMajor => (cols, 1),
            Layout::ColMajor => (1, rows),
            Layout::Padded => (cols + 3, 1),
            Layout::Spread => (3, 3 * rows + 1),
        }
    }

    /// Memory of this layout, filled with `filler`.
    pub fn blank<T: Copy>(self, rows: usize, cols: usize, filler: T) -> Vec<T> {
        let (row, col) = self.strides(rows, cols);
        let is_empty = rows == 0 || cols == 0;
        vec![filler; if is_empty { 0 } else { (rows - 1) * row + (cols - 1) * col + 1 }]
    }

    /// Lays out values that are given row by row; what lies between them is NaN.
    pub fn lay<T: Float>(self, values: &[T], rows: usize, cols: usize) -> Vec<T> {
        let (row, col) = self.strides(rows, cols);
        let mut memory = self.blank(rows, cols, T::nan());
        for (i, &value) in values.iter().enumerate() {
            memory[i / cols * row + i % cols * col] = value;
        }
        memory
    }

    /// The values, row by row.
    pub fn collect<T: Copy>(self, memory: &[T], rows: usize, cols: usize) -> Vec<T> {
        let (row, col) = self.strides(rows, cols);
        (0..rows * cols).map(|i| memory[i / cols * row + i % cols * col]).collect()
    }

    pub fn view<T>(self, memory: &[T], rows: usize, cols: usize) -> MatRef<'_, T> {
        MatRef::with_strides(memory, (rows, cols), self.strides(rows, cols)).unwrap()
    }

    pub fn view_mut<T>(self, memory: &mut [T], rows: usize, cols: usize) -> MatMut<'_, T> {
        MatMut::with_strides(memory, (rows, cols), self.strides(rows, cols)).unwrap()
    }
}

/// A net and a batch. All numbers are multiples of `grain` and exact in every type under test.
#[derive(Clone, Debug)]
pub struct Problem {
    pub dims: Dims,
    pub n: usize,
    pub theta: Vec<f64>,
    pub x: Vec<f64>,
    pub labels: Vec<usize>,
    pub grain: f64,
}

impl Problem {
    /// Multiples of 1/16 up to ±31/16: five bits, so that bf16 has them all.
    pub fn random(seed: u64, (m, h, c, n): (usize, usize, usize, usize)) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let dims = Dims::new(m, h, c).unwrap();
        let mut numbers = |len| (0..len).map(|_| f64::from(rng.i32(-31..32)) / 16.0).collect::<Vec<_>>();
        let (theta, x) = (numbers(dims.param_len()), numbers(n * m));
        let labels = (0..n).map(|_| rng.usize(0..c)).collect();
        Self { dims, n, theta, x, labels, grain: 1.0 / 16.0 }
    }

    pub fn theta<T: Element>(&self) -> Vec<T> {
        self.theta.iter().map(|&value| T::of(value)).collect()
    }

    pub fn x<T: Element>(&self) -> Vec<T> {
        self.x.iter().map(|&value| T::of(value)).collect()
    }
}

/// Everything a pass can compute, matrices row by row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outputs<T> {
    pub loss: Vec<T>,
    pub losses: Vec<T>,
    pub scores: Vec<T>,
    pub probabilities: Vec<T>,
    pub log_probabilities: Vec<T>,
    pub grad: Vec<T>,
    pub input_grad: Vec<T>,
    pub predictions: Vec<usize>,
}

impl<T> Outputs<T> {
    pub fn parts(&self) -> [(&'static str, &[T]); 7] {
        [
            ("loss", &self.loss),
            ("losses", &self.losses),
            ("scores", &self.scores),
            ("probabilities", &self.probabilities),
            ("log probabilities", &self.log_probabilities),
            ("gradient", &self.grad),
            ("input gradient", &self.input_grad),
        ]
    }
}

/// How a pass is made.
#[derive(Clone, Copy)]
pub struct How<'a, T> {
    pub layout: Layout,
    pub kink: Kink,
    pub reduction: Reduction,
    pub engine: Engine<'a, T>,
}

impl<T: Element> Default for How<'_, T> {
    fn default() -> Self {
        Self { layout: Layout::RowMajor, kink: Kink::One, reduction: Reduction::Mean, engine: Engine::Auto }
    }
}

/// Runs one pass with every output, all matrices in one layout, all outputs and the scratch filled with NaN
/// before. Checks that what lies between the elements of the outputs is still NaN.
pub fn run_pass<T: Element>(problem: &Problem, how: How<'_, T>) -> Result<Outputs<T>, Error> {
    let Problem { dims, n, .. } = *problem;
    let (m, h, c) = (dims.inputs(), dims.hidden(), dims.classes());
    let layout = how.layout;
    let nan = T::nan();

    let theta = problem.theta::<T>();
    let [w1, b1, w2, b2] = oracle::blocks(problem, &theta);
    let (w1, w2) = (layout.lay(w1, h, m), layout.lay(w2, c, h));
    let params = Params::new(layout.view(&w1, h, m), b1, layout.view(&w2, c, h), b2)?;
    let x = layout.lay(&problem.x(), n, m);
    let batch = Batch::new(layout.view(&x, n, m), &problem.labels)?;

    let (mut dw1, mut dw2) = (layout.blank(h, m, nan), layout.blank(c, h, nan));
    let (mut db1, mut db2) = (vec![nan; h], vec![nan; c]);
    let (mut dx, mut f) = (layout.blank(n, m, nan), layout.blank(n, c, nan));
    let (mut p, mut log_p) = (f.clone(), f.clone());
    let (mut losses, mut predictions) = (vec![nan; n], vec![usize::MAX; n]);
    let mut scratch = vec![nan; dims.scratch_len(n)];
    let grad =
        ParamsMut::new(layout.view_mut(&mut dw1, h, m), &mut db1, layout.view_mut(&mut dw2, c, h), &mut db2)?;
    let loss = Pass::new(params, batch)
        .kink(how.kink)
        .reduction(how.reduction)
        .engine(how.engine)
        .grad(grad)
        .input_grad(layout.view_mut(&mut dx, n, m))
        .losses(&mut losses)
        .scores(layout.view_mut(&mut f, n, c))
        .probabilities(layout.view_mut(&mut p, n, c))
        .log_probabilities(layout.view_mut(&mut log_p, n, c))
        .predictions(&mut predictions)
        .run(&mut scratch)?;

    let gather = |memory: &[T], rows, cols| {
        let values = layout.collect(memory, rows, cols);
        let nans = |values: &[T]| values.iter().filter(|value| value.is_nan()).count();
        assert_eq!(nans(memory), memory.len() - values.len() + nans(&values), "written between the elements");
        values
    };
    Ok(Outputs {
        loss: vec![loss],
        losses,
        scores: gather(&f, n, c),
        probabilities: gather(&p, n, c),
        log_probabilities: gather(&log_p, n, c),
        grad: [gather(&dw1, h, m), db1, gather(&dw2, c, h), db2].concat(),
        input_grad: gather(&dx, n, m),
        predictions,
    })
}

/// Asserts |got - expected| <= bound for each element (so NaN fails) and returns the largest share of the
/// bound that was used.
#[track_caller]
pub fn assert_within<T: Element>(what: &str, got: &[T], expected: &[T], bound: &[f64]) -> f64 {
    assert_eq!((got.len(), expected.len()), (bound.len(), bound.len()), "{what}: lengths");
    let mut worst = 0.0;
    for (i, ((&got, &expected), &bound)) in got.iter().zip(expected).zip(bound).enumerate() {
        let error = got.minus(expected).abs();
        assert!(
            error <= bound,
            "{what}[{i}]: got {got:?}, expected {expected:?}, error {error:e} > bound {bound:e}"
        );
        worst = f64::max(worst, if error == 0.0 { 0.0 } else { error / bound });
    }
    worst
}

/// The engine with the products of matrixmultiply, where that feature is on.
pub fn matrix_multiply<'a, T>() -> Engine<'a, T> {
    #[cfg(feature = "matrixmultiply")]
    return Engine::MatrixMultiply;
    #[cfg(not(feature = "matrixmultiply"))]
    Engine::Builtin
}
