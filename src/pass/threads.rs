//! Who runs the parts of the work: the calling thread, or an executor that it is cut up for.

use super::parts::Share;
use super::plan::Plan;
use crate::error::Error;
use crate::executor::{Executor, both};
use crate::limits::WORTH_WAKING;

/// Enough for any machine, and so few that their square does not overflow.
const MAX_THREADS: usize = 1 << 12;

/// The threads of an executor, or the calling thread alone.
#[derive(Clone, Copy)]
pub(crate) struct Threads<'a> {
    executor: Option<&'a dyn Executor>,
    count: usize,
}

impl<'a> Threads<'a> {
    /// Those of this executor, if there is one and the work on a whole batch is worth it.
    pub(crate) fn new<T>(executor: Option<&'a dyn Executor>, plan: &Plan<'_, T>, n: usize) -> Self {
        let executor = executor.filter(|_| !plan.layout.is_serial());
        let count = executor.map_or(1, |executor| executor.threads().min(MAX_THREADS));
        let all = Self { executor, count };
        if all.for_examples(plan, n).count > 1 { all } else { Self { executor: None, count: 1 } }
    }

    /// As many of them as so many examples are worth.
    pub(crate) fn for_examples<T>(self, plan: &Plan<'_, T>, examples: usize) -> Self {
        let is_worth_it = examples.saturating_mul(plan.work) >= WORTH_WAKING;
        Self { count: if is_worth_it { self.count } else { 1 }, ..self }
    }

    /// Runs a whole pass where the executor wants it: once, or it might be added to the caller's gradient twice.
    pub(crate) fn enter<R: Send>(self, pass: impl FnOnce() -> Result<R, Error> + Send) -> Result<R, Error> {
        let Some(executor) = self.executor else { return pass() };
        let (mut pass, mut result) = (Some(pass), Err(Error::Executor));
        executor.enter(&mut || {
            if let Some(pass) = pass.take() {
                result = pass();
            }
        });
        result
    }

    /// Cuts the work in two until each thread has a part or it can be cut no more, and runs the parts.
    #[inline]
    pub(crate) fn run<W: Send>(
        self,
        work: W,
        cut: &(impl Fn(W, Share) -> (W, Option<W>) + Sync),
        task: &(impl Fn(W) -> Result<(), Error> + Sync),
    ) -> Result<(), Error> {
        match self.executor {
            Some(executor) if self.count > 1 => self.fork(executor, work, cut, task),
            _ => task(work),
        }
    }

    fn fork<W: Send>(
        self,
        executor: &dyn Executor,
        work: W,
        cut: &(impl Fn(W, Share) -> (W, Option<W>) + Sync),
        task: &(impl Fn(W) -> Result<(), Error> + Sync),
    ) -> Result<(), Error> {
        let half = self.count / 2;
        match cut(work, Share { threads: half, of: self.count }) {
            (whole, None) => task(whole),
            (first, Some(second)) => {
                let (a, b) = ((half, first), (self.count - half, second));
                both(executor, a, b, |(count, work)| Self { count, ..self }.run(work, cut, task))
            }
        }
    }
}

#[cfg(test)]
mod tests;
