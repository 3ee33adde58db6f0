//! Learns to read handwritten digits, and draws how.
//!
//! ```text
//! cargo run --release -p digits            # -- --help for more
//! ```
//!
//! The net has one hidden layer. It is trained with mini-batches and momentum, in the loop `train`: that is
//! where to look for how this crate is used. The rest is loading (`data`), a check of the gradient
//! (`verify`) and drawing (`picture`).

mod picture;
mod verify;

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use clap::builder::RangedU64ValueParser;
use digits::canvas;
use digits::data::{self, CLASSES, Data, Images};
use digits::net::initial_parameters;
use fastrand::Rng;
use handgrad::{Dims, Params, ParamsMut, Pass, loss, loss_and_grad, predict};
use indicatif::{ProgressBar, ProgressStyle};

/// Learns to read handwritten digits with a net of one hidden layer.
///
/// Verifies the gradient by finite differences, trains, prints the share of test images that are read right,
/// and draws two pictures into target/digits: how the training went, and what the hidden units have learned.
#[derive(Parser)]
struct Args {
    /// Number of hidden units
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = count(10_000))]
    hidden: usize,

    /// How often to go through the training images [default: 300, or 20 with --mnist]
    #[arg(long, value_name = "N", value_parser = count(10_000))]
    epochs: Option<usize>,

    /// Begins the random numbers: the same seed gives the same net
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Train on MNIST, or a relative like Fashion-MNIST, instead of the digits that come with this example
    ///
    /// DIR has the four files, unpacked: train-images-idx3-ubyte, train-labels-idx1-ubyte,
    /// t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte (or with a dot, train-images.idx3-ubyte).
    #[arg(long, value_name = "DIR")]
    mnist: Option<PathBuf>,
}

/// A number from 1 up to what still fits into memory and patience.
fn count(most: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=most)
}

/// How to train. It suits the data, above all the number of images and of pixels with ink.
struct Recipe {
    epochs: usize,
    batch: usize,
    /// The learning rate at the beginning; it falls to 0.
    rate: f32,
    /// Each time an image is seen, each pixel is moved by up to this, so that a few images can't be learned by
    /// heart. With the digits it avoids more than a third of the mistakes.
    noise: f32,
}

const DIGITS: Recipe = Recipe { epochs: 300, batch: 16, rate: 0.03, noise: 0.4 };
const MNIST: Recipe = Recipe { epochs: 20, batch: 64, rate: 0.02, noise: 0.1 };

/// How much of the last step is in the next one.
const MOMENTUM: f32 = 0.9;

/// How strongly the parameters are drawn to 0.
const WEIGHT_DECAY: f32 = 1e-4;

/// The losses after some number of epochs.
pub struct Losses {
    train: f32,
    test: f32,
}

