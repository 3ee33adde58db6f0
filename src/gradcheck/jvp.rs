//! The same check for a vector field: a claimed Jacobian-vector product.

use core::ops::Range;

use num_traits::Float;

use super::check::{Check, take_scratch};
use super::driver::{Driver, State};
use super::entry::{Found, Probe};
use super::field::{Field, FieldFunction, NOISE_STEPS};
use super::ladder::{FIRST_STEP, Rung};
use super::numeric::{Claim, claim_along, real, rms, scale};
use super::report::Report;
use super::verdict::Line;
use crate::error::{Error, What, check_len};

/// Noise is measured at steps from this many units of rounding on.
const NOISE_STEP: usize = 9;

/// The scratch that [`Check::run_jvp`] needs for a point of `n` entries and a field of `outputs` entries:
/// n + 5 outputs.
pub const fn jvp_scratch_len(n: usize, outputs: usize) -> usize {
    Field::<f64>::scratch_len(outputs).saturating_add(n)
}

impl<'a, 'n, T: Float> Check<'a, 'n, T> {
    /// Checks that the claims are J v, the derivative of a vector field at x along `v`: a Jacobian-vector
    /// product, or with the gradient of a loss as the field, a Hessian-vector product.
    ///
    /// The claims, and [`blocks`](Self::blocks), are those of the field's outputs. The probes are the same as
    /// for a gradient, of the scalars w · F: each output (or a sample), and Gaussian weights w of all outputs
    /// and of each block. `field` gets a point and writes all outputs. `scratch` as in
    /// [`run`](Self::run), of [`jvp_scratch_len`] elements.
    ///
    /// Noise is measured for each output, also of outputs whose values are coarser than T. Beside 0/0, where that of a gradient's
    /// function is measured farther off, too, it is not here: probes of such an output are unresolved
    /// (which is no pass, but if others of its block agree, no obstacle either).
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run); [`Error::Length`] also if `v` has not the length of x, and [`Error::Zero`] if
    /// there are no claims.
    ///
    /// # Example
    ///
    /// The Hessian of x³y, times v, at (2, 3): its gradient (3x²y, x³) is the field.
    ///
    /// ```
    /// # fn main() -> Result<(), handgrad::Error> {
    /// use handgrad::gradcheck::{Check, jvp_scratch_len};
    ///
    /// let gradient = |v: &[f64], g: &mut [f64]| {
    ///     g[0] = 3.0 * v[0] * v[0] * v[1];
    ///     g[1] = v[0].powi(3);
    /// };
    /// let (x, v) = ([2.0, 3.0], [1.0, -1.0]);
    /// let hv = [6.0 * 2.0 * 3.0 - 3.0 * 4.0, 3.0 * 4.0];
    /// let report = Check::new(&x, &hv).run_jvp(gradient, &v, &mut [0.0; jvp_scratch_len(2, 2)])?;
    /// report.assert_ok();
    /// assert!(report.resolution() < 1e-8);
    /// # Ok(())
    /// # }
    /// ```
    pub fn run_jvp<F>(self, mut field: F, v: &[T], scratch: &mut [T]) -> Result<Report<'n>, Error>
    where
        F: FnMut(&[T], &mut [T]),
    {
        let (n, outputs) = (self.x.len(), self.claims.len());
        self.check_settings(outputs)?;
        if outputs == 0 {
            return Err(Error::Zero { what: What::Jvp });
        }
        check_len(What::Direction, n, v.len())?;
        let (point, rest) = take_scratch(scratch, jvp_scratch_len(n, outputs))?.split_at_mut(n);
        let out = Field::new(rest, outputs);
        let size = if rms(v).is_zero() { T::one() } else { rms(v) };
        let unit = scale(T::zero(), rms(self.x)) / size;
        let field: FieldFunction<'_, T> = &mut field;
        let state = State::new(self, rms(self.claims) * unit, field);
        FieldDifferences { state, v, unit, point, out }
            .run()
            .map(|report| report.of("Jacobian-vector product"))
    }
}

/// Slopes of w · F along v, by differences of the field's values on both sides of x.
struct FieldDifferences<'s, 'n, T> {
    state: State<'s, 'n, T, FieldFunction<'s, T>>,
    v: &'s [T],
    /// The length of v that moves x by about its own size.
    unit: T,
    point: &'s mut [T],
    out: Field<'s, T>,
}

