//! Losses and score gradients for soft targets in f32, against the formulas in f64.

use num_traits::Float;

use super::SoftTargets;
use crate::kernels::softmax::{Aside, NO_LABEL, Scores, Strip};
use crate::simd::tests::{Check, number, on_each_set};
use crate::simd::{Portable, Simd};

/// As many examples as any of these tests has together.
const STRIP: usize = 64;

/// What became of one example.
#[derive(Debug)]
struct Outcome {
    loss: f64,
    grad: Vec<f64>,
}

/// Some examples and what is wanted of them.
struct Examples<'a, T> {
    /// Of each example.
    f: &'a [Vec<T>],
    label: &'a [usize],
    scale: &'a [T],
    weight: T,
}

impl<T: Float> Examples<'_, T> {
    /// The steps of a pass, with columns of others before and after these. Without shares, those of a label.
    fn outcomes<S: Simd<T>>(&self, set: S, share: Option<&dyn Fn(usize, usize, usize) -> T>) -> Vec<Outcome> {
        let (first, len, c) = (3, self.f.len(), self.f[0].len());
        let stride = len + 4;
        let element = |class: usize, col: usize| {
            if (first..first + len).contains(&col) { self.f[col - first][class] } else { T::nan() }
        };
        let mut data: Vec<T> = (0..c * stride).map(|i| element(i / stride, i % stride)).collect();
        let (mut strip, mut f) =
            (Strip::<T, STRIP>::new(len), Scores { data: &mut data, stride, first, len });
        strip.score(&mut f, &vec![T::zero(); c]);
        strip.label[..len].copy_from_slice(self.label);
        strip.set_scales(|col| self.scale[col]);
        strip.shift(&mut f);
        if let Some(share) = share {
            let soft = SoftTargets::new(share, &strip, &mut f);
            strip.exponentiate(set, &mut f);
            strip.sum(set, &mut f, Aside::Leader);
            soft.losses(&mut strip);
            soft.grad(&strip, &mut f, self.weight);
        } else {
            strip.exponentiate(set, &mut f);
            strip.sum(set, &mut f, Aside::Label);
            strip.add_log();
            strip.grad(&mut f, self.weight);
        }
        let f64 = |value: T| value.to_f64().unwrap();
        let outcome =
            |col| Outcome { loss: f64(strip.losses()[col]), grad: f.example(col).map(f64).take(c).collect() };
        (0..len).map(outcome).collect()
    }
}

/// One example in f32, with the portable loops.
fn outcome(f: &[f32], shares: &[f32]) -> Outcome {
    let examples = Examples { f: &[f.to_vec()], label: &[NO_LABEL], scale: &[1.0], weight: 1.0 };
    examples.outcomes(Portable, Some(&|_, _, class| shares[class])).remove(0)
}

/// (20) in f64: sum of a_c log of the sum of exp(f_j - f_c). No term is negative.
fn exact_loss(f: &[f64], shares: &[f64]) -> f64 {
    let log = |c: usize| {
        let others = f.iter().enumerate().filter(|(j, _)| *j != c).map(|(_, f_j)| (f_j - f[c]).exp());
        others.sum::<f64>().ln_1p()
    };
    (0..f.len()).map(|c| shares[c] * log(c)).sum()
}

/// (21) in f64: A p_k and a_k.
fn exact_grad(f: &[f64], shares: &[f64]) -> Vec<[f64; 2]> {
    let lead = f.iter().copied().fold(f64::MIN, f64::max);
    let total: f64 = f.iter().map(|f| (f - lead).exp()).sum();
    let all: f64 = shares.iter().sum();
    f.iter().zip(shares).map(|(f, &share)| [all * ((f - lead).exp() / total), share]).collect()
}

/// In roundings, as for labels: D, the largest M - f_j, and the classes, each for the exponentials and for their sum,
/// and the classes once more for the sum of the shares.
fn bound(f: &[f64]) -> f64 {
    let (least, most) = f.iter().fold((f64::MAX, f64::MIN), |(least, most), &f| (least.min(f), most.max(f)));
    f64::from(f32::EPSILON) / 2.0 * (2.0 * (most - least) + 3.0 * f.len() as f64 + 10.0)
}

fn assert_near(got: f64, exact: f64, error: f64, what: impl Fn() -> String) {
    assert!((got - exact).abs() <= error, "{}: {got:e}, not {exact:e}", what());
}

struct OneClass;

impl Check for OneClass {
    /// The sums have the same terms: what stands aside differs, and some roundings of products and quotients do.
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S) {
        for (c, width) in [(1, 1.0), (3, 80.0), (10, 80.0), (70, 5.0)] {
            let score = |col: usize, class: usize| (width * number::<f64>(col * 311 + class * 29)) as f32;
            let f: Vec<Vec<f32>> =
                (0..20).map(|col| (0..c).map(|class| score(col, class)).collect()).collect();
            let label: Vec<usize> = (0..20).map(|col| col * 7 % c).collect();
            let scale: Vec<f32> = (0..20).map(|col| 1.0 + (col % 3) as f32).collect();
            let examples = Examples { f: &f, label: &label, scale: &scale, weight: 0.3 };
            let one = |_, label: usize, class: usize| if label == class { 1.0 } else { 0.0 };
            let (hard, soft) = (examples.outcomes(*set, None), examples.outcomes(*set, Some(&one)));
            let relative = f64::from(f32::EPSILON) * (c.min(64) + 8) as f64;
            for (col, (hard, soft)) in hard.iter().zip(&soft).enumerate() {
                let what = || format!("{name}, {c} classes, column {col}");
                assert_near(soft.loss, hard.loss, relative * hard.loss, what);
                for (soft, hard) in soft.grad.iter().zip(&hard.grad) {
                    assert_near(*soft, *hard, relative * hard.abs(), what);
                }
            }
        }
    }
}

