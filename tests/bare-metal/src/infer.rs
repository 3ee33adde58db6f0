//! Predictions alone, with parameters from elsewhere: the image shows how much code they need.

use handgrad::gemm::Portable;
use handgrad::{Batch, Dims, Error, MatRef, Params, Pass};

use crate::digits::{CLASSES, INPUTS, Tile};
use crate::platform::{self, print};
use crate::text;

const DIMS: Dims = match Dims::new(INPUTS, 32, CLASSES) {
    Ok(dims) => dims,
    Err(_) => panic!("constant dimensions"),
};
const TILE: usize = 32;

pub struct Memory {
    theta: [f32; DIMS.param_len()],
    scratch: [f32; DIMS.scratch_len(TILE)],
    tile: Tile<TILE>,
    classes: [usize; TILE],
}

impl Memory {
    pub const NEW: Self = Self {
        theta: [0.0; DIMS.param_len()],
        scratch: [0.0; DIMS.scratch_len(TILE)],
        tile: Tile::NEW,
        classes: [0; TILE],
    };
}

pub fn run(memory: &mut Memory) -> Result<(), Error> {
    let Memory { theta, scratch, tile, classes } = memory;
    theta.iter_mut().enumerate().for_each(|(i, v)| *v = (i % 7) as f32 - 3.0);
    tile.read(0);
    let batch = Batch::unlabelled(MatRef::new(tile.x.as_flattened(), TILE, INPUTS)?);
    let start = platform::now();
    Pass::new(Params::from_flat(DIMS, theta)?, batch)
        .engine(&Portable)
        .predictions(classes)
        .infer(scratch)?;
    platform::report("prediction, instructions", platform::since(start), TILE);
    for &class in &*classes {
        text::decimal(class);
        print(" ");
    }
    print("\n");
    Ok(())
}
