//! The worker's side: one process per peer and number of threads, told what to do line by line.
//!
//! It prints one line at the start and one per command: `ok` with a result, or `error` with the reason.
//!
//! ```text
//! load FILE TYPE m,h,C,n   reads the problem
//! answer FILE              one call; writes loss and gradient
//! time CALLS               so many calls; seconds for all
//! memory                   bytes resident, and their peak
//! reset                    lets the peak begin anew
//! allocations              one call; how often it allocated, most bytes held
//! ```

use std::io::{Write, stdin, stdout};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::memory;
use crate::peers::{self, Peer};
use crate::problem::{Problem, Shape};

/// Serves one Rust peer until the input ends.
pub fn serve(name: &str, threads: usize) -> Result<()> {
    say(peers::version(name))?;
    let mut loaded = None;
    for line in stdin().lines() {
        say(obey(&line?, name, threads, &mut loaded))?;
    }
    Ok(())
}

fn say(result: Result<String>) -> Result<()> {
    let line = match result {
        Ok(text) => format!("ok {text}"),
        Err(error) => format!("error {error:#}").replace('\n', " "),
    };
    println!("{line}");
    Ok(stdout().flush()?)
}

fn obey(line: &str, name: &str, threads: usize, loaded: &mut Option<Box<dyn Peer>>) -> Result<String> {
    // Paths may hold spaces, nothing else may.
    let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
    match command {
        "load" => {
            *loaded = None;
            *loaded = Some(load(rest, name, threads)?);
            Ok(String::new())
        }
        "memory" => memory::resident().map(|(now, peak)| format!("{now} {peak}")),
        "reset" => memory::reset_peak().map(|()| String::new()),
        _ => call(command, rest, loaded.as_deref_mut().context("no problem loaded")?),
    }
}

fn load(rest: &str, name: &str, threads: usize) -> Result<Box<dyn Peer>> {
    let mut parts = rest.rsplitn(3, ' ');
    let (shape, element, path) = (parts.next(), parts.next(), parts.next());
    let shape: Shape = shape.context("no shape")?.parse()?;
    let path = Path::new(path.context("no file")?);
    match element {
        Some("f32") => peers::load(name, Problem::<f32>::read(path, shape)?, threads),
        Some("f64") => peers::load(name, Problem::<f64>::read(path, shape)?, threads),
        _ => bail!("no such type"),
    }
}

fn call(command: &str, rest: &str, peer: &mut dyn Peer) -> Result<String> {
    match command {
        "answer" => {
            peer.call()?;
            peer.answer()?.write(Path::new(rest))?;
            Ok(String::new())
        }
        "time" => {
            let calls: usize = rest.parse()?;
            let start = Instant::now();
            for _ in 0..calls {
                peer.call()?;
            }
            Ok(start.elapsed().as_secs_f64().to_string())
        }
        "allocations" => {
            let (result, calls, peak) = memory::count(|| peer.call());
            result?;
            Ok(format!("{calls} {peak}"))
        }
        _ => bail!("no such command"),
    }
}
