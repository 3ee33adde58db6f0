//! Losses and score gradients in f32 and f64, against the formulas in f64.

use num_traits::Float;

use super::{Aside, NO_LABEL, Scores, Strip, sum_rows};
use crate::limits::CLASSES_AT_ONCE;
use crate::simd::Simd;
use crate::simd::tests::{Check, number, on_each_set};

/// As many examples as any of these tests has together.
const STRIP: usize = 64;

/// What lies beside the columns of a strip.
const BESIDE: f64 = 1234.5;

/// (4), (5), (15) of one example in f64.
struct Exact {
    loss: f64,
    p: Vec<f64>,
    grad: Vec<f64>,
}

/// Shifted by the label's own score, so that no term cancels: with S the sum over j ≠ y of exp(f_j - f_y), the loss is
/// log1p(S) and g_y is -S / (1 + S).
fn exact(f: &[f64], y: usize) -> Exact {
    let e: Vec<f64> = f.iter().map(|f_j| (f_j - f[y]).exp()).collect();
    let others: f64 = e.iter().enumerate().filter(|(j, _)| *j != y).map(|(_, e)| e).sum();
    let p: Vec<f64> = e.iter().map(|e| e / (1.0 + others)).collect();
    let mut grad = p.clone();
    grad[y] = -others / (1.0 + others);
    Exact { loss: others.ln_1p(), p, grad }
}

/// A bound of the relative errors of the losses and of g, in T and above in f64.
///
/// In roundings, where D is the largest M - f_j: f_j - M is one off, and so its exponential D, and two of its own. A sum
/// over classes adds as many as a part has terms, and as there are parts. log1p makes no relative error of a positive
/// number larger, and has two of its own; M - f_y and the two products have one each. In g the exponential and the sum
/// meet. In f64 there is one part.
fn bound<T: Float>(f: &[f64]) -> f64 {
    let (least, most) = f.iter().fold((f64::MAX, f64::MIN), |(least, most), &f| (least.min(f), most.max(f)));
    let (distance, c) = (most - least, f.len() as f64);
    let half_unit = |epsilon: f64, terms: f64| epsilon / 2.0 * (2.0 * (distance + terms) + 10.0);
    half_unit(T::epsilon().to_f64().unwrap(), c.min(64.0) + c / 64.0) + half_unit(f64::EPSILON, c)
}

fn near(got: f64, exact: f64, bound: f64) -> bool {
    (got - exact).abs() <= bound * exact.abs()
}

/// What became of one example.
#[derive(Clone, Debug)]
struct Outcome {
    class: usize,
    loss: f64,
    grad: Vec<f64>,
}

/// The steps of a pass from scores to score gradients, on examples that lie between others.
fn outcomes<T: Float, S: Simd<T>>(set: S, f: &[Vec<T>], y: &[usize], scale: &[T], weight: T) -> Vec<Outcome> {
    let (first, len, c) = (2, f.len(), f[0].len());
    let beside = T::from(BESIDE).unwrap();
    let stride = len + 5;
    let mut data = vec![beside; c * stride];
    for (class, col) in (0..c).flat_map(|class| (0..len).map(move |col| (class, col))) {
        data[class * stride + first + col] = f[col][class];
    }
    let mut strip = Strip::<T, STRIP>::new(len);
    let mut scores = Scores { data: &mut data, stride, first, len };
    let b2 = vec![T::zero(); c];
    set.vectorize(|| {
        strip.score(&mut scores, &b2);
        strip.label[..len].copy_from_slice(y);
        strip.set_scales(|col| scale[col]);
        strip.shift(&mut scores);
        strip.exponentiate(set, &mut scores);
        strip.sum(set, &mut scores, Aside::Label);
        strip.add_log();
        strip.grad(&mut scores, weight);
    });
    let f64 = |value: T| value.to_f64().unwrap();
    let outcome = |col| Outcome {
        class: strip.class[col],
        loss: f64(strip.losses()[col]),
        grad: scores.example(col).map(f64).take(c).collect(),
    };
    let outcomes = (0..len).map(outcome).collect();
    for (i, &value) in data.iter().enumerate() {
        assert!(
            (first..first + len).contains(&(i % stride)) || value == beside,
            "element {i} is not of the strip"
        );
    }
    outcomes
}

