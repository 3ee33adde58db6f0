//! Promise: the gradient is the gradient of the loss. The gradients by W1, b1, W2, b2 and X of random nets of up to
//! 100,000 parameters, hard cases among them, through the crate's own checker.
//!
//! More cases: `PROPTEST_CASES=10000 cargo test --release --test pass gradcheck_nets -- --nocapture`.

use std::cell::{Cell, RefCell};

use crate::strategies::{self, Problem};
use crate::support::bounds::{Rounding, bounds};
use crate::support::{Element, assert_within};
use handgrad::gradcheck::{Block, Check, Entry, Eval, Outcome, Probe, Report, branch, scratch_len};
use handgrad::{Dims, Error, Kink, MatMut, ParamsMut, Pass, Reduction, derivation};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

/// theta and x in one slice.
fn point(problem: &Problem<f64>) -> Vec<f64> {
    [problem.theta.as_slice(), &problem.x].concat()
}

/// Those of the point. One of no examples has no block X.
fn blocks(problem: &Problem<f64>) -> Vec<Block<'static>> {
    let x = Block::matrix("X", problem.labels.len(), problem.dims.inputs());
    problem.dims.blocks().into_iter().chain([x]).filter(|block| !block.is_empty()).collect()
}

/// dL/dtheta and dL/dx in one slice.
fn gradient<T: Element>(problem: &Problem<T>, kink: Kink) -> Vec<T> {
    let (dims, n) = (problem.dims, problem.labels.len());
    let (mut grad, mut dx) = (vec![T::nan(); dims.param_len()], vec![T::nan(); problem.x.len()]);
    Pass::new(problem.params().unwrap(), problem.batch().unwrap())
        .kink(kink)
        .grad(ParamsMut::from_flat(dims, &mut grad).unwrap())
        .input_grad(MatMut::new(&mut dx, n, dims.inputs()).unwrap())
        .run(&mut vec![T::nan(); dims.scratch_len(n)])
        .unwrap();
    [grad, dx].concat()
}

/// The loss at a point, and which units are active there.
struct Loss {
    problem: RefCell<Problem<f64>>,
    kink: Kink,
}

impl Loss {
    fn at(&self, point: &[f64]) -> Result<Eval<f64>, Error> {
        let mut problem = self.problem.borrow_mut();
        let len = problem.theta.len();
        problem.theta.copy_from_slice(&point[..len]);
        problem.x.copy_from_slice(&point[len..]);
        let (dims, params) = (problem.dims, problem.params()?);
        let mut scratch = vec![f64::NAN; dims.scratch_len(problem.labels.len())];
        let loss = handgrad::loss(params, problem.batch()?, &mut scratch)?;
        let mut active = vec![];
        let mut z = vec![0.0; dims.hidden()];
        for x in problem.x.chunks_exact(dims.inputs()) {
            derivation::preactivations(params.w1().as_slice(), params.b1(), x, &mut z)?;
            active.extend(z.iter().map(|&z| if self.kink == Kink::One { z >= 0.0 } else { z > 0.0 }));
        }
        Ok(Eval::new(loss).branch(branch(active)))
    }
}

fn check(problem: &Problem<f64>, claims: &[f64], kink: Kink, seed: u64) -> Report<'static> {
    let loss = Loss { problem: RefCell::new(problem.clone()), kink };
    let mut scratch = vec![f64::NAN; scratch_len(claims.len())];
    Check::new(&point(problem), claims)
        .blocks(&blocks(problem))
        .coordinates(32)
        .seed(seed)
        .try_run(|point| loss.at(point), &mut scratch)
        .unwrap()
}

