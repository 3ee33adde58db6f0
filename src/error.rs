//! The one error type: what was wrong, where, what was expected and what was given.

mod messages;
mod what;

pub use what::What;

/// Why a call was refused. Every check is made before the first output is written, so after an error all
/// outputs hold what they held before. (The exceptions: an error that a caller's own [`Gemm`](crate::gemm::Gemm)
/// returns from the middle of a pass, and [`Error::Executor`].)
///
/// # Example
///
/// ```
/// use handgrad::{Error, MatRef};
///
/// let err = MatRef::new(&[1.0, 2.0, 3.0], 2, 2).unwrap_err();
/// assert_eq!(err, Error::Slice { shape: (2, 2), strides: (2, 1), expected: 4, got: 3 });
/// assert_eq!(err.to_string(), "matrix 2 x 2 with strides (2, 1): expected a slice of length 4, got 3");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// A size that must be at least 1 is 0.
    Zero {
        /// The size.
        what: What,
    },
    /// Something would have more than `isize::MAX` elements.
    Overflow {
        /// What would be that large.
        what: What,
        /// The two sizes that do not go together: the factors of a product, or for [`What::Params`] and
        /// [`What::Matrix`] the parts of a sum.
        sizes: (usize, usize),
    },
    /// A slice is too short or too long. For [`What::Scratch`], `expected` is the least length; for
    /// [`What::Examples`], it is the largest number of them.
    Length {
        /// The slice.
        what: What,
        /// The length it must have.
        expected: usize,
        /// The length it has.
        got: usize,
    },
    /// The slice behind a matrix view is too short, or longer than a matrix without gaps is. (One with gaps between
    /// rows or columns, or a part of a larger one, is made by `with_strides`.)
    Slice {
        /// The (rows, columns) of the matrix.
        shape: (usize, usize),
        /// Its (row, column) strides.
        strides: (usize, usize),
        /// The length that the slice must have; with [`with_strides`](crate::MatRef::with_strides), the least one.
        expected: usize,
        /// The length it has.
        got: usize,
    },
    /// A stride was negative before it was cast to `usize`: a view that runs backwards. Views only run forwards from
    /// the beginning of their slice, so the elements have to be reversed where they are stored.
    NegativeStride {
        /// The (rows, columns) of the matrix.
        shape: (usize, usize),
        /// Its (row, column) strides, as they were before the cast.
        strides: (isize, isize),
    },
    /// A matrix has the wrong number of rows or columns. Where the numbers are the right ones the other way
    /// round, it is the transpose that is wanted: `t()` of the view.
    Shape {
        /// The matrix.
        what: What,
        /// The (rows, columns) it must have.
        expected: (usize, usize),
        /// The (rows, columns) it has.
        got: (usize, usize),
    },
    /// A gradient belongs to a net of other dimensions.
    Dims {
        /// The object of other dimensions.
        what: What,
        /// The (m, h, C) it must have.
        expected: (usize, usize, usize),
        /// The (m, h, C) it has.
        got: (usize, usize, usize),
    },
    /// With these strides two elements of a mutable matrix would be the same place in memory.
    Overlap {
        /// The (rows, columns) of the matrix.
        shape: (usize, usize),
        /// Its (row, column) strides.
        strides: (usize, usize),
    },
    /// A range of rows is not one of a matrix.
    Rows {
        /// Its start and end.
        range: (usize, usize),
        /// The number of rows that there are.
        rows: usize,
    },
    /// An offset of sparse rows is less than the one before, or beyond the entries.
    Offset {
        /// Which offset.
        index: usize,
        /// The least and the largest that it can be.
        expected: (usize, usize),
        /// The offset, clamped to the range of `i128`.
        got: i128,
    },
    /// An index of sparse rows is no input.
    Input {
        /// The example.
        example: usize,
        /// Which entry, of all.
        entry: usize,
        /// m: valid indices are `0..inputs`.
        inputs: usize,
        /// The index, clamped to the range of `i128`.
        got: i128,
    },
    /// A label is not one of the classes `0..classes`.
    Label {
        /// The index of the example (0 where there is only one).
        example: usize,
        /// C: valid labels are `0..classes`.
        classes: usize,
        /// The label, clamped to the range of `i128`.
        got: i128,
    },
    /// The type of the predictions does not hold all classes.
    ClassInteger {
        /// C.
        classes: usize,
        /// The largest class that it holds.
        largest: usize,
    },
    /// An output depends on the labels, of a batch that has none.
    Unlabelled {
        /// The output.
        what: What,
    },
    /// A number is out of its range: a weight, divisor or L2 factor is negative, infinite or NaN (or the
    /// divisor 0), the smoothing is not in 0..=1, or a tolerance is negative or NaN.
    Value {
        /// The number.
        what: What,
        /// Which one of several.
        index: usize,
        /// The number.
        got: f64,
    },
    /// An example's target is negative, infinite or NaN for a class.
    Target {
        /// The example.
        example: usize,
        /// The class.
        class: usize,
        /// The target's number for that class.
        got: f64,
    },
    /// The numbers of an example's target do not add up to 1, as nearly as
    /// [`Pass::target_sum_tolerance`](crate::Pass::target_sum_tolerance) asks.
    TargetSum {
        /// The example.
        example: usize,
        /// How far from 1 the sum may be, beside rounding.
        tolerance: f64,
        /// The sum.
        got: f64,
    },
    /// There is nothing with this number.
    Index {
        /// What is numbered.
        what: What,
        /// How many there are: valid numbers are `0..len`.
        len: usize,
        /// The number.
        got: usize,
    },
    /// A [`TreeSum`](crate::shards::TreeSum) takes shards in ascending order.
    Order {
        /// The shard that is next.
        expected: usize,
        /// The shard that was given, or the first one of the node.
        got: usize,
    },
    /// An [`Executor`](crate::Executor) has returned before its tasks were done. The outputs are incomplete.
    Executor,
}

impl core::error::Error for Error {}

/// `Ok` if a slice has the length it must have.
pub(crate) const fn check_len(what: What, expected: usize, got: usize) -> Result<(), Error> {
    if expected == got { Ok(()) } else { Err(Error::Length { what, expected, got }) }
}

/// `Ok` if the scratch is long enough.
pub(crate) fn check_scratch(expected: usize, got: usize) -> Result<(), Error> {
    if got < expected { Err(Error::Length { what: What::Scratch, expected, got }) } else { Ok(()) }
}

/// `a * b`, or an error where it does not fit.
pub(crate) const fn product(what: What, a: usize, b: usize) -> Result<usize, Error> {
    match a.checked_mul(b) {
        Some(n) if n <= isize::MAX as usize => Ok(n),
        _ => Err(Error::Overflow { what, sizes: (a, b) }),
    }
}
