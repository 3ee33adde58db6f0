//! What a caller wants of each single example, and where it goes.

use num_traits::Float;

use super::predictions::Predictions;
use crate::data::{Dims, MatMut};
use crate::error::{Error, What, check_len};
use crate::kernels::softmax::{Scores, Strip};

/// The outputs with one row or element for each example.
pub(crate) struct Outputs<'a, T> {
    pub(crate) input_grad: Option<MatMut<'a, T>>,
    pub(crate) losses: Option<&'a mut [T]>,
    pub(crate) grad_norms: Option<&'a mut [T]>,
    pub(crate) example_grads: Option<MatMut<'a, T>>,
    pub(crate) scores: Option<MatMut<'a, T>>,
    pub(crate) probabilities: Option<MatMut<'a, T>>,
    pub(crate) log_probabilities: Option<MatMut<'a, T>>,
    pub(crate) predictions: Option<Predictions<'a>>,
}

impl<T> Default for Outputs<'_, T> {
    fn default() -> Self {
        Self {
            input_grad: None,
            losses: None,
            grad_norms: None,
            example_grads: None,
            scores: None,
            probabilities: None,
            log_probabilities: None,
            predictions: None,
        }
    }
}

impl<'a, T: Float> Outputs<'a, T> {
    /// `Ok` if each has the size for n examples.
    pub(crate) fn check(&self, n: usize, dims: Dims) -> Result<(), Error> {
        let classes = dims.classes();
        for (what, view, cols) in [
            (What::InputGradient, &self.input_grad, dims.inputs()),
            (What::ExampleGradients, &self.example_grads, dims.param_len()),
            (What::Scores, &self.scores, classes),
            (What::Probabilities, &self.probabilities, classes),
            (What::LogProbabilities, &self.log_probabilities, classes),
        ] {
            let got = view.as_ref().map_or((n, cols), |view| (view.rows(), view.cols()));
            if got != (n, cols) {
                return Err(Error::Shape { what, expected: (n, cols), got });
            }
        }
        check_len(What::Losses, n, self.losses.as_ref().map_or(n, |losses| losses.len()))?;
        check_len(What::GradNorms, n, self.grad_norms.as_ref().map_or(n, |norms| norms.len()))?;
        let Some(predictions) = &self.predictions else { return Ok(()) };
        check_len(What::Predictions, n, predictions.len())?;
        let largest = predictions.largest();
        if classes - 1 > largest { Err(Error::ClassInteger { classes, largest }) } else { Ok(()) }
    }

    /// Whether nothing is wanted of single examples.
    pub(crate) fn is_empty(&self) -> bool {
        // Each field by name, so that a new one is not forgotten.
        let Self {
            input_grad,
            losses,
            grad_norms,
            example_grads,
            scores,
            probabilities,
            log_probabilities,
            predictions,
        } = self;
        let is_wanted = [
            input_grad.is_some(),
            losses.is_some(),
            grad_norms.is_some(),
            example_grads.is_some(),
            scores.is_some(),
            probabilities.is_some(),
            log_probabilities.is_some(),
            predictions.is_some(),
        ];
        !is_wanted.contains(&true)
    }

    /// Whether the examples can be cut in two, for two threads: not where rows of a view interleave.
    pub(crate) fn can_split(&self) -> bool {
        let Self { input_grad, example_grads, scores, probabilities, log_probabilities, .. } = self;
        [input_grad, example_grads, scores, probabilities, log_probabilities]
            .into_iter()
            .flatten()
            .all(MatMut::can_split)
    }

    /// The same outputs for a shorter time.
    pub(crate) fn reborrow(&mut self) -> Outputs<'_, T> {
        Outputs {
            input_grad: self.input_grad.as_mut().map(MatMut::reborrow),
            losses: self.losses.as_deref_mut(),
            grad_norms: self.grad_norms.as_deref_mut(),
            example_grads: self.example_grads.as_mut().map(MatMut::reborrow),
            scores: self.scores.as_mut().map(MatMut::reborrow),
            probabilities: self.probabilities.as_mut().map(MatMut::reborrow),
            log_probabilities: self.log_probabilities.as_mut().map(MatMut::reborrow),
            predictions: self.predictions.as_mut().map(Predictions::reborrow),
        }
    }

    /// The outputs of the first `at` examples and of the others. They can be split.
    pub(crate) fn split(self, at: usize) -> (Self, Self) {
        let view = |view: Option<MatMut<'a, T>>| view.map(|view| view.split_rows(at)).unzip();
        let (input_grad, example_grads) = (view(self.input_grad), view(self.example_grads));
        let scores = view(self.scores);
        let (probabilities, log_probabilities) = (view(self.probabilities), view(self.log_probabilities));
        let slice = |slice: Option<&'a mut [T]>| slice.map(|slice| slice.split_at_mut(at)).unzip();
        let (losses, grad_norms) = (slice(self.losses), slice(self.grad_norms));
        let predictions = self.predictions.map(|classes| classes.split_at(at)).unzip();
        (
            Self {
                input_grad: input_grad.0,
                losses: losses.0,
                grad_norms: grad_norms.0,
                example_grads: example_grads.0,
                scores: scores.0,
                probabilities: probabilities.0,
                log_probabilities: log_probabilities.0,
                predictions: predictions.0,
            },
            Self {
                input_grad: input_grad.1,
                losses: losses.1,
                grad_norms: grad_norms.1,
                example_grads: example_grads.1,
                scores: scores.1,
                probabilities: probabilities.1,
                log_probabilities: log_probabilities.1,
                predictions: predictions.1,
            },
        )
    }

    /// Whether anything is wanted of the gradients of single examples.
    pub(crate) fn needs_per_example_grads(&self) -> bool {
        self.grad_norms.is_some() || self.example_grads.is_some()
    }

    pub(crate) fn needs_exponentials(&self) -> bool {
        self.probabilities.is_some() || self.log_probabilities.is_some()
    }

    /// Writes what is made of the scores themselves, for the examples of `strip`; `offset` is the first one's
    /// row in the outputs.
    pub(crate) fn scored<const N: usize>(&mut self, strip: &Strip<T, N>, f: &Scores<'_, T>, offset: usize) {
        if let Some(scores) = &mut self.scores {
            for col in 0..f.len {
                scores.row_mut(offset + col).zip(f.example(col)).for_each(|(out, f)| *out = f);
            }
        }
        if let Some(log_probabilities) = &mut self.log_probabilities {
            for col in 0..f.len {
                let row = log_probabilities.row_mut(offset + col);
                row.zip(strip.shifted(f, col)).for_each(|(out, f)| *out = f);
            }
        }
        if let Some(predictions) = &mut self.predictions {
            predictions.write(offset, &strip.class[..f.len]);
        }
    }

    /// Writes what is made of the exponentials.
    pub(crate) fn probable<const N: usize>(&mut self, strip: &Strip<T, N>, f: &Scores<'_, T>, offset: usize) {
        for col in 0..f.len {
            if let Some(probabilities) = &mut self.probabilities {
                let row = probabilities.row_mut(offset + col);
                row.zip(strip.probabilities(f, col)).for_each(|(out, p)| *out = p);
            }
            if let Some(log_probabilities) = &mut self.log_probabilities {
                let log = strip.log_total(col);
                log_probabilities.row_mut(offset + col).for_each(|out| *out = *out - log);
            }
        }
    }
}
