//! Every instruction set that this machine has, not just the best one: the same results as the portable loops.

use num_traits::Float;

use super::{Beta, Fused, Gemm, Portable};
use crate::phases::Phases;
use crate::simd::{self, MAX_LANES, Simd};
use crate::{Batch, Dims, Error, MatMut, MatRef, Params, ParamsMut, Pass};

/// What is done on each set.
trait Check {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S);
}

fn on_each_set(check: &impl Check) {
    check.check("portable", &simd::Portable);
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    if let Some(set) = simd::Avx2::detect() {
        check.check("AVX2", set);
    }
    #[cfg(all(feature = "std", target_arch = "x86_64", handgrad_avx512))]
    if let Some(set) = simd::Avx512::detect() {
        check.check("AVX-512", set);
    }
    #[cfg(all(feature = "std", target_arch = "aarch64", target_feature = "neon"))]
    check.check("NEON", simd::Neon::get());
}

fn number<T: Float>(i: usize) -> T {
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
            for (i, row) in simd::transpose(set, rows).into_iter().enumerate().take(S::LANES) {
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

/// One instruction set as an engine.
struct On<T: 'static>(&'static dyn Phases<T>);

impl<T: Float> Gemm<T> for On<T> {
    fn gemm(&self, a: MatRef<'_, T>, b: MatRef<'_, T>, beta: Beta, c: MatMut<'_, T>) -> Result<(), Error> {
        self.0.gemm(a, b, beta, c)
    }

    fn fused(&self) -> Fused<T> {
        Fused(Some(self.0))
    }
}

/// Loss, gradient and input gradient.
fn results<T: Float + 'static>(engine: &dyn Gemm<T>, dims: Dims, n: usize) -> Vec<T> {
    let (m, c) = (dims.inputs(), dims.classes());
    let theta: Vec<T> = (0..dims.param_len()).map(number).collect();
    let x: Vec<T> = (0..n * m).map(|i| number(i + 5)).collect();
    let labels: Vec<usize> = (0..n).map(|i| i * 31 % c).collect();
    let mut all = vec![T::nan(); 1 + dims.param_len() + n * m];
    let (loss, grads) = all.split_first_mut().unwrap();
    let (grad, dx) = grads.split_at_mut(dims.param_len());
    let batch = Batch::new(MatRef::new(&x, n, m).unwrap(), &labels).unwrap();
    *loss = Pass::new(Params::from_flat(dims, &theta).unwrap(), batch)
        .engine(engine)
        .grad(ParamsMut::from_flat(dims, grad).unwrap())
        .input_grad(MatMut::new(dx, n, m).unwrap())
        .run(&mut vec![T::zero(); dims.scratch_len(n)])
        .unwrap();
    all
}

struct Passes;

impl Passes {
    fn check_type<T: Float + 'static, S: Simd<T>>(name: &str, set: &'static S) {
        // Whole and broken registers and tiles, deep sums, few and many classes, panels of D and of X.
        let shapes = [
            (1, 1, 1, 1),
            (64, 32, 10, 7),
            (64, 32, 10, 33),
            (17, 13, 5, 100),
            (300, 40, 50, 70),
            (900, 261, 3, 37),
            (30, 256, 49, 300),
        ];
        for (m, h, c, n) in shapes {
            let dims = Dims::new(m, h, c).unwrap();
            let (expected, got) = (results::<T>(&Portable, dims, n), results(&On::<T>(set), dims, n));
            // Sums of up to this many terms in another order, each term and sum below 1 in magnitude times m.
            let tolerance = T::epsilon() * T::from(m.max(h)).unwrap();
            for (i, (&expected, &got)) in expected.iter().zip(&got).enumerate() {
                let scale = expected.abs().max(T::one());
                assert!((expected - got).abs() <= tolerance * scale, "{name} {:?}: {i}", (m, h, c, n));
            }
        }
    }
}

impl Check for Passes {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S) {
        Self::check_type::<f32, S>(name, set);
        Self::check_type::<f64, S>(name, set);
    }
}

#[test]
fn every_set_agrees_with_the_portable_loops() {
    on_each_set(&Passes);
}
