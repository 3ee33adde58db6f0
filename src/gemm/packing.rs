//! Copies of parts of matrices in the order in which register tiles read them.

use core::ops::Range;

use num_traits::Float;

use super::blocked::panel;
use crate::matrix::MatRef;
use crate::simd::{self, MAX_LANES, Simd};

/// So many rows of B are asked for ahead while it is copied: each may lie in a page of its own.
const AHEAD: usize = 16;

/// Packs some panels of a right factor, each row by row, and padded to whole registers.
pub(crate) fn pack<T: Float, S: Simd<T>>(simd: S, b: MatRef<'_, T>, panels: Range<usize>, data: &mut [T]) {
    let first = panel::<T, S>(b.cols(), panels.start).start;
    for index in panels {
        let cols = panel::<T, S>(b.cols(), index);
        let (start, width) = (cols.start - first, cols.len().next_multiple_of(S::LANES));
        copy(simd, b, 0..b.rows(), cols, width, &mut data[start * b.rows()..]);
    }
}

/// Packs Aᵀ as one segment of a left factor A: panels as wide as the largest register tile is
/// high, the last one padded.
pub(crate) fn pack_left<T: Float, S: Simd<T>>(simd: S, at: MatRef<'_, T>, segment: usize, data: &mut [T]) {
    for col in (0..at.cols()).step_by(S::ROWS) {
        let cols = col..at.cols().min(col + S::ROWS);
        copy(simd, at, 0..at.rows(), cols, S::ROWS, &mut data[col * segment..]);
    }
}

/// Copies a part of B into a panel of rows of this width; what is wider than the part becomes 0.
pub(super) fn copy<T: Float, S: Simd<T>>(
    simd: S,
    b: MatRef<'_, T>,
    rows: Range<usize>,
    cols: Range<usize>,
    width: usize,
    panel: &mut [T],
) {
    let (row_stride, col_stride) = (b.row_stride(), b.col_stride());
    let from = &b.as_slice()[rows.start * row_stride + cols.start * col_stride..];
    let panel = &mut panel[..rows.len() * width];
    simd.vectorize(
        #[inline(always)]
        || {
            if col_stride == 1 {
                let whole = cols.len() / S::LANES * S::LANES;
                for (p, row) in panel.chunks_exact_mut(width).enumerate() {
                    let from = &from[p * row_stride..][..cols.len()];
                    for lane in (0..whole).step_by(S::LANES) {
                        simd.prefetch(from.as_ptr().wrapping_add(AHEAD * row_stride + lane));
                        simd.store(simd.load(&from[lane..]), &mut row[lane..]);
                    }
                    let (rest, padding) = row[whole..].split_at_mut(cols.len() - whole);
                    rest.copy_from_slice(&from[whole..]);
                    padding.fill(T::zero());
                }
            } else {
                // By columns, because those are contiguous if rows are not, and several at a time, because
                // those are contiguous in the panel.
                for j in (0..width).step_by(S::LANES) {
                    let some = S::LANES.min(cols.len().saturating_sub(j));
                    let from = if some > 0 { &from[j * col_stride..] } else { &[] };
                    if some == S::LANES && row_stride == 1 {
                        transpose(simd, from, col_stride, rows.len(), &mut panel[j..], width);
                        continue;
                    }
                    for (p, row) in panel.chunks_exact_mut(width).enumerate() {
                        let (row, padding) = row[j..width.min(j + S::LANES)].split_at_mut(some);
                        let columns = row.iter_mut().enumerate();
                        columns.for_each(|(i, to)| *to = from[p * row_stride + i * col_stride]);
                        padding.fill(T::zero());
                    }
                }
            }
        },
    );
}

/// Copies as many contiguous columns as a register has lanes, of `depth` elements and `col_stride` apart, to
/// rows of `width`.
#[inline(always)]
fn transpose<T: Float, S: Simd<T>>(
    simd: S,
    from: &[T],
    col_stride: usize,
    depth: usize,
    to: &mut [T],
    width: usize,
) {
    let column = |j: usize| &from[j * col_stride..][..depth];
    let whole = depth / S::LANES * S::LANES;
    for p in (0..whole).step_by(S::LANES) {
        let mut square = [simd.splat(T::zero()); MAX_LANES];
        for j in 0..S::LANES {
            square[j] = simd.load(&column(j)[p..]);
        }
        square = simd::transpose(simd, square);
        for i in 0..S::LANES {
            simd.store(square[i], &mut to[(p + i) * width..]);
        }
    }
    for p in whole..depth {
        let to = &mut to[p * width..][..S::LANES];
        to.iter_mut().enumerate().for_each(|(j, to)| *to = column(j)[p]);
    }
}
