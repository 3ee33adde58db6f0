//! The plan of one evaluation: tiles over examples, which kernel when, what the caller asked for.

use core::ops::Range;

use num_traits::{Float, PrimInt};

use crate::batch::Batch;
use crate::error::{Error, What, check_len};
use crate::gemm::{Beta, Gemm, default_engine};
use crate::grad_sum::GradSum;
use crate::kernels::sum::{Sum, add_to, sum_rows};
use crate::kernels::{hidden, softmax};
use crate::kink::Kink;
use crate::matrix::{MatMut, MatRef};
use crate::params::{Params, ParamsMut};

/// How the losses of the examples become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// (6): L = (1/n) sum of L_i. The default.
    #[default]
    Mean,
    /// L = sum of L_i.
    Sum,
}

/// One evaluation of a net on a batch, the long form: what to compute and how are chosen, then
/// [`run`](Self::run) or [`infer`](Self::infer) does it all in one pass over the examples.
///
/// The examples are taken tile by tile through (17):
///
/// ```text
/// Z   = X W1ᵀ + 1 b1ᵀ               n × h   pre-activations
/// A   = max(0, Z)                   n × h   activations
/// F   = A W2ᵀ + 1 b2ᵀ               n × C   scores
/// G   = (softmax(F) - onehot) / n   n × C   score gradient (not divided by n with Reduction::Sum)
/// dW2 = Gᵀ A                        C × h
/// db2 = sum of the rows of G        C
/// D   = I * (G W2)                  n × h   hidden gradient, I = 1 where Z ≥ 0, 0 elsewhere (see Kink)
/// dW1 = Dᵀ X                        h × m
/// db1 = sum of the rows of D        h
/// dX  = D W1                        n × m
/// ```
///
/// That is n(mh + hC) multiply-adds for the loss alone, n(2mh + 3hC) with the gradient, and nmh more with the
/// input gradient. Nothing of the size of n × h or n × C is ever stored.
///
/// Each output is a slice or view of the caller's, of exactly the right size; what was not asked for is not
/// computed. All sizes, labels and the scratch are checked before the first output is written.
///
/// NaN and infinite numbers are computed with as IEEE 754 has it: no error, no panic. A NaN in an example
/// reaches that example's outputs, the loss and the gradient.
///
/// # Example
///
/// The gradient of two batches added up, and from the second one also its single losses:
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::{Batch, Dims, MatRef, Params, ParamsMut, Pass, Reduction};
///
/// let dims = Dims::new(2, 2, 2)?;
/// let theta = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0];
/// let params = Params::from_flat(dims, &theta)?;
/// let x = [2.0, 1.0, 0.0, 3.0];
/// let first = Batch::new(MatRef::new(&x[..2], 1, 2)?, &[0])?;
/// let second = Batch::new(MatRef::new(&x[2..], 1, 2)?, &[1])?;
/// let mut scratch = vec![0.0; dims.scratch_len(1)];
///
/// let mut grad = [0.0; 12];
/// let dtheta = ParamsMut::from_flat(dims, &mut grad)?;
/// Pass::new(params, first).reduction(Reduction::Sum).grad(dtheta).run(&mut scratch)?;
/// let mut losses = [0.0];
/// let loss = Pass::new(params, second)
///     .reduction(Reduction::Sum)
///     .accumulate_grad(ParamsMut::from_flat(dims, &mut grad)?)
///     .losses(&mut losses)
///     .run(&mut scratch)?;
/// assert_eq!(loss, losses[0]);
/// assert!((loss - (-3f64).exp().ln_1p()).abs() < 1e-15);
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is computed until `run` or `infer` is called"]
pub struct Pass<'a, T, L = usize> {
    params: Params<'a, T>,
    batch: Batch<'a, T, L>,
    kink: Kink,
    reduction: Reduction,
    engine: &'a dyn Gemm<T>,
    grad: Option<(ParamsMut<'a, T>, Beta)>,
    input_grad: Option<MatMut<'a, T>>,
    losses: Option<&'a mut [T]>,
    scores: Option<MatMut<'a, T>>,
    probabilities: Option<MatMut<'a, T>>,
    log_probabilities: Option<MatMut<'a, T>>,
    predictions: Option<&'a mut [usize]>,
}

