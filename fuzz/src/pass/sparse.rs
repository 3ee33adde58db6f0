//! The inputs of a case once more, as sparse rows.

use handgrad::Csr;

use crate::bytes::Bytes;
use crate::element::Element;

/// All inputs, zeros among them, so that NaN and infinity have the same company as in the matrix; in any order, and one of each
/// row in two entries that add up to it.
pub struct Sparse<T> {
    cols: usize,
    offsets: Vec<u32>,
    indices: Vec<i16>,
    values: Vec<T>,
}

impl<T: Element> Sparse<T> {
    pub fn new(bytes: &mut Bytes, x: &[T], cols: usize) -> Self {
        let mut rng = fastrand::Rng::with_seed(bytes.seed());
        // What comes before the first row belongs to none.
        let mut rows = Self { cols, offsets: vec![1], indices: vec![-1], values: vec![T::nan()] };
        for row in x.chunks(cols) {
            let mut entries: Vec<(i16, T)> = (0..).zip(row.iter().copied()).collect();
            if rng.bool() {
                let (index, value) = entries[rng.usize(..cols)];
                let half = value / T::of(2.0);
                // Not those that are too small to be halved; infinity is the sum of two.
                if half + half == value {
                    entries[index as usize].1 = half;
                    entries.push((index, half));
                }
                rng.shuffle(&mut entries);
            }
            rows.indices.extend(entries.iter().map(|(index, _)| index));
            rows.values.extend(entries.iter().map(|(_, value)| *value));
            rows.offsets.push(rows.indices.len() as u32);
        }
        rows
    }

    pub fn rows(&self) -> Csr<'_, T, i16, u32> {
        Csr::new(self.cols, &self.offsets, &self.indices, &self.values).unwrap()
    }
}
