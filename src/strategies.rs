//! Random nets, examples and labels for property-based tests with [proptest], with the cases in which such code
//! breaks: kinks exactly at 0, ties, saturated probabilities, duplicates, sizes of 1, no examples. This crate's
//! own tests use them; they are public for tests of what embeds it.
//!
//! All numbers are dyadic, small integers over 16: they are exact in f32 and f64, sums of their products are
//! exact for small nets, and shrunk cases read well. Sizes are drawn before numbers, and a number depends on its
//! place and a seed alone: so shrinking takes away units, classes and examples and leaves the others what they
//! are. Then it switches off hard cases, and makes the numbers coarser, down to 0 and 1.
//!
//! ```
//! use handgrad::strategies::{dims, problems};
//! use proptest::prelude::*;
//!
//! proptest! {
//!     fn probabilities_add_up(problem in problems::<f64>(dims(5), 8)) {
//!         let (n, c) = (problem.labels.len(), problem.dims.classes());
//!         let mut p = vec![0.0; n * c];
//!         handgrad::Pass::new(problem.params().unwrap(), problem.batch().unwrap())
//!             .probabilities(handgrad::MatMut::new(&mut p, n, c).unwrap())
//!             .infer(&mut vec![0.0; problem.dims.scratch_len(n)])
//!             .unwrap();
//!         for p in p.chunks(c) {
//!             prop_assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-14);
//!         }
//!     }
//! }
//! probabilities_add_up();
//! ```
//!
//! # The same cases on every run
//!
//! proptest draws new cases each time and writes failing ones to files. In continuous integration a fixed seed and no
//! files make a run repeatable; new cases are then a matter of a scheduled job with another seed. The environment
//! variables PROPTEST_CASES, PROPTEST_RNG_SEED and PROPTEST_FAILURE_PERSISTENCE set the defaults.
//!
//! ```
//! use proptest::test_runner::{Config, RngSeed};
//!
//! let config = Config { rng_seed: RngSeed::Fixed(1), failure_persistence: None, cases: 500, ..Config::default() };
//! # assert_eq!(config.cases, 500);
//! ```
//!
//! In a `proptest!` block it stands first, as `#![proptest_config(config)]`.
//!
//! [proptest]: https://docs.rs/proptest

use core::fmt::Debug;

use num_traits::Float;
use proptest::prelude::*;

// Public names only: `tests/pass` compiles this file as well, as a part of its own crate.
use crate::{Batch, Dims, Error, MatRef, Params, derivation};

/// A net, its examples and their labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem<T> {
    /// m, h, C.
    pub dims: Dims,
    /// The parameters [W1, b1, W2, b2].
    pub theta: Vec<T>,
    /// The examples, n x m, row by row.
    pub x: Vec<T>,
    /// n classes.
    pub labels: Vec<usize>,
}

impl<T: Float> Problem<T> {
    /// The parameters as views.
    ///
    /// # Errors
    ///
    /// None, unless the fields were changed and do not fit together any more.
    pub fn params(&self) -> Result<Params<'_, T>, Error> {
        Params::from_flat(self.dims, &self.theta)
    }

    /// The examples with their labels.
    ///
    /// # Errors
    ///
    /// As [`params`](Self::params).
    pub fn batch(&self) -> Result<Batch<'_, T>, Error> {
        Batch::new(MatRef::new(&self.x, self.labels.len(), self.dims.inputs())?, &self.labels)
    }
}

/// Net sizes m, h, C from 1 to `max` each (at least 1): small ones more often than large ones, 1 in a quarter of the
/// cases or more.
pub fn dims(max: usize) -> impl Strategy<Value = Dims> {
    let size = || prop_oneof![1 => Just(1), 3 => log_uniform(max)];
    (size(), size(), size()).prop_filter_map("too large for memory", |(m, h, c)| Dims::new(m, h, c).ok())
}

/// Net sizes with at most `params` parameters (at least 4, those of the smallest net). Each order of magnitude of
/// their number is as likely as any other; C = 1, where the loss is always 0, is a tenth of the cases or more.
pub fn dims_within(params: usize) -> impl Strategy<Value = Dims> {
    let single = proptest::bool::weighted(0.1);
    (log_uniform(params), share(), share(), share(), single).prop_filter_map(
        "too large for memory",
        |(params, m, h, c, single)| {
            // hm, h, Ch, C: each at most a quarter, and with C = 2 instead of a smaller one still within.
            let quarter = params / 4;
            let h = log_size(quarter / 2, h);
            let least = if single || quarter < 2 { 1 } else { 2 };
            let c = if single { 1 } else { log_size(quarter / h, c).max(least) };
            Dims::new(log_size(quarter / h, m), h, c).ok()
        },
    )
}

