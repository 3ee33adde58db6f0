//! Functions that are not what wide steps make of them: with structure far narrower than their variables, with values
//! coarser than their type, with several kinks at the point, with a removable singularity there. Their gradients are
//! right: those of the formula, before any rounding.

use autodiff::F1;
use handgrad::Dims;
use num_traits::Float;

use super::formulas::{CrossEntropy, Crossing, LogSumExp, Net};
use super::{Case, Kind, uniform};

pub fn fine_cases() -> Vec<Case> {
    [narrow_cases(), coarse_cases(), crossing_cases(), removable_cases()].into_iter().flatten().collect()
}

const TURN: f64 = 1024.0 * std::f64::consts::PI;

fn narrow_cases() -> Vec<Case> {
    let kind = Kind::Narrow;
    vec![
        Case::univariate(
            "sin 1024πx at 0.3",
            kind,
            0.3,
            |x| (F1::cst(TURN) * x).sin(),
            |x| TURN * (TURN * x).cos(),
        ),
        Case::univariate(
            "x² + 1e-3 sin 1e6x",
            kind,
            0.7,
            |x| x * x + F1::cst(1e-3) * (F1::cst(1e6) * x).sin(),
            |x| 2.0 * x + 1e3 * (1e6 * x).cos(),
        ),
        Case::univariate(
            "ln(x + 1e-10) at 0",
            kind,
            0.0,
            |x| (x + F1::cst(1e-10)).ln(),
            |x| 1.0 / (x + 1e-10),
        ),
        Case::univariate(
            "x/(abs(x) + 1e-12) at 0",
            kind,
            0.0,
            |x| x / (x.abs() + F1::cst(1e-12)),
            |x| 1e-12 / (x.abs() + 1e-12).powi(2),
        ),
        Case::univariate(
            "√(x² + 1e-16) at 3e-9",
            kind,
            3e-9,
            |x| (x * x + F1::cst(1e-16)).sqrt(),
            |x| x / (x * x + 1e-16).sqrt(),
        ),
        Case::univariate(
            "x + bump of width 1e-7",
            kind,
            1.0 + 0.5e-7,
            |x| x + bump((x - F1::cst(1.0)) / F1::cst(1e-7)),
            |x| {
                let u = (x - 1.0) / 1e-7;
                1.0 - 2e7 * u * (-u * u).exp()
            },
        ),
        Case::new(
            "cross entropy + 1e-12, a share of 0",
            kind,
            vec![0.0, 0.3, 0.7],
            CrossEntropy { targets: vec![0.2, 0.3, 0.5], regulariser: 1e-12 },
        ),
    ]
}

fn bump(u: F1) -> F1 {
    (-(u * u)).exp()
}

/// Rounds to this many decimal digits by printing and reading.
fn digits(value: f64, count: usize) -> f64 {
    format!("{value:.*e}", count - 1).parse().unwrap()
}

fn coarse_cases() -> Vec<Case> {
    let in_f32 = |value: f64| f64::from(value as f32);
    let in_f16 = |value: f64| half::f16::from_f64(value).to_f64();
    vec![
        Case::univariate("x² in f32", Kind::Coarse, 1.5, |x| x * x, |x| 2.0 * x).rounded(in_f32),
        Case::univariate("sin x in f16", Kind::Coarse, 0.8, |x| x.sin(), f64::cos).rounded(in_f16),
        Case::univariate(
            "123.4 + sin x, 7 digits",
            Kind::Coarse,
            0.7,
            |x| F1::cst(123.4) + x.sin(),
            f64::cos,
        )
        .rounded(|value| digits(value, 7)),
        Case::univariate("exp x, 9 digits", Kind::Coarse, 1.1, |x| x.exp(), f64::exp)
            .rounded(|value| digits(value, 9)),
        Case::univariate("sin x on a grid of 2^-20", Kind::Coarse, 0.5, |x| x.sin(), f64::cos)
            .rounded(|value| (value * 1048576.0).round() / 1048576.0),
        Case::new("logsumexp 5 in f32", Kind::Coarse, uniform(3, 5, 2.0), LogSumExp).rounded(in_f32),
        Case::new("logsumexp 5, 5 digits", Kind::Coarse, uniform(3, 5, 2.0), LogSumExp)
            .rounded(|value| digits(value, 5)),
    ]
}

fn crossing_cases() -> Vec<Case> {
    let dims = Dims::new(2, 3, 2).unwrap();
    // Biases of 0, and the first example is blank: all units are at 0 there.
    let mut theta = uniform(150, dims.param_len(), 1.5);
    theta[6..9].fill(0.0);
    vec![
        Case::new(
            "tanh of ReLUs that cross",
            Kind::Kink,
            vec![0.0; 4],
            Crossing { weights: vec![0.8, -0.5, 0.3, -1.2] },
        ),
        Case::new(
            "ReLU net, a blank example",
            Kind::Kink,
            theta,
            Net { dims, examples: vec![0.0, 0.0, 0.7, -1.3], labels: vec![0, 1] },
        )
        .with_blocks(&[("W1", 3, 2), ("b1", 3, 1), ("W2", 2, 3), ("b2", 2, 1)]),
    ]
}

/// f where x is not 0, and its limit there.
fn filled(x: F1, f: fn(F1) -> F1, limit: f64) -> F1 {
    if x.x == 0.0 { F1::cst(limit) } else { f(x) }
}

fn removable_cases() -> Vec<Case> {
    let kind = Kind::Removable;
    vec![
        Case::univariate(
            "(exp x - 1)/x at 0",
            kind,
            0.0,
            |x| filled(x, |x| (x.exp() - F1::cst(1.0)) / x, 1.0),
            |_| 0.5,
        ),
        Case::univariate(
            "ln(1 + x)/x at 0",
            kind,
            0.0,
            |x| filled(x, |x| (F1::cst(1.0) + x).ln() / x, 1.0),
            |_| -0.5,
        ),
        Case::univariate("sin x/x at 0", kind, 0.0, |x| filled(x, |x| x.sin() / x, 1.0), |_| 0.0),
        Case::univariate(
            "(1 - cos x)/x² + x at 0",
            kind,
            0.0,
            |x| x + filled(x, |x| (F1::cst(1.0) - x.cos()) / (x * x), 0.5),
            |_| 1.0,
        ),
    ]
}

impl Case {
    /// The same with rounded values.
    fn rounded(self, round: impl Fn(f64) -> f64 + 'static) -> Self {
        let f = self.f;
        Self { f: Box::new(move |x| round(f(x))), ..self }
    }
}
