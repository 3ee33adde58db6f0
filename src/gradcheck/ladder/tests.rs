//! The rules by which rungs are read and chosen, one by one.

use super::*;

/// The values 1 + t + t² at t = 1, 1/2, 1/4: two extrapolations find 1. The noise that is bounded by 1, 2, 4 becomes
/// 2·2 + 1 = 5 and 2·4 + 2 = 10, then (4·10 + 5) / 3 = 15.
#[test]
fn extrapolation_carries_noise() {
    let mut series = Series::<f64>::new(1);
    assert!(series.push(3.0, 1.0).is_none());
    // 1.75 + (1.75 - 3) = 0.5, which changed by 2.5 against the last rung.
    let (first, settled) = series.push(1.75, 2.0).unwrap();
    assert!(settled);
    assert_eq!((first.low, first.high), (0.5 - 5.0 - 5.0, 0.5 + 5.0 + 5.0));
    // 1.3125 - 0.4375 = 0.875, which changed by 0.875; then 0.875 + 0.375 / 3 = 1, whose noise is more.
    let (second, _) = series.push(1.3125, 4.0).unwrap();
    assert_eq!((second.low, second.high), (0.875 - 1.75 - 10.0, 0.875 + 1.75 + 10.0));
    let row: Vec<_> = series.row[..series.len].to_vec();
    assert_eq!(row, [(1.3125, 4.0), (0.875, 10.0), (1.0, 15.0)]);
    // A cubic term in the next one: the third extrapolation divides by 2³ - 1.
    series.push(1.140625 + 7.0, 8.0);
    assert!((series.row[3].0 - (1.0 + 64.0 / 21.0 * 7.0)).abs() < 1e-12);
}

/// The findings after each rung of a ladder at 0, for a function that may name its branches.
fn findings(f: impl Fn(f64) -> Eval<f64>, claim: f64, rungs: i32) -> Vec<Option<Finding<f64>>> {
    let mut ladder = Ladder::new(f(0.0), f64::EPSILON);
    let mut push = |step: f64| {
        let rung = Rung { step, right: f(step), left: f(-step), claimed: claim * step, claim_error: 0.0 };
        ladder.push(rung, Some(0.0));
        ladder.finding()
    };
    (0..rungs).map(|k| push(0.25 * 0.5f64.powi(k))).collect()
}

fn last(f: impl Fn(f64) -> Eval<f64>, claim: f64, rungs: i32) -> Finding<f64> {
    findings(f, claim, rungs).pop().flatten().unwrap()
}

/// A finding is replaced by a sharper one only, for smooth functions and for kinks.
#[test]
fn bars_never_grow() {
    let smooth = |x: f64| Eval::new(x.exp());
    let kink = |x: f64| Eval::new(1e3 + x.abs() + x * x);
    for found in [findings(smooth, 1.0, 40), findings(kink, 0.0, 40)] {
        let bars: Vec<f64> = found.into_iter().flatten().map(|found| found.bars).collect();
        assert!(bars.len() > 30 && bars.windows(2).all(|pair| pair[1] <= pair[0]), "{bars:?}");
    }
}

/// 1e-9 beside x there is a kink. Wide steps are sharp and see it; only much finer ones, where noise is
/// larger, are on one side of it.
#[test]
fn finer_rungs_come_between_x_and_a_kink() {
    let f = |x: f64| Eval::new(1e3 + (x + 1e-9).abs());
    let coarse = last(f, 1.0, 10);
    assert!(coarse.kink && coarse.discrepancy.width() > 1.9);
    let fine = last(f, 1.0, 36);
    assert!(!fine.kink && fine.discrepancy.width() < 0.1 && fine.discrepancy.has_zero(), "{fine:?}");
    // Where it is at x itself, they do not.
    let at = last(|x| Eval::new(1e3 + x.abs()), 1.0, 46);
    assert!(at.kink && (1.99..2.01).contains(&at.discrepancy.width()), "{at:?}");
}

/// One rung alone is no plateau, before or after.
#[test]
fn a_discrepancy_must_stay() {
    let lone = |x: f64| Eval::new(if x.abs() > 0.1 { x } else { 0.0 });
    let found = last(lone, 0.0, 3);
    assert!(!found.discrepancy.has_zero() && !found.persists, "{found:?}");
    // Nor is it with witnesses farther off, when its neighbour says otherwise.
    let outlier = |x: f64| Eval::new(if x.abs() == 0.0625 { 0.0 } else { x });
    let found = last(outlier, 0.0, 16);
    assert!(found.since > 10 && !found.discrepancy.has_zero() && !found.persists, "{found:?}");
    let found = findings(|x| Eval::new(x.exp()), 1.1, 8);
    let persists: Vec<bool> = found.into_iter().flatten().map(|found| found.persists).collect();
    assert!(!persists[0] && persists[persists.len() - 1], "{persists:?}");
    // The sharpest one last: the one before it is the witness.
    let last = last(|x| Eval::new(x.exp()), 1.1, 6);
    assert!(last.since == 0 && last.persists, "{last:?}");
}

