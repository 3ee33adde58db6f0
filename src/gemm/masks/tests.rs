//! Masks against a plain look at each element, on every instruction set.

use num_traits::Float;

use super::{BITS, GROUP, MASKED_DEPTH, SAMPLE, density, is_finite, masks, transpose};
use crate::data::MatRef;
use crate::gemm::{Blocks, Left};
use crate::simd::Simd;
use crate::simd::tests::{Check, number, on_each_set};

/// So many columns of a factor in blocks lie together: no more than a mask takes.
const BLOCK: usize = if MASKED_DEPTH < 48 { MASKED_DEPTH } else { 48 };

/// Numbers of all kinds in no order: about a third are zeros of both signs, and what is small, infinite or NaN is none.
fn element<T: Float>(row: usize, col: usize) -> T {
    let i = (row * 8191 + col).wrapping_mul(0x9e37_79b9) >> 7;
    match i % 12 {
        0..3 => T::zero(),
        3 | 4 => -T::zero(),
        5 => T::min_positive_value() * T::epsilon(),
        6 => -T::min_positive_value() / T::from(4).unwrap(),
        7 => T::nan(),
        8 => T::infinity(),
        9 => T::neg_infinity(),
        _ => number(i + 1),
    }
}

/// A left factor of such elements, and NaN between them. The memory ends with the last element.
struct Factor<T> {
    data: Vec<T>,
    shape: (usize, usize),
    strides: (usize, usize),
    row_blocks: Blocks,
    col_blocks: Blocks,
}

impl<T: Float> Factor<T> {
    fn new(
        shape: (usize, usize),
        strides: (usize, usize),
        (row_blocks, col_blocks): (Blocks, Blocks),
        element: impl Fn(usize, usize) -> T,
    ) -> Self {
        let mut factor = Self { data: vec![], shape, strides, row_blocks, col_blocks };
        for (row, col) in (0..shape.0).flat_map(|row| (0..shape.1).map(move |col| (row, col))) {
            let place = factor.place(row, col);
            factor.data.resize(factor.data.len().max(place + 1), T::nan());
            factor.data[place] = element(row, col);
        }
        factor
    }

    /// Where an element is: not as the library computes it.
    fn place(&self, row: usize, col: usize) -> usize {
        let [rows, cols] = [(row, self.row_blocks, self.strides.0), (col, self.col_blocks, self.strides.1)]
            .map(|(i, blocks, stride)| i / blocks.len * blocks.step + i % blocks.len * stride);
        rows + cols
    }

    fn left(&self) -> Left<'_, T> {
        let &Self { shape: (rows, depth), strides, row_blocks, col_blocks, .. } = self;
        Left { data: &self.data, rows, depth, strides, row_blocks, col_blocks }
    }

    /// By rows, by columns, both with gaps, spread, the columns in blocks, and the panels of a packed hidden gradient.
    fn each((rows, cols): (usize, usize), tile_rows: usize, element: fn(usize, usize) -> T) -> Vec<Self> {
        let one = (Blocks::ONE, Blocks::ONE);
        let strides =
            [(cols, 1), (cols + 3, 1), (1, rows), (1, rows + 5), (2 * cols + 1, 2), (3, 3 * rows + 1)];
        let mut all: Vec<Self> =
            strides.into_iter().map(|strides| Self::new((rows, cols), strides, one, element)).collect();
        let (len, high) = (BLOCK, rows.next_multiple_of(tile_rows));
        let by_cols = Blocks { len, step: rows * len + 3 };
        all.push(Self::new((rows, cols), (len, 1), (Blocks::ONE, by_cols), element));
        let (row_blocks, col_blocks) =
            (Blocks { len: tile_rows, step: len * tile_rows }, Blocks { len, step: len * high });
        all.push(Self::new((rows, cols), (1, tile_rows), (row_blocks, col_blocks), element));
        all
    }
}

struct Masks;

impl Masks {
    /// Some rows and some columns of a factor, those of one block.
    fn check_part<T: Float, S: Simd<T>>(
        name: &str,
        set: S,
        factor: &Factor<T>,
        first: usize,
        (start, len): (usize, usize),
    ) {
        let (left, unused) = (factor.left(), 0xdead_beef);
        let mut got = vec![unused; left.rows - first + 2];
        masks(set, &left, first..left.rows, start..start + len, &mut got);
        assert_eq!(got.split_off(left.rows - first), [unused; 2], "{name}: more than was asked for");
        for (row, mask) in (first..).zip(got) {
            let is_set = |p: usize| factor.data[factor.place(row, start + p)] != T::zero();
            let expected = (0..len).fold(0, |mask, p| mask | u64::from(is_set(p)) << p);
            let (shape, strides) = (factor.shape, factor.strides);
            assert_eq!(mask, expected, "{name}: {shape:?} by {strides:?}, row {row}, {len} from {start} on");
        }
    }

    fn check_type<T: Float, S: Simd<T>>(name: &str, set: S) {
        for rows in [1, 2, 4, 6, 8, 11, 63, 64, 65, 131] {
            for depth in 1..=MASKED_DEPTH {
                for factor in Factor::each((rows, depth), S::MR, element) {
                    let len = depth.min(factor.col_blocks.len);
                    Self::check_part::<T, S>(name, set, &factor, 0, (0, len));
                    if depth > len {
                        Self::check_part::<T, S>(name, set, &factor, 0, (len, depth - len));
                    }
                }
            }
        }
        // From the middle: rows from the beginning of a tile on, columns from anywhere in a block on.
        for factor in Factor::each((150, 200), S::MR, element) {
            let most = if factor.col_blocks.len == Blocks::ONE.len { MASKED_DEPTH } else { BLOCK };
            for part in [(3, most - 3), (most * 2 + 1, 17.min(most - 1)), (most * 3, 1), (2 * most - 1, 1)] {
                Self::check_part::<T, S>(name, set, &factor, S::MR, part);
                Self::check_part::<T, S>(name, set, &factor, 24, part);
                Self::check_part::<T, S>(name, set, &factor, 144, part);
            }
        }
    }
}

