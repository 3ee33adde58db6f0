//! Whether two closures multiply by the same Jacobian, one from the right and one from the left.

use core::ops::Range;

use num_traits::Float;

use super::check::{CHANCE, Check, take_scratch};
use super::driver::{Driver, State};
use super::entry::{Found, Probe};
use super::field::FieldFunction;
use super::judge::{Slope, judge};
use super::numeric::{Claim, Dot, divide, real, scale};
use super::report::Report;
use crate::error::{Error, What};

/// Rounding is measured in so many pairs of directions before anything is judged.
const PAIRS: usize = 8;

/// Both products are linear, so the same is found of directions that are this much longer, but for rounding.
const LONGER: f64 = 1.37;

/// The scratch that [`Check::run_adjoint`] needs for products with a Jacobian of `outputs` x `n`: 2n + 2 outputs.
pub const fn adjoint_scratch_len(n: usize, outputs: usize) -> usize {
    outputs.saturating_add(n).saturating_mul(2)
}

impl<'n, T: Float> Check<'_, 'n, T> {
    /// Checks that a Jacobian-vector product and a vector-Jacobian product have the same Jacobian:
    /// w · (J v) = (Jᵀ w) · v for Gaussian v and w, each entry of v in proportion to that of x. That they agree does not mean
    /// that they are right: for that, one of them is to be checked by [`run_jvp`](Self::run_jvp) or
    /// [`run_vjp`](Self::run_vjp).
    ///
    /// `jvp(v, out)` writes J v, of `outputs` entries, and `vjp(w, out)` writes Jᵀ w, of one entry for each of x. Claims
    /// and blocks have no part in it: [`Check::at`]. In the report, w · (J v) is the claim and (Jᵀ w) · v the slope. There are as
    /// many pairs (v, w) as [`directions`](Self::directions).
    ///
    /// Nothing is assumed about how either is computed: how much rounding there is in the products is measured. As
    /// they are linear, J (c v) / c is J v but for rounding, and by how much they differ, for 8 pairs before
    /// anything is judged, makes the error bars. Costs 4 evaluations for each pair.
    ///
    /// # Errors
    ///
    /// [`Error::Zero`] if `x` is empty or `outputs` is 0; [`Error::Length`] if `scratch` is shorter than
    /// [`adjoint_scratch_len`]; and those of the settings, as in [`run`](Self::run).
    ///
    /// # Example
    ///
    /// ```
    /// # fn main() -> Result<(), handgrad::Error> {
    /// use handgrad::gradcheck::{Check, adjoint_scratch_len};
    ///
    /// // A convolution with (3, 5), and its transpose.
    /// let jvp = |v: &[f64], out: &mut [f64]| (0..3).for_each(|i| out[i] = 3.0 * v[i] + 5.0 * v[i + 1]);
    /// let vjp = |w: &[f64], out: &mut [f64]| {
    ///     out.fill(0.0);
    ///     (0..3).for_each(|i| (out[i], out[i + 1]) = (out[i] + 3.0 * w[i], out[i + 1] + 5.0 * w[i]));
    /// };
    /// let mut scratch = [0.0; adjoint_scratch_len(4, 3)];
    /// Check::at(&[1.0; 4]).run_adjoint(jvp, vjp, 3, &mut scratch)?.assert_ok();
    ///
    /// let flipped = |w: &[f64], out: &mut [f64]| {
    ///     out.fill(0.0);
    ///     (0..3).for_each(|i| (out[i], out[i + 1]) = (out[i] + 5.0 * w[i], out[i + 1] + 3.0 * w[i]));
    /// };
    /// assert!(!Check::at(&[1.0; 4]).run_adjoint(jvp, flipped, 3, &mut scratch)?.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn run_adjoint<J, V>(
        self,
        mut jvp: J,
        mut vjp: V,
        outputs: usize,
        scratch: &mut [T],
    ) -> Result<Report<'n>, Error>
    where
        J: FnMut(&[T], &mut [T]),
        V: FnMut(&[T], &mut [T]),
    {
        // No claims, so no entries: what is left of the procedure are directions.
        let n = self.x.len();
        let check = Check { claims: &[], blocks: None, ..self };
        check.check_settings(n)?;
        if outputs == 0 {
            return Err(Error::Zero { what: What::Outputs });
        }
        let (v, rest) = take_scratch(scratch, adjoint_scratch_len(n, outputs))?.split_at_mut(n);
        let (pulled, rest) = rest.split_at_mut(n);
        let (w, pushed) = rest.split_at_mut(outputs);
        let both: Both<'_, T> = (&mut jvp, &mut vjp);
        let state = State::new(check, T::zero(), both);
        let noise = T::zero();
        Products { state, v, pulled, w, pushed, noise }.run().map(|report| report.of("JVP-VJP"))
    }
}

