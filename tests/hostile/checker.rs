//! The checker's loops end whatever the arithmetic of the numbers in them.

use std::cmp::Ordering;

use handgrad::gradcheck::Check;

use crate::numbers::{Byte, Hostile, Nature, Nothing, Number, Odd};

/// Its comparisons always say the same: less (-1), greater (1), neither (0).
#[derive(Clone, Copy)]
struct Stubborn<const SAYS: i8>(f64);

impl<const SAYS: i8> Nature for Stubborn<SAYS> {
    fn of(value: f64) -> Self {
        Self(value)
    }
    fn value(self) -> f64 {
        self.0
    }
    fn compare(_: Option<Ordering>) -> Option<Ordering> {
        [Some(Ordering::Less), None, Some(Ordering::Greater)][(SAYS + 1) as usize]
    }
    fn equal(_: bool) -> bool {
        true
    }
}

/// How often a function of this type and a field of it are evaluated, in checks of one entry and one direction.
fn evaluations<T: Number>(most: usize) -> Vec<usize> {
    let (x, claims) = ([T::of(0.5), T::of(2.0)], [T::of(0.0); 2]);
    let check = Check::new(&x, &claims).coordinates(0).directions(1).evaluations(most);
    let product = |x: &[T]| x[0] * x[1];
    let field = |x: &[T], out: &mut [T]| out[0] = x[0] * x[1];
    let (mut slopes, one) = ([T::zero(); 2], [T::one(); 2]);
    let reports = [
        check.run_alloc(product),
        check.run_jacobian_alloc(field),
        check.run_vjp_alloc(field, &one[..1]),
        check.slopes(product, &mut slopes, None, &mut [T::zero(); 6]),
    ];
    reports.into_iter().map(|report| report.unwrap().evaluations()).collect()
}

#[test]
fn the_checker_ends() {
    let most = 1_000_000;
    for counts in [
        evaluations::<Hostile<Stubborn<-1>>>(most),
        evaluations::<Hostile<Stubborn<0>>>(most),
        evaluations::<Hostile<Stubborn<1>>>(most),
        evaluations::<Hostile<Byte>>(most),
        evaluations::<Hostile<Nothing>>(most),
        evaluations::<Hostile<Odd>>(most),
    ] {
        assert!(counts.iter().all(|&count| count < 30_000), "{counts:?}");
    }
}
