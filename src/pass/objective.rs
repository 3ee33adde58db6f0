//! What the scores of an example are compared with, and what its loss counts.

use num_traits::{Float, PrimInt};

use super::setup::Pass;
use crate::data::{Batch, Dims, MatRef, Params, ParamsMut};
use crate::error::{Error, What, check_len};
use crate::kernels::softmax::NO_LABEL;
use crate::kernels::sum::Sum;

/// The objective as the caller has put it together: (20) to (24).
pub(crate) struct Objective<'a, T, L> {
    pub(crate) labels: Option<&'a [L]>,
    /// The targets q, n × C, of a batch that has them in the place of labels.
    pub(crate) targets: Option<MatRef<'a, T>>,
    /// The label of examples that are left out.
    pub(crate) ignored: Option<L>,
    /// v, n.
    pub(crate) example_weights: Option<&'a [T]>,
    /// w, C.
    pub(crate) class_weights: Option<&'a [T]>,
    /// ε.
    pub(crate) smoothing: T,
}

// Not derived: a view can be copied whether or not its elements can.
impl<T: Copy, L: Copy> Clone for Objective<'_, T, L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Copy, L: Copy> Copy for Objective<'_, T, L> {}

impl<'a, T: Float, L: PrimInt> Objective<'a, T, L> {
    pub(crate) fn new(batch: Batch<'a, T, L>) -> Self {
        Self {
            labels: batch.labels,
            targets: batch.targets,
            ignored: None,
            example_weights: None,
            class_weights: None,
            smoothing: T::zero(),
        }
    }

    /// `Ok` if the options are of the right size, in range, and the labels are classes or ignored. O(n + C),
    /// with targets O(nC).
    pub(crate) fn check(&self, dims: Dims, n: usize) -> Result<(), Error> {
        let c = dims.classes();
        for (what, len, weights) in
            [(What::ExampleWeights, n, self.example_weights), (What::ClassWeights, c, self.class_weights)]
        {
            let Some(weights) = weights else { continue };
            check_len(what, len, weights.len())?;
            check_numbers(what, weights)?;
        }
        if !(self.smoothing >= T::zero() && self.smoothing <= T::one()) {
            return Err(value(What::Smoothing, 0, self.smoothing));
        }
        for (example, &label) in self.labels.unwrap_or_default().iter().enumerate() {
            if Some(label) != self.ignored && label.to_usize().is_none_or(|class| class >= c) {
                // Only a `u128` can be too large for an `i128`.
                let got = label.to_i128().unwrap_or(i128::MAX);
                return Err(Error::Label { example, classes: c, got });
            }
        }
        if let Some(targets) = self.targets {
            if (targets.rows(), targets.cols()) != (n, c) {
                let got = (targets.rows(), targets.cols());
                return Err(Error::Shape { what: What::Targets, expected: (n, c), got });
            }
            (0..n).filter(|&i| !self.skips(i)).try_for_each(|i| check_target(i, targets.row(i)))?;
        }
        Ok(())
    }

    /// (23): what the loss of an example counts in N.
    fn effective_weight(&self, example: usize) -> T {
        let label = self.label(example);
        if label == NO_LABEL && self.targets.is_none() {
            return T::zero();
        }
        let class = self.class_weights.and_then(|weights| weights.get(label)).copied().unwrap_or(T::one());
        self.example_weight(example) * class
    }

    /// (23): the sum of the effective weights.
    pub(crate) fn total_weight(&self, n: usize) -> T {
        if !self.is_uneven() {
            return T::from(n).unwrap_or_else(T::nan);
        }
        let mut sum = Sum::new();
        (0..n).for_each(|example| sum.add(self.effective_weight(example)));
        sum.total()
    }

    /// The class of an example, or [`NO_LABEL`].
    fn label(&self, example: usize) -> usize {
        match self.labels {
            // That all others are classes has been checked.
            Some(labels) if Some(labels[example]) != self.ignored => {
                labels[example].to_usize().unwrap_or(NO_LABEL)
            }
            _ => NO_LABEL,
        }
    }

    fn example_weight(&self, example: usize) -> T {
        self.example_weights.map_or(T::one(), |weights| weights[example])
    }
}

/// The objective for who does not know the type of the labels.
pub(crate) trait Goal<T: Float> {
    /// Whether a loss can be computed.
    fn is_known(&self) -> bool;

