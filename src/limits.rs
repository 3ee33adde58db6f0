//! The few numbers that two layers must agree on.

/// The widest vector of all instruction sets has so many lanes. Sizes in the scratch are padded to it, so that they do
/// not depend on the machine.
pub(crate) const MAX_LANES: usize = 16;

/// No instruction set multiplies more rows of a right factor before the sums are stored.
pub(crate) const MAX_DEPTH: usize = 800;

/// Where a row stride of a right factor reaches so far, the rows of a panel would fall into few sets of the L1 cache
/// and each into a page of its own: from here on packing pays.
pub(crate) const FAR_STRIDE: usize = 256;

/// Up to so many examples are few: every weight is used a few times only, so nothing is packed.
pub(crate) const FEW_EXAMPLES: usize = 8;

/// No chunk has more examples than this.
pub(crate) const MAX_CHUNK: usize = 2048;

/// The most elements for packed parts of factors, shared by all threads: two can fill a good part of their L2 caches.
pub(crate) const PACK_BUFFER: usize = 3 << 17;

/// Products without zeros take so many rows of a right factor at a time, one for each bit of a mask, and no instruction set more
/// columns of it; and as many rows of the left factor as this, or fewer.
pub(crate) const MASKED_DEPTH: usize = 64;
pub(crate) const MASKED_COLS: usize = 128;
pub(crate) const MASKED_ROWS: usize = 256;
