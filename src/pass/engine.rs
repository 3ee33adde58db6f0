//! The crate's own engines: the same loops on the best instruction set of the machine, or on none.

use core::any::{Any, TypeId};

use num_traits::Float;

#[cfg(feature = "matrixmultiply")]
use super::phases::Phases;
use crate::data::{MatMut, MatRef};
use crate::error::Error;
use crate::gemm::{Beta, Fused, Gemm, MatrixMultiply};

/// The crate's own blocked products, for every [`Float`], with no heap.
///
/// For `f32` and `f64` with the vector instructions of the CPU: AVX-512 or AVX2 with FMA, found at run time if
/// the feature `std` is on, or NEON with the same feature. Else as [`Portable`].
///
/// A [`Pass`](crate::Pass) on it does more than products: bias, ReLU and mask are applied before a result is
/// stored, W1 is packed once, exp and log are vectorised, and the work can be cut up between threads.
///
/// Nothing is allocated. A large product on its own takes 150 KB of the stack on AVX-512, 26 KB on AVX2, 20 KB on NEON;
/// a pass has room in its scratch instead, unless many threads share it.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::gemm::{Beta, Blocked, Gemm};
/// use handgrad::{MatMut, MatRef};
///
/// let a = MatRef::new(&[1.0f32, 2.0, 3.0, 4.0], 2, 2)?;
/// let mut c = [0.0; 4];
/// Blocked.gemm(a, a.t(), Beta::Zero, MatMut::new(&mut c, 2, 2)?)?;
/// assert_eq!(c, [5.0, 11.0, 11.0, 25.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Blocked;

impl<T: Float + 'static> Gemm<T> for Blocked {
    fn gemm(&self, a: MatRef<'_, T>, b: MatRef<'_, T>, beta: Beta, c: MatMut<'_, T>) -> Result<(), Error> {
        phases().gemm(a, b, beta, c)
    }

    fn fused(&self) -> Fused<T> {
        Fused(Some(phases()))
    }
}

/// As [`Blocked`], in plain Rust with no vector instructions by name: each sum is formed in one fixed order
/// with separate multiplications and additions, and exp and log are the type's own. So the results are the
/// same bits on every target where those are.
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

impl<T: Float + 'static> Gemm<T> for Portable {
    fn gemm(&self, a: MatRef<'_, T>, b: MatRef<'_, T>, beta: Beta, c: MatMut<'_, T>) -> Result<(), Error> {
        crate::simd::Portable.gemm(a, b, beta, c)
    }

    fn fused(&self) -> Fused<T> {
        Fused(Some(&crate::simd::Portable))
    }
}

/// The phases on the best instruction set that there is for T on this machine.
pub(crate) fn phases<T: Float + 'static>() -> &'static dyn Phases<T> {
    if let Some(phases) = of_type(single) {
        return phases;
    }
    of_type(double).unwrap_or(&crate::simd::Portable)
}

/// Those for U if T is U: `Any` finds that out with no demand on T, which may be anybody's. Asked before `phases` is
/// called, so that a program of one type does not contain the loops of the other.
fn of_type<T: 'static, U: 'static>(phases: fn() -> &'static dyn Phases<U>) -> Option<&'static dyn Phases<T>> {
    if TypeId::of::<T>() != TypeId::of::<U>() {
        return None;
    }
    (&phases() as &dyn Any).downcast_ref::<&'static dyn Phases<T>>().copied()
}

// Not generic, so that the loops for these types are compiled once, with this crate, and not again with each
// program that uses it.

fn single() -> &'static dyn Phases<f32> {
    #[cfg(all(feature = "std", target_arch = "x86_64", handgrad_avx512))]
    if let Some(found) = crate::simd::Avx512::detect() {
        return found;
    }
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    if let Some(found) = crate::simd::Avx2::detect() {
        return found;
    }
    #[cfg(all(feature = "std", target_arch = "aarch64", target_feature = "neon"))]
    return crate::simd::Neon::get();
    #[cfg(not(all(feature = "std", target_arch = "aarch64", target_feature = "neon")))]
    &crate::simd::Portable
}

fn double() -> &'static dyn Phases<f64> {
    #[cfg(all(feature = "std", target_arch = "x86_64", handgrad_avx512))]
    if let Some(found) = crate::simd::Avx512::detect() {
        return found;
    }
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    if let Some(found) = crate::simd::Avx2::detect() {
        return found;
    }
    #[cfg(all(feature = "std", target_arch = "aarch64", target_feature = "neon"))]
    return crate::simd::Neon::get();
    #[cfg(not(all(feature = "std", target_arch = "aarch64", target_feature = "neon")))]
    &crate::simd::Portable
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
