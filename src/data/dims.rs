//! The sizes of a net, the flat layout of its parameters, and the length of the scratch.

use super::block::Block;
use crate::error::{Error, What, check_len, product};
use crate::limits::{FAR_STRIDE, FEW_EXAMPLES, MAX_BLOCK, MAX_CHUNK, MAX_DEPTH, MAX_LANES, MIN_BLOCK};

/// A tile holds at most about this many scratch elements, as long as that leaves [`MIN_TILE`] examples: 8 MiB
/// of f32, and a little more, so that a thousand hidden units have a thousand examples.
const TILE_ELEMENTS: usize = (1 << 21) + (1 << 16);

/// A tile holds at least this many examples, unless the batch has fewer: each weight is read and each of
/// their gradients updated once for each tile.
const MIN_TILE: usize = 32;

/// So many examples' gradients are added up plainly, in parts, before a compensated addition to the sum of
/// all. The error of the gradient's sums over n is therefore bounded by that of such a sum. Fewer would cost
/// time: a compensated addition reads and writes two arrays of all parameters.
const GROUP: usize = 4096;

/// From so many hidden units on D is packed: read by columns where it lies, half of each line of the cache would be
/// read for nothing.
const WIDE: usize = 128;

/// The most room for copies of parts of factors, shared by all threads: two can fill a good part of their second caches.
const ROOM: usize = 3 << 17;

