//! The two factors of a product, as they lie in memory.

use core::ops::Range;

use crate::data::MatRef;

/// Rows or columns of a factor that lie in blocks: so many together, and so far from one block to the next.
#[derive(Clone, Copy)]
pub(crate) struct Blocks {
    pub(crate) len: usize,
    pub(crate) step: usize,
}

impl Blocks {
    /// All in one block.
    pub(crate) const ONE: Self = Self { len: usize::MAX, step: 0 };

    /// Where the one with this index is, if the next one in its block is `stride` further.
    #[inline(always)]
    pub(super) fn offset(self, index: usize, stride: usize) -> usize {
        // Divisions cost as much as some rows of a small tile.
        if index < self.len {
            index * stride
        } else {
            index / self.len * self.step + index % self.len * stride
        }
    }

    /// How many from this one on lie in the same block.
    #[inline(always)]
    pub(super) fn rest(self, index: usize) -> usize {
        self.len - if index < self.len { index } else { index % self.len }
    }
}

/// The left factor of a product: read element by element, it may lie as it likes.
#[derive(Clone, Copy)]
pub(crate) struct Left<'a, T> {
    pub(crate) data: &'a [T],
    pub(crate) rows: usize,
    pub(crate) depth: usize,
    /// From one row to the next of the same block, and from one column to the next.
    pub(crate) strides: (usize, usize),
    pub(crate) row_blocks: Blocks,
    pub(crate) col_blocks: Blocks,
}

impl<'a, T> Left<'a, T> {
    /// A matrix as it lies in memory.
    pub(crate) fn view(a: MatRef<'a, T>) -> Self {
        Self {
            data: a.as_slice(),
            rows: a.rows(),
            depth: a.cols(),
            strides: (a.row_stride(), a.col_stride()),
            row_blocks: Blocks::ONE,
            col_blocks: Blocks::ONE,
        }
    }

    /// A matrix of this many columns whose columns lie in blocks, the first of which is this one.
    pub(crate) fn col_blocks(first: MatRef<'a, T>, depth: usize, blocks: Blocks) -> Self {
        Self { depth, col_blocks: blocks, ..Self::view(first) }
    }

    /// The transpose.
    pub(crate) fn t(self) -> Self {
        Self {
            rows: self.depth,
            depth: self.rows,
            strides: (self.strides.1, self.strides.0),
            row_blocks: self.col_blocks,
            col_blocks: self.row_blocks,
            ..self
        }
    }

    /// Some of its rows, from the beginning of a block on.
    pub(crate) fn row_range(self, rows: Range<usize>) -> Self {
        let data = &self.data[self.offset(rows.start, 0)..];
        Self { data, rows: rows.len(), ..self }
    }

    /// Where element (row, col) is.
    #[inline(always)]
    pub(super) fn offset(&self, row: usize, col: usize) -> usize {
        self.row_blocks.offset(row, self.strides.0) + self.col_blocks.offset(col, self.strides.1)
    }
}

/// The right factor of a product.
#[derive(Clone, Copy)]
pub(crate) enum Right<'a, T> {
    /// As it lies in memory.
    View(MatRef<'a, T>),
    /// The squares of what lies in memory.
    Squares(MatRef<'a, T>),
    /// In panels, as [`pack`](super::packing::pack) makes them.
    Packed(&'a [T]),
}
