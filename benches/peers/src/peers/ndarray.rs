//! The formulas by hand with ndarray: its matrix products into buffers that are used again, one loop over
//! the memory for all else.

use anyhow::Result;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, LinalgScalar};

use super::Peer;
use crate::problem::{Answer, Problem, Real};

pub struct ByHand<T> {
    x: Array2<T>,
    labels: Vec<usize>,
    w1: Array2<T>,
    b1: Array1<T>,
    w2: Array2<T>,
    b2: Array1<T>,
    /// Z, then A in its place.
    a: Array2<T>,
    /// F, then G in its place.
    f: Array2<T>,
    d: Array2<T>,
    loss: T,
    dw1: Array2<T>,
    db1: Array1<T>,
    dw2: Array2<T>,
    db2: Array1<T>,
}

impl<T: Real> ByHand<T> {
    pub fn new(problem: Problem<T>) -> Result<Self> {
        let s = problem.shape;
        let [w1, b1, w2, b2] = s.split(&problem.params).map(<[T]>::to_vec);
        Ok(Self {
            x: Array2::from_shape_vec((s.n, s.m), problem.x)?,
            labels: problem.labels,
            w1: Array2::from_shape_vec((s.h, s.m), w1)?,
            b1: b1.into(),
            w2: Array2::from_shape_vec((s.c, s.h), w2)?,
            b2: b2.into(),
            a: Array2::zeros((s.n, s.h)),
            f: Array2::zeros((s.n, s.c)),
            d: Array2::zeros((s.n, s.h)),
            loss: T::nan(),
            dw1: Array2::zeros((s.h, s.m)),
            db1: Array1::zeros(s.h),
            dw2: Array2::zeros((s.c, s.h)),
            db2: Array1::zeros(s.c),
        })
    }

    fn forward(&mut self) {
        general_mat_mul(T::one(), &self.x, &self.w1.t(), T::zero(), &mut self.a);
        for mut row in self.a.rows_mut() {
            row.zip_mut_with(&self.b1, |z, &b| *z = (*z + b).max(T::zero()));
        }
        general_mat_mul(T::one(), &self.a, &self.w2.t(), T::zero(), &mut self.f);
    }

    /// Scores to score gradients; the loss and db2 on the way.
    fn softmax(&mut self) {
        let weight = T::one() / T::from(self.labels.len()).unwrap_or_else(T::nan);
        let mut loss = T::zero();
        self.db2.fill(T::zero());
        for (mut row, &label) in self.f.rows_mut().into_iter().zip(&self.labels) {
            row.zip_mut_with(&self.b2, |f, &b| *f = *f + b);
            let max = row.fold(T::neg_infinity(), |max, &f| max.max(f));
            let right = row[label];
            let mut sum = T::zero();
            row.mapv_inplace(|f| {
                let e = (f - max).exp();
                sum = sum + e;
                e
            });
            loss = loss + (max - right) + sum.ln();
            let scale = weight / sum;
            row.mapv_inplace(|e| e * scale);
            row[label] = row[label] - weight;
            self.db2.zip_mut_with(&row, |sum, &g| *sum = *sum + g);
        }
        self.loss = loss * weight;
    }

    fn backward(&mut self) {
        general_mat_mul(T::one(), &self.f.t(), &self.a, T::zero(), &mut self.dw2);
        general_mat_mul(T::one(), &self.f, &self.w2, T::zero(), &mut self.d);
        self.db1.fill(T::zero());
        for (mut d, a) in self.d.rows_mut().into_iter().zip(self.a.rows()) {
            d.zip_mut_with(&a, |d, &a| *d = if a > T::zero() { *d } else { T::zero() });
            self.db1.zip_mut_with(&d, |sum, &d| *sum = *sum + d);
        }
        general_mat_mul(T::one(), &self.d.t(), &self.x, T::zero(), &mut self.dw1);
    }
}

impl<T: Real + LinalgScalar> Peer for ByHand<T> {
    fn call(&mut self) -> Result<()> {
        self.forward();
        self.softmax();
        self.backward();
        Ok(())
    }

    fn answer(&self) -> Result<Answer> {
        let blocks = self.dw1.iter().chain(&self.db1).chain(&self.dw2).chain(&self.db2);
        Ok(Answer { loss: self.loss.widen(), grad: blocks.map(|g| g.widen()).collect() })
    }
}
