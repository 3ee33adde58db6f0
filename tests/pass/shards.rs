//! Promise: a sum over shards has the same bits whoever has which of them, and is the sum over all examples within rounding.

use std::ops::Range;

use crate::support::bounds::{Rounding, bounds, gauges};
use crate::support::{Element, Problem, assert_within};
use handgrad::curvature::{self, gauss_newton_vector};
use handgrad::shards::{Node, Shards, TreeSum, effective_weight, part, scratch_len};
use handgrad::{Batch, Error, Kink, MatRef, Params, ParamsMut, Pass, Reduction, What};

const RANKS: [usize; 5] = [1, 2, 3, 4, 7];
const COUNTS: [usize; 9] = [1, 2, 3, 5, 7, 12, 16, 31, 48];

/// The sum of a node along the tree, as it is defined: from above, each node cut at half of the next power of two.
fn defined(terms: &[f64]) -> f64 {
    match terms {
        [term] => *term,
        _ => {
            let (left, right) = terms.split_at(terms.len().next_power_of_two() / 2);
            defined(left) + defined(right)
        }
    }
}

/// Adds up the vectors of a node's shards.
fn sum<T: Element>(node: Node, vector: impl Fn(usize) -> Vec<T>) -> Vec<T> {
    let len = vector(node.shards().start).len();
    let mut scratch = vec![T::nan(); scratch_len(node, len)];
    let mut sum = TreeSum::new(node, len, &mut scratch).unwrap();
    for leaf in node.leaves() {
        assert_eq!(leaf.shards().len(), 1);
        sum.add(leaf, &vector(leaf.shards().start)).unwrap();
    }
    sum.finish().unwrap().to_vec()
}

