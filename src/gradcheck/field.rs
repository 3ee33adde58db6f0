//! A vector field's values, and the scalars w · F that are probed of it.

use num_traits::Float;

use super::eval::Eval;
use super::numeric::Dot;

/// So many points are taken to measure noise, four for each step.
pub(super) const NOISE_STEPS: usize = 8;

/// A field's values at x and at two other points, their noise, and the weights w.
pub(super) struct Field<'s, T> {
    pub(super) here: &'s mut [T],
    pub(super) noise: &'s mut [T],
    pub(super) weights: &'s mut [T],
    pub(super) ends: [&'s mut [T]; 2],
}

impl<'s, T: Float> Field<'s, T> {
    /// The scratch for a field of so many outputs.
    pub(super) const fn scratch_len(outputs: usize) -> usize {
        outputs.saturating_mul(5)
    }

    pub(super) fn new(scratch: &'s mut [T], outputs: usize) -> Self {
        let mut parts = scratch.chunks_exact_mut(outputs);
        let mut next = || parts.next().unwrap_or_default();
        Self { here: next(), noise: next(), weights: next(), ends: [next(), next()] }
    }

    /// The first output that is not at the end of this number what it is at x: what it is here and there.
    pub(super) fn change(&self, end: usize) -> Option<(T, T)> {
        let mut pairs = self.here.iter().zip(&*self.ends[end]);
        pairs.find(|(here, again)| here != again).map(|(&here, &again)| (here, again))
    }

    /// w · F, given the outputs.
    pub(super) fn project(&self, outputs: &[T]) -> T {
        project(self.weights, outputs)
    }

    /// w · F at x, and at both ends.
    pub(super) fn values(&self) -> [Eval<T>; 3] {
        [&*self.here, &*self.ends[0], &*self.ends[1]].map(|outputs| Eval::new(self.project(outputs)))
    }

    /// The noise of w · F.
    pub(super) fn projected_noise(&self) -> T {
        self.weights.iter().zip(&*self.noise).fold(T::zero(), |sum, (&w, &e)| sum + w.abs() * e)
    }

    /// Rounding of the values alone, or of what each changes by as x is rounded if that is more.
    pub(super) fn start_noise(&mut self, epsilon: T, changes: impl Iterator<Item = T>) {
        for ((noise, here), change) in self.noise.iter_mut().zip(&*self.here).zip(changes) {
            *noise = here.abs().max(change) * epsilon;
        }
    }

    /// Takes half of the second differences of four points in a row, two on either side of x, for noise. `evaluate`
    /// goes so many steps from x and stores the field there, or says that it may not. Whether it could each time.
    pub(super) fn note_noise(&mut self, mut evaluate: impl FnMut(&mut [T], T) -> bool) -> bool {
        let two = T::one() + T::one();
        if !(evaluate(self.ends[0], T::one()) && evaluate(self.ends[1], two)) {
            return false;
        }
        self.note_second_difference(|here, near, far| far - two * near + here);
        if !evaluate(self.ends[1], -T::one()) {
            return false;
        }
        self.note_second_difference(|here, right, left| right + left - two * here);
        if !evaluate(self.ends[0], -two) {
            return false;
        }
        self.note_second_difference(|here, far, near| far - two * near + here);
        true
    }

    /// It is given by the field at x and at the two ends.
    fn note_second_difference(&mut self, second_difference: impl Fn(T, T, T) -> T) {
        let values = self.here.iter().zip(&*self.ends[0]).zip(&*self.ends[1]);
        for (noise, ((&here, &one), &other)) in self.noise.iter_mut().zip(values) {
            let half = second_difference(here, one, other).abs() / (T::one() + T::one());
            *noise = if half.is_finite() { noise.max(half) } else { *noise };
        }
    }
}

/// w · F in twice the precision. 0 times an output that is not finite is no part of it.
pub(super) fn project<T: Float>(weights: &[T], outputs: &[T]) -> T {
    let mut dot = Dot::new();
    let parts = weights.iter().zip(outputs).filter(|(w, _)| !w.is_zero());
    parts.for_each(|(&w, &f)| dot.add(w, f));
    dot.value()
}
