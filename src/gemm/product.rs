//! What a product is, and the trait of the engines.

use num_traits::Float;

use crate::data::{MatMut, MatRef};
use crate::error::{Error, What};
use crate::simd::Simd;

/// Whether a result replaces what was there before or is added to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Beta {
    /// C = A B. What C held before is not read: it may be NaN.
    Zero,
    /// C = C + A B.
    One,
}

/// C = alpha A B, or C + alpha A B: what the crate's own products store.
///
/// With alpha, a mean over examples need not be formed of terms that were divided before: those may be too small for the
/// type. Each sum is multiplied once, where it is stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AlphaBeta<T> {
    pub(crate) alpha: T,
    pub(crate) beta: Beta,
}

impl<T: Float> AlphaBeta<T> {
    /// With alpha = 1.
    pub(crate) fn plain(beta: Beta) -> Self {
        Self { alpha: T::one(), beta }
    }

    /// The same alpha, added to what is there.
    pub(crate) fn added(self) -> Self {
        Self { beta: Beta::One, ..self }
    }

    /// An element of C from its sum.
    ///
    /// A sum that underflows can be -0. Products without zeros would leave it so where a last term of 0 makes it +0: so it is
    /// made +0 here.
    #[inline(always)]
    pub(crate) fn apply_one(self, sum: T, c: T) -> T {
        let sum = sum * self.alpha + T::zero();
        if self.beta == Beta::One { c + sum } else { sum }
    }

    /// A register of sums, before what is there is added.
    #[inline(always)]
    pub(super) fn scaled<S: Simd<T>>(self, simd: S, sums: S::V) -> S::V {
        let zero = simd.splat(T::zero());
        // Twice: a product that underflows may be -0, fused or not.
        simd.add(simd.mul_add(sums, simd.splat(self.alpha), zero), zero)
    }

    /// A register of C from its sums.
    #[inline(always)]
    pub(super) fn apply<S: Simd<T>>(self, simd: S, sums: S::V, c: &[T]) -> S::V {
        let sums = self.scaled(simd, sums);
        if self.beta == Beta::One { simd.add(simd.load(c), sums) } else { sums }
    }
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
    /// C = A B or C = C + A B, as `beta` says. A is m × k, B is k × n, C is m × n, of any strides. In a pass none of
    /// the sizes is 0.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the sizes do not go together; others as the engine needs them.
    fn gemm(&self, a: MatRef<'_, T>, b: MatRef<'_, T>, beta: Beta, c: MatMut<'_, T>) -> Result<(), Error>;
}

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

/// Matrixmultiply's engine for a type: without that feature there is none.
#[cfg(not(feature = "matrixmultiply"))]
pub(crate) fn matrix_multiply<T>() -> Option<&'static dyn Gemm<T>> {
    None
}
