//! Promise: a batch of no examples is a batch. Its loss and gradient are 0, its outputs have no rows, and what does
//! not come from examples is there as ever.

use crate::scoped::Scoped;
use crate::support::{Element, matrix_multiply};
use half::bf16;
use handgrad::gemm::{Beta, Gemm};
use handgrad::{
    Batch, Dims, Engine, Error, Executor, MatMut, MatRef, Params, ParamsMut, Pass, Reduction, What,
};
use twofloat::TwoFloat;

const DIMS: Dims = match Dims::new(3, 2, 4) {
    Ok(dims) => dims,
    Err(_) => panic!("constant dimensions"),
};
const LEN: usize = DIMS.param_len();
const OLD: f64 = 7.25;

/// No scratch is needed.
const SCRATCH: usize = DIMS.scratch_len(0);

fn theta<T: Element>() -> Vec<T> {
    (0..LEN).map(|i| T::of((i as f64 - 9.0) / 8.0)).collect()
}

/// An engine that nobody may call.
struct Never;

impl<T> Gemm<T> for Never {
    fn gemm(&self, _: MatRef<'_, T>, _: MatRef<'_, T>, _: Beta, _: MatMut<'_, T>) -> Result<(), Error> {
        panic!("there is nothing to multiply")
    }
}

/// An executor that would be found out if there were work for it.
struct Idle;

impl Executor for Idle {
    fn threads(&self) -> usize {
        4
    }
    fn join(&self, _: &mut (dyn FnMut() + Send), _: &mut (dyn FnMut() + Send)) {}
    fn enter(&self, _: &mut (dyn FnMut() + Send)) {}
}

fn engines<'a, T: Element>() -> [Engine<'a, T>; 5] {
    [Engine::Auto, Engine::Builtin, Engine::Portable, matrix_multiply(), Engine::Gemm(&Never)]
}

fn executors() -> Vec<Option<&'static dyn Executor>> {
    vec![
        None,
        Some(&Scoped(3)),
        Some(&Idle),
        #[cfg(feature = "rayon")]
        Some(&handgrad::Rayon),
    ]
}

/// A matrix of no rows: how it lies in memory says nothing.
fn no_rows<T>(cols: usize, how: usize) -> MatRef<'static, T> {
    match how {
        0 => MatRef::new(&[], 0, cols),
        1 => MatRef::col_major(&[], 0, cols),
        _ => MatRef::with_strides(&[], (0, cols), (usize::MAX, isize::MAX as usize + 5)),
    }
    .unwrap()
}

fn no_rows_mut<T>(cols: usize, how: usize) -> MatMut<'static, T> {
    match how {
        0 => MatMut::new(&mut [], 0, cols),
        1 => MatMut::col_major(&mut [], 0, cols),
        _ => MatMut::with_strides(&mut [], (0, cols), (0, usize::MAX)),
    }
    .unwrap()
}

/// Chooses every output of single examples.
fn with_rows<'a, T: Element, L: num_traits::PrimInt + Sync>(
    pass: Pass<'a, T, L>,
    how: usize,
) -> Pass<'a, T, L> {
    pass.input_grad(no_rows_mut(3, how))
        .example_grads(no_rows_mut(LEN, how))
        .gram(no_rows_mut(0, 0))
        .losses(&mut [])
        .grad_norms(&mut [])
        .scores(no_rows_mut(4, how))
        .probabilities(no_rows_mut(4, how))
        .log_probabilities(no_rows_mut(4, how))
        .predictions(&mut [0usize; 0])
}

/// The same bits: -0 is not 0.
#[track_caller]
fn assert_bits<T: Element>(got: &[T], expected: &[f64]) {
    let bits = |values: Vec<f64>| values.into_iter().map(f64::to_bits).collect::<Vec<_>>();
    assert_eq!(bits(got.iter().map(|v| v.value()).collect()), bits(expected.to_vec()), "{got:?}");
}

