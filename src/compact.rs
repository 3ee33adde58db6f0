//! One example at a time, for small targets: little code, little memory, nothing packed, and no panic for the
//! linker to keep.
//!
//! The formulas are those of [`Pass`](crate::Pass), with [`Kink::One`]. Parameters and gradient are flat slices
//! `[W1, b1, W2, b2]`, and an example is a slice, so that it can come from where it is measured or stored.
//! Each sum is formed in one fixed order with separate multiplications and additions, and exp and ln_1p are
//! the type's own: the results are the same bits on every target where those are. (They are not those of
//! `Pass`, which adds up in another order.) With many examples on a large machine a `Pass` is faster.
//!
//! # Example
//!
//! Gradient descent with no heap:
//!
//! ```
//! # fn main() -> Result<(), handgrad::Error> {
//! use handgrad::{Dims, compact::Net};
//!
//! const DIMS: Dims = match Dims::new(2, 8, 2) {
//!     Ok(dims) => dims,
//!     Err(_) => panic!("constant dimensions"),
//! };
//! let mut theta: [f32; DIMS.param_len()] = core::array::from_fn(|i| (2.4 * i as f32).sin());
//! let mut scratch = [0.0; DIMS.scratch_len(1)];
//! let examples = [([0.0, 0.0], 0), ([0.0, 1.0], 1), ([1.0, 0.0], 1), ([1.0, 1.0], 0)]; // "exclusive or"
//! for _ in 0..200 {
//!     let mut grad = [0.0; DIMS.param_len()];
//!     for (x, class) in &examples {
//!         Net::new(DIMS, &theta)?.add_grad(x, *class, 0.25, &mut grad, &mut scratch)?;
//!     }
//!     theta.iter_mut().zip(grad).for_each(|(v, g)| *v -= 0.5 * g);
//! }
//! assert_eq!(Net::new(DIMS, &theta)?.predict(&[1.0, 0.0], &mut scratch)?, 1);
//! # Ok(())
//! # }
//! ```

use num_traits::Float;

use crate::data::Dims;
use crate::error::{Error, What, check_len};
use crate::kernels::softmax::zero;
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
}

/// What the way forward leaves in the scratch.
struct State<'s, T> {
    z: &'s mut [T],
    a: &'s mut [T],
    f: &'s mut [T],
}

impl<'a, T: Float> Net<'a, T> {
    /// A net of these parameters, `[W1, b1, W2, b2]`.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if there are not [`Dims::param_len`] of them.
    pub fn new(dims: Dims, theta: &'a [T]) -> Result<Self, Error> {
        let [w1, b1, w2, b2] = dims.split(theta)?;
        Ok(Self { dims, w1, b1, w2, b2 })
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
    pub fn predict(&self, x: &[T], scratch: &mut [T]) -> Result<usize, Error> {
        Ok(leader(self.forward(x, scratch)?.f).0)
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
        Ok(softmax(self.forward(x, scratch)?.f, class).loss)
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
        let Softmax { loss, total, others } = softmax(f, class);
        // (15)
        let factor = weight / total;
        for (j, (g, db2)) in f.iter_mut().zip(db2).enumerate() {
            *g = if j == class { -(others * factor) } else { *g * factor };
            *db2 = *db2 + *g;
        }
        let (m, h) = (self.dims.inputs().max(1), self.dims.hidden().max(1));
        // (13)
        for (&g, dw2) in f.iter().zip(dw2.chunks_exact_mut(h)) {
            add_scaled(dw2, g, a);
        }
        // W2ᵀ g, in the place of A, which is not needed any more.
        let d = a;
        d.fill(T::zero());
        for (&g, w2) in f.iter().zip(self.w2.chunks_exact(h)) {
            add_scaled(d, g, w2);
        }
        // (14), (12). A unit with I = 0 would add 0 x: nothing, where x is finite.
        let finite = x.iter().all(|x| x.is_finite());
        for (((dw1, db1), &d), &z) in dw1.chunks_exact_mut(m).zip(db1).zip(&*d).zip(&*z) {
            if Kink::One.is_active(z) || !finite {
                let d = active(z, d);
                *db1 = *db1 + d;
                add_scaled(dw1, d, x);
            }
        }
        Ok(loss)
    }

    /// (1) to (3).
    fn forward<'s>(&self, x: &[T], scratch: &'s mut [T]) -> Result<State<'s, T>, Error> {
        check_len(What::X, self.dims.inputs(), x.len())?;
        let expected = 2 * self.b1.len() + self.b2.len();
        let short = Error::Length { what: What::Scratch, expected, got: scratch.len() };
        let (z, rest) = scratch.split_at_mut_checked(self.b1.len()).ok_or(short)?;
        let (a, rest) = rest.split_at_mut_checked(self.b1.len()).ok_or(short)?;
        let (f, _) = rest.split_at_mut_checked(self.b2.len()).ok_or(short)?;
        layer(self.w1, self.b1, x, z);
        a.iter_mut().zip(&*z).for_each(|(a, &z)| *a = active(z, z));
        layer(self.w2, self.b2, a, f);
        Ok(State { z, a, f })
    }

    fn check_class(&self, class: usize) -> Result<(), Error> {
        let classes = self.dims.classes();
        if class < classes { Ok(()) } else { Err(Error::Label { example: 0, classes, got: class as i128 }) }
    }
}

