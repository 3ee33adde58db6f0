//! Promise: a check keeps to its budget of evaluations, spends it in the order it says, and never takes what it did not
//! reach for right.

use std::cell::Cell;

use handgrad::gradcheck::{
    Block, Check, Dual, Eval, Outcome, Probe, Report, Verdict, check, scratch_len, self_test_scratch_len,
};

const BLOCKS: [Block<'static>; 3] = [Block::vector("a", 2), Block::matrix("B", 2, 2), Block::vector("c", 3)];

fn point() -> Vec<f64> {
    (0..9).map(|i| 0.3 + 0.1 * f64::from(i)).collect()
}

fn f(x: &[f64]) -> f64 {
    x.iter().zip(1..).map(|(x, i)| f64::from(i) * x.exp()).sum()
}

fn gradient() -> Vec<f64> {
    point().iter().zip(1..).map(|(x, i)| f64::from(i) * x.exp()).collect()
}

fn run(claims: &[f64], most: usize) -> Report<'static> {
    Check::new(&point(), claims).blocks(&BLOCKS).evaluations(most).run_alloc(f).unwrap()
}

/// Every way to evaluate, on functions that agree, disagree, are noisy, not finite or not deterministic.
#[test]
fn no_budget_is_exceeded() {
    let x = [0.7, -0.3];
    let functions: [fn(f64, f64, usize) -> f64; 5] = [
        |a, b, _| (a * b).exp() + b,
        |a, b, _| a * a + b * b,
        |a, _, _| f64::from((a * 1e3) as f32),
        |a, b, _| if a == 0.7 { b } else { f64::NAN },
        |a, b, call| a + b + 1e-9 * call as f64,
    ];
    let e = (-0.21f64).exp();
    let claims = [-0.3 * e, 0.7 * e + 1.0];
    for most in (1..60).chain((60..400).step_by(17)) {
        for function in functions {
            let calls = Cell::new(0);
            let value = |x: &[f64]| {
                calls.set(calls.get() + 1);
                function(x[0], x[1], calls.get())
            };
            let one = |x: &[f64], out: &mut [f64]| out[0] = value(x);
            let two = |x: &[f64], out: &mut [f64]| (out[0], out[1]) = (value(x), x[0]);
            let pulled = |w: &[f64], out: &mut [f64]| (out[0], out[1]) = (value(&[w[0], 0.5]), 0.5);
            let dual = |x: &[Dual<f64>]| Dual::new(value(&[x[0].re, x[1].re]), x[0].du);
            let check = Check::new(&x, &claims).evaluations(most);
            let count = |run: &dyn Fn() -> Report<'static>| {
                calls.set(0);
                let report = run();
                assert!(calls.get() <= most, "{} of {most}: {report}", calls.get());
                assert_eq!(report.evaluations(), calls.get());
            };
            count(&|| check.run_alloc(value).unwrap());
            count(&|| check.run_dual_alloc(dual).unwrap());
            count(&|| check.run_jvp_alloc(two, &[1.0, 0.5]).unwrap());
            count(&|| check.run_vjp_alloc(one, &[1.0]).unwrap());
            count(&|| check.run_jacobian_alloc(one).unwrap());
            count(&|| check.run_adjoint_alloc(one, pulled, 1).unwrap());
            count(&|| check.slopes(value, &mut [0.0; 2], None, &mut [0.0; 6]).unwrap());
            count(&|| check.jacobian(one, 1, &mut [0.0; 2], None, &mut [0.0; 99]).unwrap());
            calls.set(0);
            check.self_test(value, &mut [0.0; self_test_scratch_len(2)]).unwrap();
            assert!(calls.get() <= 9 * most);
        }
    }
}

#[test]
fn a_large_budget_changes_nothing() {
    let (x, right) = (point(), gradient());
    let free = Check::new(&x, &right).blocks(&BLOCKS).run_alloc(f).unwrap();
    let bound = run(&right, 100_000);
    assert_eq!((bound.evaluations(), bound.counts()), (free.evaluations(), free.counts()));
    assert_eq!((bound.resolution(), bound.left_out()), (free.resolution(), 0));
    assert!(free.to_string().contains(&format!("({} evaluations, seed 0)", free.evaluations())));
}

