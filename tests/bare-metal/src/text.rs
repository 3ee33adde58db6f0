//! Numbers as text. `core::fmt` would bring more code than the kernels have.

use crate::digits::Number;
use crate::platform::print;

/// Text from right to left.
struct Line {
    bytes: [u8; 16],
    len: usize,
}

impl Line {
    const NEW: Self = Self { bytes: [b' '; 16], len: 0 };

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.iter_mut().rev().nth(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    fn print(&self) {
        let text = self.bytes.get(self.bytes.len().saturating_sub(self.len)..);
        print(text.and_then(|text| core::str::from_utf8(text).ok()).unwrap_or_default());
    }
}

/// In decimal digits, with a point before the last `places` of them.
fn fixed(mut n: u32, places: usize) {
    let mut line = Line::NEW;
    while n > 0 || line.len <= places + usize::from(places > 0) {
        if places > 0 && line.len == places {
            line.push(b'.');
        }
        line.push(b'0' + (n % 10) as u8);
        n /= 10;
        if n == 0 && places == 0 {
            break;
        }
    }
    line.print();
}

pub fn decimal(n: usize) {
    fixed(u32::try_from(n).unwrap_or(u32::MAX), 0);
}

/// A number from 0 to 4000 to six places.
pub fn float(x: Number) {
    fixed((x * 1e6 + 0.5) as u32, 6);
}

pub fn bits(x: Number) {
    let mut line = Line::NEW;
    for digit in 0..2 * size_of::<Number>() {
        let nibble = (x.to_bits() >> (4 * digit)) as u8 & 15;
        line.push(if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble });
    }
    line.print();
}
