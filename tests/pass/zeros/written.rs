//! All that a pass writes, with options and threads.

use handgrad::{Batch, Engine, MatMut, MatRef, Params, ParamsMut, Pass};

use crate::scoped::Scoped;
use crate::support::{Element, Problem};

/// What a pass has written, by name.
pub type Written<T> = Vec<(&'static str, Vec<T>)>;

/// Which examples, by their numbers.
pub type Which = fn(usize) -> bool;

/// A pass.
#[derive(Clone, Copy)]
pub struct Asked<'a, T> {
    pub problem: &'a Problem,
    pub engine: Engine<'a, T>,
    /// Which examples have the ignored label, and which have the weight 0.
    pub excluded: Option<[Which; 2]>,
    /// Whether the second moment is wanted.
    pub moment: bool,
    /// Whether gradients, norms and products of single examples are wanted.
    pub single: bool,
}

impl<'a, T: Element> Asked<'a, T> {
    pub fn of(problem: &'a Problem, engine: Engine<'a, T>) -> Self {
        Self { problem, engine, excluded: None, moment: false, single: false }
    }

    /// Runs it on so many threads, or without an executor.
    pub fn run(&self, threads: Option<usize>) -> Written<T> {
        let Problem { dims, n, ref labels, .. } = *self.problem;
        let (m, c, nan) = (dims.inputs(), dims.classes(), T::nan());
        let (theta, x) = (self.problem.theta::<T>(), self.problem.x::<T>());
        let ignored = |i: usize| self.excluded.is_some_and(|[ignored, _]| ignored(i));
        let labels: Vec<i32> =
            labels.iter().enumerate().map(|(i, &y)| if ignored(i) { -1 } else { y as i32 }).collect();
        let weight = |i: usize| match self.excluded {
            Some([_, weightless]) if weightless(i) => 0.0,
            _ => 0.25 + (i % 3) as f64,
        };
        let weights: Vec<T> = (0..n).map(|i| T::of(weight(i))).collect();
        let [mut grad, mut moment] = [(); 2].map(|()| vec![nan; dims.param_len()]);
        let (mut dx, mut f, mut losses, mut norms) =
            (vec![nan; n * m], vec![nan; n * c], vec![nan; n], vec![nan; n]);
        let mut gram = vec![nan; n * n];
        let mut example_grads = vec![nan; if self.single { n * dims.param_len() } else { 0 }];
        let mut scratch = vec![nan; dims.scratch_len(n)];
        let batch = Batch::new(MatRef::new(&x, n, m).unwrap(), &labels).unwrap();
        let mut pass = Pass::new(Params::from_flat(dims, &theta).unwrap(), batch)
            .engine(self.engine)
            .grad(ParamsMut::from_flat(dims, &mut grad).unwrap())
            .input_grad(MatMut::new(&mut dx, n, m).unwrap())
            .losses(&mut losses)
            .scores(MatMut::new(&mut f, n, c).unwrap());
        if self.excluded.is_some() {
            pass = pass.ignore_label(-1).example_weights(&weights);
        }
        if self.moment {
            pass = pass.second_moment(ParamsMut::from_flat(dims, &mut moment).unwrap());
        }
        if self.single {
            pass = pass
                .grad_norms(&mut norms)
                .gram(MatMut::new(&mut gram, n, n).unwrap())
                .example_grads(MatMut::new(&mut example_grads, n, dims.param_len()).unwrap());
        }
        let executor = Scoped(threads.unwrap_or(0));
        let pass = if threads.is_some() { pass.executor(&executor) } else { pass };
        let loss = pass.run(&mut scratch).unwrap();
        let mut parts =
            vec![("loss", vec![loss]), ("losses", losses), ("scores", f), ("grad", grad), ("input grad", dx)];
        if self.moment {
            parts.push(("moment", moment));
        }
        if self.single {
            parts.extend([("norms", norms), ("gram", gram), ("example grads", example_grads)]);
        }
        parts
    }
}

/// NaN where the other is NaN, and else the same bits.
#[track_caller]
pub fn assert_same<T: Element>(got: &Written<T>, expected: &Written<T>, case: &str) {
    assert_eq!(got.len(), expected.len());
    for ((what, got), (_, expected)) in got.iter().zip(expected) {
        assert_same_part(got, expected, &format!("{case}: {what}"));
    }
}

#[track_caller]
pub fn assert_same_part<T: Element>(got: &[T], expected: &[T], what: &str) {
    let same = |x: T, y: T| {
        let (x, y) = (x.value(), y.value());
        x.is_nan() && y.is_nan() || x.to_bits() == y.to_bits()
    };
    let differs = got.iter().zip(expected).position(|(&got, &expected)| !same(got, expected));
    if let Some(i) = differs {
        panic!("{what}: {i}: {:?} is not {:?}", got[i], expected[i]);
    }
}
