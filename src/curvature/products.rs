//! The functions with directions.

use num_traits::{Float, PrimInt};

use super::along::Curvature;
use super::directions::Directions;
use super::outputs::{Derivatives, Tangents};
use crate::data::{Params, ParamsMut};
use crate::error::{Error, What, check_len};
use crate::pass::Pass;

/// Writes (29), H v, the product of the Hessian of the objective and a direction, to `product`, and returns the loss.
///
/// What `product` held before is not read. n(3mh + 7hC) multiply-adds, and those of the gradient's way back if the
/// pass has one.
///
/// `scratch` needs [`scratch_len(dims, n, 1)`](super::scratch_len) elements and may hold anything; its contents
/// afterwards are unspecified.
///
/// # Errors
///
/// [`Error::Dims`] if the direction or the product has other dimensions than the net, [`Error::Length`] for too short a
/// scratch, [`Error::Unlabelled`] if the batch has neither labels nor targets, and all errors of
/// [`Pass::run`](crate::Pass::run); nothing has been written then.
///
/// # Example
///
/// The Hessian and the gradient in one pass:
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::curvature::{hessian_vector, scratch_len};
/// use handgrad::{Batch, Dims, MatRef, Params, ParamsMut, Pass};
///
/// let dims = Dims::new(1, 1, 2)?;
/// let (theta, v) = ([1.0, 0.0, 1.0, -1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
/// let batch = Batch::new(MatRef::new(&[2.0], 1, 1)?, &[1])?;
/// let (mut grad, mut hv) = ([0.0; 6], [0.0; 6]);
/// let pass = Pass::new(Params::from_flat(dims, &theta)?, batch).grad(ParamsMut::from_flat(dims, &mut grad)?);
/// let (direction, product) = (Params::from_flat(dims, &v)?, ParamsMut::from_flat(dims, &mut hv)?);
/// let loss = hessian_vector(pass, direction, product, &mut vec![0.0; scratch_len(dims, 1, 1)])?;
/// // L = log(1 + e^2z) with z = 2 W1, and d²L/dW1² = 4 (2²) p (1 - p).
/// let p = 1.0 / (1.0 + f64::exp(-4.0));
/// assert!((loss - (1.0 + f64::exp(4.0)).ln()).abs() < 1e-15);
/// assert!((grad[0] - 4.0 * p).abs() < 1e-15);
/// assert!((hv[0] - 16.0 * p * (1.0 - p)).abs() < 1e-15);
/// # Ok(())
/// # }
/// ```
pub fn hessian_vector<T: Float + Send + Sync + 'static, L: PrimInt + Sync>(
    pass: Pass<'_, T, L>,
    direction: Params<'_, T>,
    product: ParamsMut<'_, T>,
    scratch: &mut [T],
) -> Result<T, Error> {
    hessian_vectors(pass, &[direction], &mut [product], scratch)
}

/// As [`hessian_vector`], for several directions in one pass: the scores, their softmax and G are computed once, so
/// each further one takes n(2mh + 6hC) multiply-adds. Each product has the bits it has alone. `scratch` needs
/// [`scratch_len(dims, n, directions.len())`](super::scratch_len).
///
/// # Errors
///
/// As [`hessian_vector`], and [`Error::Length`] if there are not as many products as directions.
///
/// # Example
///
/// All of a small Hessian:
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::curvature::{hessian_vectors, scratch_len};
/// use handgrad::{Batch, Dims, MatRef, Params, ParamsMut, Pass};
///
/// let dims = Dims::new(1, 1, 2)?;
/// let theta = [1.0, 0.5, 1.0, -1.0, 0.0, 0.0];
/// let batch = Batch::new(MatRef::new(&[2.0], 1, 1)?, &[1])?;
/// let mut units = [[0.0; 6]; 6];
/// (0..6).for_each(|i| units[i][i] = 1.0);
/// let mut hessian = [[0f64; 6]; 6];
/// let directions = units.iter().map(|v| Params::from_flat(dims, v)).collect::<Result<Vec<_>, _>>()?;
/// let mut products =
///     hessian.iter_mut().map(|row| ParamsMut::from_flat(dims, row)).collect::<Result<Vec<_>, _>>()?;
/// let mut scratch = vec![0.0; scratch_len(dims, 1, 6)];
/// let pass = Pass::new(Params::from_flat(dims, &theta)?, batch);
/// hessian_vectors(pass, &directions, &mut products, &mut scratch)?;
/// assert!((hessian[0][2] - hessian[2][0]).abs() < 1e-15); // by W1 and W2[0]
/// # Ok(())
/// # }
/// ```
pub fn hessian_vectors<T: Float + Send + Sync + 'static, L: PrimInt + Sync>(
    pass: Pass<'_, T, L>,
    directions: &[Params<'_, T>],
    products: &mut [ParamsMut<'_, T>],
    scratch: &mut [T],
) -> Result<T, Error> {
    run(pass, Curvature::Hessian, directions, products, scratch)
}

/// Writes the product of Gauss-Newton's matrix and a direction, the Hessian with the scores taken for linear in the
/// parameters: (29) without G V2 and Gᵀ A'. Positive semidefinite, and the Fisher information of the model; with L2
/// α1 V1 and α2 V2 more. Returns the loss, NaN without labels.
///
/// n(3mh + 5hC) multiply-adds. Of labels it needs none: without them and without targets each example has the weight
/// v_i. All else is as for [`hessian_vector`].
///
/// # Errors
///
/// As [`hessian_vector`].
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::curvature::{gauss_newton_vector, scratch_len};
/// use handgrad::{Batch, Dims, MatRef, Params, ParamsMut, Pass};
///
/// let dims = Dims::new(1, 1, 2)?;
/// let (theta, v) = ([1.0, 0.0, 1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
/// let x = MatRef::new(&[0.0, 2.0], 2, 1)?;
/// let pass = Pass::new(Params::from_flat(dims, &theta)?, Batch::unlabelled(x));
/// let mut product = [0.0; 6];
/// let (direction, out) = (Params::from_flat(dims, &v)?, ParamsMut::from_flat(dims, &mut product)?);
/// gauss_newton_vector(pass, direction, out, &mut vec![0.0; scratch_len(dims, 2, 1)])?;
/// let p = 1.0 / (1.0 + f64::exp(-4.0));
/// assert!((product[2] - 4.0 * p * (1.0 - p) / 2.0).abs() < 1e-15); // a² p (1 - p), the mean over two examples
/// # Ok(())
/// # }
/// ```
pub fn gauss_newton_vector<T: Float + Send + Sync + 'static, L: PrimInt + Sync>(
    pass: Pass<'_, T, L>,
    direction: Params<'_, T>,
    product: ParamsMut<'_, T>,
    scratch: &mut [T],
) -> Result<T, Error> {
    gauss_newton_vectors(pass, &[direction], &mut [product], scratch)
}

