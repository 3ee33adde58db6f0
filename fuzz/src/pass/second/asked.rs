//! What is asked of second derivatives, and where it is written.

use handgrad::curvature::{
    KroneckerFactors, Tangents, backward, diagonal, gauss_newton_vectors, hessian_vectors, kronecker_factors,
    tangent,
};
use handgrad::{Dims, Error, Params, ParamsMut, Pass};
use num_traits::PrimInt;

use super::super::case::{Case, Known};
use crate::bytes::Bytes;
use crate::element::Element;
use crate::memory::Memory;
use crate::values;

/// The functions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum What {
    Hessian,
    GaussNewton,
    /// With the outputs of single examples that need labels, or without.
    Tangent(bool),
    Diagonal,
    Kronecker,
    Backward,
}

/// An error that is none of a pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wrong {
    Scratch,
    /// The size of an output, the first one.
    Output,
    /// The size of a direction, or of the rows.
    Given,
}

pub struct Asked<T> {
    pub what: What,
    /// V1, v1, V2, v2.
    pub directions: Vec<[Memory<T>; 4]>,
    pub rows: Memory<T>,
    layout: u64,
}

/// A matrix or slice of the outputs.
pub struct Part<T> {
    pub what: &'static str,
    pub memory: Memory<T>,
}

fn params<T: Element>(bytes: &mut Bytes, dims: Dims) -> [Memory<T>; 4] {
    let (m, h, c) = (dims.inputs(), dims.hidden(), dims.classes());
    [(h, m), (1, h), (c, h), (1, c)].map(|shape| {
        let numbers = values::matrix::<T>(bytes, shape.0, shape.1);
        if shape.0 == 1 {
            Memory::slice(bytes, &numbers)
        } else {
            Memory::matrix(bytes, shape, &numbers, true)
        }
    })
}

impl<T: Element> Asked<T> {
    pub fn new(bytes: &mut Bytes, case: &Case<T>) -> Self {
        let (n, c) = (case.n, case.dims.classes());
        let choice = bytes.byte();
        let what = match choice % 8 {
            0..3 => What::Hessian,
            3 => What::GaussNewton,
            4 => What::Tangent(case.known != Known::Nothing || choice > 200),
            5 => What::Diagonal,
            6 => What::Kronecker,
            _ => What::Backward,
        };
        let count = match what {
            What::Hessian | What::GaussNewton => 1 + bytes.below(3),
            What::Tangent(_) => 1,
            _ => 0,
        };
        let rows = values::matrix::<T>(bytes, n, c);
        let rows = Memory::matrix(bytes, (n, c), &rows, true);
        let directions = (0..count).map(|_| params(bytes, case.dims)).collect();
        Self { what, directions, rows, layout: bytes.seed() }
    }

    pub fn is_backward(&self) -> bool {
        self.what == What::Backward
    }

    pub fn needs_labels(&self) -> bool {
        matches!(self.what, What::Hessian | What::Tangent(true))
    }