/// Checks the gradients of all problems that a strategy gives: none may be called wrong. Prints what was resolved,
/// and returns the resolution that 99 % of the cases have reached.
fn check_all(name: &str, problems: impl Strategy<Value = Problem<f64>>) -> f64 {
    let rng_seed = RngSeed::Fixed(3);
    let config = Config { failure_persistence: None, rng_seed, max_shrink_iters: 50, ..Config::default() };
    let cases = config.cases;
    let (resolutions, inconclusive, probes) = (RefCell::new(vec![]), Cell::new(0), Cell::new(0));
    let run =
        TestRunner::new(config).run(&(problems, any::<bool>(), any::<u64>()), |(problem, one, seed)| {
            let kink = if one { Kink::One } else { Kink::Zero };
            let report = check(&problem, &gradient(&problem, kink), kink, seed);
            prop_assert_ne!(report.outcome(), Outcome::Wrong, "{:?}\n{}", kink, report);
            probes.set(probes.get() + report.counts().conclusive() + report.counts().unresolved);
            resolutions.borrow_mut().push(report.resolution());
            inconclusive.set(inconclusive.get() + u32::from(!report.is_ok()));
            Ok(())
        });
    if let Err(err) = run {
        panic!("{name}: {err}");
    }
    let mut resolutions = resolutions.into_inner();
    resolutions.sort_by(f64::total_cmp);
    let quantile = |share: f64| resolutions[((resolutions.len() - 1) as f64 * share) as usize];
    let (probes, inconclusive) = (probes.get(), inconclusive.get());
    println!("{name}: {cases} cases, {probes} probes, no false alarm, {inconclusive} inconclusive");
    let [median, most, nearly] = [0.5, 0.95, 0.99].map(quantile);
    println!(
        "{name}: resolution {median:.1e} in half of the cases, {most:.1e} in 95 %, {nearly:.1e} in 99 %"
    );
    assert!(inconclusive * 50 <= cases, "{inconclusive} of {cases} cases inconclusive");
    nearly
}

#[test]
fn gradients_of_random_nets() {
    let sizes = (strategies::dims_within(100_000), 1..9usize);
    let problems = sizes.prop_flat_map(|(dims, n)| {
        let numbers = (strategies::params(dims), strategies::inputs(dims, n), strategies::labels(dims, n));
        numbers.prop_map(move |(theta, x, labels)| Problem { dims, theta, x, labels })
    });
    let resolution = check_all("random nets", problems);
    assert!(resolution <= 1e-9, "{resolution:e}");
}

/// Saturated and tied scores, kinks at the point: here rounding leaves less to resolve.
#[test]
fn gradients_of_hard_nets() {
    check_all("hard cases", strategies::problems(strategies::dims_within(100_000), 8));
}

/// The same gradients in f32, at points that f32 has exactly: within rounding of those in f64, which are checked.
#[test]
fn gradients_in_f32() {
    let strategy = strategies::problems::<f32>(strategies::dims_within(3000), 8);
    let config = Config { failure_persistence: None, rng_seed: RngSeed::Fixed(4), ..Config::default() };
    let run = TestRunner::new(config).run(&strategy, |problem| {
        let wide = |values: &[f32]| values.iter().map(|&value| f64::from(value)).collect();
        let (theta, x) = (wide(&problem.theta), wide(&problem.x));
        let same = Problem { dims: problem.dims, theta, x, labels: problem.labels.clone() };
        let claims = gradient(&same, Kink::One);
        prop_assert_ne!(check(&same, &claims, Kink::One, 0).outcome(), Outcome::Wrong);
        let allowed = bounds(&same.into(), Rounding::of::<f32>(), Kink::One, Reduction::Mean);
        let (got, expected) =
            (gradient(&problem, Kink::One), claims.iter().map(|&g| g as f32).collect::<Vec<_>>());
        let allowed: Vec<f64> = [allowed.grad, allowed.input_grad].concat();
        // Half a unit more, by which the f64 one is rounded for the comparison.
        let allowed: Vec<f64> = allowed
            .iter()
            .zip(&claims)
            .map(|(e, g)| e + g.abs() * f32::U + f64::from(f32::from_bits(1)))
            .collect();
        assert_within("gradient", &got, &expected, &allowed);
        Ok(())
    });
    if let Err(err) = run {
        panic!("{err}");
    }
}

