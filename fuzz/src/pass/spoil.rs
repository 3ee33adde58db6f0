//! One thing that is wrong: an error, before anything is written.

use num_traits::PrimInt;

use super::case::{Case, Known};
use super::outputs::{NO_CLASS, Outputs};
use super::run::Around;
use crate::bytes::Bytes;
use crate::element::Element;
use crate::memory::Memory;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spoil {
    Label,
    ShortScratch,
    Inputs,
    Examples,
    Losses,
    Norms,
    Predictions,
    Scores,
    InputGrad,
    ExampleGrads,
    Gram,
    Gradient,
    Moment,
    ClassWeights,
    ExampleWeights,
    ClassWeight,
    ExampleWeight,
    Smoothing,
    Divisor,
    Clip,
    L2,
    Target,
    Targets,
    Unknown,
    Bias,
}

const ALL: [Spoil; 25] = [
    Spoil::Label,
    Spoil::ShortScratch,
    Spoil::Inputs,
    Spoil::Examples,
    Spoil::Losses,
    Spoil::Norms,
    Spoil::Predictions,
    Spoil::Scores,
    Spoil::InputGrad,
    Spoil::ExampleGrads,
    Spoil::Gram,
    Spoil::Gradient,
    Spoil::Moment,
    Spoil::ClassWeights,
    Spoil::ExampleWeights,
    Spoil::ClassWeight,
    Spoil::ExampleWeight,
    Spoil::Smoothing,
    Spoil::Divisor,
    Spoil::Clip,
    Spoil::L2,
    Spoil::Target,
    Spoil::Targets,
    Spoil::Unknown,
    Spoil::Bias,
];

impl Spoil {
    pub fn new(bytes: &mut Bytes) -> Self {
        bytes.pick(&ALL)
    }

    /// A label that is no class and not the ignored one.
    pub fn label<L: PrimInt>(self, classes: usize, bytes: &mut Bytes) -> Option<L> {
        let wrong = [L::from(classes)?, L::from(classes + 1)?, L::max_value()];
        (self == Spoil::Label).then(|| bytes.pick(&wrong))
    }

