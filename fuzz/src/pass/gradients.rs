//! What a pass is expected to write.

use handgrad::Reduction;
use handgrad::gemm::Beta;

use super::case::{Case, Known};
use super::reference::{Example, Net, effective_weight, exact};
use crate::ball::{Ball, Rounding, norm, sum};
use crate::element::Element;

/// Matrices row by row; empty if not asked for.
#[derive(Default)]
pub struct Expected {
    pub loss: Option<Ball>,
    pub effective_weight: Option<Ball>,
    pub losses: Vec<Ball>,
    pub scores: Vec<Ball>,
    pub probabilities: Vec<Ball>,
    pub log_probabilities: Vec<Ball>,
    pub grad: Vec<Ball>,
    pub input_grad: Vec<Ball>,
    pub grad_norms: Vec<Ball>,
    pub example_grads: Vec<Ball>,
    pub second_moment: Vec<Ball>,
    pub gram: Vec<Ball>,
}

/// So many more roundings than examples: of parts of sums, products and divisions.
const MORE: usize = 24;

/// What is known of a case before anything is added up.
pub struct Setting {
    pub net: Net,
    pub examples: Vec<Example>,
    /// The sum of what the examples count.
    pub total: Ball,
    /// N.
    pub divisor: Ball,
    pub r: Rounding,
    /// The same of numbers that may be computed with a factor 1/N.
    pub scaled: Rounding,
}

pub fn setting<T: Element>(case: &Case<T>) -> Setting {
    let r = Rounding::of::<T>();
    let n = case.n;
    let weights = (0..n).map(|i| (effective_weight(case, i, r), Ball::ONE));
    let total = if case.is_weighted() { sum(weights, MORE, r) } else { Ball::exact(n as f64) };
    let divisor = match (case.divisor, case.reduction) {
        (Some(divisor), _) => Ball::exact(divisor.value()),
        (None, Reduction::Mean) => total,
        (None, Reduction::Sum) => Ball::ONE,
    };
    // The gradients may be computed with a factor 1/N, and are multiplied by N where they are wanted without it.
    let by = 1.0 + divisor.value;
    let scaled = Rounding { tiny: r.tiny * by, max: r.max * divisor.value.clamp(1.0 / 65536.0, 1.0), ..r };
    let net = Net::of(case);
    let x = exact(&case.x.values());
    let rows = x.chunks_exact(case.dims.inputs());
    let examples: Vec<Example> =
        rows.enumerate().map(|(i, x)| Example::new(case, &net, i, x, r, scaled)).collect();
    Setting { net, examples, total, divisor, r, scaled }
}

/// All of a case; `old` is what the gradient held before.
pub fn expected<T: Element>(case: &Case<T>, old: &[T]) -> Expected {
    let Setting { net, examples, total, divisor, r, scaled } = setting(case);
    let gradients = Gradients { case, net: &net, examples: &examples, divisor, r, scaled };
    let loss = Some(gradients.loss(total));
    let mut out = Expected { effective_weight: Some(total), loss, ..Expected::default() };
    for example in &examples {
        out.losses.push(example.loss);
        out.scores.extend(&example.f);
        out.probabilities.extend(&example.p);
        out.log_probabilities.extend(&example.log_p);
    }
    if case.known != Known::Nothing {
        gradients.all(&mut out, old);
    }
    out
}

pub struct Gradients<'a, T> {
    pub case: &'a Case<T>,
    pub net: &'a Net,
    pub examples: &'a [Example],
    /// N.
    pub divisor: Ball,
    pub r: Rounding,
    pub scaled: Rounding,
}

