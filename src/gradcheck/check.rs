//! A check: what can be set, and what follows from the settings.

use core::ops::Range;

use num_traits::Float;

use super::entry::Probe;
use super::numeric::{real, rms, roundoff, scale};
use crate::data::{Block, check_blocks};
use crate::error::{Error, What, check_len};

/// The scratch that a check needs for a point of `n` entries: 2n, one displaced point and one direction.
pub const fn scratch_len(n: usize) -> usize {
    2 * n
}

/// A check of claimed slopes at a point `x`, most often of a gradient, to be set up and [`run`](Self::run).
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::gradcheck::{Block, Check, scratch_len};
///
/// // f(A, b) = |A b|^2 / 2 with A 2 x 2: df/dA = (A b) bᵀ, df/db = Aᵀ (A b).
/// let f = |v: &[f64]| {
///     let (u, w) = (v[0] * v[4] + v[1] * v[5], v[2] * v[4] + v[3] * v[5]);
///     (u * u + w * w) / 2.0
/// };
/// let x = [1.0, 2.0, 3.0, 4.0, 0.5, -1.0]; // A b = (-1.5, -2.5)
/// let g = [-0.75, 1.5, -1.25, 2.5, -9.0, -13.0];
/// let report = Check::new(&x, &g)
///     .blocks(&[Block::matrix("A", 2, 2), Block::vector("b", 2)])
///     .seed(7)
///     .run(f, &mut vec![0.0; scratch_len(6)])?;
/// report.assert_ok();
/// assert!(report.resolution() < 1e-8);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "a check does nothing until it is run"]
pub struct Check<'a, 'n, T> {
    pub(super) x: &'a [T],
    pub(super) claims: &'a [T],
    pub(super) blocks: Option<&'a [Block<'n>]>,
    pub(super) seed: u64,
    pub(super) coordinates: usize,
    pub(super) directions: usize,
    pub(super) required: Option<f64>,
}

impl<'a, 'n, T: Float> Check<'a, 'n, T> {
    /// A check of slopes that are claimed at `x`: of a gradient, one for each entry of `x`.
    pub fn new(x: &'a [T], claims: &'a [T]) -> Self {
        Self { x, claims, blocks: None, seed: 0, coordinates: 128, directions: 3, required: None }
    }

    /// The named blocks that the claims consist of. Entries are sampled per block, every block must have a
    /// conclusive probe, and the report speaks in their terms. Default: one vector "x".
    pub fn blocks(self, blocks: &'a [Block<'n>]) -> Self {
        Self { blocks: Some(blocks), ..self }
    }

    /// The seed of the directions and of the sampled entries. Default 0; every report has it.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Blocks of up to `limit` entries are probed entry by entry; of larger ones 32: the 8 largest claims, 8 that
    /// claim 0, and 16 at random. Default 128.
    pub fn coordinates(self, limit: usize) -> Self {
        Self { coordinates: limit, ..self }
    }

    /// So many Gaussian directions through everything, and as many through each block (if there are two or
    /// more). Default 3.
    pub fn directions(self, count: usize) -> Self {
        Self { directions: count, ..self }
    }

    /// A probe that could not have told an error of this relative size is unresolved. Default ε^(1/4): 1.2e-4 in
    /// f64, 0.019 in f32.
    pub fn require(self, resolution: f64) -> Self {
        Self { required: Some(resolution), ..self }
    }

    /// Whether there is one claim for each entry of x, and the blocks consist of just these.
    pub(super) fn check_sizes(&self) -> Result<(), Error> {
        if self.x.is_empty() {
            return Err(Error::Zero { what: What::Point });
        }
        check_len(What::Gradient, self.x.len(), self.claims.len())?;
        self.blocks.map_or(Ok(()), |blocks| check_blocks(blocks, self.x.len()))
    }

    /// The blocks of the claims, in their order.
    pub(super) fn each_block(&self) -> impl Iterator<Item = PlacedBlock<'n>> + use<'a, 'n, T> {
        let (blocks, whole) = (self.blocks, Block::vector("x", self.claims.len()));
        (0..blocks.map_or(1, <[_]>::len)).scan(0, move |next, number| {
            let block = blocks.map_or(whole, |blocks| blocks[number]);
            let start = *next;
            *next += block.len();
            Some(PlacedBlock { block, start })
        })
    }

    /// The scale of each entry of x in a range of whole blocks.
    pub(super) fn scales(&self, range: Range<usize>) -> impl Iterator<Item = T> + use<'a, 'n, T> {
        let x = self.x;
        self.each_block().filter(move |placed| range.contains(&placed.start)).flat_map(move |placed| {
            let x = &x[placed.range()];
            let size = rms(x);
            x.iter().map(move |&x| scale(x, size))
        })
    }

    /// By how much the claims of the most influential block change f when each entry moves by its scale, in the
    /// root mean square.
    pub(super) fn influence(&self) -> T {
        self.each_block().fold(T::zero(), |most, placed| {
            let claims = self.claims[placed.range()].iter();
            let changes = claims.zip(self.scales(placed.range())).map(|(&claim, scale)| claim * scale);
            let sum = changes.fold(T::zero(), |sum, change| sum.hypot(change));
            most.max(sum / real::<T>(placed.block.len() as f64).sqrt())
        })
    }

    /// The resolution that makes a probe conclusive.
    pub(super) fn required(&self) -> T {
        let epsilon = roundoff::<T>().to_f64().unwrap_or(f64::EPSILON);
        real(self.required.unwrap_or_else(|| Float::sqrt(Float::sqrt(epsilon))))
    }
}

/// A block and the index among all claims at which it starts.
#[derive(Clone, Copy)]
pub(super) struct PlacedBlock<'n> {
    pub(super) block: Block<'n>,
    pub(super) start: usize,
}

impl<'n> PlacedBlock<'n> {
    /// Its indices among all claims.
    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.start + self.block.len()
    }

    /// The probe of the entry with this index in the block.
    pub(super) fn entry(&self, index: usize) -> Probe<'n> {
        let Self { block, start } = *self;
        let cols = block.shape().1;
        let (row, col) = (index / cols, block.is_matrix().then_some(index % cols));
        Probe::Entry { block: block.name(), index: start + index, row, col }
    }
}

/// The part of a scratch slice that is needed, or the error that tells how much is missing.
pub(super) fn take_scratch<S>(scratch: &mut [S], expected: usize) -> Result<&mut [S], Error> {
    let got = scratch.len();
    scratch.get_mut(..expected).ok_or(Error::Length { what: What::Scratch, expected, got })
}
