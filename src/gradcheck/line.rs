//! The pieces of a probe: which entries, at what scale, where the ends of a step are, what is claimed for it.

use num_traits::Float;

use super::ladder::real;
use super::rng::Rng;

/// Of a block with too many entries to try all, so many of the largest claims are tried, as many that claim 0,
/// and twice as many at random.
const SAMPLE: usize = 8;

/// Entries of a block.
pub(super) struct Entries {
    chosen: [usize; 4 * SAMPLE],
    len: usize,
}

impl Entries {
    fn add(&mut self, index: usize) {
        if self.len < self.chosen.len() && !self.as_slice().contains(&index) {
            self.chosen[self.len] = index;
            self.len += 1;
        }
    }

    pub(super) fn as_slice(&self) -> &[usize] {
        &self.chosen[..self.len]
    }
}

/// The entries of a block, given by its claims, that a sample consists of. O(claims).
pub(super) fn sample<T: Float>(claims: &[T], rng: &mut Rng) -> Entries {
    let mut entries = Entries { chosen: [0; 4 * SAMPLE], len: 0 };
    let mut largest = [0; SAMPLE];
    let mut zeros = [0; SAMPLE];
    let (mut larges, mut zeros_seen) = (0, 0);
    for (index, claim) in claims.iter().enumerate() {
        let place = largest[..larges].partition_point(|&other| claims[other].abs() >= claim.abs());
        if place < SAMPLE {
            larges = SAMPLE.min(larges + 1);
            largest[place..larges].rotate_right(1);
            largest[place] = index;
        }
        if claim.is_zero() {
            // Each zero stays with the same probability (reservoir sampling).
            let place = if zeros_seen < SAMPLE { zeros_seen } else { rng.below(zeros_seen + 1) };
            if place < SAMPLE {
                zeros[place] = index;
            }
            zeros_seen += 1;
        }
    }
    for &index in largest[..larges].iter().chain(&zeros[..zeros_seen.min(SAMPLE)]) {
        entries.add(index);
    }
    for _ in 0..2 * SAMPLE {
        entries.add(rng.below(claims.len()));
    }
    entries
}

/// The root mean square, without overflow.
pub(super) fn rms<T: Float>(values: &[T]) -> T {
    let largest = values.iter().fold(T::zero(), |max, value| max.max(value.abs()));
    if largest.is_zero() {
        return largest;
    }
    let sum = values.iter().fold(T::zero(), |sum, &value| sum + (value / largest) * (value / largest));
    largest * (sum / real(values.len() as f64)).sqrt()
}

/// The length over which an entry is expected to vary: its own size or that of its block, whichever is more,
/// rounded to a power of two so that most displacements are exact; 1 where all is 0.
pub(super) fn scale<T: Float>(entry: T, block_rms: T) -> T {
    let scale = entry.abs().max(block_rms);
    if scale.is_zero() {
        return T::one();
    }
    let rounded = scale.log2().round().exp2();
    if rounded.is_normal() { rounded } else { scale }
}

/// The displacement that x ± `wish` makes, and both ends: equally far on both sides wherever the numbers around
/// x allow it, so that the claim can be taken for exactly this displacement.
pub(super) fn displace<T: Float>(x: T, wish: T) -> (T, T, T) {
    // The second step takes back what the first one could not represent on the other side.
    let right = x + ((x + wish) - x);
    let move_left = x - (x - (right - x));
    let (right, left) = (x + move_left, x - move_left);
    ((right - left) / (T::one() + T::one()), right, left)
}

/// A sum of products in twice the precision (Ogita, Rump and Oishi's Dot2), and the sum of their magnitudes.
#[derive(Clone, Copy)]
pub(super) struct Dot<T> {
    sum: T,
    low: T,
    magnitude: T,
}

impl<T: Float> Dot<T> {
    pub(super) fn new() -> Self {
        Self { sum: T::zero(), low: T::zero(), magnitude: T::zero() }
    }

    pub(super) fn add(&mut self, a: T, b: T) {
        let product = a * b;
        let product_low = a.mul_add(b, -product);
        let sum = self.sum + product;
        let back = sum - self.sum;
        let sum_low = (self.sum - (sum - back)) + (product - back);
        self.sum = sum;
        self.low = self.low + (product_low + sum_low);
        self.magnitude = self.magnitude + product.abs();
    }

    pub(super) fn magnitude(self) -> T {
        self.magnitude
    }

    pub(super) fn value(self) -> T {
        self.sum + self.low
    }
}
