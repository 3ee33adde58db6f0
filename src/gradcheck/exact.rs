//! The exact mode: the function on dual numbers.

use core::ops::Range;

use num_traits::Float;

use super::block::Block;
use super::check::{Check, scratch_len};
use super::dual::Dual;
use super::entry::{Entry, Probe, Verdict};
use super::eval::Eval;
use super::hint::explain;
use super::numeric::{Dot, as_f64, real, rms, roundoff, scale};
use super::random::{Rng, entries};
use super::report::Report;
use super::verdict::{MINOR, note_non_finite};
use crate::error::{Error, What};

/// The noise of each block is measured along so many directions before anything is judged. One alone may happen to
/// show none.
const DIRECTIONS: usize = 8;

/// They are away from x by this power of the roundoff: near enough that the derivative's curvature between them is
/// less than rounding, far enough for all its digits to change.
const STEP: f64 = 0.6;

/// The error bar is so many times the largest second difference of the derivative...
const TRUST: f64 = 8.0;

/// ... and so many units of rounding of the gradient's size.
const ROUNDING: f64 = 32.0;

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
    /// `f` must stay in dual numbers: what it converts with `to_f64`, or replaces by a constant, has no derivative. And
    /// a derivative of exactly 0 stays 0 (see [`Dual`]), also where the slope is infinite, as in √(x²) at 0.
    ///
    /// The probes are those of [`run`](Self::run). Costs 5 evaluations on dual numbers each, and 40 for each block. `scratch` must have
    /// at least [`scratch_len(n)`](scratch_len) elements; what is in it after is unspecified.
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
        let (what, expected, got) = (What::Scratch, scratch_len(n), scratch.len());
        let Some(scratch) = scratch.get_mut(..expected) else {
            return Err(Error::Length { what, expected, got });
        };
        scratch.fill(Dual::constant(T::zero()));
        let (point, direction) = scratch.split_at_mut(n);
        let (rng, report) = (Rng::new(self.seed), Report::new(self.seed));
        let f = |x: &[Dual<T>]| f(x).into();
        let influence = self.influence();
        Ok(DualRun { check: self, f, point, direction, influence, rough: T::zero(), rng, report }.finish())
    }
}

struct DualRun<'a, 'n, 's, T, F> {
    check: Check<'a, 'n, T>,
    f: F,
    point: &'s mut [Dual<T>],
    /// The derivatives that the point's entries have, as dual parts.
    direction: &'s mut [Dual<T>],
    influence: T,
    /// The largest noise seen in the block, relative to the size of what was probed.
    rough: T,
    rng: Rng,
    report: Report<'n>,
}

