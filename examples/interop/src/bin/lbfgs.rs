//! argmin's L-BFGS over the flat parameter vector, on the digits.

use argmin::core::{CostFunction, Error, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use handgrad::{Batch, Dims, MatRef, Params, ParamsMut, Pass, predict};

/// Images and labels, and the net whose loss is minimised.
struct Digits {
    dims: Dims,
    x: Vec<f64>,
    labels: Vec<u8>,
}

impl Digits {
    fn read() -> Result<Self, Error> {
        let (mut x, mut labels) = (Vec::new(), Vec::new());
        let rows = include_str!("../../../data/digits.csv").lines();
        for row in rows.filter(|row| row.starts_with(|first: char| first.is_ascii_digit())) {
            let mut numbers =
                row.split(',').map(|number| number.trim().parse::<u8>()).collect::<Result<Vec<_>, _>>()?;
            labels.extend(numbers.pop());
            x.extend(numbers.into_iter().map(|pixel| f64::from(pixel) / 16.0));
        }
        Ok(Self { dims: Dims::new(64, 16, 10)?, x, labels })
    }

    fn examples(&self) -> Result<MatRef<'_, f64>, handgrad::Error> {
        MatRef::new(&self.x, self.labels.len(), self.dims.inputs())
    }

    fn pass<'a>(&'a self, theta: &'a [f64]) -> Result<Pass<'a, f64, u8>, handgrad::Error> {
        let batch = Batch::new(self.examples()?, &self.labels)?;
        Ok(Pass::new(Params::from_flat(self.dims, theta)?, batch).l2(1e-3, 1e-3))
    }

    fn scratch(&self) -> Vec<f64> {
        vec![0.0; self.dims.scratch_len(self.labels.len())]
    }
}

impl CostFunction for Digits {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, theta: &Vec<f64>) -> Result<f64, Error> {
        Ok(self.pass(theta)?.run(&mut self.scratch())?)
    }
}

impl Gradient for Digits {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, theta: &Vec<f64>) -> Result<Vec<f64>, Error> {
        let mut grad = vec![0.0; theta.len()];
        self.pass(theta)?.grad(ParamsMut::from_flat(self.dims, &mut grad)?).run(&mut self.scratch())?;
        Ok(grad)
    }
}

fn main() -> Result<(), Error> {
    let digits = Digits::read()?;
    let (dims, n) = (digits.dims, digits.labels.len());
    // Small numbers of both signs.
    let theta: Vec<f64> =
        (0..dims.param_len()).map(|i| ((i * 7919 % 1013) as f64 / 1013.0 - 0.5) * 0.4).collect();
    let start = digits.cost(&theta)?;
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), 10);
    let done = Executor::new(digits, solver).configure(|state| state.param(theta).max_iters(100)).run()?;
    let state = done.state();
    println!(
        "{n} images, {} parameters: loss {start:.3} -> {:.5} in {} steps",
        dims.param_len(),
        state.get_best_cost(),
        state.get_iter()
    );
    let digits = Digits::read()?;
    let best = state.get_best_param().ok_or_else(|| Error::msg("no parameters"))?;
    let mut classes = vec![0; n];
    predict(Params::from_flat(dims, best)?, digits.examples()?, &mut classes, &mut digits.scratch())?;
    let right =
        classes.iter().zip(&digits.labels).filter(|(class, label)| **class == usize::from(**label)).count();
    println!("{right} of them right");
    if right * 100 < n * 98 {
        return Err(Error::msg("less than 98 %"));
    }
    Ok(())
}
