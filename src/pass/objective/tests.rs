//! In which units weights are counted.

use super::{Integers, Objective, Units};

/// 2^k.
fn power(k: i32) -> f32 {
    2f32.powi(k)
}

/// The exponents of the units of the examples' weights and the classes', of examples that are all of class 0.
fn exponents(example: Option<&[f32]>, class: Option<&[f32]>, smoothing: f32) -> (i32, i32) {
    let labels = Integers { labels: &[0u8; 3], ignored: None };
    let mut objective = Objective {
        labels: Some(&labels),
        ignores_label: false,
        targets: None,
        target_sum_tolerance: 0.0,
        example_weights: example,
        class_weights: class,
        smoothing,
        units: Units::one(),
    };
    objective.find_units(3);
    let Units { example, class } = objective.units;
    for unit in [example, class] {
        assert_eq!(unit.inverse, power(-unit.exponent));
    }
    (example.exponent, class.exponent)
}

#[test]
fn the_unit_is_in_the_middle_of_the_weights_that_are_not_0() {
    assert_eq!(exponents(None, None, 0.0), (0, 0));
    assert_eq!(exponents(Some(&[power(-120), 0.0, power(-118)]), None, 0.0), (-119, 0));
    assert_eq!(exponents(Some(&[power(100), 1.0, power(40)]), None, 0.0), (50, 0));
    let class = [power(-80), 0.0, power(-100)];
    assert_eq!(exponents(None, Some(&class), 0.5), (0, -90));
}

/// Without soft targets that is the first one only.
#[test]
fn weights_of_classes_count_that_have_a_part_in_a_loss() {
    let class = [power(-100), 1.0, power(60)];
    assert_eq!(exponents(None, Some(&class), 0.0), (0, -100));
    assert_eq!(exponents(None, Some(&class), 0.5), (0, -20));
}

/// Down to the smallest of all numbers, and 0 for those that are excluded alone.
#[test]
fn a_scale_is_the_weight_in_units() {
    let weights = [power(-126), 0.0, power(126)];
    let labels = Integers { labels: &[0u8; 3], ignored: None };
    let mut objective = Objective {
        labels: Some(&labels),
        ignores_label: false,
        targets: None,
        target_sum_tolerance: 0.0,
        example_weights: Some(&weights),
        class_weights: None,
        smoothing: 0.0,
        units: Units::one(),
    };
    objective.find_units(3);
    assert_eq!([0, 1, 2].map(|example| objective.scale(example)), weights);
    let small = [power(-100)];
    objective.class_weights = Some(&small);
    assert_eq!([0, 1].map(|example| objective.scale(example)), [power(-149), 0.0]);
}

/// A unit and its inverse are normal numbers, with some room.
#[test]
fn units_at_both_ends_of_the_range() {
    assert_eq!(exponents(Some(&[power(-149); 3]), Some(&[power(127)]), 0.0), (-125, 125));
}
