//! A pass on every instruction set of this machine.

use num_traits::Float;

use super::engine::Products;
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
