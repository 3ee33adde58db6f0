//! Rows of a sparse matrix, whatever the types of its indices.

use core::ops::Range;

use num_traits::Float;

/// What a sparse matrix is asked for, whatever the types of its indices.
pub(super) trait Rows<T>: Sync {
    /// Where the entries of a row are.
    fn entries(&self, row: usize) -> Range<usize>;

    /// The input that an entry belongs to.
    fn input(&self, entry: usize) -> usize;

    /// The inputs of some entries, as many as there is room for.
    fn copy_inputs(&self, first: usize, to: &mut [usize]);

    /// The values of all entries.
    fn values(&self) -> &[T];

    /// How the entries of each row are ordered.
    fn order(&self) -> Order;
}

/// The order of the inputs in each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Ascending,
    /// Any, but none comes twice.
    Unique,
    Any,
}

/// Some rows of a sparse matrix.
pub(crate) struct SparseRows<'a, T> {
    matrix: &'a dyn Rows<T>,
    first: usize,
    rows: usize,
    cols: usize,
}

// Not derived: a view can be copied whether or not its elements can.
impl<T> Clone for SparseRows<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for SparseRows<'_, T> {}

impl<'a, T> SparseRows<'a, T> {
    pub(super) fn new(matrix: &'a dyn Rows<T>, rows: usize, cols: usize) -> Self {
        Self { matrix, first: 0, rows, cols }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn cols(&self) -> usize {
        self.cols
    }

    /// The input that an entry belongs to.
    pub(super) fn input(&self, entry: usize) -> usize {
        self.matrix.input(entry)
    }

    /// Where the entries of a row are.
    pub(crate) fn entries(&self, row: usize) -> Range<usize> {
        self.matrix.entries(self.first + row)
    }

    /// The inputs of the entries from `first` on, as many as there is room for.
    pub(crate) fn copy_inputs(&self, first: usize, to: &mut [usize]) {
        self.matrix.copy_inputs(first, to);
    }

    /// The values of all entries.
    pub(crate) fn values(&self) -> &'a [T] {
        self.matrix.values()
    }

    pub(super) fn row_range(self, range: Range<usize>) -> Self {
        Self { first: self.first + range.start, rows: range.len(), ..self }
    }
}

impl<T: Float> SparseRows<'_, T> {
    /// The value of an entry, or the sum of those of its input if it is the first one of several; 0 if it is another one.
    ///
    /// O(1) where no input comes twice, else O(entries of the row).
    pub(crate) fn whole(&self, row: usize, entry: usize) -> T {
        if self.matrix.order() != Order::Any {
            return self.values()[entry];
        }
        let (entries, input) = (self.entries(row), self.matrix.input(entry));
        let is_first = !(entries.start..entry).any(|other| self.matrix.input(other) == input);
        if is_first { self.sum(entry..entries.end, input) } else { T::zero() }
    }

    /// An element. O(log of the entries of the row) where inputs ascend, else O(entries of the row).
    pub(super) fn at(&self, row: usize, input: usize) -> T {
        let entries = self.entries(row);
        if self.matrix.order() != Order::Ascending {
            return self.sum(entries, input);
        }
        let (mut low, mut high) = (entries.start, entries.end);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.matrix.input(middle) < input { low = middle + 1 } else { high = middle }
        }
        if low < entries.end && self.matrix.input(low) == input { self.values()[low] } else { T::zero() }
    }

    /// The sum of the entries of an input.
    fn sum(&self, entries: Range<usize>, input: usize) -> T {
        let values = self.values();
        let same = entries.filter(|&entry| self.matrix.input(entry) == input);
        same.fold(T::zero(), |sum, entry| sum + values[entry])
    }
}
