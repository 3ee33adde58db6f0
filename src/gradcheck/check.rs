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
    pub(super) tolerance: f64,
    pub(super) evaluations: Option<usize>,
    /// Of a Jacobian, the number of rows that the claims consist of.
    pub(super) outputs: Option<usize>,
}

/// Along a direction errors that are accepted in each entry add up to this many times their root sum of squares, but for
/// one direction in thirty million (Hoeffding's inequality: their signs are by chance).
pub(super) const CHANCE: f64 = 6.0;

impl<'a, 'n, T: Float> Check<'a, 'n, T> {
    /// A check of slopes that are claimed at `x`: of a gradient, one for each entry of `x`.
    pub fn new(x: &'a [T], claims: &'a [T]) -> Self {
        let (blocks, seed, coordinates, directions) = (None, 0, 128, 3);
        let (required, tolerance, evaluations, outputs) = (None, 0.0, None, None);
        Self { x, claims, blocks, seed, coordinates, directions, required, tolerance, evaluations, outputs }
    }

    /// What can be done at `x` without claims: [`slopes`](Self::slopes), [`jacobian`](Self::jacobian),
    /// [`run_adjoint`](Self::run_adjoint).
    pub fn at(x: &'a [T]) -> Self {
        Self::new(x, &[])
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

    /// Claims that are off by no more than this, relatively, are accepted: of an entry, relative to what its
    /// [resolution](crate::gradcheck::Report::resolution) is relative to. For claims that are not meant to have all
    /// digits of T: computed in f32, say, and compared with an f in f64. From 0, the default, to less than 1.
    ///
    /// A direction accepts what errors of this size in all entries may add up to: 6 times their root sum of squares.
    /// The report tells the tolerance, and how much of it was needed.
    ///
    /// # Example
    ///
    /// ```
    /// # fn main() -> Result<(), handgrad::Error> {
    /// use handgrad::gradcheck::{Check, Outcome};
    ///
    /// let f = |x: &[f64]| x[0].exp() * x[1];
    /// let x = [0.3, 0.7];
    /// let claims = [0.7 * 0.3f32.exp(), 0.3f32.exp()].map(f64::from); // in f32
    /// let check = Check::new(&x, &claims);
    /// assert_eq!(check.run(f, &mut [0.0; 4])?.outcome(), Outcome::Wrong); // by 1e-8 or so
    /// let report = check.tolerance(1e-6).run(f, &mut [0.0; 4])?;
    /// report.assert_ok();
    /// assert!(report.accepted() > 0.0 && report.accepted() < 1e-7); // what was needed of it
    /// # Ok(())
    /// # }
    /// ```
    pub fn tolerance(self, relative: f64) -> Self {
        Self { tolerance: relative, ..self }
    }

    /// The function is evaluated no more often than `most`: a budget, for functions that take long.
    ///
    /// It is spent in this order, as far as it lasts: the value at x, twice; noise, a quarter of the budget at most;
    /// directions through everything; directions through each block; entries, which take nothing that directions
    /// through later blocks need; and one evaluation is kept for the value at x at the end. A probe that agrees takes
    /// some 20, and none is started with less, but for the first: its steps may end early, and it counts if it reached
    /// what is [required](Self::require). So 13 evaluations may do. The report tells how many probes were left out,
    /// and the resolution that was reached. A block that only directions through everything have met is as good as
    /// they are: its claims are seen to their resolution, which is relative to all claims together. A direction that
    /// finds a kink covers nothing: between the slopes on both sides there is room for errors of other blocks. A kink beside x
    /// that all of a few directions miss is not in the report at all.
    ///
    /// A claim is called wrong only by a probe that has taken all its steps, 94 evaluations in f64 and 36 in f32, and has
    /// looked for jumps, 86 more at most, the first one 516 more along other directions (not if f stands still beside x or
    /// declares its noise); and only where noise was measured in full, which takes 40. With a budget of 740 that is so. Where f has
    /// jumps such a probe may be made twice, each time with all steps twice: 1110 suffice. Otherwise a claim that looks wrong is
    /// [`Unfinished`](crate::gradcheck::Verdict::Unfinished) and the check inconclusive. So it is if nothing could be
    /// resolved at all. Neither passes for right.
    ///
    /// Of a function whose values are coarser than T, so that it stands still beside x, nothing is known until its noise is: no
    /// claim is taken for right with a budget below 250 or so, nor called wrong with one below 600. Unless it
    /// [declares its noise](crate::gradcheck::Eval::noise): then one of 50 may do.
    ///
    /// By dual numbers a budget below 48 leads to nothing: that is what the noise, the first probe and the value at the end take.
    ///
    /// # Example
    ///
    /// ```
    /// # fn main() -> Result<(), handgrad::Error> {
    /// use handgrad::gradcheck::{Check, Outcome};
    ///
    /// // 1000 entries: some 580 evaluations without a budget, for 3 directions and 24 entries.
    /// let f = |x: &[f64]| x.iter().map(|x| x.sin()).sum::<f64>();
    /// let x = [0.5; 1000];
    /// let mut claims = x.map(f64::cos);
    /// let report = Check::new(&x, &claims).evaluations(40).run(f, &mut [0.0; 2000])?;
    /// report.assert_ok();
    /// assert!(report.evaluations() <= 40 && report.left_out() == 26);
    /// assert!(report.resolution() < 1e-6); // of all entries together
    ///
    /// claims[7] = 0.0;
    /// let report = Check::new(&x, &claims).evaluations(40).run(f, &mut [0.0; 2000])?;
    /// assert_eq!(report.outcome(), Outcome::Inconclusive); // it looks wrong
    /// let report = Check::new(&x, &claims).evaluations(750).run(f, &mut [0.0; 2000])?;
    /// assert_eq!(report.outcome(), Outcome::Wrong); // it is
    /// # Ok(())
    /// # }
    /// ```
    pub fn evaluations(self, most: usize) -> Self {
        Self { evaluations: Some(most), ..self }
    }

    /// Whether all settings make sense, and the blocks are those of a point of `places` entries.
    pub(super) fn check_settings(&self, places: usize) -> Result<(), Error> {
        if self.x.is_empty() {
            return Err(Error::Zero { what: What::Point });
        }
        if self.evaluations == Some(0) {
            return Err(Error::Zero { what: What::Evaluations });
        }
        if !(0.0..1.0).contains(&self.tolerance) {
            return Err(Error::Value { what: What::Tolerance, index: 0, got: self.tolerance });
        }
        if let Some(got) = self.required.filter(|required| required.is_nan() || *required < 0.0) {
            return Err(Error::Value { what: What::Resolution, index: 0, got });
        }
        self.blocks.map_or(Ok(()), |blocks| check_blocks(blocks, places))
    }

    /// Whether there is one claim for each entry of x, too.
    pub(super) fn check_sizes(&self) -> Result<(), Error> {
        let n = self.x.len();
        if n > 0 {
            check_len(What::Gradient, n, self.claims.len())?;
        }
        self.check_settings(n)
    }

    /// The number of places that the blocks consist of: of claims, or of columns of a Jacobian.
    pub(super) fn places(&self) -> usize {
        self.claims.len() / self.outputs.unwrap_or(1).max(1)
    }

    /// The blocks of the claims, in their order.
    pub(super) fn each_block(&self) -> impl Iterator<Item = PlacedBlock<'n>> + Clone + use<'a, 'n, T> {
        let (blocks, outputs, places) = (self.blocks, self.outputs, self.places());
        let whole = Block::vector("x", places);
        (0..blocks.map_or(1, <[_]>::len)).scan(0, move |next, number| {
            let block = blocks.map_or(whole, |blocks| blocks[number]);
            let start = *next;
            *next += block.len();
            Some(PlacedBlock { block, start, outputs, places })
        })
    }

