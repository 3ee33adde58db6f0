//! Finds out whether the compiler has the AVX-512 intrinsics: they are stable from Rust 1.89 on.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(handgrad_avx512)");
    // By `--cfg handgrad_no_avx512`, for tests: on a CPU that has both, AVX2 is the best there is.
    let is_left_out = env::var_os("CARGO_CFG_HANDGRAD_NO_AVX512").is_some();
    if !is_left_out && minor_version().is_some_and(|minor| minor >= 89) {
        println!("cargo::rustc-cfg=handgrad_avx512");
    }
}

/// The 95 in "rustc 1.95.0 (...)". A version that can't be read counts as an old one.
fn minor_version() -> Option<u32> {
    let output = Command::new(env::var_os("RUSTC")?).arg("--version").output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    version.split('.').nth(1)?.parse().ok()
}
