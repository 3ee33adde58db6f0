//! A vector field's values, and the scalars w · F that are probed of it.

use num_traits::Float;

use super::eval::Eval;
use super::noise::{GROWTH, MOST_STEPS, Noise};
use super::numeric::{Dot, real};

/// The caller's field, which writes its values at a point.
pub(super) type FieldFunction<'f, T> = &'f mut dyn FnMut(&[T], &mut [T]);

/// So many points are taken to measure noise, four for each step.
pub(super) const NOISE_STEPS: usize = 8;

/// Along so many directions outputs that stood still are seen to move ...
const TURNS: usize = 4;

/// ... each time from this part of the step on at which the first of them did before. No power of [`GROWTH`], so that the
/// steps are others.
const BACK: f64 = 8.0;

/// A field's values at x and at two other points, their noise, and the weights w.
pub(super) struct Field<'s, T> {
    pub(super) here: &'s mut [T],
    /// Of each output; infinite where it stands still beside x and the evaluations ran out before it was seen to move.
    noise: &'s mut [T],
    /// While noise is measured, what was seen of each output ([`still`]).
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

    /// The noise of one output.
    pub(super) fn noise_of(&self, output: usize) -> Noise<T> {
        let noise = self.noise[output];
        if noise.is_finite() { Noise::even(noise) } else { Noise::blind(T::zero()) }
    }

    /// The noise of w · F.
    pub(super) fn projected_noise(&self) -> Noise<T> {
        let parts = || self.weights.iter().zip(&*self.noise).filter(|(w, _)| !w.is_zero());
        let known = parts().filter(|(_, noise)| noise.is_finite());
        let sum = known.fold(T::zero(), |sum, (&w, &noise)| sum + w.abs() * noise);
        if parts().all(|(_, noise)| noise.is_finite()) { Noise::even(sum) } else { Noise::blind(sum) }
    }

    /// Rounding of the values alone, or of what each changes by as x is rounded if that is more.
    pub(super) fn start_noise(&mut self, epsilon: T, changes: impl Iterator<Item = T>) {
        for ((noise, here), change) in self.noise.iter_mut().zip(&*self.here).zip(changes) {
            *noise = here.abs().max(change) * epsilon;
        }
        self.weights.fill(still());
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

    /// The noise of outputs that stood still at all points so far, because their values are coarser than T: half of what
    /// they change by where they first move. `evaluate` goes this step from x, along a new direction if its last argument says
    /// so, and stores the field there, or says that it may not. An output that moves at once where it does move is no
    /// staircase, but flat at x only.
    pub(super) fn note_coarseness(
        &mut self,
        small: T,
        widest: T,
        mut evaluate: impl FnMut(&mut [T], T, bool) -> bool,
    ) {
        let growth = real::<T>(GROWTH);
        let mut first = growth * small;
        for turn in 0..TURNS {
            let (mut step, mut lowest) = (first, None);
            for number in 0..MOST_STEPS {
                if step > widest || !self.weights.iter().any(T::is_zero) {
                    break;
                }
                let there = evaluate(self.ends[0], step, number == 0);
                let moves = there && self.any_moves();
                if !there || moves && !evaluate(self.ends[1], step + small, false) {
                    // Later turns only look for more.
                    if turn == 0 {
                        self.give_up();
                    }
                    return;
                }
                if moves {
                    self.note_risers();
                    lowest = lowest.or(Some(step));
                }
                step = growth * step;
            }
            // What has not moved by now is a constant.
            let seen = |state: &T| if *state < T::zero() { still() } else { T::one() };
            self.weights.iter_mut().for_each(|state| *state = seen(state));
            let Some(lowest) = lowest else { return };
            first = (lowest / real(BACK)).max(growth * small);
        }
    }

    /// The evaluations ran out: of outputs that were never seen to move nothing is known.
    pub(super) fn give_up(&mut self) {
        let unknown = self.noise.iter_mut().zip(&*self.weights).filter(|(_, state)| state.is_zero());
        unknown.for_each(|(noise, _)| *noise = T::infinity());
    }

    /// Whether any output that has stood still does not do so at the first end.
    fn any_moves(&self) -> bool {
        let outputs = self.weights.iter().zip(&*self.here).zip(&*self.ends[0]);
        outputs
            .into_iter()
            .any(|((state, here), there)| state.is_zero() && there != here && there.is_finite())
    }

    /// Takes what such outputs are at the first end, unless they are something else at the second one, for a tread.
    fn note_risers(&mut self) {
        let outputs = self.weights.iter_mut().zip(&mut *self.noise).zip(&*self.here);
        for (((state, noise), &here), (&there, &beside)) in
            outputs.zip(self.ends[0].iter().zip(&*self.ends[1]))
        {
            if state.is_zero() && there != here && there.is_finite() {
                *state = -T::one();
                let half = (there - here).abs() / (T::one() + T::one());
                *noise = if there == beside { noise.max(half) } else { *noise };
            }
        }
    }

    /// It is given by the field at x and at the two ends.
    fn note_second_difference(&mut self, second_difference: impl Fn(T, T, T) -> T) {
        let values = self.here.iter().zip(&*self.ends[0]).zip(&*self.ends[1]);
        let outputs = self.noise.iter_mut().zip(&mut *self.weights);
        for ((noise, state), ((&here, &one), &other)) in outputs.zip(values) {
            let half = second_difference(here, one, other).abs() / (T::one() + T::one());
            *noise = if half.is_finite() { noise.max(half) } else { *noise };
            let moves = |end: T| end != here && end.is_finite();
            *state = if moves(one) || moves(other) { T::one() } else { *state };
        }
    }
}

/// While noise is measured, the weight of an output is 0 as long as it was not seen to move, 1 when it has done so beside x or
/// is a constant, and -1 when it has done so farther off along the present direction.
fn still<T: Float>() -> T {
    T::zero()
}

/// w · F in twice the precision. 0 times an output that is not finite is no part of it.
pub(super) fn project<T: Float>(weights: &[T], outputs: &[T]) -> T {
    let mut dot = Dot::new();
    let parts = weights.iter().zip(outputs).filter(|(w, _)| !w.is_zero());
    parts.for_each(|(&w, &f)| dot.add(w, f));
    dot.value()
}

#[cfg(test)]
mod tests;
