//! A check of the check: would it have noticed?

use core::fmt;

use num_traits::Float;

use super::check::{Check, PlacedBlock, scratch_len, take_scratch};
use super::entry::{Probe, Verdict};
use super::eval::Eval;
use super::failed::Failed;
use super::numeric::{as_f64, real, rms, roundoff};
use super::report::{Hint, Outcome, Report};
use crate::error::Error;

/// A mistake that a gradient may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// Everything times 1 + r, where r = ε^0.383: 1e-6 in f64, 2e-3 in f32. With a
    /// [tolerance](Check::tolerance) r is 16 times that, if this is more.
    ScaledUp,
    /// Everything times 1 - r.
    ScaledDown,
    /// Everything times -1.
    Sign,
    /// The largest entry is 0.
    Zeroed,
    /// The largest entry and the one that differs most from it have changed places.
    Swapped,
    /// Entries by turns too large and too small by r times the root mean square: the errors add up to 0.
    ZeroSum,
    /// Everything times 4: the sum over four examples instead of their mean.
    MissingMean,
    /// The first matrix among the blocks is stored column by column.
    Transposed,
}

/// All faults, in the order in which they are tried.
const FAULTS: [Fault; 8] = [
    Fault::ScaledUp,
    Fault::ScaledDown,
    Fault::Sign,
    Fault::Zeroed,
    Fault::Swapped,
    Fault::ZeroSum,
    Fault::MissingMean,
    Fault::Transposed,
];

/// The number of examples whose mean is forgotten.
const MISSING: usize = 4;

/// What became of an injected fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Catch {
    /// The check called the claims wrong, at entries that had been changed, and found there the slopes that had
    /// been claimed before.
    Caught,
    /// The check called the claims wrong, but not where or not as they had been changed.
    WrongReason,
    /// The check did not call the claims wrong.
    Missed,
    /// The fault would not change these claims: there is no matrix to transpose, say.
    NotApplicable,
}

/// What a self-test found. Its `Display` is the text to read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SelfTest<'a> {
    baseline: Report<'a>,
    catches: [(Fault, Catch); FAULTS.len()],
}

impl<'a> SelfTest<'a> {
    /// The check of the claims themselves.
    pub fn baseline(&self) -> &Report<'a> {
        &self.baseline
    }

    /// Each fault and what became of it.
    pub fn catches(&self) -> &[(Fault, Catch)] {
        &self.catches
    }

    /// Whether the claims themselves hold, each fault that applies was caught, and one did apply.
    pub fn is_ok(&self) -> bool {
        let ok = |catch: Catch| matches!(catch, Catch::Caught | Catch::NotApplicable);
        self.baseline.is_ok()
            && self.catches.iter().all(|&(_, catch)| ok(catch))
            && self.catches.iter().any(|&(_, catch)| catch == Catch::Caught)
    }

    /// The self-test, if it is passed, and otherwise an error with its text: for `?`.
    ///
    /// # Errors
    ///
    /// [`Failed`] if [`is_ok`](Self::is_ok) is false.
    ///
    /// # Example
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use handgrad::gradcheck::Check;
    ///
    /// let f = |x: &[f64]| x[0].exp() * x[1];
    /// let claims = [3.0 * 1f64.exp(), 1f64.exp()];
    /// Check::new(&[1.0, 3.0], &claims).self_test_alloc(f)?.ok()?;
    /// # Ok(())
    /// # }
    /// ```
    #[allow(clippy::result_large_err, reason = "a report needs no heap")]
    pub fn ok(self) -> Result<Self, Failed<Self>> {
        if self.is_ok() { Ok(self) } else { Err(Failed(self)) }
    }

    /// Panics with the text unless the self-test is [passed](Self::is_ok). For tests.
    ///
    /// # Panics
    ///
    /// If [`is_ok`](Self::is_ok) is false.
    #[track_caller]
    pub fn assert_ok(&self) {
        assert!(self.is_ok(), "{self}");
    }
}

impl fmt::Display for SelfTest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "self-test of the {}", self.baseline)?;
        for (fault, catch) in &self.catches {
            let catch = match catch {
                Catch::Caught => "caught",
                Catch::WrongReason => "CAUGHT FOR THE WRONG REASON",
                Catch::Missed => "MISSED",
                Catch::NotApplicable => "does not apply",
            };
            write!(f, "\n  {fault:?}: {catch}")?;
        }
        Ok(())
    }
}

/// The scratch that [`Check::self_test`] needs for a point of `n` entries: 3n.
pub const fn self_test_scratch_len(n: usize) -> usize {
    n + scratch_len(n)
}