    /// Spoils a case or the outputs, or says around what it is spoilt; `None` if the case has no such thing.
    pub fn apply<T: Element>(
        self,
        case: &mut Case<T>,
        out: &mut Outputs<T>,
        bytes: &mut Bytes,
    ) -> Option<Around<'static>> {
        let (dims, n) = (case.dims, case.n);
        let (m, h, c) = (dims.inputs(), dims.hidden(), dims.classes());
        let wants_loss = case.known != Known::Nothing;
        let mut around = Around { executor: None, filler: 0.0, short: 0, wants_loss };
        // One more or one less.
        let other =
            |bytes: &mut Bytes, size: usize| if size > 1 && bytes.one_in(2) { size - 1 } else { size + 1 };
        let matrix = |bytes: &mut Bytes, rows: usize, cols: usize| {
            Memory::matrix(bytes, (rows, cols), &vec![T::one(); rows * cols], false)
        };
        let slice = |bytes: &mut Bytes, len: usize| Memory::slice(bytes, &vec![T::one(); len]);
        let no_number = |bytes: &mut Bytes| {
            bytes.pick(&[T::nan(), T::infinity(), T::neg_infinity(), -T::one(), -T::min_positive_value()])
        };
        match self {
            Spoil::Label if case.known == Known::Labels => {}
            Spoil::ShortScratch => around.short = 1 + bytes.below(9),
            Spoil::Inputs => {
                let cols = other(bytes, m);
                case.x = matrix(bytes, n, cols);
            }
            Spoil::Examples if wants_loss => {
                let rows = other(bytes, n);
                case.x = matrix(bytes, rows, m);
            }
            Spoil::Losses if wants_loss => {
                let len = other(bytes, n);
                out.losses = Some(slice(bytes, len));
            }
            Spoil::Norms if wants_loss => {
                let len = other(bytes, n);
                out.grad_norms = Some(slice(bytes, len));
            }
            Spoil::Predictions => {
                let len = n + if bytes.one_in(2) { 5 } else { 7 };
                out.predictions = Some(vec![NO_CLASS; len]);
            }
            Spoil::Scores => {
                let (rows, cols) = if bytes.one_in(2) { (other(bytes, n), c) } else { (n, other(bytes, c)) };
                let wrong = Some(matrix(bytes, rows, cols));
                match bytes.below(3) {
                    0 => out.scores = wrong,
                    1 => out.probabilities = wrong,
                    _ => out.log_probabilities = wrong,
                }
            }
            Spoil::InputGrad if wants_loss => {
                let cols = other(bytes, m);
                out.input_grad = Some(matrix(bytes, n, cols));
            }
            Spoil::ExampleGrads if wants_loss => {
                let cols = other(bytes, dims.param_len());
                out.example_grads = Some(matrix(bytes, n, cols));
            }
            Spoil::Gram if wants_loss => {
                // Of more examples than a chunk has there is none.
                let size = if n > dims.chunk_len(n) { n } else { other(bytes, n) };
                out.gram = Some(matrix(bytes, size, size));
            }
            Spoil::Gradient | Spoil::Moment if wants_loss => {
                let [m, h, c] = match bytes.below(3) {
                    0 => [other(bytes, m), h, c],
                    1 => [m, other(bytes, h), c],
                    _ => [m, h, other(bytes, c)],
                };
                let parts = [matrix(bytes, h, m), slice(bytes, h), matrix(bytes, c, h), slice(bytes, c)];
                *if self == Spoil::Gradient { &mut out.grad } else { &mut out.second_moment } = Some(parts);
            }
            Spoil::ClassWeights => case.class_weights = Some(vec![T::one(); other(bytes, c)]),
            Spoil::ExampleWeights => case.example_weights = Some(vec![T::one(); other(bytes, n)]),
            Spoil::ClassWeight => {
                let mut weights = vec![T::one(); c];
                weights[bytes.below(c.min(256))] = no_number(bytes);
                case.class_weights = Some(weights);
            }
            Spoil::ExampleWeight => {
                let mut weights = vec![T::one(); n];
                weights[bytes.below(n.min(256))] = no_number(bytes);
                case.example_weights = Some(weights);
            }
            Spoil::Smoothing => {
                case.smoothing =
                    bytes.pick(&[T::nan(), -T::epsilon(), T::one() + T::epsilon(), T::infinity()]);
            }
            Spoil::Divisor => {
                case.divisor = Some(if bytes.one_in(3) { T::zero() } else { no_number(bytes) });
            }
            Spoil::Clip => case.clip = Some(no_number(bytes)),
            Spoil::L2 => {
                let wrong = no_number(bytes);
                case.l2 = Some(if bytes.one_in(2) { (wrong, T::zero()) } else { (T::one(), wrong) });
            }
            Spoil::Target if case.known == Known::Targets => {
                // Whatever is excluded is not looked at.
                case.example_weights = None;
                let mut values = case.targets.values();
                let place = bytes.below((n * c).min(256));
                values[place] = match bytes.below(3) {
                    0 => no_number(bytes),
                    1 => values[place] + T::of(0.25),
                    _ => T::of(1.5),
                };
                case.targets = Memory::matrix(bytes, (n, c), &values, false);
            }
            Spoil::Targets if case.known == Known::Targets => {
                let (rows, cols) = if bytes.one_in(2) { (other(bytes, n), c) } else { (n, other(bytes, c)) };
                case.targets = matrix(bytes, rows, cols);
            }
            Spoil::Unknown if !wants_loss => around.wants_loss = true,
            Spoil::Bias => {
                let (index, len) = if bytes.one_in(2) { (1, h) } else { (3, c) };
                let len = other(bytes, len);
                case.theta[index] = slice(bytes, len);
            }
            _ => return None,
        }
        Some(around)
    }
}