    /// Where it is written: each time in the same layout. With the wrong size, the first one has a row more.
    pub fn outputs(&self, case: &Case<T>, wrong: Option<Wrong>) -> Vec<Part<T>> {
        let (dims, n) = (case.dims, case.n);
        let (m, h, c) = (dims.inputs(), dims.hidden(), dims.classes());
        let of_params = [("W1", h, m), ("b1", 0, h), ("W2", c, h), ("b2", 0, c)];
        let sizes: Vec<(&'static str, usize, usize)> = match self.what {
            What::Hessian | What::GaussNewton => {
                let names = [
                    ["W1", "b1", "W2", "b2"],
                    ["W1 2", "b1 2", "W2 2", "b2 2"],
                    ["W1 3", "b1 3", "W2 3", "b2 3"],
                ];
                let each = names.into_iter().take(self.directions.len());
                each.flat_map(|names| (0..4).map(move |k| (names[k], of_params[k].1, of_params[k].2)))
                    .collect()
            }
            What::Backward => of_params.into(),
            What::Diagonal => of_params.into_iter().chain([("traces", 0, n)]).collect(),
            What::Kronecker => {
                vec![
                    ("inputs", m + 1, m + 1),
                    ("hidden", h, h),
                    ("activations", h + 1, h + 1),
                    ("scores", c, c),
                ]
            }
            What::Tangent(labelled) => {
                let all = [("scores", n, c), ("squares", 0, n), ("slopes", 0, n), ("hessian", 0, n)];
                all.into_iter().take(if labelled { 4 } else { 2 }).collect()
            }
        };
        let seed = self.layout.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let seeds: Vec<u8> = (0..64).map(|i| (seed >> (i % 57)) as u8).collect();
        let bytes = &mut Bytes::new(&seeds);
        let part = |(index, (what, rows, cols)): (usize, (&'static str, usize, usize))| {
            let more = usize::from(index == 0 && wrong == Some(Wrong::Output));
            let filler = vec![T::nan(); (rows + more).max(1) * cols];
            let memory = match rows {
                0 => Memory::slice(bytes, &filler),
                _ => Memory::matrix(bytes, (rows + more, cols), &filler, false),
            };
            Part { what, memory }
        };
        sizes.into_iter().enumerate().map(part).collect()
    }

    /// The call: the numbers it returns.
    pub fn call<L: PrimInt + Sync>(
        &self,
        pass: Pass<'_, T, L>,
        out: &mut [Part<T>],
        scratch: &mut [T],
    ) -> Result<Vec<T>, Error> {
        let directions: Vec<Params<'_, T>> = self
            .directions
            .iter()
            .map(|[v1, v1_bias, v2, v2_bias]| {
                Params::new(v1.view(), v1_bias.as_slice(), v2.view(), v2_bias.as_slice())
            })
            .collect::<Result<_, _>>()?;
        match self.what {
            What::Hessian | What::GaussNewton => {
                let mut products = out.chunks_mut(4).map(params_mut).collect::<Result<Vec<_>, _>>()?;
                let run = if self.what == What::Hessian { hessian_vectors } else { gauss_newton_vectors };
                Ok(vec![run(pass, &directions, &mut products, scratch)?])
            }
            What::Tangent(_) => {
                let mut slices = [None, None, None];
                let [scores, rest @ ..] = out else { return Ok(vec![]) };
                for (slice, part) in slices.iter_mut().zip(rest) {
                    *slice = Some(part.memory.as_mut_slice());
                }
                let [gauss_newton, slopes, hessian] = slices;
                let out = Tangents { scores: Some(scores.memory.view_mut()), slopes, gauss_newton, hessian };
                let all = tangent(pass, directions[0], out, scratch)?;
                Ok(vec![all.loss, all.gauss_newton, all.slope, all.hessian])
            }
            What::Diagonal => {
                let (grad, traces) = out.split_at_mut(4);
                let traces = traces.first_mut().map(|part| part.memory.as_mut_slice());
                Ok(vec![diagonal(pass, params_mut(grad)?, traces, scratch)?])
            }
            What::Kronecker => {
                let mut views = out.iter_mut().map(|part| part.memory.view_mut());
                let factors = KroneckerFactors {
                    inputs: views.next(),
                    hidden: views.next(),
                    activations: views.next(),
                    scores: views.next(),
                };
                Ok(vec![kronecker_factors(pass, factors, scratch)?])
            }
            What::Backward => {
                backward(pass.grad(params_mut(out)?), self.rows.view(), scratch)?;
                Ok(vec![])
            }
        }
    }
}

fn params_mut<T: Element>(parts: &mut [Part<T>]) -> Result<ParamsMut<'_, T>, Error> {
    let [w1, b1, w2, b2] = parts else { panic!("four parts") };
    ParamsMut::new(
        w1.memory.view_mut(),
        b1.memory.as_mut_slice(),
        w2.memory.view_mut(),
        b2.memory.as_mut_slice(),
    )
}

impl Wrong {
    /// One in eight times, if the call has such a thing: then `asked` has it, too.
    pub fn new<T: Element>(bytes: &mut Bytes, asked: &mut Asked<T>, case: &Case<T>) -> Option<Self> {
        let (n, c) = (case.n, case.dims.classes());
        let wrong = match bytes.byte() % 24 {
            0 => Wrong::Scratch,
            1 => Wrong::Output,
            2 => Wrong::Given,
            _ => return None,
        };
        if wrong == Wrong::Given {
            if asked.is_backward() {
                asked.rows = Memory::matrix(bytes, (n, c + 1), &vec![T::one(); n * (c + 1)], false);
            } else {
                let (m, h) = (case.dims.inputs(), case.dims.hidden());
                let larger = Dims::new(m + 1, h, c).ok()?;
                *asked.directions.last_mut()? = params(bytes, larger);
            }
        }
        Some(wrong)
    }
}
