//! Promise: the gradient checker tells right from wrong, says what is wrong and where, and never passes what it
//! did not compare. Verdict by verdict; how often it is right is measured in `detection` and `gradcheck_nets`.

use std::cell::Cell;

use handgrad::gradcheck::{
    Block, Check, Dual, Eval, Hint, Outcome, Probe, Report, Verdict, branch, check, scratch_len,
};
use handgrad::{Error, What};
use num_traits::Float;
use twofloat::TwoFloat;

/// A check with all settings as they are, in scratch full of NaN.
fn run<'a>(f: impl Fn(&[f64]) -> f64, x: &'a [f64], claims: &'a [f64]) -> Report<'a> {
    check(|x: &[f64]| f(x), x, claims, &mut vec![f64::NAN; scratch_len(x.len())]).unwrap()
}

fn verdicts(report: &Report<'_>) -> Vec<Verdict> {
    report.worst().map(|entry| entry.verdict).collect()
}

/// sum of i x_i², and its gradient.
fn parabola(x: &[f64]) -> f64 {
    x.iter().zip(1..).map(|(x, i)| f64::from(i) * x * x).sum()
}

fn parabola_grad(x: &[f64]) -> Vec<f64> {
    x.iter().zip(1..).map(|(x, i)| 2.0 * f64::from(i) * x).collect()
}

#[test]
fn at_a_kink_the_claim_must_lie_between_the_slopes() {
    for (claim, outcome) in [
        (-1.0, Outcome::Holds),
        (0.0, Outcome::Holds),
        (1.0, Outcome::Holds),
        (1.5, Outcome::Wrong),
        (-1.001, Outcome::Wrong),
    ] {
        let claims = [claim];
        let report = run(|x| x[0].abs(), &[0.0], &claims);
        assert_eq!(report.outcome(), outcome, "{claim}: {report}");
        assert_eq!(report.counts().agree, 0);
        assert_eq!(report.resolution(), f64::INFINITY, "a kink resolves nothing");
        if outcome == Outcome::Holds {
            assert!(verdicts(&report).iter().all(|verdict| *verdict == Verdict::Kink), "{report}");
            let entry = report.worst().find(|entry| matches!(entry.probe, Probe::Entry { .. })).unwrap();
            assert!((entry.slope - entry.error + 1.0).abs() < 1e-10, "from -1: {entry}");
            assert!((entry.slope + entry.error - 1.0).abs() < 1e-10, "to 1: {entry}");
        }
    }
}

/// However near it is, a kink beside the point leaves one slope, and it is found.
#[test]
fn beside_a_kink_there_is_one_slope() {
    for distance in [1e-12, 1e-9, 1e-6, 1e-3] {
        for (x, right, wrong) in [(distance, 1.0, 0.0), (-distance, -1.0, 0.5)] {
            assert!(run(|x| x[0].abs(), &[x], &[right]).resolution() < 1e-12);
            assert_eq!(run(|x| x[0].abs(), &[x], &[wrong]).outcome(), Outcome::Wrong);
        }
    }
}

/// Two kinks closer to the point than any step: without branches nobody can see them. With them the slope is
/// found, or it is said that there is none to find.
#[test]
fn branches_show_what_values_hide() {
    let f = |x: f64| (x - 1e-15).max(0.0) - (-x - 1e-15).max(0.0) + x * x;
    let named = |x: &[f64]| Eval::new(f(x[0])).branch(branch([x[0] > 1e-15, x[0] < -1e-15]));
    assert_eq!(run(|x| f(x[0]), &[0.0], &[0.0]).outcome(), Outcome::Wrong);
    assert_ne!(check(named, &[0.0], &[0.0], &mut [0.0; 2]).unwrap().outcome(), Outcome::Wrong);
    // A little farther away the steps that fit between the kinks resolve it.
    let f = |x: f64| (x - 1e-9).max(0.0) - (-x - 1e-9).max(0.0) + x;
    let named = |x: &[f64]| Eval::new(f(x[0])).branch(branch([x[0] > 1e-9, x[0] < -1e-9]));
    let report = check(named, &[0.0], &[1.0], &mut [0.0; 2]).unwrap();
    assert!(report.is_ok() && report.resolution() < 1e-12, "{report}");
    assert_eq!(check(named, &[0.0], &[1.0 + 1e-9], &mut [0.0; 2]).unwrap().outcome(), Outcome::Wrong);
}

