//! Second derivatives: products with directions, against dual numbers through the gradient, in `f64`.

use handgrad::curvature::{self, Tangents, scratch_len};
use handgrad::gradcheck::Dual;
use handgrad::{Batch, Dims, Kink, MatMut, MatRef, Params, ParamsMut, Pass};

/// Numbers between -1 and 1 that are none too regular.
fn number(i: usize) -> f64 {
    ((i as f64 + 1.0) * 0.754_877_666).fract() * 2.0 - 1.0
}

fn numbers(len: usize, seed: usize) -> Vec<f64> {
    (0..len).map(|i| number(i * 7 + seed * 1013)).collect()
}

#[test]
fn a_first_look() {
    for (m, h, c, n) in [(3, 4, 3, 5), (5, 7, 4, 40), (20, 140, 3, 300), (7, 20, 60, 130), (4, 5, 2, 5000)] {
        let dims = Dims::new(m, h, c).unwrap();
        let (theta, v) = (numbers(dims.param_len(), 1), numbers(dims.param_len(), 2));
        let x = numbers(n * m, 3);
        let labels: Vec<usize> = (0..n).map(|i| i * 31 % c).collect();
        let batch = Batch::new(MatRef::new(&x, n, m).unwrap(), &labels).unwrap();
        let mut hv = vec![f64::NAN; dims.param_len()];
        let mut scratch = vec![f64::NAN; scratch_len(dims, n, 1)];
        let params = Params::from_flat(dims, &theta).unwrap();
        let direction = Params::from_flat(dims, &v).unwrap();
        let pass = || Pass::new(params, batch).kink(Kink::One).l2(0.1, 0.2);
        let loss = curvature::hessian_vector(
            pass(),
            direction,
            ParamsMut::from_flat(dims, &mut hv).unwrap(),
            &mut scratch,
        )
        .unwrap();
        let dual: Vec<Dual<f64>> = theta.iter().zip(&v).map(|(&t, &v)| Dual { re: t, du: v }).collect();
        let xd: Vec<Dual<f64>> = x.iter().map(|&x| Dual { re: x, du: 0.0 }).collect();
        let zero = Dual { re: 0.0, du: 0.0 };
        let mut grad = vec![zero; dims.param_len()];
        let l = |x: f64| Dual { re: x, du: 0.0 };
        let lossd = Pass::new(
            Params::from_flat(dims, &dual).unwrap(),
            Batch::new(MatRef::new(&xd, n, m).unwrap(), &labels).unwrap(),
        )
        .l2(l(0.1), l(0.2))
        .grad(ParamsMut::from_flat(dims, &mut grad).unwrap())
        .run(&mut vec![zero; dims.scratch_len(n)])
        .unwrap();
        assert!((loss - lossd.re).abs() < 1e-13);
        let scale = grad.iter().fold(0.0f64, |a, g| a.max(g.du.abs()));
        for (i, (hv, g)) in hv.iter().zip(&grad).enumerate() {
            assert!((hv - g.du).abs() <= 1e-12 * scale, "{:?} {i}: {hv} {}", (m, h, c, n), g.du);
        }
        let d = curvature::tangent(pass(), direction, Tangents::default(), &mut scratch).unwrap();
        let vhv: f64 = hv.iter().zip(&v).map(|(a, b)| a * b).sum();
        assert!((d.hessian - vhv).abs() < 1e-11 * vhv.abs().max(1.0), "{} {vhv}", d.hessian);
        assert!((d.slope - lossd.du).abs() < 1e-12);
    }
}