/// Up to so many classes D takes the place of Z.
const FEW_CLASSES: usize = 48;

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
        // No less than the scratch of any batch. Each term is below 2^64 * 2^13, so the sum is exact.
        let (m, h, c) = (self.inputs as u128, self.hidden as u128, self.classes as u128);
        let pad = MAX_LANES as u128;
        let params = w1 as u128 + h + w2 as u128 + c;
        let panels = m * (h + pad);
        let tile = MAX_CHUNK as u128 * (3 * (h + pad) + 2 * c + m + pad);
        if params + params + panels + tile + ROOM as u128 + 16 * pad > isize::MAX as u128 {
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
    /// pre-activations (later the hidden gradient), its activations, and its scores (later the score gradient).
    /// With more than 48 classes it is t (3h + C): the hidden gradient has its own place then.
    ///
    /// A batch of more than 8 examples needs that much with 128 hidden units or more, too, for the packed hidden
    /// gradient; a place for the packed W1ᵀ, about hm more; and room for copies of parts of the factors of the
    /// products, up to 393,216 more. A batch of more than about 4096 examples needs
    /// [`param_len`](Self::param_len) more, in which the low-order parts of the gradient's sums are kept. So it
    /// grows with n up to there and is constant from there on.
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
        let [slack, z, a, d, f, w1_panels, room, low] = self.scratch_parts(n);
        slack + z + a + d + f + w1_panels + room + low
    }

    /// The lengths of the parts of the scratch: what may be left out to align the others, Z, A, D, F, the panels
    /// of W1ᵀ, the room for copies, and the low-order parts of the gradient's sums. What is not needed has length 0.
    ///
    /// If anything is packed, each is a multiple of the widest register, so that all are aligned if one is. (If nothing is,
    /// there is no division here: those count where all takes a microsecond.)
    pub(crate) const fn scratch_parts(self, n: usize) -> [usize; 8] {
        let (t, h, c) = (self.tile_len(n), self.hidden, self.classes);
        let few = self.has_few_classes();
        if n <= FEW_EXAMPLES {
            return [0, t * h, t * h, if few { 0 } else { t * h }, t * c, 0, 0, 0];
        }
        let (blocks, width) = (t.next_multiple_of(self.block_len(n)), self.hidden_stride(n));
        let mut parts = [
            MAX_LANES,
            blocks * width,
            t * width,
            if few && !self.packs_hidden_grad() { 0 } else { blocks * width },
            blocks / self.block_len(n) * self.score_stride(n) * c,
            self.inputs * h.next_multiple_of(MAX_LANES),
            self.room_len(n),
            if n > t && n > self.group_tiles() * t { self.param_len() } else { 0 },
        ];
        let mut i = 0;
        while i < parts.len() {
            parts[i] = parts[i].next_multiple_of(MAX_LANES);
            i += 1;
        }
        parts
    }

    /// The room for copies of parts of right factors: of X, A and W2 as far as they are not read where they lie, and of
    /// Aᵀ; each as deep as it is multiplied at a time.
    const fn room_len(self, n: usize) -> usize {
        let (m, h, c) = (self.inputs, self.hidden, self.classes);
        let (t, block) = (self.tile_len(n), self.block_len(n));
        let factors = [(t, m), (t, h), (c, h), (h, block)];
        let (mut room, mut i) = (0, 0);
        while i < factors.len() {
            let (depth, cols) = factors[i];
            let in_place = i < 3 && cols < FAR_STRIDE && cols % MAX_LANES == 0;
            let depth = if depth < MAX_DEPTH { depth } else { MAX_DEPTH };
            // A product of these sizes may overflow; one that is that large fills the room.
            let len = if in_place {
                0
            } else if cols > ROOM / depth {
                ROOM
            } else {
                depth * cols.next_multiple_of(MAX_LANES)
            };
            room = between(room, len, ROOM);
            i += 1;
        }
        room
    }

    /// Whether there are so few classes that D can take the place of Z.
    pub(crate) const fn has_few_classes(self) -> bool {
        self.classes <= FEW_CLASSES
    }

    /// Whether D is packed for the product with X, unless there are too few examples for that.
    pub(crate) const fn packs_hidden_grad(self) -> bool {
        self.hidden >= WIDE
    }

    /// How far apart two examples are in Z, A and D: h, as far as panels of D fit there, and spread.
    pub(crate) const fn hidden_stride(self, n: usize) -> usize {
        if n <= FEW_EXAMPLES {
            return self.hidden;
        }
        // Whole register tiles of 6 rows, and of 4 or 8, too.
        let whole = self.hidden.next_multiple_of(6).next_multiple_of(MAX_LANES);
        spread(if self.packs_hidden_grad() { whole } else { self.hidden })
    }

    /// The number of examples in a tile, after which the weights' gradients are updated: `n` or a constant of
    /// these dimensions between 32 and 2048, whichever is less.
    pub const fn tile_len(self, n: usize) -> usize {
        if n <= MIN_TILE {
            return n;
        }
        let full = between(MIN_TILE, TILE_ELEMENTS / (2 * self.hidden + self.classes), MAX_CHUNK);
        // Several blocks are a power of two of them, so that threads have equal numbers.
        let full = if full > MAX_BLOCK { 1 << full.ilog2() } else { full / 16 * 16 };
        if n < full { n } else { full }
    }

    /// The number of tiles in a [`GROUP`].
    pub(crate) const fn group_tiles(self) -> usize {
        between(1, GROUP / self.tile_len(usize::MAX), GROUP)
    }

    /// The number of examples in a block, which one thread takes through the net and back at a time: few
    /// enough to stay in the cache, and of small batches few enough that there is a block for each of several
    /// threads.
    pub(crate) const fn block_len(self, n: usize) -> usize {
        if n <= MIN_BLOCK {
            return n;
        }
        let tile = self.tile_len(n);
        // Blocks of equal size, four of them or a multiple of that.
        let blocks = n.div_ceil(4 * MAX_BLOCK) * 4;
        let even = between(MIN_BLOCK, n.div_ceil(blocks), MAX_BLOCK).next_multiple_of(16);
        let block = if n > tile { MAX_BLOCK } else { even };
        if block < tile { block } else { tile }
    }

    /// How far apart the scores of two classes are in a block.
    pub(crate) const fn score_stride(self, n: usize) -> usize {
        spread(self.block_len(n))
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
        let wrong = Error::Length { what: What::Params, expected: self.param_len(), got: flat.len() };
        // Checked cuts, though the length is right: so no panic is left in the program.
        let (w1, rest) = flat.split_at_checked(w1).ok_or(wrong)?;
        let (b1, rest) = rest.split_at_checked(b1).ok_or(wrong)?;
        let (w2, b2) = rest.split_at_checked(w2).ok_or(wrong)?;
        Ok([w1, b1, w2, b2])
    }

    /// Cuts a mutable flat slice into the blocks W1, b1, W2, b2.
    pub(crate) fn split_mut<T>(self, flat: &mut [T]) -> Result<[&mut [T]; 4], Error> {
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

/// A stride of rows no shorter than this, and not a multiple of many lines of the cache: columns of such a
/// stride would fall into few of its sets.
const fn spread(len: usize) -> usize {
    if len % 256 == 0 { len + MAX_LANES } else { len }
}

/// `value`, or the nearer end if it is outside.
const fn between(least: usize, value: usize, most: usize) -> usize {
    if value < least {
        least
    } else if value > most {
        most
    } else {
        value
    }
}