/// v where the unit with pre-activation z has I = 1, else 0.
fn active<T: Float>(z: T, v: T) -> T {
    if Kink::One.is_active(z) { v } else { T::zero() }
}

/// out = W x + b.
fn layer<T: Float>(w: &[T], b: &[T], x: &[T], out: &mut [T]) {
    for ((out, &b), w) in out.iter_mut().zip(b).zip(w.chunks_exact(x.len().max(1))) {
        *out = dot(w, x) + b;
    }
}

// Four terms at a time, in the same order as one by one: the loop's own instructions are shared by four.

/// w · x, from the first term to the last.
#[inline(never)]
fn dot<T: Float>(w: &[T], x: &[T]) -> T {
    let (w, x) = (w.chunks_exact(4), x.chunks_exact(4));
    let rest = w.remainder().iter().zip(x.remainder());
    let mut sum = T::zero();
    for (w, x) in w.zip(x) {
        if let (&[w0, w1, w2, w3], &[x0, x1, x2, x3]) = (w, x) {
            sum = sum + w0 * x0 + w1 * x1 + w2 * x2 + w3 * x3;
        }
    }
    rest.fold(sum, |sum, (&w, &x)| sum + w * x)
}

/// sums ← sums + factor x.
#[inline(never)]
fn add_scaled<T: Float>(sums: &mut [T], factor: T, x: &[T]) {
    let (mut sums, x) = (sums.chunks_exact_mut(4), x.chunks_exact(4));
    let rest = x.remainder();
    for (sums, x) in sums.by_ref().zip(x) {
        if let ([s0, s1, s2, s3], &[x0, x1, x2, x3]) = (sums, x) {
            *s0 = *s0 + factor * x0;
            *s1 = *s1 + factor * x1;
            *s2 = *s2 + factor * x2;
            *s3 = *s3 + factor * x3;
        }
    }
    sums.into_remainder().iter_mut().zip(rest).for_each(|(sum, &x)| *sum = *sum + factor * x);
}

/// The class of the largest score, and that score: the first one of equals. NaN counts as the largest of all.
fn leader<T: Float>(f: &[T]) -> (usize, T) {
    let mut lead = (0, T::neg_infinity());
    for (class, &f) in f.iter().enumerate() {
        if class == 0 || f > lead.1 || (f.is_nan() && !lead.1.is_nan()) {
            lead = (class, f);
        }
    }
    lead
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
fn softmax<T: Float>(f: &mut [T], class: usize) -> Softmax<T> {
    let (first, lead) = leader(f);
    let zero = zero(lead);
    let (mut middle, mut right, mut loss) = (T::zero(), T::one(), T::zero());
    for (j, f) in f.iter_mut().enumerate() {
        let shifted = *f - lead;
        *f = shifted.exp();
        if j == class {
            (right, loss) = (*f, -shifted);
        } else if j != first {
            middle = middle + *f;
        }
    }
    let (rest, others) = if class == first { (middle, middle) } else { (middle + right, middle + T::one()) };
    Softmax { loss: loss + (rest.ln_1p() + zero), total: T::one() + zero + rest, others }
}