#[test]
fn a_target_of_one_class_is_as_good_as_a_label() {
    on_each_set(&OneClass);
}

struct Smoothing;

impl Check for Smoothing {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S) {
        for (c, smoothing) in [(2, 0.1f32), (10, 0.3), (70, 1.0)] {
            let score = |col: usize, class: usize| (40.0 * number::<f64>(col * 311 + class * 29)) as f32;
            let f: Vec<Vec<f32>> =
                (0..9).map(|col| (0..c).map(|class| score(col, class)).collect()).collect();
            let label: Vec<usize> = (0..9).map(|col| col * 7 % c).collect();
            // Weights of classes, so that A is not 1.
            let share = |_, label: usize, class: usize| {
                let target = if label == class { 1.0 } else { 0.0 };
                (1.0 + (class % 4) as f32) * ((1.0 - smoothing) * target + smoothing / c as f32)
            };
            let examples = Examples { f: &f, label: &label, scale: &[2.0; 9], weight: 0.5 };
            for (col, got) in examples.outcomes(*set, Some(&share)).iter().enumerate() {
                let what = || format!("{name}, {c} classes, column {col}");
                let f: Vec<f64> = f[col].iter().map(|&f| f.into()).collect();
                let shares: Vec<f64> = (0..c).map(|class| share(col, label[col], class).into()).collect();
                let (loss, bound) = (2.0 * exact_loss(&f, &shares), bound(&f));
                assert_near(got.loss, loss, bound * loss, what);
                for (got, [part, share]) in got.grad.iter().zip(exact_grad(&f, &shares)) {
                    assert_near(*got, part - share, bound * (part + share), what);
                }
            }
        }
    }
}

#[test]
fn smoothed_and_weighted_targets_agree_with_the_formulas() {
    on_each_set(&Smoothing);
}

/// The logarithm of the total and the mean score are equal to seven digits here: their difference would be nothing but
/// rounding, of either sign.
#[test]
fn nothing_cancels_in_the_loss() {
    for lead in [0.0f32, 1e6, -1e6] {
        for i in 0..50 {
            let second = lead - 20.0 - (i % 7) as f32 * 0.5;
            let f = [lead, second, lead - 30.0];
            let shares = [1.0f32, 0.0, 0.0].map(|share| share * (1.0 + i as f32));
            let got = outcome(&f, &shares);
            let exact = exact_loss(&f.map(f64::from), &shares.map(f64::from));
            assert!(got.loss > 0.0);
            assert_near(got.loss, exact, bound(&[0.0, 30.0]) * exact, || format!("{f:?}"));
        }
    }
}

/// g of the label is 1e-9, which 1 and what 1 + 1e-9 is in f32 do not differ by.
#[test]
fn small_shares_beside_a_large_one_keep_their_digits() {
    let got = outcome(&[-40.0, 10.0, -40.0], &[5e-10, 1.0, 5e-10]);
    let (others, rest) = (2.0 * (-50f64).exp(), 1e-9);
    assert_near(got.grad[1], rest - others, bound(&[0.0, 50.0, 0.0]) * (rest + others), || "g".into());
}

#[test]
fn a_class_without_share_may_have_a_score_of_minus_infinity() {
    let got = outcome(&[0.0, f32::NEG_INFINITY, 0.0], &[0.25, 0.0, 0.75]);
    assert_near(got.loss, 2f64.ln(), 1e-6, || "loss".into());
    assert_eq!(got.grad, [0.25, 0.0, -0.25]);
    // With a share it makes the loss infinite, and its gradient is that share.
    let got = outcome(&[0.0, f32::NEG_INFINITY, 0.0], &[0.25, 0.5, 0.25]);
    assert_eq!(got.loss, f64::INFINITY);
    assert_eq!(got.grad, [0.25, -0.5, 0.25]);
}

#[test]
fn a_target_of_nothing_costs_nothing() {
    let got = outcome(&[3.0, -1.0], &[0.0, 0.0]);
    assert_eq!((got.loss, got.grad), (0.0, vec![0.0, 0.0]));
}

#[test]
fn an_excluded_example_has_neither_loss_nor_gradient_whatever_its_scores() {
    let f = [vec![1.0, 1.0], vec![f64::NAN, 1.0]];
    let examples = Examples { f: &f, label: &[0, 0], scale: &[1.0, 0.0], weight: 1.0 };
    let got = examples.outcomes(Portable, Some(&|_, _, class| [0.25, 0.75][class]));
    assert_eq!(got[0].grad, [0.25, -0.25]);
    assert_eq!((got[1].loss, got[1].grad.as_slice()), (0.0, [0.0, 0.0].as_slice()));
}
