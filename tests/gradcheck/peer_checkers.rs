//! The parts of the comparison of gradient checkers are tested themselves: the gradients of its functions are
//! right, the faults are what they say, and the peers judge by their documented rules. With `--nocapture` it
//! prints which peer raises a false alarm where.

use crate::functions::{Block, Case, FAULTS, Fault, Kind, cases, detection_cases, inject};
use crate::peers;
use autodiff::F1;
use fastrand::Rng;

/// A peer's verdict on a gradient of a case.
type Verdict = fn(&Case, &[f64], &mut Rng) -> bool;

const PEERS: [(&str, Verdict); 4] = [
    ("PyTorch slow", |case, g, _| peers::pytorch_slow(&case.f, &case.x, g)),
    ("PyTorch fast", |case, g, rng| peers::pytorch_fast(&case.f, &case.x, g, &case.block_lens(), rng)),
    ("JAX", |case, g, rng| peers::jax(&case.f, &case.x, g, rng)),
    ("scipy", |case, g, _| peers::scipy(&case.f, &case.x, g)),
];

/// In how many of 20 tries a peer refuses a gradient.
fn refusals(passes: Verdict, case: &Case, g: &[f64]) -> usize {
    let mut rng = Rng::with_seed(7);
    (0..20).filter(|_| !passes(case, g, &mut rng)).count()
}

/// df/dx[i] by dual numbers.
fn by_duals(case: &Case, i: usize) -> f64 {
    let mut x: Vec<F1> = case.x.iter().map(|&x| F1::cst(x)).collect();
    x[i] = F1::var(x[i].x);
    (case.dual)(&x).dx
}

/// Entries that are differences of larger ones have an error of the larger ones' order.
#[test]
fn smooth_gradients_are_right() {
    let differentiable = |case: &Case| match case.kind {
        Kind::Smooth | Kind::Scaled | Kind::Narrow | Kind::Coarse => true,
        Kind::Edge => case.x[0] != 0.0,
        Kind::Kink | Kind::Noise | Kind::Removable => false,
    };
    for case in cases().into_iter().filter(differentiable).chain(detection_cases()) {
        let grad = case.gradient();
        let scale = grad.iter().fold(0.0, |max: f64, g| max.max(g.abs()));
        assert!(scale > 0.0 && scale.is_finite(), "{}: {grad:?}", case.name);
        for (i, g) in grad.iter().enumerate() {
            let (expected, value) = (by_duals(&case, i), (case.f)(&case.x));
            let error = (g - expected).abs();
            let allowed = 1e-13 * expected.abs();
            assert!(error <= allowed || error <= 1e-15 * scale, "{}[{i}]: {g} but {expected}", case.name);
            assert!(value.is_finite());
        }
    }
}

/// Where f has a kink the gradient is one of the slopes between those to the left and to the right.
#[test]
fn gradients_at_kinks_are_between_the_slopes() {
    let at_zero = |case: &Case| case.kind == Kind::Kink || case.kind == Kind::Edge && case.x[0] == 0.0;
    for case in cases().into_iter().filter(at_zero) {
        for (i, &g) in case.gradient().iter().enumerate() {
            let slope = |step: f64| {
                let mut moved = case.x.clone();
                moved[i] += step;
                ((case.f)(&moved) - (case.f)(&case.x)) / (moved[i] - case.x[i])
            };
            let (left, right) = (slope(-1e-10), slope(1e-10));
            // `min` and `max` pass over the NaN beyond an edge. 1e-5 is the rounding of f over the step.
            let (low, high) = (left.min(right) - 1e-5, left.max(right) + 1e-5);
            assert!((low..=high).contains(&g), "{}[{i}]: {g}, slopes {left} and {right}", case.name);
        }
    }
}

