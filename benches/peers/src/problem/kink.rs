//! Keeps pre-activations away from 0 where they are not exact.

use anyhow::Result;

use super::{Problem, Shape, Type};

/// Moves each b1 by as little as it takes that no example's pre-activation can have another sign for one peer than for
/// another, whatever the order in which they add up in `f32`. Otherwise one unit on the other side of the kink would
/// change a gradient by more than all rounding does.
///
/// # Errors
///
/// If sizes do not fit.
pub fn clear(problem: &mut Problem<f32>) -> Result<()> {
    let Shape { m, h, .. } = problem.shape;
    let exact = problem.widened();
    let sums = exact.products()?;
    let sizes = absolute(&exact).products()?;
    let [w1, b1, ..] = problem.shape.blocks();
    for (j, b) in problem.params[w1..w1 + b1].iter_mut().enumerate() {
        let unit = |values: &[f64]| values.iter().skip(j).step_by(h).copied().collect::<Vec<_>>();
        // b1 itself may still move, by less than it and 1 together.
        let room = 1.0 + f64::from(b.abs());
        // The rounding of a sum of m + 1 terms, at most, and that of b1 when it is moved.
        let rounding = (m + 2) as f64 * Type::F32.unit_roundoff();
        let forbidden = unit(&sums).into_iter().zip(unit(&sizes)).map(|(sum, size)| {
            let margin = 1.01 * rounding * (size + room);
            (-sum - margin, -sum + margin)
        });
        *b = nearest_outside(f64::from(*b), forbidden.collect()) as f32;
    }
    Ok(())
}

/// The problem with all numbers positive: its sums are what rounding errors are measured by.
fn absolute(problem: &Problem<f64>) -> Problem<f64> {
    let positive = |values: &[f64]| values.iter().map(|value| value.abs()).collect();
    Problem {
        shape: problem.shape,
        x: positive(&problem.x),
        params: positive(&problem.params),
        labels: problem.labels.clone(),
        directions: Vec::new(),
    }
}

/// The number nearest to `value` that is in none of the intervals.
fn nearest_outside(value: f64, mut intervals: Vec<(f64, f64)>) -> f64 {
    intervals.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut union: Option<(f64, f64)> = None;
    for (low, high) in intervals {
        union = match union {
            Some((start, end)) if low <= end => Some((start, end.max(high))),
            // All that follow begin above the value.
            Some((start, end)) if start < value && value < end => return nearer(value, start, end),
            _ => Some((low, high)),
        };
    }
    match union {
        Some((start, end)) if start < value && value < end => nearer(value, start, end),
        _ => value,
    }
}

fn nearer(value: f64, start: f64, end: f64) -> f64 {
    if value - start < end - value { start } else { end }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::random::{dense, normal};

    #[test]
    fn the_nearest_end_of_what_is_forbidden() {
        let at = |value| nearest_outside(value, vec![(5.0, 6.0), (0.0, 2.0), (1.5, 3.0), (0.5, 1.0)]);
        assert_eq!([-1.0, 0.0, 1.0, 1.6, 3.0, 4.0].map(at), [-1.0, 0.0, 0.0, 3.0, 3.0, 4.0]);
        assert_eq!([5.1, 5.9, 7.0].map(at), [5.0, 6.0, 7.0]);
        assert_eq!(nearest_outside(1.0, Vec::new()), 1.0);
    }

    #[test]
    fn signs_are_the_same_in_any_order() {
        let mut problem = dense(Shape { m: 100, h: 40, c: 3, n: 60 });
        let mut rng = fastrand::Rng::with_seed(3);
        // Numbers on no grid, and a b1 that would put each unit on its kink at an example.
        problem.x.iter_mut().for_each(|x| *x = normal(&mut rng) as f32);
        let products = problem.products().unwrap();
        let [w1, b1, ..] = problem.shape.blocks();
        let before: Vec<f32> = products[..b1].iter().map(|z| -z).collect();
        problem.params[w1..w1 + b1].copy_from_slice(&before);
        clear(&mut problem).unwrap();
        let [w1, b1, ..] = problem.shape.split(&problem.params);
        for x in problem.x.chunks(100) {
            for (w, &b) in w1.chunks(100).zip(b1) {
                let forward = x.iter().zip(w).fold(b, |sum, (x, w)| sum + x * w);
                let backward = x.iter().zip(w).rev().fold(0.0, |sum, (x, w)| x.mul_add(*w, sum)) + b;
                assert!(forward != 0.0 && (forward > 0.0) == (backward > 0.0));
            }
        }
        let moved = before.iter().zip(b1).map(|(before, b)| (before - b).abs());
        assert!(moved.clone().all(|by| by > 0.0), "each unit was on its kink");
        let most = moved.fold(0.0, f32::max);
        assert!(most < 0.01, "{most}");
    }
}
