//! Which elements of a left factor are not zero: a bit for each.

use core::ops::Range;

use num_traits::Float;

use super::factors::Left;
use crate::data::MatRef;
use crate::limits::{MASKED_DEPTH, MASKED_GROUP as GROUP, MASKED_SAMPLE as SAMPLE};
use crate::simd::Simd;

/// The bits of a mask.
const BITS: usize = u64::BITS as usize;

/// The masks of some rows: bit p is set where the element in column `depth.start` + p is not 0 (NaN is not). The columns,
/// at most [`MASKED_DEPTH`], are of one block.
pub(super) fn masks<T: Float, S: Simd<T>>(
    simd: S,
    a: &Left<'_, T>,
    rows: Range<usize>,
    depth: Range<usize>,
    to: &mut [u64],
) {
    debug_assert!(depth.len() <= MASKED_DEPTH.min(a.col_blocks.rest(depth.start)));
    simd.vectorize(
        #[inline(always)]
        || {
            let mut to = &mut to[..rows.len()];
            let mut row = rows.start;
            while row < rows.end {
                if a.strides.0 == 1 && a.row_blocks.rest(row).min(rows.end - row) >= BITS {
                    let (group, rest) = to.split_at_mut(BITS);
                    let from = &a.data[a.offset(row, depth.start)..];
                    by_squares(simd, from, a.strides.1, depth.len(), group);
                    (to, row) = (rest, row + BITS);
                    continue;
                }
                let count = GROUP.min(rows.end - row).min(a.row_blocks.rest(row));
                let (group, rest) = to.split_at_mut(count);
                let from = &a.data[a.offset(row, depth.start)..];
                if a.strides.0 == 1 {
                    by_columns(from, a.strides.1, depth.len(), group);
                } else {
                    by_rows(simd, from, a.strides, depth.len(), group);
                }
                (to, row) = (rest, row + count);
            }
        },
    );
}

/// As many rows side by side as a mask has bits: the masks of the columns, transposed.
#[inline(always)]
fn by_squares<T: Float, S: Simd<T>>(simd: S, from: &[T], col_stride: usize, depth: usize, to: &mut [u64]) {
    let mut square = [0; BITS];
    for (p, bits) in square.iter_mut().enumerate().take(depth) {
        let column = &from[p * col_stride..][..BITS];
        for row in (0..BITS).step_by(S::LANES) {
            *bits |= u64::from(simd.nonzero(simd.load(&column[row..]))) << row;
        }
    }
    transpose(&mut square);
    to.copy_from_slice(&square);
}

/// Transposes a square of bits: swaps its quarters off the diagonal, then theirs, and so on.
#[inline(always)]
fn transpose(square: &mut [u64; BITS]) {
    let (mut width, mut low) = (BITS / 2, u64::from(u32::MAX));
    while width > 0 {
        for first in (0..BITS).step_by(2 * width) {
            for i in first..first + width {
                let swapped = (square[i] >> width ^ square[i + width]) & low;
                square[i] ^= swapped << width;
                square[i + width] ^= swapped;
            }
        }
        width /= 2;
        low ^= low << width;
    }
}

/// Up to [`GROUP`] rows side by side: their masks grow by a bit with each column.
#[inline(always)]
fn by_columns<T: Float>(from: &[T], col_stride: usize, depth: usize, to: &mut [u64]) {
    to.fill(0);
    // Masks that are no wider than most numbers fill registers as those do.
    for start in (0..depth).step_by(32) {
        let (mut masks, mut bit) = ([0u32; GROUP], 1u32);
        for p in start..depth.min(start + 32) {
            let from = &from[p * col_stride..];
            let mut padded = [T::zero(); GROUP];
            let column = from.first_chunk().unwrap_or_else(|| {
                padded[..from.len()].copy_from_slice(from);
                &padded
            });
            for (mask, &x) in masks.iter_mut().zip(column) {
                *mask |= if x == T::zero() { 0 } else { bit };
            }
            bit = bit.rotate_left(1);
        }
        to.iter_mut().zip(masks).for_each(|(to, mask)| *to |= u64::from(mask) << start);
    }
}

/// One row after the other, in whole registers where they are contiguous.
#[inline(always)]
fn by_rows<T: Float, S: Simd<T>>(
    simd: S,
    from: &[T],
    (row_stride, col_stride): (usize, usize),
    depth: usize,
    to: &mut [u64],
) {
    for (row, mask) in to.iter_mut().enumerate() {
        let from = &from[row * row_stride..];
        *mask = 0;
        if col_stride == 1 && depth >= S::LANES {
            // The last register may begin within the one before: the bits are the same.
            for p in (0..depth).step_by(S::LANES) {
                let p = p.min(depth - S::LANES);
                *mask |= u64::from(simd.nonzero(simd.load(&from[p..]))) << p;
            }
        } else {
            for p in 0..depth {
                *mask |= u64::from(from[p * col_stride] != T::zero()) << p;
            }
        }
    }
}

/// The share of a factor's elements that are not 0, by a sample: of some rows in every 64, some columns.
pub(super) fn density<T: Float, S: Simd<T>>(simd: S, a: &Left<'_, T>) -> f32 {
    let (mut all, mut nonzero) = (0, 0);
    for (index, row) in (0..a.rows).step_by(SAMPLE * GROUP).enumerate() {
        let rows = row..a.rows.min(row + GROUP);
        let first = index % SAMPLE * MASKED_DEPTH;
        for col in (if first < a.depth { first } else { 0 }..a.depth).step_by(SAMPLE * MASKED_DEPTH) {
            let depth = col..a.depth.min(col + MASKED_DEPTH.min(a.col_blocks.rest(col)));
            let mut group = [0; GROUP];
            masks(simd, a, rows.clone(), depth.clone(), &mut group);
            all += rows.len() * depth.len();
            nonzero += group[..rows.len()].iter().map(|mask| mask.count_ones() as usize).sum::<usize>();
        }
    }
    nonzero as f32 / all.max(1) as f32
}

/// Whether 0 times each of these numbers is 0.
pub(crate) fn is_finite<T: Float, S: Simd<T>>(simd: S, matrix: MatRef<'_, T>) -> bool {
    let matrix = if matrix.col_stride() == 1 { matrix } else { matrix.t() };
    simd.vectorize(
        #[inline(always)]
        || {
            (0..matrix.rows()).all(|row| {
                if matrix.col_stride() != 1 {
                    return matrix.row(row).all(T::is_finite);
                }
                let row = &matrix.as_slice()[row * matrix.row_stride()..][..matrix.cols()];
                // All of them: a loop that may end early has no vector instructions.
                row.iter().fold(true, |finite, x| finite & x.is_finite())
            })
        },
    )
}

#[cfg(test)]
mod tests;
