//! What the results were measured on and with.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

/// The share of the usable cores' time that goes to other work, watched for half a second while nothing of
/// ours runs. Above a few percent the rows with all cores in use mean little: whoever waits for a thread
/// that was put aside loses whole time slices.
pub fn busy_elsewhere() -> Option<f64> {
    let before = cpu_times(&fs::read_to_string("/proc/stat").ok()?);
    thread::sleep(Duration::from_millis(500));
    let after = cpu_times(&fs::read_to_string("/proc/stat").ok()?);
    busy_share(before, after)
}

/// Busy and idle time of the usable cores, in the system's ticks.
fn cpu_times(stat: &str) -> (u64, u64) {
    let cores: Vec<_> = crate::affinity::cores().iter().map(|core| format!("cpu{core}")).collect();
    let (mut busy, mut idle) = (0, 0);
    for line in stat.lines() {
        let mut fields = line.split_whitespace();
        if fields.next().is_none_or(|name| cores.iter().all(|core| core != name)) {
            continue;
        }
        // user, nice, system, idle, waiting for a disk, interrupts, stolen; guests are in user already.
        for (at, ticks) in fields.take(8).filter_map(|field| field.parse::<u64>().ok()).enumerate() {
            if at == 3 || at == 4 { idle += ticks } else { busy += ticks }
        }
    }
    (busy, idle)
}

fn busy_share(before: (u64, u64), after: (u64, u64)) -> Option<f64> {
    let (busy, idle) = (after.0.checked_sub(before.0)?, after.1.checked_sub(before.1)?);
    (busy + idle > 0).then(|| busy as f64 / (busy + idle) as f64)
}

/// How [`busy_elsewhere`] reads in a results file.
pub fn busy_line(when: &str, share: Option<f64>) -> String {
    let share = share.map_or_else(|| "not known".to_owned(), |share| format!("{:.0} %", 100.0 * share));
    format!("Cores busy with other work {when} the run: {share}")
}

/// Lines for the head of a results file.
pub fn describe() -> Vec<String> {
    let dir = env!("CARGO_MANIFEST_DIR");
    let mut commit = output("git", &["-C", dir, "rev-parse", "--short", "HEAD"]);
    if !output("git", &["-C", dir, "status", "--porcelain"]).is_empty() {
        commit.push_str(" with changes not committed");
    }
    let governor = first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    vec![
        format!("Date: {}", output("date", &["-u", "+%Y-%m-%d %H:%M UTC"])),
        format!("Commit: {commit}"),
        format!("Processor: {}, {} cores to use", processor(), crate::affinity::cores().len()),
        format!("System: {}", output("uname", &["-srm"])),
        format!("Compiler: {}", output("rustc", &["--version"])),
        format!("Frequency governor: {}", governor.unwrap_or_else(|| "not known".to_owned())),
    ]
}

/// How the peers' memory is had, for the head of a results file.
pub fn pages_line(huge: bool) -> String {
    let system = first_line("/sys/kernel/mm/transparent_hugepage/enabled");
    let system = system.unwrap_or_else(|| "not known".to_owned());
    let asked = if huge { crate::client::HUGE_PAGES } else { "each peer for itself" };
    format!("Huge pages: asked for by {asked}; the system's setting: {system}")
}

fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.split(':').next().is_some_and(|key| key.trim() == name));
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned())
    };
    match (field("model name"), field("cpu family"), field("model")) {
        (Some(name), Some(family), Some(model)) => format!("{name} (family {family}, model {model})"),
        (Some(name), ..) => name,
        _ => std::env::consts::ARCH.to_owned(),
    }
}

fn first_line(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()?.lines().next().map(str::to_owned)
}

/// What a command prints; nothing if there is no such command.
fn output(command: &str, arguments: &[&str]) -> String {
    let output = Command::new(command).args(arguments).output();
    output.map_or_else(|_| String::new(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_is_all_but_idle_and_waiting() {
        let core = crate::affinity::cores()[0];
        let stat = format!("cpu 9 9 9 9 9 9 9 9\ncpu{core} 10 2 3 50 5 1 1 4 7 0\nintr 5\n");
        assert_eq!(cpu_times(&stat), (21, 55));
        assert_eq!(busy_share((21, 55), (51, 125)), Some(0.3));
        assert_eq!(busy_share((21, 55), (21, 55)), None);
    }
}
