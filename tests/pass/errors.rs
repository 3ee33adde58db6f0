//! Promise: every misuse is a typed error that says what, where, expected and got, before any output is
//! written.

use crate::support::Problem;
use handgrad::gemm::{Beta, Gemm};
use handgrad::{
    Batch, Dims, Engine, Error, MatMut, MatRef, Params, ParamsMut, Pass, What, loss, loss_and_grad, predict,
    probabilities, scores,
};

mod derivation;

const M: usize = 4;
const H: usize = 3;
const C: usize = 5;
const N: usize = 6;
const PATTERN: f64 = 7.25;

fn dims() -> Dims {
    Dims::new(M, H, C).unwrap()
}

/// The buffers of one call, all outputs filled with the pattern.
struct Buffers {
    grad: Vec<f64>,
    input_grad: Vec<f64>,
    losses: Vec<f64>,
    matrices: [Vec<f64>; 3],
    predictions: Vec<usize>,
    scratch: Vec<f64>,
}

impl Buffers {
    fn new() -> Self {
        Self {
            grad: vec![PATTERN; dims().param_len()],
            input_grad: vec![PATTERN; N * M],
            losses: vec![PATTERN; N],
            matrices: [(); 3].map(|()| vec![PATTERN; N * C]),
            predictions: vec![99; N],
            scratch: vec![PATTERN; dims().scratch_len(N)],
        }
    }
}

/// Views over the buffers that a case may exchange for wrong ones.
struct Views<'a> {
    params: Params<'a, f64>,
    x: MatRef<'a, f64>,
    labels: Vec<i16>,
    grad: ParamsMut<'a, f64>,
    input_grad: MatMut<'a, f64>,
    losses: &'a mut [f64],
    matrices: [MatMut<'a, f64>; 3],
    predictions: &'a mut [usize],
    scratch: &'a mut [f64],
}

/// Makes a call that asks for every output, with one thing spoilt, and requires this error and untouched
/// outputs. `net` and `spare` are memory that lives as long as the views.
fn refused(expected: Error, spoil: impl for<'a> FnOnce(&mut Views<'a>, &'a mut [f64])) {
    let problem = Problem::random(1, (M, H, C, N));
    let mut b = Buffers::new();
    let mut spare = vec![PATTERN; 1000];
    {
        let [first, second, third] = &mut b.matrices;
        let mut v = Views {
            params: Params::from_flat(dims(), &problem.theta).unwrap(),
            x: MatRef::new(&problem.x, N, M).unwrap(),
            labels: problem.labels.iter().map(|&label| label as i16).collect(),
            grad: ParamsMut::from_flat(dims(), &mut b.grad).unwrap(),
            input_grad: MatMut::new(&mut b.input_grad, N, M).unwrap(),
            losses: &mut b.losses,
            matrices: [first, second, third].map(|memory| MatMut::new(memory, N, C).unwrap()),
            predictions: &mut b.predictions,
            scratch: &mut b.scratch,
        };
        spoil(&mut v, &mut spare);
        let [f, p, log_p] = v.matrices;
        let got = Batch::new(v.x, &v.labels).and_then(|batch| {
            Pass::new(v.params, batch)
                .grad(v.grad)
                .input_grad(v.input_grad)
                .losses(v.losses)
                .scores(f)
                .probabilities(p)
                .log_probabilities(log_p)
                .predictions(v.predictions)
                .run(v.scratch)
        });
        assert_eq!(got, Err(expected));
    }
    let untouched = [&b.grad, &b.input_grad, &b.losses, &b.scratch, &spare].into_iter().chain(&b.matrices);
    assert!(untouched.flatten().all(|&value| value == PATTERN), "{expected}: an output was written");
    assert!(b.predictions.iter().all(|&class| class == 99), "{expected}: the predictions were written");
}

#[test]
fn the_unspoilt_call_is_accepted() {
    let result = std::panic::catch_unwind(|| refused(Error::Executor, |_, _| {}));
    assert!(result.is_err(), "`refused` must notice that there was no error");
}

