//! What the kernels need of an instruction set: its vector registers, and how products are cut up for it.

use crate::kink::Kink;
use crate::limits::{MAX_LANES, cut_up, cut_up_masked};

/// How a product A B is cut up on an instruction set. (mc, nc, kc, mr and nr as in BLIS: a micro-kernel makes mr x nr sums
/// over kc terms; nc columns of B are in the L2 cache, a panel of nr of them in the L1 cache or on its way there.)
#[derive(Clone, Copy)]
pub(crate) struct Blocking {
    /// kc: so many rows of B are multiplied before the sums are stored, enough of them that the stores do not matter.
    pub(crate) kc: usize,
    /// nc in bytes: so much of B is multiplied by all rows of A before the next part is. It stays in the L2 cache.
    pub(crate) l2_bytes: usize,
    /// mc in tiles: so many, one below the other, are multiplied by a panel of B before the next panel is. If it is more
    /// than one, the panel stays in the L1 cache.
    pub(crate) mc_tiles: usize,
    /// So many columns of A are multiplied between two looks at the end.
    pub(crate) unroll: usize,
    /// So many rows of B are prefetched ahead; 0 where that is not worth the instructions.
    pub(crate) prefetch_ahead: usize,
    /// Whether the destination's rows are prefetched one after the other during the product, not all before it.
    pub(crate) spread_prefetch: bool,
    /// Whether the first tile packs the panels of B while it multiplies by them.
    pub(crate) packs_in_tile: bool,
    /// Of products without zeros, the registers in a row of a panel of B: as many sums as hide the latency of a multiply-add, and
    /// no more than there are.
    pub(crate) masked_vecs: usize,
    /// Of such products, the bytes of a piece of a panel. It stays in the L1 cache, beside the sums that pass through it.
    pub(crate) l1_bytes: usize,
}

impl Blocking {
    /// What was measured, or where all limits are small, what goes with them.
    pub(crate) const fn within_limits(self) -> Self {
        let (kc, l2_bytes, mc_tiles) = cut_up(self.kc, self.l2_bytes, self.mc_tiles);
        let (masked_vecs, l1_bytes) = cut_up_masked(self.masked_vecs, self.l1_bytes);
        Self { kc, l2_bytes, mc_tiles, masked_vecs, l1_bytes, ..self }
    }
}

/// An instruction set's vectors of T.
pub(crate) trait Simd<T>: Copy + Send + Sync + 'static {
    /// One register.
    type V: Copy;
    /// The numbers in a register.
    const LANES: usize;
    /// mr, the rows of the largest register tile: 4, 6 or 8.
    const MR: usize;
    /// nr in registers, of the largest register tile: 2 or 3. `MR` x `NR_VECS` sums, `NR_VECS` operands and
    /// a broadcast one fit the registers, and the sums suffice to hide the latency of a multiply-add.
    const NR_VECS: usize;
    /// How products are cut up.
    const BLOCKING: Blocking;
    /// [`Blocking::l2_bytes`], or more where this machine's L2 cache is larger.
    fn l2_bytes(self) -> usize {
        Self::BLOCKING.l2_bytes
    }
    /// A packed panel of the largest depth, for the stack.
    type Panel: AsMut<[T]>;
    /// A shallow one, for a small part of the time that it takes to clear the other.
    type SmallPanel: AsMut<[T]>;
    /// Masks of a product without zeros, for the stack.
    type Masks: AsMut<[u64]>;

    /// A panel of zeros.
    fn panel(self) -> Self::Panel;

    /// A shallow one.
    fn small_panel(self) -> Self::SmallPanel;

    /// Masks without a bit.
    fn masks(self) -> Self::Masks;

    fn splat(self, x: T) -> Self::V;

    /// The first `LANES` elements.
    fn load(self, from: &[T]) -> Self::V;

    /// Overwrites the first `LANES` elements.
    fn store(self, v: Self::V, to: &mut [T]);

    /// Prefetches a cache line that is going to be read. Any address will do: it is a hint.
    fn prefetch(self, from: *const T);

    fn add(self, a: Self::V, b: Self::V) -> Self::V;

    /// a b + c: fused where the instruction set has it.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;

    /// The lanes of a and b in turn, a's first: from the lower half of each, then from the upper half.
    fn zip(self, a: Self::V, b: Self::V) -> (Self::V, Self::V);

    /// v where the unit with pre-activation z has I = 1, else 0.
    fn keep_active(self, kink: Kink, z: Self::V, v: Self::V) -> Self::V;

    /// A bit for each lane, the first one lowest: whether it is not 0. NaN is not.
    fn nonzero(self, v: Self::V) -> u32;

    /// Whether a number that is equal to 0 is nothing else: a dual number may have a derivative there.
    fn has_plain_zeros(self) -> bool {
        true
    }

    /// exp of each element.
    fn exp(self, x: &mut [T]);

    /// log(1 + x) of each element.
    fn ln_1p(self, x: &mut [T]);

    /// Runs `f` as code for this instruction set, if it is inlined.
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R;
}

/// Transposes the square of the first `LANES` registers: a perfect shuffle of its rows for each time that
/// their number can be halved.
#[inline(always)]
pub(crate) fn transpose<T, S: Simd<T>>(simd: S, mut rows: [S::V; MAX_LANES]) -> [S::V; MAX_LANES] {
    for _ in 0..S::LANES.ilog2() {
        let before = rows;
        for i in 0..S::LANES / 2 {
            (rows[2 * i], rows[2 * i + 1]) = simd.zip(before[i], before[i + S::LANES / 2]);
        }
    }
    rows
}

/// The sum of the lanes of the i-th register in lane i, of as many registers as those have lanes: at each level
/// of a tree, two registers' lanes side by side in one.
#[inline(always)]
pub(crate) fn lane_sums<T, S: Simd<T>>(simd: S, mut registers: [S::V; MAX_LANES]) -> S::V {
    for level in 1..=S::LANES.ilog2() {
        let half = S::LANES >> level;
        // Of one length at all levels, so that it is unrolled and the registers stay registers.
        for i in 0..S::LANES / 2 {
            if i < half {
                let (low, high) = simd.zip(registers[i], registers[i + half]);
                registers[i] = simd.add(low, high);
            }
        }
    }
    registers[0]
}
