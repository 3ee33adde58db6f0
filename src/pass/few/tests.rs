//! The short way has the bits of the long way.

use num_traits::Float;

use crate::data::{Batch, Dims, MatMut, MatRef, Params, ParamsMut};
use crate::gemm::Beta;
use crate::kink::Kink;
use crate::limits::{FEW_CLASSES, FEW_EXAMPLES};
use crate::pass::engine::Products;
use crate::pass::layout::External;
use crate::pass::phases::Phases;
use crate::pass::setup::{Pass, Reduction};
use crate::simd::Simd;
use crate::simd::tests::{Check, number, on_each_set};

/// What a pass is made with.
#[derive(Clone, Copy, Debug)]
struct Case {
    dims: (usize, usize, usize),
    n: usize,
    kink: Kink,
    reduction: Reduction,
    beta: Beta,
}

/// Loss and gradient, by the short way or the long way.
fn results<T: Float + Send + Sync + 'static>(
    phases: &'static dyn Phases<T>,
    case: Case,
    short: bool,
) -> Vec<T> {
    let ((m, h, c), n) = (case.dims, case.n);
    let dims = Dims::new(m, h, c).unwrap();
    // Parameters and inputs of 0 make pre-activations of 0, and gradients of -0.
    let numbers =
        |len, seed| (0..len).map(|i| if i % 5 == 0 { T::zero() } else { number(i + seed) }).collect();
    let (theta, mut x): (Vec<T>, Vec<T>) = (numbers(dims.param_len(), 0), numbers(n * m, 5));
    x[..m].fill(T::zero());
    let labels: Vec<i8> = (0..n).map(|i| (i * 31 % c) as i8).collect();
    let mut grad: Vec<T> = (0..dims.param_len()).map(|i| number(i + 77)).collect();
    let target = ParamsMut::from_flat(dims, &mut grad).unwrap();
    let batch = Batch::new(MatRef::new(&x, n, m).unwrap(), &labels).unwrap();
    let pass = Pass::new(Params::from_flat(dims, &theta).unwrap(), batch).kink(case.kink);
    let pass = pass.reduction(case.reduction);
    let mut pass = if case.beta == Beta::One { pass.accumulate_grad(target) } else { pass.grad(target) };
    let products = Products { phases, gemm: None, external: External::None };
    assert!(pass.is_short(products.external), "{case:?}");
    let mut scratch = vec![T::nan(); dims.scratch_len(n)];
    let loss = if short {
        pass.evaluate(products, &mut scratch)
    } else {
        pass.evaluate_all(products, &mut scratch, None)
    };
    grad.push(loss.unwrap());
    grad
}

struct Bits;

impl Bits {
    fn check_type<T: Float + Send + Sync + 'static, S: Simd<T>>(name: &str, set: &'static S) {
        // Whole and broken registers, narrow and wide rows, one class and the most.
        let shapes = [
            (1, 1, 1),
            (16, 8, 3),
            (64, 32, 10),
            (17, 13, 5),
            (100, 19, FEW_CLASSES),
            (300, 40, 7),
            (7, 70, 2),
        ]
        .map(|(m, h, c)| (m, h, FEW_CLASSES.min(c)));
        let cases = shapes.into_iter().flat_map(|dims| (1..=FEW_EXAMPLES).map(move |n| (dims, n)));
        for (i, (dims, n)) in cases.enumerate() {
            let pick = |by: usize| i / by % 2 == 0;
            let case = Case {
                dims,
                n,
                kink: if pick(1) { Kink::One } else { Kink::Zero },
                reduction: if pick(2) { Reduction::Mean } else { Reduction::Sum },
                beta: if pick(4) { Beta::Zero } else { Beta::One },
            };
            let bits = |short| -> Vec<_> {
                results::<T>(set, case, short).into_iter().map(|v| v.integer_decode()).collect()
            };
            assert_eq!(bits(true), bits(false), "{name}: {case:?}");
        }
    }
}

impl Check for Bits {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S) {
        Self::check_type::<f32, S>(name, set);
        Self::check_type::<f64, S>(name, set);
    }
}