fn everything_is_zero<T: Element>() {
    let theta = theta::<T>();
    let params = Params::from_flat(DIMS, &theta).unwrap();
    let (zero, old, mut scratch) = (vec![0.0; LEN], vec![OLD; LEN], [T::nan(); SCRATCH]);
    for how in 0..3 {
        let x = no_rows(3, how);
        let labelled = Batch::new(x, &[] as &[u8]).unwrap();
        let soft = Batch::with_targets(x, no_rows(4, how)).unwrap().without_labels();
        for (batch, engine) in [labelled, soft].into_iter().flat_map(|b| engines().map(|e| (b, e))) {
            for executor in executors() {
                let pass = || {
                    let pass = with_rows(Pass::new(params, batch).engine(engine), how);
                    executor.into_iter().fold(pass, Pass::executor)
                };
                let (mut grad, mut moment) = (vec![T::nan(); LEN], vec![T::nan(); LEN]);
                let mut weight = T::nan();
                let loss = pass()
                    .grad(ParamsMut::from_flat(DIMS, &mut grad).unwrap())
                    .second_moment(ParamsMut::from_flat(DIMS, &mut moment).unwrap())
                    .effective_weight(&mut weight)
                    .run(&mut scratch);
                assert_bits(&[loss.unwrap(), weight], &[0.0, 0.0]);
                assert_bits(&grad, &zero);
                assert_bits(&moment, &zero);
                let mut grad = vec![T::of(OLD); LEN];
                let loss = pass()
                    .accumulate_grad(ParamsMut::from_flat(DIMS, &mut grad).unwrap())
                    .reduction(Reduction::Sum)
                    .example_weights(&[])
                    .smoothing(T::of(0.125))
                    .clip(T::of(0.5))
                    .run(&mut scratch);
                assert_bits(&[loss.unwrap()], &[0.0]);
                assert_bits(&grad, &old);
            }
        }
        let unlabelled = Pass::new(params, Batch::unlabelled(x))
            .scores(no_rows_mut(4, how))
            .probabilities(no_rows_mut(4, how))
            .predictions(&mut [0usize; 0]);
        unlabelled.infer(&mut scratch).unwrap();
    }
}

#[test]
fn loss_and_gradients_are_zero() {
    assert_eq!((SCRATCH, DIMS.chunk_len(0)), (0, 0));
    everything_is_zero::<f32>();
    everything_is_zero::<f64>();
    everything_is_zero::<bf16>();
    everything_is_zero::<TwoFloat>();
}

/// (24) does not come from examples: it is not divided, and it is added each time.
#[test]
fn l2_is_there() {
    let theta = theta::<f64>();
    let params = Params::from_flat(DIMS, &theta).unwrap();
    let batch = Batch::new(no_rows(3, 0), &[] as &[usize]).unwrap();
    let (mut grad, mut sum) = (vec![f64::NAN; LEN], vec![OLD; LEN]);
    let pass = || Pass::new(params, batch).l2(0.5, 2.0).divisor(16.0);
    let loss = pass().grad(ParamsMut::from_flat(DIMS, &mut grad).unwrap()).run(&mut []).unwrap();
    let added = pass().accumulate_grad(ParamsMut::from_flat(DIMS, &mut sum).unwrap()).run(&mut []).unwrap();
    // Blocks W1 (6), b1 (2), W2 (8), b2 (4). All numbers are dyadic: nothing is rounded.
    let square = |w: &[f64]| w.iter().map(|w| w * w).sum::<f64>();
    assert_eq!(loss, 0.25 * square(&theta[..6]) + square(&theta[8..16]));
    assert_eq!(added, loss);
    let factor = |i| {
        if i < 6 {
            0.5
        } else if (8..16).contains(&i) {
            2.0
        } else {
            0.0
        }
    };
    let expected: Vec<f64> = (0..LEN).map(|i| factor(i) * theta[i] + 0.0).collect();
    assert_bits(&grad, &expected);
    assert_bits(&sum, &expected.iter().map(|g| OLD + g).collect::<Vec<_>>());
}

