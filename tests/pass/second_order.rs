//! Promise: second derivatives are exact. (25) to (34) against dual numbers sent through the first order in f64, against
//! one another, and against derivatives of the loss itself at 200 digits, where a class leads by far in f32 as well.

mod misuse;
pub mod nets;
pub mod sums;

use crate::strategies;
use crate::support::{Element, assert_within, second_order};
use handgrad::derivation as d;
use handgrad::gradcheck::Dual;
use handgrad::{Dims, Kink};
use nets::{First, Second, blocks, gauge, gauss_newton, hessian_vector, split};
use proptest::prelude::*;

/// Terms of the sums a result goes through, one after the other, and what exponentials and divisions cost.
pub fn terms(dims: Dims) -> f64 {
    2.0 * (dims.inputs() + dims.hidden() + dims.classes() + 8) as f64
}

/// Rounding of numbers of these magnitudes; exponentials may be subnormal.
pub fn bounds<T: Element>(terms: f64, gauges: &[f64]) -> Vec<f64> {
    gauges.iter().map(|gauge| terms * T::U * gauge + f64::MIN_POSITIVE * (1.0 + gauge)).collect()
}

fn dot(u: &[f64], v: &[f64]) -> f64 {
    u.iter().zip(v).map(|(u, v)| u * v).sum()
}

fn magnitude(u: &[f64], v: &[f64]) -> f64 {
    u.iter().zip(v).map(|(u, v)| (u * v).abs()).sum()
}

/// One example of a random net: what is to be differentiated, and two directions.
#[derive(Clone, Debug)]
struct Case {
    dims: Dims,
    theta: Vec<f64>,
    x: Vec<f64>,
    shares: Vec<f64>,
    kink: Kink,
    u: Vec<f64>,
    v: Vec<f64>,
}

impl Case {
    fn first(&self) -> First<f64> {
        First::new(self.dims, &self.theta, &self.x, &self.shares, self.kink)
    }

    fn s(&self) -> f64 {
        self.shares.iter().sum()
    }

    fn hessian_vector(&self, at: &First<f64>, direction: &[f64]) -> Second<f64> {
        hessian_vector(self.dims, &self.theta, direction, &self.x, at, self.s(), self.kink)
    }

    fn gauge(&self, at: &First<f64>, direction: &[f64]) -> Second<f64> {
        gauge(self.dims, &self.theta, direction, &self.x, at, self.s(), self.kink)
    }

    fn unit(&self, i: usize) -> Vec<f64> {
        (0..self.theta.len()).map(|k| if k == i { 1.0 } else { 0.0 }).collect()
    }
}

