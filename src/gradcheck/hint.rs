//! What the wrong entries of a report look like.

use num_traits::Float;

use super::check::Check;
use super::entry::{Entry, Probe, Verdict};
use super::report::{Hint, Report};

/// Two slopes count as the same if they differ by no more than this, relatively: fine enough not to take one
/// factor for another, coarse enough for small slopes that are not known well.
const SAME: f64 = 1e-3;

fn same(entry: &Entry<'_>, value: f64) -> bool {
    Float::abs(entry.slope - value) <= entry.error + SAME * Float::abs(entry.slope)
}

/// Whether all entries so far fit claims that are conjugated: the imaginary parts have the opposite sign.
#[derive(Clone, Copy, Default)]
pub(super) struct Conjugation {
    /// One did not.
    broken: bool,
    /// So many imaginary parts that fit are wrong, and so many real parts right, where the sign can be told.
    wrong: usize,
    right: usize,
}

impl Conjugation {
    pub(super) fn note(&mut self, entry: &Entry<'_>) {
        let Probe::Entry { block, row, col, .. } = entry.probe else { return };
        let told = Float::abs(entry.claimed) > entry.error;
        if is_imaginary(block, col.unwrap_or(row)) {
            self.broken |= !same(entry, -entry.claimed);
            self.wrong += usize::from(told && entry.verdict == Verdict::Disagree);
        } else {
            self.broken |= entry.verdict == Verdict::Disagree;
            self.right += usize::from(told && entry.verdict == Verdict::Agree);
        }
    }

    /// One wrong entry alone is no pattern.
    fn fits(&self) -> bool {
        !self.broken && self.wrong > 1 && self.right > 0
    }
}

/// Whether an entry is an imaginary part: those of a block that is named so; otherwise, unless the block is named
/// as real parts, every second one.
fn is_imaginary(block: &str, index: usize) -> bool {
    let last = block.rsplit(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    let is_named = |names: &[&str]| names.iter().any(|name| last.eq_ignore_ascii_case(name));
    is_named(&["im", "imag", "imaginary"]) || (!is_named(&["re", "real"]) && index % 2 == 1)
}

/// The explanation of all entries that are listed as wrong, if there is one.
pub(super) fn explain<T: Float>(
    report: &Report<'_>,
    check: &Check<'_, '_, T>,
    conjugation: Conjugation,
) -> Option<Hint> {
    let is_wrong =
        |entry: &&Entry<'_>| entry.verdict == Verdict::Disagree && matches!(entry.probe, Probe::Entry { .. });
    let all = |test: &dyn Fn(&Entry<'_>) -> bool| report.worst().filter(is_wrong).all(test);
    let first = report.worst().find(is_wrong)?;
    if all(&|entry| entry.claimed == 0.0) {
        return Some(Hint::Zero);
    }
    let times = |factor: f64| all(&|entry| same(entry, factor * entry.claimed));
    if times(-1.0) {
        return Some(if conjugation.fits() { Hint::Conjugated } else { Hint::Sign });
    }
    let factor = first.slope / first.claimed;
    let whole = Float::round(factor.max(1.0 / factor));
    if (2.0..1e9).contains(&whole) {
        if times(whole) {
            return Some(Hint::TooSmall(whole as usize));
        }
        if times(1.0 / whole) {
            return Some(Hint::TooLarge(whole as usize));
        }
    }
    // What moved in from beyond the edge is not there to compare with.
    let moved = |to: Move| {
        let there =
            || report.worst().filter(is_wrong).filter_map(|entry| Some((entry, claim_at(check, entry, to)?)));
        there().count() > 1 && there().all(|(entry, claim)| same(entry, claim))
    };
    if moved(|(rows, _), row, col| Some(col * rows + row)) {
        Some(Hint::Transposed)
    } else if moved(|(rows, cols), row, col| (row + 1 < rows).then_some((row + 1) * cols + col)) {
        Some(Hint::Row(1))
    } else if moved(|(_, cols), row, col| Some(row.checked_sub(1)? * cols + col)) {
        Some(Hint::Row(-1))
    } else {
        None
    }
}

/// From the shape of a block, a row and a column to another index in the block.
type Move = fn((usize, usize), usize, usize) -> Option<usize>;

/// The claim at the place in the same block that `to` gives for an entry; of a Jacobian, in all of it.
fn claim_at<T: Float>(check: &Check<'_, '_, T>, entry: &Entry<'_>, to: Move) -> Option<f64> {
    let Probe::Entry { output, index, row, col, .. } = entry.probe else { return None };
    let at = |start: usize, shape, row, col| check.claims.get(start + to(shape, row, col)?)?.to_f64();
    if let Some(output) = output {
        return at(0, (check.outputs?, check.places()), output, index);
    }
    let placed = check.each_block().find(|placed| placed.range().contains(&index))?;
    at(placed.start, placed.block.shape(), row, col.unwrap_or(0))
}
