//! The sizes of a net, the flat layout of its parameters, and the length of the scratch.

use crate::error::{Error, What, check_len, product};
use crate::gradcheck::Block;

/// A tile holds at most this many examples.
///
/// An engine packs the weights anew for each tile, so a tile must not be small. Measured with matrixmultiply
/// from (64, 32, 10) to (784, 1024, 10): 128 cost up to 8 % more time, 64 up to 20 %, 512 save less than 3 %.
const MAX_TILE: usize = 256;

/// A tile holds at most about this many scratch elements, as long as that leaves [`MIN_TILE`] examples:
/// 2 MiB of f32.
const TILE_ELEMENTS: usize = 1 << 19;

/// A tile holds at least this many examples, unless the batch has fewer.
const MIN_TILE: usize = 8;

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
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dims {
    inputs: usize,
    hidden: usize,
    classes: usize,
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
        // Each term is below 2^64 * 2^9, so this sum is exact.
        let (h, c) = (self.hidden as u128, self.classes as u128);
        let params = w1 as u128 + h + w2 as u128 + c;
        if params + MAX_TILE as u128 * (2 * h + c) > isize::MAX as u128 {
            return Err(Error::Overflow { what: What::Params, sizes: (w1, w2) });
        }
        Ok(())
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

    /// The scratch, in elements, that any call of this crate needs for a batch of `n` examples.
    ///
    /// With t = [`tile_len(n)`](Self::tile_len) examples in a tile it is t (2h + C): one tile's
    /// pre-activations, its activations (later the hidden gradient) and its scores (later the score
    /// gradient). A batch of more than one tile needs [`param_len`](Self::param_len) elements more, in which
    /// the low-order parts of the gradient's sums are kept. So it grows with n up to one tile and is
    /// constant from two tiles on.
    ///
    /// ```
    /// # fn main() -> Result<(), handgrad::Error> {
    /// let dims = handgrad::Dims::new(64, 32, 10)?;
    /// assert_eq!(dims.scratch_len(1), 2 * 32 + 10);
    /// assert_eq!(dims.scratch_len(10_000), dims.scratch_len(1_000_000));
    /// # Ok(())
    /// # }
    /// ```
    pub const fn scratch_len(self, n: usize) -> usize {
        let tile = self.tile_len(n);
        tile * (2 * self.hidden + self.classes) + if n > tile { self.param_len() } else { 0 }
    }

    /// The number of examples that are evaluated together, one tile: `n` or a constant of these dimensions
    /// between 8 and 256, whichever is less.
    pub const fn tile_len(self, n: usize) -> usize {
        let fit = TILE_ELEMENTS / (2 * self.hidden + self.classes) / MIN_TILE * MIN_TILE;
        let full = if fit < MIN_TILE {
            MIN_TILE
        } else if fit > MAX_TILE {
            MAX_TILE
        } else {
            fit
        };
        if n < full { n } else { full }
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
    pub(crate) fn split<T>(self, flat: &[T]) -> Result<[&[T]; 4], Error> {
        check_len(What::Params, self.param_len(), flat.len())?;
        let [w1, b1, w2, _] = self.block_lens();
        let (w1, rest) = flat.split_at(w1);
        let (b1, rest) = rest.split_at(b1);
        let (w2, b2) = rest.split_at(w2);
        Ok([w1, b1, w2, b2])
    }

    /// Cuts a mutable flat slice into the blocks W1, b1, W2, b2.
    pub(crate) fn split_mut<T>(self, flat: &mut [T]) -> Result<[&mut [T]; 4], Error> {
        check_len(What::Params, self.param_len(), flat.len())?;
        let [w1, b1, w2, _] = self.block_lens();
        let (w1, rest) = flat.split_at_mut(w1);
        let (b1, rest) = rest.split_at_mut(b1);
        let (w2, b2) = rest.split_at_mut(w2);
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
