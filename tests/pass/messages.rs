//! Promise: an error says what was wrong, where, what was expected and what was given, to somebody who sees its
//! message and nothing else.

use crate::support::Problem;
use handgrad::{Batch, Dims, Error, MatMut, MatRef, Params, ParamsMut, Pass, What, loss};

/// Every variant, and every wording of it.
#[test]
fn every_message() {
    let length = |what, expected, got| Error::Length { what, expected, got };
    let shape = |what, expected, got| Error::Shape { what, expected, got };
    let value = |what, index, got| Error::Value { what, index, got };
    let label = |got| Error::Label { example: 17, classes: 10, got };
    let table = [
        (Error::Zero { what: What::Hidden }, "hidden units (h): expected at least 1, got 0"),
        (
            Error::Overflow { what: What::W1, sizes: (usize::MAX, 2) },
            "W1: the sizes 18446744073709551615 and 2 together exceed isize::MAX",
        ),
        (length(What::Labels, 6, 5), "labels: expected length 6 (one for each row of x), got 5"),
        (length(What::B1, 3, 4), "b1: expected length 3 (h, the rows of W1), got 4"),
        (length(What::Params, 17, 18), "flat parameters: expected length 17 (Dims::param_len), got 18"),
        (length(What::ClassWeights, 3, 4), "class weights: expected length 3 (one for each class), got 4"),
        (length(What::Scratch, 74, 10), "scratch: expected length 74 or more (Dims::scratch_len), got 10"),
        (
            length(What::Examples, 2048, 3000),
            "examples (n): expected 2048 at most (Dims::chunk_len), got 3000",
        ),
        (length(What::X, 2, 3), "inputs x: expected length 2, got 3"),
        (
            Error::Slice { shape: (3, 4), strides: (6, 1), expected: 16, got: 12 },
            "matrix 3 x 4 with strides (6, 1): expected a slice of length 16, got 12",
        ),
        (
            Error::Slice { shape: (3, 4), strides: (4, 1), expected: 12, got: 18 },
            "matrix 3 x 4 with strides (4, 1): expected a slice of length 12, got 18 (with gaps: with_strides)",
        ),
        (
            Error::NegativeStride { shape: (2, 6), strides: (-6, 1) },
            "matrix 2 x 6: a view cannot run backwards, expected strides from 0 on, got (-6, 1)",
        ),
        (shape(What::X, (6, 4), (6, 3)), "inputs x: expected 6 x 4 (n x m), got 6 x 3"),
        (
            shape(What::W1, (3, 2), (2, 3)),
            "W1: expected 3 x 2 (h x m), got 2 x 3: this is the transpose, give its t()",
        ),
        (shape(What::Gram, (3, 3), (2, 2)), "Gram matrix: expected 3 x 3 (n x n), got 2 x 2"),
        (shape(What::Product, (3, 3), (4, 3)), "product: expected 3 x 3, got 4 x 3"),
        (
            Error::Dims { what: What::Gradient, expected: (64, 32, 10), got: (64, 32, 11) },
            "gradient: expected that of a net with (m, h, C) = (64, 32, 10), got that of one with (64, 32, 11)",
        ),
        (
            Error::Overlap { shape: (2, 3), strides: (1, 1) },
            "mutable matrix 2 x 3: with strides (1, 1) two elements would be in one place",
        ),
        (label(12), "label of example 17: expected a class in 0..10, got 12"),
        (label(10), "label of example 17: expected a class in 0..10, got 10 (classes are counted from 0)"),
        (
            label(-100),
            "label of example 17: expected a class in 0..10, got -100 (for examples to leave out: Pass::ignore_label)",
        ),
        (
            label(i128::MAX),
            "label of example 17: expected a class in 0..10, got 170141183460469231731687303715884105727 or more",
        ),
        (
            Error::Unlabelled { what: What::Gradient },
            "gradient: expected a batch with labels or targets, got one without",
        ),
        (
            value(What::ExampleWeights, 5, -1.0),
            "weight of example 5: expected a finite number from 0 on, got -1",
        ),
        (
            value(What::ClassWeights, 2, f64::NAN),
            "weight of class 2: expected a finite number from 0 on, got NaN",
        ),
        (value(What::L2, 1, -0.5), "L2 factor of W2: expected a finite number from 0 on, got -0.5"),
        (value(What::Smoothing, 0, 1.5), "label smoothing: expected a number from 0 to 1, got 1.5"),
        (value(What::Divisor, 0, 0.0), "divisor N: expected a finite number above 0, got 0"),
        (value(What::Clip, 0, f64::INFINITY), "clipping norm: expected a finite number from 0 on, got inf"),
        (
            value(What::TargetSumTolerance, 0, -1.0),
            "tolerance of the sums of targets: expected a number from 0 on, or infinity, got -1",
        ),
        (
            Error::Target { example: 3, class: 2, got: -0.25 },
            "target of example 3 for class 2: expected a finite number from 0 on, got -0.25",
        ),
        (
            Error::TargetSum { example: 3, tolerance: 0.0, got: 0.999 },
            "target of example 3: expected numbers that add up to 1, got a sum of 0.999 (see Pass::target_sum_tolerance)",
        ),
        (
            Error::TargetSum { example: 3, tolerance: 0.25, got: 1.5 },
            "target of example 3: expected numbers that add up to 1, give or take 0.25, got a sum of 1.5 (see Pass::target_sum_tolerance)",
        ),
        (Error::Executor, "executor: expected every task to be run before it returns, got one that was not"),
    ];
    for (error, expected) in table {
        assert_eq!(error.to_string(), expected);
        let _: &dyn core::error::Error = &error;
    }
}

