//! The exact mode: the function on dual numbers.

use core::ops::Range;

use num_traits::Float;

use super::check::{Check, scratch_len, take_scratch};
use super::driver::{Driver, State};
use super::dual::Dual;
use super::entry::{Found, Probe};
use super::eval::Eval;
use super::judge::{Slope, judge};
use super::numeric::{Claim, claim_along, largest_second_difference, real, rms, scale};
use super::report::Report;
use super::verdict::MINOR;
use crate::error::Error;

/// The caller's function on dual numbers.
type Function<'f, T> = &'f mut dyn FnMut(&[Dual<T>]) -> Eval<Dual<T>>;

/// The noise of each block is measured along so many directions before anything is judged. One alone may happen to
/// show none.
const DIRECTIONS: usize = 8;

/// They are away from x by this power of the roundoff: near enough that the derivative's curvature between them is
/// less than rounding, far enough for all its digits to change.
const STEP: f64 = 0.6;

impl<'a, 'n, T: Float> Check<'a, 'n, T> {
    /// Checks a gradient against the derivative of `f` by dual numbers: exact but for rounding, with no step and
    /// no truncation, for functions that can be written for any `Float`.
    ///
    /// Two derivatives by different formulas differ by rounding, and by how much depends on what cancels in
    /// them. That is measured: over steps of ε^0.6 a derivative is straight but for rounding, so its second
    /// differences are its noise. Where the branch of f changes over such a step (see [`Eval::branch`]), it does
    /// not count; so with branches a gradient can be checked exactly at a kink, too, in the convention of the
    /// function's own comparisons.
    ///
    /// `f` must stay in dual numbers: what it converts with `to_f64`, or replaces by a constant, has no
    /// derivative. And a derivative of exactly 0 stays 0 (see [`Dual`]), also where the slope is infinite, as in
    /// √(x²) at 0.
    ///
    /// The probes are those of [`run`](Self::run). Costs 5 evaluations on dual numbers each, 40 for each block,
    /// and 40 for all of them together if there are two or more. `scratch` must have at least
    /// [`scratch_len(n)`](scratch_len) elements; what is in it after is unspecified.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    ///
    /// # Example
    ///
    /// ```
    /// # fn main() -> Result<(), handgrad::Error> {
    /// use handgrad::gradcheck::{Check, Dual, scratch_len};
    /// use num_traits::Float;
    ///
    /// fn f<T: Float>(x: &[T]) -> T {
    ///     (x[0] * x[1]).exp()
    /// }
    /// let e = 6f64.exp();
    /// let report = Check::new(&[2.0, 3.0], &[3.0 * e, 2.0 * e])
    ///     .run_dual(f::<Dual<f64>>, &mut [Dual::constant(0.0); scratch_len(2)])?;
    /// report.assert_ok();
    /// assert!(report.resolution() < 1e-13);
    /// # Ok(())
    /// # }
    /// ```
    pub fn run_dual<F, V>(self, mut f: F, scratch: &mut [Dual<T>]) -> Result<Report<'n>, Error>
    where
        F: FnMut(&[Dual<T>]) -> V,
        V: Into<Eval<Dual<T>>>,
    {
        self.check_sizes()?;
        let n = self.x.len();
        let scratch = take_scratch(scratch, scratch_len(n))?;
        scratch.fill(Dual::constant(T::zero()));
        let (point, direction) = scratch.split_at_mut(n);
        let f: Function<'_, T> = &mut |x| f(x).into();
        let state = State::new(self, self.influence(), f);
        DualNumbers { state, point, direction, noise: T::zero(), x_rms: T::zero() }.run()
    }
}

/// Slopes as the dual parts of the function's values.
struct DualNumbers<'s, 'n, T> {
    state: State<'s, 'n, T, Function<'s, T>>,
    point: &'s mut [Dual<T>],
    /// The derivatives that the point's entries have, as dual parts.
    direction: &'s mut [Dual<T>],
    /// The largest noise seen since a range was entered, relative to the size of what was probed.
    noise: T,
    /// The root mean square of x in the range that was entered.
    x_rms: T,
}

