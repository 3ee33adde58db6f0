//! The products on every instruction set of this machine.

use num_traits::Float;

use super::{AlphaBeta, Beta, Blocks, Epilogue, Left, Right, pack, product};
use crate::data::{MatMut, MatRef};
use crate::simd::Simd;
use crate::simd::tests::{Check, number, on_each_set};

struct Layouts;

impl Layouts {
    /// The product of the same factors, however they lie and however long the pack buffer is: the same bits. Deep enough for
    /// three parts, which begin within blocks of columns; with whole and broken tiles and registers.
    fn check_type<T: Float + core::fmt::Debug, S: Simd<T>>(name: &str, set: S, (rows, cols): (usize, usize)) {
        let depth = 2 * S::BLOCKING.kc + 5;
        let a: Vec<T> = (0..rows * depth).map(number).collect();
        let b: Vec<T> = (0..depth * cols).map(|i| number(i + 7)).collect();
        let (a, b) = (MatRef::new(&a, rows, depth).unwrap(), MatRef::new(&b, depth, cols).unwrap());
        let times = |a: Left<'_, T>, right: Right<'_, T>, pack_buffer: usize| {
            let (mut c, mut pack_buffer) = (vec![T::nan(); rows * cols], vec![T::nan(); pack_buffer]);
            let dest = MatMut::new(&mut c, rows, cols).unwrap();
            product(set, a, right, AlphaBeta::plain(Beta::Zero), dest, Epilogue::None, &mut pack_buffer);
            c
        };
        let expected = times(Left::view(a), Right::View(b), 0);
        let exact = (0..depth)
            .fold(T::zero(), |sum, p| sum + a.get(rows - 1, p).unwrap() * b.get(p, cols - 1).unwrap());
        let tolerance = T::epsilon() * T::from(depth).unwrap();
        assert!((*expected.last().unwrap() - exact).abs() <= tolerance, "{name}: {exact:?}");
        let panel = S::BLOCKING.kc * S::NR_VECS * S::LANES;
        for pack_buffer in [1, panel, 2 * panel, 50 * panel] {
            assert_eq!(
                times(Left::view(a), Right::View(b), pack_buffer),
                expected,
                "{name}: pack_buffer {pack_buffer}"
            );
        }
        let mut panels = vec![T::nan(); depth * cols.next_multiple_of(S::LANES)];
        pack(set, b, S::NR_VECS, 0..super::panels::<T, S>(cols, S::NR_VECS), &mut panels);
        assert_eq!(times(Left::view(a), Right::Packed(&panels), 0), expected, "{name}: packed");
        let by_columns: Vec<T> = (0..cols * depth).map(|i| b.get(i % depth, i / depth).unwrap()).collect();
        let by_columns = MatRef::col_major(&by_columns, depth, cols).unwrap();
        assert_eq!(times(Left::view(a), Right::View(by_columns), panel), expected, "{name}: by columns");
        // A in blocks of 48 columns, and Aᵀ in blocks of 16, with something between the blocks.
        let (len, step) = (48, 48 * rows + 3);
        let mut blocks = vec![T::nan(); depth.div_ceil(len) * step];
        for (i, p) in (0..rows).flat_map(|i| (0..depth).map(move |p| (i, p))) {
            blocks[p / len * step + i * len + p % len] = a.get(i, p).unwrap();
        }
        let first = MatRef::with_strides(&blocks, (rows, len), (len, 1)).unwrap();
        let left = Left::col_blocks(first, depth, Blocks { len, step });
        assert_eq!(times(left, Right::View(b), panel), expected, "{name}: blocks of columns");
        let (len, step) = (16, 16 * depth + 3);
        let mut blocks = vec![T::nan(); rows.div_ceil(len) * step];
        for (i, p) in (0..rows).flat_map(|i| (0..depth).map(move |p| (i, p))) {
            blocks[i / len * step + p * len + i % len] = a.get(i, p).unwrap();
        }
        let first = MatRef::with_strides(&blocks, (depth, len), (len, 1)).unwrap();
        let left = Left::col_blocks(first, rows, Blocks { len, step }).t();
        assert_eq!(times(left, Right::View(b), panel), expected, "{name}: blocks of rows");
    }
}

impl Check for Layouts {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S) {
        for shape in [(37, 70), (70, 320), (1, 9)] {
            Self::check_type::<f32, S>(name, *set, shape);
            Self::check_type::<f64, S>(name, *set, shape);
        }
    }
}

#[test]
fn same_bits_however_the_factors_lie() {
    on_each_set(&Layouts);
}
