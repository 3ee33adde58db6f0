//! The digits, in the image as bytes.

/// m, pixels.
pub const INPUTS: usize = 64;
/// C, digits.
pub const CLASSES: usize = 10;

/// What everything is computed in.
#[cfg(not(feature = "double"))]
pub type Number = f32;
#[cfg(feature = "double")]
pub type Number = f64;

/// Example after example: the pixels from 0 to 16, then the digit.
static BYTES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/digits.bin"));

/// Some of the digits, as numbers.
pub struct Examples<const N: usize> {
    /// One example a row, from 0 to 1.
    pub x: [[Number; INPUTS]; N],
    pub labels: [u8; N],
}

impl<const N: usize> Examples<N> {
    pub const NEW: Self = Self { x: [[0.0; INPUTS]; N], labels: [0; N] };

    /// Reads the examples from `first` on. (16 is a power of two: the quotients are exact.)
    pub fn read(&mut self, first: usize) {
        let examples = BYTES.chunks_exact(INPUTS + 1).skip(first);
        for ((row, label), example) in self.x.iter_mut().zip(&mut self.labels).zip(examples) {
            if let Some((class, pixels)) = example.split_last() {
                *label = *class;
                row.iter_mut().zip(pixels).for_each(|(x, &pixel)| *x = Number::from(pixel) / 16.0);
            }
        }
    }
}