/// One example with scale 1.
fn outcome<T: Float, S: Simd<T>>(set: S, f: &[f64], y: usize) -> Outcome {
    let f: Vec<T> = f.iter().map(|&f| T::from(f).unwrap()).collect();
    outcomes(set, &[f], &[y], &[T::one()], T::one()).remove(0)
}

struct Formulas;

impl Formulas {
    fn check_type<T: Float, S: Simd<T>>(name: &str, set: S) {
        let (scale, weight) = ([1.0, 0.5, 3.0], 0.25);
        for (c, len) in [(1, 3), (2, 64), (3, 7), (10, 33), (63, 2), (64, 5), (65, 5), (200, 9)] {
            let f = |col: usize, class: usize| T::from(80.0 * number::<f64>(col * 211 + class * 17)).unwrap();
            let f: Vec<Vec<T>> = (0..len).map(|col| (0..c).map(|class| f(col, class)).collect()).collect();
            let y: Vec<usize> = (0..len).map(|col| col * 5 % c).collect();
            let scales: Vec<T> = (0..len).map(|col| T::from(scale[col % 3]).unwrap()).collect();
            let got = outcomes(set, &f, &y, &scales, T::from(weight).unwrap());
            for col in 0..len {
                let f: Vec<f64> = f[col].iter().map(|f| f.to_f64().unwrap()).collect();
                let (exact, scale, bound) = (exact(&f, y[col]), scale[col % 3], bound::<T>(&f));
                let context = || format!("{name}, {c} classes, column {col}");
                assert!(near(got[col].loss, scale * exact.loss, bound), "{}: loss", context());
                for (class, (&got, &g)) in got[col].grad.iter().zip(&exact.grad).enumerate() {
                    assert!(near(got, weight * scale * g, bound), "{}: g of class {class}", context());
                }
            }
        }
    }
}

impl Check for Formulas {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S) {
        Self::check_type::<f32, S>(name, *set);
        Self::check_type::<f64, S>(name, *set);
    }
}

#[test]
fn losses_and_gradients_have_all_their_digits_and_other_columns_stay() {
    on_each_set(&Formulas);
}

struct Ends;

impl Check for Ends {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S) {
        // The label leads by 40: 1 + exp(-40) is 1, and the loss is not 0.
        let sure = outcome::<f32, S>(*set, &[-10.0, 30.0, -10.0], 1);
        let others = 2.0 * (-40f64).exp();
        let bound = bound::<f32>(&[-10.0, 30.0]);
        assert!(near(sure.loss, others, bound), "{name}: {sure:?}");
        assert!(near(sure.grad[1], -others, bound), "{name}: {sure:?}");
        // The scores are large: the loss has the digits of their difference.
        let large = outcome::<f32, S>(*set, &[1e7, 1e7 - 3.0], 1);
        assert!(near(large.loss, 3.0 + (-3f64).exp().ln_1p(), bound), "{name}: {large:?}");
        // A score of -infinity: probability 0, and an infinite loss if it is the label's.
        let none = outcome::<f32, S>(*set, &[f64::NEG_INFINITY, 1.0, 1.0], 1);
        assert!(near(none.loss, 2f64.ln(), bound) && none.grad == [0.0, -0.5, 0.5], "{name}: {none:?}");
        let lost = outcome::<f32, S>(*set, &[f64::NEG_INFINITY, 1.0, 1.0], 0);
        assert!(lost.loss == f64::INFINITY && lost.grad == [-1.0, 0.5, 0.5], "{name}: {lost:?}");
        // The only class is certain.
        let one = outcome::<f32, S>(*set, &[-5.0], 0);
        assert!(one.loss == 0.0 && one.grad == [0.0], "{name}: {one:?}");
        // Where the leader is not finite, nothing is known.
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        for f in [[-inf, -inf, -inf], [inf, 1.0, 2.0], [inf, inf, 0.0], [0.0, nan, inf], [1.0, 2.0, nan]] {
            for y in 0..3 {
                let unknown = outcome::<f32, S>(*set, &f, y);
                let all_nan = unknown.loss.is_nan() && unknown.grad.iter().all(|g| g.is_nan());
                assert!(all_nan, "{name} {f:?}: {unknown:?}");
            }
        }
    }
}