    /// The scale of each entry of x in a range of whole blocks.
    pub(super) fn scales(&self, range: Range<usize>) -> impl Iterator<Item = T> + Clone + use<'a, 'n, T> {
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
            let claims = placed.rows().flat_map(|row| &self.claims[row]);
            let scales = self.scales(placed.range());
            let changes = claims.zip(placed.rows().flat_map(|_| scales.clone())).map(|(&c, scale)| c * scale);
            let sum = changes.fold(T::zero(), |sum, change| sum.hypot(change));
            most.max(sum / real::<T>(placed.len() as f64).sqrt())
        })
    }

    /// What the tolerance is relative to along a direction through a range of whole blocks.
    pub(super) fn reach(&self, range: Range<usize>, direction: impl Iterator<Item = T>) -> T {
        if self.tolerance == 0.0 {
            return T::zero();
        }
        let blocks = self.each_block().filter(|placed| range.contains(&placed.start));
        let sizes = blocks.flat_map(|placed| {
            let (claims, size) = (&self.claims[placed.range()], placed.rms(self.claims));
            claims.iter().map(move |claim| claim.abs().max(size))
        });
        let moves = sizes.zip(direction).map(|(size, direction)| size * direction);
        real::<T>(CHANCE) * moves.fold(T::zero(), |sum, change| sum.hypot(change))
    }

    /// The tolerance in T.
    pub(super) fn relative_tolerance(&self) -> T {
        real(self.tolerance)
    }

    /// The budget of evaluations.
    pub(super) fn most(&self) -> usize {
        self.evaluations.unwrap_or(usize::MAX)
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
    /// Of a Jacobian, the number of rows that have this block, each as long as `places`.
    pub(super) outputs: Option<usize>,
    pub(super) places: usize,
}

impl<'n> PlacedBlock<'n> {
    /// Its places among all.
    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.start + self.block.len()
    }

    /// The number of its claims.
    pub(super) fn len(&self) -> usize {
        self.block.len() * self.outputs.unwrap_or(1)
    }

    /// Its claims, output by output: their indices.
    pub(super) fn rows(&self) -> impl Iterator<Item = Range<usize>> + use<'n> {
        let (Range { start, end }, places) = (self.range(), self.places);
        (0..self.outputs.unwrap_or(1)).map(move |output| output * places + start..output * places + end)
    }

    /// The index of its claim of this number.
    pub(super) fn index(&self, number: usize) -> usize {
        let len = self.block.len();
        number / len * self.places + self.start + number % len
    }

    /// The probe of its claim of this number.
    pub(super) fn entry(&self, number: usize) -> Probe<'n> {
        let Self { block, start, outputs, .. } = *self;
        let (cols, place) = (block.shape().1, number % block.len());
        let (row, col) = (place / cols, block.is_matrix().then_some(place % cols));
        let output = outputs.map(|_| number / block.len());
        Probe::Entry { output, block: block.name(), index: start + place, row, col }
    }

    /// The root mean square of its claims.
    pub(super) fn rms<T: Float>(&self, claims: &[T]) -> T {
        let sum = self.rows().fold(T::zero(), |sum, row| sum.hypot(rms(&claims[row])));
        sum / real::<T>(self.outputs.unwrap_or(1) as f64).sqrt()
    }
}

/// The part of a scratch slice that is needed, or the error that tells how much is missing.
pub(super) fn take_scratch<S>(scratch: &mut [S], expected: usize) -> Result<&mut [S], Error> {
    let got = scratch.len();
    scratch.get_mut(..expected).ok_or(Error::Length { what: What::Scratch, expected, got })
}
