//! Matrix views: a slice, rows, columns and strides, with every bound proven when the view is made.

use core::fmt;
use core::ops::Range;

use self::layout::Layout;
use crate::error::Error;

mod layout;

/// The number of rows in a range, if they are rows of a matrix of so many.
pub(super) fn check_rows(range: &Range<usize>, rows: usize) -> Result<usize, Error> {
    let is_inside = range.start <= range.end && range.end <= rows;
    is_inside.then(|| range.len()).ok_or(Error::Rows { range: (range.start, range.end), rows })
}

/// A matrix that is read: a slice with rows, columns and strides.
///
/// It may be empty: of no rows, as X of a batch of no examples, or of no columns.
///
/// Invariant: every element lies in the slice.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::MatRef;
///
/// let a = MatRef::new(&[1, 2, 3, 4, 5, 6], 2, 3)?; // rows (1 2 3), (4 5 6)
/// assert_eq!(a.get(1, 0), Some(4));
/// assert_eq!(a.t().get(0, 1), Some(4));
/// assert_eq!(MatRef::col_major(&[1, 2, 3, 4, 5, 6], 2, 3)?.get(1, 0), Some(2));
/// // Every second column of `a`: nothing is copied.
/// assert_eq!(MatRef::with_strides(&[1, 2, 3, 4, 5, 6], (2, 2), (3, 2))?.get(1, 1), Some(6));
/// assert_eq!(a, MatRef::col_major(&[1, 4, 2, 5, 3, 6], 2, 3)?);
/// assert_eq!(format!("{a:?}"), "MatRef(2 x 3, strides (3, 1))");
/// # Ok(())
/// # }
/// ```
pub struct MatRef<'a, T> {
    data: &'a [T],
    layout: Layout,
}

// Not derived: a view can be copied whether or not its elements can.
impl<T> Clone for MatRef<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for MatRef<'_, T> {}

/// The same numbers of rows and columns, and equal elements, however they are stored.
impl<T: PartialEq> PartialEq<MatRef<'_, T>> for MatRef<'_, T> {
    fn eq(&self, other: &MatRef<'_, T>) -> bool {
        let row = |layout: Layout, row| (0..layout.cols).filter_map(move |col| layout.index(row, col));
        let is_equal = |i| {
            let mut pairs = row(self.layout, i).zip(row(other.layout, i));
            pairs.all(|(here, there)| self.data[here] == other.data[there])
        };
        (self.rows(), self.cols()) == (other.rows(), other.cols()) && (0..self.rows()).all(is_equal)
    }
}

/// Its size and strides; not its elements, which may be millions.
impl<T> fmt::Debug for MatRef<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.layout.describe("MatRef", f)
    }
}

