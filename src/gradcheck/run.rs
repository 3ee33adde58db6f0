//! A check of a gradient under way: one probe after the other.

use core::ops::Range;

use num_traits::Float;

use super::block::Block;
use super::check::{Check, scratch_len};
use super::entry::{Entry, Probe, Verdict};
use super::eval::Eval;
use super::hint::explain;
use super::ladder::Rung;
use super::numeric::{Dot, displace, real, rms, roundoff, scale};
use super::random::{Rng, entries};
use super::report::Report;
use super::verdict::{Climb, Ground, note_non_finite};
use crate::error::{Error, What};

/// Directions along which the noise of the function is measured, by four points each.
const NOISE_DIRECTIONS: usize = 8;

/// The steps at which noise is measured, in units of rounding of each entry: wide enough to move every intermediate
/// result, so small that the function is straight over it.
const NOISE_STEP: f64 = 16.0;

impl<'n, T: Float> Check<'_, 'n, T> {
    /// Runs the check of a function that always has a value.
    ///
    /// Costs some 20 evaluations of `f` for each probe that agrees, and up to 100 (in f64) for one that does not;
    /// O(n) besides for each step along a direction. Allocates nothing. `scratch` must have at least
    /// [`scratch_len(n)`](scratch_len) elements; what is in it before does not matter, and what is in it after is
    /// unspecified.
    ///
    /// # Errors
    ///
    /// [`Error::Zero`] if `x` is empty or a block is; [`Error::Length`] if there is not one claim for each entry of x, the blocks
    /// have another number of entries, or `scratch` is too short; [`Error::Overflow`] if a block is too large.
    /// NaN and infinities are no errors: the report tells of them.
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
        let n = self.x.len();
        self.check_sizes()?;
        if scratch.len() < scratch_len(n) {
            let (what, expected, got) = (What::Scratch, scratch_len(n), scratch.len());
            return Err(Error::Length { what, expected, got }.into());
        }
        let (point, direction) = scratch.split_at_mut(n);
        let evaluate = |x: &[T]| f(x).map(Into::into);
        Run::start(self, evaluate, point, &mut direction[..n])?.finish()
    }
}

struct Run<'a, 'n, 's, T, F> {
    check: Check<'a, 'n, T>,
    f: F,
    /// x, but for the entries that are displaced just now.
    point: &'s mut [T],
    direction: &'s mut [T],
    rng: Rng,
    ground: Ground<T>,
    report: Report<'n>,
}

