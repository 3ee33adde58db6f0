//! Zeros are left out of the products of second order as of those of the gradient: with the bits of all terms, and NaN and
//! infinities go where 0 times them says.

use handgrad::curvature::{Tangents, scratch_len, tangent};
use handgrad::{Dims, Engine, Kink, MatMut};

use super::case::{Case, Random, engines};
use super::product;
use crate::second_order::nets::{First, hessian_vector};

/// Sizes with which zeros pay, and short ones.
const SIZES: [(usize, usize, usize, usize); 4] =
    [(64, 128, 60, 300), (300, 64, 10, 160), (784, 128, 10, 128), (7, 11, 5, 24)];

fn sparse(seed: u64, sizes: (usize, usize, usize, usize)) -> Case<f64> {
    let (mut case, mut random) = (Case::new(seed, sizes), Random::new(seed + 50));
    case.x.iter_mut().for_each(|x| *x = if random.below(20) > 0 { 0.0 } else { *x });
    case
}

/// J v, and the sums along v.
fn along(case: &Case<f64>) -> Vec<f64> {
    let (n, c) = (case.n, case.dims.classes());
    let mut scores = vec![f64::NAN; n * c];
    let out = Tangents { scores: Some(MatMut::new(&mut scores, n, c).unwrap()), ..Tangents::default() };
    let scratch = &mut vec![f64::NAN; scratch_len(case.dims, n, 1)];
    let all = tangent(case.pass(), case.v(), out, scratch).unwrap();
    scores.extend([all.slope, all.gauss_newton, all.hessian]);
    scores
}

/// Whether zeros of X pay is decided by a sample of all examples. Of what is excluded nothing else is read: whether that is
/// zeros or not makes the difference between the two ways, and nothing but that.
#[test]
fn the_zeros_of_inputs_change_no_bit() {
    for (seed, sizes) in SIZES.into_iter().enumerate() {
        let mut case = sparse(seed as u64, sizes);
        let m = case.dims.inputs();
        let counts = |i: usize| i % 8 == 3;
        case.example_weights = Some((0..case.n).map(|i| f64::from(u8::from(counts(i)))).collect());
        let with = |fill: &dyn Fn(usize) -> f64| {
            let mut case = case.clone();
            let rows = case.x.chunks_mut(m).enumerate().filter(|(i, _)| !counts(*i));
            rows.for_each(|(_, row)| row.iter_mut().enumerate().for_each(|(k, x)| *x = fill(k)));
            case
        };
        let (blank, dense) = (with(&|_| 0.0), with(&|k| 0.25 + (k % 5) as f64));
        for hessian in [true, false] {
            let [blank, dense] = [&blank, &dense].map(|case| product(case, case.pass(), hessian));
            assert_eq!(blank, dense, "{sizes:?}");
            assert!(blank.1.iter().any(|x| *x != 0.0));
        }
        let c = case.dims.classes();
        let [blank, dense] = [&blank, &dense].map(|case| {
            let all = along(case);
            let (scores, sums) = all.split_at(case.n * c);
            let of_counted = scores.chunks(c).enumerate().filter(|(i, _)| counts(*i));
            [of_counted.flat_map(|(_, row)| row.to_vec()).collect(), sums.to_vec()].concat()
        });
        assert_eq!(blank, dense, "{sizes:?}");
    }
}

/// What three of four units hold that have no part in anything of the others.
#[derive(Clone, Copy, Debug)]
enum Idle {
    A,
    Tangents,
    HiddenGrads,
}

impl Idle {
    fn has(unit: usize) -> bool {
        unit % 4 > 0
    }

    /// These units hold zeros, or other numbers: in A by their bias, in A' and D' by the convention for z = 0, where they are.
    fn put(self, case: &Case<f64>, zeros: bool) -> Case<f64> {
        let mut case = case.clone();
        let (m, h, c) = (case.dims.inputs(), case.dims.hidden(), case.dims.classes());
        case.kink = if zeros { Kink::Zero } else { Kink::One };
        for unit in (0..h).filter(|unit| Self::has(*unit)) {
            let (row, bias) = (unit * m..unit * m + m, h * m + unit);
            let column = || (0..c).map(|class| h * m + h + class * h + unit);
            case.theta[row.clone()].fill(0.0);
            case.theta[bias] = match self {
                Self::A => [1.0, -1.0][usize::from(zeros)],
                _ => 0.0,
            };
            if !matches!(self, Self::Tangents) {
                case.direction[row].fill(0.0);
                case.direction[bias] = 0.0;
            }
            if !matches!(self, Self::HiddenGrads) {
                column().for_each(|at| (case.theta[at], case.direction[at]) = (0.0, 0.0));
            }
        }
        case
    }

