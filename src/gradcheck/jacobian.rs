//! The same check for all derivatives of a vector field: a claimed Jacobian.

use core::ops::Range;

use num_traits::Float;

use super::check::{CHANCE, Check, take_scratch};
use super::driver::{Driver, Slopes, State};
use super::entry::{Found, Probe};
use super::field::{Field, FieldFunction, NOISE_STEPS};
use super::ladder::{FIRST_STEP, Rung};
use super::noise::ROUNDED;
use super::numeric::{Claim, Dot, Ends, displace, real, rms, scale};
use super::report::Report;
use super::verdict::Line;
use crate::error::{Error, What, check_len, product};

/// The steps at which noise is measured, in units of rounding of each entry.
const NOISE_STEP: f64 = 16.0;

/// The scratch that [`Check::run_jacobian`] needs for a point of `n` entries and a field of `outputs` entries:
/// 3n + 5 outputs.
pub const fn jacobian_scratch_len(n: usize, outputs: usize) -> usize {
    Field::<f64>::scratch_len(outputs).saturating_add(3 * n)
}

impl<'n, T: Float> Check<'_, 'n, T> {
    /// Checks that the claims are the Jacobian of a vector field at x, ∂F_i/∂x_j, row by row: one row for each output,
    /// of one entry for each entry of x.
    ///
    /// [`blocks`](Self::blocks) are those of x, and the report names the output by its number: "output 2 by W\[0, 1\]".
    /// A block has all outputs' derivatives by its entries; they are probed one by one, or a sample of them, as
    /// those of a gradient ([`coordinates`](Self::coordinates)), as slopes of one output along one entry. A
    /// direction is a slope of w · F along v, with Gaussian weights w of all outputs and Gaussian v through a block or
    /// through everything.
    ///
    /// Noise is measured as in [`run_jvp`](Self::run_jvp), beside x alone. Around 0/0 at x, filled with the limit, it may hide all
    /// slopes of an output: what is claimed of them is then unresolved, and the check holds if other probes of the block are
    /// conclusive. [`run`](Self::run), of one output, measures farther off, too.
    ///
    /// `field` gets a point and writes all outputs. Costs some 20 evaluations of it for each probe that agrees, and 35
    /// besides, or some 100 where an output stands still around x: a constant, or values coarser than T. `scratch` as in [`run`](Self::run), of [`jacobian_scratch_len`] elements.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run); [`Error::Length`] also if the claims are no whole number of rows, and [`Error::Zero`] if
    /// there are none.
    ///
    /// # Example
    ///
    /// ```
    /// # fn main() -> Result<(), handgrad::Error> {
    /// use handgrad::gradcheck::{Check, jacobian_scratch_len};
    ///
    /// let polar = |p: &[f64], out: &mut [f64]| (out[0], out[1]) = (p[0] * p[1].cos(), p[0] * p[1].sin());
    /// let (sin, cos) = 0.5f64.sin_cos();
    /// let mut scratch = [0.0; jacobian_scratch_len(2, 2)];
    ///
    /// let jacobian = [cos, -2.0 * sin, sin, 2.0 * cos];
    /// Check::new(&[2.0, 0.5], &jacobian).run_jacobian(polar, &mut scratch)?.assert_ok();
    ///
    /// let wrong = [cos, -2.0 * sin, sin, cos];
    /// let report = Check::new(&[2.0, 0.5], &wrong).run_jacobian(polar, &mut scratch)?;
    /// assert_eq!(report.worst().next().unwrap().probe.to_string(), "output 1 by x[1]");
    /// # Ok(())
    /// # }
    /// ```
    pub fn run_jacobian<F>(self, mut field: F, scratch: &mut [T]) -> Result<Report<'n>, Error>
    where
        F: FnMut(&[T], &mut [T]),
    {
        let n = self.x.len();
        self.check_settings(n)?;
        let outputs = self.claims.len().div_ceil(n);
        if outputs == 0 {
            return Err(Error::Zero { what: What::Jacobian });
        }
        check_len(What::Jacobian, product(What::Jacobian, outputs, n)?, self.claims.len())?;
        self.start_jacobian(outputs, &mut field, scratch, None)
    }

    /// Runs a check of a Jacobian of so many outputs, of which all else has been checked; or measures it.
    pub(super) fn start_jacobian<'s>(
        self,
        outputs: usize,
        field: FieldFunction<'s, T>,
        scratch: &'s mut [T],
        slopes: Option<Slopes<'s, T>>,
    ) -> Result<Report<'n>, Error>
    where
        Self: 's,
    {
        let n = self.x.len();
        let check = Check { outputs: Some(outputs), ..self };
        let (point, rest) = take_scratch(scratch, jacobian_scratch_len(n, outputs))?.split_at_mut(n);
        let (direction, rest) = rest.split_at_mut(n);
        let (row, rest) = rest.split_at_mut(n);
        let (out, x_rms) = (Field::new(rest, outputs), T::zero());
        point.copy_from_slice(self.x);
        let state = State::new(check, check.influence(), field).with_slopes(slopes);
        Partials { state, point, direction, row, out, x_rms }.run().map(|report| report.of("Jacobian"))
    }
}

