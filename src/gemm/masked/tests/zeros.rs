//! Whichever elements are zeros.

use half::bf16;
use twofloat::TwoFloat;

use super::super::{PAYS, product, time};
use super::case::{A, B, Case, How, Number, Size, ZEROS, Zeros, assert_same};
use crate::data::{MatMut, MatRef};
use crate::gemm::{Beta, Left, Right};
use crate::kink::Kink;
use crate::simd::tests::{Check, on_each_set};
use crate::simd::{Portable, Simd};

/// All kinds of zeros and both sizes, in one and in several parts of the depth, for all that is done with the sums.
struct Kinds;

impl Kinds {
    fn check_type<T: Number, S: Simd<T>>(name: &str, set: S) {
        let (kc, mut count) = (S::BLOCKING.kc, 0);
        for shape @ (rows, _, cols) in [(17, kc, 2 * S::LANES), (23, 2 * kc + 5, S::LANES + 5), (41, 20, 40)]
        {
            for zeros in ZEROS {
                for size in [Size::Usual, Size::Tiny] {
                    let case = Case::<T>::new(shape, zeros, size);
                    let (by_rows, by_cols, spread) = ((cols + 1, 1), (1, rows), (2, 2 * rows + 1));
                    let kinks = [Kink::Zero, Kink::One];
                    for (strides, activate) in
                        [(by_rows, None), (by_rows, Some(kinks[count % 2])), (by_cols, None), (spread, None)]
                    {
                        for beta in [Beta::Zero, Beta::One] {
                            count += 1;
                            let a = A[count % A.len()];
                            let b = [B::Aligned, B::ByColumns, B::Squares, B::Packed][count % 4];
                            let buffer = [0, 100_000, 96 * S::LANES][count % 3];
                            let how = How { a, b, beta, strides, activate, buffer };
                            case.check(name, set, &how, &case.expected(set, &how));
                        }
                    }
                }
            }
        }
    }
}

impl Check for Kinds {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S) {
        Self::check_type::<f32, S>(name, *set);
        Self::check_type::<f64, S>(name, *set);
    }
}

#[test]
fn same_bits_whichever_elements_are_zeros() {
    on_each_set(&Kinds);
    Kinds::check_type::<bf16, _>("portable", Portable);
    Kinds::check_type::<TwoFloat, _>("portable", Portable);
}

/// Sums that become -0 before their last terms, which are zeros: with those terms they are +0. As do sums that stay -0,
/// in the first part of the depth, in the last, and in both.
struct NegativeZeros;

impl NegativeZeros {
    fn check_type<T: Number, S: Simd<T>>(name: &str, set: S) {
        let kc = S::BLOCKING.kc;
        let (rows, cols) = (9, S::LANES + 1);
        for depth in [2, kc, kc + 70] {
            let mut case = Case::<T>::new((rows, depth, cols), Zeros::Density(0), Size::Usual);
            for row in 0..rows {
                // The only terms that are not zeros, in other columns of each row.
                for p in [row % depth, depth - 1 - (row + 1) % depth] {
                    case.a[row * depth + p] = -T::min_positive_value();
                }
            }
            case.b.fill(T::min_positive_value());
            for strides in [(cols, 1), (1, rows), (3, 3 * rows)] {
                for beta in [Beta::Zero, Beta::One] {
                    let how = How { a: A::Rows, b: B::Aligned, beta, strides, activate: None, buffer: 0 };
                    case.check(name, set, &how, &case.expected(set, &how));
                    if beta == Beta::Zero {
                        let [c, _] = case.run(set, &how, &[]);
                        let places = (0..rows * cols).map(|i| i / cols * strides.0 + i % cols * strides.1);
                        let mut sums = places.map(|place| c[place]);
                        assert!(sums.all(|sum| sum == T::zero() && !sum.is_sign_negative()), "{name}");
                    }
                }
            }
        }
    }
}

impl Check for NegativeZeros {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S) {
        Self::check_type::<f32, S>(name, *set);
        Self::check_type::<f64, S>(name, *set);
    }
}

#[test]
fn sums_that_underflow_are_positive_zeros() {
    on_each_set(&NegativeZeros);
}

/// The product that leaves zeros out where that pays: the bits of the one with all terms, also where B is not finite.
struct Choice;

impl Choice {
    fn check_type<T: Number, S: Simd<T>>(name: &str, set: S) {
        let shape @ (rows, depth, cols) = (90, 2 * S::BLOCKING.kc.min(100) + 9, 70);
        for zeros in ZEROS {
            let mut case = Case::<T>::new(shape, zeros, Size::Usual);
            for value in [None, Some(T::nan()), Some(T::infinity()), Some(T::neg_infinity())] {
                if let Some(value) = value {
                    case.b[(depth - 2) * cols + cols - 1] = value;
                    case.b[3] = value;
                }
                let a = Left::view(MatRef::new(&case.a, rows, depth).unwrap());
                let b = MatRef::new(&case.b, depth, cols).unwrap();
                let pays = time(set, &a, &Right::View(b), cols) < PAYS;
                match zeros {
                    Zeros::Density(0 | 5) => assert!(pays, "{name}: {zeros:?}"),
                    Zeros::Density(90 | 100) => assert!(!pays, "{name}: {zeros:?}"),
                    _ => {}
                }
                for beta in [Beta::Zero, Beta::One] {
                    let how = How {
                        a: A::Rows,
                        b: B::Aligned,
                        beta,
                        strides: (cols, 1),
                        activate: None,
                        buffer: 0,
                    };
                    let [expected, _] = case.expected(set, &how);
                    let (mut c, mut buffer) = (case.before(&how).0, vec![T::nan(); 10_000]);
                    let dest = MatMut::new(&mut c, rows, cols).unwrap();
                    product(set, a, b, how.onto(), dest, &mut buffer);
                    assert_same(&c, &expected, || format!("{name}: {zeros:?}, {value:?}, {beta:?}"));
                }
            }
        }
    }
}

impl Check for Choice {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S) {
        Self::check_type::<f32, S>(name, *set);
        Self::check_type::<f64, S>(name, *set);
    }
}

#[test]
fn same_bits_where_leaving_out_zeros_pays_and_where_not() {
    on_each_set(&Choice);
    Choice::check_type::<bf16, _>("portable", Portable);
}
