//! What a sum over shards costs beside MPI_Allreduce of the same gradient, and what it saves to send nodes while others are
//! computed. Times are medians over repetitions, of the rank that takes longest; the ways take turns.
//!
//! ```text
//! mpirun -n 2 target/release/cost --inputs 784 --hidden 1024 --classes 10 --batch 512
//! ```

use std::time::Instant;

use clap::Parser;
use handgrad::shards::{Shards, part};
use handgrad::start::{Random, Start};
use handgrad::{Batch, Dims, MatRef, Params, ParamsMut, Pass, Reduction};
use handgrad_mpi::agree::gather;
use handgrad_mpi::exchange::{Exchange, Written};
use handgrad_mpi::faults::{end_job_on_panic, fail};
use mpi::collective::SystemOperation;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives, Destination, Source};

/// Times sums of gradients over MPI.
#[derive(Parser)]
struct Args {
    #[arg(long, default_value_t = 784)]
    inputs: usize,
    #[arg(long, default_value_t = 1024)]
    hidden: usize,
    #[arg(long, default_value_t = 10)]
    classes: usize,
    /// Examples in a step
    #[arg(long, default_value_t = 512)]
    batch: usize,
    #[arg(long, default_value_t = 16)]
    shards: usize,
    #[arg(long, default_value_t = 15)]
    repeats: usize,
}

/// Random examples, the same on every rank.
struct Work {
    dims: Dims,
    shards: Shards,
    theta: Vec<f32>,
    x: Vec<f32>,
    labels: Vec<usize>,
    scratch: Vec<f32>,
}

impl Work {
    fn new(args: &Args) -> Result<Self, handgrad::Error> {
        let dims = Dims::new(args.inputs, args.hidden, args.classes)?;
        let shards = Shards::new(args.batch, args.shards)?;
        let mut random = Random::new(1);
        let mut theta = vec![0.0; dims.param_len()];
        Start::HeNormal.fill(&mut ParamsMut::from_flat(dims, &mut theta)?, || random.next_u64());
        let x =
            (0..args.batch * args.inputs).map(|_| random.next_u64() as i32 as f32 * 2f32.powi(-31)).collect();
        let labels = (0..args.batch).map(|i| i % args.classes).collect();
        Ok(Self { dims, shards, theta, x, labels, scratch: vec![0.0; dims.scratch_len(args.batch)] })
    }

    /// Writes a shard's loss and gradient, or adds them to what is there.
    fn shard(&mut self, shard: usize, terms: &mut [f32], adds: bool) -> Written {
        let (own, m) = (self.shards.range(shard)?, self.dims.inputs());
        let x = MatRef::new(&self.x[own.start * m..own.end * m], own.len(), m)?;
        let pass = Pass::new(Params::from_flat(self.dims, &self.theta)?, Batch::new(x, &self.labels[own])?);
        let pass = part(pass.reduction(Reduction::Sum), shard, self.shards.examples() as f32);
        let (loss, grad) = terms.split_at_mut(1);
        let grad = ParamsMut::from_flat(self.dims, grad)?;
        let pass = if adds { pass.accumulate_grad(grad) } else { pass.grad(grad) };
        loss[0] = pass.run(&mut self.scratch)? + if adds { loss[0] } else { 0.0 };
        Ok(())
    }
}

/// The ways that are timed.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// The gradients of the own shards, added plainly.
    Computing,
    /// And MPI_Allreduce of them.
    Allreduce,
    /// The tree, nodes sent when all are computed.
    TreeAfter,
    /// The tree, nodes sent as soon as they are complete.
    Tree,
    /// MPI_Allreduce alone.
    AllreduceAlone,
    /// The exchange alone, of one vector a rank.
    TreeAlone,
}

const WAYS: [(Way, &str); 6] = [
    (Way::Computing, "gradients of the own shards"),
    (Way::Allreduce, "gradients, then MPI_Allreduce"),
    (Way::TreeAfter, "tree, no overlap"),
    (Way::Tree, "tree"),
    (Way::AllreduceAlone, "MPI_Allreduce alone"),
    (Way::TreeAlone, "tree alone, a shard a rank"),
];

