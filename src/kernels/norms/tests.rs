//! Norms, gradients and inner products, against the gradient written out.

use num_traits::Float;

use super::{ExampleFactors, dot, dot_rows, grad_inner_product, inner_product, sum_of_squares};
use crate::data::MatRef;
use crate::kernels::scaled::Scaled;
use crate::simd::Simd;
use crate::simd::tests::{Check, number, on_each_set};

/// Runs a check for f32 and f64 on each set.
trait EachType {
    fn check_type<T: Float + core::fmt::Debug, S: Simd<T>>(name: &str, set: S);
}

struct Each<C>(C);

impl<C: EachType> Check for Each<C> {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S) {
        C::check_type::<f32, S>(name, *set);
        C::check_type::<f64, S>(name, *set);
    }
}

/// Integers from -3 to 3: sums and products of some of them are exact in every type.
fn integer<T: Float>(i: usize) -> T {
    T::from((i * 7919 % 1013 % 7) as f64 - 3.0).unwrap()
}

/// The factors of three examples, with something that is not a number between the rows of G, D and A.
struct Factors<T> {
    inputs: usize,
    hidden: usize,
    classes: usize,
    g: Vec<T>,
    d: Vec<T>,
    a: Vec<T>,
    x: Vec<T>,
}

const EXAMPLES: usize = 3;
const G_STRIDE: usize = EXAMPLES + 2;

impl<T: Float> Factors<T> {
    fn new(inputs: usize, hidden: usize, classes: usize, value: impl Fn(usize) -> T) -> Self {
        let spread = |rows: usize, len: usize, stride: usize, from: usize| {
            let element = |i: usize| {
                if i % stride < len { value(from + i / stride * len + i % stride) } else { T::nan() }
            };
            (0..rows * stride).map(element).collect::<Vec<_>>()
        };
        Self {
            inputs,
            hidden,
            classes,
            g: spread(classes, EXAMPLES, G_STRIDE, 11),
            d: spread(EXAMPLES, hidden, hidden + 3, 501),
            a: spread(EXAMPLES, hidden, hidden + 3, 1009),
            x: spread(EXAMPLES, inputs, inputs, 2003),
        }
    }

    fn borrow(&mut self) -> ExampleFactors<'_, T> {
        ExampleFactors {
            g: &mut self.g,
            g_stride: G_STRIDE,
            d: &mut self.d,
            a: &self.a,
            hidden: self.hidden,
            stride: self.hidden + 3,
            x: MatRef::new(&self.x, EXAMPLES, self.inputs).unwrap().into(),
            unit: 0,
        }
    }

    /// (12) to (15) of example i times n, from the indices of each parameter.
    fn gradient(&self, i: usize, n: f64) -> Vec<f64> {
        let f64 = |value: T| value.to_f64().unwrap();
        let d = |j: usize| n * f64(self.d[i * (self.hidden + 3) + j]);
        let g = |k: usize| n * f64(self.g[k * G_STRIDE + i]);
        let a = |j: usize| f64(self.a[i * (self.hidden + 3) + j]);
        let x = |p: usize| f64(self.x[i * self.inputs + p]);
        let mut gradient = Vec::new();
        (0..self.hidden * self.inputs).for_each(|e| gradient.push(d(e / self.inputs) * x(e % self.inputs)));
        (0..self.hidden).for_each(|j| gradient.push(d(j)));
        (0..self.classes * self.hidden).for_each(|e| gradient.push(g(e / self.hidden) * a(e % self.hidden)));
        (0..self.classes).for_each(|k| gradient.push(g(k)));
        gradient
    }
}

struct Norms;

impl EachType for Norms {
    fn check_type<T: Float, S: Simd<T>>(name: &str, set: S) {
        for (m, h, c) in [(1, 1, 1), (5, 3, 4), (64, 67, 10), (130, 64, 3), (9, 259, 70)] {
            let mut factors = Factors::<T>::new(m, h, c, number);
            for (i, unit) in [(0, 0), (1, 0), (2, 3)] {
                let n = f64::from(1 << unit);
                let exact = factors.gradient(i, n).iter().map(|g| g * g).sum::<f64>().sqrt();
                let in_units = ExampleFactors { unit, ..factors.borrow() };
                let got = in_units.norm(set, i).get().to_f64().unwrap();
                // A sum of k squares is k + 2 roundings off at most, of which the root leaves half; two more roots and
                // products, and the hypotenuse.
                let bound = T::epsilon().to_f64().unwrap() * (m.max(h).max(c) + 10) as f64;
                assert!((got - exact).abs() <= bound * exact, "{name} {m} {h} {c}: {got} {exact}");
            }
        }
    }
}

