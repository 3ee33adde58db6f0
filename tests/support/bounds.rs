//! How far rounding may take each output of a pass from its exact value: the tolerances of the tests.
//!
//! A running error analysis in f64, step by step along the formulas. U is the unit roundoff of the type, FUN
//! the relative error of its exp, logarithms and divisions. The tools:
//!
//! - a sum of k products in any order: error <= gamma(k) * sum of |products|, gamma(k) = kU / (1 - kU); and no
//!   error at all if all terms are multiples of some grain and their magnitudes add up to at most grain / U,
//!   because then every partial sum is a number of the type;
//! - a product that underflows is off by `tiny` more; the score gradients are computed with their weight in the
//!   mean, so against those without it that counts as `tiny` / weight;
//! - max(0, .) does not enlarge an error; where z itself is uncertain by more than |z|, I may be either value;
//! - exp(f - M) with the argument uncertain by e: relative error expm1(e);
//! - log p_j = -log1p(S) with S = sum over the others of exp(f_k - f_j): if S is off by the factor e^E, the
//!   result is off by (1 - p_j) expm1(E) e^E, because S / (1 + S) = 1 - p_j.
//!
//! Products of two errors are kept where they are cheap to write; `slack` pays for the others.

use handgrad::{Kink, Reduction};

use super::oracle::{Example, blocks, example, example_grad};
use super::{Element, Outputs, Problem};

/// What the whole analysis needs to know of a type.
#[derive(Clone, Copy)]
pub struct Rounding {
    pub u: f64,
    pub fun: f64,
    /// The distance of two neighbours around 0: results that underflow are wrong by so much.
    pub tiny: f64,
}

impl Rounding {
    pub fn of<T: Element>() -> Self {
        Self { u: T::U, fun: T::FUN, tiny: T::min_positive_value().value() * 2.0 * T::U }
    }

    fn gamma(self, k: usize) -> f64 {
        let ku = k as f64 * self.u;
        assert!(ku < 0.5, "the type is too coarse for sums of {k}: the bound would be void");
        ku / (1.0 - ku)
    }

    /// The error of a sum of k terms of this total magnitude, all multiples of `grain` (0: unknown).
    fn sum(self, k: usize, magnitude: f64, grain: f64) -> f64 {
        if magnitude * self.u <= grain { 0.0 } else { self.gamma(k) * magnitude }
    }
}

/// So many terms enter one plain sum over examples at most: up to 800 examples in a register, then such parts
/// of a group of 4096 examples (or 256 and 16 of those), then a compensated step.
pub const PLAIN_TERMS: usize = 800 + 16 + 4;

/// So many terms enter one plain sum of losses at most: 64 in eight parts, then a compensated step.
const PLAIN_LOSSES: usize = 8 + 3 + 4;

fn dot(u: &[f64], v: &[f64]) -> f64 {
    u.iter().zip(v).map(|(u, v)| (u * v).abs()).sum()
}

/// The errors of one example's intermediate results.
struct ExampleBound {
    a: Vec<f64>,
    f: Vec<f64>,
    p: Vec<f64>,
    log_p: Vec<f64>,
    g: Vec<f64>,
    d: Vec<f64>,
}

/// The exact values that the bounds are made from: f64 is exact enough for that.
struct Net<'a> {
    problem: &'a Problem,
    theta: [&'a [f64]; 4],
    r: Rounding,
    kink: Kink,
    /// What an example counts in the loss: 1 / n or 1.
    weight: f64,
}