/// Each example of a random problem, hard ones among them: pre-activations at the kink, ties, spreads beyond exp's range.
fn cases() -> impl Strategy<Value = Vec<Case>> {
    (strategies::problems::<f64>(strategies::dims(7), 3), any::<u64>()).prop_map(|(problem, seed)| {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (m, c) = (problem.dims.inputs(), problem.dims.classes());
        let mut case = |(x, &y): (&[f64], &usize)| {
            let mut sixteenths = |len: usize| (0..len).map(|_| f64::from(rng.i32(-31..32)) / 16.0).collect();
            let (u, v): (Vec<f64>, Vec<f64>) =
                (sixteenths(problem.theta.len()), sixteenths(problem.theta.len()));
            let q: Vec<f64> = (0..c).map(|j| if j == y { 1.0 } else { 0.0 }).collect();
            let weights: Vec<f64> = (0..c).map(|_| f64::from(rng.i32(1..9)) / 4.0).collect();
            let mut shares = q.clone();
            if rng.bool() {
                d::target_shares(&q, &weights, 0.125, &mut shares).unwrap();
            }
            let kink = if rng.bool() { Kink::One } else { Kink::Zero };
            Case { dims: problem.dims, theta: problem.theta.clone(), x: x.to_vec(), shares, kink, u, v }
        };
        problem.x.chunks_exact(m).zip(&problem.labels).map(&mut case).collect()
    })
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    /// (25) to (29) are the derivatives of (2), (3), (21), (14), (12) and (13).
    #[test]
    fn products_are_derivatives_by_dual_numbers(cases in cases()) {
        for case in cases {
            let at = case.first();
            let (got, gauge) = (case.hessian_vector(&at, &case.v), case.gauge(&at, &case.v));
            let along: Vec<_> = case.theta.iter().zip(&case.v).map(|(&re, &du)| Dual::new(re, du)).collect();
            let constant = |values: &[f64]| values.iter().map(|&v| Dual::constant(v)).collect::<Vec<_>>();
            let dual = First::of_duals(case.dims, &along, &constant(&case.x), &at, case.s(), case.kink);
            let slopes = |values: &[Dual<f64>]| values.iter().map(|v| v.du).collect::<Vec<_>>();
            let terms = terms(case.dims);
            for (what, got, dual, gauge) in [
                ("a'", &got.a, &dual.a, &gauge.a),
                ("f'", &got.f, &dual.f, &gauge.f),
                ("g'", &got.g, &dual.g, &gauge.g),
                ("d'", &got.d, &dual.d, &gauge.d),
                ("H v", &got.product, &dual.grad(&constant(&case.x)), &gauge.product),
            ] {
                assert_within(what, got, &slopes(dual), &bounds::<f64>(terms, gauge));
            }
        }
    }

    /// (30) are inner products with the products of (29); H is symmetric, and so is Gauss-Newton, which is also nowhere negative.
    #[test]
    fn along_a_direction(cases in cases()) {
        for case in cases {
            let (at, terms) = (case.first(), terms(case.dims) + case.theta.len() as f64);
            let along_v = case.hessian_vector(&at, &case.v);
            let (v2, gauge) = (blocks(case.dims, &case.v)[2], case.gauge(&at, &case.v));
            let got = d::directional_curvature(&at.f, case.s(), &at.g, &along_v.f, v2, &along_v.a).unwrap();
            let curved = gauss_newton(case.dims, &case.theta, &case.x, &at, &along_v, case.kink);
            let within = |what: &str, got: f64, expected: f64, magnitude: f64| {
                assert_within(what, &[got], &[expected], &bounds::<f64>(terms, &[magnitude]));
            };
            let grad = at.grad(&case.x);
            within("slope", got.slope, dot(&case.v, &grad), magnitude(&case.v, &at.grad_gauge(case.dims, &case.theta, &case.x, case.kink)));
            let magnitude_v = magnitude(&case.v, &gauge.product);
            within("Gauss-Newton", got.gauss_newton, dot(&case.v, &curved), magnitude_v);
            within("Hessian", got.hessian, dot(&case.v, &along_v.product), magnitude_v);
            prop_assert!(got.gauss_newton >= 0.0);

            let along_u = case.hessian_vector(&at, &case.u);
            let gauge_u = magnitude(&case.v, &case.gauge(&at, &case.u).product);
            let both = magnitude(&case.u, &gauge.product) + gauge_u;
            within("symmetry", dot(&case.u, &along_v.product), dot(&case.v, &along_u.product), both);
            let curved_u = gauss_newton(case.dims, &case.theta, &case.x, &at, &along_u, case.kink);
            within("symmetry", dot(&case.u, &curved), dot(&case.v, &curved_u), both);
        }
    }

    /// (31), (32) are e_iᵀ H e_i for each parameter, and that of Gauss-Newton; the trace is their sum.
    #[test]
    fn diagonal_of_the_hessian(cases in cases()) {
        for case in cases {
            let (at, terms) = (case.first(), terms(case.dims));
            let [w1, b1, w2, b2] = nets::diagonal(case.dims, &case.theta, &case.x, &at, case.s(), case.kink);
            let trace = d::hessian_trace(&b2, &at.a, &b1, &case.x).unwrap();
            let diagonal = [w1, b1, w2, b2].concat();
            for (i, &got) in diagonal.iter().enumerate() {
                let along = case.hessian_vector(&at, &case.unit(i));
                let gauge = case.gauge(&at, &case.unit(i)).product[i];
                let curved = gauss_newton(case.dims, &case.theta, &case.x, &at, &along, case.kink);
                let bound = bounds::<f64>(terms, &[gauge]);
                assert_within("of H", &[got], &[along.product[i]], &bound);
                assert_within("of Gauss-Newton", &[got], &[curved[i]], &bound);
                prop_assert!(got >= 0.0);
            }
            let sum = diagonal.iter().sum();
            assert_within("trace", &[trace], &[sum], &bounds::<f64>(diagonal.len() as f64 + terms, &[sum]));
        }
    }

    /// (33) is what (27) does to scores one by one, (34) what (25) to (28) do to pre-activations.
    #[test]
    fn blocks_by_scores_and_preactivations(cases in cases()) {
        for case in cases {
            let (at, s, terms) = (case.first(), case.s(), terms(case.dims));
            let (h, c, w2) = (case.dims.hidden(), case.dims.classes(), blocks(case.dims, &case.theta)[2]);
            let (mut by_scores, mut by_hidden) = (vec![f64::NAN; c * c], vec![f64::NAN; h * h]);
            d::score_hessian(&at.f, s, &mut by_scores).unwrap();
            d::hidden_hessian(&at.f, s, &at.z, w2, case.kink, &mut by_hidden).unwrap();
            for k in 0..c {
                let mut column = vec![f64::NAN; c];
                d::score_grad_tangent(&at.f, s, &nets::unit(c, k), &mut column).unwrap();
                let row = &by_scores[k * c..][..c];
                // Seen from the leader, 1 - p_lead of a sum may be left of 1: p_lead is at least 1/C.
                let gauge: Vec<f64> = row.iter().map(|value| c as f64 * value.abs()).collect();
                assert_within("(33)", row, &column, &bounds::<f64>(terms, &gauge));
                let magnitude = row.iter().map(|value| value.abs()).sum();
                assert_within("sum of a row", &[row.iter().sum()], &[0.0], &bounds::<f64>(terms, &[magnitude]));
            }
            for i in 0..h {
                let mut unit = vec![0.0; case.theta.len()];
                unit[h * case.dims.inputs() + i] = 1.0;
                let (column, gauge) = (case.hessian_vector(&at, &unit).d, case.gauge(&at, &unit).d);
                assert_within("(34)", &by_hidden[i * h..][..h], &column, &bounds::<f64>(terms, &gauge));
            }
            let at = |matrix: &[f64], size: usize, i: usize, j: usize| matrix[i * size + j].to_bits();
            prop_assert!((0..c * c).all(|i| at(&by_scores, c, i / c, i % c) == at(&by_scores, c, i % c, i / c)));
            prop_assert!((0..h * h).all(|i| at(&by_hidden, h, i / h, i % h) == at(&by_hidden, h, i % h, i / h)));
        }
    }
}

