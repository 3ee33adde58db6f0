//! Random cases of second derivatives, in any type, and what dual numbers make of them.

use crate::support::matrix_multiply;
use handgrad::gradcheck::Dual;
use handgrad::{Batch, Dims, Engine, Kink, MatMut, MatRef, Params, ParamsMut, Pass, Reduction};
use num_traits::Float;

/// Numbers that are none too regular, from a seed.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def1)
    }

    fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// From 0 to below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.bits() >> 20) as usize % end
    }

    /// From -1 to 1.
    pub fn number(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    pub fn numbers(&mut self, len: usize) -> Vec<f64> {
        (0..len).map(|_| self.number()).collect()
    }
}

/// A net, a batch, an objective and a direction.
#[derive(Clone, Debug)]
pub struct Case<T> {
    pub dims: Dims,
    pub n: usize,
    pub theta: Vec<T>,
    pub direction: Vec<T>,
    pub x: Vec<T>,
    pub labels: Vec<usize>,
    pub targets: Option<Vec<T>>,
    pub example_weights: Option<Vec<T>>,
    pub class_weights: Option<Vec<T>>,
    pub ignored: Option<usize>,
    pub smoothing: T,
    pub l2: [T; 2],
    pub divisor: Option<T>,
    pub kink: Kink,
    pub reduction: Reduction,
}

impl Case<f64> {
    /// Of these sizes, plain.
    pub fn new(seed: u64, (m, h, c, n): (usize, usize, usize, usize)) -> Self {
        let (dims, mut random) = (Dims::new(m, h, c).unwrap(), Random::new(seed));
        let labels = (0..n).map(|_| random.below(c)).collect();
        Self {
            dims,
            n,
            theta: random.numbers(dims.param_len()),
            direction: random.numbers(dims.param_len()),
            x: random.numbers(n * m),
            labels,
            targets: None,
            example_weights: None,
            class_weights: None,
            ignored: None,
            smoothing: 0.0,
            l2: [0.0; 2],
            divisor: None,
            kink: Kink::One,
            reduction: Reduction::Mean,
        }
    }

    /// Of any sizes up to about 40, with any options.
    pub fn random(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0xabcd);
        let most = [3, 8, 40][random.below(3)];
        let mut size = |most: usize| 1 + random.below(most);
        let sizes = (size(most), size(most), size(most.min(20)), size(most));
        let mut case = Self::new(seed, sizes);
        let (c, n) = (case.dims.classes(), case.n);
        let mut on = || random.below(3) == 0;
        let options = [on(), on(), on(), on(), on(), on(), on(), on(), on()];
        if options[0] {
            let mut targets: Vec<f64> = random.numbers(n * c).iter().map(|q| q * q).collect();
            for q in targets.chunks_mut(c) {
                let sum: f64 = q.iter().sum();
                q.iter_mut().for_each(|q| *q /= sum);
            }
            case.targets = Some(targets);
        }
        if options[1] {
            let weights = (0..n).map(|_| [0.0, 0.5, 1.0, 3.0][random.below(4)]);
            case.example_weights = Some(weights.collect());
        }
        if options[2] {
            let weights = (0..c).map(|_| [0.0, 0.25, 1.0, 2.0][random.below(4)]);
            case.class_weights = Some(weights.collect());
        }
        case.ignored = options[3].then_some(0);
        case.smoothing = if options[4] { 0.125 } else { 0.0 };
        case.l2 = if options[5] { [0.25, 0.5] } else { [0.0; 2] };
        case.divisor = options[6].then_some(3.0);
        if options[7] {
            (case.kink, case.reduction) = (Kink::Zero, Reduction::Sum);
        }
        if options[8] {
            // Zeros among the inputs, and units with z = 0.
            case.x.iter_mut().for_each(|x| *x = if random.below(4) > 0 { 0.0 } else { *x });
            let (m, h) = (case.dims.inputs(), case.dims.hidden());
            case.theta[h * m..h * m + h].fill(0.0);
        }
        case
    }

    /// The same in another type.
    pub fn map<T>(&self, number: impl Fn(f64) -> T) -> Case<T> {
        let all = |numbers: &[f64]| numbers.iter().map(|&x| number(x)).collect::<Vec<T>>();
        let some = |numbers: &Option<Vec<f64>>| numbers.as_deref().map(all);
        Case {
            dims: self.dims,
            n: self.n,
            theta: all(&self.theta),
            direction: all(&self.direction),
            x: all(&self.x),
            labels: self.labels.clone(),
            targets: some(&self.targets),
            example_weights: some(&self.example_weights),
            class_weights: some(&self.class_weights),
            ignored: self.ignored,
            smoothing: number(self.smoothing),
            l2: self.l2.map(&number),
            divisor: self.divisor.map(&number),
            kink: self.kink,
            reduction: self.reduction,
        }
    }

    /// The gradient and its derivative in the direction, and the same of single examples: all of it by dual numbers.
    pub fn by_duals(&self) -> Duals {
        let (dims, n) = (self.dims, self.n);
        let mut duals = self.map(|re| Dual { re, du: 0.0 });
        for (theta, &v) in duals.theta.iter_mut().zip(&self.direction) {
            theta.du = v;
        }
        let zero = Dual { re: 0.0, du: 0.0 };
        let (mut grad, mut scores) = (vec![zero; dims.param_len()], vec![zero; n * dims.classes()]);
        let mut examples = vec![zero; n * dims.param_len()];
        let loss = duals
            .pass()
            .grad(ParamsMut::from_flat(dims, &mut grad).unwrap())
            .scores(MatMut::new(&mut scores, n, dims.classes()).unwrap())
            .example_grads(MatMut::new(&mut examples, n, dims.param_len()).unwrap())
            .run(&mut vec![zero; dims.scratch_len(n)])
            .unwrap();
        let along = |grad: &[Dual<f64>]| {
            let pairs = || grad.iter().zip(&self.direction);
            [pairs().map(|(g, v)| g.re * v).sum(), pairs().map(|(g, v)| g.du * v).sum()]
        };
        Duals {
            loss,
            grad: grad.iter().map(|g| g.re).collect(),
            product: grad.iter().map(|g| g.du).collect(),
            scores: scores.iter().map(|f| f.du).collect(),
            examples: examples.chunks(dims.param_len()).map(along).collect(),
        }
    }
}

