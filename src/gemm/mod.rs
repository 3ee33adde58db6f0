//! Matrix products over views: one trait, the engines behind it, and which one is the default for a type.
//!
//! Every product of the crate goes through [`Gemm`]. For `f32` and `f64` that is [`MatrixMultiply`] (with
//! the feature of that name), for every other type [`Portable`]. Hand another engine, say a BLAS, to
//! [`Pass::engine`](crate::Pass::engine).

pub(crate) mod blocked;
pub(crate) mod factors;
#[cfg(feature = "matrixmultiply")]
mod matrix_multiply;
mod own;
pub(crate) mod packing;
#[cfg(test)]
mod tests;
pub(crate) mod tile;

#[cfg(feature = "matrixmultiply")]
pub use matrix_multiply::MatrixMultiply;
pub(crate) use own::phases;
pub use own::{Blocked, Portable};

use core::any::Any;

use num_traits::Float;

use crate::error::{Error, What};
use crate::matrix::{MatMut, MatRef};
use crate::phases::Phases;

/// Whether a result replaces what was there before or is added to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Beta {
    /// C = A B. What C held before is not read: it may be NaN.
    Zero,
    /// C = C + A B.
    One,
}

/// An engine for matrix products.
///
/// # Example
///
/// A naive engine:
///
/// ```
/// use handgrad::gemm::{Beta, Gemm, product_shape};
/// use handgrad::{Error, MatMut, MatRef};
///
/// struct Naive;
///
/// impl Gemm<f64> for Naive {
///     fn gemm(
///         &self,
///         a: MatRef<'_, f64>,
///         b: MatRef<'_, f64>,
///         beta: Beta,
///         mut c: MatMut<'_, f64>,
///     ) -> Result<(), Error> {
///         let (m, k, n) = product_shape(&a, &b, &c)?;
///         for i in 0..m {
///             for j in 0..n {
///                 let sum = (0..k).filter_map(|p| Some(a.get(i, p)? * b.get(p, j)?)).sum();
///                 if let Some(c) = c.get_mut(i, j) {
///                     *c = if beta == Beta::Zero { sum } else { *c + sum };
///                 }
///             }
///         }
///         Ok(())
///     }
/// }
///
/// # fn main() -> Result<(), Error> {
/// let a = MatRef::new(&[1.0, 2.0, 3.0, 4.0], 2, 2)?;
/// let mut c = [f64::NAN; 4];
/// Naive.gemm(a, a, Beta::Zero, MatMut::new(&mut c, 2, 2)?)?;
/// assert_eq!(c, [7.0, 10.0, 15.0, 22.0]);
/// # Ok(())
/// # }
/// ```
pub trait Gemm<T>: Sync {
    /// C = A B or C = C + A B, as `beta` says. A is m × k, B is k × n, C is m × n, of any strides.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the sizes do not go together; others as the engine needs them.
    fn gemm(&self, a: MatRef<'_, T>, b: MatRef<'_, T>, beta: Beta, c: MatMut<'_, T>) -> Result<(), Error>;

    /// More than products: only the crate's own engines have it.
    #[doc(hidden)]
    fn fused(&self) -> Fused<T> {
        Fused(None)
    }
}

/// What a pass does on one of the crate's own engines in the place of single products.
#[doc(hidden)]
pub struct Fused<T: 'static>(pub(crate) Option<&'static dyn Phases<T>>);

/// The sizes (m, k, n) of a product C = A B.
///
/// # Errors
///
/// [`Error::Shape`] for [`What::Factor`] if B has not as many rows as A has columns, for [`What::Product`]
/// if C is not m × n.
pub fn product_shape<T>(
    a: &MatRef<'_, T>,
    b: &MatRef<'_, T>,
    c: &MatMut<'_, T>,
) -> Result<(usize, usize, usize), Error> {
    let (m, k, n) = (a.rows(), a.cols(), b.cols());
    if b.rows() != k {
        return Err(Error::Shape { what: What::Factor, expected: (k, n), got: (b.rows(), n) });
    }
    if (c.rows(), c.cols()) != (m, n) {
        return Err(Error::Shape { what: What::Product, expected: (m, n), got: (c.rows(), c.cols()) });
    }
    Ok((m, k, n))
}

/// The engine that [`Pass`](crate::Pass) uses unless told otherwise: [`MatrixMultiply`] for `f32` and `f64`,
/// if that feature is on, [`Blocked`] for all other types.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::gemm::{Beta, default_engine};
/// use handgrad::{MatMut, MatRef};
///
/// let mut c = [1.0f32];
/// let (row, col) = (MatRef::new(&[1.0, 2.0], 1, 2)?, MatRef::new(&[3.0, 4.0], 2, 1)?);
/// default_engine().gemm(row, col, Beta::One, MatMut::new(&mut c, 1, 1)?)?;
/// assert_eq!(c, [12.0]);
/// # Ok(())
/// # }
/// ```
pub fn default_engine<T: Float + 'static>() -> &'static dyn Gemm<T> {
    // A typed engine is of type `&'static dyn Gemm<T>` only if T is its element type: `Any` finds that out
    // with no demand on T, which may be anybody's.
    #[cfg(feature = "matrixmultiply")]
    let typed: [&dyn Any; 2] =
        [&(&MatrixMultiply as &'static dyn Gemm<f32>), &(&MatrixMultiply as &'static dyn Gemm<f64>)];
    #[cfg(not(feature = "matrixmultiply"))]
    let typed: [&dyn Any; 0] = [];
    typed.iter().find_map(|engine| engine.downcast_ref::<&'static dyn Gemm<T>>()).copied().unwrap_or(&Blocked)
}
