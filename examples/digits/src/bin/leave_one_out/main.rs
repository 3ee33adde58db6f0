//! What the loss of an image would be if the net had been trained without it, without training again.
//!
//! ```text
//! cargo run --release -p digits --bin leave_one_out
//! ```
//!
//! The mean of these losses tells, from the training images alone, what to expect of new ones. The program trains a net
//! for several strengths of L2, and sets the predicted mean beside the loss of the test images; and for some images it
//! does train again, to see how good single predictions are. How they are made: `influence`.

mod influence;
mod picture;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use digits::canvas;
use digits::data::{self, CLASSES, Data};
use digits::net::{Objective, initial_parameters};
use digits::solvers::{lbfgs, norm};
use fastrand::Rng;
use handgrad::{Dims, derivation};

use influence::{TOLERANCE, left_out};

const HIDDEN: usize = 16;

/// α1 = α2 of L2.
const PENALTIES: [f64; 7] = [1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4];

/// Those for which some images are really left out.
const RETRAINED: [f64; 2] = [1e-2, 1e-3];

/// The loss without it is predicted for so many images.
const SAMPLE: usize = 200;

/// How often the net is trained again: without every fifth of the sample's images, in the order of their losses, until all are
/// used that have a loss to speak of.
const RETRAININGS: usize = 20;

/// Training ends when a hundred steps have taken off less than this part of the objective: many hidden units are at their
/// kinks at the minimum, where the gradient jumps and is never 0.
const LEAST: f64 = 1e-5;

/// A mean and its standard error.
#[derive(Clone, Copy)]
pub struct Mean {
    /// The mean.
    pub value: f64,
    /// The standard error.
    pub error: f64,
}

impl Mean {
    fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let value = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|v| (v - value).powi(2)).sum();
        Self { value, error: (squares / (n - 1.0) / n).sqrt() }
    }
}

/// What was found for one strength of L2.
pub struct Row {
    /// α1 = α2.
    pub penalty: f64,
    /// The mean loss of the training images.
    pub train: f64,
    /// The same, of each as if it had been left out.
    pub predicted: Mean,
    /// The mean loss of the test images.
    pub test: Mean,
}

/// The rises of an image's loss when the net is trained without it: (predicted, real).
pub type Rises = Vec<(f64, f64)>;

fn main() -> ExitCode {
    match run(&mut io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("error: {err}");
            ExitCode::FAILURE
        }
    }
}

fn run(out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let mut rng = Rng::with_seed(1);
    let Data { train, test } = data::digits(&mut rng)?;
    let dims = Dims::new(train.inputs(), HIDDEN, CLASSES)?;
    let start: Vec<f64> = initial_parameters(dims, &mut rng).into_iter().map(f64::from).collect();
    let (pixels, test_pixels) = (train.doubles(), test.doubles());
    let (n, n_test) = (train.len(), test.len());
    writeln!(out, "{n} training and {n_test} test images, {HIDDEN} hidden units")?;
    writeln!(out, "mean losses; the one without the image itself is predicted for {SAMPLE} training images")?;
    writeln!(
        out,
        "L2       gradient  training  without the image  test images      wrong  products an image"
    )?;
    let (mut rows, mut rises) = (Vec::new(), Vec::new());
    for penalty in PENALTIES {
        let mut objective = Objective::new(dims, &pixels, &train.labels, [penalty; 2]);
        let fit = lbfgs(start.clone(), 1e-9, LEAST, |x, grad| objective.loss_and_grad(x, grad))?;
        let (own, _) = losses(&mut objective, &fit.x)?;
        let (new, wrong) = losses(&mut Objective::new(dims, &test_pixels, &test.labels, [0.0; 2]), &fit.x)?;

        // The images are in random order.
        let sample: Vec<usize> = (0..SAMPLE).collect();
        let (without, products) = left_out(&mut objective, &fit.x, &sample, TOLERANCE)?;
        let rise: Vec<f64> = without.iter().zip(&own).map(|(without, own)| without - own).collect();
        // The sample tells how much the mean rises; both are means over images that might have been others.
        let (Mean { value: train_loss, error }, rise_mean) = (Mean::of(&own), Mean::of(&rise));
        let predicted = Mean { value: train_loss + rise_mean.value, error: error.hypot(rise_mean.error) };
        let row = Row { penalty, train: train_loss, predicted, test: Mean::of(&new) };
        let (gradient, each) = (norm(&fit.grad), products / SAMPLE);
        write!(out, "{penalty:<8e} {gradient:>8.0e} {train_loss:>9.3}")?;
        for Mean { value, error } in [row.predicted, row.test] {
            write!(out, "    {value:>6.3} ± {error:.3}")?;
        }
        writeln!(out, "   {wrong:>7} {each:>12}")?;
        rows.push(row);
        if RETRAINED.contains(&penalty) {
            let mut hardest = sample;
            hardest.sort_by(|&a, &b| own[b].total_cmp(&own[a]));
            let chosen: Vec<usize> = hardest.into_iter().step_by(5).take(RETRAININGS).collect();
            let real = retrained(&mut objective, &fit.x, &chosen)?;
            rises.push((
                penalty,
                chosen.iter().zip(real).map(|(&i, real)| (rise[i], real - own[i])).collect(),
            ));
        }
    }
    compare(out, &rises)?;
    let svg = picture::leave_one_out(&rows, &rises)?;
    writeln!(out, "{}", canvas::save("leave_one_out.svg", &svg)?.display())?;
    Ok(())
}

