//! What a check leaves to chance, by a seeded generator: it can be replayed.

use num_traits::Float;

use crate::random::{Random, normal, uniform};

/// A generator, and what a check wants of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rng(Random);

impl Rng {
    pub(super) fn new(seed: u64) -> Self {
        Self(Random::new(seed))
    }

    /// An index below `bound`, which is not 0. Its bias, below bound / 2^64, does not matter here.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.0.next_u64()) * bound as u128) >> 64) as usize
    }

    /// A standard normal number.
    pub(super) fn normal<T: Float>(&mut self) -> T {
        let [first, second] = [0; 2].map(|_| uniform(self.0.next_u64()));
        T::from(normal(first, second)).unwrap_or_else(T::one)
    }
}

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

/// The entries of a block, given by its `len` claims, that a sample consists of. O(claims).
fn sample<T: Float>(len: usize, claim: impl Fn(usize) -> T, rng: &mut Rng) -> Entries {
    let mut entries = Entries { chosen: [0; 4 * SAMPLE], len: 0 };
    let mut largest = [0; SAMPLE];
    let mut zeros = [0; SAMPLE];
    let (mut larges, mut zeros_seen) = (0, 0);
    for index in 0..len {
        let size = claim(index).abs();
        let place = largest[..larges].partition_point(|&other| claim(other).abs() >= size);
        if place < SAMPLE {
            larges = SAMPLE.min(larges + 1);
            largest[place..larges].rotate_right(1);
            largest[place] = index;
        }
        if size.is_zero() {
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
        entries.add(rng.below(len));
    }
    entries
}

/// The entries of a block, given by its `len` claims, that are probed: all if there are no more than `limit`, otherwise
/// a sample.
pub(super) fn entries<T: Float, C: Fn(usize) -> T>(
    len: usize,
    claim: C,
    limit: usize,
    rng: &mut Rng,
) -> impl Iterator<Item = usize> + use<T, C> {
    let (all, sampled) = if len <= limit {
        (len, Entries { chosen: [0; 4 * SAMPLE], len: 0 })
    } else {
        (0, sample(len, claim, rng))
    };
    (0..all).chain(sampled.chosen.into_iter().take(sampled.len))
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
            let entries = sample(claims.len(), |index| claims[index], &mut Rng::new(seed));
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
}
