//! How the columns of a right factor are cut into panels.

use core::ops::Range;

use crate::simd::Simd;

/// So many numbers take this memory. (A type may take none.)
pub(super) fn numbers_in<T>(bytes: usize) -> usize {
    bytes / size_of::<T>().max(1)
}

/// The panels of a matrix with so many columns, none of more than `most` registers in a row, as few as can be and as equal: first
/// so many of so many registers, then as many as it takes of one register less. The last one may be used in part.
pub(super) fn widths<T, S: Simd<T>>(cols: usize, most: usize) -> [(usize, usize); 2] {
    let vecs = cols.div_ceil(S::LANES);
    let panels = vecs.div_ceil(most);
    let (wide, rest) = (vecs.div_ceil(panels), vecs % panels);
    let wider = if rest == 0 { panels } else { rest };
    [(wider, wide), (panels - wider, (wide - 1).max(1))]
}

/// The number of panels of a matrix with so many columns.
pub(crate) fn panels<T, S: Simd<T>>(cols: usize, most: usize) -> usize {
    cols.div_ceil(S::LANES).div_ceil(most)
}

/// The columns of a panel.
pub(crate) fn panel<T, S: Simd<T>>(cols: usize, most: usize, index: usize) -> Range<usize> {
    let [(wide, vecs), (_, fewer)] = widths::<T, S>(cols, most);
    let start = |index: usize| (wide.min(index) * vecs + index.saturating_sub(wide) * fewer) * S::LANES;
    start(index)..cols.min(start(index + 1))
}

#[cfg(test)]
mod tests;
