//! Every instruction set that this machine has, not just the best one.

use num_traits::Float;

use super::{Simd, transpose};
use crate::limits::MAX_LANES;

/// What is done on each set.
pub(crate) trait Check {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S);
}

pub(crate) fn on_each_set(check: &impl Check) {
    check.check("portable", &super::Portable);
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    if let Some(set) = super::x86::Avx2::detect() {
        check.check("AVX2", set);
    }
    #[cfg(all(feature = "std", target_arch = "x86_64", handgrad_avx512))]
    if let Some(set) = super::x86::Avx512::detect() {
        check.check("AVX-512", set);
    }
    #[cfg(all(feature = "std", target_arch = "aarch64", target_feature = "neon"))]
    check.check("NEON", super::neon::Neon::get());
}

/// Numbers from -0.5 to 0.5 in no order.
pub(crate) fn number<T: Float>(i: usize) -> T {
    T::from((i * 7919 % 1013) as f64 / 1013.0 - 0.5).unwrap()
}

struct Transposition;

impl Transposition {
    fn check_type<T: Float, S: Simd<T>>(name: &str, set: S) {
        let element = |i: usize, j: usize| number::<T>(i * S::LANES + j);
        set.vectorize(|| {
            let mut rows = [set.splat(T::zero()); MAX_LANES];
            for (i, row) in rows.iter_mut().enumerate().take(S::LANES) {
                let numbers: [T; MAX_LANES] = core::array::from_fn(|j| element(i, j));
                *row = set.load(&numbers);
            }
            for (i, row) in transpose(set, rows).into_iter().enumerate().take(S::LANES) {
                let mut numbers = [T::nan(); MAX_LANES];
                set.store(row, &mut numbers);
                for j in 0..S::LANES {
                    assert!(numbers[j] == element(j, i), "{name}: ({i}, {j})");
                }
            }
        });
    }
}

impl Check for Transposition {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S) {
        Self::check_type::<f32, S>(name, *set);
        Self::check_type::<f64, S>(name, *set);
    }
}

#[test]
fn squares_are_transposed() {
    on_each_set(&Transposition);
}
