//! The training: each step's batch has some images of each shard, whoever owns it.

use std::ops::Range;

use digits::data::CLASSES;
use fastrand::Rng;
use handgrad::shards::{Shards, part};
use handgrad::start::{Random, Start};
use handgrad::{Batch, Dims, Engine, MatRef, Params, ParamsMut, Pass, Rayon};
use mpi::topology::SimpleCommunicator;
use mpi::traits::Communicator;
use xxhash_rust::xxh3::xxh3_64;

use crate::checkpoint::{State, Test};
use crate::data::{Part, Share, Source};
use crate::exchange::Exchange;

/// What the bits of the result depend on, beside the images.
#[derive(clap::Args, Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Number of hidden units
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub hidden: usize,
    /// How often to go through the training images
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub epochs: usize,
    /// How many images there are in a step, about
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub batch: usize,
    /// How many shards the images are cut into, whatever the ranks: best, a power of two times their number
    #[arg(long, value_name = "N", default_value_t = 16)]
    pub shards: usize,
    /// The learning rate at the beginning; it falls to 0
    #[arg(long, value_name = "R", default_value_t = 0.1)]
    pub rate: f32,
    /// How much of the last step is in the next one
    #[arg(long, value_name = "R", default_value_t = 0.9)]
    pub momentum: f32,
    /// L2: how strongly the weights are drawn to 0
    #[arg(long, value_name = "R", default_value_t = 1e-4)]
    pub l2: f32,
    /// Begins the random numbers
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Compute without vector instructions: with the same bits on machines that have different ones
    #[arg(long)]
    pub portable: bool,
}

/// One rank's part of a training.
pub struct Training {
    recipe: Recipe,
    dims: Dims,
    train: Share,
    test: Share,
    gradients: Exchange<f32>,
    tests: Exchange<f32>,
    /// In this epoch, the order of each own shard's images.
    order: (usize, Vec<Vec<usize>>),
    scratch: Vec<f32>,
    /// The same on every rank.
    pub state: State,
}

type Result<T, E = handgrad::Error> = std::result::Result<T, E>;

impl Training {
    /// Reads this rank's share of the images. The state is that before the first step.
    pub fn new(world: SimpleCommunicator, recipe: Recipe, source: &Source) -> Result<Self, String> {
        let (rank, ranks) = (world.rank() as usize, world.size() as usize);
        let train = Share::read(source, Part::Train, recipe.shards, rank, ranks)?;
        let test = Share::read(source, Part::Test, recipe.shards, rank, ranks)?;
        Self::of_shares(world, recipe, train, test).map_err(|error| error.to_string())
    }

    fn of_shares(world: SimpleCommunicator, recipe: Recipe, train: Share, test: Share) -> Result<Self> {
        let dims = Dims::new(train.images.inputs(), recipe.hidden, CLASSES)?;
        let mut theta = vec![0.0; dims.param_len()];
        let mut random = Random::new(recipe.seed);
        Start::HeNormal.fill(&mut ParamsMut::from_flat(dims, &mut theta)?, || random.next_u64());
        let velocity = vec![0.0; theta.len()];
        let gradients = Exchange::new(SimpleCommunicator::world(), train.shards, theta.len() + 1)?;
        let tests = Exchange::new(world, test.shards, 2)?;
        let scratch = vec![0.0; dims.scratch_len(train.images.len().max(test.images.len()))];
        let state = State { theta, velocity, ..State::default() };
        let order = (usize::MAX, Vec::new());
        Ok(Self { recipe, dims, train, test, gradients, tests, order, scratch, state })
    }

    /// What all ranks must have in common beside the recipe.
    pub fn describe(&self, source: &Source) -> Result<String, String> {
        let train = self.train.describe(source, Part::Train)?;
        Ok(format!("{train}; to test, {}", self.test.describe(source, Part::Test)?))
    }

    /// Digests of this rank's shards.
    pub fn digests(&self) -> Vec<u64> {
        [&self.train.digests[..], &self.test.digests].concat()
    }

    /// How many steps an epoch has.
    pub fn steps_per_epoch(&self) -> usize {
        self.train.shards.examples().div_ceil(self.recipe.batch).max(1)
    }

    /// How many steps there are in all.
    pub fn steps(&self) -> usize {
        self.recipe.epochs * self.steps_per_epoch()
    }

    /// The number of the next step.
    pub fn next(&self) -> usize {
        self.state.losses.len()
    }

    /// How many bytes this rank sends in a step.
    pub fn bytes_per_step(&self) -> Result<usize> {
        self.gradients.bytes_sent()
    }

    /// Makes one step. An error is the same on every rank.
    pub fn step(&mut self) -> Result<(), String> {
        let text = |error: handgrad::Error| error.to_string();
        let steps = self.steps_per_epoch();
        let (epoch, place) = (self.next() / steps, self.next() % steps);
        self.shuffle(epoch).map_err(text)?;
        let loss = self.learn(place, steps).map_err(text)?;
        if !loss.is_finite() {
            return Err(format!("the training diverged: the loss of step {} is {loss}", self.next()));
        }
        self.state.losses.push(loss);
        if place + 1 == steps {
            let test = self.judge().map_err(text)?;
            self.state.tests.push(test);
        }
        Ok(())
    }

