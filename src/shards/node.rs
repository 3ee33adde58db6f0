//! The nodes of the tree: which sums there may be.

use core::ops::Range;

/// A node of the tree over S shards: shards next to one another whose sum is one of the partial sums.
///
/// A node of level l has the shards i 2^l .. (i + 1) 2^l for some i, as far as there are. Above it is one of level l + 1;
/// where that has no other shards, it is the same node.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::shards::Shards;
///
/// let shards = Shards::new(1000, 7)?;
/// assert_eq!(shards.root().shards(), 0..7);
/// let ranges: Vec<_> = shards.nodes(1..7)?.map(|node| node.shards()).collect();
/// assert_eq!(ranges, [1..2, 2..4, 4..7]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    /// Its shards are `first..end`.
    pub(super) first: usize,
    pub(super) end: usize,
    /// S.
    pub(super) count: usize,
}

impl Node {
    /// The shards that it is the sum of: at least one.
    pub fn shards(self) -> Range<usize> {
        self.first..self.end
    }

    /// How many shards there are: S.
    pub fn count(self) -> usize {
        self.count
    }

    /// The nodes of its single shards, in ascending order.
    pub fn leaves(self) -> Nodes {
        Nodes { rest: self.shards(), count: self.count, widest: 1 }
    }
}

/// The nodes of a range of shards, in ascending order: what [`Shards::nodes`](super::Shards::nodes) and [`Node::leaves`] give.
#[derive(Clone, Debug)]
pub struct Nodes {
    /// The shards that are left.
    pub(super) rest: Range<usize>,
    /// S.
    pub(super) count: usize,
    /// No node has more shards than this.
    pub(super) widest: usize,
}

impl Iterator for Nodes {
    type Item = Node;

    fn next(&mut self) -> Option<Node> {
        let (first, count) = (self.rest.start, self.count);
        if self.rest.is_empty() {
            return None;
        }
        // Twice as wide as long as it begins where such a node does, and ends within the range: at S a node may be cut off.
        let end = |width: usize| first.saturating_add(width).min(count);
        let mut width = 1;
        while width < self.widest && first % (2 * width) == 0 && end(2 * width) <= self.rest.end {
            width *= 2;
        }
        self.rest.start = end(width);
        Some(Node { first, end: end(width), count })
    }
}
