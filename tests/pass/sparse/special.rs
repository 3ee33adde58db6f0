//! Numbers that are not finite, many examples, threads, short types.

use super::{Case, Stored, assert_close};
use crate::scoped::Scoped;
use crate::support::matrix_multiply;
use handgrad::{Batch, Csr, Dims, Engine, MatMut, MatRef, Params, ParamsMut, Pass};

#[test]
fn the_same_bits_on_any_threads() {
    for engine in [Engine::Builtin, Engine::Portable, matrix_multiply()] {
        // Enough work for several threads.
        let case = Case::random(5, (300, 40, 5, 700), Stored::Any);
        let csr = case.csr();
        let run = |threads: Option<&Scoped>| {
            let (mut grad, mut dx) = (vec![f64::NAN; case.dims.param_len()], vec![f64::NAN; 700 * 300]);
            let mut moment = grad.clone();
            let pass = Pass::new(case.params(), Batch::new(&csr, &case.labels).unwrap()).engine(engine);
            let pass = match threads {
                Some(threads) => pass.executor(threads),
                None => pass,
            };
            let loss = pass
                .grad(ParamsMut::from_flat(case.dims, &mut grad).unwrap())
                .second_moment(ParamsMut::from_flat(case.dims, &mut moment).unwrap())
                .input_grad(MatMut::new(&mut dx, 700, 300).unwrap())
                .run(&mut vec![f64::NAN; case.dims.sparse_scratch_len(700)])
                .unwrap();
            (loss, grad, moment, dx)
        };
        let alone = run(None);
        for threads in [2, 3, 7] {
            assert_eq!(run(Some(&Scoped(threads))), alone);
        }
    }
}

#[test]
fn many_examples_add_up_as_well_as_few() {
    // The same rows again and again: the mean is that of the rows.
    let (n, m) = (9000, 6);
    let dims = Dims::new(m, 3, 2).unwrap();
    let theta: Vec<f32> = (0..dims.param_len()).map(|i| (1.3 * i as f32).sin()).collect();
    let offsets: Vec<usize> = (0..=n).map(|i| 2 * i).collect();
    let indices: Vec<usize> = (0..n).flat_map(|i| [i % 3, 3 + i % 3]).collect();
    let values: Vec<f32> = (0..n).flat_map(|i| [0.7 + (i % 3) as f32, -0.3]).collect();
    let labels: Vec<u8> = (0..n).map(|i| (i % 3 == 1) as u8).collect();
    let run = |n: usize| {
        let x = Csr::new(m, &offsets[..=n], &indices[..2 * n], &values[..2 * n]).unwrap();
        let mut grad = vec![f32::NAN; dims.param_len()];
        let mut scratch = vec![f32::NAN; dims.sparse_scratch_len(n)];
        let pass = Pass::new(Params::from_flat(dims, &theta).unwrap(), Batch::new(&x, &labels[..n]).unwrap());
        let loss = pass.grad(ParamsMut::from_flat(dims, &mut grad).unwrap()).run(&mut scratch).unwrap();
        (loss, grad)
    };
    let (few, many) = (run(3), run(n));
    assert!((few.0 - many.0).abs() <= 4.0 * f32::EPSILON * few.0);
    for (few, many) in few.1.iter().zip(&many.1) {
        // A column has 3000 terms, 1366 of a group, which are added up plainly: at worst that costs 1366 halves of an epsilon,
        // 8e-5 of magnitudes of about 1. Groups are added up with compensation.
        assert!((few - many).abs() <= 2e-5, "{few} {many}");
    }
}

