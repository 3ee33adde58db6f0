//! A product on its own: C = A B or C + A B, of any sizes, strides and numbers, on each engine of the crate.

use handgrad::gemm::{Beta, Gemm};
use handgrad::{Engine, Error, What};

use half::{bf16, f16};

use crate::ball::{Ball, Rounding, sum};
use crate::bytes::Bytes;
use crate::element::Element;
use crate::memory::Memory;
use crate::values;

pub fn gemm(bytes: &[u8]) {
    let mut bytes = Bytes::new(bytes);
    match bytes.below(8) {
        0..4 => run::<f32>(&mut bytes),
        4..6 => run::<f64>(&mut bytes),
        6 => run::<bf16>(&mut bytes),
        _ => run::<f16>(&mut bytes),
    }
}

/// The engines that are the crate's.
pub fn engine<'a, T>(bytes: &mut Bytes) -> Engine<'a, T> {
    match bytes.below(8) {
        0..2 => Engine::Auto,
        2..5 => Engine::Builtin,
        5 | 6 => Engine::Portable,
        _ => Engine::MatrixMultiply,
    }
}

fn run<T: Element>(bytes: &mut Bytes) {
    let engine = engine::<T>(bytes);
    let most = if size_of::<T>() == 2 { 40 } else { 100 };
    let (m, k, n) = (bytes.size(most), bytes.size(most), bytes.size(most));
    let beta = if bytes.one_in(2) { Beta::One } else { Beta::Zero };
    let a = values::matrix::<T>(bytes, m, k);
    let b = values::matrix::<T>(bytes, k, n);
    let old = values::matrix::<T>(bytes, m, n);
    let a = Memory::matrix(bytes, (m, k), &a, true);
    let b = Memory::matrix(bytes, (k, n), &b, true);
    let mut c = Memory::matrix(bytes, (m, n), &old, false);
    let case = format!("{} {engine:?} ({m}, {k}, {n}) {beta:?}", T::NAME);

    refused(bytes, engine, &a, &b, beta, &mut c, (m, k, n));
    engine.gemm(a.view(), b.view(), beta, c.view_mut()).unwrap();
    c.check_guards(&case);
    let r = Rounding::of::<T>();
    for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
        let exact = |x: T| Ball::exact(x.value());
        let old = (beta == Beta::One).then(|| (exact(old[i * n + j]), Ball::ONE));
        let terms = (0..k).map(|p| (exact(a.get(i, p)), exact(b.get(p, j)))).chain(old);
        // Sums of parts of the depth, and 0, are added to them.
        let ball = sum(terms, k.div_ceil(8) + 2, r);
        let got = c.get(i, j).value();
        assert!(ball.holds(got), "{case}: C({i}, {j}) is {got:e}, expected {ball:?}");
    }
    // The same bits again, wherever C lies and whatever it held if that does not count.
    let again = if beta == Beta::One { old } else { values::matrix::<T>(bytes, m, n) };
    let mut second = Memory::matrix(bytes, (m, n), &again, false);
    engine.gemm(a.view(), b.view(), beta, second.view_mut()).unwrap();
    second.check_guards(&case);
    let same_way = c.view().col_stride() == second.view().col_stride();
    for (first, second) in c.values().iter().zip(second.values()).filter(|_| same_way) {
        let same = first.bits() == second.bits() || first.is_nan() && second.is_nan();
        assert!(same, "{case}: {first:?}, then {second:?}");
    }
}

/// Sizes that do not go together are an error, and nothing is written.
fn refused<T: Element>(
    bytes: &mut Bytes,
    engine: Engine<'_, T>,
    a: &Memory<T>,
    b: &Memory<T>,
    beta: Beta,
    c: &mut Memory<T>,
    (m, k, n): (usize, usize, usize),
) {
    let (got, expected) = match bytes.below(3) {
        0 if k != m => (
            engine.gemm(a.view().t(), b.view(), beta, c.view_mut()),
            Error::Shape { what: What::Factor, expected: (m, n), got: (k, n) },
        ),
        1 if n != k => (
            engine.gemm(a.view(), b.view().t(), beta, c.view_mut()),
            Error::Shape { what: What::Factor, expected: (k, k), got: (n, k) },
        ),
        2 if n != m => (
            engine.gemm(a.view(), b.view(), beta, c.view_mut().t()),
            Error::Shape { what: What::Product, expected: (m, n), got: (n, m) },
        ),
        _ => return,
    };
    assert_eq!(got, Err(expected));
    c.check_untouched("refused");
}