/// The sum over all shards where each rank adds up what it owns, on a thread of its own, and hands it over.
fn by_ranks<T: Element>(shards: Shards, ranks: usize, vector: impl Fn(usize) -> Vec<T> + Sync) -> Vec<T> {
    let own = |rank: usize| {
        let nodes = shards.nodes(shards.owned(rank, ranks).unwrap()).unwrap();
        nodes.map(|node| (node, sum(node, &vector))).collect::<Vec<_>>()
    };
    let nodes: Vec<_> = std::thread::scope(|scope| {
        let own = &own;
        let threads: Vec<_> = (0..ranks).map(|rank| scope.spawn(move || own(rank))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let len = nodes[0].1.len();
    let mut scratch = vec![T::nan(); scratch_len(shards.root(), len)];
    let mut sum = TreeSum::new(shards.root(), len, &mut scratch).unwrap();
    nodes.iter().for_each(|(node, terms)| sum.add(*node, terms).unwrap());
    sum.finish().unwrap().to_vec()
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn cuts_give_each_example_to_one_shard_and_each_shard_to_one_rank() {
    for count in COUNTS {
        for n in [0, 1, count - 1, count, 3 * count + 1, usize::MAX] {
            let shards = Shards::new(n, count).unwrap();
            let mut next = 0;
            for shard in 0..count {
                let range = shards.range(shard).unwrap();
                assert_eq!(range.start, next);
                assert!((n / count..=n.div_ceil(count)).contains(&range.len()));
                next = range.end;
            }
            assert_eq!(next, n);
        }
        let shards = Shards::new(1, count).unwrap();
        for ranks in RANKS {
            let owned: Vec<_> = (0..ranks).map(|rank| shards.owned(rank, ranks).unwrap()).collect();
            assert!(owned.iter().cloned().flatten().eq(0..count));
            assert!(owned.iter().all(|own| own.len() <= count.div_ceil(ranks)));
            for own in owned {
                let nodes: Vec<_> = shards.nodes(own.clone()).unwrap().collect();
                let width = count / ranks;
                if width.is_power_of_two() && count % ranks == 0 {
                    assert_eq!(nodes.len(), 1, "{count} shards, {ranks} ranks: {own:?}");
                }
                assert!(nodes.len() <= 2 * (count.ilog2() as usize + 1));
                assert!(nodes.iter().flat_map(|node| node.shards()).eq(own));
            }
        }
    }
}

/// Terms of very different sizes: an addition in another order has other bits.
#[test]
fn sums_are_those_of_the_tree_whoever_has_which_shards() {
    let mut rng = fastrand::Rng::with_seed(3);
    for count in COUNTS {
        let terms: Vec<f64> = (0..count).map(|_| (rng.f64() - 0.5) * 10f64.powi(rng.i32(-8..8))).collect();
        let shards = Shards::new(0, count).unwrap();
        let expected = defined(&terms);
        for ranks in RANKS {
            let got = by_ranks(shards, ranks, |shard| vec![terms[shard], -terms[shard]]);
            assert_eq!(bits(&got), bits(&[expected, -expected]), "{count} shards, {ranks} ranks");
        }
        // And cut anywhere.
        for _ in 0..50 {
            let cut = rng.usize(0..=count);
            let nodes = shards.nodes(0..cut).unwrap().chain(shards.nodes(cut..count).unwrap());
            let mut scratch = vec![f64::NAN; scratch_len(shards.root(), 1)];
            let mut total = TreeSum::new(shards.root(), 1, &mut scratch).unwrap();
            nodes.for_each(|node| total.add(node, &[defined(&terms[node.shards()])]).unwrap());
            assert_eq!(total.finish().unwrap()[0].to_bits(), expected.to_bits());
        }
    }
}

/// A shard's part of the gradient, and behind it of the loss.
fn gradient<T: Element>(problem: &Problem, theta: &[T], x: &[T], own: Range<usize>, shard: usize) -> Vec<T> {
    let Problem { dims, n, ref labels, .. } = *problem;
    let m = dims.inputs();
    let rows = MatRef::new(&x[own.start * m..own.end * m], own.len(), m).unwrap();
    let pass =
        Pass::new(Params::from_flat(dims, theta).unwrap(), Batch::new(rows, &labels[own.clone()]).unwrap());
    let mut grad = vec![T::nan(); dims.param_len()];
    let mut scratch = vec![T::nan(); dims.scratch_len(own.len())];
    let loss = part(pass, shard, T::of(n as f64))
        .grad(ParamsMut::from_flat(dims, &mut grad).unwrap())
        .run(&mut scratch)
        .unwrap();
    grad.push(loss);
    grad
}

fn gradients<T: Element>(n: usize, count: usize) {
    let problem = Problem::random(7, (13, 9, 5, n));
    let (theta, x) = (problem.theta::<T>(), problem.x::<T>());
    let shards = Shards::new(n, count).unwrap();
    let vector = |shard| gradient(&problem, &theta, &x, shards.range(shard).unwrap(), shard);
    let expected = by_ranks(shards, 1, vector);
    for ranks in RANKS {
        let got = by_ranks(shards, ranks, vector);
        assert!(got == expected, "{n} examples, {count} shards, {ranks} ranks");
    }

    // Both are off by no more than their bounds: the tree by that of a pass, and by that of its own additions of the terms.
    let all = gradient(&problem, &theta, &x, 0..n, 0);
    let depth = f64::from(count.next_power_of_two().ilog2());
    let of_tree = 1.01 * depth * T::U;
    let bound = bounds(&problem, Rounding::of::<T>(), Kink::One, Reduction::Mean);
    let gauge = gauges(&problem, Kink::One);
    let limit = |bound: &[f64], gauge: &[f64]| -> Vec<f64> {
        bound.iter().zip(gauge).map(|(bound, gauge)| 2.0 * bound + of_tree * (gauge + bound)).collect()
    };
    let (grad, loss) = expected.split_at(expected.len() - 1);
    assert_within("gradient", grad, &all[..grad.len()], &limit(&bound.grad, &gauge.grad));
    assert_within("loss", loss, &all[grad.len()..], &limit(&bound.loss, &gauge.loss));
}

#[test]
fn gradients_over_shards_are_those_of_one_pass_within_rounding_and_have_the_same_bits() {
    for (n, count) in [(100, 16), (97, 7), (5, 12), (1, 3)] {
        gradients::<f64>(n, count);
        gradients::<f32>(n, count);
    }
}

/// Weights, ignored labels, and shards in which no example counts; L2 once.
#[test]
fn weighted_means_are_those_of_one_pass() {
    let problem = Problem::random(8, (4, 3, 3, 40));
    let (dims, m) = (problem.dims, problem.dims.inputs());
    let mut labels: Vec<i32> = problem.labels.iter().map(|&label| label as i32).collect();
    labels[5..11].fill(-1);
    let mut weights: Vec<f64> = (0..40).map(|i| f64::from(i % 4) / 4.0).collect();
    weights[20..25].fill(0.0);
    let pass = |own: Range<usize>| {
        let x = MatRef::new(&problem.x[own.start * m..own.end * m], own.len(), m).unwrap();
        let batch = Batch::new(x, &labels[own.clone()]).unwrap();
        Pass::new(Params::from_flat(dims, &problem.theta).unwrap(), batch)
            .ignore_label(-1)
            .class_weights(&[0.5, 1.0, 3.0])
            .example_weights(&weights[own])
            .l2(0.3, 0.2)
    };
    let run = |pass: Pass<'_, f64, i32>| {
        let (mut grad, mut scratch) =
            (vec![f64::NAN; dims.param_len()], vec![f64::NAN; dims.scratch_len(40)]);
        let loss = pass.grad(ParamsMut::from_flat(dims, &mut grad).unwrap()).run(&mut scratch).unwrap();
        grad.push(loss);
        grad
    };
    let expected = run(pass(0..40));
    for count in [1, 3, 8, 64] {
        let shards = Shards::new(40, count).unwrap();
        let own = |shard| pass(shards.range(shard).unwrap());
        let total = by_ranks(shards, 3, |shard| vec![effective_weight(&own(shard)).unwrap()])[0];
        let mut whole = 0.0;
        let mut scratch = vec![0.0; dims.scratch_len(40)];
        pass(0..40).effective_weight(&mut whole).run(&mut scratch).unwrap();
        assert_eq!(total, whole, "quarters are added exactly");
        let got = by_ranks(shards, 3, |shard| run(part(own(shard), shard, total)));
        assert_eq!(bits(&got), bits(&by_ranks(shards, 4, |shard| run(part(own(shard), shard, total)))));
        // 40 terms, over a total of more than 1: g is below 3 in magnitude, a and x are below 18, W2 is below 2. Each is a sum of
        // sums of 3 to 5 terms.
        let bound = 40.0 * (3.0 * 18.0 * 2.0) * (40 + 20) as f64 * f64::EPSILON;
        assert!(total > 1.0);
        assert_within("weighted", &got, &expected, &vec![bound; got.len()]);
    }
    // Where none counts, all parts but L2 are 0.
    let none = by_ranks(Shards::new(5, 2).unwrap(), 2, |shard| run(part(pass(20..25), shard, 0.0)));
    assert_eq!(none, run(pass(20..25)));
}

#[test]
fn products_with_second_derivatives_are_parts_as_well() {
    let problem = Problem::random(9, (6, 5, 4, 60));
    let (dims, m) = (problem.dims, problem.dims.inputs());
    let direction: Vec<f64> = (0..dims.param_len()).map(|i| (i % 7) as f64 / 4.0 - 0.5).collect();
    let product = |own: Range<usize>, shard| {
        let x = MatRef::new(&problem.x[own.start * m..own.end * m], own.len(), m).unwrap();
        let batch = Batch::new(x, &problem.labels[own.clone()]).unwrap();
        let pass = Pass::new(Params::from_flat(dims, &problem.theta).unwrap(), batch).l2(0.3, 0.2);
        let mut product = vec![f64::NAN; dims.param_len()];
        let out = ParamsMut::from_flat(dims, &mut product).unwrap();
        let mut scratch = vec![0.0; curvature::scratch_len(dims, own.len(), 1)];
        let direction = Params::from_flat(dims, &direction).unwrap();
        gauss_newton_vector(part(pass, shard, 60.0), direction, out, &mut scratch).unwrap();
        product
    };
    let shards = Shards::new(60, 16).unwrap();
    let one = by_ranks(shards, 1, |shard| product(shards.range(shard).unwrap(), shard));
    let three = by_ranks(shards, 3, |shard| product(shards.range(shard).unwrap(), shard));
    assert_eq!(bits(&three), bits(&one));
    let largest = one.iter().fold(0.0, |max: f64, v| max.max(v.abs()));
    assert!(largest > 1.0);
    // Sums of 60 terms that are sums of products of sums of 4 to 6, in two orders; some cancel.
    let bound = largest * 10.0 * (60 + 6 + 5 + 4) as f64 * f64::EPSILON;
    assert_within("product", &one, &product(0..60, 0), &vec![bound; one.len()]);
}

#[test]
fn nan_and_infinity_go_through() {
    let shards = Shards::new(0, 7).unwrap();
    let one = |at: usize, value: f64| move |shard: usize| vec![if shard == at { value } else { 1.0 }, 1.0];
    for at in 0..7 {
        let got = by_ranks(shards, 3, one(at, f64::NAN));
        assert!(got[0].is_nan() && got[1] == 7.0);
        assert_eq!(by_ranks(shards, 3, one(at, f64::INFINITY)), [f64::INFINITY, 7.0]);
    }
}

#[test]
fn errors() {
    assert_eq!(Shards::new(3, 0), Err(Error::Zero { what: What::Shards }));
    let sizes = (usize::MAX, 1);
    assert_eq!(Shards::new(3, usize::MAX), Err(Error::Overflow { what: What::Shards, sizes }));
    let shards = Shards::new(3, 8).unwrap();
    assert_eq!((shards.examples(), shards.count()), (3, 8));
    assert_eq!(shards.range(8), Err(Error::Index { what: What::Shards, len: 8, got: 8 }));
    assert_eq!(shards.owned(0, 0), Err(Error::Zero { what: What::Ranks }));
    assert_eq!(shards.owned(4, 4), Err(Error::Index { what: What::Ranks, len: 4, got: 4 }));
    assert_eq!(shards.owned(0, usize::MAX), Err(Error::Overflow { what: What::Ranks, sizes }));
    assert_eq!(shards.nodes(3..9).err(), Some(Error::Index { what: What::Shards, len: 8, got: 8 }));
    assert_eq!(shards.nodes(9..9).unwrap().count(), 0);

    let root = shards.root();
    let mut scratch = [0.0; 8];
    assert_eq!(scratch_len(root, 2), 8);
    let short = TreeSum::new(root, 2, &mut scratch[..7]).err();
    assert_eq!(short, Some(Error::Length { what: What::Scratch, expected: 8, got: 7 }));
    assert_eq!(scratch_len(root, usize::MAX), usize::MAX);

    let leaf = |shard| shards.nodes(shard..shard + 1).unwrap().next().unwrap();
    let half = shards.nodes(0..4).unwrap().next().unwrap();
    let mut sum = TreeSum::new(half, 2, &mut scratch).unwrap();
    assert_eq!(sum.add(leaf(1), &[1.0; 2]), Err(Error::Order { expected: 0, got: 1 }));
    assert_eq!(sum.add(leaf(0), &[1.0]), Err(Error::Length { what: What::Terms, expected: 2, got: 1 }));
    assert_eq!(sum.add(root, &[1.0; 2]), Err(Error::Length { what: What::Shards, expected: 4, got: 8 }));
    let other = Shards::new(3, 9).unwrap().nodes(0..1).unwrap().next().unwrap();
    assert_eq!(sum.add(other, &[1.0; 2]), Err(Error::Length { what: What::Shards, expected: 8, got: 9 }));
    // What fails adds nothing.
    let failed = sum.add_with(leaf(0), |terms| {
        terms.fill(f64::NAN);
        Err(Error::Executor)
    });
    assert_eq!(failed, Err(Error::Executor));
    (0..3).for_each(|shard| sum.add(leaf(shard), &[1.0; 2]).unwrap());
    assert_eq!(sum.add(leaf(4), &[1.0; 2]), Err(Error::Order { expected: 3, got: 4 }));
    let missing = sum.finish();
    assert_eq!(missing, Err(Error::Length { what: What::Shards, expected: 4, got: 3 }));
    let mut sum = TreeSum::new(half, 2, &mut scratch).unwrap();
    (0..4).for_each(|shard| sum.add(leaf(shard), &[1.0; 2]).unwrap());
    assert_eq!(sum.add(leaf(4), &[1.0; 2]), Err(Error::Length { what: What::Shards, expected: 0, got: 1 }));
    assert_eq!(sum.finish().unwrap(), [4.0; 2]);

    let problem = Problem::random(1, (2, 2, 2, 2));
    let batch = || Batch::new(MatRef::new(&problem.x, 2, 2).unwrap(), &problem.labels).unwrap();
    let pass = || Pass::new(Params::from_flat(problem.dims, &problem.theta).unwrap(), batch());
    let weight = effective_weight(&pass().example_weights(&[1.0]));
    assert_eq!(weight, Err(Error::Length { what: What::ExampleWeights, expected: 2, got: 1 }));
    let weight = effective_weight(&pass().class_weights(&[1.0, -1.0]));
    assert_eq!(weight, Err(Error::Value { what: What::ClassWeights, index: 1, got: -1.0 }));
    let loss = part(pass(), 0, -1.0).run(&mut vec![0.0; problem.dims.scratch_len(2)]);
    assert_eq!(loss, Err(Error::Value { what: What::Divisor, index: 0, got: -1.0 }));
}

#[test]
fn what_errors_say() {
    let table = [
        (Error::Index { what: What::Ranks, len: 4, got: 4 }, "ranks: expected a number in 0..4, got 4"),
        (Error::Order { expected: 3, got: 5 }, "sum over shards: expected shard 3 next, got 5"),
        (Error::Length { what: What::Shards, expected: 8, got: 3 }, "shards: expected 8 of them, got 3"),
        (
            Error::Length { what: What::Terms, expected: 8, got: 3 },
            "vector of a sum: expected length 8, got 3",
        ),
    ];
    table.into_iter().for_each(|(error, text)| assert_eq!(error.to_string(), text));
}
