//! Which examples are found.

use super::NonFinite;
use crate::data::MatRef;
use crate::limits::MAX_CHUNK;
use crate::pass::objective::{Integers, Objective, Units};

const INPUTS: usize = 3;

/// The same for each example.
const LABELS: Integers<'_, u8> = Integers { labels: &[0; MAX_CHUNK], ignored: None };

/// An objective with nothing but labels.
fn plain<'a>() -> Objective<'a, f64> {
    Objective {
        labels: Some(&LABELS),
        ignores_label: false,
        targets: None,
        target_sum_tolerance: 0.0,
        example_weights: None,
        class_weights: None,
        smoothing: 0.0,
        units: Units::one(),
    }
}

/// Examples of which these have an input that is not finite, each of another kind and at another place.
fn examples(n: usize, hit: &[usize]) -> Vec<f64> {
    let mut x: Vec<f64> = (0..n * INPUTS).map(|i| i as f64 - 7.0).collect();
    for (i, &row) in hit.iter().enumerate() {
        x[row * INPUTS + row % INPUTS] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][i % 3];
    }
    x
}

fn find(objective: &Objective<'_, f64>, first: usize, x: &[f64], finite: bool) -> Option<NonFinite> {
    let x = MatRef::new(x, x.len() / INPUTS, INPUTS).unwrap();
    NonFinite::find(objective, first, x.into(), finite)
}

/// Asserts that these are what is found of so many.
fn assert_found(found: &NonFinite, n: usize, excluded: &[usize], included: &[usize]) {
    assert_eq!(found.has_excluded(), !excluded.is_empty());
    for row in 0..n {
        assert_eq!(found.excludes(row), excluded.contains(&row), "excluded: {row}");
        let bit = found.included()[row / 64] >> (row % 64) & 1;
        assert_eq!(bit == 1, included.contains(&row), "included: {row}");
    }
    let count = |bits: &[u64]| bits.iter().map(|bits| bits.count_ones() as usize).sum::<usize>();
    assert_eq!((count(&found.excluded), count(found.included())), (excluded.len(), included.len()));
}

#[test]
fn the_examples_of_all_words_are_found() {
    let hit = [0, 1, 63, 64, 127, 128, 191, 1000, MAX_CHUNK - 1];
    let x = examples(MAX_CHUNK, &hit);
    // Those with an odd number are excluded.
    let weights: Vec<f64> = (0..MAX_CHUNK).map(|i| if i % 2 == 0 { 0.5 } else { 0.0 }).collect();
    let objective = Objective { example_weights: Some(&weights), ..plain() };
    let found = find(&objective, 0, &x, false).unwrap();
    let excluded = [1, 63, 127, 191, MAX_CHUNK - 1];
    assert_found(&found, MAX_CHUNK, &excluded, &[0, 64, 128, 1000]);
    // Who knows that the others are finite does not have them looked at.
    let found = find(&objective, 0, &x, true).unwrap();
    assert_found(&found, MAX_CHUNK, &excluded, &[]);
}

#[test]
fn without_weights_all_are_included() {
    let found = find(&plain(), 0, &examples(130, &[3, 129]), false).unwrap();
    assert_found(&found, 130, &[], &[3, 129]);
    assert!(find(&plain(), 0, &examples(130, &[3]), true).is_none(), "told that they are finite");
    assert!(find(&plain(), 0, &examples(130, &[]), false).is_none());
}

#[test]
fn finite_examples_are_none_whatever_their_weights() {
    let weights = [0.0, 1.0, 0.0];
    let objective = Objective { example_weights: Some(&weights), ..plain() };
    for finite in [true, false] {
        assert!(find(&objective, 0, &examples(3, &[]), finite).is_none());
    }
    // One that is included and not finite, though it has been said that they are.
    assert!(find(&objective, 0, &examples(3, &[1]), true).is_none());
}

#[test]
fn all_but_the_excluded_ones_can_be_included() {
    let mut weights = vec![1.0; 130];
    [3, 100].iter().for_each(|&row| weights[row] = 0.0);
    let objective = Objective { example_weights: Some(&weights), ..plain() };
    let found = find(&objective, 0, &examples(130, &[100, 129]), false).unwrap().include_all();
    let is_included = |row: usize| found.included()[row / 64] >> (row % 64) & 1 == 1;
    assert!((0..130).all(|row| found.excludes(row) == (row == 100) && is_included(row) != (row == 100)));
}

#[test]
fn a_chunk_has_the_weights_of_its_examples() {
    let (first, n) = (100, 70);
    let mut weights = vec![1.0; first + n];
    weights[first + 65] = 0.0;
    weights[2] = 0.0;
    let objective = Objective { example_weights: Some(&weights), ..plain() };
    let found = find(&objective, first, &examples(n, &[2, 65]), false).unwrap();
    assert_found(&found, n, &[65], &[2]);
}

#[test]
fn ignored_labels_and_classes_without_weight_are_excluded() {
    let labels = [0i32, -1, 1, 0, -1];
    let integers = Integers { labels: &labels, ignored: Some(-1) };
    let x = examples(5, &[0, 1, 2]);
    let ignores = Objective { labels: Some(&integers), ignores_label: true, ..plain() };
    assert_found(&find(&ignores, 0, &x, false).unwrap(), 5, &[1], &[0, 2]);
    let objective = Objective { class_weights: Some(&[2.0, 0.0]), ..ignores };
    assert_found(&find(&objective, 0, &x, false).unwrap(), 5, &[1, 2], &[0]);
    assert_found(&find(&objective, 0, &x, true).unwrap(), 5, &[1, 2], &[]);
}
