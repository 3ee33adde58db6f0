//! Promise: sparse rows give what the same numbers in a matrix give, to rounding, whatever is asked of them.

mod columns;
mod curvature;
mod errors;
mod special;

use crate::support::matrix_multiply;
use handgrad::{Batch, Csr, Dims, Engine, Inputs, Kink, MatMut, MatRef, Params, ParamsMut, Pass};
use proptest::prelude::*;

/// A net and sparse rows, with the same rows as a matrix.
#[derive(Clone, Debug)]
pub struct Case {
    pub dims: Dims,
    pub n: usize,
    pub theta: Vec<f64>,
    pub offsets: Vec<u16>,
    pub indices: Vec<i32>,
    pub values: Vec<f64>,
    pub labels: Vec<u8>,
    pub weights: Vec<f64>,
}

/// The rows as they may be stored.
#[derive(Clone, Copy, Debug)]
pub enum Stored {
    Ascending,
    /// In any order, with inputs that come twice.
    Any,
}

impl Case {
    /// Up to a third of the inputs are not zero.
    pub fn random(seed: u64, (m, h, c, n): (usize, usize, usize, usize), stored: Stored) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut random = move || rng.usize(..1 << 20);
        let dims = Dims::new(m, h, c).unwrap();
        let mut number = |scale: f64| (random() % 2001) as f64 / 1000.0 * scale - scale;
        let theta: Vec<f64> = (0..dims.param_len()).map(|_| number(0.7)).collect();
        let weights = (0..n).map(|i| if i % 5 == 3 { 0.0 } else { 1.5 + number(1.0) }).collect();
        let mut case = Self {
            dims,
            n,
            theta,
            offsets: vec![0],
            indices: vec![],
            values: vec![],
            labels: vec![],
            weights,
        };
        for _ in 0..n {
            let mut row: Vec<usize> = (0..random() % (m / 3 + 2)).map(|_| random() % m).collect();
            if let Stored::Ascending = stored {
                row.sort_unstable();
                row.dedup();
            }
            case.values.extend(row.iter().map(|_| (random() % 2001) as f64 / 500.0 - 2.0));
            case.indices.extend(row.iter().map(|&input| input as i32));
            case.offsets.push(case.indices.len() as u16);
            case.labels.push((random() % c) as u8);
        }
        case
    }

    pub fn csr(&self) -> Csr<'_, f64, i32, u16> {
        Csr::new(self.dims.inputs(), &self.offsets, &self.indices, &self.values).unwrap()
    }

    pub fn dense(&self) -> Vec<f64> {
        let mut x = vec![0.0; self.n * self.dims.inputs()];
        for (i, bounds) in self.offsets.windows(2).enumerate() {
            for entry in bounds[0] as usize..bounds[1] as usize {
                x[i * self.dims.inputs() + self.indices[entry] as usize] += self.values[entry];
            }
        }
        x
    }

    pub fn params(&self) -> Params<'_, f64> {
        Params::from_flat(self.dims, &self.theta).unwrap()
    }
}

/// All that a pass writes.
#[derive(Debug, PartialEq)]
struct Everything {
    loss: f64,
    parts: Vec<(&'static str, Vec<f64>)>,
    predictions: Vec<usize>,
}

/// What else is varied.
#[derive(Clone, Copy)]
struct How<'a> {
    engine: Engine<'a, f64>,
    kink: Kink,
    weighted: bool,
    clip: bool,
    /// W1 and its gradient with the weights of an input side by side.
    by_inputs: bool,
    accumulates: bool,
}