    /// Of a product what is not theirs.
    fn without(dims: Dims, product: &[f64]) -> Vec<f64> {
        let (m, h) = (dims.inputs(), dims.hidden());
        let unit = |at: usize| match at {
            at if at < h * m => at / m,
            at if at < h * m + h + dims.classes() * h => (at - h * m) % h,
            _ => 0,
        };
        let others = product.iter().enumerate().filter(|(at, _)| !Self::has(unit(*at)));
        others.map(|(_, x)| *x).collect()
    }
}

/// Nor do those of A, A' and D': whether they are left out is decided by how many there are. Here it is units without a part in
/// the others' numbers that have them or not.
#[test]
fn the_zeros_of_hidden_units_change_no_bit() {
    for (seed, sizes) in SIZES.into_iter().enumerate() {
        for idle in [Idle::A, Idle::Tangents, Idle::HiddenGrads] {
            let case = Case::new(seed as u64, sizes);
            let cases = [true, false].map(|zeros| idle.put(&case, zeros));
            for engine in [Engine::Builtin, Engine::Portable] {
                for hessian in [true, false] {
                    let [blank, dense] = cases.each_ref().map(|case| {
                        let (loss, product) = product(case, case.pass().engine(engine), hessian);
                        (loss, Idle::without(case.dims, &product))
                    });
                    assert_eq!(blank, dense, "{sizes:?}, {idle:?}, {hessian}");
                    assert!(blank.1.iter().filter(|x| **x != 0.0).count() > blank.1.len() / 2);
                }
            }
            let [blank, dense] = cases.each_ref().map(along);
            assert_eq!(blank, dense, "{sizes:?}, {idle:?}");
        }
    }
}

/// (25) to (29) by plain loops, of a plain objective.
fn by_plain_loops(case: &Case<f64>) -> (Vec<f64>, Vec<f64>) {
    let (m, c) = (case.dims.inputs(), case.dims.classes());
    let (mut scores, mut sum) = (vec![], vec![0.0; case.dims.param_len()]);
    for (x, &label) in case.x.chunks(m).zip(&case.labels) {
        let shares: Vec<f64> = (0..c).map(|class| f64::from(u8::from(class == label))).collect();
        let at = First::new(case.dims, &case.theta, x, &shares, case.kink);
        let of_one = hessian_vector(case.dims, &case.theta, &case.direction, x, &at, 1.0, case.kink);
        scores.extend(of_one.f);
        sum.iter_mut().zip(of_one.product).for_each(|(sum, x)| *sum += x / case.n as f64);
    }
    (scores, sum)
}

fn assert_same_kinds(what: &dyn std::fmt::Debug, got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        let same = got.is_nan() == expected.is_nan() && got.is_finite() == expected.is_finite();
        assert!(same, "{what:?}[{i}]: {got}, expected {expected}");
    }
}

#[test]
fn nan_and_infinities_go_where_plain_products_have_them() {
    for (seed, sizes @ (m, h, c, n)) in
        [(64, 128, 60, 70), (7, 11, 5, 24), (3, 5, 4, 2)].into_iter().enumerate()
    {
        let at = [0, h * m, h * m + h, h * m + h + c * h];
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for (block, where_) in ["V1", "v1", "V2", "v2", "W2"].into_iter().enumerate() {
                let mut case = sparse(seed as u64, sizes);
                case.kink = [Kink::One, Kink::Zero][(seed + block) % 2];
                // An input that all examples have 0 of, a unit that is active for none but the first, one that is for all.
                (0..n).for_each(|i| case.x[i * m + 1] = 0.0);
                case.theta[h * m + 2] = -1e3;
                case.theta[2 * m] = 2e3;
                case.theta[h * m + 3] = 10.0;
                case.x.iter_mut().step_by(m).for_each(|x| *x = 0.0);
                case.x[0] = 1.0;
                match block {
                    0 => case.direction[3 * m + 1] = bad,
                    1 => case.direction[at[1] + 3] = bad,
                    2 => case.direction[at[2] + h + 2] = bad,
                    3 => case.direction[at[3] + 1] = bad,
                    _ => case.theta[at[2] + h + 2] = bad,
                }
                let (scores, expected) = by_plain_loops(&case);
                assert!(expected.iter().any(|x| !x.is_finite()), "{where_} of {bad} reaches H v");
                for (name, engine) in engines() {
                    let what = (sizes, bad, where_, name);
                    assert_same_kinds(&what, &product(&case, case.pass().engine(engine), true).1, &expected);
                }
                let got = along(&case);
                assert_same_kinds(&(sizes, bad, where_, "J v"), &got[..n * c], &scores);
            }
        }
    }
}
