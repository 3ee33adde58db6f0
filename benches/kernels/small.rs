//! One example at a time, as small targets have it, in a net as small as theirs.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use handgrad::compact::Net;

use crate::case::{Case, Real, Shape};
use crate::work::{By, What};

const SHAPE: Shape = (16, 8, 3, 1);

pub fn bench<T: Real>(criterion: &mut Criterion, group: &str) {
    let mut case = Case::<T>::new(SHAPE, 100);
    let mut group = criterion.benchmark_group(group);
    for what in [What::Loss, What::Grad] {
        group.throughput(Throughput::Elements(what.flops(SHAPE) as u64));
        for by in [By::Auto, By::Portable] {
            let name = format!("pass/{}/{}", by.name(), what.name());
            group.bench_function(name, |bencher| bencher.iter(|| black_box(case.run(what, by))));
        }
    }
    let (theta, x, class) = (&case.theta, black_box(&case.x), usize::from(case.labels[0]));
    let net = Net::new(case.dims, theta).expect("parameters");
    let (grad, scratch) = (&mut case.grad, &mut case.scratch);
    group.throughput(Throughput::Elements(What::Loss.flops(SHAPE) as u64));
    group.bench_function("one/predict", |bencher| {
        bencher.iter(|| net.predict(black_box(x), scratch).expect("a valid call"));
    });
    group.bench_function("one/loss", |bencher| {
        bencher.iter(|| net.loss(black_box(x), class, scratch).expect("a valid call"));
    });
    // Added to what is there, which so grows, but not to infinity.
    group.throughput(Throughput::Elements(What::Grad.flops(SHAPE) as u64));
    group.bench_function("one/add_grad", |bencher| {
        bencher.iter(|| net.add_grad(black_box(x), class, T::one(), grad, scratch).expect("a valid call"));
    });
    group.finish();
}
