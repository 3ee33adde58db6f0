//! What is decided once for a whole pass, before it runs: how the examples are cut up, which products are somebody
//! else's, where the hidden gradient lies, and how long each part of the scratch is.
//!
//! All of it follows from the sizes, so it is a `const fn` and can be tested without running anything.

use crate::data::Dims;
pub(super) use crate::limits::FEW_CLASSES;
use crate::limits::{
    BLOCK_UNIT, CHUNK_ELEMENTS, FAR_STRIDE, FEW_EXAMPLES, FEW_SETS, LARGE_MATRIX, MASKED_COLS, MASKED_DEPTH,
    MASKED_ROWS, MASKED_TERMS, MAX_BLOCK, MAX_CHUNK, MAX_DEPTH, MAX_LANES, MIN_BLOCK, PACK_BUFFER, PLAIN_SUM,
    WIDE,
};

/// Which products are not the crate's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum External {
    /// None.
    None,
    /// Those of the forward pass: Z = X W1ᵀ and F = A W2ᵀ.
    Forward,
    /// All of them, each over a whole chunk and from the calling thread.
    All,
}

/// Where D = I * (G W2) is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HiddenGrad {
    /// Over Z, element by element: the sums are short, and Z is read when its place is written.
    OverZ,
    /// Over A, which is made of Z again, in Z's place: for products of another's, which can't apply I themselves.
    OverA,
    /// In a place of its own. The panels of D then go where Z was.
    Own,
}

/// The lengths of the parts of the scratch, in the order in which they stand there. What is not needed has length 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lens {
    /// What may be skipped at the beginning, to align the others.
    pub(crate) alignment: usize,
    /// Z, block by block, each as long as the longest.
    pub(crate) z: usize,
    /// A.
    pub(crate) a: usize,
    /// As Z: D, or its panels.
    pub(crate) d: usize,
    /// F, block by block, each class by class. G takes its place.
    pub(crate) f: usize,
    /// W1ᵀ in panels.
    pub(crate) w1_panels: usize,
    /// Copies of parts of right factors.
    pub(crate) pack_buffer: usize,
    /// The low-order parts of the gradient's sums.
    pub(crate) low_order: usize,
}

impl Lens {
    const fn sum(self) -> usize {
        let Self { alignment, z, a, d, f, w1_panels, pack_buffer, low_order } = self;
        alignment + z + a + d + f + w1_panels + pack_buffer + low_order
    }
}

/// The decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// So many examples have their gradients added up before the next ones are looked at.
    pub(crate) chunk: usize,
    /// So many chunks are added up plainly.
    pub(crate) plain_chunks: usize,
    /// So many examples of a chunk are taken through the net at a time.
    pub(crate) block: usize,
    /// So many examples are multiplied by W1, and by W2 on the way back, at a time: a block, or all of a thread's where
    /// the weights come from far or are packed for each product.
    pub(crate) rows_at_once: usize,
    /// How far apart two examples are in Z, A and D.
    pub(crate) hidden_stride: usize,
    /// How far apart the scores of two classes are in a block.
    pub(crate) score_stride: usize,
    /// Whether there are too few examples for packing, and for threads, to pay.
    pub(crate) few_examples: bool,
    /// Whose products they are.
    pub(crate) external: External,
    /// Where D is written.
    pub(crate) hidden_grad: HiddenGrad,
    /// Whether D is packed for its product with X.
    pub(crate) packs_hidden_grad: bool,
    /// The parts of the scratch.
    pub(crate) lens: Lens,
}

impl Layout {
    /// The layout of a pass over `n` examples. With few examples the products of the forward pass are the crate's.
    pub(crate) const fn new(dims: Dims, n: usize, external: External) -> Self {
        match external {
            External::All => Self::in_one_block(dims, n, External::All),
            _ if n <= FEW_EXAMPLES => Self::in_one_block(dims, n, External::None),
            _ => Self::in_blocks(dims, n, external),
        }
    }

