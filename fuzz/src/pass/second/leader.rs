//! Differences to the class that leads, whichever of some that may be.

use crate::ball::{Ball, Rounding, sum};

/// u - v, and 0 of what is the same.
pub fn minus(u: Ball, v: Ball, is_same: bool, r: Rounding) -> Ball {
    if is_same && u.is_finite() { Ball::ZERO } else { sum([(u, Ball::ONE), (v.neg(), Ball::ONE)], 1, r) }
}

/// The classes that may have the largest computed probability.
pub fn leads(p: &[Ball]) -> Vec<usize> {
    let least = p.iter().map(|p| p.value - p.error).fold(f64::NEG_INFINITY, f64::max);
    let may = |p: &Ball| p.is_nan() || !p.is_known() || p.value + p.error >= least;
    let leads: Vec<usize> = (0..p.len()).filter(|&c| may(&p[c])).collect();
    // Of NaN none is larger than any other.
    if p[0].is_nan() { vec![0] } else { leads }
}

/// A result that is the same whichever class leads: it is off by the most of all.
pub fn widest(balls: impl IntoIterator<Item = Ball>) -> Ball {
    balls
        .into_iter()
        .reduce(|a, b| match () {
            () if a.is_nan() && b.is_nan() => a,
            () if a.is_finite() && b.is_finite() => {
                Ball { value: a.value, error: (a.value - b.value).abs() + a.error.max(b.error) }
            }
            () => Ball::UNKNOWN,
        })
        .unwrap_or(Ball::UNKNOWN)
}

/// The root of a number that is not negative, rounded.
pub fn root(ball: Ball, r: Rounding) -> Ball {
    if !ball.is_finite() {
        return ball;
    }
    let value = ball.value.max(0.0).sqrt();
    let error = if ball.value > 2.0 * ball.error { ball.error / value } else { ball.reach().sqrt() };
    let error = if ball.is_zero() { 0.0 } else { error };
    Ball::new(value, error + 2.0 * r.fun * (value + error), r)
}
