//! A small seeded generator, so that a check can be replayed and needs no dependency.

use num_traits::Float;

/// SplitMix64: a counter through a mixing function. Every seed is as good as any other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rng(u64);

impl Rng {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// An index below `bound`, which is not 0. Its bias, below bound / 2^64, does not matter here.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    /// In (0, 1].
    fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    /// A standard normal number (Box and Muller's method).
    pub(super) fn normal<T: Float>(&mut self) -> T {
        let radius = Float::sqrt(-2.0 * Float::ln(self.uniform()));
        let angle = core::f64::consts::TAU * self.uniform();
        T::from(radius * Float::cos(angle)).unwrap_or_else(T::one)
    }
}