#[test]
fn pass_refuses_wrong_sizes() {
    refused(Error::Shape { what: What::X, expected: (N, M), got: (N, M - 1) }, |v, spare| {
        v.x = MatRef::new(&spare[..N * (M - 1)], N, M - 1).unwrap();
    });
    refused(Error::Length { what: What::Labels, expected: N, got: N + 1 }, |v, _| v.labels.push(0));
    let got = (M, H, C - 1);
    refused(Error::Dims { what: What::Gradient, expected: (M, H, C), got }, |v, spare| {
        let dims = Dims::new(M, H, C - 1).unwrap();
        v.grad = ParamsMut::from_flat(dims, &mut spare[..dims.param_len()]).unwrap();
    });
    refused(Error::Shape { what: What::InputGradient, expected: (N, M), got: (M, N) }, |v, spare| {
        v.input_grad = MatMut::new(&mut spare[..N * M], M, N).unwrap();
    });
    for (i, what) in [What::Scores, What::Probabilities, What::LogProbabilities].into_iter().enumerate() {
        refused(Error::Shape { what, expected: (N, C), got: (N + 1, C) }, |v, spare| {
            v.matrices[i] = MatMut::new(&mut spare[..(N + 1) * C], N + 1, C).unwrap();
        });
    }
    refused(Error::Length { what: What::Losses, expected: N, got: 2 }, |v, spare| v.losses = &mut spare[..2]);
    refused(Error::Length { what: What::Predictions, expected: N, got: 0 }, |v, _| v.predictions = &mut []);
    let expected = Dims::new(M, H, C).unwrap().scratch_len(N);
    let got = expected - 1;
    refused(Error::Length { what: What::Scratch, expected, got }, |v, spare| v.scratch = &mut spare[..got]);
}

/// Which way round X is: labels say how many examples there are, and without them as many rows as there are inputs say that
/// these are columns.
#[test]
fn x_the_wrong_way_round() {
    let problem = Problem::random(1, (M, H, C, N));
    let params = Params::from_flat(dims(), &problem.theta).unwrap();
    let mut scratch = vec![PATTERN; dims().scratch_len(N)];
    let memory = [PATTERN; N * N];
    for (rows, cols, of_unlabelled) in [(M, N, N), (M, M + 1, M + 1), (N, N, N), (N, M + 1, N)] {
        let x = MatRef::new(&memory[..rows * cols], rows, cols).unwrap();
        let refused = |expected| Error::Shape { what: What::X, expected: (expected, M), got: (rows, cols) };
        let labels = vec![0u8; rows];
        assert_eq!(loss(params, Batch::new(x, &labels).unwrap(), &mut scratch), Err(refused(rows)));
        assert_eq!(Pass::new(params, Batch::unlabelled(x)).infer(&mut scratch), Err(refused(of_unlabelled)));
    }
}

#[test]
fn pass_refuses_labels_that_are_no_classes() {
    for wrong in [-1, -7, C as i16, i16::MIN, i16::MAX] {
        for example in [0, N - 1] {
            let got = i128::from(wrong);
            refused(Error::Label { example, classes: C, got }, |v, _| v.labels[example] = wrong);
        }
    }
}

#[test]
fn labels_of_any_integer_type() {
    fn check<L: num_traits::PrimInt + Sync>(right: L, wrong: L, got: i128) {
        let problem = Problem::random(1, (M, H, C, 1));
        let params = Params::from_flat(dims(), &problem.theta).unwrap();
        let x = MatRef::new(&problem.x, 1, M).unwrap();
        let mut scratch = vec![0.0; dims().scratch_len(1)];
        assert!(loss(params, Batch::new(x, &[right]).unwrap(), &mut scratch).is_ok());
        let err = loss(params, Batch::new(x, &[wrong]).unwrap(), &mut scratch).unwrap_err();
        assert_eq!(err, Error::Label { example: 0, classes: C, got });
    }
    check(4u8, 5, 5);
    check(4u16, u16::MAX, 65535);
    check(4u32, 1 << 31, 1 << 31);
    check(4u64, u64::MAX, u64::MAX.into());
    check(4u128, u128::MAX, i128::MAX);
    check(4usize, 5, 5);
    check(4i8, -1, -1);
    check(4i16, -5, -5);
    check(4i32, i32::MIN, i32::MIN.into());
    check(4i64, i64::MIN, i64::MIN.into());
    check(4i128, i128::MIN, i128::MIN);
    check(4isize, -1, -1);
}

#[test]
fn short_functions_refuse_without_writing() {
    let problem = Problem::random(1, (M, H, C, N));
    let params = Params::from_flat(dims(), &problem.theta).unwrap();
    let x = MatRef::new(&problem.x, N, M).unwrap();
    let short = &mut vec![PATTERN; dims().scratch_len(N) - 1];
    let err = Error::Length { what: What::Scratch, expected: short.len() + 1, got: short.len() };
    let mut out = vec![PATTERN; N * C];
    let mut classes = vec![99; N];
    let mut grad = vec![PATTERN; dims().param_len()];
    let batch = Batch::new(x, &problem.labels).unwrap();
    assert_eq!(scores(params, x, MatMut::new(&mut out, N, C).unwrap(), short), Err(err));
    assert_eq!(probabilities(params, x, MatMut::new(&mut out, N, C).unwrap(), short), Err(err));
    let view = MatMut::new(&mut out, N, C).unwrap();
    assert_eq!(handgrad::log_probabilities(params, x, view, short), Err(err));
    assert_eq!(predict(params, x, &mut classes, short), Err(err));
    assert_eq!(loss(params, batch, short), Err(err));
    let view = ParamsMut::from_flat(dims(), &mut grad).unwrap();
    assert_eq!(loss_and_grad(params, batch, view, short), Err(err));
    assert!(out.iter().chain(&grad).chain(&*short).all(|&value| value == PATTERN));
    assert!(classes.iter().all(|&class| class == 99));
}

