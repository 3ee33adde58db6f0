//! Products with few examples, against plain sums in f64.

use num_traits::Float;

use super::{NARROW, Update, dots, product};
use crate::data::{MatMut, MatRef};
use crate::gemm::{AlphaBeta, Beta};
use crate::kink::Kink;
use crate::simd::Simd;
use crate::simd::tests::{Check, number, on_each_set};

/// A matrix of numbers, how its elements lie, and NaN between them.
struct Source<T> {
    data: Vec<T>,
    shape: (usize, usize),
    strides: (usize, usize),
}

impl<T: Float> Source<T> {
    fn new(shape: (usize, usize), strides: (usize, usize), seed: usize) -> Self {
        let mut data = vec![T::nan(); (shape.0 - 1) * strides.0 + (shape.1 - 1) * strides.1 + 1];
        for (i, j) in each(shape) {
            data[i * strides.0 + j * strides.1] = number(seed + i * shape.1 + j);
        }
        Self { data, shape, strides }
    }

    fn view(&self) -> MatRef<'_, T> {
        MatRef::with_strides(&self.data, self.shape, self.strides).unwrap()
    }

    fn get(&self, i: usize, j: usize) -> f64 {
        self.data[i * self.strides.0 + j * self.strides.1].to_f64().unwrap()
    }
}

/// The indices of a matrix.
fn each((rows, cols): (usize, usize)) -> impl Iterator<Item = (usize, usize)> {
    (0..rows).flat_map(move |i| (0..cols).map(move |j| (i, j)))
}

/// A sum of products in f64, and a bound of its error in T.
#[derive(Clone, Copy)]
struct Exact {
    sum: f64,
    error: f64,
}

impl Exact {
    /// Of k terms each is rounded k times at most, in whichever order: the product once, and each addition that it goes
    /// through. That makes k halves of epsilon; the other half is for adding what was there before, below 1/2 as all
    /// numbers are, and for the rounding of this sum in f64.
    fn new<T: Float>(terms: impl Iterator<Item = f64> + Clone) -> Self {
        let magnitude: f64 = terms.clone().map(f64::abs).sum::<f64>() + 0.5;
        let error = T::epsilon().to_f64().unwrap() * terms.clone().count() as f64 * magnitude;
        Self { sum: terms.sum(), error }
    }

    fn assert<T: Float>(self, got: T, context: impl Fn() -> String) {
        let got = got.to_f64().unwrap();
        assert!((got - self.sum).abs() <= self.error, "{}: {got} is not {}", context(), self.sum);
    }
}

/// Runs a check for f32 and f64 on each set.
trait EachType {
    fn check_type<T: Float, S: Simd<T>>(name: &str, set: S);
}

struct Each<C>(C);

impl<C: EachType> Check for Each<C> {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S) {
        C::check_type::<f32, S>(name, *set);
        C::check_type::<f64, S>(name, *set);
    }
}

struct Dots;

impl EachType for Dots {
    fn check_type<T: Float, S: Simd<T>>(name: &str, set: S) {
        let lanes = S::LANES;
        for depth in [1, lanes - 1, lanes, lanes + 1, 3 * lanes + 2] {
            for outputs in [1, lanes - 1, lanes, lanes + 1, 2 * lanes + 3] {
                for examples in 1..=8 {
                    let gap = examples % 3;
                    let x = Source::<T>::new((examples, depth), (depth + gap, 1), 5);
                    let w = Source::<T>::new((outputs, depth), (depth + 2 * gap, 1), 301);
                    // Row by row, with gaps, class by class, and spread.
                    for strides in [(outputs, 1), (outputs + 3, 1), (1, examples), (2 * outputs + 1, 2)] {
                        let context = || format!("{name} {examples} x {depth} x {outputs}, {strides:?}");
                        let len = (examples - 1) * strides.0 + (outputs - 1) * strides.1 + 1;
                        let mut out = vec![T::nan(); len + 2];
                        set.vectorize(|| dots(set, x.view(), w.view(), &mut out, strides));
                        for (i, j) in each((examples, outputs)) {
                            let exact = Exact::new::<T>((0..depth).map(|p| x.get(i, p) * w.get(j, p)));
                            exact.assert(out[i * strides.0 + j * strides.1], context);
                        }
                        // Nothing has been written beside the view.
                        let written = out.iter().filter(|out| !out.is_nan()).count();
                        assert!(written == examples * outputs, "{}: {written} numbers", context());
                    }
                }
            }
        }
    }
}

#[test]
fn rows_times_rows() {
    on_each_set(&Each(Dots));
}

