//! The functions with directions.

use num_traits::{Float, PrimInt};

use super::along::Curvature;
use super::directions::{Directions, Sums};
use super::outputs::Tangents;
use crate::data::{Params, ParamsMut};
use crate::error::{Error, What, check_len};
use crate::pass::Pass;

/// Writes (29), the product H v.
pub fn hessian_vector<T: Float + Send + Sync + 'static, L: PrimInt + Sync>(
    pass: Pass<'_, T, L>,
    direction: Params<'_, T>,
    product: ParamsMut<'_, T>,
    scratch: &mut [T],
) -> Result<T, Error> {
    hessian_vectors(pass, &[direction], &mut [product], scratch)
}

/// Several.
pub fn hessian_vectors<T: Float + Send + Sync + 'static, L: PrimInt + Sync>(
    pass: Pass<'_, T, L>,
    directions: &[Params<'_, T>],
    products: &mut [ParamsMut<'_, T>],
    scratch: &mut [T],
) -> Result<T, Error> {
    run(pass, Curvature::Hessian, directions, products, scratch)
}

/// GN.
pub fn gauss_newton_vector<T: Float + Send + Sync + 'static, L: PrimInt + Sync>(
    pass: Pass<'_, T, L>,
    direction: Params<'_, T>,
    product: ParamsMut<'_, T>,
    scratch: &mut [T],
) -> Result<T, Error> {
    gauss_newton_vectors(pass, &[direction], &mut [product], scratch)
}

/// GN.
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

/// The derivatives of the loss along a direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Derivatives<T> {
    /// L.
    pub loss: T,
    /// ∇L · v.
    pub slope: T,
    /// vᵀ G v.
    pub gauss_newton: T,
    /// vᵀ H v.
    pub hessian: T,
}

/// J v.
pub fn tangent<T: Float + Send + Sync + 'static, L: PrimInt + Sync>(
    pass: Pass<'_, T, L>,
    direction: Params<'_, T>,
    out: Tangents<'_, T>,
    scratch: &mut [T],
) -> Result<Derivatives<T>, Error> {
    let directions = &[direction];
    let all = Directions { directions, products: &mut [], curvature: Curvature::Hessian, out };
    let Sums { loss, slope, gauss_newton, hessian } = all.run(pass, scratch)?;
    Ok(Derivatives { loss, slope, gauss_newton, hessian })
}
