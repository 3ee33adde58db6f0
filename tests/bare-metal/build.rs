//! The digits as bytes for the image, and what the linker needs to know of each platform.

use std::path::PathBuf;
use std::{env, fs};

/// So many of them are learnt from and predicted.
const EXAMPLES: usize = 768;

fn main() {
    let dir = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo"));
    let csv = dir.join("../../examples/data/digits.csv");
    println!("cargo::rerun-if-changed={}", csv.display());
    println!("cargo::rerun-if-changed=memory.x");

    // A line is 64 pixels from 0 to 16 and the digit: 65 bytes in the image.
    let text = fs::read_to_string(&csv).expect("the digits of the examples");
    let lines = text.lines().take(EXAMPLES).flat_map(|line| line.split(','));
    let bytes: Vec<u8> = lines.map(|n| n.trim().parse().expect("a byte")).collect();
    fs::write(out.join("digits.bin"), bytes).expect("OUT_DIR is writable");

    let target = |key| env::var(format!("CARGO_CFG_TARGET_{key}")).unwrap_or_default();
    if target("ARCH") == "wasm32" {
        println!("cargo::rustc-link-arg-bins=--no-entry");
        println!("cargo::rustc-link-arg-bins=--export=run");
    } else if target("OS") == "none" {
        fs::copy(dir.join("memory.x"), out.join("memory.x")).expect("OUT_DIR is writable");
        println!("cargo::rustc-link-search={}", out.display());
        println!("cargo::rustc-link-arg-bins=-Tlink.x");
    }
}
