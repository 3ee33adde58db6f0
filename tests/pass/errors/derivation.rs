//! Misuse of the functions of the derivation, too, is an error before any output is written.

use handgrad::derivation::{self, GradFactors};
use handgrad::{Error, What};

use super::PATTERN;

/// Every function of the derivation, every slice one too short and one too long, and classes out of range.
#[test]
fn derivation_refuses() {
    use handgrad::Kink::One;
    let v = [1.0; 40];
    let mut out = [PATTERN; 40];
    let length = |what, expected, got| Err(Error::Length { what, expected, got });
    let label = |classes, got| Err(Error::Label { example: 0, classes, got });
    for off in [5, 7] {
        let err = length(What::W1, 6, off);
        assert_eq!(derivation::preactivations(&v[..off], &v[..3], &v[..2], &mut out[..3]), err);
        assert_eq!(derivation::input_grad(&v[..off], &v[..3], &mut out[..2]), err);
        let err = length(What::W2, 6, off);
        assert_eq!(derivation::scores(&v[..off], &v[..2], &v[..3], &mut out[..2]), err);
        assert_eq!(derivation::loss_grad_b1(&v[..3], &v[..off], &v[..2], One, &mut out[..3]), err);
        let err = length(What::Gradient, 6, off);
        assert_eq!(derivation::loss_grad_w1(&v[..3], &v[..2], &mut out[..off]), err);
        assert_eq!(derivation::loss_grad_w2(&v[..2], &v[..3], &mut out[..off]), err);
        assert_eq!(derivation::score_grad_w1(&v[..3], &v[..6], &v[..2], 1, One, &mut out[..off]), err);
        let err = length(What::ScoreGradients, 6, off);
        assert_eq!(derivation::softmax_loss_grad(&v[..3], 0, &v[..off], &mut out[..2]), err);
    }
    for off in [2, 4] {
        assert_eq!(
            derivation::preactivations(&v[..6], &v[..3], &v[..2], &mut out[..off]),
            length(What::PreActivations, 3, off)
        );
        assert_eq!(derivation::activations(&v[..3], &mut out[..off]), length(What::Activations, 3, off));
        let err = length(What::Scores, 3, off);
        assert_eq!(derivation::scores(&v[..6], &v[..3], &v[..2], &mut out[..off]), err);
        let err = length(What::Probabilities, 3, off);
        assert_eq!(derivation::probabilities(&v[..3], &mut out[..off]), err);
        let err = length(What::ScoreGradient, 3, off);
        assert_eq!(derivation::loss_grad_b2(&v[..3], 0, &mut out[..off]), err);
        let err = length(What::HiddenGradient, 3, off);
        assert_eq!(derivation::loss_grad_b1(&v[..3], &v[..6], &v[..2], One, &mut out[..off]), err);
        let err = length(What::Gradient, 3, off);
        assert_eq!(derivation::score_grad_b1(&v[..3], &v[..6], 0, One, &mut out[..off]), err);
        let (x, y) = (&v[..3], &v[..off]);
        let first = GradFactors { g: x, a: x, d: x, x };
        let inner = |g, a, d, x| derivation::grad_inner_product(first, GradFactors { g, a, d, x });
        assert_eq!(inner(y, x, x, x).map(|_: f64| ()), length(What::ScoreGradient, 3, off));
        assert_eq!(inner(x, y, x, x).map(|_| ()), length(What::Activations, 3, off));
        assert_eq!(inner(x, x, y, x).map(|_| ()), length(What::HiddenGradient, 3, off));
        assert_eq!(inner(x, x, x, y).map(|_| ()), length(What::X, 3, off));
        let norm = derivation::grad_norm_squared(x, x, y, x).map(|_| ());
        assert_eq!(norm, length(What::HiddenGradient, 3, off));
    }
    assert_eq!(derivation::mean_grad(&v[..7], &mut out[..3]), length(What::Gradient, 6, 7));
    assert_eq!(derivation::mean_grad(&v[..2], &mut out[..3]), length(What::Gradient, 3, 2));
    assert_eq!(
        derivation::score_grad_w1(&v[..3], &v[..7], &v[..2], 0, One, &mut out[..6]),
        length(What::W2, 6, 7)
    );
    assert_eq!(derivation::score_grad_w2(&v[..3], 0, &mut out[..7]), length(What::Gradient, 6, 7));
    assert_eq!(derivation::score_grad_w2(&v[..3], 0, &mut out[..0]), length(What::Gradient, 3, 0));

    assert_eq!(derivation::loss(&v[..3], 3).map(|_: f64| ()), label(3, 3));
    assert_eq!(derivation::loss_grad_b2(&v[..3], 9, &mut out[..3]), label(3, 9));
    assert_eq!(derivation::softmax_loss_grad(&v[..3], 3, &v[..6], &mut out[..2]), label(3, 3));
    assert_eq!(derivation::score_grad_w1(&v[..3], &v[..6], &v[..2], 2, One, &mut out[..6]), label(2, 2));
    assert_eq!(derivation::score_grad_w2(&v[..3], 2, &mut out[..6]), label(2, 2));
    assert_eq!(derivation::score_grad_b1(&v[..3], &v[..6], 2, One, &mut out[..3]), label(2, 2));
    assert_eq!(derivation::score_grad_b2(3, &mut out[..3]), label(3, 3));

    let zero = |what| Err(Error::Zero { what });
    assert_eq!(derivation::preactivations(&v[..0], &v[..3], &v[..0], &mut out[..3]), zero(What::Inputs));
    assert_eq!(derivation::preactivations(&v[..0], &v[..0], &v[..3], &mut out[..0]), zero(What::Hidden));
    assert_eq!(derivation::activations(&v[..0], &mut out[..0]), zero(What::Hidden));
    assert_eq!(derivation::probabilities(&v[..0], &mut out[..0]), zero(What::Classes));
    assert_eq!(derivation::score_grad_b2(0, &mut out[..0]), zero(What::Classes));
    assert_eq!(derivation::mean_grad(&v[..3], &mut out[..0]), zero(What::Gradient));
    let weights = length(What::ExampleWeights, 0, 1);
    assert_eq!(derivation::weighted_loss(&v[..0], &v[..1], 1.0).map(|_| ()), weights);
    assert!(out.iter().all(|&value| value == PATTERN));
    // There may be no examples.
    assert_eq!(derivation::mean_loss::<f64>(&[]), Ok(0.0));
    assert_eq!(derivation::weighted_loss::<f64>(&[], &[], 2.0), Ok(0.0));
    assert_eq!(derivation::mean_grad(&v[..0], &mut out[..3]), Ok(()));
    assert_eq!(out[..4], [0.0, 0.0, 0.0, PATTERN]);
}
