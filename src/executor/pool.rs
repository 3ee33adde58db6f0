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
    let before = AT_WORK.replace(true);
    task();
    AT_WORK.set(before);
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
