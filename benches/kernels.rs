//! Time of `loss_and_grad`, `loss` and `scores` over shapes (m, h, C, n) in f32 and f64, and of the loss and gradient with
//! [`Engine::Builtin`]. One of them: `cargo bench -- loss_and_grad/f32`.
//!
//! Criterion's `elem/s` are floating-point operations per second (`Gelem/s` = GFLOP/s), counted by the matrix
//! products alone: 4nmh + 6nhC for `loss_and_grad` (two products of W1's size, three of W2's), 2nmh + 2nhC
//! for `loss` and `scores`. What the bias, ReLU and softmax sweeps cost shows as missing GFLOP/s.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use handgrad::{Batch, Dims, Engine, MatMut, MatRef, Params, ParamsMut, Pass, derivation};
use handgrad::{loss, loss_and_grad, scores};
use num_traits::Float;

const SHAPES: [(usize, usize, usize, usize); 7] = [
    (64, 32, 10, 1),
    (64, 32, 10, 32),
    (64, 32, 10, 1797),
    (784, 128, 10, 128),
    (784, 128, 10, 1024),
    (784, 1024, 10, 1024),
    (3072, 1024, 1000, 1024),
];

/// A net and a batch, the loss they must have, and room for the results.
struct Case<T> {
    name: String,
    dims: Dims,
    n: usize,
    theta: Vec<T>,
    x: Vec<T>,
    labels: Vec<u16>,
    grad: Vec<T>,
    scores: Vec<T>,
    scratch: Vec<T>,
}

