//! How a job ends when one rank cannot go on: at once, all of it, with one message.

use std::hint::spin_loop;
use std::panic;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mpi::request::{Request, Scope};
use mpi::topology::SimpleCommunicator;
use mpi::traits::Communicator;

/// Ends the whole job: for what only this rank knows, while others may be waiting for it.
pub fn fail(message: &str) -> ! {
    let world = SimpleCommunicator::world();
    eprintln!("error on rank {}: {message}", world.rank());
    world.abort(1)
}

/// Has a panic on any thread end the whole job. Without this hook the rank's stack would be unwound, in which MPI waits for
/// all ranks to end, while these wait for this one.
pub fn end_job_on_panic() {
    panic::set_hook(Box::new(|info| fail(&info.to_string().replace('\n', " "))));
}

/// In seconds.
static PATIENCE: AtomicU64 = AtomicU64::new(60);

/// Chooses the longest time that this rank waits for others: a minute, if it is not chosen.
pub fn set_patience(seconds: u64) {
    PATIENCE.store(seconds, Ordering::Relaxed);
}

/// Waits while there is something `open`, and ends the job if that takes longer than the patience: then some rank stands
/// still. `missing` says what has not come.
pub fn wait_while(mut open: impl FnMut() -> bool, missing: impl FnOnce() -> String) {
    let (start, patience) = (Instant::now(), Duration::from_secs(PATIENCE.load(Ordering::Relaxed)));
    while open() {
        if start.elapsed() > patience {
            fail(&format!("has waited {patience:?} for {}", missing()));
        }
        // Where there are more ranks than processors, Open MPI itself lets others run while it is asked.
        spin_loop();
    }
}

/// Waits for what all ranks do together.
pub fn wait_for_all<'a, D: ?Sized, S: Scope<'a>>(request: Request<'a, D, S>) {
    let mut request = Some(request);
    let is_open = || {
        request = request.take().and_then(|request| request.test().err());
        request.is_some()
    };
    wait_while(is_open, || "all other ranks".into());
}