/// 0 to 1, in steps: halved again and again on the way to 0, a number of any size would take a thousand steps to shrink.
fn share() -> impl Strategy<Value = f64> {
    const STEPS: u32 = 1 << 16;
    (0..STEPS).prop_map(|step| f64::from(step) / f64::from(STEPS))
}

/// 1 to `max`, each order of magnitude as likely as any other.
fn log_uniform(max: usize) -> impl Strategy<Value = usize> {
    share().prop_map(move |share| log_size(max, share))
}

/// The size up to `max` at this share of the way, in orders of magnitude.
fn log_size(max: usize, share: f64) -> usize {
    (Float::powf(max as f64 + 1.0, share) as usize).clamp(1, max.max(1))
}

/// The parameters [W1, b1, W2, b2] of a net: -2 to 2 in steps of 1/16, sometimes coarser ones, and
/// a quarter of them 0.
pub fn params<T: Float + Debug>(dims: Dims) -> impl Strategy<Value = Vec<T>> {
    numbers().prop_map(move |numbers| numbers.params(dims))
}

/// `n` examples for a net, row by row: numbers as in [`params`].
pub fn inputs<T: Float + Debug>(dims: Dims, n: usize) -> impl Strategy<Value = Vec<T>> {
    numbers().prop_map(move |numbers| numbers.matrix(X, n, dims.inputs()))
}

/// `n` labels for a net; in some cases only of the first few classes.
pub fn labels(dims: Dims, n: usize) -> impl Strategy<Value = Vec<usize>> {
    numbers().prop_map(move |numbers| numbers.labels(dims, n))
}

/// Where all numbers of a case come from.
#[derive(Clone, Copy, Debug)]
struct Numbers {
    seed: u64,
    /// Binary digits behind the point: 4, sometimes fewer. The coarsest numbers are 0 and 1.
    digits: Option<i32>,
    /// The share of the classes that have labels.
    labelled: f64,
}

fn numbers() -> impl Strategy<Value = Numbers> {
    // Shrunk to the ones before.
    let digits = prop_oneof![1 => Just(None), 1 => Just(Some(0)), 1 => Just(Some(2)), 7 => Just(Some(4))];
    let labelled = prop_oneof![1 => share(), 4 => Just(1.0)];
    (digits, labelled, any::<u64>().no_shrink()).prop_map(|(digits, labelled, seed)| Numbers {
        seed,
        digits,
        labelled,
    })
}

/// What a number belongs to, so that no two have the same place.
const W1: u64 = 1;
const B1: u64 = 2;
const W2: u64 = 3;
const B2: u64 = 4;
const X: u64 = 5;
const LABELS: u64 = 6;