/// Views as other crates describe them: strides are signed there, and the first element need not lie first.
#[test]
fn views_that_run_backwards() {
    let mut data = [0.0; 12];
    let cast = |stride: isize| stride as usize;
    for strides in [(-4, 1), (4, -1), (-4, -1), (isize::MIN, 1)] {
        let expected = Error::NegativeStride { shape: (3, 4), strides };
        let cast = (cast(strides.0), cast(strides.1));
        assert_eq!(MatRef::with_strides(&data, (3, 4), cast).unwrap_err(), expected);
        assert_eq!(MatMut::with_strides(&mut data, (3, 4), cast).unwrap_err(), expected);
    }
    // One that is never taken is as good as any.
    assert!(MatRef::with_strides(&data, (1, 12), (cast(-12), 1)).is_ok());
    let err = MatRef::with_strides(&data, (1, 12), (cast(-12), cast(-1))).unwrap_err();
    assert_eq!(err, Error::NegativeStride { shape: (1, 12), strides: (1, -1) });
}

#[test]
fn views_with_gaps() {
    let mut data = [0.0; 18];
    let slice = |shape, strides, expected| Error::Slice { shape, strides, expected, got: 18 };
    assert_eq!(MatRef::new(&data, 3, 4).unwrap_err(), slice((3, 4), (4, 1), 12));
    assert_eq!(MatRef::new(&data, 4, 5).unwrap_err(), slice((4, 5), (5, 1), 20));
    assert_eq!(MatRef::col_major(&data, 3, 4).unwrap_err(), slice((3, 4), (1, 3), 12));
    assert_eq!(MatMut::new(&mut data, 3, 4).unwrap_err(), slice((3, 4), (4, 1), 12));
    assert_eq!(MatMut::col_major(&mut data, 3, 4).unwrap_err(), slice((3, 4), (1, 3), 12));
    assert_eq!(MatRef::with_strides(&data, (3, 4), (8, 1)).unwrap_err(), slice((3, 4), (8, 1), 20));
    assert_eq!(MatMut::with_strides(&mut data, (3, 4), (8, 1)).unwrap_err(), slice((3, 4), (8, 1), 20));
    assert!(MatRef::with_strides(&data, (3, 4), (6, 1)).is_ok());
}

