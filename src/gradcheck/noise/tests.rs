//! What is taken for noise, and what is not.

use super::*;

/// The noise of a function of one variable at x that claims nothing, along directions 1, -0.7, 1.3, ...
fn noise_of(f: impl Fn(f64) -> Eval<f64>, x: f64) -> Noise<f64> {
    noise_within(f, x, usize::MAX).0
}

/// The same with so many evaluations at most, and whether they sufficed.
fn noise_within(f: impl Fn(f64) -> Eval<f64>, x: f64, most: usize) -> (Noise<f64>, bool) {
    let (mut direction, mut left, mut suffices) = (1.0, most, true);
    let take = |turn: bool, step: f64| {
        if turn {
            direction = if direction < -1.0 { 1.0 } else { -1.3 * direction };
        }
        let t = step * direction;
        let may = left >= 2;
        suffices &= may;
        left = left.saturating_sub(2);
        let rung = Rung { step, right: f(x + t), left: f(x - t), claimed: 0.0, claim_error: 0.0 };
        Ok::<_, ()>(may.then_some(rung))
    };
    let noise = measure(f(x), 1.0, 0.0, 1e-4, f64::EPSILON, 1.5, take).unwrap();
    (noise, suffices)
}

fn value(f: fn(f64) -> f64) -> impl Fn(f64) -> Eval<f64> {
    move |x| Eval::new(f(x))
}

/// Rounding, at any distance: 1 + x² is off by up to half a unit of 2^-52.
#[test]
fn rounding() {
    let noise = noise_of(value(|x| 1.0 + x * x), 0.6);
    for distance in [1e-12, 1e-6, 0.1] {
        let at = noise.at(distance, f64::EPSILON).unwrap();
        assert!((1e-17..5e-16).contains(&at), "{at:e}");
    }
    let finest = LAST_STEP * f64::EPSILON;
    assert_eq!(noise.at(0.99 * finest, f64::EPSILON), None, "finer than it was measured");
    assert!(noise.at(finest, f64::EPSILON).is_some());
    assert!(!noise.has_kink);
}

/// A staircase is as rough as its steps are high, whatever their height and wherever x lies on it.
#[test]
fn staircases() {
    for unit in [1e-2, 1e-4, 1e-7, 1.0 / 1024.0] {
        for x in [0.6, 0.5, 0.123_456_789] {
            let f = |x: f64| Eval::new(((x + 0.3).sin() / unit).round() * unit);
            let at = noise_of(f, x).at(0.1, f64::EPSILON).unwrap();
            assert!((0.4 * unit..3.0 * unit).contains(&at), "{unit:e} at {x}: {at:e}");
            // A riser at x itself.
            let f = |y: f64| Eval::new(((y - x) / unit).floor() * unit);
            let at = noise_of(f, x).at(0.1, f64::EPSILON).unwrap();
            assert!((0.4 * unit..3.0 * unit).contains(&at), "{unit:e} at {x}: {at:e}");
        }
    }
}

/// Flat at x and not elsewhere, or nowhere anything else: no noise.
#[test]
fn what_is_flat() {
    assert_eq!(noise_of(value(|_| 3.0), 0.5).at(0.1, f64::EPSILON), Some(0.0));
    let soft = value(|x| if x.abs() < 1e-3 { 0.0 } else { x - 1e-3 * x.signum() });
    assert_eq!(noise_of(soft, 0.0).at(0.1, f64::EPSILON), Some(0.0));
}

/// Structure ten times as wide as the steps is not straight over them, but more nearly so in its third and fourth
/// differences.
#[test]
fn narrow_structure_is_hardly_noise() {
    let noise = noise_of(value(|x| (x / 1e-13).sin()), 0.4e-13);
    assert!(noise.beside() < 1e-3, "{:e}", noise.beside());
    let straight = largest_second_difference([0.01, 0.04, 0.01, 0.04], 2.0, 0.0);
    assert_eq!(Differences::<f64>::bend([0.01, 0.04, 0.01, 0.04], 0.0), 0.0);
    assert!(straight > 0.009);
    // Neither when they cancel alone: rounding that is odd or even about x.
    assert!(Differences::<f64>::bend([1.0, -1.0, -1.0, 1.0], 0.0) > 0.5);
    assert!(Differences::<f64>::bend([1.0, 0.0, 1.0, 0.0], 0.0) > 0.5);
}

/// Beside 0/0 it grows towards x; some way off it is rounding.
#[test]
fn beside_a_removable_singularity() {
    let noise = noise_of(value(|x| if x == 0.0 { 1.0 } else { (x.exp() - 1.0) / x }), 0.0);
    let [far, middle, near] = [0.25, 1e-3, 1e-12].map(|at| noise.at(at, f64::EPSILON).unwrap());
    assert!(far < 1e-14 && middle < 1e-9 && near > 1e-3, "{far:e} {middle:e} {near:e}");
    assert!(noise.beside() > 1e-3);
}

