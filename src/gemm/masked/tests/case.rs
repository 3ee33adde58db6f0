//! A product: its factors as plain rows, how they lie, and what it is with all terms.

use core::fmt::Debug;

use num_traits::Float;

use super::super::{Epilogue, Masked, blocked};
use crate::data::{MatMut, MatRef};
use crate::gemm::{AlphaBeta, Beta, Blocks, Left, Right, pack, panels};
use crate::kink::Kink;
use crate::simd::Simd;
use crate::simd::tests::number;

/// What the tests need of a type.
pub(super) trait Number: Float + Debug + 'static {}

impl<T: Float + Debug + 'static> Number for T {}

/// Which elements of A are zeros. Every second one of them is -0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Zeros {
    /// So many in a hundred are none, in no order.
    Density(usize),
    /// Two rows of three.
    Rows,
    /// Two columns of three.
    Cols,
    /// Blocks of 5 rows and 70 columns, like the fields of a chess-board.
    Blocks,
}

pub(super) const ZEROS: [Zeros; 9] = [
    Zeros::Density(0),
    Zeros::Density(5),
    Zeros::Density(30),
    Zeros::Density(50),
    Zeros::Density(90),
    Zeros::Density(100),
    Zeros::Rows,
    Zeros::Cols,
    Zeros::Blocks,
];

/// How large the elements are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Size {
    /// Up to a half, some elements subnormal.
    Usual,
    /// So small that their products are subnormal or zeros of any sign.
    Tiny,
}

/// How A lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum A {
    Rows,
    Cols,
    Spread,
    /// The columns in blocks, each by rows.
    Blocks,
    /// The panels of a packed hidden gradient: rows in tiles, columns in blocks.
    Panels,
}

pub(super) const A: [A; 5] = [A::Rows, A::Cols, A::Spread, A::Blocks, A::Panels];

/// How B lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum B {
    Aligned,
    Unaligned,
    ByColumns,
    Spread,
    Packed,
    /// The squares of its elements are the factor.
    Squares,
    /// The rows in blocks, each by columns, as the columns of [`A::Blocks`] or [`A::Panels`].
    Blocks,
}

pub(super) const B: [B; 7] =
    [B::Aligned, B::Unaligned, B::ByColumns, B::Spread, B::Packed, B::Squares, B::Blocks];

/// The columns of A, or the rows of B, in a block.
const BLOCK: usize = 48;

/// How a product is computed.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    pub(super) a: A,
    pub(super) b: B,
    pub(super) beta: Beta,
    pub(super) strides: (usize, usize),
    /// Whether z and a are made of the sums.
    pub(super) activate: Option<Kink>,
    pub(super) buffer: usize,
}

impl How {
    /// With an alpha that rounds.
    pub(super) fn onto<T: Float>(&self) -> AlphaBeta<T> {
        AlphaBeta { alpha: T::from(0.7).unwrap(), beta: self.beta }
    }
}

pub(super) struct Case<T> {
    pub(super) shape: (usize, usize, usize),
    pub(super) a: Vec<T>,
    pub(super) b: Vec<T>,
    old: Vec<T>,
    bias: Vec<T>,
}

/// NaN where the other is NaN, and else the same bits: of equal numbers only zeros can differ, by their signs.
pub(super) fn same<T: Float>(x: T, y: T) -> bool {
    x.is_nan() && y.is_nan() || x == y && x.is_sign_negative() == y.is_sign_negative()
}

#[track_caller]
pub(super) fn assert_same<T: Number>(got: &[T], expected: &[T], what: impl Fn() -> String) {
    assert_eq!(got.len(), expected.len());
    let differs = got.iter().zip(expected).position(|(&got, &expected)| !same(got, expected));
    if let Some(i) = differs {
        panic!("{}: {i}: {:?} is not {:?}", what(), got[i], expected[i]);
    }
}

/// Memory of these strides that ends with the last element; NaN between the elements.
fn lay<T: Float>(
    (rows, cols): (usize, usize),
    place: impl Fn(usize, usize) -> usize,
    element: impl Fn(usize, usize) -> T,
) -> Vec<T> {
    let all = || (0..rows).flat_map(|row| (0..cols).map(move |col| (row, col)));
    let last = all().map(|(row, col)| place(row, col)).max().unwrap();
    let mut memory = vec![T::nan(); last + 1];
    all().for_each(|(row, col)| memory[place(row, col)] = element(row, col));
    memory
}

