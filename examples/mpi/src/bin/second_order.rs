//! Gradient, Gauss-Newton-vector product and loss over all digits, in one pass over each shard: the parts of products
//! with second derivatives are added up as those of a gradient are. Rank 0 writes them to a file, in f64.
//!
//! ```text
//! mpirun -n 3 target/debug/second_order FILE
//! ```

use std::fs;

use handgrad_mpi::data::{Part, Share, Source};
use handgrad_mpi::exchange::Exchange;
use handgrad_mpi::faults::{end_job_on_panic, fail};
use handgrad_mpi::second_order::{Net, SHARDS};
use mpi::topology::SimpleCommunicator;
use mpi::traits::Communicator;

fn main() {
    let Some(_universe) = mpi::initialize() else { panic!("MPI does not start") };
    end_job_on_panic();
    let world = SimpleCommunicator::world();
    let (rank, ranks) = (world.rank() as usize, world.size() as usize);
    let result = || {
        let text = |error: handgrad::Error| error.to_string();
        let share = Share::read(&Source::Digits, Part::Train, SHARDS, rank, ranks)?;
        let net = Net::new().map_err(text)?;
        let (n, len) = (share.shards.examples() as f64, net.terms());
        let mut exchange = Exchange::new(world, share.shards, len).map_err(text)?;
        let pixels = share.images.doubles();
        let shard_terms = |shard: usize, terms: &mut [f64]| {
            let own = share.places(shard)?;
            let pixels = &pixels[own.start * 64..own.end * 64];
            net.write_terms(pixels, &share.images.labels[own], (shard, n), terms)
        };
        let sum = exchange.sum(shard_terms).map_err(text)?;
        let path = std::env::args().nth(1).filter(|_| rank == 0);
        let bytes: Vec<u8> = sum.iter().flat_map(|v| v.to_le_bytes()).collect();
        path.map_or(Ok(()), |path| fs::write(&path, bytes).map_err(|error| format!("{path}: {error}")))
    };
    result().unwrap_or_else(|error: String| fail(&error));
}
