//! Rows of B that are not finite: zeros of A are multiplied by those that are said to be.

use super::case::{A, B, Case, How, Number, Size, Zeros, assert_same};
use crate::gemm::Beta;
use crate::simd::Simd;
use crate::simd::tests::{Check, on_each_set};

/// Sets elements of these rows of B, each to another kind of number.
fn spoil<T: Number>(case: &mut Case<T>, rows: &[usize]) {
    let cols = case.shape.2;
    for (i, &p) in rows.iter().enumerate() {
        let values = [T::nan(), T::infinity(), T::neg_infinity()];
        case.b[p * cols + (7 * p) % cols] = values[i % 3];
        case.b[p * cols + (3 * p + 1) % cols] = values[(i + 1) % 3];
    }
}

fn bits(depth: usize, rows: &[usize]) -> Vec<u64> {
    let mut bits = vec![0; depth.div_ceil(64)];
    rows.iter().for_each(|p| bits[p / 64] |= 1 << (p % 64));
    bits
}

/// How products are computed here: A and B in some layouts, C by rows and by columns.
fn each_how(rows: usize, cols: usize) -> impl Iterator<Item = How> {
    let factors = [
        (A::Rows, B::Aligned),
        (A::Cols, B::Unaligned),
        (A::Panels, B::Unaligned),
        (A::Blocks, B::Blocks),
        (A::Cols, B::Squares),
        (A::Panels, B::Packed),
    ];
    factors.into_iter().flat_map(move |(a, b)| {
        [((cols, 1), Beta::Zero), ((1, rows), Beta::One)].map(|(strides, beta)| How {
            a,
            b,
            beta,
            strides,
            activate: None,
            buffer: 1 << 15,
        })
    })
}

struct Multiplied;

impl Multiplied {
    fn check_type<T: Number, S: Simd<T>>(name: &str, set: S) {
        for shape @ (rows, depth, cols) in
            [(7, 5, 3), (14, 64, 2 * S::LANES), (19, S::BLOCKING.kc + 200, S::LANES + 3)]
        {
            for zeros in [Zeros::Density(0), Zeros::Density(10), Zeros::Density(60), Zeros::Rows, Zeros::Cols]
            {
                let finite = Case::<T>::new(shape, zeros, Size::Usual);
                let mut bad = vec![1, 4, 47, 48, 63, 64, 127, 128, 130, depth - 1];
                bad.retain(|&p| p < depth);
                let (set_rows, other) = bad.split_at(bad.len() / 2);
                // All of them are said to be multiplied by zeros: as in the product with all terms.
                let mut case = Case::<T>::new(shape, zeros, Size::Usual);
                spoil(&mut case, &bad);
                for how in each_how(rows, cols) {
                    let got = case.run(set, &how, &bits(depth, &bad));
                    let what = || format!("{name}: {shape:?}, {zeros:?}, {how:?}");
                    assert_same(&got[0], &case.expected(set, &how)[0], what);
                }
                // Half of them are not, and A has only zeros there: as if those rows were zeros.
                let mut without = Case::<T>::new(shape, zeros, Size::Usual);
                for (row, p) in (0..rows).flat_map(|row| other.iter().map(move |p| (row, p))) {
                    case.a[row * depth + p] = if row % 2 == 0 { T::zero() } else { -T::zero() };
                }
                without.a.clone_from(&case.a);
                spoil(&mut without, set_rows);
                case.b.clone_from(&finite.b);
                spoil(&mut case, set_rows);
                let values = other.iter().flat_map(|p| p * cols..(p + 1) * cols);
                values.for_each(|place| case.b[place] = T::nan());
                for how in each_how(rows, cols) {
                    let got = case.run(set, &how, &bits(depth, set_rows));
                    let what = || format!("{name}: {shape:?}, {zeros:?}, {how:?}, some rows");
                    assert_same(&got[0], &without.expected(set, &how)[0], what);
                }
            }
        }
    }
}

impl Check for Multiplied {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S) {
        Self::check_type::<f32, S>(name, *set);
        Self::check_type::<f64, S>(name, *set);
    }
}

#[test]
fn zeros_are_multiplied_by_the_rows_that_are_said_to_need_it() {
    on_each_set(&Multiplied);
    Multiplied::check_type::<half::bf16, _>("portable", crate::simd::Portable);
}

/// NaN and infinities in A are no zeros.
struct NonFiniteLeft;

impl NonFiniteLeft {
    fn check_type<T: Number, S: Simd<T>>(name: &str, set: S) {
        let shape @ (rows, depth, cols) = (21, 130, S::LANES + 3);
        let mut case = Case::<T>::new(shape, Zeros::Density(10), Size::Usual);
        for (i, value) in [T::nan(), T::infinity(), T::neg_infinity()].into_iter().enumerate() {
            case.a[(4 * i + 1) * depth + 50 * i + 7] = value;
        }
        for how in each_how(rows, cols) {
            let (got, expected) = (case.run(set, &how, &[]), case.expected(set, &how));
            assert_same(&got[0], &expected[0], || format!("{name}: {how:?}"));
            assert!(expected[0].iter().filter(|c| !c.is_finite()).count() >= 3 * cols);
        }
    }
}

impl Check for NonFiniteLeft {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S) {
        Self::check_type::<f32, S>(name, *set);
        Self::check_type::<f64, S>(name, *set);
    }
}

#[test]
fn elements_of_the_left_factor_that_are_not_finite_are_terms() {
    on_each_set(&NonFiniteLeft);
}
