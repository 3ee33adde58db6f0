//! Rayon's threads.

use core::cell::Cell;
use core::hint::spin_loop;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread_local;

use rayon::Yield;

use super::tasks::Executor;

/// The current pool of rayon: [`join`](Executor::join) is `rayon::join`, and the work is cut into as many parts
/// as the pool has threads.
///
/// To wake threads up took 0.1 of the 0.35 ms of a pass over 128 examples of a (784, 128, 10) net on two cores. So the
/// pool's threads are kept awake, looking for work, during a pass and for about a tenth of a millisecond after their
/// last work: in a loop over batches they are there when the next one comes. Rayon allocates for each that has to be
/// woken up.
///
/// # Passes inside of jobs of the pool
///
/// A thread of the pool that waits for the other part of a pass takes any other job of the pool meanwhile: that is
/// rayon's way to wait, and no executor over its public interface can have another one. So a job that runs a pass on `Rayon`
/// can find itself interrupted by the next such job, on the same thread. A scratch in a thread-local `RefCell` that is
/// borrowed around the pass is found borrowed then, and a mutex that is held is never released. What works:
///
/// - each job has its scratch of its own, say by `for_each_init`;
/// - the scratch is taken out of the thread-local for the pass, not borrowed: a job that comes between finds an empty one;
/// - jobs that keep all threads busy run their passes without an executor: a pass on one thread never waits.
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use std::cell::Cell;
///
/// use handgrad::{Batch, Dims, MatRef, Params, Pass, Rayon};
/// use rayon::prelude::*;
///
/// thread_local! {
///     static SCRATCH: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
/// }
///
/// let (dims, n) = (Dims::new(64, 32, 10)?, 300);
/// let (theta, x) = (vec![0.5; dims.param_len()], vec![1.0; n * 64]);
/// let loss = |class: usize| {
///     let labels = vec![class; n];
///     let batch = Batch::new(MatRef::new(&x, n, 64)?, &labels)?;
///     let mut scratch = SCRATCH.take();
///     scratch.resize(dims.scratch_len(n).max(scratch.len()), 0.0);
///     let loss = Pass::new(Params::from_flat(dims, &theta)?, batch).executor(&Rayon).run(&mut scratch);
///     SCRATCH.set(scratch);
///     loss
/// };
/// let losses = (0..10).into_par_iter().map(loss).collect::<Result<Vec<f32>, _>>()?;
/// assert!(losses.iter().all(|loss| (loss - 10f32.ln()).abs() < 1e-6));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Rayon;

impl Executor for Rayon {
    fn threads(&self) -> usize {
        rayon::current_num_threads()
    }

    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        rayon::join(|| at_work(a), || at_work(b));
    }

    // From outside the pool each `join` would have to wake up a thread of it, and would sleep meanwhile.
    fn enter(&self, pass: &mut (dyn FnMut() + Send)) {
        rayon::scope(|_| {
            for _ in AWAKE.load(Relaxed) + 1..rayon::current_num_threads() {
                AWAKE.fetch_add(1, Relaxed);
                rayon::spawn(stay_awake);
            }
            at_work(pass);
        });
    }
}

/// The threads that are kept awake, of all pools together.
static AWAKE: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Whether this thread is in a part of a pass. While it waits for another part it may be given any job of the
    /// pool, and must not stay in one that only waits.
    static AT_WORK: Cell<bool> = const { Cell::new(false) };
}

fn at_work(task: &mut (dyn FnMut() + Send)) {
    /// Also when the task panics: the thread goes on working for others.
    struct Leave(bool);
    impl Drop for Leave {
        fn drop(&mut self) {
            AT_WORK.set(self.0);
        }
    }
    let _leave = Leave(AT_WORK.replace(true));
    task();
}

/// A job that runs others as they come, until there have been none for a while.
fn stay_awake() {
    const LOOKS: usize = 2000;
    let mut looks = 0;
    while looks < LOOKS && !AT_WORK.get() {
        looks = if rayon::yield_now() == Some(Yield::Executed) { 0 } else { looks + 1 };
        spin_loop();
    }
    AWAKE.fetch_sub(1, Relaxed);
}
