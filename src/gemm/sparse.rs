//! Products with sparse rows: Z = X Wᵀ and dW = Dᵀ X, a multiply-add for each entry of X and hidden unit.
//!
//! ```text
//! for each block of entries:                   (their inputs and values copied to the stack)
//!   weights of one input side by side:         for each entry: a row of Z += value times a column of W
//!   weights of one unit side by side:          for each unit: for each row: an inner product with a row of W
//! ```
//!
//! The second order reads a row of W once for a whole block: it stays in the cache for as long as its inputs are picked from
//! it. Each sum has its terms in the order of the entries, wherever blocks end: so the bits do not depend on how the rows are
//! cut up for threads.

use num_traits::Float;

use super::product::{AlphaBeta, Beta};
use crate::data::{MatMut, MatRef, SparseRows};
use crate::limits::{SPARSE_ENTRIES, SPARSE_PIECES};
use crate::simd::Simd;

/// Some entries of consecutive rows.
struct Block<T> {
    inputs: [usize; SPARSE_ENTRIES],
    values: [T; SPARSE_ENTRIES],
    pieces: [Piece; SPARSE_PIECES],
    count: usize,
    /// The row from which on entries are still to come, and how many of it have been.
    next: (usize, usize),
}

/// The entries of a row, or some of them, and where they are in the block.
#[derive(Clone, Copy)]
struct Piece {
    row: usize,
    start: usize,
    end: usize,
}

impl<T: Float> Block<T> {
    fn new() -> Self {
        let none = Piece { row: 0, start: 0, end: 0 };
        Self {
            inputs: [0; SPARSE_ENTRIES],
            values: [T::zero(); SPARSE_ENTRIES],
            pieces: [none; SPARSE_PIECES],
            count: 0,
            next: (0, 0),
        }
    }

    /// Takes the next entries; whether there are any. The squares of X are those of whole numbers: several entries of an input
    /// are one.
    #[inline(never)]
    fn fill(&mut self, x: SparseRows<'_, T>, is_squared: bool) -> bool {
        let (mut len, (mut row, mut done)) = (0, self.next);
        self.count = 0;
        while row < x.rows() && len < SPARSE_ENTRIES && self.count < SPARSE_PIECES {
            let entries = x.entries(row);
            let start = entries.start + done;
            let piece = len..SPARSE_ENTRIES.min(len + entries.end - start);
            if piece.is_empty() {
                (row, done) = (row + 1, 0);
                continue;
            }
            x.copy_inputs(start, &mut self.inputs[piece.clone()]);
            let values = &mut self.values[piece.clone()];
            values.copy_from_slice(&x.values()[start..][..piece.len()]);
            if is_squared {
                for (value, entry) in values.iter_mut().zip(start..) {
                    let whole = x.whole(row, entry);
                    *value = whole * whole;
                }
            }
            self.pieces[self.count] = Piece { row, start: piece.start, end: piece.end };
            (len, done, self.count) = (piece.end, done + piece.len(), self.count + 1);
        }
        self.next = (row, done);
        self.count > 0
    }

    #[inline(always)]
    fn pieces(&self) -> &[Piece] {
        &self.pieces[..self.count]
    }

    #[inline(always)]
    fn entries(&self, piece: &Piece) -> impl Iterator<Item = (usize, T)> {
        let (inputs, values) = (&self.inputs[piece.start..piece.end], &self.values[piece.start..piece.end]);
        inputs.iter().copied().zip(values.iter().copied())
    }
}

/// Z + X Wᵀ in Z's place: rows of `z` are `stride` apart.
pub(crate) fn add_product<T: Float, S: Simd<T>>(
    simd: S,
    x: SparseRows<'_, T>,
    w: MatRef<'_, T>,
    z: &mut [T],
    stride: usize,
) {
    let (h, data, strides) = (w.rows(), w.as_slice(), (w.row_stride(), w.col_stride()));
    let mut block = Block::new();
    while block.fill(x, false) {
        simd.vectorize(
            #[inline(always)]
            || {
                if strides.0 == 1 {
                    for piece in block.pieces() {
                        let z = &mut z[piece.row * stride..][..h];
                        add_columns(simd, &block, piece, (data, strides.1), z);
                    }
                    return;
                }
                let in_groups = h / GROUP * GROUP;
                for first in (0..in_groups).step_by(GROUP) {
                    add_dots::<T, GROUP>(
                        &block,
                        (&data[first * strides.0..], strides),
                        &mut z[first..],
                        stride,
                    );
                }
                for unit in in_groups..h {
                    add_dots::<T, 1>(&block, (&data[unit * strides.0..], strides), &mut z[unit..], stride);
                }
            },
        );
    }
}

