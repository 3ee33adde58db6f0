//! Functions with known gradients, for the comparison of gradient checkers: ones that make a checker raise a
//! false alarm, ones in which it is to find a fault, and the faults.

mod fine;
mod formulas;

use std::rc::Rc;

use autodiff::F1;
use fastrand::Rng;
use fine::fine_cases;
use formulas::{
    Bent, Function, LogSumExp, Logistic, Net, Noisy, Product, Quadratic, Rosenbrock, SoftmaxLoss,
};
use handgrad::Dims;
use num_traits::Float;

/// What a checker may find hard about a function. Its gradient is right in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing: smooth, of natural scale.
    Smooth,
    /// Smooth, but values, slopes, curvatures or variables are of another order than 1.
    Scaled,
    /// The slope jumps at the point or so near to it that steps reach across. Exactly at the point the
    /// gradient is that of a convention.
    Kink,
    /// The function ends at the point or just beside it (NaN or infinity beyond), or the second derivative
    /// does not exist there.
    Edge,
    /// The values are wrong by more than rounding.
    Noise,
    /// It has structure that is far narrower than its variables are large.
    Narrow,
    /// The values are rounded to fewer digits than their type has. The gradient is that of the function before.
    Coarse,
    /// 0/0 at the point, where the limit is put in; beside it the values are noise.
    Removable,
}

/// A part of the variables, as a user would name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    pub name: &'static str,
    pub rows: usize,
    pub cols: usize,
}

impl Block {
    pub fn len(self) -> usize {
        self.rows * self.cols
    }
}

/// A function from R^n to R.
pub type Value<T> = Box<dyn Fn(&[T]) -> T>;

/// What writes the gradient at its first argument to its second one.
pub type Gradient = Box<dyn Fn(&[f64], &mut [f64])>;

/// A function from R^n to R, its gradient and a point.
pub struct Case {
    pub name: String,
    pub kind: Kind,
    pub x: Vec<f64>,
    /// They cut `x` into pieces, in this order.
    pub blocks: Vec<Block>,
    pub f: Value<f64>,
    pub grad: Gradient,
    /// The function in dual numbers, for the test of `grad`.
    pub dual: Value<F1>,
}

impl Case {
    fn new(name: impl Into<String>, kind: Kind, x: Vec<f64>, function: impl Function + 'static) -> Self {
        let f = Rc::new(function);
        let (grad, dual) = (Rc::clone(&f), Rc::clone(&f));
        Self {
            name: name.into(),
            kind,
            blocks: vec![Block { name: "x", rows: x.len(), cols: 1 }],
            x,
            f: Box::new(move |x| f.value(x)),
            grad: Box::new(move |x, out| grad.grad(x, out)),
            dual: Box::new(move |x| dual.value(x)),
        }
    }

    /// A function of one variable, written once, for dual numbers.
    fn univariate(name: &str, kind: Kind, x: f64, value: fn(F1) -> F1, slope: fn(f64) -> f64) -> Self {
        Self {
            name: name.into(),
            kind,
            x: vec![x],
            blocks: vec![Block { name: "x", rows: 1, cols: 1 }],
            f: Box::new(move |x| value(F1::cst(x[0])).x),
            grad: Box::new(move |x, out| out[0] = slope(x[0])),
            dual: Box::new(move |x| value(x[0])),
        }
    }