/// J v and Jᵀ w as the caller computes them.
type Both<'f, T> = (FieldFunction<'f, T>, FieldFunction<'f, T>);

/// Both products along pairs of directions.
struct Products<'s, 'n, T> {
    state: State<'s, 'n, T, Both<'s, T>>,
    /// v and Jᵀ w.
    v: &'s mut [T],
    pulled: &'s mut [T],
    /// w and J v.
    w: &'s mut [T],
    pushed: &'s mut [T],
    /// The largest difference that rounding has made so far, relative to the size of the products.
    noise: T,
}

/// w · (J v) and (Jᵀ w) · v, and the size of what they are the sums of.
struct Pair<T> {
    pushed: T,
    pulled: T,
    size: T,
}

impl<'s, 'n, T: Float> Driver<'s, 'n, T, Both<'s, T>> for Products<'s, 'n, T> {
    type Error = Error;
    const PROBE: usize = 4;

    fn state(&mut self) -> &mut State<'s, 'n, T, Both<'s, T>> {
        &mut self.state
    }

    fn start(&mut self) -> Result<(), Error> {
        self.state.check.x.iter().for_each(|&x| self.state.note_value(x));
        Ok(())
    }

    fn measure_noise(&mut self) -> Result<(), Error> {
        for _ in 0..PAIRS {
            let _ = self.pair();
        }
        Ok(())
    }

    fn probe_entry(&mut self, probe: Probe<'n>, _: usize, _: Claim<T>) -> Result<Found<'n, T>, Error> {
        Ok(Found::nothing(probe, T::nan(), false))
    }

    fn probe_direction(&mut self, probe: Probe<'n>, _: Range<usize>) -> Result<Found<'n, T>, Error> {
        let Some(Pair { pushed, pulled, size }) = self.pair() else {
            return Ok(Found::nothing(probe, T::nan(), true));
        };
        let slope = Slope { slope: pulled, noise: self.noise, size, reach: real::<T>(CHANCE) * size };
        Ok(judge(probe, pushed, slope, self.state.limits))
    }
}

impl<T: Float> Products<'_, '_, T> {
    /// Both products for a new pair of directions, if the evaluations suffice. Notes their rounding.
    fn pair(&mut self) -> Option<Pair<T>> {
        let rng = &mut self.state.rng;
        let x = self.state.check.x.iter();
        self.v.iter_mut().zip(x).for_each(|(v, &x)| *v = scale(x, T::zero()) * rng.normal());
        self.w.iter_mut().for_each(|w| *w = rng.normal());
        let first = self.products()?;
        let longer = real::<T>(LONGER);
        self.v.iter_mut().chain(&mut *self.w).for_each(|entry| *entry = *entry * longer);
        let again = self.products()?;
        let change = |a: T, b: T| (a - divide(b, longer * longer)).abs() / first.size;
        let noise = change(first.pushed, again.pushed).max(change(first.pulled, again.pulled));
        self.noise = if noise.is_finite() { self.noise.max(noise) } else { self.noise };
        Some(first)
    }

    fn products(&mut self) -> Option<Pair<T>> {
        self.state.function().map(|(jvp, _)| jvp(self.v, self.pushed))?;
        self.state.function().map(|(_, vjp)| vjp(self.w, self.pulled))?;
        let ((pushed, size), (pulled, other)) = (sum(self.w, self.pushed), sum(self.v, self.pulled));
        Some(Pair { pushed, pulled, size: size.max(other) })
    }
}

/// A dot product and the root of the sum of the squares of its terms.
fn sum<T: Float>(a: &[T], b: &[T]) -> (T, T) {
    let (mut dot, mut size) = (Dot::new(), T::zero());
    for (&a, &b) in a.iter().zip(b) {
        dot.add(a, b);
        size = size.hypot(a * b);
    }
    (dot.value(), size)
}
