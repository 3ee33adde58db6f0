//! The sum over chunks, with chunks that are a number for each parameter.

use super::GradSum;
use crate::data::{Dims, MatMut, ParamsMut};
use crate::gemm::Beta;

/// Half the distance from 1 to the next number: the largest relative error of one operation.
const UNIT: f64 = f32::EPSILON as f64 / 2.0;

fn dims() -> Dims {
    Dims::new(2, 3, 2).unwrap()
}

/// What a chunk adds to parameter i.
type Term = fn(usize, usize) -> f32;

/// A batch in chunks.
#[derive(Clone, Copy)]
struct Batch {
    chunks: usize,
    plain_chunks: usize,
    beta: Beta,
    has_low: bool,
}

impl Batch {
    /// Adds up the terms of all chunks, from these numbers on, as a pass does.
    fn sum(self, before: f32, term: Term) -> Vec<f32> {
        let mut grad = vec![before; dims().param_len()];
        // The low-order part lies in the scratch, which may hold anything.
        let mut low = vec![f32::NAN; dims().param_len()];
        let low = self.has_low.then(|| ParamsMut::from_flat(dims(), &mut low).unwrap());
        let view = ParamsMut::from_flat(dims(), &mut grad).unwrap();
        let mut sum = GradSum::new(view, self.beta, self.plain_chunks, low);
        for chunk in 0..self.chunks {
            let (mut target, beta) = sum.target(chunk);
            add_chunk(&mut target, beta, |i| term(chunk, i));
            sum.chunk_done(chunk, chunk + 1 == self.chunks);
        }
        grad
    }
}

/// C = C + the terms, or the terms alone.
fn add_chunk(target: &mut ParamsMut<'_, f32>, beta: Beta, term: impl Fn(usize) -> f32) {
    let mut i = 0;
    let mut add = |number: &mut f32| {
        *number = if beta == Beta::Zero { 0.0 } else { *number } + term(i);
        i += 1;
    };
    (0..target.w1.rows()).for_each(|row| target.w1.row_mut(row).for_each(&mut add));
    target.b1.iter_mut().for_each(&mut add);
    (0..target.w2.rows()).for_each(|row| target.w2.row_mut(row).for_each(&mut add));
    target.b2.iter_mut().for_each(&mut add);
}

/// Which place a chunk goes to, and how.
#[derive(Debug, PartialEq)]
struct Target {
    is_low: bool,
    beta: Beta,
}

/// Of so many chunks, with two of them in a group.
fn targets(chunks: usize, beta: Beta, has_low: bool) -> Vec<Target> {
    let (mut grad, mut low) = (vec![0.0f32; dims().param_len()], vec![0.0; dims().param_len()]);
    let place = low.as_ptr();
    let low = has_low.then(|| ParamsMut::from_flat(dims(), &mut low).unwrap());
    let mut sum = GradSum::new(ParamsMut::from_flat(dims(), &mut grad).unwrap(), beta, 2, low);
    (0..chunks)
        .map(|chunk| {
            let (target, beta) = sum.target(chunk);
            Target { is_low: core::ptr::eq(target.w1.as_ref().as_slice().as_ptr(), place), beta }
        })
        .collect()
}

#[test]
fn the_first_group_goes_to_the_gradient_and_the_others_to_the_low_order_part() {
    let high = |beta| Target { is_low: false, beta };
    let low = |beta| Target { is_low: true, beta };
    for beta in [Beta::Zero, Beta::One] {
        // The first chunk does what the caller wants, the first of the second group replaces what the scratch held.
        let expected =
            [high(beta), high(Beta::One), low(Beta::Zero), low(Beta::One), low(Beta::One), low(Beta::One)];
        assert_eq!(targets(6, beta, true), expected);
        assert_eq!(targets(3, beta, false), [high(beta), high(Beta::One), high(Beta::One)]);
    }
}