impl Net<'_> {
    fn forward(&self, x: &[f64], at: &Example<f64>) -> (Vec<f64>, Vec<f64>) {
        let [w1, b1, w2, b2] = self.theta;
        let (m, h, grain) = (x.len(), b1.len(), self.problem.grain);
        let rows = w1.chunks_exact(m).zip(b1);
        let a: Vec<f64> = rows.map(|(w, b)| self.r.sum(m + 1, dot(w, x) + b.abs(), grain * grain)).collect();
        let reach: Vec<f64> = at.a.iter().zip(&a).map(|(a, e)| a.abs() + e).collect();
        let grain = if a.iter().all(|&e| e == 0.0) { grain.powi(3) } else { 0.0 };
        let rows = w2.chunks_exact(h).zip(b2);
        let f = rows.map(|(w, b)| self.r.sum(h + 1, dot(w, &reach) + b.abs(), grain) + dot(w, &a)).collect();
        (a, f)
    }

    fn example(&self, x: &[f64], y: usize) -> (Example<f64>, ExampleBound) {
        let at = example(self.problem, &self.theta.concat(), x, y, self.kink);
        let (a, f) = self.forward(x, &at);
        let (r, c) = (self.r, at.f.len());
        let lead = (0..c).max_by(|&i, &j| at.f[i].total_cmp(&at.f[j])).unwrap();
        let widest = f.iter().fold(0.0, |max: f64, &e| max.max(e));
        // The computed f_j - M may be larger by the errors of both.
        let shift: Vec<f64> = at.f.iter().map(|v| at.f[lead] - v + 2.0 * widest).collect();
        // Rounding of exp(f_j - M): of the argument, and of exp.
        let exp: Vec<f64> = shift.iter().map(|s| (r.u * s).exp_m1() + r.fun).collect();
        // Each e_j, and so their sum, may be off by these factors against exp(f_j).
        let rho: Vec<f64> = f.iter().zip(&exp).map(|(f, exp)| f + exp).collect();
        let total = at.p.iter().zip(&rho).map(|(p, rho)| p * rho.exp()).sum::<f64>().ln() + r.gamma(c);
        let relative = |j: usize, k: usize| (rho[j] + total + r.fun + r.gamma(k)).exp_m1();
        let p: Vec<f64> = (0..c).map(|j| at.p[j] * relative(j, 3) + 4.0 * r.tiny).collect();
        let tiny = r.tiny / self.weight;
        let mut g = p.clone();
        let others: Vec<usize> = (0..c).filter(|&j| j != y).collect();
        for &j in &others {
            g[j] = at.p[j] * relative(j, 4) + 4.0 * tiny;
        }
        g[y] = others.iter().map(|&j| at.p[j] * relative(j, c + 4) + 4.0 * tiny).sum();

        let log_p = self.log_probabilities(&at, &f, &shift, &exp, lead);
        let w2 = self.theta[2];
        let d = (0..at.z.len())
            .map(|i| {
                let column: Vec<f64> = w2.iter().skip(i).step_by(at.z.len()).copied().collect();
                let reach: Vec<f64> = at.g.iter().zip(&g).map(|(g, e)| g.abs() + e).collect();
                let error = dot(&column, &g) + r.gamma(c + 1) * dot(&column, &reach) + c as f64 * tiny;
                let active = at.z[i] > 0.0 || (at.z[i] == 0.0 && self.kink == Kink::One);
                match (a[i] == 0.0 || at.z[i].abs() > a[i], active) {
                    (true, true) => error,
                    (true, false) => 0.0,
                    (false, _) => error + dot(&column, &reach),
                }
            })
            .collect();
        (at, ExampleBound { a, f, p, log_p, g, d })
    }

    /// The errors of log p_j = (f_j - M) - log(1 + rest): by the errors of f, then by rounding.
    fn log_probabilities(
        &self,
        at: &Example<f64>,
        f: &[f64],
        shift: &[f64],
        exp: &[f64],
        lead: usize,
    ) -> Vec<f64> {
        let (r, c) = (self.r, at.f.len());
        let widest = f.iter().fold(0.0, |max: f64, &e| max.max(e));
        let not_lead: f64 = (0..c).filter(|&k| k != lead).map(|k| at.p[k]).sum();
        let log = if not_lead < 0.5 { -(-not_lead).ln_1p() } else { -at.p[lead].ln() };
        // The rounding of the sum inside of the logarithm. Where another class leads, its 1 may be part of it.
        let part = |k: usize| at.p[k] * (exp[k] + r.gamma(c)) + r.tiny;
        let rest: f64 = (0..c).filter(|&k| k != lead).map(part).sum();
        (0..c)
            .map(|j| {
                // A class that does not lead has p_j <= 1/2.
                let (not, rest) =
                    if j == lead { (not_lead, rest) } else { (1.0 - at.p[j], rest + part(lead)) };
                let apart = f[j] + widest;
                let from_f = apart.min(not * apart.exp_m1() * apart.exp());
                from_f + r.u * shift[j] + rest + r.fun * log + r.u * (at.f[lead] - at.f[j] + log)
            })
            .collect()
    }
}