impl Numbers {
    /// 64 random bits for a place.
    fn bits(self, block: u64, row: usize, col: usize) -> u64 {
        [block, row as u64, col as u64].into_iter().fold(self.seed, |bits, word| {
            // The mixing function of SplitMix64.
            let z = (bits ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        })
    }

    fn number<T: Float>(self, block: u64, row: usize, col: usize) -> T {
        let bits = self.bits(block, row, col);
        if bits % 4 == 0 {
            return T::zero();
        }
        let sixteenths = ((bits >> 8) % 65) as f64 - 32.0;
        let unit = |digits| Float::powi(2.0, digits);
        dyadic(
            self.digits.map_or(1.0, |digits| Float::trunc(sixteenths / 16.0 * unit(digits)) / unit(digits)),
        )
    }

    fn matrix<T: Float>(self, block: u64, rows: usize, cols: usize) -> Vec<T> {
        (0..rows).flat_map(|row| (0..cols).map(move |col| self.number(block, row, col))).collect()
    }

    fn params<T: Float>(self, dims: Dims) -> Vec<T> {
        let (m, h, c) = (dims.inputs(), dims.hidden(), dims.classes());
        [self.matrix(W1, h, m), self.matrix(B1, h, 1), self.matrix(W2, c, h), self.matrix(B2, c, 1)].concat()
    }

    fn labels(self, dims: Dims, n: usize) -> Vec<usize> {
        let classes = (self.labelled * dims.classes() as f64) as u64;
        (0..n).map(|example| (self.bits(LABELS, example, 0) % classes.max(1)) as usize).collect()
    }
}

/// The number in T. Every Float has the small dyadic ones.
fn dyadic<T: Float>(value: f64) -> T {
    T::from(value).unwrap_or_else(T::nan)
}

/// Whole problems: nets of sizes from `dims`, 1 to `max_examples` examples, and in 3 % of the cases none. Each of these
/// hard cases is in a fifth of them, whatever else is:
///
/// - a pre-activation is exactly 0: b1 of a unit is minus its row of W1 times an example;
/// - a hidden unit is dead at the kink: its row of W1 and its b1 are 0;
/// - two classes always tie: the same row of W2, the same b2;
/// - scores are huge: W2 and b2 times 2^5 or 2^9, so that probabilities are exactly or nearly 0 and 1;
/// - an example is there twice, or all are the same;
/// - all labels are the same;
/// - all labels are the class of the least score;
/// - an input is 0 in all examples.
pub fn problems<T: Float + Debug>(
    dims: impl Strategy<Value = Dims>,
    max_examples: usize,
) -> impl Strategy<Value = Problem<T>> {
    (dims, 1..=max_examples.max(1), hard_cases(), numbers()).prop_map(|(dims, n, hard, numbers)| {
        let n = if hard.empty { 0 } else { n };
        let (theta, x) = (numbers.params(dims), numbers.matrix(X, n, dims.inputs()));
        let mut problem = Problem { dims, theta, x, labels: numbers.labels(dims, n) };
        hard.apply(&mut problem);
        problem
    })
}

/// Which hard cases are on, and numbers from which the places are taken.
#[derive(Clone, Debug)]
struct Hard {
    kink: bool,
    dead: bool,
    tie: bool,
    scale: i32,
    twice: bool,
    all_alike: bool,
    one_label: bool,
    least: bool,
    blank: bool,
    empty: bool,
    places: [usize; 2],
}

fn hard_cases() -> impl Strategy<Value = Hard> {
    let on = || proptest::bool::weighted(0.2);
    let scale = prop_oneof![8 => Just(0), 1 => Just(5), 1 => Just(9)];
    let rare = |share| proptest::bool::weighted(share);
    let bools = (on(), on(), on(), on(), on(), on(), on(), rare(0.1), rare(0.03));
    (bools, scale, [0usize..1000, 0..1000]).prop_map(
        |((kink, dead, tie, twice, one_label, least, blank, all_alike, empty), scale, places)| Hard {
            kink,
            dead,
            tie,
            scale,
            twice,
            all_alike,
            one_label,
            least,
            blank,
            empty,
            places,
        },
    )
}

impl Hard {
    fn apply<T: Float>(&self, problem: &mut Problem<T>) {
        let (m, h) = (problem.dims.inputs(), problem.dims.hidden());
        let (n, c) = (problem.labels.len(), problem.dims.classes());
        let [one, other] = self.places;
        if self.blank {
            problem.x.iter_mut().skip(one % m).step_by(m).for_each(|x| *x = T::zero());
        }
        if (self.all_alike || self.twice) && n > 0 {
            let copies = if self.all_alike { 0..n } else { other % n..other % n + 1 };
            let from = one % n;
            for copy in copies {
                problem.x.copy_within(from * m..(from + 1) * m, copy * m);
            }
        }
        let [w1, b1, w2, _] = problem.dims.block_lens();
        let (w1, rest) = problem.theta.split_at_mut(w1);
        let (b1, rest) = rest.split_at_mut(b1);
        let (w2, b2) = rest.split_at_mut(w2);
        if self.dead {
            w1[one % h * m..(one % h + 1) * m].fill(T::zero());
            b1[one % h] = T::zero();
        }
        if self.kink && n > 0 {
            let (unit, example) = (other % h, one % n);
            let (row, x) = (&w1[unit * m..(unit + 1) * m], &problem.x[example * m..(example + 1) * m]);
            b1[unit] = -row.iter().zip(x).fold(T::zero(), |sum, (&w, &x)| sum + w * x);
        }
        if self.tie {
            w2.copy_within(one % c * h..(one % c + 1) * h, other % c * h);
            b2[other % c] = b2[one % c];
        }
        let factor = dyadic::<T>(2.0).powi(self.scale);
        w2.iter_mut().chain(b2).for_each(|w| *w = *w * factor);
        if self.one_label {
            problem.labels.fill(one % c);
        }
        if self.least {
            problem.labels = (0..n).map(|example| least_class(problem, example).unwrap_or(0)).collect();
        }
    }
}

/// The class of the least score of an example, by the formulas (1) to (3).
fn least_class<T: Float>(problem: &Problem<T>, example: usize) -> Result<usize, Error> {
    let (m, params) = (problem.dims.inputs(), problem.params()?);
    let mut z = vec![T::zero(); problem.dims.hidden()];
    let (mut a, mut f) = (z.clone(), vec![T::zero(); problem.dims.classes()]);
    let x = &problem.x[example * m..(example + 1) * m];
    derivation::preactivations(params.w1().as_slice(), params.b1(), x, &mut z)?;
    derivation::activations(&z, &mut a)?;
    derivation::scores(params.w2().as_slice(), params.b2(), &a, &mut f)?;
    Ok((0..f.len()).fold(0, |least, class| if f[class] < f[least] { class } else { least }))
}
