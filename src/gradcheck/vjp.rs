//! The check of a vector-Jacobian product: a gradient of w · F.

use num_traits::Float;

use super::check::{Check, scratch_len, take_scratch};
use super::field::project;
use super::report::Report;
use crate::error::{Error, What};

/// The scratch that [`Check::run_vjp`] needs for a point of `n` entries and a field of `outputs` entries: 2n + outputs.
pub const fn vjp_scratch_len(n: usize, outputs: usize) -> usize {
    scratch_len(n).saturating_add(outputs)
}

impl<'n, T: Float> Check<'_, 'n, T> {
    /// Checks that the claims are wᵀJ, for a vector field with the Jacobian J at x and weights `w` of its outputs: what
    /// reverse mode calls a pullback. It is the gradient of w · F, and checked as such.
    ///
    /// `field` gets a point and writes all outputs, one for each weight. An output of weight 0 has no part in it, also
    /// where it is not finite. `scratch` as in [`run`](Self::run), of [`vjp_scratch_len`] elements.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), and [`Error::Zero`] if there are no weights.
    ///
    /// # Example
    ///
    /// ```
    /// # fn main() -> Result<(), handgrad::Error> {
    /// use handgrad::gradcheck::{Check, vjp_scratch_len};
    ///
    /// let polar = |p: &[f64], out: &mut [f64]| (out[0], out[1]) = (p[0] * p[1].cos(), p[0] * p[1].sin());
    /// let (w, (sin, cos)) = ([1.0, -3.0], 0.5f64.sin_cos());
    /// let pulled_back = [w[0] * cos + w[1] * sin, 2.0 * (w[1] * cos - w[0] * sin)];
    /// let mut scratch = [0.0; vjp_scratch_len(2, 2)];
    /// Check::new(&[2.0, 0.5], &pulled_back).run_vjp(polar, &w, &mut scratch)?.assert_ok();
    /// # Ok(())
    /// # }
    /// ```
    pub fn run_vjp<F>(self, mut field: F, w: &[T], scratch: &mut [T]) -> Result<Report<'n>, Error>
    where
        F: FnMut(&[T], &mut [T]),
    {
        if w.is_empty() {
            return Err(Error::Zero { what: What::Weights });
        }
        let scratch = take_scratch(scratch, vjp_scratch_len(self.x.len(), w.len()))?;
        let (outputs, scratch) = scratch.split_at_mut(w.len());
        let product = |x: &[T]| {
            field(x, outputs);
            project(w, outputs)
        };
        Ok(self.run(product, scratch)?.of("vector-Jacobian product"))
    }
}
