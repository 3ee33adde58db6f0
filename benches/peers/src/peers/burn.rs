//! burn: automatic differentiation over its CPU backend, Flex.

use anyhow::{Context, Result, anyhow};
use burn::tensor::activation::{log_softmax, relu};
use burn::tensor::{DType, Device, Gradients, Int, Tensor, TensorData};

use super::Peer;
use crate::problem::{Answer, Problem, Real, Type};

pub struct Burn {
    x: Tensor<2>,
    labels: Tensor<2, Int>,
    w1: Tensor<2>,
    b1: Tensor<1>,
    w2: Tensor<2>,
    b2: Tensor<1>,
    found: Option<(Tensor<1>, Gradients)>,
}

impl Burn {
    pub fn new<T: Real>(problem: &Problem<T>) -> Result<Self> {
        let s = problem.shape;
        let device = Device::flex().autodiff();
        let [w1, b1, w2, b2] = s.split(&problem.params);
        let labels: Vec<i64> = problem.labels.iter().map(|&l| i64::try_from(l)).collect::<Result<_, _>>()?;
        let element = match T::TYPE {
            Type::F32 => DType::F32,
            Type::F64 => DType::F64,
        };
        let matrix = |values: &[T], rows, cols| {
            Tensor::<2>::from_data(TensorData::new(T::narrow(values), [rows, cols]), (&device, element))
        };
        let vector = |values: &[T]| {
            Tensor::<1>::from_data(TensorData::new(T::narrow(values), [values.len()]), (&device, element))
        };
        Ok(Self {
            x: matrix(&problem.x, s.n, s.m),
            labels: Tensor::from_data(TensorData::new(labels, [s.n, 1]), (&device, DType::I64)),
            w1: matrix(w1, s.h, s.m).require_grad(),
            b1: vector(b1).require_grad(),
            w2: matrix(w2, s.c, s.h).require_grad(),
            b2: vector(b2).require_grad(),
            found: None,
        })
    }
}

impl Peer for Burn {
    fn call(&mut self) -> Result<()> {
        let a = relu(self.x.clone().matmul(self.w1.clone().transpose()) + self.b1.clone().unsqueeze());
        let f = a.matmul(self.w2.clone().transpose()) + self.b2.clone().unsqueeze();
        let loss = log_softmax(f, 1).gather(1, self.labels.clone()).mean().neg();
        let grads = loss.backward();
        self.found = Some((loss, grads));
        Ok(())
    }

    fn answer(&self) -> Result<Answer> {
        let (loss, grads) = self.found.as_ref().context("no call yet")?;
        let values =
            |data: TensorData| data.convert::<f64>().try_to_vec::<f64>().map_err(|e| anyhow!("{e:?}"));
        let missing = "no gradient";
        let mut grad = values(self.w1.grad(grads).context(missing)?.into_data())?;
        grad.extend(values(self.b1.grad(grads).context(missing)?.into_data())?);
        grad.extend(values(self.w2.grad(grads).context(missing)?.into_data())?);
        grad.extend(values(self.b2.grad(grads).context(missing)?.into_data())?);
        let loss = values(loss.clone().into_data())?;
        Ok(Answer { loss: *loss.first().context("no loss")?, grad })
    }
}