#[test]
fn what_is_nearly_certain_or_infinite() {
    on_each_set(&Ends);
}

#[test]
fn the_probabilities_beside_one_of_nearly_1_keep_their_digits() {
    let mut data = vec![-40.0, 0.0, -41.0];
    let (strip, f) = summed(&mut data, NO_LABEL, Aside::Leader);
    let lead = f.example(0).nth(1).unwrap();
    let others = (-40f64).exp() + (-41f64).exp();
    let (p, rest) = strip.probability(0, 1, lead);
    assert_eq!(p, 1.0);
    assert!(near(rest, others, bound::<f64>(&[0.0, -41.0, 0.0])), "{rest:e}");
}

#[test]
fn the_first_of_the_largest_scores_leads_and_nan_before_all() {
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    for (scores, lead) in [
        ([1.0, 3.0, 3.0, 2.0], 1),
        ([0.0, -0.0, -1.0, 0.0], 0),
        ([5.0, nan, 9.0, nan], 1),
        ([nan, inf, nan, 1.0], 0),
        ([-inf, 2.0, -inf, 1.0], 1),
        ([-inf, -inf, -inf, -1e300], 3),
        ([-inf, -inf, -inf, -inf], 0),
        ([1.0, inf, 2.0, inf], 1),
    ] {
        let got = outcome::<f64, _>(crate::simd::Portable, &scores, 0).class;
        assert_eq!(got, lead, "{scores:?}");
    }
}

#[test]
fn the_bias_is_added_before_the_leader_is_chosen() {
    let mut data = [1.0, 7.0, 0.5, 0.0];
    let mut strip = Strip::<_, STRIP>::new(2);
    strip.score(&mut Scores { data: &mut data, stride: 2, first: 0, len: 2 }, &[0.25, 1.0]);
    assert_eq!(data, [1.25, 7.25, 1.5, 1.0]);
    assert_eq!(strip.class[..2], [1, 0]);
}

#[test]
fn an_excluded_example_has_neither_loss_nor_gradient_whatever_its_scores() {
    let f = [vec![1.0, 2.0], vec![f64::NAN, 1.0], vec![f64::INFINITY, 0.0], vec![3.0, 2.5]];
    let got = outcomes(crate::simd::Portable, &f, &[0, 1, 1, 1], &[1.0, 0.0, 0.0, 2.0], 1.0);
    for excluded in &got[1..3] {
        assert!(excluded.loss == 0.0 && excluded.grad == [0.0, 0.0], "{excluded:?}");
    }
    for (col, y, scale) in [(0, 0, 1.0), (3, 1, 2.0)] {
        let exact = exact(&f[col], y);
        assert!(near(got[col].loss, scale * exact.loss, bound::<f64>(&f[col])), "{:?}", got[col]);
        assert!(near(got[col].grad[y], scale * exact.grad[y], bound::<f64>(&f[col])), "{:?}", got[col]);
    }
}

/// The exponentials of `f` and what is known of them, of one example that fills its rows.
fn summed<'a>(data: &'a mut Vec<f64>, y: usize, aside: Aside) -> (Strip<f64, STRIP>, Scores<'a, f64>) {
    let b2 = vec![0.0; data.len()];
    let (mut strip, mut f) = (Strip::new(1), Scores { data, stride: 1, first: 0, len: 1 });
    strip.score(&mut f, &b2);
    strip.label[0] = y;
    strip.shift(&mut f);
    strip.exponentiate(crate::simd::Portable, &mut f);
    strip.sum(crate::simd::Portable, &mut f, aside);
    (strip, f)
}

