//! However the factors and the product lie, and however long the pack buffer is.

use half::bf16;

use super::super::{Blocks, Epilogue, Left, Masked, Right};
use super::case::{A, B, Case, How, Number, Size, Zeros};
use crate::data::{MatMut, MatRef};
use crate::gemm::{AlphaBeta, Beta};
use crate::kink::Kink;
use crate::simd::tests::{Check, on_each_set};
use crate::simd::{Portable, Simd};

/// By rows, with padding, by columns, by columns with padding, and with no stride 1.
fn each_strides(rows: usize, cols: usize) -> [(usize, usize); 5] {
    [(cols, 1), (cols + 3, 1), (1, rows), (1, rows + 2), (3, 3 * rows + 1)]
}

/// All layouts of both factors with those of the product, all that is done with the sums, and some pack buffers.
struct Layouts;

impl Layouts {
    fn check_shape<T: Number, S: Simd<T>>(name: &str, set: S, shape: (usize, usize, usize)) {
        let case = Case::<T>::new(shape, Zeros::Density(30), Size::Usual);
        let ((rows, _, cols), mut count) = (shape, 0);
        let panel = S::BLOCKING.masked_vecs * S::LANES * 64;
        for strides in each_strides(rows, cols) {
            for beta in [Beta::Zero, Beta::One] {
                for activate in [None, Some(Kink::Zero), Some(Kink::One)] {
                    if activate.is_some() && strides.1 != 1 {
                        continue;
                    }
                    let how = |a, b, buffer| How { a, b, beta, strides, activate, buffer };
                    let [expected, squares] =
                        [B::Aligned, B::Squares].map(|b| case.expected(set, &how(A::Rows, b, 0)));
                    for a in A {
                        for b in B {
                            if b == B::Blocks && a != A::Blocks && a != A::Panels {
                                continue;
                            }
                            let expected = if b == B::Squares { &squares } else { &expected };
                            let buffer = [0, 6 * panel, panel / 3, 1 << 14, 40 * S::LANES][count % 5];
                            case.check(name, set, &how(a, b, buffer), expected);
                            count += 1;
                        }
                    }
                }
            }
        }
    }

    fn check_type<T: Number, S: Simd<T>>(name: &str, set: S) {
        // Whole registers, which are read where they lie if they are aligned; others; less than one.
        Self::check_shape::<T, S>(name, set, (11, 70, 2 * S::LANES));
        Self::check_shape::<T, S>(name, set, (37, 99, 2 * S::LANES + 3));
        Self::check_shape::<T, S>(name, set, (3, 5, 1));
    }
}

impl Check for Layouts {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S) {
        Self::check_type::<f32, S>(name, *set);
        Self::check_type::<f64, S>(name, *set);
    }
}

#[test]
fn same_bits_however_the_matrices_lie() {
    on_each_set(&Layouts);
    Layouts::check_type::<bf16, _>("portable", Portable);
}

/// Shapes from the smallest to some of several parts of the depth and several panels, all kinds of layouts in turn.
struct Shapes;

impl Shapes {
    fn check_type<T: Number, S: Simd<T>>(name: &str, set: S) {
        let (kc, panel) = (S::BLOCKING.kc, S::BLOCKING.masked_vecs * S::LANES);
        let shapes = [
            (1, 1, 1),
            (1, 2 * kc + 5, panel),
            (2, 63, 7),
            (5, 64, 2 * panel - S::LANES),
            (6, 65, S::LANES),
            (8, 128, panel + 1),
            (13, kc, 17),
            (31, kc + 1, 33),
            (33, 129, 150),
            (64, kc - 1, 3 * S::LANES),
            (130, 2 * kc + 5, 47),
            (129, 200, 150),
            (300, 77, 20),
        ];
        let buffers = [0, 1, (64 + 33) * S::LANES, 20_000, 200_000];
        let (mut i, mut pick) = (0, 0);
        for shape @ (rows, _, cols) in shapes {
            for _ in 0..if rows > 100 { 6 } else { 12 } {
                let share = [5, 30, 90][i % 3];
                let case = Case::<T>::new(shape, Zeros::Density(share), Size::Usual);
                // Each list is gone through at its own pace, so that all pairs come about.
                let a = A[i % A.len()];
                let mut b = B[pick % B.len()];
                if b == B::Blocks && a != A::Blocks && a != A::Panels {
                    b = B::Unaligned;
                }
                let strides = each_strides(rows, cols)[i / 2 % 5];
                let activate =
                    if strides.1 == 1 { [None, Some(Kink::One), Some(Kink::Zero)][i / 3 % 3] } else { None };
                let beta = [Beta::Zero, Beta::One][i / 5 % 2];
                let how = How { a, b, beta, strides, activate, buffer: buffers[i / 4 % 5] };
                case.check(name, set, &how, &case.expected(set, &how));
                i += 1;
                pick += 2;
            }
        }
    }
}

impl Check for Shapes {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S) {
        Self::check_type::<f32, S>(name, *set);
        Self::check_type::<f64, S>(name, *set);
    }
}

#[test]
fn same_bits_for_all_shapes() {
    on_each_set(&Shapes);
    Shapes::check_type::<bf16, _>("portable", Portable);
}

/// A pack buffer for wide panels, for narrower ones, and one that is too short for any.
struct Buffers;

impl Buffers {
    fn check_type<T: Number, S: Simd<T>>(name: &str, set: S) {
        let most = S::BLOCKING.masked_vecs;
        let shape @ (rows, depth, cols) = (70, 150, most * S::LANES + 5);
        let case = Case::<T>::new(shape, Zeros::Density(20), Size::Usual);
        let how = |buffer| How {
            a: A::Cols,
            b: B::Unaligned,
            beta: Beta::One,
            strides: (cols, 1),
            activate: None,
            buffer,
        };
        let expected = case.expected(set, &how(0));
        let mut widths = vec![];
        for buffer in (0..2 * (64 + 70) * most * S::LANES).step_by(29 * S::LANES + 1) {
            case.check(name, set, &how(buffer), &expected);
            let (a, b) =
                (MatRef::new(&case.a, rows, depth).unwrap(), MatRef::new(&case.b, depth, cols).unwrap());
            let mut c = vec![T::zero(); rows * cols];
            let masked = Masked {
                a: Left::view(a),
                b: Right::View(b),
                b_blocks: Blocks::ONE,
                onto: AlphaBeta::plain(Beta::Zero),
                c: MatMut::new(&mut c, rows, cols).unwrap(),
                epilogue: Epilogue::None,
                multiplied: &[],
            };
            widths.push(masked.cuts::<S>(buffer).map(|cuts| (cuts.vecs, cuts.mc >= rows)));
        }
        widths.dedup();
        assert_eq!(widths[0], None, "{name}: on the stack");
        assert!(widths.windows(2).all(|pair| pair[0] <= pair[1]), "{name}: {widths:?}");
        let (vecs, all_rows) = widths.last().unwrap().unwrap();
        assert!(vecs > most / 2 && all_rows, "{name}: {widths:?}");
        assert!(widths.contains(&Some((1, false))) || most < 8, "{name}: {widths:?}");
    }
}

impl Check for Buffers {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S) {
        Self::check_type::<f32, S>(name, *set);
        Self::check_type::<f64, S>(name, *set);
    }
}

#[test]
fn same_bits_with_any_pack_buffer() {
    on_each_set(&Buffers);
}
