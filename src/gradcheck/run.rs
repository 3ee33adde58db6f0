//! The check by function values: slopes by differences.

use core::ops::Range;

use num_traits::Float;

use super::check::{Check, scratch_len, take_scratch};
use super::driver::{Driver, Slopes, State};
use super::entry::{Found, Probe, Verdict};
use super::eval::Eval;
use super::jump::jump_elsewhere;
use super::ladder::Rung;
use super::noise::{Noise, ROUNDED, measure};
use super::numeric::{Claim, Dot, Ends, claim_along, displace, real, rms, scale};
use super::report::Report;
use super::verdict::Line;
use crate::error::Error;

/// The caller's function.
type Function<'f, T, E> = &'f mut dyn FnMut(&[T]) -> Result<Eval<T>, E>;

impl<'n, T: Float> Check<'_, 'n, T> {
    /// Runs the check of a function that always has a value.
    ///
    /// Costs some 20 evaluations of `f` for each probe that agrees, and up to 180 (in f64) for one that does not, 516 more for
    /// the first of these; more where `f` has jumps, or where an entry of x is 0 and `f` is steep in it;
    /// O(n) besides for each step along a direction. Allocates nothing. `scratch` must have at least
    /// [`scratch_len(n)`](scratch_len) elements; what is in it before does not matter, and what is in it after is
    /// unspecified.
    ///
    /// # Errors
    ///
    /// [`Error::Zero`] if `x` is empty or a block is; [`Error::Length`] if there is not one claim for each entry
    /// of x, the blocks have another number of entries, or `scratch` is too short; [`Error::Overflow`] if a block
    /// is too large. NaN and infinities are no errors: the report tells of them.
    pub fn run<F, V>(self, mut f: F, scratch: &mut [T]) -> Result<Report<'n>, Error>
    where
        F: FnMut(&[T]) -> V,
        V: Into<Eval<T>>,
    {
        self.try_run(|x| Ok::<V, Error>(f(x)), scratch)
    }

    /// As [`run`](Self::run), for a function that may fail. Its first error ends the check. A function that is
    /// not defined somewhere near x should rather return NaN there: the check then takes smaller steps.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), and the errors of `f`.
    pub fn try_run<F, V, E>(self, mut f: F, scratch: &mut [T]) -> Result<Report<'n>, E>
    where
        F: FnMut(&[T]) -> Result<V, E>,
        V: Into<Eval<T>>,
        E: From<Error>,
    {
        self.check_sizes()?;
        self.start(&mut |x| f(x).map(Into::into), scratch, None)
    }

    /// Runs the check, of which all but the scratch has been checked; or measures slopes.
    pub(super) fn start<'s, E: From<Error>>(
        self,
        f: Function<'s, T, E>,
        scratch: &'s mut [T],
        slopes: Option<Slopes<'s, T>>,
    ) -> Result<Report<'n>, E>
    where
        Self: 's,
    {
        let n = self.x.len();
        let (point, direction) = take_scratch(scratch, scratch_len(n))?.split_at_mut(n);
        point.copy_from_slice(self.x);
        let state = State::new(self, self.influence(), f).with_slopes(slopes);
        let (here, noise, x_rms) = (Eval::new(T::zero()), Noise::even(T::zero()), T::zero());
        Differences { state, point, direction, here, noise, x_rms, jump: T::zero(), has_looked: false }.run()
    }
}

/// Slopes by differences of the function's values on both sides of x.
struct Differences<'s, 'n, T, E> {
    state: State<'s, 'n, T, Function<'s, T, E>>,
    /// x, but for the entries that are displaced just now.
    point: &'s mut [T],
    direction: &'s mut [T],
    /// The function at x, and the noise of its values around there.
    here: Eval<T>,
    noise: Noise<T>,
    /// The root mean square of x in the range that was entered.
    x_rms: T,
    /// The highest jump that was met so far.
    jump: T,
    /// Jumps were looked for along directions of their own.
    has_looked: bool,
}

