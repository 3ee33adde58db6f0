//! Functions with gradients by hand. Each is written for any number type, so that dual numbers can tell
//! whether the gradient is right.

use handgrad::{Batch, Dims, MatRef, Params, ParamsMut};
use num_traits::Float;

/// A function from R^n to R and its gradient.
pub trait Function {
    fn value<T: Float + Send + Sync + 'static>(&self, x: &[T]) -> T;
    /// Writes the gradient at `x`, exact to rounding.
    fn grad(&self, x: &[f64], grad: &mut [f64]);
}

/// A constant in any type.
pub fn real<T: Float>(value: f64) -> T {
    T::from(value).unwrap()
}

fn dot<T: Float>(weights: &[f64], x: &[T]) -> T {
    weights.iter().zip(x).fold(T::zero(), |sum, (&w, &x)| sum + real::<T>(w) * x)
}

/// Sum of 100 (y[i+1] - y[i]²)² + (1 - y[i])² at y[i] = unit[i] x[i]: x is measured in other units than y.
pub struct Rosenbrock {
    pub unit: Vec<f64>,
}

impl Function for Rosenbrock {
    fn value<T: Float + Send + Sync + 'static>(&self, x: &[T]) -> T {
        let y: Vec<T> = x.iter().zip(&self.unit).map(|(&x, &unit)| x * real(unit)).collect();
        y.windows(2).fold(T::zero(), |sum, y| {
            let (valley, rest) = (y[1] - y[0] * y[0], T::one() - y[0]);
            sum + real::<T>(100.0) * valley * valley + rest * rest
        })
    }

    fn grad(&self, x: &[f64], grad: &mut [f64]) {
        grad.fill(0.0);
        let y: Vec<f64> = x.iter().zip(&self.unit).map(|(x, unit)| x * unit).collect();
        for (i, y) in y.windows(2).enumerate() {
            let valley = y[1] - y[0] * y[0];
            grad[i] += -400.0 * y[0] * valley - 2.0 * (1.0 - y[0]);
            grad[i + 1] += 200.0 * valley;
        }
        grad.iter_mut().zip(&self.unit).for_each(|(grad, unit)| *grad *= unit);
    }
}

/// ln of the sum of exp(x[i]).
pub struct LogSumExp;

/// exp(x[i] - max x), and their sum.
fn shares<T: Float>(x: &[T]) -> (T, Vec<T>, T) {
    let max = x.iter().copied().fold(T::neg_infinity(), |max, x| if x > max { x } else { max });
    let shares: Vec<T> = x.iter().map(|&x| (x - max).exp()).collect();
    let sum = shares.iter().fold(T::zero(), |sum, &share| sum + share);
    (max, shares, sum)
}

impl Function for LogSumExp {
    fn value<T: Float + Send + Sync + 'static>(&self, x: &[T]) -> T {
        let (max, _, sum) = shares(x);
        max + sum.ln()
    }

    fn grad(&self, x: &[f64], grad: &mut [f64]) {
        let (_, shares, sum) = shares(x);
        grad.iter_mut().zip(shares).for_each(|(grad, share)| *grad = share / sum);
    }
}

/// The softmax loss of one example, ln of the sum of exp(x[i] - x[class]), as a function of its scores.
pub struct SoftmaxLoss {
    pub class: usize,
}

impl Function for SoftmaxLoss {
    fn value<T: Float + Send + Sync + 'static>(&self, x: &[T]) -> T {
        let (max, shares, sum) = shares(x);
        if x[self.class] < max {
            return (max - x[self.class]) + sum.ln();
        }
        // ln of 1 + a small number: the 1 is left out of the sum.
        let others = shares.iter().enumerate().filter(|&(i, _)| i != self.class);
        others.fold(T::zero(), |sum, (_, &share)| sum + share).ln_1p()
    }

    fn grad(&self, x: &[f64], grad: &mut [f64]) {
        LogSumExp.grad(x, grad);
        // p - 1 where p may round to 1.
        grad[self.class] = 0.0;
        grad[self.class] = -grad.iter().sum::<f64>();
    }
}

/// The cross entropy with targets q, -sum of q[i] ln(x[i] + regulariser).
pub struct CrossEntropy {
    pub targets: Vec<f64>,
    pub regulariser: f64,
}

impl Function for CrossEntropy {
    fn value<T: Float + Send + Sync + 'static>(&self, x: &[T]) -> T {
        let logs: Vec<T> = x.iter().map(|&x| (x + real(self.regulariser)).ln()).collect();
        -dot(&self.targets, &logs)
    }

    fn grad(&self, x: &[f64], grad: &mut [f64]) {
        for ((grad, x), target) in grad.iter_mut().zip(x).zip(&self.targets) {
            *grad = -target / (x + self.regulariser);
        }
    }
}

/// tanh of the sum of weights[i] max(0, x[i]), with the slope 1 of max(0, .) at 0.
pub struct Crossing {
    pub weights: Vec<f64>,
}

impl Function for Crossing {
    fn value<T: Float + Send + Sync + 'static>(&self, x: &[T]) -> T {
        let active: Vec<T> = x.iter().map(|&x| if x >= T::zero() { x } else { T::zero() }).collect();
        dot(&self.weights, &active).tanh()
    }

    fn grad(&self, x: &[f64], grad: &mut [f64]) {
        let slope = 1.0 - self.value(x).powi(2);
        for ((grad, x), weight) in grad.iter_mut().zip(x).zip(&self.weights) {
            *grad = if *x >= 0.0 { slope * weight } else { 0.0 };
        }
    }
}

/// The product of all variables.
pub struct Product;