#[test]
fn the_norm_is_that_of_the_gradient_written_out() {
    on_each_set(&Each(Norms));
}

#[test]
fn the_gradient_is_written_in_the_flat_order() {
    let mut factors = Factors::<f64>::new(4, 3, 2, integer);
    for (i, unit) in [(0, 0), (2, 2)] {
        let expected = factors.gradient(i, f64::from(1 << unit));
        let mut got = vec![f64::NAN; expected.len() + 1];
        ExampleFactors { unit, ..factors.borrow() }.grad(i, got.iter_mut());
        assert_eq!(got[..expected.len()], expected);
        assert!(got[expected.len()].is_nan());
    }
}

#[test]
fn scaling_changes_this_example_only() {
    let mut factors = Factors::<f64>::new(4, 3, 2, integer);
    let before: Vec<_> = (0..EXAMPLES).map(|i| factors.gradient(i, 1.0)).collect();
    factors.borrow().scale(1, Scaled { value: 0.5, exponent: -1 });
    assert_eq!(factors.gradient(0, 1.0), before[0]);
    assert_eq!(factors.gradient(1, 4.0), before[1]);
    assert_eq!(factors.gradient(2, 1.0), before[2]);
    // And D has as many numbers of no example as before.
    assert_eq!(factors.d.iter().filter(|d| d.is_nan()).count(), EXAMPLES * 3);
}

struct Dots;

impl EachType for Dots {
    /// Lengths around each multiple of what is summed side by side, and of a register.
    fn check_type<T: Float + core::fmt::Debug, S: Simd<T>>(name: &str, set: S) {
        for len in 0..=9 * S::LANES {
            let row = |from: usize| (from..from + len).map(integer).collect::<Vec<T>>();
            let (u, v) = (row(1), row(50));
            let exact = (0..len).map(|i| integer::<f64>(i + 1) * integer::<f64>(i + 50)).sum::<f64>();
            assert_eq!(dot(set, &u, &v), T::from(exact).unwrap(), "{name}: {len} elements");
        }
    }
}

#[test]
fn an_inner_product_has_each_term_once_whatever_the_length() {
    on_each_set(&Each(Dots));
}

struct Rows;

impl EachType for Rows {
    fn check_type<T: Float + core::fmt::Debug, S: Simd<T>>(name: &str, set: S) {
        let (rows, cols) = (4, 4 * S::LANES + 3);
        for strides in [(cols, 1), (cols + 5, 1), (1, rows), (1, rows + 2), (3 * cols, 2)] {
            let mut data = vec![T::nan(); (rows - 1) * strides.0 + (cols - 1) * strides.1 + 1];
            for (i, p) in (0..rows).flat_map(|i| (0..cols).map(move |p| (i, p))) {
                data[i * strides.0 + p * strides.1] = integer(i * cols + p);
            }
            let x = MatRef::with_strides(&data, (rows, cols), strides).unwrap();
            for (i, k) in [(0, 0), (1, 3), (3, 3)] {
                let term = |p: usize| integer::<f64>(i * cols + p) * integer::<f64>(k * cols + p);
                let exact = T::from((0..cols).map(term).sum::<f64>()).unwrap();
                assert_eq!(dot_rows(set, x.into(), i, k), exact, "{name} {strides:?}: ({i}, {k})");
            }
        }
    }
}

#[test]
fn rows_may_lie_as_they_like() {
    on_each_set(&Each(Rows));
}

/// value 2^exponent, in f64: exact for the squares and products of f32.
fn of(number: Scaled<f32>) -> f64 {
    f64::from(number.value) * 2f64.powi(number.exponent)
}

/// From the smallest number to the largest one; some with squares in range, but with fewer digits.
const SIZES: [f32; 10] = [1e-45, 3e-40, 1.5e-38, 1e-22, 4e-20, 1.0, 8e18, 2e19, 1e30, 3e38];

/// So many different numbers of about this size, none larger than it.
fn numbers(size: f32, len: u8) -> Vec<f32> {
    (0..len).map(|i| size / f32::from(1 + i % 7 * 5 % 7)).collect()
}

