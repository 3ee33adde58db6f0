//! The sum along the tree.

use num_traits::Float;

use super::node::Node;
use crate::error::{Error, What, check_len, check_scratch};
use crate::kernels::sum::add_to;

/// How many numbers of scratch a [`TreeSum`] up to this node takes, for vectors of this length: ⌊log2 k⌋ + 1 of them, for k shards.
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::shards::{Shards, scratch_len};
///
/// assert_eq!(scratch_len(Shards::new(1000, 16)?.root(), 100), 500);
/// # Ok(())
/// # }
/// ```
pub const fn scratch_len(node: Node, len: usize) -> usize {
    // More than there can be is more than a slice has.
    len.saturating_mul((node.end - node.first).ilog2() as usize + 1)
}

/// Adds up vectors of shards, along the tree, to the sum of one node: element by element, each node the sum of the two below it.
///
/// Takes the shards as they come, in ascending order, or nodes of them that somebody else has added up: with the
/// same bits. Of the vectors no more than log2 S + 1 are there at once, in the caller's memory.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::shards::{Shards, TreeSum, scratch_len};
///
/// let shards = Shards::new(5, 5)?;
/// let terms = [[1.0], [1e-16], [1e-16], [1.0], [-2.0]];
/// let root = shards.root();
/// let mut scratch = vec![0.0; scratch_len(root, 1)];
/// let mut sum = TreeSum::new(root, 1, &mut scratch)?;
/// for (leaf, terms) in root.leaves().zip(&terms) {
///     sum.add(leaf, terms)?;
/// }
/// assert_eq!(sum.finish()?, [0.0]); // ((1 + 1e-16) + (1e-16 + 1)) - 2
///
/// // The second half of the first four, by somebody else.
/// let nodes: Vec<_> = shards.nodes(0..2)?.chain(shards.nodes(2..5)?).collect();
/// let mut sum = TreeSum::new(root, 1, &mut scratch)?;
/// for (node, terms) in nodes.into_iter().zip([[1.0 + 1e-16], [1e-16 + 1.0], [-2.0]]) {
///     sum.add(node, &terms)?;
/// }
/// assert_eq!(sum.finish()?, [0.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "the sum is what `finish` returns"]
pub struct TreeSum<'a, T> {
    node: Node,
    len: usize,
    /// So many shards of the node are in already. The partial sums are nodes whose widths are the powers of two that `added` is
    /// the sum of, the widest first: as many vectors of the scratch as it has bits.
    added: usize,
    scratch: &'a mut [T],
}

impl<'a, T: Float> TreeSum<'a, T> {
    /// A sum up to this node, of vectors of `len` numbers. The scratch needs [`scratch_len(node, len)`](scratch_len) numbers
    /// and may hold anything.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if the scratch is too short.
    pub fn new(node: Node, len: usize, scratch: &'a mut [T]) -> Result<Self, Error> {
        check_scratch(scratch_len(node, len), scratch.len())?;
        Ok(Self { node, len, added: 0, scratch })
    }

    /// Adds the vector of a node.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for a vector of another length, and all errors of [`add_with`](Self::add_with); nothing is added then.
    pub fn add(&mut self, node: Node, terms: &[T]) -> Result<(), Error> {
        check_len(What::Terms, self.len, terms.len())?;
        self.add_with(node, |own| {
            own.copy_from_slice(terms);
            Ok(())
        })
    }

    /// Adds the vector that `write` writes, where it is to be: without a copy. What it finds there may be anything.
    ///
    /// # Errors
    ///
    /// [`Error::Order`] if the node does not begin with the shard that is next, [`Error::Length`] if it is of another number of
    /// shards, or has more of them than are missing; and those of `write`. Nothing is added then.
    pub fn add_with<E: From<Error>>(
        &mut self,
        node: Node,
        write: impl FnOnce(&mut [T]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.check(node)?;
        let (len, depth) = (self.len, self.depth(self.added));
        write(&mut self.scratch[depth * len..(depth + 1) * len])?;
        self.added += node.end - node.first;
        // As in counting: what is now as wide as what was there before it is added to that.
        for upper in (self.depth(self.added)..=depth).rev() {
            let (lower, upper) = self.scratch[(upper - 1) * len..(upper + 1) * len].split_at_mut(len);
            add_to(lower, upper);
        }
        Ok(())
    }

    /// The sum, in the first `len` numbers of the scratch.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if shards are missing.
    pub fn finish(self) -> Result<&'a mut [T], Error> {
        check_len(What::Shards, self.node.end - self.node.first, self.added)?;
        Ok(&mut self.scratch[..self.len])
    }

    /// How many partial sums so many shards make. The last one of the tree may be less wide than a power of two.
    fn depth(&self, added: usize) -> usize {
        let is_all = added == self.node.end - self.node.first;
        if is_all { 1 } else { added.count_ones() as usize }
    }

    fn check(&self, node: Node) -> Result<(), Error> {
        check_len(What::Shards, self.node.count, node.count)?;
        let next = self.node.first + self.added;
        if node.first != next {
            return Err(Error::Order { expected: next, got: node.first });
        }
        if node.end > self.node.end {
            let (expected, got) = (self.node.end - next, node.end - node.first);
            return Err(Error::Length { what: What::Shards, expected, got });
        }
        Ok(())
    }
}