/// Slopes of w · F along any line through x, by differences of the field's values.
struct Partials<'s, 'n, T> {
    state: State<'s, 'n, T, FieldFunction<'s, T>>,
    /// x, but for the entries that are displaced just now.
    point: &'s mut [T],
    direction: &'s mut [T],
    /// wᵀJ as it is claimed, in the range that was entered.
    row: &'s mut [T],
    out: Field<'s, T>,
    /// The root mean square of x in the range that was entered.
    x_rms: T,
}

impl<'s, 'n, T: Float> Driver<'s, 'n, T, FieldFunction<'s, T>> for Partials<'s, 'n, T> {
    type Error = Error;
    const PROBE: usize = 24;

    fn state(&mut self) -> &mut State<'s, 'n, T, FieldFunction<'s, T>> {
        &mut self.state
    }

    fn start(&mut self) -> Result<(), Error> {
        self.evaluate(0);
        self.out.here.copy_from_slice(self.out.ends[0]);
        self.out.here.iter().for_each(|&value| self.state.note_value(value));
        self.state.note_values(self.state.check.x);
        Ok(())
    }

    fn repeat(&mut self) -> Result<(), Error> {
        if self.evaluate(0) {
            self.out.change(0).into_iter().for_each(|(here, again)| self.state.note_change(here, again));
        }
        Ok(())
    }

    /// As along a fixed direction, but along several, whose entries are whole units of rounding: so that they are the
    /// same to both sides.
    fn measure_noise(&mut self) -> Result<(), Error> {
        let (x, epsilon) = (self.state.check.x, self.state.limits.epsilon);
        // What the rounding of x is claimed to change each output by.
        let claims = self.state.check.claims.chunks(x.len());
        let rounded = claims.map(|row| {
            let change = x.iter().zip(row).fold(T::zero(), |sum, (&x, &claim)| sum.hypot(x * claim));
            real::<T>(ROUNDED) * change
        });
        self.out.start_noise(epsilon, rounded.chain(core::iter::repeat(T::zero())));
        for _ in 0..NOISE_STEPS {
            for (direction, scale) in self.direction.iter_mut().zip(self.state.check.scales(0..x.len())) {
                let units = real::<T>(NOISE_STEP) * self.state.rng.normal();
                *direction = units.round() * (epsilon * scale);
            }
            let Self { state, point, direction, out, .. } = self;
            if !out.note_noise(|end, steps| state.evaluate_along(point, direction, end, steps)) {
                out.give_up();
                self.point.copy_from_slice(x);
                return Ok(());
            }
        }
        self.measure_coarseness();
        self.point.copy_from_slice(x);
        Ok(())
    }

    fn enter(&mut self, range: Range<usize>) -> Result<(), Error> {
        self.x_rms = rms(&self.state.check.x[range]);
        Ok(())
    }

    fn probe_entry(
        &mut self,
        probe: Probe<'n>,
        index: usize,
        claim: Claim<T>,
    ) -> Result<Found<'n, T>, Error> {
        let n = self.point.len();
        let (output, index) = (index / n, index % n);
        self.out.weights.fill(T::zero());
        self.out.weights[output] = T::one();
        let (x, limits) = (self.state.check.x[index], self.state.limits);
        let (noise, smallest) = (self.out.noise_of(output), x.abs());
        let ([here, ..], scale) = (self.out.values(), scale(x, self.x_rms));
        let line = Line {
            probe,
            claim,
            reach: claim.size,
            scale,
            here,
            noise,
            smallest,
            jump: T::zero(),
            is_oblique: false,
        };
        let found = line.search(limits, |wanted| {
            let Ends { step, right, left } = displace(x, wanted);
            self.point[index] = right;
            let mut both = self.evaluate(0);
            self.point[index] = left;
            both &= self.evaluate(1);
            let claimed = claim.slope * step;
            Ok(both.then(|| self.rung(step, claimed, claimed.abs())))
        })?;
        self.point[index] = x;
        Ok(found)
    }

    fn probe_direction(&mut self, probe: Probe<'n>, range: Range<usize>) -> Result<Found<'n, T>, Error> {
        let many = real::<T>(range.len() as f64).sqrt();
        let scales = self.state.check.scales(range.clone());
        for (direction, scale) in self.direction[range.clone()].iter_mut().zip(scales) {
            *direction = scale * self.state.rng.normal() / many;
        }
        self.out.weights.iter_mut().for_each(|weight| *weight = self.state.rng.normal());
        let (claim, reach) = self.claim_along(range.clone());
        let ([here, ..], limits, scale) = (self.out.values(), self.state.limits, T::one());
        let (noise, is_oblique) = (self.out.projected_noise(), range.len() > 1);
        let sizes = self.state.check.x[range.clone()].iter().zip(self.state.check.scales(range.clone()));
        let smallest = sizes.fold(scale, |least, (x, scale)| least.min(x.abs() / scale));
        let line = Line { probe, claim, reach, scale, here, noise, smallest, jump: T::zero(), is_oblique };
        line.search(limits, |step| Ok(self.step_along(range.clone(), step)))
    }
}