fn main() -> ExitCode {
    match run(&Args::parse(), &mut io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("error: {err}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let mut rng = Rng::with_seed(args.seed);
    let (data, mut recipe) = match &args.mnist {
        Some(dir) => (data::idx(dir)?, MNIST),
        None => (data::digits(&mut rng)?, DIGITS),
    };
    recipe.epochs = args.epochs.unwrap_or(recipe.epochs);
    let (rows, cols) = data.train.size;
    let dims = Dims::new(rows * cols, args.hidden, CLASSES)?;
    let (n, n_test) = (data.train.len(), data.test.len());
    writeln!(out, "{n} images of {rows} x {cols} pixels to learn from, {n_test} to test")?;
    let net = format!("{} inputs, {} hidden, {CLASSES} classes", dims.inputs(), dims.hidden());
    writeln!(out, "net: {net}")?;

    let mut theta = initial_parameters(dims, &mut rng);
    let verified = verify::gradient(dims, &theta, &data.train, rng.fork().get_seed())?;
    let (worst, compared, resolution) = (verified.worst, verified.compared, verified.resolution);
    write!(out, "gradient verified: worst relative error {worst:.1e} over {compared} slopes")?;
    writeln!(out, " (one of {resolution:.1e} would have been noticed)")?;

    let (history, took) = train(&data, dims, &recipe, &mut theta, &mut rng)?;
    let (seconds, epochs) = (took.as_secs_f64(), recipe.epochs);
    let speed = (n * epochs) as f64 / seconds;
    writeln!(out, "trained in {seconds:.2} s (epochs: {epochs}): {speed:.0} examples per second")?;

    let params = Params::from_flat(dims, &theta)?;
    let mut classes = vec![0; n_test];
    predict(params, data.test.matrix()?, &mut classes, &mut vec![0.0; dims.scratch_len(n_test)])?;
    let right = count_right(&classes, &data.test);
    let accuracy = format!("{:.1} % ({right} of {n_test})", percent(right, n_test));
    writeln!(out, "test accuracy {accuracy}")?;

    let title = format!("Test accuracy {accuracy}");
    let subtitle = format!("{net}; {n} training images; epochs: {epochs}, seed: {}", args.seed);
    let confusion = confusion(&classes, &data.test);
    let training = picture::training(&title, &subtitle, &history, &confusion)?;
    let units = picture::hidden_units(params, data.train.size)?;
    for (name, svg) in [("training.svg", training), ("hidden_units.svg", units)] {
        writeln!(out, "{}", canvas::save(name, &svg)?.display())?;
    }
    Ok(())
}

/// Trains the net whose parameters are `theta`. Returns the losses from before the first epoch to after the
/// last, and the time spent in learning.
fn train(
    data: &Data,
    dims: Dims,
    recipe: &Recipe,
    theta: &mut [f32],
    rng: &mut Rng,
) -> Result<(Vec<Losses>, Duration), Box<dyn Error>> {
    let n = data.train.len();
    let mut grad = vec![0.0; dims.param_len()];
    let mut velocity = vec![0.0; dims.param_len()];
    let mut scratch = vec![0.0; dims.scratch_len(n.max(data.test.len()))];
    let mut order: Vec<usize> = (0..n).collect();
    let steps = recipe.epochs * n.div_ceil(recipe.batch);
    let mut step = 0;

    let mut took = Duration::ZERO;
    let bar = progress_bar(recipe.epochs)?;
    let mut history = vec![losses(Params::from_flat(dims, theta)?, data, &mut scratch, &bar)?];
    for _ in 0..recipe.epochs {
        let start = Instant::now();
        rng.shuffle(&mut order);
        for picked in order.chunks(recipe.batch) {
            let mut images = data.train.pick(picked);
            images.pixels.iter_mut().for_each(|pixel| *pixel += recipe.noise * (2.0 * rng.f32() - 1.0));

            let params = Params::from_flat(dims, theta)?;
            let dtheta = ParamsMut::from_flat(dims, &mut grad)?;
            loss_and_grad(params, images.batch()?, dtheta, &mut scratch)?;

            let rate = recipe.rate * (1.0 - step as f32 / steps as f32);
            for ((theta, velocity), grad) in theta.iter_mut().zip(&mut velocity).zip(&grad) {
                *velocity = MOMENTUM * *velocity - rate * (grad + WEIGHT_DECAY * *theta);
                *theta += *velocity;
            }
            step += 1;
        }
        took += start.elapsed();
        history.push(losses(Params::from_flat(dims, theta)?, data, &mut scratch, &bar)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok((history, took))
}

/// The losses of all training and all test images, which the progress bar shows.
fn losses(
    params: Params<'_, f32>,
    Data { train, test }: &Data,
    scratch: &mut [f32],
    bar: &ProgressBar,
) -> Result<Losses, Box<dyn Error>> {
    let mut classes = vec![0; test.len()];
    let losses = Losses {
        train: loss(params, train.batch()?, scratch)?,
        test: Pass::new(params, test.batch()?).predictions(&mut classes).run(scratch)?,
    };
    if !losses.train.is_finite() {
        return Err(format!("the training diverged: the loss is {}", losses.train).into());
    }
    let accuracy = percent(count_right(&classes, test), test.len());
    bar.set_message(format!("train loss {:.4}, test accuracy {accuracy:.1} %", losses.train));
    Ok(losses)
}

/// A bar on standard error. Where that is not a terminal, nothing is drawn.
fn progress_bar(epochs: usize) -> Result<ProgressBar, Box<dyn Error>> {
    let style = ProgressStyle::with_template("epoch {pos}/{len} {wide_bar:.blue} {msg}")?;
    Ok(ProgressBar::new(epochs as u64).with_style(style))
}

fn count_right(classes: &[usize], images: &Images) -> usize {
    classes.iter().zip(&images.labels).filter(|&(&class, &label)| class == usize::from(label)).count()
}

fn percent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole as f64
}

/// How many images of each class (rows) were taken for each class (columns).
fn confusion(classes: &[usize], images: &Images) -> [[usize; CLASSES]; CLASSES] {
    let mut counts = [[0; CLASSES]; CLASSES];
    for (&class, &label) in classes.iter().zip(&images.labels) {
        counts[usize::from(label)][class] += 1;
    }
    counts
}
