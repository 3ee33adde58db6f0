//! Promise: views compare and print as what they are, predictions go into integers of any type that holds them, and how a
//! pass computes is one value.

use crate::scoped::Scoped;
use crate::support::Problem;
use handgrad::{
    Batch, ClassInteger, Config, Csr, Dims, Engine, Error, Kink, MatMut, MatRef, Params, ParamsMut, Pass,
    predict,
};

#[test]
fn views_are_equal_if_their_elements_are() {
    let (rows, cols, wide) = ([1, 2, 3, 4, 5, 6], [1, 4, 2, 5, 3, 6], [1, 2, 3, 0, 4, 5, 6]);
    let a = MatRef::new(&rows, 2, 3).unwrap();
    assert_eq!(a, MatRef::col_major(&cols, 2, 3).unwrap());
    assert_eq!(a, MatRef::with_strides(&wide, (2, 3), (4, 1)).unwrap());
    assert_ne!(a, MatRef::new(&cols, 2, 3).unwrap());
    assert_ne!(a, MatRef::new(&rows, 3, 2).unwrap());
    let nan = [f64::NAN];
    assert_ne!(MatRef::new(&nan, 1, 1).unwrap(), MatRef::new(&nan, 1, 1).unwrap());
    let theta: Vec<f64> = (0..7).map(f64::from).collect();
    let dims = Dims::new(2, 1, 2).unwrap();
    let flat = Params::from_flat(dims, &theta).unwrap();
    let w1 = MatRef::col_major(&theta[..2], 1, 2).unwrap();
    let blocks =
        Params::new(w1, &theta[2..3], MatRef::new(&theta[3..5], 2, 1).unwrap(), &theta[5..]).unwrap();
    assert_eq!(flat, blocks);
    let other: Vec<f64> = (1..8).map(f64::from).collect();
    assert_ne!(flat, Params::from_flat(dims, &other).unwrap());
}

#[test]
fn what_is_printed_is_short() {
    let dims = Dims::new(2, 1, 2).unwrap();
    let (mut theta, mut matrix) = (vec![0.0; 7], vec![0.0; 6]);
    assert_eq!(format!("{dims}"), "2 -> 1 -> 2");
    assert_eq!(format!("{:?}", Params::from_flat(dims, &theta).unwrap()), "Params(2 -> 1 -> 2)");
    assert_eq!(format!("{:?}", ParamsMut::from_flat(dims, &mut theta).unwrap()), "ParamsMut(2 -> 1 -> 2)");
    let view = MatRef::new(&matrix, 2, 3).unwrap();
    assert_eq!(format!("{view:?}"), "MatRef(2 x 3, strides (3, 1))");
    let batch = Batch::new(view, &[0u8, 1]).unwrap();
    assert_eq!(format!("{batch:?}"), "Batch(Inputs(2 x 3, dense), labels)");
    assert_eq!(format!("{:?}", MatMut::new(&mut matrix, 3, 2).unwrap()), "MatMut(3 x 2, strides (2, 1))");
    let csr = Csr::new(5, &[0, 1], &[3], &[1.0]).unwrap();
    assert_eq!(format!("{:?}", Batch::unlabelled(&csr)), "Batch(Inputs(1 x 5, sparse), no labels)");
    let (mut positions, mut inputs, mut indices) = ([0; 5], [0], [0]);
    let used = csr.used_inputs(&mut positions, &mut inputs, &mut indices).unwrap();
    assert_eq!(format!("{csr:?}, {used:?}"), "Csr(1 x 5), UsedInputs(1, Csr(1 x 1))");
    let config = Config::<f32>::default();
    assert_eq!(format!("{config:?}"), "Config { engine: Auto, threads: 1, kink: One }");
}

