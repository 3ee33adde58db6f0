//! Promise: every engine computes the product, whatever the strides, and reads nothing it should not.

use crate::support::{Element, LAYOUTS, Layout, assert_within, matrix_multiply};
use half::bf16;
use handgrad::gemm::{Beta, Gemm};
use handgrad::{Batch, Dims, Engine, Error, MatMut, MatRef, Params, ParamsMut, Pass};
use std::sync::atomic::{AtomicUsize, Ordering};

/// C = A B (+ C) with A, B, C in these layouts, against plain sums in f64.
fn check<T: Element>(
    engine: &dyn Gemm<T>,
    (m, k, n): (usize, usize, usize),
    layouts: [Layout; 3],
    beta: Beta,
) {
    let mut rng = fastrand::Rng::with_seed((m * 1_000_000 + k * 1000 + n) as u64);
    let mut numbers = |len| -> Vec<T> { (0..len).map(|_| T::of(f64::from(rng.i32(-9..10)) / 8.0)).collect() };
    let (a, b, old) = (numbers(m * k), numbers(k * n), numbers(m * n));
    let [la, lb, lc] = layouts;
    let (a_memory, b_memory) = (la.lay(&a, m, k), lb.lay(&b, k, n));
    let mut c_memory = if beta == Beta::Zero { lc.blank(m, n, T::nan()) } else { lc.lay(&old, m, n) };
    let c = lc.view_mut(&mut c_memory, m, n);
    engine.gemm(la.view(&a_memory, m, k), lb.view(&b_memory, k, n), beta, c).unwrap();

    let got = lc.collect(&c_memory, m, n);
    let (mut expected, mut bound) = (vec![], vec![]);
    for (i, old) in old.iter().enumerate() {
        let old = if beta == Beta::One { old.value() } else { 0.0 };
        let terms = (0..k).map(|p| a[i / n * k + p].value() * b[p * n + i % n].value());
        let (sum, magnitude) = terms.fold((old, old.abs()), |(s, g), term| (s + term, g + term.abs()));
        let ku = (k + 1) as f64 * T::U;
        expected.push(sum);
        bound.push(ku / (1.0 - ku) * magnitude);
    }
    let got_values: Vec<f64> = got.iter().map(|value| value.value()).collect();
    assert_within(&format!("{m} x {k} x {n}, {layouts:?}, {beta:?}"), &got_values, &expected, &bound);
    let untouched = c_memory.iter().filter(|value| value.is_nan()).count();
    assert_eq!(untouched, c_memory.len() - m * n, "written between the elements");
}

fn grid<T: Element>(engine: &dyn Gemm<T>, deepest: usize) {
    let sizes = [1, 2, 3, 4, 5, 7, 8, 9, 16, 17];
    let depths = [1, 2, 3, 8, 31, 63, 64, 65, 128, 129, 300];
    for (i, &m) in sizes.iter().enumerate() {
        for (j, &n) in sizes.iter().enumerate() {
            for (l, &k) in depths.iter().filter(|k| **k <= deepest).enumerate() {
                let pick = |shift: usize| LAYOUTS[(i + j * shift + l * (shift + 1) + shift) % 4];
                let beta = [Beta::Zero, Beta::One][(i + j + l) % 2];
                check(engine, (m, k, n), [pick(0), pick(1), pick(2)], beta);
            }
        }
    }
    for la in LAYOUTS {
        for lb in LAYOUTS {
            for lc in LAYOUTS {
                check(engine, (13, 70.min(deepest), 19), [la, lb, lc], Beta::Zero);
                check(engine, (13, 70.min(deepest), 19), [la, lb, lc], Beta::One);
            }
        }
    }
}

#[test]
fn matrixmultiply_f32() {
    grid::<f32>(&matrix_multiply(), 300);
}

#[test]
fn matrixmultiply_f64() {
    grid::<f64>(&matrix_multiply(), 300);
}

