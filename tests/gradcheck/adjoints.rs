//! Promise: two products with a Jacobian, one from either side, are called wrong if they do not belong together, and
//! only then, however rough they are.

use handgrad::gradcheck::{Check, Outcome, adjoint_scratch_len, check_adjoint};
use handgrad::{Error, What};

/// Two layers: W2 tanh(W1 x), multiplied from both sides.
struct Net {
    w1: Vec<f64>,
    w2: Vec<f64>,
    x: Vec<f64>,
}

const INPUTS: usize = 20;
const HIDDEN: usize = 30;
const OUTPUTS: usize = 10;

impl Net {
    fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut numbers = |len: usize| (0..len).map(|_| 2.0 * rng.f64() - 1.0).collect::<Vec<_>>();
        Self { w1: numbers(HIDDEN * INPUTS), w2: numbers(OUTPUTS * HIDDEN), x: numbers(INPUTS) }
    }

    /// 1 - tanh² in the hidden layer.
    fn slopes(&self) -> Vec<f64> {
        let rows = self.w1.chunks_exact(INPUTS);
        let z = rows.map(|row| row.iter().zip(&self.x).map(|(w, x)| w * x).sum::<f64>());
        z.map(|z| 1.0 - z.tanh() * z.tanh()).collect()
    }

    fn jvp(&self, v: &[f64], out: &mut [f64]) {
        let rows = self.w1.chunks_exact(INPUTS).zip(self.slopes());
        let hidden: Vec<f64> =
            rows.map(|(row, slope)| slope * row.iter().zip(v).map(|(w, v)| w * v).sum::<f64>()).collect();
        for (out, row) in out.iter_mut().zip(self.w2.chunks_exact(HIDDEN)) {
            *out = row.iter().zip(&hidden).map(|(w, h)| w * h).sum();
        }
    }

    fn vjp(&self, w: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        for (k, slope) in self.slopes().into_iter().enumerate() {
            let back: f64 = (0..OUTPUTS).map(|i| w[i] * self.w2[i * HIDDEN + k]).sum::<f64>() * slope;
            out.iter_mut().zip(&self.w1[k * INPUTS..]).for_each(|(out, w)| *out += back * w);
        }
    }
}

#[test]
fn products_that_belong_together() {
    for seed in 0..300 {
        let net = Net::new(seed);
        let check = Check::at(&net.x).seed(seed);
        let report =
            check.run_adjoint_alloc(|v, out| net.jvp(v, out), |w, out| net.vjp(w, out), OUTPUTS).unwrap();
        report.assert_ok();
        assert!(report.resolution() < 1e-13 && report.counts().agree == 3, "{report}");
        assert_eq!(report.evaluations(), 4 * (8 + 3));
        assert!(report.to_string().starts_with("JVP-VJP check: the"), "{report}");
    }
}

/// A single weight of 300 that differs by 1e-9.
#[test]
fn products_that_do_not() {
    for seed in 0..100 {
        let (net, mut other) = (Net::new(seed), Net::new(seed));
        // Of the hidden unit that is least saturated.
        let slopes = net.slopes();
        let unit = (0..HIDDEN).max_by(|&k, &l| slopes[k].total_cmp(&slopes[l])).unwrap();
        other.w2[unit] += 1e-9;
        let mut scratch = vec![f64::NAN; adjoint_scratch_len(INPUTS, OUTPUTS)];
        let (jvp, vjp) =
            (|v: &[f64], out: &mut [f64]| net.jvp(v, out), |w: &[f64], out: &mut [f64]| other.vjp(w, out));
        let report = check_adjoint(jvp, vjp, &net.x, OUTPUTS, &mut scratch).unwrap();
        assert_eq!(report.outcome(), Outcome::Wrong, "{report}");
        assert_eq!(report.hint(), None);
        // It is accepted if that is what was wanted.
        let check = Check::at(&net.x).tolerance(1e-6);
        check.run_adjoint(jvp, vjp, OUTPUTS, &mut scratch).unwrap().assert_ok();
    }
}

