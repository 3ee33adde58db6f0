//! Sums: plain ones over a row, compensated ones over examples.

use num_traits::Float;

/// sums ← sums + terms, element by element.
pub(crate) fn add_to<T: Float>(sums: &mut [T], terms: &[T]) {
    for (sum, &term) in sums.iter_mut().zip(terms) {
        *sum = *sum + term;
    }
}

/// The sum of a slice in eight interleaved parts: the error grows with an eighth of the length, and the
/// parts are independent additions.
#[inline]
pub(crate) fn sum<T: Float>(terms: &[T]) -> T {
    let chunks = terms.chunks_exact(8);
    let rest = chunks.remainder();
    let mut parts = [T::zero(); 8];
    for chunk in chunks {
        add_to(&mut parts, chunk);
    }
    // Not a loop over the rest, whose length the compiler does not know: the parts would leave their registers for it.
    for i in 0..8 {
        if i < rest.len() {
            parts[i] = parts[i] + rest[i];
        }
    }
    let [a, b, c, d, e, f, g, h] = parts;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

/// One step of compensated (Kahan) summation: sum ← sum + rest, and rest ← what that addition lost.
///
/// The next terms are added to `rest`, and so the lost part comes back with them: the error of a long sum is
/// that of its steps' terms, and does not grow with their number.
pub(crate) fn fold<T: Float>(sum: &mut T, rest: &mut T) {
    let old = *sum;
    *sum = old + *rest;
    // The sum's own part of the addition, then what each of the two lost: right whichever is the larger. An
    // infinite sum has lost nothing; inf - inf would turn it into NaN at the next step.
    let part = *sum - old;
    *rest = if sum.is_finite() { (old - (*sum - part)) + (*rest - part) } else { T::zero() };
}

/// A compensated sum of single terms.
pub(crate) struct Sum<T> {
    sum: T,
    rest: T,
}

impl<T: Float> Sum<T> {
    pub(crate) fn new() -> Self {
        Self { sum: T::zero(), rest: T::zero() }
    }

    pub(crate) fn add(&mut self, term: T) {
        self.rest = self.rest + term;
        fold(&mut self.sum, &mut self.rest);
    }

    /// Whether the sum is in range with this term, if it was without.
    pub(crate) fn reaches(&self, term: T) -> bool {
        (self.sum + (self.rest + term)).is_finite() || !(self.sum + term * T::zero()).is_finite()
    }

    /// Multiplies the sum by a power of two.
    pub(crate) fn multiply(&mut self, by: T) {
        (self.sum, self.rest) = (self.sum * by, self.rest * by);
    }

    pub(crate) fn total(self) -> T {
        self.sum
    }
}

#[cfg(test)]
mod tests;
