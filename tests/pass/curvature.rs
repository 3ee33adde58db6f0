//! Second derivatives: products with directions, against dual numbers through the gradient, in `f64`.

use handgrad::curvature::{self, Tangents, scratch_len};
use handgrad::gradcheck::Dual;
use handgrad::{Batch, Dims, Engine, Kink, MatMut, MatRef, Params, ParamsMut, Pass};

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
