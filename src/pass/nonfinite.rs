//! Examples that have inputs that are not finite.
//!
//! 0 times NaN is NaN. So where D is 0 because a unit is not active, (12) must have that term; where D is 0 because the
//! example is excluded, it must not.

use num_traits::Float;

use super::objective::Objective;
use crate::data::Inputs;
use crate::limits::MAX_CHUNK;

/// A bit for each example of a chunk, in words of 64.
type Bits = [u64; MAX_CHUNK.div_ceil(64)];

/// Which examples of a chunk have inputs that are not finite.
pub(crate) struct NonFinite {
    excluded: Bits,
    included: Bits,
    has_excluded: bool,
}

impl NonFinite {
    /// `None` if a chunk, which begins with example `first`, has none. O(m) for each example that is excluded, and for each
    /// other one if there are some among those.
    pub(crate) fn find<T: Float>(
        objective: &Objective<'_, T>,
        first: usize,
        x: Inputs<'_, T>,
        included_are_finite: bool,
    ) -> Option<Self> {
        if included_are_finite && !objective.is_weighted() {
            return None;
        }
        let mut found = Self {
            excluded: [0; MAX_CHUNK.div_ceil(64)],
            included: [0; MAX_CHUNK.div_ceil(64)],
            has_excluded: false,
        };
        let mut any = false;
        for row in 0..x.rows() {
            let is_excluded = objective.excludes(first + row);
            if (included_are_finite && !is_excluded) || x.numbers(row).all(T::is_finite) {
                continue;
            }
            any = true;
            found.has_excluded |= is_excluded;
            let bits = if is_excluded { &mut found.excluded } else { &mut found.included };
            bits[row / 64] |= 1 << (row % 64);
        }
        any.then_some(found)
    }

    /// Whether one of them is excluded.
    pub(crate) fn has_excluded(&self) -> bool {
        self.has_excluded
    }

    /// Whether this one of them is excluded.
    pub(crate) fn excludes(&self, row: usize) -> bool {
        self.excluded[row / 64] >> (row % 64) & 1 == 1
    }

    /// Those that are not excluded.
    pub(crate) fn included(&self) -> &[u64] {
        &self.included
    }

    /// Whether zeros of D in this row need not be multiplied.
    pub(crate) fn skips_zeros(&self, row: usize) -> bool {
        self.included[row / 64] >> (row % 64) & 1 == 0
    }

    /// Takes all examples but those that are excluded for such that have inputs that are not finite: the zeros of each of
    /// them are multiplied then.
    pub(crate) fn include_all(mut self) -> Self {
        self.included = self.excluded.map(|excluded| !excluded);
        self
    }
}

// Its examples fill several words: more than a chunk at small limits.
#[cfg(all(test, not(handgrad_small_limits)))]
mod tests;
