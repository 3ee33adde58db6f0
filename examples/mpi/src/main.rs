//! Learns to read handwritten digits, by any number of processes with the same bits.
//!
//! ```text
//! mpirun -n 4 target/debug/handgrad-mpi            # --help for more
//! ```

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use clap::error::ErrorKind;
use digits::canvas;
use handgrad_mpi::agree::{all_ok, gather, same};
use handgrad_mpi::checkpoint::{self, State};
use handgrad_mpi::data::Source;
use handgrad_mpi::faults::{end_job_on_panic, set_patience};
use handgrad_mpi::picture;
use handgrad_mpi::train::{Recipe, Training};
use mpi::Threading;
use mpi::topology::SimpleCommunicator;
use mpi::traits::Communicator;
use xxhash_rust::xxh3::xxh3_64;

/// Learns to read handwritten digits with a net of one hidden layer, by as many processes as mpirun starts.
///
/// Each reads its share of the images. The losses and the net have the same bits for any number of processes and threads.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    recipe: Recipe,

    /// Learn from the IDX files of MNIST, or a relative, in this folder (packed or not)
    #[arg(long, value_name = "DIR")]
    mnist: Option<PathBuf>,

    /// Write the state to this file after every epoch
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,

    /// Write it after so many steps instead
    #[arg(long, value_name = "STEPS")]
    every: Option<usize>,

    /// Go on from that file
    #[arg(long, requires = "checkpoint")]
    resume: bool,

    /// Threads of each process
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,

    /// The longest that a process waits for others
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    patience: u64,

    /// For tests: this process panics at a step
    #[arg(long, hide = true)]
    panic_at: Option<usize>,
}

fn main() -> ExitCode {
    let Some((universe, _)) = mpi::initialize_with_threading(Threading::Funneled) else {
        eprintln!("error: MPI does not start");
        return ExitCode::FAILURE;
    };
    let world = universe.world();
    end_job_on_panic();
    let is_first = world.rank() == 0;
    let args = match Args::try_parse() {
        Err(help) if help.kind() == ErrorKind::DisplayHelp => {
            if is_first {
                print!("{help}");
            }
            return ExitCode::SUCCESS;
        }
        other => all_ok(&world, other.map_err(|error| error.to_string())),
    };
    // Errors are the same on every rank: one of them tells.
    match args.and_then(|args| run(&args, &world)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if is_first {
                eprintln!("error: {error}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args, world: &SimpleCommunicator) -> Result<(), String> {
    let is_first = world.rank() == 0;
    let mut training = start(args, world)?;
    if is_first {
        let (ranks, shards) = (world.size(), args.recipe.shards);
        let bytes = training.bytes_per_step().map_err(|error| error.to_string())?;
        println!(
            "ranks: {ranks}, shards: {shards}, steps: {}, rank 0 sends {bytes} bytes a step",
            training.steps()
        );
    }
    let (first, began) = (training.next(), Instant::now());
    while training.next() < training.steps() {
        if args.panic_at == Some(training.next()) {
            panic!("asked to");
        }
        training.step()?;
        let step = training.next();
        let ends_epoch = step % training.steps_per_epoch() == 0;
        if ends_epoch && is_first {
            let epoch = step / training.steps_per_epoch();
            let (loss, test) = (training.state.losses[step - 1], training.state.tests[epoch - 1]);
            let (test_loss, right) = (test.loss, 100.0 * test.right);
            println!("epoch {epoch}: last loss {loss:.4}, test loss {test_loss:.4}, {right:.1} % right");
        }
        let is_due = args.every.map_or(ends_epoch, |every| step % every.max(1) == 0);
        if is_due || step == training.steps() {
            save(args, world, &training.state)?;
        }
    }
    let steps = training.next() - first;
    let drawn = if is_first { draw(args, world, &training, steps, began.elapsed()) } else { Ok(()) };
    all_ok(world, drawn)
}

/// The training before its next step, if all ranks have the same idea of it.
fn start(args: &Args, world: &SimpleCommunicator) -> Result<Training, String> {
    set_patience(args.patience);
    let threads = rayon::ThreadPoolBuilder::new().num_threads(args.threads).build_global();
    all_ok(world, threads.map_err(|error| error.to_string()))?;
    let recipe = args.recipe.clone();
    same(world, "their recipe", &format!("{recipe:?}, every {:?}, resume {}", args.every, args.resume))?;
    let arithmetic = recipe.arithmetic().map_err(|error| error.to_string());
    same(world, "their arithmetic (--portable has the same everywhere)", &all_ok(world, arithmetic)?)?;

    let source = args.mnist.clone().map_or(Source::Digits, Source::Idx);
    let read = Training::new(SimpleCommunicator::world(), recipe.clone(), &source);
    let read = read.and_then(|training| Ok((training.describe(&source)?, training)));
    let (images, mut training) = all_ok(world, read)?;
    same(world, "their images", &images)?;

    // Of a shard only its rank has a digest. All of them in the order of ranks depend on the number of ranks; sorted they do not.
    let mut digests = gather(world, &training.digests()).concat();
    digests.sort_unstable();
    let bytes: Vec<u8> = digests.into_iter().flat_map(u64::to_le_bytes).collect();
    let setup = format!("{recipe:?}, images with digest {:016x}", xxh3_64(&bytes));
    if let Some(path) = args.checkpoint.as_ref().filter(|_| args.resume) {
        let read = if world.rank() == 0 { checkpoint::read(path) } else { Ok(Vec::new()) };
        let bytes = gather(world, &all_ok(world, read)?).concat();
        let state = State::decode(&bytes).map_err(|problem| format!("{}: {problem}", path.display()))?;
        if state.setup != setup {
            return Err(format!(
                "{} is of another training: {}, this is {setup}",
                path.display(),
                state.setup
            ));
        }
        training.state = state;
    }
    training.state.setup = setup;
    Ok(training)
}

/// Writes the state, once all ranks are seen to have the same one.
fn save(args: &Args, world: &SimpleCommunicator, state: &State) -> Result<(), String> {
    let bytes = all_ok(world, state.encode())?;
    same(world, "their state", &format!("one with digest {:016x}", xxh3_64(&bytes)))?;
    let path = args.checkpoint.as_ref().filter(|_| world.rank() == 0);
    all_ok(world, path.map_or(Ok(()), |path| state.save(path)))
}

fn draw(
    args: &Args,
    world: &SimpleCommunicator,
    training: &Training,
    steps: usize,
    took: Duration,
) -> Result<(), String> {
    let (ranks, seconds) = (world.size(), took.as_secs_f64());
    println!("{steps} steps in {seconds:.2} s");
    let Some(test) = training.state.tests.last() else { return Ok(()) };
    let title = format!("{:.1} % of the test images read right", 100.0 * test.right);
    let subtitle = format!("ranks: {ranks}, shards: {}, seed: {}", args.recipe.shards, args.recipe.seed);
    let picture = picture::losses(&title, &subtitle, &training.state, training.steps_per_epoch());
    let saved = picture.and_then(|svg| canvas::save("many_ranks.svg", &svg));
    println!("{}", saved.map_err(|error| error.to_string())?.display());
    Ok(())
}