/// As [`gauss_newton_vector`], for several directions in one pass: each further one takes n(2mh + 4hC) multiply-adds.
///
/// # Errors
///
/// As [`hessian_vectors`].
///
/// # Example
///
/// As that of [`hessian_vectors`].
pub fn gauss_newton_vectors<T: Float + Send + Sync + 'static, L: PrimInt + Sync>(
    pass: Pass<'_, T, L>,
    directions: &[Params<'_, T>],
    products: &mut [ParamsMut<'_, T>],
    scratch: &mut [T],
) -> Result<T, Error> {
    run(pass, Curvature::GaussNewton, directions, products, scratch)
}

fn run<T: Float + Send + Sync + 'static, L: PrimInt + Sync>(
    pass: Pass<'_, T, L>,
    curvature: Curvature,
    directions: &[Params<'_, T>],
    products: &mut [ParamsMut<'_, T>],
    scratch: &mut [T],
) -> Result<T, Error> {
    check_len(What::CurvatureProduct, directions.len(), products.len())?;
    let all = Directions { directions, products, curvature, out: Tangents::default() };
    Ok(all.run(pass, scratch)?.loss)
}

/// Goes along a direction and not back: writes what is chosen of (26), J v, and of (30), and returns the derivatives
/// of the objective, among them the directional curvature vᵀ H v. n(2mh + 4hC) multiply-adds.
///
/// `scratch` needs [`scratch_len(dims, n, 1)`](super::scratch_len) elements. An excluded example has derivatives 0,
/// and its scores have their own.
///
/// # Errors
///
/// As [`hessian_vector`], and [`Error::Shape`] or [`Error::Length`] for an output of the wrong size.
/// [`Error::Unlabelled`] only if `slopes` or `hessian` is chosen.
///
/// # Example
///
/// The step along a direction at which the objective's parabola is lowest:
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::curvature::{Tangents, scratch_len, tangent};
/// use handgrad::{Batch, Dims, MatMut, MatRef, Params, Pass};
///
/// let dims = Dims::new(1, 1, 2)?;
/// let (theta, v) = ([1.0, 0.0, 1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
/// let batch = Batch::new(MatRef::new(&[2.0, 1.0], 2, 1)?, &[1, 1])?;
/// let mut scratch = vec![0.0; scratch_len(dims, 2, 1)];
/// let mut jv = [0.0; 4];
/// let out = Tangents { scores: Some(MatMut::new(&mut jv, 2, 2)?), ..Default::default() };
/// let pass = Pass::new(Params::from_flat(dims, &theta)?, batch);
/// let along = tangent(pass, Params::from_flat(dims, &v)?, out, &mut scratch)?;
/// assert_eq!(jv, [1.0, 0.0, 1.0, 0.0]); // f[0] has b2[0], f[1] has not
/// assert!(along.slope > 0.0 && along.hessian > 0.0);
/// let step = -along.slope / along.hessian;
/// assert!(step < -1.0);
/// # Ok(())
/// # }
/// ```
pub fn tangent<T: Float + Send + Sync + 'static, L: PrimInt + Sync>(
    pass: Pass<'_, T, L>,
    direction: Params<'_, T>,
    out: Tangents<'_, T>,
    scratch: &mut [T],
) -> Result<Derivatives<T>, Error> {
    let directions = &[direction];
    Directions { directions, products: &mut [], curvature: Curvature::Hessian, out }.run(pass, scratch)
}
