//! A net that is read.

use num_traits::Float;

use super::softmax::{leader, loss, probabilities, score_grad};
use super::sums::{add_scaled, dot};
use crate::data::Dims;
use crate::error::{Error, What, check_len};
use crate::kink::Kink;

// Everywhere here: iterators and checked cuts in the place of indices, so that no bounds check is left that
// could panic. `max(1)` does the same for lengths of chunks, which are never 0.

/// A net that takes one example at a time.
#[derive(Debug)]
pub struct Net<'a, T> {
    dims: Dims,
    w1: &'a [T],
    b1: &'a [T],
    w2: &'a [T],
    b2: &'a [T],
    options: Options<T>,
}

/// What a loss and its gradient depend on beside the parameters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options<T> {
    pub(super) kink: Kink,
    /// ε.
    pub(super) smoothing: T,
}

impl<T: Float> Options<T> {
    pub(super) fn new() -> Self {
        Self { kink: Kink::One, smoothing: T::zero() }
    }

    pub(super) fn smoothing(self, smoothing: T) -> Result<Self, Error> {
        if smoothing >= T::zero() && smoothing <= T::one() {
            return Ok(Self { smoothing, ..self });
        }
        let got = smoothing.to_f64().unwrap_or(f64::NAN);
        Err(Error::Value { what: What::Smoothing, index: 0, got })
    }
}

/// What the way forward leaves in the scratch.
pub(super) struct State<'s, T> {
    pub(super) z: &'s mut [T],
    pub(super) a: &'s mut [T],
    pub(super) f: &'s mut [T],
}

impl<'a, T: Float> Net<'a, T> {
    /// A net of these parameters, `[W1, b1, W2, b2]`, with [`Kink::One`] and no smoothing.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if there are not [`Dims::param_len`] of them.
    pub fn new(dims: Dims, theta: &'a [T]) -> Result<Self, Error> {
        let [w1, b1, w2, b2] = dims.split(theta)?;
        Ok(Self { dims, w1, b1, w2, b2, options: Options::new() })
    }

    pub(super) fn with(self, options: Options<T>) -> Self {
        Self { options, ..self }
    }

    /// Chooses the derivative of max(0, z) at z = 0.
    pub fn kink(self, kink: Kink) -> Self {
        Self { options: Options { kink, ..self.options }, ..self }
    }

    /// Smooths labels: the target of an example is 1 - ε for its class and ε/C for each class beside that (20).
    ///
    /// # Errors
    ///
    /// [`Error::Value`] if ε is not in 0..=1.
    pub fn smoothing(self, smoothing: T) -> Result<Self, Error> {
        Ok(Self { options: self.options.smoothing(smoothing)?, ..self })
    }

    /// The class of the largest score of the example `x` (m): the first one of equals; the first NaN if there
    /// is one. mh + hC multiply-adds.
    ///
    /// `scratch` needs 2h + C elements, so [`Dims::scratch_len(1)`](Dims::scratch_len) suffice, and may hold
    /// anything.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for the wrong length of `x`, or too short a scratch.
    #[doc(alias = "argmax")]
    pub fn predict(&self, x: &[T], scratch: &mut [T]) -> Result<usize, Error> {
        Ok(leader(self.forward(x, scratch)?.f).0)
    }