impl<'a, 'n, T: Float> Check<'a, 'n, T> {
    /// Shows that this check has teeth: runs it on the claims as they are, which must hold, and then on the
    /// claims with one known [`Fault`] after the other, each of which must be caught, and for the right reason.
    ///
    /// The small faults (r = ε^0.383) are caught only where f can be resolved that well; that one is missed is
    /// an answer, too. Costs nine checks, or fewer if not all faults apply,
    /// and a budget of [evaluations](Self::evaluations) is for each of them. `scratch` as in [`run`](Self::run), of
    /// [`self_test_scratch_len`].
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    ///
    /// # Example
    ///
    /// ```
    /// # fn main() -> Result<(), handgrad::Error> {
    /// use handgrad::gradcheck::{Catch, Check, Fault, self_test_scratch_len};
    ///
    /// let f = |x: &[f64]| (x[0] * x[1]).exp() + x[2].sin();
    /// let x = [0.5, 1.0, 2.0];
    /// let g = [0.5f64.exp(), 0.5 * 0.5f64.exp(), 2f64.cos()];
    /// let test = Check::new(&x, &g).self_test(f, &mut [0.0; self_test_scratch_len(3)])?;
    /// test.assert_ok();
    /// assert!(test.catches().contains(&(Fault::ScaledUp, Catch::Caught)));
    /// assert!(test.catches().contains(&(Fault::Transposed, Catch::NotApplicable)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn self_test<F, V>(self, mut f: F, scratch: &mut [T]) -> Result<SelfTest<'n>, Error>
    where
        F: FnMut(&[T]) -> V,
        V: Into<Eval<T>>,
    {
        self.check_sizes()?;
        let n = self.x.len();
        let (claims, scratch) = take_scratch(scratch, self_test_scratch_len(n))?.split_at_mut(n);
        let baseline = self.run(&mut f, scratch)?;
        let mut catches = FAULTS.map(|fault| (fault, Catch::NotApplicable));
        for (fault, catch) in &mut catches {
            claims.copy_from_slice(self.claims);
            inject(*fault, claims, self.small_fault(), self.each_block());
            if claims.iter().zip(self.claims).any(|(faulty, claim)| faulty != claim) {
                let report = Check { claims: &*claims, ..self }.run(&mut f, scratch)?;
                *catch = judge(*fault, &report, claims, &self);
            }
        }
        Ok(SelfTest { baseline, catches })
    }

    /// r of the faults: small, but more than is accepted.
    fn small_fault(&self) -> T {
        roundoff::<T>().powf(real(0.383)).max(real(16.0 * self.tolerance))
    }
}

fn inject<'a, T: Float>(
    fault: Fault,
    claims: &mut [T],
    small: T,
    blocks: impl Iterator<Item = PlacedBlock<'a>>,
) {
    let size = rms(claims);
    let mut times = |factor: T| claims.iter_mut().for_each(|claim| *claim = *claim * factor);
    match fault {
        Fault::ScaledUp => times(T::one() + small),
        Fault::ScaledDown => times(T::one() - small),
        Fault::Sign => times(-T::one()),
        Fault::MissingMean => times(real(MISSING as f64)),
        Fault::Zeroed => claims[largest(claims, T::zero())] = T::zero(),
        Fault::Swapped => {
            let first = largest(claims, T::zero());
            claims.swap(first, largest(claims, claims[first]));
        }
        Fault::ZeroSum => {
            for pair in claims.chunks_exact_mut(2) {
                (pair[0], pair[1]) = (pair[0] + small * size, pair[1] - small * size);
            }
        }
        Fault::Transposed => {
            let is_wide = |placed: &PlacedBlock<'_>| placed.block.shape().0.min(placed.block.shape().1) > 1;
            if let Some(placed) = blocks.into_iter().find(is_wide) {
                let (rows, cols) = placed.block.shape();
                transpose(&mut claims[placed.range()], rows, cols);
            }
        }
    }
}

/// The index of the entry farthest from a value, the first one of several.
fn largest<T: Float>(claims: &[T], from: T) -> usize {
    let distance = |index: usize| (claims[index] - from).abs();
    (0..claims.len()).fold(0, |best, index| if distance(index) > distance(best) { index } else { best })
}

/// Stores a matrix that lies row by row column by column, in place: follows each cycle of the permutation once,
/// from its least index.
fn transpose<T: Copy>(matrix: &mut [T], rows: usize, cols: usize) {
    let to = |index: usize| index % cols * rows + index / cols;
    for first in 0..matrix.len() {
        let mut next = to(first);
        while next > first {
            next = to(next);
        }
        if next == first {
            let (mut next, mut held) = (to(first), matrix[first]);
            while next != first {
                core::mem::swap(&mut matrix[next], &mut held);
                next = to(next);
            }
            matrix[first] = held;
        }
    }
}

