//! The same check for a vector field: a claimed Jacobian-vector product.

use core::ops::Range;

use num_traits::Float;

use super::check::{Check, take_scratch};
use super::driver::{Driver, State};
use super::entry::{Entry, Probe};
use super::eval::Eval;
use super::ladder::Rung;
use super::noise::Noise;
use super::numeric::{Claim, Dot, claim_along, real, rms, scale};
use super::report::Report;
use super::verdict::Line;
use crate::data::check_blocks;
use crate::error::{Error, What, check_len};

/// So many steps are taken to measure noise, from this many units of rounding on.
const NOISE_STEPS: usize = 8;
const NOISE_STEP: usize = 9;

/// The scratch that [`Check::run_jvp`] needs for a point of `n` entries and a field of `outputs` entries:
/// n + 5 outputs.
pub const fn jvp_scratch_len(n: usize, outputs: usize) -> usize {
    n + 5 * outputs
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
    pub fn run_jvp<F>(self, field: F, v: &[T], scratch: &mut [T]) -> Result<Report<'n>, Error>
    where
        F: FnMut(&[T], &mut [T]),
    {
        let (n, outputs) = (self.x.len(), self.claims.len());
        if n == 0 {
            return Err(Error::Zero { what: What::Point });
        }
        if outputs == 0 {
            return Err(Error::Zero { what: What::Jvp });
        }
        check_len(What::Direction, n, v.len())?;
        if let Some(blocks) = self.blocks {
            check_blocks(blocks, outputs)?;
        }
        let (point, rest) = take_scratch(scratch, jvp_scratch_len(n, outputs))?.split_at_mut(n);
        let mut parts = rest.chunks_exact_mut(outputs);
        let mut next = || parts.next().unwrap_or_default();
        let (here, noise, weights, ends) = (next(), next(), next(), [next(), next()]);
        let size = if rms(v).is_zero() { T::one() } else { rms(v) };
        let unit = scale(T::zero(), rms(self.x)) / size;
        let state = State::new(self, rms(self.claims) * unit, field);
        FieldDifferences { state, v, unit, point, here, noise, weights, ends }.run()
    }
}