#[test]
fn noise_is_of_its_size_and_repeatable() {
    let clean = cases().into_iter().find(|case| case.name == "logsumexp 5").unwrap();
    let noisy: Vec<Case> = cases().into_iter().filter(|case| case.kind == Kind::Noise).collect();
    for (case, amplitude) in noisy.iter().zip([1e-8, 1e-5]) {
        assert_eq!(case.gradient(), clean.gradient());
        let errors: Vec<f64> = (0..1000)
            .map(|i| {
                let mut x = case.x.clone();
                x[i % 5] += i as f64 * 1e-9;
                assert_eq!((case.f)(&x), (case.f)(&x));
                ((case.f)(&x) / (clean.f)(&x) - 1.0) / amplitude
            })
            .collect();
        let mean = errors.iter().sum::<f64>() / 1000.0;
        let square = errors.iter().map(|e| e * e).sum::<f64>() / 1000.0;
        assert!(errors.iter().all(|e| e.abs() <= 1.0 + 1e-6));
        // Uniform in [-1, 1): mean 0 ± 0.018, mean square 1/3 ± 0.009.
        assert!(mean.abs() < 0.08 && (square - 1.0 / 3.0).abs() < 0.05, "{mean} {square}");
    }
}

#[test]
fn the_lists_are_what_was_asked_for() {
    let (cases, detection) = (cases(), detection_cases());
    assert!((25..=80).contains(&cases.len()) && detection.len() >= 12);
    let mut names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), cases.len(), "every name once");
    for case in &detection {
        assert!((2..=60).contains(&case.x.len()), "{}", case.name);
    }
}

#[test]
fn faults_are_what_they_say() {
    let mut rng = Rng::with_seed(1);
    let block = |name, rows| Block { name, rows, cols: 1 };
    let blocks = [block("a", 3), block("dead", 2), block("b", 2)];
    let g = [1.0, -2.0, 0.0, 0.0, 0.0, 4.0, 0.5];
    let (mut coordinates, mut places) = ([0; 7], vec![]);
    for _ in 0..500 {
        let wrong = inject(&g, &blocks, Fault::Coordinate, 0.25, &mut rng);
        let changed: Vec<usize> = (0..7).filter(|&i| wrong[i] != g[i]).collect();
        assert_eq!(changed.len(), 1);
        assert_eq!(wrong[changed[0]], 1.25 * g[changed[0]]);
        coordinates[changed[0]] += 1;

        let wrong = inject(&g, &blocks, Fault::Block, -0.5, &mut rng);
        let changed: Vec<usize> = (0..7).filter(|&i| wrong[i] != g[i]).collect();
        assert!(changed.iter().all(|&i| wrong[i] == 0.5 * g[i]));
        places.push(changed);

        let wrong = inject(&g, &blocks, Fault::ZeroSum, 0.125, &mut rng);
        let step = 0.125 * (21.25f64 / 7.0).sqrt();
        let change: Vec<f64> = wrong.iter().zip(&g).map(|(wrong, g)| wrong - g).collect();
        assert!(change.iter().sum::<f64>().abs() < 1e-14);
        assert_eq!(change.iter().filter(|change| (change.abs() - step).abs() < 1e-14).count(), 6);
    }
    assert_eq!(coordinates.map(|count| count > 60), [true, true, false, false, false, true, true]);
    places.sort();
    places.dedup();
    assert_eq!(places, [vec![0, 1], vec![5, 6]]);
    for fault in FAULTS {
        assert_eq!(inject(&[0.0; 3], &[block("a", 3)], fault, 0.5, &mut rng), [0.0; 3]);
        assert_eq!(inject(&g, &blocks, fault, 0.0, &mut rng), g);
    }
}

#[test]
fn normal_numbers_have_the_moments() {
    let mut rng = Rng::with_seed(2);
    let numbers: Vec<f64> = (0..40_000).map(|_| peers::normal(&mut rng)).collect();
    let moment = |power| numbers.iter().map(|v| v.powi(power)).sum::<f64>() / numbers.len() as f64;
    // Standard errors 0.005, 0.007, 0.05.
    assert!(moment(1).abs() < 0.025 && (moment(2) - 1.0).abs() < 0.035 && (moment(4) - 3.0).abs() < 0.25);
}

