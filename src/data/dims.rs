//! The sizes of a net, and the flat order of its parameters.

use core::fmt;

use super::block::Block;
use crate::error::{Error, What, check_len, product};
use crate::limits::{MAX_CHUNK, MAX_LANES, PACK_BUFFER};

/// The dimensions of a net: m inputs, h hidden units, C classes. None is 0, and no size derived from them
/// overflows.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::Dims;
///
/// let dims = Dims::new(64, 32, 10)?;
/// assert_eq!(dims.param_len(), 32 * 64 + 32 + 10 * 32 + 10);
/// // Everything is `const`: the lengths can size an array.
/// const NET: Dims = match Dims::new(4, 3, 2) {
///     Ok(dims) => dims,
///     Err(_) => panic!("constant dimensions"),
/// };
/// let theta = [0.0f32; NET.param_len()];
/// assert_eq!(theta.len(), 4 * 3 + 3 + 3 * 2 + 2);
/// assert_eq!(NET.to_string(), "4 -> 3 -> 2");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(try_from = "Sizes"))]
pub struct Dims {
    inputs: usize,
    hidden: usize,
    classes: usize,
}

/// Dimensions that have not been checked yet.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
struct Sizes {
    inputs: usize,
    hidden: usize,
    classes: usize,
}

#[cfg(feature = "serde")]
impl TryFrom<Sizes> for Dims {
    type Error = Error;

    fn try_from(Sizes { inputs, hidden, classes }: Sizes) -> Result<Self, Error> {
        Self::new(inputs, hidden, classes)
    }
}

/// `64 -> 32 -> 10`: inputs, hidden units, classes.
impl fmt::Display for Dims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {} -> {}", self.inputs, self.hidden, self.classes)
    }
}

impl Dims {
    /// Dimensions (m, h, C).
    ///
    /// # Errors
    ///
    /// [`Error::Zero`] if one of them is 0; [`Error::Overflow`] if the number of parameters or the scratch
    /// length would exceed `isize::MAX`.
    pub const fn new(inputs: usize, hidden: usize, classes: usize) -> Result<Self, Error> {
        if inputs == 0 {
            return Err(Error::Zero { what: What::Inputs });
        }
        if hidden == 0 {
            return Err(Error::Zero { what: What::Hidden });
        }
        if classes == 0 {
            return Err(Error::Zero { what: What::Classes });
        }
        let dims = Self { inputs, hidden, classes };
        match dims.check() {
            Ok(()) => Ok(dims),
            Err(err) => Err(err),
        }
    }

    /// Computes every derived size once with overflow checks, so that all later ones need none.
    const fn check(self) -> Result<(), Error> {
        let w1 = match product(What::W1, self.hidden, self.inputs) {
            Ok(len) => len,
            Err(err) => return Err(err),
        };
        let w2 = match product(What::W2, self.classes, self.hidden) {
            Ok(len) => len,
            Err(err) => return Err(err),
        };
        // No less than the scratch of any batch. Each term is below 2^64 * 2^13, so the sum is exact.
        let (m, h, c) = (self.inputs as u128, self.hidden as u128, self.classes as u128);
        let pad = MAX_LANES as u128;
        let params = w1 as u128 + h + w2 as u128 + c;
        let panels = m * (h + pad);
        let chunk = MAX_CHUNK as u128 * (3 * (h + pad) + 2 * c + m + pad);
        if params + params + panels + chunk + PACK_BUFFER as u128 + 16 * pad > isize::MAX as u128 {
            return Err(Error::Overflow { what: What::Params, sizes: (w1, w2) });
        }
        Ok(())
    }

    /// The same with a single input.
    pub(crate) const fn with_one_input(self) -> Self {
        Self { inputs: 1, ..self }
    }

    /// m, the number of inputs of one example.
    pub const fn inputs(self) -> usize {
        self.inputs
    }

    /// h, the number of hidden units.
    pub const fn hidden(self) -> usize {
        self.hidden
    }

    /// C, the number of classes.
    pub const fn classes(self) -> usize {
        self.classes
    }

