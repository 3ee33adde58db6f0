//! Excluded examples that have inputs that are not finite.
//!
//! Their row of D is 0, but 0 times NaN is NaN, and X is the caller's: so (12) must do without these rows.

use num_traits::Float;

use super::objective::Objective;
use crate::data::{MatMut, MatRef};
use crate::error::Error;
use crate::gemm::Beta;
use crate::limits::MAX_CHUNK;

/// A bit for each example of a chunk.
pub(crate) struct ExcludedNonFinite {
    bits: [u64; MAX_CHUNK / 64],
}

impl ExcludedNonFinite {
    /// `None` if a chunk, which begins with example `first`, has none. O(m) for each example that is excluded.
    pub(crate) fn find<T: Float>(
        objective: &Objective<'_, T>,
        first: usize,
        x: MatRef<'_, T>,
    ) -> Option<Self> {
        if !objective.is_weighted() {
            return None;
        }
        let mut excluded = Self { bits: [0; MAX_CHUNK / 64] };
        let mut any = false;
        for row in (0..x.rows()).filter(|row| objective.excludes(first + row)) {
            if !x.row(row).all(T::is_finite) {
                excluded.bits[row / 64] |= 1 << (row % 64);
                any = true;
            }
        }
        any.then_some(excluded)
    }

    pub(crate) fn has(&self, row: usize) -> bool {
        (self.bits[row / 64] >> (row % 64)) & 1 == 1
    }

    /// dW1 = Dᵀ X, or what was there and that, as a sum over the runs of other examples.
    pub(crate) fn skip<T: Float>(
        &self,
        dt: MatRef<'_, T>,
        x: MatRef<'_, T>,
        beta: Beta,
        w1: &mut MatMut<'_, T>,
        mut product: impl FnMut(MatRef<'_, T>, MatRef<'_, T>, Beta, MatMut<'_, T>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if beta == Beta::Zero {
            (0..w1.rows()).for_each(|row| w1.row_mut(row).for_each(|w1| *w1 = T::zero()));
        }
        let mut start = 0;
        while start < x.rows() {
            let end = (start..x.rows()).find(|&row| self.has(row)).unwrap_or(x.rows());
            if start < end {
                let d = dt.t().row_range(start..end).t();
                product(d, x.row_range(start..end), Beta::One, w1.reborrow())?;
            }
            start = end + 1;
        }
        Ok(())
    }
}
