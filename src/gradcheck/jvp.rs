//! The same check for a vector field: a claimed Jacobian-vector product.

use core::ops::Range;

use num_traits::Float;

use super::block::{Block, check_blocks};
use super::check::Check;
use super::entry::{Entry, Probe, Verdict};
use super::eval::Eval;
use super::hint::explain;
use super::ladder::Rung;
use super::numeric::{Dot, real, rms, roundoff, scale};
use super::random::{Rng, entries};
use super::report::Report;
use super::verdict::{Climb, Ground, note_non_finite};
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
        let scratch_len = scratch.len();
        let (what, expected, got) = (What::Scratch, jvp_scratch_len(n, outputs), scratch_len);
        let Some(scratch) = scratch.get_mut(..expected) else {
            return Err(Error::Length { what, expected, got });
        };
        let (point, rest) = scratch.split_at_mut(n);
        let mut parts = rest.chunks_exact_mut(outputs);
        let mut next = || parts.next().unwrap_or_default();
        let (here, noise, weights, one, other) = (next(), next(), next(), next(), next());
        let (rng, report) = (Rng::new(self.seed), Report::new(self.seed));
        let size = if rms(v).is_zero() { T::one() } else { rms(v) };
        let unit = scale(T::zero(), rms(self.x)) / size;
        let run = JvpRun {
            check: self,
            field,
            v,
            unit,
            epsilon: roundoff(),
            point,
            here,
            noise,
            weights,
            one,
            other,
            rng,
            report,
        };
        Ok(run.finish())
    }
}

struct JvpRun<'a, 'n, 's, T, F> {
    check: Check<'a, 'n, T>,
    field: F,
    v: &'s [T],
    /// The length of v that moves x by about its own size.
    unit: T,
    /// The roundoff of T.
    epsilon: T,
    point: &'s mut [T],
    /// The field at x, and the noise of each output there.
    here: &'s mut [T],
    noise: &'s mut [T],
    /// w.
    weights: &'s mut [T],
    one: &'s mut [T],
    other: &'s mut [T],
    rng: Rng,
    report: Report<'n>,
}

/// Which of the two buffers for the field's outputs.
#[derive(Clone, Copy, PartialEq)]
enum Buffer {
    One,
    Other,
}

impl<'n, T: Float, F: FnMut(&[T], &mut [T])> JvpRun<'_, 'n, '_, T, F> {
    fn finish(mut self) -> Report<'n> {
        self.evaluate(T::zero(), Buffer::One);
        self.here.copy_from_slice(self.one);
        if self.is_finite() && self.is_deterministic() {
            self.measure_noise();
            if self.check.each_block().count() > 1 {
                self.probe_directions(None, 0..self.here.len());
            }
            for (block, start) in self.check.each_block() {
                self.probe_block(block, start);
            }
            self.is_deterministic();
        }
        self.report.hint = explain(&self.report, &self.check);
        self.report
    }

    /// The field at x + step v.
    fn evaluate(&mut self, step: T, buffer: Buffer) {
        for ((point, &x), &v) in self.point.iter_mut().zip(self.check.x).zip(self.v) {
            *point = x + step * v;
        }
        self.report.evaluations += 1;
        (self.field)(self.point, if buffer == Buffer::One { self.one } else { self.other });
    }

    fn is_finite(&mut self) -> bool {
        for &x in self.check.x.iter().chain(self.v).chain(&*self.here).filter(|x| !x.is_finite()) {
            self.report.add(Entry::of_value(Probe::Point, Verdict::NonFinite, x, x));
        }
        note_non_finite(&mut self.report, &self.check, self.check.claims);
        self.report.counts().non_finite == 0
    }

    fn is_deterministic(&mut self) -> bool {
        self.evaluate(T::zero(), Buffer::One);
        let same = self.one == self.here;
        let pair = self.here.iter().zip(&*self.one).find(|(here, again)| here != again);
        if let Some((&here, &again)) = pair {
            self.report.add(Entry::of_value(Probe::Point, Verdict::Nondeterministic, here, again));
        }
        same
    }

    /// As for a gradient, for each output. The rounding of x + step v shows in it, too.
    fn measure_noise(&mut self) {
        for (noise, here) in self.noise.iter_mut().zip(&*self.here) {
            *noise = here.abs() * self.epsilon;
        }
        let two = T::one() + T::one();
        for number in 0..NOISE_STEPS {
            let step = real::<T>((NOISE_STEP + number) as f64) * self.epsilon * self.unit;
            self.evaluate(step, Buffer::One);
            self.evaluate(two * step, Buffer::Other);
            self.note_bend(|here, near, far| far - two * near + here);
            self.evaluate(-step, Buffer::Other);
            self.note_bend(|here, right, left| right + left - two * here);
            self.evaluate(-two * step, Buffer::One);
            self.note_bend(|here, far, near| far - two * near + here);
        }
    }

    fn note_bend(&mut self, bend: impl Fn(T, T, T) -> T) {
        let values = self.here.iter().zip(&*self.one).zip(&*self.other);
        for (noise, ((&here, &one), &other)) in self.noise.iter_mut().zip(values) {
            let bend = bend(here, one, other).abs() / (T::one() + T::one());
            *noise = if bend.is_finite() { noise.max(bend) } else { *noise };
        }
    }

    fn probe_block(&mut self, block: Block<'n>, start: usize) {
        let before = self.report.counts().conclusive();
        let range = start..start + block.len();
        self.probe_directions(Some(block.name()), range.clone());
        let claims = &self.check.claims[range];
        let size = rms(claims);
        for index in entries(claims, self.check.coordinates, &mut self.rng) {
            self.weights.fill(T::zero());
            self.weights[start + index] = T::one();
            self.probe(Probe::entry(block, start, index), claims[index].abs().max(size));
        }
        self.report.note_blind(block.name(), before);
    }

    fn probe_directions(&mut self, block: Option<&'n str>, range: Range<usize>) {
        for number in 0..self.check.directions {
            self.weights.fill(T::zero());
            let mut size = T::zero();
            for index in range.clone() {
                self.weights[index] = self.rng.normal();
                size = size.hypot(self.weights[index] * self.check.claims[index]);
            }
            self.probe(Probe::Direction { block, number }, size);
        }
    }

    /// The slope of w · F along v.
    fn probe(&mut self, probe: Probe<'n>, size: T) {
        let here = Eval::new(self.project(self.here));
        let noise = self.weights.iter().zip(&*self.noise).fold(T::zero(), |sum, (&w, &e)| sum + w.abs() * e);
        let claim = self.project(self.check.claims);
        let influence = rms(self.check.claims) * self.unit;
        let (required, epsilon) = (real(self.check.required()), self.epsilon);
        let ground = Ground { here, noise, influence, required, epsilon };
        let mut climb = Climb::new(ground, self.unit, size);
        while let Some(step) = climb.next_step() {
            self.evaluate(step, Buffer::One);
            self.evaluate(-step, Buffer::Other);
            let (right, left) = (Eval::new(self.project(self.one)), Eval::new(self.project(self.other)));
            let claimed = claim * step;
            climb.push(Rung { step, right, left, claimed, blur: claimed.abs() * self.epsilon });
        }
        self.report.add(climb.entry(probe, claim));
    }

    fn project(&self, outputs: &[T]) -> T {
        let mut dot = Dot::new();
        // 0 times an output that is not finite here is no part of it.
        let parts = self.weights.iter().zip(outputs).filter(|(w, _)| !w.is_zero());
        parts.for_each(|(&w, &f)| dot.add(w, f));
        dot.value()
    }
}