    /// Whole chunks: of few examples, or for the products of another's. (No division unless there are several chunks:
    /// those count where all takes a microsecond.)
    const fn in_one_block(dims: Dims, n: usize, external: External) -> Self {
        let (chunk, h, c) = (dims.chunk_len(n), dims.hidden(), dims.classes());
        let hidden_grad = match external {
            External::All => HiddenGrad::OverA,
            _ if c <= FEW_CLASSES => HiddenGrad::OverZ,
            _ => HiddenGrad::Own,
        };
        let plain_chunks = if n > chunk { plain_chunks(dims) } else { 1 };
        Self {
            chunk,
            plain_chunks,
            block: chunk,
            rows_at_once: chunk,
            hidden_stride: h,
            score_stride: chunk,
            few_examples: matches!(external, External::None),
            external,
            hidden_grad,
            packs_hidden_grad: false,
            lens: Lens {
                alignment: 0,
                z: chunk * h,
                a: chunk * h,
                d: if matches!(hidden_grad, HiddenGrad::Own) { chunk * h } else { 0 },
                f: chunk * c,
                w1_panels: 0,
                pack_buffer: 0,
                low_order: low_order(dims, n, chunk, plain_chunks),
            },
        }
    }

    /// Each part of the scratch is a multiple of the widest register, so that all are aligned if one is.
    const fn in_blocks(dims: Dims, n: usize, external: External) -> Self {
        let (chunk, block, plain_chunks) = (dims.chunk_len(n), block_len(dims, n), plain_chunks(dims));
        let (m, h, c) = (dims.inputs(), dims.hidden(), dims.classes());
        let (few_classes, packs_hidden_grad) = (c <= FEW_CLASSES, h >= WIDE);
        // h as far as panels of D fit there (whole tiles of 6 rows, and of 4 or 8, too), and spread.
        let whole = h.next_multiple_of(6).next_multiple_of(MAX_LANES);
        let hidden_stride = spread(if packs_hidden_grad { whole } else { h });
        let (score_stride, in_blocks) = (spread(block), chunk.next_multiple_of(block));
        let is_forward = matches!(external, External::Forward);
        let large = h * m >= LARGE_MATRIX || c * h >= LARGE_MATRIX;
        Self {
            chunk,
            plain_chunks,
            block,
            rows_at_once: if is_forward || large { chunk } else { block },
            hidden_stride,
            score_stride,
            few_examples: false,
            external,
            hidden_grad: if few_classes { HiddenGrad::OverZ } else { HiddenGrad::Own },
            packs_hidden_grad,
            lens: Lens {
                alignment: MAX_LANES,
                z: padded(in_blocks * hidden_stride),
                a: padded(chunk * hidden_stride),
                d: if few_classes && !packs_hidden_grad { 0 } else { padded(in_blocks * hidden_stride) },
                f: padded(in_blocks / block * score_stride * c),
                w1_panels: padded(m * h.next_multiple_of(MAX_LANES)),
                pack_buffer: padded(pack_buffer(dims, chunk, block)),
                low_order: padded(low_order(dims, n, chunk, plain_chunks)),
            },
        }
    }

    /// The layout for sparse rows: nothing is packed of X and W1. The gradient has these dimensions.
    pub(crate) const fn sparse(gradient: Dims, n: usize, external: External) -> Self {
        let mut layout = Self::new(gradient.with_one_input(), n, external);
        layout.lens.w1_panels = 0;
        if layout.lens.low_order > 0 {
            layout.lens.low_order = padded(gradient.param_len());
        }
        layout
    }

    /// Whether everything runs on the calling thread.
    pub(crate) const fn is_serial(&self) -> bool {
        self.few_examples || matches!(self.external, External::All)
    }

