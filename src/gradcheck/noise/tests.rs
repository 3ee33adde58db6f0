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
    assert_eq!(noise.at(1e-16, f64::EPSILON), None, "finer than it was measured");
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
