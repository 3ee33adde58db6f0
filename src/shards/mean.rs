//! What a shard's pass has of the objective of all examples.

use num_traits::{Float, PrimInt};

use crate::error::Error;
use crate::pass::{Pass, Reduction};

/// The sum of the effective weights of a shard's examples, (23): of an example v_i w_y with a label, v_i with targets, 0 if
/// it is excluded; n with none of these chosen. Without a pass over the examples, O(n).
///
/// Added up over all shards, with a [`TreeSum`](super::TreeSum) like any other number of theirs, it is the N of the mean: what
/// [`part`] takes. Infinite where T has no number for it.
///
/// # Errors
///
/// Those of [`Pass::run`] that the examples, labels, targets and weights give.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::shards::effective_weight;
/// use handgrad::{Batch, Dims, MatRef, Params, Pass};
///
/// let dims = Dims::new(1, 1, 2)?;
/// let params = Params::from_flat(dims, &[1.0, 0.0, 1.0, 1.0, 0.0, 0.0])?;
/// let batch = Batch::new(MatRef::new(&[3.0, 1.0, 2.0], 3, 1)?, &[0, 1, -1])?;
/// let pass = Pass::new(params, batch).class_weights(&[1.0, 3.0]).ignore_label(-1);
/// assert_eq!(effective_weight(&pass)?, 4.0);
/// # Ok(())
/// # }
/// ```
pub fn effective_weight<T: Float + Send + Sync + 'static, L: PrimInt + Sync>(
    pass: &Pass<'_, T, L>,
) -> Result<T, Error> {
    pass.total_weight()
}

/// Makes the pass over a shard's examples one that computes the shard's part of the objective of all examples:
///
/// ```text
/// (1/N) Σ v_i l_i over the examples of the shard,   and for shard 0 also (α1/2) ||W1||² + (α2/2) ||W2||²
/// ```
///
/// The sum of the parts is the loss, and so with its gradient, input gradients, and products with second derivatives:
/// every function that takes a pass takes this one. N takes the place of a reduction and of a divisor chosen before;
/// an [`l2`](Pass::l2) chosen before stays with shard 0, so that it counts once.
///
/// N is the same for all shards: the number of all examples, or where weights, targets or ignored labels are chosen what
/// [`effective_weight`] is in sum over all shards (or any other divisor). Where no example counts, N = 0 is right, too:
/// the parts are 0 then, and not 0/0.
///
/// # Errors
///
/// What N must be is checked where the pass is run: [`Error::Value`] if it is negative, infinite or NaN.
///
/// # Example
///
/// Two shards whose examples count differently:
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::shards::{effective_weight, part};
/// use handgrad::{Batch, Dims, MatRef, Params, Pass};
///
/// let dims = Dims::new(1, 1, 2)?;
/// let params = Params::from_flat(dims, &[1.0, 0.0, 1.0, -1.0, 0.0, 0.0])?;
/// let (x, y, v) = ([0.5, 1.0, 2.0f64], [0, 1, 1], [1.0, 0.25, 0.5]);
/// let pass = |own: std::ops::Range<usize>| {
///     let x = MatRef::new(&x[own.clone()], own.len(), 1)?;
///     let pass = Pass::new(params, Batch::new(x, &y[own.clone()])?).example_weights(&v[own]);
///     Ok::<_, handgrad::Error>(pass.l2(0.1, 0.1))
/// };
/// let n = effective_weight(&pass(0..1)?)? + effective_weight(&pass(1..3)?)?;
/// let mut scratch = vec![0.0; dims.scratch_len(3)];
/// let loss = part(pass(0..1)?, 0, n).run(&mut scratch)? + part(pass(1..3)?, 1, n).run(&mut scratch)?;
/// assert!((loss - pass(0..3)?.run(&mut scratch)?).abs() < 1e-15);
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is computed until the pass is run"]
pub fn part<'a, T: Float + Send + Sync + 'static, L: PrimInt + Sync>(
    pass: Pass<'a, T, L>,
    shard: usize,
    n: T,
) -> Pass<'a, T, L> {
    let zero = T::zero();
    let pass = if shard == 0 { pass } else { pass.l2(zero, zero) };
    // Where no example counts, whatever is divided by, all sums are 0.
    let divisor = if n == zero { T::one() } else { n };
    pass.reduction(Reduction::Sum).divisor(divisor)
}
