//! Products with sparse rows: Z = X Wᵀ and dW = Dᵀ X, a multiply-add for each entry of X and hidden unit.
//!
//! ```text
//! for each block of entries:                   (their inputs and values copied to the stack)
//!   weights of one input side by side:         for each entry: a row of Z += value times a column of W
//!   weights of one unit side by side:          for each unit: for each row: an inner product with a row of W
//! ```
//!
//! The second order reads a row of W once for a whole block: it stays in the cache for as long as its inputs are picked from
//! it. No multiplication and addition are fused, so the bits are the same on all instruction sets.

use core::ops::Range;

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
}

/// The entries of a row, or some of them, and where they are in the block.
#[derive(Clone, Copy)]
struct Piece {
    row: usize,
    start: usize,
    end: usize,
}

impl<T: Float> Block<T> {
    fn pieces(&self) -> &[Piece] {
        &self.pieces[..self.count]
    }

    fn entries(&self, piece: &Piece) -> impl Iterator<Item = (usize, T)> {
        let (inputs, values) = (&self.inputs[piece.start..piece.end], &self.values[piece.start..piece.end]);
        inputs.iter().copied().zip(values.iter().copied())
    }
}

/// Hands all entries to `take`, block by block. The squares of X have whole numbers: several entries of an input are one.
#[inline(always)]
fn blocks<T: Float>(x: SparseRows<'_, T>, is_squared: bool, mut take: impl FnMut(&Block<T>)) {
    let mut block = Block {
        inputs: [0; SPARSE_ENTRIES],
        values: [T::zero(); SPARSE_ENTRIES],
        pieces: [Piece { row: 0, start: 0, end: 0 }; SPARSE_PIECES],
        count: 0,
    };
    let mut len = 0;
    for row in 0..x.rows() {
        let Range { mut start, end } = x.entries(row);
        while start < end {
            let piece = len..SPARSE_ENTRIES.min(len + end - start);
            x.copy_inputs(start, &mut block.inputs[piece.clone()]);
            if is_squared {
                for (value, entry) in block.values[piece.clone()].iter_mut().zip(start..) {
                    let whole = x.whole(row, entry);
                    *value = whole * whole;
                }
            } else {
                block.values[piece.clone()].copy_from_slice(&x.values()[start..][..piece.len()]);
            }
            block.pieces[block.count] = Piece { row, start: piece.start, end: piece.end };
            start += piece.len();
            (len, block.count) = (piece.end, block.count + 1);
            if len == SPARSE_ENTRIES || block.count == SPARSE_PIECES {
                take(&block);
                (len, block.count) = (0, 0);
            }
        }
    }
    take(&block);
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
    simd.vectorize(
        #[inline(always)]
        || {
            blocks(x, false, |block| {
                if strides.0 == 1 {
                    for piece in block.pieces() {
                        let z = &mut z[piece.row * stride..][..h];
                        for (input, value) in block.entries(piece) {
                            let w = &data[input * strides.1..][..h];
                            z.iter_mut().zip(w).for_each(|(z, &w)| *z = *z + value * w);
                        }
                    }
                    return;
                }
                for unit in 0..h {
                    let w = &data[unit * strides.0..];
                    for piece in block.pieces() {
                        let terms = block.entries(piece).map(|(input, value)| value * w[input * strides.1]);
                        let z = &mut z[piece.row * stride + unit];
                        *z = terms.fold(*z, |sum, term| sum + term);
                    }
                }
            });
        },
    );
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
    let c = c.as_mut_slice();
    simd.vectorize(
        #[inline(always)]
        || {
            blocks(x, is_squared, |block| {
                if strides.0 == 1 {
                    for piece in block.pieces() {
                        let d = &d[piece.row * stride..][..h];
                        if skips_zeros(piece.row) && d.iter().all(|d| *d == T::zero()) {
                            continue;
                        }
                        for (input, value) in block.entries(piece) {
                            let c = &mut c[input * strides.1..][..h];
                            c.iter_mut().zip(d).for_each(|(c, &d)| *c = *c + alpha * (d * value));
                        }
                    }
                    return;
                }
                for unit in 0..h {
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
            });
        },
    );
}
