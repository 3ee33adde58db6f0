//! Who computes the matrix products.

use core::fmt;

use num_traits::Float;

use super::layout::External;
use super::phases::Phases;
use crate::data::{MatMut, MatRef};
use crate::error::Error;
use crate::gemm::{Beta, Gemm, matrix_multiply, product_shape};
use crate::simd::{Simd, WithSimd, best_of_f32, best_of_f64, if_same};

/// Who computes the matrix products of a [`Pass`](crate::Pass). All engines agree to rounding; each gives the same bits
/// every time, on any number of threads.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::{Batch, Dims, Engine, MatRef, Params, Pass};
///
/// let dims = Dims::new(2, 3, 2)?;
/// let theta = vec![0.5; dims.param_len()];
/// let x: Vec<f64> = (0..200).map(f64::from).collect();
/// let batch = Batch::new(MatRef::new(&x, 100, 2)?, &[1; 100])?;
/// let mut scratch = vec![0.0; dims.scratch_len(100)];
/// let pass = || Ok(Pass::new(Params::from_flat(dims, &theta)?, batch));
/// let auto = pass()?.run(&mut scratch)?;
/// let builtin: f64 = pass()?.engine(Engine::Builtin).run(&mut scratch)?;
/// assert!((auto - builtin).abs() < 1e-13);
/// # Ok::<(), handgrad::Error>(())
/// # }
/// ```
#[derive(Default)]
#[non_exhaustive]
pub enum Engine<'a, T> {
    /// The default: as [`Builtin`](Self::Builtin), and as `MatrixMultiply` where that pays: for `f32` and `f64`
    /// on a CPU without the vector instructions that `Builtin` has, in a build with `std`.
    #[default]
    Auto,
    /// The crate's own kernels for everything, for every [`Float`]; no heap. For `f32` and `f64` they use the vector
    /// instructions of the CPU: AVX-512 or AVX2 with FMA, found at run time if the feature `std` is on, or NEON with the
    /// same feature. Else as [`Portable`](Self::Portable).
    ///
    /// Zeros are left out of products for `f32`, `f64` and types of 16 bits. In other types a number that equals 0 may be more
    /// than that: a dual number has a derivative there.
    ///
    /// Where the scratch has no pack buffer (a product on its own, up to 8 examples of other than contiguous rows), a large
    /// product packs on the stack: 150 KB on AVX-512, 26 KB on AVX2, 20 KB on NEON.
    Builtin,
    /// As [`Builtin`](Self::Builtin), in plain Rust with no vector instructions by name: each sum is formed in one fixed
    /// order with separate multiplications and additions, and exp and log are the type's own. So the results are the
    /// same bits on every target where those are.
    Portable,
    /// For `f32` and `f64` and more than 8 examples, X W1ᵀ and A W2ᵀ are products of the `matrixmultiply` crate, which
    /// allocates once for each product: of X W1ᵀ there is one for each chunk of examples
    /// ([`Dims::chunk_len`](crate::Dims::chunk_len)) and thread, of A W2ᵀ one for each 32 to 256 examples. Where X or A have so
    /// many zeros that it takes less time without them, and everything else, all gradients among it: as `Builtin`.
    ///
    /// (Where another crate of a program turns on matrixmultiply's feature `threading`, its products run on threads of
    /// their own, beside those of an executor, unless the environment has `MATMUL_NUM_THREADS=1`.)
    #[cfg(feature = "matrixmultiply")]
    #[cfg_attr(docsrs, doc(cfg(feature = "matrixmultiply")))]
    MatrixMultiply,
    /// Every product of a pass by this engine, say a BLAS: whole chunks of examples at a time, from the calling thread.
    /// (Not yours are that of the squares for W1 in [`Pass::second_moment`](crate::Pass::second_moment), and that for W1 where
    /// excluded examples have inputs that are not finite.)
    ///
    /// It knows no factor for its sums. So in `f16` those over a chunk can overflow where their mean is in range; the crate's own
    /// products divide such terms before.
    Gemm(&'a dyn Gemm<T>),
}

// Not derived: an engine can be copied whether or not its elements can.
impl<T> Clone for Engine<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Engine<'_, T> {}

