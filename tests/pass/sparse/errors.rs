//! What is no sparse matrix, or does not fit, is an error, and nothing is written.

use handgrad::{Batch, Csr, Dims, Error, MatRef, Params, ParamsMut, Pass, What};

#[test]
fn what_is_no_sparse_matrix() {
    let values = [1.0, 2.0, 3.0];
    let csr =
        |offsets: &[i64], indices: &[i64], values: &[f64]| Csr::new(4, offsets, indices, values).map(|_| ());
    assert_eq!(csr(&[0, 1, 3], &[0, 3, 2], &values), Ok(()));
    let length = |what, expected, got| Err(Error::Length { what, expected, got });
    assert_eq!(csr(&[], &[0, 3, 2], &values), length(What::Offsets, 1, 0));
    assert_eq!(csr(&[0], &[0, 3], &values), length(What::Values, 2, 3));
    for (offsets, index, expected, got) in [
        ([0, 2, 1], 2, (2, 3), 1),
        ([0, 2, 4], 2, (2, 3), 4),
        ([-1, 2, 3], 0, (0, 3), -1),
        ([1, 0, 3], 1, (1, 3), 0),
    ] {
        assert_eq!(csr(&offsets, &[0, 3, 2], &values), Err(Error::Offset { index, expected, got }));
    }
    for (bad, example, entry) in [(4, 0, 0), (-1, 1, 2), (i64::MAX, 1, 1)] {
        let mut indices = [0, 3, 2];
        indices[entry] = bad;
        let err = Error::Input { example, entry, inputs: 4, got: bad.into() };
        assert_eq!(csr(&[0, 1, 3], &indices, &values), Err(err));
    }
    // An index of an entry that belongs to no row does not matter.
    assert_eq!(csr(&[1, 1, 2], &[99, 3, 99], &values), Ok(()));
    let largest = Csr::new(4, &[0u128, u128::MAX], &[0u8], &[1.0]).unwrap_err();
    assert_eq!(largest, Error::Offset { index: 1, expected: (0, 1), got: i128::MAX });
}

#[test]
fn what_it_says() {
    let err = Error::Offset { index: 2, expected: (2, 3), got: 1 };
    assert_eq!(err.to_string(), "offset 2 of sparse rows: expected a number from 2 to 3, got 1");
    let err = Error::Input { example: 1, entry: 2, inputs: 4, got: -1 };
    assert_eq!(err.to_string(), "index of entry 2, of example 1: expected an input in 0..4, got -1");
    let err = Error::Rows { range: (3, 9), rows: 5 };
    assert_eq!(err.to_string(), "rows 3..9: expected a range within 0..5");
    let err = Csr::new(4, &[0, 1], &[0], &[1.0, 2.0]).unwrap_err();
    assert_eq!(err.to_string(), "values of sparse rows: expected length 1 (one for each index), got 2");
}

#[test]
#[expect(clippy::reversed_empty_ranges, reason = "it is what is tested")]
fn ranges_of_rows() {
    let x = Csr::new(4, &[0, 1, 3], &[0, 3, 2], &[1.0, 2.0, 3.0]).unwrap();
    let view = MatRef::new(&[1.0, 2.0, 3.0, 4.0], 2, 2).unwrap();
    for range in [0..3, 2..1, 3..3, usize::MAX..usize::MAX] {
        let err = Error::Rows { range: (range.start, range.end), rows: 2 };
        assert_eq!(x.rows_range(range.clone()).unwrap_err(), err);
        assert_eq!(view.rows_range(range.clone()).unwrap_err(), err);
    }
    assert_eq!((x.rows_range(2..2).unwrap().rows(), view.rows_range(1..1).unwrap().rows()), (0, 0));
    assert_eq!(view.rows_range(1..2).unwrap().get(0, 1), Some(4.0));
}

#[test]
fn what_does_not_fit_leaves_all_as_it_was() {
    let dims = Dims::new(4, 3, 2).unwrap();
    let theta = vec![0.5; dims.param_len()];
    let params = Params::from_flat(dims, &theta).unwrap();
    let (x, other) = (
        Csr::new(4, &[0, 1, 3], &[0, 3, 2], &[1.0, 2.0, 3.0]).unwrap(),
        Csr::new(4, &[0, 1], &[2], &[1.0]).unwrap(),
    );
    let wide = Csr::new(5, &[0, 1, 3], &[0, 3, 2], &[1.0, 2.0, 3.0]).unwrap();
    let batch = Batch::new(&x, &[0u8, 1]).unwrap();
    let mut scratch = vec![0.0; dims.sparse_scratch_len(2)];
    assert_eq!(
        Pass::new(params, Batch::new(&wide, &[0u8, 1]).unwrap()).run(&mut scratch),
        Err(Error::Shape { what: What::X, expected: (2, 4), got: (2, 5) })
    );
    assert_eq!(
        Batch::new(&x, &[0u8]).unwrap_err(),
        Error::Length { what: What::Labels, expected: 2, got: 1 }
    );
    let len = scratch.len() - 1;
    let short = Error::Length { what: What::Scratch, expected: len + 1, got: len };
    assert_eq!(Pass::new(params, batch).run(&mut scratch[..len]), Err(short));

    let (mut positions, mut inputs, mut indices) = ([0; 4], [0; 3], [0; 3]);
    let used = x.used_inputs(&mut positions, &mut inputs, &mut indices).unwrap();
    let small = used.dims(dims).unwrap();
    let (mut grad, mut whole) = (vec![7.0; small.param_len()], vec![7.0; dims.param_len()]);
    let got = Pass::new(params, batch)
        .used_inputs(&used)
        .grad(ParamsMut::from_flat(dims, &mut whole).unwrap())
        .run(&mut scratch);
    assert_eq!(got, Err(Error::Dims { what: What::Gradient, expected: (3, 3, 2), got: (4, 3, 2) }));
    let pass = || Pass::new(params, batch).used_inputs(&used);
    let got = pass().l2(0.5, 0.0).grad(ParamsMut::from_flat(small, &mut grad).unwrap()).run(&mut scratch);
    assert_eq!(got, Err(Error::Value { what: What::L2, index: 0, got: 0.5 }));
    assert!(pass().l2(0.0, 0.5).run(&mut scratch).is_ok());
    let (mut inputs, mut indices) = ([0], [0]);
    let others = other.used_inputs(&mut positions, &mut inputs, &mut indices).unwrap();
    let got = Pass::new(params, batch).used_inputs(&others).run(&mut scratch);
    assert_eq!(got, Err(Error::Length { what: What::UsedInputs, expected: 2, got: 1 }));
    assert!(grad.iter().chain(&whole).all(|g| *g == 7.0));
}

#[test]
fn buffers_of_the_wrong_length() {
    let x = Csr::new(4, &[0, 1, 3], &[0, 3, 2], &[1.0, 2.0, 3.0]).unwrap();
    for (lens, what, expected) in
        [([3, 3, 3], What::Positions, 4), ([4, 4, 3], What::UsedInputs, 3), ([4, 3, 2], What::Indices, 3)]
    {
        let mut buffers = lens.map(|len| vec![8u32; len]);
        let [positions, inputs, indices] = &mut buffers;
        let got = x.used_inputs(positions, inputs, indices).map(|_| ());
        let len =
            *lens.iter().find(|len| **len != expected && **len != 4 || what == What::UsedInputs).unwrap();
        assert_eq!(got, Err(Error::Length { what, expected, got: len }));
        assert!(buffers.iter().flatten().all(|x| *x == 8));
    }
}