impl<'s, 'n, T: Float, E> Driver<'s, 'n, T, Function<'s, T, E>> for Differences<'s, 'n, T, E> {
    type Error = E;
    const PROBE: usize = 24;

    fn state(&mut self) -> &mut State<'s, 'n, T, Function<'s, T, E>> {
        &mut self.state
    }

    fn start(&mut self) -> Result<(), E> {
        let Some(here) = self.evaluate()? else { return Ok(()) };
        self.here = here;
        self.state.note_value(self.here.value);
        self.state.note_values(self.state.check.x);
        Ok(())
    }

    fn repeat(&mut self) -> Result<(), E> {
        let Some(again) = self.evaluate()? else { return Ok(()) };
        if !self.here.is_repeated_by(again) {
            self.state.note_change(self.here.value, again.value);
        }
        Ok(())
    }

    fn measure_noise(&mut self) -> Result<(), E> {
        let (here, limits) = (self.here, self.state.limits);
        // A direction is as long as x; this makes its entries as long as those of x.
        let unit = real::<T>(self.point.len() as f64).sqrt();
        let Check { x, claims, .. } = self.state.check;
        let rounded = x.iter().zip(claims).fold(T::zero(), |sum, (&x, &claim)| sum.hypot(x * claim));
        let floor = real::<T>(ROUNDED) * rounded * limits.epsilon / unit;
        self.noise =
            measure(here, limits.influence, floor, limits.required, limits.epsilon, unit, |turn, step| {
                self.step_through_all(turn, step)
            })?;
        Ok(())
    }

    fn enter(&mut self, range: Range<usize>) -> Result<(), E> {
        self.x_rms = rms(&self.state.check.x[range]);
        Ok(())
    }

    fn probe_entry(&mut self, probe: Probe<'n>, index: usize, claim: Claim<T>) -> Result<Found<'n, T>, E> {
        let found = self.search_entry(probe, index, claim)?;
        self.look_elsewhere(found, |check| check.search_entry(probe, index, claim))
    }

    fn probe_direction(&mut self, probe: Probe<'n>, range: Range<usize>) -> Result<Found<'n, T>, E> {
        let before = self.state.rng;
        let found = self.search_direction(probe, range.clone())?;
        self.look_elsewhere(found, |check| {
            let after = core::mem::replace(&mut check.state.rng, before);
            let found = check.search_direction(probe, range);
            check.state.rng = after;
            found
        })
    }
}

impl<'n, T: Float, E> Differences<'_, 'n, T, E> {
    /// What a probe found; before the first claim is called wrong, what it finds `again` if f has jumps along other lines.
    fn look_elsewhere(
        &mut self,
        found: Found<'n, T>,
        again: impl FnOnce(&mut Self) -> Result<Found<'n, T>, E>,
    ) -> Result<Found<'n, T>, E> {
        let is_known = self.here.noise.is_some() || self.noise.is_coarse;
        if found.entry.verdict != Verdict::Disagree || is_known || self.has_looked {
            return Ok(found);
        }
        let (here, noise, epsilon) = (self.here, self.noise.beside(), self.state.limits.epsilon);
        let unit = real::<T>(self.point.len() as f64).sqrt();
        let take = |turn, step| self.step_through_all(turn, step);
        let Some(height) = jump_elsewhere(here, unit, noise, epsilon, take)? else {
            return Ok(found.unfinished());
        };
        self.has_looked = true;
        self.jump = self.jump.max(height);
        if height.is_zero() { Ok(found) } else { again(self) }
    }

    /// Searches the slope along an entry.
    fn search_entry(&mut self, probe: Probe<'n>, index: usize, claim: Claim<T>) -> Result<Found<'n, T>, E> {
        let (x, limits) = (self.state.check.x[index], self.state.limits);
        let (here, noise, smallest, scale) = (self.here, self.noise, x.abs(), scale(x, self.x_rms));
        let line = Line {
            probe,
            claim,
            reach: claim.size,
            scale,
            here,
            noise,
            smallest,
            jump: self.jump,
            is_oblique: false,
        };
        let found = line.search(limits, |wanted| {
            let Ends { step, right, left } = displace(x, wanted);
            self.point[index] = right;
            let right = self.evaluate()?;
            self.point[index] = left;
            let left = self.evaluate()?;
            let (claimed, ends) = (claim.slope * step, right.zip(left));
            let claim_error = claimed.abs() * limits.epsilon;
            Ok(ends.map(|(right, left)| Rung { step, right, left, claimed, claim_error }))
        })?;
        self.point[index] = x;
        self.jump = self.jump.max(found.jump);
        Ok(found)
    }

    /// Searches the slope along a new Gaussian direction through a range.
    fn search_direction(&mut self, probe: Probe<'n>, range: Range<usize>) -> Result<Found<'n, T>, E> {
        self.draw_direction(range.clone());
        let (check, direction) = (self.state.check, self.direction[range.clone()].iter().copied());
        let claim = claim_along(&check.claims[range.clone()], direction.clone(), T::zero());
        let reach = check.reach(range.clone(), direction);
        let (here, noise, scale, is_oblique) = (self.here, self.noise, T::one(), range.len() > 1);
        let sizes = check.x[range.clone()].iter().zip(check.scales(range.clone()));
        let smallest = sizes.fold(scale, |least, (x, scale)| least.min(x.abs() / scale));
        let line = Line { probe, claim, reach, scale, here, noise, smallest, jump: self.jump, is_oblique };
        let found = line.search(self.state.limits, |step| self.step_along(range.clone(), step))?;
        self.jump = self.jump.max(found.jump);
        Ok(found)
    }
}

impl<T: Float, E> Differences<'_, '_, T, E> {
    /// The function at the point, if it may be evaluated once more.
    fn evaluate(&mut self) -> Result<Option<Eval<T>>, E> {
        self.state.function().map(|f| f(self.point)).transpose()
    }

    /// A Gaussian direction of about the length that x has in this range, in which each entry moves in
    /// proportion to its own scale.
    fn draw_direction(&mut self, range: Range<usize>) {
        let many = real::<T>(range.len() as f64).sqrt();
        let scales = self.state.check.scales(range.clone());
        for (direction, scale) in self.direction[range].iter_mut().zip(scales) {
            *direction = scale * self.state.rng.normal() / many;
        }
    }

    /// The function at both ends of a step through everything, along a new direction if `turn` says so.
    fn step_through_all(&mut self, turn: bool, step: T) -> Result<Option<Rung<T>>, E> {
        let all = 0..self.point.len();
        if turn {
            self.draw_direction(all.clone());
        }
        self.step_along(all, step)
    }

    /// The function at both ends of a step along the direction, with x elsewhere.
    fn step_along(&mut self, range: Range<usize>, step: T) -> Result<Option<Rung<T>>, E> {
        let Check { x, claims, .. } = self.state.check;
        let mut claimed = Dot::new();
        for index in range.clone() {
            let ends = displace(x[index], step * self.direction[index]);
            self.point[index] = ends.right;
            claimed.add(claims[index], ends.step);
        }
        let right = self.evaluate()?;
        for index in range.clone() {
            self.point[index] = displace(x[index], step * self.direction[index]).left;
        }
        let left = self.evaluate()?;
        self.point[range.clone()].copy_from_slice(&x[range]);
        let claim_error = claimed.magnitude() * self.state.limits.epsilon;
        let claimed = claimed.value();
        Ok(right.zip(left).map(|(right, left)| Rung { step, right, left, claimed, claim_error }))
    }
}
