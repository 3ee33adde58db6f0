//! Promise: values coarser than their type, and values that jitter by less than they declare, are told from slopes. A
//! right claim is never called wrong, one of the opposite sign or twice as large never passes, and is called wrong where
//! the values tell.

use std::cell::RefCell;

use fastrand::Rng;
use handgrad::gradcheck::{
    Check, Dual, Eval, Outcome, Probe, Verdict, check_dual, check_jvp, jvp_scratch_len, scratch_len,
};

const SEEDS: u64 = 20;

fn counts(f: &dyn Fn(&[f64]) -> f64, x: &[f64], claims: &[f64]) -> [usize; 3] {
    let mut scratch = vec![f64::NAN; scratch_len(x.len())];
    let mut counts = [0; 3];
    for seed in 0..SEEDS {
        let report = Check::new(x, claims).seed(seed).run(f, &mut scratch).unwrap();
        counts[report.outcome() as usize] += 1;
    }
    counts
}

const ALL: usize = SEEDS as usize;

/// Of a right claim, its negative and its double: how many of the checks hold, are inconclusive, are wrong.
fn verdicts(f: &dyn Fn(&[f64]) -> f64, x: &[f64], slopes: &[f64]) -> [[usize; 3]; 3] {
    [1.0, -1.0, 2.0].map(|factor| {
        let claims: Vec<f64> = slopes.iter().map(|slope| factor * slope).collect();
        counts(f, x, &claims)
    })
}

/// The order of `Outcome` is that of the counts.
#[test]
fn outcomes_are_counted_in_order() {
    assert_eq!(
        [Outcome::Holds, Outcome::Inconclusive, Outcome::Wrong].map(|outcome| outcome as usize),
        [0, 1, 2]
    );
}

fn in_f32(value: f64) -> f64 {
    f64::from(value as f32)
}

fn in_f16(value: f64) -> f64 {
    half::f16::from_f64(value).to_f64()
}

fn digits(value: f64, count: usize) -> f64 {
    format!("{value:.*e}", count - 1).parse().unwrap()
}

/// Computed in f32, returned in f64: the seven digits that there are resolve a slope to three or four.
#[test]
fn values_of_f32() {
    for x in [1.5, 0.3, -2.2, 1.0 / 3.0] {
        let f = |x: &[f64]| f64::from((x[0] as f32) * (x[0] as f32));
        let found = verdicts(&f, &[x], &[2.0 * x]);
        assert_eq!(found, [[ALL, 0, 0], [0, 0, ALL], [0, 0, ALL]], "{x}");
        assert_eq!(counts(&f, &[x], &[0.0]), [0, 0, ALL], "{x}");
        let f = |x: &[f64]| in_f32(x[0].sin() + 3.0);
        let [right, negative, double] = verdicts(&f, &[x], &[x.cos()]);
        assert_eq!((right[2], negative, double), (0, [0, 0, ALL], [0, 0, ALL]), "{x}");
    }
    // In several variables, through exp and a division.
    let f = |x: &[f64]| {
        let [a, b, c] = [x[0] as f32, x[1] as f32, x[2] as f32];
        f64::from((a * b).exp() / (1.0 + c * c))
    };
    let (x, e) = ([0.4, 1.1, -0.7], 0.44f64.exp() / 1.49);
    let slopes = [1.1 * e, 0.4 * e, 1.4 / 1.49 * e];
    let [right, negative, double] = verdicts(&f, &x, &slopes);
    assert!(right[2] == 0 && right[0] > ALL / 2, "{right:?}");
    assert_eq!((negative, double), ([0, 0, ALL], [0, 0, ALL]));
}

/// So few digits that a slope can't be resolved as the check requires, but its sign and size can.
#[test]
fn values_of_f16() {
    for x in [0.8, 0.3, -1.1] {
        let f = |x: &[f64]| in_f16(x[0].sin());
        let [right, negative, double] = verdicts(&f, &[x], &[x.cos()]);
        assert_eq!((right, negative), ([0, ALL, 0], [0, 0, ALL]), "{x}");
        assert!(double[0] == 0 && double[2] > ALL / 2, "{x}: {double:?}");
        let generous = Check::new(&[x], &[x.cos()]).require(0.5).run(f, &mut [0.0; 2]).unwrap();
        assert_eq!(generous.outcome(), Outcome::Holds, "{generous}");
    }
}

