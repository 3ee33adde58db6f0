//! What is expected of second derivatives: the plain formulas (25) to (34) in f64, and how far rounding may take the crate's
//! from them.

use super::super::case::{Case, Known};
use super::super::gradients::{Gradients, Setting, setting};
use super::super::reference::{Example, MORE, Net, exact, keep};
use super::asked::{Asked, What};
use super::leader::{leads, minus, root, widest};
use crate::ball::{Ball, Rounding, sum};
use crate::element::Element;
use crate::memory::Memory;

/// What has this name.
pub type Named = Vec<(&'static str, Vec<Ball>)>;

pub fn expected<T: Element>(case: &Case<T>, asked: &Asked<T>) -> Named {
    let Setting { net, examples, total, divisor, r, scaled } = setting(case);
    let gradients = Gradients { case, net: &net, examples: &examples, divisor, r, scaled };
    let loss = match case.known {
        // Whatever weights say of what is not known.
        Known::Nothing => Ball::UNKNOWN,
        _ => gradients.loss(total),
    };
    let all = All { case, net: &net, examples: &examples, gradients, r: scaled };
    match asked.what {
        What::Hessian | What::GaussNewton => {
            let names = [
                ["W1", "b1", "W2", "b2"],
                ["W1 2", "b1 2", "W2 2", "b2 2"],
                ["W1 3", "b1 3", "W2 3", "b2 3"],
            ];
            let mut named = vec![("sums", vec![loss])];
            for (direction, names) in asked.directions.iter().zip(names) {
                let product = all.product(&Direction::new(direction), asked.what == What::Hessian);
                named.extend(names.into_iter().zip(product));
            }
            named
        }
        What::Tangent(is_labelled) => all.tangent(&Direction::new(&asked.directions[0]), loss, is_labelled),
        What::Diagonal => all.diagonal(loss),
        What::Kronecker => all.kronecker(loss),
        What::Backward => {
            let names = ["W1", "b1", "W2", "b2"];
            let product = all.backward(&exact(&asked.rows.values()));
            names.into_iter().zip(product).chain([("sums", vec![])]).collect()
        }
    }
}

/// V1, v1, V2, v2.
struct Direction([Vec<Ball>; 4]);

impl Direction {
    fn new<T: Element>(direction: &[Memory<T>; 4]) -> Self {
        Self([0, 1, 2, 3].map(|k| exact(&direction[k].values())))
    }
}

struct All<'a, T> {
    case: &'a Case<T>,
    net: &'a Net,
    examples: &'a [Example],
    gradients: Gradients<'a, T>,
    r: Rounding,
}

/// An example along a direction.
struct Along {
    a: Vec<Ball>,
    f: Vec<Ball>,
    g: Vec<Ball>,
    slope: Ball,
    square: Ball,
}

