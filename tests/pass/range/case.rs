//! A batch, everything that a pass gives of it in a type, and the comparison with f64.

use crate::support::matrix_multiply;
use handgrad::{Batch, Dims, Engine, MatMut, MatRef, Params, ParamsMut, Pass, Reduction};
use num_traits::Float;

/// A net, examples that repeat, and what the loss is made of. All numbers are numbers of the type under test.
#[derive(Clone, Debug)]
pub struct Case {
    pub dims: (usize, usize, usize),
    pub theta: Vec<f64>,
    pub x: Vec<f64>,
    pub labels: Vec<usize>,
    pub n: usize,
    pub example_weights: Option<Vec<f64>>,
    pub class_weights: Option<Vec<f64>>,
    pub targets: bool,
    pub smoothing: f64,
    pub divisor: Option<f64>,
    pub reduction: Reduction,
    pub clip: Option<f64>,
    pub l2: (f64, f64),
    /// What the gradient is added to.
    pub before: Option<f64>,
}

/// Two examples of one input with two classes: the same score of both classes for x = 1, another for x = 2.
pub fn plain() -> Case {
    Case {
        dims: (1, 1, 2),
        theta: vec![1.0, 0.0, 0.5, -0.5, 0.0, 0.0],
        x: vec![1.0, 2.0],
        labels: vec![0, 1],
        n: 2,
        example_weights: None,
        class_weights: None,
        targets: false,
        smoothing: 0.0,
        divisor: None,
        reduction: Reduction::Mean,
        clip: None,
        l2: (0.0, 0.0),
        before: None,
    }
}

/// Everything that a pass gives, as f64.
#[derive(Debug)]
pub struct Results {
    pub loss: Vec<f64>,
    pub weight: Vec<f64>,
    pub losses: Vec<f64>,
    pub grad: Vec<f64>,
    pub dx: Vec<f64>,
    /// Of as many examples as are different.
    pub norms: Vec<f64>,
    pub example_grads: Vec<f64>,
    pub moment: Vec<f64>,
    pub gram: Vec<f64>,
}

impl Results {
    fn parts(&self) -> [(&'static str, &[f64]); 9] {
        [
            ("loss", &self.loss),
            ("effective weight", &self.weight),
            ("losses", &self.losses),
            ("gradient", &self.grad),
            ("input gradient", &self.dx),
            ("norms", &self.norms),
            ("example gradients", &self.example_grads),
            ("second moment", &self.moment),
            ("gram", &self.gram),
        ]
    }
}

/// Which of the outputs are asked for: the gradient alone is computed in another way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outputs {
    Sums,
    All,
}