/// From a few evaluations on what is right holds, and whatever the budget it is not called wrong; what is wrong never
/// holds where the directions can see it, and is called wrong when the budget allows it.
#[test]
fn right_and_wrong_under_every_budget() {
    let right = gradient();
    let mut wrong = right.clone();
    wrong.iter_mut().for_each(|claim| *claim *= 1.0 + 1e-6);
    for most in 1..300 {
        let report = run(&right, most);
        assert_ne!(report.outcome(), Outcome::Wrong, "{most}: {report}");
        assert!(most > 10 || report.outcome() == Outcome::Inconclusive, "{most}: {report}");
        assert!(most < 20 || report.is_ok(), "{most}: {report}");
        if most >= 20 {
            assert!(report.resolution() < 1e-6, "{report}");
        }
        let report = run(&wrong, most);
        assert!(!report.is_ok() || report.resolution() > 1e-6, "{most}: {report}");
        assert!(!report.is_ok() || most < 20, "{most}: {report}");
        assert_eq!(report.outcome() == Outcome::Wrong, report.counts().disagree > 0);
    }
    let report = run(&wrong, 60);
    assert_eq!(report.counts().unfinished, 1, "{report}");
    assert!(report.worst().next().is_some_and(|entry| entry.verdict == Verdict::Unfinished));
    assert!(report.to_string().contains("direction 0: looks wrong, unfinished, claimed"), "{report}");
    assert_eq!(run(&wrong, 800).outcome(), Outcome::Wrong);
}

/// sin(1024 π x) repeats itself over the first steps, which are whole periods: 0 is the slope that they show.
#[test]
fn steps_that_were_cut_short_call_nothing_wrong() {
    let frequency = 1024.0 * std::f64::consts::PI;
    let f = |x: &[f64]| (frequency * x[0]).sin();
    let (x, claims) = ([0.3], [frequency * (frequency * 0.3).cos()]);
    for most in 1..138 {
        let report = Check::new(&x, &claims).evaluations(most).run_alloc(f).unwrap();
        assert_ne!(report.outcome(), Outcome::Wrong, "{most}: {report}");
    }
}

