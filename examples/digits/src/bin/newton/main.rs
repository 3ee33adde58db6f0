//! Newton's method for the last layer of a net, beside L-BFGS.
//!
//! ```text
//! cargo run --release -p digits --bin newton
//! ```
//!
//! W1 and b1 stay as they were at the beginning: random features. The scores are linear in W2 and b2, so of these the
//! objective is convex, and its second derivatives H are Gauss-Newton's matrix. Newton's steps need H only as a product
//! with directions, `curvature::hessian_vector`, at about twice the time of a gradient; the Kronecker factors, by
//! `curvature::kronecker_factors`, make the conjugate gradients short.

mod last_layer;
mod methods;
mod picture;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use digits::canvas;
use digits::data::{self, CLASSES};
use digits::net::{Objective, initial_parameters};
use fastrand::Rng;
use handgrad::Dims;

use last_layer::LastLayer;
use methods::{Mark, newton, quasi_newton};

const HIDDEN: usize = 128;

/// α2 of L2.
const PENALTIES: [f64; 4] = [1e-2, 1e-3, 1e-4, 1e-5];

/// The one that is drawn.
const DRAWN: f64 = 1e-3;

/// How short the gradient shall be.
const GOAL: f64 = 1e-13;

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
    let images = data::digits(&mut rng)?.train;
    let (pixels, n) = (images.doubles(), images.len());
    let dims = Dims::new(images.inputs(), HIDDEN, CLASSES)?;
    let theta: Vec<f64> = initial_parameters(dims, &mut rng).into_iter().map(f64::from).collect();
    writeln!(out, "{n} images, {HIDDEN} random features, W2 and b2 to be found, from 0")?;
    writeln!(out, "            Newton                                       L-BFGS to 1e-6    to 1e-10")?;
    writeln!(
        out,
        "L2       steps  evaluations  products  gradient     s   evaluations   s    evaluations   s"
    )?;
    for penalty in PENALTIES {
        let objective = Objective::new(dims, &pixels, &images.labels, [0.0, penalty]);
        let mut layer = LastLayer::new(objective, theta.clone());
        let marks = newton(&mut layer, GOAL)?;
        let others = quasi_newton(&mut layer, 1e-11)?;
        let last = marks.last().ok_or("no step")?;
        let Mark { steps, evaluations, products, seconds, gradient } = *last;
        write!(
            out,
            "{penalty:<8e} {steps:>5} {evaluations:>12} {products:>9} {gradient:>9.0e} {seconds:>5.2}  "
        )?;
        for goal in [1e-6, 1e-10] {
            match others.iter().find(|mark| mark.gradient <= goal) {
                Some(mark) => write!(out, "{:>12} {:>5.2}", mark.evaluations, mark.seconds)?,
                None => write!(out, "       never      ")?,
            }
        }
        writeln!(out)?;
        if gradient > 1e-12 || steps > 15 {
            return Err(format!("Newton's method: gradient {gradient:.1e} after {steps} steps").into());
        }
        if penalty == DRAWN {
            let title = format!("The last layer's minimum: {HIDDEN} features, {n} images, L2 {penalty:e}");
            let svg = picture::convergence(&title, &marks, &others)?;
            writeln!(out, "{}", canvas::save("newton.svg", &svg)?.display())?;
        }
    }
    Ok(())
}
