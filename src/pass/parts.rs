//! What the parts of a pass have in common, and the parts that it can be cut into.

use core::ops::Range;

use num_traits::Float;

use super::excluded::Poisoned;
use super::outputs::Outputs;
use crate::data::{MatMut, MatRef, Params, ParamsMut};
use crate::gemm::Beta;
use crate::kink::Kink;
use crate::limits::MAX_LANES;

/// What holds for all examples of a pass.
#[derive(Clone, Copy)]
pub(crate) struct Plan<'a, T> {
    pub(crate) params: Params<'a, T>,
    pub(crate) kink: Kink,
    /// What the loss of an example counts in the gradient; `None` if no gradient is wanted.
    pub(crate) weight: Option<T>,
    /// N, by which the gradients are divided: those of single examples are not.
    pub(crate) divisor: T,
    /// The largest norm of an example's gradient.
    pub(crate) clip: Option<T>,
    /// The examples of a block: those that one thread takes through the net at a time.
    pub(crate) block: usize,
    /// How far apart two examples are in Z, A and D.
    pub(crate) hidden_stride: usize,
    /// How far apart the scores of two classes are in a block.
    pub(crate) score_stride: usize,
    /// W1ᵀ packed, where that pays.
    pub(crate) w1_panels: Option<&'a [T]>,
}

impl<T> Plan<'_, T> {
    /// Whether D is packed for the product with X.
    pub(crate) fn packs_hidden_grad(&self) -> bool {
        !self.is_direct() && self.params.dims.packs_hidden_grad()
    }

    /// Whether there are so many weights that they do not stay in the second cache.
    pub(crate) fn has_large_weights(&self) -> bool {
        const LARGE: usize = 1 << 20;
        let [w1, _, w2, _] = self.params.dims.block_lens();
        w1.max(w2) >= LARGE
    }

    /// Whether there are too few examples for packing to pay.
    pub(crate) fn is_direct(&self) -> bool {
        self.w1_panels.is_none()
    }
}

/// Some panels of W1ᵀ.
pub(crate) struct Packing<'a, T> {
    pub(crate) w1: MatRef<'a, T>,
    pub(crate) panels: Range<usize>,
    pub(crate) data: &'a mut [T],
}

impl<T> Packing<'_, T> {
    /// Two parts, the first with this share of the panels, if there are two panels. `first` says which row of
    /// W1 a panel begins with.
    pub(crate) fn cut(self, share: Share, first: impl Fn(usize) -> usize) -> (Self, Option<Self>) {
        let Range { start, end } = self.panels;
        let middle = start + share.of(self.panels.len());
        if middle == start {
            return (self, None);
        }
        let data = self.data.split_at_mut((first(middle) - first(start)) * self.w1.cols());
        let part = |panels, data| Self { w1: self.w1, panels, data };
        (part(start..middle, data.0), Some(part(middle..end, data.1)))
    }
}

/// Some examples of a tile, on their way through the net and back: whole blocks.
pub(crate) struct Examples<'a, T> {
    /// The number of the first one in the batch.
    pub(crate) first: usize,
    /// X, t × m: the caller's.
    pub(crate) x: MatRef<'a, T>,
    /// Z, t × h, block by block with room for the panels of D.
    pub(crate) z: &'a mut [T],
    /// A, t × h.
    pub(crate) a: &'a mut [T],
    /// As `z`, or empty: D, or its panels.
    pub(crate) d: &'a mut [T],
    /// F, block by block, each class by class; G takes its place.
    pub(crate) f: &'a mut [T],
    /// The sum of the losses of each block.
    pub(crate) losses: &'a mut [T],
    /// For copies of parts of factors.
    pub(crate) room: &'a mut [T],
    pub(crate) out: Outputs<'a, T>,
    /// The first one's row in `out`.
    pub(crate) row: usize,
}

impl<T: Float> Examples<'_, T> {
    pub(crate) fn len(&self) -> usize {
        self.x.rows()
    }

    /// Two parts of whole blocks, the first with this share of them; only one if there are no two blocks or
    /// the outputs do not allow it.
    pub(crate) fn cut(self, block: usize, share: Share) -> (Self, Option<Self>) {
        let blocks = share.of(self.losses.len());
        if blocks == 0 || !self.out.can_split() {
            return (self, None);
        }
        // All parts are cut in the same ratio, the last block of some being padded to a whole one.
        let (at, rows) = (blocks * block, self.len());
        let all = self.losses.len();
        let [z, d, f] = [self.z, self.d, self.f].map(|part| {
            let len = part.len() / all;
            part.split_at_mut(blocks * len)
        });
        let width = self.a.len() / rows;
        let a = self.a.split_at_mut(at * width);
        let (losses, room) = (self.losses.split_at_mut(blocks), share.cut(self.room));
        let out = self.out.split(self.row + at);
        let first = Self {
            first: self.first,
            x: self.x.row_range(0..at),
            z: z.0,
            a: a.0,
            d: d.0,
            f: f.0,
            losses: losses.0,
            room: room.0,
            out: out.0,
            row: self.row,
        };
        let second = Self {
            first: self.first + at,
            x: self.x.row_range(at..rows),
            z: z.1,
            a: a.1,
            d: d.1,
            f: f.1,
            losses: losses.1,
            room: room.1,
            out: out.1,
            row: 0,
        };
        (first, Some(second))
    }
}