impl<T: Float> State<'_, '_, T, FieldFunction<'_, T>> {
    /// The field so many times the direction from x, if it may be evaluated.
    fn evaluate_along(&mut self, point: &mut [T], direction: &[T], end: &mut [T], steps: T) -> bool {
        for ((point, &x), &direction) in point.iter_mut().zip(self.check.x).zip(direction) {
            *point = x + steps * direction;
        }
        self.function().map(|field| field(point, end)).is_some()
    }
}

impl<T: Float> Partials<'_, '_, T> {
    /// The noise of outputs that stand still beside x, along directions in which each entry moves by its scale.
    fn measure_coarseness(&mut self) {
        let Self { state, point, direction, out, .. } = self;
        let small = real::<T>(NOISE_STEP) * state.limits.epsilon;
        out.note_coarseness(small, real(FIRST_STEP), |end, step, turns| {
            if turns {
                let scales = state.check.scales(0..direction.len());
                let entries = direction.iter_mut().zip(scales);
                entries.for_each(|(direction, scale)| *direction = scale * state.rng.normal());
            }
            state.evaluate_along(point, direction, end, step)
        });
    }

    /// The field at the point, into one of the two ends, if it may be evaluated.
    fn evaluate(&mut self, end: usize) -> bool {
        self.state.function().map(|field| field(self.point, self.out.ends[end])).is_some()
    }

    /// w · F at both ends of a step, and what it is claimed to have changed by.
    fn rung(&self, step: T, claimed: T, magnitude: T) -> Rung<T> {
        let [_, right, left] = self.out.values();
        Rung { step, right, left, claimed, claim_error: magnitude * self.state.limits.epsilon }
    }

    /// What is claimed of the slope of w · F along the direction, and what the tolerance is relative to. Stores wᵀJ.
    fn claim_along(&mut self, range: Range<usize>) -> (Claim<T>, T) {
        let (check, n) = (self.state.check, self.point.len());
        let (mut slope, mut size, mut reach) = (Dot::new(), T::zero(), T::zero());
        for placed in check.each_block().filter(|placed| range.contains(&placed.start)) {
            let block_size = placed.rms(check.claims);
            for column in placed.range() {
                let (mut sum, mut sizes) = (Dot::new(), T::zero());
                for (output, &w) in self.out.weights.iter().enumerate() {
                    let claim = check.claims[output * n + column];
                    sum.add(w, claim);
                    size = size.hypot(w * claim * self.direction[column]);
                    sizes = sizes + (w * claim.abs().max(block_size)).abs();
                }
                self.row[column] = sum.value();
                slope.add(sum.value(), self.direction[column]);
                reach = reach.hypot(sizes * self.direction[column]);
            }
        }
        (Claim { slope: slope.value(), size }, reach * real(CHANCE))
    }

    /// The field at both ends of a step along the direction, with x elsewhere.
    fn step_along(&mut self, range: Range<usize>, step: T) -> Option<Rung<T>> {
        let x = self.state.check.x;
        let mut claimed = Dot::new();
        for index in range.clone() {
            let ends = displace(x[index], step * self.direction[index]);
            self.point[index] = ends.right;
            claimed.add(self.row[index], ends.step);
        }
        let mut both = self.evaluate(0);
        for index in range.clone() {
            self.point[index] = displace(x[index], step * self.direction[index]).left;
        }
        both &= self.evaluate(1);
        self.point[range.clone()].copy_from_slice(&x[range]);
        both.then(|| self.rung(step, claimed.value(), claimed.magnitude()))
    }
}