/// What dual numbers make of a case.
pub struct Duals {
    pub loss: Dual<f64>,
    pub grad: Vec<f64>,
    /// H v.
    pub product: Vec<f64>,
    /// J v.
    pub scores: Vec<f64>,
    /// ∇l_i · v and vᵀ H_i v.
    pub examples: Vec<[f64; 2]>,
}

impl<T: Float + Send + Sync + 'static> Case<T> {
    pub fn params(&self) -> Params<'_, T> {
        Params::from_flat(self.dims, &self.theta).unwrap()
    }

    pub fn v(&self) -> Params<'_, T> {
        Params::from_flat(self.dims, &self.direction).unwrap()
    }

    /// The pass with all options.
    pub fn pass(&self) -> Pass<'_, T> {
        let x = MatRef::new(&self.x, self.n, self.dims.inputs()).unwrap();
        let batch = match &self.targets {
            Some(targets) => {
                Batch::with_targets(x, MatRef::new(targets, self.n, self.dims.classes()).unwrap()).unwrap()
            }
            None => Batch::new(x, &self.labels).unwrap(),
        };
        let mut pass = Pass::new(self.params(), batch)
            .smoothing(self.smoothing)
            .l2(self.l2[0], self.l2[1])
            .kink(self.kink)
            .reduction(self.reduction);
        if let Some(weights) = &self.example_weights {
            pass = pass.example_weights(weights);
        }
        if let Some(weights) = &self.class_weights {
            pass = pass.class_weights(weights);
        }
        if let (Some(label), None) = (self.ignored, &self.targets) {
            pass = pass.ignore_label(label);
        }
        if let Some(divisor) = self.divisor {
            pass = pass.divisor(divisor);
        }
        pass
    }
}

/// All engines: the caller's multiplies as the portable one does.
pub fn engines() -> [(&'static str, Engine<'static, f64>); 4] {
    [
        ("builtin", Engine::Builtin),
        ("portable", Engine::Portable),
        ("matrixmultiply", matrix_multiply()),
        ("a caller's", Engine::Gemm(&Engine::Portable)),
    ]
}

/// Each to 1e-12, relative to the largest of all.
#[track_caller]
pub fn assert_close(what: &dyn std::fmt::Debug, got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    let scale = expected.iter().fold(1e-3, |max: f64, value| max.max(value.abs()));
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!((got - expected).abs() <= 1e-12 * scale, "{what:?} [{i}]: {got}, expected {expected}");
    }
}