    /// Cuts a scratch of [`Dims::scratch_len`] or more into its parts.
    pub(crate) fn cut<'s, T>(&self, mut scratch: &'s mut [T]) -> Scratch<'s, T> {
        let Lens { alignment, z, a, d, f, w1_panels, pack_buffer, low_order } = self.lens;
        // To the next cache line, as far as this part goes: it makes loads faster, and changes nothing.
        let offset = if alignment > 0 { scratch.as_ptr().align_offset(64) } else { 0 };
        scratch = &mut scratch[if offset <= alignment { offset } else { 0 }..];
        let mut take = |len| {
            let (part, rest) = core::mem::take(&mut scratch).split_at_mut(len);
            scratch = rest;
            part
        };
        Scratch {
            hidden: Hidden { z: take(z), a: take(a), d: take(d) },
            f: take(f),
            w1_panels: take(w1_panels),
            pack_buffer: take(pack_buffer),
            low_order: take(low_order),
        }
    }

    /// What of the hidden layer is where once D has been computed.
    pub(crate) fn after_hidden_grad<'s, T>(&self, hidden: Hidden<'s, T>) -> HiddenFactors<'s, T> {
        let Hidden { z, a, d } = hidden;
        match self.hidden_grad {
            HiddenGrad::OverZ => HiddenFactors { a, d: z, d_panels: d },
            HiddenGrad::OverA => HiddenFactors { a: z, d: a, d_panels: d },
            HiddenGrad::Own => HiddenFactors { a, d, d_panels: z },
        }
    }
}

/// The parts of the scratch, as [`Lens`] has them.
pub(crate) struct Scratch<'s, T> {
    pub(crate) hidden: Hidden<'s, T>,
    pub(crate) f: &'s mut [T],
    pub(crate) w1_panels: &'s mut [T],
    pub(crate) pack_buffer: &'s mut [T],
    pub(crate) low_order: &'s mut [T],
}

/// The hidden layer of some examples: what is in these places on the way forward.
pub(crate) struct Hidden<'s, T> {
    pub(crate) z: &'s mut [T],
    pub(crate) a: &'s mut [T],
    pub(crate) d: &'s mut [T],
}

impl<T> Hidden<'_, T> {
    /// The same for a shorter time.
    pub(crate) fn reborrow(&mut self) -> Hidden<'_, T> {
        Hidden { z: self.z, a: self.a, d: self.d }
    }
}

/// The hidden layer of some examples as the gradients need it.
pub(crate) struct HiddenFactors<'s, T> {
    pub(crate) a: &'s mut [T],
    pub(crate) d: &'s mut [T],
    /// Where D goes in panels, if it is packed.
    pub(crate) d_panels: &'s mut [T],
}

impl Dims {
    /// The number of examples in a chunk, after which the weights' gradients are updated: `n` or a constant of these
    /// dimensions between 32 and 2048, whichever is less.
    pub const fn chunk_len(self, n: usize) -> usize {
        if n <= MIN_BLOCK {
            return n;
        }
        let full = between(MIN_BLOCK, CHUNK_ELEMENTS / (2 * self.hidden() + self.classes()), MAX_CHUNK);
        // Several blocks are a power of two of them, so that threads have equal numbers.
        let full = if full > MAX_BLOCK { 1 << full.ilog2() } else { full / BLOCK_UNIT * BLOCK_UNIT };
        if n < full { n } else { full }
    }

    /// The scratch, in elements, that any call of this crate needs for a batch of `n` examples, on any engine.
    ///
    /// With t = [`chunk_len(n)`](Self::chunk_len) examples in a chunk it is t (2h + C): one chunk's
    /// pre-activations (later the hidden gradient), its activations, and its scores (later the score gradient).
    /// With more than 48 classes it is t (3h + C): the hidden gradient has its own place then.
    ///
    /// A batch of more than 8 examples needs that much with 128 hidden units or more, too, for the packed hidden
    /// gradient; a place for the packed W1ᵀ, about hm more; and a buffer for packed parts of the factors of the
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
        // No other layout needs more.
        Layout::new(self, n, External::None).lens.sum()
    }

    /// The scratch, in elements, of a [`Pass`](crate::Pass) over `n` sparse rows ([`Csr`](crate::Csr)): it does not grow with
    /// m up to about 4096 examples. From there on it has the low-order parts of the gradient, so that it is a question of the
    /// gradient's dimensions: those of [`UsedInputs::dims`](crate::UsedInputs::dims) with
    /// [`Pass::used_inputs`](crate::Pass::used_inputs), else those of the net.
    ///
    /// ```
    /// # fn main() -> Result<(), handgrad::Error> {
    /// use handgrad::Dims;
    ///
    /// assert_eq!(Dims::new(1 << 20, 64, 4)?.sparse_scratch_len(32), Dims::new(64, 64, 4)?.sparse_scratch_len(32));
    /// # Ok(())
    /// # }
    /// ```
    pub const fn sparse_scratch_len(self, n: usize) -> usize {
        Layout::sparse(self, n, External::None).lens.sum()
    }
}