    /// (3), the scores (also known as logits) of the example `x` (m): C numbers, in the scratch. mh + hC multiply-adds.
    ///
    /// Scratch as [`predict`](Self::predict).
    ///
    /// # Errors
    ///
    /// As [`predict`](Self::predict).
    ///
    /// ```
    /// # fn main() -> Result<(), handgrad::Error> {
    /// use handgrad::{Dims, compact::Net};
    ///
    /// let theta = [1.0, 0.0, 1.0, -1.0, 0.5, 0.5]; // W1, b1, W2, b2: scores x + 0.5, 0.5 - x
    /// let (net, mut scratch) = (Net::new(Dims::new(1, 1, 2)?, &theta)?, [0.0; 4]);
    /// assert_eq!(net.scores(&[2.0], &mut scratch)?, [2.5, -1.5]);
    /// let p = net.probabilities(&[2.0], &mut scratch)?;
    /// assert!((p[1] / p[0] - (-4f64).exp()).abs() < 1e-15);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "logits")]
    pub fn scores<'s>(&self, x: &[T], scratch: &'s mut [T]) -> Result<&'s [T], Error> {
        Ok(self.forward(x, scratch)?.f)
    }

    /// (4), the probabilities of the example `x` (m): C numbers, in the scratch. mh + hC multiply-adds.
    ///
    /// Scratch as [`predict`](Self::predict).
    ///
    /// # Errors
    ///
    /// As [`predict`](Self::predict).
    pub fn probabilities<'s>(&self, x: &[T], scratch: &'s mut [T]) -> Result<&'s [T], Error> {
        let State { f, .. } = self.forward(x, scratch)?;
        probabilities(f);
        Ok(f)
    }

    /// (5), the loss of the example `x` (m) of this class. mh + hC multiply-adds.
    ///
    /// Scratch as [`predict`](Self::predict).
    ///
    /// # Errors
    ///
    /// As [`predict`](Self::predict), and [`Error::Label`] if there is no such class.
    pub fn loss(&self, x: &[T], class: usize, scratch: &mut [T]) -> Result<T, Error> {
        self.check_class(class)?;
        Ok(loss(self.forward(x, scratch)?.f, class, self.options.smoothing))
    }

    /// Returns (5), the loss of the example `x` (m) of this class, and adds its gradient (12) to (15),
    /// `weight` times, to `grad`, `[dW1, db1, dW2, db2]`. 2mh + 3hC multiply-adds.
    ///
    /// Scratch as [`predict`](Self::predict).
    ///
    /// # Errors
    ///
    /// As [`loss`](Self::loss), and [`Error::Length`] for the wrong length of `grad`. It holds what it held
    /// then.
    pub fn add_grad(
        &self,
        x: &[T],
        class: usize,
        weight: T,
        grad: &mut [T],
        scratch: &mut [T],
    ) -> Result<T, Error> {
        self.check_class(class)?;
        check_len(What::Gradient, self.dims.param_len(), grad.len())?;
        let [dw1, db1, dw2, db2] = self.dims.split_mut(grad)?;
        let State { z, a, f } = self.forward(x, scratch)?;
        // (15)
        let loss = score_grad(f, class, weight, self.options.smoothing);
        add_scaled(db2, T::one(), f);
        let (m, h) = (self.dims.inputs().max(1), self.dims.hidden().max(1));
        // (13)
        for (&g, dw2) in f.iter().zip(dw2.chunks_exact_mut(h)) {
            add_scaled(dw2, g, a);
        }
        let d = a;
        self.hidden_grad(f, d);
        // (14), (12). A unit with I = 0 would add 0 x: nothing, where x is finite.
        let finite = x.iter().all(|x| x.is_finite());
        for (((dw1, db1), &d), &z) in dw1.chunks_exact_mut(m).zip(db1).zip(&*d).zip(&*z) {
            if self.options.kink.is_active(z) || !finite {
                let d = self.options.active(z, d);
                *db1 = *db1 + d;
                add_scaled(dw1, d, x);
            }
        }
        Ok(loss)
    }

    /// Returns (5), the loss of the example `x` (m) of this class, and writes `dx` (m), `weight` times its gradient by the
    /// inputs (16). 2mh + 2hC multiply-adds.
    ///
    /// Scratch as [`predict`](Self::predict).
    ///
    /// # Errors
    ///
    /// As [`loss`](Self::loss), and [`Error::Length`] for the wrong length of `dx`, which holds what it held then.
    ///
    /// ```
    /// # fn main() -> Result<(), handgrad::Error> {
    /// use handgrad::{Dims, compact::Net};
    ///
    /// let theta = [1.0, 0.0, 1.0, -1.0, 0.0, 0.0]; // W1, b1, W2, b2: scores x, -x
    /// let (net, mut dx) = (Net::new(Dims::new(1, 1, 2)?, &theta)?, [0.0]);
    /// net.input_grad(&[2.0], 0, 1.0, &mut dx, &mut [0.0; 4])?;
    /// let p = 1.0 / (1.0 + 4f64.exp()); // of class 1
    /// assert!((dx[0] - -2.0 * p).abs() < 1e-15);
    /// # Ok(())
    /// # }
    /// ```
    pub fn input_grad(
        &self,
        x: &[T],
        class: usize,
        weight: T,
        dx: &mut [T],
        scratch: &mut [T],
    ) -> Result<T, Error> {
        self.check_class(class)?;
        check_len(What::InputGradient, self.dims.inputs(), dx.len())?;
        let State { z, a: d, f } = self.forward(x, scratch)?;
        let loss = score_grad(f, class, weight, self.options.smoothing);
        self.hidden_grad(f, d);
        dx.fill(T::zero());
        for ((&d, &z), w1) in d.iter().zip(&*z).zip(self.w1.chunks_exact(self.dims.inputs().max(1))) {
            add_scaled(dx, self.options.active(z, d), w1);
        }
        Ok(loss)
    }

    /// W2ᵀ g, in the place of A, which is not needed any more.
    fn hidden_grad(&self, g: &[T], d: &mut [T]) {
        d.fill(T::zero());
        for (&g, w2) in g.iter().zip(self.w2.chunks_exact(self.dims.hidden().max(1))) {
            add_scaled(d, g, w2);
        }
    }

    /// (1) to (3).
    pub(super) fn forward<'s>(&self, x: &[T], scratch: &'s mut [T]) -> Result<State<'s, T>, Error> {
        check_len(What::X, self.dims.inputs(), x.len())?;
        let expected = 2 * self.b1.len() + self.b2.len();
        let short = Error::Length { what: What::Scratch, expected, got: scratch.len() };
        let (z, rest) = scratch.split_at_mut_checked(self.b1.len()).ok_or(short)?;
        let (a, rest) = rest.split_at_mut_checked(self.b1.len()).ok_or(short)?;
        let (f, _) = rest.split_at_mut_checked(self.b2.len()).ok_or(short)?;
        layer(self.w1, self.b1, x, z);
        a.iter_mut().zip(&*z).for_each(|(a, &z)| *a = self.options.active(z, z));
        layer(self.w2, self.b2, a, f);
        Ok(State { z, a, f })
    }

    pub(super) fn check_class(&self, class: usize) -> Result<(), Error> {
        let classes = self.dims.classes();
        if class < classes { Ok(()) } else { Err(Error::Label { example: 0, classes, got: class as i128 }) }
    }
}

impl<T: Float> Options<T> {
    /// v where the unit with pre-activation z has I = 1, else 0.
    pub(super) fn active(&self, z: T, v: T) -> T {
        if self.kink.is_active(z) { v } else { T::zero() }
    }
}

/// out = W x + b.
fn layer<T: Float>(w: &[T], b: &[T], x: &[T], out: &mut [T]) {
    for ((out, &b), w) in out.iter_mut().zip(b).zip(w.chunks_exact(x.len().max(1))) {
        *out = dot(w, x) + b;
    }
}
