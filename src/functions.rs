//! The short functions: one call for the usual outputs. Each is one line over [`Pass`].

use num_traits::{Float, PrimInt};

use crate::data::{Batch, Inputs, MatMut, Params, ParamsMut};
use crate::error::Error;
use crate::pass::{ClassInteger, Pass};

/// Writes (3), the scores (logits) F = max(0, X W1ᵀ + b1) W2ᵀ + b2 of the examples `x` (n × m), to `scores`
/// (n × C). n(mh + hC) multiply-adds.
///
/// `scratch` needs [`Dims::scratch_len(n)`](crate::Dims::scratch_len) elements and may hold anything; its
/// contents afterwards are unspecified.
///
/// # Errors
///
/// [`Error::Shape`] if `x` or `scores` has the wrong size, [`Error::Length`] for too short a scratch;
/// nothing has been written then.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::{Dims, MatMut, MatRef, Params, scores};
///
/// let dims = Dims::new(2, 1, 2)?;
/// let theta = [1.0, -1.0, 0.5, 2.0, -2.0, 0.0, 1.0]; // W1 | b1 | W2 | b2
/// let params = Params::from_flat(dims, &theta)?;
/// let x = [3.0, 1.0, 1.0, 3.0]; // z = 2.5, z = -1.5
/// let mut f = [0.0; 4];
/// let mut scratch = vec![0.0; dims.scratch_len(2)];
/// scores(params, MatRef::new(&x, 2, 2)?, MatMut::new(&mut f, 2, 2)?, &mut scratch)?;
/// assert_eq!(f, [5.0, -4.0, 0.0, 1.0]);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "logits")]
pub fn scores<'a, T: Float + Send + Sync + 'static>(
    params: Params<'a, T>,
    x: impl Into<Inputs<'a, T>>,
    scores: MatMut<'a, T>,
    scratch: &mut [T],
) -> Result<(), Error> {
    Pass::new(params, Batch::unlabelled(x)).scores(scores).infer(scratch)
}

/// Writes (4), the probabilities P(Y = j | x) = exp(f_j) / sum of exp(f_k), of the examples `x` (n × m) to
/// `probabilities` (n × C).
///
/// Scratch and errors as [`scores`].
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::{Dims, MatMut, MatRef, Params, probabilities};
///
/// let dims = Dims::new(1, 1, 2)?;
/// let theta = [1.0, 0.0, 1.0, 1.0, 0.0, 0.0]; // both scores are max(0, x)
/// let mut p = [0.0; 2];
/// let mut scratch = vec![0.0; dims.scratch_len(1)];
/// let x = MatRef::new(&[1e30], 1, 1)?;
/// probabilities(Params::from_flat(dims, &theta)?, x, MatMut::new(&mut p, 1, 2)?, &mut scratch)?;
/// assert_eq!(p, [0.5, 0.5]);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "softmax")]
pub fn probabilities<'a, T: Float + Send + Sync + 'static>(
    params: Params<'a, T>,
    x: impl Into<Inputs<'a, T>>,
    probabilities: MatMut<'a, T>,
    scratch: &mut [T],
) -> Result<(), Error> {
    Pass::new(params, Batch::unlabelled(x)).probabilities(probabilities).infer(scratch)
}

/// Writes the logarithms of (4), (f_j - max f) - log1p(sum over the others of exp(f_k - max f)), of the
/// examples `x` (n × m) to `log_probabilities` (n × C). They are finite where the probability itself
/// underflows to 0, and have full relative accuracy where it rounds to 1.
///
/// Scratch and errors as [`scores`].
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::{Dims, MatMut, MatRef, Params, log_probabilities};
///
/// let dims = Dims::new(1, 1, 2)?;
/// let theta = [1.0, 0.0, 1.0, -1.0, 0.0, 0.0]; // scores x and -x
/// let mut log_p = [0.0; 2];
/// let mut scratch = vec![0.0; dims.scratch_len(1)];
/// let x = MatRef::new(&[500.0], 1, 1)?;
/// log_probabilities(Params::from_flat(dims, &theta)?, x, MatMut::new(&mut log_p, 1, 2)?, &mut scratch)?;
/// assert_eq!(log_p, [-0.0, -1000.0]);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "log_softmax")]
pub fn log_probabilities<'a, T: Float + Send + Sync + 'static>(
    params: Params<'a, T>,
    x: impl Into<Inputs<'a, T>>,
    log_probabilities: MatMut<'a, T>,
    scratch: &mut [T],
) -> Result<(), Error> {
    Pass::new(params, Batch::unlabelled(x)).log_probabilities(log_probabilities).infer(scratch)
}

