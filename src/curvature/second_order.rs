//! What second derivatives need of an instruction set, beside the phases of a pass.

use core::ops::Range;

use num_traits::Float;

use super::along::{self, Along};
use super::part::Part;
use super::variance;
use crate::data::MatRef;
use crate::error::Error;
use crate::gemm::{AlphaBeta, is_finite};
use crate::pass::{
    Chunk, ChunkFactors, Engine, GradsPart, Objective, Plan, biases, score_weight_grads, weight_grads,
};
use crate::simd::{Portable, Simd, WithSimd, best_of_f32, best_of_f64, if_same};

/// The steps on one instruction set, for whoever knows the type T but not the set.
pub(super) trait SecondOrder<T>: Sync {
    /// Whether all numbers are finite.
    fn is_finite(&self, matrix: MatRef<'_, T>) -> bool;

    /// Some examples along a direction.
    fn along(
        &self,
        plan: &Plan<'_, T>,
        objective: &Objective<'_, T>,
        along: &Along<'_, T>,
        part: &mut Part<'_, T>,
    ) -> Result<(), Error>;

    /// Factors of the diagonal, of these examples.
    fn diagonal(&self, plan: &Plan<'_, T>, part: &mut Part<'_, T>);

    /// Rows of a factor of (34).
    fn hidden_factor(
        &self,
        plan: &Plan<'_, T>,
        chunk: &Chunk<'_, T>,
        rows: Range<usize>,
        to: &mut [T],
        mean: &mut [T],
    );

    /// (29), summed over the chunk, of these rows: what the gradients are of the first factors, and of the second ones
    /// Gᵀ A.
    fn weights(
        &self,
        plan: &Plan<'_, T>,
        first: &ChunkFactors<'_, T>,
        second: Option<&ChunkFactors<'_, T>>,
        onto: AlphaBeta<T>,
        part: &mut GradsPart<'_, T>,
    ) -> Result<(), Error>;
}

impl<T: Float, S: Simd<T>> SecondOrder<T> for S {
    fn is_finite(&self, matrix: MatRef<'_, T>) -> bool {
        is_finite(*self, matrix)
    }

    fn along(
        &self,
        plan: &Plan<'_, T>,
        objective: &Objective<'_, T>,
        along: &Along<'_, T>,
        part: &mut Part<'_, T>,
    ) -> Result<(), Error> {
        along::run(*self, plan, objective, along, part)
    }

    fn diagonal(&self, plan: &Plan<'_, T>, part: &mut Part<'_, T>) {
        variance::diagonal(*self, plan, part);
    }

    fn hidden_factor(
        &self,
        plan: &Plan<'_, T>,
        chunk: &Chunk<'_, T>,
        rows: Range<usize>,
        to: &mut [T],
        mean: &mut [T],
    ) {
        variance::hidden_factor(*self, plan, chunk, rows, to, mean);
    }

    fn weights(
        &self,
        plan: &Plan<'_, T>,
        first: &ChunkFactors<'_, T>,
        second: Option<&ChunkFactors<'_, T>>,
        onto: AlphaBeta<T>,
        part: &mut GradsPart<'_, T>,
    ) -> Result<(), Error> {
        weight_grads(*self, plan, first, onto, part)?;
        if first.is_squared {
            biases(*self, plan, first, onto, part)?;
        }
        second.map_or(Ok(()), |second| score_weight_grads(*self, plan, second, onto.added(), part))
    }
}

/// The steps as an engine has them.
pub(super) fn second_order<T: Float + 'static>(engine: Engine<'_, T>) -> &'static dyn SecondOrder<T> {
    if matches!(engine, Engine::Portable) {
        return &Portable;
    }
    if let Some(best) = if_same::<T, f32, _, _>(single) {
        return best;
    }
    if_same::<T, f64, _, _>(double).unwrap_or(&Portable)
}

/// The steps on an instruction set.
struct Of;

impl<T: Float + 'static> WithSimd<T> for Of {
    type Made = &'static dyn SecondOrder<T>;

    fn with<S: Simd<T>>(self, simd: &'static S) -> Self::Made {
        simd
    }
}

// Not generic, so that the loops for these types are compiled once, with this crate.

fn single() -> &'static dyn SecondOrder<f32> {
    best_of_f32(Of)
}

fn double() -> &'static dyn SecondOrder<f64> {
    best_of_f64(Of)
}