/// Parameters that are not numbers meet no example.
#[test]
fn parameters_do_not_matter() {
    let theta = [f64::NAN; LEN];
    let mut grad = [f64::INFINITY; LEN];
    let batch = Batch::new(no_rows(3, 0), &[] as &[usize]).unwrap();
    let grad_view = ParamsMut::from_flat(DIMS, &mut grad).unwrap();
    let params = Params::from_flat(DIMS, &theta).unwrap();
    assert_eq!(handgrad::loss_and_grad(params, batch, grad_view, &mut []), Ok(0.0));
    assert_eq!(grad, [0.0; LEN]);
}

#[test]
fn short_functions() {
    let theta = theta::<f32>();
    let params = Params::from_flat(DIMS, &theta).unwrap();
    let (x, mut grad) = (no_rows(3, 0), [f32::NAN; LEN]);
    let batch = Batch::new(x, &[] as &[i64]).unwrap();
    assert!(batch.is_empty());
    assert_eq!(batch.without_labels::<u8>().len(), 0);
    let view = ParamsMut::from_flat(DIMS, &mut grad).unwrap();
    assert_eq!(handgrad::loss_and_grad(params, batch, view, &mut []), Ok(0.0));
    assert_eq!(grad, [0.0; LEN]);
    assert_eq!(handgrad::loss(params, batch, &mut []), Ok(0.0));
    handgrad::scores(params, x, no_rows_mut(4, 0), &mut []).unwrap();
    handgrad::probabilities(params, x, no_rows_mut(4, 0), &mut []).unwrap();
    handgrad::log_probabilities(params, x, no_rows_mut(4, 0), &mut []).unwrap();
    handgrad::predict(params, x, &mut [0usize; 0], &mut []).unwrap();
}

/// Shares of a batch, one of them empty: put together by their weights they are the whole.
#[test]
fn an_empty_share_changes_no_sum() {
    let theta = theta::<f64>();
    let x: Vec<f64> = (0..30).map(|i| f64::from(i * 7 % 11) / 4.0 - 1.0).collect();
    let labels: Vec<u16> = (0..10).map(|i| i % 4).collect();
    let share = |from: usize, to: usize| {
        let (mut grad, mut weight) = ([f64::NAN; LEN], f64::NAN);
        let x = MatRef::new(&x[from * 3..to * 3], to - from, 3).unwrap();
        let loss =
            Pass::new(Params::from_flat(DIMS, &theta).unwrap(), Batch::new(x, &labels[from..to]).unwrap())
                .grad(ParamsMut::from_flat(DIMS, &mut grad).unwrap())
                .effective_weight(&mut weight)
                .run(&mut vec![f64::NAN; DIMS.scratch_len(to - from)])
                .unwrap();
        let mut all = grad.to_vec();
        all.push(loss);
        all.iter_mut().for_each(|v| *v *= weight);
        (all, weight)
    };
    let shares = [share(0, 4), share(4, 4), share(4, 10)];
    let weight: f64 = shares.iter().map(|share| share.1).sum();
    assert_eq!(weight, 10.0);
    let (whole, _) = share(0, 10);
    for (i, whole) in whole.iter().enumerate() {
        let sum: f64 = shares.iter().map(|share| share.0[i]).sum();
        // Sums of ten terms below 4 in another order.
        assert!((sum - whole).abs() <= 40.0 * f64::EPSILON * 4.0, "{i}: {sum} {whole}");
    }
}

#[test]
fn views() {
    for how in 0..3 {
        let mut view = no_rows_mut::<u8>(5, how);
        assert_eq!((view.rows(), view.cols(), view.row_stride(), view.col_stride()), (0, 5, 1, 1));
        assert_eq!((view.as_ref().get(0, 0), view.get_mut(0, 0)), (None, None));
        let view = no_rows::<u8>(5, how).t();
        assert_eq!((view.rows(), view.cols(), view.get(4, 0)), (5, 0, None));
        assert!(view.as_slice().is_empty());
    }
    // A slice that is longer, as that of a view of some rows, and one that has to be exact.
    assert_eq!(MatRef::with_strides(&[1, 2, 3], (0, 2), (2, 1)).unwrap().as_slice(), [1, 2, 3]);
    let err = MatRef::new(&[1, 2, 3], 0, 2).unwrap_err();
    assert_eq!(err, Error::Slice { shape: (0, 2), strides: (2, 1), expected: 0, got: 3 });
    assert!(MatRef::<f64>::new(&[], usize::MAX, 0).is_ok());
    assert!(MatMut::<f64>::new(&mut [], 0, 0).is_ok());
}