/// At z = 0 exactly the loss has two slopes along b1: to the right, where z grows and the unit is active, and to the
/// left. The two conventions are the two of them, and the check finds both.
#[test]
fn the_two_conventions_are_the_two_slopes_at_the_kink() {
    let problem = Problem {
        dims: Dims::new(1, 2, 3).unwrap(),
        // The first unit is at z = 0 for both examples, the second one is active.
        theta: vec![0.0, 1.0, 0.0, 0.5, 1.0, -0.5, -2.0, 1.5, 0.25, 1.0, 0.1, 0.2, -0.3],
        x: vec![0.75, 1.25],
        labels: vec![0, 2],
    };
    let b1 = 2;
    let [one, zero]: [Vec<f64>; 2] = [Kink::One, Kink::Zero].map(|kink| gradient(&problem, kink));
    assert!(one[b1].abs() > 0.1);
    assert_eq!(zero[b1], 0.0);
    for (claims, kink) in [(&one, Kink::One), (&zero, Kink::Zero)] {
        let report = check(&problem, claims, kink, 0);
        report.assert_ok();
        let at = |entry: &&Entry<'_>| matches!(entry.probe, Probe::Entry { index, .. } if index == b1);
        let entry = report.worst().find(at).unwrap();
        let ends = [entry.slope - entry.error, entry.slope + entry.error];
        let expected = [one[b1].min(zero[b1]), one[b1].max(zero[b1])];
        assert!(ends.iter().zip(expected).all(|(end, slope)| (end - slope).abs() < 1e-9), "{entry}");
        // Beyond either slope is wrong.
        for step in [-1e-6, 1e-6] {
            let mut wrong = claims.clone();
            wrong[b1] = if step > 0.0 { expected[1] + step } else { expected[0] + step };
            assert_eq!(check(&problem, &wrong, kink, 0).outcome(), Outcome::Wrong);
        }
    }
}

/// Scores that tie and are a thousand times as steep as x is large: along b2 the loss bends within 1/500 of the scale. The first
/// step that is no wider than the bend has error bars that are too small by chance, and the next one is too wide again.
#[test]
fn a_bend_that_two_steps_straddle() {
    let w1 = [1.5, 0.0, -1.375, -0.25, -1.0, 1.25, 0.25, 0.4375, 0.0, 0.0, -1.625, 0.0];
    let b1 = [1.3125, -1.375, 0.0];
    let w2 = [-1024.0, -32.0, -864.0, -1024.0, -32.0, -864.0, 32.0, -64.0, 832.0];
    let x = vec![
        -0.5, 0.0, -1.25, 0.0, -0.4375, -1.5, 0.0, 0.0, -0.75, 0.5, 0.0, 0.0, 0.3125, 0.0, 0.1875, 0.0,
        -1.5625, 0.0, 1.625, 0.0,
    ];
    let theta = [w1.as_slice(), &b1, &w2, &[512.0; 3]].concat();
    let problem = Problem { dims: Dims::new(4, 3, 3).unwrap(), theta, x, labels: vec![0; 5] };
    for seed in 0..20 {
        let report = check(&problem, &gradient(&problem, Kink::One), Kink::One, seed);
        assert_ne!(report.outcome(), Outcome::Wrong, "{report}");
    }
}

/// Steps of b1, whose entries are 0, go down to 2e-16, where the noise is not known: error bars are chance there.
#[test]
fn a_step_far_below_rounding() {
    let w1 = [
        0.0, -1.0, 0.0, -1.0, 0.0, -1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0,
        0.0,
    ];
    let b1 = [1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0];
    let w2 = [
        512.0, -512.0, -512.0, 0.0, 0.0, 512.0, 512.0, -512.0, 512.0, 0.0, 0.0, 0.0, 0.0, 0.0, -512.0, 0.0,
        0.0, 0.0, 0.0, 0.0,
    ];
    let theta = [w1.as_slice(), &b1, &w2, &[0.0; 2]].concat();
    let problem = Problem {
        dims: Dims::new(2, 10, 2).unwrap(),
        theta,
        x: vec![-1.0, -1.0, 1.0, 2.0],
        labels: vec![0; 2],
    };
    let report = check(&problem, &gradient(&problem, Kink::One), Kink::One, 17_816_126_773_688_366_361);
    assert_ne!(report.outcome(), Outcome::Wrong, "{report}");
}