#[test]
fn values_that_were_printed() {
    for count in 4..10 {
        for x in [0.7, 1.1, -0.4] {
            let f = |x: &[f64]| digits(123.4 + x[0].sin(), count);
            let [right, negative, double] = verdicts(&f, &[x], &[x.cos()]);
            assert_eq!((right[2], negative[0], double[0]), (0, 0, 0), "{count} digits of 123.4 + sin {x}");
            // Six digits are thousandths, of which f changes by a hundred or two.
            let told = if count > 6 { ALL } else { 0 };
            assert!(negative[2] >= told && double[2] >= told, "{count} digits of 123.4 + sin {x}");
            let f = |x: &[f64]| digits((1.3 * x[0]).exp(), count);
            let [right, negative, double] = verdicts(&f, &[x], &[1.3 * (1.3 * x).exp()]);
            assert_eq!(right[2], 0, "{count} digits of exp 1.3 {x}");
            assert_eq!((negative, double), ([0, 0, ALL], [0, 0, ALL]), "{count} digits of exp 1.3 {x}");
        }
    }
    // All there are resolve it as required.
    let f = |x: &[f64]| digits((1.3 * x[0]).exp(), 9);
    assert_eq!(counts(&f, &[0.7], &[1.3 * (1.3f64 * 0.7).exp()]), [ALL, 0, 0]);
}

/// Fixed point: up, down, to the nearest.
#[test]
fn values_on_a_grid() {
    let roundings: [fn(f64) -> f64; 3] = [f64::round, f64::floor, f64::ceil];
    for unit in [1e-3, 1e-5, 1e-7, 1.0 / 1024.0, 1.0 / 65536.0, 1.0 / 16_777_216.0] {
        for round in roundings {
            for x in [[0.5, 0.25], [0.7f64, -1.3], [1.0, 2.0]] {
                let f = |x: &[f64]| round((x[0] * x[1]).sin() / unit) * unit + round(x[0] / unit) * unit;
                let phase = (x[0] * x[1]).cos();
                let slopes = [x[1] * phase + 1.0, x[0] * phase];
                let [right, negative, double] = verdicts(&f, &x, &slopes);
                assert_eq!(right[2], 0, "{unit} at {x:?}");
                assert_eq!((negative[0], double[0]), (0, 0), "{unit} at {x:?}");
                let told = if unit < 1e-4 { ALL } else { 0 };
                assert!(negative[2] >= told && double[2] >= told, "{unit} at {x:?}: {negative:?} {double:?}");
            }
        }
    }
}

/// Twenty bits resolve a slope to three digits, but not to the four that are required by default.
#[test]
fn less_may_be_required_of_a_grid() {
    let f = |x: &[f64]| (x[0].sin() * 1_048_576.0).round() / 1_048_576.0;
    assert_eq!(counts(&f, &[0.5], &[0.5f64.cos()]), [0, ALL, 0]);
    for seed in 0..SEEDS {
        let run = |factor: f64| {
            let claims = [factor * 0.5f64.cos()];
            Check::new(&[0.5], &claims).seed(seed).require(1e-3).run(f, &mut [0.0; 2]).unwrap().outcome()
        };
        assert_eq!([run(1.0), run(1.002)], [Outcome::Holds, Outcome::Wrong]);
    }
}

/// Flat at the point and nowhere else: that is no staircase, and its slope is 0.
#[test]
fn a_dead_zone_is_no_staircase() {
    let soft = |width: f64| move |x: &[f64]| x[0].signum() * (x[0].abs() - width).max(0.0);
    for width in [0.1, 1e-3, 1e-6] {
        assert_eq!(counts(&soft(width), &[0.0], &[0.0])[2], 0, "{width}");
        assert_eq!(counts(&soft(width), &[0.0], &[-1.0])[0], 0, "{width}");
    }
    // A loss that is 0 at the point and beside it.
    let hinge = |x: &[f64]| (1.0 - x[0] - x[1]).max(0.0);
    assert_eq!(counts(&hinge, &[0.7, 0.4], &[0.0, 0.0]), [ALL, 0, 0]);
    assert_eq!(counts(&hinge, &[0.7, 0.4], &[-1.0, -1.0])[0], 0);
}