    fn with_blocks(self, blocks: &[(&'static str, usize, usize)]) -> Self {
        let blocks: Vec<Block> =
            blocks.iter().map(|&(name, rows, cols)| Block { name, rows, cols }).collect();
        assert_eq!(blocks.iter().map(|block| block.len()).sum::<usize>(), self.x.len(), "{}", self.name);
        Self { blocks, ..self }
    }

    /// The gradient at `x`.
    pub fn gradient(&self) -> Vec<f64> {
        let mut grad = vec![f64::NAN; self.x.len()];
        (self.grad)(&self.x, &mut grad);
        grad
    }

    /// The lengths of the blocks.
    pub fn block_lens(&self) -> Vec<usize> {
        self.blocks.iter().map(|block| block.len()).collect()
    }
}

/// Numbers in [-size, size).
fn uniform(seed: u64, len: usize, size: f64) -> Vec<f64> {
    let mut rng = Rng::with_seed(seed);
    (0..len).map(|_| (2.0 * rng.f64() - 1.0) * size).collect()
}

fn rosenbrock(n: usize) -> Rosenbrock {
    Rosenbrock { unit: vec![1.0; n] }
}

/// A net at a random point, `size` times as large as natural in its weights. No pre-activation is so near 0
/// that a step of a checker would change its sign: the loss is smooth there.
fn net(name: &str, kind: Kind, seed: u64, (m, h, c, n): (usize, usize, usize, usize), size: f64) -> Case {
    let dims = Dims::new(m, h, c).unwrap();
    let labels = (0..n).map(|i| (i + seed as usize) % c).collect();
    let (theta, examples) = (seed..)
        .map(|seed| (uniform(2 * seed, dims.param_len(), size), uniform(2 * seed + 1, n * m, 1.5)))
        .find(|(theta, examples)| {
            let mut units = theta[..h * m].chunks_exact(m).zip(&theta[h * m..]);
            units.all(|(w, b)| {
                let dot = |x: &[f64]| w.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
                examples.chunks_exact(m).all(|x| (dot(x) + b).abs() > 5e-3)
            })
        })
        .unwrap();
    Case::new(name, kind, theta, Net { dims, examples, labels }).with_blocks(&[
        ("W1", h, m),
        ("b1", h, 1),
        ("W2", c, h),
        ("b2", c, 1),
    ])
}

/// Coefficients of a polynomial of degree 9, from the constant one on.
const COEFFICIENTS: [f64; 10] = [0.7, -1.3, 0.4, 2.1, -0.9, 0.6, -1.7, 0.3, 1.1, -0.5];

/// Functions on which a checker that knows only one step or one tolerance may raise a false alarm: their
/// gradients are right.
pub fn cases() -> Vec<Case> {
    [smooth_cases(), scaled_cases(), steep_cases(), kink_cases(), edge_cases(), noise_cases(), fine_cases()]
        .into_iter()
        .flatten()
        .collect()
}

fn smooth_cases() -> Vec<Case> {
    let kind = Kind::Smooth;
    vec![
        Case::new("Rosenbrock 2", kind, uniform(1, 2, 1.5), rosenbrock(2)),
        Case::new("Rosenbrock 10", kind, uniform(2, 10, 1.5), rosenbrock(10)),
        Case::new("logsumexp 5", kind, uniform(3, 5, 2.0), LogSumExp),
        Case::new("softmax loss", kind, uniform(4, 5, 2.0), SoftmaxLoss { class: 2 }),
        Case::new("product of 20", kind, uniform(5, 20, 0.3).iter().map(|x| 1.0 + x).collect(), Product),
        Case::univariate(
            "degree 9",
            kind,
            1.1,
            |x| COEFFICIENTS.iter().rev().fold(F1::cst(0.0), |sum, &c| sum * x + F1::cst(c)),
            |x| (1..10).rev().fold(0.0, |sum, i| sum * x + i as f64 * COEFFICIENTS[i]),
        ),
        Case::univariate("1/x at 1", kind, 1.0, |x| F1::cst(1.0) / x, |x| -1.0 / (x * x)),
        Case::univariate("abs(x) at 1", kind, 1.0, |x| x.abs(), f64::signum),
        net("ReLU net", kind, 6, (4, 5, 3, 6), 1.0),
    ]
}

/// Scores, variables and values of all sizes.
fn scaled_cases() -> Vec<Case> {
    let kind = Kind::Scaled;
    let moved = |x: Vec<f64>, by: f64| x.iter().map(|x| x + by).collect::<Vec<_>>();
    let near = |n| moved(uniform(10, n, 1e-4), 1.0);
    let mut micro = uniform(13, 4, 1.5);
    micro[1] *= 1e6;
    vec![
        Case::new("Rosenbrock 2 near minimum", kind, near(2), rosenbrock(2)),
        Case::new("Rosenbrock 10 near minimum", kind, near(10), rosenbrock(10)),
        Case::new("Rosenbrock 2 at 1e3", kind, uniform(11, 2, 1e3), rosenbrock(2)),
        Case::new("Rosenbrock 2 at 1e-3", kind, uniform(12, 2, 1e-3), rosenbrock(2)),
        Case::new("Rosenbrock 4 micro", kind, micro, Rosenbrock { unit: vec![1.0, 1e-6, 1.0, 1.0] }),
        Case::new("logsumexp + 1e3", kind, moved(uniform(14, 5, 2.0), 1e3), LogSumExp),
        Case::new("logsumexp + 1e8", kind, moved(uniform(14, 5, 2.0), 1e8), LogSumExp),
        Case::new("logsumexp ±1e3", kind, uniform(15, 5, 1e3), LogSumExp),
        Case::new("logsumexp ±1e6", kind, uniform(16, 5, 1e6), LogSumExp),
        Case::new("softmax loss, sure", kind, vec![40.0, 1.0, -2.0], SoftmaxLoss { class: 0 }),
        Case::new("softmax loss, wrong", kind, vec![40.0, 1.0, -2.0], SoftmaxLoss { class: 2 }),
        Case::new(
            "quadratic, condition 1e8",
            kind,
            uniform(17, 5, 1.0),
            Quadratic { spectrum: vec![1e4, 1e2, 1.0, 1e-2, 1e-4] },
        ),
        net("ReLU net, large weights", kind, 18, (4, 5, 3, 6), 8.0),
    ]
}

/// Values or slopes of an order that no fixed step suits.
fn steep_cases() -> Vec<Case> {
    let kind = Kind::Scaled;
    vec![
        Case::univariate("1e6 + sin x", kind, 0.7, |x| x.sin() + F1::cst(1e6), f64::cos),
        Case::univariate("1e10 + sin x", kind, 0.7, |x| x.sin() + F1::cst(1e10), f64::cos),
        Case::univariate("exp 20x", kind, 0.9, |x| (F1::cst(20.0) * x).exp(), |x| 20.0 * (20.0 * x).exp()),
        Case::univariate(
            "exp -20x",
            kind,
            0.9,
            |x| (F1::cst(-20.0) * x).exp(),
            |x| -20.0 * (-20.0 * x).exp(),
        ),
        Case::univariate("1e-8 sin x", kind, 0.7, |x| F1::cst(1e-8) * x.sin(), |x| 1e-8 * x.cos()),
        Case::univariate(
            "sin 200x",
            kind,
            0.7,
            |x| (F1::cst(200.0) * x).sin(),
            |x| 200.0 * (200.0 * x).cos(),
        ),
        Case::univariate("1e8 x", kind, 0.3, |x| F1::cst(1e8) * x, |_| 1e8),
        Case::univariate("x² at 1e9", kind, 1.1e9, |x| x * x, |x| 2.0 * x),
        Case::univariate("1/x at 1e-4", kind, 1e-4, |x| F1::cst(1.0) / x, |x| -1.0 / (x * x)),
        Case::univariate("x ln x at 1e-3", kind, 1e-3, |x| x * x.ln(), |x| x.ln() + 1.0),
    ]
}

fn relu(x: F1) -> F1 {
    if x.x > 0.0 { x } else { F1::cst(0.0) }
}

/// 0 where x is 0.
fn sign(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x.signum() }
}

fn kink_cases() -> Vec<Case> {
    let kind = Kind::Kink;
    let active = |x: f64| if x >= 0.0 { 1.0 } else { 0.0 };
    let active_above = |x: f64| if x > 0.0 { 1.0 } else { 0.0 };
    let x = uniform(20, 4, 1.5);
    let beside = x.iter().zip([1e-7, -1e-7, 0.5, -3e-7]).map(|(x, gap)| x + gap).collect();
    let dims = Dims::new(1, 2, 3).unwrap();
    // The first unit of the net is at 0 for both examples.
    let theta = vec![0.0, 1.0, 0.0, 0.5, 1.0, -0.5, -2.0, 1.5, 0.25, 1.0, 0.1, 0.2, -0.3];
    vec![
        Case::univariate("abs(x) at 0", kind, 0.0, |x| x.abs(), sign),
        Case::univariate("abs(x) at 1e-9", kind, 1e-9, |x| x.abs(), sign),
        Case::univariate("abs(x) at 1e-7", kind, 1e-7, |x| x.abs(), sign),
        Case::univariate("abs(x) at -1e-5", kind, -1e-5, |x| x.abs(), sign),
        Case::univariate("ReLU at 0, slope 1", kind, 0.0, relu, active),
        Case::univariate("ReLU at 0, slope 0", kind, 0.0, relu, active_above),
        Case::univariate("ReLU at 1e-7", kind, 1e-7, relu, active),
        Case::univariate("ReLU at -1e-7", kind, -1e-7, relu, active),
        Case::new("bends 1e-7 away", kind, x, Bent { bend: beside }),
        Case::new(
            "ReLU net, a unit at 0",
            kind,
            theta,
            Net { dims, examples: vec![0.75, 1.25], labels: vec![0, 2] },
        )
        .with_blocks(&[("W1", 2, 1), ("b1", 2, 1), ("W2", 3, 2), ("b2", 3, 1)]),
    ]
}

fn edge_cases() -> Vec<Case> {
    let kind = Kind::Edge;
    vec![
        Case::univariate(
            "abs(x)^1.5 at 0",
            kind,
            0.0,
            |x| x.abs() * x.abs().sqrt(),
            |x| 1.5 * sign(x) * x.abs().sqrt(),
        ),
        Case::univariate("x^1.5 at 0", kind, 0.0, |x| x * x.sqrt(), |x| 1.5 * x.sqrt()),
        Case::univariate("x^1.5 at 1e-9", kind, 1e-9, |x| x * x.sqrt(), |x| 1.5 * x.sqrt()),
        Case::univariate("x ln x at 1e-8", kind, 1e-8, |x| x * x.ln(), |x| x.ln() + 1.0),
        Case::univariate(
            "sqrt(1 - x) near 1",
            kind,
            1.0 - 1e-7,
            |x| (F1::cst(1.0) - x).sqrt(),
            |x| -0.5 / (1.0 - x).sqrt(),
        ),
    ]
}

fn noise_cases() -> Vec<Case> {
    let noisy = |amplitude| Noisy { clean: LogSumExp, amplitude };
    vec![
        Case::new("logsumexp 5, noise 1e-8", Kind::Noise, uniform(3, 5, 2.0), noisy(1e-8)),
        Case::new("logsumexp 5, noise 1e-5", Kind::Noise, uniform(3, 5, 2.0), noisy(1e-5)),
    ]
}

/// Smooth functions of 2 to 60 variables at points of natural scale, in blocks, in which a checker is to
/// find injected faults.
pub fn detection_cases() -> Vec<Case> {
    let kind = Kind::Smooth;
    let spectrum = |n: usize| (0..n).map(|i| 1.0 + i as f64 * 9.0 / n as f64).collect();
    let rows = |seed, n: usize, m: usize| (0..n as u64).map(|i| uniform(seed + i, m + 1, 1.5)).collect();
    vec![
        net("net 2-3-2", kind, 100, (2, 3, 2, 8), 1.0),
        net("net 3-4-2", kind, 110, (3, 4, 2, 10), 1.0),
        net("net 4-5-3", kind, 120, (4, 5, 3, 12), 1.0),
        net("net 5-6-3", kind, 130, (5, 6, 3, 12), 1.0),
        Case::new("logistic 5", kind, uniform(140, 6, 1.0), Logistic { rows: rows(200, 10, 5) })
            .with_blocks(&[("w", 1, 5), ("b", 1, 1)]),
        Case::new("logistic 20", kind, uniform(141, 21, 1.0), Logistic { rows: rows(300, 30, 20) })
            .with_blocks(&[("w", 1, 20), ("b", 1, 1)]),
        Case::new("Rosenbrock 2", kind, uniform(142, 2, 1.5), rosenbrock(2)),
        Case::new("Rosenbrock 10", kind, uniform(143, 10, 1.5), rosenbrock(10)),
        Case::new("quadratic 10", kind, uniform(144, 10, 1.0), Quadratic { spectrum: spectrum(10) }),
        Case::new("quadratic 40", kind, uniform(145, 40, 1.0), Quadratic { spectrum: spectrum(40) })
            .with_blocks(&[("left", 4, 5), ("right", 2, 10)]),
        Case::new("logsumexp 8", kind, uniform(146, 8, 2.0), LogSumExp),
        Case::new("logsumexp 60", kind, uniform(147, 60, 2.0), LogSumExp).with_blocks(&[
            ("first", 20, 1),
            ("second", 20, 1),
            ("third", 20, 1),
        ]),
        Case::new("softmax loss 6", kind, uniform(148, 6, 2.0), SoftmaxLoss { class: 3 }),
    ]
}

/// What is wrong with a gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// One coordinate times 1 + relative.
    Coordinate,
    /// One whole block times 1 + relative.
    Block,
    /// Relative times the root mean square of the gradient added to half of the coordinates and subtracted
    /// from the others (one is left alone if n is odd): the sum stays, which a direction of equal entries
    /// can't see.
    ZeroSum,
}

