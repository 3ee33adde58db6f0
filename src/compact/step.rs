//! Learning in the parameters' own place.

use num_traits::Float;

use super::net::{Net, Options, State};
use super::softmax::score_grad;
use super::sums::add_scaled;
use crate::data::Dims;
use crate::error::Error;
use crate::kink::Kink;

/// A net that learns from one example at a time: as [`Net`], but the parameters change in their place, and no gradient is
/// stored.
///
/// An example is in the documentation of the [module](super).
#[derive(Debug)]
pub struct NetMut<'a, T> {
    dims: Dims,
    theta: &'a mut [T],
    options: Options<T>,
}

impl<'a, T: Float> NetMut<'a, T> {
    /// A net of these parameters, `[W1, b1, W2, b2]`, with [`Kink::One`] and no smoothing.
    ///
    /// # Errors
    ///
    /// As [`Net::new`].
    pub fn new(dims: Dims, theta: &'a mut [T]) -> Result<Self, Error> {
        dims.split(&*theta)?;
        Ok(Self { dims, theta, options: Options::new() })
    }

    /// As [`Net::kink`].
    pub fn kink(self, kink: Kink) -> Self {
        Self { options: Options { kink, ..self.options }, ..self }
    }

    /// As [`Net::smoothing`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn smoothing(self, smoothing: T) -> Result<Self, Error> {
        Ok(Self { options: self.options.smoothing(smoothing)?, ..self })
    }

    /// A step of stochastic gradient descent: θ ← θ - rate ∇L of the example `x` (m) of this class, by (12) to (15). Returns
    /// (5), its loss before the step. 2mh + 3hC multiply-adds.
    ///
    /// The bits are those of [`Net::add_grad`] with the weight `-rate` onto the parameters themselves. The weight of an example
    /// is a factor of the rate. Scratch as [`Net::predict`].
    ///
    /// # Errors
    ///
    /// As [`Net::loss`]; the parameters are what they were then.
    #[doc(alias = "sgd")]
    pub fn step(&mut self, x: &[T], class: usize, rate: T, scratch: &mut [T]) -> Result<T, Error> {
        let Self { dims, theta, options } = self;
        let net = Net::new(*dims, theta)?.with(*options);
        net.check_class(class)?;
        let State { z, a, f } = net.forward(x, scratch)?;
        let [w1, b1, w2, b2] = dims.split_mut(theta)?;
        // (15)
        let loss = score_grad(f, class, -rate, options.smoothing);
        add_scaled(b2, T::one(), f);
        let (m, h) = (dims.inputs().max(1), dims.hidden().max(1));
        // A unit with I = 0 would add 0 x: nothing, where x is finite.
        let finite = x.iter().all(|x| x.is_finite());
        let units = w1.chunks_exact_mut(m).zip(b1).zip(&*z).zip(&*a).enumerate();
        for (unit, (((w1, b1), &z), &a)) in units {
            // (13), and W2ᵀ g of the weights as they were.
            let mut d = T::zero();
            for (&g, w2) in f.iter().zip(w2.iter_mut().skip(unit).step_by(h)) {
                d = d + g * *w2;
                *w2 = *w2 + g * a;
            }
            // (14), (12)
            if options.kink.is_active(z) || !finite {
                let d = options.active(z, d);
                *b1 = *b1 + d;
                add_scaled(w1, d, x);
            }
        }
        Ok(loss)
    }
}
