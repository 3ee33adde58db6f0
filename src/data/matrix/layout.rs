//! Where the elements of a matrix lie.

use core::fmt;
use core::ops::Range;

use crate::error::{Error, What, product};

/// Where the element (row, column) of a matrix lies in its slice: `row * row_stride + col * col_stride`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) row_stride: usize,
    pub(super) col_stride: usize,
}

impl Layout {
    /// A row-major layout that takes the whole of a slice of this length.
    pub(super) fn row_major(rows: usize, cols: usize, got: usize) -> Result<Self, Error> {
        let expected = product(What::Matrix, rows, cols)?;
        if got == expected {
            Ok(Self { rows, cols, row_stride: cols, col_stride: 1 }.canonical())
        } else {
            Err(Error::Slice { shape: (rows, cols), strides: (cols, 1), expected, got })
        }
    }

    /// The same column by column.
    pub(super) fn col_major(rows: usize, cols: usize, got: usize) -> Result<Self, Error> {
        match Self::row_major(cols, rows, got) {
            Err(Error::Slice { expected, .. }) => {
                Err(Error::Slice { shape: (rows, cols), strides: (1, rows), expected, got })
            }
            layout => Ok(layout?.t()),
        }
    }

    /// A layout of any strides, and the least length of a slice that holds it.
    pub(super) fn with_strides(
        (rows, cols): (usize, usize),
        (row_stride, col_stride): (usize, usize),
    ) -> Result<(Self, usize), Error> {
        let layout = Self { rows, cols, row_stride, col_stride }.canonical();
        if layout.is_empty() {
            return Ok((layout, 0));
        }
        let strides = (layout.row_stride as isize, layout.col_stride as isize);
        if strides.0 < 0 || strides.1 < 0 {
            return Err(Error::NegativeStride { shape: (rows, cols), strides });
        }
        let down = product(What::Matrix, rows - 1, layout.row_stride)?;
        let right = product(What::Matrix, cols - 1, layout.col_stride)?;
        match down.checked_add(right) {
            Some(last) if last < isize::MAX as usize => Ok((layout, last + 1)),
            _ => Err(Error::Overflow { what: What::Matrix, sizes: (down, right) }),
        }
    }

    /// `Ok` if a slice of this length holds what needs so many elements.
    pub(super) fn check_slice(self, expected: usize, got: usize) -> Result<(), Error> {
        let Self { rows, cols, row_stride, col_stride } = self;
        if got < expected {
            let (shape, strides) = ((rows, cols), (row_stride, col_stride));
            return Err(Error::Slice { shape, strides, expected, got });
        }
        Ok(())
    }

    /// A stride that is never taken becomes 1: so every stride of a mutable matrix is positive, and every
    /// stride fits an `isize`.
    pub(super) fn canonical(self) -> Self {
        let is_empty = self.is_empty();
        Self {
            row_stride: if self.rows == 1 || is_empty { 1 } else { self.row_stride },
            col_stride: if self.cols == 1 || is_empty { 1 } else { self.col_stride },
            ..self
        }
    }

    pub(super) fn describe(self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, cols, row_stride, col_stride } = self;
        write!(f, "{name}({rows} x {cols}, strides ({row_stride}, {col_stride}))")
    }

    fn is_empty(self) -> bool {
        self.rows == 0 || self.cols == 0
    }

    /// Whether two different elements share a place.
    ///
    /// Elements (r, c) and (r', c') do if (r - r') row_stride = (c' - c) col_stride. The smallest solution
    /// other than 0 is r - r' = col_stride / g, c' - c = row_stride / g with g the greatest common divisor,
    /// and it lies inside the matrix if both are less than the sizes. (Nothing lies inside an empty one.)
    pub(super) fn overlaps(self) -> bool {
        let (mut g, mut rest) = (self.row_stride, self.col_stride);
        while rest != 0 {
            (g, rest) = (rest, g % rest);
        }
        // g = 0 only where both strides are 0; canonical strides are so only if rows and columns exceed 1.
        g == 0 || (self.col_stride / g < self.rows && self.row_stride / g < self.cols)
    }

    pub(super) fn t(self) -> Self {
        Self { rows: self.cols, cols: self.rows, row_stride: self.col_stride, col_stride: self.row_stride }
    }

    pub(super) fn index(self, row: usize, col: usize) -> Option<usize> {
        (row < self.rows && col < self.cols).then(|| row * self.row_stride + col * self.col_stride)
    }

    /// The layout of a range of rows, and where in the slice it begins. The range is not empty and lies in
    /// the matrix.
    pub(super) fn row_range(self, range: Range<usize>) -> (Self, usize) {
        debug_assert!(range.start < range.end && range.end <= self.rows);
        (Self { rows: range.end - range.start, ..self }, range.start * self.row_stride)
    }
}