/// One tile's buffers in the scratch, all row-major, and the examples it holds.
struct Tile<'s, T> {
    examples: Range<usize>,
    /// X, t × m: a view of the caller's examples.
    x: MatRef<'s, T>,
    /// Z, t × h.
    z: &'s mut [T],
    /// A, t × h; in the backward pass D takes its place.
    a: &'s mut [T],
    /// F, t × C; G takes its place with the losses.
    f: &'s mut [T],
}

impl<'a, T: Float + 'static, L: PrimInt> Pass<'a, T, L> {
    /// An evaluation of the net `params` on `batch`, with no outputs but the loss: the mean over the
    /// examples, [`Kink::One`], the [default engine](default_engine).
    pub fn new(params: Params<'a, T>, batch: Batch<'a, T, L>) -> Self {
        Self {
            params,
            batch,
            kink: Kink::default(),
            reduction: Reduction::default(),
            engine: default_engine(),
            grad: None,
            input_grad: None,
            losses: None,
            scores: None,
            probabilities: None,
            log_probabilities: None,
            predictions: None,
        }
    }

    /// Chooses the derivative of max(0, z) at z = 0.
    pub fn kink(self, kink: Kink) -> Self {
        Self { kink, ..self }
    }

    /// Chooses whether the loss is the mean or the sum over the examples; the gradients follow.
    pub fn reduction(self, reduction: Reduction) -> Self {
        Self { reduction, ..self }
    }

    /// Chooses the engine of the matrix products.
    pub fn engine(self, engine: &'a dyn Gemm<T>) -> Self {
        Self { engine, ..self }
    }

    /// Asks for the gradient of the loss, dW1, db1, dW2, db2, and overwrites `grad` with it.
    pub fn grad(self, grad: ParamsMut<'a, T>) -> Self {
        Self { grad: Some((grad, Beta::Zero)), ..self }
    }

    /// Asks for the gradient of the loss and adds it to `grad`. (It takes the place of [`grad`](Self::grad):
    /// the last one of the two counts.)
    pub fn accumulate_grad(self, grad: ParamsMut<'a, T>) -> Self {
        Self { grad: Some((grad, Beta::One)), ..self }
    }

    /// Asks for (16), the gradient of the loss by the inputs, dX, n × m.
    pub fn input_grad(self, input_grad: MatMut<'a, T>) -> Self {
        Self { input_grad: Some(input_grad), ..self }
    }

    /// Asks for (5), the losses L_i of the single examples, n, whatever the reduction.
    pub fn losses(self, losses: &'a mut [T]) -> Self {
        Self { losses: Some(losses), ..self }
    }

    /// Asks for (3), the scores (also known as logits) F, n × C.
    pub fn scores(self, scores: MatMut<'a, T>) -> Self {
        Self { scores: Some(scores), ..self }
    }

    /// Asks for (4), the probabilities, n × C.
    pub fn probabilities(self, probabilities: MatMut<'a, T>) -> Self {
        Self { probabilities: Some(probabilities), ..self }
    }

    /// Asks for the logarithms of (4), n × C, computed from the scores and so finite where (4) underflows.
    pub fn log_probabilities(self, log_probabilities: MatMut<'a, T>) -> Self {
        Self { log_probabilities: Some(log_probabilities), ..self }
    }

    /// Asks for the class of the largest score of each example, n: the first one of equals; the first NaN
    /// if there is one.
    pub fn predictions(self, predictions: &'a mut [usize]) -> Self {
        Self { predictions: Some(predictions), ..self }
    }

    /// Writes all that was asked for and returns the loss.
    ///
    /// The error of the sums over examples does not grow with n: the losses are added up with compensation,
    /// the gradients of up to 16 tiles plainly, and those sums with compensation.
    ///
    /// `scratch` needs [`Dims::scratch_len(n)`](crate::Dims::scratch_len) elements and may hold anything; its
    /// contents afterwards are unspecified.
    ///
    /// # Errors
    ///
    /// [`Error::Unlabelled`] if the batch has no labels. [`Error::Shape`] if the examples have not m inputs.
    /// [`Error::Label`] for the first label that is not a class. [`Error::Dims`], [`Error::Shape`] or
    /// [`Error::Length`] for an output of the wrong size, [`Error::Length`] for too short a scratch; nothing
    /// has been written then. The crate's own engines return no errors here; one from a caller's engine ends
    /// the pass where it is.
    pub fn run(self, scratch: &mut [T]) -> Result<T, Error> {
        if !self.batch.is_labelled() {
            return Err(Error::Unlabelled { what: What::Losses });
        }
        self.evaluate(scratch)
    }

    /// Writes all that was asked for, without a loss: for batches without labels.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), but [`Error::Unlabelled`] only if gradients or losses were asked for.
    pub fn infer(self, scratch: &mut [T]) -> Result<(), Error> {
        if !self.batch.is_labelled() {
            let wanted = [
                (self.grad.is_some(), What::Gradient),
                (self.input_grad.is_some(), What::InputGradient),
                (self.losses.is_some(), What::Losses),
            ];
            if let Some(&(_, what)) = wanted.iter().find(|(wanted, _)| *wanted) {
                return Err(Error::Unlabelled { what });
            }
        }
        self.evaluate(scratch).map(|_| ())
    }

    /// All checks that need both the net and the batch: nothing has been written yet.
    fn check(&self, scratch: usize) -> Result<(), Error> {
        let (dims, n) = (self.params.dims, self.batch.len());
        self.batch.check(dims)?;
        if let Some((grad, _)) = &self.grad {
            dims.check_same(What::Gradient, grad.dims)?;
        }
        for (what, view, cols) in [
            (What::InputGradient, &self.input_grad, dims.inputs()),
            (What::Scores, &self.scores, dims.classes()),
            (What::Probabilities, &self.probabilities, dims.classes()),
            (What::LogProbabilities, &self.log_probabilities, dims.classes()),
        ] {
            let got = view.as_ref().map_or((n, cols), |view| (view.rows(), view.cols()));
            if got != (n, cols) {
                return Err(Error::Shape { what, expected: (n, cols), got });
            }
        }
        check_len(What::Losses, n, self.losses.as_ref().map_or(n, |losses| losses.len()))?;
        check_len(What::Predictions, n, self.predictions.as_ref().map_or(n, |classes| classes.len()))?;
        let expected = dims.scratch_len(n);
        if scratch < expected {
            return Err(Error::Length { what: What::Scratch, expected, got: scratch });
        }
        Ok(())
    }

    fn evaluate(mut self, scratch: &mut [T]) -> Result<T, Error> {
        self.check(scratch.len())?;
        let (dims, n) = (self.params.dims, self.batch.len());
        let (t, h, c) = (dims.tile_len(n), dims.hidden(), dims.classes());
        let (z, rest) = scratch.split_at_mut(t * h);
        let (a, rest) = rest.split_at_mut(t * h);
        let (f, rest) = rest.split_at_mut(t * c);
        let count = T::from(n).unwrap_or_else(T::nan);
        let mut total = Sum::new();

        let low = if n > t { Some(ParamsMut::from_flat(dims, &mut rest[..dims.param_len()])?) } else { None };
        let mut grad = self.grad.take().map(|(grad, beta)| GradSum::new(grad, beta, low));
        for (index, start) in (0..n).step_by(t).enumerate() {
            let examples = start..n.min(start + t);
            let len = examples.len();
            let x = self.batch.x.row_range(examples.clone());
            let mut tile =
                Tile { examples, x, z: &mut z[..len * h], a: &mut a[..len * h], f: &mut f[..len * c] };
            self.forward(&mut tile)?;
            self.rows(&mut tile, count, &mut total);
            self.backward(tile, grad.as_mut().map(|grad| grad.target(index)))?;
            if let Some(grad) = &mut grad {
                grad.tile_done(index, start + len == n);
            }
        }
        Ok(match self.reduction {
            Reduction::Mean => total.total() / count,
            Reduction::Sum => total.total(),
        })
    }

    /// (1) to (3) without b2: Z, A and A W2ᵀ of one tile.
    fn forward(&self, tile: &mut Tile<'_, T>) -> Result<(), Error> {
        let Params { dims, w1, b1, w2, .. } = self.params;
        let (t, h, c) = (tile.examples.len(), dims.hidden(), dims.classes());
        self.engine.gemm(tile.x, w1.t(), Beta::Zero, MatMut::new(tile.z, t, h)?)?;
        hidden::bias_relu(self.kink, b1, tile.z, tile.a);
        self.engine.gemm(MatRef::new(tile.a, t, h)?, w2.t(), Beta::Zero, MatMut::new(tile.f, t, c)?)
    }

    /// All that happens to one row of scores, example by example, while it lies in the cache.
    fn rows(&mut self, tile: &mut Tile<'_, T>, count: T, total: &mut Sum<T>) {
        let b2 = self.params.b2;
        let weight = match self.reduction {
            Reduction::Mean => count.recip(),
            Reduction::Sum => T::one(),
        };
        for (i, f) in tile.examples.clone().zip(tile.f.chunks_exact_mut(b2.len())) {
            let lead = softmax::add_bias(f, b2);
            if let Some(scores) = &mut self.scores {
                for (out, &score) in scores.row_mut(i).zip(&*f) {
                    *out = score;
                }
            }
            if let Some(probabilities) = &mut self.probabilities {
                softmax::probabilities(f, lead, probabilities, i);
            }
            if let Some(log_probabilities) = &mut self.log_probabilities {
                softmax::log_probabilities(f, lead, log_probabilities, i);
            }
            if let Some(predictions) = &mut self.predictions {
                predictions[i] = lead.class;
            }
            if let Some(y) = self.batch.label(i) {
                let loss = softmax::loss_and_grad(f, lead, y, weight);
                total.add(loss);
                if let Some(losses) = &mut self.losses {
                    losses[i] = loss;
                }
            }
        }
    }

    /// (12) to (16) of one tile, as far as they are wanted.
    fn backward(
        &mut self,
        tile: Tile<'_, T>,
        mut target: Option<(ParamsMut<'_, T>, Beta)>,
    ) -> Result<(), Error> {
        if target.is_none() && self.input_grad.is_none() {
            return Ok(());
        }
        let Params { dims, w1, w2, .. } = self.params;
        let (t, h, c) = (tile.examples.len(), dims.hidden(), dims.classes());
        let g = MatRef::new(tile.f, t, c)?;
        if let Some((grad, beta)) = &mut target {
            self.engine.gemm(g.t(), MatRef::new(tile.a, t, h)?, *beta, grad.w2.reborrow())?;
        }
        // A is not needed any more: D takes its place.
        self.engine.gemm(g, w2, Beta::Zero, MatMut::new(tile.a, t, h)?)?;
        let db1 = hidden::mask_bias_grad(self.kink, h, tile.z, tile.a);
        let d = MatRef::new(tile.a, t, h)?;
        if let Some((grad, beta)) = target {
            self.engine.gemm(d.t(), tile.x, beta, grad.w1)?;
            put(beta, grad.b1, db1);
            put(beta, grad.b2, sum_rows(c, tile.f));
        }
        if let Some(input_grad) = &mut self.input_grad {
            let rows = input_grad.reborrow().row_range(tile.examples);
            self.engine.gemm(d, w1, Beta::Zero, rows)?;
        }
        Ok(())
    }
}

/// Writes or adds a tile's part of a bias gradient.
fn put<T: Float>(beta: Beta, grad: &mut [T], part: &[T]) {
    match beta {
        Beta::Zero => grad.copy_from_slice(part),
        Beta::One => add_to(grad, part),
    }
}
