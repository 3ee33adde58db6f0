//! The parts that the work on a chunk can be cut into, for threads: some panels of W1, some examples, some rows of the
//! weights' gradients. Parts write to different places, and no sum is cut.

use core::ops::Range;

use num_traits::Float;

use super::layout::Hidden;
use super::outputs::Outputs;
use crate::data::{Inputs, MatMut, MatRef, ParamsMut};
use crate::kernels::scaled::Scaled;
use crate::limits::MAX_LANES;

/// What part of the work the first of two tasks gets: that of so many of all threads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub(crate) threads: usize,
    pub(crate) of: usize,
}

impl Share {
    /// So many of `count` pieces, rounded down, but at least one if there are two.
    pub(crate) fn of(self, count: usize) -> usize {
        // In whole shares and the rest: a product with the count could overflow.
        let (whole, rest) = (count / self.of * self.threads, count % self.of * self.threads / self.of);
        if count < 2 { 0 } else { (whole + rest).max(1) }
    }

    /// Cuts a buffer in two, the first with this share of it, in whole registers.
    pub(crate) fn cut<T>(self, buffer: &mut [T]) -> (&mut [T], &mut [T]) {
        buffer.split_at_mut(self.of(buffer.len() / MAX_LANES) * MAX_LANES)
    }
}

/// Where the first one of some examples stands.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// Its number in the batch.
    pub(crate) first: usize,
    /// Its row in the outputs of a part.
    pub(crate) row: usize,
}

/// Some panels of W1ᵀ, to be packed.
pub(crate) struct PanelsPart<'a, T> {
    pub(crate) w1: MatRef<'a, T>,
    pub(crate) panels: Range<usize>,
    pub(crate) data: &'a mut [T],
}

impl<T> PanelsPart<'_, T> {
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

/// What is found of a block of examples on the way forward.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Finding<T> {
    /// The sum of the losses.
    pub(crate) loss: Scaled<T>,
    /// Whether all inputs are finite, as far as a pre-activation tells: it is not finite if one of its terms is not.
    pub(crate) has_finite_inputs: bool,
}

/// Some examples of a chunk, on their way through the net and back: whole blocks.
pub(crate) struct ExamplesPart<'a, T> {
    /// The number of the first one in the batch.
    pub(crate) first: usize,
    /// X, t × m: the caller's.
    pub(crate) x: Inputs<'a, T>,
    /// W1ᵀ in panels, where that pays.
    pub(crate) w1_panels: Option<&'a [T]>,
    /// Z, A and D, t × h, Z and D padded to whole blocks.
    pub(crate) hidden: Hidden<'a, T>,
    /// F, block by block, each class by class; G takes its place.
    pub(crate) f: &'a mut [T],
    /// P and the weights, as [`keep`](crate::kernels::softmax::Strip::keep) has them, or empty.
    pub(crate) kept: &'a mut [T],
    /// What is found of each block.
    pub(crate) findings: &'a mut [Finding<T>],
    /// For packed parts of factors.
    pub(crate) pack_buffer: &'a mut [T],
    pub(crate) out: Outputs<'a, T>,
    /// The first one's row in `out`.
    pub(crate) row: usize,
}