impl<'a, T> MatRef<'a, T> {
    /// A row-major matrix over the whole of `data`: element (r, c) is `data[r * cols + c]`.
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`] if `rows * cols` overflows, [`Error::Slice`] if `data` has not exactly that length.
    pub fn new(data: &'a [T], rows: usize, cols: usize) -> Result<Self, Error> {
        Ok(Self { data, layout: Layout::row_major(rows, cols, data.len())? })
    }

    /// A column-major matrix over the whole of `data`: element (r, c) is `data[c * rows + r]`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn col_major(data: &'a [T], rows: usize, cols: usize) -> Result<Self, Error> {
        Ok(Self { data, layout: Layout::col_major(rows, cols, data.len())? })
    }

    /// A matrix of any strides: element (r, c) is `data[r * strides.0 + c * strides.1]`. Strides may be 0
    /// (one row or column repeated), and `data` may be longer than needed. A stride that is never taken (of
    /// the rows if there are not two, of both if the matrix is empty) may be anything.
    ///
    /// # Errors
    ///
    /// [`Error::NegativeStride`] if a stride was negative before it was cast to `usize`, [`Error::Overflow`] if
    /// the place of the last element overflows, [`Error::Slice`] (with the least length) if it lies beyond `data`.
    pub fn with_strides(
        data: &'a [T],
        shape: (usize, usize),
        strides: (usize, usize),
    ) -> Result<Self, Error> {
        let (layout, len) = Layout::with_strides(shape, strides)?;
        layout.check_slice(len, data.len())?;
        Ok(Self { data, layout })
    }

    /// The transposed matrix: nothing is copied.
    pub fn t(self) -> Self {
        Self { layout: self.layout.t(), ..self }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.layout.rows
    }

    /// The number of columns.
    pub fn cols(&self) -> usize {
        self.layout.cols
    }

    /// How far an element is from the one above it, in elements (1 if it is never taken).
    pub fn row_stride(&self) -> usize {
        self.layout.row_stride
    }

    /// How far an element is from the one to its left, in elements (1 if it is never taken).
    pub fn col_stride(&self) -> usize {
        self.layout.col_stride
    }

    /// The slice behind the view. It begins with element (0, 0), if there is one.
    pub fn as_slice(&self) -> &'a [T] {
        self.data
    }

    /// Some of the rows, those from `range.start` to before `range.end`: nothing is copied.
    ///
    /// # Errors
    ///
    /// [`Error::Rows`] if they are not rows of the matrix.
    ///
    /// ```
    /// # fn main() -> Result<(), handgrad::Error> {
    /// let a = handgrad::MatRef::new(&[1, 2, 3, 4, 5, 6], 3, 2)?;
    /// assert_eq!(a.rows_range(1..3)?.get(0, 0), Some(3));
    /// # Ok(())
    /// # }
    /// ```
    pub fn rows_range(self, range: Range<usize>) -> Result<Self, Error> {
        match check_rows(&range, self.rows())? {
            0 => Ok(Self { data: &[], layout: Layout { rows: 0, ..self.layout }.canonical() }),
            _ => Ok(self.row_range(range)),
        }
    }

    /// Element (row, col), or `None` outside of the matrix.
    pub fn get(&self, row: usize, col: usize) -> Option<T>
    where
        T: Copy,
    {
        self.data.get(self.layout.index(row, col)?).copied()
    }

    /// The elements of one row, from left to right.
    pub(crate) fn row(self, row: usize) -> impl Iterator<Item = T>
    where
        T: Copy,
    {
        let Layout { cols, row_stride, col_stride, .. } = self.layout;
        (0..cols).map(move |col| self.data[row * row_stride + col * col_stride])
    }

    /// Some of the rows, at least one.
    pub(crate) fn row_range(self, range: Range<usize>) -> Self {
        let (layout, start) = self.layout.row_range(range);
        Self { data: &self.data[start..], layout }
    }
}

/// A matrix that is written: as [`MatRef`], and no two elements are the same place in memory.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::{Error, MatMut};
///
/// let mut data = [0; 6];
/// *MatMut::new(&mut data, 2, 3)?.get_mut(1, 0).unwrap() = 7;
/// assert_eq!(data, [0, 0, 0, 7, 0, 0]);
///
/// let twice = MatMut::with_strides(&mut data, (2, 3), (1, 1)); // (0, 1) and (1, 0) in one place
/// assert_eq!(twice.unwrap_err(), Error::Overlap { shape: (2, 3), strides: (1, 1) });
/// # Ok(())
/// # }
/// ```
pub struct MatMut<'a, T> {
    data: &'a mut [T],
    layout: Layout,
}

/// As that of [`MatRef`].
impl<T> fmt::Debug for MatMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.layout.describe("MatMut", f)
    }
}

impl<'a, T> MatMut<'a, T> {
    /// A row-major matrix over the whole of `data`: element (r, c) is `data[r * cols + c]`.
    ///
    /// # Errors
    ///
    /// As [`MatRef::new`].
    pub fn new(data: &'a mut [T], rows: usize, cols: usize) -> Result<Self, Error> {
        let layout = Layout::row_major(rows, cols, data.len())?;
        Ok(Self { data, layout })
    }

    /// A column-major matrix over the whole of `data`: element (r, c) is `data[c * rows + r]`.
    ///
    /// # Errors
    ///
    /// As [`MatRef::new`].
    pub fn col_major(data: &'a mut [T], rows: usize, cols: usize) -> Result<Self, Error> {
        let layout = Layout::col_major(rows, cols, data.len())?;
        Ok(Self { data, layout })
    }