/// Branches also make a smooth check sharper: only then is the central difference believed alone.
#[test]
fn branches_sharpen() {
    let f = |x: &[f64]| (x[0] * x[1]).exp();
    let (x, e) = ([0.5, 0.75], 0.375f64.exp());
    let claims = [0.75 * e, 0.5 * e];
    let plain = run(f, &x, &claims);
    let named = check(|x: &[f64]| Eval::new(f(x)).branch(0), &x, &claims, &mut [0.0; 4]).unwrap();
    assert!(named.is_ok() && named.resolution() < plain.resolution() / 4.0, "{named}\n{plain}");
}

/// max(0, t) - max(0, -t) is t, and with ReLU'(0) = 1 the convention claims 2.
#[test]
fn where_kinks_cross_a_convention_is_judged_only_if_branches_are_not_named() {
    let f = |x: &[f64]| x[0].max(0.0) - (-x[0]).max(0.0);
    let named = |x: &[f64]| Eval::new(f(x)).branch(branch([x[0] >= 0.0, -x[0] >= 0.0]));
    assert_eq!(run(f, &[0.0], &[2.0]).outcome(), Outcome::Wrong);
    assert!(run(f, &[0.0], &[1.0]).is_ok());
    let report = check(named, &[0.0], &[2.0], &mut [0.0; 2]).unwrap();
    assert_eq!(report.outcome(), Outcome::Inconclusive, "{report}");
    assert!(check(named, &[0.0], &[1.0], &mut [0.0; 2]).unwrap().is_ok());
    // One kink: one side belongs to the point's branch, and the claim is judged.
    let relu = |x: &[f64]| Eval::new(x[0].max(0.0)).branch(branch([x[0] >= 0.0]));
    for (claim, outcome) in
        [(0.0, Outcome::Holds), (1.0, Outcome::Holds), (1.01, Outcome::Wrong), (-0.01, Outcome::Wrong)]
    {
        assert_eq!(check(relu, &[0.0], &[claim], &mut [0.0; 2]).unwrap().outcome(), outcome, "{claim}");
    }
}

#[test]
fn at_the_edge_of_the_domain_the_slope_inside_counts() {
    let f = |x: &[f64]| x[0].sqrt() * x[0] + 3.0 * x[0];
    assert!(run(f, &[0.0], &[3.0]).is_ok());
    assert_eq!(run(f, &[0.0], &[2.9]).outcome(), Outcome::Wrong);
    // The other edge.
    let f = |x: &[f64]| (1.0 - x[0]).sqrt() * (1.0 - x[0]) + 3.0 * x[0];
    assert!(run(f, &[1.0], &[3.0]).is_ok());
    assert_eq!(run(f, &[1.0], &[2.9]).outcome(), Outcome::Wrong);
    // Just inside, wide steps leave the domain and narrow ones do not.
    let (x, claims) = ([1e-8f64], [1e-8f64.ln() + 1.0]);
    let report = run(|x| x[0] * x[0].ln(), &x, &claims);
    assert!(report.is_ok() && report.resolution() < 1e-9, "{report}");
}

#[test]
fn without_a_slope_nothing_is_concluded() {
    let step = |x: &[f64]| f64::from(u8::from(x[0] > 0.0));
    let root = |x: &[f64]| x[0].abs().sqrt();
    let nowhere = |x: &[f64]| if x[0] == 0.0 { 1.0 } else { f64::NAN };
    for f in [&step as &dyn Fn(&[f64]) -> f64, &root, &nowhere] {
        for claim in [0.0, 1.0, -5.0] {
            let claims = [claim];
            let report = run(f, &[0.0], &claims);
            assert_eq!(report.outcome(), Outcome::Inconclusive, "{report}");
            assert!(verdicts(&report).iter().all(|verdict| *verdict == Verdict::Unresolved), "{report}");
            assert_eq!(report.blind(), Some("x"));
        }
    }
}

