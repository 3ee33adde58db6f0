//! What a worker knows of its own memory: the system's figures, and a counting allocator for ours.

#![expect(unsafe_code, reason = "an allocator that counts can only be written so")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use anyhow::{Context, Result};

/// The system's allocator. It counts only when asked to, so that timed calls pay one predictable branch.
pub struct Counting;

static ON: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicUsize = AtomicUsize::new(0);
static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn grow(bytes: usize) {
    if ON.load(Relaxed) {
        CALLS.fetch_add(1, Relaxed);
        let live = LIVE.fetch_add(bytes, Relaxed) + bytes;
        PEAK.fetch_max(live, Relaxed);
    }
}

fn shrink(bytes: usize) {
    if ON.load(Relaxed) {
        // What was allocated before counting began may be freed while it goes on.
        let _ = LIVE.fetch_update(Relaxed, Relaxed, |live| Some(live.saturating_sub(bytes)));
    }
}

// SAFETY: every call goes to the system's allocator as it came; the counters are atomic and allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: the caller keeps the contract of `GlobalAlloc`, which is the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        shrink(layout.size());
        // SAFETY: as above; `pointer` came from the same allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// How often `work` allocates, and the most bytes that it holds at a time.
pub fn count<R>(work: impl FnOnce() -> R) -> (R, usize, usize) {
    for counter in [&CALLS, &LIVE, &PEAK] {
        counter.store(0, Relaxed);
    }
    ON.store(true, Relaxed);
    let result = work();
    ON.store(false, Relaxed);
    (result, CALLS.load(Relaxed), PEAK.load(Relaxed))
}

/// The bytes of memory in use by this process, and the most since the last [`reset_peak`].
pub fn resident() -> Result<(u64, u64)> {
    let status = fs::read_to_string("/proc/self/status")?;
    let field = |name| -> Result<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|rest| rest.split_whitespace().next());
        Ok(1024 * kib.with_context(|| format!("no {name}"))?.parse::<u64>()?)
    };
    Ok((field("VmRSS:")?, field("VmHWM:")?))
}

/// Lets the peak begin anew at what is in use now.
pub fn reset_peak() -> Result<()> {
    Ok(fs::write("/proc/self/clear_refs", "5")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allocations_and_their_peak_are_counted() {
        // Other tests' threads allocate at the same time, so counts are lower bounds; not all the time, so the least of
        // some tries is exact enough.
        let tries = (0..50).map(|_| {
            let (_, calls, peak) = count(|| {
                drop(std::hint::black_box(vec![0u8; 1 << 20]));
                std::hint::black_box(vec![0u8; 3 << 20])
            });
            assert!(calls >= 2);
            std::thread::sleep(std::time::Duration::from_millis(2));
            peak
        });
        let least = tries.min().unwrap();
        assert!((3 << 20..4 << 20).contains(&least), "{least}");
    }
}