impl<T: Number> Case<T> {
    pub(super) fn new(shape: (usize, usize, usize), zeros: Zeros, size: Size) -> Self {
        let (rows, depth, cols) = shape;
        let is_zero = |row: usize, col: usize| match zeros {
            Zeros::Density(share) => {
                (row * 7907 + col).wrapping_mul(0x9e37_79b9) >> 9 & 1023 >= share * 1024 / 100
            }
            Zeros::Rows => row % 3 != 1,
            Zeros::Cols => col % 3 != 1,
            Zeros::Blocks => (row / 5 + col / 70) % 2 == 0,
        };
        let (a_size, b_size) = match size {
            Size::Usual => (T::one(), T::one()),
            Size::Tiny => (T::min_positive_value(), T::epsilon()),
        };
        let element = |row, col| {
            let i: usize = row * depth + col;
            if is_zero(row, col) {
                if i % 2 == 0 { T::zero() } else { -T::zero() }
            } else if i % 11 == 0 {
                number::<T>(i) * T::min_positive_value()
            } else {
                number::<T>(i) * a_size
            }
        };
        let old = |i| if i % 5 == 0 { -T::zero() } else { number::<T>(i + 3) * a_size };
        Self {
            shape,
            a: (0..rows * depth).map(|i| element(i / depth, i % depth)).collect(),
            b: (0..depth * cols).map(|i| number::<T>(i + 7) * b_size).collect(),
            old: (0..rows * cols).map(old).collect(),
            bias: (0..cols).map(|i| if i % 4 == 0 { -T::zero() } else { number::<T>(i) * a_size }).collect(),
        }
    }

    /// C and a before, in memory.
    pub(super) fn before(&self, how: &How) -> (Vec<T>, Vec<T>) {
        let (rows, _, cols) = self.shape;
        let place = |row, col| row * how.strides.0 + col * how.strides.1;
        let old = |row, col| if how.beta == Beta::One { self.old[row * cols + col] } else { T::nan() };
        let c = lay((rows, cols), place, old);
        let a = if how.activate.is_some() { vec![T::nan(); c.len()] } else { vec![] };
        (c, a)
    }

    /// C and a, with all terms.
    pub(super) fn expected<S: Simd<T>>(&self, set: S, how: &How) -> [Vec<T>; 2] {
        let (rows, depth, cols) = self.shape;
        let ((mut c, mut a), mut buffer) = (self.before(how), vec![T::nan(); 1 << 15]);
        let left = Left::view(MatRef::new(&self.a, rows, depth).unwrap());
        let right = MatRef::new(&self.b, depth, cols).unwrap();
        let right = if how.b == B::Squares { Right::Squares(right) } else { Right::View(right) };
        let epilogue = match how.activate {
            Some(kink) => Epilogue::Activate { kink, bias: &self.bias, a: &mut a },
            None => Epilogue::None,
        };
        let dest = MatMut::with_strides(&mut c, (rows, cols), how.strides).unwrap();
        blocked::product(set, left, right, how.onto(), dest, epilogue, &mut buffer);
        [c, a]
    }

    /// C and a, without the zeros.
    pub(super) fn run<S: Simd<T>>(&self, set: S, how: &How, multiplied: &[u64]) -> [Vec<T>; 2] {
        let (rows, depth, cols) = self.shape;
        let ((mut c, mut a), mut buffer) = (self.before(how), vec![T::nan(); how.buffer]);
        let (left, right) = (self.left::<S>(how.a), self.right(set, how.b));
        let (left, first) = (left.view(depth), right.0);
        let right_data = &right.1[first..];
        let view = |shape, strides| MatRef::with_strides(right_data, shape, strides).unwrap();
        let (mut right, mut b_blocks) = (Right::Packed(right_data), Blocks::ONE);
        match how.b {
            B::Packed => {}
            B::Blocks => {
                right = Right::View(view((depth.min(BLOCK), cols), (1, BLOCK + 1)));
                b_blocks = Blocks { len: BLOCK, step: (BLOCK + 1) * cols + 5 };
            }
            B::Squares => right = Right::Squares(view((depth, cols), Self::strides(how.b, depth, cols))),
            _ => right = Right::View(view((depth, cols), Self::strides(how.b, depth, cols))),
        }
        let epilogue = match how.activate {
            Some(kink) => Epilogue::Activate { kink, bias: &self.bias, a: &mut a },
            None => Epilogue::None,
        };
        let dest = MatMut::with_strides(&mut c, (rows, cols), how.strides).unwrap();
        Masked { a: left, b: right, b_blocks, onto: how.onto(), c: dest, epilogue, multiplied }
            .run(set, &mut buffer);
        [c, a]
    }

