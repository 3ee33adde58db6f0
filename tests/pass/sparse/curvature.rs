//! Second derivatives with sparse rows.

use super::{Case, Stored, assert_close, sizes};
use handgrad::curvature::{
    Derivatives, KroneckerFactors, Tangents, diagonal, hessian_vector, kronecker_factors, scratch_len,
    tangent,
};
use handgrad::{Batch, Inputs, MatMut, MatRef, Params, ParamsMut, Pass};
use proptest::prelude::*;

/// Everything of second order.
fn all<'a>(case: &'a Case, x: impl Into<Inputs<'a, f64>>) -> Vec<(&'static str, Vec<f64>)> {
    let (dims, n) = (case.dims, case.n);
    let (m, h, len) = (dims.inputs(), dims.hidden(), dims.param_len());
    let batch = Batch::new(x, &case.labels).unwrap();
    let pass = || Pass::new(case.params(), batch).example_weights(&case.weights);
    let v: Vec<f64> = (0..len).map(|i| (0.3 * i as f64).sin()).collect();
    let v = Params::from_flat(dims, &v).unwrap();
    let mut scratch = vec![f64::NAN; scratch_len(dims, n, 1)];
    let blank = |len: usize| vec![f64::NAN; len];
    let (mut product, mut slopes, mut diag, mut traces) = (blank(len), blank(n), blank(len), blank(n));
    let (mut inputs, mut hidden) = (blank((m + 1) * (m + 1)), blank(h * h));
    hessian_vector(pass(), v, ParamsMut::from_flat(dims, &mut product).unwrap(), &mut scratch).unwrap();
    let out = Tangents { slopes: Some(&mut slopes), ..Tangents::default() };
    let Derivatives { loss, slope, gauss_newton, hessian } = tangent(pass(), v, out, &mut scratch).unwrap();
    diagonal(pass(), ParamsMut::from_flat(dims, &mut diag).unwrap(), Some(&mut traces), &mut scratch)
        .unwrap();
    let factors = KroneckerFactors {
        inputs: Some(MatMut::new(&mut inputs, m + 1, m + 1).unwrap()),
        hidden: Some(MatMut::new(&mut hidden, h, h).unwrap()),
        ..KroneckerFactors::default()
    };
    kronecker_factors(pass(), factors, &mut scratch).unwrap();
    vec![
        ("sums", vec![loss, slope, gauss_newton, hessian]),
        ("Hv", product),
        ("slopes", slopes),
        ("diagonal", diag),
        ("traces", traces),
        ("inputs", inputs),
        ("hidden", hidden),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 1 } else { 60 }))]

    #[test]
    fn what_a_matrix_gives(seed: u64, sizes in sizes(), is_ascending: bool) {
        let case = Case::random(seed, sizes, if is_ascending { Stored::Ascending } else { Stored::Any });
        let (dense, csr) = (case.dense(), case.csr());
        let expected = all(&case, MatRef::new(&dense, case.n, case.dims.inputs()).unwrap());
        for ((name, got), (_, expected)) in all(&case, &csr).iter().zip(&expected) {
            assert_close(name, got, expected);
        }
    }
}
