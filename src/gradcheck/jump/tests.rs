//! What is a jump, and what is merely steep.

use super::*;

/// The jump of a function of one variable at x, apart from this slope, nearer than 1; and what it costs.
fn jump_of(f: impl Fn(f64) -> f64, x: f64, slope: f64, most: usize) -> (Option<f64>, usize) {
    let mut used = 0;
    let eval = |x| Eval::new(f(x));
    let take = |step: f64| {
        used += 2;
        let rung = Rung { step, right: eval(x + step), left: eval(x - step), claimed: 0.0, claim_error: 0.0 };
        Ok::<_, ()>((used <= most).then_some(rung))
    };
    let height = jump(eval(x), [1e-15, 1.0], slope, take).unwrap();
    (height, used)
}

fn height(f: impl Fn(f64) -> f64, x: f64, slope: f64) -> f64 {
    jump_of(f, x, slope, 42).0.unwrap()
}

#[test]
fn smooth_functions_have_none_however_steep() {
    assert_eq!(height(f64::sin, 0.3, 0.0), 0.0);
    assert_eq!(height(|x| (50.0 * x).exp(), 0.3, 1.0), 0.0);
    assert_eq!(height(|x| (100.0 * x).tanh(), 0.3, 0.0), 0.0);
    assert_eq!(height(|x| x.abs(), 0.1, 1.0), 0.0);
    assert_eq!(height(|x| (1e4 * (x - 0.7)).tanh(), 0.3, 0.0), 0.0);
    assert!(height(|x| 3.0 * x, 0.1, 3.0) < 1e-15, "rounding");
}

#[test]
fn jumps_on_either_side_are_found_beside_a_smooth_part() {
    for at in [0.31, 0.9, -0.6] {
        let step = |x: f64| if x > at { 0.01 } else { 0.0 };
        let found = height(|x| step(x) + 3.0 * x + 1e-4 * x * x, 0.3, 3.0);
        assert!((found - 0.01).abs() < 1e-8, "{at}: {found}");
    }
    let in_f16 = |x: f64| half::f16::from_f64(x.sin()).to_f64() + x.exp();
    let found = height(in_f16, 0.3, 0.3f64.exp());
    // From 1/4 to 1/2, and on to 1.
    assert!([-12, -11].iter().any(|k| (found - 2f64.powi(*k)).abs() < 1e-5), "{found}");
}

/// Where f is no number, the other side may tell; and without evaluations nothing does.
#[test]
fn edges_and_budgets() {
    let step = |x: f64| if x > 0.5 { 1.0 } else { 0.0 };
    assert_eq!(height(|x| if x < 0.3 { f64::NAN } else { step(x) }, 0.3, 0.0), 1.0);
    assert_eq!(height(|_| f64::NAN, 0.3, 0.0), 0.0);
    assert_eq!(jump_of(step, 0.3, 0.0, 41), (None, 42));
    assert_eq!(jump_of(step, 0.3, 0.0, 42), (Some(1.0), 42));
}
