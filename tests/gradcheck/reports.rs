//! Promise: the gradient checker's report says what was compared, where it is wrong and what it looks like, and never
//! passes what was not compared. The verdicts themselves are in `gradcheck`.

use std::cell::Cell;

use handgrad::gradcheck::{
    Block, Catch, Check, Dual, Eval, Failed, Fault, Outcome, Probe, Verdict, check, scratch_len,
    self_test_scratch_len, slopes_scratch_len, split,
};
use handgrad::{Error, What};

/// sum of i x_i², and its gradient.
fn parabola(x: &[f64]) -> f64 {
    x.iter().zip(1..).map(|(x, i)| f64::from(i) * x * x).sum()
}

fn parabola_grad(x: &[f64]) -> Vec<f64> {
    x.iter().zip(1..).map(|(x, i)| 2.0 * f64::from(i) * x).collect()
}

#[test]
fn what_is_not_finite_is_named() {
    let blocks = [Block::matrix("A", 2, 2), Block::vector("b", 2)];
    let good = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let mut bad = good;
    bad[3] = f64::NAN;
    bad[4] = f64::NEG_INFINITY;
    let g = parabola_grad(&good);
    let run = |x: &[f64], claims: &[f64], f: fn(&[f64]) -> f64| {
        let report = Check::new(x, claims).blocks(&blocks).run(f, &mut [0.0; 12]).unwrap();
        assert_eq!(report.outcome(), Outcome::Wrong);
        assert_eq!(report.counts().agree + report.counts().disagree, 0, "nothing is computed from it");
        report.worst().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(run(&good, &bad, parabola), ["A[1, 1]: not finite: NaN", "b[0]: not finite: -inf"]);
    let listed = run(&bad, &g, parabola);
    assert_eq!(
        listed,
        ["the value at the point: not finite: NaN", "A[1, 1]: not finite: NaN", "b[0]: not finite: -inf"]
    );
    assert_eq!(run(&good, &g, |_| f64::INFINITY), ["the value at the point: not finite: inf"]);
}

#[test]
fn misuse_is_refused() {
    let x = [1.0, 2.0, 3.0];
    let run = |x: &[f64], claims: &[f64], blocks: &[Block<'_>], scratch: usize| {
        let never = |_: &[f64]| -> f64 { panic!("called in spite of a misuse") };
        Check::new(x, claims).blocks(blocks).run(never, &mut vec![0.0; scratch]).unwrap_err()
    };
    let whole = [Block::vector("x", 3)];
    let length = |what, expected, got| Error::Length { what, expected, got };
    assert_eq!(run(&[], &[], &[], 6), Error::Zero { what: What::Point });
    assert_eq!(run(&x, &x[..2], &whole, 6), length(What::Gradient, 3, 2));
    assert_eq!(run(&x, &x, &whole, 5), length(What::Scratch, 6, 5));
    assert_eq!(run(&x, &x, &[], 6), length(What::Blocks, 3, 0));
    assert_eq!(run(&x, &x, &[Block::matrix("A", 2, 2)], 6), length(What::Blocks, 3, 4));
    assert_eq!(run(&x, &x, &[whole[0], Block::vector("b", 0)], 6), Error::Zero { what: What::Blocks });
    let huge = Block::matrix("A", usize::MAX, 2);
    assert_eq!(run(&x, &x, &[huge], 6), Error::Overflow { what: What::Blocks, sizes: (usize::MAX, 2) });
    let large = Block::vector("b", isize::MAX as usize);
    let got = run(&x, &x, &[large, large, large], 6);
    assert!(matches!(got, Error::Length { what: What::Blocks, expected: 3, .. }), "{got:?}");
}

/// Every entry once, directions through each block and through everything; but one block is everything.
#[test]
fn the_probes_are_counted_out() {
    let x = [0.3, -1.5, 2.0, 0.7];
    let g = parabola_grad(&x);
    let blocks = [Block::vector("a", 1), Block::vector("b", 3)];
    let probes = |check: Check<'_, '_, f64>| {
        let mut duals = [Dual::constant(0.0); 8];
        let report = check.run(parabola, &mut [0.0; 8]).unwrap();
        let by_duals = check.run_dual(
            |x| x.iter().zip(1..).map(|(&x, i)| x * x * Dual::constant(f64::from(i))).sum::<Dual<f64>>(),
            &mut duals,
        );
        assert_eq!(report.counts(), by_duals.unwrap().counts());
        report.counts().agree
    };
    assert_eq!(probes(Check::new(&x, &g)), 4 + 3);
    assert_eq!(probes(Check::new(&x, &g).blocks(&blocks)), 4 + 3 * 3);
    assert_eq!(probes(Check::new(&x, &g).blocks(&blocks).directions(1)), 4 + 3);
    assert_eq!(probes(Check::new(&x, &g).blocks(&blocks[..1]).directions(0).blocks(&blocks)), 4);
    let many: Vec<f64> = (1..200).map(|i| f64::from(i) / 100.0).collect();
    let claims = parabola_grad(&many);
    let agree = |limit| {
        let check = Check::new(&many, &claims).directions(0).coordinates(limit);
        check.run(parabola, &mut vec![0.0; 400]).unwrap().counts().agree
    };
    assert_eq!(agree(199), 199);
    assert!(agree(198) <= 32);
}

/// What a resolution is relative to: the claim, the block, 1 % of the most influential block's influence, or |f|.
#[test]
fn resolutions_are_relative_to_what_they_say() {
    let blocks = [Block::vector("large", 2), Block::vector("small", 2)];
    let resolution = |slopes: [f64; 4], index: usize| {
        let f = move |x: &[f64]| x.iter().zip(slopes).map(|(x, slope)| slope * x).sum::<f64>() + 1.0;
        let x = [4.0, 4.0, 0.5, 0.5];
        let report = Check::new(&x, &slopes).blocks(&blocks).directions(0).run(f, &mut [0.0; 8]).unwrap();
        let at = |probe: Probe<'_>| matches!(probe, Probe::Entry { index: at, .. } if at == index);
        let entry = report.worst().find(|entry| at(entry.probe)).copied().unwrap();
        // Seen from outside: the bar over what it is relative to.
        let reach = (entry.slope - entry.claimed).abs() + entry.error;
        reach / entry.resolution
    };
    let near =
        |got: f64, expected: f64| assert!((got / expected - 1.0).abs() < 0.01, "{got}, expected {expected}");
    near(resolution([4.0, 3.0, 1.0, 0.5], 0), 4.0);
    near(resolution([4.0, 3.0, 1.0, 0.5], 2), 1.0);
    near(resolution([4.0, 3.0, 1.0, 0.5], 3), (1.25f64 / 2.0).sqrt());
    near(resolution([4.0, 3.0, 0.0, 0.0], 3), 0.01 * (25f64 / 2.0).sqrt() * 4.0 / 0.5);
    near(resolution([4.0, 3.0, 1e-4, 1e-4], 3), 0.01 * (25f64 / 2.0).sqrt() * 4.0 / 0.5);
}

#[test]
fn the_report_says_where() {
    let blocks = [Block::matrix("W", 3, 4), Block::vector("b", 4)];
    let x = [0.5; 16];
    let mut claims = parabola_grad(&x);
    claims[6] *= -1.0;
    claims[13] += 1e-6;
    let report = Check::new(&x, &claims).blocks(&blocks).seed(3).run(parabola, &mut [0.0; 32]).unwrap();
    let places: Vec<_> = report.worst().take(2).map(|entry| entry.probe).collect();
    let at = |block, index, row, col| Probe::Entry { output: None, block, index, row, col };
    assert_eq!(places, [at("W", 6, 1, Some(2)), at("b", 13, 1, None)]);
    let text = report.to_string();
    for part in [
        "gradient check: WRONG",
        "W[1, 2]: disagrees, claimed -7.000000000e0, slope 7.000000000e0 ±",
        "b[1]: disagrees, claimed 1.400000100e1, slope 1.400000000e1 ±",
        "direction 0",
        "seed 3",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let panic = std::panic::catch_unwind(|| report.assert_ok()).unwrap_err();
    assert_eq!(panic.downcast_ref::<String>(), Some(&text));
}

/// Nothing is said of what there is none of.
#[test]
fn the_text_says_no_more_than_there_is() {
    let x = [0.3, -1.5, 2.0, 0.7];
    let g = parabola_grad(&x);
    let report = Check::new(&x, &g).run(parabola, &mut [0.0; 8]).unwrap();
    let text = report.to_string();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "gradient check: the claimed slopes hold");
    let evaluations = report.evaluations();
    assert_eq!(lines[1], format!("  probes: 7 agree ({evaluations} evaluations, seed {})", report.seed()));
    assert!(lines[2].starts_with("  resolution: ") && lines[3].starts_with("  worst: "), "{text}");
    assert_eq!((lines.len(), report.left_out()), (4, 0));
    let report = Check::new(&x, &g).evaluations(evaluations / 2).run(parabola, &mut [0.0; 8]).unwrap();
    let left_out = format!("\n  left out for want of evaluations: {} probes\n", report.left_out());
    assert!(report.left_out() > 1 && report.to_string().contains(&left_out), "{report}");
    // Of a check that fails, kinks are counted and not listed.
    let with_kink = |x: &[f64]| x[0].abs() + x[1];
    let report = Check::new(&[0.0, 1.0], &[0.5, 2.0]).directions(0).run(with_kink, &mut [0.0; 4]).unwrap();
    assert_eq!((report.counts().kink, report.counts().disagree), (1, 1));
    let text = report.to_string();
    assert_eq!(text.lines().filter(|line| line.contains("kink")).count(), 1, "{text}");
    // Nobody claims what is measured.
    let (mut slopes, mut errors) = ([0.0; 4], [0.0; 4]);
    let report =
        Check::at(&x).slopes(parabola, &mut slopes, Some(&mut errors), &mut vec![0.0; slopes_scratch_len(4)]);
    let text = report.unwrap().to_string();
    assert!(text.starts_with("gradient by differences: measured\n"), "{text}");
}

#[test]
fn a_seed_replays() {
    let x = [0.3, -1.5, 2.0];
    let g = parabola_grad(&x);
    let run = |seed, fill| Check::new(&x, &g).seed(seed).run(parabola, &mut [fill; 7]).unwrap();
    assert_eq!(run(5, 0.0), run(5, f64::NAN), "whatever was in scratch");
    assert_ne!(run(5, 0.0).worst().next(), run(6, 0.0).worst().next());
    assert_eq!(run(5, 0.0).seed(), 5);
}

/// 1000 entries: 32 are sampled, among them the largest claims and some that claim 0. What is not sampled, the
/// directions see; errors with zero sum, too.
#[test]
fn large_blocks_are_sampled_where_it_matters() {
    let n = 1000;
    let x: Vec<f64> = (0..n).map(|i| 1.0 + 0.5 * f64::from(i).sin()).collect();
    // The last 100 entries have no influence.
    let f = |x: &[f64]| x[..900].iter().map(|x| x.exp()).sum::<f64>();
    let right: Vec<f64> = (0..n as usize).map(|i| if i < 900 { x[i].exp() } else { 0.0 }).collect();
    let mut scratch = vec![0.0; scratch_len(1000)];
    let mut run = |claims: &[f64], directions| {
        let report = Check::new(&x, claims).directions(directions).run(f, &mut scratch).unwrap();
        (report.outcome(), report.counts(), report.evaluations())
    };
    let (outcome, counts, evaluations) = run(&right, 0);
    assert_eq!(outcome, Outcome::Holds);
    assert!((28..=32).contains(&counts.agree), "{counts:?}");
    assert!(evaluations < 32 * 25);
    let largest = (0..1000).max_by(|&i, &j| right[i].total_cmp(&right[j])).unwrap();
    let mut wrong = right.clone();
    wrong[largest] *= 1.0 + 1e-8;
    assert_eq!(run(&wrong, 0).0, Outcome::Wrong, "the largest claim");
    let mut wrong = right.clone();
    wrong[..900].iter_mut().filter(|g| **g > 2.0).for_each(|g| *g = 0.0);
    assert_eq!(run(&wrong, 0).0, Outcome::Wrong, "claims of 0");
    let mut wrong = right.clone();
    wrong[..900].chunks_exact_mut(2).for_each(|pair| (pair[0], pair[1]) = (pair[0] + 1e-6, pair[1] - 1e-6));
    assert_eq!(run(&wrong, 3).0, Outcome::Wrong, "errors that add up to zero");
    wrong.copy_from_slice(&right);
    wrong[17] += 1e-4;
    assert_eq!(run(&wrong, 0).0, Outcome::Holds, "an entry that is not sampled, if this test is any good");
    assert_eq!(run(&wrong, 3).0, Outcome::Wrong, "by the directions");
}

/// A block that can't be resolved is not passed over because another one can.
#[test]
fn each_block_must_be_seen() {
    let blocks = [Block::vector("seen", 2), Block::vector("blind", 1)];
    let f = |x: &[f64]| x[0] * x[1] + x[2].abs().sqrt();
    let (x, claims) = ([2.0, 3.0, 0.0], [3.0, 2.0, 0.0]);
    let report = Check::new(&x, &claims).blocks(&blocks).run(f, &mut [0.0; 6]).unwrap();
    assert_eq!((report.outcome(), report.blind()), (Outcome::Inconclusive, Some("blind")), "{report}");
    assert!(report.to_string().contains("no probe of blind was conclusive"));
    // No probes at all: nothing was compared.
    let report = Check::new(&x, &claims).coordinates(0).directions(0);
    assert!(report.run(|x: &[f64]| x[0], &mut [0.0; 6]).unwrap().counts().conclusive() > 0, "samples remain");
}

/// The number of evaluations in the report is the number of calls, and a probe that agrees takes some 20.
#[test]
fn evaluations_are_counted() {
    let calls = Cell::new(0);
    let f = |x: &[f64]| {
        calls.set(calls.get() + 1);
        parabola(x)
    };
    let x = [0.3, -1.5, 2.0];
    let claims = parabola_grad(&x);
    let report = check(f, &x, &claims, &mut [0.0; 6]).unwrap();
    assert_eq!(report.evaluations(), calls.get());
    assert!(calls.get() < 6 * 20 + 40, "{}", calls.get());
}

/// A direction moves x by about its own length, whatever the number of entries, and its resolution is relative to
/// the claims times the displacement.
#[test]
fn directions_are_as_long_as_x() {
    let (x, claims) = ([1.0; 100], [1.0; 100]);
    let mut squares = vec![];
    for seed in 0..40 {
        let check = Check::new(&x, &claims).seed(seed).coordinates(0);
        let report = check.run(|x: &[f64]| 1.0 + x.iter().sum::<f64>(), &mut [0.0; 200]).unwrap();
        let directions = report.worst().filter(|entry| matches!(entry.probe, Probe::Direction { .. }));
        squares.extend(directions.map(|entry| entry.claimed * entry.claimed));
    }
    let mean = squares.iter().sum::<f64>() / squares.len() as f64;
    assert!(squares.len() > 40 && (0.5..2.0).contains(&mean), "{mean} of {}", squares.len());

    let report = Check::new(&[2.0], &[3.0]).run(|x: &[f64]| 1.0 + 3.0 * x[0], &mut [0.0; 2]).unwrap();
    for entry in report.worst() {
        let reach = (entry.slope - entry.claimed).abs() + entry.error;
        assert!((reach / entry.resolution / entry.claimed.abs() - 1.0).abs() < 0.01, "{entry}");
    }
}

/// A slope of 2 that is claimed to be 3, and one of 1 that is claimed rightly.
#[test]
fn errors_are_told_in_error_bars_and_relatively() {
    let x = [1.0, 1.0];
    let claims = [3.0, 1.0];
    let report =
        Check::new(&x, &claims).directions(0).run(|x: &[f64]| 2.0 * x[0] + x[1], &mut [0.0; 4]).unwrap();
    let [wrong, right] = [0, 1].map(|place| *report.worst().nth(place).unwrap());
    assert_eq!((wrong.verdict, right.verdict), (Verdict::Disagree, Verdict::Agree));
    assert!((wrong.slope - 2.0).abs() <= wrong.error && wrong.error < 1e-12, "{wrong}");
    assert!((wrong.ratio() * wrong.error - 1.0).abs() < 1e-9, "{wrong}");
    assert!((wrong.relative_error() - 1.0 / 3.0).abs() < 1e-9, "{wrong}");
    assert_eq!(report.worst_error(), wrong.relative_error());
    assert!(right.ratio() <= 1.0 && right.relative_error() <= right.resolution);
    assert!(report.resolution() == right.resolution && right.resolution < 1e-12);
    assert!(wrong.to_string().contains("error bars") && right.to_string().contains("resolution"));

    // Exactly right: no error, whatever the bar is, also if there is none.
    let nothing = Check::new(&[1.0], &[0.0]).run(|_: &[f64]| 0.0, &mut [0.0; 2]).unwrap();
    let entry = nothing.worst().next().unwrap();
    assert_eq!((entry.ratio(), entry.relative_error(), nothing.worst_error()), (0.0, 0.0, 0.0));
    assert_eq!((entry.error, nothing.resolution()), (0.0, 0.0));

    // Right but for rounding.
    let report = Check::new(&[0.7], &[0.7f64.exp()]).run(|x: &[f64]| x[0].exp(), &mut [0.0; 2]).unwrap();
    assert!(report.worst_error() > 0.0 && report.worst_error() < report.resolution(), "{report}");
    let worst = report.worst().map(|entry| entry.resolution).fold(0.0, f64::max);
    assert_eq!(report.worst().next().unwrap().resolution, worst);
    assert_eq!(report.resolution(), worst);
}

/// As an error it is the report's text, also where an error is printed by its `Debug`.
#[test]
fn a_report_is_a_result() {
    fn test(claim: f64) -> Result<f64, Box<dyn std::error::Error>> {
        let report = check(|x: &[f64]| x[0] * x[0], &[3.0], &[claim], &mut [0.0; 2])?;
        let resolution = report.resolution();
        assert_eq!(report.is_ok(), report.ok().is_ok());
        Ok(report.ok()?.resolution() + resolution)
    }
    assert!(test(6.0).unwrap() < 1e-9);
    let failed = test(6.1).unwrap_err();
    let report = check(|x: &[f64]| x[0] * x[0], &[3.0], &[6.1], &mut [0.0; 2]).unwrap();
    assert_eq!([failed.to_string(), format!("{failed:?}")], [report.to_string(), report.to_string()]);
    assert_eq!(failed.downcast_ref(), Some(&Failed(report)));
    let inconclusive = check(|x: &[f64]| x[0].abs().sqrt(), &[0.0], &[0.0], &mut [0.0; 2]).unwrap();
    assert_eq!(inconclusive.ok(), Err(Failed(inconclusive)));
    // A self-test, too.
    let test = |claim: f64| Check::new(&[3.0], &[claim]).self_test_alloc(|x: &[f64]| x[0] * x[0]).unwrap();
    assert_eq!(test(6.0).ok(), Ok(test(6.0)));
    assert_eq!(test(6.1).ok().unwrap_err().to_string(), test(6.1).to_string());
}

/// Parts of a flat point, as many as it has.
#[test]
fn flat_points_are_split() {
    let blocks = [Block::matrix("A", 2, 2), Block::vector("b", 1), Block::vector("c", 3)];
    let x = [1, 2, 3, 4, 5, 6, 7, 8];
    assert_eq!(split(&x, &blocks).collect::<Vec<_>>(), [&[1, 2, 3, 4][..], &[5], &[6, 7, 8]]);
    assert_eq!(split(&x[..7], &blocks).collect::<Vec<_>>(), [&[1, 2, 3, 4][..], &[5]]);
    assert_eq!(split(&x, &blocks[1..2]).collect::<Vec<_>>(), [&[1][..]]);
    assert_eq!(split(&x, &[Block::matrix("A", usize::MAX, 2)]).count(), 0);
}

/// What was wrong before is no fault that was caught, however little it is wrong; and a kink is none that was missed.
#[test]
fn a_self_test_tells_its_own_faults_from_others() {
    let f = |x: &[f64]| x[0].abs() + x[1] * x[1] + 3.0 * x[2] * x[2];
    let test = |claims: [f64; 3]| {
        let test = Check::new(&[0.0, 1.0, 2.0], &claims).self_test(f, &mut [0.0; self_test_scratch_len(3)]);
        let test = test.unwrap();
        (test.baseline().is_ok(), test.catches().iter().find(|(fault, _)| *fault == Fault::Zeroed).unwrap().1)
    };
    assert_eq!(test([0.5, 2.0, 12.0]), (true, Catch::Caught));
    assert_eq!(test([0.5, 2.5, 12.0]), (false, Catch::WrongReason));
}

/// Of noisier and noisier functions: those whose claims hold and whose faults are too small to be seen have not passed.
#[test]
fn a_missed_fault_fails_where_the_claims_hold() {
    let mut missed = 0;
    for exponent in 4..13 {
        let noisy =
            |x: &[f64]| Eval::new(x[0] * x[0] + x[1] + 3.0 * x[2] * x[2]).noise(0.1f64.powi(exponent));
        let (x, claims) = ([1.5, 1.0, 2.0], [3.0, 1.0, 12.0]);
        let test = Check::new(&x, &claims).self_test(noisy, &mut [0.0; self_test_scratch_len(3)]).unwrap();
        let all =
            test.catches().iter().all(|(_, catch)| matches!(catch, Catch::Caught | Catch::NotApplicable));
        assert_eq!(test.is_ok(), test.baseline().is_ok() && all, "{test}");
        missed += usize::from(test.baseline().is_ok() && !all);
    }
    assert!(missed > 0);
}
