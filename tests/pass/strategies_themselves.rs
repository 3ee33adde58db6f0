//! Promise: the strategies give what they say, hard cases in a stated share, and shrink to cases that read well.

use crate::strategies::{self, Problem};
use handgrad::{Dims, MatMut, Pass, derivation};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};

const SAMPLES: usize = 2000;

fn runner() -> TestRunner {
    TestRunner::new(Config { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..Config::default() })
}

fn samples<S: Strategy>(strategy: &S) -> Vec<S::Value> {
    let mut runner = runner();
    (0..SAMPLES).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

fn share<T>(samples: &[T], holds: impl Fn(&T) -> bool) -> f64 {
    samples.iter().filter(|sample| holds(sample)).count() as f64 / samples.len() as f64
}

fn sizes(dims: Dims) -> [usize; 3] {
    [dims.inputs(), dims.hidden(), dims.classes()]
}

#[test]
fn dims_are_small_and_often_one() {
    let dims = samples(&strategies::dims(40));
    for which in 0..3 {
        let size = |dims: &Dims| sizes(*dims)[which];
        assert!(dims.iter().all(|dims| (1..=40).contains(&size(dims))));
        assert!((0.25..0.5).contains(&share(&dims, |dims| size(dims) == 1)));
        assert!(share(&dims, |dims| size(dims) > 20) > 0.05);
        assert!(dims.iter().any(|dims| size(dims) == 40));
    }
    assert!(samples(&strategies::dims(0)).iter().all(|dims| sizes(*dims) == [1; 3]));
}

#[test]
fn dims_within_a_number_of_parameters() {
    for limit in [4, 100, 100_000] {
        let dims = samples(&strategies::dims_within(limit));
        assert!(dims.iter().all(|dims| dims.param_len() <= limit));
    }
    let dims = samples(&strategies::dims_within(100_000));
    assert!(share(&dims, |dims| dims.param_len() > 5_000) > 0.02);
    assert!(share(&dims, |dims| dims.param_len() < 100) > 0.3);
    assert!(dims.iter().any(|dims| dims.param_len() > 30_000));
    for which in 0..3 {
        assert!(dims.iter().any(|dims| sizes(*dims)[which] > 1_000));
    }
}

fn z(problem: &Problem<f64>, example: usize) -> Vec<f64> {
    let (params, m) = (problem.params().unwrap(), problem.dims.inputs());
    let mut z = vec![0.0; problem.dims.hidden()];
    let x = &problem.x[example * m..(example + 1) * m];
    derivation::preactivations(params.w1().as_slice(), params.b1(), x, &mut z).unwrap();
    z
}

fn scores(problem: &Problem<f64>) -> Vec<f64> {
    let (n, c) = (problem.labels.len(), problem.dims.classes());
    let mut f = vec![0.0; n * c];
    Pass::new(problem.params().unwrap(), problem.batch().unwrap())
        .scores(MatMut::new(&mut f, n, c).unwrap())
        .infer(&mut vec![0.0; problem.dims.scratch_len(n)])
        .unwrap();
    f
}

#[test]
fn problems_fit_and_are_dyadic() {
    let problems = samples(&strategies::problems::<f64>(strategies::dims(6), 5));
    assert!((0.02..0.04).contains(&share(&problems, |problem| problem.labels.is_empty())));
    for problem in problems {
        let (n, dims) = (problem.labels.len(), problem.dims);
        assert!((0..=5).contains(&n));
        assert_eq!((problem.theta.len(), problem.x.len()), (dims.param_len(), n * dims.inputs()));
        assert!(problem.labels.iter().all(|&label| label < dims.classes()));
        assert!(problem.x.iter().all(|x| (x * 16.0).fract() == 0.0 && x.abs() <= 2.0));
        // b1 may be a sum of products of two such numbers.
        let multiple = |v: &f64| (v * 256.0).fract() == 0.0 && f64::from(*v as f32) == *v;
        assert!(problem.theta.iter().all(multiple));
    }
    let zeros = |values: &[f64]| values.iter().filter(|v| **v == 0.0).count() as f64 / values.len() as f64;
    let dims = Dims::new(20, 20, 20).unwrap();
    assert!((0.25..0.4).contains(&zeros(&samples(&strategies::params::<f64>(dims)).concat())));
    assert!((0.25..0.4).contains(&zeros(&samples(&strategies::inputs::<f64>(dims, 3)).concat())));
    assert!(samples(&strategies::labels(dims, 3)).concat().contains(&19));
}

/// Among nets of more than one unit, class and example the cases show as they are meant; by chance a little more
/// often than they are drawn.
#[test]
fn hard_cases_in_their_shares() {
    let problems = samples(&strategies::problems::<f64>(strategies::dims(30), 8));
    let large = |p: &Problem<f64>| sizes(p.dims).iter().all(|&size| size > 2) && p.labels.len() > 2;
    let problems: Vec<_> = problems.into_iter().filter(large).collect();
    assert!(problems.len() > 150, "{}", problems.len());
    let check = |name: &str, holds: &dyn Fn(&Problem<f64>) -> bool, from: f64, to: f64| {
        let share = share(&problems, holds);
        println!("{name}: {share:.2}");
        assert!((from..to).contains(&share), "{name}: {share}");
    };
    let n = |p: &Problem<f64>| p.labels.len();
    let rows = |p: &Problem<f64>| {
        let m = p.dims.inputs();
        p.x.chunks(m).map(|x| x.iter().map(|v| v.to_bits()).collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    check("kink", &|p| (0..n(p)).any(|i| z(p, i).contains(&0.0)), 0.3, 0.6);
    let dead = |p: &Problem<f64>| (0..p.dims.hidden()).any(|unit| (0..n(p)).all(|i| z(p, i)[unit] == 0.0));
    check("dead unit", &dead, 0.17, 0.4);
    let tied = |p: &Problem<f64>, f: &[f64]| {
        let largest = f.iter().fold(f64::MIN, |max, &f| max.max(f));
        f.len() == p.dims.classes() && f.iter().filter(|f| **f == largest).count() > 1
    };
    check("leading tie", &|p| scores(p).chunks(p.dims.classes()).any(|f| tied(p, f)), 0.05, 0.4);
    let spread = |p: &Problem<f64>| {
        let (min, max) = scores(p).iter().fold((0f64, 0f64), |(min, max), f| (min.min(*f), max.max(*f)));
        max - min
    };
    check("spread over 1000", &|p| spread(p) > 1000.0, 0.05, 0.2);
    check("spread over 50", &|p| spread(p) > 50.0, 0.1, 0.5);
    let twice = |p: &Problem<f64>| (1..n(p)).any(|i| rows(p)[..i].contains(&rows(p)[i]));
    check("an example twice", &twice, 0.15, 0.35);
    check("all alike", &|p| rows(p).iter().all(|row| *row == rows(p)[0]), 0.05, 0.2);
    check("one label", &|p| p.labels.iter().all(|label| *label == p.labels[0]), 0.15, 0.45);
    let least = |p: &Problem<f64>| {
        let f = scores(p);
        p.labels.iter().zip(f.chunks(p.dims.classes())).all(|(&y, f)| f.iter().all(|other| f[y] <= *other))
    };
    check("least scores", &least, 0.15, 0.35);
    let blank = |p: &Problem<f64>| {
        let m = p.dims.inputs();
        (0..m).any(|col| p.x.iter().skip(col).step_by(m).all(|x| *x == 0.0))
    };
    check("blank input", &blank, 0.17, 0.4);
}

/// What is left of a failing case is what makes it fail.
#[test]
fn shrunk_cases_read_well() {
    let strategy = strategies::problems::<f64>(strategies::dims(9), 9);
    let failed = runner().run(&strategy, |problem| {
        prop_assert!(problem.labels.len() < 3 || problem.dims.classes() < 2);
        Ok(())
    });
    let Err(TestError::Fail(_, problem)) = failed else { panic!("{failed:?}") };
    assert_eq!((sizes(problem.dims), problem.labels.len()), ([1, 1, 2], 3), "{problem:?}");
    assert!(problem.theta.iter().chain(&problem.x).all(|v| [0.0, 1.0].contains(v)), "{problem:?}");
    assert_eq!(problem.labels, [0; 3]);

    let failed = runner().run(&strategy, |problem| {
        prop_assert!(problem.theta[0] < 1.0);
        Ok(())
    });
    let Err(TestError::Fail(_, problem)) = failed else { panic!("{failed:?}") };
    assert_eq!((problem.theta[0], problem.dims.param_len()), (1.0, 4), "{problem:?}");
}

/// In any Float.
#[test]
fn in_f32() {
    let f32s = samples(&strategies::problems::<f32>(strategies::dims(6), 5));
    let f64s = samples(&strategies::problems::<f64>(strategies::dims(6), 5));
    for (single, double) in f32s.iter().zip(&f64s) {
        assert_eq!(single.theta.iter().map(|&v| f64::from(v)).collect::<Vec<_>>(), double.theta);
    }
}
