//! A part of a chunk's examples, for a thread, on its way along a direction.

use num_traits::Float;

use super::outputs::Tangents;
use super::scratch::Hidden;
use crate::data::Inputs;
use crate::kernels::scaled::Scaled;
use crate::limits::{MAX_CHUNK, MIN_BLOCK};
use crate::pass::{Chunk, Layout, Plan, Share};

/// What is found of a block: sums over its examples.
#[derive(Clone, Copy)]
pub(super) struct Finding<T> {
    pub(super) slope: Scaled<T>,
    pub(super) gauss_newton: Scaled<T>,
    pub(super) hessian: Scaled<T>,
}

impl<T: Float> Finding<T> {
    /// Of no examples.
    pub(super) fn none() -> Self {
        let zero = Scaled::new(T::zero());
        Self { slope: zero, gauss_newton: zero, hessian: zero }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            slope: self.slope.plus(other.slope),
            gauss_newton: self.gauss_newton.plus(other.gauss_newton),
            hessian: self.hessian.plus(other.hessian),
        }
    }
}

/// Some examples of a chunk: whole blocks. What the pass has made of them is there to read.
pub(super) struct Part<'a, T> {
    /// The number of the first one in the batch.
    pub(super) first: usize,
    pub(super) x: Inputs<'a, T>,
    pub(super) z: &'a [T],
    pub(super) a: &'a [T],
    pub(super) kept: &'a [T],
    pub(super) g: &'a [T],
    /// A', D' and its panels, padded to whole blocks.
    pub(super) hidden: Hidden<'a, T>,
    /// F', then G'.
    pub(super) f: &'a mut [T],
    pub(super) findings: &'a mut [Finding<T>],
    pub(super) pack_buffer: &'a mut [T],
    pub(super) out: Tangents<'a, T>,
    /// The first one's row in `out`.
    pub(super) row: usize,
}

/// A chunk has at most so many blocks: what is found of them lies on the stack.
pub(super) const MAX_BLOCKS: usize = MAX_CHUNK / MIN_BLOCK;

impl<'a, T: Float> Part<'a, T> {
    /// A whole chunk. Buffers and findings may be longer than it takes.
    pub(super) fn of(
        plan: &Plan<'_, T>,
        chunk: &'a mut Chunk<'_, T>,
        hidden: &'a mut Hidden<'_, T>,
        f: &'a mut [T],
        findings: &'a mut [Finding<T>],
        out: Tangents<'a, T>,
    ) -> Self {
        let (layout, c) = (&plan.layout, plan.params.b2.len());
        let count = chunk.x.rows().div_ceil(layout.block);
        let in_blocks = count * layout.block * layout.hidden_stride;
        let Hidden { a, d, d_panels } = hidden;
        let d_panels = d_panels.get_mut(..in_blocks).unwrap_or_default();
        Self {
            first: chunk.first,
            x: chunk.x,
            z: chunk.z,
            a: chunk.a,
            kept: chunk.kept,
            g: chunk.g,
            hidden: Hidden { a: &mut a[..in_blocks], d: &mut d[..in_blocks], d_panels },
            f: &mut f[..count * layout.score_stride * c],
            findings: &mut findings[..count],
            pack_buffer: chunk.pack_buffer,
            out,
            row: chunk.first,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.x.rows()
    }

    /// Two parts of whole blocks, the first with this share of them; only one if there are no two blocks or the
    /// outputs do not allow it.
    pub(super) fn cut(self, layout: &Layout, share: Share) -> (Self, Option<Self>) {
        let (all, rows) = (self.findings.len(), self.len());
        let blocks = share.of(all);
        if blocks == 0 || !self.out.can_split() {
            return (self, None);
        }
        let at = blocks * layout.block;
        let read = |data: &'_ [T]| blocks * (data.len() / all);
        let z = self.z.split_at(read(self.z));
        let kept = self.kept.split_at(read(self.kept));
        let g = self.g.split_at(read(self.g));
        let a = self.a.split_at(at * layout.hidden_stride);
        let Hidden { a: a_tangents, d, d_panels } = self.hidden;
        let [a_tangents, d, d_panels, f] = [a_tangents, d, d_panels, self.f].map(|data| {
            let len = data.len() / all;
            data.split_at_mut(blocks * len)
        });
        let findings = self.findings.split_at_mut(blocks);
        let pack_buffer = share.cut(self.pack_buffer);
        let out = self.out.split(self.row + at);
        let first = Self {
            first: self.first,
            x: self.x.row_range(0..at),
            z: z.0,
            a: a.0,
            kept: kept.0,
            g: g.0,
            hidden: Hidden { a: a_tangents.0, d: d.0, d_panels: d_panels.0 },
            f: f.0,
            findings: findings.0,
            pack_buffer: pack_buffer.0,
            out: out.0,
            row: self.row,
        };
        let second = Self {
            first: self.first + at,
            x: self.x.row_range(at..rows),
            z: z.1,
            a: a.1,
            kept: kept.1,
            g: g.1,
            hidden: Hidden { a: a_tangents.1, d: d.1, d_panels: d_panels.1 },
            f: f.1,
            findings: findings.1,
            pack_buffer: pack_buffer.1,
            out: out.1,
            row: 0,
        };
        (first, Some(second))
    }
}
