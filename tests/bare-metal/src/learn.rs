//! Training by stochastic gradient descent, then predictions for digits that were not learnt from.

use handgrad::Error;

use crate::digits::Number;
use crate::engine::{DIMS, Memory, SCRATCH_BYTES, STEP, right_predictions, step, theta};
use crate::platform::{self, print};
use crate::text;

const TRAIN: usize = 16 * STEP;
const TEST: usize = 8 * STEP;
/// A Cortex-M4 has no instructions for f64.
const EPOCHS: usize = if cfg!(feature = "double") { 2 } else { 10 };

pub fn run(memory: &mut Memory) -> Result<(), Error> {
    init(theta(memory));
    for epoch in 1..=EPOCHS {
        let (mut sum, start) = (0.0, platform::now());
        for first in (0..TRAIN).step_by(STEP) {
            sum += step(memory, first)?;
        }
        let spent = platform::since(start);
        let loss = sum / (TRAIN / STEP) as Number;
        print("epoch ");
        text::decimal(epoch);
        print(" loss ");
        text::float(loss);
        print(" bits ");
        text::bits(loss);
        print("\n");
        if epoch == 1 {
            platform::report("training", spent, TRAIN);
        }
    }
    let (mut right, start) = (0, platform::now());
    for first in (TRAIN..TRAIN + TEST).step_by(STEP) {
        right += right_predictions(memory, first)?;
    }
    platform::report("prediction", platform::since(start), TEST);
    print("# bytes: scratch ");
    text::decimal(SCRATCH_BYTES);
    print("\n");
    print("right ");
    text::decimal(right);
    print(" of ");
    text::decimal(TEST);
    print(", parameters\n");
    for row in theta(memory).chunks(10) {
        for &v in row {
            print(" ");
            text::bits(v);
        }
        print("\n");
    }
    Ok(())
}

/// Uniform numbers from a small linear congruential generator, smaller where more of them are added up.
fn init(theta: &mut [Number]) {
    let [w1, b1, w2, _] = DIMS.block_lens();
    let mut state = 1u32;
    for (i, v) in theta.iter_mut().enumerate() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let number = (state >> 8) as Number / (1 << 23) as Number - 1.0;
        *v = match i {
            i if i < w1 => 0.25 * number,
            i if i >= w1 + b1 && i < w1 + b1 + w2 => 0.375 * number,
            _ => 0.0,
        };
    }
}