#[test]
fn a_second_look() {
    for (m, h, c, n) in [(3, 4, 3, 5), (5, 7, 4, 40), (20, 140, 3, 30), (7, 20, 60, 13)] {
        let dims = Dims::new(m, h, c).unwrap();
        let len = dims.param_len();
        let theta = numbers(len, 1);
        let x = numbers(n * m, 3);
        let labels: Vec<usize> = (0..n).map(|i| i * 31 % c).collect();
        let batch = Batch::new(MatRef::new(&x, n, m).unwrap(), &labels).unwrap();
        let mut scratch = vec![f64::NAN; scratch_len(dims, n, 1)];
        let params = Params::from_flat(dims, &theta).unwrap();
        let pass = || Pass::new(params, batch).l2(0.1, 0.2);
        let mut diagonal = vec![f64::NAN; len];
        let mut traces = vec![f64::NAN; n];
        let out = ParamsMut::from_flat(dims, &mut diagonal).unwrap();
        curvature::diagonal(pass(), out, Some(&mut traces), &mut scratch).unwrap();
        let mut trace = 0.0;
        for i in (0..len).step_by(1 + len / 50) {
            let mut e = vec![0.0; len];
            e[i] = 1.0;
            let d = curvature::tangent(
                pass(),
                Params::from_flat(dims, &e).unwrap(),
                Tangents::default(),
                &mut scratch,
            )
            .unwrap();
            assert!(
                (d.hessian - diagonal[i]).abs() < 1e-12,
                "{:?} {i} {} {}",
                (m, h, c, n),
                d.hessian,
                diagonal[i]
            );
            assert!((d.gauss_newton - diagonal[i]).abs() < 1e-12);
        }
        for (i, d) in diagonal.iter().enumerate() {
            let w1 = i < h * m;
            let w2 = i >= h * m + h && i < len - c;
            trace += d - if w1 {
                0.1
            } else if w2 {
                0.2
            } else {
                0.0
            };
        }
        let all: f64 = traces.iter().sum::<f64>() / n as f64;
        assert!((all - trace).abs() < 1e-11 * trace, "{all} {trace}");

        // Kronecker: of one example they are exact.
        let one = Batch::new(MatRef::new(&x[..m], 1, m).unwrap(), &labels[..1]).unwrap();
        let (mut a, mut b, mut p, mut q) =
            (vec![0.0; (m + 1) * (m + 1)], vec![0.0; h * h], vec![0.0; (h + 1) * (h + 1)], vec![0.0; c * c]);
        let factors = curvature::KroneckerFactors {
            inputs: Some(MatMut::new(&mut a, m + 1, m + 1).unwrap()),
            hidden: Some(MatMut::new(&mut b, h, h).unwrap()),
            activations: Some(MatMut::new(&mut p, h + 1, h + 1).unwrap()),
            scores: Some(MatMut::new(&mut q, c, c).unwrap()),
        };
        curvature::kronecker_factors(Pass::new(params, one), factors, &mut scratch).unwrap();
        let v = numbers(len, 9);
        let mut gv = vec![0.0; len];
        let mut v1 = v.clone();
        v1[h * m + h..].fill(0.0);
        curvature::gauss_newton_vector(
            Pass::new(params, one),
            Params::from_flat(dims, &v1).unwrap(),
            ParamsMut::from_flat(dims, &mut gv).unwrap(),
            &mut scratch,
        )
        .unwrap();
        for unit in 0..h {
            for input in 0..m {
                let mut sum = 0.0;
                for u in 0..h {
                    for i in 0..=m {
                        let v = if i < m { v1[u * m + i] } else { v1[h * m + u] };
                        sum += b[unit * h + u] * a[input * (m + 1) + i] * v;
                    }
                }
                assert!((sum - gv[unit * m + input]).abs() < 1e-12, "{sum} {}", gv[unit * m + input]);
            }
        }
        let mut v2 = v.clone();
        v2[..h * m + h].fill(0.0);
        curvature::gauss_newton_vector(
            Pass::new(params, one),
            Params::from_flat(dims, &v2).unwrap(),
            ParamsMut::from_flat(dims, &mut gv).unwrap(),
            &mut scratch,
        )
        .unwrap();
        let at = h * m + h;
        for class in 0..c {
            for unit in 0..=h {
                let mut sum = 0.0;
                for k in 0..c {
                    for u in 0..=h {
                        let v = if u < h { v2[at + k * h + u] } else { v2[at + c * h + k] };
                        sum += q[class * c + k] * p[unit * (h + 1) + u] * v;
                    }
                }
                let got = if unit < h { gv[at + class * h + unit] } else { gv[at + c * h + class] };
                assert!((sum - got).abs() < 1e-12, "{sum} {got}");
            }
        }
        // Backward: J u . r = u . Jᵀ r.
        let rows = numbers(n * c, 5);
        let mut back = vec![0.0; len];
        let pass = Pass::new(params, batch).grad(ParamsMut::from_flat(dims, &mut back).unwrap());
        curvature::backward(pass, MatRef::new(&rows, n, c).unwrap(), &mut scratch).unwrap();
        let mut jv = vec![0.0; n * c];
        let out = Tangents { scores: Some(MatMut::new(&mut jv, n, c).unwrap()), ..Tangents::default() };
        curvature::tangent(Pass::new(params, batch), Params::from_flat(dims, &v).unwrap(), out, &mut scratch)
            .unwrap();
        let (left, right): (f64, f64) =
            (jv.iter().zip(&rows).map(|(a, b)| a * b).sum(), back.iter().zip(&v).map(|(a, b)| a * b).sum());
        assert!((left - right).abs() < 1e-12 * left.abs().max(1.0), "{left} {right}");
    }
}