impl<'n, T: Float, F: FnMut(&[Dual<T>]) -> Eval<Dual<T>>> DualRun<'_, 'n, '_, T, F> {
    fn finish(mut self) -> Report<'n> {
        self.move_point(T::zero());
        if self.is_finite() {
            if self.check.each_block().count() > 1 {
                self.probe_directions(None, 0..self.check.x.len());
            }
            for (block, start) in self.check.each_block() {
                self.probe_block(block, start);
            }
        }
        self.report.hint = explain(&self.report, &self.check);
        self.report
    }

    fn evaluate(&mut self) -> Eval<Dual<T>> {
        self.report.evaluations += 1;
        (self.f)(self.point)
    }

    fn is_finite(&mut self) -> bool {
        let (here, again) = (self.evaluate().value.re, self.evaluate().value.re);
        if !here.is_finite() {
            self.report.add(Entry::of_value(Probe::Point, Verdict::NonFinite, here, here));
        } else if here != again {
            self.report.add(Entry::of_value(Probe::Point, Verdict::Nondeterministic, here, again));
        }
        note_non_finite(&mut self.report, &self.check, self.check.x);
        note_non_finite(&mut self.report, &self.check, self.check.claims);
        self.report.counts().non_finite + self.report.counts().nondeterministic == 0
    }

    fn probe_block(&mut self, block: Block<'n>, start: usize) {
        let before = self.report.counts().conclusive();
        let range = start..start + block.len();
        self.measure_noise(range.clone());
        self.probe_directions(Some(block.name()), range.clone());
        let claims = &self.check.claims[range.clone()];
        let (size, x_size) = (rms(claims), rms(&self.check.x[range]));
        for index in entries(claims, self.check.coordinates, &mut self.rng) {
            let (x, claim) = (self.check.x[start + index], claims[index]);
            let minor = real::<T>(MINOR) * self.influence / scale(x, x_size);
            self.direction[start + index].du = T::one();
            self.probe(Probe::entry(block, start, index), claim, claim.abs().max(size).max(minor));
            self.direction[start + index].du = T::zero();
        }
        self.report.note_blind(block.name(), before);
    }

    fn probe_directions(&mut self, block: Option<&'n str>, range: Range<usize>) {
        if block.is_none() {
            self.measure_noise(range.clone());
        }
        for number in 0..self.check.directions {
            let (claim, size) = self.draw_direction(range.clone());
            self.probe(Probe::Direction { block, number }, claim, size);
        }
        self.direction[range].iter_mut().for_each(|direction| direction.du = T::zero());
    }

    /// A Gaussian direction: the slope that is claimed along it, and its size.
    fn draw_direction(&mut self, range: Range<usize>) -> (T, T) {
        let (mut claim, mut size) = (Dot::new(), real::<T>(MINOR) * self.influence);
        for index in range {
            let du = scale(self.check.x[index], T::zero()) * self.rng.normal();
            self.direction[index].du = du;
            claim.add(self.check.claims[index], du);
            size = size.hypot(self.check.claims[index] * du);
        }
        (claim.value(), size)
    }

    /// If every neighbour is in another branch, nothing is known of the noise.
    fn measure_noise(&mut self, range: Range<usize>) {
        self.rough = T::neg_infinity();
        for _ in 0..DIRECTIONS {
            let (_, size) = self.draw_direction(range.clone());
            let here = self.evaluate_here();
            self.note_noise(here, size.max(here.value.du.abs()));
        }
        self.rough = if self.rough < T::zero() { T::infinity() } else { self.rough };
        self.direction[range].iter_mut().for_each(|direction| direction.du = T::zero());
    }

    fn evaluate_here(&mut self) -> Eval<Dual<T>> {
        self.move_point(T::zero());
        self.evaluate()
    }

    /// The derivative along the direction in the dual parts.
    fn probe(&mut self, probe: Probe<'n>, claim: T, size: T) {
        let here = self.evaluate_here();
        let slope = here.value.du;
        let size = size.max(slope.abs());
        self.note_noise(here, size);
        let rounding = real::<T>(ROUNDING) * roundoff() * size;
        let error = real::<T>(TRUST) * self.rough * size + rounding;
        let reach = (slope - claim).abs() + error;
        let resolution = if reach.is_zero() { reach } else { reach / size };
        let verdict = if (slope - claim).abs() > error {
            Verdict::Disagree
        } else if resolution <= real(self.check.required()) {
            Verdict::Agree
        } else {
            Verdict::Unresolved
        };
        let (claimed, slope, error) = (as_f64(claim), as_f64(slope), as_f64(error));
        let resolution = as_f64(resolution);
        self.report.add(Entry { probe, verdict, claimed, slope, error, step: 0.0, resolution });
    }

    /// Remembers the largest second difference of the derivative, across x and on either side of it: rounding is
    /// symmetric about a round number.
    fn note_noise(&mut self, here: Eval<Dual<T>>, size: T) {
        let two = T::one() + T::one();
        let (rng, step) = (self.rng, roundoff::<T>().powf(real(STEP)));
        let [near, far, left, far_left] = [step, two * step, -step, -two * step].map(|step| {
            self.rng = rng;
            self.move_point(step);
            let there = self.evaluate();
            if there.branch == here.branch { there.value.du - here.value.du } else { T::nan() }
        });
        for bend in [near + left, far + far_left, far - two * near, far_left - two * left] {
            if (bend / size).is_finite() {
                self.rough = self.rough.max(bend.abs() / size);
            }
        }
    }

    /// Puts the point beside x: each entry moves by about `step` times its scale, and its derivative with it.
    fn move_point(&mut self, step: T) {
        for (block, start) in self.check.each_block() {
            let x = &self.check.x[start..start + block.len()];
            let size = rms(x);
            let places = self.point[start..].iter_mut().zip(&self.direction[start..]);
            for ((point, direction), &x) in places.zip(x) {
                let (re, du) = (step * self.rng.normal(), step * self.rng.normal());
                *point = Dual::new(x + re * scale(x, size), direction.du + du * direction.du);
            }
        }
    }
}
