//! The portable engine: for every `Float`, on every target, with no heap.

use num_traits::Float;

use super::{Beta, Gemm, product_shape};
use crate::error::Error;
use crate::matrix::{MatMut, MatRef};

/// Rows and columns of the register tile: its 32 sums fill half of sixteen 4-lane registers and leave room
/// for the operands.
const MR: usize = 4;
const NR: usize = 8;

/// Depth of a panel. The two panels lie on the stack: 3 KiB of f32. Sums are formed panel by panel, so their
/// error grows with `KC + k / KC` instead of k.
const KC: usize = 64;

/// A blocked product in plain Rust for every [`Float`]: panels of A and B are packed into arrays on the
/// stack and multiplied into a register tile of sums.
///
/// Its results do not depend on the target: each sum is formed in one fixed order with separate
/// multiplications and additions.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::gemm::{Beta, Gemm, Portable};
/// use handgrad::{MatMut, MatRef};
///
/// let a = MatRef::new(&[1.0f32, 2.0, 3.0, 4.0], 2, 2)?;
/// let mut c = [0.0; 4];
/// Portable.gemm(a, a.t(), Beta::Zero, MatMut::new(&mut c, 2, 2)?)?;
/// assert_eq!(c, [5.0, 11.0, 11.0, 25.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Portable;

impl<T: Float> Gemm<T> for Portable {
    fn gemm(
        &self,
        a: MatRef<'_, T>,
        b: MatRef<'_, T>,
        beta: Beta,
        mut c: MatMut<'_, T>,
    ) -> Result<(), Error> {
        let (m, k, n) = product_shape(&a, &b, &c)?;
        let mut a_panel = [[T::zero(); MR]; KC];
        let mut b_panel = [[T::zero(); NR]; KC];
        for p in (0..k).step_by(KC) {
            let depth = KC.min(k - p);
            let beta = if p == 0 { beta } else { Beta::One };
            for j in (0..n).step_by(NR) {
                pack(&mut b_panel[..depth], b.t(), j, p);
                for i in (0..m).step_by(MR) {
                    pack(&mut a_panel[..depth], a, i, p);
                    let sums = multiply(&a_panel[..depth], &b_panel[..depth]);
                    store(&sums, beta, &mut c, i, j);
                }
            }
        }
        Ok(())
    }
}

/// Packs W rows of a matrix from (row, col) on, as deep as the panel: panel\[p\]\[i\] = (row + i, col + p).
/// Rows beyond the matrix are packed as 0; the sums they give are not stored.
fn pack<T: Float, const W: usize>(panel: &mut [[T; W]], matrix: MatRef<'_, T>, row: usize, col: usize) {
    let (row_stride, col_stride) = (matrix.row_stride(), matrix.col_stride());
    let rows = W.min(matrix.rows() - row);
    for (p, lane) in panel.iter_mut().enumerate() {
        let data = &matrix.as_slice()[row * row_stride + (col + p) * col_stride..];
        for (i, packed) in lane.iter_mut().enumerate() {
            *packed = if i < rows { data[i * row_stride] } else { T::zero() };
        }
    }
}

/// The sums of products of two packed panels.
fn multiply<T: Float>(a_panel: &[[T; MR]], b_panel: &[[T; NR]]) -> [[T; NR]; MR] {
    let mut sums = [[T::zero(); NR]; MR];
    for (a, b) in a_panel.iter().zip(b_panel) {
        for i in 0..MR {
            for j in 0..NR {
                sums[i][j] = sums[i][j] + a[i] * b[j];
            }
        }
    }
    sums
}

/// Writes a register tile to C from (row, col) on, as far as C reaches.
fn store<T: Float>(sums: &[[T; NR]; MR], beta: Beta, c: &mut MatMut<'_, T>, row: usize, col: usize) {
    let (row_stride, col_stride) = (c.row_stride(), c.col_stride());
    let (rows, cols) = (MR.min(c.rows() - row), NR.min(c.cols() - col));
    let data = &mut c.as_mut_slice()[row * row_stride + col * col_stride..];
    for (i, sums) in sums.iter().take(rows).enumerate() {
        for (j, &sum) in sums.iter().take(cols).enumerate() {
            let place = &mut data[i * row_stride + j * col_stride];
            *place = if beta == Beta::Zero { sum } else { *place + sum };
        }
    }
}