#[test]
fn noise_is_measured_and_never_forgotten() {
    // The low 20 bits of the value are random: noise of 2^-33 relative.
    let rough = |x: &[f64]| {
        let value = (x[0] + x[1]).sin() + 2.0;
        let hash = value.to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44;
        f64::from_bits(value.to_bits() & !0xf_ffff | hash)
    };
    let (x, slope) = ([0.3, 0.4], 0.7f64.cos());
    for seed in 0..50 {
        let claims = [slope; 2];
        let report = Check::new(&x, &claims).seed(seed).run(rough, &mut [0.0; 4]).unwrap();
        assert!(report.is_ok(), "{report}");
        assert!((1e-8..1e-4).contains(&report.resolution()), "{report}");
        // Errors above the noise are found, errors below it are not invented.
        let wrong = [slope * 1.001, slope];
        let report = Check::new(&x, &wrong).seed(seed).run(rough, &mut [0.0; 4]).unwrap();
        assert_eq!(report.outcome(), Outcome::Wrong, "{report}");
    }
}

/// A table of a function: piecewise constant, so between neighbouring points its noise does not show.
#[test]
fn noise_that_does_not_show_can_be_declared() {
    let table = |x: &[f64]| (1e6 * x[0].sin()).round() / 1e6;
    let (x, claims) = ([0.5], [0.5f64.cos()]);
    let declared = |x: &[f64]| Eval::new(table(x)).noise(0.5e-6);
    for seed in 0..50 {
        let report = Check::new(&x, &claims).seed(seed).run(declared, &mut [0.0; 2]).unwrap();
        assert_ne!(report.outcome(), Outcome::Wrong, "{report}");
        let generous = Check::new(&x, &claims).seed(seed).require(0.01);
        let report = generous.run(declared, &mut [0.0; 2]).unwrap();
        assert!(report.is_ok() && report.resolution() > 1e-7, "{report}");
        let wrong = [1.01 * claims[0]];
        let report = Check::new(&x, &wrong).seed(seed).run(declared, &mut [0.0; 2]).unwrap();
        assert_eq!(report.outcome(), Outcome::Wrong, "{report}");
    }
}

