//! The sum over all shards, by all ranks, along the one tree.
//!
//! Each rank adds up the nodes of the tree that are within its shards. Then the work of adding these is shared by
//! elements: rank q gets elements q/R .. (q + 1)/R of every node, adds them up to the root, and gives the result to all. With one
//! node a rank, each sends 2 (R - 1)/R of the vector in all, as little as any way to add vectors of R ranks takes.
//!
//! A node is on its way as soon as it is complete, while the shards after it are computed.

use std::cell::RefCell;
use std::collections::BTreeSet;

use handgrad::shards::{Node, Shards, TreeSum, scratch_len};
use mpi::Count;
use mpi::datatype::{Equivalence, PartitionMut};
use mpi::request::{RequestCollection, multiple_scope, scope};
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives, Destination, Source};
use num_traits::Float;

use crate::faults::{fail, wait_for_all, wait_while};

/// The memory and the plan of sums of one length.
pub struct Exchange<T> {
    world: SimpleCommunicator,
    shards: Shards,
    /// The elements cut into one range for each rank.
    slices: Shards,
    /// When a node is sent: as soon as it is complete, or when all are.
    overlaps: bool,
    /// The nodes of this rank, each with the scratch of its sum, which begins with the sum.
    own: Vec<(Node, Vec<T>)>,
    /// The nodes of all other ranks, in ascending order.
    foreign: Vec<(usize, Node)>,
    /// This rank's slice of each of those.
    inbox: Vec<T>,
    scratch: Vec<T>,
    total: Vec<T>,
}

/// What a shard has written, or why it could not.
pub type Written = Result<(), handgrad::Error>;

impl<T: Float + Equivalence> Exchange<T> {
    /// For vectors of `len` numbers.
    pub fn new(world: SimpleCommunicator, shards: Shards, len: usize) -> Result<Self, handgrad::Error> {
        let (rank, ranks) = (world.rank() as usize, world.size() as usize);
        let slices = Shards::new(len, ranks)?;
        let slice = slices.range(rank)?.len();
        let (mut own, mut foreign) = (Vec::new(), Vec::new());
        for other in 0..ranks {
            for node in shards.nodes(shards.owned(other, ranks)?)? {
                if other == rank {
                    own.push((node, vec![T::zero(); scratch_len(node, len)]));
                } else {
                    foreign.push((other, node));
                }
            }
        }
        let inbox = vec![T::zero(); foreign.len() * slice];
        let scratch = vec![T::zero(); scratch_len(shards.root(), slice)];
        let total = vec![T::zero(); len];
        Ok(Self { world, shards, slices, overlaps: true, own, foreign, inbox, scratch, total })
    }

    /// Sends nodes only when all of a rank's shards are done: to measure what it saves not to wait.
    pub fn without_overlap(self) -> Self {
        Self { overlaps: false, ..self }
    }

    /// The shards.
    pub fn shards(&self) -> Shards {
        self.shards
    }

    /// How many bytes this rank sends for one sum.
    pub fn bytes_sent(&self) -> Result<usize, handgrad::Error> {
        let slice = self.slices.range(self.rank())?.len();
        let elements = self.own.len() * (self.total.len() - slice) + (self.ranks() - 1) * slice;
        Ok(elements * size_of::<T>())
    }

    fn rank(&self) -> usize {
        self.world.rank() as usize
    }

    fn ranks(&self) -> usize {
        self.world.size() as usize
    }

    /// The sum over all shards of what `write` writes for each: the same bits on every rank. Called by all ranks.
    pub fn sum(&mut self, write: impl FnMut(usize, &mut [T]) -> Written) -> Result<&[T], handgrad::Error> {
        self.collect(write)?;
        self.add()?;
        self.share()?;
        Ok(&self.total)
    }