    /// Whether an example's target is more than one class: (20) has more than one term then.
    fn is_dense(&self) -> bool;

    /// The classes of the examples from `first` on, or [`NO_LABEL`].
    fn labels(&self, first: usize, labels: &mut [usize]);

    /// What the loss of an example is multiplied with, beside the terms of a dense target: 0 if it is left out.
    fn scale(&self, example: usize) -> T;

    /// Whether any example may have another scale than 1.
    fn is_uneven(&self) -> bool;

    /// Whether an example is left out.
    fn skips(&self, example: usize) -> bool {
        self.is_uneven() && self.scale(example) == T::zero()
    }

    /// (20): a_c of an example with a dense target.
    fn share(&self, example: usize, label: usize, class: usize, classes: usize) -> T;
}

impl<T: Float, L: PrimInt> Goal<T> for Objective<'_, T, L> {
    fn is_known(&self) -> bool {
        self.labels.is_some() || self.targets.is_some()
    }

    fn is_dense(&self) -> bool {
        self.targets.is_some() || self.smoothing > T::zero()
    }

    fn labels(&self, first: usize, labels: &mut [usize]) {
        labels.iter_mut().enumerate().for_each(|(i, label)| *label = self.label(first + i));
    }

    fn scale(&self, example: usize) -> T {
        if self.is_dense() {
            let ignored = self.targets.is_none() && self.label(example) == NO_LABEL;
            if ignored { T::zero() } else { self.example_weight(example) }
        } else {
            self.effective_weight(example)
        }
    }

    fn is_uneven(&self) -> bool {
        self.ignored.is_some() || self.example_weights.is_some() || self.class_weights.is_some()
    }

    fn share(&self, example: usize, label: usize, class: usize, classes: usize) -> T {
        let (one, smoothing) = (T::one(), self.smoothing);
        let target = match self.targets {
            Some(targets) => targets.get(example, class).unwrap_or_else(T::nan),
            None if class == label => one,
            None => T::zero(),
        };
        let even = smoothing / T::from(classes).unwrap_or_else(T::nan);
        let weight = self.class_weights.map_or(one, |weights| weights[class]);
        weight * ((one - smoothing) * target + even)
    }
}

/// (24): what the squares of the weights add to the loss.
#[derive(Clone, Copy)]
pub(crate) struct L2<T> {
    pub(crate) w1: T,
    pub(crate) w2: T,
}

impl<T: Float> L2<T> {
    /// The matrices with their factors, without those whose factor is 0: they may hold infinite numbers.
    fn terms<M>(self, w1: M, w2: M) -> impl Iterator<Item = (T, M)> {
        [(self.w1, w1), (self.w2, w2)].into_iter().filter(|(factor, _)| *factor != T::zero())
    }

    pub(crate) fn add_loss(self, params: Params<'_, T>, loss: T) -> T {
        self.terms(params.w1, params.w2).fold(loss, |loss, (factor, w)| {
            let mut sum = Sum::new();
            (0..w.rows()).flat_map(|row| w.row(row)).for_each(|w| sum.add(w * w));
            loss + factor * sum.total() / (T::one() + T::one())
        })
    }

    pub(crate) fn add_grad(self, params: Params<'_, T>, grad: &mut ParamsMut<'_, T>) {
        for (factor, of_w1) in self.terms(true, false) {
            let (w, grad) = if of_w1 { (params.w1, &mut grad.w1) } else { (params.w2, &mut grad.w2) };
            for row in 0..w.rows() {
                grad.row_mut(row).zip(w.row(row)).for_each(|(grad, w)| *grad = *grad + factor * w);
            }
        }
    }
}

/// `Ok` if these are finite and not negative, and a divisor not 0.
pub(crate) fn check_numbers<T: Float>(what: What, numbers: &[T]) -> Result<(), Error> {
    for (index, &number) in numbers.iter().enumerate() {
        let in_range = number.is_finite() && number >= T::zero();
        if !in_range || (what == What::Divisor && number == T::zero()) {
            return Err(value(what, index, number));
        }
    }
    Ok(())
}

