//! The parameters of a net as four views. A gradient has the type of what it is the gradient of.

use core::fmt;

use super::dims::Dims;
use super::matrix::{MatMut, MatRef};
use crate::error::{Error, What, check_len};

/// The dimensions that four blocks of these sizes belong to, if they belong together.
fn dims_of(w1: (usize, usize), b1: usize, w2: (usize, usize), b2: usize) -> Result<Dims, Error> {
    let dims = Dims::new(w1.1, w1.0, w2.0)?;
    // Frameworks store the matrices as they multiply, or their transposes: of two that do not fit, b1 and b2 tell.
    let (w1_is_t, w2_is_t) = (w1.0 != b1 && w1.1 == b1, w2.0 != b2 && w2 == (b1, b2));
    if w1_is_t && (w2_is_t || w2.1 == b1) {
        return Err(Error::Shape { what: What::W1, expected: (b1, w1.0), got: w1 });
    }
    check_len(What::B1, dims.hidden(), b1)?;
    if w2.1 != dims.hidden() {
        let classes = if w2_is_t { b2 } else { w2.0 };
        return Err(Error::Shape { what: What::W2, expected: (classes, dims.hidden()), got: w2 });
    }
    check_len(What::B2, dims.classes(), b2)?;
    Ok(dims)
}

/// The parameters W1 (h × m), b1 (h), W2 (C × h), b2 (C), to read.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::{Dims, MatRef, Params};
///
/// let dims = Dims::new(2, 3, 2)?;
/// let theta: Vec<f64> = (0..dims.param_len()).map(|i| i as f64).collect();
/// let params = Params::from_flat(dims, &theta)?;
/// assert_eq!(params.w1().get(2, 1), Some(5.0));
/// assert_eq!(params.b1(), [6.0, 7.0, 8.0]);
///
/// // The same from four blocks, W1 stored column by column.
/// let w1 = MatRef::col_major(&[0.0, 2.0, 4.0, 1.0, 3.0, 5.0], 3, 2)?;
/// let params = Params::new(w1, &theta[6..9], MatRef::new(&theta[9..15], 2, 3)?, &theta[15..])?;
/// assert_eq!(params.dims(), dims);
/// # Ok(())
/// # }
/// ```
#[derive(PartialEq)]
pub struct Params<'a, T> {
    pub(crate) dims: Dims,
    pub(crate) w1: MatRef<'a, T>,
    pub(crate) b1: &'a [T],
    pub(crate) w2: MatRef<'a, T>,
    pub(crate) b2: &'a [T],
}

// Not derived: a view can be copied whether or not its elements can.
impl<T> Clone for Params<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Params<'_, T> {}

/// Their dimensions; not the numbers.
impl<T> fmt::Debug for Params<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Params({})", self.dims)
    }
}

/// As that of [`Params`].
impl<T> fmt::Debug for ParamsMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ParamsMut({})", self.dims)
    }
}

impl<'a, T> Params<'a, T> {
    /// Parameters over four blocks of any strides. The sizes m, h, C are those of `w1` and of `w2`'s rows.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] or [`Error::Length`] for the first block that does not fit to those before it, or whose
    /// transpose fits to the others; [`Error::Zero`] and [`Error::Overflow`] as [`Dims::new`].
    pub fn new(w1: MatRef<'a, T>, b1: &'a [T], w2: MatRef<'a, T>, b2: &'a [T]) -> Result<Self, Error> {
        let dims = dims_of((w1.rows(), w1.cols()), b1.len(), (w2.rows(), w2.cols()), b2.len())?;
        Ok(Self { dims, w1, b1, w2, b2 })
    }

    /// Parameters over one flat slice `[W1, b1, W2, b2]`, W1 and W2 row by row.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if `flat` has not exactly [`Dims::param_len`] elements.
    #[inline]
    pub fn from_flat(dims: Dims, flat: &'a [T]) -> Result<Self, Error> {
        let [w1, b1, w2, b2] = dims.split(flat)?;
        let w1 = MatRef::new(w1, dims.hidden(), dims.inputs())?;
        let w2 = MatRef::new(w2, dims.classes(), dims.hidden())?;
        Ok(Self { dims, w1, b1, w2, b2 })
    }