#[test]
fn the_short_way_has_the_bits_of_the_long_way() {
    on_each_set(&Bits);
}

/// What is wrong is found before anything is written, in the order of the long way.
#[test]
fn the_short_way_checks_as_the_long_way() {
    let dims = Dims::new(3, 2, 2).unwrap();
    let (theta, x) = (vec![0.5; dims.param_len()], [1.0; 4]);
    let params = Params::from_flat(dims, &theta).unwrap();
    let products = Products::of(crate::Engine::Builtin);
    let other = Dims::new(3, 2, 3).unwrap();
    // Inputs, label, gradient, scratch: each case has one thing wrong more than the next.
    for wrong in 0..5 {
        let (cols, label) = (if wrong > 3 { 4 } else { 3 }, if wrong > 2 { 2 } else { 1 });
        let (of, missing) = (if wrong > 1 { other } else { dims }, usize::from(wrong > 0));
        let labels = [label];
        let outcome = |short| {
            let (mut grad, mut scratch) =
                (vec![9.0; of.param_len()], vec![0.0; dims.scratch_len(1) - missing]);
            let target = ParamsMut::from_flat(of, &mut grad).unwrap();
            let batch = Batch::new(MatRef::new(&x[..cols], 1, cols).unwrap(), &labels).unwrap();
            let mut pass = Pass::new(params, batch).grad(target);
            assert!(pass.is_short(products.external));
            let result = if short {
                pass.evaluate(products, &mut scratch)
            } else {
                pass.evaluate_all(products, &mut scratch, None)
            };
            assert!(wrong == 0 || grad.iter().all(|&g| g == 9.0), "{wrong}: written");
            result
        };
        assert_eq!(outcome(true), outcome(false), "{wrong}");
        assert_eq!(outcome(true).is_err(), wrong > 0, "{wrong}");
    }
}

/// Each of these takes the long way.
#[test]
fn whatever_else_is_asked_for_goes_the_long_way() {
    let dims = Dims::new(2, 2, 2).unwrap();
    let (theta, x) = ([0.5; 12], [1.0; 4]);
    let params = Params::from_flat(dims, &theta).unwrap();
    let (mut out, mut classes, mut sum, mut grad) = ([[0.0; 24]; 9], [0; 2], 0.0, [0.0; 12]);
    let [w1, b1, w2, b2] = dims.split_mut(&mut grad).unwrap();
    let [o1, o2, o3, o4, o5, o6, o7, o8, o9] = &mut out;
    let pass = || Pass::new(params, Batch::new(MatRef::new(&x, 2, 2).unwrap(), &[0, 1]).unwrap());
    let square = |data| MatMut::new(data, 2, 2).unwrap();
    let long = [
        pass().input_grad(square(&mut o1[..4])),
        pass().losses(&mut o2[..2]),
        pass().scores(square(&mut o3[..4])),
        pass().probabilities(square(&mut o4[..4])),
        pass().log_probabilities(square(&mut o5[..4])),
        pass().predictions(&mut classes),
        pass().grad_norms(&mut o6[..2]),
        pass().example_grads(MatMut::new(o7, 2, 12).unwrap()),
        pass().gram(square(&mut o8[..4])),
        pass().second_moment(ParamsMut::from_flat(dims, &mut o9[..12]).unwrap()),
        pass().effective_weight(&mut sum),
        pass().class_weights(&x[..2]),
        pass().example_weights(&x[..2]),
        pass().smoothing(0.5),
        pass().smoothing(f64::NAN),
        Pass::new(params, Batch::new(MatRef::col_major(&x, 2, 2).unwrap(), &[0, 1]).unwrap()),
        pass().ignore_label(1),
        pass().divisor(2.0),
        pass().clip(1.0),
        pass().l2(1.0, 0.0),
        pass().l2(0.0, f64::NAN),
        pass().grad(ParamsMut::new(square(w1).t(), b1, square(w2), b2).unwrap()),
    ];
    for (i, pass) in long.iter().enumerate() {
        assert!(!pass.is_short(External::None), "{i}");
    }
    assert!(pass().is_short(External::None) && pass().is_short(External::Forward));
    assert!(!pass().is_short(External::All));
}