    /// Computes this rank's nodes and exchanges slices of them.
    fn collect(&mut self, mut write: impl FnMut(usize, &mut [T]) -> Written) -> Result<(), handgrad::Error> {
        let (len, rank, ranks) = (self.total.len(), self.rank(), self.ranks());
        let slice = self.slices.range(rank)?.len();
        let Self { world, slices, overlaps, own, foreign, inbox, .. } = self;
        let others: Vec<_> = (0..ranks).filter(|&other| other != rank).collect();
        multiple_scope(foreign.len() + own.len() * ranks, |scope, requests| {
            let mut partners = Vec::new();
            if slice > 0 {
                for ((from, node), place) in foreign.iter().zip(inbox.chunks_exact_mut(slice)) {
                    let from_process = world.process_at_rank(*from as i32);
                    requests.add(from_process.immediate_receive_into_with_tag(scope, place, tag(*node)));
                    partners.push(*from);
                }
            }
            let (mut complete, done) = (Vec::new(), RefCell::default());
            let nodes = own.len();
            for (k, (node, scratch)) in own.iter_mut().enumerate() {
                // Others wait for this rank, so an error of its own ends them, too.
                let sum = node_sum(*node, len, scratch, &mut write, || progress(requests, &done));
                complete.push((*node, sum.unwrap_or_else(|error| fail(&error.to_string()))));
                if !*overlaps && k + 1 < nodes {
                    continue;
                }
                for (node, sum) in complete.drain(..) {
                    for &to in &others {
                        let part = &sum[slices.range(to).unwrap_or_default()];
                        if !part.is_empty() {
                            let to_process = world.process_at_rank(to as i32);
                            requests.add(to_process.immediate_send_with_tag(scope, part, tag(node)));
                            partners.push(to);
                        }
                    }
                }
            }
            wait(requests, &done, &partners);
        });
        Ok(())
    }

    /// Adds up this rank's slice of all nodes.
    fn add(&mut self) -> Result<(), handgrad::Error> {
        let range = self.slices.range(self.rank())?;
        let mut own = self.own.iter().map(|(node, sum)| (*node, &sum[range.clone()])).peekable();
        let mut sum = TreeSum::new(self.shards.root(), range.len(), &mut self.scratch)?;
        for (k, (_, node)) in self.foreign.iter().enumerate() {
            while let Some((before, terms)) = own.next_if(|(own, _)| own.shards().start < node.shards().start)
            {
                sum.add(before, terms)?;
            }
            sum.add(*node, &self.inbox[k * range.len()..(k + 1) * range.len()])?;
        }
        for (node, terms) in own {
            sum.add(node, terms)?;
        }
        let slice = sum.finish()?;
        self.total[range].copy_from_slice(slice);
        Ok(())
    }

    /// Gives all ranks all slices.
    fn share(&mut self) -> Result<(), handgrad::Error> {
        let own = self.slices.range(self.rank())?;
        let ranges = (0..self.ranks()).map(|rank| self.slices.range(rank)).collect::<Result<Vec<_>, _>>()?;
        let counts: Vec<_> = ranges.iter().map(|range| range.len() as Count).collect();
        let starts: Vec<_> = ranges.iter().map(|range| range.start as Count).collect();
        let slice = self.total[own].to_vec();
        let mut all = PartitionMut::new(&mut self.total[..], counts, starts);
        scope(|scope| {
            wait_for_all(self.world.immediate_all_gather_varcount_into(scope, &slice[..], &mut all));
        });
        Ok(())
    }
}

/// Messages between two ranks are told apart by the first shard of the node they belong to.
fn tag(node: Node) -> i32 {
    node.shards().start as i32
}

/// The sum of a node over its shards.
fn node_sum<'a, T: Float>(
    node: Node,
    len: usize,
    scratch: &'a mut [T],
    write: &mut impl FnMut(usize, &mut [T]) -> Written,
    mut after_each: impl FnMut(),
) -> Result<&'a [T], handgrad::Error> {
    let mut sum = TreeSum::new(node, len, scratch)?;
    for leaf in node.leaves() {
        sum.add_with(leaf, |terms| write(leaf.shards().start, terms))?;
        after_each();
    }
    sum.finish().map(|sum| &*sum)
}

/// Most of MPI moves data only while it is called. Notes which requests have become complete.
fn progress<T>(requests: &mut RequestCollection<'_, [T]>, done: &RefCell<BTreeSet<usize>>) {
    let mut now = Vec::new();
    if requests.incomplete() > 0 {
        requests.test_some(&mut now);
    }
    done.borrow_mut().extend(now.into_iter().map(|(request, ..)| request));
}

/// Waits for all messages, to and from these ranks.
fn wait<T>(requests: &mut RequestCollection<'_, [T]>, done: &RefCell<BTreeSet<usize>>, partners: &[usize]) {
    let is_open = || {
        progress(requests, done);
        requests.incomplete() > 0
    };
    wait_while(is_open, || {
        let done = done.borrow();
        let open = (0..partners.len()).filter(|request| !done.contains(request));
        let ranks: BTreeSet<_> = open.map(|request| partners[request]).collect();
        format!("messages from or to ranks {ranks:?}")
    });
}