fn main() {
    let Some(universe) = mpi::initialize() else { panic!("MPI does not start") };
    end_job_on_panic();
    let args = Args::parse();
    run(&args, &universe.world()).unwrap_or_else(|error| fail(&error.to_string()));
}

fn run(args: &Args, world: &SimpleCommunicator) -> Result<(), handgrad::Error> {
    let (rank, ranks) = (world.rank() as usize, world.size() as usize);
    let mut work = Work::new(args)?;
    let len = work.theta.len() + 1;
    let own = work.shards.owned(rank, ranks)?;
    let exchange = || Exchange::<f32>::new(SimpleCommunicator::world(), work.shards, len);
    let (mut tree, mut after) = (exchange()?, exchange()?.without_overlap());
    let mut alone = Exchange::<f32>::new(SimpleCommunicator::world(), Shards::new(0, ranks)?, len)?;
    let (mut sum, mut total) = (vec![0.0; len], vec![0.0; len]);
    let mut times = vec![Vec::new(); WAYS.len()];
    // The first two warm up.
    for repeat in 0..args.repeats + 2 {
        for ((way, _), times) in WAYS.into_iter().zip(&mut times) {
            world.barrier();
            let start = Instant::now();
            match way {
                Way::Computing | Way::Allreduce => {
                    for (k, shard) in own.clone().enumerate() {
                        work.shard(shard, &mut sum, k > 0)?;
                    }
                }
                Way::TreeAfter => drop(after.sum(|shard, terms| work.shard(shard, terms, false))?),
                Way::Tree => drop(tree.sum(|shard, terms| work.shard(shard, terms, false))?),
                Way::TreeAlone => drop(alone.sum(|_, _| Ok(()))?),
                Way::AllreduceAlone => {}
            }
            if matches!(way, Way::Allreduce | Way::AllreduceAlone) {
                world.all_reduce_into(&sum[..], &mut total[..], SystemOperation::sum());
            }
            let longest =
                gather(world, &[start.elapsed().as_secs_f64()]).concat().into_iter().fold(0.0, f64::max);
            if repeat >= 2 {
                times.push(longest);
            }
        }
    }
    let wire = wire(world, args.repeats);
    let (sent, sent_alone) = (tree.bytes_sent()?, alone.bytes_sent()?);
    if rank == 0 {
        println!("ranks {ranks}, shards {}, batch {}, {len} numbers", args.shards, args.batch);
        for ((_, name), times) in WAYS.iter().zip(&mut times) {
            println!("{name:<32} {:>9.3} ms", 1e3 * median(times));
        }
        println!("rank 0 sends {sent} bytes a step; {sent_alone} with a shard a rank");
        if let Some((latency, rate)) = wire {
            println!("a message takes {:.2} us, and a second for {:.2} GB", 1e6 * latency, 1e-9 * rate);
        }
    }
    Ok(())
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() / 2]
}

/// How long the shortest message takes from rank 0 to rank 1, and how many bytes a second a long one has.
fn wire(world: &SimpleCommunicator, repeats: usize) -> Option<(f64, f64)> {
    if world.size() < 2 {
        return None;
    }
    let one_way = |len: usize, trips: usize| {
        let mut buffer = vec![0u8; len];
        let mut times = Vec::new();
        for _ in 0..repeats {
            world.barrier();
            let start = Instant::now();
            for _ in 0..trips {
                match world.rank() {
                    0 => {
                        world.process_at_rank(1).send(&buffer[..]);
                        world.process_at_rank(1).receive_into(&mut buffer[..]);
                    }
                    1 => {
                        world.process_at_rank(0).receive_into(&mut buffer[..]);
                        world.process_at_rank(0).send(&buffer[..]);
                    }
                    _ => {}
                }
            }
            times.push(start.elapsed().as_secs_f64() / (2 * trips) as f64);
        }
        median(&mut times)
    };
    let short = one_way(4, 1000);
    let long = 1 << 22;
    Some((short, long as f64 / (one_way(long, 4) - short)))
}