/// A kink at x along a direction; a bend, noise or a kink farther off is none. With branches nobody asks.
#[test]
fn kinks() {
    assert!(noise_of(value(f64::abs), 0.0).has_kink);
    assert!(noise_of(value(|x| x + 0.1 * x.max(0.0)), 0.0).has_kink);
    for (f, x) in [(value(f64::exp), 0.0), (value(f64::abs), 0.1), (value(|x| x.abs() * x), 0.0)] {
        assert!(!noise_of(f, x).has_kink);
    }
    assert!(!noise_of(|x| Eval::new(x.abs()).branch(u64::from(x >= 0.0)), 0.0).has_kink);
}

/// 32 evaluations for rounding, 8 for kinks, and more for a staircase: with fewer of them what was measured is kept.
#[test]
fn with_few_evaluations_less_is_known() {
    let all = noise_of(value(|x| 1.0 + x * x), 0.7).beside();
    for most in 0..400 {
        let (noise, suffices) = noise_within(value(|x| 1.0 + x * x), 0.7, most);
        assert_eq!(suffices, most >= 40, "{most}");
        assert_eq!(noise.is_blind, most < 4, "{most}");
        assert!(noise.beside() <= all && (most < 32 || noise.beside() == all), "{most}");
    }
}

/// Of a function that stands still nothing is known until some of its treads were seen.
#[test]
fn with_few_evaluations_a_staircase_is_not_seen() {
    let stairs = |x: f64| f64::from(x as f32);
    let all = noise_of(value(stairs), 0.7).beside();
    let mut seen = [0; 3];
    for most in 0..400 {
        let (noise, suffices) = noise_within(value(stairs), 0.7, most);
        assert_eq!(noise.is_blind, noise.beside() == 0.0, "{most}");
        assert!(noise.is_blind || noise.beside() > 0.1 * all, "{most}");
        assert!(!suffices || noise.beside() == all, "{most}");
        seen[usize::from(!noise.is_blind) + usize::from(suffices)] += 1;
    }
    assert!(seen.iter().all(|&seen| seen > 20), "blind, in part, in full: {seen:?}");
    // Flat at x and not elsewhere: that is known of all directions or not at all.
    for most in 0..400 {
        let (noise, suffices) = noise_within(value(|x| (x - 0.9).max(0.0)), 0.7, most);
        assert_eq!((noise.is_blind, noise.beside()), (!suffices, 0.0), "{most}");
    }
}

/// The noise around x of a function with this influence, a floor and what is required, and the steps at which it was measured.
fn steps_of(
    f: fn(f64) -> f64,
    x: f64,
    unit: f64,
    [influence, floor, required]: [f64; 3],
) -> (Noise<f64>, Vec<f64>) {
    let mut steps = vec![];
    let take = |_: bool, step: f64| {
        steps.push(step);
        let [right, left] = [x + step, x - step].map(|x| Eval::new(f(x)));
        Ok::<_, ()>(Some(Rung { step, right, left, claimed: 0.0, claim_error: 0.0 }))
    };
    let here = Eval::new(f(x));
    let noise = measure(here, influence, floor, required, f64::EPSILON, unit, take).unwrap();
    (noise, steps)
}

/// 16 steps for rounding, 4 for kinks, and 25 farther off if noise may hide what is claimed.
#[test]
fn steps_are_in_units_of_the_scale() {
    for (floor, count) in [(0.0, 20), (1.0, 45)] {
        let [once, twice] = [1.5, 3.0].map(|unit| steps_of(f64::exp, 0.7, unit, [1.0, floor, 1e-4]).1);
        assert_eq!(once.len(), count);
        assert_eq!(once.iter().map(|step| 2.0 * step).collect::<Vec<_>>(), twice);
    }
}

/// Of a single entry, of unit 1, nobody asks for kinks: its own steps show them.
#[test]
fn a_single_entry_is_not_asked_for_kinks() {
    assert!(steps_of(f64::abs, 0.0, 1.5, [1.0, 0.0, 1e-4]).0.has_kink);
    assert!(!steps_of(f64::abs, 0.0, 1.0, [1.0, 0.0, 1e-4]).0.has_kink);
}

/// Noise hides a claim if it is more than what is required of the influence, or of the value if that is larger, over an eighth
/// of the first step.
#[test]
fn only_noise_that_hides_claims_is_measured_farther_off() {
    for (influence, x, required, times) in [(1.0, 0.5, 1.0, 1.0), (4.0, 0.5, 0.5, 2.0), (1.0, 8.0, 0.5, 4.0)]
    {
        let hiding = times * FIRST_STEP / 8.0;
        for (floor, count) in [(0.999 * hiding, 20), (hiding, 20), (1.001 * hiding, 45)] {
            let (noise, steps) = steps_of(|x| x, x, 1.5, [influence, floor, required]);
            assert_eq!((noise.beside(), steps.len()), (floor, count), "{influence}, {x}, {required}");
        }
    }
}
