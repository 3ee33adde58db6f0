//! The scratch of second derivatives: that of a pass, and what lies beside it.

use crate::data::Dims;
use crate::limits::MAX_LANES;
use crate::pass::{External, Layout, padded};

/// The lengths of the parts, in the order in which they stand there.
#[derive(Clone, Copy)]
pub(super) struct Lens {
    /// What may be skipped at the beginning, to align the others.
    alignment: usize,
    kept: usize,
    hidden: [usize; 3],
    f: usize,
    v1_panels: usize,
    /// Of each direction.
    low_order: usize,
}

/// The parts.
pub(super) struct Scratch<'s, T> {
    /// P and the weights of the examples: what a pass keeps of the softmax.
    pub(super) kept: &'s mut [T],
    /// A', D' and the panels of D', or other factors of the hidden layer.
    pub(super) hidden: Hidden<'s, T>,
    /// F', then G'.
    pub(super) f: &'s mut [T],
    /// V1ᵀ in panels.
    pub(super) v1_panels: &'s mut [T],
    /// The low-order parts of the sums, for each direction.
    pub(super) low_order: &'s mut [T],
}

/// The hidden layer's.
pub(super) struct Hidden<'s, T> {
    pub(super) a: &'s mut [T],
    pub(super) d: &'s mut [T],
    pub(super) d_panels: &'s mut [T],
}

impl Lens {
    pub(super) const fn new(dims: Dims, layout: &Layout) -> Self {
        let (chunk, block) = (layout.chunk, layout.block);
        if chunk == 0 {
            return Self { alignment: 0, kept: 0, hidden: [0; 3], f: 0, v1_panels: 0, low_order: 0 };
        }
        let (blocks, c) = (chunk.div_ceil(block), dims.classes());
        let scores = blocks * layout.score_stride;
        let hidden = padded(blocks * block * layout.hidden_stride);
        Self {
            alignment: MAX_LANES,
            kept: padded(scores * (c + 1)),
            hidden: [hidden, hidden, if layout.packs_hidden_grad { hidden } else { 0 }],
            f: padded(scores * c),
            v1_panels: layout.lens.w1_panels,
            low_order: layout.lens.low_order,
        }
    }

    const fn sum(self, directions: usize) -> usize {
        let Self { alignment, kept, hidden: [a, d, d_panels], f, v1_panels, low_order } = self;
        alignment + kept + a + d + d_panels + f + v1_panels + low_order.saturating_mul(directions)
    }

    pub(super) fn cut<T>(self, mut scratch: &mut [T]) -> Scratch<'_, T> {
        // To the next cache line, as far as this part goes: it makes loads faster, and changes nothing.
        let offset = scratch.as_ptr().align_offset(64);
        scratch = &mut scratch[if offset <= self.alignment { offset } else { 0 }..];
        let mut take = |len| {
            let (part, rest) = core::mem::take(&mut scratch).split_at_mut(len);
            scratch = rest;
            part
        };
        let (kept, hidden) = (take(self.kept), self.hidden.map(&mut take));
        let (f, v1_panels) = (take(self.f), take(self.v1_panels));
        let [a, d, d_panels] = hidden;
        Scratch { kept, hidden: Hidden { a, d, d_panels }, f, v1_panels, low_order: scratch }
    }
}

/// The scratch, in elements, that the functions of this module need for a batch of `n` examples and so many
/// directions, on any engine: [`Dims::scratch_len`](Dims::scratch_len), and for a chunk of t examples
/// t (2h + 2C + 1) more, from 128 hidden units on t (3h + 2C + 1), and a second place for packed weights, about hm.
/// Functions without directions take `directions` = 1. A batch of more than about 4096 examples needs
/// [`Dims::param_len`] for each direction besides.
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::curvature::scratch_len;
///
/// let dims = handgrad::Dims::new(64, 32, 10)?;
/// assert!(scratch_len(dims, 100, 1) > dims.scratch_len(100));
/// assert_eq!(scratch_len(dims, 10_000, 1), scratch_len(dims, 1_000_000, 1));
/// # Ok(())
/// # }
/// ```
pub const fn scratch_len(dims: Dims, n: usize, directions: usize) -> usize {
    // No other layout needs more.
    let lens = Lens::new(dims, &Layout::new(dims, n, External::None));
    dims.scratch_len(n).saturating_add(lens.sum(directions))
}
