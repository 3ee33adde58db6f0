//! From the scores of an example to its probabilities, its loss and the gradient of its scores.

use num_traits::Float;

use crate::kernels::softmax::zero;

/// The class of the largest score, and that score: the first one of equals. NaN counts as the largest of all.
pub(super) fn leader<T: Float>(f: &[T]) -> (usize, T) {
    let mut lead = (0, T::neg_infinity());
    for (class, &f) in f.iter().enumerate() {
        if class == 0 || f > lead.1 || (f.is_nan() && !lead.1.is_nan()) {
            lead = (class, f);
        }
    }
    lead
}

/// (4): f ← p.
pub(super) fn probabilities<T: Float>(f: &mut [T]) {
    let first = leader(f).0;
    let total = softmax(f, first, T::zero()).total;
    f.iter_mut().for_each(|f| *f = *f / total);
}

/// (5), or (20) with smoothing: the loss.
pub(super) fn loss<T: Float>(f: &mut [T], class: usize, smoothing: T) -> T {
    softmax(f, class, smoothing).loss
}

/// (15), or (21) with smoothing: f ← `weight` times g. Returns the loss.
pub(super) fn score_grad<T: Float>(f: &mut [T], class: usize, weight: T, smoothing: T) -> T {
    let share = share(f.len(), smoothing);
    let Softmax { loss, total, others } = softmax(f, class, smoothing);
    let factor = weight / total;
    for (j, g) in f.iter_mut().enumerate() {
        *g = if j == class { -(others * factor) } else { *g * factor };
    }
    if smoothing > T::zero() {
        for (j, g) in f.iter_mut().enumerate() {
            *g = *g + weight * if j == class { smoothing - share } else { -share };
        }
    }
    loss
}

/// ε/C: what smoothing gives to each class.
fn share<T: Float>(classes: usize, smoothing: T) -> T {
    smoothing / T::from(classes).unwrap_or_else(T::nan)
}

/// What the scores of an example come to.
struct Softmax<T> {
    loss: T,
    /// The sum of all exp(f_j - M), M the leading score: NaN if M is not finite.
    total: T,
    /// The same without the class of the label.
    others: T,
}

/// (4), (5): f ← exp(f - M). The label and the leader stand aside from the sum, so that nothing is found by a
/// subtraction that cancels.
fn softmax<T: Float>(f: &mut [T], class: usize, smoothing: T) -> Softmax<T> {
    let (first, lead) = leader(f);
    let (zero, share) = (zero(lead), share(f.len(), smoothing));
    let (mut middle, mut right, mut loss) = (T::zero(), T::one(), T::zero());
    let mut spread = T::zero();
    for (j, f) in f.iter_mut().enumerate() {
        let shifted = *f - lead;
        *f = shifted.exp();
        if smoothing > T::zero() {
            spread = spread - shifted;
        }
        if j == class {
            (right, loss) = (*f, -shifted);
        } else if j != first {
            middle = middle + *f;
        }
    }
    if smoothing > T::zero() {
        loss = (T::one() - smoothing) * loss + share * spread;
    }
    let (rest, others) = if class == first { (middle, middle) } else { (middle + right, middle + T::one()) };
    Softmax { loss: loss + (rest.ln_1p() + zero), total: T::one() + zero + rest, others }
}
