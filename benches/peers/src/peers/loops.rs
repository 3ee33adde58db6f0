//! The same step written by hand, as loops over the entries: no library, no instructions chosen at run time.

use anyhow::Result;

use super::Peer;
use crate::problem::{Answer, Problem, Real, Shape};
use crate::steps::{Layout, Rows, descend, gradient, transpose};

pub struct ByHand<T> {
    shape: Shape,
    rows: Rows<T>,
    labels: Vec<usize>,
    /// `[W1, b1, W2, b2]`, W1 as the layout says.
    params: Vec<T>,
    /// The same of the gradient; with `UsedInputs` dW1 has only their rows, and the other blocks come right after.
    grad: Vec<T>,
    layout: Layout,
    /// Of each input, where it is in `used`, if it is there.
    places: Vec<u32>,
    used: Vec<u32>,
    hidden: Vec<T>,
    scores: Vec<T>,
    loss: T,
}

impl<T: Real> ByHand<T> {
    pub fn new(mut problem: Problem<T>, layout: Layout) -> Self {
        let shape = problem.shape;
        let rows = Rows::of(&problem);
        if layout != Layout::ByUnits {
            transpose(&mut problem.params, shape.h, shape.m);
        }
        Self {
            rows,
            labels: problem.labels,
            params: problem.params,
            grad: vec![T::zero(); shape.params()],
            layout,
            places: vec![u32::MAX; shape.m],
            used: Vec::new(),
            hidden: vec![T::zero(); shape.h],
            scores: vec![T::zero(); shape.c],
            loss: T::nan(),
            shape,
        }
    }

    /// Where the gradient's rows of inputs are: `used` is those of this batch, `places` their inverse.
    fn find_used(&mut self) {
        self.used.iter().for_each(|&input| self.places[input as usize] = u32::MAX);
        self.used.clear();
        for &input in &self.rows.indices {
            let place = &mut self.places[input as usize];
            if *place == u32::MAX {
                *place = self.used.len() as u32;
                self.used.push(input);
            }
        }
    }

    /// The numbers of the gradient's dW1.
    fn dw1_len(&self) -> usize {
        let inputs = if self.layout == Layout::UsedInputs { self.used.len() } else { self.shape.m };
        inputs * self.shape.h
    }

    fn add_example(&mut self, example: usize) {
        let Shape { m, h, c, n } = self.shape;
        let dw1_len = self.dw1_len();
        let [w1, b1, w2, b2] = self.shape.split(&self.params);
        let entries = self.rows.offsets[example] as usize..self.rows.offsets[example + 1] as usize;
        let (indices, values) = (&self.rows.indices[entries.clone()], &self.rows.values[entries]);
        let row = || indices.iter().map(|&input| input as usize).zip(values);

        let hidden = &mut self.hidden;
        hidden.copy_from_slice(b1);
        match self.layout {
            Layout::ByUnits => {
                for (z, w1) in hidden.iter_mut().zip(w1.chunks(m)) {
                    row().for_each(|(input, &x)| *z = *z + x * w1[input]);
                }
            }
            _ => row().for_each(|(input, &x)| add(hidden, x, &w1[input * h..][..h])),
        }
        hidden.iter_mut().for_each(|z| *z = z.max(T::zero()));

        for ((f, &b2), w2) in self.scores.iter_mut().zip(b2).zip(w2.chunks(h)) {
            *f = w2.iter().zip(&*hidden).fold(b2, |sum, (&w, &a)| sum + w * a);
        }
        self.loss = self.loss + softmax(&mut self.scores, self.labels[example], n);

        let (dw1, rest) = self.grad.split_at_mut(dw1_len);
        let (db1, rest) = rest.split_at_mut(h);
        let (dw2, db2) = rest[..c * h + c].split_at_mut(c * h);
        for ((&g, db2), dw2) in self.scores.iter().zip(db2).zip(dw2.chunks_mut(h)) {
            *db2 = *db2 + g;
            add(dw2, g, hidden);
        }
        // D in the place of A: the sign of A tells where the unit is active.
        for (unit, a) in hidden.iter_mut().enumerate() {
            let d = self.scores.iter().zip(w2.chunks(h)).fold(T::zero(), |sum, (&g, w2)| sum + g * w2[unit]);
            *a = if *a > T::zero() { d } else { T::zero() };
        }
        add(db1, T::one(), hidden);
        match self.layout {
            Layout::ByUnits => {
                for (&d, dw1) in hidden.iter().zip(dw1.chunks_mut(m)).filter(|(d, _)| !d.is_zero()) {
                    row().for_each(|(input, &x)| dw1[input] = dw1[input] + d * x);
                }
            }
            Layout::ByInputs => row().for_each(|(input, &x)| add(&mut dw1[input * h..][..h], x, hidden)),
            Layout::UsedInputs => row()
                .map(|(input, x)| (self.places[input] as usize, x))
                .for_each(|(place, &x)| add(&mut dw1[place * h..][..h], x, hidden)),
        }
    }

    fn step(&mut self) {
        let (h, dw1) = (self.shape.h, self.dw1_len());
        let rest = self.shape.m * h;
        match self.layout {
            Layout::UsedInputs => {
                for (&input, dw1) in self.used.iter().zip(self.grad[..dw1].chunks(h)) {
                    descend(&mut self.params[input as usize * h..][..h], dw1);
                }
                descend(&mut self.params[rest..], &self.grad[dw1..]);
            }
            _ => descend(&mut self.params, &self.grad),
        }
    }
}

/// to += factor * from.
fn add<T: Real>(to: &mut [T], factor: T, from: &[T]) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to = *to + factor * from);
}

/// Turns scores into their gradient, for the mean over n examples, and returns this one's part of the loss.
fn softmax<T: Real>(scores: &mut [T], label: usize, n: usize) -> T {
    let weight = T::one() / T::from(n).unwrap_or_else(T::nan);
    let max = scores.iter().fold(T::neg_infinity(), |max, &f| max.max(f));
    let right = scores[label];
    scores.iter_mut().for_each(|f| *f = (*f - max).exp());
    let sum = scores.iter().fold(T::zero(), |sum, &e| sum + e);
    scores.iter_mut().for_each(|e| *e = *e / sum * weight);
    scores[label] = scores[label] - weight;
    (sum.ln() + max - right) * weight
}

impl<T: Real> Peer for ByHand<T> {
    fn call(&mut self) -> Result<()> {
        if self.layout == Layout::UsedInputs {
            self.find_used();
        }
        let len = self.dw1_len() + self.shape.params() - self.shape.m * self.shape.h;
        self.grad[..len].fill(T::zero());
        self.loss = T::zero();
        (0..self.shape.n).for_each(|example| self.add_example(example));
        self.step();
        Ok(())
    }

    fn answer(&self) -> Result<Answer> {
        let grad = gradient(self.shape, self.layout, &self.used, &self.grad);
        Ok(Answer { loss: self.loss.widen(), grad })
    }
}
