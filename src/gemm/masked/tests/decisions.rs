//! What a product without zeros is thought to take, and where a right factor is read where it lies.

use num_traits::Float;

use super::super::{Masked, is_aligned, time, transposed};
use crate::data::{MatMut, MatRef};
use crate::gemm::{AlphaBeta, Beta, Left, Right};
use crate::limits::{MASKED_BEGIN, MASKED_COPY, MASKED_DEPTH, MASKED_ROWS, MASKED_TRANSPOSED, MASKED_VISIT};
use crate::simd::Simd;
use crate::simd::tests::{Check, on_each_set};

struct Estimates;

impl Estimates {
    /// All that it takes, in multiply-adds of whole registers, as a share of all terms: where what it takes beside its terms is
    /// no more than three quarters of them.
    fn check_type<T: Float, S: Simd<T>>(name: &str, set: S) {
        let (mut pays, mut does_not) = (0, 0);
        let (lanes, most) = (S::LANES, S::BLOCKING.masked_vecs);
        for (rows, depth, cols) in [
            (200, 300, most * lanes),
            (300, 32, 2 * most * lanes - 1),
            (600, 100, 7 * most * lanes),
            (400, 200, lanes + 1),
            (5, 700, 3 * most * lanes),
            (3, 4, lanes),
        ] {
            // None, every second one of a row, and all.
            for (step, share) in [(usize::MAX, 0.0), (2, 0.5), (1, 1.0)] {
                let is_set = |i: usize| (i % depth + 1) % step == 0;
                let a: Vec<T> =
                    (0..rows * depth).map(|i| if is_set(i) { T::one() } else { T::zero() }).collect();
                let a = Left::view(MatRef::new(&a, rows, depth).unwrap());
                let b = vec![T::one(); depth * cols];
                let by_rows = Right::View(MatRef::new(&b, depth, cols).unwrap());
                let by_columns = Right::View(MatRef::col_major(&b, depth, cols).unwrap());
                for (right, copied) in
                    [(by_rows, MASKED_COPY[0]), (by_columns, MASKED_COPY[1]), (Right::Packed(&[]), 0.0)]
                {
                    let (r, d) = (rows as f32, depth as f32);
                    let all = cols.div_ceil(lanes);
                    let (vecs, all) = (all.min(most) as f32, all as f32);
                    let visits = r * (d / depth.min(MASKED_DEPTH) as f32) * (all / vecs);
                    let copies = d * all * (r / rows.min(MASKED_ROWS) as f32);
                    let beside = MASKED_BEGIN + visits * MASKED_VISIT + copies * copied;
                    let terms = share * r * d * (all / vecs);
                    let total = beside + terms * (vecs + 1.0).max(4.0);
                    let got = time(set, &a, &right, cols);
                    let what = format!("{name} {:?}, {share}, {copied}: {got}", (rows, depth, cols));
                    if beside < 0.75 * r * d * all {
                        pays += 1;
                        let expected = total / (r * d * all);
                        assert!((got - expected).abs() <= 1e-5 * expected, "{what}, {expected}");
                    } else {
                        does_not += 1;
                        assert_eq!(got, 1.0, "{what}");
                    }
                }
            }
        }
        assert!(pays > 0 && does_not > 0, "{name}: {pays} {does_not}");
    }
}

impl Check for Estimates {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S) {
        Self::check_type::<f32, S>(name, *set);
        Self::check_type::<f64, S>(name, *set);
    }
}

#[test]
#[cfg_attr(handgrad_small_limits, ignore = "states what holds at the limits that pay")]
fn an_estimate_is_what_all_takes_that_is_done() {
    on_each_set(&Estimates);
    assert_eq!([1, 16, 64].map(|depth| depth as f32 * transposed(depth)), [MASKED_TRANSPOSED; 3]);
}

/// Rows of whole cache lines, the first one at the beginning of a line.
#[test]
fn what_is_aligned() {
    let memory = [0f32; 200];
    let start = memory.as_ptr().align_offset(64);
    for (offset, stride, expected) in [
        (0, 16, true),
        (0, 48, true),
        (16, 16, true),
        (0, 17, false),
        (0, 24, false),
        (1, 16, false),
        (8, 32, false),
    ] {
        let view = MatRef::with_strides(&memory[start + offset..], (3, 10), (stride, 1)).unwrap();
        assert_eq!(is_aligned(&view), expected, "{offset} {stride}");
    }
    // 64 numbers of 8 bytes are more lines than one: bytes count.
    let memory = [0f64; 60];
    let memory = &memory[memory.as_ptr().align_offset(64)..];
    let view = |stride| MatRef::with_strides(memory, (3, 8), (stride, 1)).unwrap();
    assert_eq!([8, 12, 16].map(|stride| is_aligned(&view(stride))), [true, false, true]);
}

struct Copies;

impl Check for Copies {
    /// Of 64 x 64 numbers and more, from the beginning of a cache line on.
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S) {
        fn packs<S: Simd<f32>>(_: &S, offset: usize, strides: (usize, usize), cols: usize) -> bool {
            let memory = [1f32; 70 * 128];
            let memory = &memory[memory.as_ptr().align_offset(64) + offset..];
            let (mut c, a) = ([0f32; 3 * 40], [1f32; 3 * 8]);
            let b = Right::View(MatRef::with_strides(memory, (8, cols), strides).unwrap());
            let c = MatMut::new(&mut c[..3 * cols], 3, cols).unwrap();
            let a = Left::view(MatRef::new(&a, 3, 8).unwrap());
            Masked::new(a, b, AlphaBeta::plain(Beta::Zero), c).packs::<S>()
        }
        let lanes = <S as Simd<f32>>::LANES;
        assert!(!packs(set, 0, (64, 1), 2 * lanes), "{name}");
        assert!(packs(set, 1, (64, 1), 2 * lanes), "{name}: no line begins there");
        assert!(packs(set, 0, (65, 1), 2 * lanes), "{name}: nor with other rows");
        assert!(packs(set, 0, (64, 1), 2 * lanes - 1), "{name}: a part of a register");
        assert!(packs(set, 0, (128, 2), 2 * lanes), "{name}: no rows");
    }
}

#[test]
fn what_is_copied() {
    on_each_set(&Copies);
}
