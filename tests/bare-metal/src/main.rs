//! Learns handwritten digits without heap and operating system. Everything that is printed, but for the lines
//! that begin with `#`, is the same on every platform.
#![cfg_attr(any(target_os = "none", target_arch = "wasm32"), no_std, no_main)]
#![cfg_attr(
    not(feature = "learn"),
    allow(dead_code, reason = "the smaller images leave out some of what the whole one prints")
)]

mod digits;
#[cfg(any(feature = "learn", feature = "infer"))]
mod engine;
#[cfg_attr(all(target_arch = "arm", target_os = "none"), path = "platform/cortex_m.rs")]
#[cfg_attr(target_arch = "wasm32", path = "platform/wasm.rs")]
#[cfg_attr(not(any(target_os = "none", target_arch = "wasm32")), path = "platform/host.rs")]
mod platform;
#[cfg_attr(feature = "learn", path = "learn.rs")]
#[cfg_attr(all(feature = "infer", not(feature = "learn")), path = "infer.rs")]
#[cfg_attr(not(any(feature = "learn", feature = "infer")), path = "nothing.rs")]
mod task;
mod text;

#[cfg(any(feature = "learn", feature = "infer"))]
use engine::Memory;
#[cfg(not(any(feature = "learn", feature = "infer")))]
use task::Memory;

#[cfg(not(any(target_os = "none", target_arch = "wasm32")))]
fn main() -> std::process::ExitCode {
    platform::start()
}
