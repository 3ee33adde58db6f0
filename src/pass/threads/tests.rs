//! How many threads there are, and what becomes of the work.

use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::{MAX_THREADS, Threads};
use crate::data::{Dims, Params};
use crate::error::{Error, What};
use crate::executor::Executor;
use crate::kernels::scaled::Scaled;
use crate::kink::Kink;
use crate::pass::layout::{External, Layout};
use crate::pass::plan::Plan;

/// An executor that runs one task after the other on the calling thread, whatever number of threads it gives.
struct Serial {
    threads: usize,
    joins: AtomicUsize,
}

impl Serial {
    fn new(threads: usize) -> Self {
        Self { threads, joins: AtomicUsize::new(0) }
    }
}

impl Executor for Serial {
    fn threads(&self) -> usize {
        self.threads
    }

    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        self.joins.fetch_add(1, Relaxed);
        a();
        b();
    }
}

/// An executor that breaks its promises: it runs nothing, or one of two tasks.
struct Idle {
    runs_first: bool,
}

impl Executor for Idle {
    fn threads(&self) -> usize {
        2
    }

    fn join(&self, a: &mut (dyn FnMut() + Send), _: &mut (dyn FnMut() + Send)) {
        if self.runs_first {
            a();
        }
    }

    fn enter(&self, _: &mut (dyn FnMut() + Send)) {}
}

/// 100 times 90 and 10 times 100 weights, 10^4 multiply-adds an example.
fn dims() -> Dims {
    Dims::new(90, 100, 10).unwrap()
}

fn plan(theta: &[f32], n: usize, external: External) -> Plan<'_, f32> {
    Plan {
        params: Params::from_flat(dims(), theta).unwrap(),
        kink: Kink::One,
        grad_scale: None,
        goes_back: false,
        margin: (1.0, 0),
        alpha: Scaled::new(1.0),
        loss_unit: 0,
        unit: 0,
        clip: None,
        layout: Layout::new(dims(), n, external),
        work: 10_000,
        skips_inputs: false,
        gemm: None,
    }
}

/// The threads for so many examples, if the executor has so many.
fn count(threads: usize, n: usize, external: External) -> usize {
    let (theta, executor) = (vec![0.0; dims().param_len()], Serial::new(threads));
    let threads = Threads::new(Some(&executor), &plan(&theta, n, external), n);
    assert_eq!(threads.executor.is_some(), threads.count > 1);
    threads.count
}

#[test]
fn the_number_of_threads_is_what_the_executor_says_within_reason() {
    for (threads, expected) in
        [(0, 1), (1, 1), (2, 2), (7, 7), (MAX_THREADS, MAX_THREADS), (usize::MAX, MAX_THREADS)]
    {
        assert_eq!(count(threads, 1000, External::None), expected);
    }
}

#[test]
#[cfg_attr(handgrad_small_limits, ignore = "states what holds at the limits that pay")]
fn a_batch_must_be_worth_waking_threads_for() {
    // 52 times 10^4 is below 2^19, 53 times is above.
    assert_eq!([52, 53].map(|n| count(2, n, External::None)), [1, 2]);
    assert_eq!([52, 53].map(|n| count(2, n, External::Forward)), [1, 2]);
    // Of so many examples the multiply-adds do not fit a number; their lower digits are 0.
    assert_eq!(count(2, 1 << (usize::BITS - 4), External::None), 2);
    assert_eq!(count(2, 1000, External::All), 1);
}

#[test]
#[cfg_attr(handgrad_small_limits, ignore = "states what holds at the limits that pay")]
fn the_last_chunk_may_be_too_small_for_threads() {
    let (theta, executor) = (vec![0.0; dims().param_len()], Serial::new(3));
    let plan = plan(&theta, 1000, External::None);
    let threads = Threads::new(Some(&executor), &plan, 1000);
    assert_eq!([52, 53].map(|n| threads.for_examples(&plan, n).count), [1, 3]);
}

#[test]
fn without_an_executor_the_calling_thread_does_all() {
    let theta = vec![0.0; dims().param_len()];
    let threads = Threads::new(None, &plan(&theta, 1000, External::None), 1000);
    assert_eq!(threads.count, 1);
    assert_eq!(threads.enter(|| Ok(5)), Ok(5));
}

/// Work that can be cut: the items from a range.
type Items = core::ops::Range<usize>;

fn cut(items: Items, share: super::Share) -> (Items, Option<Items>) {
    let middle = items.start + items.len() * share.threads / share.of;
    if middle == items.start { (items, None) } else { (items.start..middle, Some(middle..items.end)) }
}

#[test]
fn each_thread_gets_its_part_and_every_item_is_done_once() {
    for count in [1, 2, 3, 5, 8, MAX_THREADS] {
        let executor = Serial::new(count);
        let done: [AtomicUsize; 40] = core::array::from_fn(|_| AtomicUsize::new(0));
        let parts = AtomicUsize::new(0);
        let task = |items: Items| {
            parts.fetch_add(1, Relaxed);
            for item in items {
                done[item].fetch_add(1, Relaxed);
            }
            Ok(())
        };
        assert_eq!(Threads { executor: Some(&executor), count }.run(0..40, &cut, &task), Ok(()));
        assert!(done.iter().all(|times| times.load(Relaxed) == 1), "{count} threads");
        assert_eq!(executor.joins.load(Relaxed) + 1, parts.load(Relaxed));
        if 40 % count == 0 {
            assert_eq!(parts.load(Relaxed), count);
        }
    }
}

#[test]
fn an_error_of_any_part_is_that_of_the_whole() {
    let error = Error::Zero { what: What::Inputs };
    for failing in [0, 13, 39] {
        let task = |items: Items| if items.contains(&failing) { Err(error) } else { Ok(()) };
        let executor = Serial::new(8);
        assert_eq!(Threads { executor: Some(&executor), count: 8 }.run(0..40, &cut, &task), Err(error));
    }
}

#[test]
fn an_executor_that_leaves_a_task_out_is_found_out() {
    for runs_first in [false, true] {
        let executor = Idle { runs_first };
        let threads = Threads { executor: Some(&executor), count: 2 };
        assert_eq!(threads.run(0..40, &cut, &|_| Ok(())), Err(Error::Executor));
        assert_eq!(threads.enter(|| Ok(5)), Err(Error::Executor));
    }
}
