//! What an objective cannot be made of is an error.

use super::Problem;
use handgrad::{Batch, Error, MatRef, Params, ParamsMut, Pass, What};

#[derive(Clone, Copy, Default)]
struct Options<'a> {
    example_weights: Option<&'a [f64]>,
    class_weights: Option<&'a [f64]>,
    smoothing: f64,
    divisor: Option<f64>,
    l2: f64,
}

/// Runs a pass on the labels 0, 1, 2 and an ignored one, or on targets.
fn refuse(targets: Option<&[f64]>, options: Options<'_>, ignored: usize, expected: Error) {
    let problem = Problem::new((2, 3, 3, 4));
    let Problem { dims, n, .. } = problem;
    let (mut grad, mut weight) = (vec![7.0; dims.param_len()], 7.0);
    let x = MatRef::new(&problem.x, n, dims.inputs()).unwrap();
    let batch = match targets {
        None => Batch::new(x, &[0, 1, 2, 9]).unwrap(),
        Some(targets) => Batch::with_targets(x, MatRef::new(targets, n, targets.len() / n).unwrap()).unwrap(),
    };
    let mut pass = Pass::new(Params::from_flat(dims, &problem.theta).unwrap(), batch)
        .ignore_label(ignored)
        .smoothing(options.smoothing)
        .l2(0.0, options.l2)
        .grad(ParamsMut::from_flat(dims, &mut grad).unwrap())
        .effective_weight(&mut weight);
    pass = options.example_weights.into_iter().fold(pass, Pass::example_weights);
    pass = options.class_weights.into_iter().fold(pass, Pass::class_weights);
    pass = options.divisor.into_iter().fold(pass, Pass::divisor);
    let got = pass.run(&mut vec![0.0; dims.scratch_len(n)]).unwrap_err();
    // By their words: NaN is not equal to itself.
    assert_eq!(got.to_string(), expected.to_string());
    assert!(grad.iter().all(|&g| g == 7.0) && weight == 7.0);
}

#[test]
fn misuse_is_refused_before_anything_is_written() {
    let (none, good) = (Options::default(), [1.0; 4]);
    let value = |what, index, got| Error::Value { what, index, got };
    let length = |what, expected, got| Error::Length { what, expected, got };
    refuse(None, none, 0, Error::Label { example: 3, classes: 3, got: 9 });
    let short = Options { example_weights: Some(&good[..3]), ..none };
    refuse(None, short, 9, length(What::ExampleWeights, 4, 3));
    refuse(None, Options { class_weights: Some(&good), ..none }, 9, length(What::ClassWeights, 3, 4));
    refuse(None, Options { smoothing: 1.5, ..none }, 9, value(What::Smoothing, 0, 1.5));
    refuse(None, Options { divisor: Some(0.0), ..none }, 9, value(What::Divisor, 0, 0.0));
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        let weights = [1.0, bad, 1.0, 1.0];
        let options = Options { example_weights: Some(&weights), ..none };
        refuse(None, options, 9, value(What::ExampleWeights, 1, bad));
        let options = Options { class_weights: Some(&weights[..3]), ..none };
        refuse(None, options, 9, value(What::ClassWeights, 1, bad));
        refuse(None, Options { smoothing: bad, ..none }, 9, value(What::Smoothing, 0, bad));
        refuse(None, Options { divisor: Some(bad), ..none }, 9, value(What::Divisor, 0, bad));
        refuse(None, Options { l2: bad, ..none }, 9, value(What::L2, 1, bad));
    }
    let third = 1.0 / 3.0;
    for (place, bad, got) in [(4, 0.5, third + 0.5 + third), (7, -0.5, -0.5), (7, f64::NAN, f64::NAN)] {
        let mut targets = [third; 12];
        targets[place] = bad;
        let wrong = if place == 4 {
            Error::TargetSum { example: 1, tolerance: 0.0, got }
        } else {
            Error::Target { example: 2, class: 1, got }
        };
        refuse(Some(&targets), none, 9, wrong);
        // Those of an example that is left out may be anything: the divisor is all that is wrong here.
        let weights: [f64; 4] = std::array::from_fn(|i| if i == place / 3 { 0.0 } else { 1.0 });
        let options = Options { example_weights: Some(&weights), divisor: Some(0.0), ..none };
        refuse(Some(&targets), options, 9, value(What::Divisor, 0, 0.0));
    }
    let shape = |expected, got| Error::Shape { what: What::Targets, expected, got };
    refuse(Some(&[0.5; 8]), none, 9, shape((4, 3), (4, 2)));
    let x = MatRef::new(&good, 4, 1).unwrap();
    assert_eq!(
        Batch::with_targets(x, MatRef::new(&good[..2], 2, 1).unwrap()).unwrap_err(),
        shape((4, 1), (2, 1))
    );
}
