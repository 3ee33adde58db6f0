//! The forward pass of an example, its loss and score gradient, by the plain formulas; and how far rounding may take the
//! crate's from them.

use handgrad::Kink;

use super::case::{Case, Known};
use crate::ball::{Ball, Rounding, sum};
use crate::element::Element;

/// What is known of an example.
pub struct Example {
    pub excluded: bool,
    pub x: Vec<Ball>,
    pub z: Vec<Ball>,
    pub a: Vec<Ball>,
    pub f: Vec<Ball>,
    pub p: Vec<Ball>,
    pub log_p: Vec<Ball>,
    /// 1 - p.
    pub rest: Vec<Ball>,
    /// What p of the score gradients is multiplied with: v_i times the sum of the shares.
    pub weight: Ball,
    /// v_i l_i, and its gradients by the scores and by the pre-activations: not divided by N.
    pub loss: Ball,
    pub g: Vec<Ball>,
    pub d: Vec<Ball>,
}

/// The numbers of a case as f64.
pub struct Net {
    pub w1: Vec<Ball>,
    pub b1: Vec<Ball>,
    pub w2: Vec<Ball>,
    pub b2: Vec<Ball>,
}

pub fn exact<T: Element>(values: &[T]) -> Vec<Ball> {
    values.iter().map(|value| Ball::exact(value.value())).collect()
}

impl Net {
    pub fn of<T: Element>(case: &Case<T>) -> Self {
        let [w1, b1, w2, b2] = [0, 1, 2, 3].map(|i| exact(&case.theta[i].values()));
        Self { w1, b1, w2, b2 }
    }
}

/// So many more roundings than terms: sums of parts, 0 added, the bias.
pub const MORE: usize = 24;

impl Example {
    /// Example i. The gradients may be computed with a factor 1/N: `scaled` has that in its range.
    pub fn new<T: Element>(
        case: &Case<T>,
        net: &Net,
        i: usize,
        x: &[Ball],
        r: Rounding,
        scaled: Rounding,
    ) -> Self {
        let (m, h) = (case.dims.inputs(), case.dims.hidden());
        let layer = |w: &[Ball], width: usize, b: &[Ball], x: &[Ball]| -> Vec<Ball> {
            let rows = w.chunks_exact(width).zip(b);
            rows.map(|(w, &b)| sum(w.iter().copied().zip(x.iter().copied()).chain([(b, Ball::ONE)]), MORE, r))
                .collect()
        };
        let z = layer(&net.w1, m, &net.b1, x);
        let a: Vec<Ball> = z.iter().map(|&z| keep(z, z, case.kink)).collect();
        let f = layer(&net.w2, h, &net.b2, &a);
        let soft = Softmax::new(&f, r);
        let scale = scale(case, i, r);
        let excluded = case.is_weighted() && scale.is_zero();
        let mut example = Self {
            excluded,
            x: x.to_vec(),
            a,
            f,
            loss: Ball::ZERO,
            g: vec![Ball::ZERO; case.dims.classes()],
            d: vec![Ball::ZERO; h],
            p: Vec::new(),
            log_p: Vec::new(),
            rest: Vec::new(),
            weight: scale,
            z,
        };
        if !excluded && case.known != Known::Nothing {
            let (loss, g) = if case.is_soft() {
                let shares = shares(case, i, r);
                let sum = sum(shares.iter().map(|&share| (share, Ball::ONE)), MORE, r);
                example.weight = factor(scale, sum, r);
                (soft.soft_loss(&shares, r), soft.soft_grad(&shares, scaled))
            } else {
                let y = case.labels[i].unwrap_or(0);
                (soft.log_p[y].neg(), soft.grad(y, scaled))
            };
            example.loss = loss.times(scale, r);
            example.g = g.into_iter().map(|g| g.times(scale, scaled)).collect();
            for unit in 0..h {
                let column = net.w2.iter().skip(unit).step_by(h).copied();
                let total = sum(example.g.iter().copied().zip(column), MORE, scaled);
                example.d[unit] = keep(example.z[unit], total, case.kink);
            }
        }
        (example.p, example.log_p, example.rest) = (soft.p, soft.log_p, soft.rest);
        example
    }
}

/// What the loss of an example counts: v_i w_y, or v_i with a soft target.
fn scale<T: Element>(case: &Case<T>, i: usize, r: Rounding) -> Ball {
    let weight = |weights: &Option<Vec<T>>, i: usize| {
        weights.as_ref().map_or(Ball::ONE, |weights| Ball::exact(weights[i].value()))
    };
    let own = weight(&case.example_weights, i);
    match (case.known, case.labels[i]) {
        (Known::Labels, None) if case.ignores => Ball::ZERO,
        (Known::Labels, Some(y)) if !case.is_soft() => factor(own, weight(&case.class_weights, y), r),
        _ => own,
    }
}

/// A product of two weights: exact where one of them is 0 or 1.
fn factor(a: Ball, b: Ball, r: Rounding) -> Ball {
    if a.is_zero() || b.is_zero() {
        Ball::ZERO
    } else if b.value == 1.0 {
        a
    } else {
        a.times(b, r)
    }
}

