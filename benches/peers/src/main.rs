//! Times handgrad beside other implementations of the same loss and gradient.

mod affinity;
mod agree;
mod cli;
mod client;
mod growth;
mod lead;
mod machine;
mod memory;
mod ours;
mod peak;
mod peers;
mod plot;
mod problem;
mod report;
mod run;
mod steps;
mod timing;
mod worker;

use std::fs;

use anyhow::{Context, Result};
use clap::Parser;

use cli::Cli;
use client::Setup;
use problem::Maker;

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

fn main() -> Result<()> {
    let cli = Cli::parse();
    if let Some(name) = &cli.worker {
        return worker::serve(name, cli.threads.first().copied().unwrap_or(1));
    }
    let dir = std::env::temp_dir().join(format!("handgrad-peers-{}", std::process::id()));
    fs::create_dir_all(&dir)?;
    // Where memory is measured, it is as the system gives it.
    let setup = Setup { python: cli.python.clone(), dir, huge_pages: !cli.growth };
    let result = measure(&cli, &setup);
    fs::remove_dir_all(&setup.dir)?;
    result
}

fn measure(cli: &Cli, setup: &Setup) -> Result<()> {
    fs::create_dir_all(&cli.out).with_context(|| format!("{}", cli.out.display()))?;
    let mut machine = machine::describe();
    machine.push(machine::pages_line(setup.huge_pages));
    machine.push(machine::busy_line("before", machine::busy_elsewhere()));
    if cli.growth {
        return grow(cli, setup, &machine);
    }
    let plan = run::Plan {
        specs: cli.specs()?,
        tasks: cli.tasks()?,
        types: cli.types.clone(),
        threads: cli.threads.clone(),
        rounds: cli.rounds(),
    };
    let mut maker = Maker::new(cli.mnist.as_deref())?;
    plan.tasks.iter().try_for_each(|&task| maker.check(task))?;
    let results = run::run(&plan, &mut maker, setup)?;
    machine.push(machine::busy_line("after", machine::busy_elsewhere()));
    let text = report::markdown(&results, &machine, plan.rounds);
    print!("{text}");
    fs::write(cli.out.join("peers.md"), text)?;
    report::write_csv(&results, &cli.out.join("peers.csv"))?;
    for &element in &plan.types {
        for &threads in &plan.threads {
            plot::lead(&results, element, threads, &cli.out.join(format!("lead-{element}-{threads}.svg")))?;
        }
    }
    plot::densities(&results, &cli.out.join("density.svg"))
}

fn grow(cli: &Cli, setup: &Setup, machine: &[String]) -> Result<()> {
    let points = growth::run(&cli.growth_specs()?, cli.quick, setup)?;
    let text = growth::markdown(&points, machine);
    print!("{text}");
    fs::write(cli.out.join("growth.md"), text)?;
    growth::write_csv(&points, &cli.out.join("growth.csv"))?;
    plot::growth(&points, &cli.out.join("growth.svg"))
}
