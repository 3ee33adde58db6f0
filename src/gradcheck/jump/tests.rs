//! What is a jump, and what is merely steep.

use super::*;

/// The jump of a function of one variable beside x; and what it costs.
fn jump_of(f: impl Fn(f64) -> f64, x: f64, most: usize) -> (Option<f64>, usize) {
    let mut used = 0;
    let eval = |x| Eval::new(f(x));
    let take = |step: f64| {
        used += 2;
        let rung = Rung { step, right: eval(x + step), left: eval(x - step), claimed: 0.0, claim_error: 0.0 };
        Ok::<_, ()>((used <= most).then_some(rung))
    };
    let height = jump(eval(x), 1.0, f64::EPSILON, take).unwrap();
    (height, used)
}

/// Six evaluations to begin with, and four each time that an interval is halved.
const MOST: usize = 6 + 4 * HALVINGS;

fn height(f: impl Fn(f64) -> f64, x: f64) -> f64 {
    jump_of(f, x, MOST).0.unwrap()
}

#[test]
fn smooth_functions_have_none_however_steep() {
    assert_eq!(height(f64::sin, 0.3), 0.0);
    assert_eq!(height(|x| (50.0 * x).exp(), 0.3), 0.0);
    assert_eq!(height(|x| (100.0 * x).tanh(), 0.3), 0.0);
    assert_eq!(height(|x| (1e4 * (x - 0.7)).tanh(), 0.3), 0.0);
    assert!(height(|x| 3.0 * x, 0.1) < 1e-15, "rounding");
    for kink in [0.1, 0.3, 0.45, -0.2] {
        assert_eq!(height(|x| (x - kink).abs(), 0.3), 0.0, "{kink}");
    }
}

/// Noise in slopes over short steps is no jump. It may be one as high as noise.
#[test]
fn noise_is_none() {
    for k in 0..1000 {
        let offset = 1000.0 + f64::from(k);
        let found = height(|x| offset + x.sin(), 0.3);
        assert!(found < 8.0 * offset * f64::EPSILON, "{offset}: {found:e}");
    }
}

#[test]
fn jumps_on_either_side_are_found_beside_a_smooth_part() {
    for at in [0.31, 0.9, -0.6] {
        let step = |x: f64| if x > at { 0.01 } else { 0.0 };
        let found = height(|x| step(x) + 3.0 * x + 0.1 * x * x, 0.3);
        assert!((found - 0.01).abs() < 1e-8, "{at}: {found}");
    }
    let in_f16 = |x: f64| half::f16::from_f64(x.sin()).to_f64() + x.exp();
    let found = height(in_f16, 0.3);
    // From 1/4 to 1/2, and on to 1.
    assert!([-12, -11].iter().any(|k| (found - 2f64.powi(*k)).abs() < 1e-5), "{found}");
    // Of a coarse part that bends less than the other one.
    let printed = |x: f64| (x * 1e3).round() / 1e3 + 5.0 * (2.0 * x).exp();
    assert!((height(printed, 0.3) - 1e-3).abs() < 1e-8);
}

/// Where f is no number, the other side may tell; and without evaluations nothing does.
#[test]
fn edges_and_budgets() {
    let step = |x: f64| if x > 0.5 { 1.0 } else { 0.0 };
    assert_eq!(height(|x| if x < 0.3 { f64::NAN } else { step(x) }, 0.3), 1.0);
    assert_eq!(height(|x| if x < 0.3 { f64::INFINITY } else { step(x) }, 0.3), 1.0);
    assert_eq!(height(|_| f64::NAN, 0.3), 0.0);
    for most in 0..MOST {
        assert_eq!(jump_of(step, 0.3, most).0, None, "{most}");
    }
    assert_eq!(jump_of(step, 0.3, MOST), (Some(1.0), MOST));
}

/// What [`jump_elsewhere`] finds of a function of two variables at the origin, along directions that turn by a radian each time; and
/// what it costs.
fn elsewhere(f: impl Fn([f64; 2]) -> f64, noise: f64, most: usize) -> (Option<f64>, usize) {
    let (mut used, mut angle) = (0, 0.0f64);
    let take = |turn: bool, step: f64| {
        angle += f64::from(u8::from(turn));
        used += 2;
        let [right, left] = [step, -step].map(|t| Eval::new(f([t * angle.cos(), t * angle.sin()])));
        let rung = Rung { step, right, left, claimed: 0.0, claim_error: 0.0 };
        Ok::<_, ()>((used <= most).then_some(rung))
    };
    let height = jump_elsewhere(Eval::new(f([0.0; 2])), 1.0, noise, f64::EPSILON, take).unwrap();
    (height, used)
}

/// Each direction costs as much as a line, and the first one that meets a jump is the last one.
#[test]
fn jumps_elsewhere() {
    let all = REACHES.len() * MOST;
    let far = |[a, b]: [f64; 2]| if a > 0.7 { 0.01 } else { 0.0 } + b.exp();
    let near = |[a, _]: [f64; 2]| if a > 1e-3 { 0.01 } else { 0.0 };
    let smooth = |[a, b]: [f64; 2]| a.sin() + b.exp();
    assert_eq!(elsewhere(smooth, 1e-15, all), (Some(0.0), all));
    let (height, used) = elsewhere(near, 1e-15, all);
    assert!(height.is_some_and(|height| (height - 0.01).abs() < 1e-8) && used == MOST, "{height:?} {used}");
    // The first direction does not go so far,
    let between = |[a, _]: [f64; 2]| if a > 0.01 { 0.01 } else { 0.0 };
    let (height, used) = elsewhere(between, 1e-15, all);
    assert!(
        height.is_some_and(|height| (height - 0.01).abs() < 1e-8) && used == 2 * MOST,
        "{height:?} {used}"
    );
    // nor the second one so far.
    let (height, used) = elsewhere(far, 1e-15, all);
    assert!(
        height.is_some_and(|height| (height - 0.01).abs() < 1e-6) && used == 3 * MOST,
        "{height:?} {used}"
    );
    assert_eq!(elsewhere(far, 0.01, all), (Some(0.0), all), "no more than noise");
    for most in [0, MOST - 1, MOST, all - 1] {
        assert_eq!(elsewhere(smooth, 1e-15, most).0, None, "{most}");
    }
}
