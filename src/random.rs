//! A small seeded generator: what is left to chance can be had again, and needs no dependency.

/// SplitMix64: a counter through a mixing function. Every seed is as good as any other, and the numbers are the same on every
/// machine. Not for secrets.
#[derive(Clone, Copy, Debug)]
pub struct Random(u64);

impl Random {
    /// The generator with this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// A number in (0, 1] from 64 random bits.
pub(crate) fn uniform(bits: u64) -> f64 {
    ((bits >> 11) + 1) as f64 / (1u64 << 53) as f64
}

/// A standard normal number from two numbers in (0, 1] (Box and Muller's method).
pub(crate) fn normal(first: f64, second: f64) -> f64 {
    use num_traits::Float;
    Float::sqrt(-2.0 * Float::ln(first)) * Float::cos(core::f64::consts::TAU * second)
}