    /// The dimensions (m, h, C).
    pub fn dims(&self) -> Dims {
        self.dims
    }

    /// W1, h × m.
    pub fn w1(&self) -> MatRef<'a, T> {
        self.w1
    }

    /// b1, h.
    pub fn b1(&self) -> &'a [T] {
        self.b1
    }

    /// W2, C × h.
    pub fn w2(&self) -> MatRef<'a, T> {
        self.w2
    }

    /// b2, C.
    pub fn b2(&self) -> &'a [T] {
        self.b2
    }
}

/// The parameters, or a gradient, to write: as [`Params`].
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::{Dims, ParamsMut};
///
/// let dims = Dims::new(2, 3, 2)?;
/// let mut grad = vec![0.0f32; dims.param_len()];
/// ParamsMut::from_flat(dims, &mut grad)?.b2()[1] = 5.0;
/// assert_eq!(grad.last(), Some(&5.0));
/// # Ok(())
/// # }
/// ```
pub struct ParamsMut<'a, T> {
    pub(crate) dims: Dims,
    pub(crate) w1: MatMut<'a, T>,
    pub(crate) b1: &'a mut [T],
    pub(crate) w2: MatMut<'a, T>,
    pub(crate) b2: &'a mut [T],
}

impl<'a, T> ParamsMut<'a, T> {
    /// Parameters over four blocks of any strides.
    ///
    /// # Errors
    ///
    /// As [`Params::new`].
    pub fn new(
        w1: MatMut<'a, T>,
        b1: &'a mut [T],
        w2: MatMut<'a, T>,
        b2: &'a mut [T],
    ) -> Result<Self, Error> {
        let dims = dims_of((w1.rows(), w1.cols()), b1.len(), (w2.rows(), w2.cols()), b2.len())?;
        Ok(Self { dims, w1, b1, w2, b2 })
    }

    /// Parameters over one flat slice `[W1, b1, W2, b2]`, W1 and W2 row by row.
    ///
    /// # Errors
    ///
    /// As [`Params::from_flat`].
    #[inline]
    pub fn from_flat(dims: Dims, flat: &'a mut [T]) -> Result<Self, Error> {
        let [w1, b1, w2, b2] = dims.split_mut(flat)?;
        let w1 = MatMut::new(w1, dims.hidden(), dims.inputs())?;
        let w2 = MatMut::new(w2, dims.classes(), dims.hidden())?;
        Ok(Self { dims, w1, b1, w2, b2 })
    }

    /// The same parameters for a shorter time, so that they can be handed on and used again.
    pub fn reborrow(&mut self) -> ParamsMut<'_, T> {
        ParamsMut {
            dims: self.dims,
            w1: self.w1.reborrow(),
            b1: self.b1,
            w2: self.w2.reborrow(),
            b2: self.b2,
        }
    }

    /// Fills all of them with a number.
    pub(crate) fn fill(&mut self, value: T)
    where
        T: Copy,
    {
        self.w1.fill(value);
        self.w2.fill(value);
        self.b1.fill(value);
        self.b2.fill(value);
    }

    /// The same parameters, to read.
    pub fn as_ref(&self) -> Params<'_, T> {
        Params { dims: self.dims, w1: self.w1.as_ref(), b1: self.b1, w2: self.w2.as_ref(), b2: self.b2 }
    }

    /// The dimensions (m, h, C).
    pub fn dims(&self) -> Dims {
        self.dims
    }

    /// W1, h × m.
    pub fn w1(&mut self) -> MatMut<'_, T> {
        self.w1.reborrow()
    }

    /// b1, h.
    pub fn b1(&mut self) -> &mut [T] {
        self.b1
    }

    /// W2, C × h.
    pub fn w2(&mut self) -> MatMut<'_, T> {
        self.w2.reborrow()
    }

    /// b2, C.
    pub fn b2(&mut self) -> &mut [T] {
        self.b2
    }
}
