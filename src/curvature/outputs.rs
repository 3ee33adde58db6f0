//! What is wanted of each single example along a direction.

use num_traits::Float;

use crate::data::{Dims, MatMut};
use crate::error::{Error, What, check_len};

/// Outputs of [`tangent`](super::tangent): what is not chosen is not computed.
///
/// # Example
///
/// ```
/// let mut slopes = [0.0f32; 3];
/// let out = handgrad::curvature::Tangents { slopes: Some(&mut slopes), ..Default::default() };
/// assert!(out.scores.is_none());
/// ```
#[derive(Debug)]
pub struct Tangents<'a, T> {
    /// (26), J v: the derivatives f' of the scores, n × C.
    pub scores: Option<MatMut<'a, T>>,
    /// (30): the derivatives v_i ∇l_i · v of the single losses, n.
    pub slopes: Option<&'a mut [T]>,
    /// (30): the second derivatives of the single losses as Gauss-Newton has them, n; not negative.
    pub gauss_newton: Option<&'a mut [T]>,
    /// (30): the second derivatives of the single losses, n.
    pub hessian: Option<&'a mut [T]>,
}

impl<T> Default for Tangents<'_, T> {
    fn default() -> Self {
        Self { scores: None, slopes: None, gauss_newton: None, hessian: None }
    }
}

/// The derivatives of the objective L(θ + t v) by t at t = 0, L2 included. Without labels only `gauss_newton` is known,
/// and the others are NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Derivatives<T> {
    /// L itself.
    pub loss: T,
    /// The first, ∇L · v.
    pub slope: T,
    /// The second as Gauss-Newton has it, not negative.
    pub gauss_newton: T,
    /// The second, vᵀ H v.
    pub hessian: T,
}

impl<T: Float> Tangents<'_, T> {
    /// `Ok` if each has the size for n examples.
    pub(super) fn check(&self, n: usize, dims: Dims) -> Result<(), Error> {
        let (expected, len) =
            ((n, dims.classes()), |out: &Option<&mut [T]>| out.as_ref().map_or(n, |out| out.len()));
        let got = self.scores.as_ref().map_or(expected, |view| (view.rows(), view.cols()));
        if got != expected {
            return Err(Error::Shape { what: What::Tangent, expected, got });
        }
        check_len(What::Slopes, n, len(&self.slopes))?;
        check_len(What::Curvatures, n, len(&self.gauss_newton))?;
        check_len(What::Curvatures, n, len(&self.hessian))
    }

    /// Whether labels are needed for it.
    pub(super) fn needs_labels(&self) -> bool {
        self.slopes.is_some() || self.hessian.is_some()
    }

    /// The same outputs for a shorter time.
    pub(super) fn reborrow(&mut self) -> Tangents<'_, T> {
        Tangents {
            scores: self.scores.as_mut().map(MatMut::reborrow),
            slopes: self.slopes.as_deref_mut(),
            gauss_newton: self.gauss_newton.as_deref_mut(),
            hessian: self.hessian.as_deref_mut(),
        }
    }

    /// Whether the examples can be cut in two, for two threads.
    pub(super) fn can_split(&self) -> bool {
        self.scores.as_ref().is_none_or(MatMut::can_split)
    }
}

impl<'a, T: Float> Tangents<'a, T> {
    /// The outputs of the first `at` examples and of the others. They can be split.
    pub(super) fn split(self, at: usize) -> (Self, Self) {
        let slice = |slice: Option<&'a mut [T]>| slice.map(|slice| slice.split_at_mut(at)).unzip();
        let scores = self.scores.map(|view| view.split_rows(at)).unzip();
        let (slopes, gauss_newton, hessian) =
            (slice(self.slopes), slice(self.gauss_newton), slice(self.hessian));
        (
            Self { scores: scores.0, slopes: slopes.0, gauss_newton: gauss_newton.0, hessian: hessian.0 },
            Self { scores: scores.1, slopes: slopes.1, gauss_newton: gauss_newton.1, hessian: hessian.1 },
        )
    }
}
