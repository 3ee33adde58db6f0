//! Time of the passes over shapes (m, h, C, n), in f32 and f64, in groups:
//!
//! | group | what |
//! |---|---|
//! | `engines/f32` | loss and gradient by each engine |
//! | `sparse/f32` | the same where 20 % of the inputs are not 0 |
//! | `few/f32` | the same for 1, 2, 4 and 8 examples |
//! | `phases/f32` | scores, loss, gradient, and the gradient with each of what can be had with it, by the default engine |
//! | `products/f32` | each of the five matrix products alone, by `Engine::Builtin` and by matrixmultiply |
//! | `compact/f32` | one example at a time, and the same by a pass |
//! | `hessian/f32` | products of the Hessian, of one direction and of four at once, and the gradient |
//!
//! One group: `cargo bench -- phases/f32`. One line: `cargo bench -- products/f64/builtin/Z/784x128x10x1024`.
//!
//! Criterion's `elem/s` are floating-point operations per second (`Gelem/s` = GFLOP/s), counted by the matrix
//! products alone: 4nmh + 6nhC for the gradient (two products of W1's size, three of W2's), 2nmh + 2nhC for `loss` and
//! `scores`, 2nmh more with the input gradient, 6nmh + 14nhC for one product of the Hessian. What the bias, ReLU and
//! softmax cost shows as missing GFLOP/s, and zeros count as any other number.

mod case;
mod hessian;
mod small;
mod work;

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use case::{Case, Real, Shape};
use work::{By, Product, What};

const SHAPES: [Shape; 7] = [
    (64, 32, 10, 1),
    (64, 32, 10, 32),
    (64, 32, 10, 1797),
    (784, 128, 10, 128),
    (784, 128, 10, 1024),
    (784, 1024, 10, 1024),
    (3072, 1024, 1000, 1024),
];

fn name((m, h, c, n): Shape) -> String {
    format!("{m}x{h}x{c}x{n}")
}

/// Times `call`, which has so many floating-point operations, on the case, which is made if it is wanted at all: the
/// command line may ask for others.
fn time<T: Real>(
    criterion: &mut Criterion,
    group: &str,
    name: &str,
    flops: usize,
    (case, make): (&mut Option<Case<T>>, &dyn Fn() -> Case<T>),
    call: &dyn Fn(&mut Case<T>) -> T,
) {
    let mut group = criterion.benchmark_group(group);
    group.throughput(Throughput::Elements(flops as u64));
    group.bench_function(name, |bencher| {
        let case = case.get_or_insert_with(make);
        bencher.iter(|| black_box(call(case)));
    });
    group.finish();
}

/// The loss and gradient by these engines at these shapes, so many percent of the inputs not 0.
fn gradients<T: Real>(criterion: &mut Criterion, group: &str, engines: &[By], shapes: &[Shape], percent: u8) {
    for &shape in shapes {
        let (mut case, make) = (None, || Case::<T>::new(shape, percent));
        for &by in engines {
            let (line, flops) = (format!("{}/{}", by.name(), name(shape)), What::Grad.flops(shape));
            time(criterion, group, &line, flops, (&mut case, &make), &|case| case.run(What::Grad, by));
        }
    }
}

fn phases<T: Real>(criterion: &mut Criterion, group: &str) {
    for shape in SHAPES {
        let (mut case, make) = (None, || Case::<T>::new(shape, 100));
        for what in What::ALL {
            let line = format!("{}/{}", what.name(), name(shape));
            let call = |case: &mut Case<T>| case.run(what, By::Auto);
            time(criterion, group, &line, what.flops(shape), (&mut case, &make), &call);
        }
    }
}

fn products<T: Real>(criterion: &mut Criterion, group: &str) {
    for shape in SHAPES {
        let (mut case, make) = (None, || Case::<T>::new(shape, 100));
        for by in [By::Builtin, By::MatrixMultiply] {
            for product in Product::ALL {
                let line = format!("{}/{}/{}", by.name(), product.name(), name(shape));
                let call = |case: &mut Case<T>| case.product(product, by);
                time(criterion, group, &line, product.flops(shape), (&mut case, &make), &call);
            }
        }
    }
}

fn of_type<T: Real>(criterion: &mut Criterion, element: &str) {
    let group = |name: &str| format!("{name}/{element}");
    gradients::<T>(criterion, &group("engines"), &By::ALL, &SHAPES, 100);
    gradients::<T>(criterion, &group("sparse"), &[By::Auto, By::MatrixMultiply], &SHAPES[3..6], 20);
    let few = [1, 2, 4, 8].map(|n| [(64, 32, 10, n), (784, 128, 10, n), (784, 1024, 10, n)]).concat();
    gradients::<T>(criterion, &group("few"), &[By::Auto, By::Portable], &few, 100);
    phases::<T>(criterion, &group("phases"));
    products::<T>(criterion, &group("products"));
    small::bench::<T>(criterion, &group("compact"));
    hessian::bench::<T>(criterion, &group("hessian"));
}

fn bench(criterion: &mut Criterion) {
    of_type::<f32>(criterion, "f32");
    of_type::<f64>(criterion, "f64");
}

criterion_group! {
    name = kernels;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = bench
}
criterion_main!(kernels);