impl<T> fmt::Debug for Engine<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Engine::Auto => "Auto",
            Engine::Builtin => "Builtin",
            Engine::Portable => "Portable",
            #[cfg(feature = "matrixmultiply")]
            Engine::MatrixMultiply => "MatrixMultiply",
            Engine::Gemm(_) => "Gemm(..)",
        })
    }
}

/// One product on its own.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::gemm::{Beta, Gemm};
/// use handgrad::{Engine, MatMut, MatRef};
///
/// let a = MatRef::new(&[1.0f32, 2.0, 3.0, 4.0], 2, 2)?;
/// let mut c = [0.0; 4];
/// Engine::Builtin.gemm(a, a.t(), Beta::Zero, MatMut::new(&mut c, 2, 2)?)?;
/// assert_eq!(c, [5.0, 11.0, 11.0, 25.0]);
/// # Ok(())
/// # }
/// ```
impl<T: Float + 'static> Gemm<T> for Engine<'_, T> {
    fn gemm(
        &self,
        a: MatRef<'_, T>,
        b: MatRef<'_, T>,
        beta: Beta,
        mut c: MatMut<'_, T>,
    ) -> Result<(), Error> {
        let Products { phases, gemm, .. } = Products::of(*self);
        if let Engine::Gemm(gemm) = self {
            return gemm.gemm(a, b, beta, c);
        }
        let (rows, depth, cols) = product_shape(&a, &b, &c)?;
        // The kernels have at least one sum, and in each at least one term.
        if [rows, depth, cols].contains(&0) {
            if beta == Beta::Zero {
                c.fill(T::zero());
            }
            return Ok(());
        }
        match gemm {
            Some(gemm) => gemm.gemm(a, b, beta, c),
            None => phases.gemm(a, b, beta, c),
        }
    }
}

/// What an engine stands for.
#[derive(Clone, Copy)]
pub(crate) struct Products<'a, T: 'static> {
    /// The crate's own, and all that is no product.
    pub(crate) phases: &'static dyn Phases<T>,
    pub(crate) gemm: Option<&'a dyn Gemm<T>>,
    /// Which of the products are those of `gemm`.
    pub(crate) external: External,
}

impl<'a, T: Float + 'static> Products<'a, T> {
    pub(crate) fn of(engine: Engine<'a, T>) -> Self {
        match engine {
            Engine::Auto if cfg!(feature = "std") && phases::<T>().is_portable() => Self::matrix_multiply(),
            #[cfg(feature = "matrixmultiply")]
            Engine::MatrixMultiply => Self::matrix_multiply(),
            Engine::Auto | Engine::Builtin => Self { phases: phases(), gemm: None, external: External::None },
            Engine::Portable => Self { phases: &crate::simd::Portable, gemm: None, external: External::None },
            Engine::Gemm(gemm) => Self { phases: phases(), gemm: Some(gemm), external: External::All },
        }
    }

    /// Matrixmultiply on the way forward, where it has the type.
    fn matrix_multiply() -> Self {
        let gemm = matrix_multiply();
        let external = if gemm.is_some() { External::Forward } else { External::None };
        Self { phases: phases(), gemm, external }
    }
}

/// The phases on the best instruction set that there is for T on this machine.
pub(crate) fn phases<T: Float + 'static>() -> &'static dyn Phases<T> {
    // One after the other: each is asked for only if the one before is none.
    if let Some(phases) = if_same::<T, f32, _, _>(single) {
        return phases;
    }
    if_same::<T, f64, _, _>(double).unwrap_or(&crate::simd::Portable)
}

/// The phases on an instruction set.
struct Of;

impl<T: Float + 'static> WithSimd<T> for Of {
    type Made = &'static dyn Phases<T>;

    fn with<S: Simd<T>>(self, simd: &'static S) -> Self::Made {
        simd
    }
}

// Not generic, so that the loops for these types are compiled once, with this crate, and not again with each
// program that uses it.

fn single() -> &'static dyn Phases<f32> {
    best_of_f32(Of)
}

fn double() -> &'static dyn Phases<f64> {
    best_of_f64(Of)
}