/// What an example counts in N.
pub fn effective_weight<T: Element>(case: &Case<T>, i: usize, r: Rounding) -> Ball {
    let own = case.example_weights.as_ref().map_or(Ball::ONE, |weights| Ball::exact(weights[i].value()));
    let class =
        |y: usize| case.class_weights.as_ref().map_or(Ball::ONE, |weights| Ball::exact(weights[y].value()));
    match (case.known, case.labels[i]) {
        (Known::Labels, None) => Ball::ZERO,
        (Known::Labels, Some(y)) => factor(own, class(y), r),
        (Known::Targets | Known::Nothing, _) => own,
    }
}

/// a_c = w_c ((1 - ε) q_c + ε/C).
fn shares<T: Element>(case: &Case<T>, i: usize, r: Rounding) -> Vec<Ball> {
    let (c, smoothing) = (case.dims.classes(), case.smoothing.value());
    (0..c)
        .map(|class| {
            let q = match case.known {
                Known::Targets => case.targets.get(i, class).value(),
                _ => f64::from(u8::from(case.labels[i] == Some(class))),
            };
            let w = case.class_weights.as_ref().map_or(1.0, |weights| weights[class].value());
            let share = w * ((1.0 - smoothing) * q + smoothing / c as f64);
            if share == 0.0 {
                Ball::ZERO
            } else {
                Ball::new(share, (6.0 * r.u + r.fun) * share + 4.0 * w * r.tiny, r)
            }
        })
        .collect()
}

/// `kept` where the unit of this pre-activation is active, else 0; either, if that is not known.
pub fn keep(z: Ball, kept: Ball, kink: Kink) -> Ball {
    let active = z.is_nan() || z.value > 0.0 || z.value == 0.0 && kink == Kink::One;
    if !z.is_known() {
        if kept.is_nan() || !kept.is_known() {
            Ball::UNKNOWN
        } else {
            Ball { value: kept.value, error: f64::INFINITY }
        }
    } else if z.is_nan() || z.is_zero() || !z.is_unsure() {
        if active { kept } else { Ball::ZERO }
    } else if kept.is_finite() {
        Ball { value: kept.value, error: kept.error + kept.value.abs() }
    } else {
        Ball::UNKNOWN
    }
}

/// What follows from the scores alone.
struct Softmax {
    p: Vec<Ball>,
    log_p: Vec<Ball>,
    /// 1 - p, as a sum of the others.
    others: Vec<Ball>,
    /// 1 - p, as it is used with soft targets: so computed for the leader alone.
    rest: Vec<Ball>,
}

impl Softmax {
    fn all(ball: Ball, c: usize) -> Self {
        let [p, log_p, others, rest] = [(); 4].map(|()| vec![ball; c]);
        Self { p, log_p, others, rest }
    }

    fn new(f: &[Ball], r: Rounding) -> Self {
        let c = f.len();
        // The largest of the scores, of which NaN is one, decides.
        if f.iter().any(|f| f.is_known() && (f.is_nan() || f.value == f64::INFINITY)) {
            return Self::all(Ball::NAN, c);
        }
        if f.iter().any(|f| !f.is_known()) {
            return Self::all(Ball::UNKNOWN, c);
        }
        let lead = (0..c).max_by(|&i, &j| f[i].value.total_cmp(&f[j].value)).unwrap_or(0);
        let top = f[lead].value;
        if top == f64::NEG_INFINITY {
            return Self::all(Ball::NAN, c);
        }
        let finite = || f.iter().filter(|f| f.value.is_finite());
        let widest = finite().fold(0.0, |widest: f64, f| widest.max(f.error));
        if finite().any(|f| f.reach() + top.abs() + 2.0 * widest > r.max) {
            return Self::all(Ball::UNKNOWN, c);
        }
        Bounds { f, r, lead, widest }.softmax()
    }

    /// (15) for a label.
    fn grad(&self, y: usize, r: Rounding) -> Vec<Ball> {
        let underflow = |ball: Ball| Ball { error: ball.error + 4.0 * r.tiny, ..ball };
        (0..self.p.len()).map(|j| underflow(if j == y { self.others[j].neg() } else { self.p[j] })).collect()
    }

    fn soft_loss(&self, shares: &[Ball], r: Rounding) -> Ball {
        if self.p[0].is_nan() || !self.log_p[0].is_known() {
            return self.log_p[0];
        }
        let terms = shares.iter().zip(&self.log_p).filter(|(share, _)| !share.is_zero());
        sum(terms.map(|(&share, &log_p)| (share, log_p.neg())), shares.len() + MORE, r)
    }

    /// (21): (A - a_k) p_k - a_k (1 - p_k).
    fn soft_grad(&self, shares: &[Ball], r: Rounding) -> Vec<Ball> {
        let c = shares.len();
        (0..c)
            .map(|k| {
                let others = shares.iter().enumerate().filter(|(j, _)| *j != k);
                let rest = sum(others.map(|(_, &share)| (share, Ball::ONE)), c + MORE, r);
                // Where it is a difference, that is of two of which one is at most half of the other.
                let rest = Ball { error: 2.0 * rest.error, ..rest };
                let g = sum([(rest, self.p[k]), (shares[k].neg(), self.rest[k])], MORE, r);
                Ball { error: g.error + 4.0 * r.tiny, ..g }
            })
            .collect()
    }
}

