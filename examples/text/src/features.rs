//! The hashing trick: texts as sparse rows of counted pieces of words, with no vocabulary to build or to keep.

use std::collections::BTreeMap;

use handgrad::Csr;

/// m. A piece of a word is one of so many inputs: a power of two.
pub const INPUTS: usize = 1 << 12;

/// The lengths of the pieces, in letters.
const PIECES: std::ops::RangeInclusive<usize> = 1..=4;

/// A row for each text, as [`Csr`] has them.
pub struct Features {
    offsets: Vec<usize>,
    indices: Vec<u16>,
    values: Vec<f32>,
}

impl Features {
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut features = Self { offsets: vec![0], indices: Vec::new(), values: Vec::new() };
        for text in texts {
            // So that long texts are no louder than short ones all rows have the same norm, and what is said often counts less
            // each time: a number is the square root of a count.
            let counts = counts(text);
            let norm = counts.values().sum::<f32>().sqrt();
            features.indices.extend(counts.keys());
            features.values.extend(counts.values().map(|count| SIZE * count.sqrt() / norm));
            features.offsets.push(features.indices.len());
        }
        features
    }

    pub fn csr(&self) -> Result<Csr<'_, f32, u16, usize>, handgrad::Error> {
        Csr::new(INPUTS, &self.offsets, &self.indices, &self.values)
    }
}

/// The norm of every row.
const SIZE: f32 = 16.0;

/// How often the pieces of a text's words come, by input: the inputs ascend.
pub fn counts(text: &str) -> BTreeMap<u16, f32> {
    let mut counts = BTreeMap::new();
    let lower = text.to_lowercase();
    for word in lower.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()) {
        // Where a word begins and ends tells as much as a letter.
        let letters: Vec<char> = format!(" {word} ").chars().collect();
        for piece in PIECES.flat_map(|length| letters.windows(length)).filter(|piece| *piece != [' ']) {
            *counts.entry(hash(piece)).or_default() += 1.0;
        }
    }
    counts
}

/// The input of a piece: FNV-1a of its letters, of which the upper bits are the best mixed.
pub fn hash(piece: &[char]) -> u16 {
    let step = |hash: u32, letter: &char| (hash ^ u32::from(*letter)).wrapping_mul(0x0100_0193);
    (piece.iter().fold(0x811c_9dc5, step) >> (u32::BITS - INPUTS.trailing_zeros())) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(letters: &str) -> u16 {
        hash(&letters.chars().collect::<Vec<_>>())
    }

    /// FNV-1a as published hashes "a", "b" and "c" to 0xe40c292c, 0xe70c2de5 and 0xe60c2c52.
    #[test]
    fn the_hash_is_fnv_1a() {
        let expected: [u32; 3] = [0xe40c_292c, 0xe70c_2de5, 0xe60c_2c52];
        assert_eq!(["a", "b", "c"].map(piece), expected.map(|hash| (hash >> 20) as u16));
        // And of more than one letter, "foobar", 0xbf9cf968.
        assert_eq!(piece("foobar"), 0xbf9);
    }

    #[test]
    fn pieces_of_words_are_counted() {
        let expected = [
            ("a", 2.0),
            ("b", 1.0),
            (" a", 2.0),
            ("a ", 1.0),
            ("ab", 1.0),
            ("b ", 1.0),
            (" a ", 1.0),
            (" ab", 1.0),
            ("ab ", 1.0),
            (" ab ", 1.0),
        ];
        let mut sums = BTreeMap::new();
        expected.iter().for_each(|&(letters, count)| *sums.entry(piece(letters)).or_default() += count);
        assert_eq!(counts("A, 1 ab!"), sums);
        assert!(counts("1 2 3 ...").is_empty());
    }

    #[test]
    fn rows_are_of_one_size_and_fit() {
        let features = Features::of(["Hello", "", "a longer text than the first"]);
        let x = features.csr().unwrap();
        assert_eq!((x.rows(), x.cols()), (3, INPUTS));
        let norm = |row: usize| {
            let entries = features.offsets[row]..features.offsets[row + 1];
            features.values[entries].iter().map(|v| v * v).sum::<f32>().sqrt()
        };
        assert!([0, 2].iter().all(|&row| (norm(row) - SIZE).abs() < 1e-4) && norm(1) == 0.0);
    }
}
