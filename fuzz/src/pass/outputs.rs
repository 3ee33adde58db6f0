//! The outputs of a pass, each in memory with guards.

use handgrad::Dims;
use handgrad::gemm::Beta;

use super::case::Case;
use crate::bytes::Bytes;
use crate::element::Element;
use crate::memory::Memory;
use crate::values;

/// What is asked for has memory.
pub struct Outputs<T> {
    /// dW1, db1, dW2, db2.
    pub grad: Option<[Memory<T>; 4]>,
    pub second_moment: Option<[Memory<T>; 4]>,
    pub input_grad: Option<Memory<T>>,
    pub losses: Option<Memory<T>>,
    pub scores: Option<Memory<T>>,
    pub probabilities: Option<Memory<T>>,
    pub log_probabilities: Option<Memory<T>>,
    pub grad_norms: Option<Memory<T>>,
    pub example_grads: Option<Memory<T>>,
    pub gram: Option<Memory<T>>,
    pub effective_weight: Option<Memory<T>>,
    pub predictions: Option<Vec<usize>>,
}

/// What the predictions and their guards hold before.
pub const NO_CLASS: usize = usize::MAX - 7;

/// So many elements on each side of the predictions.
pub const GUARD: usize = 3;

impl<T: Element> Outputs<T> {
    pub fn new(bytes: &mut Bytes, case: &Case<T>) -> Self {
        let (n, dims, wants) = (case.n, case.dims, case.wants);
        let (m, c) = (dims.inputs(), dims.classes());
        let mut matrix = |wanted: bool, shape: (usize, usize)| {
            wanted.then(|| Memory::matrix(bytes, shape, &vec![T::nan(); shape.0 * shape.1], false))
        };
        let input_grad = matrix(wants.input_grad, (n, m));
        let scores = matrix(wants.scores, (n, c));
        let probabilities = matrix(wants.probabilities, (n, c));
        let log_probabilities = matrix(wants.log_probabilities, (n, c));
        let example_grads = matrix(wants.example_grads, (n, dims.param_len()));
        let gram = matrix(wants.gram, (n, n));
        let mut slice =
            |wanted: bool, len: usize| wanted.then(|| Memory::slice(bytes, &vec![T::infinity(); len]));
        Self {
            losses: slice(wants.losses, n),
            grad_norms: slice(wants.grad_norms, n),
            effective_weight: slice(wants.effective_weight, 1),
            predictions: wants.predictions.then(|| vec![NO_CLASS; n + 2 * GUARD]),
            grad: wants.grad.map(|beta| gradient(bytes, dims, beta == Beta::One)),
            second_moment: wants.second_moment.then(|| gradient(bytes, dims, false)),
            input_grad,
            scores,
            probabilities,
            log_probabilities,
            example_grads,
            gram,
        }
    }

    /// The gradient alone.
    pub fn grad_alone(self) -> Self {
        Self {
            grad: self.grad,
            second_moment: None,
            input_grad: None,
            losses: None,
            scores: None,
            probabilities: None,
            log_probabilities: None,
            grad_norms: None,
            example_grads: None,
            gram: None,
            effective_weight: None,
            predictions: None,
        }
    }

    /// The matrices and slices that there are, by their names.
    pub fn parts(&self) -> Vec<(&'static str, &Memory<T>)> {
        let one = [
            ("input gradient", &self.input_grad),
            ("losses", &self.losses),
            ("scores", &self.scores),
            ("probabilities", &self.probabilities),
            ("log probabilities", &self.log_probabilities),
            ("norms", &self.grad_norms),
            ("example gradients", &self.example_grads),
            ("gram", &self.gram),
            ("effective weight", &self.effective_weight),
        ];
        let mut parts: Vec<_> =
            one.into_iter().filter_map(|(name, part)| part.as_ref().map(|part| (name, part))).collect();
        for (name, gradient) in [("gradient", &self.grad), ("second moment", &self.second_moment)] {
            parts.extend(gradient.iter().flatten().map(|part| (name, part)));
        }
        parts
    }

    pub fn check_guards(&self, case: &str) {
        self.parts().iter().for_each(|(name, part)| part.check_guards(&format!("{case}: {name}")));
        if let Some(predictions) = &self.predictions {
            let n = predictions.len() - GUARD;
            let mut guards = predictions[..GUARD].iter().chain(&predictions[n..]);
            assert!(guards.all(|&class| class == NO_CLASS), "{case}: written beside the predictions");
        }
    }

    pub fn check_untouched(&self, case: &str) {
        self.parts().iter().for_each(|(name, part)| part.check_untouched(&format!("{case}: {name}")));
        let mut predictions = self.predictions.iter().flatten();
        assert!(predictions.all(|&class| class == NO_CLASS), "{case}: the predictions were written");
    }

    /// The gradient in its flat order.
    pub fn flat(gradient: &Option<[Memory<T>; 4]>) -> Vec<T> {
        gradient.iter().flatten().flat_map(Memory::values).collect()
    }
}

fn gradient<T: Element>(bytes: &mut Bytes, dims: Dims, has_values: bool) -> [Memory<T>; 4] {
    let (m, h, c) = (dims.inputs(), dims.hidden(), dims.classes());
    let mut part = |rows: usize, cols: usize, is_slice: bool| {
        let values = if has_values { values::matrix(bytes, rows, cols) } else { vec![T::nan(); rows * cols] };
        if is_slice {
            Memory::slice(bytes, &values)
        } else {
            Memory::matrix(bytes, (rows, cols), &values, false)
        }
    };
    [part(h, m, false), part(1, h, true), part(c, h, false), part(1, c, true)]
}
