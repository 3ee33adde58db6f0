//! `Pass`: what to compute, and how.

use num_traits::{Float, PrimInt};

use super::config::Config;
use super::engine::{Engine, Products};
use super::objective::{L2, Objective, Units};
use super::outputs::Outputs;
use super::predictions::ClassInteger;
use crate::data::{Batch, Inputs, MatMut, Params, ParamsMut, UsedInputs};
use crate::error::{Error, What};
use crate::executor::Executor;
use crate::gemm::Beta;
use crate::kink::Kink;

/// How the losses of the examples become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Reduction {
    /// (6): L = (1/n) sum of L_i; with weights (22), where N is (23). The default.
    #[default]
    Mean,
    /// L = sum of L_i, or of v_i l_i.
    Sum,
}

/// One evaluation of a net on a batch, the long form: what to compute and how are chosen, then
/// [`run`](Self::run) or [`infer`](Self::infer) does it all in one pass over the examples.
///
/// The examples are taken through (17) in chunks of up to 2048:
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
/// input gradient. Beyond a chunk nothing of the size of n × h or n × C is stored.
///
/// Each output is a slice or view of the caller's, of exactly the right size; what has no output is not
/// computed. All sizes, labels and the scratch are checked before the first output is written.
///
/// Of an empty batch the loss is 0 and so is its gradient, and outputs with a row for each example have none. (What
/// [`l2`](Self::l2) adds is added.)
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
    pub(super) params: Params<'a, T>,
    pub(super) x: Inputs<'a, T>,
    /// The same inputs as the gradient has them, if it has only those that occur.
    pub(super) used_inputs: Option<Inputs<'a, T>>,
    pub(super) labels: Option<&'a [L]>,
    pub(super) ignored_label: Option<L>,
    /// All of the objective but the labels.
    pub(super) objective: Objective<'a, T>,
    pub(super) divisor: Option<T>,
    pub(super) l2: L2<T>,
    pub(super) effective_weight: Option<&'a mut T>,
    pub(super) clip: Option<T>,
    pub(super) second_moment: Option<ParamsMut<'a, T>>,
    pub(super) gram: Option<MatMut<'a, T>>,
    pub(super) kink: Kink,
    pub(super) reduction: Reduction,
    pub(crate) engine: Engine<'a, T>,
    pub(super) executor: Option<&'a dyn Executor>,
    pub(super) grad: Option<(ParamsMut<'a, T>, Beta)>,
    pub(super) out: Outputs<'a, T>,
}

impl<'a, T: Float + Send + Sync + 'static, L: PrimInt + Sync> Pass<'a, T, L> {
    /// An evaluation of the net `params` on `batch`, with no outputs but the loss: the mean over the
    /// examples, [`Kink::One`], [`Engine::Auto`], on the calling thread.
    #[inline]
    pub fn new(params: Params<'a, T>, batch: Batch<'a, T, L>) -> Self {
        let objective = Objective {
            labels: None,
            ignores_label: false,
            targets: batch.targets,
            target_sum_tolerance: T::zero(),
            example_weights: None,
            class_weights: None,
            smoothing: T::zero(),
            units: Units::one(),
        };
        Self {
            params,
            x: batch.x,
            used_inputs: None,
            labels: batch.labels,
            ignored_label: None,
            objective,
            divisor: None,
            l2: L2 { w1: T::zero(), w2: T::zero() },
            effective_weight: None,
            clip: None,
            second_moment: None,
            gram: None,
            kink: Kink::default(),
            reduction: Reduction::default(),
            engine: Engine::Auto,
            executor: None,
            grad: None,
            out: Outputs::default(),
        }
    }
}

/// How it is computed.
impl<'a, T: Float + Send + Sync + 'static, L: PrimInt + Sync> Pass<'a, T, L> {
    /// Chooses the derivative of max(0, z) at z = 0.
    pub fn kink(self, kink: Kink) -> Self {
        Self { kink, ..self }
    }

    /// Chooses whether the loss is the mean or the sum over the examples; the gradients follow.
    pub fn reduction(self, reduction: Reduction) -> Self {
        Self { reduction, ..self }
    }

    /// Chooses engine, executor and kink at once.
    pub fn config(self, Config { engine, executor, kink }: Config<'a, T>) -> Self {
        Self { engine, executor, kink, ..self }
    }

    /// Chooses the engine of the matrix products.
    pub fn engine(self, engine: Engine<'a, T>) -> Self {
        Self { engine, ..self }
    }

    /// Has the pass run on the threads of an executor, unless its engine is an [`Engine::Gemm`]: that one may have
    /// threads of its own, and is called from the calling thread alone.
    ///
    /// The results are the same bits as without it. Outputs whose rows interleave in memory (column-major
    /// ones) are not cut up.
    pub fn executor(self, executor: &'a dyn Executor) -> Self {
        Self { executor: Some(executor), ..self }
    }
}

