//! What a function under check tells about itself at one point.

/// The value of a function at a point, and what the function may know besides: a bound of its noise, the
/// branch it took, the number of kinks the point lies on.
///
/// A plain number converts into it, so most functions just return their value.
///
/// # Example
///
/// ```
/// use handgrad::gradcheck::{Eval, branch};
///
/// let relu = |x: f64| Eval::new(x.max(0.0)).branch(branch([x >= 0.0]));
/// assert_eq!(relu(2.0), relu(1.0).with_value(2.0));
/// assert_ne!(relu(-1.0), relu(1.0).with_value(0.0)); // another branch
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Eval<T> {
    pub(super) value: T,
    pub(super) noise: Option<T>,
    pub(super) branch: Option<u64>,
    pub(super) kinks: usize,
}

impl<T> Eval<T> {
    /// A value of which nothing else is known.
    pub fn new(value: T) -> Self {
        Self { value, noise: None, branch: None, kinks: 0 }
    }

    /// The same with another value.
    pub fn with_value(self, value: T) -> Self {
        Self { value, ..self }
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
    pub fn branch(self, fingerprint: u64) -> Self {
        Self { branch: Some(fingerprint), ..self }
    }

    /// This point lies exactly on so many kinks (pre-activations that are exactly 0, for instance). It only
    /// matters at the point that is checked, and there from 2 on: where kinks cross, the sum of conventional
    /// derivatives (ReLU'(0) = 1, say) need not lie between the one-sided slopes, so a claim that lies outside
    /// is not called wrong there.
    pub fn on_kinks(self, count: usize) -> Self {
        Self { kinks: count, ..self }
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
