//! Each check with scratch of its own, for where there is a heap.

use std::vec::Vec;

use num_traits::Float;

use super::adjoint::adjoint_scratch_len;
use super::check::{Check, scratch_len};
use super::dual::Dual;
use super::eval::Eval;
use super::jacobian::jacobian_scratch_len;
use super::jvp::jvp_scratch_len;
use super::report::Report;
use super::self_test::{SelfTest, self_test_scratch_len};
use super::slopes::{slopes_of_field_scratch_len, slopes_scratch_len};
use super::vjp::vjp_scratch_len;
use crate::error::{Error, What};

/// So many numbers, or an error where there is no memory for them.
fn numbers<T: Float>(len: usize) -> Result<Vec<T>, Error> {
    let mut numbers = Vec::new();
    let full = Error::Overflow { what: What::Scratch, sizes: (len, size_of::<T>()) };
    numbers.try_reserve_exact(len).map_err(|_| full)?;
    numbers.resize(len, T::zero());
    Ok(numbers)
}

/// Slopes and their error bars.
type Measured<T> = (Vec<T>, Vec<T>);

/// The same checks with scratch of their own: what takes `scratch` without `_alloc` allocates nothing.
/// [`Error::Overflow`] if there is no memory for it; all else is as there.
impl<'n, T: Float> Check<'_, 'n, T> {
    /// [`run`](Self::run) with scratch of its own. Feature `std`.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    ///
    /// # Example
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use handgrad::gradcheck::Check;
    ///
    /// Check::new(&[3.0, 2.0], &[12.0, 9.0]).run_alloc(|x: &[f64]| x[0] * x[0] * x[1])?.ok()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn run_alloc<F, V>(self, f: F) -> Result<Report<'n>, Error>
    where
        F: FnMut(&[T]) -> V,
        V: Into<Eval<T>>,
    {
        self.run(f, &mut numbers(scratch_len(self.x.len()))?)
    }

    /// [`run_jvp`](Self::run_jvp) with scratch of its own. Feature `std`.
    ///
    /// # Errors
    ///
    /// As [`run_jvp`](Self::run_jvp).
    ///
    /// # Example
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use handgrad::gradcheck::Check;
    ///
    /// let squares = |x: &[f64], out: &mut [f64]| (out[0], out[1]) = (x[0] * x[0], x[1] * x[1]);
    /// Check::new(&[3.0, 2.0], &[6.0, -4.0]).run_jvp_alloc(squares, &[1.0, -1.0])?.ok()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn run_jvp_alloc<F>(self, field: F, v: &[T]) -> Result<Report<'n>, Error>
    where
        F: FnMut(&[T], &mut [T]),
    {
        self.run_jvp(field, v, &mut numbers(jvp_scratch_len(self.x.len(), self.claims.len()))?)
    }

    /// [`run_vjp`](Self::run_vjp) with scratch of its own. Feature `std`.
    ///
    /// # Errors
    ///
    /// As [`run_vjp`](Self::run_vjp).
    ///
    /// # Example
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use handgrad::gradcheck::Check;
    ///
    /// let squares = |x: &[f64], out: &mut [f64]| (out[0], out[1]) = (x[0] * x[0], x[1] * x[1]);
    /// Check::new(&[3.0, 2.0], &[6.0, -4.0]).run_vjp_alloc(squares, &[1.0, -1.0])?.ok()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn run_vjp_alloc<F>(self, field: F, w: &[T]) -> Result<Report<'n>, Error>
    where
        F: FnMut(&[T], &mut [T]),
    {
        self.run_vjp(field, w, &mut numbers(vjp_scratch_len(self.x.len(), w.len()))?)
    }

    /// [`run_jacobian`](Self::run_jacobian) with scratch of its own. Feature `std`.
    ///
    /// # Errors
    ///
    /// As [`run_jacobian`](Self::run_jacobian).
    ///
    /// # Example
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use handgrad::gradcheck::Check;
    ///
    /// let squares = |x: &[f64], out: &mut [f64]| (out[0], out[1]) = (x[0] * x[0], x[1] * x[1]);
    /// Check::new(&[3.0, 2.0], &[6.0, 0.0, 0.0, 4.0]).run_jacobian_alloc(squares)?.ok()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn run_jacobian_alloc<F>(self, field: F) -> Result<Report<'n>, Error>
    where
        F: FnMut(&[T], &mut [T]),
    {
        let n = self.x.len();
        self.run_jacobian(field, &mut numbers(jacobian_scratch_len(n, self.claims.len().div_ceil(n.max(1))))?)
    }

    /// [`run_adjoint`](Self::run_adjoint) with scratch of its own. Feature `std`.
    ///
    /// # Errors
    ///
    /// As [`run_adjoint`](Self::run_adjoint).
    ///
    /// # Example
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use handgrad::gradcheck::Check;
    ///
    /// let jvp = |v: &[f64], out: &mut [f64]| out[0] = 6.0 * v[0] - 4.0 * v[1];
    /// let vjp = |w: &[f64], out: &mut [f64]| (out[0], out[1]) = (6.0 * w[0], -4.0 * w[0]);
    /// Check::at(&[3.0, 2.0]).run_adjoint_alloc(jvp, vjp, 1)?.ok()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn run_adjoint_alloc<J, V>(self, jvp: J, vjp: V, outputs: usize) -> Result<Report<'n>, Error>
    where
        J: FnMut(&[T], &mut [T]),
        V: FnMut(&[T], &mut [T]),
    {
        self.run_adjoint(jvp, vjp, outputs, &mut numbers(adjoint_scratch_len(self.x.len(), outputs))?)
    }

    /// [`run_dual`](Self::run_dual) with scratch of its own. Feature `std`.
    ///
    /// # Errors
    ///
    /// As [`run_dual`](Self::run_dual).
    ///
    /// # Example
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use handgrad::gradcheck::{Check, Dual};
    ///
    /// Check::new(&[3.0, 2.0], &[12.0, 9.0]).run_dual_alloc(|x: &[Dual<f64>]| x[0] * x[0] * x[1])?.ok()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn run_dual_alloc<F, V>(self, f: F) -> Result<Report<'n>, Error>
    where
        F: FnMut(&[Dual<T>]) -> V,
        V: Into<Eval<Dual<T>>>,
    {
        self.run_dual(f, &mut numbers(scratch_len(self.x.len()))?)
    }

    /// [`self_test`](Self::self_test) with scratch of its own. Feature `std`.
    ///
    /// # Errors
    ///
    /// As [`self_test`](Self::self_test).
    ///
    /// # Example
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use handgrad::gradcheck::Check;
    ///
    /// Check::new(&[3.0, 2.0], &[12.0, 9.0]).self_test_alloc(|x: &[f64]| x[0] * x[0] * x[1])?.ok()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn self_test_alloc<F, V>(self, f: F) -> Result<SelfTest<'n>, Error>
    where
        F: FnMut(&[T]) -> V,
        V: Into<Eval<T>>,
    {
        self.self_test(f, &mut numbers(self_test_scratch_len(self.x.len()))?)
    }

    /// [`slopes`](Self::slopes), and their error bars, as vectors. Feature `std`. A slope that was not found is NaN, its
    /// error bar infinite.
    ///
    /// # Errors
    ///
    /// As [`slopes`](Self::slopes).
    ///
    /// # Example
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use handgrad::gradcheck::Check;
    ///
    /// let (slopes, errors) = Check::at(&[3.0, 2.0]).slopes_alloc(|x: &[f64]| x[0] * x[0] * x[1])?;
    /// assert!((slopes[0] - 12.0).abs() <= errors[0] && errors[0] < 1e-9);
    /// # Ok(())
    /// # }
    /// ```
    pub fn slopes_alloc<F, V>(self, f: F) -> Result<Measured<T>, Error>
    where
        F: FnMut(&[T]) -> V,
        V: Into<Eval<T>>,
    {
        let n = self.x.len();
        let (mut slopes, mut errors) = (numbers(n)?, numbers(n)?);
        self.slopes(f, &mut slopes, Some(&mut errors), &mut numbers(slopes_scratch_len(n))?)?;
        Ok((slopes, errors))
    }

    /// [`jacobian`](Self::jacobian), and its error bars, as vectors, row by row. Feature `std`.
    ///
    /// # Errors
    ///
    /// As [`jacobian`](Self::jacobian).
    ///
    /// # Example
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use handgrad::gradcheck::Check;
    ///
    /// let squares = |x: &[f64], out: &mut [f64]| (out[0], out[1]) = (x[0] * x[0], x[1] * x[1]);
    /// let (jacobian, errors) = Check::at(&[3.0, 2.0]).jacobian_alloc(squares, 2)?;
    /// assert!((jacobian[3] - 4.0).abs() <= errors[3] && errors[3] < 1e-9);
    /// # Ok(())
    /// # }
    /// ```
    pub fn jacobian_alloc<F>(self, field: F, outputs: usize) -> Result<Measured<T>, Error>
    where
        F: FnMut(&[T], &mut [T]),
    {
        let n = self.x.len();
        let len = n.saturating_mul(outputs);
        let (mut slopes, mut errors) = (numbers(len)?, numbers(len)?);
        let mut scratch = numbers(slopes_of_field_scratch_len(n, outputs))?;
        self.jacobian(field, outputs, &mut slopes, Some(&mut errors), &mut scratch)?;
        Ok((slopes, errors))
    }
}
