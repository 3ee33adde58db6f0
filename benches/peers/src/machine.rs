//! What the results were measured on and with.

use std::fs;
use std::process::Command;

/// Lines for the head of a results file.
pub fn describe() -> Vec<String> {
    let dir = env!("CARGO_MANIFEST_DIR");
    let mut commit = output("git", &["-C", dir, "rev-parse", "--short", "HEAD"]);
    if !output("git", &["-C", dir, "status", "--porcelain"]).is_empty() {
        commit.push_str(" with changes not committed");
    }
    let governor = first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    let load = first_line("/proc/loadavg").unwrap_or_default();
    let load: Vec<_> = load.split(' ').take(3).collect();
    vec![
        format!("Date: {}", output("date", &["-u", "+%Y-%m-%d %H:%M UTC"])),
        format!("Commit: {commit}"),
        format!("Processor: {}, {} cores to use", processor(), crate::affinity::cores().len()),
        format!("System: {}", output("uname", &["-srm"])),
        format!("Compiler: {}", output("rustc", &["--version"])),
        format!("Frequency governor: {}", governor.unwrap_or_else(|| "not known".to_owned())),
        format!("Load before the run: {}", load.join(" ")),
    ]
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