impl<T: Element> Gradients<'_, T> {
    pub fn included(&self) -> impl Iterator<Item = &Example> {
        self.examples.iter().filter(|example| !example.excluded)
    }

    /// Whether 1/N means nothing for examples that have gradients.
    pub fn is_undefined(&self) -> bool {
        self.divisor.value == 0.0 && self.included().next().is_some()
    }

    /// A sum over examples, divided by N.
    pub fn mean(&self, sum: Ball) -> Ball {
        let Ball { value, error } = self.divisor;
        if value == 0.0 {
            return if self.is_undefined() { Ball::UNKNOWN } else { Ball::ZERO };
        }
        let mean = sum.over(value, self.r);
        if mean.is_finite() {
            Ball::new(mean.value, mean.error + 2.0 * mean.reach() * error / value, self.r)
        } else {
            mean
        }
    }

    pub fn loss(&self, total: Ball) -> Ball {
        let losses = self.included().map(|example| (example.loss, Ball::ONE));
        let loss = sum(losses, MORE, self.r);
        let is_zero =
            self.divisor.value == 0.0 || self.case.divisor.is_none() && total.is_zero() && loss.is_zero();
        let mean = if is_zero { Ball::ZERO } else { self.mean(loss) };
        let Some((w1, w2)) = self.case.l2 else { return mean };
        let mut all = vec![(mean, Ball::ONE)];
        for (factor, w) in [(w1, &self.net.w1), (w2, &self.net.w2)] {
            if factor > T::zero() {
                let squares = sum(w.iter().map(|&w| (w, w)), MORE, self.r);
                // Halved after it has been multiplied.
                let squares = Ball { error: squares.error + self.r.tiny, ..squares };
                all.push((squares, Ball::exact(factor.value() / 2.0)));
            }
        }
        sum(all, MORE, self.r)
    }

    fn all(&self, out: &mut Expected, old: &[T]) {
        let wants = self.case.wants;
        let norms: Vec<Ball> = self.examples.iter().map(|example| self.norm(example)).collect();
        let factors: Vec<Ball> = norms.iter().map(|&norm| self.clip(norm)).collect();
        let single = |example: &Example| -> Vec<(Ball, Ball)> {
            let (d, g) = (&example.d, &example.g);
            let w1 = d.iter().flat_map(|&d| example.x.iter().map(move |&x| (d, x)));
            let w2 = g.iter().flat_map(|&g| example.a.iter().map(move |&a| (g, a)));
            let ones = |v: &[Ball]| v.iter().map(|&v| (v, Ball::ONE)).collect::<Vec<_>>();
            let zero = |(a, b)| if example.excluded { (Ball::ZERO, Ball::ZERO) } else { (a, b) };
            w1.chain(ones(d)).chain(w2).chain(ones(g)).map(zero).collect()
        };
        let singles: Vec<Vec<(Ball, Ball)>> = self.examples.iter().map(single).collect();
        let len = self.case.dims.param_len();
        let clipped = |i: usize, k: usize| {
            let (u, v) = singles[i][k];
            (if self.case.clip.is_some() { u.times(factors[i], self.scaled) } else { u }, v)
        };
        let each = || (0..self.case.n).filter(|&i| !self.examples[i].excluded);
        if let Some(beta) = wants.grad {
            let decay = self.decay();
            // A sum out of range is no mean out of range: all of it in short types, so far as there is a margin in others.
            let room = if T::MAX < 1e30 { f64::INFINITY } else { 32.0 }.min(self.divisor.value).max(1.0);
            let is_mean = self.case.divisor.is_none() && self.case.reduction == Reduction::Mean;
            let room = if is_mean && self.case.who.is_own() { room } else { 1.0 };
            let scaled = Rounding { max: self.scaled.max * room, ..self.scaled };
            for k in 0..len {
                let mean = self.mean(sum(each().map(|i| clipped(i, k)), MORE, scaled));
                let before = (beta == Beta::One).then(|| Ball::exact(old[k].value()));
                let all = [Some(mean), before, decay[k]].into_iter().flatten().map(|term| (term, Ball::ONE));
                out.grad.push(sum(all, self.case.n + MORE, self.r));
            }
        }
        let undefined = self.is_undefined();
        let defined = |ball| if undefined { Ball::UNKNOWN } else { ball };
        out.grad_norms = norms.iter().map(|&norm| defined(norm)).collect();
        if wants.input_grad {
            self.input_grad(&mut out.input_grad);
        }
        if wants.example_grads {
            let products = singles.iter().flatten().map(|&(u, v)| sum([(u, v)], MORE, self.scaled));
            out.example_grads = products.map(defined).collect();
        }
        if wants.second_moment {
            let square = |ball: Ball| ball.times(ball, self.scaled);
            let sums = (0..len).map(|k| {
                let clipped = each().map(|i| clipped(i, k));
                sum(clipped.map(|(u, v)| (square(u), square(v))), MORE, self.scaled)
            });
            out.second_moment = sums.map(defined).collect();
        }
        if wants.gram {
            self.gram(&factors, &mut out.gram);
            out.gram.iter_mut().for_each(|ball| *ball = defined(*ball));
        }
    }

    /// What the squares of the weights add to each entry of the gradient.
    fn decay(&self) -> Vec<Option<Ball>> {
        let (w1, w2) = self.case.l2.unwrap_or((T::zero(), T::zero()));
        let of = |factor: T, w: &[Ball], len: usize| -> Vec<Option<Ball>> {
            let decay = |w: &Ball| (factor > T::zero()).then(|| w.times(Ball::exact(factor.value()), self.r));
            w.iter().map(decay).chain((0..len).map(|_| None)).collect()
        };
        [of(w1, &self.net.w1, self.net.b1.len()), of(w2, &self.net.w2, self.net.b2.len())].concat()
    }

    fn input_grad(&self, out: &mut Vec<Ball>) {
        let m = self.case.dims.inputs();
        for example in self.examples {
            for k in 0..m {
                let column = self.net.w1.iter().skip(k).step_by(m).copied();
                let total = sum(example.d.iter().copied().zip(column), MORE, self.scaled);
                out.push(if example.excluded { Ball::ZERO } else { self.mean(total) });
            }
        }
    }

    /// (18): the hypotenuse of ||g|| sqrt(||a||² + 1) and ||d|| sqrt(||x||² + 1).
    fn norm(&self, example: &Example) -> Ball {
        if example.excluded {
            return Ball::ZERO;
        }
        let Example { x, a, g, d, .. } = example;
        let all = || x.iter().chain(a).chain(g).chain(d);
        if all().any(|v| !v.is_known() || v.value.is_infinite()) {
            return Ball::UNKNOWN;
        }
        let and_one = |v: &[Ball]| norm(&[v, &[Ball::ONE]].concat(), self.r);
        let of_scores = norm(g, self.scaled).times(and_one(a), self.scaled);
        let of_units = norm(d, self.scaled).times(and_one(x), self.scaled);
        norm(&[of_scores, of_units], self.scaled)
    }

    /// What clipping multiplies the gradient of this norm by: min(1, most / norm).
    fn clip(&self, norm: Ball) -> Ball {
        let Some(most) = self.case.clip.map(Element::value) else { return Ball::ONE };
        if norm.is_nan() {
            return Ball::ONE;
        }
        let (low, high) = ((norm.value - norm.error).max(0.0), norm.value + norm.error);
        let factor = |norm: f64| if norm > most { most / norm } else { 1.0 };
        if !norm.is_known() || high <= most {
            return if norm.is_known() { Ball::ONE } else { Ball::UNKNOWN };
        }
        let (least, largest) = (factor(high), factor(low));
        let error = (largest - least) / 2.0 + 2.0 * self.r.fun * largest + self.r.tiny;
        Ball { value: (largest + least) / 2.0, error }
    }

    /// (19): (g·g' ) (a·a' + 1) + (d·d') (x·x' + 1).
    fn gram(&self, factors: &[Ball], out: &mut Vec<Ball>) {
        let n = self.case.n;
        let by = 1.0 + self.divisor.value;
        let scaled = Rounding { tiny: self.scaled.tiny * by, ..self.scaled };
        let clipped = |v: &[Ball], i: usize| -> Vec<Ball> {
            v.iter()
                .map(|v| if self.case.clip.is_some() { v.times(factors[i], scaled) } else { *v })
                .collect()
        };
        let g: Vec<Vec<Ball>> = (0..n).map(|i| clipped(&self.examples[i].g, i)).collect();
        let d: Vec<Vec<Ball>> = (0..n).map(|i| clipped(&self.examples[i].d, i)).collect();
        let dot = |u: &[Ball], v: &[Ball], more: Option<(Ball, Ball)>| {
            sum(u.iter().copied().zip(v.iter().copied()).chain(more), MORE, scaled)
        };
        let one = Some((Ball::ONE, Ball::ONE));
        for i in 0..n {
            for k in 0..n {
                let (first, second) = (&self.examples[i], &self.examples[k]);
                if first.excluded || second.excluded {
                    out.push(Ball::ZERO);
                    continue;
                }
                let scores = (dot(&g[i], &g[k], None), dot(&first.a, &second.a, one));
                let units = (dot(&d[i], &d[k], None), dot(&first.x, &second.x, one));
                out.push(sum([scores, units], MORE, scaled));
            }
        }
    }
}