/// A bend of width 1e-4 with slope 0.6 in its middle: wide steps see 0 to the left and 1 to the right, and though f
/// names no kink, they say nothing.
#[test]
fn steps_wider_than_a_bend_say_nothing() {
    let softplus = |u: f64| u.max(0.0) + (-u.abs()).exp().ln_1p();
    let f = |x: f64| Eval::new(softplus(1e4 * x + 1.5f64.ln()) / 1e4).branch(0);
    let found = findings(f, 0.6, 8);
    assert!(found.iter().all(Option::is_none), "{found:?}");
    let found = last(f, 0.6, 30);
    assert!(found.discrepancy.has_zero() && found.discrepancy.width() < 1e-6, "{found:?}");
}

/// A side that has just come into the domain has nothing to compare with yet.
#[test]
fn both_sides_or_an_edge() {
    let f = |x: f64| Eval::new(if x < -0.2 { f64::NAN } else { x });
    let found = findings(f, 1.0, 4);
    assert!(found[1].is_none() && found[2].is_some_and(|found| !found.one_sided), "{found:?}");
    let mirrored = findings(|x| f(-x), -1.0, 4);
    assert!(mirrored[1].is_none() && mirrored[2].is_some_and(|found| !found.one_sided), "{mirrored:?}");
    assert!(last(|x| Eval::new(x.sqrt()), 1.0, 3).one_sided);
}

/// Branches on both sides of x that do not touch it are a last resort.
#[test]
fn other_branches_tell_least() {
    let f = |x: f64| Eval::new(if x.abs() > 0.01 { x } else { 0.0 }).branch(u64::from(x.abs() > 0.01));
    let coarse = last(f, 0.0, 4);
    assert!(coarse.off_branch && !coarse.discrepancy.has_zero());
    let fine = last(f, 0.0, 10);
    assert!(!fine.off_branch && fine.discrepancy.has_zero(), "{fine:?}");
}

/// 1024 waves in a unit: the first steps are whole waves, and sharp about a slope of 0. Finer ones agree on another.
#[test]
fn two_finer_rungs_overrule_the_sharpest() {
    let (turn, f) = (1024.0 * core::f64::consts::PI, |x: f64| (1024.0 * core::f64::consts::PI * x).sin());
    let noisy = move |x: f64| Eval::new(f(x)).noise(1e-9);
    let coarse = last(noisy, turn, 7);
    assert!(!coarse.discrepancy.has_zero() && coarse.persists, "{coarse:?}");
    let fine = last(noisy, turn, 24);
    assert!(fine.discrepancy.has_zero() && fine.discrepancy.width() < 1.0, "{fine:?}");
    // One alone does not: an outlier among finer steps.
    let outlier = |x: f64| Eval::new(if x.abs() == 0.25 * 0.5f64.powi(9) { 0.0 } else { x }).noise(1e-15);
    assert!(last(outlier, 1.0, 16).discrepancy.has_zero());
}

/// A ripple on a straight line, 1e-6 high and of slope 1 at 0: wide rungs are sharp about the line's slope by chance.
/// Those after them have error bars that noise does not explain, and admit the claim.
#[test]
fn what_noise_does_not_explain_is_remembered() {
    let ripple = |x: f64| Eval::new(x + 1e-6 * (1e6 * x).sin()).noise(1e-10);
    let found = last(ripple, 2.0, 19);
    assert!(!found.discrepancy.has_zero() && found.unsure && !found.settled, "{found:?}");
    let smooth = |x: f64| Eval::new(x.exp()).noise(1e-10);
    let wrong = last(smooth, 1.1, 19);
    assert!(!wrong.discrepancy.has_zero() && !wrong.unsure, "{wrong:?}");
}

/// Where two neighbouring rungs have admitted the claim and finer ones contradict them, that is remembered.
#[test]
fn rungs_that_admit_the_claim_are_remembered() {
    // A staircase with steps of 1e-5 whose treads rise by 0.1.
    let f = |x: f64| Eval::new((x / 1e-5).round() * 1e-5 + 0.1 * x);
    let mut ladder = Ladder::new(f(0.0), f64::EPSILON);
    for k in 0..24 {
        let step = 0.21 * 0.5f64.powi(k);
        let rung = Rung { step, right: f(step), left: f(-step), claimed: 1.1 * step, claim_error: 0.0 };
        ladder.push(rung, Some(0.0));
    }
    let found = ladder.finding().unwrap();
    assert!(!found.discrepancy.has_zero() && ladder.is_doubted(found), "{found:?}");
}
