//! Random functions whose slopes are known in closed form.

use num_traits::Float;

use crate::bytes::Bytes;

/// A term of a function: what it does with the entries i and j.
#[derive(Clone, Copy, Debug)]
enum Term {
    Linear,
    Square,
    Cube,
    Product,
    Sine,
    Exp,
    Tanh,
    /// ln(1 + x²).
    Log,
    /// The root of 1 + x² + y².
    Root,
    /// ln(e^x + e^y).
    SoftMax,
    /// 1 / (2 + sin x).
    Quotient,
}

const SMOOTH: [Term; 11] = [
    Term::Linear,
    Term::Square,
    Term::Cube,
    Term::Product,
    Term::Sine,
    Term::Exp,
    Term::Tanh,
    Term::Log,
    Term::Root,
    Term::SoftMax,
    Term::Quotient,
];

/// A sum of terms: smooth, with nothing narrower than the scale of its arguments, which is `scale`.
#[derive(Clone, Debug)]
pub struct Function {
    terms: Vec<(Term, f64, usize, usize)>,
    scale: f64,
    pub n: usize,
}

fn number<T: Float>(value: f64) -> T {
    T::from(value).unwrap()
}

impl Function {
    /// Of n entries; a polynomial of degree 2, or any.
    pub fn new(bytes: &mut Bytes, n: usize, scale: f64, is_polynomial: bool) -> Self {
        let count = n + bytes.below(8);
        let mut rng = fastrand::Rng::with_seed(bytes.seed());
        let terms = (0..count).map(|k| {
            let term = if is_polynomial {
                [Term::Linear, Term::Square, Term::Product][k % 3]
            } else {
                bytes.pick(&SMOOTH)
            };
            let c = f64::from(rng.i32(1..17)) / 8.0 * if rng.bool() { 1.0 } else { -1.0 };
            // Each entry is in some term.
            let i = if k < n { k } else { rng.usize(..n) };
            (term, c, i, rng.usize(..n))
        });
        Self { terms: terms.collect(), scale, n }
    }

    pub fn value<T: Float>(&self, x: &[T]) -> T {
        self.terms.iter().fold(T::zero(), |sum, &(term, c, i, j)| {
            let by = number::<T>(1.0 / self.scale);
            let (u, v, one) = (x[i] * by, x[j] * by, T::one());
            let value = match term {
                Term::Linear => u,
                Term::Square => u * u,
                Term::Cube => u * u * u,
                Term::Product => u * v,
                Term::Sine => u.sin(),
                Term::Exp => u.exp(),
                Term::Tanh => u.tanh(),
                Term::Log => (u * u).ln_1p(),
                Term::Root => (one + u * u + v * v).sqrt(),
                Term::SoftMax => v + (u - v).exp().ln_1p(),
                Term::Quotient => (one + one + u.sin()).recip(),
            };
            sum + number::<T>(c) * value
        })
    }

    /// The gradient, in f64.
    pub fn gradient(&self, x: &[f64]) -> Vec<f64> {
        let mut gradient = vec![0.0; self.n];
        for &(term, c, i, j) in &self.terms {
            // As the function computes it.
            let by = 1.0 / self.scale;
            let (u, v) = (x[i] * by, x[j] * by);
            let (du, dv) = match term {
                Term::Linear => (1.0, 0.0),
                Term::Square => (2.0 * u, 0.0),
                Term::Cube => (3.0 * u * u, 0.0),
                Term::Product => (v, u),
                Term::Sine => (u.cos(), 0.0),
                Term::Exp => (u.exp(), 0.0),
                Term::Tanh => (1.0 / u.cosh().powi(2), 0.0),
                Term::Log => (2.0 * u / (1.0 + u * u), 0.0),
                Term::Root => {
                    let root = (1.0 + u * u + v * v).sqrt();
                    (u / root, v / root)
                }
                Term::SoftMax => (1.0 / (1.0 + (v - u).exp()), 1.0 / (1.0 + (u - v).exp())),
                Term::Quotient => (-u.cos() / (2.0 + u.sin()).powi(2), 0.0),
            };
            gradient[i] += c * du * by;
            gradient[j] += c * dv * by;
        }
        gradient
    }
}

/// A function that is anything but smooth.
#[derive(Clone, Copy, Debug)]
pub enum Rough {
    Steps,
    Kinks,
    NanBeyond,
    Infinite,
    Constant,
    Changing,
    Reciprocal,
    Tiny,
    Huge,
    Root,
    Wild,
    Nan,
}

pub const ROUGH: [Rough; 12] = [
    Rough::Steps,
    Rough::Kinks,
    Rough::NanBeyond,
    Rough::Infinite,
    Rough::Constant,
    Rough::Changing,
    Rough::Reciprocal,
    Rough::Tiny,
    Rough::Huge,
    Rough::Root,
    Rough::Wild,
    Rough::Nan,
];

impl Rough {
    /// Its value at x in the given call.
    pub fn value<T: Float>(self, x: &[T], call: usize) -> T {
        let sum = x.iter().fold(T::zero(), |sum, &x| sum + x);
        match self {
            Rough::Steps => (sum * number(64.0)).floor() / number(64.0),
            Rough::Kinks => x.iter().fold(T::zero(), |sum, x| sum + x.abs()),
            Rough::NanBeyond if sum > x[0] => T::nan(),
            Rough::NanBeyond => sum,
            Rough::Infinite if !call.is_multiple_of(3) => T::infinity(),
            Rough::Infinite | Rough::Constant => number(7.5),
            Rough::Changing => sum + number(call as f64 * 1e-3),
            Rough::Reciprocal => sum.recip(),
            Rough::Tiny => sum * T::min_positive_value(),
            Rough::Huge => sum * (T::max_value() * number(0.25)),
            Rough::Root => sum.sqrt(),
            Rough::Wild => (sum * number(1e9)).sin() * sum.exp(),
            Rough::Nan => T::nan(),
        }
    }
}
