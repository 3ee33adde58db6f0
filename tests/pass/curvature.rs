//! Promise: products with second derivatives are exact, and keep every promise of a pass: options, engines, threads, empty
//! batches, numbers that are not finite, errors before anything is written.

mod case;
mod exactness;
mod matrices;
mod nonfinite;
mod short;
mod vectors;
mod zeros;

use case::{Case, assert_close, engines};
use handgrad::curvature::{
    Tangents, backward, gauss_newton_vector, gauss_newton_vectors, hessian_vector, hessian_vectors,
    scratch_len, tangent,
};
use handgrad::{Batch, Error, MatMut, MatRef, Params, ParamsMut, Pass, What};

use crate::scoped::Scoped;

/// Some sizes for which passes have ways of their own: few examples, wide layers, many classes, several chunks.
const SIZES: [(usize, usize, usize, usize); 7] = [
    (3, 4, 3, 1),
    (5, 7, 4, 8),
    (5, 7, 4, 40),
    (20, 140, 3, 300),
    (7, 20, 60, 130),
    (4, 5, 2, 5000),
    (130, 70, 5, 70),
];

fn cases() -> impl Iterator<Item = Case<f64>> {
    let fixed = SIZES.into_iter().enumerate().map(|(seed, sizes)| Case::new(seed as u64, sizes));
    fixed.chain((0..300).map(Case::random))
}

fn scratch(case: &Case<f64>, directions: usize) -> Vec<f64> {
    vec![f64::NAN; scratch_len(case.dims, case.n, directions)]
}

