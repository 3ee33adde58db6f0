//! What the derivative of max(0, z) is where it has none.

use num_traits::Float;

/// The derivative I of max(0, z) at z = 0 exactly (where z is not 0 both conventions agree).
///
/// It is not academic: an all-zero example with zero biases sits exactly there. `-0.0` counts as 0. The
/// scores and the loss are the same in both conventions, only gradients differ.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::{Batch, Dims, Kink, MatRef, Params, ParamsMut, Pass};
///
/// let dims = Dims::new(1, 1, 2)?;
/// let theta = [1.0, 0.0, 1.0, -1.0, 0.0, 0.0]; // W1 = (1), b1 = (0): z = 0 for x = 0
/// let params = Params::from_flat(dims, &theta)?;
/// let batch = Batch::new(MatRef::new(&[0.0], 1, 1)?, &[0])?;
/// let mut scratch = vec![0.0; dims.scratch_len(1)];
/// let mut db1 = |kink| {
///     let mut grad = [0.0; 6];
///     let dtheta = ParamsMut::from_flat(dims, &mut grad)?;
///     Pass::new(params, batch).kink(kink).grad(dtheta).run(&mut scratch)?;
///     Ok(grad[1])
/// };
/// assert_eq!(db1(Kink::One)?, -1.0);
/// assert_eq!(db1(Kink::Zero)?, 0.0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Kink {
    /// I = 1 at z = 0, as in the derivation (I = 0 where z < 0, 1 otherwise). The default.
    #[default]
    One,
    /// I = 0 at z = 0, as PyTorch, JAX and the other frameworks have it.
    Zero,
}

impl Kink {
    /// Whether I = 1 at this pre-activation. True for NaN, so that it passes through.
    #[inline]
    #[expect(clippy::neg_cmp_op_on_partial_ord, reason = "NaN is neither less nor greater: active")]
    pub(crate) fn is_active<T: Float>(self, z: T) -> bool {
        match self {
            Kink::One => !(z < T::zero()),
            Kink::Zero => !(z <= T::zero()),
        }
    }
}