#[test]
fn unlabelled_batches_have_no_loss() {
    let problem = Problem::random(1, (M, H, C, N));
    let params = Params::from_flat(dims(), &problem.theta).unwrap();
    let batch = Batch::unlabelled(MatRef::new(&problem.x, N, M).unwrap());
    let mut scratch = vec![PATTERN; dims().scratch_len(N)];
    let mut grad = vec![PATTERN; dims().param_len()];
    let mut dx = vec![PATTERN; N * M];
    assert_eq!(loss(params, batch, &mut scratch), Err(Error::Unlabelled { what: What::Losses }));
    let view = ParamsMut::from_flat(dims(), &mut grad).unwrap();
    let err = Pass::new(params, batch).grad(view).infer(&mut scratch);
    assert_eq!(err, Err(Error::Unlabelled { what: What::Gradient }));
    let err = Pass::new(params, batch).input_grad(MatMut::new(&mut dx, N, M).unwrap()).infer(&mut scratch);
    assert_eq!(err, Err(Error::Unlabelled { what: What::InputGradient }));
    let err = Pass::new(params, batch).losses(&mut grad[..N]).infer(&mut scratch);
    assert_eq!(err, Err(Error::Unlabelled { what: What::Losses }));
    assert!(grad.iter().chain(&dx).chain(&scratch).all(|&value| value == PATTERN));
}

#[test]
fn dims_refuse_zero_and_overflow() {
    assert_eq!(Dims::new(0, 1, 1), Err(Error::Zero { what: What::Inputs }));
    assert_eq!(Dims::new(1, 0, 1), Err(Error::Zero { what: What::Hidden }));
    assert_eq!(Dims::new(1, 1, 0), Err(Error::Zero { what: What::Classes }));
    let big = usize::MAX / 2;
    assert_eq!(Dims::new(big, 3, 1), Err(Error::Overflow { what: What::W1, sizes: (3, big) }));
    assert_eq!(Dims::new(1, 3, big), Err(Error::Overflow { what: What::W2, sizes: (big, 3) }));
    assert_eq!(
        Dims::new(usize::MAX, usize::MAX, usize::MAX),
        Err(Error::Overflow { what: What::W1, sizes: (usize::MAX, usize::MAX) })
    );
    // Each block fits, but not all of them; then all parameters, but not the scratch.
    assert_eq!(Dims::new(big, 1, big), Err(Error::Overflow { what: What::Params, sizes: (big, big) }));
    let most = isize::MAX as usize;
    let err = Err(Error::Overflow { what: What::Params, sizes: (most - 3, 1) });
    assert_eq!(Dims::new(most - 3, 1, 1), err);
    // The largest nets that are not refused have a scratch for every batch (an overflow would panic here).
    type Net = fn(usize) -> (usize, usize, usize);
    let nets: [Net; 4] = [|k| (k, 1, 1), |k| (1, k, 1), |k| (1, 1, k), |k| (k >> 31, 1 << 31, 1)];
    for net in nets {
        let dims = |k| {
            let (m, h, c) = net(k);
            Dims::new(m, h, c)
        };
        let (mut good, mut bad) = (1 << 32, most);
        while bad - good > 1 {
            let middle = good + (bad - good) / 2;
            if dims(middle).is_ok() { good = middle } else { bad = middle }
        }
        for n in [1, 9, 1000, 10_000, usize::MAX] {
            assert!(dims(good).unwrap().scratch_len(n) <= most);
        }
        assert!(good > most / 20_000, "refused too early");
    }
}

