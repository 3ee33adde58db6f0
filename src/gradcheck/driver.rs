//! The procedure of every check: what is probed and in which order, what is counted, what is noted.

use core::ops::Range;

use num_traits::Float;

use super::check::{Check, PlacedBlock};
use super::entry::{Entry, Found, Probe, Verdict};
use super::hint::{Conjugation, explain};
use super::numeric::{Claim, roundoff};
use super::random::{Rng, entries};
use super::report::{Counts, Report};
use super::verdict::Limits;

/// The share of a budget of evaluations that measuring noise may take: one part of so many.
const NOISE_SHARE: usize = 4;

/// A check of a function under way, whatever its slopes are measured by. `F` is a reference to the caller's function, or two, with
/// dynamic dispatch: the procedure is long, and would be compiled again for each closure.
pub(super) struct State<'s, 'n, T, F> {
    pub(super) check: Check<'s, 'n, T>,
    pub(super) limits: Limits<T>,
    pub(super) rng: Rng,
    function: F,
    report: Report<'n>,
    /// The number of evaluations that must not be exceeded just now.
    cap: usize,
    /// It would have been, so something was left undone.
    refused: bool,
    /// A direction through everything agreed. One that finds a kink leaves room for errors as large as that.
    covered: bool,
    /// Where the slopes of all entries go, and their error bars.
    slopes: Option<Slopes<'s, T>>,
    conjugation: Conjugation,
}

/// The caller's slices for slopes and, if wanted, their errors.
pub(super) struct Slopes<'s, T> {
    pub(super) slopes: &'s mut [T],
    pub(super) errors: Option<&'s mut [T]>,
}

impl<T: Float> Slopes<'_, T> {
    pub(super) fn set(&mut self, index: usize, slope: T, error: T) {
        self.slopes[index] = slope;
        if let Some(errors) = &mut self.errors {
            errors[index] = error;
        }
    }
}

impl<'s, 'n, T: Float, F> State<'s, 'n, T, F> {
    pub(super) fn new(check: Check<'s, 'n, T>, influence: T, function: F) -> Self {
        let (required, tolerance) = (check.required(), check.relative_tolerance());
        let limits =
            Limits { influence, required, epsilon: roundoff(), tolerance, measures: false, sure: true };
        Self {
            check,
            limits,
            rng: Rng::new(check.seed),
            function,
            report: Report::new(&check),
            cap: check.most(),
            refused: false,
            covered: false,
            slopes: None,
            conjugation: Conjugation::default(),
        }
    }

    /// With slices for the slopes of all entries these are measured for the caller, who claims nothing.
    pub(super) fn with_slopes(mut self, slopes: Option<Slopes<'s, T>>) -> Self {
        self.limits.measures = slopes.is_some();
        self.report.measures = slopes.is_some();
        self.slopes = slopes;
        self
    }

    /// The function, to be called once: it counts as an evaluation. `None` if no more may be made.
    pub(super) fn function(&mut self) -> Option<&mut F> {
        if self.report.evaluations >= self.cap {
            self.refused = true;
            return None;
        }
        self.report.evaluations += 1;
        Some(&mut self.function)
    }

    /// Keeps so many evaluations of the budget for later.
    fn keep_back(&mut self, evaluations: usize) {
        self.cap = self.check.most().saturating_sub(evaluations);
    }

    /// Whether a probe of about this cost may be started; the first one in any case. One that may not is left out.
    fn may_start(&mut self, cost: usize) -> bool {
        let suffices = self.cap.saturating_sub(self.report.evaluations) >= cost;
        let may = suffices || self.report.counts().conclusive() == 0;
        self.report.left_out += usize::from(!may);
        may
    }

    /// Keeps back all but the share of the budget that measuring noise may take, four evaluations at least.
    fn keep_for_noise(&mut self) {
        let most = self.check.most();
        self.keep_back(1);
        self.cap = self.cap.min((most / NOISE_SHARE).max(4).saturating_add(self.report.evaluations));
    }

    /// Notes a value of the point or of the function there, if it is NaN or infinite.
    pub(super) fn note_value(&mut self, value: T) {
        if !value.is_finite() {
            self.report.add(Entry::of_value(Probe::Point, Verdict::NonFinite, value, value));
        }
    }

