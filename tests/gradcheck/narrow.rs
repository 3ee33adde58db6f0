//! Promise: what wide steps make of a function is not taken for its slope. Structure far narrower than the variables are
//! large, kinks that cross at the point, removable singularities there: right claims are never called wrong, and claims
//! of the opposite sign or twice as large are.

use handgrad::gradcheck::{
    Check, Eval, Outcome, Verdict, branch, check, check_jvp, jvp_scratch_len, scratch_len,
};
use num_traits::Float;

const SEEDS: u64 = 20;

/// The outcome of a check with each of the seeds.
fn outcomes<T: Float>(f: impl Fn(&[T]) -> T, x: &[T], claims: &[T]) -> Vec<Outcome> {
    let mut scratch = vec![T::nan(); scratch_len(x.len())];
    (0..SEEDS).map(|seed| Check::new(x, claims).seed(seed).run(&f, &mut scratch).unwrap().outcome()).collect()
}

/// A right claim holds with every seed; of the opposite sign, twice as large, or half, it is never passed.
fn decides<T: Float>(name: &str, f: impl Fn(&[T]) -> T, x: &[T], slopes: &[T]) {
    let times = |factor: f64| slopes.iter().map(|&g| T::from(factor).unwrap() * g).collect::<Vec<_>>();
    assert_eq!(outcomes(&f, x, slopes), vec![Outcome::Holds; SEEDS as usize], "{name}");
    for factor in [-1.0, 2.0] {
        let outcomes = outcomes(&f, x, &times(factor));
        assert_eq!(outcomes, vec![Outcome::Wrong; SEEDS as usize], "{name}, times {factor}");
    }
    assert!(!outcomes(&f, x, &times(0.5)).contains(&Outcome::Holds), "{name}, half");
    assert!(!outcomes(&f, x, &times(0.0)).contains(&Outcome::Holds), "{name}, 0");
}

#[test]
fn frequencies_far_above_the_first_step() {
    for (frequency, x) in [(1024.0, 0.3), (512.0, 0.7), (1e3, -0.3), (1e5, 1.3), (1e8, 0.6)] {
        let turn = frequency * std::f64::consts::PI;
        decides(
            &format!("sin {frequency}πx"),
            |x: &[f64]| (turn * x[0]).sin(),
            &[x],
            &[turn * (turn * x).cos()],
        );
    }
    // On top of something smooth, and in several variables.
    let f = |x: &[f64]| x[0] * x[1] + 1e-3 * (1e6 * (x[0] - x[1])).sin();
    let (x, wave) = ([0.4, 1.3], 1e3 * (1e6 * -0.9f64).cos());
    decides("product + wave", f, &x, &[1.3 + wave, 0.4 - wave]);
    let (turn, x) = (1024.0 * std::f32::consts::PI, 0.3f32);
    decides("in f32", |x: &[f32]| (turn * x[0]).sin(), &[x], &[turn * (turn * x).cos()]);
}

/// A step and a bump of some width beside the point.
#[test]
fn steps_and_bumps_far_below_the_first_step() {
    for width in [1e-3, 1e-5, 1e-7, 1e-9] {
        let at = 0.75 + 0.3 * width;
        let u = (at - 0.75) / width;
        let step = |x: &[f64]| ((x[0] - 0.75) / width).tanh();
        decides(&format!("step {width:e}"), step, &[at], &[(1.0 - u.tanh().powi(2)) / width]);
        let bump = |x: &[f64]| x[0] * x[0] + (-((x[0] - 0.75) / width).powi(2)).exp();
        let slope = 2.0 * at - 2.0 * u / width * (-u * u).exp();
        decides(&format!("bump {width:e}"), bump, &[at], &[slope]);
        // As small as it is narrow: a smooth function for wide steps.
        let small = |x: &[f64]| x[0].sin() + width * ((x[0] - 0.75) / width).tanh();
        decides(&format!("small step {width:e}"), small, &[at], &[at.cos() + 1.0 - u.tanh().powi(2)]);
    }
}

