//! The gradient of the inputs that occur, and ranges of rows.

use super::{Case, Stored, assert_close, sizes};
use handgrad::{Batch, Csr, Dims, MatRef, ParamsMut, Pass};
use proptest::prelude::*;

/// The gradient and the second moment of the whole batch, each by all inputs.
fn whole(case: &Case) -> [Vec<f64>; 2] {
    let csr = case.csr();
    let mut out = [(); 2].map(|()| vec![f64::NAN; case.dims.param_len()]);
    let [grad, moment] = out.each_mut().map(|out| ParamsMut::from_flat(case.dims, out).unwrap());
    let pass = Pass::new(case.params(), Batch::new(&csr, &case.labels).unwrap());
    let mut scratch = vec![f64::NAN; case.dims.sparse_scratch_len(case.n)];
    pass.grad(grad).second_moment(moment).run(&mut scratch).unwrap();
    out
}

/// The same by the inputs that occur, and those inputs.
fn used(case: &Case) -> (Vec<u32>, Dims, [Vec<f64>; 2]) {
    let (csr, len) = (case.csr(), case.csr().entry_count());
    // Positions of any content.
    let mut positions: Vec<u32> = (0..case.dims.inputs() as u32).map(|i| i.wrapping_mul(7919) % 5).collect();
    let (mut inputs, mut indices) = (vec![3; len], vec![9; len]);
    let used = csr.used_inputs(&mut positions, &mut inputs, &mut indices).unwrap();
    let dims = used.dims(case.dims).unwrap();
    let mut out = [(); 2].map(|()| vec![f64::NAN; dims.param_len()]);
    let [grad, moment] = out.each_mut().map(|out| ParamsMut::from_flat(dims, out).unwrap());
    let pass = Pass::new(case.params(), Batch::new(&csr, &case.labels).unwrap());
    let mut scratch = vec![f64::NAN; dims.sparse_scratch_len(case.n)];
    pass.used_inputs(&used).grad(grad).second_moment(moment).run(&mut scratch).unwrap();
    (used.inputs().to_vec(), dims, out)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 100 }))]

    #[test]
    fn of_the_inputs_that_occur(seed: u64, sizes in sizes(), is_ascending: bool, is_large: bool) {
        let mut case = Case::random(seed, sizes, if is_ascending { Stored::Ascending } else { Stored::Any });
        let (m, h) = (case.dims.inputs(), case.dims.hidden());
        if is_large {
            // Squares of the inputs are out of range, those of the derivatives are not.
            let [w1, _, w2, _] = case.dims.split_mut(&mut case.theta).unwrap();
            w1.iter_mut().chain(w2).for_each(|w| *w *= 1e-170);
            case.values.iter_mut().for_each(|x| *x *= 1e170);
        }
        let (inputs, dims, got) = used(&case);
        let mut occur: Vec<u32> = case.indices.iter().map(|&input| input as u32).collect();
        occur.sort_unstable();
        occur.dedup();
        let mut sorted = inputs.clone();
        sorted.sort_unstable();
        prop_assert_eq!(sorted, occur);
        prop_assert_eq!(dims.inputs(), inputs.len().max(1));
        for (name, got, whole) in got.iter().zip(&whole(&case)).map(|(got, whole)| ("sums", got, whole)) {
            // Put back where they belong, all others being 0, they are the whole.
            let (k, mut all) = (dims.inputs(), vec![0.0; h * m]);
            for unit in 0..h {
                for (column, &input) in inputs.iter().enumerate() {
                    all[unit * m + input as usize] = got[unit * k + column];
                }
            }
            prop_assert!(!inputs.is_empty() || got[..h].iter().all(|g| *g == 0.0));
            assert_close(name, &all, &whole[..h * m]);
            assert_close(name, &got[h * k..], &whole[h * m..]);
        }
    }

    #[test]
    fn a_range_of_rows_is_the_batch_of_those(seed: u64, sizes in sizes(), (a, b) in (0..45usize, 0..45usize)) {
        let case = Case::random(seed, sizes, Stored::Ascending);
        let (start, end) = (a.min(b) % (case.n + 1), (a.max(b) % (case.n + 1)).max(a.min(b) % (case.n + 1)));
        let (csr, dense) = (case.csr(), case.dense());
        let rows = csr.rows_range(start..end).unwrap();
        prop_assert_eq!(rows.rows(), end - start);
        let x = MatRef::new(&dense, case.n, case.dims.inputs()).unwrap().rows_range(start..end).unwrap();
        let labels = &case.labels[start..end];
        let mut scratch = vec![f64::NAN; case.dims.scratch_len(case.n)];
        let dense = Pass::new(case.params(), Batch::new(x, labels).unwrap()).run(&mut scratch).unwrap();
        let sparse = Pass::new(case.params(), Batch::new(&rows, labels).unwrap()).run(&mut scratch).unwrap();
        assert_close("loss", &[sparse], &[dense]);
        // And its inputs are those of these rows alone.
        let len = rows.entry_count();
        let (mut positions, mut inputs, mut indices) = (vec![0; case.dims.inputs()], vec![0; len], vec![0; len]);
        let used = rows.used_inputs(&mut positions, &mut inputs, &mut indices).unwrap();
        let entries = case.offsets[start] as usize..case.offsets[end] as usize;
        prop_assert!(used.inputs().iter().all(|&input| case.indices[entries.clone()].contains(&(input as i32))));
        let dims = used.dims(case.dims).unwrap();
        let (mut grad, mut all) = (vec![f64::NAN; dims.param_len()], vec![f64::NAN; case.dims.param_len()]);
        let pass = Pass::new(case.params(), Batch::new(&rows, labels).unwrap()).used_inputs(&used);
        pass.grad(ParamsMut::from_flat(dims, &mut grad).unwrap()).run(&mut scratch).unwrap();
        let pass = Pass::new(case.params(), Batch::new(x, labels).unwrap());
        pass.grad(ParamsMut::from_flat(case.dims, &mut all).unwrap()).run(&mut scratch).unwrap();
        for (column, &input) in used.inputs().iter().enumerate() {
            assert_close("dW1", &[grad[column]], &[all[input as usize]]);
        }
    }
}

#[test]
fn indices_of_any_integers() {
    let values = [1.5f32, -2.0, 0.25];
    let dims = Dims::new(5, 3, 2).unwrap();
    let theta: Vec<f32> = (0..dims.param_len()).map(|i| (i as f32).sin()).collect();
    let params = handgrad::Params::from_flat(dims, &theta).unwrap();
    let mut scratch = vec![0.0; dims.sparse_scratch_len(2)];
    let mut loss = |batch| Pass::new(params, batch).run(&mut scratch).unwrap();
    let x = Csr::new(5, &[0usize, 2, 3], &[4usize, 0, 2], &values).unwrap();
    let first = loss(Batch::new(&x, &[0u8, 1]).unwrap());
    let x = Csr::new(5, &[0i64, 2, 3], &[4u8, 0, 2], &values).unwrap();
    assert_eq!(loss(Batch::new(&x, &[0u8, 1]).unwrap()), first);
    let x = Csr::new(
        5,
        &[7u16, 9, 10],
        &[0i128, 1, 2, 3, 4, 0, 1, 4, 0, 2],
        &[9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 1.5, -2.0, 0.25],
    )
    .unwrap();
    assert_eq!(loss(Batch::new(&x, &[0u8, 1]).unwrap()), first);
}
