//! Which problems a run has: what the numbers are like, and in which shapes.

use std::fmt;

use clap::ValueEnum;

use super::{SHAPES, Shape};

/// What the numbers of a problem are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Inputs at random, none of them 0, and about half of the hidden units active.
    Random,
    /// The same with a smaller b1: at most so many percent of the hidden units are active.
    Active(u8),
    /// Handwritten digits.
    Mnist(Stage),
    /// Inputs at random, so many percent of them not 0.
    Density(u8),
    /// Inputs at random, so many of each example not 0, and one step of gradient descent.
    Sparse(u8),
    /// The numbers of `Random`, and directions to multiply the Hessian with.
    Hessian,
    /// The same with digits and a net that has been trained.
    HessianMnist,
}

/// When in the training of a net.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Start,
    Trained,
}

/// A part of the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Section {
    Random,
    Active,
    Mnist,
    Density,
    Hessian,
    Sparse,
}

/// A problem to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    pub kind: Kind,
    pub shape: Shape,
}

impl Kind {
    pub fn section(self) -> Section {
        match self {
            Self::Random => Section::Random,
            Self::Active(_) => Section::Active,
            Self::Mnist(_) => Section::Mnist,
            Self::Density(_) => Section::Density,
            Self::Hessian | Self::HessianMnist => Section::Hessian,
            Self::Sparse(_) => Section::Sparse,
        }
    }

    /// Whether inputs are mostly 0, so that the peers' sparse tensors take part.
    pub fn is_sparse(self) -> bool {
        matches!(self, Self::Mnist(_) | Self::Density(_) | Self::HessianMnist)
    }
}

impl Section {
    pub const ALL: [Self; 6] =
        [Self::Random, Self::Active, Self::Mnist, Self::Density, Self::Hessian, Self::Sparse];

    /// The shapes that are measured if no others are asked for.
    pub fn shapes(self, quick: bool) -> Vec<Shape> {
        let [_, _, _, batch, large_batch, wide, many_classes] = SHAPES;
        match (self, quick) {
            (Self::Random, false) => SHAPES.to_vec(),
            (Self::Random, true) => SHAPES[..4].to_vec(),
            (Self::Active, false) => vec![wide, many_classes],
            (Self::Mnist | Self::Density, false) => vec![batch, wide],
            (Self::Hessian, false) => vec![large_batch, wide],
            (Self::Sparse, _) => [32, 256].map(|n| Shape { m: 4096, h: 64, c: 4, n }).to_vec(),
            (_, true) => vec![batch],
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Random => "Dense random inputs",
            Self::Active => "Few hidden units active",
            Self::Mnist => "MNIST",
            Self::Density => "Random inputs, some of them 0",
            Self::Hessian => "The Hessian times a direction",
            Self::Sparse => "A step of gradient descent on sparse rows",
        }
    }

    pub fn about(self) -> &'static str {
        match self {
            Self::Random => {
                "Random inputs, none of them 0; random weights; about half of the hidden units active."
            }
            Self::Active => {
                "As before, but b1 is made smaller, by the same amount for all units, until at most so many percent \
                 of the hidden units are above 0: as in a net that has been trained, with inputs that are not 0."
            }
            Self::Mnist => {
                "The first n training examples, pixels / 255; the weights as He's initialisation has them, and after \
                 three epochs of training by handgrad."
            }
            Self::Density => {
                "Random inputs and weights, so many percent of the inputs not 0, at random places."
            }
            Self::Sparse => {
                "So many inputs of each example not 0, at random places, as compressed sparse rows that are made before the time begins: loss, \
                 gradient, and theta -= rate * gradient of all parameters or of those that the batch reaches. By units: W1 lies as h x m, \
                 by inputs: as m x h, used inputs: m x h, and the gradient has only the inputs of the batch. One thread. The loops are \
                 written by hand in Rust, and compiled for the processor that all have in common, without vectors of AVX. Python's peers \
                 are called from Python, which takes tens of microseconds of each call."
            }
            Self::Hessian => {
                "The numbers of the dense random inputs, or digits and a net after three epochs, and random directions v: the loss and H v, exact, no differences of \
                 gradients. Of four directions at once the time is that for each. Peak counts 6nmh + 14nhC operations, \
                 with four directions 4.5nmh + 12.5nhC for each. The Rust peers have no such product, and are missing; \
                 handgrad gradient is a yardstick, the loss and gradient of the same problem by the default engine."
            }
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Random => write!(f, "random"),
            Self::Active(percent) => write!(f, "active {percent}"),
            Self::Mnist(Stage::Start) => write!(f, "mnist start"),
            Self::Mnist(Stage::Trained) => write!(f, "mnist trained"),
            Self::Density(percent) => write!(f, "density {percent}"),
            Self::Sparse(entries) => write!(f, "sparse {entries}"),
            Self::Hessian => write!(f, "hessian"),
            Self::HessianMnist => write!(f, "hessian mnist"),
        }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.shape)
    }
}
