//! What an operating system and libc would give: start, end, panic, memory functions, and with the feature
//! `alloc` an allocator.

use core::arch::{asm, global_asm};

global_asm!(".globl _start", "_start:", "xor ebp, ebp", "and rsp, -16", "call {run}", run = sym crate::run);

pub fn exit(code: i32) -> ! {
    // SAFETY: system call 60 is exit(code): it touches no memory and does not return.
    unsafe { asm!("syscall", in("rax") 60, in("rdi") code, options(noreturn)) }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    exit(101)
}

/// # Safety
///
/// As C's `memcpy`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    for i in 0..len {
        // SAFETY: the caller promises `len` readable and writable bytes.
        unsafe { *to.add(i) = *from.add(i) };
    }
    to
}

/// # Safety
///
/// As C's `memset`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, len: usize) -> *mut u8 {
    for i in 0..len {
        // SAFETY: the caller promises `len` writable bytes.
        unsafe { *to.add(i) = byte as u8 };
    }
    to
}

/// # Safety
///
/// As C's `memmove`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    let forwards = to.cast_const() <= from;
    for i in 0..len {
        let i = if forwards { i } else { len - 1 - i };
        // SAFETY: the caller promises `len` readable and writable bytes; this order reads each byte before
        // it is overwritten.
        unsafe { *to.add(i) = *from.add(i) };
    }
    to
}

/// # Safety
///
/// As C's `memcmp`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
    for i in 0..len {
        // SAFETY: the caller promises `len` readable bytes at each.
        let (a, b) = unsafe { (*a.add(i), *b.add(i)) };
        if a != b {
            return i32::from(a) - i32::from(b);
        }
    }
    0
}

/// # Safety
///
/// As `memcmp`.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
    // SAFETY: the caller's promise is the same.
    unsafe { memcmp(a, b, len) }
}

#[cfg(feature = "alloc")]
mod heap {
    use core::alloc::{GlobalAlloc, Layout};
    use core::cell::UnsafeCell;
    use core::sync::atomic::{AtomicUsize, Ordering};

    const SIZE: usize = 1 << 20;

    /// One block at a time: memory is handed out upwards, and all of it comes back with the last free.
    struct Heap {
        memory: UnsafeCell<[u128; SIZE / 16]>,
        used: AtomicUsize,
        blocks: AtomicUsize,
    }

    // SAFETY: this program has one thread.
    unsafe impl Sync for Heap {}

    // SAFETY: blocks lie in `memory`, aligned as asked for, behind all that are in use.
    unsafe impl GlobalAlloc for Heap {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            let base = self.memory.get().cast::<u8>();
            let start = (base as usize + self.used.load(Ordering::Relaxed)).next_multiple_of(layout.align())
                - base as usize;
            if start + layout.size() > SIZE {
                return core::ptr::null_mut();
            }
            self.used.store(start + layout.size(), Ordering::Relaxed);
            self.blocks.fetch_add(1, Ordering::Relaxed);
            // SAFETY: `start` is inside of `memory`.
            unsafe { base.add(start) }
        }

        unsafe fn dealloc(&self, _: *mut u8, _: Layout) {
            if self.blocks.fetch_sub(1, Ordering::Relaxed) == 1 {
                self.used.store(0, Ordering::Relaxed);
            }
        }
    }

    #[global_allocator]
    static HEAP: Heap = Heap {
        memory: UnsafeCell::new([0; SIZE / 16]),
        used: AtomicUsize::new(0),
        blocks: AtomicUsize::new(0),
    };
}