/// H v, or the product with Gauss-Newton's matrix, and the loss.
fn product(case: &Case<f64>, pass: Pass<'_, f64>, hessian: bool) -> (f64, Vec<f64>) {
    let mut product = vec![f64::NAN; case.dims.param_len()];
    let out = ParamsMut::from_flat(case.dims, &mut product).unwrap();
    let run = if hessian { hessian_vector } else { gauss_newton_vector };
    let loss = run(pass, case.v(), out, &mut scratch(case, 1)).unwrap();
    (loss, product)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn hessian_products_are_those_of_dual_numbers() {
    for (index, case) in cases().enumerate() {
        let duals = case.by_duals();
        for (name, engine) in engines() {
            let mut grad = vec![f64::NAN; case.dims.param_len()];
            let pass = case.pass().engine(engine);
            let (loss, got) = product(&case, pass, true);
            assert_close(&(index, name, case.dims), &got, &duals.product);
            // With the gradient in the same pass: nothing of either changes.
            let pass = case.pass().engine(engine).grad(ParamsMut::from_flat(case.dims, &mut grad).unwrap());
            assert_eq!(product(&case, pass, true), (loss, got), "{index} {name}");
            assert_close(&(index, name, "gradient"), &grad, &duals.grad);
            assert_close(&(index, name, "loss"), &[loss], &[duals.loss.re]);
        }
    }
}

#[test]
fn the_gradient_of_the_same_pass_has_the_bits_of_one_alone() {
    for case in cases() {
        let mut grads = [0, 1].map(|_| vec![f64::NAN; case.dims.param_len()]);
        let [first, second] = grads.each_mut().map(|grad| ParamsMut::from_flat(case.dims, grad).unwrap());
        let (loss, _) = product(&case, case.pass().grad(first), true);
        let alone = case.pass().grad(second).run(&mut vec![f64::NAN; case.dims.scratch_len(case.n)]);
        assert_eq!(loss, alone.unwrap());
        assert_eq!(grads[0], grads[1]);
    }
}

#[test]
fn tangents_are_those_of_dual_numbers() {
    for (index, case) in cases().enumerate() {
        let (duals, n) = (case.by_duals(), case.n);
        let (_, hv) = product(&case, case.pass(), true);
        let (_, gv) = product(&case, case.pass(), false);
        for (name, engine) in engines() {
            let mut scores = vec![f64::NAN; n * case.dims.classes()];
            let [mut slopes, mut squares, mut hessian] = [0, 1, 2].map(|_| vec![f64::NAN; n]);
            let out = Tangents {
                scores: Some(MatMut::new(&mut scores, n, case.dims.classes()).unwrap()),
                slopes: Some(&mut slopes),
                gauss_newton: Some(&mut squares),
                hessian: Some(&mut hessian),
            };
            let all = tangent(case.pass().engine(engine), case.v(), out, &mut scratch(&case, 1)).unwrap();
            let what = (index, name, case.dims);
            assert_close(&(what, "scores"), &scores, &duals.scores);
            let of = |at: usize| duals.examples.iter().map(|example| example[at]).collect::<Vec<_>>();
            assert_close(&(what, "slopes"), &slopes, &of(0));
            assert_close(&(what, "second derivatives"), &hessian, &of(1));
            assert!(squares.iter().all(|square| *square >= 0.0));
            let sums = [all.loss, all.slope, all.hessian, all.gauss_newton];
            let expected =
                [duals.loss.re, duals.loss.du, dot(&hv, &case.direction), dot(&gv, &case.direction)];
            assert_close(&(what, "sums"), &sums, &expected);
        }
    }
}

/// Jᵀ diag(s) (diag p - p pᵀ) J v, put together of J v and of rows of the caller's.
#[test]
fn gauss_newton_products_are_put_together_of_their_factors() {
    for (index, case) in cases().enumerate().filter(|(_, case)| case.l2 == [0.0; 2]) {
        let (n, c) = (case.n, case.dims.classes());
        let [mut jv, mut p, mut shares] = [0, 1, 2].map(|_| vec![f64::NAN; n * c]);
        let out = Tangents { scores: Some(MatMut::new(&mut jv, n, c).unwrap()), ..Tangents::default() };
        tangent(case.pass(), case.v(), out, &mut scratch(&case, 1)).unwrap();
        // The gradient by one score after the other tells the shares: with equal scores of all classes it is A/C - a.
        let mut weights = vec![f64::NAN; n];
        for (i, weight) in weights.iter_mut().enumerate() {
            *weight = weight_of(&case, i, &mut shares[i * c..][..c]);
        }
        let mut total = 0.0;
        let _ = case
            .pass()
            .probabilities(MatMut::new(&mut p, n, c).unwrap())
            .effective_weight(&mut total)
            .run(&mut scratch(&case, 1));
        let divisor = match (case.divisor, case.reduction) {
            (Some(divisor), _) => divisor,
            (None, handgrad::Reduction::Mean) => total,
            (None, handgrad::Reduction::Sum) => 1.0,
        };
        let mut rows = vec![0.0; n * c];
        for i in 0..n {
            let at = i * c..i * c + c;
            let mean = dot(&p[at.clone()], &jv[at.clone()]);
            for k in at {
                rows[k] = weights[i] * p[k] * (jv[k] - mean) / divisor;
            }
        }
        let mut expected = vec![f64::NAN; case.dims.param_len()];
        let pass = case.pass().grad(ParamsMut::from_flat(case.dims, &mut expected).unwrap());
        backward(pass, MatRef::new(&rows, n, c).unwrap(), &mut scratch(&case, 1)).unwrap();
        if divisor == 0.0 {
            expected.fill(0.0);
        }
        for (name, engine) in engines() {
            assert_close(&(index, name), &product(&case, case.pass().engine(engine), false).1, &expected);
        }
    }
}

/// v_i times the sum of the shares (20) of an example, 0 if it is excluded.
fn weight_of(case: &Case<f64>, i: usize, shares: &mut [f64]) -> f64 {
    let (c, label) = (case.dims.classes(), case.labels[i]);
    for (class, share) in shares.iter_mut().enumerate() {
        let q = match &case.targets {
            Some(targets) => targets[i * c + class],
            None => f64::from(u8::from(class == label)),
        };
        let w = case.class_weights.as_ref().map_or(1.0, |weights| weights[class]);
        *share = w * ((1.0 - case.smoothing) * q + case.smoothing / c as f64);
    }
    let is_ignored = case.targets.is_none() && case.ignored == Some(label);
    let v = case.example_weights.as_ref().map_or(1.0, |weights| weights[i]);
    if is_ignored { 0.0 } else { v * shares.iter().sum::<f64>() }
}

/// J v · r = v · Jᵀ r, whatever the objective, and the same for the inputs.
#[test]
fn rows_of_the_callers_go_back_as_tangents_go_forward() {
    for (index, case) in cases().enumerate() {
        let (n, c) = (case.n, case.dims.classes());
        let rows = case::Random::new(index as u64).numbers(n * c);
        let mut jv = vec![f64::NAN; n * c];
        let out = Tangents { scores: Some(MatMut::new(&mut jv, n, c).unwrap()), ..Tangents::default() };
        tangent(case.pass(), case.v(), out, &mut scratch(&case, 1)).unwrap();
        for (name, engine) in engines() {
            let mut back = vec![f64::NAN; case.dims.param_len()];
            let pass = case.pass().engine(engine).grad(ParamsMut::from_flat(case.dims, &mut back).unwrap());
            let mut scratch = vec![f64::NAN; case.dims.scratch_len(n)];
            backward(pass, MatRef::new(&rows, n, c).unwrap(), &mut scratch).unwrap();
            let (got, expected) = (dot(&back, &case.direction), dot(&jv, &rows));
            assert!((got - expected).abs() <= 1e-12 * (n * c) as f64, "{index} {name}: {got} {expected}");
        }
    }
}

#[test]
fn products_are_symmetric_linear_and_of_gauss_newton_not_negative() {
    for case in cases() {
        let mut other = case.clone();
        other.direction = case::Random::new(77).numbers(case.dims.param_len());
        let (u, v) = (&other.direction, &case.direction);
        for hessian in [true, false] {
            let (hu, hv) = (product(&other, other.pass(), hessian).1, product(&case, case.pass(), hessian).1);
            let (left, right, size) = (dot(u, &hv), dot(v, &hu), dot(&hv, &hv).sqrt() + dot(&hu, &hu).sqrt());
            assert!((left - right).abs() <= 1e-12 * size * u.len() as f64, "{left} {right}");
            let mut both = case.clone();
            both.direction = u.iter().zip(v).map(|(u, v)| 2.0 * u - v).collect();
            let expected: Vec<f64> = hu.iter().zip(&hv).map(|(u, v)| 2.0 * u - v).collect();
            let got = product(&both, both.pass(), hessian).1;
            let scale = expected.iter().fold(1e-3 + size, |max: f64, x| max.max(x.abs()));
            assert!(got.iter().zip(&expected).all(|(a, b)| (a - b).abs() <= 1e-12 * scale));
            assert!(hessian || dot(v, &hv) >= -1e-14 * size);
        }
    }
}

#[test]
fn several_directions_have_the_bits_of_one_after_the_other() {
    for case in cases() {
        let len = case.dims.param_len();
        let directions: Vec<_> = (0..3).map(|seed| case::Random::new(seed).numbers(len)).collect();
        let views: Vec<_> = directions.iter().map(|v| Params::from_flat(case.dims, v).unwrap()).collect();
        for hessian in [true, false] {
            let mut products = vec![f64::NAN; 3 * len];
            let mut outs: Vec<_> =
                products.chunks_mut(len).map(|out| ParamsMut::from_flat(case.dims, out).unwrap()).collect();
            let run = if hessian { hessian_vectors } else { gauss_newton_vectors };
            run(case.pass(), &views, &mut outs, &mut scratch(&case, 3)).unwrap();
            for (direction, got) in directions.iter().zip(products.chunks(len)) {
                let one = Case { direction: direction.clone(), ..case.clone() };
                assert_eq!(product(&one, one.pass(), hessian).1, got);
            }
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    for case in cases().take(60).chain([Case::new(5, (40, 61, 5, 2100)), Case::new(6, (60, 150, 50, 900))]) {
        let one = product(&case, case.pass(), true);
        for threads in [2, 3, 7] {
            assert_eq!(product(&case, case.pass().executor(&Scoped(threads)), true), one, "{:?}", case.dims);
        }
    }
}

#[test]
fn of_no_examples_and_where_nothing_counts() {
    let mut case = Case::new(1, (3, 4, 3, 6));
    case.l2 = [0.5, 2.0];
    let (h, m, len) = (4, 3, case.dims.param_len());
    let expected: Vec<f64> = case
        .direction
        .iter()
        .enumerate()
        .map(|(i, v)| match i {
            i if i < h * m => 0.5 * v,
            i if i >= h * m + h && i < len - 3 => 2.0 * v,
            _ => 0.0,
        })
        .collect();
    let mut diagonal: Vec<f64> = vec![0.0; len];
    diagonal[..h * m].fill(0.5);
    diagonal[h * m + h..len - 3].fill(2.0);
    case.example_weights = Some(vec![0.0; 6]);
    for _ in 0..2 {
        assert_eq!(product(&case, case.pass(), true).1, expected);
        assert_eq!(product(&case, case.pass(), false).1, expected);
        assert_eq!(matrices::diagonal(&case).0, diagonal);
        let [_, hidden, _, scores] = matrices::kronecker(&case);
        assert!(hidden.iter().chain(&scores).all(|x| *x == 0.0));
        let all = tangent(case.pass(), case.v(), Tangents::default(), &mut scratch(&case, 1)).unwrap();
        assert_close(&"vᵀHv", &[all.hessian], &[dot(&expected, &case.direction)]);
        (case.n, case.x, case.labels, case.example_weights) = (0, vec![], vec![], None);
    }
}

#[test]
fn without_labels_there_are_tangents_and_gauss_newton() {
    let case = Case::new(1, (3, 4, 3, 6));
    let x = MatRef::new(&case.x, 6, 3).unwrap();
    let pass = || Pass::new(case.params(), Batch::unlabelled(x));
    let (loss, unlabelled) = product(&case, pass(), false);
    assert!(loss.is_nan());
    assert_eq!(unlabelled, product(&case, case.pass(), false).1);
    let along = tangent(pass(), case.v(), Tangents::default(), &mut scratch(&case, 1)).unwrap();
    let labelled = tangent(case.pass(), case.v(), Tangents::default(), &mut scratch(&case, 1)).unwrap();
    assert_eq!(along.gauss_newton, labelled.gauss_newton);
    assert!([along.loss, along.slope, along.hessian].iter().all(|x| x.is_nan()));
    // Nothing is known of classes: an example has its own weight alone.
    let weights = [0.5, 0.0, 2.0, 1.0, 1.0, 3.0];
    let weighted = product(&case, pass().example_weights(&weights), false).1;
    let of_classes = [0.5, 0.0, 4.0];
    let pass_of_classes = pass().example_weights(&weights).class_weights(&of_classes).ignore_label(1);
    assert_eq!(product(&case, pass_of_classes, false).1, weighted);
    // In their units, too, as smoothing has them.
    let pass_of_classes = pass().example_weights(&weights).class_weights(&of_classes).smoothing(0.125);
    assert_eq!(product(&case, pass_of_classes, false).1, weighted);
    assert!(weighted.iter().all(|x| x.is_finite()) && weighted[weighted.len() - 1] != 0.0);
    let mut slopes = vec![7.0; 6];
    let out = Tangents { slopes: Some(&mut slopes), ..Tangents::default() };
    let error = tangent(pass(), case.v(), out, &mut scratch(&case, 1)).unwrap_err();
    assert_eq!(error, Error::Unlabelled { what: What::Slopes });
    let mut product = vec![7.0; case.dims.param_len()];
    let out = ParamsMut::from_flat(case.dims, &mut product).unwrap();
    let error = hessian_vector(pass(), case.v(), out, &mut scratch(&case, 1)).unwrap_err();
    assert_eq!(error, Error::Unlabelled { what: What::CurvatureProduct });
    assert!(slopes.iter().chain(&product).all(|x| *x == 7.0));
}

#[test]
fn errors_come_before_anything_is_written() {
    let case = Case::new(1, (3, 4, 3, 6));
    let other = Case::new(1, (3, 5, 3, 6));
    let (dims, len) = (case.dims, case.dims.param_len());
    let mut out = vec![7.0; other.dims.param_len()];
    let mut run = |direction: Params<'_, f64>, dims, scratch: usize, case: &Case<f64>| {
        let len = handgrad::Dims::param_len(dims);
        let product = ParamsMut::from_flat(dims, &mut out[..len]).unwrap();
        let result = hessian_vector(case.pass(), direction, product, &mut vec![0.0; scratch]);
        assert!(out.iter().all(|x| *x == 7.0));
        result.unwrap_err()
    };
    let enough = scratch_len(dims, 6, 1);
    let error = run(other.v(), dims, enough, &case);
    assert_eq!(error, Error::Dims { what: What::Direction, expected: (3, 4, 3), got: (3, 5, 3) });
    let error = run(case.v(), other.dims, enough, &case);
    assert_eq!(error, Error::Dims { what: What::CurvatureProduct, expected: (3, 4, 3), got: (3, 5, 3) });
    let error = run(case.v(), dims, enough - 1, &case);
    assert_eq!(error, Error::Length { what: What::Scratch, expected: enough, got: enough - 1 });
    let mut wrong = case.clone();
    wrong.labels[3] = 3;
    assert!(matches!(run(case.v(), dims, enough, &wrong), Error::Label { example: 3, .. }));
    // One product for two directions.
    let mut product = vec![7.0; len];
    let mut products = [ParamsMut::from_flat(dims, &mut product).unwrap()];
    let scratch = &mut vec![0.0; scratch_len(dims, 6, 2)];
    let error = hessian_vectors(case.pass(), &[case.v(), case.v()], &mut products, scratch).unwrap_err();
    assert_eq!(error, Error::Length { what: What::CurvatureProduct, expected: 2, got: 1 });
    assert!(product.iter().all(|x| *x == 7.0));
    // Outputs of the wrong size.
    let mut few = vec![7.0; 5];
    let out = Tangents { hessian: Some(&mut few), ..Tangents::default() };
    let error = tangent(case.pass(), case.v(), out, scratch).unwrap_err();
    assert_eq!(error, Error::Length { what: What::Curvatures, expected: 6, got: 5 });
    let rows = MatRef::new(&case.theta[..15], 5, 3).unwrap();
    let error = backward(case.pass(), rows, scratch).unwrap_err();
    assert_eq!(error, Error::Shape { what: What::ScoreGradients, expected: (6, 3), got: (5, 3) });
}

/// Strides of every kind: what is transposed or has gaps has the same product.
#[test]
fn views_of_any_strides() {
    let case = Case::new(4, (6, 9, 5, 30));
    let (expected, m, h, c, n) = (product(&case, case.pass(), true), 6, 9, 5, 30);
    let transposed = |data: &[f64], rows: usize, cols: usize| -> Vec<f64> {
        (0..rows * cols).map(|i| data[i % rows * cols + i / rows]).collect()
    };
    let at = h * m + h;
    let [w1, v1] = [&case.theta, &case.direction].map(|p| transposed(&p[..h * m], h, m));
    let [w2, v2] = [&case.theta, &case.direction].map(|p| transposed(&p[at..at + c * h], c, h));
    let x = transposed(&case.x, n, m);
    let theta = Params::new(
        MatRef::col_major(&w1, h, m).unwrap(),
        &case.theta[h * m..at],
        MatRef::col_major(&w2, c, h).unwrap(),
        &case.theta[at + c * h..],
    );
    let v = Params::new(
        MatRef::col_major(&v1, h, m).unwrap(),
        &case.direction[h * m..at],
        MatRef::col_major(&v2, c, h).unwrap(),
        &case.direction[at + c * h..],
    );
    let batch = Batch::new(MatRef::col_major(&x, n, m).unwrap(), &case.labels).unwrap();
    let (mut p1, mut q1, mut p2, mut q2) = (vec![0.0; h * m], vec![0.0; h], vec![0.0; c * h], vec![0.0; c]);
    let out = ParamsMut::new(
        MatMut::col_major(&mut p1, h, m).unwrap(),
        &mut q1,
        MatMut::col_major(&mut p2, c, h).unwrap(),
        &mut q2,
    );
    hessian_vector(Pass::new(theta.unwrap(), batch), v.unwrap(), out.unwrap(), &mut scratch(&case, 1))
        .unwrap();
    let got: Vec<f64> =
        [transposed(&p1, m, h), q1, transposed(&p2, h, c), q2].into_iter().flatten().collect();
    assert_close(&"col major", &got, &expected.1);
}
