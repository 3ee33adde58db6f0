//! matrixmultiply's `sgemm` and `dgemm` behind the safe trait.
#![allow(unsafe_code, reason = "matrixmultiply takes raw pointers")]

use core::any::Any;

use super::product::{Beta, Gemm, product_shape};
use crate::data::{MatMut, MatRef};
use crate::error::Error;

/// The blocked products of the `matrixmultiply` crate, for `f32` and `f64`. Each call allocates once, for its packed
/// factors.
struct MatrixMultiply;

/// The engine of T, if matrixmultiply has that type.
pub(crate) fn matrix_multiply<T: 'static>() -> Option<&'static dyn Gemm<T>> {
    // A typed engine is of type `&'static dyn Gemm<T>` only if T is its element type: `Any` finds that out
    // with no demand on T, which may be anybody's.
    let typed: [&dyn Any; 2] =
        [&(&MatrixMultiply as &'static dyn Gemm<f32>), &(&MatrixMultiply as &'static dyn Gemm<f64>)];
    typed.iter().find_map(|engine| engine.downcast_ref::<&'static dyn Gemm<T>>()).copied()
}

/// matrixmultiply's signature: C = alpha A B + beta C by sizes, pointers, row and column strides.
type RawGemm<T> = unsafe fn(
    usize,
    usize,
    usize,
    T,
    *const T,
    isize,
    isize,
    *const T,
    isize,
    isize,
    T,
    *mut T,
    isize,
    isize,
);

impl Gemm<f32> for MatrixMultiply {
    fn gemm(
        &self,
        a: MatRef<'_, f32>,
        b: MatRef<'_, f32>,
        beta: Beta,
        c: MatMut<'_, f32>,
    ) -> Result<(), Error> {
        // SAFETY: `sgemm` asks of its caller what `call` guarantees.
        unsafe { call(::matrixmultiply::sgemm, [0.0, 1.0], a, b, beta, c) }
    }
}

impl Gemm<f64> for MatrixMultiply {
    fn gemm(
        &self,
        a: MatRef<'_, f64>,
        b: MatRef<'_, f64>,
        beta: Beta,
        c: MatMut<'_, f64>,
    ) -> Result<(), Error> {
        // SAFETY: `dgemm` asks of its caller what `call` guarantees.
        unsafe { call(::matrixmultiply::dgemm, [0.0, 1.0], a, b, beta, c) }
    }
}

/// Calls a raw product on checked views.
///
/// # Safety
///
/// `gemm(m, k, n, ...)` must be sound if A (m × k) and B (k × n) may be read and C (m × n) may be written at
/// the pointers and strides it is given, no two elements of C are one place, and C shares none with A and B.
unsafe fn call<T: Copy>(
    gemm: RawGemm<T>,
    [zero, one]: [T; 2],
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    beta: Beta,
    mut c: MatMut<'_, T>,
) -> Result<(), Error> {
    let (m, k, n) = product_shape(&a, &b, &c)?;
    let beta = if beta == Beta::Zero { zero } else { one };
    // A view's strides fit an `isize`: one that is taken is at most the length of the
    // slice the view was made of, any other is 1 (a range of rows keeps the stride of the whole).
    let [rsa, csa, rsb, csb, rsc, csc] =
        [a.row_stride(), a.col_stride(), b.row_stride(), b.col_stride(), c.row_stride(), c.col_stride()]
            .map(|stride| stride as isize);
    let (pa, pb, pc) = (a.as_slice().as_ptr(), b.as_slice().as_ptr(), c.as_mut_slice().as_mut_ptr());
    // SAFETY:
    // - sizes: `product_shape` has checked that A is m × k, B is k × n, C is m × n;
    // - bounds: the constructors of `MatRef` and `MatMut` have checked that every element (row, column)
    //   lies in the slice at row * row_stride + column * col_stride, and the pointers are the slices' own;
    // - C's elements are distinct places: the constructors of `MatMut` have checked its strides;
    // - C shares no place with A and B: it is borrowed mutably, they are borrowed.
    unsafe { gemm(m, k, n, one, pa, rsa, csa, pb, rsb, csb, beta, pc, rsc, csc) };
    Ok(())
}