impl<T: Element> All<'_, T> {
    fn sizes(&self) -> (usize, usize, usize) {
        let dims = self.case.dims;
        (dims.inputs(), dims.hidden(), dims.classes())
    }

    fn counted(&self) -> impl Iterator<Item = (usize, &Example)> {
        self.examples.iter().enumerate().filter(|(_, example)| !example.excluded)
    }

    fn along(&self, example: &Example, Direction([v1, v1_bias, v2, v2_bias]): &Direction) -> Along {
        let ((m, h, c), r) = (self.sizes(), self.r);
        let one = |b: Ball| [(b, Ball::ONE)];
        let dots = |u: &[Ball], v: &[Ball]| -> Vec<(Ball, Ball)> {
            u.iter().copied().zip(v.iter().copied()).collect()
        };
        let a: Vec<Ball> = (0..h)
            .map(|j| {
                let terms = dots(&v1[j * m..][..m], &example.x).into_iter().chain(one(v1_bias[j]));
                keep(example.z[j], sum(terms, MORE, r), self.case.kink)
            })
            .collect();
        let f: Vec<Ball> = (0..c)
            .map(|k| {
                let of_a = dots(&self.net.w2[k * h..][..h], &a);
                let terms =
                    of_a.into_iter().chain(dots(&v2[k * h..][..h], &example.a)).chain(one(v2_bias[k]));
                sum(terms, MORE, r)
            })
            .collect();
        let (p, w) = (&example.p, example.weight);
        if example.excluded || w.is_zero() {
            return Along { a, f, g: vec![Ball::ZERO; c], slope: Ball::ZERO, square: Ball::ZERO };
        }
        let of_leads: Vec<(Vec<Ball>, Ball, Ball)> = leads(p)
            .into_iter()
            .map(|lead| {
                let u: Vec<Ball> = (0..c).map(|k| minus(f[k], f[lead], k == lead, r)).collect();
                let mu = sum(dots(p, &u), c + MORE, r);
                let apart: Vec<Ball> = u.iter().map(|&u| minus(u, mu, false, r)).collect();
                let weighted: Vec<Ball> =
                    p.iter().zip(&apart).map(|(&p, &apart)| p.times(apart, r)).collect();
                let square = sum(dots(&weighted, &apart), c + MORE, r).times(w, r);
                let slope = sum(dots(&example.g, &u), c + MORE, r);
                (weighted.into_iter().map(|g| g.times(w, r)).collect(), slope, square)
            })
            .collect();
        let g = (0..c).map(|k| widest(of_leads.iter().map(|(g, ..)| g[k]))).collect();
        let slope = widest(of_leads.iter().map(|(_, slope, _)| *slope));
        let square = widest(of_leads.iter().map(|(.., square)| *square));
        Along { a, f, g, slope, square }
    }

    /// Sums over examples, divided by N.
    fn means(
        &self,
        len: usize,
        terms: impl Fn(usize) -> Vec<(Ball, Ball)>,
        l2: Option<(&[Ball], T)>,
    ) -> Vec<Ball> {
        (0..len)
            .map(|k| {
                let mean = self.gradients.mean(sum(terms(k), MORE, self.r));
                let decay = l2.filter(|(_, factor)| *factor > T::zero());
                let decay = decay.map(|(v, factor)| (v[k], Ball::exact(factor.value())));
                sum([(mean, Ball::ONE)].into_iter().chain(decay), MORE, self.r)
            })
            .collect()
    }

    fn l2(&self) -> (T, T) {
        self.case.l2.unwrap_or((T::zero(), T::zero()))
    }

    fn product(&self, direction: &Direction, is_hessian: bool) -> [Vec<Ball>; 4] {
        let ((m, h, c), r) = (self.sizes(), self.r);
        let Direction([v1, _, v2, _]) = direction;
        let all: Vec<(&Example, Along, Vec<Ball>)> = self
            .counted()
            .map(|(_, example)| {
                let along = self.along(example, direction);
                let d = (0..h).map(|j| {
                    let column = |w: &[Ball], g: &[Ball]| -> Vec<(Ball, Ball)> {
                        (0..c).map(|k| (g[k], w[k * h + j])).collect()
                    };
                    let mut terms = column(&self.net.w2, &along.g);
                    if is_hessian {
                        terms.extend(column(v2, &example.g));
                    }
                    keep(example.z[j], sum(terms, MORE, r), self.case.kink)
                });
                let d = d.collect();
                (example, along, d)
            })
            .collect();
        let (alpha1, alpha2) = self.l2();
        let w1 = |k: usize| all.iter().map(|(example, _, d)| (d[k / m], example.x[k % m])).collect();
        let w2 = |k: usize| {
            let first = all.iter().map(|(example, along, _)| (along.g[k / h], example.a[k % h]));
            let second = all.iter().map(|(example, along, _)| (example.g[k / h], along.a[k % h]));
            first.chain(second.filter(|_| is_hessian)).collect()
        };
        [
            self.means(h * m, w1, Some((v1, alpha1))),
            self.means(h, |k| all.iter().map(|(_, _, d)| (d[k], Ball::ONE)).collect(), None),
            self.means(c * h, w2, Some((v2, alpha2))),
            self.means(c, |k| all.iter().map(|(_, along, _)| (along.g[k], Ball::ONE)).collect(), None),
        ]
    }

    fn tangent(&self, direction: &Direction, loss: Ball, is_labelled: bool) -> Named {
        let ((_, h, c), r) = (self.sizes(), self.r);
        let Direction([v1, _, v2, _]) = direction;
        let [mut scores, mut slopes, mut squares, mut hessian] = [(); 4].map(|()| vec![]);
        for example in self.examples {
            let along = self.along(example, direction);
            scores.extend(&along.f);
            slopes.push(along.slope);
            squares.push(along.square);
            if example.excluded || example.weight.is_zero() {
                hessian.push(Ball::ZERO);
                continue;
            }
            let back = |j: usize| sum((0..c).map(|k| (example.g[k], v2[k * h + j])), MORE, r);
            let mixed = sum((0..h).map(|j| (back(j), along.a[j])), MORE, r);
            hessian.push(sum([(along.square, Ball::ONE), (mixed, Ball::exact(2.0))], MORE, r));
        }
        let total = |balls: &[Ball], other: bool| {
            let counted = self.counted().map(|(i, _)| (balls[i], Ball::ONE));
            let mean = self.gradients.mean(sum(counted, MORE, r));
            let (alpha1, alpha2) = self.l2();
            let mut all = vec![(mean, Ball::ONE)];
            for (alpha, w, v) in [(alpha1, &self.net.w1, v1), (alpha2, &self.net.w2, v2)] {
                if alpha > T::zero() {
                    let left = if other { v } else { w };
                    let dot = sum(left.iter().copied().zip(v.iter().copied()), MORE, r);
                    all.push((dot, Ball::exact(alpha.value())));
                }
            }
            sum(all, MORE, r)
        };
        let mut sums = vec![loss, total(&squares, true)];
        let others = [total(&slopes, false), total(&hessian, true)];
        sums.extend(others.map(|ball| if self.case.known == Known::Nothing { Ball::UNKNOWN } else { ball }));
        let mut named = vec![("scores", scores), ("squares", squares), ("sums", sums)];
        if is_labelled {
            named.extend([("slopes", slopes), ("hessian", hessian)]);
        }
        named
    }

    /// W2[c, j] less its mean under p, of each class.
    fn apart(&self, example: &Example, j: usize) -> Vec<Vec<Ball>> {
        let ((_, h, c), r) = (self.sizes(), self.r);
        let of_lead = |lead: usize| -> Vec<Ball> {
            let w = |k: usize| self.net.w2[k * h + j];
            let u: Vec<Ball> = (0..c).map(|k| minus(w(k), w(lead), k == lead, r)).collect();
            let mean = sum((0..c).map(|k| (example.p[k], u[k])), MORE, r);
            u.into_iter().map(|u| minus(u, mean, false, r)).collect()
        };
        leads(&example.p).into_iter().map(of_lead).collect()
    }

    /// (32) of an example.
    fn hidden_diagonal(&self, example: &Example, j: usize) -> Ball {
        let (c, r) = (self.sizes().2, self.r);
        let variance = |apart: &Vec<Ball>| {
            let terms = (0..c).map(|k| (example.p[k].times(apart[k], r), apart[k]));
            sum(terms, c + MORE, r).times(example.weight, r)
        };
        keep(example.z[j], widest(self.apart(example, j).iter().map(variance)), self.case.kink)
    }

    /// (31) of an example.
    fn score_diagonal(&self, example: &Example) -> Vec<Ball> {
        let each = example.p.iter().zip(&example.rest);
        each.map(|(&p, &rest)| p.times(rest, self.r).times(example.weight, self.r)).collect()
    }

    fn diagonal(&self, loss: Ball) -> Named {
        let ((m, h, c), r) = (self.sizes(), self.r);
        let square = |v: &[Ball]| -> Vec<Ball> { v.iter().map(|&v| v.times(v, r)).collect() };
        let all: Vec<[Vec<Ball>; 4]> = self
            .examples
            .iter()
            .map(|example| {
                if example.excluded {
                    return [h, c, m, h].map(|len| vec![Ball::ZERO; len]);
                }
                if example.weight.is_zero() {
                    // Of an example that counts 0, and is not excluded, the inputs are looked at.
                    let [k, g, a] = [h, c, h].map(|len| vec![Ball::ZERO; len]);
                    return [k, g, square(&example.x), a];
                }
                let k = (0..h).map(|j| self.hidden_diagonal(example, j)).collect();
                [k, self.score_diagonal(example), square(&example.x), square(&example.a)]
            })
            .collect();
        let total = |v: &[Ball], more: Option<Ball>| {
            sum(v.iter().copied().chain(more).map(|v| (v, Ball::ONE)), MORE, r)
        };
        let traces = all.iter().zip(self.examples).map(|([k, g, x, a], example)| {
            let one = Some(Ball::ONE);
            if example.weight.is_zero() {
                return Ball::ZERO;
            }
            sum([(total(g, None), total(a, one)), (total(k, None), total(x, one))], MORE, r)
        });
        let traces = traces.collect();
        let (alpha1, alpha2) = self.l2();
        let ones = vec![Ball::ONE; (h * m).max(c * h)];
        let w1 = |i: usize| all.iter().map(|[k, _, x, _]| (k[i / m], x[i % m])).collect();
        let w2 = |i: usize| all.iter().map(|[_, g, _, a]| (g[i / h], a[i % h])).collect();
        vec![
            ("sums", vec![loss]),
            ("traces", traces),
            ("W1", self.means(h * m, w1, Some((&ones, alpha1)))),
            ("b1", self.means(h, |j| all.iter().map(|[k, ..]| (k[j], Ball::ONE)).collect(), None)),
            ("W2", self.means(c * h, w2, Some((&ones, alpha2)))),
            ("b2", self.means(c, |k| all.iter().map(|[_, g, ..]| (g[k], Ball::ONE)).collect(), None)),
        ]
    }

    fn kronecker(&self, loss: Ball) -> Named {
        let ((m, h, c), r) = (self.sizes(), self.r);
        let counted: Vec<&Example> = self.counted().map(|(_, example)| example).collect();
        let with_ones = |of: fn(&Example) -> &[Ball], len: usize| -> Vec<Ball> {
            let at = |example: &Example, k: usize| if k < len { of(example)[k] } else { Ball::ONE };
            let side = len + 1;
            (0..side * side)
                .map(|i| {
                    // The lower half is the upper one's.
                    let (row, col) = ((i / side).min(i % side), (i / side).max(i % side));
                    sum(counted.iter().map(|example| (at(example, row), at(example, col))), MORE, r)
                })
                .collect()
        };
        let weighted = || counted.iter().filter(|example| !example.weight.is_zero());
        let scores = |i: usize| -> Vec<(Ball, Ball)> {
            let (row, col) = (i / c, i % c);
            let term = |example: &&&Example| {
                let p = example.p[row.min(col)].times(example.weight, r);
                if row == col { (p, example.rest[row]) } else { (p.neg(), example.p[row.max(col)]) }
            };
            weighted().map(|example| term(&example)).collect()
        };
        // Roots of s p times what is apart: of each example and class. Too many to look at where they are.
        let hidden = if h * h * c * counted.len() > 400_000 {
            vec![Ball::UNKNOWN; h * h]
        } else {
            let rows: Vec<Vec<Ball>> = weighted().flat_map(|example| self.roots(example)).collect();
            self.means(h * h, |i| rows.iter().map(|row| (row[i / h], row[i % h])).collect(), None)
        };
        vec![
            ("sums", vec![loss]),
            ("inputs", with_ones(|example| &example.x, m)),
            ("activations", with_ones(|example| &example.a, h)),
            ("scores", self.means(c * c, scores, None)),
            ("hidden", hidden),
        ]
    }

    /// Rows of a factor of (34).
    fn roots(&self, example: &Example) -> Vec<Vec<Ball>> {
        let ((_, h, c), r) = (self.sizes(), self.r);
        let apart: Vec<Vec<Ball>> = (0..h)
            .map(|j| {
                let of_leads = self.apart(example, j);
                (0..c).map(|k| widest(of_leads.iter().map(|apart| apart[k]))).collect()
            })
            .collect();
        let row = |k: usize| {
            let root = root(example.p[k].times(example.weight, r), r);
            let of = |j: usize| keep(example.z[j], apart[j][k].times(root, r), self.case.kink);
            (0..h).map(of).collect()
        };
        (0..c).map(row).collect()
    }

    fn backward(&self, rows: &[Ball]) -> [Vec<Ball>; 4] {
        let (m, h, c) = self.sizes();
        // Nothing is divided by N. But so that sums have room, rows may be multiplied by up to 2^-5 first.
        let r = Rounding::of::<T>();
        let r = Rounding { tiny: 32.0 * r.tiny, ..r };
        let all: Vec<(&Example, &[Ball], Vec<Ball>)> = self
            .examples
            .iter()
            .zip(rows.chunks(c))
            .map(|(example, g)| {
                let total = |j: usize| sum((0..c).map(|k| (g[k], self.net.w2[k * h + j])), MORE, r);
                (example, g, (0..h).map(|j| keep(example.z[j], total(j), self.case.kink)).collect())
            })
            .collect();
        // A short type has no such room at all times: sums that would overflow are formed of terms divided by as much more.
        let largest = |v: &mut dyn Iterator<Item = Ball>| {
            v.map(|v| v.value.abs()).filter(|v| v.is_finite()).fold(1.0, f64::max)
        };
        let of_inputs = largest(
            &mut self.examples.iter().flat_map(|example| example.x.iter().chain(&example.a)).copied(),
        );
        let of_grads = largest(&mut all.iter().flat_map(|(_, g, d)| g.iter().chain(d)).copied());
        let over = of_inputs * of_grads * (8 * all.len()) as f64 / r.max;
        let r = if T::MAX < 1e30 { Rounding { tiny: r.tiny * over.clamp(1.0, 65536.0), ..r } } else { r };
        let total = |len: usize, at: &dyn Fn(usize, usize) -> (Ball, Ball)| -> Vec<Ball> {
            (0..len).map(|k| sum((0..all.len()).map(|i| at(i, k)), MORE, r)).collect()
        };
        [
            total(h * m, &|i, k| (all[i].2[k / m], all[i].0.x[k % m])),
            total(h, &|i, k| (all[i].2[k], Ball::ONE)),
            total(c * h, &|i, k| (all[i].1[k / h], all[i].0.a[k % h])),
            total(c, &|i, k| (all[i].1[k], Ball::ONE)),
        ]
    }
}