    /// Notes each value that is NaN or infinite, of x or of the claims, in terms of the blocks.
    pub(super) fn note_values(&mut self, values: &[T]) {
        let outputs = self.check.outputs.filter(|_| values.len() == self.check.claims.len());
        let blocks = Check { claims: values, outputs, ..self.check }.each_block();
        for placed in blocks {
            for number in 0..placed.len() {
                let value = values[placed.index(number)];
                if !value.is_finite() {
                    self.report.add(Entry::of_value(placed.entry(number), Verdict::NonFinite, value, value));
                }
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

    /// Takes what a probe found. Of one that was cut off before it found anything only that it was left out, unless
    /// it is the only thing to report.
    fn add(&mut self, found: Found<'n, T>) {
        let nothing = found.cut && found.entry.verdict == Verdict::Unresolved;
        if nothing && self.report.counts() != Counts::default() {
            self.report.left_out += 1;
        } else {
            self.report.add(found.entry);
        }
    }
}

/// The procedure. Each way to measure slopes implements what comes before `run`, and `run` makes all probes with it.
pub(super) trait Driver<'s, 'n: 's, T: Float + 's, F>: Sized {
    /// What the function may fail with.
    type Error;

    /// So many evaluations a probe takes when it agrees.
    const PROBE: usize;

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

    /// Prepares for probes in a range of the blocks' places: everything or one block.
    fn enter(&mut self, _range: Range<usize>) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Probes the entry whose claim has this index.
    fn probe_entry(
        &mut self,
        probe: Probe<'n>,
        index: usize,
        claim: Claim<T>,
    ) -> Result<Found<'n, T>, Self::Error>;

    /// Probes a new Gaussian direction through the range that was entered.
    fn probe_direction(&mut self, probe: Probe<'n>, range: Range<usize>)
    -> Result<Found<'n, T>, Self::Error>;

    /// Makes all probes that the budget allows: directions through everything, then block by block directions
    /// through it and its entries, but no entries at the expense of directions through other blocks.
    fn run(mut self) -> Result<Report<'n>, Self::Error> {
        let check = self.state().check;
        self.start()?;
        self.state().note_values(check.claims);
        if self.state().is_sound() {
            self.repeat()?;
        }
        if self.state().is_sound() {
            self.state().keep_for_noise();
            self.measure_noise()?;
            self.state().limits.sure = !self.state().refused;
            self.state().keep_back(1);
            let blocks = check.each_block().count();
            if blocks > 1 {
                self.probe_directions(None, 0..check.places())?;
                self.state().covered = self.state().report.counts().agree > 0;
            }
            for (number, placed) in check.each_block().enumerate() {
                self.probe_block(placed, (blocks - number - 1) * check.directions * Self::PROBE)?;
            }
            self.state().keep_back(0);
            self.repeat()?;
        }
        let conjugation = self.state().conjugation;
        let mut report = self.state().report;
        report.hint = explain(&report, &check, conjugation);
        Ok(report)
    }

    /// All probes of one block: directions through it, and its entries, all or a sample. The entries leave so many
    /// evaluations for others.
    fn probe_block(&mut self, placed: PlacedBlock<'n>, for_others: usize) -> Result<(), Self::Error> {
        let check = self.state().check;
        let (before, left_out) = (self.state().report.counts().conclusive(), self.state().report.left_out);
        self.probe_directions(Some(placed.block.name()), placed.range())?;
        self.state().keep_back(1 + for_others);
        let (claim, size) = (|number| check.claims[placed.index(number)], placed.rms(check.claims));
        for number in entries(placed.len(), claim, check.coordinates, &mut self.state().rng) {
            if !self.state().may_start(Self::PROBE) {
                continue;
            }
            let slope = claim(number);
            let claim = Claim { slope, size: slope.abs().max(size) };
            let found = self.probe_entry(placed.entry(number), placed.index(number), claim)?;
            let state = self.state();
            if let Some(slopes) = &mut state.slopes {
                slopes.set(placed.index(number), found.slope, found.error);
            }
            state.conjugation.note(&found.entry);
            state.add(found);
        }
        self.state().keep_back(1);
        // Directions through everything have seen what the budget did not reach.
        if !(self.state().covered && self.state().report.left_out > left_out) {
            self.state().report.note_blind(placed.block.name(), before);
        }
        Ok(())
    }

    /// Enters a range, the block of this name or everything, and probes Gaussian directions through it.
    fn probe_directions(&mut self, block: Option<&'n str>, range: Range<usize>) -> Result<(), Self::Error> {
        self.enter(range.clone())?;
        for number in 0..self.state().check.directions {
            if self.state().may_start(Self::PROBE) {
                let found = self.probe_direction(Probe::Direction { block, number }, range.clone())?;
                self.state().add(found);
            }
        }
        Ok(())
    }
}
