//! Start values for training: random weights of the right size, biases of 0.
//!
//! The size matters: with weights too small, what reaches the scores, and what comes back from them, shrinks from layer to layer;
//! with weights too large it grows, and the softmax is saturated from the first step on. He's and Glorot's variances keep both
//! about as they are. And they have to differ: with all weights 0 no example reaches W1 and W2 at all, (12) and (13) are 0, and
//! only b2 learns; with equal units all units stay equal.
//!
//! # Example
//!
//! ```
//! # fn main() -> Result<(), handgrad::Error> {
//! use handgrad::start::{Random, Start};
//! use handgrad::{Batch, Dims, MatRef, Params, ParamsMut, loss_and_grad};
//!
//! let dims = Dims::new(2, 8, 2)?;
//! let mut theta = vec![f32::NAN; dims.param_len()];
//! let mut random = Random::new(1);
//! Start::HeNormal.fill(&mut ParamsMut::from_flat(dims, &mut theta)?, || random.next_u64());
//! assert!(theta.iter().all(|v| v.is_finite()));
//! assert_eq!(theta[8 * 2..8 * 2 + 8], [0.0; 8]); // b1
//!
//! // All zeros: nothing but b2 has a gradient.
//! theta.fill(0.0);
//! let mut grad = vec![0.0; dims.param_len()];
//! let batch = Batch::new(MatRef::new(&[1.0, 2.0], 1, 2)?, &[0])?;
//! let mut scratch = vec![0.0; dims.scratch_len(1)];
//! loss_and_grad(Params::from_flat(dims, &theta)?, batch, ParamsMut::from_flat(dims, &mut grad)?, &mut scratch)?;
//! assert!(grad[..dims.param_len() - 2].iter().all(|g| *g == 0.0));
//! # Ok(())
//! # }
//! ```

use num_traits::Float;

use crate::data::{MatMut, ParamsMut};
pub use crate::random::Random;
use crate::random::{normal, uniform};

/// How large the weights are at the start. With `fan_in` inputs and `fan_out` outputs of a layer, m and h for W1, h and C for W2:
///
/// | | variance | for |
/// |---|---|---|
/// | He | 2 / fan_in | layers before a ReLU, which lets half of the variance pass |
/// | Glorot | 2 / (fan_in + fan_out) | a compromise between the ways forward and back |
///
/// Which of them is better for a net of two layers the data decide; [`HeNormal`](Self::HeNormal) is a good first choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Start {
    /// Normal numbers with He's variance.
    HeNormal,
    /// From -r to r, with He's variance r²/3.
    HeUniform,
    /// Normal numbers with Glorot's variance.
    GlorotNormal,
    /// From -r to r, with Glorot's variance r²/3.
    GlorotUniform,
}

impl Start {
    /// Writes W1 and W2, row by row, and fills b1 and b2 with 0. What was there before is not read.
    ///
    /// `random` gives 64 random bits with each call: [`Random`], or any other generator's. A uniform number takes one call, a
    /// normal one two. The numbers are formed in `f64` and rounded to T.
    pub fn fill<T: Float>(self, params: &mut ParamsMut<'_, T>, mut random: impl FnMut() -> u64) {
        let dims = params.dims();
        self.fill_matrix(&mut params.w1, dims.inputs(), dims.hidden(), &mut random);
        self.fill_matrix(&mut params.w2, dims.hidden(), dims.classes(), &mut random);
        params.b1.fill(T::zero());
        params.b2.fill(T::zero());
    }