#[test]
fn blocked_f32() {
    grid::<f32>(&Engine::Builtin, 300);
    // Panels of several registers with an uneven rest, more rows than are multiplied at a time, several parts
    // of the depth.
    check::<f32>(&Engine::Builtin, (250, 1700, 100), [Layout::RowMajor; 3], Beta::One);
    check::<f32>(
        &Engine::Builtin,
        (61, 900, 301),
        [Layout::RowMajor, Layout::ColMajor, Layout::ColMajor],
        Beta::Zero,
    );
}

#[test]
fn blocked_f64() {
    grid::<f64>(&Engine::Builtin, 300);
    check::<f64>(&Engine::Builtin, (250, 1700, 100), [Layout::RowMajor; 3], Beta::One);
    check::<f64>(
        &Engine::Builtin,
        (61, 900, 301),
        [Layout::RowMajor, Layout::ColMajor, Layout::ColMajor],
        Beta::Zero,
    );
}

#[test]
fn portable_f32() {
    grid::<f32>(&Engine::Portable, 300);
}

#[test]
fn portable_f64() {
    grid::<f64>(&Engine::Portable, 300);
}

/// With its 8 bits a sum of 65 terms is the longest whose bound means anything.
#[test]
fn portable_bf16() {
    grid::<bf16>(&Engine::Portable, 65);
}

/// Rows of NaN beyond a register tile's edge must not reach the sums, and NaN inside must.
#[test]
fn nan_goes_where_it_belongs() {
    let engines: [&dyn Gemm<f64>; 3] = [&matrix_multiply(), &Engine::Builtin, &Engine::Portable];
    for engine in engines {
        let (m, k, n) = (5, 3, 9);
        let (mut a, b) = (vec![1.0; m * k], vec![1.0; k * n]);
        a[3 * k + 1] = f64::NAN;
        let mut c = vec![0.0; m * n];
        let [va, vb] = [Layout::RowMajor.view(&a, m, k), Layout::RowMajor.view(&b, k, n)];
        engine.gemm(va, vb, Beta::Zero, Layout::RowMajor.view_mut(&mut c, m, n)).unwrap();
        for (i, value) in c.iter().enumerate() {
            assert_eq!(value.is_nan(), i / n == 3, "row {}", i / n);
        }
    }
}

#[test]
fn an_engine_says_which_it_is() {
    let mine = Engine::<f32>::Portable;
    let engines = [Engine::Auto, Engine::Builtin, Engine::Portable, Engine::Gemm(&mine)];
    let names = engines.map(|engine| format!("{engine:?}"));
    assert_eq!(names, ["Auto", "Builtin", "Portable", "Gemm(..)"]);
}

struct Counting(AtomicUsize);

impl Gemm<f64> for Counting {
    fn gemm(
        &self,
        a: MatRef<'_, f64>,
        b: MatRef<'_, f64>,
        beta: Beta,
        c: MatMut<'_, f64>,
    ) -> Result<(), Error> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Engine::Portable.gemm(a, b, beta, c)
    }
}

/// Z and F; D, dW1, dW2 and dX.
#[test]
fn every_product_of_a_pass_is_the_callers() {
    let (dims, n) = (Dims::new(3, 4, 2).unwrap(), 10);
    let (theta, x, labels) = (vec![0.25; dims.param_len()], vec![0.5; n * 3], vec![0usize; n]);
    for (with_grads, expected) in [(false, 2), (true, 6)] {
        let mine = Counting(AtomicUsize::new(0));
        let (mut grad, mut dx) = (vec![0.0; dims.param_len()], vec![0.0; n * 3]);
        let batch = Batch::new(MatRef::new(&x, n, 3).unwrap(), &labels).unwrap();
        let mut pass = Pass::new(Params::from_flat(dims, &theta).unwrap(), batch).engine(Engine::Gemm(&mine));
        if with_grads {
            pass = pass.grad(ParamsMut::from_flat(dims, &mut grad).unwrap());
            pass = pass.input_grad(MatMut::new(&mut dx, n, 3).unwrap());
        }
        pass.run(&mut vec![0.0; dims.scratch_len(n)]).unwrap();
        assert_eq!(mine.0.into_inner(), expected);
    }
}