#[test]
fn small_regularisers() {
    for e in [1e-3, 1e-6, 1e-8, 1e-10, 1e-12, 1e-14] {
        decides(&format!("ln(x + {e:e})"), |x: &[f64]| (x[0] + e).ln(), &[0.0], &[1.0 / e]);
        decides(&format!("x/(|x| + {e:e})"), |x: &[f64]| x[0] / (x[0].abs() + e), &[0.0], &[1.0 / e]);
        let e = e as f32;
        decides(&format!("ln(x + {e:e}) in f32"), |x: &[f32]| (x[0] + e).ln(), &[0.0], &[1.0 / e]);
        decides(&format!("x/(|x| + {e:e}) in f32"), |x: &[f32]| x[0] / (x[0].abs() + e), &[0.0], &[1.0 / e]);
    }
}

/// -sum q ln(p + 1e-12) where some p is 0, in both types.
#[test]
fn a_cross_entropy_with_a_share_of_zero() {
    fn entropy<T: Float>(e: T) {
        let real = |value: f64| T::from(value).unwrap();
        let (q, p) = ([0.2, 0.0, 0.3, 0.5].map(real), [0.0, 0.0, 0.3, 0.7].map(real));
        let f = move |p: &[T]| -p.iter().zip(q).fold(T::zero(), |sum, (&p, q)| sum + q * (p + e).ln());
        let slopes = [0, 1, 2, 3].map(|i| -q[i] / (p[i] + e));
        let holds = vec![Outcome::Holds; SEEDS as usize];
        assert_eq!(outcomes(f, &p, &slopes), holds);
        let wrong = slopes.map(|slope| -slope);
        assert_eq!(outcomes(f, &p, &wrong), vec![Outcome::Wrong; SEEDS as usize]);
    }
    entropy(1e-12f64);
    entropy(1e-12f32);
    entropy(1e-7f32);
}

/// Finer than any step: whatever is claimed in the direction of the jump, nobody can say.
#[test]
fn a_jump_says_nothing_of_slopes_that_are_steeper() {
    for e in [1e-60, 1e-200] {
        let jump = |x: &[f64]| x[0] / (x[0].abs() + e);
        assert_eq!(outcomes(jump, &[0.0], &[1.0 / e]), vec![Outcome::Inconclusive; SEEDS as usize]);
    }
}

/// The sum of several kinks at the point: a convention's slope along a direction need not be between those on both
/// sides. Entry by entry it is one of the two, and claims beyond are wrong.
#[test]
fn kinks_that_cross() {
    let weights = [0.8, -0.5, 0.3, -1.2];
    let relu = |b: f64| if b >= 0.0 { b } else { 0.0 };
    let f = move |b: &[f64]| b.iter().zip(weights).map(|(&b, w)| w * relu(b)).sum::<f64>().tanh();
    let named = |b: &[f64]| Eval::new(f(b)).branch(branch(b.iter().map(|&b| b >= 0.0)));
    let run = |claims: &[f64], named_too: bool, seed| {
        let check = Check::new(&[0.0; 4], claims).seed(seed);
        let scratch = &mut [0.0; 8];
        let report = if named_too { check.run(named, scratch) } else { check.run(f, scratch) };
        report.unwrap()
    };
    for seed in 0..200 {
        for named_too in [false, true] {
            let report = run(&weights, named_too, seed);
            assert_eq!(report.outcome(), Outcome::Holds, "{report}");
            // The entries are at kinks, and the directions say nothing or the same.
            assert!(report.counts().kink >= 4 && report.counts().disagree == 0, "{report}");
            for factor in [-1.0, 2.0] {
                let report = run(&weights.map(|w| factor * w), named_too, seed);
                assert_eq!(report.outcome(), Outcome::Wrong, "{report}");
            }
        }
    }
    // In f32, where error bars are wide enough to hide a kink along one direction.
    let weights = weights.map(|w| w as f32);
    let f = |b: &[f32]| b.iter().zip(weights).map(|(&b, w)| w * b.max(0.0)).sum::<f32>().tanh();
    for seed in 0..200 {
        let report = Check::new(&[0.0; 4], &weights).seed(seed).run(f, &mut [0.0; 8]).unwrap();
        assert_eq!(report.outcome(), Outcome::Holds, "{report}");
    }
}

