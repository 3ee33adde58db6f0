//! Promise: a batch has labels, targets or neither, and its type names that of the labels only where that matters.

use crate::support::Problem;
use handgrad::{Batch, Engine, Error, MatMut, MatRef, Params, Pass};
use num_traits::PrimInt;

/// What the scores are compared with, if at all.
#[derive(Clone, Copy)]
enum Known<'a, L> {
    Labels(&'a [L]),
    Targets(MatRef<'a, f64>),
    Nothing,
}

/// One type of batch for all of them, whatever the labels are.
fn batch<'a, L: PrimInt>(x: MatRef<'a, f64>, known: Known<'a, L>) -> Result<Batch<'a, f64, L>, Error> {
    Ok(match known {
        Known::Labels(labels) => Batch::new(x, labels)?,
        Known::Targets(targets) => Batch::with_targets(x, targets)?.without_labels(),
        Known::Nothing => Batch::unlabelled(x).without_labels(),
    })
}

/// The probabilities, and the loss if there is one.
fn evaluate<L: PrimInt + Sync>(problem: &Problem, known: Known<'_, L>) -> (Vec<f64>, Option<f64>) {
    let (dims, n) = (problem.dims, problem.n);
    let params = Params::from_flat(dims, &problem.theta).unwrap();
    let x = MatRef::new(&problem.x, n, dims.inputs()).unwrap();
    let (mut p, mut scratch) = (vec![f64::NAN; n * dims.classes()], vec![f64::NAN; dims.scratch_len(n)]);
    let pass = Pass::new(params, batch(x, known).unwrap()).engine(Engine::Builtin);
    let pass = pass.probabilities(MatMut::new(&mut p, n, dims.classes()).unwrap());
    let loss = match known {
        Known::Nothing => pass.infer(&mut scratch).map(|()| None),
        _ => pass.run(&mut scratch).map(Some),
    };
    (p, loss.unwrap())
}

#[test]
fn one_type_for_any_labels() {
    fn check<L: PrimInt + Sync>(problem: &Problem) {
        let (n, c) = (problem.n, problem.dims.classes());
        let labels: Vec<L> = problem.labels.iter().map(|&label| L::from(label).unwrap()).collect();
        let mut targets = vec![0.0; n * c];
        problem.labels.iter().enumerate().for_each(|(i, &label)| targets[i * c + label] = 1.0);
        let hard = evaluate(problem, Known::Labels(&labels));
        let soft = evaluate::<L>(problem, Known::Targets(MatRef::new(&targets, n, c).unwrap()));
        let bare = evaluate::<L>(problem, Known::Nothing);
        assert_eq!(bare, (hard.0.clone(), None));
        assert_eq!(soft.0, hard.0);
        let (soft, hard) = (soft.1.unwrap(), hard.1.unwrap());
        assert!(hard > 0.0 && (soft - hard).abs() <= 8.0 * f64::EPSILON * hard);
    }
    let problem = Problem::random(4, (3, 5, 4, 20));
    check::<u8>(&problem);
    check::<i16>(&problem);
    check::<i64>(&problem);
    check::<usize>(&problem);
}

/// Where nothing says what type labels would have, nothing has to.
#[test]
fn plain_uses_need_no_type() {
    let problem = Problem::random(4, (3, 5, 4, 2));
    let params = Params::from_flat(problem.dims, &problem.theta).unwrap();
    let x = MatRef::new(&problem.x, 2, 3).unwrap();
    let mut scratch = vec![0.0; problem.dims.scratch_len(2)];
    let mut f = [0.0; 8];
    let view = MatMut::new(&mut f, 2, 4).unwrap();
    Pass::new(params, Batch::unlabelled(x)).scores(view).infer(&mut scratch).unwrap();
    let targets = [0.25; 8];
    let soft = Batch::with_targets(x, MatRef::new(&targets, 2, 4).unwrap()).unwrap();
    assert!(handgrad::loss(params, soft, &mut scratch).unwrap() > 0.0);
    // Labels are left out, targets are not.
    let labelled: Batch<'_, f64, u8> = Batch::new(x, &[1, 2]).unwrap();
    let err = Pass::new(params, labelled.without_labels::<i32>()).run(&mut scratch);
    assert!(matches!(err, Err(Error::Unlabelled { .. })), "{err:?}");
    assert!(Pass::new(params, soft.without_labels::<i8>()).run(&mut scratch).is_ok());
}