    /// The images of each own shard in an order of their own: by the seed, the epoch and the shard, not by the rank.
    fn shuffle(&mut self, epoch: usize) -> Result<()> {
        if self.order.0 == epoch {
            return Ok(());
        }
        let shuffled = |shard: usize| {
            let key = [self.recipe.seed, epoch as u64, shard as u64].map(u64::to_le_bytes).concat();
            let mut order: Vec<usize> = self.train.places(shard)?.collect();
            Rng::with_seed(xxh3_64(&key)).shuffle(&mut order);
            Ok(order)
        };
        self.order = (epoch, self.train.own.clone().map(shuffled).collect::<Result<_>>()?);
        Ok(())
    }

    /// One step of gradient descent on a batch, and its loss.
    fn learn(&mut self, place: usize, steps: usize) -> Result<f32> {
        let Self { recipe, dims, train, gradients, order, scratch, state, .. } = self;
        // Each shard is cut into the steps of an epoch. Every rank knows how many images all shards have in this one.
        let cut = |len: usize| Shards::new(len, steps)?.range(place);
        let mut n = 0;
        for shard in 0..train.shards.count() {
            n += cut(train.shards.range(shard)?.len())?.len();
        }
        let params = Params::from_flat(*dims, &state.theta)?;
        let sum = gradients.sum(|shard, terms| {
            let order = &order.1[shard - train.own.start];
            let images = train.images.pick(&order[cut(order.len())?]);
            let (loss, grad) = terms.split_at_mut(1);
            let pass = Pass::new(params, images.batch()?).l2(recipe.l2, recipe.l2).engine(recipe.engine());
            let pass = part(pass, shard, n as f32).executor(&Rayon);
            loss[0] = pass.grad(ParamsMut::from_flat(*dims, grad)?).run(scratch)?;
            Ok(())
        })?;
        let steps = (recipe.epochs * steps) as f32;
        let rate = recipe.rate * (1.0 - state.losses.len() as f32 / steps);
        let changes = state.velocity.iter_mut().zip(&sum[1..]);
        for (theta, (velocity, grad)) in state.theta.iter_mut().zip(changes) {
            *velocity = recipe.momentum * *velocity - rate * grad;
            *theta += *velocity;
        }
        Ok(sum[0])
    }

    /// How well the test images are read.
    fn judge(&mut self) -> Result<Test> {
        let Self { recipe, dims, test, tests, scratch, state, .. } = self;
        let n = test.shards.examples() as f32;
        let params = Params::from_flat(*dims, &state.theta)?;
        let sum = tests.sum(|shard, terms| {
            let Range { start, end } = test.places(shard)?;
            let (images, m) = (&test.images, dims.inputs());
            let x = MatRef::new(&images.pixels[start * m..end * m], end - start, m)?;
            let labels = &images.labels[start..end];
            let mut classes = vec![0; end - start];
            let pass = Pass::new(params, Batch::new(x, labels)?).engine(recipe.engine());
            let pass = part(pass, shard, n).executor(&Rayon);
            terms[0] = pass.predictions(&mut classes).run(scratch)?;
            let right = classes.iter().zip(labels).filter(|&(&class, &label)| class == usize::from(label));
            terms[1] = right.count() as f32;
            Ok(())
        })?;
        Ok(Test { loss: sum[0], right: sum[1] / n })
    }
}

impl Recipe {
    fn engine(&self) -> Engine<'static, f32> {
        if self.portable { Engine::Portable } else { Engine::Auto }
    }

    /// A digest of the gradient of a fixed net on fixed images: different where processors do not round alike.
    pub fn arithmetic(&self) -> Result<String> {
        let (dims, n) = (Dims::new(64, 32, CLASSES)?, 64);
        let mut random = Random::new(1);
        let mut numbers =
            |len| (0..len).map(|_| random.next_u64() as i32 as f32 * 2f32.powi(-32)).collect::<Vec<_>>();
        let (theta, x) = (numbers(dims.param_len()), numbers(64 * n));
        let labels: Vec<usize> = (0..n).map(|i| i % CLASSES).collect();
        let (mut grad, mut scratch) = (vec![0.0; dims.param_len()], vec![0.0; dims.scratch_len(n)]);
        Pass::new(Params::from_flat(dims, &theta)?, Batch::new(MatRef::new(&x, n, 64)?, &labels)?)
            .engine(self.engine())
            .grad(ParamsMut::from_flat(dims, &mut grad)?)
            .run(&mut scratch)?;
        let bytes: Vec<u8> = grad.iter().flat_map(|g| g.to_le_bytes()).collect();
        Ok(format!("a gradient with digest {:016x}", xxh3_64(&bytes)))
    }
}
