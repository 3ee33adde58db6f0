//! The pieces of a probe: which entries, at what scale, where the ends of a step are, what is claimed for it.

use num_traits::Float;

use super::ladder::real;
use super::rng::Rng;

/// Of a block with too many entries to try all, so many of the largest claims are tried, as many that claim 0,
/// and twice as many at random.
const SAMPLE: usize = 8;

/// Entries of a block.
struct Entries {
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

    fn as_slice(&self) -> &[usize] {
        &self.chosen[..self.len]
    }
}

/// The entries of a block, given by its claims, that a sample consists of. O(claims).
fn sample<T: Float>(claims: &[T], rng: &mut Rng) -> Entries {
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

/// The entries of a block, given by its claims, that are probed: all if there are no more than `limit`, otherwise a
/// sample.
pub(super) fn entries<T: Float>(
    claims: &[T],
    limit: usize,
    rng: &mut Rng,
) -> impl Iterator<Item = usize> + use<T> {
    let (all, sampled) = if claims.len() <= limit {
        (claims.len(), Entries { chosen: [0; 4 * SAMPLE], len: 0 })
    } else {
        (0, sample(claims, rng))
    };
    (0..all).chain(sampled.chosen.into_iter().take(sampled.len))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Of 1000 claims, 102 of them 0: the 8 largest always, each zero in 8 of 102 samples and by chance in some more,
    /// any other only by chance.
    #[test]
    fn samples() {
        let claims: Vec<f64> =
            (0..1000).map(|i| if i % 10 == 3 { 0.0 } else { f64::from(i % 997) }).collect();
        let (mut counts, seeds) = ([0u32; 1000], 4000);
        for seed in 0..seeds {
            let entries = sample(&claims, &mut Rng::new(seed));
            let mut sorted = entries.as_slice().to_vec();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), entries.as_slice().len(), "each of them once");
            assert!((24..=32).contains(&sorted.len()));
            sorted.into_iter().for_each(|index| counts[index] += 1);
        }
        let share = |index: usize| f64::from(counts[index]) / seeds as f64;
        for index in 0..1000 {
            let expected = if (988..997).contains(&index) && index != 993 {
                1.0..1.001
            } else if claims[index] == 0.0 {
                0.07..0.125
            } else {
                0.005..0.03
            };
            assert!(expected.contains(&share(index)), "{index}: {}", share(index));
        }
    }

    /// Both ends are equally far wherever numbers allow it, and nearly so elsewhere.
    #[test]
    fn displacements() {
        let mut rng = Rng::new(1);
        for _ in 0..1000 {
            let (x, wish) = (rng.normal::<f64>(), 0.01 * rng.normal::<f64>());
            let (step, right, left) = displace(x, wish);
            assert_eq!((right - x, x - left), (step, step), "{x}, {wish}");
            assert!((step - wish).abs() <= f64::EPSILON * 2.0 * x.abs(), "{x}, {wish}");
        }
        let (step, right, left) = displace(1e-20, 0.1);
        assert_eq!((step, right, left), (0.1, 0.1, -0.1));
    }

    #[test]
    fn root_mean_squares_and_scales() {
        assert_eq!(rms(&[3.0, -4.0, 0.0, 5.0]), 12.5f64.sqrt());
        assert_eq!(rms(&[1e300; 4]), 1e300);
        assert_eq!(rms(&[0.0; 3]), 0.0);
        assert_eq!([scale(3.0, 1.0), scale(-0.1, 5.0), scale(0.0, 0.0)], [4.0, 4.0, 1.0]);
        assert_eq!(scale(f64::from_bits(3), 0.0), f64::from_bits(3));
    }

    /// 2^53 + 1 - 2^53, term by term of which a plain sum loses the 1; and a product with 106 digits.
    #[test]
    fn a_dot_product_in_twice_the_precision() {
        let mut dot = Dot::new();
        let big = 2f64.powi(53);
        [big, 1.0, -big].into_iter().for_each(|term| dot.add(term, 1.0));
        assert_eq!((dot.value(), dot.magnitude()), (1.0, 2.0 * big));
        let mut dot = Dot::new();
        let near = 1.0 + f64::EPSILON;
        dot.add(near, near);
        dot.add(-1.0, 1.0 + 2.0 * f64::EPSILON);
        assert_eq!(dot.value(), f64::EPSILON * f64::EPSILON);
    }
}
