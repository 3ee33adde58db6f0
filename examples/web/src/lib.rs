//! What the page calls: functions of numbers alone, so that JavaScript needs none of the memory and there is nothing unsafe
//! but names. One model is all there is. Where a loss cannot be computed it is NaN.
#![cfg_attr(target_arch = "wasm32", no_std)]
#![expect(unsafe_code, reason = "names for the linker: no other function has the same")]

mod digits;
mod model;

use model::Model;
use spin::Mutex;

static MODEL: Mutex<Model> = Mutex::new(Model::NEW);

#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

/// Splits the digits into those to learn from and those to test with. To be called once, first.
#[unsafe(no_mangle)]
extern "C" fn load() {
    MODEL.lock().load();
}

/// A net with so many hidden units, and start values from this seed. Returns whether there can be such a net.
#[unsafe(no_mangle)]
extern "C" fn reset(hidden: usize, seed: u32) -> bool {
    MODEL.lock().reset(hidden, seed.into()).is_ok()
}

/// One step of gradient descent on the next mini-batch. Returns its loss before the step.
#[unsafe(no_mangle)]
extern "C" fn step(learning_rate: f32) -> f32 {
    MODEL.lock().step(learning_rate).unwrap_or(f32::NAN)
}

/// The mean loss of all digits to learn from.
#[unsafe(no_mangle)]
extern "C" fn train_loss() -> f32 {
    MODEL.lock().train_loss().unwrap_or(f32::NAN)
}

/// The mean loss of the test digits. It also predicts them, for [`prediction`].
#[unsafe(no_mangle)]
extern "C" fn test_loss() -> f32 {
    MODEL.lock().test_loss().unwrap_or(f32::NAN)
}

/// The number of digits to learn from, taught ones included.
#[unsafe(no_mangle)]
extern "C" fn train_len() -> usize {
    MODEL.lock().train.len()
}

/// The number of test digits.
#[unsafe(no_mangle)]
extern "C" fn test_len() -> usize {
    MODEL.lock().test.len()
}

/// A pixel of a test digit, from 0 to 1.
#[unsafe(no_mangle)]
extern "C" fn test_pixel(digit: usize, pixel: usize) -> f32 {
    MODEL.lock().test.image(digit).get(pixel).copied().unwrap_or(0.0)
}

/// What a test digit is.
#[unsafe(no_mangle)]
extern "C" fn test_label(digit: usize) -> u32 {
    MODEL.lock().test.labels().get(digit).copied().unwrap_or(0).into()
}

/// What the net took a test digit for in the last [`test_loss`].
#[unsafe(no_mangle)]
extern "C" fn prediction(digit: usize) -> usize {
    MODEL.lock().predictions.get(digit).copied().unwrap_or(0)
}

/// Sets a pixel of the drawing, from 0 to 1.
#[unsafe(no_mangle)]
extern "C" fn set_pixel(pixel: usize, value: f32) {
    if let Some(place) = MODEL.lock().drawing.get_mut(pixel) {
        *place = value;
    }
}

/// Evaluates the net on the drawing, for [`probability`] and [`activation`]. Returns whether it could.
#[unsafe(no_mangle)]
extern "C" fn look() -> bool {
    MODEL.lock().look().is_ok()
}

/// How likely the drawing is of this class, as of the last [`look`].
#[unsafe(no_mangle)]
extern "C" fn probability(class: usize) -> f32 {
    MODEL.lock().probabilities.get(class).copied().unwrap_or(0.0)
}

/// What a hidden unit answers to the drawing, as of the last [`look`].
#[unsafe(no_mangle)]
extern "C" fn activation(unit: usize) -> f32 {
    MODEL.lock().activations.get(unit).copied().unwrap_or(0.0)
}

/// Adds the drawing to the digits to learn from. Returns whether there was room.
#[unsafe(no_mangle)]
extern "C" fn teach(label: u8) -> bool {
    MODEL.lock().teach(label)
}

/// A weight of W1.
#[unsafe(no_mangle)]
extern "C" fn weight(unit: usize, pixel: usize) -> f32 {
    MODEL.lock().weight(unit, pixel).unwrap_or(0.0)
}