/// The scores, all of which are known, and at least one finite.
struct Bounds<'a> {
    f: &'a [Ball],
    r: Rounding,
    lead: usize,
    widest: f64,
}

impl Bounds<'_> {
    fn softmax(&self) -> Softmax {
        let Self { f, r, lead, widest } = *self;
        let c = f.len();
        let below: Vec<f64> = f.iter().map(|v| f[lead].value - v.value).collect();
        let e: Vec<f64> = below.iter().map(|below| (-below).exp()).collect();
        let total: f64 = e.iter().sum();
        let p: Vec<f64> = e.iter().map(|e| e / total).collect();
        let log_p: Vec<f64> = below.iter().map(|below| -below - total.ln()).collect();
        let sum_but = |j: usize| (0..c).filter(|&k| k != j).map(|k| p[k]).sum::<f64>();
        // Rounding of exp(f_j - M): of the argument, and of exp.
        let exp: Vec<f64> = below
            .iter()
            .map(
                |below| if below.is_finite() { (r.u * (below + 2.0 * widest)).exp_m1() + r.fun } else { 0.0 },
            )
            .collect();
        // Each e_j, and so their sum, may be off by these factors.
        let rho: Vec<f64> = f.iter().zip(&exp).map(|(f, exp)| f.error + exp).collect();
        let all =
            (0..c).filter(|&j| below[j].is_finite()).map(|j| (log_p[j] + rho[j]).exp()).sum::<f64>().ln();
        let all = all.max(0.0) + r.gamma(c + 4) + c as f64 * r.tiny;
        let off = |j: usize, k: usize| {
            let apart = rho[j] + all + r.fun + r.gamma(k);
            // A number too small for f64 may be a large one if its exponent is that uncertain.
            if apart < 1.0 { p[j] * apart.exp_m1() } else { (log_p[j] + apart).exp() }
        };
        let near = |value: f64, error: f64| Ball { value, error: if error < 1.0 { error } else { 1.0 } };
        let p_ball = |j: usize| near(p[j], off(j, 6) + 4.0 * r.tiny);
        let others = |j: usize| {
            let error: f64 = (0..c).filter(|&k| k != j).map(|k| off(k, c + 8) + 4.0 * r.tiny).sum();
            near(sum_but(j), error)
        };
        let rest = |j: usize| {
            let (sum, difference) = (others(j).error, p_ball(j).error + 2.0 * r.u);
            let error = match self.leads(j) {
                Some(true) => sum,
                Some(false) => difference,
                None => sum.max(difference),
            };
            near(sum_but(j), error)
        };
        Softmax {
            p: (0..c).map(p_ball).collect(),
            log_p: (0..c).map(|j| self.log_p(j, &below, &p, &exp)).collect(),
            others: (0..c).map(others).collect(),
            rest: (0..c).map(rest).collect(),
        }
    }

    /// Whether a class has the largest computed score; `None` if that is open.
    fn leads(&self, j: usize) -> Option<bool> {
        let Self { f, lead, .. } = *self;
        let apart = |j: usize, k: usize| f[j].value - f[j].error > f[k].value + f[k].error;
        if apart(lead, j) {
            Some(false)
        } else if (0..f.len()).all(|k| k == j || apart(j, k)) {
            Some(true)
        } else {
            None
        }
    }

    /// log p_j = (f_j - M) - log(1 + rest).
    fn log_p(&self, j: usize, below: &[f64], p: &[f64], exp: &[f64]) -> Ball {
        let Self { f, r, lead, widest } = *self;
        let c = f.len();
        let not_lead: f64 = (0..c).filter(|&k| k != lead).map(|k| p[k]).sum();
        let rest: f64 = (0..c).filter(|&k| k != lead).map(|k| (-below[k]).exp()).sum();
        let log = rest.ln_1p();
        let value = -below[j] - log;
        if !below[j].is_finite() {
            return Ball::exact(f64::NEG_INFINITY);
        }
        let part = |k: usize| p[k] * (exp[k] + r.gamma(c + 4)) + r.tiny;
        let of_rest: f64 = (0..c).filter(|&k| k != lead).map(part).sum();
        let is_sure = self.leads(lead) == Some(true);
        let not = if j == lead { not_lead } else { 1.0 - p[j] };
        let rounding = if j == lead && is_sure { of_rest } else { of_rest + part(lead) };
        // S = sum over the others of exp(f_k - f_j) is off by a factor of e^apart at most.
        let apart = f[j].error + widest;
        let from_f = apart.min(not * apart.exp_m1() * apart.exp());
        let of_argument = r.u * (below[j] + 2.0 * widest);
        let error = from_f + of_argument + rounding + r.fun * log + 2.0 * r.u * value.abs() + 2.0 * r.tiny;
        Ball::new(value, error * (1.0 + 100.0 * r.u), r)
    }
}
