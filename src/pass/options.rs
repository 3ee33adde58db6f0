//! The setters of the objective.

use num_traits::{Float, PrimInt};

use super::objective::L2;
use super::setup::Pass;

/// The objective: L = (1/N) sum of v_i l_i + (α1/2) ||W1||² + (α2/2) ||W2||², (20) to (24).
///
/// The loss of an example is l_i = -sum over c of a_c log p_c with a_c = w_c ((1 - ε) q_c + ε/C): q is the
/// example's target, or 1 for the class of its label and 0 for all others; w are the weights of the classes,
/// ε is the smoothing. With none of them chosen that is (5).
///
/// An example is excluded if its label is the ignored one, if its weight v_i is 0, or, without smoothing and
/// targets, if the weight of its class is 0: whatever its inputs and scores are, NaN included, its loss and
/// input gradient are 0, and it has no part in the loss and the gradients. Other outputs of it are as ever.
impl<'a, T: Float + Send + Sync + 'static, L: PrimInt + Sync> Pass<'a, T, L> {
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

    /// Excludes the examples with this label. It need not be a class; if it is one, nobody has that class.
    pub fn ignore_label(mut self, label: L) -> Self {
        self.ignored_label = Some(label);
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

    /// Writes the sum of the effective weights, by which [`Reduction::Mean`](crate::Reduction::Mean) divides:
    /// (23), of an example v_i w_y with a label, v_i with targets, 0 if it is excluded.
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
