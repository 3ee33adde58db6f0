//! Numbers of all kinds.

use crate::bytes::Bytes;
use crate::element::Element;

/// A matrix of numbers, row by row.
pub fn matrix<T: Element>(bytes: &mut Bytes, rows: usize, cols: usize) -> Vec<T> {
    let (kind, zeros) = (bytes.byte(), bytes.byte());
    let mut rng = fastrand::Rng::with_seed(bytes.seed());
    let mut values: Vec<T> = (0..rows * cols).map(|_| T::of(number(&mut rng, kind % 16))).collect();
    let row = usize::from(zeros >> 3);
    for (i, value) in values.iter_mut().enumerate() {
        let (at_row, at_col) = (i / cols, i % cols);
        let is_zero = match zeros % 8 {
            0..3 => false,
            3 => rng.u8(..) < 128,
            4 => rng.u8(..) < 230,
            5 => at_row % 5 == row % 5 || at_row % 7 == row % 7,
            6 => at_col % 3 != row % 3,
            _ => at_row != row % rows,
        };
        if is_zero {
            *value = if rng.u8(..) < 240 { T::zero() } else { -T::zero() };
        }
    }
    if kind >= 192 {
        for _ in 0..1 + bytes.below(3) {
            let place = (bytes.byte() as usize * 256 + bytes.byte() as usize) % values.len();
            values[place] = special(bytes);
        }
    }
    values
}

fn number(rng: &mut fastrand::Rng, kind: u8) -> f64 {
    let sign = if rng.bool() { 1.0 } else { -1.0 };
    match kind {
        // Few bits: sums are exact, and many are 0.
        0..5 => f64::from(rng.i32(-31..32)) / 16.0,
        5..9 => 2.0 * rng.f64() - 1.0,
        9 => f64::from(rng.i32(-1..2)),
        10 => sign * (rng.f64() * 28.0 - 14.0).exp2(),
        11 => sign * (rng.f64() * 8.0).exp2() * 32.0,
        12 => 0.0,
        13 => 1.0 / 16.0,
        // Anything the short types have, and the range of f32.
        14 => sign * (rng.f64() * 290.0 - 155.0).exp2(),
        _ => sign * rng.f64() * (-130.0f64).exp2(),
    }
}

pub fn special<T: Element>(bytes: &mut Bytes) -> T {
    match bytes.below(10) {
        0..3 => T::nan(),
        3 => T::infinity(),
        4 => T::neg_infinity(),
        5 => T::max_value(),
        6 => T::min_value(),
        7 => T::min_positive_value(),
        8 => T::of(T::TINY),
        _ => -T::zero(),
    }
}

/// Weights: not negative, moderate, some of them 0.
pub fn weights<T: Element>(bytes: &mut Bytes, len: usize) -> Vec<T> {
    let (kind, mut rng) = (bytes.byte(), fastrand::Rng::with_seed(bytes.seed()));
    let zeros = [0, 0, 60, 200, 255][usize::from(kind) % 5];
    (0..len)
        .map(|_| match (rng.u8(..) < zeros, kind & 128 == 0) {
            (true, _) => T::zero(),
            (false, true) => T::one(),
            (false, false) => T::of(0.125 + 4.0 * rng.f64()),
        })
        .collect()
}

/// Targets of each example: shares of the classes, to the type's rounding.
pub fn targets<T: Element>(bytes: &mut Bytes, rows: usize, cols: usize) -> Vec<T> {
    let (kind, mut rng) = (bytes.byte(), fastrand::Rng::with_seed(bytes.seed()));
    let mut all = Vec::with_capacity(rows * cols);
    for _ in 0..rows {
        // Whole numbers that add up to a power of two: exact in each type.
        let mut counts = vec![0u32; cols];
        let pieces = [1, 4, 16, 64][usize::from(kind) % 4];
        (0..pieces).for_each(|_| counts[rng.usize(..cols)] += 1);
        all.extend(counts.into_iter().map(|count| T::of(f64::from(count) / f64::from(pieces))));
    }
    all
}
