//! The solvers on problems of which the answer is known.

use std::convert::Infallible;

use super::{Point, cholesky, cholesky_solve, conjugate_gradients, lbfgs, line_search, norm};

/// 1/(i + k + 1), and 1 more on the diagonal: symmetric, positive definite.
fn matrix(len: usize) -> Vec<f64> {
    let element =
        |at: usize| 1.0 / (at / len + at % len + 1) as f64 + f64::from(u8::from(at / len == at % len));
    (0..len * len).map(element).collect()
}

fn times(matrix: &[f64], v: &[f64]) -> Vec<f64> {
    matrix.chunks_exact(v.len()).map(|row| super::dot(row, v)).collect()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    norm(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>())
}

#[test]
fn cholesky_solves() {
    let (a, expected) = (matrix(7), [3.0, -1.0, 4.0, -1.0, 5.0, -9.0, 2.0]);
    let (mut factor, mut x) = (a.clone(), times(&a, &expected));
    cholesky(&mut factor, 7);
    cholesky_solve(&factor, &mut x);
    assert!(distance(&x, &expected) < 1e-13, "{x:?}");
}

#[test]
fn conjugate_gradients_solve_each_system_with_its_own_matrix() {
    let a = matrix(6);
    // System k has A + k I; the second right-hand side is 0.
    let shifted = |k: usize, v: &[f64]| -> Vec<f64> {
        times(&a, v).iter().zip(v).map(|(product, v)| product + k as f64 * v).collect()
    };
    let expected = [vec![1.0, -2.0, 3.0, -4.0, 5.0, -6.0], vec![0.0; 6], vec![0.5; 6]];
    let right_sides: Vec<Vec<f64>> = (0..3).map(|k| shifted(k, &expected[k])).collect();
    for scale in [1.0, 3.0] {
        // Any positive definite preconditioner leads to the same solution.
        let precondition = |r: &[f64]| r.iter().zip(1..).map(|(r, k)| r / (scale + f64::from(k))).collect();
        let solved =
            conjugate_gradients(&right_sides, precondition, 1e-12, 50, |active, directions, products| {
                active.iter().for_each(|&k| products[k] = shifted(k, &directions[k]));
                Ok::<_, Infallible>(())
            });
        let Ok(solved) = solved;
        for (x, expected) in solved.solutions.iter().zip(&expected) {
            assert!(distance(x, expected) < 1e-10, "{x:?}");
        }
        // In exact arithmetic six products are enough for six unknowns; the system with 0 needs none.
        assert!((4..=16).contains(&solved.products), "{}", solved.products);
    }
}

#[test]
fn conjugate_gradients_solve_a_singular_system_in_its_range() {
    // (v1 - v2, v2 - v1): all that is raised together is lost.
    let solved =
        conjugate_gradients(&[vec![2.0, -2.0], vec![1.0, 1.0]], <[f64]>::to_vec, 1e-12, 50, |_, from, to| {
            for (to, from) in to.iter_mut().zip(from) {
                let difference = from[0] - from[1];
                *to = vec![difference, -difference];
            }
            Ok::<_, Infallible>(())
        });
    let Ok(solved) = solved;
    assert_eq!(solved.solutions[0], [1.0, -1.0]);
    assert_eq!(solved.solutions[1], [0.0, 0.0], "nothing can be said of what is lost");
}

/// Rosenbrock's valley (100 (y - x²)² + (1 - x)²): not convex, the minimum is at (1, 1).
fn valley(at: &[f64], grad: &mut [f64]) -> Result<f64, Infallible> {
    let (x, y) = (at[0], at[1]);
    let (height, side) = (y - x * x, 1.0 - x);
    grad.copy_from_slice(&[-400.0 * x * height - 2.0 * side, 200.0 * height]);
    Ok(100.0 * height * height + side * side)
}

#[test]
fn lbfgs_finds_the_minimum() {
    let mut count = 0;
    let Ok(found) = lbfgs(vec![-1.2, 1.0], 1e-10, 0.0, |at, grad| {
        count += 1;
        valley(at, grad)
    });
    assert!(distance(&found.x, &[1.0, 1.0]) < 1e-9 && norm(&found.grad) <= 1e-10, "{:?}", found.x);
    assert!(count < 100, "{count}");
}

#[test]
fn lbfgs_ends_in_the_corner_of_a_kink() {
    let Ok(found) = lbfgs(vec![3.0, 0.7], 1e-10, 1e-9, |at, grad| {
        grad.copy_from_slice(&[at[0].signum(), 2.0 * at[1]]);
        Ok::<_, Infallible>(1.0 + at[0].abs() + at[1] * at[1])
    });
    assert!((found.value - 1.0).abs() < 1e-6 && norm(&found.grad) >= 1.0, "{}", found.value);
}

#[test]
fn line_search_goes_down_or_nowhere() {
    let Ok(from) = Point::new(vec![-1.2, 1.0], &mut valley);
    let downhill: Vec<f64> = from.grad.iter().map(|g| -g).collect();
    let Ok(lower) = line_search(&from, &downhill, &mut valley);
    assert!(lower.is_some_and(|point| point.value < from.value));
    let Ok(nothing) = line_search(&from, &from.grad, &mut valley);
    assert!(nothing.is_none());
}