/// All results of the vectors, summed over their examples as (22) and (35) say.
fn vectors_within_the_bound<T: Element>() {
    let mut worst = 0.0;
    for vector in second_order::all() {
        let terms = terms(vector.dims) + vector.n as f64;
        for (what, got, expected, gauge) in sums::evaluate::<T>(&vector) {
            let bound: Vec<f64> = bounds::<T>(terms, &gauge);
            let got: Vec<f64> = got.iter().map(|got| got.value()).collect();
            let share = assert_within(&format!("{}: {what}", vector.name), &got, expected, &bound);
            println!("{} {}: {what}: {share:.3} of the bound", std::any::type_name::<T>(), vector.name);
            worst = f64::max(worst, share);
        }
    }
    println!("worst: {worst:.3}");
}

#[test]
fn derivatives_of_the_loss_itself() {
    vectors_within_the_bound::<f64>();
    vectors_within_the_bound::<f32>();
}

/// Where a class leads, all that is left is a difference to it. The scores and tangents of these nets are exact in f32, so
/// each g' has the relative accuracy of p and of u_c - mu, and k_j, of squares, full relative accuracy.
#[test]
fn f32_keeps_its_digits_where_a_class_leads() {
    let leads = ["lead_5", "lead_10", "lead_14", "lead_30", "lead_40"];
    let vectors = second_order::all().into_iter().filter(|vector| leads.contains(&vector.name.as_str()));
    let mut seen = 0;
    for vector in vectors {
        let (h, c) = (vector.dims.hidden(), vector.dims.classes());
        let (mut worst_g, mut worst_k) = (0.0, 0.0);
        for i in 0..vector.n {
            let got = sums::single::<f32>(&vector, i);
            let exact_f = &vector.expected.scores[i * c..][..c];
            assert!(got.f.iter().zip(exact_f).all(|(got, exact)| f64::from(*got) == *exact), "exact scores");
            let exact = &vector.expected.score_grad_tangents[i * c..][..c];
            let exact_k = &vector.expected.hidden_diagonals[i * h..][..h];
            let gauge = nets::score_grad_gauge(exact_f, got.s, &vector.expected.score_tangents[i * c..][..c]);
            // exp, a division and the products around it; the sum of C terms in p, and the mean of C terms.
            let units = (4 + c) as f64 * f64::from(f32::EPSILON) / 2.0;
            let bound: Vec<f64> = gauge.iter().map(|gauge| units * gauge).collect();
            worst_g = f64::max(worst_g, assert_within(&vector.name, &split(&got.g_tangent), exact, &bound));
            let bound: Vec<f64> = exact_k.iter().map(|exact| 2.0 * units * exact).collect();
            worst_k = f64::max(worst_k, assert_within(&vector.name, &split(&got.k), exact_k, &bound));
        }
        println!("{}: {worst_g:.2} and {worst_k:.2} of the bounds", vector.name);
        seen += 1;
    }
    assert_eq!(seen, leads.len());
}