/// Products computed in f32, of numbers that f32 has: how rough they are is seen.
#[test]
fn rough_products_are_not_called_wrong() {
    for seed in 0..300 {
        let mut net = Net::new(seed);
        [&mut net.w1, &mut net.w2].into_iter().flatten().for_each(|w| *w = f64::from(*w as f32));
        let jvp = |v: &[f64], out: &mut [f64]| {
            for (out, row) in out.iter_mut().zip(net.w2.chunks_exact(INPUTS)) {
                let products = row.iter().zip(v).map(|(w, v)| *w as f32 * *v as f32);
                *out = f64::from(products.sum::<f32>());
            }
        };
        let vjp = |w: &[f64], out: &mut [f64]| {
            for (j, out) in out.iter_mut().enumerate() {
                let products = w.iter().enumerate().map(|(i, w)| *w as f32 * net.w2[i * INPUTS + j] as f32);
                *out = f64::from(products.sum::<f32>());
            }
        };
        let report = Check::at(&net.x).seed(seed).run_adjoint_alloc(jvp, vjp, OUTPUTS).unwrap();
        assert!(report.is_ok() && report.resolution() > 1e-8, "{report}");
    }
}

#[test]
fn products_that_cannot_be_compared() {
    let run = |jvp: fn(&[f64], &mut [f64]), vjp: fn(&[f64], &mut [f64])| {
        Check::at(&[1.0]).run_adjoint_alloc(jvp, vjp, 1).unwrap().outcome()
    };
    assert_eq!(run(|v, out| out[0] = 1.001 * v[0], |w, out| out[0] = w[0]), Outcome::Wrong);
    assert_eq!(
        run(|v, out| out[0] = v[0] * v[0], |w, out| out[0] = w[0]),
        Outcome::Inconclusive,
        "not linear"
    );
    assert_eq!(run(|_, out| out[0] = f64::NAN, |_, out| out[0] = 1.0), Outcome::Inconclusive);
    assert_eq!(run(|_, out| out[0] = 0.0, |_, out| out[0] = 0.0), Outcome::Holds, "J = 0");
    assert_eq!(run(|_, out| out[0] = 0.0, |w, out| out[0] = w[0]), Outcome::Wrong);
    let report = Check::at(&[f64::NAN]).run_adjoint_alloc(|_, _| (), |_, _| (), 1).unwrap();
    assert_eq!((report.counts().non_finite, report.evaluations()), (1, 0));
}

/// With rounding that was not measured in full nothing is called wrong.
#[test]
fn products_within_a_budget() {
    let jvp = |v: &[f64], out: &mut [f64]| out[0] = 3.0 * v[0];
    for (factor, outcome) in [(3.0, Outcome::Holds), (3.1, Outcome::Wrong)] {
        let vjp = |w: &[f64], out: &mut [f64]| out[0] = factor * w[0];
        let run = |most| Check::at(&[2.0]).evaluations(most).run_adjoint_alloc(jvp, vjp, 1).unwrap();
        assert_eq!(run(4).outcome(), Outcome::Inconclusive);
        let few = if outcome == Outcome::Wrong { Outcome::Inconclusive } else { outcome };
        assert_eq!((run(20).outcome(), run(100).outcome(), run(200).outcome()), (few, few, outcome));
    }
}

/// v is in proportion to x: what a tiny entry does is seen beside that of a huge one.
#[test]
fn products_in_any_units() {
    let x = [1e12, 1e-12];
    let jvp = |v: &[f64], out: &mut [f64]| out[0] = 1e-12 * v[0] + 1e12 * v[1];
    let right = |w: &[f64], out: &mut [f64]| (out[0], out[1]) = (1e-12 * w[0], 1e12 * w[0]);
    Check::at(&x).run_adjoint_alloc(jvp, right, 1).unwrap().assert_ok();
    for wrong in [[1.0001e-12, 1e12], [1e-12, 1.0001e12]] {
        let vjp = |w: &[f64], out: &mut [f64]| (out[0], out[1]) = (wrong[0] * w[0], wrong[1] * w[0]);
        assert_eq!(Check::at(&x).run_adjoint_alloc(jvp, vjp, 1).unwrap().outcome(), Outcome::Wrong);
    }
}

#[test]
fn misuse() {
    let never = |_: &[f64], _: &mut [f64]| panic!("called in spite of a misuse");
    let adjoint = |x: &[f64], outputs: usize, scratch: usize| {
        check_adjoint(never, never, x, outputs, &mut vec![0.0; scratch]).unwrap_err()
    };
    assert_eq!(adjoint(&[], 1, 99), Error::Zero { what: What::Point });
    assert_eq!(adjoint(&[1.0], 0, 99), Error::Zero { what: What::Outputs });
    assert_eq!(adjoint(&[1.0], 2, 5), Error::Length { what: What::Scratch, expected: 6, got: 5 });
    assert!(matches!(adjoint(&[1.0], usize::MAX, 5), Error::Length { what: What::Scratch, .. }));
    assert!(matches!(
        Check::at(&[1.0]).run_adjoint_alloc(never, never, usize::MAX),
        Err(Error::Overflow { .. })
    ));
}