/// 0/0 at the point, where the function has its limit: beside it the values are noise, the nearer the more.
#[test]
fn removable_singularities() {
    fn filled(f: fn(f64) -> f64, limit: f64) -> impl Fn(&[f64]) -> f64 {
        move |x| if x[0] == 0.0 { limit } else { f(x[0]) }
    }
    decides("(exp x - 1)/x", filled(|x| (x.exp() - 1.0) / x, 1.0), &[0.0], &[0.5]);
    decides("ln(1 + x)/x", filled(|x| (1.0 + x).ln() / x, 1.0), &[0.0], &[-0.5]);
    decides("(√(1 + x) - 1)/x", filled(|x| ((1.0 + x).sqrt() - 1.0) / x, 0.5), &[0.0], &[-0.125]);
    decides("x/(exp x - 1)", filled(|x| x / (x.exp() - 1.0), 1.0), &[0.0], &[-0.5]);
    // Noise that grows with the inverse square hides some of the wrong ones.
    let square = |x: &[f64]| x[0] + filled(|x| (1.0 - x.cos()) / (x * x), 0.5)(x);
    assert_eq!(outcomes(square, &[0.0], &[1.0]), vec![Outcome::Holds; SEEDS as usize]);
    for wrong in [-1.0, 2.0] {
        let outcomes = outcomes(square, &[0.0], &[wrong]);
        assert!(!outcomes.contains(&Outcome::Holds) && outcomes.contains(&Outcome::Wrong), "{outcomes:?}");
    }
    // Where one side is not defined.
    let half = |x: f64| if x < 0.0 { f64::NAN } else { (1.0 + x).ln() / x };
    decides("ln(1 + x)/x to the right", filled(half, 1.0), &[0.0], &[-0.5]);
    // Among other variables, and a slope of 0.
    let f = |x: &[f64]| filled(|x| (x.exp() - 1.0) / x, 1.0)(x) * x[1];
    decides("(exp x - 1)/x times y", f, &[0.0, 1.5], &[0.75, 1.0]);
    let sinc = filled(|x| x.sin() / x, 1.0);
    assert_eq!(outcomes(&sinc, &[0.0], &[0.0]), vec![Outcome::Holds; SEEDS as usize]);
    assert_eq!(outcomes(&sinc, &[0.0], &[1e-3]), vec![Outcome::Wrong; SEEDS as usize]);
}

/// Two steps say one thing and two others another: that is no verdict.
#[test]
fn what_speaks_both_for_and_against_a_claim_is_disputed() {
    // f32 values and a small exact part: the finest steps see the exact part alone.
    let f = |x: &[f64]| f64::from((x[0] * x[0]) as f32) + 1e-3 * x[0];
    for seed in 0..SEEDS {
        let report = Check::new(&[1.5], &[3.001]).seed(seed).run(f, &mut [0.0; 2]).unwrap();
        assert_eq!(report.outcome(), Outcome::Inconclusive, "{report}");
        assert!(report.counts().disputed > 0, "{report}");
        assert!(report.worst().any(|entry| entry.verdict == Verdict::Disputed));
        assert!(report.to_string().contains("disputed, claimed"), "{report}");
        for wrong in [-3.001, 6.002] {
            let report = Check::new(&[1.5], &[wrong]).seed(seed).run(f, &mut [0.0; 2]).unwrap();
            assert_eq!(report.outcome(), Outcome::Wrong, "{report}");
        }
    }
}

/// The same kinds along the direction of a Jacobian-vector product.
#[test]
fn vector_fields_of_these_kinds() {
    let run = |field: fn(&[f64], &mut [f64]), x: &[f64], v: &[f64], claims: &[f64]| {
        let mut scratch = vec![0.0; jvp_scratch_len(x.len(), claims.len())];
        check_jvp(field, x, v, claims, &mut scratch).unwrap()
    };
    let turn = 1024.0 * std::f64::consts::PI;
    let narrow = |x: &[f64], out: &mut [f64]| {
        out[0] = (1024.0 * std::f64::consts::PI * x[0]).sin();
        out[1] = (x[0] * x[0] + 1e-16).sqrt() + ((x[0] - 0.3) * 1e6).tanh();
    };
    let slopes = [turn * (turn * 0.3f64).cos(), 0.3 / (0.09f64 + 1e-16).sqrt() + 1e6];
    assert_eq!(run(narrow, &[0.3], &[1.0], &slopes).outcome(), Outcome::Holds);
    for factor in [-1.0, 2.0] {
        let report = run(narrow, &[0.3], &[1.0], &slopes.map(|slope| factor * slope));
        assert_eq!(report.outcome(), Outcome::Wrong, "{report}");
    }
    // max(0, b1) - 0.6 max(0, b2) along (1, -1): 1 to the right, 0.6 to the left, and 1.6 by convention.
    let kinks = |b: &[f64], out: &mut [f64]| {
        out[0] = b[0].max(0.0) - 0.6 * b[1].max(0.0);
        out[1] = b[0] + b[1] * b[1];
    };
    assert_ne!(run(kinks, &[0.0, 0.0], &[1.0, -1.0], &[1.6, 1.0]).outcome(), Outcome::Wrong);
    // ln(x + 1e-12) at 0.
    let steep = |x: &[f64], out: &mut [f64]| out[0] = (x[0] + 1e-12).ln();
    assert_eq!(run(steep, &[0.0], &[1.0], &[1e12]).outcome(), Outcome::Holds);
    assert_eq!(run(steep, &[0.0], &[1.0], &[-1e12]).outcome(), Outcome::Wrong);
}