#[test]
fn what_is_not_stored_is_not_multiplied() {
    let mut case = Case::random(3, (5, 4, 3, 3), Stored::Ascending);
    (case.offsets, case.indices, case.values) = (vec![0, 2, 2, 3], vec![0, 3, 0], vec![1.0, f64::NAN, 2.0]);
    case.theta[5 + 1] = f64::INFINITY; // a weight of input 1, which no example has
    let run = |case: &Case, excluded: Option<usize>, by_inputs: bool| {
        let (h, m) = (4, 5);
        let [w1, b1, w2, b2] = case.dims.split(&case.theta).unwrap();
        let turned: Vec<f64> = (0..h * m).map(|i| w1[i % h * m + i / h]).collect();
        let w1 =
            if by_inputs { MatRef::new(&turned, m, h).unwrap().t() } else { MatRef::new(w1, h, m).unwrap() };
        let params = Params::new(w1, b1, MatRef::new(w2, 3, h).unwrap(), b2).unwrap();
        let (csr, mut weights, mut losses) = (case.csr(), vec![1.0; 3], vec![0.0; 3]);
        if let Some(excluded) = excluded {
            weights[excluded] = 0.0;
        }
        let (mut dw1, mut rest) = (vec![f64::NAN; h * m], vec![f64::NAN; case.dims.param_len() - h * m]);
        let (db1, tail) = rest.split_at_mut(h);
        let (dw2, db2) = tail.split_at_mut(3 * h);
        let view = if by_inputs {
            MatMut::new(&mut dw1, m, h).unwrap().t()
        } else {
            MatMut::new(&mut dw1, h, m).unwrap()
        };
        let grad = ParamsMut::new(view, db1, MatMut::new(dw2, 3, h).unwrap(), db2).unwrap();
        let pass = Pass::new(params, Batch::new(&csr, &case.labels).unwrap()).example_weights(&weights);
        let mut scratch = vec![f64::NAN; case.dims.sparse_scratch_len(3)];
        let loss = pass.losses(&mut losses).grad(grad).run(&mut scratch).unwrap();
        let dw1 = if by_inputs { (0..h * m).map(|i| dw1[i % m * h + i / m]).collect() } else { dw1 };
        (loss, losses, dw1)
    };
    for by_inputs in [false, true] {
        // A NaN reaches its example, the loss, and the gradient by the inputs of that example.
        let (loss, losses, dw1) = run(&case, None, by_inputs);
        assert!(loss.is_nan() && losses[0].is_nan() && losses[1..].iter().all(|loss| loss.is_finite()));
        for (i, dw1) in dw1.iter().enumerate() {
            assert_eq!(dw1.is_nan(), [0, 3].contains(&(i % 5)), "{i}: {dw1}");
        }
        // Of an excluded example nothing does.
        let (loss, losses, dw1) = run(&case, Some(0), by_inputs);
        assert!(loss.is_finite() && losses[1..].iter().all(|loss| loss.is_finite()));
        assert!(dw1.iter().all(|dw1| dw1.is_finite()));
    }
    // The derivative by a unit that is not active is 0 times the input: NaN if that is infinite.
    case.values[1] = 1.0;
    case.theta[..20].iter_mut().for_each(|w| *w = if *w == f64::INFINITY { *w } else { -1.0 });
    case.theta[20..24].fill(-1.0);
    case.values[2] = f64::INFINITY;
    for by_inputs in [false, true] {
        let (loss, _, dw1) = run(&case, None, by_inputs);
        assert!(loss.is_finite() && dw1[0].is_nan() && dw1[3] == 0.0);
    }
}

#[test]
fn dual_numbers_go_through() {
    use handgrad::gradcheck::Dual;
    let case = Case::random(8, (9, 5, 3, 11), Stored::Any);
    let csr = case.csr();
    let (mut grad, mut scratch) =
        (vec![f64::NAN; case.dims.param_len()], vec![f64::NAN; case.dims.scratch_len(11)]);
    let pass = Pass::new(case.params(), Batch::new(&csr, &case.labels).unwrap());
    pass.grad(ParamsMut::from_flat(case.dims, &mut grad).unwrap()).run(&mut scratch).unwrap();
    let values: Vec<Dual<f64>> = case.values.iter().map(|&x| Dual::constant(x)).collect();
    let csr = Csr::new(9, &case.offsets, &case.indices, &values).unwrap();
    for index in [0, 13, 44, 46, 60, case.dims.param_len() - 1] {
        let theta: Vec<Dual<f64>> = (0..)
            .zip(&case.theta)
            .map(|(i, &value)| Dual::new(value, f64::from(u8::from(i == index))))
            .collect();
        let params = Params::from_flat(case.dims, &theta).unwrap();
        let mut scratch = vec![Dual::constant(f64::NAN); case.dims.scratch_len(11)];
        let loss = Pass::new(params, Batch::new(&csr, &case.labels).unwrap()).run(&mut scratch).unwrap();
        assert_close("derivative", &[loss.du], &[grad[index]]);
    }
}