#[test]
fn predictions_of_any_integers() {
    fn check<I: ClassInteger + num_traits::NumCast + std::fmt::Debug + PartialEq>(
        problem: &Problem,
        expected: &[usize],
    ) {
        let params = Params::from_flat(problem.dims, &problem.theta).unwrap();
        let x = MatRef::new(&problem.x, problem.n, problem.dims.inputs()).unwrap();
        let mut scratch = vec![f64::NAN; problem.dims.scratch_len(problem.n)];
        let zero: I = num_traits::cast(0).unwrap();
        let mut alone = vec![zero; problem.n];
        predict(params, x, &mut alone, &mut scratch).unwrap();
        // On threads, whose parts are cut.
        let (mut got, threads) = (vec![zero; problem.n], Scoped(3));
        let pass = Pass::new(params, Batch::unlabelled(x)).executor(&threads);
        pass.predictions(&mut got).infer(&mut scratch).unwrap();
        let expected: Vec<I> = expected.iter().map(|&class| num_traits::cast(class).unwrap()).collect();
        assert_eq!((&alone, &got), (&expected, &expected));
    }
    let problem = Problem::random(2, (40, 50, 7, 300));
    let mut expected = vec![0usize; 300];
    let params = Params::from_flat(problem.dims, &problem.theta).unwrap();
    let x = MatRef::new(&problem.x, 300, 40).unwrap();
    let mut scratch = vec![0.0; problem.dims.scratch_len(300)];
    predict(params, x, &mut expected, &mut scratch).unwrap();
    assert!(expected.iter().any(|class| *class != expected[0]));
    check::<u8>(&problem, &expected);
    check::<u16>(&problem, &expected);
    check::<u32>(&problem, &expected);
    check::<u64>(&problem, &expected);
    check::<i8>(&problem, &expected);
    check::<i16>(&problem, &expected);
    check::<i32>(&problem, &expected);
    check::<i64>(&problem, &expected);
    check::<isize>(&problem, &expected);
}

#[test]
fn classes_that_the_integers_do_not_hold() {
    for (classes, is_held) in [(128, true), (129, false)] {
        let dims = Dims::new(1, 1, classes).unwrap();
        let theta = vec![0.5; dims.param_len()];
        let mut scratch = vec![0.0; dims.scratch_len(1)];
        let (params, mut got) = (Params::from_flat(dims, &theta).unwrap(), [-1i8]);
        let result = predict(params, MatRef::new(&[1.0], 1, 1).unwrap(), &mut got, &mut scratch);
        if is_held {
            assert_eq!((result, got), (Ok(()), [0]));
        } else {
            let err = Error::ClassInteger { classes, largest: 127 };
            assert_eq!((result, got), (Err(err), [-1]));
            let text = "predictions: expected integers that hold the classes 0..129, got some up to 127";
            assert_eq!(err.to_string(), text);
        }
    }
}

#[test]
fn a_config_is_three_options() {
    let problem = Problem::random(2, (40, 50, 7, 300));
    let (dims, params) = (problem.dims, Params::from_flat(problem.dims, &problem.theta).unwrap());
    let batch = Batch::new(MatRef::new(&problem.x, 300, 40).unwrap(), &problem.labels).unwrap();
    let threads = Scoped(2);
    let config = Config { engine: Engine::Portable, executor: Some(&threads), kink: Kink::Zero };
    let run = |pass: Pass<'_, f64>| {
        let (mut grad, mut scratch) =
            (vec![f64::NAN; dims.param_len()], vec![f64::NAN; dims.scratch_len(300)]);
        let loss = pass.grad(ParamsMut::from_flat(dims, &mut grad).unwrap()).run(&mut scratch).unwrap();
        (loss, grad)
    };
    let apart = Pass::new(params, batch).engine(Engine::Portable).executor(&threads).kink(Kink::Zero);
    assert_eq!(run(Pass::new(params, batch).config(config)), run(apart));
}

#[cfg(feature = "serde")]
#[test]
fn dimensions_and_settings_are_stored() {
    use handgrad::{Reduction, start::Start};
    let dims = Dims::new(64, 32, 10).unwrap();
    let text = serde_json::to_string(&(dims, Kink::Zero, Reduction::Sum, Start::HeUniform)).unwrap();
    assert_eq!(text, r#"[{"inputs":64,"hidden":32,"classes":10},"Zero","Sum","HeUniform"]"#);
    let back: (Dims, Kink, Reduction, Start) = serde_json::from_str(&text).unwrap();
    assert_eq!(back, (dims, Kink::Zero, Reduction::Sum, Start::HeUniform));
    // What is no net is refused.
    let err = serde_json::from_str::<Dims>(r#"{"inputs":64,"hidden":0,"classes":10}"#).unwrap_err();
    assert!(err.to_string().contains("hidden units (h): expected at least 1, got 0"), "{err}");
}