/// W1 as m x h and W2 as h x C, as frameworks have them that multiply from the left.
#[test]
fn transposed_parameters() {
    let (m, h, c) = (2, 3, 4);
    let data = [0.0; 12];
    let view = |rows, cols| MatRef::new(&data[..rows * cols], rows, cols).unwrap();
    let new = |w1, b1, w2, b2| Params::new(w1, &data[..b1], w2, &data[..b2]).map(|params| params.dims());
    let shape = |what, expected, got| Err(Error::Shape { what, expected, got });
    let w1_is_t = shape(What::W1, (h, m), (m, h));
    assert_eq!(new(view(m, h), h, view(c, h), c), w1_is_t);
    assert_eq!(new(view(m, h), h, view(h, c), c), w1_is_t);
    assert_eq!(new(view(h, m), h, view(h, c), c), shape(What::W2, (c, h), (h, c)));
    assert_eq!(new(view(m, h).t(), h, view(h, c).t(), c), Ok(Dims::new(m, h, c).unwrap()));
    // A bias of the wrong length is not taken for a sign of it: W2 says what h is.
    let b1 = |expected, got| Err(Error::Length { what: What::B1, expected, got });
    assert_eq!(new(view(h, m), m, view(c, h), c), b1(h, m));
    assert_eq!(new(view(h, m), h + 1, view(c, h), c), b1(h, h + 1));
    assert_eq!(new(view(h, m), h, view(c, m), c), shape(What::W2, (c, h), (c, m)));
    let mut grad = [[0.0; 12]; 4];
    let [w1, b1, w2, b2] = &mut grad;
    let w1 = MatMut::new(&mut w1[..m * h], m, h).unwrap();
    let w2 = MatMut::new(&mut w2[..c * h], c, h).unwrap();
    let err = ParamsMut::new(w1, &mut b1[..h], w2, &mut b2[..c]).map(|grad| grad.dims());
    assert_eq!(err, w1_is_t);
}

/// Examples as columns.
#[test]
fn transposed_examples() {
    let problem = Problem::random(1, (3, 2, 4, 5));
    let params = Params::from_flat(problem.dims, &problem.theta).unwrap();
    let x = MatRef::new(&problem.x, 5, 3).unwrap().t();
    let expected = Error::Shape { what: What::X, expected: (5, 3), got: (3, 5) };
    assert_eq!(Batch::new(x, &[0, 1, 2, 3, 0]).unwrap_err(), expected);
    assert_eq!(Pass::new(params, Batch::unlabelled(x)).infer(&mut []), Err(expected));
    assert!(Batch::new(x.t(), &[0, 1, 2, 3, 0]).is_ok());
    let length = Error::Length { what: What::Labels, expected: 3, got: 4 };
    assert_eq!(Batch::new(x, &[0, 1, 2, 3]).unwrap_err(), length);
    let targets = [0.25; 20];
    let by_class = MatRef::new(&targets, 4, 5).unwrap();
    let expected = Error::Shape { what: What::Targets, expected: (5, 4), got: (4, 5) };
    assert_eq!(Batch::with_targets(x.t(), by_class).unwrap_err(), expected);
    assert!(Batch::with_targets(x.t(), by_class.t()).is_ok());
}

/// A batch for another net, and labels that are not counted as classes are.
#[test]
fn batches_of_another_net() {
    let problem = Problem::random(1, (3, 2, 4, 2));
    let params = Params::from_flat(problem.dims, &problem.theta).unwrap();
    let mut scratch = vec![0.0; problem.dims.scratch_len(2)];
    let data = [0.5; 8];
    let wide = Batch::new(MatRef::new(&data, 2, 4).unwrap(), &[0, 1]).unwrap();
    let err = loss(params, wide, &mut scratch);
    assert_eq!(err, Err(Error::Shape { what: What::X, expected: (2, 3), got: (2, 4) }));
    let x = MatRef::new(&data[..6], 2, 3).unwrap();
    let label = |example, got| Err(Error::Label { example, classes: 4, got });
    assert_eq!(loss(params, Batch::new(x, &[1u8, 4]).unwrap(), &mut scratch), label(1, 4));
    assert_eq!(loss(params, Batch::new(x, &[-100i64, 1]).unwrap(), &mut scratch), label(0, -100));
    assert_eq!(loss(params, Batch::new(x, &[0, u128::MAX]).unwrap(), &mut scratch), label(1, i128::MAX));
}