/// Writes the class of the largest score of each of the examples `x` (n × m) to `classes` (n): the first one
/// of equals; the first NaN if there is one.
///
/// Scratch and errors as [`scores`], and [`Error::Length`] if `classes` has not n elements.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::{Dims, MatRef, Params, predict};
///
/// let dims = Dims::new(1, 1, 2)?;
/// let theta = [1.0, 0.0, 1.0, -1.0, 0.0, 1.0]; // scores max(0, x) and 1 - max(0, x)
/// let mut classes = [9; 2];
/// let mut scratch = vec![0.0; dims.scratch_len(2)];
/// let x = MatRef::new(&[3.0, 0.25], 2, 1)?;
/// predict(Params::from_flat(dims, &theta)?, x, &mut classes, &mut scratch)?;
/// assert_eq!(classes, [0, 1]);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "argmax")]
pub fn predict<'a, T: Float + Send + Sync + 'static>(
    params: Params<'a, T>,
    x: impl Into<Inputs<'a, T>>,
    classes: &'a mut [impl ClassInteger],
    scratch: &mut [T],
) -> Result<(), Error> {
    Pass::new(params, Batch::unlabelled(x)).predictions(classes).infer(scratch)
}

/// Returns (6), the mean loss L = (1/n) sum of L_i of a labelled batch.
///
/// Scratch as [`scores`], errors as [`Pass::run`].
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::{Batch, Dims, MatRef, Params, loss};
///
/// let dims = Dims::new(1, 1, 2)?;
/// let theta = [1.0, 0.0, 1.0, -1.0, 0.0, 0.0]; // scores x and -x
/// let batch = Batch::new(MatRef::new(&[50.0], 1, 1)?, &[0])?;
/// let mut scratch = vec![0.0; dims.scratch_len(1)];
/// // log(1 + e^-100): the textbook form gives 0.
/// let small = loss(Params::from_flat(dims, &theta)?, batch, &mut scratch)?;
/// assert!((small / (-100f64).exp() - 1.0).abs() <= f64::EPSILON);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "cross_entropy")]
pub fn loss<T: Float + Send + Sync + 'static, L: PrimInt + Sync>(
    params: Params<'_, T>,
    batch: Batch<'_, T, L>,
    scratch: &mut [T],
) -> Result<T, Error> {
    Pass::new(params, batch).run(scratch)
}

/// Returns (6), the mean loss of a labelled batch, and overwrites `grad` with its gradient dW1, db1, dW2, db2
/// by (12) to (15), batched as (17). n(2mh + 3hC) multiply-adds.
///
/// Scratch as [`scores`], errors as [`Pass::run`]. What `grad` held before is not read.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::{Batch, Dims, MatRef, Params, ParamsMut, loss_and_grad};
///
/// let dims = Dims::new(1, 1, 2)?;
/// let theta = [1.0, 0.0, 1.0, 1.0, 0.0, 0.0]; // both scores are max(0, x)
/// let batch = Batch::new(MatRef::new(&[4.0], 1, 1)?, &[0])?;
/// let mut grad = [f64::NAN; 6];
/// let mut scratch = vec![0.0; dims.scratch_len(1)];
/// let params = Params::from_flat(dims, &theta)?;
/// let loss = loss_and_grad(params, batch, ParamsMut::from_flat(dims, &mut grad)?, &mut scratch)?;
/// assert_eq!(loss, 2f64.ln());
/// assert_eq!(grad, [0.0, 0.0, -2.0, 2.0, -0.5, 0.5]); // dW1 | db1 | dW2 | db2
/// # Ok(())
/// # }
/// ```
#[doc(alias = "backward")]
pub fn loss_and_grad<T: Float + Send + Sync + 'static, L: PrimInt + Sync>(
    params: Params<'_, T>,
    batch: Batch<'_, T, L>,
    grad: ParamsMut<'_, T>,
    scratch: &mut [T],
) -> Result<T, Error> {
    Pass::new(params, batch).grad(grad).run(scratch)
}
