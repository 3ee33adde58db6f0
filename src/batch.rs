//! A batch: inputs and labels, checked.

use num_traits::PrimInt;

use crate::dims::Dims;
use crate::error::{Error, What, check_len};
use crate::matrix::MatRef;

/// n examples X (n × m, one example a row) and their labels y, of any integer type.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::{Batch, MatRef};
///
/// let x = [0.5, 1.0, 2.0, -1.0]; // two examples of two inputs
/// let batch = Batch::new(MatRef::new(&x, 2, 2)?, &[1u8, 0])?;
/// assert_eq!(batch.len(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Batch<'a, T, L = usize> {
    pub(crate) x: MatRef<'a, T>,
    pub(crate) labels: Option<&'a [L]>,
}

// Not derived: a view can be copied whether or not its elements can.
impl<T, L> Clone for Batch<'_, T, L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, L> Copy for Batch<'_, T, L> {}

impl<'a, T, L: PrimInt> Batch<'a, T, L> {
    /// Examples with labels. Whether the labels are classes is checked where the net, and so C, is known.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if there is not exactly one label for each row of `x`. (A batch can't be empty:
    /// [`MatRef`] refuses that.)
    pub fn new(x: MatRef<'a, T>, labels: &'a [L]) -> Result<Self, Error> {
        check_len(What::Labels, x.rows(), labels.len())?;
        Ok(Self { x, labels: Some(labels) })
    }

    /// `Ok` if the batch fits to a net of these dimensions: the width of its examples, and every label a
    /// class. O(n).
    pub(crate) fn check(&self, dims: Dims) -> Result<(), Error> {
        if self.x.cols() != dims.inputs() {
            let (expected, got) = ((self.x.rows(), dims.inputs()), (self.x.rows(), self.x.cols()));
            return Err(Error::Shape { what: What::X, expected, got });
        }
        for (example, label) in self.labels.unwrap_or_default().iter().enumerate() {
            if label.to_usize().is_none_or(|class| class >= dims.classes()) {
                // Only a `u128` can be too large for an `i128`.
                let got = label.to_i128().unwrap_or(i128::MAX);
                return Err(Error::Label { example, classes: dims.classes(), got });
            }
        }
        Ok(())
    }
}

impl<'a, T> Batch<'a, T> {
    /// Examples without labels, for outputs that need none (see [`Pass::infer`](crate::Pass::infer)).
    pub fn unlabelled(x: MatRef<'a, T>) -> Self {
        Self { x, labels: None }
    }
}

impl<T, L> Batch<'_, T, L> {
    /// n, the number of examples, at least 1.
    #[expect(clippy::len_without_is_empty, reason = "a batch is never empty")]
    pub fn len(&self) -> usize {
        self.x.rows()
    }

    pub(crate) fn is_labelled(&self) -> bool {
        self.labels.is_some()
    }
}
