//! Training by stochastic gradient descent, then predictions for digits that were not learnt from.

use handgrad::gemm::Portable;
use handgrad::{Batch, Dims, Error, MatRef, Params, ParamsMut, Pass};

use crate::digits::{CLASSES, INPUTS, Tile};
use crate::platform::{self, print};
use crate::text;

const DIMS: Dims = match Dims::new(INPUTS, 32, CLASSES) {
    Ok(dims) => dims,
    Err(_) => panic!("constant dimensions"),
};
/// Examples in a tile, and so in a step.
const TILE: usize = 32;
const TRAIN: usize = 16 * TILE;
const TEST: usize = 8 * TILE;
const EPOCHS: usize = 10;
const RATE: f32 = 0.3;

/// All memory of the program but the stack.
pub struct Memory {
    theta: [f32; DIMS.param_len()],
    grad: [f32; DIMS.param_len()],
    scratch: [f32; DIMS.scratch_len(TILE)],
    tile: Tile<TILE>,
    classes: [usize; TILE],
}

impl Memory {
    pub const NEW: Self = Self {
        theta: [0.0; DIMS.param_len()],
        grad: [0.0; DIMS.param_len()],
        scratch: [0.0; DIMS.scratch_len(TILE)],
        tile: Tile::NEW,
        classes: [0; TILE],
    };
}

pub fn run(memory: &mut Memory) -> Result<(), Error> {
    init(&mut memory.theta);
    for epoch in 1..=EPOCHS {
        let (mut sum, mut spent) = (0.0, 0);
        for first in (0..TRAIN).step_by(TILE) {
            memory.tile.read(first);
            let start = platform::now();
            sum += step(memory)?;
            spent += platform::since(start);
        }
        let loss = sum / (TRAIN / TILE) as f32;
        print("epoch ");
        text::decimal(epoch);
        print(" loss ");
        text::float(loss);
        print(" bits ");
        text::bits(loss);
        print("\n");
        if epoch == 1 {
            platform::report("training step, instructions", spent, TRAIN);
        }
    }
    let (mut right, mut spent) = (0, 0);
    for first in (TRAIN..TRAIN + TEST).step_by(TILE) {
        memory.tile.read(first);
        let start = platform::now();
        right += right_predictions(memory)?;
        spent += platform::since(start);
    }
    platform::report("prediction, instructions", spent, TEST);
    print("right ");
    text::decimal(right);
    print(" of ");
    text::decimal(TEST);
    print(", parameters\n");
    for row in memory.theta.chunks(10) {
        for &v in row {
            print(" ");
            text::bits(v);
        }
        print("\n");
    }
    print("# bytes: parameters ");
    text::decimal(size_of_val(&memory.theta));
    print(", gradient ");
    text::decimal(size_of_val(&memory.grad));
    print(", scratch ");
    text::decimal(size_of_val(&memory.scratch));
    print(", tile of examples ");
    text::decimal(size_of_val(&memory.tile) + size_of_val(&memory.classes));
    print("\n");
    Ok(())
}

/// Uniform numbers from a small linear congruential generator, smaller where more of them are added up.
fn init(theta: &mut [f32]) {
    let [w1, b1, w2, _] = DIMS.block_lens();
    let mut state = 1u32;
    for (i, v) in theta.iter_mut().enumerate() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let number = (state >> 8) as f32 / (1 << 23) as f32 - 1.0;
        *v = match i {
            i if i < w1 => 0.25 * number,
            i if i >= w1 + b1 && i < w1 + b1 + w2 => 0.375 * number,
            _ => 0.0,
        };
    }
}

/// One step on the tile. Returns its loss before the step.
fn step(memory: &mut Memory) -> Result<f32, Error> {
    let Memory { theta, grad, scratch, tile, .. } = memory;
    let batch = Batch::new(MatRef::new(tile.x.as_flattened(), TILE, INPUTS)?, &tile.labels)?;
    let loss = Pass::new(Params::from_flat(DIMS, theta)?, batch)
        .engine(&Portable)
        .grad(ParamsMut::from_flat(DIMS, grad)?)
        .run(scratch)?;
    theta.iter_mut().zip(grad).for_each(|(v, g)| *v -= RATE * *g);
    Ok(loss)
}

fn right_predictions(memory: &mut Memory) -> Result<usize, Error> {
    let Memory { theta, scratch, tile, classes, .. } = memory;
    let batch = Batch::unlabelled(MatRef::new(tile.x.as_flattened(), TILE, INPUTS)?);
    Pass::new(Params::from_flat(DIMS, theta)?, batch)
        .engine(&Portable)
        .predictions(classes)
        .infer(scratch)?;
    Ok(classes.iter().zip(&tile.labels).filter(|(class, label)| **class == usize::from(**label)).count())
}