    fn fill_matrix<T: Float>(
        self,
        matrix: &mut MatMut<'_, T>,
        fan_in: usize,
        fan_out: usize,
        random: &mut impl FnMut() -> u64,
    ) {
        let fans = match self {
            Self::HeNormal | Self::HeUniform => fan_in as f64,
            Self::GlorotNormal | Self::GlorotUniform => fan_in as f64 + fan_out as f64,
        };
        let deviation = Float::sqrt(1.0 / fans) * core::f64::consts::SQRT_2;
        // Of numbers from -r to r it is r / sqrt(3).
        let radius = deviation * Float::sqrt(3.0_f64);
        let mut number = || match self {
            Self::HeNormal | Self::GlorotNormal => deviation * normal(uniform(random()), uniform(random())),
            Self::HeUniform | Self::GlorotUniform => radius * (2.0 * uniform(random()) - 1.0),
        };
        for row in 0..matrix.rows() {
            matrix.row_mut(row).for_each(|w| *w = T::from(number()).unwrap_or_else(T::zero));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Random, Start};
    use crate::data::{Dims, MatMut, ParamsMut};

    const ALL: [Start; 4] = [Start::HeNormal, Start::HeUniform, Start::GlorotNormal, Start::GlorotUniform];

    fn filled(start: Start, dims: Dims, seed: u64) -> Vec<f64> {
        let mut theta = vec![f64::NAN; dims.param_len()];
        let mut random = Random::new(seed);
        start.fill(&mut ParamsMut::from_flat(dims, &mut theta).unwrap(), || random.next_u64());
        theta
    }

    /// Mean, variance and fourth moment of 60,000 and 40,000 weights are those of the distribution, to five of their standard errors.
    #[test]
    fn moments() {
        let (m, h, c) = (300, 200, 200);
        let dims = Dims::new(m, h, c).unwrap();
        for start in ALL {
            let theta = filled(start, dims, 7);
            for (weights, fan_in, fan_out) in
                [(&theta[..h * m], m as f64, h as f64), (&theta[h * m + h..][..c * h], h as f64, c as f64)]
            {
                let is_he = matches!(start, Start::HeNormal | Start::HeUniform);
                let variance = 2.0 / if is_he { fan_in } else { fan_in + fan_out };
                let is_normal = matches!(start, Start::HeNormal | Start::GlorotNormal);
                // Of the fourth power, and of the eighth, in units of the variance: 3 and 105, or 9/5 and 9.
                let (kurtosis, eighth) = if is_normal { (3.0, 105.0) } else { (9.0 / 5.0, 9.0) };
                let n = weights.len() as f64;
                let moment = |k| weights.iter().map(|w| (w / variance.sqrt()).powi(k)).sum::<f64>() / n;
                let within = |got: f64, expected: f64, spread: f64| {
                    assert!(
                        (got - expected).abs() < 5.0 * (spread / n).sqrt(),
                        "{start:?}: {got} {expected}"
                    );
                };
                within(moment(1), 0.0, 1.0);
                within(moment(2), 1.0, kurtosis - 1.0);
                within(moment(4), kurtosis, eighth - kurtosis * kurtosis);
                let most = (3.0 * variance).sqrt();
                assert!(is_normal || weights.iter().all(|w| w.abs() <= most));
            }
            assert!(theta[h * m..h * m + h].iter().chain(&theta[h * m + h + c * h..]).all(|b| *b == 0.0));
        }
    }

    /// The same from the same seed, whatever the strides; others from another.
    #[test]
    fn a_seed_and_no_stride_matters() {
        let dims = Dims::new(3, 4, 2).unwrap();
        let theta = filled(Start::GlorotNormal, dims, 3);
        assert_eq!(theta, filled(Start::GlorotNormal, dims, 3));
        assert_ne!(theta, filled(Start::GlorotNormal, dims, 4));
        let (mut w1, mut w2, mut b1, mut b2) = ([f64::NAN; 12], [f64::NAN; 8], [f64::NAN; 4], [f64::NAN; 2]);
        let (w1_view, w2_view) =
            (MatMut::col_major(&mut w1, 4, 3).unwrap(), MatMut::col_major(&mut w2, 2, 4).unwrap());
        let mut random = Random::new(3);
        let mut params = ParamsMut::new(w1_view, &mut b1, w2_view, &mut b2).unwrap();
        Start::GlorotNormal.fill(&mut params, || random.next_u64());
        for (unit, input) in (0..4).flat_map(|unit| (0..3).map(move |input| (unit, input))) {
            assert_eq!(w1[input * 4 + unit], theta[unit * 3 + input]);
        }
        for (class, unit) in (0..2).flat_map(|class| (0..4).map(move |unit| (class, unit))) {
            assert_eq!(w2[unit * 2 + class], theta[16 + class * 4 + unit]);
        }
    }

    /// Bits of any kind give finite numbers.
    #[test]
    fn any_bits_will_do() {
        for (start, bits) in ALL.into_iter().flat_map(|start| [(start, 0), (start, u64::MAX)]) {
            let mut theta = [f32::NAN; 7];
            let dims = Dims::new(1, 1, 2).unwrap();
            start.fill(&mut ParamsMut::from_flat(dims, &mut theta[..6]).unwrap(), || bits);
            assert!(theta[..6].iter().all(|w| w.is_finite()), "{start:?} {bits}: {theta:?}");
        }
    }

    /// The published generator: its first numbers for seed 1234567.
    #[test]
    fn split_mix_64() {
        let mut random = Random::new(1_234_567);
        let got = [0; 3].map(|_| random.next_u64());
        assert_eq!(got, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }
}
