//! Promise: the gradient checker calls a gradient wrong only when it is, and sees smaller errors than the checkers
//! of PyTorch, JAX and scipy do. Measures both, over hard functions with right gradients and over faults injected
//! into easy ones, and compares what it finds with the tables of `docs/gradcheck.md`.
//!
//! To see the tables as they are now: `cargo test --test gradcheck detection -- --nocapture`.

use crate::functions::{Case, Fault, cases, detection_cases, inject};
use crate::peers;
use fastrand::Rng;
use handgrad::gradcheck::{Block, Check, Outcome, scratch_len};

const DOCS: &str = include_str!("../../docs/gradcheck.md");

const METHODS: [&str; 5] = ["handgrad", "PyTorch", "PyTorch fast", "JAX", "scipy"];

/// Each method tries so often, with another seed each time.
const TRIES: u64 = 20;

/// The shares of the docs may be off by so many points: other math libraries round differently.
const POINTS: f64 = 5.0;

fn ours(case: &Case, g: &[f64], seed: u64) -> Outcome {
    let blocks: Vec<_> =
        case.blocks.iter().map(|block| Block::matrix(block.name, block.rows, block.cols)).collect();
    let check = Check::new(&case.x, g).blocks(&blocks).seed(seed);
    check.run(|x: &[f64]| (case.f)(x), &mut vec![f64::NAN; scratch_len(g.len())]).unwrap().outcome()
}

/// Which of the methods call this gradient wrong.
fn alarms(case: &Case, g: &[f64], seed: u64) -> [bool; 5] {
    let rng = &mut Rng::with_seed(seed);
    [
        ours(case, g, seed) == Outcome::Wrong,
        !peers::pytorch_slow(&case.f, &case.x, g),
        !peers::pytorch_fast(&case.f, &case.x, g, &case.block_lens(), rng),
        !peers::jax(&case.f, &case.x, g, rng),
        !peers::scipy(&case.f, &case.x, g),
    ]
}

/// The numbers in the docs' table row that starts with these cells.
fn row(first: &[&str], count: usize) -> Option<Vec<f64>> {
    DOCS.lines().find_map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let (names, numbers) = cells.split_at_checked(first.len())?;
        let numbers: Vec<f64> = numbers.iter().map_while(|cell| cell.parse().ok()).collect();
        (names == first && numbers.len() == count).then_some(numbers)
    })
}

/// Right gradients. In the docs stand the functions on which any method raises an alarm.
#[test]
fn false_alarms() {
    let (mut listed, mut stale) = (0, vec![]);
    for case in cases() {
        let g = case.gradient();
        let mut counts = [0; 5];
        for seed in 0..TRIES {
            for (count, alarm) in counts.iter_mut().zip(alarms(&case, &g, seed)) {
                *count += i32::from(alarm);
            }
        }
        assert_eq!(counts[0], 0, "{}: a false alarm", case.name);
        if counts != [0; 5] {
            listed += 1;
            println!("| {} | {} |", case.name, counts.map(|count| count.to_string()).join(" | "));
            let as_in = |docs: &Vec<f64>| {
                docs.iter().zip(counts).all(|(docs, count)| (f64::from(count) - docs).abs() <= 2.0)
            };
            if !row(&[&case.name], 5).is_some_and(|docs| as_in(&docs)) {
                stale.push(format!("{}: {counts:?}", case.name));
            }
        }
    }
    assert!(stale.is_empty(), "not as in the docs: {stale:#?}");
    assert!(listed > 20, "only {listed} functions made anyone raise an alarm");
}

/// Too rough to tell a slope to 1e-4, whatever the method; or, on a grid of 2^-20, with error bars that allow for a kink
/// at the point.
const UNRESOLVABLE: [&str; 7] = [
    "1e10 + sin x",
    "logsumexp 5, noise 1e-5",
    "sin x in f16",
    "123.4 + sin x, 7 digits",
    "logsumexp 5, 5 digits",
    "sin x on a grid of 2^-20",
    "logsumexp 5 in f32",
];