#[test]
fn wrong_sizes_are_errors_as_ever() {
    let theta = theta::<f64>();
    let params = Params::from_flat(DIMS, &theta).unwrap();
    let x = no_rows(3, 0);
    let batch = Batch::new(x, &[] as &[usize]).unwrap();
    let length = |what, expected, got| Err(Error::Length { what, expected, got });
    let shape = |what, expected, got| Err(Error::Shape { what, expected, got });
    assert_eq!(Batch::new(x, &[1]).map(|_| 0.0), length(What::Labels, 0, 1));
    let other = Batch::new(no_rows(2, 0), &[] as &[usize]).unwrap();
    assert_eq!(Pass::new(params, other).run(&mut []), shape(What::X, (0, 3), (0, 2)));
    let soft = Batch::with_targets(x, no_rows(5, 0)).unwrap();
    assert_eq!(Pass::new(params, soft).run(&mut []), shape(What::Targets, (0, 4), (0, 5)));
    let mut one = [OLD; 4];
    let err = Pass::new(params, batch).scores(MatMut::new(&mut one, 1, 4).unwrap()).run(&mut []);
    assert_eq!(err, shape(What::Scores, (0, 4), (1, 4)));
    assert_eq!(Pass::new(params, batch).losses(&mut one[..1]).run(&mut []), length(What::Losses, 0, 1));
    let err = Pass::new(params, batch).gram(MatMut::new(&mut one, 2, 2).unwrap()).run(&mut []);
    assert_eq!(err, shape(What::Gram, (0, 0), (2, 2)));
    let err = Pass::new(params, batch).example_weights(&[1.0]).run(&mut []);
    assert_eq!(err, length(What::ExampleWeights, 0, 1));
    let err = Pass::new(params, batch).divisor(0.0).run(&mut []);
    assert_eq!(err, Err(Error::Value { what: What::Divisor, index: 0, got: 0.0 }));
    let unlabelled = Pass::new(params, Batch::unlabelled(x)).run(&mut []);
    assert_eq!(unlabelled, Err(Error::Unlabelled { what: What::Losses }));
    assert_eq!(one, [OLD; 4]);
    // A net is not empty.
    let none = Params::<f64>::new(MatRef::new(&[], 0, 3).unwrap(), &[], MatRef::new(&[], 4, 0).unwrap(), &[]);
    assert_eq!(none.unwrap_err(), Error::Zero { what: What::Hidden });
}

/// A product whose sums have no terms is 0; one of no rows or columns writes nothing.
#[test]
fn products() {
    fn check<T: Element>() {
        for engine in [Engine::Auto, Engine::Builtin, Engine::Portable, matrix_multiply()] {
            for (beta, expected) in [(Beta::Zero, 0.0), (Beta::One, OLD)] {
                let mut c = [T::of(OLD); 7];
                let view = MatMut::with_strides(&mut c, (2, 3), (4, 1)).unwrap();
                engine.gemm(no_rows(2, 0).t(), no_rows(3, 1), beta, view).unwrap();
                let old = T::of(OLD);
                let new = T::of(expected);
                assert_eq!(c, [new, new, new, old, new, new, new]);
                let (a, b) = ([T::one(); 6], no_rows(2, 0).t());
                let a = MatRef::new(&a, 3, 2).unwrap();
                engine.gemm(a, b, beta, no_rows_mut(3, 0).t()).unwrap();
                engine.gemm(no_rows(3, 0), a, beta, no_rows_mut(2, 0)).unwrap();
                let wrong = engine.gemm(no_rows(3, 0), a, beta, no_rows_mut(3, 0));
                let err = Error::Shape { what: What::Product, expected: (0, 2), got: (0, 3) };
                assert_eq!(wrong, Err(err));
            }
        }
    }
    check::<f32>();
    check::<f64>();
    check::<bf16>();
}