/// `Ok` if the targets of an example are not negative and add up to 1, as well as rounding lets them.
fn check_target<T: Float>(example: usize, target: impl Iterator<Item = T>) -> Result<(), Error> {
    let (mut sum, mut count) = (Sum::new(), T::zero());
    for q in target {
        if !(q >= T::zero() && q.is_finite()) {
            return Err(value(What::Targets, example, q));
        }
        sum.add(q);
        count = count + T::one();
    }
    // Each of them may have been rounded, their sum for the division by it too.
    let (sum, slack) = (sum.total(), (count + T::one()) * T::epsilon());
    if (sum - T::one()).abs() <= slack { Ok(()) } else { Err(value(What::Targets, example, sum)) }
}

fn value<T: Float>(what: What, index: usize, got: T) -> Error {
    Error::Value { what, index, got: got.to_f64().unwrap_or(f64::NAN) }
}

/// The objective: L = (1/N) sum of v_i l_i + (α1/2) ||W1||² + (α2/2) ||W2||², (20) to (24).
///
/// The loss of an example is l_i = -sum over c of a_c log p_c with a_c = w_c ((1 - ε) q_c + ε/C): q is the
/// example's target, or 1 for the class of its label and 0 for all others; w are the weights of the classes,
/// ε is the smoothing. With none of them chosen that is (5).
///
/// An example is left out if its label is the ignored one, if its weight v_i is 0, or, without smoothing and
/// targets, if the weight of its class is 0: whatever its inputs and scores are, NaN included, its loss and
/// input gradient are 0, and it has no part in the loss and the gradients. Other outputs of it are as ever.
impl<'a, T: Float + 'static, L: PrimInt> Pass<'a, T, L> {
    /// Weights w of the classes, C of them, not negative.
    pub fn class_weights(mut self, weights: &'a [T]) -> Self {
        self.objective.class_weights = Some(weights);
        self
    }

    /// Weights v of the examples, n of them, not negative.
    pub fn example_weights(mut self, weights: &'a [T]) -> Self {
        self.objective.example_weights = Some(weights);
        self
    }

    /// Leaves out the examples with this label. It need not be a class; if it is one, nobody has that class.
    pub fn ignore_label(mut self, label: L) -> Self {
        self.objective.ignored = Some(label);
        self
    }

    /// Label smoothing: this share ε of each target, from 0 to 1, is spread evenly over all C classes.
    pub fn smoothing(mut self, smoothing: T) -> Self {
        self.objective.smoothing = smoothing;
        self
    }

    /// Adds (α1/2) ||W1||² + (α2/2) ||W2||² to the loss and α1 W1 and α2 W2 to the gradient: undivided, and
    /// each time that a gradient is accumulated. O(mh + hC).
    pub fn l2(mut self, w1: T, w2: T) -> Self {
        self.l2 = L2 { w1, w2 };
        self
    }

    /// Chooses N, positive, in the place of a [`Reduction`](crate::Reduction).
    pub fn divisor(mut self, n: T) -> Self {
        self.divisor = Some(n);
        self
    }

    /// Asks for the sum of the effective weights, by which [`Reduction::Mean`](crate::Reduction::Mean) divides:
    /// (23), of an example v_i w_y with a label, v_i with targets, 0 if it is left out.
    ///
    /// With it the means of several batches can be put together: each counts as much as its weight.
    ///
    /// # Example
    ///
    /// ```
    /// # fn main() -> Result<(), handgrad::Error> {
    /// use handgrad::{Batch, Dims, MatRef, Params, Pass};
    ///
    /// let dims = Dims::new(1, 1, 2)?;
    /// let params = [1.0, 0.0, 1.0, 1.0, 0.0, 0.0]; // both scores are max(0, x)
    /// let (x, y) = ([3.0, 1.0, f64::NAN], [0, 1, -1]);
    /// let batch = Batch::new(MatRef::new(&x, 3, 1)?, &y)?;
    /// let mut scratch = vec![0.0; dims.scratch_len(3)];
    /// let mut weight = 0.0;
    /// let loss = Pass::new(Params::from_flat(dims, &params)?, batch)
    ///     .class_weights(&[1.0, 3.0])
    ///     .ignore_label(-1)
    ///     .effective_weight(&mut weight)
    ///     .run(&mut scratch)?;
    /// assert_eq!(weight, 4.0);
    /// assert!((loss - 2f64.ln()).abs() < 1e-15);
    /// # Ok(())
    /// # }
    /// ```
    pub fn effective_weight(mut self, weight: &'a mut T) -> Self {
        self.effective_weight = Some(weight);
        self
    }
}
