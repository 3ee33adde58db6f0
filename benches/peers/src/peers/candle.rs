//! candle: automatic differentiation over its own CPU tensors.

use anyhow::{Context, Result};
use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};
use candle_nn::loss::cross_entropy;

use super::Peer;
use crate::problem::{Answer, Problem, Real, Type};

pub struct Candle {
    x: Tensor,
    labels: Tensor,
    params: [Var; 4],
    found: Option<(Tensor, GradStore)>,
}

impl Candle {
    pub fn new<T: Real>(problem: &Problem<T>) -> Result<Self> {
        let (s, cpu) = (problem.shape, &Device::Cpu);
        let [w1, b1, w2, b2] = s.split(&problem.params);
        let labels: Vec<u32> = problem.labels.iter().map(|&l| u32::try_from(l)).collect::<Result<_, _>>()?;
        Ok(Self {
            x: tensor(&problem.x, &[s.n, s.m])?,
            labels: Tensor::from_vec(labels, s.n, cpu)?,
            params: [
                Var::from_tensor(&tensor(w1, &[s.h, s.m])?)?,
                Var::from_tensor(&tensor(b1, &[s.h])?)?,
                Var::from_tensor(&tensor(w2, &[s.c, s.h])?)?,
                Var::from_tensor(&tensor(b2, &[s.c])?)?,
            ],
            found: None,
        })
    }
}

fn tensor<T: Real>(values: &[T], sizes: &[usize]) -> Result<Tensor> {
    let element = match T::TYPE {
        Type::F32 => DType::F32,
        Type::F64 => DType::F64,
    };
    Ok(Tensor::from_vec(T::narrow(values), sizes, &Device::Cpu)?.to_dtype(element)?)
}

impl Peer for Candle {
    fn call(&mut self) -> Result<()> {
        let [w1, b1, w2, b2] = &self.params;
        let a = self.x.matmul(&w1.t()?)?.broadcast_add(b1)?.relu()?;
        let f = a.matmul(&w2.t()?)?.broadcast_add(b2)?;
        let loss = cross_entropy(&f, &self.labels)?;
        let grads = loss.backward()?;
        self.found = Some((loss, grads));
        Ok(())
    }

    fn answer(&self) -> Result<Answer> {
        let (loss, grads) = self.found.as_ref().context("no call yet")?;
        let mut grad = Vec::new();
        for param in &self.params {
            let block = grads.get(param).context("no gradient")?;
            grad.extend(block.flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>()?);
        }
        Ok(Answer { loss: loss.to_dtype(DType::F64)?.to_scalar()?, grad })
    }
}