/// Values that jitter by less than they declare can be used; by more, they are nondeterministic.
#[test]
fn declared_noise_may_differ_from_call_to_call() {
    let rng = RefCell::new(Rng::with_seed(5));
    let jitter = |size: f64| size * (2.0 * rng.borrow_mut().f64() - 1.0);
    let run = |size: f64, declared: f64, claim: f64, seed| {
        let f = |x: &[f64]| Eval::new(x[0] * x[0] + jitter(size)).noise(declared);
        Check::new(&[1.5], &[claim]).seed(seed).run(f, &mut [0.0; 2]).unwrap()
    };
    for seed in 0..200 {
        let report = run(1e-15, 1e-14, 3.0, seed);
        assert!(report.is_ok() && report.resolution() < 1e-10, "{report}");
        for (size, declared, wrong) in [(1e-15, 1e-14, 3.0 + 1e-8), (1e-9, 1e-9, -3.0), (1e-9, 1e-9, 3.003)] {
            assert_eq!(run(size, declared, wrong, seed).outcome(), Outcome::Wrong);
        }
        let report = run(1e-9, 1e-9, 3.0, seed);
        assert!(report.is_ok(), "{report}");
        let report = run(1e-9, 1e-12, 3.0, seed);
        assert!(report.counts().nondeterministic > 0, "{report}");
    }
    // Two values may differ by what both declare, and no more.
    let once = |off: f64| {
        let calls = RefCell::new(0);
        let f = move |x: &[f64]| {
            *calls.borrow_mut() += 1;
            Eval::new(x[0] + if *calls.borrow() == 2 { off } else { 0.0 }).noise(1.0)
        };
        Check::new(&[1.0], &[1.0]).run(f, &mut [0.0; 2]).unwrap().counts().nondeterministic
    };
    assert_eq!([once(2.0), once(2.0 + 1e-9), once(f64::NAN)], [0, 1, 1]);
    // The branch may not.
    let calls = RefCell::new(0);
    let other = |x: &[f64]| {
        *calls.borrow_mut() += 1;
        Eval::new(x[0]).noise(1.0).branch(*calls.borrow())
    };
    let report = Check::new(&[1.0], &[1.0]).run(other, &mut [0.0; 2]).unwrap();
    assert_eq!(report.counts().nondeterministic, 1);
}

#[test]
fn declared_noise_of_dual_numbers() {
    let rng = RefCell::new(Rng::with_seed(6));
    let f = |declared: f64| {
        let rng = &rng;
        move |x: &[Dual<f64>]| {
            let value = x[0] * x[0] + Dual::constant(1e-12 * rng.borrow_mut().f64());
            Eval::new(value).noise(Dual::constant(declared))
        }
    };
    let mut scratch = [Dual::constant(0.0); 2];
    check_dual(f(1e-11), &[1.5], &[3.0], &mut scratch).unwrap().assert_ok();
    let report = check_dual(f(1e-15), &[1.5], &[3.0], &mut scratch).unwrap();
    assert_eq!(report.counts().nondeterministic, 1, "{report}");
}

/// Outputs of a field in f32: right claims are not wrong, and negative ones are.
#[test]
fn coarse_fields() {
    let field = |x: &[f64], out: &mut [f64]| {
        out[0] = in_f32((x[0] * x[1]).sin());
        out[1] = digits(x[0].exp() + x[1], 6);
    };
    let (x, v) = ([0.7f64, -1.1], [1.0, 0.5]);
    let phase = (x[0] * x[1]).cos();
    let claims = [phase * (x[1] + 0.5 * x[0]), x[0].exp() + 0.5];
    for x in [x, [0.7, -1.1 + 1e-9]] {
        let mut scratch = [0.0; jvp_scratch_len(2, 2)];
        let report = check_jvp(field, &x, &v, &claims, &mut scratch).unwrap();
        assert_ne!(report.outcome(), Outcome::Wrong, "{report}");
        for factor in [-1.0, 0.0, 2.0] {
            let wrong = claims.map(|claim| factor * claim);
            let report = check_jvp(field, &x, &v, &wrong, &mut scratch).unwrap();
            assert_eq!(report.outcome(), Outcome::Wrong, "{factor}: {report}");
            assert!(report.worst().all(|entry| entry.verdict <= Verdict::Unresolved), "{report}");
        }
    }
}