/// The number of chunks in a [`PLAIN_SUM`].
const fn plain_chunks(dims: Dims) -> usize {
    between(1, PLAIN_SUM / dims.chunk_len(usize::MAX), PLAIN_SUM)
}

/// All parameters once more, where more than one plain sum is added up.
const fn low_order(dims: Dims, n: usize, chunk: usize, plain_chunks: usize) -> usize {
    if n > chunk && n > plain_chunks * chunk { dims.param_len() } else { 0 }
}

/// The number of examples in a block: few enough to stay in the cache, and of small batches few enough that there is a
/// block for each of several threads.
const fn block_len(dims: Dims, n: usize) -> usize {
    if n <= MIN_BLOCK {
        return n;
    }
    let chunk = dims.chunk_len(n);
    // Blocks of equal size, four of them or a multiple of that.
    let blocks = n.div_ceil(4 * MAX_BLOCK) * 4;
    let even = n.div_ceil(blocks).next_multiple_of(BLOCK_UNIT);
    let even = if even < MIN_BLOCK { MIN_BLOCK } else { even };
    let block = if n > chunk { MAX_BLOCK } else { even };
    if block < chunk { block } else { chunk }
}

/// Copies of parts of right factors: of X, A and W2 as far as they are not read where they lie, and of Aᵀ; each as deep
/// as it is multiplied at a time. Or what the products without zeros need.
const fn pack_buffer(dims: Dims, chunk: usize, block: usize) -> usize {
    let (m, h, c) = (dims.inputs(), dims.hidden(), dims.classes());
    let factors = [(chunk, m), (chunk, h), (c, h), (h, block)];
    let (mut most, mut i) = (0, 0);
    while i < factors.len() {
        let (depth, cols) = factors[i];
        let in_place = i < 3 && cols < FAR_STRIDE && cols % MAX_LANES == 0;
        let depth = if depth < MAX_DEPTH { depth } else { MAX_DEPTH };
        // No overflow: `Dims` are small enough for chunks of more examples than this depth.
        let len = if in_place { 0 } else { depth * cols.next_multiple_of(MAX_LANES) };
        most = between(most, len, PACK_BUFFER);
        i += 1;
    }
    // X W1ᵀ, Dᵀ X and Xᵀ D.
    let products = [(chunk, m, h), (h, chunk, m), (m, chunk, h)];
    i = 0;
    while i < products.len() {
        let (rows, depth, cols) = products[i];
        most = between(most, masked_buffer(rows, depth, cols), PACK_BUFFER);
        i += 1;
    }
    most
}

/// What a product without zeros has its pack buffer for: a piece of its right factor, and sums of some rows. Nothing where it
/// is so small that none pays.
const fn masked_buffer(rows: usize, depth: usize, cols: usize) -> usize {
    let terms = rows.saturating_mul(depth).saturating_mul(cols);
    let width = between(1, cols.next_multiple_of(MAX_LANES), MASKED_COLS);
    let piece = between(0, depth, MASKED_DEPTH);
    if terms < MASKED_TERMS { 0 } else { (piece + between(0, rows, MASKED_ROWS)) * width }
}

/// The next multiple of the widest register.
pub(crate) const fn padded(len: usize) -> usize {
    len.next_multiple_of(MAX_LANES)
}

/// A stride of rows no shorter than this, and not a multiple of many cache lines: columns of such a stride would fall
/// into few of the cache's sets.
const fn spread(len: usize) -> usize {
    if len % FEW_SETS == 0 { len + MAX_LANES } else { len }
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

#[cfg(test)]
mod tests;