/// The outputs: what is chosen is written, and nothing else is computed.
impl<'a, T: Float + Send + Sync + 'static, L: PrimInt + Sync> Pass<'a, T, L> {
    /// Overwrites `grad` with the gradient of the loss, dW1, db1, dW2, db2.
    #[inline]
    pub fn grad(self, grad: ParamsMut<'a, T>) -> Self {
        Self { grad: Some((grad, Beta::Zero)), ..self }
    }

    /// Adds the gradient of the loss to `grad`. (It takes the place of [`grad`](Self::grad):
    /// the last one of the two counts.)
    pub fn accumulate_grad(self, grad: ParamsMut<'a, T>) -> Self {
        Self { grad: Some((grad, Beta::One)), ..self }
    }

    /// Has the gradient by W1, and the second moment of it, only for the inputs that occur in a batch of sparse rows: dW1
    /// is h × k, its column j the gradient by column `inputs()[j]` of W1. (All other columns are 0, but for what
    /// [`l2`](Self::l2) would add.)
    ///
    /// `used` is that of the batch's [`Csr`](crate::Csr): with that of another one the gradient is wrong. Gradient and second moment have
    /// the dimensions [`UsedInputs::dims`]; so has the scratch, [`Dims::sparse_scratch_len`](crate::Dims::sparse_scratch_len) of
    /// those. An example is in the documentation of [`UsedInputs`].
    ///
    /// # Errors
    ///
    /// [`run`](Self::run) returns [`Error::Length`] if they are not those of n examples, and [`Error::Value`] if
    /// [`l2`](Self::l2) has a factor for W1, whose gradient has no zeros.
    pub fn used_inputs<O: PrimInt + Sync>(self, used: &'a UsedInputs<'_, T, O>) -> Self {
        Self { used_inputs: Some(Inputs::from(used.batch())), ..self }
    }

    /// Writes (16), the gradient of the loss by the inputs, dX, n × m.
    #[doc(alias = "saliency")]
    pub fn input_grad(self, input_grad: MatMut<'a, T>) -> Self {
        Self { out: Outputs { input_grad: Some(input_grad), ..self.out }, ..self }
    }

    /// Writes (5), the losses L_i of the single examples, n, or v_i l_i with weights, whatever the reduction.
    #[doc(alias = "cross_entropy")]
    pub fn losses(self, losses: &'a mut [T]) -> Self {
        Self { out: Outputs { losses: Some(losses), ..self.out }, ..self }
    }

    /// Writes (3), the scores (also known as logits) F, n × C.
    #[doc(alias = "logits")]
    pub fn scores(self, scores: MatMut<'a, T>) -> Self {
        Self { out: Outputs { scores: Some(scores), ..self.out }, ..self }
    }

    /// Writes (4), the probabilities, n × C.
    #[doc(alias = "softmax")]
    pub fn probabilities(self, probabilities: MatMut<'a, T>) -> Self {
        Self { out: Outputs { probabilities: Some(probabilities), ..self.out }, ..self }
    }

    /// Writes the logarithms of (4), n × C, computed from the scores and so finite where (4) underflows.
    #[doc(alias = "log_softmax")]
    pub fn log_probabilities(self, log_probabilities: MatMut<'a, T>) -> Self {
        Self { out: Outputs { log_probabilities: Some(log_probabilities), ..self.out }, ..self }
    }

    /// Writes the class of the largest score of each example, n: the first one of equals; the first NaN
    /// if there is one. Into integers of any type that holds all classes ([`Error::ClassInteger`] if it does not).
    #[doc(alias = "argmax")]
    pub fn predictions<I: ClassInteger>(self, predictions: &'a mut [I]) -> Self {
        Self { out: Outputs { predictions: Some(I::predictions(predictions)), ..self.out }, ..self }
    }
}

/// Running it.
impl<'a, T: Float + Send + Sync + 'static, L: PrimInt + Sync> Pass<'a, T, L> {
    /// Writes all chosen outputs and returns the loss.
    ///
    /// The error of the sums over examples does not grow with n: the losses are added up with compensation,
    /// the gradients of up to 4096 examples plainly, in parts of up to 800, and those sums with compensation.
    ///
    /// `scratch` needs [`Dims::scratch_len(n)`](crate::Dims::scratch_len) elements and may hold anything; its
    /// contents afterwards are unspecified.
    ///
    /// # Errors
    ///
    /// [`Error::Unlabelled`] if the batch has no labels. [`Error::Shape`] if the examples have not m inputs.
    /// [`Error::Label`] for the first label that is not a class. [`Error::Value`] for the first number of an
    /// option that is out of its range, [`Error::Length`] or [`Error::Shape`] for one of the wrong size;
    /// [`Error::Target`] or [`Error::TargetSum`] for the first target that is none. [`Error::Dims`],
    /// [`Error::Shape`] or [`Error::Length`] for an output of the wrong size, [`Error::Length`] for too short a
    /// scratch; nothing has been written then. The crate's own engines return no errors here; one from a
    /// caller's engine ends the pass where it is, and [`Error::Executor`] says that an executor did not run all
    /// of it.
    pub fn run(mut self, scratch: &mut [T]) -> Result<T, Error> {
        if !self.is_known() {
            return Err(Error::Unlabelled { what: What::Losses });
        }
        self.evaluate(Products::of(self.engine), scratch)
    }

    /// Writes all chosen outputs, without a loss: for batches without labels.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), but [`Error::Unlabelled`] only if gradients or losses were chosen.
    pub fn infer(mut self, scratch: &mut [T]) -> Result<(), Error> {
        self.check_labelled()?;
        self.evaluate(Products::of(self.engine), scratch).map(|_| ())
    }

    /// `Ok` if nothing is wanted that takes labels, or there are some.
    pub(super) fn check_labelled(&self) -> Result<(), Error> {
        let needs_labels = [
            (self.grad.is_some(), What::Gradient),
            (self.out.input_grad.is_some(), What::InputGradient),
            (self.out.losses.is_some(), What::Losses),
            (self.out.grad_norms.is_some(), What::GradNorms),
            (self.out.example_grads.is_some(), What::ExampleGradients),
            (self.second_moment.is_some(), What::SecondMoment),
            (self.gram.is_some(), What::Gram),
        ];
        match needs_labels.iter().find(|(wanted, _)| *wanted && !self.is_known()) {
            Some(&(_, what)) => Err(Error::Unlabelled { what }),
            None => Ok(()),
        }
    }

    /// Whether there is something to compare the scores with.
    pub(crate) fn is_known(&self) -> bool {
        self.labels.is_some() || self.objective.targets.is_some()
    }
}
