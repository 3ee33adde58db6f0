//! Runs targets on pseudo-random byte strings: a fixed number of cases, without libFuzzer.
//!
//! ```text
//! cases [--target NAME] [--cases N] [--seed S]
//! cases --target NAME --bytes HEX
//! ```
//!
//! Of a case that fails it prints the target, the seed of the case and its bytes, with which it can be run alone.

use std::panic::catch_unwind;
use std::process::ExitCode;

use handgrad_fuzz::TARGETS;

struct Args {
    target: Option<String>,
    cases: u64,
    seed: u64,
    bytes: Option<Vec<u8>>,
}

const USAGE: &str = "usage: cases [--target pass|gemm|gradcheck] [--cases N] [--seed S] [--bytes HEX]";

fn args() -> Option<Args> {
    let mut args = Args { target: None, cases: 1000, seed: 0, bytes: None };
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        let value = given.next()?;
        match name.as_str() {
            "--target" => args.target = Some(value),
            "--cases" => args.cases = value.parse().ok()?,
            "--seed" => args.seed = value.parse().ok()?,
            "--bytes" => {
                let byte = |i| u8::from_str_radix(value.get(i..i + 2)?, 16).ok();
                args.bytes = Some((0..value.len()).step_by(2).map(byte).collect::<Option<_>>()?);
            }
            _ => return None,
        }
    }
    let is_known = |target: &String| TARGETS.iter().any(|(name, _)| name == target);
    args.target.as_ref().is_none_or(is_known).then_some(args)
}

/// The byte string of a seed: any length up to 200, often with few different bytes, as a fuzzer makes them.
fn bytes_of(seed: u64) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let len = rng.usize(..=200);
    let most = if rng.u8(..) < 64 { rng.u8(1..) } else { u8::MAX };
    (0..len).map(|_| rng.u8(..=most)).collect()
}

/// Whether the target holds.
fn holds(name: &str, target: fn(&[u8]), seed: Option<u64>, bytes: &[u8]) -> bool {
    let result = catch_unwind(|| target(bytes));
    if result.is_err() {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let seed =
            seed.map_or(String::new(), |seed| format!(" (seed {seed}, alone: --seed {seed} --cases 1)"));
        println!("FAILED: --target {name} --bytes {hex}{seed}");
    }
    result.is_ok()
}

fn main() -> ExitCode {
    let Some(args) = args() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let small = if cfg!(handgrad_small_limits) { "small limits" } else { "usual limits" };
    let mut failed = 0;
    for (name, target) in
        TARGETS.iter().filter(|(name, _)| args.target.as_ref().is_none_or(|target| target == name))
    {
        let start = std::time::Instant::now();
        if let Some(bytes) = &args.bytes {
            failed += u64::from(!holds(name, *target, None, bytes));
            continue;
        }
        let mut count = 0;
        for seed in args.seed..args.seed + args.cases {
            count += u64::from(!holds(name, *target, Some(seed), &bytes_of(seed)));
            if count >= 10 {
                println!("{name}: no more after 10 failures");
                break;
            }
        }
        println!(
            "{name}: {} cases, {count} failed, {small}, {:.1} s",
            args.cases,
            start.elapsed().as_secs_f64()
        );
        failed += count;
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
