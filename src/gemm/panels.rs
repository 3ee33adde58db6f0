//! How the columns of a right factor are cut into panels.

use core::ops::Range;

use crate::simd::Simd;

/// The panels of a matrix with so many columns, as few as can be: first so many of so many registers, then as
/// many as it takes of one register less, as equal as can be. The last one may be used in part.
pub(super) fn widths<T, S: Simd<T>>(cols: usize) -> [(usize, usize); 2] {
    let vecs = cols.div_ceil(S::LANES);
    if vecs < S::NR_VECS {
        return [(1, vecs), (0, vecs)];
    }
    let panels = vecs.div_ceil(S::NR_VECS);
    let narrow = panels * S::NR_VECS - vecs;
    [(panels - narrow, S::NR_VECS), (narrow, S::NR_VECS - 1)]
}

/// The number of panels of a matrix with so many columns.
pub(crate) fn panels<T, S: Simd<T>>(cols: usize) -> usize {
    cols.div_ceil(S::LANES).div_ceil(S::NR_VECS)
}

/// The columns of a panel.
pub(crate) fn panel<T, S: Simd<T>>(cols: usize, index: usize) -> Range<usize> {
    let [(wide, vecs), (_, fewer)] = widths::<T, S>(cols);
    let start = |index: usize| (wide.min(index) * vecs + index.saturating_sub(wide) * fewer) * S::LANES;
    start(index)..cols.min(start(index + 1))
}

#[cfg(test)]
mod tests;
