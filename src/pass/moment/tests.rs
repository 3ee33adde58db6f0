//! Which examples are added up element by element.

use super::is_apart;

/// Of rows in f32, the first one in units of 2^unit.
fn apart(first: &[f32], unit: i32, second: &[f32]) -> bool {
    is_apart((first.iter(), unit), second.iter().copied())
}

/// Of which some have both signs, and others are 0.
fn row(exponent: i32) -> [f32; 4] {
    let x = 2f32.powi(exponent);
    [0.0, -x, x / 2.0, x]
}

/// The square of 2^63 is in range, those of almost 2^64 are not.
#[test]
fn numbers_with_squares_out_of_range_are() {
    for (exponent, expected) in [(60, false), (62, false), (63, true), (127, true)] {
        assert_eq!(apart(&row(exponent), 0, &[0.5]), expected, "2^{exponent}");
        assert_eq!(apart(&[0.5], 0, &row(exponent)), expected, "2^{exponent}");
        assert_eq!(apart(&row(exponent - 20), 20, &[0.5]), expected, "2^{exponent} in units");
        assert_eq!(apart(&row(exponent - 127), 127, &[0.5]), expected, "2^{exponent} in units");
    }
    assert!(apart(&row(63), 0, &row(63)));
}

/// The square of 2^-63 is no subnormal number. Those of smaller ones are, and with large enough partners their products' squares
/// are more than the smallest number.
#[test]
fn numbers_with_subnormal_squares_are_if_their_partners_are_large() {
    for (exponent, partner, expected) in [
        (-10, 0, false),
        (-62, 0, false),
        (-65, 0, true),
        (-65, -1, false),
        (-65, -20, false),
        (-76, 0, true),
        (-77, 0, false),
        (-77, 1, true),
        (-96, 20, true),
        (-97, 20, false),
    ] {
        let context = || format!("2^{exponent} beside 2^{partner}");
        assert_eq!(apart(&row(exponent), 0, &row(partner)), expected, "{}", context());
        assert_eq!(apart(&row(partner), 0, &row(exponent)), expected, "{}", context());
        assert_eq!(apart(&row(exponent + 7), -7, &row(partner)), expected, "{}", context());
        assert_eq!(apart(&row(partner - 7), 7, &row(exponent)), expected, "{}", context());
    }
    // Half of the row is below the limit, and not the largest of it.
    assert!(apart(&row(-63), 0, &[1.0]));
    assert!(!apart(&[2f32.powi(-63)], 0, &[1.0]));
    assert!(!apart(&row(-65), 0, &[0.0]));
    assert!(!apart(&[0.0], 0, &row(-65)));
    assert!(!apart(&[], 0, &[]));
}

/// f64 has squares at the very end of the range: 2^-1074 is its smallest number.
#[test]
fn what_is_as_small_as_the_smallest_number_does_not_count() {
    let small = |exponent| is_apart(([2f64.powi(exponent)].iter(), 0), [1.0].into_iter());
    assert!(small(-538));
    assert!(!small(-539));
}

/// What comes of them is infinite or NaN in any case.
#[test]
fn numbers_that_are_not_finite_are_not() {
    for bad in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
        assert!(!apart(&[bad, 2f32.powi(100)], 0, &[1.0]));
        assert!(!apart(&[1.0], 0, &[2f32.powi(100), bad]));
    }
}
