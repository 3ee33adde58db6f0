//! The diagonal and the Kronecker factors.

use handgrad::curvature::{self, KroneckerFactors, Tangents, scratch_len, tangent};
use handgrad::{Batch, Dims, Error, MatMut, MatRef, Params, ParamsMut, Pass, What};
use num_traits::Float;

use super::case::{Case, assert_close, engines};
use super::{cases, dot, product, scratch};
use crate::scoped::Scoped;

/// The diagonal and the traces.
pub fn diagonal(case: &Case<f64>) -> (Vec<f64>, Vec<f64>) {
    let (mut diagonal, mut traces) = (vec![f64::NAN; case.dims.param_len()], vec![f64::NAN; case.n]);
    let out = ParamsMut::from_flat(case.dims, &mut diagonal).unwrap();
    curvature::diagonal(case.pass(), out, Some(&mut traces), &mut scratch(case, 1)).unwrap();
    (diagonal, traces)
}

/// The factors: inputs, hidden, activations, scores.
pub fn kronecker(case: &Case<f64>) -> [Vec<f64>; 4] {
    factors(case.dims, |out| {
        curvature::kronecker_factors(case.pass(), out, &mut scratch(case, 1)).unwrap();
    })
}

/// What `run` writes to them.
pub fn factors<T: Float>(dims: Dims, run: impl FnOnce(KroneckerFactors<'_, T>)) -> [Vec<T>; 4] {
    let lens = [dims.inputs() + 1, dims.hidden(), dims.hidden() + 1, dims.classes()];
    let mut factors = lens.map(|len| vec![T::nan(); len * len]);
    {
        let [inputs, hidden, activations, scores] = factors.each_mut();
        let view = |factor, len| Some(MatMut::new(factor, len, len).unwrap());
        run(KroneckerFactors {
            inputs: view(inputs, lens[0]),
            hidden: view(hidden, lens[1]),
            activations: view(activations, lens[2]),
            scores: view(scores, lens[3]),
        });
    }
    factors
}

#[test]
fn the_diagonal_has_the_second_derivative_by_each_parameter() {
    for (index, case) in cases().enumerate() {
        let (len, (got, _)) = (case.dims.param_len(), diagonal(&case));
        for at in (index % 3..len).step_by(1 + len / 12) {
            let mut direction = vec![0.0; len];
            direction[at] = 1.0;
            let one = Case { direction, ..case.clone() };
            let all = tangent(one.pass(), one.v(), Tangents::default(), &mut scratch(&one, 1)).unwrap();
            let size = 1e-12 * all.hessian.abs().max(1e-3);
            let context = || format!("{index} {:?} [{at}]: {} {all:?}", case.dims, got[at]);
            assert!((all.hessian - got[at]).abs() <= size, "{}", context());
            assert!((all.gauss_newton - got[at]).abs() <= size, "{}", context());
        }
    }
}

#[test]
fn the_diagonals_of_single_examples_add_up_to_their_traces() {
    for case in cases().filter(|case| case.n <= 40) {
        let (_, traces) = diagonal(&case);
        for i in (0..case.n).step_by(1 + case.n / 4) {
            let (m, c) = (case.dims.inputs(), case.dims.classes());
            let one = Case {
                n: 1,
                x: case.x[i * m..][..m].to_vec(),
                labels: vec![case.labels[i]],
                targets: case.targets.as_ref().map(|targets| targets[i * c..][..c].to_vec()),
                example_weights: case.example_weights.as_ref().map(|weights| vec![weights[i]]),
                divisor: Some(1.0),
                l2: [0.0; 2],
                ..case.clone()
            };
            let sum: f64 = diagonal(&one).0.iter().sum();
            assert!(
                (sum - traces[i]).abs() <= 1e-12 * sum.max(1e-3),
                "{i} of {:?}: {sum} {}",
                case.dims,
                traces[i]
            );
        }
    }
}

/// Of one example the blocks of Gauss-Newton's matrix are the Kronecker products of their factors.
#[test]
fn factors_of_one_example_are_exact() {
    for mut case in cases() {
        let (m, h, c) = (case.dims.inputs(), case.dims.hidden(), case.dims.classes());
        (case.n, case.l2) = (1, [0.0; 2]);
        case.x.truncate(m);
        case.labels.truncate(1);
        case.targets.iter_mut().for_each(|targets| targets.truncate(c));
        case.example_weights.iter_mut().for_each(|weights| weights.truncate(1));
        let [inputs, hidden, activations, scores] = kronecker(&case);
        let blocks = [(0, h, m, &hidden, &inputs), (h * m + h, c, h, &scores, &activations)];
        for (first, rows, cols, outer, inner) in blocks {
            let mut one = case.clone();
            let end = first + rows * cols + rows;
            one.direction[..first].fill(0.0);
            one.direction[end..].fill(0.0);
            // Row by row [W, b].
            let joined = |v: &[f64]| {
                let v = &v[first..end];
                let row = |r: usize| {
                    (0..=cols).map(move |k| v[if k < cols { r * cols + k } else { rows * cols + r }])
                };
                (0..rows).flat_map(row).collect::<Vec<f64>>()
            };
            let (v, got) = (joined(&one.direction), joined(&product(&one, one.pass(), false).1));
            let width = cols + 1;
            let times_inner: Vec<f64> = (0..rows * width)
                .map(|i| dot(&v[i / width * width..][..width], &inner[i % width * width..][..width]))
                .collect();
            let expected: Vec<f64> = (0..rows * width)
                .map(|i| {
                    (0..rows).map(|r| outer[i / width * rows + r] * times_inner[r * width + i % width]).sum()
                })
                .collect();
            if inputs.iter().all(|x| *x == 0.0) {
                continue; // It is excluded.
            }
            assert_close(&(case.dims, first), &got, &expected);
        }
    }
}

/// Of several examples they are the sums of theirs.
#[test]
fn factors_add_up_over_examples() {
    for case in cases().filter(|case| case.n <= 40 && case.n > 1) {
        let mut case = Case { divisor: Some(2.0), ..case };
        let all = kronecker(&case);
        let weights = case.example_weights.clone().unwrap_or(vec![1.0; case.n]);
        let mut halves = [0, 1].map(|half| {
            case.example_weights =
                Some(weights.iter().enumerate().map(|(i, w)| if i % 2 == half { *w } else { 0.0 }).collect());
            kronecker(&case)
        });
        let [first, second] = &mut halves;
        for ((all, first), second) in all.iter().zip(first).zip(second) {
            first.iter_mut().zip(second).for_each(|(a, b)| *a += *b);
            assert_close(&case.dims, all, first);
        }
    }
}

/// So they do over chunks.
#[test]
fn factors_of_several_chunks_are_sums_of_those_of_parts() {
    let case = Case { divisor: Some(3.0), ..Case::new(4, (4, 5, 3, 5000)) };
    let mut sums = kronecker(&case).map(|factor| vec![0.0; factor.len()]);
    for (x, labels) in case.x.chunks(4000).zip(case.labels.chunks(1000)) {
        let part = Case { n: labels.len(), x: x.to_vec(), labels: labels.to_vec(), ..case.clone() };
        for (sum, factor) in sums.iter_mut().zip(kronecker(&part)) {
            sum.iter_mut().zip(factor).for_each(|(sum, x)| *sum += x);
        }
    }
    for (got, expected) in kronecker(&case).iter().zip(&sums) {
        assert_close(&case.dims, got, expected);
    }
}

#[test]
fn factors_are_symmetric_and_the_same_bits_on_any_threads() {
    for case in cases().take(20).chain([Case::new(5, (40, 61, 5, 2100))]) {
        let factors = kronecker(&case);
        let (m, h, c) = (case.dims.inputs(), case.dims.hidden(), case.dims.classes());
        for (len, factor) in [m + 1, h, h + 1, c].into_iter().zip(&factors) {
            for (i, j) in (0..len).flat_map(|i| (0..i).map(move |j| (i, j))) {
                assert_eq!(factor[i * len + j], factor[j * len + i]);
            }
        }
        let (mut hidden, mut inputs) = (vec![f64::NAN; h * h], vec![f64::NAN; (m + 1) * (m + 1)]);
        let out = KroneckerFactors {
            hidden: Some(MatMut::new(&mut hidden, h, h).unwrap()),
            inputs: Some(MatMut::new(&mut inputs, m + 1, m + 1).unwrap()),
            ..KroneckerFactors::default()
        };
        curvature::kronecker_factors(case.pass().executor(&Scoped(3)), out, &mut scratch(&case, 1)).unwrap();
        assert_eq!([&inputs, &hidden], [&factors[0], &factors[1]]);
        let mut threaded = vec![f64::NAN; case.dims.param_len()];
        let out = ParamsMut::from_flat(case.dims, &mut threaded).unwrap();
        curvature::diagonal(case.pass().executor(&Scoped(3)), out, None, &mut scratch(&case, 1)).unwrap();
        assert_eq!(threaded, diagonal(&case).0);
    }
}

#[test]
fn all_engines_agree() {
    for case in cases().step_by(5) {
        let expected = (diagonal(&case).0, kronecker(&case));
        for (name, engine) in engines() {
            let mut got = vec![f64::NAN; case.dims.param_len()];
            let out = ParamsMut::from_flat(case.dims, &mut got).unwrap();
            curvature::diagonal(case.pass().engine(engine), out, None, &mut scratch(&case, 1)).unwrap();
            assert_close(&name, &got, &expected.0);
            let h = case.dims.hidden();
            let mut hidden = vec![f64::NAN; h * h];
            let out = KroneckerFactors {
                hidden: Some(MatMut::new(&mut hidden, h, h).unwrap()),
                ..KroneckerFactors::default()
            };
            curvature::kronecker_factors(case.pass().engine(engine), out, &mut scratch(&case, 1)).unwrap();
            assert_close(&name, &hidden, &expected.1[1]);
        }
    }
}

#[test]
fn errors() {
    let case = Case::new(1, (3, 4, 3, 6));
    let other = Case::new(1, (3, 5, 3, 6));
    let mut out = vec![7.0; other.dims.param_len()];
    let enough = &mut vec![0.0; scratch_len(case.dims, 6, 1)];
    let view = ParamsMut::from_flat(other.dims, &mut out).unwrap();
    let error = curvature::diagonal(case.pass(), view, None, enough).unwrap_err();
    assert_eq!(error, Error::Dims { what: What::Hessian, expected: (3, 4, 3), got: (3, 5, 3) });
    let view = ParamsMut::from_flat(case.dims, &mut out[..case.dims.param_len()]).unwrap();
    let error = curvature::diagonal(case.pass(), view, Some(&mut [7.0; 5]), enough).unwrap_err();
    assert_eq!(error, Error::Length { what: What::Traces, expected: 6, got: 5 });
    let factors = KroneckerFactors {
        activations: Some(MatMut::new(&mut out[..16], 4, 4).unwrap()),
        ..KroneckerFactors::default()
    };
    let error = curvature::kronecker_factors(case.pass(), factors, enough).unwrap_err();
    assert_eq!(error, Error::Shape { what: What::KroneckerFactor, expected: (5, 5), got: (4, 4) });
    assert!(out.iter().all(|x| *x == 7.0));
}

/// Views whose rows or columns are all one.
#[test]
fn weights_that_are_the_same_in_memory() {
    let case = Case::new(3, (5, 6, 4, 9));
    let (m, h, c, n) = (5, 6, 4, 9);
    let at = h * m + h;
    for strides in [(0, 1), (1, 0), (0, 0)] {
        let w2: Vec<f64> =
            (0..c * h).map(|i| case.theta[at + i / h * strides.0 + i % h * strides.1]).collect();
        let mut plain = case.clone();
        plain.theta[at..at + c * h].copy_from_slice(&w2);
        let params = Params::new(
            MatRef::new(&case.theta[..h * m], h, m).unwrap(),
            &case.theta[h * m..at],
            MatRef::with_strides(&case.theta[at..at + c * h], (c, h), strides).unwrap(),
            &case.theta[at + c * h..],
        );
        let batch = Batch::new(MatRef::new(&case.x, n, m).unwrap(), &case.labels).unwrap();
        let (mut got, mut traces) = (vec![f64::NAN; case.dims.param_len()], vec![f64::NAN; n]);
        let out = ParamsMut::from_flat(case.dims, &mut got).unwrap();
        let pass = || Pass::new(params.unwrap(), batch);
        curvature::diagonal(pass(), out, Some(&mut traces), &mut scratch(&case, 1)).unwrap();
        let expected = diagonal(&plain);
        assert_close(&strides, &got, &expected.0);
        assert_close(&strides, &traces, &expected.1);
        let got = factors(case.dims, |out| {
            curvature::kronecker_factors(pass(), out, &mut scratch(&case, 1)).unwrap();
        });
        got.iter().zip(&kronecker(&plain)).for_each(|(got, x)| assert_close(&strides, got, x));
        let mut got = vec![f64::NAN; case.dims.param_len()];
        let out = ParamsMut::from_flat(case.dims, &mut got).unwrap();
        curvature::hessian_vector(pass(), case.v(), out, &mut scratch(&case, 1)).unwrap();
        assert_close(&strides, &got, &product(&plain, plain.pass(), true).1);
    }
}
