//! A step's examples at once, through a [`Pass`] on the portable engine.

use handgrad::{Batch, Engine, Error, MatRef, Params, Pass};

use super::{DIMS, STEP};
use crate::digits::{Examples, INPUTS};

/// All memory of the program but the stack.
pub struct Memory {
    pub theta: [f32; DIMS.param_len()],
    #[cfg(feature = "learn")]
    grad: [f32; DIMS.param_len()],
    scratch: [f32; DIMS.scratch_len(STEP)],
    examples: Examples<STEP>,
    classes: [usize; STEP],
}

impl Memory {
    pub const NEW: Self = Self {
        theta: [0.0; DIMS.param_len()],
        #[cfg(feature = "learn")]
        grad: [0.0; DIMS.param_len()],
        scratch: [0.0; DIMS.scratch_len(STEP)],
        examples: Examples::NEW,
        classes: [0; STEP],
    };
}

#[cfg(feature = "learn")]
pub const SCRATCH_BYTES: usize = size_of::<f32>() * DIMS.scratch_len(STEP);

/// The step's length.
#[cfg(feature = "learn")]
const RATE: f32 = 0.3;

/// One step on the examples from `first` on. Returns their mean loss before it.
#[cfg(feature = "learn")]
pub fn step(memory: &mut Memory, first: usize) -> Result<f32, Error> {
    let Memory { theta, grad, scratch, examples, .. } = memory;
    examples.read(first);
    let batch = Batch::new(MatRef::new(examples.x.as_flattened(), STEP, INPUTS)?, &examples.labels)?;
    let loss = Pass::new(Params::from_flat(DIMS, theta)?, batch)
        .engine(Engine::Portable)
        .grad(handgrad::ParamsMut::from_flat(DIMS, grad)?)
        .run(scratch)?;
    theta.iter_mut().zip(grad).for_each(|(v, g)| *v -= RATE * *g);
    Ok(loss)
}

pub fn right_predictions(memory: &mut Memory, first: usize) -> Result<usize, Error> {
    let Memory { theta, scratch, examples, classes, .. } = memory;
    examples.read(first);
    let batch = Batch::unlabelled(MatRef::new(examples.x.as_flattened(), STEP, INPUTS)?);
    Pass::new(Params::from_flat(DIMS, theta)?, batch)
        .engine(Engine::Portable)
        .predictions(classes)
        .infer(scratch)?;
    Ok(classes.iter().zip(&examples.labels).filter(|(class, label)| **class == usize::from(**label)).count())
}