fn updates<T: Float>() -> [Update<T>; 6] {
    let store = |alpha: f64, beta| Update::Store(AlphaBeta { alpha: T::from(alpha).unwrap(), beta });
    [
        store(1.0, Beta::Zero),
        store(1.0, Beta::One),
        store(0.5, Beta::Zero),
        store(0.5, Beta::One),
        Update::Mask(Kink::One),
        Update::Mask(Kink::Zero),
    ]
}

/// What is in C before a product: kinks, NaN and numbers of both signs. Where it is added to, or may be
/// anything, no NaN or nothing else.
fn before<T: Float>(update: Update<T>, i: usize) -> T {
    match (update, i % 5) {
        (Update::Store(AlphaBeta { beta: Beta::Zero, .. }), _) | (Update::Mask(_), 3) => T::nan(),
        (Update::Mask(_), 0) => T::zero(),
        (Update::Mask(_), 1) => -T::zero(),
        _ => number(i + 77),
    }
}

/// What an element becomes when it was `before` and the product has this sum.
fn after<T: Float>(update: Update<T>, before: f64, exact: Exact) -> Exact {
    match update {
        Update::Store(AlphaBeta { alpha, beta }) => {
            let old = if beta == Beta::One { before } else { 0.0 };
            Exact { sum: old + alpha.to_f64().unwrap() * exact.sum, ..exact }
        }
        Update::Mask(kink) => {
            let inactive = before < 0.0 || (kink == Kink::Zero && before == 0.0);
            if inactive { Exact { sum: 0.0, error: 0.0 } } else { exact }
        }
    }
}

/// How the factors and C lie.
#[derive(Clone, Copy, Debug)]
struct Case {
    rows: usize,
    depth: usize,
    cols: usize,
    /// Whether A lies column by column.
    by_columns: bool,
    /// Between two rows of each.
    gap: usize,
}

impl Case {
    fn check<T: Float, S: Simd<T>>(self, name: &str, set: S) {
        let Case { rows, depth, cols, by_columns, gap } = self;
        let strides = if by_columns { (1, rows + gap) } else { (depth + gap, 1) };
        let a = Source::<T>::new((rows, depth), strides, 5);
        let b = Source::<T>::new((depth, cols), (cols + gap, 1), 301);
        let sum = |(i, j)| {
            Exact::new::<T>((0..depth).map(move |p| (i, p, j)).map(|(i, p, j)| a.get(i, p) * b.get(p, j)))
        };
        let sums: Vec<Exact> = each((rows, cols)).map(sum).collect();
        let stride = cols + 2 * gap;
        for update in updates::<T>() {
            let old: Vec<T> = (0..rows * stride).map(|i| before(update, i)).collect();
            let mut c = old.clone();
            let view = MatMut::with_strides(&mut c, (rows, cols), (stride, 1)).unwrap();
            product(set, a.view(), b.view(), update, view);
            for (i, j) in each((rows, stride)) {
                let (old, got) = (old[i * stride + j], c[i * stride + j]);
                let context = || format!("{name} {self:?}: ({i}, {j})");
                if j < cols {
                    after(update, old.to_f64().unwrap(), sums[i * cols + j]).assert(got, context);
                } else {
                    assert!(got == old || (got.is_nan() && old.is_nan()), "{}: not of C", context());
                }
            }
        }
    }
}

struct Products;

impl EachType for Products {
    /// One example is apart, up to [`NARROW`] columns; registers are written four, two or one at a time, and what is left
    /// of a row in halves and quarters.
    fn check_type<T: Float, S: Simd<T>>(name: &str, set: S) {
        let four = 4 * S::LANES;
        let around = [1, S::LANES - 1, S::LANES, 2 * S::LANES, four - 1, four, four + 1, four + S::LANES + 1];
        for cols in around.into_iter().chain([NARROW - 1, NARROW, NARROW + 1, NARROW + four + 3]) {
            for rows in 1..=8 {
                for depth in [1, 2, 5] {
                    let (by_columns, gap) = ((rows + depth) % 2 == 0, (rows + cols) % 3);
                    Case { rows, depth, cols, by_columns, gap }.check(name, set);
                }
            }
        }
    }
}

#[test]
fn products_of_few_columns_with_each_update() {
    on_each_set(&Each(Products));
}

/// A sum that has underflowed is stored as +0, whoever stores it.
#[test]
fn no_sum_is_stored_as_a_negative_zero() {
    for update in [Update::Mask(Kink::Zero), Update::Store(AlphaBeta::plain(Beta::Zero))] {
        let mut c = 1.0f32;
        update.apply_one(-0.0, &mut c);
        assert_eq!(c.to_bits(), 0);
    }
}
