//! Promise: a dual number has the value that T has and its exact derivative: each function against its closed
//! form, against central differences and against the crate autodiff, and the loss against its gradient.

use crate::support::Problem;
use autodiff::F1;
use handgrad::gradcheck::Dual;
use handgrad::{Batch, MatMut, MatRef, Params, ParamsMut, Pass};
use num_traits::{Float, One, Zero};
use proptest::prelude::*;
use twofloat::TwoFloat;

type D = Dual<f64>;
type DD = Dual<D>;

/// A function of one number, in three types, the range to test it on and its slope.
type Unary = (&'static str, [f64; 2], fn(f64) -> f64, fn(D) -> D, fn(F1) -> F1, fn(f64) -> f64);

const LN_2: f64 = std::f64::consts::LN_2;
const LN_10: f64 = std::f64::consts::LN_10;

fn unary() -> Vec<Unary> {
    vec![
        ("neg", [-3.0, 3.0], |x| -x, |x| -x, |x| -x, |_| -1.0),
        ("recip", [0.2, 4.0], Float::recip, Float::recip, Float::recip, |x| -1.0 / (x * x)),
        ("recip, negative", [-4.0, -0.2], Float::recip, Float::recip, Float::recip, |x| -1.0 / (x * x)),
        ("powi(0)", [-3.0, 3.0], |x| x.powi(0), |x| x.powi(0), |x| x.powi(0), |_| 0.0),
        ("powi(1)", [-3.0, 3.0], |x| x.powi(1), |x| x.powi(1), |x| x.powi(1), |_| 1.0),
        ("powi(5)", [-3.0, 3.0], |x| x.powi(5), |x| x.powi(5), |x| x.powi(5), |x| 5.0 * x * x * x * x),
        ("powi(-3)", [0.5, 3.0], |x| x.powi(-3), |x| x.powi(-3), |x| x.powi(-3), |x| -3.0 / (x * x * x * x)),
        ("powf(3)", [-3.0, -0.5], cubed, cubed, cubed, |x| 3.0 * x * x),
        ("sqrt", [0.1, 9.0], Float::sqrt, Float::sqrt, Float::sqrt, |x| 0.5 / x.sqrt()),
        ("cbrt", [-9.0, -0.1], Float::cbrt, Float::cbrt, Float::cbrt, |x| x.cbrt() / (3.0 * x)),
        ("exp", [-5.0, 5.0], Float::exp, Float::exp, Float::exp, f64::exp),
        ("exp2", [-5.0, 5.0], Float::exp2, Float::exp2, Float::exp2, |x| LN_2 * (x * LN_2).exp()),
        ("exp_m1", [-5.0, 5.0], Float::exp_m1, Float::exp_m1, Float::exp_m1, f64::exp),
        ("ln", [0.1, 9.0], Float::ln, Float::ln, Float::ln, |x| 1.0 / x),
        ("ln_1p", [-0.9, 9.0], Float::ln_1p, Float::ln_1p, Float::ln_1p, |x| 1.0 / (1.0 + x)),
        ("log2", [0.1, 9.0], Float::log2, Float::log2, Float::log2, |x| 1.0 / (x * LN_2)),
        ("log10", [0.1, 9.0], Float::log10, Float::log10, Float::log10, |x| 1.0 / (x * LN_10)),
        ("sin", [-7.0, 7.0], Float::sin, Float::sin, Float::sin, f64::cos),
        ("cos", [-7.0, 7.0], Float::cos, Float::cos, Float::cos, |x| -x.sin()),
        ("sin_cos.0", [-7.0, 7.0], |x| x.sin_cos().0, |x| x.sin_cos().0, |x| x.sin_cos().0, f64::cos),
        ("sin_cos.1", [-7.0, 7.0], |x| x.sin_cos().1, |x| x.sin_cos().1, |x| x.sin_cos().1, |x| -x.sin()),
        ("tan", [-1.3, 1.3], Float::tan, Float::tan, Float::tan, |x| x.cos().powi(-2)),
        ("asin", [-0.9, 0.9], Float::asin, Float::asin, Float::asin, |x| 1.0 / (1.0 - x * x).sqrt()),
        ("acos", [-0.9, 0.9], Float::acos, Float::acos, Float::acos, |x| -1.0 / (1.0 - x * x).sqrt()),
        ("atan", [-5.0, 5.0], Float::atan, Float::atan, Float::atan, |x| 1.0 / (1.0 + x * x)),
        ("to_degrees", [-5.0, 5.0], Float::to_degrees, Float::to_degrees, Float::to_degrees, |_| {
            1f64.to_degrees()
        }),
        ("to_radians", [-5.0, 5.0], Float::to_radians, Float::to_radians, Float::to_radians, |_| {
            1f64.to_radians()
        }),
        ("sinh", [-3.0, 3.0], Float::sinh, Float::sinh, Float::sinh, f64::cosh),
        ("cosh", [-3.0, 3.0], Float::cosh, Float::cosh, Float::cosh, f64::sinh),
        ("tanh", [-2.0, 2.0], Float::tanh, Float::tanh, Float::tanh, |x| 1.0 - x.tanh() * x.tanh()),
        ("asinh", [-5.0, 5.0], Float::asinh, Float::asinh, Float::asinh, |x| 1.0 / (x * x + 1.0).sqrt()),
        ("acosh", [1.1, 5.0], Float::acosh, Float::acosh, Float::acosh, |x| 1.0 / (x * x - 1.0).sqrt()),
        ("atanh", [-0.9, 0.9], Float::atanh, Float::atanh, Float::atanh, |x| 1.0 / (1.0 - x * x)),
        ("abs", [-3.0, -0.1], Float::abs, Float::abs, Float::abs, |_| -1.0),
        ("fract", [-2.9, -2.1], Float::fract, Float::fract, Float::fract, |_| 1.0),
        ("floor", [-2.9, -2.1], Float::floor, Float::floor, Float::floor, |_| 0.0),
        ("ceil", [-2.9, -2.1], Float::ceil, Float::ceil, Float::ceil, |_| 0.0),
        ("round", [-2.4, -1.6], Float::round, Float::round, Float::round, |_| 0.0),
        ("trunc", [-2.9, -2.1], Float::trunc, Float::trunc, Float::trunc, |_| 0.0),
        ("signum", [-2.9, -0.1], Float::signum, Float::signum, Float::signum, |_| 0.0),
    ]
}

fn number<T: Float>(value: f64) -> T {
    T::from(value).unwrap()
}

fn cubed<T: Float>(x: T) -> T {
    x.powf(number(3.0))
}

/// A function of two numbers, in three types, the ranges to test it on and its partial derivatives.
type Binary = (
    &'static str,
    [[f64; 2]; 2],
    fn(f64, f64) -> f64,
    fn(D, D) -> D,
    fn(F1, F1) -> F1,
    fn(f64, f64) -> (f64, f64),
);

fn binary() -> Vec<Binary> {
    let wide = [[-3.0, 3.0], [-3.0, 3.0]];
    let right = [[-3.0, 3.0], [0.5, 3.0]];
    let left = [[-3.0, 3.0], [-3.0, -0.5]];
    let first_larger = [[1.0, 2.0], [-1.0, 0.9]];
    vec![
        ("+", wide, |x, y| x + y, |x, y| x + y, |x, y| x + y, |_, _| (1.0, 1.0)),
        ("-", wide, |x, y| x - y, |x, y| x - y, |x, y| x - y, |_, _| (1.0, -1.0)),
        ("*", wide, |x, y| x * y, |x, y| x * y, |x, y| x * y, |x, y| (y, x)),
        ("/", left, |x, y| x / y, |x, y| x / y, |x, y| x / y, |x, y| (1.0 / y, -x / (y * y))),
        ("%", [[5.2, 5.8], [2.1, 2.4]], |x, y| x % y, |x, y| x % y, |x, y| x % y, |_, _| (1.0, -2.0)),
        (
            "%, negative",
            [[-5.8, -5.2], [2.1, 2.4]],
            |x, y| x % y,
            |x, y| x % y,
            |x, y| x % y,
            |_, _| (1.0, 2.0),
        ),
        ("powf", [[0.3, 3.0], [-3.0, 3.0]], Float::powf, Float::powf, Float::powf, |x, y| {
            (y * (x.ln() * (y - 1.0)).exp(), x.ln() * (x.ln() * y).exp())
        }),
        ("log", [[0.3, 5.0], [1.5, 5.0]], Float::log, Float::log, Float::log, |x, b| {
            (1.0 / (x * b.ln()), -x.ln() / (b * b.ln() * b.ln()))
        }),
        ("atan2, right", right, Float::atan2, Float::atan2, Float::atan2, angle_slopes),
        (
            "atan2, left, above",
            [[0.1, 3.0], [-3.0, -0.5]],
            Float::atan2,
            Float::atan2,
            Float::atan2,
            angle_slopes,
        ),
        ("atan2, above", [[0.5, 3.0], [-3.0, 3.0]], Float::atan2, Float::atan2, Float::atan2, angle_slopes),
        ("atan2, below", [[-3.0, -0.5], [-3.0, 3.0]], Float::atan2, Float::atan2, Float::atan2, angle_slopes),
        ("hypot", left, Float::hypot, Float::hypot, Float::hypot, |x, y| {
            (x / (x * x + y * y).sqrt(), y / (x * x + y * y).sqrt())
        }),
        ("max", first_larger, Float::max, Float::max, Float::max, |_, _| (1.0, 0.0)),
        ("min", first_larger, Float::min, Float::min, Float::min, |_, _| (0.0, 1.0)),
        ("abs_sub", first_larger, Float::abs_sub, Float::abs_sub, Float::abs_sub, |_, _| (1.0, -1.0)),
        ("abs_sub, 0", [[1.0, 2.0], [2.1, 3.0]], Float::abs_sub, Float::abs_sub, Float::abs_sub, |_, _| {
            (0.0, 0.0)
        }),
        (
            "copysign",
            [[0.1, 3.0], [-3.0, -0.1]],
            Float::copysign,
            Float::copysign,
            Float::copysign,
            |_, _| (-1.0, 0.0),
        ),
        (
            "mul_add",
            wide,
            |x, y| x.mul_add(y, x),
            |x, y| x.mul_add(y, x),
            |x, y| x.mul_add(y, x),
            |x, y| (y + 1.0, x),
        ),
        (
            "clamp, inside",
            first_larger,
            |x, y| x.clamp(y, 2.5),
            |x, y| x.clamp(y, D::constant(2.5)),
            |x, y| x.clamp(y, F1::cst(2.5)),
            |_, _| (1.0, 0.0),
        ),
        (
            "clamp, below",
            first_larger,
            |x, y| y.clamp(x, 2.5),
            |x, y| y.clamp(x, D::constant(2.5)),
            |x, y| y.clamp(x, F1::cst(2.5)),
            |_, _| (1.0, 0.0),
        ),
        (
            "clamp, above",
            first_larger,
            |x, y| x.clamp(-2.0, y),
            |x, y| x.clamp(D::constant(-2.0), y),
            |x, y| x.clamp(F1::cst(-2.0), y),
            |_, _| (0.0, 1.0),
        ),
    ]
}

fn angle_slopes(y: f64, x: f64) -> (f64, f64) {
    (x / (x * x + y * y), -y / (x * x + y * y))
}

/// The slope of f at 0 and the bound of its error. The difference quotient D(s) = (f(s) - f(-s)) / 2s is off
/// by c s² + O(s⁴): (4 D(s/2) - D(s)) / 3 is better, and |D(s/2) - D(s)| is safely above what it is off. The
/// values of f are rounded to 2 ulp at most, twice the half ulp of a good library: by (4 · 4 + 2) / 3 < 8 ulp
/// of the largest over s.
fn central_difference(f: impl Fn(f64) -> f64) -> (f64, f64) {
    let quotient = |s: f64| (f(s) - f(-s)) / (2.0 * s);
    let s = 1.0 / 1024.0;
    let (wide, narrow) = (quotient(s), quotient(s / 2.0));
    let largest = f(s).abs().max(f(-s).abs());
    ((4.0 * narrow - wide) / 3.0, (narrow - wide).abs() + 8.0 * f64::EPSILON * largest / s)
}

/// A point of a range, at a share of it: a multiple of 2^-20, so that steps of 2^-11 from it are exact.
fn point([from, to]: [f64; 2], share: f64) -> f64 {
    ((from + share * (to - from)) * 1048576.0).round() / 1048576.0
}

/// Of the same bits, but for those of NaN.
fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

/// The closed forms and ours are some five operations of an ulp each; the worst is 1 - x² on its way to a
/// result, which at |x| < 0.9 loses less than four bits.
const ROUNDING: f64 = 64.0 * f64::EPSILON;

/// autodiff has the textbook's forms, and 1 - tanh² at 2 loses a digit.
const ROUNDING_OF_AUTODIFF: f64 = 1e-13;

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn functions_of_one_number(share in 0.0..1.0f64, du in -2.0..2.0f64) {
        for (name, range, plain, dual, foreign, slope) in unary() {
            let x = point(range, share);
            let (got, expected) = (dual(D::new(x, du)).du, slope(x) * du);
            let bound = ROUNDING * expected.abs();
            prop_assert!((got - expected).abs() <= bound, "{name} at {x}: {got} {expected}");
            // autodiff hands the derivative through steps as they were: no witness there.
            if !["floor", "ceil", "round", "trunc"].contains(&name) {
                let foreign = foreign(F1::new(x, du)).dx;
                let bound = ROUNDING_OF_AUTODIFF * expected.abs();
                prop_assert!((got - foreign).abs() <= bound, "{name} at {x}: {got} autodiff {foreign}");
            }
            let (difference, bound) = central_difference(|s| plain(x + s));
            let got = dual(D::variable(x)).du;
            prop_assert!((got - difference).abs() <= bound, "{name} at {x}: {got} difference {difference}");
            prop_assert!(bound <= 1e-3 * (1.0 + got.abs()), "{name} at {x}: the bound {bound} says nothing");
        }
    }

    #[test]
    fn functions_of_two_numbers(shares: [u16; 2], du in -2.0..2.0f64, dv in -2.0..2.0f64) {
        let [share, other] = shares.map(|share| f64::from(share) / 65536.0);
        for (name, ranges, plain, dual, foreign, slopes) in binary() {
            let (x, y) = (point(ranges[0], share), point(ranges[1], other));
            let (by_x, by_y) = slopes(x, y);
            let (expected, scale) = (by_x * du + by_y * dv, (by_x * du).abs() + (by_y * dv).abs());
            let got = dual(D::new(x, du), D::new(y, dv)).du;
            let at = format!("{name} at {x}, {y}");
            prop_assert!((got - expected).abs() <= ROUNDING * scale, "{at}: {got} {expected}");
            let foreign = foreign(F1::new(x, du), F1::new(y, dv)).dx;
            let bound = ROUNDING_OF_AUTODIFF * scale;
            prop_assert!((got - foreign).abs() <= bound, "{at}: {got} autodiff {foreign}");
            for (a, b) in [(1.0, 0.0), (0.0, 1.0), (1.0, -1.0)] {
                let (difference, bound) = central_difference(|s| plain(x + a * s, y + b * s));
                let got = dual(D::new(x, a), D::new(y, b)).du;
                prop_assert!((got - difference).abs() <= bound, "{at}: {got} difference {difference}");
                prop_assert!(bound <= 1e-3 * (1.0 + got.abs()), "{at}: the bound {bound} says nothing");
            }
        }
    }

    /// At all numbers there are, NaN, infinities and outside the domain: the value is that of f64, and a
    /// constant stays one.
    #[test]
    fn values_and_constants(x in prop::num::f64::ANY, y in prop::num::f64::ANY, du in prop::num::f64::ANY) {
        for x in [x, y] {
            for (name, _, plain, dual, ..) in unary() {
                prop_assert!(same(dual(D::new(x, du)).re, plain(x)), "{name} of {x}");
                prop_assert_eq!(dual(D::constant(x)).du, 0.0, "{} of {}", name, x);
            }
        }
        for (x, y) in [(x, y), (y, x), (y, y)] {
            for (name, _, plain, dual, ..) in binary().into_iter().filter(|row| !row.0.contains("clamp")) {
                // The sign of the larger one of 0.0 and -0.0 is nobody's promise.
                let tie = x == y && ["max", "min"].contains(&name);
                let got = dual(D::new(x, du), D::new(y, 1.0)).re;
                prop_assert!(tie || same(got, plain(x, y)), "{name} of {x}, {y}: {got}");
                prop_assert_eq!(dual(D::constant(x), D::constant(y)).du, 0.0, "{} of {}, {}", name, x, y);
            }
        }
    }

}