/// On a linear function the numerical slope is right to 1e-9, so the borders of acceptance show the rules.
#[test]
fn tolerances_are_the_documented_ones() {
    let f = |x: &[f64]| 3.0 * x[0];
    let slow = |error: f64| peers::pytorch_slow(f, &[0.0], &[3.0 + error]);
    // 1e-5 + 1e-3 * 3 on both sides; of a tolerance relative to the gradient itself 3.01e-3 + 3e-6 is left.
    assert!(slow(3.009e-3) && !slow(3.0115e-3) && slow(-3.009e-3) && !slow(-3.0105e-3));
    let mut rng = Rng::with_seed(3);
    for _ in 0..50 {
        // One variable: the direction is 1, so fast is slow.
        let mut fast = |error: f64| peers::pytorch_fast(f, &[0.0], &[3.0 + error], &[1], &mut rng);
        assert!(fast(3.009e-3) && !fast(3.0115e-3));

        // With the same draws v, c: |error v| <= tol (1 + 3 |v|), and the same times |c|.
        let seed = rng.u64(..);
        let mut draws = Rng::with_seed(seed);
        let (v, c) = (peers::normal(&mut draws).abs(), peers::normal(&mut draws).abs());
        let limit = 1e-5 * (1.0 / c.max(1.0) + 3.0 * v) / v;
        let jax = |error: f64| peers::jax(f, &[0.0], &[3.0 + error], &mut Rng::with_seed(seed));
        assert!(jax(0.999 * limit) && !jax(1.001 * limit), "{v} {c}");
    }
    let scipy = |error: f64| peers::scipy(f, &[0.0, 0.0], &[3.0 + error, error]);
    assert!(scipy(0.999e-6 / 2f64.sqrt()) && !scipy(1.001e-6 / 2f64.sqrt()));
}

/// The atol of PyTorch's fast mode grows with the sum of the direction, so that it stays that of an entry;
/// and each block has a direction of its own.
#[test]
fn fast_mode_adds_up_the_tolerances() {
    let f = |x: &[f64]| 0.0 * x[0];
    let mut rng = Rng::with_seed(4);
    for _ in 0..50 {
        let mut fast = |g: &[f64], blocks: &[usize]| peers::pytorch_fast(f, &[0.0; 4], g, blocks, &mut rng);
        assert!(fast(&[0.999e-5; 4], &[4]) && !fast(&[1.001e-5; 4], &[4]));
        assert!(!fast(&[0.0, 0.0, 0.0, 1.001e-5], &[3, 1]), "the last block alone is wrong");
    }
    // Errors of opposite signs cancel along a direction without signs: sometimes they are not seen.
    let caught = (0..200)
        .filter(|_| !peers::pytorch_fast(f, &[0.0; 4], &[3e-5, -3e-5, 3e-5, -3e-5], &[4], &mut rng))
        .count();
    assert!((10..190).contains(&caught), "{caught}");
}

/// Against numbers of scipy 1.17.1: `check_grad(rosen, rosen_der, x)` near the minimum, where f is small and its
/// rounding too, and far out, where the step is relative.
#[test]
fn scipy_errors_are_those_of_scipy() {
    let rosenbrock = cases().swap_remove(0);
    let error = |x: &[f64]| {
        let mut grad = vec![0.0; x.len()];
        (rosenbrock.grad)(x, &mut grad);
        peers::scipy_error(&rosenbrock.f, x, &grad)
    };
    for (x, expected) in [
        ([1.0, 1.0], 6.158363551077384e-6),
        ([1.01, 1.02], 6.274883199915593e-6),
        ([1.2e9, 2.0], 1.7721437993602543e22),
        ([-3e8, 0.5], 2.774454147121551e20),
    ] {
        assert!((error(&x) / expected - 1.0).abs() < 1e-4, "{x:?}: {} but {expected}", error(&x));
    }
}

