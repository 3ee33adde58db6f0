//! The setters of the objective, and of what is computed of the gradients of single examples.

use num_traits::{Float, PrimInt};

use super::objective::L2;
use super::setup::Pass;
use crate::data::{MatMut, ParamsMut};

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
    #[doc(alias = "ignore_index")]
    pub fn ignore_label(mut self, label: L) -> Self {
        self.ignored_label = Some(label);
        self
    }

    /// Label smoothing: this share ε of each target, from 0 to 1, is spread evenly over all C classes.
    #[doc(alias = "label_smoothing")]
    pub fn smoothing(mut self, smoothing: T) -> Self {
        self.objective.smoothing = smoothing;
        self
    }

    /// How far from 1 the sum of the numbers of an example's target may be, beside what rounding in this type
    /// explains: 0 if not chosen, and anything up to infinity. For targets that were stored in a shorter type or
    /// with few digits, or that are no distributions.
    ///
    /// They are taken as they are: (20) and (21) hold for any numbers from 0 on, with A, the sum of the shares, what
    /// it is then; and the weight of the example in N is v_i as ever.
    ///
    /// # Example
    ///
    /// ```
    /// # fn main() -> Result<(), handgrad::Error> {
    /// use handgrad::{Batch, Dims, MatRef, Params, Pass};
    ///
    /// let dims = Dims::new(1, 1, 3)?;
    /// let theta = [0.0; 8]; // all scores are 0: log p = -log 3
    /// let (x, q) = ([1.0], [0.333, 0.333, 0.333]);
    /// let batch = Batch::with_targets(MatRef::new(&x, 1, 1)?, MatRef::new(&q, 1, 3)?)?;
    /// let pass = || Ok::<_, handgrad::Error>(Pass::new(Params::from_flat(dims, &theta)?, batch));
    /// let mut scratch = vec![0.0; dims.scratch_len(1)];
    /// assert!(pass()?.run(&mut scratch).is_err());
    /// let loss = pass()?.target_sum_tolerance(0.001).run(&mut scratch)?;
    /// assert!((loss - 0.999 * 3f64.ln()).abs() < 1e-15);
    /// # Ok(())
    /// # }
    /// ```
    pub fn target_sum_tolerance(mut self, tolerance: T) -> Self {
        self.objective.target_sum_tolerance = tolerance;
        self
    }

    /// Adds (α1/2) ||W1||² + (α2/2) ||W2||² to the loss and α1 W1 and α2 W2 to the gradient: undivided, and
    /// each time that a gradient is accumulated. O(mh + hC).
    #[doc(alias = "weight_decay")]
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
    /// With it the means of several batches can be put together: each counts as much as its weight. Infinite where T has no
    /// number for it (in `f16`, of more than 65,504 examples); the mean is right then, too.
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

/// The gradients of the single examples: of v_i l_i, whatever the reduction.
impl<'a, T: Float + Send + Sync + 'static, L: PrimInt + Sync> Pass<'a, T, L> {
    /// Writes the square roots of (18), the norms ||v_i grad l_i|| of the gradients of the single examples by
    /// all parameters, n, whatever the reduction and before any clipping. About m + 2h + C multiply-adds an
    /// example, beside those of the gradient.
    ///
    /// Right to rounding also where squares of the factors, or of the norm, are out of the range of T.
    pub fn grad_norms(mut self, norms: &'a mut [T]) -> Self {
        self.out.grad_norms = Some(norms);
        self
    }

    /// Writes the gradients v_i grad l_i of the single examples themselves, n rows of
    /// [`Dims::param_len`](crate::Dims::param_len) numbers in the flat order `[W1, b1, W2, b2]`, whatever the
    /// reduction and before any clipping. For those who need them one by one: writing them takes far longer than
    /// their sum, and [`grad_norms`](Self::grad_norms) and [`clip`](Self::clip) do without.
    pub fn example_grads(mut self, grads: MatMut<'a, T>) -> Self {
        self.out.example_grads = Some(grads);
        self
    }

    /// Writes the sum of the squares of the single examples' gradients, element by element: sum of
    /// (v_i grad l_i)², after clipping. With the gradient it gives the variance over the examples. As many
    /// multiply-adds as the gradient; its rounding error grows with the number of chunks.
    pub fn second_moment(mut self, moment: ParamsMut<'a, T>) -> Self {
        self.second_moment = Some(moment);
        self
    }

    /// Writes (19), the inner products of the single examples' gradients v_i grad l_i, n × n, after clipping:
    /// of up to [`Dims::chunk_len`](crate::Dims::chunk_len) examples. O(n² (m + h + C)), on the calling thread.
    ///
    /// # Errors
    ///
    /// `run` gives [`Error::Length`](crate::Error::Length) for [`What::Examples`](crate::What::Examples) if there are more examples.
    pub fn gram(mut self, gram: MatMut<'a, T>) -> Self {
        self.gram = Some(gram);
        self
    }

    /// Clips the gradient of each single example to this norm, not negative, before it is added to the others:
    /// v_i grad l_i counts min(1, norm / ||v_i grad l_i||) times. So no example can move the sum by more, which
    /// private and robust training rest on. In the same pass, at the cost of [`grad_norms`](Self::grad_norms).
    ///
    /// The loss, the losses and the input gradient are not clipped, and what [`l2`](Self::l2) adds is not.
    ///
    /// # Example
    ///
    /// ```
    /// # fn main() -> Result<(), handgrad::Error> {
    /// use handgrad::{Batch, Dims, MatRef, Params, ParamsMut, Pass};
    ///
    /// let dims = Dims::new(1, 1, 2)?;
    /// let theta = [1.0, 0.0, 1.0, -1.0, 0.0, 0.0]; // scores x and -x for x > 0
    /// let x = [2.0];
    /// let batch = Batch::new(MatRef::new(&x, 1, 1)?, &[1])?;
    /// let (mut grad, mut norms, mut scratch) = ([0.0; 6], [0.0; 1], vec![0.0; dims.scratch_len(1)]);
    /// Pass::new(Params::from_flat(dims, &theta)?, batch)
    ///     .grad(ParamsMut::from_flat(dims, &mut grad)?)
    ///     .grad_norms(&mut norms)
    ///     .clip(0.5)
    ///     .run(&mut scratch)?;
    /// let squares: f64 = grad.iter().map(|g| g * g).sum();
    /// assert!(norms[0] > 4.0 && (squares.sqrt() - 0.5).abs() < 1e-15);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "dp_sgd")]
    pub fn clip(mut self, norm: T) -> Self {
        self.clip = Some(norm);
        self
    }
}