pub fn run<T: Float + Send + Sync + 'static>(
    case: &Case,
    engine: Engine<'_, T>,
    outputs: Outputs,
) -> Results {
    let of = |x: f64| T::from(x).unwrap();
    let list = |x: &[f64]| x.iter().map(|&x| of(x)).collect::<Vec<T>>();
    let cycle = |x: &[f64], len: usize| list(&x.iter().copied().cycle().take(len).collect::<Vec<_>>());
    let (m, h, c) = case.dims;
    let (dims, n) = (Dims::new(m, h, c).unwrap(), case.n);
    let (theta, x) = (list(&case.theta), cycle(&case.x, n * m));
    let labels: Vec<usize> = case.labels.iter().copied().cycle().take(n).collect();
    let example_weights = case.example_weights.as_ref().map(|v| cycle(v, n));
    let class_weights = case.class_weights.as_ref().map(|w| list(w));
    let targets: Vec<T> =
        (0..n * c).map(|i| if labels[i / c] == i % c { T::one() } else { T::zero() }).collect();
    let mut grad = vec![of(case.before.unwrap_or(f64::NAN)); dims.param_len()];
    let (mut losses, mut dx, mut weight) = (vec![T::nan(); n], vec![T::nan(); n * m], T::nan());
    let mut norms = vec![T::nan(); n];
    let mut example_grads = vec![T::nan(); n * dims.param_len()];
    let mut moment = vec![T::nan(); dims.param_len()];
    let mut gram = vec![T::nan(); if n <= 64.min(dims.chunk_len(n)) { n * n } else { 0 }];
    let mut scratch = vec![T::nan(); dims.scratch_len(n)];
    let x = MatRef::new(&x, n, m).unwrap();
    let batch = if case.targets {
        Batch::with_targets(x, MatRef::new(&targets, n, c).unwrap()).unwrap()
    } else {
        Batch::new(x, &labels).unwrap()
    };
    let mut pass = Pass::new(Params::from_flat(dims, &theta).unwrap(), batch)
        .engine(engine)
        .reduction(case.reduction)
        .smoothing(of(case.smoothing))
        .l2(of(case.l2.0), of(case.l2.1))
        .losses(&mut losses)
        .effective_weight(&mut weight)
        .input_grad(MatMut::new(&mut dx, n, m).unwrap());
    let target = ParamsMut::from_flat(dims, &mut grad).unwrap();
    pass = if case.before.is_some() { pass.accumulate_grad(target) } else { pass.grad(target) };
    if let Some(v) = &example_weights {
        pass = pass.example_weights(v);
    }
    if let Some(w) = &class_weights {
        pass = pass.class_weights(w);
    }
    if let Some(divisor) = case.divisor {
        pass = pass.divisor(of(divisor));
    }
    if let Some(clip) = case.clip {
        pass = pass.clip(of(clip));
    }
    if outputs == Outputs::All {
        let grads = MatMut::new(&mut example_grads, n, dims.param_len()).unwrap();
        pass = pass.grad_norms(&mut norms).example_grads(grads);
        pass = pass.second_moment(ParamsMut::from_flat(dims, &mut moment).unwrap());
        if n <= 64.min(dims.chunk_len(n)) {
            pass = pass.gram(MatMut::new(&mut gram, n, n).unwrap());
        }
    } else {
        [&mut norms, &mut example_grads, &mut moment, &mut gram].into_iter().for_each(Vec::clear);
    }
    let loss = pass.run(&mut scratch).unwrap();
    let values = |x: &[T], len: usize| x.iter().take(len).map(|x| x.to_f64().unwrap()).collect::<Vec<_>>();
    let few = n.min(4);
    Results {
        loss: values(&[loss], 1),
        weight: values(&[weight], 1),
        losses: values(&losses, few),
        grad: values(&grad, usize::MAX),
        dx: values(&dx, few * m),
        norms: values(&norms, few),
        example_grads: values(&example_grads, few * dims.param_len()),
        moment: values(&moment, usize::MAX),
        gram: values(&gram, usize::MAX),
    }
}

/// Compares with f64: so many units in the last place, and so many times the smallest number of the type.
pub fn check<T: Float + Send + Sync + 'static>(what: &str, case: &Case, units: f64) {
    let unit = T::epsilon().to_f64().unwrap() / 2.0;
    let least = T::min_positive_value().to_f64().unwrap() * 2.0 * unit;
    let largest = T::max_value().to_f64().unwrap();
    for outputs in [Outputs::Sums, Outputs::All] {
        let exact = run::<f64>(case, Engine::Portable, outputs);
        for (name, engine) in [
            ("Auto", Engine::Auto),
            ("Portable", Engine::Portable),
            ("MatrixMultiply", matrix_multiply()),
            ("Gemm", Engine::Gemm(&Engine::Portable)),
        ] {
            let got = run::<T>(case, engine, outputs);
            for ((part, got), (_, exact)) in got.parts().into_iter().zip(exact.parts()) {
                assert_eq!(got.len(), exact.len());
                for (i, (&got, &exact)) in got.iter().zip(exact).enumerate() {
                    let context =
                        || format!("{what}, {outputs:?}, {name}: {part}[{i}] {got:e}, exact {exact:e}");
                    if exact.abs() > largest * (1.0 + unit) {
                        assert_eq!(got, f64::INFINITY.copysign(exact), "{}", context());
                    } else {
                        let off = (got - exact).abs();
                        assert!(off <= units * unit * exact.abs() + 4.0 * least, "{}", context());
                    }
                }
            }
        }
    }
}
