//! Compares what a pass has written with what was expected, and two passes with one another.

use super::case::{Case, Known};
use super::gradients::Expected;
use super::outputs::{GUARD, Outputs};
use crate::ball::Ball;
use crate::element::Element;

pub fn check<T: Element>(name: &str, case: &Case<T>, expected: &Expected, loss: T, out: &Outputs<T>) {
    let holds = |what: &str, got: &[T], balls: &[Ball]| {
        assert_eq!(got.len(), balls.len(), "{name}: {what}");
        for (i, (got, ball)) in got.iter().zip(balls).enumerate() {
            assert!(ball.holds(got.value()), "{name}: {what}[{i}] is {got:?}, expected {ball:?}");
        }
    };
    if case.known != Known::Nothing {
        holds("loss", &[loss], &Vec::from_iter(expected.loss));
    }
    let parts = [
        ("input gradient", &out.input_grad, &expected.input_grad),
        ("losses", &out.losses, &expected.losses),
        ("scores", &out.scores, &expected.scores),
        ("probabilities", &out.probabilities, &expected.probabilities),
        ("log probabilities", &out.log_probabilities, &expected.log_probabilities),
        ("norms", &out.grad_norms, &expected.grad_norms),
        ("example gradients", &out.example_grads, &expected.example_grads),
        ("gram", &out.gram, &expected.gram),
        ("effective weight", &out.effective_weight, &Vec::from_iter(expected.effective_weight)),
    ];
    for (what, got, balls) in parts {
        got.iter().for_each(|got| holds(what, &got.values(), balls));
    }
    for (what, got, balls) in [
        ("gradient", &out.grad, &expected.grad),
        ("second moment", &out.second_moment, &expected.second_moment),
    ] {
        if got.is_some() {
            holds(what, &Outputs::flat(got), balls);
        }
    }
    if let Some(predictions) = &out.predictions {
        let scores = out.scores.as_ref().map(|scores| scores.values());
        let c = case.dims.classes();
        for (i, &class) in predictions[GUARD..].iter().take(case.n).enumerate() {
            let f = &expected.scores[i * c..][..c];
            assert!(class < c && may_lead(f, class), "{name}: class {class} of example {i} by {f:?}");
            if let Some(scores) = &scores {
                let f = &scores[i * c..][..c];
                assert_eq!(class, largest(f), "{name}: example {i} has the scores {f:?}");
            }
        }
    }
}

/// Whether the largest of the scores, the first one of equals or the first NaN, may be this one.
fn may_lead(f: &[Ball], class: usize) -> bool {
    if f.iter().any(|f| !f.is_known()) {
        return true;
    }
    if let Some(first) = f.iter().position(|f| f.is_nan()) {
        return class == first;
    }
    let own = f[class];
    f.iter().enumerate().all(|(k, other)| {
        let apart = (other.value - other.error) - (own.value + own.error);
        k == class || other.value == f64::NEG_INFINITY || own.value == f64::INFINITY || apart <= 0.0
    })
}

/// The first NaN, or the first one of the largest.
fn largest<T: Element>(f: &[T]) -> usize {
    let leads = |&i: &usize| f.iter().all(|&other| f[i] >= other);
    f.iter().position(|f| f.is_nan()).or_else(|| (0..f.len()).find(leads)).unwrap_or(usize::MAX)
}

/// Asserts that all outputs have the same bits, or are NaN in both.
pub fn same_bits<T: Element>(name: &str, first: (T, &Outputs<T>), second: (T, &Outputs<T>)) {
    let same = |what: &str, a: T, b: T| {
        assert!(a.bits() == b.bits() || a.is_nan() && b.is_nan(), "{name}: {what}: {a:?}, then {b:?}");
    };
    same("loss", first.0, second.0);
    for ((what, a), (_, b)) in first.1.parts().into_iter().zip(second.1.parts()) {
        a.values().into_iter().zip(b.values()).for_each(|(a, b)| same(what, a, b));
    }
    assert_eq!(first.1.predictions, second.1.predictions, "{name}");
}
