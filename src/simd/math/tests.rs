//! Errors of exp and ln_1p in units of the last place: f32 against f64, f64 against double-double numbers, and
//! those against 60 digits. All f32 and ten million f64, some minutes:
//! `HANDGRAD_TEST_ALL=1 cargo test --release --lib math -- --nocapture`.

use super::Math;

/// An unevaluated sum of two numbers: about 100 binary digits.
#[derive(Clone, Copy)]
struct Long(f64, f64);

impl Long {
    fn sum(a: f64, b: f64) -> Long {
        let sum = a + b;
        let part = sum - a;
        Long(sum, (a - (sum - part)) + (b - part))
    }

    fn add(self, other: Long) -> Long {
        let Long(hi, lo) = Long::sum(self.0, other.0);
        Long::sum(hi, lo + self.1 + other.1)
    }

    fn mul(self, other: Long) -> Long {
        let product = self.0 * other.0;
        let lost = self.0.mul_add(other.0, -product);
        Long::sum(product, lost + (self.0 * other.1 + self.1 * other.0))
    }

    fn scale(self, by: f64) -> Long {
        Long(self.0 * by, self.1 * by)
    }
}

/// e^x / 2^k and k, by halving the argument ten times and a Taylor series.
fn long_exp(x: Long) -> (Long, i32) {
    let ln2 = Long(std::f64::consts::LN_2, 2.319_046_813_846_299_6e-17);
    let k = (x.0 / ln2.0).round();
    let r = x.add(Long(-k, 0.0).mul(ln2)).scale(1.0 / 1024.0);
    // e^r - 1, so that squaring loses nothing: (1 + s)² - 1 = 2s + s².
    let mut term = r;
    let mut sum = r;
    for i in 2..12 {
        term = term
            .mul(r)
            .mul(Long(1.0 / f64::from(i), (1.0 / f64::from(i)).mul_add(-f64::from(i), 1.0) / f64::from(i)));
        sum = sum.add(term);
    }
    for _ in 0..10 {
        sum = sum.scale(2.0).add(sum.mul(sum));
    }
    (sum.add(Long(1.0, 0.0)), k as i32)
}

/// log(1 + x), by one step of Newton's from the standard library's value.
fn long_ln_1p(x: f64) -> Long {
    let square = Long(x, 0.0).mul(Long(x, 0.0));
    if x.abs() < 1e-12 {
        return Long(x, 0.0).add(square.scale(-0.5));
    }
    let start = x.ln_1p();
    let (e, k) = long_exp(Long(-start, 0.0));
    let ratio = Long::sum(1.0, x).scale(2f64.powi(k / 2)).mul(e).scale(2f64.powi(k - k / 2));
    let off = ratio.add(Long(-1.0, 0.0));
    Long(start, 0.0).add(off).add(off.mul(off).scale(-0.5))
}

/// The distance of `got` from the value of `long` times 2^k in units of the last place of that value, no
/// smaller than the distance of subnormal numbers.
fn ulps(got: f64, long: Long, k: i32) -> f64 {
    // Where the value may be subnormal both are compared after scaling by a power of two.
    let up = if k < -900 { 200 } else { 0 };
    let scaled = |value: f64| value * 2f64.powi((k + up) / 2) * 2f64.powi(k + up - (k + up) / 2);
    let (hi, lo) = (scaled(long.0), scaled(long.1));
    let unit = (hi.abs().log2().floor() - 52.0).max(-1074.0 + f64::from(up)).exp2();
    (((got * 2f64.powi(up) - hi) - lo) / unit).abs()
}

fn ulps32(got: f32, exact: f64) -> f64 {
    if got.is_infinite() && exact.abs() >= f64::from(f32::MAX) * (1.0 + 2f64.powi(-25)) {
        return 0.0;
    }
    let unit = (exact.abs().log2().floor() - 23.0).max(-149.0).exp2();
    ((f64::from(got) - exact) / unit).abs()
}

/// The largest errors of exp and ln_1p over these f32.
fn worst32(bits: impl Iterator<Item = u32>) -> [f64; 2] {
    let mut worst = [0.0; 2];
    for x in bits.map(f32::from_bits) {
        let (e, l) = (x.vexp(), x.vln_1p());
        if x.is_nan() {
            assert!(e.is_nan() && l.is_nan());
            continue;
        }
        let exact = f64::from(x).exp();
        worst[0] = f64::max(worst[0], if exact == 0.0 { f64::from(e) } else { ulps32(e, exact) });
        if x > -1.0 && x < f32::INFINITY && x != 0.0 {
            worst[1] = f64::max(worst[1], ulps32(l, f64::from(x).ln_1p()));
        }
    }
    worst
}

fn assert_good(worst: [f64; 2]) {
    println!("exp {:.3}, ln_1p {:.3} units in the last place", worst[0], worst[1]);
    assert!(worst.iter().all(|&error| error > 0.4 && error <= 1.0), "{worst:?}");
}

/// Whether all numbers are wanted, not one in a thousand or so.
fn all() -> bool {
    std::env::var_os("HANDGRAD_TEST_ALL").is_some()
}

#[test]
fn errors_in_f32() {
    assert_good(worst32((0..=u32::MAX).step_by(if all() { 1 } else { 997 })));
}

