//! On which cores something runs. Where the system cannot pin (anywhere but Linux), nothing is pinned.

use std::fs;

use anyhow::{Result, ensure};

/// The cores that this process may use, one per physical core first.
pub fn cores() -> Vec<usize> {
    let allowed = system::allowed();
    let first_sibling = |core: &usize| {
        let path = format!("/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list");
        let siblings = fs::read_to_string(path).unwrap_or_default();
        let first = siblings.trim().split([',', '-']).next().and_then(|first| first.parse().ok());
        first.unwrap_or(*core)
    };
    let mut seen = Vec::new();
    let (mut cores, twins): (Vec<_>, Vec<_>) = allowed.into_iter().partition(|core| {
        let sibling = first_sibling(core);
        let new = !seen.contains(&sibling);
        seen.push(sibling);
        new
    });
    cores.extend(twins);
    cores
}

/// The first `threads` of the cores.
///
/// # Errors
///
/// If there are not so many.
pub fn first(cores: &[usize], threads: usize) -> Result<Vec<usize>> {
    ensure!(threads >= 1 && threads <= cores.len(), "{threads} threads asked for, {} cores", cores.len());
    Ok(cores[..threads].to_vec())
}

/// Runs `work` on these cores; the threads and processes that it starts stay there.
pub fn on_cores<R>(cores: &[usize], work: impl FnOnce() -> R) -> R {
    let before = system::allowed();
    system::pin(cores);
    let result = work();
    system::pin(&before);
    result
}

#[cfg(target_os = "linux")]
mod system {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    pub fn allowed() -> Vec<usize> {
        let set = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
        (0..CpuSet::MAX_CPU).filter(|&core| set.is_set(core)).collect()
    }

    pub fn pin(cores: &[usize]) {
        let mut set = CpuSet::new();
        cores.iter().for_each(|&core| set.set(core));
        // A core that went away in the meantime leaves the thread where it was.
        let _ = sched_setaffinity(None, &set);
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub fn allowed() -> Vec<usize> {
        (0..std::thread::available_parallelism().map_or(1, usize::from)).collect()
    }

    pub fn pin(_cores: &[usize]) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_checked_against_the_cores() {
        assert_eq!(first(&[4, 7], 1).unwrap(), [4]);
        assert!(first(&[4, 7], 3).is_err() && first(&[4, 7], 0).is_err());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_starts_inside_stays_on_the_core() {
        let all = cores();
        let core = all[all.len() - 1];
        let child = on_cores(&[core], || std::thread::spawn(system::allowed)).join().unwrap();
        assert_eq!(child, [core]);
        assert_eq!(cores(), all);
    }
}
