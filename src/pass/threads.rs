//! Who runs the parts of a pass: the calling thread, or an executor that the work is cut up for.

use num_traits::{Float, PrimInt};

use super::objective::{Goal, Objective};
use super::parts::{Done, Examples, Packing, Plan, Share, Weights};
use super::phases::Phases;
use super::run::{Job, own};
use crate::error::Error;
use crate::executor::{Executor, both};

/// Who runs a pass on the crate's own products. It knows the type of the labels, so that nothing below has to
/// be compiled for each.
pub(crate) trait Way<T, L> {
    fn run(
        &self,
        phases: &dyn Phases<T>,
        plan: &Plan<'_, T>,
        objective: &Objective<'_, T, L>,
        job: &mut Job<'_, '_, T>,
    ) -> Result<T, Error>;
}

/// On the calling thread.
pub(crate) struct Alone;

impl<T: Float, L: PrimInt> Way<T, L> for Alone {
    fn run(
        &self,
        phases: &dyn Phases<T>,
        plan: &Plan<'_, T>,
        objective: &Objective<'_, T, L>,
        job: &mut Job<'_, '_, T>,
    ) -> Result<T, Error> {
        own(phases, &Serial { goal: objective }, plan, job)
    }
}

impl<T: Float + Send + Sync, L: PrimInt + Sync, E: Executor> Way<T, L> for E {
    fn run(
        &self,
        phases: &dyn Phases<T>,
        plan: &Plan<'_, T>,
        objective: &Objective<'_, T, L>,
        job: &mut Job<'_, '_, T>,
    ) -> Result<T, Error> {
        if job.scratch.packs_nothing() || threads(self, plan, job.x.rows()) == 1 {
            return own(phases, &Serial { goal: objective }, plan, job);
        }
        let mut loss = Err(Error::Executor);
        self.enter(&mut || {
            loss = own(phases, &Parallel { executor: self, goal: objective }, plan, job);
        });
        loss
    }
}

/// Runs the parts of the packing and of the two phases.
pub(crate) trait Fork<T> {
    fn goal(&self) -> &dyn Goal<T>;

    fn pack(&self, phases: &dyn Phases<T>, part: Packing<'_, T>) -> Result<(), Error>;

    fn examples(
        &self,
        phases: &dyn Phases<T>,
        plan: &Plan<'_, T>,
        part: Examples<'_, T>,
    ) -> Result<(), Error>;

    fn weights(
        &self,
        phases: &dyn Phases<T>,
        plan: &Plan<'_, T>,
        done: &Done<'_, T>,
        part: Weights<'_, T>,
    ) -> Result<(), Error>;
}

/// One part after the other.
struct Serial<'a, T> {
    goal: &'a dyn Goal<T>,
}

impl<T: Float> Fork<T> for Serial<'_, T> {
    fn goal(&self) -> &dyn Goal<T> {
        self.goal
    }

    fn pack(&self, phases: &dyn Phases<T>, part: Packing<'_, T>) -> Result<(), Error> {
        phases.pack(part.w1, part.panels, part.data);
        Ok(())
    }

    fn examples(
        &self,
        phases: &dyn Phases<T>,
        plan: &Plan<'_, T>,
        mut part: Examples<'_, T>,
    ) -> Result<(), Error> {
        phases.examples(plan, &mut part, self.goal)
    }

    fn weights(
        &self,
        phases: &dyn Phases<T>,
        plan: &Plan<'_, T>,
        done: &Done<'_, T>,
        mut part: Weights<'_, T>,
    ) -> Result<(), Error> {
        phases.weights(plan, done, &mut part)
    }
}

/// As an executor does.
struct Parallel<'a, T, E> {
    executor: &'a E,
    goal: &'a (dyn Goal<T> + Sync),
}

impl<T: Float + Send + Sync, E: Executor> Fork<T> for Parallel<'_, T, E> {
    fn goal(&self) -> &dyn Goal<T> {
        self.goal
    }

    fn pack(&self, phases: &dyn Phases<T>, part: Packing<'_, T>) -> Result<(), Error> {
        let (h, work) = (part.w1.rows(), (self.executor.threads(), part));
        fork(self.executor, work, &|part, share| part.cut(share, |i| phases.panel(h, i).start), &|part| {
            phases.pack(part.w1, part.panels, part.data);
            Ok(())
        })
    }

    fn examples(
        &self,
        phases: &dyn Phases<T>,
        plan: &Plan<'_, T>,
        part: Examples<'_, T>,
    ) -> Result<(), Error> {
        let work = (threads(self.executor, plan, part.len()), part);
        fork(self.executor, work, &|part, share| part.cut(plan.block, share), &|mut part| {
            phases.examples(plan, &mut part, self.goal)
        })
    }

    fn weights(
        &self,
        phases: &dyn Phases<T>,
        plan: &Plan<'_, T>,
        done: &Done<'_, T>,
        part: Weights<'_, T>,
    ) -> Result<(), Error> {
        let work = (threads(self.executor, plan, done.x.rows()), part);
        let tile = phases.tile_rows();
        fork(self.executor, work, &|part, share| part.cut(tile, share), &|mut part| {
            phases.weights(plan, done, &mut part)
        })
    }
}

/// The number of parts to cut the work into. Less work than this is done before another thread has woken up.
fn threads<T>(executor: &impl Executor, plan: &Plan<'_, T>, examples: usize) -> usize {
    const MULTIPLY_ADDS: usize = 1 << 19;
    let [w1, _, w2, _] = plan.params.dims.block_lens();
    if examples.saturating_mul(w1 + w2) < MULTIPLY_ADDS { 1 } else { executor.threads() }
}

/// Cuts the work of so many threads in two until each has a part or it can be cut no more.
fn fork<E: Executor, W: Send>(
    executor: &E,
    (threads, work): (usize, W),
    cut: &(impl Fn(W, Share) -> (W, Option<W>) + Sync),
    task: &(impl Fn(W) -> Result<(), Error> + Sync),
) -> Result<(), Error> {
    let half = threads / 2;
    if half == 0 {
        return task(work);
    }
    match cut(work, Share { threads: half, of: threads }) {
        (whole, None) => task(whole),
        (first, Some(second)) => {
            both(executor, ((half, first), (threads - half, second)), |work| fork(executor, work, cut, task))
        }
    }
}