impl<'s, 'n, T: Float> Driver<'s, 'n, T, Function<'s, T>> for DualNumbers<'s, 'n, T> {
    type Error = Error;
    const PROBE: usize = 5;

    fn state(&mut self) -> &mut State<'s, 'n, T, Function<'s, T>> {
        &mut self.state
    }

    fn start(&mut self) -> Result<(), Error> {
        let Some(here) = self.evaluate(T::zero()) else { return Ok(()) };
        self.state.note_value(here.value.re);
        let Some(again) = self.state.function().map(|f| f(self.point)) else { return Ok(()) };
        // Of the branch nothing is asked here: what it says is that of the function's own comparisons.
        let again_there = Eval { branch: here.branch, ..again };
        if here.value.re.is_finite() && !here.is_repeated_by(again_there) {
            self.state.note_change(here.value.re, again.value.re);
        }
        self.state.note_values(self.state.check.x);
        Ok(())
    }

    /// Measures the noise. If every neighbour is in another branch, nothing is known of it.
    fn enter(&mut self, range: Range<usize>) -> Result<(), Error> {
        self.x_rms = rms(&self.state.check.x[range.clone()]);
        self.noise = T::neg_infinity();
        for _ in 0..DIRECTIONS {
            let claim = self.draw_direction(range.clone());
            let here = self.evaluate(T::zero());
            // Where one may not be evaluated, neither may what follows in this range.
            if let Some(here) = here {
                self.note_noise(here, claim.size.max(here.value.du.abs()));
            }
        }
        self.noise = if self.noise < T::zero() { T::infinity() } else { self.noise };
        self.direction[range].fill(Dual::constant(T::zero()));
        Ok(())
    }

    fn probe_entry(
        &mut self,
        probe: Probe<'n>,
        index: usize,
        claim: Claim<T>,
    ) -> Result<Found<'n, T>, Error> {
        let size = claim.size.max(self.minor() / scale(self.state.check.x[index], self.x_rms));
        self.direction[index].du = T::one();
        let found = self.probe(probe, Claim { size, ..claim }, size);
        self.direction[index].du = T::zero();
        Ok(found)
    }

    fn probe_direction(&mut self, probe: Probe<'n>, range: Range<usize>) -> Result<Found<'n, T>, Error> {
        let claim = self.draw_direction(range.clone());
        let directions = self.direction[range.clone()].iter().map(|direction| direction.du);
        let reach = self.state.check.reach(range.clone(), directions).max(self.minor());
        let found = self.probe(probe, claim, reach);
        self.direction[range].fill(Dual::constant(T::zero()));
        Ok(found)
    }
}

impl<'n, T: Float> DualNumbers<'_, 'n, T> {
    /// The change of f against which errors of claims of less influence are measured.
    fn minor(&self) -> T {
        real::<T>(MINOR) * self.state.limits.influence
    }

    /// A Gaussian direction, and what is claimed along it.
    fn draw_direction(&mut self, range: Range<usize>) -> Claim<T> {
        let Check { x, claims, .. } = self.state.check;
        for index in range.clone() {
            self.direction[index].du = scale(x[index], T::zero()) * self.state.rng.normal();
        }
        let direction = self.direction[range.clone()].iter().map(|direction| direction.du);
        claim_along(&claims[range], direction, self.minor())
    }

    /// The derivative along the direction in the dual parts, and the claim, of which errors are accepted relative to
    /// `reach`.
    fn probe(&mut self, probe: Probe<'n>, claim: Claim<T>, reach: T) -> Found<'n, T> {
        let mut done = None;
        if let Some(here) = self.evaluate(T::zero()) {
            let size = claim.size.max(here.value.du.abs());
            done = self.note_noise(here, size).then_some((here.value.du, size));
        }
        let Some((slope, size)) = done else {
            return Found::nothing(probe, claim.slope, true);
        };
        judge(probe, claim.slope, Slope { slope, noise: self.noise, size, reach }, self.state.limits)
    }

    /// Remembers the largest second difference of the derivative beside `here`. Whether all four points that it
    /// takes could be evaluated.
    fn note_noise(&mut self, here: Eval<Dual<T>>, size: T) -> bool {
        let (rng, two, mut all) = (self.state.rng, T::one() + T::one(), true);
        let step = self.state.limits.epsilon.powf(real(STEP));
        let changes = [step, two * step, -step, -two * step].map(|step| {
            // In the same direction each time.
            self.state.rng = rng;
            let there = self.evaluate(step);
            all &= there.is_some();
            let there = there.filter(|there| there.branch == here.branch);
            there.map_or(T::nan(), |there| there.value.du - here.value.du)
        });
        self.noise = largest_second_difference(changes, size, self.noise);
        all
    }

    /// The function beside x: each entry moves by about `step` times its scale, and its derivative with it.
    fn evaluate(&mut self, step: T) -> Option<Eval<Dual<T>>> {
        let Check { x, .. } = self.state.check;
        let moved = x.iter().zip(self.state.check.scales(0..x.len())).zip(&*self.direction);
        for (point, ((&x, scale), direction)) in self.point.iter_mut().zip(moved) {
            let [re, du] = [(); 2].map(|()| step * self.state.rng.normal());
            *point = Dual::new(x + re * scale, direction.du + du * direction.du);
        }
        self.state.function().map(|f| f(self.point))
    }
}