impl<T: Float> ExamplesPart<'_, T> {
    pub(crate) fn len(&self) -> usize {
        self.x.rows()
    }

    /// The same for a shorter time.
    pub(crate) fn reborrow(&mut self) -> ExamplesPart<'_, T> {
        ExamplesPart {
            hidden: self.hidden.reborrow(),
            f: self.f,
            kept: self.kept,
            findings: self.findings,
            pack_buffer: self.pack_buffer,
            out: self.out.reborrow(),
            ..*self
        }
    }

    /// Two parts of whole blocks, the first with this share of them; only one if there are no two blocks or
    /// the outputs do not allow it.
    pub(crate) fn cut(self, block: usize, share: Share) -> (Self, Option<Self>) {
        let (all, rows) = (self.findings.len(), self.len());
        let blocks = share.of(all);
        if blocks == 0 || !self.out.can_split() {
            return (self, None);
        }
        let at = blocks * block;
        // The last block of these is padded to a whole one, so that all blocks are of one length.
        let [z, d, f, kept] = [self.hidden.z, self.hidden.d, self.f, self.kept].map(|part| {
            let len = part.len() / all;
            part.split_at_mut(blocks * len)
        });
        let width = self.hidden.a.len() / rows;
        let a = self.hidden.a.split_at_mut(at * width);
        let (findings, pack_buffer) = (self.findings.split_at_mut(blocks), share.cut(self.pack_buffer));
        let out = self.out.split(self.row + at);
        let first = Self {
            first: self.first,
            x: self.x.row_range(0..at),
            w1_panels: self.w1_panels,
            hidden: Hidden { z: z.0, a: a.0, d: d.0 },
            f: f.0,
            kept: kept.0,
            findings: findings.0,
            pack_buffer: pack_buffer.0,
            out: out.0,
            row: self.row,
        };
        let second = Self {
            first: self.first + at,
            x: self.x.row_range(at..rows),
            w1_panels: self.w1_panels,
            hidden: Hidden { z: z.1, a: a.1, d: d.1 },
            f: f.1,
            kept: kept.1,
            findings: findings.1,
            pack_buffer: pack_buffer.1,
            out: out.1,
            row: 0,
        };
        (first, Some(second))
    }
}

/// Some rows of the weights' gradients.
pub(crate) struct GradsPart<'a, T> {
    pub(crate) hidden: Range<usize>,
    pub(crate) w1: MatMut<'a, T>,
    pub(crate) b1: &'a mut [T],
    pub(crate) classes: Range<usize>,
    /// `None` if there are no classes in this part.
    pub(crate) w2: Option<MatMut<'a, T>>,
    pub(crate) b2: &'a mut [T],
    /// For packed parts of factors.
    pub(crate) pack_buffer: &'a mut [T],
}

impl<'a, T> GradsPart<'a, T> {
    pub(crate) fn all(grad: ParamsMut<'a, T>, pack_buffer: &'a mut [T]) -> Self {
        let ParamsMut { dims, w1, b1, w2, b2 } = grad;
        Self { hidden: 0..dims.hidden(), w1, b1, classes: 0..dims.classes(), w2: Some(w2), b2, pack_buffer }
    }

    /// Two parts, of whole register tiles of so many of W1's rows, the first with this share of them; only one if
    /// there are no two or the strides do not allow it.
    pub(crate) fn cut(self, tile_rows: usize, share: Share) -> (Self, Option<Self>) {
        let rows = share.of(self.hidden.len().div_ceil(tile_rows)) * tile_rows;
        let can_split = self.w1.can_split() && self.w2.as_ref().is_none_or(MatMut::can_split);
        if rows == 0 || rows >= self.hidden.len() || !can_split {
            return (self, None);
        }
        let (w1, b1) = (self.w1.split_rows(rows), self.b1.split_at_mut(rows));
        let hidden = halves(self.hidden, rows);
        let rows = share.of(self.classes.len());
        let (w2, b2) = (split_rows(self.w2, rows), self.b2.split_at_mut(rows));
        let classes = halves(self.classes, rows);
        let pack_buffer = share.cut(self.pack_buffer);
        let first = Self {
            hidden: hidden.0,
            w1: w1.0,
            b1: b1.0,
            classes: classes.0,
            w2: w2.0,
            b2: b2.0,
            pack_buffer: pack_buffer.0,
        };
        let second = Self {
            hidden: hidden.1,
            w1: w1.1,
            b1: b1.1,
            classes: classes.1,
            w2: w2.1,
            b2: b2.1,
            pack_buffer: pack_buffer.1,
        };
        (first, Some(second))
    }
}

/// The first so many of a range, and the others.
fn halves(range: Range<usize>, first: usize) -> (Range<usize>, Range<usize>) {
    let middle = range.start + first;
    (range.start..middle, middle..range.end)
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

#[cfg(test)]
mod tests;