fn everything<'a>(case: &'a Case, x: impl Into<Inputs<'a, f64>>, len: usize, how: How<'a>) -> Everything {
    let (dims, n) = (case.dims, case.n);
    let (m, h, c) = (dims.inputs(), dims.hidden(), dims.classes());
    let [w1, b1, w2, b2] = dims.split(&case.theta).unwrap();
    let mut turned = vec![0.0; w1.len()];
    (0..h * m).for_each(|i| turned[i % m * h + i / m] = w1[i]);
    let w1 =
        if how.by_inputs { MatRef::new(&turned, m, h).unwrap().t() } else { MatRef::new(w1, h, m).unwrap() };
    let params = Params::new(w1, b1, MatRef::new(w2, c, h).unwrap(), b2).unwrap();
    let mut grad = vec![if how.accumulates { 0.5 } else { f64::NAN }; dims.param_len()];
    let mut dw1 = vec![grad[0]; h * m];
    let blank = |len: usize| vec![f64::NAN; len];
    let (mut dx, mut losses, mut norms) = (blank(n * m), blank(n), blank(n));
    let (mut grads, mut moment, mut gram) =
        (blank(n * dims.param_len()), blank(dims.param_len()), blank(n * n));
    let (mut scores, mut p, mut predictions) = (blank(n * c), blank(n * c), vec![0; n]);
    let loss = {
        let [flat, db1, dw2, db2] = dims.split_mut(&mut grad).unwrap();
        let view = if how.by_inputs {
            MatMut::new(&mut dw1, m, h).unwrap().t()
        } else {
            MatMut::new(flat, h, m).unwrap()
        };
        let view = ParamsMut::new(view, db1, MatMut::new(dw2, c, h).unwrap(), db2).unwrap();
        let pass = Pass::new(params, Batch::new(x, &case.labels).unwrap()).engine(how.engine).kink(how.kink);
        let pass = if how.weighted { pass.example_weights(&case.weights).smoothing(0.125) } else { pass };
        let pass = if how.clip { pass.clip(0.5) } else { pass };
        let pass = if how.accumulates { pass.accumulate_grad(view) } else { pass.grad(view) };
        let pass =
            if n <= dims.chunk_len(n) { pass.gram(MatMut::new(&mut gram, n, n).unwrap()) } else { pass };
        pass.input_grad(MatMut::new(&mut dx, n, m).unwrap())
            .losses(&mut losses)
            .grad_norms(&mut norms)
            .example_grads(MatMut::new(&mut grads, n, dims.param_len()).unwrap())
            .second_moment(ParamsMut::from_flat(dims, &mut moment).unwrap())
            .scores(MatMut::new(&mut scores, n, c).unwrap())
            .probabilities(MatMut::new(&mut p, n, c).unwrap())
            .predictions(&mut predictions)
            .run(&mut blank(len))
            .unwrap()
    };
    if how.by_inputs {
        (0..h * m).for_each(|i| grad[i] = dw1[i % m * h + i / m]);
    }
    if n > dims.chunk_len(n) {
        gram.clear();
    }
    let parts = vec![
        ("grad", grad),
        ("dx", dx),
        ("losses", losses),
        ("norms", norms),
        ("example grads", grads),
        ("second moment", moment),
        ("gram", gram),
        ("scores", scores),
        ("probabilities", p),
    ];
    Everything { loss, parts, predictions }
}

/// Sums of up to some thousand terms of about 1 in another order.
const ROUNDING: f64 = 1e-12;

fn assert_close(what: &str, got: &[f64], expected: &[f64]) {
    let scale = expected.iter().fold(1.0, |scale: f64, x| scale.max(x.abs()));
    assert_eq!(got.len(), expected.len());
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!((got - expected).abs() <= ROUNDING * scale, "{what}[{i}]: got {got}, expected {expected}");
    }
}

fn sizes() -> impl Strategy<Value = (usize, usize, usize, usize)> {
    (1..40usize, 1..24usize, 1..8usize, 1..45usize)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 150 }))]

    #[test]
    fn what_a_matrix_gives(
        seed: u64,
        sizes in sizes(),
        is_ascending: bool,
        options: [bool; 4],
        (engine, kink) in (0..4usize, prop_oneof![Just(Kink::One), Just(Kink::Zero)]),
    ) {
        let case = Case::random(seed, sizes, if is_ascending { Stored::Ascending } else { Stored::Any });
        let [weighted, clip, by_inputs, accumulates] = options;
        let engine = [Engine::Auto, Engine::Builtin, Engine::Portable, matrix_multiply()][engine];
        let how = How { engine, kink, weighted, clip, by_inputs, accumulates };
        let (dense, csr) = (case.dense(), case.csr());
        let x = MatRef::new(&dense, case.n, case.dims.inputs()).unwrap();
        let expected = everything(&case, x, case.dims.scratch_len(case.n), how);
        let got = everything(&case, &csr, case.dims.sparse_scratch_len(case.n), how);
        assert_close("loss", &[got.loss], &[expected.loss]);
        for ((name, got), (_, expected)) in got.parts.iter().zip(&expected.parts) {
            assert_close(name, got, expected);
        }
        prop_assert_eq!(got.predictions, expected.predictions);
    }
}
