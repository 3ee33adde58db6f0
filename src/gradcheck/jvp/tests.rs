//! Where a field is looked at for its noise, and what is taken for that at least.

use core::cell::Cell;

use super::super::ladder::FIRST_STEP;
use super::super::numeric::roundoff;
use super::*;

/// The noise that is measured of a field of one number at x, along v.
fn noise(x: f64, v: f64, claim: f64, field: impl Fn(f64) -> f64) -> f64 {
    let (x, v, claims) = ([x], [v], [claim]);
    let (mut point, mut scratch) = ([f64::NAN], [f64::NAN; 5]);
    let unit = scale(0.0, rms(&x)) / rms(&v);
    let field: FieldFunction<'_, f64> = &mut |x, to| to[0] = field(x[0]);
    let state = State::new(Check::new(&x, &claims), rms(&claims) * unit, field);
    let out = Field::new(&mut scratch, 1);
    let mut differences = FieldDifferences { state, v: &v, unit, point: &mut point, out };
    differences.start().unwrap();
    differences.measure_noise().unwrap();
    differences.out.noise_of(0).beside()
}

/// Half a unit of x's rounding, of an x of the size 1 or 8, whatever the length of v. 0 has none.
#[test]
fn what_x_is_rounded_by_shows() {
    let epsilon = roundoff::<f64>();
    for v in [0.25, 1.0, 16.0] {
        assert_eq!(noise(1.0, v, 3.0 * v, |x| 3.0 * (x - 1.0)), 1.5 * epsilon, "{v}");
        assert_eq!(noise(8.0, v, 3.0 * v, |x| 3.0 * (x - 8.0)), 12.0 * epsilon, "{v}");
        assert_eq!(noise(0.0, v, 3.0 * v, |x| 3.0 * x), 0.0, "{v}");
    }
}

/// Around 0 along 2, so that a step is half of the distance. First on both sides, over steps of some units of rounding. An output
/// that stands still there is looked for farther off.
#[test]
fn where_a_field_is_looked_at() {
    let epsilon = roundoff::<f64>();
    let riser = 1e-6;
    for is_constant in [true, false] {
        let (calls, len) = (Cell::new([f64::NAN; 256]), Cell::new(0));
        noise(0.0, 2.0, 0.0, |x| {
            let mut all = calls.get();
            all[len.get()] = x;
            calls.set(all);
            len.set(len.get() + 1);
            if is_constant || x.abs() < riser { 7.0 } else { 8.0 }
        });
        let mut calls = calls.into_inner().into_iter().take(len.get());
        let mut expect = |point: f64| assert_eq!(calls.next(), Some(point), "{is_constant}");
        expect(0.0);
        for number in 0..NOISE_STEPS {
            let step = (NOISE_STEP + number) as f64 * epsilon;
            [step, 2.0 * step, -step, -2.0 * step].into_iter().for_each(&mut expect);
        }
        let small = NOISE_STEP as f64 * epsilon;
        let mut step = 4.0 * small;
        if is_constant {
            while step <= FIRST_STEP {
                expect(step);
                step *= 4.0;
            }
        } else {
            // Once beside x to the right, then to the left, and again.
            for side in [1.0, -1.0, 1.0, -1.0] {
                while step < riser {
                    expect(side * step);
                    step *= 4.0;
                }
                expect(side * step);
                expect(side * (step + small));
                step = (step / 8.0).max(4.0 * small);
            }
        }
        assert_eq!(calls.next(), None, "{is_constant}");
    }
}