impl Check for Masks {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S) {
        Self::check_type::<f32, S>(name, *set);
        Self::check_type::<f64, S>(name, *set);
    }
}

#[test]
fn a_bit_for_each_element_that_is_not_zero() {
    on_each_set(&Masks);
    Masks::check_type::<half::bf16, _>("portable", crate::simd::Portable);
}

#[test]
fn squares_of_bits_are_transposed() {
    let square: [u64; BITS] =
        core::array::from_fn(|i| (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (1 << i));
    let mut transposed = square;
    transpose(&mut transposed);
    for (i, j) in (0..BITS).flat_map(|i| (0..BITS).map(move |j| (i, j))) {
        assert_eq!(transposed[i] >> j & 1, square[j] >> i & 1, "({i}, {j})");
    }
}

struct Density;

impl Density {
    fn check_type<T: Float, S: Simd<T>>(name: &str, set: S) {
        let zeros = |row: usize, col: usize| if (row + col) % 2 == 0 { T::zero() } else { -T::zero() };
        let full =
            |row: usize, col: usize| if (row + col) % 5 == 0 { T::nan() } else { number(row * 1000 + col) };
        let half = |row: usize, col: usize| if (row + col) % 2 == 0 { T::zero() } else { T::one() };
        for shape in [(1, 1), (1, 70), (7, 3), (8, 64), (9, 65), (65, 513), (200, 1100), (600, 1)] {
            for kind in [zeros as fn(usize, usize) -> T, full, half] {
                for factor in Factor::each(shape, S::MR, kind) {
                    let (got, exact) = (density(set, &factor.left()), f32::from(kind(0, 1) != T::zero()));
                    let is_mixed = kind(0, 0) == T::zero() && exact == 1.0;
                    let what = format!("{name}: {shape:?} by {:?}: {got}", factor.strides);
                    if !is_mixed {
                        assert_eq!(got, exact, "{what}");
                    } else if shape.0.min(shape.1) >= GROUP {
                        assert!((got - 0.5).abs() < 0.05, "{what}");
                    }
                }
            }
        }
    }
}

impl Check for Density {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S) {
        Self::check_type::<f32, S>(name, *set);
        Self::check_type::<f64, S>(name, *set);
    }
}

#[test]
fn a_density_is_the_share_of_what_is_not_zero() {
    on_each_set(&Density);
}

/// The first rows of so many, and of these one part of the columns after the other, are the sample.
#[test]
fn a_sample_has_as_much_of_each_part() {
    let (step, cols) = (SAMPLE * GROUP, SAMPLE * MASKED_DEPTH);
    let share = |cols: usize, is_set: &dyn Fn(usize, usize) -> bool| {
        let element = |i: usize| f32::from(u8::from(is_set(i / cols, i % cols)));
        let a: Vec<f32> = (0..SAMPLE * step * cols).map(element).collect();
        density(crate::simd::Portable, &Left::view(MatRef::new(&a, SAMPLE * step, cols).unwrap()))
    };
    let one = 1.0 / SAMPLE as f32;
    for part in 0..SAMPLE {
        assert_eq!(share(cols, &|_, col| col / MASKED_DEPTH == part), one, "columns, {part}");
        assert_eq!(share(cols, &|row, _| row / step == part), one, "rows, {part}");
        // Where there are no such columns, the first ones.
        assert_eq!(share(MASKED_DEPTH, &|row, _| row / step == part), one, "few columns, {part}");
    }
    assert_eq!(share(2 * cols, &|_, col| col >= cols), 0.5);
    assert_eq!(share(cols, &|row, _| row % step >= GROUP), 0.0, "rows that are no part of it");
}

struct Finite;

impl Finite {
    /// NaN or an infinity at each position, and none; what lies between the elements is NaN.
    fn check_type<T: Float, S: Simd<T>>(name: &str, set: S) {
        for (rows, cols) in [(1, 1), (1, 40), (37, 1), (3, 5), (9, 33), (34, 16)] {
            let strides =
                [(cols, 1), (cols + 3, 1), (1, rows), (1, rows + 5), (2 * cols + 1, 2), (3, 3 * rows + 1)];
            for strides in strides {
                let finite = |row: usize, col| match (row + col) % 4 {
                    0 => T::max_value(),
                    1 => T::min_value(),
                    2 => T::min_positive_value() * T::epsilon(),
                    _ => -T::zero(),
                };
                let one = (Blocks::ONE, Blocks::ONE);
                let mut factor = Factor::new((rows, cols), strides, one, finite);
                let check = |factor: &Factor<T>, expected| {
                    let view = MatRef::with_strides(&factor.data, (rows, cols), strides).unwrap();
                    assert_eq!(is_finite(set, view), expected, "{name}: ({rows}, {cols}) by {strides:?}");
                };
                check(&factor, true);
                for (row, col) in (0..rows).flat_map(|row| (0..cols).map(move |col| (row, col))) {
                    let place = factor.place(row, col);
                    for value in [T::nan(), T::infinity(), T::neg_infinity()] {
                        let before = core::mem::replace(&mut factor.data[place], value);
                        check(&factor, false);
                        factor.data[place] = before;
                    }
                }
            }
        }
    }
}

impl Check for Finite {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S) {
        Self::check_type::<f32, S>(name, *set);
        Self::check_type::<f64, S>(name, *set);
    }
}

#[test]
fn a_matrix_is_finite_if_each_element_is() {
    on_each_set(&Finite);
}
