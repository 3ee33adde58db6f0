//! The named blocks that a flat point consists of.

use crate::error::{Error, What, check_len, product};

/// A named stretch of a flat point: a matrix stored row by row, or a vector. Blocks follow one another.
///
/// # Example
///
/// ```
/// use handgrad::gradcheck::Block;
///
/// let blocks = [Block::matrix("W", 2, 3), Block::vector("b", 2)];
/// assert_eq!(blocks.map(|block| block.len()), [6, 2]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<'a> {
    name: &'a str,
    rows: usize,
    cols: usize,
    vector: bool,
}

impl<'a> Block<'a> {
    /// A matrix of `rows` x `cols`, row by row.
    pub const fn matrix(name: &'a str, rows: usize, cols: usize) -> Self {
        Self { name, rows, cols, vector: false }
    }

    /// A vector of `len` entries.
    pub const fn vector(name: &'a str, len: usize) -> Self {
        Self { name, rows: len, cols: 1, vector: true }
    }

    /// Its name.
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// (rows, columns) of a matrix, (length, 1) of a vector.
    pub const fn shape(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }

    /// The number of entries, or `usize::MAX` if it does not fit into a `usize`.
    pub const fn len(&self) -> usize {
        self.rows.saturating_mul(self.cols)
    }

    /// Whether it has no entries.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether rows and columns are two different things in it.
    pub(crate) const fn is_matrix(&self) -> bool {
        !self.vector
    }
}

/// `Ok` if the blocks have entries and add up to `n` of them.
pub(crate) fn check_blocks(blocks: &[Block<'_>], n: usize) -> Result<(), Error> {
    let mut total: usize = 0;
    for block in blocks {
        if block.is_empty() {
            return Err(Error::Zero { what: What::Blocks });
        }
        product(What::Blocks, block.rows, block.cols)?;
        total = total.saturating_add(block.len());
    }
    check_len(What::Blocks, n, total)
}