    /// A matrix of any strides: element (r, c) is `data[r * strides.0 + c * strides.1]`. `data` may be
    /// longer than needed; what lies between the elements is never written.
    ///
    /// # Errors
    ///
    /// As [`MatRef::with_strides`], and [`Error::Overlap`] if two elements would share a place.
    pub fn with_strides(
        data: &'a mut [T],
        shape: (usize, usize),
        strides: (usize, usize),
    ) -> Result<Self, Error> {
        let (layout, len) = Layout::with_strides(shape, strides)?;
        if layout.overlaps() {
            return Err(Error::Overlap { shape, strides });
        }
        layout.check_slice(len, data.len())?;
        Ok(Self { data, layout })
    }

    /// The transposed matrix: nothing is copied.
    pub fn t(self) -> Self {
        Self { layout: self.layout.t(), ..self }
    }

    /// The same matrix, to read.
    pub fn as_ref(&self) -> MatRef<'_, T> {
        MatRef { data: self.data, layout: self.layout }
    }

    /// The same matrix for a shorter time, so that it can be handed on and used again.
    pub fn reborrow(&mut self) -> MatMut<'_, T> {
        MatMut { data: self.data, layout: self.layout }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.layout.rows
    }

    /// The number of columns.
    pub fn cols(&self) -> usize {
        self.layout.cols
    }

    /// How far an element is from the one above it, in elements (1 if it is never taken).
    pub fn row_stride(&self) -> usize {
        self.layout.row_stride
    }

    /// How far an element is from the one to its left, in elements (1 if it is never taken).
    pub fn col_stride(&self) -> usize {
        self.layout.col_stride
    }

    /// The slice behind the view. It begins with element (0, 0), if there is one.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        self.data
    }

    /// Some of the rows, to write, as [`MatRef::rows_range`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn rows_range(self, range: Range<usize>) -> Result<Self, Error> {
        match check_rows(&range, self.rows())? {
            0 => Ok(Self { data: &mut [], layout: Layout { rows: 0, ..self.layout }.canonical() }),
            _ => Ok(self.row_range(range)),
        }
    }

    /// Element (row, col) to write, or `None` outside of the matrix.
    pub fn get_mut(&mut self, row: usize, col: usize) -> Option<&mut T> {
        self.data.get_mut(self.layout.index(row, col)?)
    }

    /// Some of the rows, at least one.
    pub(crate) fn row_range(self, range: Range<usize>) -> Self {
        let (layout, start) = self.layout.row_range(range);
        Self { data: &mut self.data[start..], layout }
    }

    /// Fills the matrix with a number.
    pub(crate) fn fill(&mut self, value: T)
    where
        T: Copy,
    {
        // By lines of contiguous elements, all of them one where there are no gaps.
        let turned = if self.layout.col_stride == 1 { self.layout } else { self.layout.t() };
        let Layout { rows, cols, row_stride, col_stride } = turned;
        if col_stride == 1 && (row_stride == cols || rows == 1) {
            self.data[..rows * cols].fill(value);
        } else if col_stride == 1 {
            self.data.chunks_mut(row_stride).take(rows).for_each(|row| row[..cols].fill(value));
        } else {
            (0..self.rows()).for_each(|row| self.row_mut(row).for_each(|out| *out = value));
        }
    }

    /// Whether the rows can be cut in two: each ends before the next one begins.
    pub(crate) fn can_split(&self) -> bool {
        let Layout { rows, cols, row_stride, col_stride } = self.layout;
        rows == 1 || row_stride > (cols - 1) * col_stride
    }

    /// The first `at` rows, at least one, and the others, at least one. They can be split.
    pub(crate) fn split_rows(self, at: usize) -> (Self, Self) {
        debug_assert!(self.can_split());
        let (head, _) = self.layout.row_range(0..at);
        let (tail, start) = self.layout.row_range(at..self.layout.rows);
        let (first, second) = self.data.split_at_mut(start);
        (Self { data: first, layout: head }, Self { data: second, layout: tail })
    }

    /// The elements of one row, from left to right.
    pub(crate) fn row_mut(&mut self, row: usize) -> impl Iterator<Item = &mut T> {
        let Layout { cols, row_stride, col_stride, .. } = self.layout;
        self.data[row * row_stride..].iter_mut().step_by(col_stride).take(cols)
    }
}
