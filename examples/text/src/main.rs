//! Learns to tell languages apart, from sparse rows.
//!
//! ```text
//! cargo run --release -p text                               # -- --help for more
//! cargo run --release -p text -- "Wo ist mein Regenschirm?"
//! ```
//!
//! Pieces of words are hashed to 4096 inputs (`features`), of which a text has some hundred. `net` is where to look for how
//! this crate is used: one step of gradient descent that touches nothing but the inputs that occur.

mod bayes;
mod confusion;
mod corpus;
mod features;
mod net;

use std::error::Error;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::time::Instant;

use bayes::{NaiveBayes, largest};
use clap::Parser;
use corpus::{CLASSES, LANGUAGES, Texts};
use fastrand::Rng;
use features::{Features, INPUTS};
use handgrad::Dims;
use indicatif::{ProgressBar, ProgressStyle};
use net::{Buffers, Net};

/// Learns to tell 14 languages apart with a net of one hidden layer, and says of which the given texts are.
///
/// Trains in a second on short messages, prints how many of the messages kept back are recognised, and which languages are
/// taken for which.
#[derive(Parser)]
struct Args {
    /// Texts to classify; with `-` as the only one each line of standard input is one
    texts: Vec<String>,

    /// How often to go through the texts
    #[arg(long, value_name = "N", default_value_t = 20)]
    epochs: usize,

    /// Begins the random numbers: the same seed gives the same net
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// h, the number of hidden units.
const HIDDEN: usize = 64;
/// Texts in a step.
const BATCH: usize = 32;
/// The learning rate at the beginning; it falls to 0.
const RATE: f32 = 0.05;
/// With the usual number of epochs at least so many percent of the messages kept back are recognised.
const EXPECTED: f64 = 92.0;

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
    let (train, test) = corpus::split(&mut rng);
    let features = Features::of(train.texts.iter().copied());
    let (n, n_test, entries) = (train.texts.len(), test.texts.len(), features.csr()?.entry_count());
    writeln!(out, "{n} texts in {CLASSES} languages to learn from, {n_test} to test")?;
    writeln!(
        out,
        "net: {INPUTS} inputs, {HIDDEN} hidden, {CLASSES} classes; {} inputs of a text are not 0",
        entries / n
    )?;

    let dims = Dims::new(INPUTS, HIDDEN, CLASSES)?;
    let mut net = Net::new(dims, args.seed)?;
    let start = Instant::now();
    learn(&mut net, dims, &features, &train.labels, args.epochs, &mut rng)?;
    let seconds = start.elapsed().as_secs_f64();
    let speed = (n * args.epochs) as f64 / seconds;
    writeln!(out, "trained in {seconds:.2} s (epochs: {}): {speed:.0} texts per second", args.epochs)?;

    let found = classes(&net, test.texts.iter().copied())?;
    write!(out, "\n{}", confusion::table(&found, &test.labels))?;
    let naive = NaiveBayes::learn(&train.texts, &train.labels);
    let accuracy = judge(out, "test", &test, &found, &naive)?;
    let everyday = corpus::everyday();
    let found = classes(&net, everyday.texts.iter().copied())?;
    judge(out, "everyday", &everyday, &found, &naive)?;
    if args.epochs >= 20 && accuracy < EXPECTED {
        return Err(format!("test accuracy {accuracy:.1} %, expected at least {EXPECTED} %").into());
    }
    classify(out, &net, &args.texts)
}

/// Trains with batches that are ranges of the rows, each epoch in another order.
fn learn(
    net: &mut Net,
    dims: Dims,
    features: &Features,
    labels: &[u8],
    epochs: usize,
    rng: &mut Rng,
) -> Result<(), Box<dyn Error>> {
    let x = features.csr()?;
    let mut starts: Vec<usize> = (0..x.rows()).step_by(BATCH).collect();
    let mut buffers = Buffers::new(dims, BATCH, x.entry_count());
    let steps = epochs * starts.len();
    let mut step = 0;
    let bar = progress_bar(epochs)?;
    for _ in 0..epochs {
        rng.shuffle(&mut starts);
        let mut sum = 0.0;
        for &start in &starts {
            let rows = start..(start + BATCH).min(x.rows());
            let rate = RATE * (1.0 - step as f32 / steps as f32);
            sum += net.step(&x.rows_range(rows.clone())?, &labels[rows], rate, &mut buffers)?;
            step += 1;
        }
        let mean = sum / starts.len() as f32;
        if !mean.is_finite() {
            return Err(format!("the training diverged: the loss is {mean}").into());
        }
        bar.set_message(format!("loss {mean:.4}"));
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// A bar on standard error. Where that is not a terminal, nothing is drawn.
fn progress_bar(epochs: usize) -> Result<ProgressBar, Box<dyn Error>> {
    let style = ProgressStyle::with_template("epoch {pos}/{len} {wide_bar:.blue} {msg}")?;
    Ok(ProgressBar::new(epochs as u64).with_style(style))
}

/// The likeliest language of each text.
fn classes<'a>(net: &Net, texts: impl IntoIterator<Item = &'a str>) -> Result<Vec<usize>, handgrad::Error> {
    let features = Features::of(texts);
    let probabilities = net.probabilities(&features.csr()?)?;
    Ok(probabilities.chunks(CLASSES).map(largest).collect())
}

/// Prints the share of right answers, beside that of naive Bayes, and returns it in percent.
fn judge(
    out: &mut impl Write,
    name: &str,
    texts: &Texts,
    found: &[usize],
    naive: &NaiveBayes,
) -> io::Result<f64> {
    let n = texts.labels.len();
    let right =
        |found: &[usize]| found.iter().zip(&texts.labels).filter(|&(&f, &l)| f == usize::from(l)).count();
    let naive: Vec<usize> = texts.texts.iter().map(|text| naive.predict(text)).collect();
    let percent = |right: usize| 100.0 * right as f64 / n as f64;
    let (net, naive) = (right(found), right(&naive));
    let (accuracy, chance) = (percent(net), 100.0 / CLASSES as f64);
    writeln!(
        out,
        "{name} accuracy {accuracy:.1} % ({net} of {n}); naive Bayes {:.1} %, always the same answer {chance:.1} %",
        percent(naive)
    )?;
    Ok(accuracy)
}

/// Prints the three likeliest languages of each of the texts.
fn classify(out: &mut impl Write, net: &Net, texts: &[String]) -> Result<(), Box<dyn Error>> {
    let mut input = String::new();
    let texts: Vec<&str> = if texts == ["-"] {
        io::stdin().read_to_string(&mut input)?;
        input.lines().collect()
    } else {
        texts.iter().map(String::as_str).collect()
    };
    let features = Features::of(texts.iter().copied());
    let probabilities = net.probabilities(&features.csr()?)?;
    for (text, probabilities) in texts.iter().zip(probabilities.chunks(CLASSES)) {
        let mut order: Vec<usize> = (0..CLASSES).collect();
        order.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
        let best =
            order[..3].iter().map(|&i| format!("{} {:.1} %", LANGUAGES[i].name, 100.0 * probabilities[i]));
        writeln!(out, "{text}\n  {}", best.collect::<Vec<_>>().join(", "))?;
    }
    Ok(())
}