/// Slopes of w · F along v, by differences of the field's values on both sides of x.
struct FieldDifferences<'s, 'n, T, F> {
    state: State<'s, 'n, T, F>,
    v: &'s [T],
    /// The length of v that moves x by about its own size.
    unit: T,
    point: &'s mut [T],
    /// The field at x, and the noise of each output there.
    here: &'s mut [T],
    noise: &'s mut [T],
    /// w.
    weights: &'s mut [T],
    /// The field at two other points.
    ends: [&'s mut [T]; 2],
}

impl<'s, 'n, T: Float, F> Driver<'s, 'n, T, F> for FieldDifferences<'s, 'n, T, F>
where
    F: FnMut(&[T], &mut [T]),
{
    type Error = Error;

    fn state(&mut self) -> &mut State<'s, 'n, T, F> {
        &mut self.state
    }

    fn start(&mut self) -> Result<(), Error> {
        self.evaluate(0, T::zero());
        self.here.copy_from_slice(self.ends[0]);
        let values = self.state.check.x.iter().chain(self.v).chain(&*self.here);
        values.for_each(|&value| self.state.note_value(value));
        Ok(())
    }

    fn repeat(&mut self) -> Result<(), Error> {
        self.evaluate(0, T::zero());
        let mut pairs = self.here.iter().zip(&*self.ends[0]);
        if let Some((&here, &again)) = pairs.find(|(here, again)| here != again) {
            self.state.note_change(here, again);
        }
        Ok(())
    }

    /// As for a gradient, for each output. The rounding of x + step v shows in it, too.
    fn measure_noise(&mut self) -> Result<(), Error> {
        let (two, epsilon) = (T::one() + T::one(), self.state.limits.epsilon);
        // What the rounding of x + step v changes the field by, at least.
        let rounded = if rms(self.state.check.x).is_zero() { T::zero() } else { self.unit / two };
        let claims = self.state.check.claims.iter().map(|claim| claim.abs() * rounded);
        for ((noise, here), rounded) in self.noise.iter_mut().zip(&*self.here).zip(claims) {
            *noise = here.abs().max(rounded) * epsilon;
        }
        for number in 0..NOISE_STEPS {
            let step = real::<T>((NOISE_STEP + number) as f64) * epsilon * self.unit;
            self.evaluate(0, step);
            self.evaluate(1, two * step);
            self.note_noise(|here, near, far| far - two * near + here);
            self.evaluate(1, -step);
            self.note_noise(|here, right, left| right + left - two * here);
            self.evaluate(0, -two * step);
            self.note_noise(|here, far, near| far - two * near + here);
        }
        Ok(())
    }

    fn probe_entry(&mut self, probe: Probe<'n>, index: usize, claim: Claim<T>) -> Result<Entry<'n>, Error> {
        self.weights.fill(T::zero());
        self.weights[index] = T::one();
        self.probe(probe, claim.size)
    }

    fn probe_direction(&mut self, probe: Probe<'n>, range: Range<usize>) -> Result<Entry<'n>, Error> {
        self.weights.fill(T::zero());
        self.weights[range.clone()].iter_mut().for_each(|weight| *weight = self.state.rng.normal());
        let weights = self.weights[range.clone()].iter().copied();
        let size = claim_along(&self.state.check.claims[range], weights, T::zero()).size;
        self.probe(probe, size)
    }
}

impl<'n, T: Float, F: FnMut(&[T], &mut [T])> FieldDifferences<'_, 'n, T, F> {
    /// The field at x + step v, into one of the two ends.
    fn evaluate(&mut self, end: usize, step: T) {
        for ((point, &x), &v) in self.point.iter_mut().zip(self.state.check.x).zip(self.v) {
            *point = x + step * v;
        }
        (self.state.function())(self.point, self.ends[end]);
    }

    /// Takes half of a second difference for noise: it is given by the field at x and at the two ends.
    fn note_noise(&mut self, second_difference: impl Fn(T, T, T) -> T) {
        let values = self.here.iter().zip(&*self.ends[0]).zip(&*self.ends[1]);
        for (noise, ((&here, &one), &other)) in self.noise.iter_mut().zip(values) {
            let half = second_difference(here, one, other).abs() / (T::one() + T::one());
            *noise = if half.is_finite() { noise.max(half) } else { *noise };
        }
    }

    /// The slope of w · F along v, where claims have this size.
    fn probe(&mut self, probe: Probe<'n>, size: T) -> Result<Entry<'n>, Error> {
        let (here, slope) = (Eval::new(self.project(self.here)), self.project(self.state.check.claims));
        let noise = self.weights.iter().zip(&*self.noise).fold(T::zero(), |sum, (&w, &e)| sum + w.abs() * e);
        let (limits, scale) = (self.state.limits, self.unit);
        let moving = || self.state.check.x.iter().zip(self.v).filter(|(_, v)| !v.is_zero());
        let is_oblique = moving().count() > 1;
        let smallest = if moving().all(|(x, _)| x.is_zero()) { T::zero() } else { scale };
        let (claim, noise) = (Claim { slope, size }, Noise::even(noise));
        let line = Line { probe, claim, scale, here, noise, smallest, is_oblique };
        line.search(limits, |step| {
            self.evaluate(0, step);
            self.evaluate(1, -step);
            let [right, left] = [0, 1].map(|end| Eval::new(self.project(self.ends[end])));
            let claimed = slope * step;
            Ok(Rung { step, right, left, claimed, claim_error: claimed.abs() * limits.epsilon })
        })
    }

    /// w · F, given the outputs.
    fn project(&self, outputs: &[T]) -> T {
        let mut dot = Dot::new();
        // 0 times an output that is not finite here is no part of it.
        let parts = self.weights.iter().zip(outputs).filter(|(w, _)| !w.is_zero());
        parts.for_each(|(&w, &f)| dot.add(w, f));
        dot.value()
    }
}