/// What it can't resolve, it says: the noise is larger than any difference it could use.
#[test]
fn inconclusive_is_rare_and_honest() {
    for case in cases() {
        let unresolvable = UNRESOLVABLE.contains(&case.name.as_str());
        for seed in 0..TRIES {
            let expected = if unresolvable { Outcome::Inconclusive } else { Outcome::Holds };
            assert_eq!(ours(&case, &case.gradient(), seed), expected, "{}", case.name);
        }
    }
}

/// Of two of them the slopes are told to three digits, and hold where no more is required.
#[test]
fn three_digits_of_rough_values() {
    let rough = ["sin x on a grid of 2^-20", "logsumexp 5 in f32"];
    let cases: Vec<_> = cases().into_iter().filter(|case| rough.contains(&case.name.as_str())).collect();
    assert_eq!(cases.len(), rough.len());
    for case in cases {
        for seed in 0..TRIES {
            let claims = case.gradient();
            let check = Check::new(&case.x, &claims).seed(seed).require(1e-3);
            let report = check.run_alloc(|x: &[f64]| (case.f)(x)).unwrap();
            assert!(report.is_ok() && report.resolution() > 1e-4, "{}: {report}", case.name);
        }
    }
}

/// The share of injected faults that is caught, in percent, over the functions on which the method raises no
/// false alarm.
fn detection(fault: Fault) {
    let cases = detection_cases();
    let quiet: Vec<_> =
        cases.iter().map(|case| alarms(case, &case.gradient(), 0).map(|alarm| !alarm)).collect();
    assert!(quiet.iter().all(|quiet| quiet[0]));
    let mut shares = [const { Vec::new() }; 5];
    for exponent in 3..11 {
        let relative = 10f64.powi(-exponent);
        let (mut caught, mut tried) = ([0; 5], [0; 5]);
        for (case, quiet) in cases.iter().zip(&quiet) {
            let g = case.gradient();
            for seed in 0..TRIES {
                let faulty = inject(&g, &case.blocks, fault, relative, &mut Rng::with_seed(seed));
                let alarms = alarms(case, &faulty, seed + 100);
                for method in 0..5 {
                    tried[method] += i32::from(quiet[method]);
                    caught[method] += i32::from(quiet[method] && alarms[method]);
                }
            }
        }
        for method in 0..5 {
            shares[method].push((100.0 * f64::from(caught[method]) / f64::from(tried[method])).round());
        }
    }
    for (method, shares) in METHODS.into_iter().zip(&shares) {
        let cells: Vec<_> = shares.iter().map(f64::to_string).collect();
        println!("| {fault:?} | {method} | {} |", cells.join(" | "));
    }
    // Down to 1e-8 nothing escapes, and no peer sees more of anything.
    assert!(shares[0][..6].iter().all(|&share| share == 100.0), "{fault:?}: {:?}", shares[0]);
    for size in 0..8 {
        assert!(shares[1..].iter().all(|peer| peer[size] <= shares[0][size]), "{fault:?}: {shares:?}");
    }
    for (method, shares) in METHODS.into_iter().zip(&shares) {
        let docs = row(&[&format!("{fault:?}"), method], 8);
        let docs = docs.unwrap_or_else(|| panic!("{fault:?}, {method} is not in the docs: {shares:?}"));
        for (share, docs) in shares.iter().zip(docs) {
            assert!((share - docs).abs() <= POINTS, "{fault:?}, {method}: {shares:?} is not as in the docs");
        }
    }
}

#[test]
fn faults_of_single_entries() {
    detection(Fault::Coordinate);
}

#[test]
fn faults_of_blocks() {
    detection(Fault::Block);
}

#[test]
fn faults_that_add_up_to_zero() {
    detection(Fault::ZeroSum);
}
