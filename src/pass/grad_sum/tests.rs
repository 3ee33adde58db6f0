//! The sum over chunks, with chunks that are a number for each parameter.

use super::GradSum;
use crate::data::{Dims, MatMut, ParamsMut};
use crate::gemm::{AlphaBeta, Beta};
use crate::kernels::scaled::Scaled;

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
    alpha: Scaled<f32>,
    /// Whether who multiplies knows no alpha.
    at_end: bool,
}

const ONE: Scaled<f32> = Scaled { value: 1.0, exponent: 0 };

impl Batch {
    /// Adds up the terms of all chunks, from these numbers on, as a pass does.
    fn sum(self, before: f32, term: Term) -> Vec<f32> {
        let mut grad = vec![before; dims().param_len()];
        // The low-order part lies in the scratch, which may hold anything.
        let mut low = vec![f32::NAN; dims().param_len()];
        let low = self.has_low.then(|| ParamsMut::from_flat(dims(), &mut low).unwrap());
        let view = ParamsMut::from_flat(dims(), &mut grad).unwrap();
        let mut sum = GradSum::new((view, self.beta), self.alpha, self.at_end, self.plain_chunks, low);
        for chunk in 0..self.chunks {
            let (mut target, onto) = sum.target(chunk, 0);
            assert!(!self.at_end || onto.alpha == 1.0);
            add_chunk(&mut target, onto, |i| term(chunk, i));
            sum.chunk_done(chunk, chunk + 1 == self.chunks);
        }
        grad
    }
}