/// f(x), f'(x), f"(x) by numbers that are dual twice.
fn twice(f: impl Fn(DD) -> DD, x: f64) -> [f64; 3] {
    let y = f(DD::new(D::variable(x), D::one()));
    assert_eq!(y.re.du, y.du.re, "the two first derivatives");
    [y.re.re, y.re.du, y.du.du]
}

#[test]
fn second_derivatives() {
    type Row = (&'static str, fn(DD) -> DD, fn(f64) -> f64);
    let rows: [Row; 14] = [
        ("recip", Float::recip, |x| 2.0 / (x * x * x)),
        ("1/x", |x| DD::one() / x, |x| 2.0 / (x * x * x)),
        ("powi", |x| x.powi(5), |x| 20.0 * x * x * x),
        ("powf", |x| x.powf(number(2.5)), |x| 3.75 * x.sqrt()),
        ("x^x", |x| x.powf(x), |x| x.powf(x) * ((x.ln() + 1.0).powi(2) + 1.0 / x)),
        ("sqrt", Float::sqrt, |x| -0.25 / (x * x.sqrt())),
        ("exp", Float::exp, f64::exp),
        ("ln", Float::ln, |x| -1.0 / (x * x)),
        ("sin", Float::sin, |x| -x.sin()),
        ("tan", Float::tan, |x| 2.0 * x.tan() / x.cos().powi(2)),
        ("atan", Float::atan, |x| -2.0 * x / (1.0 + x * x).powi(2)),
        ("tanh", Float::tanh, |x| -2.0 * x.tanh() / x.cosh().powi(2)),
        ("asinh", Float::asinh, |x| -x / (1.0 + x * x).powf(1.5)),
        ("hypot", |x| x.hypot(DD::one()), |x| (1.0 + x * x).powf(-1.5)),
    ];
    for (name, f, expected) in rows {
        for x in [0.25, 0.75, 1.25] {
            let (got, expected) = (twice(f, x)[2], expected(x));
            assert!((got - expected).abs() <= ROUNDING * expected.abs(), "{name} at {x}: {got} {expected}");
        }
    }
    // At 0 a first derivative is 0 that is not constant: it must not be taken for one.
    assert_eq!(twice(|x| x * x, 0.0), [0.0, 0.0, 2.0]);
    assert_eq!(twice(|x| (x * x).exp(), 0.0), [1.0, 0.0, 2.0]);
    assert_eq!(twice(|x| (x * x + DD::one()).ln(), 0.0), [0.0, 0.0, 2.0]);
    assert_eq!(twice(|x| x.powi(1), 0.0), [0.0, 1.0, 0.0]);
    assert_eq!(twice(|x| x.powi(2), 0.0), [0.0, 0.0, 2.0]);
    assert_eq!(twice(|x| x.powf(number(2.0)), 0.0), [0.0, 0.0, 2.0]);
    assert_eq!(twice(|x| x + DD::zero().sqrt(), 3.0), [3.0, 1.0, 0.0]);
    assert_eq!(twice(|x| (x * x).sqrt(), 0.0)[2], f64::INFINITY);
}

/// The derivative has the precision of its type: x⁵ in double-doubles, which f64 cannot hold; and in f32.
#[test]
fn other_types() {
    let x = TwoFloat::from(1.0) / TwoFloat::from(3.0);
    let slope = TwoFloat::from(5.0) * x * x * x * x;
    let y = Dual::variable(x);
    for got in [y.powi(5).du, (y * y * y * y * y).du, (y.powi(7) / y.powi(2)).du] {
        // A quotient of double-doubles is good to 2^-53 only.
        assert!(f64::from(got - slope).abs() <= f64::EPSILON * f64::from(slope));
    }
    assert!(f64::from(y.powi(5).du - slope).abs() <= 1e-30);
    assert_eq!(Dual::constant(TwoFloat::from(0.0)).sqrt().du, TwoFloat::from(0.0));
    assert_eq!(Dual::variable(0.5f32).exp().du, 0.5f32.exp());
    assert_eq!(Dual::variable(0.25f32).sqrt().du, 1.0);
}

/// One evaluation of the loss gives the slope along a direction of all parameters and inputs: the inner
/// product of that direction with the gradient.
#[test]
fn loss_has_the_directional_derivative() {
    for (seed, shape) in [(1, 1, 2, 1), (3, 5, 4, 7), (7, 11, 5, 3), (5, 2, 3, 300)].into_iter().enumerate() {
        let Problem { dims, n, theta, x, labels, .. } = Problem::random(seed as u64, shape);
        let (mut grad, mut dx) = (vec![0.0; dims.param_len()], vec![0.0; x.len()]);
        let batch = Batch::new(MatRef::new(&x, n, dims.inputs()).unwrap(), &labels).unwrap();
        let loss = Pass::new(Params::from_flat(dims, &theta).unwrap(), batch)
            .grad(ParamsMut::from_flat(dims, &mut grad).unwrap())
            .input_grad(MatMut::new(&mut dx, n, dims.inputs()).unwrap())
            .run(&mut vec![0.0; dims.scratch_len(n)])
            .unwrap();

        let mut rng = fastrand::Rng::with_seed(seed as u64);
        let mut expected = 0.0;
        let mut dual = |values: &[f64], grad: &[f64]| -> Vec<D> {
            let direction: Vec<f64> = values.iter().map(|_| 2.0 * rng.f64() - 1.0).collect();
            expected += direction.iter().zip(grad).map(|(v, g)| v * g).sum::<f64>();
            values.iter().zip(direction).map(|(&value, v)| D::new(value, v)).collect()
        };
        let (theta, x) = (dual(&theta, &grad), dual(&x, &dx));
        let batch = Batch::new(MatRef::new(&x, n, dims.inputs()).unwrap(), &labels).unwrap();
        let params = Params::from_flat(dims, &theta).unwrap();
        let got = handgrad::loss(params, batch, &mut vec![D::nan(); dims.scratch_len(n)]).unwrap();
        assert!((got.re - loss).abs() <= 1e-12 * loss);
        assert!((got.du - expected).abs() <= 1e-12 * expected.abs(), "{shape:?}: {} {expected}", got.du);
        assert!(expected.abs() > 1e-6, "{shape:?}: nothing to see");
    }
}