    pub(super) fn check<S: Simd<T>>(&self, name: &str, set: S, how: &How, expected: &[Vec<T>; 2]) {
        let got = self.run(set, how, &[]);
        let what = || format!("{name}, {}: {:?}, {how:?}", core::any::type_name::<T>(), self.shape);
        assert_same(&got[0], &expected[0], || format!("{}: C", what()));
        assert_same(&got[1], &expected[1], || format!("{}: a", what()));
    }

    fn left<S: Simd<T>>(&self, a: A) -> LeftMemory<T> {
        let (rows, depth, _) = self.shape;
        let high = rows.next_multiple_of(S::MR);
        let (strides, row_blocks, col_blocks) = match a {
            A::Rows => ((depth + 2, 1), Blocks::ONE, Blocks::ONE),
            A::Cols => ((1, rows + 1), Blocks::ONE, Blocks::ONE),
            A::Spread => ((3, 3 * rows + 1), Blocks::ONE, Blocks::ONE),
            A::Blocks => ((BLOCK, 1), Blocks::ONE, Blocks { len: BLOCK, step: BLOCK * rows + 3 }),
            A::Panels => {
                let row_blocks = Blocks { len: S::MR, step: BLOCK * S::MR };
                ((1, S::MR), row_blocks, Blocks { len: BLOCK, step: BLOCK * (high + 2) })
            }
        };
        let place = |row, col| {
            let [row, col] = [(row, row_blocks, strides.0), (col, col_blocks, strides.1)].map(
                |(i, blocks, stride): (usize, Blocks, usize)| {
                    i / blocks.len * blocks.step + i % blocks.len * stride
                },
            );
            row + col
        };
        let data = lay((rows, depth), place, |row, col| self.a[row * depth + col]);
        LeftMemory { data, rows, strides, row_blocks, col_blocks }
    }

    fn strides(b: B, depth: usize, cols: usize) -> (usize, usize) {
        let line = (64 / size_of::<T>()).max(1);
        match b {
            B::Aligned => (cols.next_multiple_of(line), 1),
            B::ByColumns => (1, depth + 1),
            B::Spread => (3, 3 * depth + 1),
            _ => (cols + 1, 1),
        }
    }

    /// The memory of B, and where in it B begins: with a cache line, or one element after that.
    fn right<S: Simd<T>>(&self, set: S, b: B) -> (usize, Vec<T>) {
        let (_, depth, cols) = self.shape;
        let memory = match b {
            B::Packed => {
                let vecs = S::BLOCKING.masked_vecs;
                let mut panels_of_b = vec![T::nan(); depth * cols.next_multiple_of(S::LANES)];
                let view = MatRef::new(&self.b, depth, cols).unwrap();
                pack(set, view, vecs, 0..panels::<T, S>(cols, vecs), &mut panels_of_b);
                panels_of_b
            }
            B::Blocks => {
                let place = |p: usize, j| p / BLOCK * ((BLOCK + 1) * cols + 5) + p % BLOCK + j * (BLOCK + 1);
                lay((depth, cols), place, |p, j| self.b[p * cols + j])
            }
            _ => {
                let strides = Self::strides(b, depth, cols);
                lay((depth, cols), |p, j| p * strides.0 + j * strides.1, |p, j| self.b[p * cols + j])
            }
        };
        let mut aligned = vec![T::nan(); memory.len() + 64];
        let first = aligned.as_ptr().align_offset(64) + usize::from(b != B::Aligned);
        aligned.truncate(first + memory.len());
        aligned[first..].copy_from_slice(&memory);
        (first, aligned)
    }
}

/// A in memory.
struct LeftMemory<T> {
    data: Vec<T>,
    rows: usize,
    strides: (usize, usize),
    row_blocks: Blocks,
    col_blocks: Blocks,
}

impl<T> LeftMemory<T> {
    fn view(&self, depth: usize) -> Left<'_, T> {
        let &Self { rows, strides, row_blocks, col_blocks, .. } = self;
        Left { data: &self.data, rows, depth, strides, row_blocks, col_blocks }
    }
}
