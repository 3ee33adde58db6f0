//! The derivation, formula by formula, as plain loops over slices: slow, obviously right, without a heap.
//!
//! Each function is one numbered formula; the numbers are those of `docs/derivation.md`, where the steps
//! between them are shown. The batch kernels ([`loss_and_grad`](crate::loss_and_grad) and the others) are
//! tested against these functions.
//!
//! Symbols: m inputs, h hidden units, C classes, n examples; x is one example (m), y its class, 0..C. W1 is
//! h × m, b1 is h, W2 is C × h, b2 is C; matrices are slices row by row. `*` between vectors is elementwise,
//! e_j is the j-th unit vector, I is 1 where z > 0, 0 where z < 0, and at z = 0 what [`Kink`](crate::Kink)
//! says; where it is 0, I * v is 0 for every v. V = (V1, v1, V2, v2) is a direction of the parameters, in blocks of
//! their shapes, and a prime the derivative along it: a', f', g' and d' are called tangents. All sizes are taken from the slices of vectors; none may be empty,
//! but there may be no examples: sums and means over them are 0.
//!
//! # Errors
//!
//! Every function checks all lengths, and the class, before it writes: an [`Error`](crate::Error): `Zero`, `Length`,
//! `Overflow` or `Label`, with the slice that is wrong.
//!
//! # Example
//!
//! From an example to all gradients of its loss:
//!
//! ```
//! # fn main() -> Result<(), handgrad::Error> {
//! use handgrad::Kink;
//! use handgrad::derivation as d;
//!
//! let (x, y) = ([1.0, -2.0], 0);
//! let (w1, b1) = ([1.0, 0.5, -1.0, 0.0, 2.0, 1.0], [0.5, 0.0, 0.0]); // m = 2, h = 3
//! let (w2, b2) = ([1.0, 0.0, 2.0, -1.0, 1.0, 0.0], [0.0, 0.5]); // C = 2
//!
//! let (mut z, mut a, mut f, mut p) = ([0.0; 3], [0.0; 3], [0.0; 2], [0.0; 2]);
//! d::preactivations(&w1, &b1, &x, &mut z)?; // (1)
//! d::activations(&z, &mut a)?; // (2)
//! d::scores(&w2, &b2, &a, &mut f)?; // (3)
//! d::probabilities(&f, &mut p)?; // (4)
//! let loss = d::loss(&f, y)?; // (5)
//! assert!((loss + f64::ln(p[y])).abs() < 1e-15);
//!
//! let (mut db2, mut db1) = ([0.0; 2], [0.0; 3]);
//! let (mut dw2, mut dw1, mut dx) = ([0.0; 6], [0.0; 6], [0.0; 2]);
//! d::loss_grad_b2(&f, y, &mut db2)?; // (15)
//! d::loss_grad_b1(&z, &w2, &db2, Kink::One, &mut db1)?; // (14)
//! d::loss_grad_w2(&db2, &a, &mut dw2)?; // (13)
//! d::loss_grad_w1(&db1, &x, &mut dw1)?; // (12)
//! d::input_grad(&w1, &db1, &mut dx)?; // (16)
//!
//! let squares: f64 = [&dw1[..], &db1, &dw2, &db2].iter().flat_map(|block| block.iter().map(|v| v * v)).sum();
//! assert!((d::grad_norm_squared(&db2, &a, &db1, &x)? - squares).abs() < 1e-15); // (18)
//! # Ok(())
//! # }
//! ```
//!
#![doc = include_str!("../../docs/derivation.md")]

mod class_scores;
mod forward;
mod hessians;
mod loss_grads;
mod objective;
mod tangents;
mod vectors;

pub use class_scores::{score_grad_b1, score_grad_b2, score_grad_w1, score_grad_w2, softmax_loss_grad};
pub use forward::{activations, loss, mean_grad, mean_loss, preactivations, probabilities, scores};
pub use hessians::{
    diagonal_b2, diagonal_w1, diagonal_w2, hessian_trace, hidden_diagonal, hidden_hessian, score_hessian,
};
pub use loss_grads::{
    GradFactors, grad_inner_product, grad_norm_squared, input_grad, loss_grad_b1, loss_grad_b2, loss_grad_w1,
    loss_grad_w2,
};
pub use objective::{half_square, shared_loss, shared_loss_grad, target_shares, weighted_loss};
pub use tangents::{
    DirectionalCurvature, directional_curvature, hessian_vector_w2, hidden_grad_tangent, hidden_tangent,
    score_grad_tangent, score_tangent,
};
