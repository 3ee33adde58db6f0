//! What is measured of outputs whose values are written down.

use super::*;

/// At x all outputs are 0, and values have no rounding.
fn field<const N: usize>(scratch: &mut [f64]) -> Field<'_, f64> {
    let mut field = Field::new(scratch, N);
    field.here.fill(0.0);
    field.start_noise(0.0, core::iter::repeat(0.0));
    field
}

/// Of three outputs one is another number at one point alone: half of the largest second difference there.
#[test]
fn second_differences_of_four_points() {
    // At -2, -1, 1 and 2 steps.
    for (values, noise) in [
        ([[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 12.0], [0.0, 0.0, 12.0, 0.0]], [0.0, 6.0, 12.0]),
        ([[12.0, 0.0, 0.0, 0.0], [0.0, 12.0, 0.0, 0.0], [0.0, 0.0, 0.0, 12.0]], [6.0, 12.0, 6.0]),
        // Along a line there is none, and of infinity nothing is known.
        ([[-2.0, -1.0, 1.0, 2.0], [f64::INFINITY, 0.0, 0.0, 0.0], [1.0; 4]], [0.0, 0.0, 1.0]),
    ] {
        let mut scratch = [f64::NAN; Field::<f64>::scratch_len(3)];
        let mut field = field::<3>(&mut scratch);
        assert!(field.note_noise(|to, steps| {
            let point = [-2.0, -1.0, 1.0, 2.0].into_iter().position(|at| at == steps).unwrap();
            to.iter_mut().zip(values).for_each(|(to, values)| *to = values[point]);
            true
        }));
        assert_eq!(field.noise, noise, "{values:?}");
        let moves = values.map(|values| values.into_iter().any(|value| value != 0.0 && value.is_finite()));
        assert_eq!(field.weights, moves.map(|moves| f64::from(u8::from(moves))), "{values:?}");
    }
}

/// The noise of outputs that stand still, where 2 is the smallest step and 2048 the widest, and the steps at which it is looked
/// for, each with whether it is the first one along a direction. `moving` have been seen to move before.
fn coarseness<const N: usize>(
    outputs: impl Fn(f64) -> [f64; N],
    moving: [bool; N],
) -> ([f64; N], impl Iterator<Item = (f64, bool)>) {
    let mut scratch = [f64::NAN; 30];
    let mut field = field::<N>(&mut scratch);
    field.weights.iter_mut().zip(moving).for_each(|(state, moving)| *state = f64::from(u8::from(moving)));
    let (mut steps, mut len) = ([(0.0, false); 64], 0);
    field.note_coarseness(2.0, 2048.0, |to, step, turns| {
        (steps[len], len) = ((step, turns), len + 1);
        to.copy_from_slice(&outputs(step));
        true
    });
    (core::array::from_fn(|output| field.noise[output]), steps.into_iter().take(len))
}

/// Each direction has these steps.
fn assert_steps(mut got: impl Iterator<Item = (f64, bool)>, directions: &[&[f64]]) {
    for steps in directions {
        for (number, &step) in steps.iter().enumerate() {
            assert_eq!(got.next(), Some((step, number == 0)), "{steps:?}");
        }
    }
    assert_eq!(got.next(), None);
}

/// A staircase, a constant, an output that moves before, one that moves at once where it does, and one that is infinite there.
#[test]
fn a_staircase_is_looked_for_along_each_direction_and_a_constant_along_one() {
    let outputs = |step: f64| {
        let stairs = if step < 100.0 { 0.0 } else { [3.0, 5.0][usize::from(step >= 200.0)] };
        let ramp = (step - 100.0).max(0.0);
        [stairs, 0.0, 2.0 * stairs, ramp, if step < 100.0 { 0.0 } else { f64::INFINITY }]
    };
    let (noise, steps) = coarseness(outputs, [false, false, true, false, false]);
    assert_eq!(noise, [2.5, 0.0, 0.0, 0.0, 0.0]);
    // Beside each first step at which an output moves it is asked whether that is a tread. The next direction begins at an
    // eighth of it.
    assert_steps(
        steps,
        &[
            &[8.0, 32.0, 128.0, 130.0, 512.0, 2048.0],
            &[16.0, 64.0, 256.0, 258.0],
            &[32.0, 128.0, 130.0],
            &[16.0, 64.0, 256.0, 258.0],
        ],
    );
}

/// No direction begins at less than the first one did.
#[test]
fn a_staircase_of_narrow_treads() {
    let (noise, steps) = coarseness(|step| [if step < 10.0 { 0.0 } else { -3.0 }], [false]);
    assert_eq!(noise, [1.5]);
    assert_steps(steps, &[[8.0, 32.0, 34.0].as_slice(); 4]);
}

#[test]
fn nothing_is_looked_for_if_all_outputs_move() {
    let (noise, steps) = coarseness(|step| [step, -step], [true; 2]);
    assert_eq!((noise, steps.count()), ([0.0; 2], 0));
}
