//! Which examples a shard has, and which shards a rank.

use core::ops::Range;

use super::node::{Node, Nodes};
use crate::error::{Error, What};

/// n examples cut into S shards, whatever the number of those who compute.
///
/// Shard s has the examples ⌊s n / S⌋ .. ⌊(s + 1) n / S⌋: all of them lie next to one another, and no two shards differ by more than
/// one example. Where n < S some are empty, and are shards like any other.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::shards::Shards;
///
/// let shards = Shards::new(10, 4)?;
/// let ranges = [shards.range(0)?, shards.range(1)?, shards.range(2)?, shards.range(3)?];
/// assert_eq!(ranges, [0..2, 2..5, 5..7, 7..10]);
/// assert_eq!(shards.owned(1, 2)?, 2..4); // of two ranks, the second one's
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shards {
    examples: usize,
    count: usize,
}

impl Shards {
    /// So many examples in `count` shards.
    ///
    /// # Errors
    ///
    /// [`Error::Zero`] if there are no shards, [`Error::Overflow`] if there are more than `isize::MAX`.
    pub const fn new(examples: usize, count: usize) -> Result<Self, Error> {
        if count == 0 {
            return Err(Error::Zero { what: What::Shards });
        }
        if count > isize::MAX as usize {
            return Err(Error::Overflow { what: What::Shards, sizes: (count, 1) });
        }
        Ok(Self { examples, count })
    }

    /// n, the number of examples.
    pub const fn examples(&self) -> usize {
        self.examples
    }

    /// S, the number of shards.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The examples of a shard.
    ///
    /// # Errors
    ///
    /// [`Error::Index`] if there is no such shard.
    pub fn range(&self, shard: usize) -> Result<Range<usize>, Error> {
        if shard >= self.count {
            return Err(Error::Index { what: What::Shards, len: self.count, got: shard });
        }
        // The quotient is n at most.
        let start = |shard: usize| (shard as u128 * self.examples as u128 / self.count as u128) as usize;
        Ok(start(shard)..start(shard + 1))
    }

    /// The shards of one of so many ranks: as the examples are cut into shards, the shards are cut into ranks'
    /// ranges. With more ranks than shards some have none.
    ///
    /// A range is one node, so that a rank hands over one sum, where S divided by the number of ranks is a power of two; it
    /// is 2 log2 S nodes at most.
    ///
    /// # Errors
    ///
    /// [`Error::Zero`] if there are no ranks, [`Error::Index`] if there is no such rank.
    pub fn owned(&self, rank: usize, ranks: usize) -> Result<Range<usize>, Error> {
        match Self::new(self.count, ranks).and_then(|cut| cut.range(rank)) {
            Err(Error::Zero { .. }) => Err(Error::Zero { what: What::Ranks }),
            Err(Error::Overflow { sizes, .. }) => Err(Error::Overflow { what: What::Ranks, sizes }),
            Err(Error::Index { len, got, .. }) => Err(Error::Index { what: What::Ranks, len, got }),
            other => other,
        }
    }

    /// The root of the tree: the sum over all shards.
    pub const fn root(&self) -> Node {
        Node { first: 0, end: self.count, count: self.count }
    }

    /// The largest nodes of the tree that are within a range of shards, in ascending order. Together they have each shard
    /// of it once.
    ///
    /// # Errors
    ///
    /// [`Error::Index`] if the range has a shard that there is not.
    pub fn nodes(&self, shards: Range<usize>) -> Result<Nodes, Error> {
        if shards.end > self.count && !shards.is_empty() {
            return Err(Error::Index { what: What::Shards, len: self.count, got: shards.end - 1 });
        }
        Ok(Nodes { rest: shards, count: self.count, widest: self.count })
    }
}
