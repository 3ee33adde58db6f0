//! One example at a time, through [`handgrad::compact`].

use handgrad::Error;
use handgrad::compact::Net;

use super::{DIMS, STEP};
use crate::digits::Examples;

/// All memory of the program but the stack.
pub struct Memory {
    pub theta: [f32; DIMS.param_len()],
    #[cfg(feature = "learn")]
    grad: [f32; DIMS.param_len()],
    scratch: [f32; DIMS.scratch_len(1)],
    example: Examples<1>,
}

impl Memory {
    pub const NEW: Self = Self {
        theta: [0.0; DIMS.param_len()],
        #[cfg(feature = "learn")]
        grad: [0.0; DIMS.param_len()],
        scratch: [0.0; DIMS.scratch_len(1)],
        example: Examples::NEW,
    };
}

#[cfg(feature = "learn")]
pub const SCRATCH_BYTES: usize = size_of::<f32>() * DIMS.scratch_len(1);

/// One step on the examples from `first` on. Returns their mean loss before it.
#[cfg(feature = "learn")]
pub fn step(memory: &mut Memory, first: usize) -> Result<f32, Error> {
    const WEIGHT: f32 = 1.0 / STEP as f32;
    let Memory { theta, grad, scratch, example } = memory;
    grad.fill(0.0);
    let mut loss = 0.0;
    for i in first..first + STEP {
        example.read(i);
        let ([x], [label]) = (&example.x, example.labels);
        loss += Net::new(DIMS, theta)?.add_grad(x, label.into(), WEIGHT, grad, scratch)?;
    }
    theta.iter_mut().zip(grad).for_each(|(v, g)| *v -= super::RATE * *g);
    Ok(loss * WEIGHT)
}

pub fn right_predictions(memory: &mut Memory, first: usize) -> Result<usize, Error> {
    let Memory { theta, scratch, example, .. } = memory;
    let mut right = 0;
    for i in first..first + STEP {
        example.read(i);
        let ([x], [label]) = (&example.x, example.labels);
        right += usize::from(Net::new(DIMS, theta)?.predict(x, scratch)? == label.into());
    }
    Ok(right)
}