/// The loss of each image, without L2, and how many are taken for another class.
fn losses(objective: &mut Objective<'_>, theta: &[f64]) -> Result<(Vec<f64>, usize), handgrad::Error> {
    let (scores, classes) = objective.scores(theta)?;
    let labels = || objective.labels().iter().copied().map(usize::from);
    let losses = scores.chunks_exact(CLASSES).zip(labels()).map(|(scores, y)| derivation::loss(scores, y));
    let wrong = classes.iter().zip(labels()).filter(|(class, y)| *class != y).count();
    Ok((losses.collect::<Result<_, _>>()?, wrong))
}

/// The loss of each of these images after the net was trained on without it, from `theta`.
fn retrained(
    objective: &mut Objective<'_>,
    theta: &[f64],
    images: &[usize],
) -> Result<Vec<f64>, handgrad::Error> {
    let without = |&i: &usize| {
        objective.set_weight(i, 0.0);
        let fit = lbfgs(theta.to_vec(), 1e-9, LEAST, |x, grad| objective.loss_and_grad(x, grad))?;
        objective.set_weight(i, 1.0);
        Ok(losses(&mut objective.of_image(i), &fit.x)?.0[0])
    };
    images.iter().map(without).collect()
}

/// How the predicted rises go with the real ones. An error if they do not.
fn compare(out: &mut impl Write, rises: &[(f64, Rises)]) -> Result<(), Box<dyn Error>> {
    for (penalty, rises) in rises {
        let (correlation, slope) = regression(rises);
        // One large rise can make any correlation.
        let (other_correlation, other_slope) = regression(&rises[1..]);
        writeln!(
            out,
            "L2 {penalty:e}, {} images really left out: rise of their losses, predicted and real: \
             correlation {correlation:.3}, slope {slope:.2}; without the hardest image {other_correlation:.3}, {other_slope:.2}",
            rises.len()
        )?;
        if !(0.9..=1.0).contains(&correlation.min(other_correlation)) || !(0.7..1.5).contains(&slope) {
            return Err("the predictions do not agree with what training again gives".into());
        }
    }
    Ok(())
}

/// The correlation of pairs (x, y), and the slope of y over x.
fn regression(pairs: &[(f64, f64)]) -> (f64, f64) {
    let n = pairs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let sum = |of: fn(f64, f64) -> f64| pairs.iter().map(|pair| of(pair.0 - x, pair.1 - y)).sum::<f64>();
    let (xx, xy, yy) = (sum(|a, _| a * a), sum(|a, b| a * b), sum(|_, b| b * b));
    (xy / (xx * yy).sqrt(), xy / xx)
}

#[cfg(test)]
mod tests {
    use super::{Mean, regression};

    #[test]
    fn mean_and_regression_of_a_few_numbers() {
        let mean = Mean::of(&[1.0, 2.0, 6.0]);
        // Variance 7, of the mean 7/3.
        assert!((mean.value - 3.0).abs() < 1e-15 && (mean.error - (7.0f64 / 3.0).sqrt()).abs() < 1e-15);
        let (correlation, slope) = regression(&[(0.0, 1.0), (1.0, 3.0), (2.0, 2.0)]);
        assert!((correlation - 0.5).abs() < 1e-15 && (slope - 0.5).abs() < 1e-15);
    }
}
