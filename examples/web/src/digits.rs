//! The digits, and sets of them.

use handgrad::{Batch, Error, MatRef};

/// m, the pixels of a digit.
pub const PIXELS: usize = 64;
/// C, the ten digits.
pub const CLASSES: usize = 10;
/// So many come with the repository.
pub const SHIPPED: usize = 1797;

/// Digit after digit: the pixels from 0 to 16, then what it is. (As bytes the module is half as long as with the text.)
static BYTES: [[u8; PIXELS + 1]; SHIPPED] = parse(include_bytes!("../../data/digits.csv"));

/// Reads numbers between commas and ends of lines.
#[allow(long_running_const_eval, reason = "a quarter of a million characters")]
const fn parse(csv: &[u8]) -> [[u8; PIXELS + 1]; SHIPPED] {
    let mut digits = [[0; PIXELS + 1]; SHIPPED];
    let (mut at, mut number) = (0, 0);
    while at < csv.len() {
        match csv[at] {
            digit @ b'0'..=b'9' => {
                let place = &mut digits[number / (PIXELS + 1)][number % (PIXELS + 1)];
                *place = 10 * *place + (digit - b'0');
            }
            b',' | b'\n' => number += 1,
            _ => panic!("digits.csv has numbers, commas and ends of lines only"),
        }
        at += 1;
    }
    assert!(number == SHIPPED * (PIXELS + 1));
    digits
}

/// Up to N labelled digits.
pub struct Digits<const N: usize> {
    x: [[f32; PIXELS]; N],
    labels: [u8; N],
    len: usize,
}

impl<const N: usize> Digits<N> {
    pub const NEW: Self = Self { x: [[0.0; PIXELS]; N], labels: [0; N], len: 0 };

    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Adds a digit. Returns whether there was room.
    pub fn push(&mut self, image: &[f32; PIXELS], label: u8) -> bool {
        let (Some(row), Some(place)) = (self.x.get_mut(self.len), self.labels.get_mut(self.len)) else {
            return false;
        };
        (*row, *place) = (*image, label);
        self.len += 1;
        true
    }

    /// Adds one of those that come with the repository.
    pub fn push_shipped(&mut self, digit: usize) -> bool {
        // 16 is a power of two: the quotients are exact.
        let [pixels @ .., label] = &BYTES[digit % SHIPPED];
        self.push(&pixels.map(|pixel| f32::from(pixel) / 16.0), *label)
    }

    /// Adds a digit of another set.
    pub fn push_from<const M: usize>(&mut self, other: &Digits<M>, digit: usize) -> bool {
        other.x[..other.len].get(digit).is_some_and(|image| self.push(image, other.labels[digit]))
    }

    /// Adds such a number to each pixel.
    pub fn blur(&mut self, mut noise: impl FnMut() -> f32) {
        self.x[..self.len].as_flattened_mut().iter_mut().for_each(|pixel| *pixel += noise());
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn labels(&self) -> &[u8] {
        &self.labels[..self.len]
    }

    /// The pixels of a digit, none if there is no such digit.
    pub fn image(&self, digit: usize) -> &[f32] {
        self.x[..self.len].get(digit).map_or(&[], |row| row)
    }

    /// All of them, one a row.
    pub fn batch(&self) -> Result<Batch<'_, f32, u8>, Error> {
        Batch::new(MatRef::new(self.x[..self.len].as_flattened(), self.len, PIXELS)?, self.labels())
    }
}