#[test]
fn the_low_order_part_is_added_at_the_end_of_each_group() {
    let (mut grad, mut low) = ([0.0f32; 17], [f32::NAN; 17]);
    let low = ParamsMut::from_flat(dims(), &mut low).unwrap();
    let mut sum = GradSum::new(ParamsMut::from_flat(dims(), &mut grad).unwrap(), Beta::Zero, 2, Some(low));
    let mut seen = Vec::new();
    for chunk in 0..7 {
        let (mut target, beta) = sum.target(chunk);
        add_chunk(&mut target, beta, |_| 1.0);
        sum.chunk_done(chunk, chunk == 6);
        seen.push(sum.grad.b1[2]);
    }
    assert_eq!(seen, [1.0, 2.0, 2.0, 4.0, 4.0, 6.0, 7.0]);
}

/// A number of each chunk and parameter.
fn integer(chunk: usize, i: usize) -> f32 {
    (1 + chunk * 3 % 5 + 100 * i) as f32
}

/// Groups that are whole at the end, and such that are not.
#[test]
fn each_chunk_counts_once_for_each_parameter() {
    for (plain_chunks, chunks) in (1..=4).flat_map(|plain| (1..=13).map(move |chunks| (plain, chunks))) {
        for (beta, has_low) in
            [(Beta::Zero, true), (Beta::One, true), (Beta::Zero, false), (Beta::One, false)]
        {
            let got = Batch { chunks, plain_chunks, beta, has_low }.sum(50.0, integer);
            for (i, got) in got.into_iter().enumerate() {
                let before = if beta == Beta::One { 50.0 } else { 0.0 };
                let expected = before + (0..chunks).map(|chunk| integer(chunk, i)).sum::<f32>();
                assert_eq!(got, expected, "{chunks} chunks, {plain_chunks} plain, {beta:?}: {i}");
            }
        }
    }
}

/// In roundings: a group has as many as chunks, and one when what was lost before is under it; the compensated sum has
/// two. A plain sum of as many terms is hundreds off.
#[test]
fn the_error_does_not_grow_with_the_number_of_chunks() {
    const CHUNKS: usize = 20_000;
    let term: Term = |_, i| 0.1 + i as f32 / 64.0;
    let (plain_chunks, beta) = (4, Beta::Zero);
    let error = |has_low| {
        let sum = Batch { chunks: CHUNKS, plain_chunks, beta, has_low }.sum(0.0, term);
        let errors = sum.into_iter().enumerate().map(|(i, got)| {
            let exact = f64::from(term(0, i)) * CHUNKS as f64;
            (f64::from(got) - exact).abs() / exact
        });
        errors.fold(0.0, f64::max) / UNIT
    };
    assert!(error(true) <= plain_chunks as f64 + 3.0, "{}", error(true));
    assert!(error(false) > 100.0, "{}", error(false));
}

#[test]
fn a_gradient_may_lie_as_it_likes() {
    let (dims, mut low) = (dims(), [f32::NAN; 17]);
    let (mut w1, mut b1, mut w2, mut b2) = ([0.0; 6], [0.0; 3], [0.0; 12], [0.0; 2]);
    let w1_view = MatMut::col_major(&mut w1, 3, 2).unwrap();
    let w2_view = MatMut::with_strides(&mut w2, (2, 3), (6, 2)).unwrap();
    let grad = ParamsMut::new(w1_view, &mut b1, w2_view, &mut b2).unwrap();
    let low = ParamsMut::from_flat(dims, &mut low).unwrap();
    let mut sum = GradSum::new(grad, Beta::Zero, 1, Some(low));
    for chunk in 0..3 {
        let (mut target, beta) = sum.target(chunk);
        add_chunk(&mut target, beta, |i| i as f32);
        sum.chunk_done(chunk, chunk == 2);
    }
    assert_eq!(w1, [0.0, 6.0, 12.0, 3.0, 9.0, 15.0]);
    assert_eq!(b1, [18.0, 21.0, 24.0]);
    assert_eq!(w2, [27.0, 0.0, 30.0, 0.0, 33.0, 0.0, 36.0, 0.0, 39.0, 0.0, 42.0, 0.0]);
    assert_eq!(b2, [45.0, 48.0]);
}