/// The magnitude of each output: what it is the sum of, added up without signs. A result that is right to a
/// few units in the last place of its gauge is as good as any order of summation can promise.
pub fn gauges(problem: &Problem, kink: Kink) -> Outputs<f64> {
    let Problem { dims, n, ref labels, .. } = *problem;
    let (m, h) = (dims.inputs(), dims.hidden());
    let theta = blocks(problem, &problem.theta);
    let mut out = Outputs { grad: vec![0.0; dims.param_len()], loss: vec![0.0], ..Outputs::default() };
    for (x, &y) in problem.x.chunks_exact(m).zip(labels) {
        let mut at = example(problem, &problem.theta, x, y, kink);
        let loss = handgrad::derivation::loss(&at.f, y).unwrap();
        out.loss[0] += loss / n as f64;
        out.losses.push(loss);
        out.scores.extend(theta[2].chunks_exact(h).zip(theta[3]).map(|(w, b)| dot(w, &at.a) + b.abs()));
        out.probabilities.extend(&at.p);
        for (i, d) in at.d.iter_mut().enumerate().filter(|(_, d)| **d != 0.0) {
            *d = (0..at.g.len()).map(|j| (theta[2][j * h + i] * at.g[j]).abs()).sum();
        }
        at.g.iter_mut().for_each(|g| *g = g.abs());
        let x: Vec<f64> = x.iter().map(|x| x.abs()).collect();
        let grad = example_grad(&at, &x);
        out.grad.iter_mut().zip(grad).for_each(|(sum, g)| *sum += g / n as f64);
        let column = |k: usize| (0..h).map(|i| (theta[0][i * m + k] * at.d[i]).abs()).sum::<f64>() / n as f64;
        out.input_grad.extend((0..m).map(column));
    }
    out
}

/// Products of second order, and the rounding of the analysis itself.
fn slack(u: f64) -> f64 {
    1.0 + 1e-9 + 100.0 * u
}

/// The bounds of every output of a pass over this problem, in the type with this rounding.
pub fn bounds(problem: &Problem, r: Rounding, kink: Kink, reduction: Reduction) -> Outputs<f64> {
    let Problem { dims, n, ref labels, .. } = *problem;
    let (m, h, c) = (dims.inputs(), dims.hidden(), dims.classes());
    let weight = if reduction == Reduction::Mean { 1.0 / n as f64 } else { 1.0 };
    let net = Net { problem, theta: blocks(problem, &problem.theta), r, kink, weight };
    let gamma = r.gamma(PLAIN_TERMS.min(n + 4));
    let mut out = Outputs { grad: vec![0.0; dims.param_len()], loss: vec![0.0], ..Outputs::default() };
    for (x, &y) in problem.x.chunks_exact(m).zip(labels) {
        let (at, e) = net.example(x, y);
        let loss = handgrad::derivation::loss(&at.f, y).unwrap();
        out.loss[0] += weight * (e.log_p[y] + r.gamma(PLAIN_LOSSES) * loss);
        out.losses.push(e.log_p[y]);

        let (dw1, rest) = out.grad.split_at_mut(h * m);
        let (db1, rest) = rest.split_at_mut(h);
        let (dw2, db2) = rest.split_at_mut(c * h);
        // A product u v of uncertain factors, and its share of the rounding of a sum over examples.
        let term = |u: f64, eu: f64, v: f64, ev: f64| {
            let factors = eu * v.abs() + u.abs() * ev + eu * ev;
            weight * (factors + gamma * (u.abs() + eu) * (v.abs() + ev)) + 2.0 * r.tiny
        };
        for i in 0..h {
            (0..m).for_each(|k| dw1[i * m + k] += term(at.d[i], e.d[i], x[k], 0.0));
            db1[i] += term(at.d[i], e.d[i], 1.0, 0.0);
        }
        for j in 0..c {
            (0..h).for_each(|i| dw2[j * h + i] += term(at.g[j], e.g[j], at.a[i], e.a[i]));
            db2[j] += term(at.g[j], e.g[j], 1.0, 0.0);
        }
        let w1 = net.theta[0];
        out.input_grad.extend((0..m).map(|k| {
            let sum = |d: &dyn Fn(usize) -> f64| (0..h).map(|i| w1[i * m + k].abs() * d(i)).sum::<f64>();
            let rounding = r.gamma(h + 2) * sum(&|i| at.d[i].abs() + e.d[i]);
            weight * (sum(&|i| e.d[i]) + rounding) + h as f64 * r.tiny
        }));
        out.scores.extend(e.f);
        out.probabilities.extend(e.p);
        out.log_probabilities.extend(e.log_p);
    }
    let slack = slack(r.u);
    for part in [
        &mut out.loss,
        &mut out.losses,
        &mut out.scores,
        &mut out.probabilities,
        &mut out.log_probabilities,
        &mut out.grad,
        &mut out.input_grad,
    ] {
        part.iter_mut().for_each(|bound| *bound *= slack);
    }
    out
}