impl<'s, 'n, T: Float> Driver<'s, 'n, T, FieldFunction<'s, T>> for FieldDifferences<'s, 'n, T> {
    type Error = Error;
    const PROBE: usize = 24;

    fn state(&mut self) -> &mut State<'s, 'n, T, FieldFunction<'s, T>> {
        &mut self.state
    }

    fn start(&mut self) -> Result<(), Error> {
        self.evaluate(0, T::zero());
        self.out.here.copy_from_slice(self.out.ends[0]);
        let values = self.state.check.x.iter().chain(self.v).chain(&*self.out.here);
        values.for_each(|&value| self.state.note_value(value));
        Ok(())
    }

    fn repeat(&mut self) -> Result<(), Error> {
        if self.evaluate(0, T::zero()) {
            self.out.change(0).into_iter().for_each(|(here, again)| self.state.note_change(here, again));
        }
        Ok(())
    }

    /// As for a gradient, for each output. The rounding of x + step v shows in it, too.
    fn measure_noise(&mut self) -> Result<(), Error> {
        let Self { state, v, unit, point, out } = self;
        let (x, epsilon, two) = (state.check.x, state.limits.epsilon, T::one() + T::one());
        // What the rounding of x + step v changes the field by, at least.
        let rounded = if rms(x).is_zero() { T::zero() } else { *unit / two };
        out.start_noise(epsilon, state.check.claims.iter().map(|claim| claim.abs() * rounded));
        let mut evaluate = |end: &mut [T], step: T| {
            displace_along(point, x, v, step);
            state.function().map(|field| field(point, end)).is_some()
        };
        let small = real::<T>(NOISE_STEP as f64) * epsilon * *unit;
        for number in 0..NOISE_STEPS {
            let step = real::<T>((NOISE_STEP + number) as f64) * epsilon * *unit;
            if !out.note_noise(|end, steps| evaluate(end, steps * step)) {
                out.give_up();
                return Ok(());
            }
        }
        let (widest, mut side) = (real::<T>(FIRST_STEP) * *unit, -T::one());
        out.note_coarseness(small, widest, |end, step, turns| {
            side = if turns { -side } else { side };
            evaluate(end, side * step)
        });
        Ok(())
    }

    fn probe_entry(
        &mut self,
        probe: Probe<'n>,
        index: usize,
        claim: Claim<T>,
    ) -> Result<Found<'n, T>, Error> {
        self.out.weights.fill(T::zero());
        self.out.weights[index] = T::one();
        self.probe(probe, claim.size, claim.size)
    }

    fn probe_direction(&mut self, probe: Probe<'n>, range: Range<usize>) -> Result<Found<'n, T>, Error> {
        self.out.weights.fill(T::zero());
        self.out.weights[range.clone()].iter_mut().for_each(|weight| *weight = self.state.rng.normal());
        let (check, weights) = (self.state.check, self.out.weights[range.clone()].iter().copied());
        let size = claim_along(&check.claims[range.clone()], weights.clone(), T::zero()).size;
        let reach = check.reach(range, weights);
        self.probe(probe, size, reach)
    }
}

impl<'n, T: Float> FieldDifferences<'_, 'n, T> {
    /// The field at x + step v, into one of the two ends, if it may be evaluated.
    fn evaluate(&mut self, end: usize, step: T) -> bool {
        displace_along(self.point, self.state.check.x, self.v, step);
        self.state.function().map(|field| field(self.point, self.out.ends[end])).is_some()
    }

    /// The slope of w · F along v, where claims have this size, and what the tolerance is relative to.
    fn probe(&mut self, probe: Probe<'n>, size: T, reach: T) -> Result<Found<'n, T>, Error> {
        let ([here, ..], slope) = (self.out.values(), self.out.project(self.state.check.claims));
        let (claim, noise) = (Claim { slope, size }, self.out.projected_noise());
        let (limits, scale) = (self.state.limits, self.unit);
        let moving = || self.state.check.x.iter().zip(self.v).filter(|(_, v)| !v.is_zero());
        let is_oblique = moving().count() > 1;
        let smallest = if moving().all(|(x, _)| x.is_zero()) { T::zero() } else { scale };
        let line = Line { probe, claim, reach, scale, here, noise, smallest, jump: T::zero(), is_oblique };
        line.search(limits, |step| {
            let both = self.evaluate(0, step) && self.evaluate(1, -step);
            let ([_, right, left], claimed) = (self.out.values(), slope * step);
            let claim_error = claimed.abs() * limits.epsilon;
            Ok(both.then_some(Rung { step, right, left, claimed, claim_error }))
        })
    }
}

/// x + step v.
fn displace_along<T: Float>(point: &mut [T], x: &[T], v: &[T], step: T) {
    for ((point, &x), &v) in point.iter_mut().zip(x).zip(v) {
        *point = x + step * v;
    }
}

#[cfg(test)]
mod tests;