impl<'a, 'n, 's, T: Float, F, E> Run<'a, 'n, 's, T, F>
where
    F: FnMut(&[T]) -> Result<Eval<T>, E>,
{
    /// Evaluates the function at x.
    fn start(
        check: Check<'a, 'n, T>,
        mut f: F,
        point: &'s mut [T],
        direction: &'s mut [T],
    ) -> Result<Self, E> {
        point.copy_from_slice(check.x);
        let here = f(point)?;
        let (rng, mut report) = (Rng::new(check.seed), Report::new(check.seed));
        report.evaluations = 1;
        let (noise, influence, required) = (T::zero(), check.influence(), real(check.required()));
        let ground = Ground { here, noise, influence, required, epsilon: roundoff() };
        Ok(Self { check, f, point, direction, rng, ground, report })
    }

    /// Makes all probes.
    fn finish(mut self) -> Result<Report<'n>, E> {
        if self.is_finite() && self.is_deterministic()? {
            self.measure_noise()?;
            if self.check.each_block().count() > 1 {
                self.probe_directions(None, 0..self.check.x.len())?;
            }
            for (block, start) in self.check.each_block() {
                self.probe_block(block, start)?;
            }
            self.is_deterministic()?;
        }
        self.report.hint = explain(&self.report, &self.check);
        Ok(self.report)
    }

    fn evaluate(&mut self) -> Result<Eval<T>, E> {
        self.report.evaluations += 1;
        (self.f)(self.point)
    }

    /// Reports what is NaN or infinite before anything is computed from it.
    fn is_finite(&mut self) -> bool {
        let here = self.ground.here.value;
        if !here.is_finite() {
            self.report.add(Entry::of_value(Probe::Point, Verdict::NonFinite, here, here));
        }
        note_non_finite(&mut self.report, &self.check, self.check.x);
        note_non_finite(&mut self.report, &self.check, self.check.claims);
        self.report.counts().non_finite == 0
    }

    /// Whether the function gives at x what it gave there before.
    fn is_deterministic(&mut self) -> Result<bool, E> {
        self.point.copy_from_slice(self.check.x);
        let (here, again) = (self.ground.here, self.evaluate()?);
        if again != here {
            self.report.add(Entry::of_value(
                Probe::Point,
                Verdict::Nondeterministic,
                here.value,
                again.value,
            ));
        }
        Ok(again == here)
    }

    /// Over steps as small as rounding a function is straight, so its second differences are nothing but noise:
    /// at most four times that of one value, half of the largest one seen is taken. They are taken across x
    /// and on either side of it, because rounding is symmetric about a round number.
    ///
    /// Where branches are known to change, a kink is part of the second difference. Only if there are no others,
    /// it is taken for noise.
    fn measure_noise(&mut self) -> Result<(), E> {
        let (all, here) = (0..self.check.x.len(), self.ground.here);
        let two = T::one() + T::one();
        // A direction is as long as x; this makes its entries as long as those of x.
        let entries = real::<T>(all.len() as f64).sqrt();
        let step = real::<T>(NOISE_STEP) * self.ground.epsilon * entries;
        let (mut straight, mut any) = (None::<T>, T::zero());
        for _ in 0..NOISE_DIRECTIONS {
            self.draw_direction(all.clone());
            let near = self.step_along(all.clone(), step)?;
            let far = self.step_along(all.clone(), two * step)?;
            // Without the claim, so that what is left of it as x ± d is rounded does not count.
            let [right, left] = [(near.right, near.claimed), (near.left, -near.claimed)];
            let [far_right, far_left] = [(far.right, far.claimed), (far.left, -far.claimed)];
            let rest = |(end, claimed): (Eval<T>, T)| end.value - here.value - claimed;
            for (a, b, weight) in [
                (right, left, -T::one()),
                (far_right, far_left, -T::one()),
                (far_right, right, two),
                (far_left, left, two),
            ] {
                let bend = (rest(a) - weight * rest(b)).abs() / two;
                if bend.is_finite() {
                    any = any.max(bend);
                    if [a.0.branch, b.0.branch] == [here.branch; 2] {
                        straight = Some(straight.map_or(bend, |noise| noise.max(bend)));
                    }
                }
            }
        }
        self.ground.noise = straight.unwrap_or(any);
        Ok(())
    }

    /// All probes of one block: directions through it, and its entries, all or a sample.
    fn probe_block(&mut self, block: Block<'n>, start: usize) -> Result<(), E> {
        let before = self.report.counts().conclusive();
        let range = start..start + block.len();
        self.probe_directions(Some(block.name()), range.clone())?;
        self.point.copy_from_slice(self.check.x);
        let claims = &self.check.claims[range.clone()];
        let sizes = (rms(&self.check.x[range]), rms(claims));
        for index in entries(claims, self.check.coordinates, &mut self.rng) {
            self.probe_entry(block, start, index, sizes)?;
        }
        self.report.note_blind(block.name(), before);
        Ok(())
    }

    /// One entry of a block, of which the root mean squares of x and of the claims are given.
    fn probe_entry(
        &mut self,
        block: Block<'n>,
        start: usize,
        index: usize,
        (x_size, g_size): (T, T),
    ) -> Result<(), E> {
        let at = start + index;
        let (x, claim) = (self.check.x[at], self.check.claims[at]);
        let scale = scale(x, x_size);
        let mut climb = Climb::new(self.ground, scale, claim.abs().max(g_size));
        while let Some(wish) = climb.next_step() {
            let (step, right, left) = displace(x, wish);
            self.point[at] = right;
            let right = self.evaluate()?;
            self.point[at] = left;
            let left = self.evaluate()?;
            let claimed = claim * step;
            climb.push(Rung { step, right, left, claimed, blur: claimed.abs() * self.ground.epsilon });
        }
        self.point[at] = x;
        self.report.add(climb.entry(Probe::entry(block, start, index), claim));
        Ok(())
    }

    /// Gaussian directions through the entries of a range.
    fn probe_directions(&mut self, block: Option<&'n str>, range: Range<usize>) -> Result<(), E> {
        for number in 0..self.check.directions {
            self.draw_direction(range.clone());
            let (mut claim, mut size) = (Dot::new(), T::zero());
            for index in range.clone() {
                claim.add(self.check.claims[index], self.direction[index]);
                size = size.hypot(self.check.claims[index] * self.direction[index]);
            }
            let mut climb = Climb::new(self.ground, T::one(), size);
            while let Some(step) = climb.next_step() {
                climb.push(self.step_along(range.clone(), step)?);
            }
            self.report.add(climb.entry(Probe::Direction { block, number }, claim.value()));
        }
        Ok(())
    }

    /// A Gaussian direction of about the length that x has in this range, in which each entry moves in
    /// proportion to its own scale.
    fn draw_direction(&mut self, range: Range<usize>) {
        let many: T = real::<T>(range.len() as f64).sqrt();
        for (block, start) in self.check.each_block().filter(|(_, start)| range.contains(start)) {
            let x = &self.check.x[start..start + block.len()];
            let size = rms(x);
            for (direction, &x) in self.direction[start..].iter_mut().zip(x) {
                *direction = scale(x, size) * self.rng.normal() / many;
            }
        }
    }

    /// The function at both ends of a step along the direction, with x elsewhere.
    fn step_along(&mut self, range: Range<usize>, step: T) -> Result<Rung<T>, E> {
        self.point.copy_from_slice(self.check.x);
        let mut claimed = Dot::new();
        for index in range.clone() {
            let (moved, right, _) = displace(self.check.x[index], step * self.direction[index]);
            self.point[index] = right;
            claimed.add(self.check.claims[index], moved);
        }
        let right = self.evaluate()?;
        for index in range {
            self.point[index] = displace(self.check.x[index], step * self.direction[index]).2;
        }
        let left = self.evaluate()?;
        let blur = claimed.magnitude() * self.ground.epsilon;
        Ok(Rung { step, right, left, claimed: claimed.value(), blur })
    }
}
