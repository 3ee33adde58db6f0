//! How a job ends when one rank cannot go on: at once, all of it, with one message.

use std::panic;

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
