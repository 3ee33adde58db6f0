//! What else can be made of a chunk, between its way forward and its way back: derivatives in a direction, second
//! derivatives, gradients of other score gradients.

use num_traits::{Float, PrimInt};

use super::engine::Products;
use super::layout::Layout;
use super::nonfinite::NonFinite;
use super::objective::{L2, Objective};
use super::phases::Phases;
use super::plan::Plan;
use super::setup::Pass;
use super::threads::Threads;
use crate::data::{Batch, Dims, Inputs, Params};
use crate::error::{Error, What};

/// What holds for all chunks.
pub(crate) struct Setting<'a, T> {
    pub(crate) phases: &'a dyn Phases<T>,
    pub(crate) threads: Threads<'a>,
    pub(crate) plan: &'a Plan<'a, T>,
    pub(crate) objective: &'a Objective<'a, T>,
}

/// A chunk after its way forward. What belongs to excluded examples is 0 in A and G.
pub(crate) struct Chunk<'a, T> {
    /// The number of the first example in the batch.
    pub(crate) first: usize,
    /// Whether no other one follows.
    pub(crate) is_last: bool,
    pub(crate) x: Inputs<'a, T>,
    /// Z and A, [`hidden_stride`](super::layout::Layout::hidden_stride) apart.
    pub(crate) z: &'a [T],
    pub(crate) a: &'a [T],
    /// G, block by block, each class by class; without labels what is left of the scores. What is written here is
    /// taken back.
    pub(crate) g: &'a mut [T],
    /// P and the weights of the examples, as G is, with a row more in each block.
    pub(crate) kept: &'a [T],
    pub(crate) nonfinite: Option<&'a NonFinite>,
    pub(crate) pack_buffer: &'a mut [T],
}

/// Something that wants each chunk.
pub(crate) trait Halfway<T> {
    /// Takes a chunk; in the order of the examples.
    fn chunk(&mut self, setting: &Setting<'_, T>, chunk: Chunk<'_, T>) -> Result<(), Error>;
}

/// What has to be known before such a pass runs.
pub(crate) struct Net<'a, T> {
    pub(crate) params: Params<'a, T>,
    pub(crate) dims: Dims,
    /// n.
    pub(crate) examples: usize,
    pub(crate) l2: L2<T>,
    pub(crate) layout: Layout,
}

impl<'a, T: Float + Send + Sync + 'static, L: PrimInt + Sync> Pass<'a, T, L> {
    pub(crate) fn net(&self) -> Net<'a, T> {
        let (params, examples) = (self.params, self.x.rows());
        let layout = self.layout(Products::of(self.engine).external);
        Net { params, dims: params.dims, examples, l2: self.l2, layout }
    }

    /// As [`infer`](Self::infer), and the way back from what `halfway` puts in the place of G: of no objective, and
    /// the sum over the examples.
    pub(crate) fn run_back(
        self,
        halfway: &mut (dyn Halfway<T> + Send),
        scratch: &mut [T],
    ) -> Result<(), Error> {
        let plain = Pass::<T, L>::new(self.params, Batch { x: self.x, labels: None, targets: None });
        let Self { kink, engine, executor, grad, out, clip, second_moment, gram, .. } = self;
        if out.losses.is_some() {
            return Err(Error::Unlabelled { what: What::Losses });
        }
        let mut pass = Pass {
            kink,
            engine,
            executor,
            grad,
            out,
            clip,
            second_moment,
            gram,
            divisor: Some(T::one()),
            ..plain
        };
        pass.evaluate_all(Products::of(engine), scratch, Some((halfway, &mut []))).map(|_| ())
    }

    /// As [`run`](Self::run) with labels, as [`infer`](Self::infer) without, where the loss is NaN; and each chunk
    /// goes to `halfway`. `kept` is for P and the weights of the examples.
    pub(crate) fn run_halfway(
        mut self,
        halfway: &mut (dyn Halfway<T> + Send),
        kept: &mut [T],
        scratch: &mut [T],
    ) -> Result<T, Error> {
        self.check_labelled()?;
        let loss = self.evaluate_all(Products::of(self.engine), scratch, Some((halfway, kept)))?;
        Ok(if self.is_known() { loss } else { T::nan() })
    }
}
