//! The sizes from which on something is done in another way.
//!
//! Each has two values. The first is what pays, and what a program gets. The second is for tests: with
//! `--cfg handgrad_small_limits` in `RUSTFLAGS` nets and batches of up to about 40 in each size take all ways through the
//! code, so that random ones can be tried by the thousand. It is no feature: nobody gets it by turning on all features.

/// What pays, or the value for tests.
const fn either(pays: usize, small: usize) -> usize {
    if cfg!(handgrad_small_limits) { small } else { pays }
}

/// The same of a share of time.
const fn either_share(pays: f32, small: f32) -> f32 {
    if cfg!(handgrad_small_limits) { small } else { pays }
}

/// The widest vector of all instruction sets has so many lanes. Sizes in the scratch are padded to it, so that they do
/// not depend on the machine.
pub(crate) const MAX_LANES: usize = 16;

// How the examples are cut up.

/// Up to so many examples are few: every weight is used a few times only, so nothing is packed. No more than
/// [`MIN_BLOCK`].
pub(crate) const FEW_EXAMPLES: usize = either(8, 3);

/// No chunk has more examples than this: a power of two.
pub(crate) const MAX_CHUNK: usize = either(2048, 16);

/// A chunk holds at most about this many scratch elements, as long as that leaves [`MIN_BLOCK`] examples: 8 MiB of
/// f32, and a little more, so that a thousand hidden units have a thousand examples.
pub(crate) const CHUNK_ELEMENTS: usize = either((1 << 21) + (1 << 16), 400);

/// Of several blocks none but the last has fewer examples than this.
pub(crate) const MIN_BLOCK: usize = either(32, 4);

/// Of several blocks none has more examples than this: a power of two.
pub(crate) const MAX_BLOCK: usize = either(256, 8);

/// Of several blocks each has a multiple of so many examples, but for the last. The limits of blocks are multiples of it.
pub(crate) const BLOCK_UNIT: usize = either(16, 4);

/// So many examples are worked on together between their scores and their score gradients: what is known of each lies on the
/// stack.
pub(crate) const STRIP: usize = either(64, 5);

/// So many examples' gradients are added up plainly before a compensated addition to the sum of all. The error of the
/// gradient's sums over n is therefore bounded by that of such a sum. Fewer would cost time: a compensated addition
/// reads and writes two arrays of all parameters. No less than [`MAX_CHUNK`].
pub(crate) const PLAIN_SUM: usize = either(4096, 16);

/// Sums over classes are formed in parts of so many: their error grows with this and with the number of parts,
/// not with the number of classes.
pub(crate) const CLASSES_AT_ONCE: usize = either(64, 3);

/// Less work than this, in multiply-adds, is done before another thread has woken up.
pub(crate) const WORTH_WAKING: usize = either(1 << 19, 200);

/// So many entries of sparse rows are multiplied together, of so many rows or pieces of rows.
pub(crate) const SPARSE_ENTRIES: usize = either(512, 7);
pub(crate) const SPARSE_PIECES: usize = either(64, 3);

// Where the hidden layer lies, and its weights.

/// From so many hidden units on D is packed: read by columns where it lies, half of each cache line would be read for
/// nothing.
pub(crate) const WIDE: usize = either(128, 20);

/// Up to so many classes D takes the place of Z.
pub(crate) const FEW_CLASSES: usize = either(48, 5);

/// A matrix of so many weights does not stay in the L2 cache.
pub(crate) const LARGE_MATRIX: usize = either(1 << 20, 500);

/// A stride that is a multiple of this many elements would let columns fall into few of the cache's sets.
pub(crate) const FEW_SETS: usize = either(256, 8);

// Products. What belongs to an instruction set is in its `Blocking`, which takes the values for tests from here, too.

/// kc, nc in bytes and mc in tiles for an instruction set.
pub(crate) const fn cut_up(kc: usize, l2_bytes: usize, mc_tiles: usize) -> (usize, usize, usize) {
    (either(kc, 8), either(l2_bytes, 3200), either(mc_tiles, if mc_tiles > 1 { 2 } else { 1 }))
}

/// The registers in a row of a panel and the bytes of a piece for its products without zeros.
pub(crate) const fn cut_up_masked(vecs: usize, l1_bytes: usize) -> (usize, usize) {
    (either(vecs, if vecs < 3 { vecs } else { 3 }), either(l1_bytes, 768))
}

/// No instruction set multiplies more rows of a right factor before the sums are stored.
pub(crate) const MAX_DEPTH: usize = either(800, 8);

/// nc, where a machine has a larger L2 cache than it was measured with: so many eighths of that.
#[cfg(all(feature = "std", target_arch = "x86_64"))]
pub(crate) const L2_EIGHTHS: usize = either(3, 0);

/// The rows of a panel that lies on the stack because the scratch has no room for it: so many, if they are enough, take a
/// small part of the time to clear those of the largest depth.
pub(crate) const fn small_panel(depth: usize) -> usize {
    either(depth, 4)
}

/// Where a row stride of a right factor reaches so far, the rows of a panel would fall into few sets of the L1 cache
/// and each into a page of its own: from here on packing pays.
pub(crate) const FAR_STRIDE: usize = either(256, 24);

/// But not for so few rows of the left factor,
pub(crate) const IN_PLACE_ROWS: usize = either(64, 4);

/// nor for fewer rows of the right one than this.
pub(crate) const IN_PLACE_DEPTH: usize = either(16, 2);

/// The most elements for packed parts of factors, shared by all threads: two can fill a good part of their L2 caches.
pub(crate) const PACK_BUFFER: usize = either(3 << 17, 512);

/// Products of a few examples: rows of up to so many elements are written a part of each after the other. Longer ones would
/// lie in too many pages.
pub(crate) const NARROW: usize = either(256, 20);

// Products without zeros.

/// They take so many rows of a right factor at a time, no more than a mask has bits, and no instruction set more columns of it;
/// and as many rows of the left factor as this, or fewer.
pub(crate) const MASKED_DEPTH: usize = either(64, 5);
pub(crate) const MASKED_COLS: usize = either(128, 48);
pub(crate) const MASKED_ROWS: usize = either(256, 6);

/// Fewer rows of the left factor at a time do not pay for copies of the right one.
pub(crate) const MASKED_MIN_ROWS: usize = either(32, 3);

/// The masks of an instruction set that lie on the stack.
pub(crate) const fn stacked_masks(count: usize) -> usize {
    either(count, 16)
}

/// Of products of fewer terms the zeros are left in.
pub(crate) const MASKED_TERMS: usize = either(1 << 17, 64);

/// What they take beside their terms, in multiply-adds of whole registers: to begin,
pub(crate) const MASKED_BEGIN: f32 = either_share(5000.0, 20.0);

/// for each visit of a row to a piece,
pub(crate) const MASKED_VISIT: f32 = either_share(64.0, 0.5);

/// for each register that is copied, where it lies in memory as it does in the copy and where not,
pub(crate) const MASKED_COPY: [f32; 2] = [either_share(3.0, 0.5), either_share(8.0, 1.0)];

/// and, as a share of all their time, times the depth, for sums that have to be transposed.
pub(crate) const MASKED_TRANSPOSED: f32 = either_share(16.0, 1.0);

/// So many rows are masked together where they are the contiguous direction.
pub(crate) const MASKED_GROUP: usize = either(8, 4);

/// Of so many groups of rows, and of so many columns' masks, one is a sample of them all.
pub(crate) const MASKED_SAMPLE: usize = either(8, 2);