/// C = C + alpha times the terms, or these alone.
fn add_chunk(target: &mut ParamsMut<'_, f32>, onto: AlphaBeta<f32>, term: impl Fn(usize) -> f32) {
    let mut i = 0;
    let mut add = |number: &mut f32| {
        *number = onto.apply_one(term(i), *number);
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
    let mut sum = GradSum::new((ParamsMut::from_flat(dims(), &mut grad).unwrap(), beta), ONE, false, 2, low);
    (0..chunks)
        .map(|chunk| {
            let (target, AlphaBeta { beta, .. }) = sum.target(chunk, 0);
            Target { is_low: core::ptr::eq(target.w1.as_ref().as_slice().as_ptr(), place), beta }
        })
        .collect()
}

#[test]
fn all_chunks_go_to_the_low_order_part_or_to_the_gradient_itself() {
    let high = |beta| Target { is_low: false, beta };
    let low = |beta| Target { is_low: true, beta };
    for beta in [Beta::Zero, Beta::One] {
        // The first chunk replaces what the scratch held, or does what the caller wants.
        assert_eq!(targets(4, beta, true), [low(Beta::Zero), low(Beta::One), low(Beta::One), low(Beta::One)]);
        assert_eq!(targets(3, beta, false), [high(beta), high(Beta::One), high(Beta::One)]);
    }
}

#[test]
fn the_low_order_part_is_added_at_the_end_of_each_group() {
    let (mut grad, mut low) = ([0.0f32; 17], [f32::NAN; 17]);
    let low = ParamsMut::from_flat(dims(), &mut low).unwrap();
    let view = ParamsMut::from_flat(dims(), &mut grad).unwrap();
    let mut sum = GradSum::new((view, Beta::Zero), ONE, false, 2, Some(low));
    let mut seen = Vec::new();
    for chunk in 0..7 {
        let (mut target, onto) = sum.target(chunk, 0);
        add_chunk(&mut target, onto, |_| 1.0);
        sum.chunk_done(chunk, chunk == 6);
        seen.push(sum.grad.b1[2]);
    }
    assert_eq!(seen, [0.0, 2.0, 2.0, 4.0, 4.0, 6.0, 7.0]);
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
            for (exponent, at_end) in [(0, false), (0, true), (-3, false), (-3, true), (4, false)] {
                let alpha = Scaled { exponent, ..ONE };
                let got = Batch { chunks, plain_chunks, beta, has_low, alpha, at_end }.sum(50.0, integer);
                for (i, got) in got.into_iter().enumerate() {
                    let before = if beta == Beta::One { 50.0 } else { 0.0 };
                    let sum = (0..chunks).map(|chunk| integer(chunk, i)).sum::<f32>();
                    let expected = before + alpha.get() * sum;
                    assert_eq!(got, expected, "{chunks} chunks, {plain_chunks} plain, {beta:?}: {i}");
                }
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
        let sum =
            Batch { chunks: CHUNKS, plain_chunks, beta, has_low, alpha: ONE, at_end: false }.sum(0.0, term);
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
    let mut sum = GradSum::new((grad, Beta::Zero), ONE, false, 1, Some(low));
    for chunk in 0..3 {
        let (mut target, onto) = sum.target(chunk, 0);
        add_chunk(&mut target, onto, |i| i as f32);
        sum.chunk_done(chunk, chunk == 2);
    }
    assert_eq!(w1, [0.0, 6.0, 12.0, 3.0, 9.0, 15.0]);
    assert_eq!(b1, [18.0, 21.0, 24.0]);
    assert_eq!(w2, [27.0, 0.0, 30.0, 0.0, 33.0, 0.0, 36.0, 0.0, 39.0, 0.0, 42.0, 0.0]);
    assert_eq!(b2, [45.0, 48.0]);
}

/// The mean of many numbers is as exact as they are, where a part of each would be subnormal; and their sum may be out of range.
#[test]
fn a_mean_of_very_small_or_very_large_chunks_keeps_its_digits() {
    const CHUNKS: usize = 1 << 12;
    for (chunks, has_low) in [(CHUNKS, true), (2, false)] {
        let alpha = Scaled { value: 1.0, exponent: -(chunks.trailing_zeros() as i32) };
        // Sums of many examples are larger than those.
        let small = if has_low { |_, _| 128.0 * 1.234_567e-37 } else { (|_, _| 1.234_567e-37) as Term };
        for term in [small, |_, _| 1.234_567e38] {
            let batch = Batch { chunks, plain_chunks: 2, beta: Beta::Zero, has_low, alpha, at_end: false };
            for got in batch.sum(f32::NAN, term) {
                let exact = f64::from(term(0, 0));
                assert!((f64::from(got) - exact).abs() <= 8.0 * UNIT * exact, "{got:e} {exact:e}");
            }
        }
    }
}

/// Sums of integers, exact whatever they are divided by on the way.
#[test]
fn chunks_may_have_been_divided_by_different_powers_of_two() {
    let headrooms = [0, 3, 1, 5, 5, 0];
    for (has_low, plain_chunks) in [(false, 6), (true, 2), (true, 6), (true, 1)] {
        let (mut grad, mut low) = (vec![7.0f32; dims().param_len()], vec![f32::NAN; dims().param_len()]);
        let low = has_low.then(|| ParamsMut::from_flat(dims(), &mut low).unwrap());
        let view = ParamsMut::from_flat(dims(), &mut grad).unwrap();
        let mut sum = GradSum::new((view, Beta::One), ONE, false, plain_chunks, low);
        let term = |chunk: usize, i: usize| (32 * (chunk + 1) * (i + 1)) as f32;
        for (chunk, headroom) in headrooms.into_iter().enumerate() {
            let (mut target, onto) = sum.target(chunk, headroom);
            add_chunk(&mut target, onto, |i| term(chunk, i) / (1 << headroom) as f32);
            sum.chunk_done(chunk, chunk + 1 == headrooms.len());
        }
        for (i, &got) in grad.iter().enumerate() {
            let expected = 7.0 + (0..headrooms.len()).map(|chunk| term(chunk, i)).sum::<f32>();
            assert_eq!(got, expected, "{has_low} {plain_chunks}: parameter {i}");
        }
    }
}