#[test]
fn not_a_number_and_infinity() {
    let mut rng = Rng::with_seed(5);
    let (x, nan, inf) = ([1.0], f64::NAN, f64::INFINITY);
    let mut all = |f: fn(&[f64]) -> f64, g: f64| {
        let fast = peers::pytorch_fast(f, &x, &[g], &[1], &mut rng);
        [peers::pytorch_slow(f, &x, &[g]), fast, peers::jax(f, &x, &[g], &mut rng), peers::scipy(f, &x, &[g])]
    };
    assert_eq!(all(|x| x[0], nan), [false; 4]);
    assert_eq!(all(|x| x[0], inf), [false; 4]);
    assert_eq!(all(|_| f64::NAN, 1.0), [false; 4]);
    assert_eq!(all(|x| if x[0] > 1.0 { f64::INFINITY } else { 0.0 }, 1.0), [false; 4]);
    assert_eq!(all(|_| f64::NAN, nan), [false, false, true, false], "numpy takes two NaN for equal");
    assert_eq!(all(|_| f64::INFINITY, 0.0), [false, false, true, false], "JAX: inf - inf is 0");
}

/// A wrong sign of everything hides from the directions of the fast mode and of JAX only where they are across
/// the gradient. scipy is judged where it raises no false alarm: its threshold knows no scale.
#[test]
fn peers_pass_the_right_sign_and_catch_the_wrong_one() {
    for (name, passes) in PEERS {
        let clean = |case: &&Case| !(name == "scipy" && refusals(passes, case, &case.gradient()) > 0);
        let all = detection_cases();
        let judged: Vec<&Case> = all.iter().filter(clean).collect();
        assert!(judged.len() >= 4, "{name}: {}", judged.len());
        for case in judged {
            let g = case.gradient();
            let flipped: Vec<f64> = g.iter().map(|g| -g).collect();
            assert_eq!(refusals(passes, case, &g), 0, "{name}, {}", case.name);
            assert_eq!(refusals(passes, case, &flipped), 20, "{name}, {}", case.name);
        }
    }
}

/// Known: a relative tolerance of 1e-3 passes every smaller fault.
#[test]
fn pytorch_misses_small_faults() {
    let mut rng = Rng::with_seed(6);
    for case in detection_cases() {
        for fault in FAULTS {
            let g = inject(&case.gradient(), &case.blocks, fault, 1e-4, &mut rng);
            let passes = peers::pytorch_slow(&case.f, &case.x, &g);
            assert!(passes || fault == Fault::ZeroSum, "{} {fault:?}", case.name);
        }
        let g = inject(&case.gradient(), &case.blocks, Fault::Block, 0.1, &mut rng);
        assert!(!peers::pytorch_slow(&case.f, &case.x, &g), "{}: a large fault is seen", case.name);
    }
}

#[test]
fn false_alarms() {
    println!("False alarms in 20 tries, right gradients. scipy: error, alarm from 1e-6 on.");
    println!(
        "{:<26} {:<7} {:>3} {:>6} {:>6} {:>6} {:>6} {:>9}",
        "", "", "n", "slow", "fast", "JAX", "scipy", ""
    );
    let (mut slow_at_kinks, hard) = (0, cases());
    for (i, case) in hard.iter().chain(&detection_cases()).enumerate() {
        if i == hard.len() {
            println!("-- detection cases");
        }
        let g = case.gradient();
        let alarms = PEERS.map(|(_, passes)| refusals(passes, case, &g));
        let kind = format!("{:?}", case.kind);
        let [slow, fast, jax, scipy] = alarms;
        let error = peers::scipy_error(&case.f, &case.x, &g);
        println!(
            "{:<26} {kind:<7} {:>3} {slow:>6} {fast:>6} {jax:>6} {scipy:>6} {error:>9.1e}",
            case.name,
            case.x.len()
        );
        slow_at_kinks += usize::from(case.kind == Kind::Kink && slow > 0);
    }
    assert!(slow_at_kinks > 0, "known: PyTorch raises false alarms at kinks");
}