fn worst64(count: usize) -> [f64; 2] {
    let mut rng = fastrand::Rng::with_seed(1);
    let mut worst = [0.0; 2];
    for i in 0..count {
        let x = match i % 4 {
            0 => rng.f64() * 1454.0 - 745.0,
            1 => rng.f64() * 2.0 - 1.0,
            // Near the ends of the reduced range.
            2 => (f64::from(rng.i32(-1000..1000)) + 0.5 + 1e-6 * (rng.f64() - 0.5)) * std::f64::consts::LN_2,
            _ => (rng.f64() * 80.0 - 60.0).exp2() * if rng.bool() { 1.0 } else { -1.0 },
        };
        if x > -744.4 && x < 709.7 {
            let (e, k) = long_exp(Long(x, 0.0));
            worst[0] = f64::max(worst[0], ulps(x.vexp(), e, k));
        }
        if x > -1.0 && x != 0.0 {
            worst[1] = f64::max(worst[1], ulps(x.vln_1p(), long_ln_1p(x), 0));
        }
    }
    worst
}

#[test]
fn errors_in_f64() {
    assert_good(worst64(if all() { 10_000_000 } else { 100_000 }));
}

/// The long reference agrees with 60 digits (here their first two doubles) to a millionth of a unit.
#[test]
fn reference() {
    let far = |long: Long, k: i32, hi: f64, lo: f64| {
        let scale = |value: f64| value * 2f64.powi(-(k / 2)) * 2f64.powi(k / 2 - k);
        let unit = (long.0.abs().log2().floor() - 52.0).exp2();
        ((scale(hi) - long.0) + (scale(lo) - long.1)).abs() / unit
    };
    for &(x, hi, lo) in EXP {
        let (long, k) = long_exp(Long(x, 0.0));
        assert!(far(long, k, hi, lo) < 1e-6, "exp({x})");
    }
    for &(x, hi, lo) in LN_1P {
        assert!(far(long_ln_1p(x), 0, hi, lo) < 1e-6, "ln_1p({x})");
    }
}

/// The meter itself: a number is 0 units from itself, 1 from its neighbour, at all sizes.
#[test]
fn meter() {
    for x in [1.0, 1.5, 1e-300, 1e300, 3.0 * f64::from_bits(1)] {
        assert_eq!(ulps(x, Long(x, 0.0), 0), 0.0);
        assert_eq!(ulps(x, Long(f64::from_bits(x.to_bits() + 1), 0.0), 0), 1.0, "{x:e}");
    }
    for x in [1.0f32, 1.5, 1e-30, 1e30, f32::from_bits(3)] {
        assert_eq!(ulps32(x, f64::from(x)), 0.0);
        assert_eq!(ulps32(f32::from_bits(x.to_bits() + 1), f64::from(x)), 1.0);
    }
}

#[test]
fn ends() {
    fn check<T: Math + core::fmt::Debug>() {
        let (zero, one, inf) = (T::zero(), T::one(), T::infinity());
        for (x, e) in [(zero, one), (-zero, one), (inf, inf), (-inf, zero), (T::max_value(), inf)] {
            assert_eq!(x.vexp(), e);
        }
        assert_eq!((-T::max_value()).vexp(), zero);
        for (x, l) in [(inf, inf), (-one, -inf), (zero, zero)] {
            assert_eq!(x.vln_1p(), l);
        }
        let tiny = T::min_positive_value();
        for x in [tiny, -tiny, tiny * T::epsilon(), -tiny * T::epsilon()] {
            assert_eq!((x.vln_1p(), x.vexp()), (x, one));
        }
        assert!((-zero).vln_1p().is_sign_negative());
        for x in [T::nan(), -inf, -one - one, -one - T::epsilon()] {
            assert!(x.vln_1p().is_nan());
        }
        assert!(T::nan().vexp().is_nan());
        // The largest power below infinity, and the smallest one above zero.
        assert!(T::max_value().ln().vexp() > T::max_value() / (one + one));
        assert_eq!(((tiny * T::epsilon()).ln() + T::epsilon()).vexp(), tiny * T::epsilon());
    }
    check::<f32>();
    check::<f64>();
}

const EXP: &[(f64, f64, f64)] = &[
    (-100.125, 3.2829555262177533e-44, 1.5193553368461872e-61),
    (-1.5, 0.22313016014842982, 1.0887723699042263e-17),
    (-0.3466, 0.7070881069410189, -4.768387989392634e-17),
    (-1e-09, 0.999999999, -2.778193152587354e-17),
    (0.0078125, 1.007843097206448, -6.872774751042842e-17),
    (0.75, 2.117000016612675, -1.1571006249440234e-16),
    (2.25, 9.487735836358526, -5.218563277933494e-16),
    (88.0, 1.6516362549940018e+38, 4.5658363808236883e+21),
    (709.5, 1.3549863193146328e+308, -1.950359478583155e+290),
];
const LN_1P: &[(f64, f64, f64)] = &[
    (-0.9999999, -16.118095651484676, 6.312124114281461e-16),
    (-0.75, -1.3862943611198906, -4.638093627692599e-17),
    (-0.25, -0.2876820724517809, -2.607160616442564e-17),
    (-1e-09, -1.0000000005000001e-09, 7.427230737157087e-26),
    (1e-15, 9.999999999999995e-16, 9.164567891575911e-32),
    (0.0078125, 0.007782140442054949, -1.2819179123343845e-20),
    (0.4142135, 0.3465735461755332, 8.968498764708435e-18),
    (1.5, 0.9162907318741551, -4.141195369011963e-17),
    (2.5, 1.252762968495368, -6.097690852192957e-17),
    (49.0, 3.912023005428146, 9.776979949766539e-17),
    (10000000000.0, 23.025850930040455, 1.3736784183183428e-15),
    (1e+300, 690.7755278982137, 2.3747660028800243e-14),
];
