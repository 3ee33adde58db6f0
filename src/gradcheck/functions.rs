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
