//! Whether a peer's loss and gradient are those of the reference, before it is timed.

use crate::problem::{Answer, Shape, Type};

/// How far an answer is from the reference, relative, and how far it may be.
#[derive(Clone, Copy, Debug)]
pub struct Agreement {
    pub worst: f64,
    pub at: &'static str,
    pub bar: f64,
}

impl Agreement {
    pub fn holds(&self) -> bool {
        // A NaN is no agreement.
        self.worst <= self.bar
    }
}

/// The most that rounding may do: 4 u √(the longest sum).
///
/// The rounding errors of a sum of k terms are about u √k of its size, whatever the order. The sums here
/// have m, h, C and n terms, and each error goes on into the following products without growing (the
/// pre-activations are exact by the choice of data, or far enough from 0, so no unit jumps over its kink). Three sums
/// follow each other on the longest way, from scores over score gradients to dW1; with exp and the logarithm between
/// them that makes 4. In a net that has been trained p - 1 cancels, and there is more of it: there and elsewhere the
/// deviations that were seen are a quarter of the bar at most.
///
/// H v has two more sums on its longest way, from V1 over G' to dW1'; where it was measured the deviations are as small as those
/// of gradients.
///
/// A wrong gradient is far above: one label of n read wrongly changes it by about 1/√n, that is 0.02 for
/// the longest sum of a full run, where the bar is 1.3e-5 in `f32` and 2.5e-14 in `f64`.
pub fn bar(shape: Shape, element: Type) -> f64 {
    let longest = shape.m.max(shape.h).max(shape.c).max(shape.n);
    4.0 * element.unit_roundoff() * (longest as f64).sqrt()
}

/// Compares the loss, and each block of the gradient in the 2-norm; of products with the Hessian each block of each, as
/// many as there are.
pub fn compare<'a>(reference: &'a Answer, got: &'a Answer, shape: Shape, element: Type) -> Agreement {
    let mut all = vec![("loss", relative(&[reference.loss], &[got.loss]))];
    let each = |answer: &'a Answer| answer.grad.chunks(shape.params());
    for (reference, got) in each(reference).zip(each(got)) {
        let blocks = shape.split(reference).into_iter().zip(shape.split(got));
        all.extend(["dW1", "db1", "dW2", "db2"].into_iter().zip(blocks.map(|(r, g)| relative(r, g))));
    }
    let (at, worst) =
        all.into_iter().reduce(|a, b| if b.1 > a.1 || b.1.is_nan() { b } else { a }).unwrap_or_default();
    Agreement { worst, at, bar: bar(shape, element) }
}

/// ‖got − reference‖ / ‖reference‖; 0 where both are zero.
fn relative(reference: &[f64], got: &[f64]) -> f64 {
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let error = norm(&mut reference.iter().zip(got).map(|(r, g)| g - r));
    if error == 0.0 { 0.0 } else { error / norm(&mut reference.iter().copied()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { m: 2, h: 3, c: 2, n: 100 };

    fn reference() -> Answer {
        Answer { loss: 0.7, grad: (0..SHAPE.params()).map(|i| (i as f64 + 1.0).sin()).collect() }
    }

    #[test]
    fn rounding_passes_in_its_own_type_only() {
        let mut rounded = reference();
        rounded.grad.iter_mut().for_each(|g| *g = f64::from(*g as f32));
        assert!(compare(&reference(), &rounded, SHAPE, Type::F32).holds());
        assert!(!compare(&reference(), &rounded, SHAPE, Type::F64).holds());
        assert!(compare(&reference(), &reference(), SHAPE, Type::F64).holds());
    }

    #[test]
    fn a_small_error_in_any_block_is_named() {
        let starts = [("dW1", 0), ("db1", 6), ("dW2", 9), ("db2", 15)];
        for (name, start) in starts {
            let mut wrong = reference();
            wrong.grad[start] += 1e-4;
            let found = compare(&reference(), &wrong, SHAPE, Type::F32);
            assert!(!found.holds() && found.at == name, "{name}: {found:?}");
        }
        let wrong = Answer { loss: 0.7001, ..reference() };
        assert_eq!(compare(&reference(), &wrong, SHAPE, Type::F32).at, "loss");
    }

    #[test]
    fn every_product_that_a_peer_has_is_compared() {
        let one = reference();
        let several = Answer { grad: one.grad.repeat(3), ..reference() };
        assert!(compare(&several, &one, SHAPE, Type::F64).holds());
        assert!(compare(&several, &several, SHAPE, Type::F64).holds());
        for at in [0, 17, 34 + 15] {
            let mut wrong = Answer { grad: one.grad.repeat(3), ..reference() };
            wrong.grad[at] += 1e-4;
            assert!(!compare(&several, &wrong, SHAPE, Type::F32).holds(), "{at}");
        }
    }

    #[test]
    fn nan_and_a_zero_reference_disagree() {
        for at in [0, 6, 9, 15] {
            let mut wrong = reference();
            wrong.grad[at] = f64::NAN;
            assert!(!compare(&reference(), &wrong, SHAPE, Type::F32).holds(), "{at}");
        }
        let wrong = Answer { loss: f64::NAN, ..reference() };
        assert!(!compare(&reference(), &wrong, SHAPE, Type::F32).holds());
        let mut zero = reference();
        zero.grad[6..9].fill(0.0);
        assert!(!compare(&zero, &reference(), SHAPE, Type::F32).holds());
    }
}