/// What part of the work the first of two tasks gets: that of so many of all threads.
#[derive(Clone, Copy)]
pub(crate) struct Share {
    pub(crate) threads: usize,
    pub(crate) of: usize,
}

impl Share {
    /// So many of `count` pieces, rounded down, but at least one if there are two.
    fn of(self, count: usize) -> usize {
        if count < 2 { 0 } else { (count * self.threads / self.of).max(1) }
    }

    /// Cuts a room in two, the first with this share of it, in whole registers.
    fn cut<T>(self, room: &mut [T]) -> (&mut [T], &mut [T]) {
        room.split_at_mut(self.of(room.len() / MAX_LANES) * MAX_LANES)
    }
}

/// What the weights' gradients are made of: a tile whose examples have been through the net and back.
#[derive(Clone, Copy)]
pub(crate) struct Done<'a, T> {
    pub(crate) x: MatRef<'a, T>,
    pub(crate) a: &'a [T],
    pub(crate) d: &'a [T],
    /// D packed as a left factor, a segment for each block, or empty.
    pub(crate) d_panels: &'a [T],
    /// G, block by block, each class by class.
    pub(crate) g: &'a [T],
    pub(crate) beta: Beta,
    pub(crate) poisoned: Option<&'a Poisoned>,
    /// Whether A, D and G hold squares, and those of X are to be taken.
    pub(crate) squared: bool,
}

/// Some rows of the weights' gradients.
pub(crate) struct Weights<'a, T> {
    pub(crate) hidden: Range<usize>,
    pub(crate) w1: MatMut<'a, T>,
    pub(crate) b1: &'a mut [T],
    pub(crate) classes: Range<usize>,
    /// `None` if there are no classes in this part.
    pub(crate) w2: Option<MatMut<'a, T>>,
    pub(crate) b2: &'a mut [T],
    /// For copies of parts of factors.
    pub(crate) room: &'a mut [T],
}

impl<'a, T> Weights<'a, T> {
    pub(crate) fn all(grad: ParamsMut<'a, T>, room: &'a mut [T]) -> Self {
        let ParamsMut { dims, w1, b1, w2, b2 } = grad;
        Self { hidden: 0..dims.hidden(), w1, b1, classes: 0..dims.classes(), w2: Some(w2), b2, room }
    }

    /// Two parts, of whole register tiles of so many of W1's rows, the first with this share of them; only one if
    /// there are no two or the strides do not allow it.
    pub(crate) fn cut(self, tile: usize, share: Share) -> (Self, Option<Self>) {
        let rows = share.of(self.hidden.len().div_ceil(tile)) * tile;
        let can_split = self.w1.can_split() && self.w2.as_ref().is_none_or(MatMut::can_split);
        if rows == 0 || rows >= self.hidden.len() || !can_split {
            return (self, None);
        }
        let (w1, b1) = (self.w1.split_rows(rows), self.b1.split_at_mut(rows));
        let middle = self.hidden.start + rows;
        let hidden = (self.hidden.start..middle, middle..self.hidden.end);
        let rows = share.of(self.classes.len());
        let (w2, b2) = (split_rows(self.w2, rows), self.b2.split_at_mut(rows));
        let middle = self.classes.start + rows;
        let classes = (self.classes.start..middle, middle..self.classes.end);
        let room = share.cut(self.room);
        let part = |hidden, w1, b1, classes, w2, b2, room| Self { hidden, w1, b1, classes, w2, b2, room };
        (
            part(hidden.0, w1.0, b1.0, classes.0, w2.0, b2.0, room.0),
            Some(part(hidden.1, w1.1, b1.1, classes.1, w2.1, b2.1, room.1)),
        )
    }
}

fn split_rows<T>(view: Option<MatMut<'_, T>>, at: usize) -> (Option<MatMut<'_, T>>, Option<MatMut<'_, T>>) {
    match view {
        Some(view) if at > 0 => {
            let (first, second) = view.split_rows(at);
            (Some(first), Some(second))
        }
        view => (None, view),
    }
}
