//! A batch: inputs and labels, checked.

use core::fmt;

use num_traits::PrimInt;

use super::inputs::Inputs;
use super::matrix::MatRef;
use crate::error::{Error, What, check_len};

/// n examples X (n × m, one example a row) and their labels y, of any integer type; or targets in the place of
/// labels, or neither.
///
/// X is a matrix, [`MatRef`], or sparse rows, `&`[`Csr`](crate::Csr).
///
/// A batch may be empty, as a worker's share of a larger one may be: its loss and gradient are 0, and it has no rows
/// of outputs.
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
pub struct Batch<'a, T, L = usize> {
    pub(crate) x: Inputs<'a, T>,
    pub(crate) labels: Option<&'a [L]>,
    pub(crate) targets: Option<MatRef<'a, T>>,
}

// Not derived: a view can be copied whether or not its elements can.
impl<T, L> Clone for Batch<'_, T, L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, L> Copy for Batch<'_, T, L> {}

/// Its inputs and what they are compared with; not the numbers.
impl<T, L> fmt::Debug for Batch<'_, T, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = match (self.labels, self.targets) {
            (Some(_), _) => "labels",
            (None, Some(_)) => "targets",
            (None, None) => "no labels",
        };
        write!(f, "Batch({:?}, {known})", self.x)
    }
}

impl<'a, T, L: PrimInt> Batch<'a, T, L> {
    /// Examples with labels. Whether the labels are classes is checked where the net, and so C, is known.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if there is not exactly one label for each row of `x`; [`Error::Shape`] if there is one
    /// for each column: `x` is the transpose of what it must be then.
    pub fn new(x: impl Into<Inputs<'a, T>>, labels: &'a [L]) -> Result<Self, Error> {
        let x = x.into();
        if labels.len() != x.rows() && labels.len() == x.cols() {
            let (expected, got) = ((x.cols(), x.rows()), (x.rows(), x.cols()));
            return Err(Error::Shape { what: What::X, expected, got });
        }
        check_len(What::Labels, x.rows(), labels.len())?;
        Ok(Self { x, labels: Some(labels), targets: None })
    }
}

impl<'a, T> Batch<'a, T> {
    /// Examples with targets q in the place of labels, n × C: of each example one number for each class, none
    /// negative, that add up to 1 (20), or nearly ([`Pass::target_sum_tolerance`](crate::Pass::target_sum_tolerance)).
    /// All but the number of rows is checked where C is known.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if there is not exactly one row of targets for each row of `x`.
    ///
    /// # Example
    ///
    /// ```
    /// # fn main() -> Result<(), handgrad::Error> {
    /// use handgrad::{Batch, Dims, MatRef, Params, Pass};
    ///
    /// let dims = Dims::new(1, 1, 2)?;
    /// let params = [1.0, 0.0, 1.0, 1.0, 0.0, 0.0]; // both scores are max(0, x)
    /// let (x, q) = ([3.0], [0.25, 0.75]);
    /// let batch = Batch::with_targets(MatRef::new(&x, 1, 1)?, MatRef::new(&q, 1, 2)?)?;
    /// let mut scratch = vec![0.0; dims.scratch_len(1)];
    /// let loss = Pass::new(Params::from_flat(dims, &params)?, batch).run(&mut scratch)?;
    /// assert!((loss - 2f64.ln()).abs() < 1e-15);
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_targets(x: impl Into<Inputs<'a, T>>, targets: MatRef<'a, T>) -> Result<Self, Error> {
        let x = x.into();
        if targets.rows() != x.rows() {
            // A row for each class may have been given.
            let classes = if targets.cols() == x.rows() { targets.rows() } else { targets.cols() };
            let (expected, got) = ((x.rows(), classes), (targets.rows(), targets.cols()));
            return Err(Error::Shape { what: What::Targets, expected, got });
        }
        Ok(Self { x, labels: None, targets: Some(targets) })
    }

    /// Examples without labels, for outputs that need none (see [`Pass::infer`](crate::Pass::infer)).
    pub fn unlabelled(x: impl Into<Inputs<'a, T>>) -> Self {
        Self { x: x.into(), labels: None, targets: None }
    }
}

impl<'a, T, L> Batch<'a, T, L> {
    /// The same examples, and targets if there are, without the labels: a batch for labels of any type K.
    ///
    /// So code that is generic in the type of the labels has one type for all of its batches.
    ///
    /// # Example
    ///
    /// ```
    /// # fn main() -> Result<(), handgrad::Error> {
    /// use handgrad::{Batch, Error, MatRef};
    ///
    /// fn batch<'a, L: num_traits::PrimInt>(
    ///     x: MatRef<'a, f32>,
    ///     labels: Option<&'a [L]>,
    /// ) -> Result<Batch<'a, f32, L>, Error> {
    ///     match labels {
    ///         Some(labels) => Batch::new(x, labels),
    ///         None => Ok(Batch::unlabelled(x).without_labels()),
    ///     }
    /// }
    ///
    /// let x = MatRef::new(&[1.0, 2.0], 2, 1)?;
    /// assert_eq!(batch(x, Some(&[1u8, 0]))?.len(), batch::<u8>(x, None)?.len());
    /// # Ok(())
    /// # }
    /// ```
    pub fn without_labels<K>(self) -> Batch<'a, T, K> {
        Batch { x: self.x, labels: None, targets: self.targets }
    }

    /// n, the number of examples.
    pub fn len(&self) -> usize {
        self.x.rows()
    }

    /// Whether there are no examples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