#[test]
fn probabilities_are_those_of_the_formula_and_do_not_depend_on_the_label() {
    let scores: Vec<f64> = (0..10).map(|class| 60.0 * number::<f64>(class)).collect();
    let (exact, bound) = (exact(&scores, 0), bound::<f64>(&scores));
    let of_label = |y: usize| {
        let mut data = scores.clone();
        let (strip, f) = summed(&mut data, y, Aside::Leader);
        for (class, e) in f.example(0).enumerate() {
            let (p, others) = strip.probability(0, class, e);
            let sum: f64 = exact.p.iter().enumerate().filter(|(j, _)| *j != class).map(|(_, p)| p).sum();
            assert!(near(p, exact.p[class], bound) && near(others, sum, 2.0 * bound), "class {class}");
        }
        strip.probabilities(&f, 0).chain([strip.log_total(0)]).collect::<Vec<_>>()
    };
    let without = of_label(NO_LABEL);
    for (p, exact) in without.iter().zip(&exact.p) {
        assert!(near(*p, *exact, bound));
    }
    // log p = f - M - log of the total, and the smallest is far below.
    let lead = scores.iter().copied().fold(f64::MIN, f64::max);
    assert!(near(scores[0] - lead - without[10], exact.p[0].ln(), bound));
    (0..10).for_each(|y| assert_eq!(of_label(y), without));
}

/// Each row is summed in parts of 64, then the parts: as many roundings as both together. A plain sum of these terms is
/// 2400 off.
#[test]
fn the_error_of_a_sum_over_many_classes_is_that_of_its_parts() {
    const CLASSES: usize = 100_000;
    let mut data = vec![0.1f32; CLASSES];
    let mut f = Scores { data: &mut data, stride: 1, first: 0, len: 1 };
    let got = sum_rows(&mut f, |_, row, part: &mut [_; STRIP]| part[0] += row[0])[0];
    let (exact, part) = (f64::from(0.1f32) * CLASSES as f64, CLASSES_AT_ONCE as f64);
    assert!(near(f64::from(got), exact, f64::from(f32::EPSILON) / 2.0 * (part + CLASSES as f64 / part)));
}

#[test]
fn strips_side_by_side_are_as_good_as_alone() {
    let (c, all) = (5, 2 * STRIP + 20);
    let stride = all + 4;
    let score = |class: usize, col: usize| 10.0 * number::<f64>(class * 401 + col);
    let mut data: Vec<f64> = (0..c * stride).map(|i| score(i / stride, i % stride)).collect();
    for first in (0..all).step_by(STRIP) {
        let len = STRIP.min(all - first);
        let (mut strip, mut f) =
            (Strip::<_, STRIP>::new(len), Scores { data: &mut data, stride, first, len });
        strip.score(&mut f, &vec![0.0; c]);
        (0..len).for_each(|col| strip.label[col] = (first + col) % c);
        strip.shift(&mut f);
        strip.exponentiate(crate::simd::Portable, &mut f);
        strip.sum(crate::simd::Portable, &mut f, Aside::Label);
        strip.add_log();
        strip.grad(&mut f, 1.0);
        for col in 0..len {
            let alone: Vec<f64> = (0..c).map(|class| score(class, first + col)).collect();
            let alone = outcome::<f64, _>(crate::simd::Portable, &alone, (first + col) % c);
            let f = Scores { data: &mut data, stride, first, len };
            assert_eq!(strip.losses()[col], alone.loss);
            assert_eq!(f.example(col).collect::<Vec<_>>(), alone.grad);
        }
    }
    for (class, col) in (0..c).flat_map(|class| (all..stride).map(move |col| (class, col))) {
        assert_eq!(data[class * stride + col], score(class, col));
    }
}

/// Beside 2^24 a 1 is lost, and a sum of ones is not. So only those of the first part are.
#[test]
fn a_large_term_swallows_no_other_parts() {
    let (large, part) = (16_777_216.0, CLASSES_AT_ONCE as f32);
    for (parts, rest) in [(1, 0), (2, 0), (7, 2)] {
        let mut terms = vec![1.0f32; parts * CLASSES_AT_ONCE + rest];
        terms[0] = large;
        let mut f = Scores { data: &mut terms, stride: 1, first: 0, len: 1 };
        let [sum] = sum_rows(&mut f, |_, row, [part]| *part += row[0]);
        let expected = (1..parts).fold(large, |sum, _| sum + part) + rest as f32;
        assert_eq!(sum, expected, "{parts} parts and {rest}");
    }
}
