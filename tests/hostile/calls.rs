//! All that can be asked of a pass, with guards around what it writes.

use super::numbers::Number;
use handgrad::curvature::{self, KroneckerFactors, Tangents};
use handgrad::{
    Batch, Dims, Engine, Error, Executor, Kink, MatMut, MatRef, Params, ParamsMut, Pass, Reduction, compact,
};
use num_traits::PrimInt;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    /// The loss and the gradient, in rows: the short way of few examples.
    Plain,
    /// All outputs, with most options.
    Everything,
    /// Without labels.
    Infer,
    /// Soft targets, and matrices whose columns are contiguous.
    Soft,
    /// One example after the other, by the compact net.
    Compact,
    /// All functions of second order.
    Curvature,
}

pub const fn all_ways() -> [Way; 6] {
    [Way::Plain, Way::Everything, Way::Infer, Way::Soft, Way::Compact, Way::Curvature]
}

/// A net and a batch, half of whose inputs are 0.
pub struct Problem<T> {
    dims: Dims,
    n: usize,
    theta: Vec<T>,
    x: Vec<T>,
    labels: Vec<usize>,
}

/// What guards hold.
const GUARD: f64 = -7.25;

/// So many elements before and behind an output.
const WIDTH: usize = 19;

/// Outputs, one behind the other, each between guards.
struct Guarded<T>(Vec<T>);

impl<T: Number> Guarded<T> {
    fn new(lens: &[usize]) -> Self {
        let mut memory = vec![T::of(GUARD); WIDTH];
        for &len in lens {
            memory.resize(memory.len() + len, T::of(3.0));
            memory.resize(memory.len() + WIDTH, T::of(GUARD));
        }
        Self(memory)
    }

    fn outputs<const N: usize>(&mut self, lens: [usize; N]) -> [&mut [T]; N] {
        let mut rest = &mut self.0[..];
        lens.map(|len| {
            let (output, behind) = std::mem::take(&mut rest)[WIDTH..].split_at_mut(len);
            rest = behind;
            output
        })
    }

    /// What is between the guards, which are whole.
    fn collect(self, lens: &[usize]) -> Vec<f64> {
        let (mut rest, mut values) = (&self.0[..], vec![]);
        let guard = |guard: &[T]| {
            assert!(guard.iter().all(|x| x.value() == T::of(GUARD).value()), "a guard was written")
        };
        for &len in lens {
            guard(&rest[..WIDTH]);
            values.extend(rest[WIDTH..][..len].iter().map(|x| x.value()));
            rest = &rest[WIDTH + len..];
        }
        guard(rest);
        values
    }
}

impl<T: Number> Problem<T> {
    pub fn new((m, h, c, n): (usize, usize, usize, usize)) -> Self {
        let mut rng = fastrand::Rng::with_seed((m + h + c + n) as u64);
        let dims = Dims::new(m, h, c).unwrap();
        let mut numbers = |len, zeros| -> Vec<T> {
            let number = |rng: &mut fastrand::Rng| f64::from(rng.i32(-7..8)) / 4.0;
            (0..len).map(|_| T::of(if zeros && rng.u32(0..8) > 0 { 0.0 } else { number(&mut rng) })).collect()
        };
        let (theta, x) = (numbers(dims.param_len(), false), numbers(n * m, true));
        Self { dims, n, theta, x, labels: (0..n).map(|i| i * 7 % c).collect() }
    }

    /// The bits of all that is written.
    pub fn run<L: PrimInt + Sync>(
        &self,
        way: Way,
        engine: Engine<'_, T>,
        executor: Option<&dyn Executor>,
        label: impl Fn(usize) -> L,
    ) -> Result<Vec<u64>, Error> {
        let labels: Vec<L> = self.labels.iter().map(|&class| label(class)).collect();
        let values = match way {
            Way::Plain => self.plain(&labels, engine, executor),
            Way::Everything => self.everything(&labels, label(0), engine, executor),
            Way::Infer => self.infer(engine, executor),
            Way::Soft => self.soft(engine, executor),
            Way::Compact => self.compact(),
            Way::Curvature => self.curvature(&labels, label(0), engine, executor),
        }?;
        Ok(values.into_iter().map(f64::to_bits).collect())
    }

    fn batch<'a, L: PrimInt>(&'a self, labels: &'a [L]) -> Result<Batch<'a, T, L>, Error> {
        Batch::new(MatRef::new(&self.x, self.n, self.dims.inputs())?, labels)
    }