/// f stands still around x, and the evaluations do not suffice to find out how coarse it is: then a slope of 0, which is
/// all that the finest steps see, is not taken for right.
#[test]
fn coarse_values_within_a_budget() {
    let square = |x: &[f64]| f64::from((x[0] as f32).powi(2));
    let functions: [fn(&[f64]) -> f64; 3] =
        [square, |x| digits((1.3 * x[0]).exp(), 6), |x| (x[0].sin() * 1_048_576.0).round() / 1_048_576.0];
    for (most, seed) in (1..800).step_by(3).map(|most| (most, most as u64 % 5)) {
        for (number, f) in functions.iter().enumerate() {
            let check = Check::new(&[1.5], &[0.0]).seed(seed).evaluations(most);
            let report = check.run(f, &mut [0.0; 2]).unwrap();
            assert!(!report.is_ok(), "function {number}, {most}: {report}");
        }
        let jitters = |x: &[f64]| Eval::new(square(x)).noise(3e-7);
        let report =
            Check::new(&[1.5], &[0.0]).seed(seed).evaluations(most).run(jitters, &mut [0.0; 2]).unwrap();
        assert!(!report.is_ok(), "with declared noise, {most}: {report}");
    }
    // Nor is a kink that wide steps see.
    let bent = |x: &[f64]| in_f32(1.0 + (x[0] - 1.5).abs());
    for most in 60..200 {
        let report = Check::new(&[1.5], &[0.5]).evaluations(most).run(bent, &mut [0.0; 2]).unwrap();
        assert_eq!(report.outcome(), Outcome::Inconclusive, "{most}: {report}");
    }
    assert_eq!(counts(&bent, &[1.5], &[0.5]), [ALL, 0, 0]);
}

/// The same of a Jacobian, whatever the budget, with outputs that are constant or flat at x only: these hold.
#[test]
fn coarse_jacobians() {
    let field = |x: &[f64], out: &mut [f64]| {
        out[0] = in_f32((x[0] * x[1]).sin());
        out[1] = digits(x[0].exp() + x[1], 6);
        out[2] = 7.0;
        out[3] = (x[0] - 0.8).max(0.0);
    };
    let x = [0.7f64, -1.1];
    let phase = (x[0] * x[1]).cos();
    let slopes = [phase * x[1], phase * x[0], x[0].exp(), 1.0, 0.0, 0.0, 0.0, 0.0];
    for factor in [1.0, -1.0, 0.0, 2.0] {
        let (claims, along) = (slopes.map(|slope| factor * slope), [1.0, 0.5]);
        let products: [f64; 4] = std::array::from_fn(|i| claims[2 * i] + 0.5 * claims[2 * i + 1]);
        for seed in 0..SEEDS {
            let jacobian = Check::new(&x, &claims).seed(seed);
            let report = jacobian.run_jacobian_alloc(field).unwrap();
            assert_eq!(report.outcome() == Outcome::Wrong, factor != 1.0, "{factor}: {report}");
            for entry in report.worst() {
                let is_flat = matches!(entry.probe, Probe::Entry { output: Some(2..), .. });
                assert!(!is_flat || entry.verdict == Verdict::Agree, "{entry}");
            }
            for most in (1..300).step_by(13).map(|most| most + seed as usize) {
                let reports = [
                    jacobian.evaluations(most).run_jacobian_alloc(field).unwrap(),
                    Check::new(&x, &products)
                        .seed(seed)
                        .evaluations(most)
                        .run_jvp_alloc(field, &along)
                        .unwrap(),
                ];
                for report in reports {
                    let refuted = if factor == 1.0 { Outcome::Wrong } else { Outcome::Holds };
                    assert_ne!(report.outcome(), refuted, "{factor}, {most}: {report}");
                }
            }
        }
    }
}

/// A sum of a part in f16 and an exact one: the known limit (`sums`). With half a unit of f16 declared, no right claim is called
/// wrong.
#[test]
fn declared_noise_of_a_coarse_part() {
    let mut rng = Rng::with_seed(3);
    for seed in 0..100 {
        let [a, b, c, d, x, y] = [(); 6].map(|()| 4.0 * rng.f64() - 2.0);
        let value = |x: &[f64]| in_f16((a * x[0] + b * x[1]).sin()) + (0.5 * (c * x[0] + d * x[1])).exp();
        let (cos, exp) = ((a * x + b * y).cos(), 0.5 * (0.5 * (c * x + d * y)).exp());
        let claims = [a * cos + c * exp, b * cos + d * exp];
        // Units are of 2^-11 up to 1.
        let declared = |x: &[f64]| Eval::new(value(x)).noise(0.5 / 2048.0);
        let report = Check::new(&[x, y], &claims).seed(seed).run_alloc(declared).unwrap();
        assert_ne!(report.outcome(), Outcome::Wrong, "{report}");
        let opposite = claims.map(|claim| -claim);
        let report = Check::new(&[x, y], &opposite).seed(seed).run_alloc(declared).unwrap();
        assert_ne!(report.outcome(), Outcome::Holds, "{report}");
    }
}
