//! WebAssembly: the host gives one function, and calls `run`.
#![expect(unsafe_code, reason = "names for the linker")]

use crate::Memory;
use crate::task::run as task;

// SAFETY: JavaScript takes any number, and has no access to the memory.
#[link(wasm_import_module = "host")]
unsafe extern "C" {
    safe fn print_byte(byte: u32);
}

/// Returns 0 if all went well.
// SAFETY: no other function has this name.
#[unsafe(no_mangle)]
extern "C" fn run() -> u32 {
    let mut memory = Memory::NEW;
    u32::from(task(&mut memory).is_err())
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

pub fn print(text: &str) {
    text.bytes().for_each(|byte| print_byte(u32::from(byte)));
}

/// Instructions are not counted here.
pub fn now() -> u32 {
    0
}

pub fn since(_: u32) -> u32 {
    0
}

pub fn report(_: &str, _: u32, _: usize) {}
