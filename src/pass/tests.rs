//! A pass on every instruction set of this machine.

use core::cell::Cell;

use num_traits::Float;

use super::engine::{Engine, Products};
use super::layout::External;
use super::phases::Phases;
use super::setup::Pass;
use crate::data::{Batch, Dims, MatMut, MatRef, Params, ParamsMut};
use crate::simd::tests::{Check, number, on_each_set};
use crate::simd::{Portable, Simd};

/// Loss, gradient and input gradient.
fn results<T: Float + Send + Sync + 'static>(phases: &'static dyn Phases<T>, dims: Dims, n: usize) -> Vec<T> {
    let (m, c) = (dims.inputs(), dims.classes());
    let theta: Vec<T> = (0..dims.param_len()).map(number).collect();
    let x: Vec<T> = (0..n * m).map(|i| number(i + 5)).collect();
    let labels: Vec<usize> = (0..n).map(|i| i * 31 % c).collect();
    let mut all = vec![T::nan(); 1 + dims.param_len() + n * m];
    let (loss, grads) = all.split_first_mut().unwrap();
    let (grad, dx) = grads.split_at_mut(dims.param_len());
    let batch = Batch::new(MatRef::new(&x, n, m).unwrap(), &labels).unwrap();
    let products = Products { phases, gemm: None, external: External::None };
    *loss = Pass::new(Params::from_flat(dims, &theta).unwrap(), batch)
        .grad(ParamsMut::from_flat(dims, grad).unwrap())
        .input_grad(MatMut::new(dx, n, m).unwrap())
        .evaluate(products, &mut vec![T::zero(); dims.scratch_len(n)])
        .unwrap();
    all
}

struct Passes;

impl Passes {
    fn check_type<T: Float + Send + Sync + 'static, S: Simd<T>>(name: &str, set: &'static S) {
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
            let (expected, got) = (results::<T>(&Portable, dims, n), results::<T>(set, dims, n));
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

/// How many sets this machine has.
struct Count(Cell<usize>);

impl Check for Count {
    fn check<S: Simd<f32> + Simd<f64>>(&self, _: &str, _: &'static S) {
        self.0.set(self.0.get() + 1);
    }
}

fn check_auto<T: Float + 'static>(is_portable: bool, has_matrix_multiply: bool) {
    assert!(Products::<T>::of(Engine::Portable).phases.is_portable());
    assert_eq!(Products::<T>::of(Engine::Builtin).phases.is_portable(), is_portable);
    let auto = Products::<T>::of(Engine::Auto);
    assert_eq!(auto.phases.is_portable(), is_portable);
    let multiplies = is_portable && has_matrix_multiply && cfg!(feature = "std");
    assert_eq!(auto.external, if multiplies { External::Forward } else { External::None });
    assert_eq!(auto.gemm.is_some(), multiplies);
    #[cfg(feature = "matrixmultiply")]
    {
        let other = Products::<T>::of(Engine::MatrixMultiply);
        assert_eq!(other.external, if has_matrix_multiply { External::Forward } else { External::None });
        assert_eq!(other.gemm.is_some(), has_matrix_multiply);
    }
}

/// Nobody else multiplies where there are vector instructions for a type.
#[test]
fn auto_is_the_best_set_that_there_is() {
    let count = Count(Cell::new(0));
    on_each_set(&count);
    let is_portable = count.0.get() == 1;
    check_auto::<f32>(is_portable, cfg!(feature = "matrixmultiply"));
    check_auto::<f64>(is_portable, cfg!(feature = "matrixmultiply"));
    check_auto::<half::bf16>(true, false);
}
