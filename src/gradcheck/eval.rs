//! What a function under check tells about itself at one point.

use num_traits::Float;

/// The value of a function at a point, and what the function may know besides: a bound of its noise and
/// the branch it took.
///
/// A plain number converts into it, so most functions just return their value.
///
/// # Example
///
/// ```
/// use handgrad::gradcheck::{Eval, branch};
///
/// let relu = |x: f64| Eval::new(x.max(0.0)).branch(branch([x >= 0.0]));
/// assert_eq!(relu(-1.0), relu(-2.0)); // the same value and the same branch
/// assert_ne!(relu(-1.0), relu(0.0)); // the same value, but another branch
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Eval<T> {
    pub(super) value: T,
    pub(super) noise: Option<T>,
    pub(super) branch: Option<u64>,
}

impl<T> Eval<T> {
    /// A value of which nothing else is known.
    pub fn new(value: T) -> Self {
        Self { value, noise: None, branch: None }
    }

    /// The value may be off by up to `bound`, in absolute terms. Rounding need not be declared: the checker
    /// measures it. What it can't see is noise that is the same for neighbouring points, such as the
    /// tolerance of an iteration or of a table.
    pub fn noise(self, bound: T) -> Self {
        Self { noise: Some(bound), ..self }
    }

    /// A fingerprint of the smooth piece that the function is in here: equal for two points if and only if
    /// the same formula holds for both, such as a hash of the ReLU masks ([`branch`]). With it a kink is
    /// known, not inferred, and a probe on one side of all kinks is checked to the sharper resolution of a
    /// smooth function.
    ///
    /// Exactly at a kink let it be the branch whose derivative is claimed: z >= 0 if ReLU'(0) = 1. Then, where
    /// kinks cross and neither side of a probe belongs to that branch, a claim outside the one-sided slopes is
    /// not called wrong: no value of f tells the slope of a piece that has no width.
    pub fn branch(self, fingerprint: u64) -> Self {
        Self { branch: Some(fingerprint), ..self }
    }
}

impl<T: Float> Eval<T> {
    /// Whether another evaluation at the same point gave the same: but for the noise that both declare.
    pub(super) fn is_repeated_by(self, again: Self) -> bool {
        let noise = |eval: Self| eval.noise.unwrap_or_else(T::zero);
        let off = (self.value - again.value).abs();
        self.branch == again.branch && off <= noise(self) + noise(again)
    }
}

impl<T> From<T> for Eval<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

/// A fingerprint of a sequence of decisions (FNV-1a, 64 bits), for [`Eval::branch`].
///
/// ```
/// use handgrad::gradcheck::branch;
///
/// assert_eq!(branch([true, false]), branch([true, false]));
/// assert_ne!(branch([true, false]), branch([false, true]));
/// ```
pub fn branch(decisions: impl IntoIterator<Item = bool>) -> u64 {
    decisions.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, decision| {
        (hash ^ u64::from(decision)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
