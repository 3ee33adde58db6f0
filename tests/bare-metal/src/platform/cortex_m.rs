//! A Cortex-M4 board with a debugger: text goes out by semihosting. QEMU is one, and counts instructions.
#![expect(unsafe_code, reason = "the addresses of the stack are the linker's")]

use core::ptr::{addr_of, read_volatile};

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hio};

use crate::Memory;
use crate::task::run;
use crate::text;

#[entry]
fn start() -> ! {
    // A place of its own, so that the stack shows what the kernels need.
    static mut MEMORY: Memory = Memory::NEW;
    if let Some(mut peripherals) = cortex_m::Peripherals::take() {
        peripherals.SYST.set_clock_source(SystClkSource::Core);
        peripherals.SYST.set_reload(COUNTS - 1);
        peripherals.SYST.clear_current();
        peripherals.SYST.enable_counter();
    }
    let start = now();
    // A loop of two instructions.
    cortex_m::asm::delay(500_000);
    report("calibration with a million, instructions", since(start), 1);
    let status = match run(MEMORY) {
        Ok(()) => debug::EXIT_SUCCESS,
        Err(_) => debug::EXIT_FAILURE,
    };
    print("# bytes: static ");
    text::decimal(size_of::<Memory>());
    print(", peak stack ");
    text::decimal(peak_stack());
    print("\n");
    debug::exit(status);
    halt()
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    print("panic\n");
    debug::exit(debug::EXIT_FAILURE);
    halt()
}

fn halt() -> ! {
    loop {
        cortex_m::asm::nop();
    }
}

pub fn print(text: &str) {
    if let Ok(mut out) = hio::hstdout() {
        let _ = out.write_all(text.as_bytes());
    }
}

/// The counter wraps at 24 bits.
const COUNTS: u32 = 1 << 24;

/// With `-icount shift=0` an instruction takes 1 ns, and the board's clock has 25 MHz.
const INSTRUCTIONS_PER_COUNT: u32 = 40;

/// The counter that counts down.
pub fn now() -> u32 {
    SYST::get_current()
}

/// Instructions from then to now, in steps of 40.
pub fn since(start: u32) -> u32 {
    (start.wrapping_sub(now()) % COUNTS) * INSTRUCTIONS_PER_COUNT
}

/// A line that other platforms do not print.
pub fn report(what: &str, instructions: u32, examples: usize) {
    print("# ");
    print(what);
    print(": ");
    text::decimal(instructions as usize);
    print(", an example ");
    text::decimal((instructions as usize).checked_div(examples).unwrap_or(0));
    print("\n");
}

/// The bytes of the stack that were written to: before `start` all of it has been filled with a pattern.
fn peak_stack() -> usize {
    unsafe extern "C" {
        static _stack_start: u32;
        static _stack_end: u32;
    }
    let (mut low, high) = (addr_of!(_stack_end), addr_of!(_stack_start));
    // SAFETY: the linker script places the stack between the two symbols; a volatile read of any word there
    // is allowed, whatever the running functions have written.
    while low < high && unsafe { read_volatile(low) } == cortex_m_rt::STACK_PAINT_VALUE {
        low = low.wrapping_add(1);
    }
    high.addr() - low.addr()
}
