//! What the net is compared with: naive Bayes, the usual first try, which is linear in the counts and only counts.

use crate::corpus::CLASSES;
use crate::features::{INPUTS, counts};

/// The logarithm of how often a text of each language has each input.
pub struct NaiveBayes {
    weights: Vec<[f32; CLASSES]>,
}

impl NaiveBayes {
    pub fn learn(texts: &[&str], labels: &[u8]) -> Self {
        // One piece more than were seen: what a language was never seen to have it may have all the same.
        let mut weights = vec![[1.0f32; CLASSES]; INPUTS];
        for (text, &label) in texts.iter().zip(labels) {
            for (input, count) in counts(text) {
                weights[usize::from(input)][usize::from(label)] += count;
            }
        }
        for class in 0..CLASSES {
            let all: f32 = weights.iter().map(|row| row[class]).sum();
            weights.iter_mut().for_each(|row| row[class] = (row[class] / all).ln());
        }
        Self { weights }
    }

    /// The likeliest class.
    pub fn predict(&self, text: &str) -> usize {
        let mut scores = [0.0; CLASSES];
        for (input, count) in counts(text) {
            let weights = &self.weights[usize::from(input)];
            scores.iter_mut().zip(weights).for_each(|(score, weight)| *score += count * weight);
        }
        largest(&scores)
    }
}

/// The place of the largest number.
pub fn largest(numbers: &[f32]) -> usize {
    (0..numbers.len()).max_by(|&a, &b| numbers[a].total_cmp(&numbers[b])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_it_has_counted() {
        let naive = NaiveBayes::learn(&["aaa bbb", "xyz xyz"], &[3, 7]);
        assert_eq!([naive.predict("abba"), naive.predict("zyx")], [3, 7]);
        // The logarithms are those of shares.
        let all: f32 = naive.weights.iter().map(|row| row[3].exp()).sum();
        assert!((all - 1.0).abs() < 1e-3, "{all}");
    }
}