/// A function with one wide and one narrow variable: the check of each takes the steps that it needs.
#[test]
fn a_probe_that_agrees_costs_what_it_did() {
    let f = |x: &[f64]| (x[0] * x[1]).sin() + x[2].exp() * x[0];
    let (x, phase) = ([0.7, -1.2, 0.4], (0.7f64 * -1.2).cos());
    let claims = [-1.2 * phase + 0.4f64.exp(), 0.7 * phase, 0.4f64.exp() * 0.7];
    let report = check(f, &x, &claims, &mut [0.0; 6]).unwrap();
    report.assert_ok();
    assert!(report.evaluations() < 6 * 24 + 42, "{report}");
}

/// At the shortest steps the exponent's own rounding makes one side's slope too small by more than its error bar: that is no
/// narrower kink.
#[test]
fn kinks_of_values_with_noise_that_only_short_steps_show() {
    for slope in (100..1200).step_by(7).map(f64::from) {
        let f = |x: &[f64]| Eval::new((-187.0 - slope * x[0].max(0.0)).exp()).branch(branch([x[0] >= 0.0]));
        let claim = -slope * (-187f64).exp();
        let report = Check::new(&[0.0], &[claim]).run_alloc(f).unwrap();
        assert_ne!(report.outcome(), Outcome::Wrong, "{slope} {claim:e}: {report}");
    }
}

/// A ripple on both sides of a kink, of which the steps with the smallest error bars see nothing: each side has the slope that
/// finer steps agree on.
#[test]
fn ripples_on_a_kink() {
    for (waves, height) in [(1e3, 1e-3), (1e4, 1e-4), (1e6, 1e-6), (1e6, 1e-9), (1e8, 1e-8), (1e8, 1e-10)] {
        for (at, named) in [(0.0, false), (0.0, true), (3.0, false), (3.0, true)] {
            let f = |x: &[f64]| {
                let y = x[0] - at;
                let value = Eval::new(at + if y >= 0.0 { 0.5 * y } else { -y } + height * (waves * y).sin());
                if named { value.branch(branch([y >= 0.0])) } else { value }
            };
            let [right, left] = [0.5, -1.0].map(|slope| slope + height * waves);
            let outcome =
                |claim, seed| Check::new(&[at], &[claim]).seed(seed).run_alloc(f).unwrap().outcome();
            for seed in 0..SEEDS {
                let held = [right, left].map(|claim| outcome(claim, seed));
                assert_eq!(held, [Outcome::Holds; 2], "{waves} {height} at {at}");
                let beyond = [right + 0.5, left - 0.5].map(|claim| outcome(claim, seed));
                assert_eq!(beyond, [Outcome::Wrong; 2], "{waves} {height} at {at}");
            }
        }
    }
}

/// What one side has beside x is lower than the noise, so that no step resolves it; wide ones see a straight line on that side,
/// whose slope is another one than that at x by 1e-11 of the interval between both sides. That far is no verdict of a kink.
#[test]
fn the_edge_of_a_kink() {
    // 700 + 168 x to the right, and a part of 1e-11 that is over within a few times 0.006.
    let soft = |x: f64| 168.0 * x - 1e-11 * (-x / 0.006).exp_m1();
    let f = |x: &[f64]| Eval::new(700.0 + if x[0] > 0.0 { soft(x[0]) } else { 0.0 }).noise(7e-12);
    let outcome = |claim: f64| Check::new(&[0.0], &[claim]).directions(0).run_alloc(f).unwrap().outcome();
    assert_eq!(outcome(168.0 + 1e-11 / 0.006), Outcome::Holds);
    assert_eq!(outcome(168.0 + 1e-6), Outcome::Wrong);
}
