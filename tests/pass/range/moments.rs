//! Second moments at the ends of the range.

use super::case::{Case, Outputs, check, plain, run};
use crate::support::matrix_multiply;
use handgrad::{Engine, Reduction};

/// The squares of one factor alone may be out of range where those of the products are not.
#[test]
fn moments_of_factors_of_very_different_size() {
    for (weight, input) in [(1e-24, 1e22), (1e24, 1e-22), (1e-20, 3.0), (1e-30, 1e-3), (1e18, 1e-18)] {
        for (other, n) in [(1.0, 7), (1e12, 7), (1e12, 100)] {
            let (weight, input) = (f64::from(weight as f32), f64::from(input as f32));
            // The second unit has the input itself, and no influence.
            let case = Case {
                dims: (1, 2, 2),
                theta: vec![0.0, 1.0, 1.0, 0.0, 0.5, 0.0, -0.5, 0.0, 0.0, 0.0],
                x: vec![input, 1.0, 1.0, f64::from(other as f32)],
                example_weights: Some(vec![weight, 1.0, f64::from((1.0 / other) as f32), 1.0]),
                labels: vec![0, 1],
                n,
                reduction: Reduction::Sum,
                ..plain()
            };
            check::<f32>(
                &format!("weight {weight:e}, input {input:e}, {other:e}, {n}"),
                &case,
                if n == 7 { 64.0 } else { 256.0 },
            );
        }
    }
}

/// Weights whose product is less than any number of the type, and inputs with which the squares are ordinary ones.
#[test]
fn moments_in_units_out_of_range() {
    let small = 2f64.powi(-80);
    let case = Case {
        theta: vec![2f64.powi(-120), 0.0, 0.5, -0.5, 0.0, 0.0],
        x: vec![2f64.powi(120), 2f64.powi(121)],
        example_weights: Some(vec![small, 2.0 * small]),
        class_weights: Some(vec![small; 2]),
        reduction: Reduction::Sum,
        ..plain()
    };
    let exact = run::<f64>(&case, Engine::Portable, Outputs::All).moment;
    for engine in [Engine::Auto, Engine::Portable, matrix_multiply(), Engine::Gemm(&Engine::Portable)] {
        let got = run::<f32>(&case, engine, Outputs::All).moment;
        let off = (got[0] - exact[0]).abs();
        assert!(off <= 32.0 * f64::from(f32::EPSILON) * exact[0], "{:e}, exact {:e}", got[0], exact[0]);
    }
}
