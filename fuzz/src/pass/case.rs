//! What a pass is asked.

use handgrad::gemm::Beta;
use handgrad::{Dims, Kink, Reduction};

use super::engines::Who;
use super::sparse::Sparse;
use crate::bytes::Bytes;
use crate::element::Element;
use crate::memory::Memory;
use crate::values;

/// What the examples are compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Known {
    Labels,
    Targets,
    Nothing,
}

/// Which outputs are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wants {
    pub grad: Option<Beta>,
    pub input_grad: bool,
    pub losses: bool,
    pub scores: bool,
    pub probabilities: bool,
    pub log_probabilities: bool,
    pub predictions: bool,
    pub grad_norms: bool,
    pub example_grads: bool,
    pub second_moment: bool,
    pub gram: bool,
    pub effective_weight: bool,
}

/// A net, a batch, and all options.
pub struct Case<T> {
    pub dims: Dims,
    pub n: usize,
    /// W1, b1, W2, b2.
    pub theta: [Memory<T>; 4],
    pub x: Memory<T>,
    /// What takes the place of the matrix, if it is that.
    pub sparse: Option<Sparse<T>>,
    pub known: Known,
    /// Classes; `None` for the ignored label.
    pub labels: Vec<Option<usize>>,
    pub ignores: bool,
    pub targets: Memory<T>,
    pub class_weights: Option<Vec<T>>,
    pub example_weights: Option<Vec<T>>,
    pub smoothing: T,
    pub l2: Option<(T, T)>,
    pub divisor: Option<T>,
    pub reduction: Reduction,
    pub kink: Kink,
    pub clip: Option<T>,
    pub wants: Wants,
    pub who: Who,
}

impl<T: Element> Case<T> {
    pub fn new(bytes: &mut Bytes) -> Self {
        let most = if size_of::<T>() == 2 { 30 } else { 200 };
        let (m, h, c) = (bytes.size(most), bytes.size(most), bytes.size(most));
        let dims = Dims::new(m, h, c).unwrap();
        // No case takes longer than a few milliseconds.
        let work = m * h + h * c + 30 * c;
        let n = bytes.size(most).min(150_000 / work).max(1);
        let options = Options::new(bytes);
        let theta =
            [(h, m), (1, h), (c, h), (1, c)].map(|shape| values::matrix::<T>(bytes, shape.0, shape.1));
        let [w1, b1, w2, b2] = &theta;
        let theta = [
            Memory::matrix(bytes, (h, m), w1, true),
            Memory::slice(bytes, b1),
            Memory::matrix(bytes, (c, h), w2, true),
            Memory::slice(bytes, b2),
        ];
        let x = values::matrix::<T>(bytes, n, m);
        let x = Memory::matrix(bytes, (n, m), &x, true);
        let targets = values::targets::<T>(bytes, n, c);
        let targets = Memory::matrix(bytes, (n, c), &targets, false);
        let mut rng = fastrand::Rng::with_seed(bytes.seed());
        let ignored = if options.ignores { [20, 128, 255][bytes.below(3)] } else { 0 };
        let label = |_| if rng.u8(..) < ignored { None } else { Some(rng.usize(..c)) };
        let small = |bytes: &mut Bytes| T::of(bytes.pick(&[0.0, 0.25, 0.5, 1.0, 3.0]));
        Self {
            dims,
            n,
            theta,
            x,
            sparse: None,
            known: options.known,
            labels: (0..n).map(label).collect(),
            ignores: options.ignores,
            targets,
            class_weights: options.class_weights.then(|| values::weights(bytes, c)),
            example_weights: options.example_weights.then(|| values::weights(bytes, n)),
            smoothing: if options.smooths { T::of(bytes.pick(&[0.125, 0.5, 0.1, 1.0])) } else { T::zero() },
            l2: options.l2.then(|| (small(bytes), small(bytes))),
            divisor: options.divisor.then(|| T::of(bytes.pick(&[1.0, 0.5, 3.0, 7.0, 64.0, 0.1]))),
            reduction: options.reduction,
            kink: options.kink,
            clip: options.clips.then(|| T::of(bytes.pick(&[0.0, 0.01, 0.5, 1.0, 8.0, 1000.0]))),
            wants: options.wants,
            who: Who::new(bytes),
        }
    }

    /// Whether any example may be excluded or count more than another.
    pub fn is_weighted(&self) -> bool {
        self.ignores || self.example_weights.is_some() || self.class_weights.is_some()
    }

    /// Whether a target is more than one class.
    pub fn is_soft(&self) -> bool {
        self.known == Known::Targets || self.smoothing > T::zero()
    }
}

/// The choices that are made before the sizes of anything are used.
struct Options {
    known: Known,
    ignores: bool,
    class_weights: bool,
    example_weights: bool,
    smooths: bool,
    l2: bool,
    divisor: bool,
    clips: bool,
    reduction: Reduction,
    kink: Kink,
    wants: Wants,
}

impl Options {
    fn new(bytes: &mut Bytes) -> Self {
        let [asked, more, objective] = [(); 3].map(|()| bytes.byte());
        let bit = |byte: u8, bit: u8| byte >> bit & 1 == 1;
        let plain = objective % 3 == 0;
        let known = match bytes.below(16) {
            0..12 => Known::Labels,
            12..15 => Known::Targets,
            _ => Known::Nothing,
        };
        let is_known = known != Known::Nothing;
        // The short way is for those who ask for nothing but loss and gradient.
        let alone = asked % 5 == 0;
        let (out, grads) = (!alone, !alone && is_known);
        let grad = if bit(asked, 1) { Beta::One } else { Beta::Zero };
        let wants = Wants {
            grad: (is_known && (alone || !bit(asked, 0))).then_some(grad),
            input_grad: grads && bit(asked, 2),
            losses: grads && bit(asked, 3),
            scores: out && bit(asked, 4),
            probabilities: out && bit(asked, 5),
            log_probabilities: out && bit(asked, 6),
            predictions: out && bit(asked, 7),
            grad_norms: grads && more & 3 == 3,
            example_grads: grads && more & 12 == 12,
            second_moment: grads && more & 48 == 48,
            gram: grads && more & 192 == 192,
            effective_weight: grads && bit(more, 1),
        };
        Self {
            known,
            ignores: known == Known::Labels && !plain && bit(objective, 0),
            class_weights: !plain && bit(objective, 2),
            example_weights: !plain && bit(objective, 3),
            smooths: !plain && bit(objective, 4),
            l2: !plain && bit(objective, 5),
            divisor: !plain && bit(objective, 6),
            clips: !plain && bit(objective, 7) && is_known,
            reduction: if bit(more, 3) { Reduction::Sum } else { Reduction::Mean },
            kink: if bit(more, 5) { Kink::Zero } else { Kink::One },
            wants,
        }
    }
}
