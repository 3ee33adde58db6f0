//! The net, on whichever of the crate's two ways to evaluate it.

#[cfg_attr(feature = "pass", path = "pass.rs")]
#[cfg_attr(not(feature = "pass"), path = "compact.rs")]
mod way;
pub use way::{Memory, right_predictions};
#[cfg(feature = "learn")]
pub use way::{SCRATCH_BYTES, step};

use handgrad::Dims;

use crate::digits::{CLASSES, INPUTS, Number};

pub const DIMS: Dims = match Dims::new(INPUTS, 32, CLASSES) {
    Ok(dims) => dims,
    Err(_) => panic!("constant dimensions"),
};

/// Examples between two lines of numbers, or in a step of many.
pub const STEP: usize = 32;

pub fn theta(memory: &mut Memory) -> &mut [Number] {
    &mut memory.theta
}