#[test]
fn views_refuse_wrong_sizes() {
    let mut data = [0.0; 12];
    let what = What::Matrix;
    let huge = usize::MAX;
    let slice = |shape, strides, expected| Error::Slice { shape, strides, expected, got: 12 };
    assert_eq!(MatRef::new(&data, 3, 3).unwrap_err(), slice((3, 3), (3, 1), 9));
    assert_eq!(MatRef::new(&data, 5, 3).unwrap_err(), slice((5, 3), (3, 1), 15));
    assert_eq!(MatRef::new(&data, huge, 2).unwrap_err(), Error::Overflow { what, sizes: (huge, 2) });
    assert_eq!(MatRef::col_major(&data, 2, 7).unwrap_err(), slice((2, 7), (1, 2), 14));
    let strided = |shape, strides| MatRef::with_strides(&data, shape, strides).unwrap_err();
    assert_eq!(strided((3, 4), (4, 2)), slice((3, 4), (4, 2), 15));
    assert_eq!(strided((huge, 4), (2, 1)), Error::Overflow { what, sizes: (huge - 1, 2) });
    assert_eq!(strided((2, 2), (huge / 2, huge / 2)), Error::Overflow { what, sizes: (huge / 2, huge / 2) });
    // Repeated rows and columns are fine to read; a stride that is never taken may be anything.
    assert!(MatRef::with_strides(&data, (9, 12), (0, 1)).is_ok());
    assert!(MatRef::with_strides(&data, (1, 12), (huge, 1)).is_ok());
    assert!(MatMut::with_strides(&mut data, (12, 1), (1, 0)).is_ok());
    assert_eq!(MatMut::new(&mut data, 3, 3).unwrap_err(), slice((3, 3), (3, 1), 9));
    let err = MatMut::with_strides(&mut data, (4, 4), (4, 1)).unwrap_err();
    assert_eq!(err, slice((4, 4), (4, 1), 16));
}

/// The overlap rule against brute force: two elements in one place.
#[test]
fn mutable_views_refuse_overlap() {
    let mut data = [0u8; 200];
    for (rows, cols) in [(1, 1), (1, 4), (3, 1), (2, 2), (2, 5), (3, 4), (5, 3)] {
        for row in 0..14 {
            for col in 0..14 {
                let mut places: Vec<usize> =
                    (0..rows).flat_map(|r| (0..cols).map(move |c| r * row + c * col)).collect();
                places.sort_unstable();
                places.dedup();
                let distinct = places.len() == rows * cols;
                let view = MatMut::with_strides(&mut data, (rows, cols), (row, col));
                let err = Error::Overlap { shape: (rows, cols), strides: (row, col) };
                assert_eq!(view.err(), (!distinct).then_some(err), "{rows} x {cols}, strides {row}, {col}");
            }
        }
    }
}

#[test]
fn params_refuse_blocks_that_do_not_fit() {
    let w = [0.0; 6];
    let w1 = MatRef::new(&w, 3, 2).unwrap(); // h = 3
    let w2 = MatRef::new(&w, 2, 3).unwrap(); // C = 2
    let wrong = MatRef::new(&w, 3, 2).unwrap();
    let err = |params: Result<Params<f64>, Error>| params.unwrap_err();
    assert_eq!(
        err(Params::new(w1, &w[..2], w2, &w[..2])),
        Error::Length { what: What::B1, expected: 3, got: 2 }
    );
    assert_eq!(
        err(Params::new(w1, &w[..3], w2, &w[..3])),
        Error::Length { what: What::B2, expected: 2, got: 3 }
    );
    let shape = Error::Shape { what: What::W2, expected: (3, 3), got: (3, 2) };
    assert_eq!(err(Params::new(w1, &w[..3], wrong, &w[..3])), shape);
    let dims = Dims::new(2, 3, 2).unwrap();
    let length = Error::Length { what: What::Params, expected: 17, got: 6 };
    assert_eq!(err(Params::from_flat(dims, &w)), length);
    let (mut flat, mut b1, mut b2) = ([0.0; 18], [0.0; 3], [0.0; 3]);
    assert_eq!(
        ParamsMut::from_flat(dims, &mut flat).unwrap_err(),
        Error::Length { what: What::Params, expected: 17, got: 18 }
    );
    let (left, right) = flat.split_at_mut(6);
    let w1 = MatMut::new(left, 3, 2).unwrap();
    let w2 = MatMut::new(&mut right[..6], 2, 3).unwrap();
    let err = ParamsMut::new(w1, &mut b1, w2, &mut b2).unwrap_err();
    assert_eq!(err, Error::Length { what: What::B2, expected: 2, got: 3 });
}

#[test]
fn engines_refuse_sizes_that_do_not_go_together() {
    let engines: [Engine<'_, f32>; 2] = [Engine::Auto, Engine::Portable];
    for engine in engines {
        let data = [1.0f32; 12];
        let mut out = [5.0f32; 12];
        let a = MatRef::new(&data, 3, 4).unwrap();
        let c = MatMut::new(&mut out[..9], 3, 3).unwrap();
        let err = engine.gemm(a, a, Beta::Zero, c).unwrap_err();
        assert_eq!(err, Error::Shape { what: What::Factor, expected: (4, 4), got: (3, 4) });
        let c = MatMut::new(&mut out, 4, 3).unwrap();
        let err = engine.gemm(a, a.t(), Beta::Zero, c).unwrap_err();
        assert_eq!(err, Error::Shape { what: What::Product, expected: (3, 3), got: (4, 3) });
        assert_eq!(out, [5.0; 12]);
    }
}