#[test]
fn the_required_resolution_makes_a_probe_conclusive() {
    let f = |x: &[f64]| 1e6 + x[0].sin();
    let (x, claims) = ([1.0], [1f64.cos()]);
    let check = |required| Check::new(&x, &claims).require(required).run(f, &mut [0.0; 2]).unwrap();
    assert!(check(1e-4).is_ok());
    assert_eq!(check(1e-9).outcome(), Outcome::Inconclusive);
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
fn two_answers_to_one_question_are_no_answer() {
    let calls = Cell::new(0);
    let f = |x: &[f64]| {
        calls.set(calls.get() + 1);
        x[0] + 1e-15 * f64::from(calls.get())
    };
    let report = check(f, &[1.0], &[1.0], &mut [0.0; 2]).unwrap();
    assert_eq!((report.outcome(), calls.get()), (Outcome::Inconclusive, 2));
    assert_eq!(report.counts().nondeterministic, 1);
    // Also if it changes its mind later, or its branch.
    let calls = Cell::new(0);
    let late = |x: &[f64]| {
        calls.set(calls.get() + 1);
        x[0] + f64::from(u8::from(calls.get() > 50 && x[0] == 1.0))
    };
    assert_eq!(check(late, &[1.0], &[1.0], &mut [0.0; 2]).unwrap().outcome(), Outcome::Inconclusive);
    let calls = Cell::new(0);
    let other_branch = |x: &[f64]| {
        calls.set(calls.get() + 1);
        Eval::new(x[0]).branch(calls.get())
    };
    assert_eq!(check(other_branch, &[1.0], &[1.0], &mut [0.0; 2]).unwrap().counts().nondeterministic, 1);
}

#[test]
fn an_error_of_the_function_ends_the_check() {
    #[derive(Debug, PartialEq)]
    enum Mine {
        Broken(u32),
        Check(Error),
    }
    impl From<Error> for Mine {
        fn from(err: Error) -> Self {
            Mine::Check(err)
        }
    }
    let calls = Cell::new(0);
    for last in [1, 2, 20, 60] {
        calls.set(0);
        let f = |x: &[f64]| {
            calls.set(calls.get() + 1);
            if calls.get() == last { Err(Mine::Broken(last)) } else { Ok(x[0]) }
        };
        assert_eq!(Check::new(&[1.0], &[1.0]).try_run(f, &mut [0.0; 2]), Err(Mine::Broken(last)));
        assert_eq!(calls.get(), last);
    }
    let never = |_: &[f64]| -> Result<f64, Mine> { panic!("called in spite of a misuse") };
    let short = Error::Length { what: What::Scratch, expected: 2, got: 1 };
    assert_eq!(Check::new(&[1.0], &[1.0]).try_run(never, &mut [0.0]), Err(Mine::Check(short)));
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

#[test]
fn hints_tell_the_usual_mistakes() {
    // W is 3 x 4, b has 4 entries.
    let blocks = [Block::matrix("W", 3, 4), Block::vector("b", 4)];
    let x: Vec<f64> = (1..17).map(|i| (f64::from(i) * 0.7).sin() + 0.3).collect();
    let right: Vec<f64> = parabola_grad(&x);
    let hint = |claims: &[f64]| {
        let report = Check::new(&x, claims).blocks(&blocks).run(parabola, &mut [0.0; 32]).unwrap();
        assert_eq!(report.outcome(), Outcome::Wrong);
        report.hint()
    };
    let map = |f: fn(f64) -> f64| right.iter().map(|g| f(*g)).collect::<Vec<_>>();
    assert_eq!(hint(&map(|g| -g)), Some(Hint::Sign));
    assert_eq!(hint(&map(|_| 0.0)), Some(Hint::Zero));
    assert_eq!(hint(&map(|g| g / 2.0)), Some(Hint::TooSmall(2)));
    assert_eq!(hint(&map(|g| g * 2.0)), Some(Hint::TooLarge(2)));
    assert_eq!(hint(&map(|g| g * 32.0)), Some(Hint::TooLarge(32)));
    assert_eq!(hint(&map(|g| g / 1797.0)), Some(Hint::TooSmall(1797)));
    assert_eq!(hint(&map(|g| g * 1.5)), None);
    let mut claims = right.clone();
    (0..12).for_each(|i| claims[i % 4 * 3 + i / 4] = right[i]);
    assert_eq!(hint(&claims), Some(Hint::Transposed));
    claims.copy_from_slice(&right);
    claims[..12].rotate_right(4);
    claims[..4].copy_from_slice(&right[..4]);
    assert_eq!(hint(&claims), Some(Hint::Row(1)));
    claims.copy_from_slice(&right);
    claims[..12].rotate_left(4);
    claims[8..12].copy_from_slice(&right[8..12]);
    assert_eq!(hint(&claims), Some(Hint::Row(-1)));
    // In a vector an entry is a row.
    claims.copy_from_slice(&right);
    claims[13..16].copy_from_slice(&right[12..15]);
    assert_eq!(hint(&claims), Some(Hint::Row(1)));
    // From the last entry of W into b, and not.
    claims.copy_from_slice(&right);
    claims[12..15].copy_from_slice(&right[13..16]);
    assert_eq!(hint(&claims), Some(Hint::Row(-1)));
    // One entry of many: its sign, or nearly twice its value.
    claims.copy_from_slice(&right);
    claims[7] *= -1.0;
    assert_eq!(hint(&claims), Some(Hint::Sign));
    claims[7] = right[7] / 2.0;
    assert_eq!(hint(&claims), Some(Hint::TooSmall(2)));
    claims[7] = right[7] / 2.01;
    assert_eq!(hint(&claims), None);
    claims[7] = right[7] / 1.2;
    assert_eq!(hint(&claims), None);
    // One wrong entry alone is no pattern, two of different kinds are none either.
    claims.copy_from_slice(&right);
    claims[4] = right[0];
    assert_eq!(hint(&claims), None);
    claims[5] = -right[5];
    assert_eq!(hint(&claims), None);
}

/// Rows further down than the second, and a slope that one other claim happens to have.
#[test]
fn hints_in_a_longer_matrix() {
    let blocks = [Block::matrix("W", 5, 2)];
    let x: Vec<f64> = (1..11).map(|i| (f64::from(i) * 0.7).sin() + 0.3).collect();
    let right = parabola_grad(&x);
    let hint =
        |claims: &[f64]| Check::new(&x, claims).blocks(&blocks).run(parabola, &mut [0.0; 20]).unwrap().hint();
    let mut claims = right.clone();
    claims[..8].copy_from_slice(&right[2..]);
    assert_eq!(hint(&claims), Some(Hint::Row(-1)));
    claims[2..].copy_from_slice(&right[..8]);
    claims[..2].copy_from_slice(&right[..2]);
    assert_eq!(hint(&claims), Some(Hint::Row(1)));
    claims.copy_from_slice(&right);
    // The slope of the first entry stands one row further down as well, by chance.
    (claims[0], claims[2]) = (5.0, right[0]);
    let x2 = [x[0], x[1], right[0] / 6.0].into_iter().chain(x[3..].iter().copied()).collect::<Vec<_>>();
    let report = Check::new(&x2, &claims).blocks(&blocks).run(parabola, &mut [0.0; 20]).unwrap();
    assert_eq!((report.outcome(), report.hint()), (Outcome::Wrong, None), "{report}");
}

#[test]
fn hints_read_well() {
    let texts = [
        Hint::Sign,
        Hint::Zero,
        Hint::TooLarge(8),
        Hint::TooSmall(3),
        Hint::Transposed,
        Hint::Row(1),
        Hint::Row(-1),
    ]
    .map(|hint| hint.to_string());
    let words = [
        "opposite sign",
        "claims are 0",
        "8 times the slopes",
        "3 times the claims",
        "transposed",
        "down",
        "up",
    ];
    assert!(texts.iter().zip(words).all(|(text, word)| text.contains(word)), "{texts:?}");
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
        let x = [1.0; 4];
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
    near(resolution([4.0, 3.0, 1e-4, 1e-4], 3), 0.01 * (25f64 / 2.0).sqrt());
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
    let at = |block, index, row, col| Probe::Entry { block, index, row, col };
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

/// The same function in other units of x and f: the same resolution, but for rounding.
#[test]
fn units_do_not_matter() {
    for x_unit in [1e-150, 1e-8, 1.0, 1e6, 1e150] {
        for f_unit in [1e-100, 1e-6, 1.0, 1e9, 1e100] {
            let f = |x: &[f64]| f_unit * (x[0] / x_unit * (x[1] / x_unit)).sin();
            let x = [0.7 * x_unit, 1.1 * x_unit];
            let slope = f_unit * 0.77f64.cos() / x_unit;
            let claims = [1.1 * slope, 0.7 * slope];
            let report = run(f, &x, &claims);
            assert!(report.is_ok() && report.resolution() < 1e-9, "{x_unit:e}, {f_unit:e}: {report}");
            let claims = [1.1 * slope, 0.7 * slope * (1.0 + 1e-8)];
            assert_eq!(run(f, &x, &claims).outcome(), Outcome::Wrong, "{x_unit:e}, {f_unit:e}");
        }
    }
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

fn bump<T: Float>(x: &[T]) -> T {
    (x[0] * x[1]).exp() + x[1].sin()
}

fn bump_grad<T: Float>(x: &[T]) -> [T; 2] {
    let e = (x[0] * x[1]).exp();
    [x[1] * e, x[0] * e + x[1].cos()]
}

/// In each type as sharp as the type allows, and not sharper.
#[test]
fn any_float() {
    fn resolution<T: Float>(x: [T; 2], fault: f64) -> f64 {
        let claims = bump_grad(&x);
        let report = check(bump::<T>, &x, &claims, &mut [T::zero(); 4]).unwrap();
        report.assert_ok();
        let wrong = [claims[0], claims[1] * (T::one() + T::from(fault).unwrap())];
        let report_of_wrong = check(bump::<T>, &x, &wrong, &mut [T::zero(); 4]).unwrap();
        assert_eq!(report_of_wrong.outcome(), Outcome::Wrong);
        report.resolution()
    }
    assert!((1e-7..1e-3).contains(&resolution([0.6f32, 0.8], 1e-2)));
    assert!((1e-15..1e-9).contains(&resolution([0.6f64, 0.8], 1e-8)));
    // Its exp and sin are good to about 2^-35 only, and the noise that is measured says so.
    assert!((1e-15..1e-5).contains(&resolution([TwoFloat::from(0.6), TwoFloat::from(0.8)], 1e-3)));
}

/// In a double-double, where f needs additions and multiplications alone.
#[test]
fn double_doubles() {
    let x = [TwoFloat::from(0.6), TwoFloat::from(0.8)];
    let f = |x: &[TwoFloat]| x[0] * x[0] * x[1] + x[1] * x[1] * x[1];
    let claims = [2.0 * x[0] * x[1], x[0] * x[0] + 3.0 * x[1] * x[1]];
    let report = check(f, &x, &claims, &mut [TwoFloat::from(0.0); 4]).unwrap();
    report.assert_ok();
    assert!(report.resolution() < 1e-22, "{report}");
}
