//! What all ranks must agree on, and errors that end all of them in an orderly way, told once.

use mpi::Count;
use mpi::datatype::{Equivalence, PartitionMut};
use mpi::request::scope;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives};

use crate::faults::wait_for_all;

/// The vectors of all ranks.
pub fn gather<T: Equivalence + Clone + Default>(world: &SimpleCommunicator, own: &[T]) -> Vec<Vec<T>> {
    // No vector is sent empty: the address of an empty one may be that by which MPI means something else (MPI_IN_PLACE).
    let own = [own, &[T::default()]].concat();
    let mut counts = vec![0; world.size() as usize];
    let count = own.len() as Count;
    scope(|scope| wait_for_all(world.immediate_all_gather_into(scope, &count, &mut counts[..])));
    let mut all = vec![T::default(); counts.iter().map(|&count| count as usize).sum()];
    let starts: Vec<Count> = counts
        .iter()
        .scan(0, |end, &count| {
            *end += count;
            Some(*end - count)
        })
        .collect();
    {
        let mut places = PartitionMut::new(&mut all[..], &counts[..], &starts[..]);
        scope(|scope| {
            wait_for_all(world.immediate_all_gather_varcount_into(scope, &own[..], &mut places));
        });
    }
    let vector =
        |(&start, &count): (&Count, &Count)| all[start as usize..(start + count - 1) as usize].to_vec();
    starts.iter().zip(&counts).map(vector).collect()
}

/// One text of each rank.
fn texts(world: &SimpleCommunicator, own: &str) -> Vec<String> {
    gather(world, own.as_bytes()).iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect()
}

/// The result if no rank has an error. Otherwise every rank gets the first error there is, with its rank.
pub fn all_ok<T>(world: &SimpleCommunicator, own: Result<T, String>) -> Result<T, String> {
    let errors = texts(world, own.as_ref().err().map_or("", |error| error));
    let bad: Vec<usize> = (0..errors.len()).filter(|&rank| !errors[rank].is_empty()).collect();
    match (own, &bad[..]) {
        (Ok(value), []) => Ok(value),
        (_, [first, others @ ..]) => {
            let error = &errors[*first];
            let more = if others.is_empty() { String::new() } else { format!(" (and ranks {others:?})") };
            Err(format!("rank {first}{more}: {error}"))
        }
        (Err(error), []) => Err(error),
    }
}

/// An error, the same on every rank, unless all have the same text.
pub fn same(world: &SimpleCommunicator, what: &str, own: &str) -> Result<(), String> {
    let texts = texts(world, own);
    match (1..texts.len()).find(|&rank| texts[rank] != texts[0]) {
        None => Ok(()),
        Some(rank) => {
            Err(format!("ranks differ in {what}: rank 0 has {}, rank {rank} has {}", texts[0], texts[rank]))
        }
    }
}