    fn params(&self) -> Result<Params<'_, T>, Error> {
        Params::from_flat(self.dims, &self.theta)
    }

    fn plain<L: PrimInt + Sync>(
        &self,
        labels: &[L],
        engine: Engine<'_, T>,
        executor: Option<&dyn Executor>,
    ) -> Result<Vec<f64>, Error> {
        let lens = [self.dims.param_len(), self.dims.scratch_len(self.n)];
        let mut memory = Guarded::new(&lens);
        let [grad, scratch] = memory.outputs(lens);
        let pass = Pass::new(self.params()?, self.batch(labels)?)
            .engine(engine)
            .accumulate_grad(ParamsMut::from_flat(self.dims, grad)?);
        let loss = on(pass, executor).run(scratch)?;
        let mut values = memory.collect(&lens);
        values.truncate(lens[0]);
        values.push(loss.value());
        Ok(values)
    }

    fn everything<L: PrimInt + Sync>(
        &self,
        labels: &[L],
        ignored: L,
        engine: Engine<'_, T>,
        executor: Option<&dyn Executor>,
    ) -> Result<Vec<f64>, Error> {
        let Self { dims, n, .. } = *self;
        let (m, c, p) = (dims.inputs(), dims.classes(), dims.param_len());
        let pairs = if n <= dims.chunk_len(n) { n * n } else { 0 };
        let singles = if n * p < 100_000 { n * p } else { 0 };
        let lens = [p, n * m, n, n, singles, n * c, n * c, n * c, p, pairs, dims.scratch_len(n)];
        let mut memory = Guarded::new(&lens);
        let [grad, dx, losses, norms, grads, f, probabilities, logs, moment, gram, scratch] =
            memory.outputs(lens);
        let (mut weight, mut predictions) = (T::of(0.0), vec![usize::MAX; n]);
        let weights: Vec<T> = (0..n).map(|i| T::of(if i % 5 == 3 { 0.0 } else { 0.5 })).collect();
        let class_weights = vec![T::of(0.75); c];
        let mut pass = Pass::new(self.params()?, self.batch(labels)?)
            .engine(engine)
            .kink(Kink::Zero)
            .ignore_label(ignored)
            .example_weights(&weights)
            .class_weights(&class_weights)
            .effective_weight(&mut weight)
            .clip(T::of(0.25))
            .l2(T::of(0.5), T::of(0.25))
            .grad(ParamsMut::from_flat(dims, grad)?)
            .input_grad(MatMut::new(dx, n, m)?)
            .losses(losses)
            .grad_norms(norms)
            .scores(MatMut::new(f, n, c)?)
            .probabilities(MatMut::col_major(probabilities, n, c)?)
            .log_probabilities(MatMut::new(logs, n, c)?)
            .predictions(&mut predictions)
            .second_moment(ParamsMut::from_flat(dims, moment)?);
        if singles > 0 {
            pass = pass.example_grads(MatMut::new(grads, n, p)?);
        }
        if pairs > 0 {
            pass = pass.gram(MatMut::new(gram, n, n)?);
        }
        let loss = on(pass, executor).run(scratch)?;
        let mut values = memory.collect(&lens);
        values.truncate(values.len() - lens[10]);
        values.extend(predictions.iter().map(|&class| class as f64));
        values.extend([loss.value(), weight.value()]);
        Ok(values)
    }

    fn infer(&self, engine: Engine<'_, T>, executor: Option<&dyn Executor>) -> Result<Vec<f64>, Error> {
        let Self { dims, n, .. } = *self;
        let lens = [n * dims.classes(), dims.scratch_len(n)];
        let mut memory = Guarded::new(&lens);
        let [probabilities, scratch] = memory.outputs(lens);
        let batch = Batch::unlabelled(MatRef::new(&self.x, n, dims.inputs())?);
        let pass = Pass::new(self.params()?, batch).engine(engine).probabilities(MatMut::new(
            probabilities,
            n,
            dims.classes(),
        )?);
        on(pass, executor).infer(scratch)?;
        let mut values = memory.collect(&lens);
        values.truncate(lens[0]);
        Ok(values)
    }

    /// Everything column by column: what was a row-major matrix is read as another one.
    fn soft(&self, engine: Engine<'_, T>, executor: Option<&dyn Executor>) -> Result<Vec<f64>, Error> {
        let Self { dims, n, .. } = *self;
        let [w1, b1, w2, b2] = dims.block_lens();
        let (m, h, c) = (dims.inputs(), b1, b2);
        let lens = [w1, b1, w2, b2, n * m, dims.scratch_len(n)];
        let mut memory = Guarded::new(&lens);
        let [dw1, db1, dw2, db2, dx, scratch] = memory.outputs(lens);
        let targets: Vec<T> = (0..n * c).map(|i| T::of(if i % c == i / c % c { 1.0 } else { 0.0 })).collect();
        let params = Params::new(
            MatRef::col_major(&self.theta[..w1], h, m)?,
            &self.theta[w1..][..b1],
            MatRef::col_major(&self.theta[w1 + b1..][..w2], c, h)?,
            &self.theta[w1 + b1 + w2..],
        )?;
        let x = MatRef::col_major(&self.x, n, m)?;
        let grad = ParamsMut::new(MatMut::col_major(dw1, h, m)?, db1, MatMut::col_major(dw2, c, h)?, db2)?;
        let pass = Pass::new(params, Batch::with_targets(x, MatRef::new(&targets, n, c)?)?)
            .engine(engine)
            .reduction(Reduction::Sum)
            .smoothing(T::of(0.25))
            .grad(grad)
            .input_grad(MatMut::col_major(dx, n, m)?);
        let loss = on(pass, executor).run(scratch)?;
        let mut values = memory.collect(&lens);
        values.truncate(values.len() - lens[5]);
        values.push(loss.value());
        Ok(values)
    }

    fn curvature<L: PrimInt + Sync>(
        &self,
        labels: &[L],
        ignored: L,
        engine: Engine<'_, T>,
        executor: Option<&dyn Executor>,
    ) -> Result<Vec<f64>, Error> {
        let Self { dims, n, .. } = *self;
        let (m, h, c, p) = (dims.inputs(), dims.hidden(), dims.classes(), dims.param_len());
        let (scratch_len, squares) = (curvature::scratch_len(dims, n, 2), [m + 1, h, h + 1, c]);
        let [s0, s1, s2, s3] = squares.map(|side| side * side);
        let lens = [p, p, p, p, n, n, n, n * c, n, s0, s1, s2, s3, p, scratch_len];
        let mut memory = Guarded::new(&lens);
        let [hv, hu, gv, diagonal, slopes, seconds, all, f, traces, k0, k1, k2, k3, back, scratch] =
            memory.outputs(lens);
        let weights: Vec<T> = (0..n).map(|i| T::of(if i % 5 == 3 { 0.0 } else { 0.5 })).collect();
        let pass = || -> Result<_, Error> {
            let pass = Pass::new(self.params()?, self.batch(labels)?)
                .engine(engine)
                .ignore_label(ignored)
                .example_weights(&weights)
                .l2(T::of(0.5), T::of(0.25));
            Ok(on(pass, executor))
        };
        let reversed: Vec<T> = self.theta.iter().rev().copied().collect();
        let v = [self.params()?, Params::from_flat(dims, &reversed)?];
        let mut products = [ParamsMut::from_flat(dims, hv)?, ParamsMut::from_flat(dims, hu)?];
        let mut sums = vec![curvature::hessian_vectors(pass()?, &v, &mut products, scratch)?];
        // The others have no `unsafe` code that products have not, and take an interpreter minutes.
        if !cfg!(miri) {
            curvature::gauss_newton_vector(pass()?, v[0], ParamsMut::from_flat(dims, gv)?, scratch)?;
            let out = Tangents {
                scores: Some(MatMut::new(f, n, c)?),
                slopes: Some(slopes),
                gauss_newton: Some(seconds),
                hessian: Some(all),
            };
            let along = curvature::tangent(pass()?, v[0], out, scratch)?;
            curvature::diagonal(pass()?, ParamsMut::from_flat(dims, diagonal)?, Some(traces), scratch)?;
            let [k0, k1, k2, k3] = [(k0, m + 1), (k1, h), (k2, h + 1), (k3, c)]
                .map(|(factor, side)| MatMut::new(factor, side, side).map(Some));
            let factors = KroneckerFactors { inputs: k0?, hidden: k1?, activations: k2?, scores: k3? };
            curvature::kronecker_factors(pass()?, factors, scratch)?;
            let rows: Vec<T> = (0..n * c).map(|i| self.theta[i % p]).collect();
            let pass = pass()?.grad(ParamsMut::from_flat(dims, back)?);
            curvature::backward(pass, MatRef::new(&rows, n, c)?, scratch)?;
            sums.extend([along.loss, along.slope, along.gauss_newton, along.hessian]);
        }
        let mut values = memory.collect(&lens);
        values.truncate(values.len() - scratch_len);
        values.extend(sums.into_iter().map(|x| x.value()));
        Ok(values)
    }

    fn compact(&self) -> Result<Vec<f64>, Error> {
        let lens = [self.dims.param_len(), self.dims.scratch_len(1)];
        let mut memory = Guarded::new(&lens);
        let [grad, scratch] = memory.outputs(lens);
        let net = compact::Net::new(self.dims, &self.theta)?;
        for (x, &class) in self.x.chunks(self.dims.inputs()).zip(&self.labels).take(10) {
            net.predict(x, scratch)?;
            net.add_grad(x, class, T::of(0.5), grad, scratch)?;
        }
        let mut values = memory.collect(&lens);
        values.truncate(lens[0]);
        Ok(values)
    }
}

/// On an executor, if there is one.
fn on<'a, T: Number, L: PrimInt + Sync>(
    pass: Pass<'a, T, L>,
    executor: Option<&'a dyn Executor>,
) -> Pass<'a, T, L> {
    match executor {
        Some(executor) => pass.executor(executor),
        None => pass,
    }
}