/// What the tangents of all scores, or all rows of W2, have in common is no difference: as long as it is added without
/// rounding, (27), (30), (32) and (34) do not change by a bit.
#[test]
fn what_classes_have_in_common_changes_no_bit() {
    let (h, c) = (3, 5);
    let mut rng = fastrand::Rng::with_seed(4);
    let mut grid = |len: usize| (0..len).map(|_| rng.i32(-64..65) as f32 / 64.0).collect::<Vec<_>>();
    for lead in [0.0, 3.0, 10.0, 30.0] {
        let (mut f, tangent, w2, z) = (grid(c), grid(c), grid(c * h), vec![1.0; h]);
        f[2] += lead;
        let results = |common: f32| {
            let shifted = |values: &[f32]| values.iter().map(|v| v + common).collect::<Vec<_>>();
            let (tangent, w2) = (shifted(&tangent), shifted(&w2));
            let (mut g, mut k, mut block) = (vec![f32::NAN; c], vec![f32::NAN; h], vec![f32::NAN; h * h]);
            d::score_grad_tangent(&f, 1.5, &tangent, &mut g).unwrap();
            d::hidden_diagonal(&f, 1.5, &z, &w2, Kink::One, &mut k).unwrap();
            d::hidden_hessian(&f, 1.5, &z, &w2, Kink::One, &mut block).unwrap();
            let (none, v2) = (vec![0.0; c], vec![0.0; c * h]);
            let along = d::directional_curvature(&f, 1.5, &none, &tangent, &v2, &z).unwrap();
            [g, k, block, vec![along.gauss_newton]].concat()
        };
        let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        let (without, with) = (results(0.0), results(4096.0));
        assert!(without.iter().all(|value| value.is_finite() && *value != 0.0));
        assert_eq!(bits(without), bits(with));
    }
}
