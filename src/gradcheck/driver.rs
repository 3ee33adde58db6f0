//! The procedure of every check: what is probed and in which order, what is counted, what is noted.

use core::ops::Range;

use num_traits::Float;

use super::check::{Check, PlacedBlock};
use super::entry::{Entry, Probe, Verdict};
use super::hint::explain;
use super::numeric::{Claim, rms, roundoff};
use super::random::{Rng, entries};
use super::report::Report;
use super::verdict::Limits;

/// A check of a function of type `F` under way, whatever its slopes are measured by.
pub(super) struct State<'s, 'n, T, F> {
    pub(super) check: Check<'s, 'n, T>,
    pub(super) limits: Limits<T>,
    pub(super) rng: Rng,
    function: F,
    report: Report<'n>,
}

impl<'s, 'n, T: Float, F> State<'s, 'n, T, F> {
    pub(super) fn new(check: Check<'s, 'n, T>, influence: T, function: F) -> Self {
        let limits = Limits { influence, required: check.required(), epsilon: roundoff() };
        let (rng, report) = (Rng::new(check.seed), Report::new(check.seed));
        Self { check, limits, rng, function, report }
    }

    /// The function, to be called once: it counts as an evaluation.
    pub(super) fn function(&mut self) -> &mut F {
        self.report.evaluations += 1;
        &mut self.function
    }

    /// Notes a value of the point or of the function there, if it is NaN or infinite.
    pub(super) fn note_value(&mut self, value: T) {
        if !value.is_finite() {
            self.report.add(Entry::of_value(Probe::Point, Verdict::NonFinite, value, value));
        }
    }

    /// Notes each value that is NaN or infinite, in terms of the blocks.
    pub(super) fn note_values(&mut self, values: &[T]) {
        for placed in self.check.each_block() {
            let values = values[placed.range()].iter().enumerate();
            for (index, &value) in values.filter(|(_, value)| !value.is_finite()) {
                self.report.add(Entry::of_value(placed.entry(index), Verdict::NonFinite, value, value));
            }
        }
    }

    /// Notes that the function gave one value at x and then another.
    pub(super) fn note_change(&mut self, value: T, again: T) {
        self.report.add(Entry::of_value(Probe::Point, Verdict::Nondeterministic, value, again));
    }

    /// Whether slopes can be measured: nothing is computed from what is not finite or changes.
    fn is_sound(&self) -> bool {
        let counts = self.report.counts();
        counts.non_finite + counts.nondeterministic == 0
    }
}

/// The procedure. Each way to measure slopes implements what comes before `run`, and `run` makes all probes with it.
pub(super) trait Driver<'s, 'n: 's, T: Float + 's, F>: Sized {
    /// What the function may fail with.
    type Error;

    /// What the procedure itself works on.
    fn state(&mut self) -> &mut State<'s, 'n, T, F>;

    /// Evaluates the function at x and notes what is not finite there.
    fn start(&mut self) -> Result<(), Self::Error>;

    /// Evaluates the function at x again and notes if it gives something else. Nothing, if `start` has done so.
    fn repeat(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Measures the noise of the function around x. Nothing, if that is done for each range.
    fn measure_noise(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Prepares for probes in a range of the claims: everything or one block.
    fn enter(&mut self, _range: Range<usize>) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Probes the entry with this index in the range that was entered.
    fn probe_entry(
        &mut self,
        probe: Probe<'n>,
        index: usize,
        claim: Claim<T>,
    ) -> Result<Entry<'n>, Self::Error>;

    /// Probes a new Gaussian direction through the range that was entered.
    fn probe_direction(&mut self, probe: Probe<'n>, range: Range<usize>) -> Result<Entry<'n>, Self::Error>;

    /// Makes all probes.
    fn run(mut self) -> Result<Report<'n>, Self::Error> {
        let check = self.state().check;
        self.start()?;
        self.state().note_values(check.claims);
        if self.state().is_sound() {
            self.repeat()?;
        }
        if self.state().is_sound() {
            self.measure_noise()?;
            if check.each_block().count() > 1 {
                self.probe_directions(None, 0..check.claims.len())?;
            }
            for placed in check.each_block() {
                self.probe_block(placed)?;
            }
            self.repeat()?;
        }
        let mut report = self.state().report;
        report.hint = explain(&report, &check);
        Ok(report)
    }

    /// All probes of one block: directions through it, and its entries, all or a sample.
    fn probe_block(&mut self, placed: PlacedBlock<'n>) -> Result<(), Self::Error> {
        let check = self.state().check;
        let before = self.state().report.counts().conclusive();
        self.probe_directions(Some(placed.block.name()), placed.range())?;
        let claims = &check.claims[placed.range()];
        let size = rms(claims);
        for index in entries(claims, check.coordinates, &mut self.state().rng) {
            let claim = Claim { slope: claims[index], size: claims[index].abs().max(size) };
            let entry = self.probe_entry(placed.entry(index), placed.start + index, claim)?;
            self.state().report.add(entry);
        }
        self.state().report.note_blind(placed.block.name(), before);
        Ok(())
    }

    /// Enters a range, the block of this name or everything, and probes Gaussian directions through it.
    fn probe_directions(&mut self, block: Option<&'n str>, range: Range<usize>) -> Result<(), Self::Error> {
        self.enter(range.clone())?;
        for number in 0..self.state().check.directions {
            let entry = self.probe_direction(Probe::Direction { block, number }, range.clone())?;
            self.state().report.add(entry);
        }
        Ok(())
    }
}