pub const FAULTS: [Fault; 3] = [Fault::Coordinate, Fault::Block, Fault::ZeroSum];

/// The gradient `g` with a fault at a random place. Coordinates and blocks of zeros are no places: times
/// 1 + relative they would stay right. A gradient of zeros stays as it is.
pub fn inject(g: &[f64], blocks: &[Block], fault: Fault, relative: f64, rng: &mut Rng) -> Vec<f64> {
    let mut wrong = g.to_vec();
    let mut places: Vec<_> = match fault {
        Fault::Coordinate | Fault::ZeroSum => (0..g.len()).map(|i| i..i + 1).collect(),
        Fault::Block => blocks
            .iter()
            .scan(0, |end, block| {
                *end += block.len();
                Some(*end - block.len()..*end)
            })
            .collect(),
    };
    if fault == Fault::ZeroSum {
        rng.shuffle(&mut places);
        let step = relative * (g.iter().map(|g| g * g).sum::<f64>() / g.len() as f64).sqrt();
        for pair in places.chunks_exact(2) {
            wrong[pair[0].start] += step;
            wrong[pair[1].start] -= step;
        }
        return wrong;
    }
    places.retain(|place| g[place.clone()].iter().any(|&g| g != 0.0));
    if let Some(place) = rng.choice(places) {
        wrong[place].iter_mut().for_each(|g| *g *= 1.0 + relative);
    }
    wrong
}
