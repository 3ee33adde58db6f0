//! Slopes that nobody claims: what the probes measure, for the caller.

use num_traits::Float;

use super::check::{Check, scratch_len, take_scratch};
use super::driver::Slopes;
use super::eval::Eval;
use super::jacobian::jacobian_scratch_len;
use super::report::Report;
use crate::error::{Error, What, check_len, product};

/// The scratch that [`Check::slopes`] needs for a point of `n` entries: 3n.
pub const fn slopes_scratch_len(n: usize) -> usize {
    n + scratch_len(n)
}

/// The scratch that [`Check::jacobian`] needs for a point of `n` entries and a field of `outputs` entries:
/// n outputs + 3n + 5 outputs.
pub const fn slopes_of_field_scratch_len(n: usize, outputs: usize) -> usize {
    n.saturating_mul(outputs).saturating_add(jacobian_scratch_len(n, outputs))
}

impl<'n, T: Float> Check<'_, 'n, T> {
    /// Measures the gradient of `f` at x by differences: the slope along each entry, into `slopes`, and if wanted its
    /// error bar into `errors`: the slope is within ± of it. At a kink the middle between the two one-sided slopes, and
    /// half of their distance.
    ///
    /// The bar is infinite, and the slope a guess or NaN, where it could not be found to the resolution that is
    /// [required](Self::require), relative to itself or to the mean slope over the first steps, if that is
    /// more: f has no slope there, or is too rough, or the
    /// [`evaluations`](Self::evaluations) ran out. Nothing is measured of an f that is nondeterministic or not
    /// finite at x: all slopes are NaN.
    ///
    /// Claims have no part in it: [`Check::at`]. Blocks tell which entries are of one size, as in a check. The report
    /// tells how it went: it [is ok](Report::is_ok) if in each block some slope was found, and its
    /// [resolution](Report::resolution) is the largest of the error bars, relative in the same way.
    ///
    /// Costs some 20 evaluations of `f` for each entry, and 35 besides. Allocates nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Zero`] if `x` is empty or a block is; [`Error::Length`] if `slopes` or `errors` have not the length of
    /// x, the blocks have another number of entries, or `scratch` is shorter than [`slopes_scratch_len`]; and those
    /// of the settings, as in [`run`](Self::run).
    ///
    /// # Example
    ///
    /// ```
    /// # fn main() -> Result<(), handgrad::Error> {
    /// use handgrad::gradcheck::{Check, slopes_scratch_len};
    ///
    /// let f = |x: &[f64]| (x[0] * x[1]).sin();
    /// let (mut slopes, mut errors) = ([0.0; 2], [0.0; 2]);
    /// let mut scratch = [0.0; slopes_scratch_len(2)];
    /// Check::at(&[0.5, 2.0]).slopes(f, &mut slopes, Some(&mut errors), &mut scratch)?.assert_ok();
    /// for (i, slope) in [2.0 * 1f64.cos(), 0.5 * 1f64.cos()].into_iter().enumerate() {
    ///     assert!((slopes[i] - slope).abs() <= errors[i] && errors[i] < 1e-9);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn slopes<F, V>(
        self,
        mut f: F,
        slopes: &mut [T],
        errors: Option<&mut [T]>,
        scratch: &mut [T],
    ) -> Result<Report<'n>, Error>
    where
        F: FnMut(&[T]) -> V,
        V: Into<Eval<T>>,
    {
        let n = self.x.len();
        self.check_settings(n)?;
        let (claims, scratch) = take_scratch(scratch, slopes_scratch_len(n))?.split_at_mut(n);
        let slopes = unknown(n, slopes, errors)?;
        claims.fill(T::zero());
        let check = Check { claims, ..self.all_entries() };
        check.start(&mut |x| Ok(f(x).into()), scratch, Some(slopes))
    }

    /// As [`slopes`](Self::slopes), of a vector field: its Jacobian by differences, of `outputs` rows with one entry for
    /// each of x, row by row into `jacobian`.
    ///
    /// Costs some 20 evaluations of `field` for each of these entries: meant for tests, not for speed.
    ///
    /// # Errors
    ///
    /// As [`slopes`](Self::slopes); [`Error::Zero`] also if `outputs` is 0, and [`Error::Overflow`] if the Jacobian would
    /// be too large. `scratch` is of [`slopes_of_field_scratch_len`].
    ///
    /// # Example
    ///
    /// ```
    /// # fn main() -> Result<(), handgrad::Error> {
    /// use handgrad::gradcheck::{Check, slopes_of_field_scratch_len};
    ///
    /// let polar = |p: &[f64], out: &mut [f64]| (out[0], out[1]) = (p[0] * p[1].cos(), p[0] * p[1].sin());
    /// let (mut jacobian, mut scratch) = ([0.0; 4], [0.0; slopes_of_field_scratch_len(2, 2)]);
    /// Check::at(&[2.0, 0.5]).jacobian(polar, 2, &mut jacobian, None, &mut scratch)?.assert_ok();
    /// assert!((jacobian[1] + 2.0 * 0.5f64.sin()).abs() < 1e-9);
    /// # Ok(())
    /// # }
    /// ```
    pub fn jacobian<F>(
        self,
        mut field: F,
        outputs: usize,
        jacobian: &mut [T],
        errors: Option<&mut [T]>,
        scratch: &mut [T],
    ) -> Result<Report<'n>, Error>
    where
        F: FnMut(&[T], &mut [T]),
    {
        let n = self.x.len();
        self.check_settings(n)?;
        if outputs == 0 {
            return Err(Error::Zero { what: What::Outputs });
        }
        let len = product(What::Jacobian, outputs, n)?;
        let scratch = take_scratch(scratch, slopes_of_field_scratch_len(n, outputs))?;
        let (claims, scratch) = scratch.split_at_mut(len);
        let slopes = unknown(len, jacobian, errors)?;
        claims.fill(T::zero());
        let check = Check { claims, ..self.all_entries() };
        check.start_jacobian(outputs, &mut field, scratch, Some(slopes))
    }

    /// Entries alone, each of them.
    fn all_entries(self) -> Self {
        self.coordinates(usize::MAX).directions(0)
    }
}

/// The caller's slices, of this length, as long as nothing has been measured.
fn unknown<'s, T: Float>(
    len: usize,
    slopes: &'s mut [T],
    mut errors: Option<&'s mut [T]>,
) -> Result<Slopes<'s, T>, Error> {
    check_len(What::Slopes, len, slopes.len())?;
    if let Some(errors) = &mut errors {
        check_len(What::SlopeErrors, len, errors.len())?;
        errors.fill(T::infinity());
    }
    slopes.fill(T::nan());
    Ok(Slopes { slopes, errors })
}
