//! Copies of parts of matrices in the order in which register tiles read them.

use core::ops::Range;

use num_traits::Float;

use super::panels::panel;
use crate::data::MatRef;
use crate::limits::MAX_LANES;
use crate::simd::{self, Simd};

/// So many rows of B are prefetched ahead while it is copied: each may lie in a page of its own.
const AHEAD: usize = 16;

/// Packs some panels of a right factor, of up to so many registers in a row, each row by row, and padded to whole registers.
pub(crate) fn pack<T: Float, S: Simd<T>>(
    simd: S,
    b: MatRef<'_, T>,
    vecs: usize,
    panels: Range<usize>,
    data: &mut [T],
) {
    let first = panel::<T, S>(b.cols(), vecs, panels.start).start;
    for index in panels {
        let cols = panel::<T, S>(b.cols(), vecs, index);
        let (start, width) = (cols.start - first, cols.len().next_multiple_of(S::LANES));
        copy(simd, Submatrix::of(&b, 0..b.rows(), cols), width, &mut data[start * b.rows()..]);
    }
}

/// Packs Aᵀ as a left factor A: panels as wide as the largest register tile is high, `step` apart, the last one
/// padded.
pub(crate) fn pack_left<T: Float, S: Simd<T>>(simd: S, at: MatRef<'_, T>, step: usize, data: &mut [T]) {
    /// So many panels at a time: what of a row lies together in the cache.
    const PANELS: usize = 4;
    let from = at.as_slice();
    for first in (0..at.cols()).step_by(PANELS * S::MR) {
        for p in 0..at.rows() {
            let row = &from[p * at.row_stride()..][..at.cols()];
            simd.prefetch(row.as_ptr().wrapping_add(AHEAD * at.row_stride() + first));
            for (index, from) in row[first..].chunks(S::MR).take(PANELS).enumerate() {
                let to = &mut data[(first / S::MR + index) * step + p * S::MR..][..S::MR];
                if let Some(whole) = from.get(..S::MR) {
                    // Of a length that is known: a few moves, and not a call.
                    to.copy_from_slice(whole);
                } else {
                    let (to, padding) = to.split_at_mut(from.len());
                    to.copy_from_slice(from);
                    padding.fill(T::zero());
                }
            }
        }
    }
}

/// A part of a matrix, from its first element on.
#[derive(Clone, Copy)]
pub(super) struct Submatrix<'a, T> {
    pub(super) data: &'a [T],
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) strides: (usize, usize),
}

impl<'a, T> Submatrix<'a, T> {
    pub(super) fn of(b: &MatRef<'a, T>, rows: Range<usize>, cols: Range<usize>) -> Self {
        let strides = (b.row_stride(), b.col_stride());
        let data = &b.as_slice()[rows.start * strides.0 + cols.start * strides.1..];
        Self { data, rows: rows.len(), cols: cols.len(), strides }
    }
}

/// Copies a part of B into panels of rows of this width, one after the other; what is wider than the part
/// becomes 0.
pub(super) fn copy<T: Float, S: Simd<T>>(simd: S, b: Submatrix<'_, T>, width: usize, to: &mut [T]) {
    let Submatrix { data: from, rows, cols, strides: (row_stride, col_stride) } = b;
    let whole = cols / S::LANES * S::LANES;
    let panel = rows * width;
    let to = &mut to[..cols.div_ceil(width) * panel];
    let place = |j: usize| j / width * panel + j % width;
    simd.vectorize(
        #[inline(always)]
        || {
            if col_stride == 1 {
                // Along the rows, through all panels.
                for p in 0..rows {
                    let from = &from[p * row_stride..][..cols];
                    for (index, from) in from[..whole].chunks(width).enumerate() {
                        let to = &mut to[index * panel + p * width..][..from.len()];
                        for lane in (0..from.len()).step_by(S::LANES) {
                            simd.prefetch(from.as_ptr().wrapping_add(AHEAD * row_stride + lane));
                            simd.store(simd.load(&from[lane..]), &mut to[lane..]);
                        }
                    }
                }
            } else if row_stride == 1 {
                // Columns are contiguous: some at a time, because those are contiguous in the panel.
                for j in (0..whole).step_by(S::LANES) {
                    let (from, to) = (&from[j * col_stride..], &mut to[place(j)..]);
                    match width / S::LANES {
                        1 => transpose::<T, S, 1>(simd, from, rows, col_stride, width, to),
                        2 => transpose::<T, S, 2>(simd, from, rows, col_stride, width, to),
                        3 if S::NR_VECS == 3 => transpose::<T, S, 3>(simd, from, rows, col_stride, width, to),
                        _ => transpose::<T, S, ANY>(simd, from, rows, col_stride, width, to),
                    }
                }
            }
        },
    );
    // What is no whole register, and the padding.
    let first = if col_stride == 1 || row_stride == 1 { whole } else { 0 };
    for j in (first..cols.next_multiple_of(width)).step_by(S::LANES) {
        let to = to[place(j)..].chunks_mut(width).take(rows);
        for (p, to) in to.enumerate() {
            for (to, j) in to[..S::LANES].iter_mut().zip(j..) {
                *to = if j < cols { from[p * row_stride + j * col_stride] } else { T::zero() };
            }
        }
    }
}

/// Where the number of registers in a row is not known when this is compiled.
const ANY: usize = 0;

/// Copies as many contiguous columns as a register has lanes, `col_stride` apart, to rows of this width: of `N` registers,
/// unless that is [`ANY`]. With a width that is known, there is nothing to check for each row.
#[inline(always)]
fn transpose<T: Float, S: Simd<T>, const N: usize>(
    simd: S,
    from: &[T],
    depth: usize,
    col_stride: usize,
    width: usize,
    to: &mut [T],
) {
    let width = if N == ANY { width } else { N * S::LANES };
    // Where registers are shorter, the first ones again: those are not read.
    let columns: [&[T]; MAX_LANES] = core::array::from_fn(|j| &from[j % S::LANES * col_stride..][..depth]);
    let whole = depth / S::LANES * S::LANES;
    for p in (0..whole).step_by(S::LANES) {
        let mut square = [simd.splat(T::zero()); MAX_LANES];
        for j in 0..S::LANES {
            simd.prefetch(columns[j].as_ptr().wrapping_add(p + 4 * S::LANES));
            square[j] = simd.load(&columns[j][p..]);
        }
        square = simd::transpose(simd, square);
        let to = &mut to[p * width..][..(S::LANES - 1) * width + S::LANES];
        for i in 0..S::LANES {
            simd.store(square[i], &mut to[i * width..]);
        }
    }
    for p in whole..depth {
        let to = &mut to[p * width..][..S::LANES];
        to.iter_mut().zip(columns).for_each(|(to, column)| *to = column[p]);
    }
}

#[cfg(test)]
mod tests;
