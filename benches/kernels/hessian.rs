//! Products of the Hessian with one direction and with four at once, beside the gradient of the same case.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use handgrad::curvature::{hessian_vectors, scratch_len};
use handgrad::{Batch, MatRef, Params, ParamsMut, Pass};

use crate::case::{Case, Real, Shape};
use crate::work::{By, What};

const SHAPES: [Shape; 2] = [(784, 128, 10, 1024), (784, 1024, 10, 1024)];

pub fn bench<T: Real>(criterion: &mut Criterion, group: &str) {
    let mut group = criterion.benchmark_group(group);
    for shape in SHAPES {
        let (m, h, c, n) = shape;
        let name = |what: &str| format!("{what}/{m}x{h}x{c}x{n}");
        let mut case = None;
        group.throughput(Throughput::Elements(What::Grad.flops(shape) as u64));
        group.bench_function(name("grad"), |bencher| {
            let case = case.get_or_insert_with(|| Case::<T>::new(shape, 100));
            bencher.iter(|| black_box(case.run(What::Grad, By::Auto)));
        });
        for directions in [1, 4] {
            group.throughput(Throughput::Elements(flops(shape, directions) as u64));
            group.bench_function(name(&format!("directions {directions}")), |bencher| {
                let case = case.get_or_insert_with(|| Case::<T>::new(shape, 100));
                let len = case.theta.len();
                let mut products = vec![T::zero(); directions * len];
                let mut scratch = vec![T::zero(); scratch_len(case.dims, n, directions)];
                // The weights are a direction like any other.
                let params = Params::from_flat(case.dims, &case.theta).expect("parameters");
                let x = MatRef::new(&case.x, n, m).expect("examples");
                let v = vec![params; directions];
                let product = |flat| ParamsMut::from_flat(case.dims, flat).expect("a product");
                let mut products: Vec<_> = products.chunks_mut(len).map(product).collect();
                bencher.iter(|| {
                    let batch = Batch::new(x, &case.labels).expect("labels");
                    let pass = Pass::new(black_box(params), batch);
                    hessian_vectors(pass, &v, &mut products, &mut scratch).expect("a valid call")
                });
            });
        }
    }
    group.finish();
}

/// Of all directions: X W1ᵀ and A W2ᵀ once, and for each direction two products of W1's size and six of W2's.
fn flops((m, h, c, n): Shape, directions: usize) -> usize {
    2 * n * m * h + 2 * n * h * c + directions * (4 * n * m * h + 12 * n * h * c)
}