/// The products are half a unit off, and a compensated sum of them one unit.
#[test]
fn squares_may_leave_the_range() {
    for (size, len) in SIZES.into_iter().flat_map(|size| [1, 2, 10, 200].map(|len| (size, len))) {
        let numbers = numbers(size, len);
        let exact: f64 = numbers.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
        let got = of(sum_of_squares(|| numbers.iter().copied()));
        assert!(
            (got - exact).abs() <= 2.0 * f64::from(f32::EPSILON) * exact,
            "{size} {len}: {got:e} {exact:e}"
        );
    }
    let squares = |numbers: [f32; 3]| sum_of_squares(|| numbers.into_iter()).get();
    assert_eq!(squares([0.0; 3]), 0.0);
    assert_eq!(squares([1.0, f32::NEG_INFINITY, 1e-30]), f32::INFINITY);
    assert!(squares([1e30, f32::NAN, f32::INFINITY]).is_nan());
}

/// As many roundings as terms, where their plain sum is taken; each term relative to the sum of the magnitudes.
#[test]
fn products_may_leave_the_range() {
    const LEN: u8 = 10;
    for (u, v) in SIZES.into_iter().flat_map(|u| SIZES.map(|v| (u, v))) {
        for sign in [1.0, -1.0] {
            let v = numbers(v, LEN).into_iter().rev().enumerate();
            let v: Vec<f32> = v.map(|(i, v)| if i % 3 == 0 { sign * v } else { v }).collect();
            let pairs = || numbers(u, LEN).into_iter().zip(v.clone());
            let terms = || pairs().map(|(u, v)| f64::from(u) * f64::from(v));
            let (exact, size) = (terms().sum::<f64>(), terms().map(f64::abs).sum::<f64>());
            let plain = pairs().map(|(u, v)| u * v).sum();
            let got = of(inner_product(plain, pairs));
            let bound = f64::from(LEN) * f64::from(f32::EPSILON) * size;
            assert!((got - exact).abs() <= bound, "{u} {v:?}: {got:e} {exact:e}");
        }
    }
    let product = |u: [f32; 2], v: [f32; 2]| {
        let pairs = || u.into_iter().zip(v);
        of(inner_product(pairs().map(|(u, v)| u * v).sum(), pairs))
    };
    assert_eq!(product([0.0; 2], [1e30, 1e-30]), 0.0);
    assert_eq!(product([1.0, 1e-30], [0.0; 2]), 0.0);
    assert_eq!(product([1e30, f32::INFINITY], [1e30, 1.0]), f64::INFINITY);
    assert_eq!(product([1e-30, 1.0], [1e-30, f32::NEG_INFINITY]), f64::NEG_INFINITY);
    assert!(product([1.0, f32::INFINITY], [1.0, 0.0]).is_nan());
}

/// A sum in range of products that are not loses no more than one of them does, by its own rounding. (The others are exact: it is
/// the same number so many times.)
#[test]
fn many_small_products_may_be_a_sum_in_range() {
    const LEN: usize = 1 << 15;
    let x = 1.3 * 2f32.powi(-70);
    let (plain, exact) = (LEN as f32 * (x * x), LEN as f64 * f64::from(x) * f64::from(x));
    assert!(plain > f32::MIN_POSITIVE);
    let got = of(inner_product(plain, || (0..LEN).map(|_| (x, x))));
    assert!((got - exact).abs() <= f64::from(f32::EPSILON) * exact, "{got:e} {exact:e}");
}

/// Also where all squares are, and not just some of them.
#[test]
fn norms_of_factors_whose_squares_are_out_of_range() {
    for exponent in [-100, -70, 70] {
        let mut factors = Factors::<f32>::new(5, 3, 4, |i| number::<f32>(i) * 2f32.powi(exponent));
        let exact = factors.gradient(1, 1.0).iter().map(|g| g * g).sum::<f64>().sqrt();
        let got = of(factors.borrow().norm(crate::simd::Portable, 1));
        assert!((got - exact).abs() <= 32.0 * f64::from(f32::EPSILON) * exact, "{got:e}, exact {exact:e}");
    }
}

/// 48 (48 + 1) twice.
#[test]
fn an_inner_product_of_gradients_whose_parts_are_all_in_other_units() {
    let product = Scaled { value: 3.0, exponent: 4 };
    assert_eq!(of(grad_inner_product([product; 4])), 4704.0);
}
