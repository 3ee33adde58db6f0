//! The short form of each check: all settings as they are.

use num_traits::Float;

use super::check::Check;
use super::dual::Dual;
use super::eval::Eval;
use super::report::Report;
use super::self_test::SelfTest;
use crate::error::Error;

/// Checks that `claims` is the gradient of `f` at `x`: [`Check::run`] with all settings as they are.
///
/// # Errors
///
/// As [`Check::run`].
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::gradcheck::{Hint, check};
///
/// // Somebody forgot the factor 2.
/// let report = check(|x: &[f64]| x[0] * x[0], &[3.0], &[3.0], &mut [0.0; 2])?;
/// assert!(!report.is_ok());
/// assert_eq!(report.hint(), Some(Hint::TooSmall(2)));
/// # Ok(())
/// # }
/// ```
pub fn check<T, F, V>(f: F, x: &[T], claims: &[T], scratch: &mut [T]) -> Result<Report<'static>, Error>
where
    T: Float,
    F: FnMut(&[T]) -> V,
    V: Into<Eval<T>>,
{
    Check::new(x, claims).run(f, scratch)
}

/// Checks that `claims` is J v, the derivative of the vector field `field` at `x` along `v`: [`Check::run_jvp`] with
/// all settings as they are.
///
/// # Errors
///
/// As [`Check::run_jvp`].
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::gradcheck::{check_jvp, jvp_scratch_len};
///
/// let polar = |p: &[f64], out: &mut [f64]| (out[0], out[1]) = (p[0] * p[1].cos(), p[0] * p[1].sin());
/// let (x, v) = ([2.0, 0.5f64], [1.0, 1.0]);
/// let (sin, cos) = x[1].sin_cos();
/// let jv = [cos - 2.0 * sin, sin + 2.0 * cos];
/// check_jvp(polar, &x, &v, &jv, &mut [0.0; jvp_scratch_len(2, 2)])?.assert_ok();
/// # Ok(())
/// # }
/// ```
pub fn check_jvp<T, F>(
    field: F,
    x: &[T],
    v: &[T],
    claims: &[T],
    scratch: &mut [T],
) -> Result<Report<'static>, Error>
where
    T: Float,
    F: FnMut(&[T], &mut [T]),
{
    Check::new(x, claims).run_jvp(field, v, scratch)
}

/// Checks that `claims` is the gradient of `f` at `x`, by dual numbers: [`Check::run_dual`] with all settings as they
/// are.
///
/// # Errors
///
/// As [`Check::run_dual`].
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::gradcheck::{Dual, check_dual};
///
/// let cube = |x: &[Dual<f64>]| x[0] * x[0] * x[0];
/// let report = check_dual(cube, &[2.0], &[12.0], &mut [Dual::constant(0.0); 2])?;
/// report.assert_ok();
/// # Ok(())
/// # }
/// ```
pub fn check_dual<T, F, V>(
    f: F,
    x: &[T],
    claims: &[T],
    scratch: &mut [Dual<T>],
) -> Result<Report<'static>, Error>
where
    T: Float,
    F: FnMut(&[Dual<T>]) -> V,
    V: Into<Eval<Dual<T>>>,
{
    Check::new(x, claims).run_dual(f, scratch)
}

/// Tells which known faults in `claims` a check of them catches: [`Check::self_test`] with all settings as they are.
///
/// # Errors
///
/// As [`Check::self_test`].
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::gradcheck::{self_test, self_test_scratch_len};
///
/// let f = |x: &[f64]| x[0].exp() * x[1];
/// let claims = [3.0 * 1f64.exp(), 1f64.exp()];
/// self_test(f, &[1.0, 3.0], &claims, &mut [0.0; self_test_scratch_len(2)])?.assert_ok();
/// # Ok(())
/// # }
/// ```
pub fn self_test<T, F, V>(f: F, x: &[T], claims: &[T], scratch: &mut [T]) -> Result<SelfTest<'static>, Error>
where
    T: Float,
    F: FnMut(&[T]) -> V,
    V: Into<Eval<T>>,
{
    Check::new(x, claims).self_test(f, scratch)
}

/// Checks that `claims` is the Jacobian of the vector field `field` at `x`, row by row: [`Check::run_jacobian`] with all
/// settings as they are.
///
/// # Errors
///
/// As [`Check::run_jacobian`].
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::gradcheck::{check_jacobian, jacobian_scratch_len};
///
/// let field = |x: &[f64], out: &mut [f64]| (out[0], out[1]) = (x[0] * x[1], x[0] - x[1]);
/// let jacobian = [3.0, 2.0, 1.0, -1.0];
/// check_jacobian(field, &[2.0, 3.0], &jacobian, &mut [0.0; jacobian_scratch_len(2, 2)])?.assert_ok();
/// # Ok(())
/// # }
/// ```
pub fn check_jacobian<T, F>(
    field: F,
    x: &[T],
    claims: &[T],
    scratch: &mut [T],
) -> Result<Report<'static>, Error>
where
    T: Float,
    F: FnMut(&[T], &mut [T]),
{
    Check::new(x, claims).run_jacobian(field, scratch)
}

/// Checks that `claims` is wᵀJ, for the vector field `field` with the Jacobian J at `x`: [`Check::run_vjp`] with all
/// settings as they are.
///
/// # Errors
///
/// As [`Check::run_vjp`].
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::gradcheck::{check_vjp, vjp_scratch_len};
///
/// let field = |x: &[f64], out: &mut [f64]| (out[0], out[1]) = (x[0] * x[1], x[0] - x[1]);
/// let (w, claims) = ([1.0, -2.0], [3.0 - 2.0, 2.0 + 2.0]);
/// check_vjp(field, &[2.0, 3.0], &w, &claims, &mut [0.0; vjp_scratch_len(2, 2)])?.assert_ok();
/// # Ok(())
/// # }
/// ```
pub fn check_vjp<T, F>(
    field: F,
    x: &[T],
    w: &[T],
    claims: &[T],
    scratch: &mut [T],
) -> Result<Report<'static>, Error>
where
    T: Float,
    F: FnMut(&[T], &mut [T]),
{
    Check::new(x, claims).run_vjp(field, w, scratch)
}

/// Checks that `jvp` and `vjp` multiply by the same Jacobian of `outputs` rows at `x`: [`Check::run_adjoint`] with all
/// settings as they are.
///
/// # Errors
///
/// As [`Check::run_adjoint`].
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::gradcheck::{adjoint_scratch_len, check_adjoint};
///
/// let jvp = |v: &[f64], out: &mut [f64]| (out[0], out[1]) = (3.0 * v[0] + 2.0 * v[1], v[0] - v[1]);
/// let vjp = |w: &[f64], out: &mut [f64]| (out[0], out[1]) = (3.0 * w[0] + w[1], 2.0 * w[0] - w[1]);
/// check_adjoint(jvp, vjp, &[2.0, 3.0], 2, &mut [0.0; adjoint_scratch_len(2, 2)])?.assert_ok();
/// # Ok(())
/// # }
/// ```
pub fn check_adjoint<T, J, V>(
    jvp: J,
    vjp: V,
    x: &[T],
    outputs: usize,
    scratch: &mut [T],
) -> Result<Report<'static>, Error>
where
    T: Float,
    J: FnMut(&[T], &mut [T]),
    V: FnMut(&[T], &mut [T]),
{
    Check::at(x).run_adjoint(jvp, vjp, outputs, scratch)
}
