//! One example at a time, through [`handgrad::compact`].

use handgrad::Error;
use handgrad::compact::Net;
#[cfg(feature = "learn")]
use handgrad::compact::NetMut;

use super::{DIMS, STEP};
use crate::digits::{Examples, Number};

/// All memory of the program but the stack.
pub struct Memory {
    pub theta: [Number; DIMS.param_len()],
    scratch: [Number; DIMS.scratch_len(1)],
    example: Examples<1>,
}

impl Memory {
    pub const NEW: Self =
        Self { theta: [0.0; DIMS.param_len()], scratch: [0.0; DIMS.scratch_len(1)], example: Examples::NEW };
}

#[cfg(feature = "learn")]
pub const SCRATCH_BYTES: usize = size_of::<Number>() * DIMS.scratch_len(1);

/// How far a single example goes.
#[cfg(feature = "learn")]
const RATE: Number = 0.05;

/// A step on each of the examples from `first` on. Returns the mean of their losses, each before its own.
#[cfg(feature = "learn")]
pub fn step(memory: &mut Memory, first: usize) -> Result<Number, Error> {
    let Memory { theta, scratch, example } = memory;
    let mut loss = 0.0;
    for i in first..first + STEP {
        example.read(i);
        let ([x], [label]) = (&example.x, example.labels);
        loss += NetMut::new(DIMS, theta)?.step(x, label.into(), RATE, scratch)?;
    }
    Ok(loss / STEP as Number)
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
