//! Predictions alone, with parameters from elsewhere: the image shows how much code they need.

use handgrad::Error;

use crate::digits::Number;
use crate::engine::{Memory, STEP, right_predictions, theta};
use crate::platform::{self, print};
use crate::text;

pub fn run(memory: &mut Memory) -> Result<(), Error> {
    theta(memory).iter_mut().enumerate().for_each(|(i, v)| *v = (i % 7) as Number - 3.0);
    let start = platform::now();
    let right = right_predictions(memory, 0)?;
    platform::report("prediction", platform::since(start), STEP);
    print("right ");
    text::decimal(right);
    print("\n");
    Ok(())
}
