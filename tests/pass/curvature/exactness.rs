//! Promise: what `docs/curvature.md` says about other ways to have second derivatives in f32. Each is written out here, on
//! the nets of `tests/data/second_order`, whose results have 25 digits; and the checker of gradients takes H v for what it is.

use handgrad::curvature::{hessian_vector, scratch_len};
use handgrad::gradcheck::{Check, jvp_scratch_len};
use handgrad::{Batch, MatRef, Params, ParamsMut, Pass};

use super::case::Case;
use super::product;
use crate::second_order::sums;
use crate::support::second_order::{Vector, all};

fn vector(name: &str) -> Vector {
    all().into_iter().find(|vector| vector.name == name).unwrap()
}

/// |got - expected| / |expected|, of vectors.
fn relative(got: &[f64], expected: &[f64]) -> f64 {
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>().sqrt();
    norm(&mut got.iter().zip(expected).map(|(got, x)| got - x)) / norm(&mut expected.iter().copied())
}

fn short(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&x| x as f32).collect()
}

fn long(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&x| f64::from(x)).collect()
}

/// The gradient in f32.
fn grad(case: &Case<f32>, theta: &[f32]) -> Vec<f32> {
    let (mut grad, dims) = (vec![0.0; case.dims.param_len()], case.dims);
    let x = MatRef::new(&case.x, case.n, dims.inputs()).unwrap();
    let batch = Batch::new(x, &case.labels).unwrap();
    Pass::new(Params::from_flat(dims, theta).unwrap(), batch)
        .grad(ParamsMut::from_flat(dims, &mut grad).unwrap())
        .run(&mut vec![0.0; dims.scratch_len(case.n)])
        .unwrap();
    grad
}

/// Whatever the step, other units that become active or the rounding of the gradients are in the way: with the best one
/// it is hundreds of times as far off as the closed form.
#[test]
fn differences_of_gradients_are_coarse_in_f32() {
    let mut least = f64::INFINITY;
    for (seed, sizes) in [(20, 16, 5, 100), (64, 32, 10, 300), (100, 128, 10, 500)].into_iter().enumerate() {
        let case = Case::new(seed as u64, sizes).map(|x| f64::from(x as f32));
        let (_, expected) = product(&case, case.pass(), true);
        let short = case.map(|x| x as f32);
        let mut hv = vec![f32::NAN; case.dims.param_len()];
        let out = ParamsMut::from_flat(case.dims, &mut hv).unwrap();
        hessian_vector(short.pass(), short.v(), out, &mut vec![0.0; scratch_len(case.dims, case.n, 1)])
            .unwrap();
        let ours = relative(&long(&hv), &expected);
        let best = (1..20)
            .map(|k| {
                let step = (-k as f32).exp2();
                let [ahead, behind] = [step, -step].map(|step| {
                    let moved = short.theta.iter().zip(&short.direction).map(|(t, v)| t + step * v);
                    long(&grad(&short, &moved.collect::<Vec<f32>>()))
                });
                let slope: Vec<f64> =
                    ahead.iter().zip(behind).map(|(a, b)| (a - b) / (2.0 * f64::from(step))).collect();
                relative(&slope, &expected)
            })
            .fold(f64::INFINITY, f64::min);
        println!("{sizes:?}: the best difference {best:.1e}, in closed form {ours:.1e}");
        least = least.min(best);
        assert!(ours < 5e-6 && best > 100.0 * ours, "{best} {ours}");
    }
    assert!(least > 1e-5, "{least}");
}

/// P in f32 as a softmax gives it.
fn softmax(f: &[f32]) -> Vec<f32> {
    let top = f.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let e: Vec<f32> = f.iter().map(|f| (f - top).exp()).collect();
    let total: f32 = e.iter().sum();
    e.into_iter().map(|e| e / total).collect()
}

