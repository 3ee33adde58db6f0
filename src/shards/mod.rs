//! One sum over examples, cut into shards: on one machine or many, by one thread or many, with the same bits.
//!
//! A gradient over more examples than one machine reads in time is a sum over shards of them. Two things decide its
//! bits: which examples are summed together, and in which order the sums are added. Here neither depends on who does
//! it. n examples are cut into S shards, S chosen once ([`Shards`]); and the sums of the shards are added in one binary tree
//! over their numbers, whoever owns them ([`TreeSum`]). S = 6:
//!
//! ```text
//!            0..6
//!           /    \
//!       0..4      4..6        a node: the shards below it; those two that are next to one another
//!      /    \     /  \        and begin at a multiple of twice their width are added
//!   0..2   2..4  4    5
//!   /  \   /  \
//!  0    1 2    3              the shards
//! ```
//!
//! Ranks, as the processes of a job are called, own ranges of shards ([`Shards::owned`]). Each adds up the largest nodes that
//! are within its range ([`Shards::nodes`]), and hands them over; who has all nodes of an element adds it up to the
//! root. Nothing here communicates: `examples/mpi` does it with MPI.
//!
//! What belongs to the sum once, and not once a shard, are the divisor and L2: [`effective_weight`] and [`part`].
//!
//! The bits of a shard's own sum are those of [`Pass`](crate::Pass): the same whatever its threads, on machines with the
//! same instruction set. On a mixture of machines choose [`Engine::Portable`](crate::Engine::Portable).
//!
//! # Exactness
//!
//! With u the unit roundoff, D = ⌈log2 S⌉ additions on the way from a shard to the root, and g_s what the shards have, each
//! element is off by no more than
//!
//! ```text
//! D u / (1 - D u) Σ |g_s|
//! ```
//!
//! and what the g_s themselves are off by. NaN and infinite numbers are added as IEEE 754 has it.
//!
//! # Example
//!
//! A gradient by 1, 2 and 3 ranks. (Here they take turns, and hand over nodes by a vector.)
//!
//! ```
//! # fn main() -> Result<(), handgrad::Error> {
//! use handgrad::shards::{Shards, TreeSum, part, scratch_len};
//! use handgrad::{Batch, Dims, Error, MatRef, Params, ParamsMut, Pass};
//!
//! let dims = Dims::new(1, 2, 2)?;
//! let theta = [0.5, -0.3, 0.1, 0.2, 0.7, -0.4, -0.6, 0.9, 0.0, 0.0];
//! let params = Params::from_flat(dims, &theta)?;
//! let (x, y): (Vec<f64>, Vec<usize>) = (0..20).map(|i| (0.1 * f64::from(i), i as usize % 2)).unzip();
//! let shards = Shards::new(20, 6)?;
//! let len = dims.param_len() + 1; // a gradient, and behind it the loss
//!
//! let mut totals = Vec::new();
//! for ranks in 1..=3 {
//!     let mut nodes = Vec::new();
//!     for rank in 0..ranks {
//!         for node in shards.nodes(shards.owned(rank, ranks)?)? {
//!             let mut memory = vec![0.0; scratch_len(node, len)];
//!             let mut sum = TreeSum::new(node, len, &mut memory)?;
//!             for leaf in node.leaves() {
//!                 let shard = leaf.shards().start;
//!                 let own = shards.range(shard)?;
//!                 let batch = Batch::new(MatRef::new(&x[own.clone()], own.len(), 1)?, &y[own.clone()])?;
//!                 let pass = part(Pass::new(params, batch).l2(0.01, 0.01), shard, 20.0);
//!                 let mut scratch = vec![0.0; dims.scratch_len(own.len())];
//!                 sum.add_with(leaf, |terms| {
//!                     let (loss, grad) = terms.split_last_mut().expect("len is 1 or more");
//!                     *loss = pass.grad(ParamsMut::from_flat(dims, grad)?).run(&mut scratch)?;
//!                     Ok::<_, Error>(())
//!                 })?;
//!             }
//!             nodes.push((node, sum.finish()?.to_vec()));
//!         }
//!     }
//!     let root = shards.root();
//!     let mut memory = vec![0.0; scratch_len(root, len)];
//!     let mut sum = TreeSum::new(root, len, &mut memory)?;
//!     for (node, terms) in &nodes {
//!         sum.add(*node, terms)?;
//!     }
//!     totals.push(sum.finish()?.to_vec());
//! }
//! assert!(totals[1] == totals[0] && totals[2] == totals[0]); // not nearly: each bit
//! # Ok(())
//! # }
//! ```
//!
#![doc = include_str!("../../docs/many_machines.md")]

mod cut;
mod mean;
mod node;
mod sum;

pub use cut::Shards;
pub use mean::{effective_weight, part};
pub use node::{Node, Nodes};
pub use sum::{TreeSum, scratch_len};