    /// The number of parameters, hm + h + Ch + C: the length of the flat slice `[W1, b1, W2, b2]`.
    pub const fn param_len(self) -> usize {
        let [w1, b1, w2, b2] = self.block_lens();
        w1 + b1 + w2 + b2
    }

    /// The lengths of the blocks W1, b1, W2, b2, in the order in which they stand in the flat slice.
    ///
    /// ```
    /// # fn main() -> Result<(), handgrad::Error> {
    /// let [w1, b1, w2, b2] = handgrad::Dims::new(64, 32, 10)?.block_lens();
    /// assert_eq!([w1, b1, w2, b2], [32 * 64, 32, 10 * 32, 10]);
    /// # Ok(())
    /// # }
    /// ```
    pub const fn block_lens(self) -> [usize; 4] {
        [self.hidden * self.inputs, self.hidden, self.classes * self.hidden, self.classes]
    }

    /// The same blocks with their names and shapes, for a check of a gradient.
    ///
    /// ```
    /// # fn main() -> Result<(), handgrad::Error> {
    /// let [w1, b1, w2, b2] = handgrad::Dims::new(64, 32, 10)?.blocks();
    /// assert_eq!((w1.name(), w1.shape()), ("W1", (32, 64)));
    /// assert_eq!((b2.name(), b2.shape()), ("b2", (10, 1)));
    /// # Ok(())
    /// # }
    /// ```
    pub const fn blocks(self) -> [Block<'static>; 4] {
        [
            Block::matrix("W1", self.hidden, self.inputs),
            Block::vector("b1", self.hidden),
            Block::matrix("W2", self.classes, self.hidden),
            Block::vector("b2", self.classes),
        ]
    }

    /// Cuts a flat slice into the blocks W1, b1, W2, b2.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if it has not exactly [`param_len`](Self::param_len) elements.
    ///
    /// ```
    /// # fn main() -> Result<(), handgrad::Error> {
    /// let [_, b1, _, b2] = handgrad::Dims::new(2, 1, 2)?.split(&[1, 2, 3, 4, 5, 6, 7])?;
    /// assert_eq!((b1, b2), (&[3][..], &[6, 7][..]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn split<T>(self, flat: &[T]) -> Result<[&[T]; 4], Error> {
        check_len(What::Params, self.param_len(), flat.len())?;
        let [w1, b1, w2, _] = self.block_lens();
        let wrong = Error::Length { what: What::Params, expected: self.param_len(), got: flat.len() };
        // Checked cuts, though the length is right: so no panic is left in the program.
        let (w1, rest) = flat.split_at_checked(w1).ok_or(wrong)?;
        let (b1, rest) = rest.split_at_checked(b1).ok_or(wrong)?;
        let (w2, b2) = rest.split_at_checked(w2).ok_or(wrong)?;
        Ok([w1, b1, w2, b2])
    }

    /// Cuts a mutable flat slice into the blocks W1, b1, W2, b2.
    ///
    /// # Errors
    ///
    /// As [`split`](Self::split).
    pub fn split_mut<T>(self, flat: &mut [T]) -> Result<[&mut [T]; 4], Error> {
        check_len(What::Params, self.param_len(), flat.len())?;
        let [w1, b1, w2, _] = self.block_lens();
        let wrong = Error::Length { what: What::Params, expected: self.param_len(), got: flat.len() };
        let (w1, rest) = flat.split_at_mut_checked(w1).ok_or(wrong)?;
        let (b1, rest) = rest.split_at_mut_checked(b1).ok_or(wrong)?;
        let (w2, b2) = rest.split_at_mut_checked(w2).ok_or(wrong)?;
        Ok([w1, b1, w2, b2])
    }

    /// `Ok` if `got` is the same as these dimensions.
    pub(crate) fn check_same(self, what: What, got: Dims) -> Result<(), Error> {
        if self == got {
            return Ok(());
        }
        let triple = |dims: Dims| (dims.inputs, dims.hidden, dims.classes);
        Err(Error::Dims { what, expected: triple(self), got: triple(got) })
    }
}
