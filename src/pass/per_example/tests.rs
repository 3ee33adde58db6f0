//! How much a gradient is clipped.

use super::share;
use crate::kernels::scaled::Scaled;

#[test]
fn a_longer_gradient_is_clipped_to_the_largest_norm() {
    let of = |most: f32, value: f32, exponent: i32| {
        let share = share(most, Scaled { value, exponent })?;
        Some(f64::from(share.value) * 2f64.powi(share.exponent))
    };
    assert_eq!(of(2.0, 4.0, 0), Some(0.5));
    assert_eq!(of(2.0, 1.0, 2), Some(0.5));
    assert_eq!(of(2.0, 1.5, 100), Some(f64::from(1f32 / 1.5) * 2f64.powi(-99)));
    assert_eq!(of(2f32.powi(-140), 2f32.powi(-130), 0), Some(2f64.powi(-10)));
    for (most, value, exponent) in
        [(2.0, 2.0, 0), (2.0, 1.0, 1), (2.0, 8.0, -4), (2.0, 0.0, 0), (0.5, f32::NAN, 0), (1.0, f32::NAN, 9)]
    {
        assert_eq!(of(most, value, exponent), None, "{most} {value} {exponent}");
    }
    // Just longer, and infinite.
    assert!(of(1.0, 1.0 + f32::EPSILON, 0).unwrap() < 1.0);
    assert_eq!(of(1.0, f32::INFINITY, 0), Some(0.0));
}