/// Whether the report tells of this fault: of `faulty` claims instead of those of the check.
fn judge<T: Float>(fault: Fault, report: &Report<'_>, faulty: &[T], check: &Check<'_, '_, T>) -> Catch {
    if report.outcome() != Outcome::Wrong {
        return Catch::Missed;
    }
    let explained = match fault {
        Fault::Sign => report.hint() == Some(Hint::Sign),
        Fault::MissingMean => report.hint() == Some(Hint::TooLarge(MISSING)),
        _ => true,
    };
    let found =
        report.worst().filter(|entry| entry.verdict != Verdict::Agree).all(|entry| match entry.probe {
            Probe::Entry { index, .. } if entry.verdict == Verdict::Disagree => {
                // Twice the error bar: the right claim need not be the middle of its own.
                let right = as_f64(check.claims[index]);
                let size = entry.reference().max(right.abs());
                let most = 2.0 * entry.error + check.tolerance * size;
                faulty[index].to_f64() != Some(right) && Float::abs(entry.slope - right) <= most
            }
            _ => entry.verdict >= Verdict::Disagree,
        });
    if explained && found { Catch::Caught } else { Catch::WrongReason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Block;

    const CLAIMS: [f64; 9] = [0.5, -2.0, 1.0, 3.0, -4.0, 0.25, 2.0, 1.5, -1.0];

    /// Neither a row nor a column can be transposed; the matrix between them can.
    fn injected(fault: Fault) -> [f64; 9] {
        let blocks = [Block::matrix("row", 1, 2), Block::matrix("W", 2, 3), Block::matrix("column", 1, 1)];
        let mut claims = CLAIMS;
        let placed = blocks.into_iter().zip([0, 2, 8]);
        let placed = placed.map(|(block, start)| PlacedBlock { block, start, outputs: None, places: 9 });
        inject(fault, &mut claims, f64::EPSILON.powf(0.383), placed);
        claims
    }

    #[test]
    fn faults_are_what_they_say() {
        let small = f64::EPSILON.powf(0.383);
        assert!((0.9e-6..1.1e-6).contains(&small));
        assert_eq!(injected(Fault::ScaledUp), CLAIMS.map(|claim| claim * (1.0 + small)));
        assert_eq!(injected(Fault::ScaledDown), CLAIMS.map(|claim| claim * (1.0 - small)));
        assert_eq!(injected(Fault::Sign), CLAIMS.map(|claim| -claim));
        assert_eq!(injected(Fault::MissingMean), CLAIMS.map(|claim| 4.0 * claim));
        assert_eq!(injected(Fault::Zeroed), [0.5, -2.0, 1.0, 3.0, 0.0, 0.25, 2.0, 1.5, -1.0]);
        assert_eq!(injected(Fault::Swapped), [0.5, -2.0, 1.0, -4.0, 3.0, 0.25, 2.0, 1.5, -1.0]);
        // 1 3 -4 / 0.25 2 1.5, column by column.
        assert_eq!(injected(Fault::Transposed), [0.5, -2.0, 1.0, 0.25, 3.0, 2.0, -4.0, 1.5, -1.0]);
        let shift = small * rms(&CLAIMS);
        for (index, (faulty, claim)) in injected(Fault::ZeroSum).into_iter().zip(CLAIMS).enumerate() {
            let expected = if index == 8 { 0.0 } else { shift * [1.0, -1.0][index % 2] };
            assert!((faulty - claim - expected).abs() < 1e-14, "{index}");
        }
    }

    /// What becomes of claims 2 for x, if the check's own claim is `right`, and its tolerance this.
    fn judged(fault: Fault, right: f64, tolerance: f64) -> Catch {
        let (x, own, faulty) = ([1.0], [right], [2.0]);
        let check = |claims| Check::new(&x, claims).tolerance(tolerance);
        let report = check(&faulty).run(|x: &[f64]| x[0], &mut [0.0; scratch_len(1)]).unwrap();
        judge(fault, &report, &faulty, &check(&own))
    }

    /// A slope that is not the right claim shows something else than the fault.
    #[test]
    fn a_fault_is_caught_where_the_slope_is_the_right_claim() {
        assert_eq!(judged(Fault::ScaledUp, 1.0, 0.0), Catch::Caught);
        assert_eq!(judged(Fault::ScaledUp, 1.001, 0.0), Catch::WrongReason);
        assert_eq!(judged(Fault::ScaledUp, 1.001, 0.01), Catch::Caught);
        assert_eq!(judged(Fault::ScaledUp, 1.1, 0.01), Catch::WrongReason);
    }

    /// These two have hints of their own: claims that are twice as large as they should be deserve neither.
    #[test]
    fn faults_with_a_hint_are_caught_by_it() {
        for fault in [Fault::Sign, Fault::MissingMean] {
            assert_eq!(judged(fault, 1.0, 0.0), Catch::WrongReason);
        }
    }

    #[test]
    fn of_several_entries_as_far_the_first_is_taken() {
        assert_eq!(largest(&[1.0, -3.0, 3.0], 0.0), 1);
        assert_eq!(largest(&[2.0; 3], 0.0), 0);
    }
}