impl<T: Float + Send + Sync + 'static> Case<T> {
    fn new(kind: &str, (m, h, c, n): (usize, usize, usize, usize)) -> Self {
        let dims = Dims::new(m, h, c).expect("dimensions of a benchmark");
        let mut rng = fastrand::Rng::with_seed(1);
        let mut numbers = |len: usize, scale: f64| -> Vec<T> {
            (0..len).map(|_| T::from((rng.f64() * 2.0 - 1.0) * scale).expect("a float")).collect()
        };
        let theta = numbers(dims.param_len(), (3.0 / m as f64).sqrt());
        let x = numbers(n * m, 1.0);
        let labels = (0..n).map(|_| rng.u16(0..c as u16)).collect();
        let (grad, scores) = (vec![T::zero(); dims.param_len()], vec![T::zero(); n * c]);
        let scratch = vec![T::zero(); dims.scratch_len(n)];
        Self { name: format!("{kind}/{m}x{h}x{c}x{n}"), dims, n, theta, x, labels, grad, scores, scratch }
    }

    fn params(&self) -> Params<'_, T> {
        Params::from_flat(self.dims, &self.theta).expect("parameters")
    }

    fn x(&self) -> MatRef<'_, T> {
        MatRef::new(&self.x, self.n, self.dims.inputs()).expect("examples")
    }

    fn loss_and_grad(&mut self) -> T {
        let params = Params::from_flat(self.dims, &self.theta).expect("parameters");
        let x = MatRef::new(&self.x, self.n, self.dims.inputs()).expect("examples");
        let batch = Batch::new(x, &self.labels).expect("labels");
        let grad = ParamsMut::from_flat(self.dims, &mut self.grad).expect("gradient");
        loss_and_grad(params, batch, grad, &mut self.scratch).expect("a valid call")
    }

    fn builtin(&mut self) -> T {
        let params = Params::from_flat(self.dims, &self.theta).expect("parameters");
        let x = MatRef::new(&self.x, self.n, self.dims.inputs()).expect("examples");
        let batch = Batch::new(x, &self.labels).expect("labels");
        let grad = ParamsMut::from_flat(self.dims, &mut self.grad).expect("gradient");
        let pass = Pass::new(params, batch).engine(Engine::Builtin).grad(grad);
        pass.run(&mut self.scratch).expect("a valid call")
    }

    fn loss(&mut self) -> T {
        let params = Params::from_flat(self.dims, &self.theta).expect("parameters");
        let x = MatRef::new(&self.x, self.n, self.dims.inputs()).expect("examples");
        let batch = Batch::new(x, &self.labels).expect("labels");
        loss(params, batch, &mut self.scratch).expect("a valid call")
    }

    fn scores(&mut self) -> T {
        let params = Params::from_flat(self.dims, &self.theta).expect("parameters");
        let x = MatRef::new(&self.x, self.n, self.dims.inputs()).expect("examples");
        let out = MatMut::new(&mut self.scores, self.n, self.dims.classes()).expect("scores");
        scores(params, x, out, &mut self.scratch).expect("a valid call");
        self.scores[0]
    }

    /// The mean loss by the plain loops of the derivation.
    fn expected_loss(&self) -> f64 {
        let (params, m, h) = (self.params(), self.dims.inputs(), self.dims.hidden());
        let (mut z, mut a) = (vec![T::zero(); h], vec![T::zero(); h]);
        let mut f = vec![T::zero(); self.dims.classes()];
        let losses = self.x().as_slice().chunks_exact(m).zip(&self.labels).map(|(x, &y)| {
            derivation::preactivations(params.w1().as_slice(), params.b1(), x, &mut z)?;
            derivation::activations(&z, &mut a)?;
            derivation::scores(params.w2().as_slice(), params.b2(), &a, &mut f)?;
            derivation::loss(&f, y.into())
        });
        let losses: Vec<T> = losses.collect::<Result<_, _>>().expect("a valid net");
        derivation::mean_loss(&losses).expect("examples").to_f64().expect("a float")
    }

    /// Before anything is timed: all ways to the loss, and the gradient of b2, whose sum must be 0.
    fn check(&mut self) {
        let epsilon = T::epsilon().to_f64().expect("a float");
        let expected = self.expected_loss();
        // The plain loops' sums of m terms may lose m epsilon of magnitudes around 1.
        let tolerance = 4.0 * self.dims.inputs() as f64 * epsilon * (1.0 + expected);
        for got in [self.loss(), self.loss_and_grad(), self.builtin()] {
            let got = got.to_f64().expect("a float");
            assert!((got - expected).abs() <= tolerance, "{}: loss {got}, expected {expected}", self.name);
        }
        let c = self.dims.classes();
        let db2 = self.grad[self.grad.len() - c..].iter().map(|g| g.to_f64().expect("a float"));
        let sum: f64 = db2.sum();
        assert!(sum.abs() <= 16.0 * c as f64 * epsilon, "{}: db2 sums to {sum}", self.name);
    }
}

fn bench_type<T: Float + Send + Sync + 'static>(criterion: &mut Criterion, kind: &str) {
    for shape in SHAPES {
        let (m, h, c, n) = shape;
        let mut case = Case::<T>::new(kind, shape);
        case.check();
        let name = case.name.clone();
        let mut time = |group: &str, flops: usize, call: &mut dyn FnMut() -> T| {
            let mut group = criterion.benchmark_group(group);
            group.throughput(Throughput::Elements(flops as u64));
            group.bench_function(&name, |bencher| bencher.iter(|| black_box(call())));
            group.finish();
        };
        time("loss_and_grad", 4 * n * m * h + 6 * n * h * c, &mut || case.loss_and_grad());
        time("builtin", 4 * n * m * h + 6 * n * h * c, &mut || case.builtin());
        time("loss", 2 * n * m * h + 2 * n * h * c, &mut || case.loss());
        time("scores", 2 * n * m * h + 2 * n * h * c, &mut || case.scores());
    }
}

fn bench(criterion: &mut Criterion) {
    bench_type::<f32>(criterion, "f32");
    bench_type::<f64>(criterion, "f64");
}

criterion_group! {
    name = kernels;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = bench
}
criterion_main!(kernels);