impl Function for Product {
    fn value<T: Float + Send + Sync + 'static>(&self, x: &[T]) -> T {
        x.iter().fold(T::one(), |product, &x| product * x)
    }

    fn grad(&self, x: &[f64], grad: &mut [f64]) {
        for (i, grad) in grad.iter_mut().enumerate() {
            *grad = x[..i].iter().chain(&x[i + 1..]).product();
        }
    }
}

/// xᵀ A x / 2 with A = H diag(spectrum) H, where H = I - 2 v vᵀ / vᵀv mirrors along v = (1, 2, ..., n).
pub struct Quadratic {
    pub spectrum: Vec<f64>,
}

fn mirror<T: Float>(x: &[T]) -> Vec<T> {
    let v: Vec<f64> = (1..=x.len()).map(|i| i as f64).collect();
    let length = real::<T>(dot(&v, &v) / 2.0);
    let along = dot(&v, x) / length;
    x.iter().zip(&v).map(|(&x, &v)| x - along * real(v)).collect()
}

impl Function for Quadratic {
    fn value<T: Float + Send + Sync + 'static>(&self, x: &[T]) -> T {
        let squares: Vec<T> = mirror(x).iter().map(|&y| y * y).collect();
        dot(&self.spectrum, &squares) * real(0.5)
    }

    fn grad(&self, x: &[f64], grad: &mut [f64]) {
        let scaled: Vec<f64> = mirror(x).iter().zip(&self.spectrum).map(|(y, d)| d * y).collect();
        grad.copy_from_slice(&mirror(&scaled));
    }
}

/// |x|²/2 plus the sum of max(0, x[i] - bend[i]), with the slope 0 at the bend.
pub struct Bent {
    pub bend: Vec<f64>,
}

impl Function for Bent {
    fn value<T: Float + Send + Sync + 'static>(&self, x: &[T]) -> T {
        x.iter().zip(&self.bend).fold(T::zero(), |sum, (&x, &bend)| {
            let above = x - real(bend);
            sum + x * x * real(0.5) + if above > T::zero() { above } else { T::zero() }
        })
    }

    fn grad(&self, x: &[f64], grad: &mut [f64]) {
        for i in 0..x.len() {
            grad[i] = x[i] + if x[i] > self.bend[i] { 1.0 } else { 0.0 };
        }
    }
}

/// The mean loss of logistic regression, ln(1 + exp(-y (w.u + b))), in (w, b). The sign of a row's last
/// entry is its label y, its other entries are u.
pub struct Logistic {
    pub rows: Vec<Vec<f64>>,
}

impl Function for Logistic {
    fn value<T: Float + Send + Sync + 'static>(&self, x: &[T]) -> T {
        let losses = self.rows.iter().fold(T::zero(), |sum, row| {
            let (&y, u) = row.split_last().unwrap();
            let margin = (dot(u, x) + x[u.len()]) * real(y.signum());
            let hinge = if margin < T::zero() { -margin } else { T::zero() };
            sum + hinge + (-margin.abs()).exp().ln_1p()
        });
        losses / real(self.rows.len() as f64)
    }

    fn grad(&self, x: &[f64], grad: &mut [f64]) {
        grad.fill(0.0);
        for row in &self.rows {
            let (&y, u) = row.split_last().unwrap();
            let margin = (dot(u, x) + x[u.len()]) * y.signum();
            let slope = -y.signum() / (1.0 + margin.exp()) / self.rows.len() as f64;
            u.iter().chain(&[1.0]).zip(&mut *grad).for_each(|(u, grad)| *grad += slope * u);
        }
    }
}

/// The mean loss of a two-layer ReLU net, by the crate under test, in its parameters.
pub struct Net {
    pub dims: Dims,
    pub examples: Vec<f64>,
    pub labels: Vec<usize>,
}

impl Net {
    fn run<T: Float + Send + Sync + 'static>(&self, theta: &[T], grad: Option<&mut [T]>) -> T {
        let (dims, n) = (self.dims, self.labels.len());
        let params = Params::from_flat(dims, theta).unwrap();
        let examples: Vec<T> = self.examples.iter().map(|&x| real(x)).collect();
        let batch = Batch::new(MatRef::new(&examples, n, dims.inputs()).unwrap(), &self.labels).unwrap();
        let scratch = &mut vec![T::zero(); dims.scratch_len(n)];
        match grad {
            None => handgrad::loss(params, batch, scratch).unwrap(),
            Some(grad) => {
                let grad = ParamsMut::from_flat(dims, grad).unwrap();
                handgrad::loss_and_grad(params, batch, grad, scratch).unwrap()
            }
        }
    }
}

impl Function for Net {
    fn value<T: Float + Send + Sync + 'static>(&self, x: &[T]) -> T {
        self.run(x, None)
    }

    fn grad(&self, x: &[f64], grad: &mut [f64]) {
        self.run(x, Some(grad));
    }
}

/// Another function times 1 + amplitude r, where r in [-1, 1) depends on the bits of x alone. The gradient
/// is that of the other function.
pub struct Noisy<F> {
    pub clean: F,
    pub amplitude: f64,
}

impl<F: Function> Function for Noisy<F> {
    fn value<T: Float + Send + Sync + 'static>(&self, x: &[T]) -> T {
        // The mixing of SplitMix64: every bit of x counts.
        let hash = x.iter().fold(0u64, |hash, x| {
            let mut bits = (hash ^ x.to_f64().unwrap().to_bits()).wrapping_add(0x9e37_79b9_7f4a_7c15);
            bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            bits ^ bits >> 31
        });
        let r = (hash >> 11) as f64 / (1u64 << 52) as f64 - 1.0;
        self.clean.value(x) * real(1.0 + self.amplitude * r)
    }

    fn grad(&self, x: &[f64], grad: &mut [f64]) {
        self.clean.grad(x, grad);
    }
}
