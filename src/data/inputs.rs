//! The inputs X of a batch: a matrix, or sparse rows.

use core::fmt;
use core::ops::Range;

use num_traits::{Float, PrimInt};

use super::csr::Csr;
use super::matrix::MatRef;
use super::sparse_rows::SparseRows;

/// The inputs X of a batch, n × m: a dense matrix or sparse rows. Made of either by `into`, as
/// [`Batch::new`](crate::Batch::new) does.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::{Csr, Inputs, MatRef};
///
/// let dense = Inputs::from(MatRef::new(&[0.0, 0.5, 2.0, 0.0], 2, 2)?);
/// let rows = Csr::new(2, &[0, 1, 2], &[1, 0], &[0.5, 2.0])?;
/// let sparse = Inputs::from(&rows);
/// assert_eq!((sparse.rows(), sparse.cols()), (dense.rows(), dense.cols()));
/// # Ok(())
/// # }
/// ```
pub struct Inputs<'a, T>(Kind<'a, T>);

/// Which of the two they are.
pub(crate) enum Kind<'a, T> {
    Dense(MatRef<'a, T>),
    Sparse(SparseRows<'a, T>),
}

// Not derived: a view can be copied whether or not its elements can.
impl<T> Clone for Inputs<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Inputs<'_, T> {}

impl<T> Clone for Kind<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Kind<'_, T> {}

impl<T> fmt::Debug for Inputs<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.dense().is_some() { "dense" } else { "sparse" };
        write!(f, "Inputs({} x {}, {kind})", self.rows(), self.cols())
    }
}

impl<'a, T> From<MatRef<'a, T>> for Inputs<'a, T> {
    fn from(x: MatRef<'a, T>) -> Self {
        Self(Kind::Dense(x))
    }
}

impl<'a, T: Sync, I: PrimInt + Sync, O: PrimInt + Sync> From<&'a Csr<'_, T, I, O>> for Inputs<'a, T> {
    fn from(x: &'a Csr<'_, T, I, O>) -> Self {
        Self(Kind::Sparse(SparseRows::new(x, x.rows(), x.cols())))
    }
}

impl<'a, T> Inputs<'a, T> {
    /// n, the number of examples.
    pub fn rows(&self) -> usize {
        match self.0 {
            Kind::Dense(x) => x.rows(),
            Kind::Sparse(x) => x.rows(),
        }
    }

    /// m, the number of inputs of each.
    pub fn cols(&self) -> usize {
        match self.0 {
            Kind::Dense(x) => x.cols(),
            Kind::Sparse(x) => x.cols(),
        }
    }

    /// The matrix, if it is one.
    pub(crate) fn dense(&self) -> Option<MatRef<'a, T>> {
        match self.0 {
            Kind::Dense(x) => Some(x),
            Kind::Sparse(_) => None,
        }
    }

    pub(crate) fn kind(&self) -> Kind<'a, T> {
        self.0
    }

    /// Some of the rows, at least one.
    pub(crate) fn row_range(self, range: Range<usize>) -> Self {
        Self(match self.0 {
            Kind::Dense(x) => Kind::Dense(x.row_range(range)),
            Kind::Sparse(x) => Kind::Sparse(x.row_range(range)),
        })
    }

    /// The numbers that are stored of each example, on average, rounded up.
    pub(crate) fn stored(&self) -> usize {
        match self.0 {
            Kind::Dense(x) => x.cols(),
            Kind::Sparse(x) => {
                let all: usize = (0..x.rows()).map(|row| x.entries(row).len()).sum();
                all.div_ceil(x.rows().max(1))
            }
        }
    }
}

impl<'a, T: Float> Inputs<'a, T> {
    /// All inputs of an example, in their order.
    pub(crate) fn row(self, row: usize) -> impl Iterator<Item = T> {
        (0..self.cols()).map(move |input| self.at(row, input))
    }

    /// The inputs of an example that are stored; and zeros.
    pub(crate) fn numbers(self, row: usize) -> impl Iterator<Item = T> {
        self.numbered(row).map(|(_, value)| value)
    }

    /// The inputs of two examples, without those that are 0 in the first, if that is known.
    pub(crate) fn pairs(self, i: usize, k: usize) -> impl Iterator<Item = (T, T)> {
        self.numbered(i).map(move |(input, value)| (value, self.at(k, input)))
    }

    /// An element.
    fn at(&self, row: usize, input: usize) -> T {
        match self.0 {
            Kind::Dense(x) => x.as_slice()[row * x.row_stride() + input * x.col_stride()],
            Kind::Sparse(x) => x.at(row, input),
        }
    }

    /// The inputs of an example that are stored, with their numbers. If an input has several entries the first one has the
    /// sum, and the others are 0.
    pub(crate) fn numbered(self, row: usize) -> impl Iterator<Item = (usize, T)> {
        let len = match self.0 {
            Kind::Dense(x) => x.cols(),
            Kind::Sparse(x) => x.entries(row).len(),
        };
        (0..len).map(move |index| match self.0 {
            Kind::Dense(_) => (index, self.at(row, index)),
            Kind::Sparse(x) => {
                let entry = x.entries(row).start + index;
                (x.input(entry), x.whole(row, entry))
            }
        })
    }
}