/// The largest relative errors over the examples of a vector: of (27) and of entries of (32), as they stand.
fn naive(vector: &Vector) -> [f64; 2] {
    let (h, c, m) = (vector.dims.hidden(), vector.dims.classes(), vector.dims.inputs());
    let exact = &vector.expected;
    let w2 = short(&vector.theta[h * m + h..][..c * h]);
    let (mut of_grads, mut of_diagonals) = (0.0, 0.0);
    for i in 0..vector.n {
        let f = short(&exact.scores[i * c..][..c]);
        let (p, tangent) = (softmax(&f), short(&exact.score_tangents[i * c..][..c]));
        let expected = &exact.score_grad_tangents[i * c..][..c];
        if expected.iter().all(|g| *g == 0.0) {
            continue; // It is excluded.
        }
        let mean: f32 = p.iter().zip(&tangent).map(|(p, t)| p * t).sum();
        let g: Vec<f32> = p.iter().zip(&tangent).map(|(p, t)| p * (t - mean)).collect();
        of_grads = f64::max(of_grads, relative(&long(&g), expected));
        let difference = |j: usize| -> f32 {
            let terms = || p.iter().zip(w2.iter().skip(j).step_by(h));
            let mean: f32 = terms().map(|(p, w)| p * w).sum();
            terms().map(|(p, w)| p * w * w).sum::<f32>() - mean * mean
        };
        let expected = &exact.hidden_diagonals[i * h..][..h];
        let is_active = |j: usize| expected[j] != 0.0;
        let k: Vec<f64> = (0..h).map(|j| if is_active(j) { f64::from(difference(j)) } else { 0.0 }).collect();
        for j in (0..h).filter(|&j| is_active(j)) {
            of_diagonals = f64::max(of_diagonals, ((k[j] - expected[j]) / expected[j]).abs());
        }
    }
    [of_grads, of_diagonals]
}

fn print(errors: [f64; 2]) -> String {
    errors.map(|error| format!("{error:.1e}")).join(" and ")
}

/// The same of (27) and (32) as the derivation forms them.
fn relative_to_lead(vector: &Vector) -> [f64; 2] {
    let (h, c) = (vector.dims.hidden(), vector.dims.classes());
    let (mut of_grads, mut of_diagonals) = (0.0, 0.0);
    for i in (0..vector.n).filter(|&i| vector.example_weights[i] > 0.0) {
        let got = sums::single::<f32>(vector, i);
        let expected = &vector.expected.score_grad_tangents[i * c..][..c];
        of_grads = f64::max(of_grads, relative(&long(&got.g_tangent), expected));
        let entries = got.k.iter().zip(&vector.expected.hidden_diagonals[i * h..][..h]);
        for (got, expected) in entries.filter(|(_, expected)| **expected != 0.0) {
            of_diagonals = f64::max(of_diagonals, ((f64::from(*got) - expected) / expected).abs());
        }
    }
    [of_grads, of_diagonals]
}

#[test]
fn naive_forms_lose_their_digits_where_a_class_leads() {
    let [at_5, at_10, at_14, at_30] = ["lead_5", "lead_10", "lead_14", "lead_30"].map(|name| {
        let (as_it_stands, ours) = (naive(&vector(name)), relative_to_lead(&vector(name)));
        println!(
            "{name}: g' and the diagonal, as they stand {}, relative to the leader {}",
            print(as_it_stands),
            print(ours)
        );
        assert!(ours.iter().all(|error| *error < 1e-6), "{name}: {ours:?}");
        as_it_stands
    });
    // Each digit of a probability that is left out of 1 is one less of these.
    assert!(at_5.iter().all(|error| *error < 1e-4));
    assert!(at_10.iter().all(|error| (5e-5..5e-2).contains(error)));
    assert!(at_14.iter().all(|error| (5e-3..1.0).contains(error)));
    assert!(at_30.iter().all(|error| *error > 0.5));
}

/// H v is the derivative of the gradient in the direction v: the checker says so, and finds one wrong entry.
#[test]
fn the_checker_takes_it_for_the_derivative_of_the_gradient() {
    for (seed, sizes) in [(3, 4, 3, 6), (6, 9, 5, 30)].into_iter().enumerate() {
        let mut case = Case::new(seed as u64, sizes);
        case.smoothing = 0.125;
        case.l2 = [0.25, 0.5];
        let dims = case.dims;
        let (_, hv) = product(&case, case.pass(), true);
        let field = |theta: &[f64], out: &mut [f64]| {
            let moved = Case { theta: theta.to_vec(), ..case.clone() };
            let pass = moved.pass().grad(ParamsMut::from_flat(dims, out).unwrap());
            pass.run(&mut vec![0.0; dims.scratch_len(case.n)]).unwrap();
        };
        let len = dims.param_len();
        let scratch = &mut vec![0.0; jvp_scratch_len(len, len)];
        let check = |claims: &[f64], scratch: &mut [f64]| {
            Check::new(&case.theta, claims).run_jvp(field, &case.direction, scratch).unwrap().is_ok()
        };
        assert!(check(&hv, scratch), "{sizes:?}");
        for at in [0, len / 3, len - 1] {
            let mut wrong = hv.clone();
            wrong[at] = wrong[at] * 1.001 + 1e-4;
            assert!(!check(&wrong, scratch), "{sizes:?} [{at}]");
        }
        // That of Gauss-Newton is another one.
        assert!(!check(&product(&case, case.pass(), false).1, scratch), "{sizes:?}");
    }
}