/// Directions through everything, then through the blocks, then entries; together as many as without a budget.
#[test]
fn the_order_in_which_it_is_spent() {
    let right = gradient();
    let (mut seen, total) = (vec![], 3 * 4 + 9);
    for most in (14..400).step_by(3) {
        let report = run(&right, most);
        assert_eq!(report.counts().agree + report.counts().unresolved + report.left_out(), total, "{report}");
        assert_eq!(report.left_out() > 0, report.to_string().contains("left out"));
        assert!(report.to_string().contains(&format!("({} of {most} evaluations", report.evaluations())));
        let count = |what: fn(Probe<'_>) -> bool| report.worst().filter(|entry| what(entry.probe)).count();
        let [everything, blocks, entries] = [
            count(|probe| matches!(probe, Probe::Direction { block: None, .. })),
            count(|probe| matches!(probe, Probe::Direction { block: Some(_), .. })),
            count(|probe| matches!(probe, Probe::Entry { .. })),
        ];
        if report.counts().agree < 8 {
            seen.push([everything, blocks, entries]);
            assert!(blocks == 0 || everything == 3, "{report}");
            assert_eq!(entries, 0, "before 9 directions through blocks: {report}");
        } else if report.counts().agree < 12 {
            assert_eq!(entries, 0, "{report}");
        }
    }
    assert!(seen.contains(&[1, 0, 0]) && seen.contains(&[3, 0, 0]) && seen.contains(&[3, 4, 0]), "{seen:?}");
}

/// Entries of the first block leave later blocks what their directions need.
#[test]
fn entries_take_nothing_from_later_blocks() {
    let x = [0.5f64; 60];
    let blocks = [Block::vector("many", 58), Block::vector("a", 1), Block::vector("b", 1)];
    let f = |x: &[f64]| x.iter().map(|x| x.exp()).sum::<f64>();
    let claims: Vec<f64> = x.iter().map(|x| x.exp()).collect();
    let mut wrong = claims.clone();
    wrong[59] *= 1.001;
    let check = Check::new(&x, &wrong).blocks(&blocks).directions(1).evaluations(1000);
    let report = check.run_alloc(f).unwrap();
    let last = |probe| matches!(probe, Probe::Direction { block: Some("b"), .. });
    assert!(report.worst().any(|entry| last(entry.probe) && entry.verdict < Verdict::Unresolved), "{report}");
    let report = Check::new(&x, &claims).blocks(&blocks).directions(1).evaluations(450).run_alloc(f).unwrap();
    assert!(report.is_ok() && report.left_out() > 0 && report.counts().agree > 10, "{report}");
}

/// A block that was not reached, or not resolved, is only covered by a direction through everything that was conclusive.
#[test]
fn blocks_that_were_not_reached() {
    let blocks = [Block::vector("seen", 2), Block::vector("blind", 1)];
    let f = |x: &[f64]| x[0] * x[1] + x[2].abs().sqrt();
    let (x, claims) = ([2.0, 3.0, 0.0], [3.0, 2.0, 0.0]);
    for most in (1..1500).step_by(7) {
        let report = Check::new(&x, &claims).blocks(&blocks).evaluations(most).run_alloc(f).unwrap();
        assert_eq!(report.outcome(), Outcome::Inconclusive, "{most}: {report}");
    }
    let report = Check::new(&x, &claims).blocks(&blocks).evaluations(900).run_alloc(f).unwrap();
    assert!(report.counts().agree > 0 && report.blind() == Some("blind"), "{report}");
}

/// A kink in the first block hides the second one from directions through everything: between the slopes on its two sides
/// there is room for errors. So they cover nothing, and what was not reached, or has begun to look wrong, does not hold.
#[test]
fn a_direction_that_finds_a_kink_covers_nothing() {
    let f = |x: &[f64]| 10.0 * x[0].abs() + x[1] * x[1];
    let blocks = [Block::vector("kink", 1), Block::vector("second", 1)];
    for directions in [1, 3] {
        let run = |claim: f64, most| {
            let claims = [0.0, claim];
            let check = Check::new(&[0.0, 1.0], &claims).blocks(&blocks).directions(directions);
            check.evaluations(most).run_alloc(f).unwrap()
        };
        let (mut seen, mut unfinished) = (0, 0);
        for most in 1..900 {
            let report = run(2.5, most);
            assert!(!report.is_ok(), "{most}: {report}");
            seen += usize::from(report.counts().kink > 0 && report.blind() == Some("second"));
            unfinished += usize::from(report.counts().unfinished > 0 && report.counts().disagree == 0);
        }
        assert!(seen > 200 && unfinished > 20, "{seen} {unfinished}");
        assert_eq!(
            [run(2.5, 1500), run(2.0, 1500)].map(|report| report.outcome()),
            [Outcome::Wrong, Outcome::Holds]
        );
    }
}

/// With noise that is not measured in full nothing is called wrong.
#[test]
fn noise_within_a_budget() {
    let rough = |x: &[f32]| Eval::new((x[0] + x[1]).sin() + 2.0);
    let (x, claims) = ([0.3f32, 0.4], [0.7f32.cos() * 1.5; 2]);
    let outcome = |most| Check::new(&x, &claims).evaluations(most).run_alloc(rough).unwrap().outcome();
    // In f32 all steps are 36 evaluations, but all of the noise is a quarter of the budget only at 160, and the search for
    // jumps takes most of it.
    assert_eq!([60, 80, 110, 159, 484].map(outcome), [Outcome::Inconclusive; 5]);
    assert_eq!(outcome(485), Outcome::Wrong);
}

/// The figures in the docs of `Check::evaluations`, other than those of dual numbers.
#[test]
fn the_budgets_that_suffice() {
    let least = |outcome, run: &dyn Fn(usize) -> Report<'static>| {
        (1..2000).find(|&most| run(most).outcome() == outcome).unwrap()
    };
    let x = [0.5; 1000];
    let sines = |x: &[f64]| x.iter().map(|x| x.sin()).sum::<f64>();
    let right = x.map(f64::cos);
    let mut wrong = right;
    wrong[7] = 0.0;
    let all = Check::new(&x, &right).run_alloc(sines).unwrap();
    assert!((560..600).contains(&all.evaluations()), "{all}");
    let square = |x: &[f64]| x[0] * x[0] + x[1];
    let jumping = |x: &[f64]| x[0] * x[0] + x[1] + 1e-3 * (0.4 + 40.0 * x[0]).floor();
    let coarse = |x: &[f64]| f64::from((x[0] * x[0]) as f32);
    let declared = |x: &[f64]| Eval::new(coarse(x)).noise(3e-7);
    for seed in 0..100 {
        // All steps along a line and again because of its jumps, the search elsewhere, and the first of it once more.
        let most = 2 + 40 + 2 * (94 + 86 + 94) + 6 * 86 + 1;
        let check = Check::new(&[1.5, 2.0], &[30.0, 1.0]).seed(seed).evaluations(most);
        let report = check.run_alloc(jumping).unwrap();
        assert!(report.outcome() == Outcome::Wrong && most <= 1110, "{report}");
    }
    for seed in 0..10 {
        let sums = |claims: &[f64], most| {
            let check = Check::new(&x[..claims.len()], claims).seed(seed).evaluations(most);
            check.run_alloc(sines).unwrap().outcome()
        };
        assert_eq!((1..).find(|&most| sums(&right, most) == Outcome::Holds), Some(13));
        // Fewer entries, because all budgets are tried.
        assert_eq!((1..).find(|&most| sums(&wrong[..100], most) == Outcome::Wrong), Some(739));
        let report = Check::new(&x, &wrong).seed(seed).evaluations(739).run_alloc(sines).unwrap();
        assert_eq!((report.outcome(), report.evaluations()), (Outcome::Wrong, 2 + 40 + 94 + 86 + 6 * 86 + 1));
        let squares = |claim| {
            move |most| {
                Check::new(&[1.5, 2.0], &[claim, 1.0]).seed(seed).evaluations(most).run_alloc(square).unwrap()
            }
        };
        assert_eq!(least(Outcome::Holds, &squares(3.0)), 13);
        assert_eq!(least(Outcome::Wrong, &squares(3.1)), 739);
        let rough = |claim: f64| {
            move |most| Check::new(&[1.5], &[claim]).seed(seed).evaluations(most).run_alloc(coarse).unwrap()
        };
        let [holds, refuted] = [least(Outcome::Holds, &rough(3.0)), least(Outcome::Wrong, &rough(3.1))];
        assert!((220..300).contains(&holds) && (560..640).contains(&refuted), "{holds} {refuted}");
        let known =
            |most| Check::new(&[1.5], &[3.0]).seed(seed).evaluations(most).run_alloc(declared).unwrap();
        assert!(least(Outcome::Holds, &known) < 50);
    }
}

/// By dual numbers the noise is measured in full or not at all.
#[test]
fn dual_numbers_within_a_budget() {
    let f = |x: &[Dual<f64>]| x[0] * x[0] * x[1];
    let x = [3.0, 2.0];
    for (claims, outcome) in [([12.0, 9.0], Outcome::Holds), ([12.0, 9.1], Outcome::Wrong)] {
        for most in 1..100 {
            let report = Check::new(&x, &claims).evaluations(most).run_dual_alloc(f).unwrap();
            let expected = if most < 48 { Outcome::Inconclusive } else { outcome };
            assert_eq!(report.outcome(), expected, "{most}: {report}");
        }
    }
}

/// Without a budget a check of 9 entries in 3 blocks costs some hundreds.
#[test]
fn what_it_saves() {
    let (x, right) = (point(), gradient());
    let all = check(f, &x, &right, &mut vec![0.0; scratch_len(9)]).unwrap();
    assert!(all.evaluations() > 200 && run(&right, 40).is_ok());
}