/// The inner products of so many units share the entries.
const GROUP: usize = 4;

/// A row of Z: the sums stay in registers.
#[inline(always)]
fn add_columns<T: Float, S: Simd<T>>(
    simd: S,
    block: &Block<T>,
    piece: &Piece,
    (w, stride): (&[T], usize),
    z: &mut [T],
) {
    const VECS: usize = 4;
    let (mut at, wide) = (0, VECS * S::LANES);
    while at + wide <= z.len() {
        let z = &mut z[at..at + wide];
        let mut sums = [simd.splat(T::zero()); VECS];
        for v in 0..VECS {
            sums[v] = simd.load(&z[v * S::LANES..]);
        }
        for (input, value) in block.entries(piece) {
            let (w, value) = (&w[input * stride + at..][..wide], simd.splat(value));
            for v in 0..VECS {
                sums[v] = simd.mul_add(simd.load(&w[v * S::LANES..]), value, sums[v]);
            }
        }
        for v in 0..VECS {
            simd.store(sums[v], &mut z[v * S::LANES..]);
        }
        at += wide;
    }
    let rest = &mut z[at..];
    for (input, value) in block.entries(piece) {
        let w = &w[input * stride + at..][..rest.len()];
        rest.iter_mut().zip(w).for_each(|(z, &w)| *z = *z + value * w);
    }
}

/// The elements of some columns of Z.
#[inline(always)]
fn add_dots<T: Float, const N: usize>(
    block: &Block<T>,
    (w, strides): (&[T], (usize, usize)),
    z: &mut [T],
    z_stride: usize,
) {
    let mut rows = [w; N];
    for unit in 0..N {
        rows[unit] = &w[unit * strides.0..];
    }
    for piece in block.pieces() {
        let z = &mut z[piece.row * z_stride..][..N];
        let mut sums = [T::zero(); N];
        sums.copy_from_slice(z);
        for (input, value) in block.entries(piece) {
            for unit in 0..N {
                sums[unit] = sums[unit] + value * rows[unit][input * strides.1];
            }
        }
        z.copy_from_slice(&sums);
    }
}

/// C = alpha Dᵀ X, or C + alpha Dᵀ X, with the squares of X if `is_squared`; rows of `d` are `stride` apart.
///
/// `skips_zeros` says of a row whether the zeros in it need not be multiplied.
pub(crate) fn add_gradient<T: Float, S: Simd<T>>(
    simd: S,
    (d, stride): (&[T], usize),
    (x, is_squared): (SparseRows<'_, T>, bool),
    AlphaBeta { alpha, beta }: AlphaBeta<T>,
    mut c: MatMut<'_, T>,
    skips_zeros: impl Fn(usize) -> bool,
) {
    if beta == Beta::Zero {
        c.fill(T::zero());
    }
    let (h, strides) = (c.rows(), (c.row_stride(), c.col_stride()));
    let (c, mut block) = (c.as_mut_slice(), Block::new());
    while block.fill(x, is_squared) {
        simd.vectorize(
            #[inline(always)]
            || {
                for piece in block.pieces().iter().filter(|_| strides.0 == 1) {
                    let d = &d[piece.row * stride..][..h];
                    if skips_zeros(piece.row) && d.iter().all(|d| *d == T::zero()) {
                        continue;
                    }
                    for (input, value) in block.entries(piece) {
                        let c = &mut c[input * strides.1..][..h];
                        c.iter_mut().zip(d).for_each(|(c, &d)| *c = *c + alpha * (d * value));
                    }
                }
                for unit in (0..h).filter(|_| strides.0 != 1) {
                    let c = &mut c[unit * strides.0..];
                    for piece in block.pieces() {
                        let d = d[piece.row * stride + unit];
                        if d == T::zero() && skips_zeros(piece.row) {
                            continue;
                        }
                        for (input, value) in block.entries(piece) {
                            let c = &mut c[input * strides.1];
                            *c = *c + alpha * (d * value);
                        }
                    }
                }
            },
        );
    }
}
