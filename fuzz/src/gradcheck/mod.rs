//! The checker: of right slopes of smooth functions it never says that they are wrong, of grossly wrong ones never that they
//! hold; whatever it gets, it ends, after so many evaluations at most, and does not panic.

mod function;

use std::fmt::Debug;

use handgrad::gradcheck::{
    Block, Check, Dual, Eval, Outcome, Probe, Report, Verdict, jvp_scratch_len, scratch_len,
    self_test_scratch_len, slopes_scratch_len,
};
use num_traits::Float;

use crate::bytes::Bytes;
use crate::element::Element;
use crate::values;
use function::{Function, ROUGH};

pub fn gradcheck(bytes: &[u8]) {
    let mut bytes = Bytes::new(bytes);
    if bytes.one_in(3) { with::<f32>(&mut bytes) } else { with::<f64>(&mut bytes) }
}

fn with<T: Element>(bytes: &mut Bytes) {
    match bytes.below(18) {
        0..4 => smooth::<T>(bytes, false),
        4..7 => smooth::<T>(bytes, true),
        7..9 => fields::<T>(bytes),
        9 | 10 => duals::<T>(bytes),
        11 => self_test::<T>(bytes),
        12 => refused::<T>(bytes),
        16 | 17 => slopes::<T>(bytes),
        _ => rough::<T>(bytes),
    }
}

/// How a check is set up.
#[derive(Debug)]
struct Setup {
    rows: usize,
    cols: usize,
    blocks: usize,
    seed: u64,
    coordinates: Option<usize>,
    directions: Option<usize>,
    require: Option<f64>,
    tolerance: Option<f64>,
    evaluations: Option<usize>,
}

impl Setup {
    fn new(bytes: &mut Bytes) -> Self {
        let (rows, cols) = (1 + bytes.below(4), 1 + bytes.below(6));
        let [blocks, settings] = [(); 2].map(|()| bytes.byte());
        Self {
            rows,
            cols,
            blocks: usize::from(blocks % 3),
            seed: bytes.seed(),
            coordinates: (settings & 3 == 3).then(|| bytes.below(40)),
            directions: (settings & 12 == 12).then(|| bytes.below(9)),
            require: (settings & 48 == 48).then(|| bytes.pick(&[0.0, 1e-12, 1e-3, 1.0, f64::INFINITY])),
            tolerance: (settings & 65 == 65).then(|| bytes.pick(&[0.0, 1e-12, 1e-6, 1e-3])),
            evaluations: (settings & 130 == 130).then(|| 1 + bytes.below(256) * (1 + bytes.below(4))),
        }
    }

    fn len(&self) -> usize {
        self.rows * self.cols
    }

    /// None, or one matrix, or the matrix with a vector in front of it; of all entries.
    fn blocks(&self) -> Vec<Block<'static>> {
        match self.blocks {
            0 => Vec::new(),
            1 => vec![Block::matrix("W", self.rows, self.cols)],
            _ if self.rows == 1 => vec![Block::vector("b", self.cols)],
            _ => vec![Block::vector("b", self.cols), Block::matrix("W", self.rows - 1, self.cols)],
        }
    }

    fn check<'a, 'n, T: Float>(
        &self,
        x: &'a [T],
        claims: &'a [T],
        blocks: &'a [Block<'n>],
    ) -> Check<'a, 'n, T> {
        let check = Check::new(x, claims).seed(self.seed);
        let check = if blocks.is_empty() { check } else { check.blocks(blocks) };
        let check = self.coordinates.into_iter().fold(check, Check::coordinates);
        let check = self.directions.into_iter().fold(check, Check::directions);
        let check = self.require.into_iter().fold(check, Check::require);
        let check = self.tolerance.into_iter().fold(check, Check::tolerance);
        self.evaluations.into_iter().fold(check, Check::evaluations)
    }

    /// No check evaluates its function more often. A probe takes 2 · 128 in f64, a step being halved down to 2^-130, and as many
    /// once more after 86 that look for a jump; noise takes 40 to 500. One of the probes is followed by a search along six lines
    /// of 86 each, and may be made again.
    fn most_evaluations(&self, outputs: usize) -> usize {
        let ranges = 2 + self.blocks;
        let probes = outputs + ranges * self.directions.unwrap_or(3) + 1;
        self.evaluations.unwrap_or(usize::MAX).min(probes * 600 + ranges * 150 + 500 + 6 * 86)
    }

    /// Whether no setting keeps entries from being probed to the end.
    fn sees_all(&self) -> bool {
        self.coordinates.is_none() && self.require.is_none() && self.evaluations.is_none()
    }
}

/// Whatever was found can be read.
#[track_caller]
fn readable(report: &Report<'_>, counted: Option<usize>, most: usize, case: &dyn Debug) {
    assert!(!report.to_string().is_empty() && !format!("{report:?}").is_empty());
    let evaluations = report.evaluations();
    assert!(evaluations <= most, "{case:?}: {evaluations} evaluations, at most {most}");
    if let Some(counted) = counted {
        assert_eq!(evaluations, counted, "{case:?}: evaluations");
    }
    assert!(report.worst().count() <= handgrad::gradcheck::LISTED);
    assert_eq!(report.is_ok(), report.outcome() == Outcome::Holds);
}

/// A point of ordinary numbers, as T has them, of this scale.
fn point<T: Element>(bytes: &mut Bytes, n: usize, scale: f64) -> Vec<T> {
    let mut rng = fastrand::Rng::with_seed(bytes.seed());
    (0..n).map(|_| T::of(scale * (f64::from(rng.i32(-32..33)) / 16.0 + 1.0 / 64.0))).collect()
}

fn scale(bytes: &mut Bytes) -> f64 {
    bytes.pick(&[1.0, 1.0, 1.0, 1024.0, 1.0 / 1024.0, 1e6])
}

fn of_f64<T: Element>(values: &[f64]) -> Vec<T> {
    values.iter().map(|&value| T::of(value)).collect()
}

fn to_f64<T: Element>(values: &[T]) -> Vec<f64> {
    values.iter().map(|value| value.value()).collect()
}

/// A smooth function with its slopes, or a polynomial with some of the opposite sign.
fn smooth<T: Element>(bytes: &mut Bytes, is_wrong: bool) {
    let (setup, scale) = (Setup::new(bytes), scale(bytes));
    let f = Function::new(bytes, setup.len(), scale, is_wrong);
    let x = point::<T>(bytes, f.n, scale);
    let right = f.gradient(&to_f64(&x));
    let mut claims = of_f64::<T>(&right);
    let largest = right.iter().fold(0.0, |largest: f64, slope| largest.max(slope.abs()));
    let flipped: Vec<usize> = (0..f.n).filter(|&i| is_wrong && right[i].abs() > 0.25 * largest).collect();
    let all = bytes.one_in(2);
    let flipped = if all || flipped.is_empty() { flipped } else { vec![flipped[bytes.below(flipped.len())]] };
    flipped.iter().for_each(|&i| claims[i] = -claims[i]);
    let (blocks, mut count) = (setup.blocks(), 0);
    let counting = |x: &[T]| {
        count += 1;
        f.value(x)
    };
    let report =
        setup.check(&x, &claims, &blocks).run(counting, &mut vec![T::nan(); scratch_len(f.n)]).unwrap();
    let case = (T::NAME, &setup, &f, &x, report.to_string());
    readable(&report, Some(count), setup.most_evaluations(f.n), &case);
    if flipped.is_empty() {
        assert_ne!(report.outcome(), Outcome::Wrong, "the right slopes: {case:?}");
        return;
    }
    for entry in report.worst() {
        if let Probe::Entry { index, .. } = entry.probe {
            let agrees = flipped.contains(&index) && entry.verdict == Verdict::Agree;
            assert!(!agrees, "{index} of {flipped:?} agrees: {case:?}");
        }
    }
    if setup.sees_all() {
        assert_eq!(report.outcome(), Outcome::Wrong, "{flipped:?} have the other sign: {case:?}");
    }
}

/// A vector field of smooth functions, J v or something of the opposite sign.
fn fields<T: Element>(bytes: &mut Bytes) {
    let (setup, scale, n) = (Setup::new(bytes), scale(bytes), 1 + bytes.below(5));
    let fs: Vec<Function> = (0..setup.len()).map(|_| Function::new(bytes, n, scale, false)).collect();
    let (x, v) = (point::<T>(bytes, n, scale), point::<T>(bytes, n, 1.0));
    let along = |f: &Function| -> f64 {
        f.gradient(&to_f64(&x)).iter().zip(&v).map(|(slope, v)| slope * v.value()).sum()
    };
    let right: Vec<f64> = fs.iter().map(along).collect();
    let claims = of_f64::<T>(&right);
    let (blocks, mut count) = (setup.blocks(), 0);
    let field = |x: &[T], out: &mut [T]| {
        count += 1;
        out.iter_mut().zip(&fs).for_each(|(out, f)| *out = f.value(x));
    };
    let mut scratch = vec![T::nan(); jvp_scratch_len(n, fs.len())];
    let report = setup.check(&x, &claims, &blocks).run_jvp(field, &v, &mut scratch).unwrap();
    let case = (T::NAME, &setup, &fs, &x, &v, report.to_string());
    readable(&report, Some(count), setup.most_evaluations(fs.len()), &case);
    assert_ne!(report.outcome(), Outcome::Wrong, "the right slopes: {case:?}");
}

/// The slopes by dual numbers: right ones, and all of the opposite sign.
fn duals<T: Element>(bytes: &mut Bytes) {
    let (setup, scale) = (Setup::new(bytes), scale(bytes));
    let f = Function::new(bytes, setup.len(), scale, false);
    let x = point::<T>(bytes, f.n, scale);
    let right = f.gradient(&to_f64(&x));
    let blocks = setup.blocks();
    for sign in [1.0, -1.0] {
        let claims: Vec<T> = right.iter().map(|slope| T::of(sign * slope)).collect();
        let mut count = 0;
        let counting = |x: &[Dual<T>]| {
            count += 1;
            f.value(x)
        };
        let mut scratch = vec![Dual::constant(T::nan()); scratch_len(f.n)];
        let report = setup.check(&x, &claims, &blocks).run_dual(counting, &mut scratch).unwrap();
        let case = (T::NAME, &setup, &f, &x, report.to_string());
        readable(&report, Some(count), setup.most_evaluations(f.n), &case);
        let is_large = right.iter().all(|slope| slope.abs() > 1e-3 / scale);
        if sign > 0.0 {
            assert_ne!(report.outcome(), Outcome::Wrong, "the right slopes: {case:?}");
        } else if is_large && setup.sees_all() {
            assert_eq!(report.outcome(), Outcome::Wrong, "the opposite slopes: {case:?}");
        }
    }
}

/// The slopes of a smooth function, measured: each lies within its error bar, or is said to be unknown.
fn slopes<T: Element>(bytes: &mut Bytes) {
    let (setup, scale) = (Setup::new(bytes), scale(bytes));
    let f = Function::new(bytes, setup.len(), scale, false);
    let x = point::<T>(bytes, f.n, scale);
    let right = f.gradient(&to_f64(&x));
    let largest = right.iter().fold(0.0, |largest: f64, slope| largest.max(slope.abs()));
    let (blocks, mut count) = (setup.blocks(), 0);
    let counting = |x: &[T]| {
        count += 1;
        f.value(x)
    };
    let (mut found, mut errors) = (vec![T::zero(); f.n], vec![T::nan(); f.n]);
    let mut scratch = vec![T::nan(); slopes_scratch_len(f.n)];
    let check = setup.check(&x, &[], &blocks);
    let report = check.slopes(counting, &mut found, Some(&mut errors), &mut scratch).unwrap();
    let case = (T::NAME, &setup, &f, &x, report.to_string());
    readable(&report, Some(count), setup.most_evaluations(f.n), &case);
    for (index, &right) in right.iter().enumerate() {
        let (slope, error) = (found[index].value(), errors[index].value());
        // What is right has its own rounding.
        let is_within = (slope - right).abs() <= error + 1e-13 * largest;
        assert!(is_within || error == f64::INFINITY, "{index}: {slope} ± {error}, not {right}: {case:?}");
    }
}

fn self_test<T: Element>(bytes: &mut Bytes) {
    let setup = Setup::new(bytes);
    let f = Function::new(bytes, setup.len(), 1.0, false);
    let x = point::<T>(bytes, f.n, 1.0);
    let claims = of_f64::<T>(&f.gradient(&to_f64(&x)));
    let (blocks, mut count) = (setup.blocks(), 0);
    let counting = |x: &[T]| {
        count += 1;
        f.value(x)
    };
    let mut scratch = vec![T::nan(); self_test_scratch_len(f.n)];
    let test = setup.check(&x, &claims, &blocks).self_test(counting, &mut scratch).unwrap();
    let case = (T::NAME, &setup, &f, &x, test.to_string());
    readable(test.baseline(), None, setup.most_evaluations(f.n), &case);
    assert!(count <= 9 * setup.most_evaluations(f.n), "{count} evaluations: {case:?}");
    assert_ne!(test.baseline().outcome(), Outcome::Wrong, "the right slopes: {case:?}");
}

/// Anything: nothing is promised of what it says.
fn rough<T: Element>(bytes: &mut Bytes) {
    let (setup, f) = (Setup::new(bytes), bytes.pick(&ROUGH));
    let n = setup.len();
    let (x, claims) = (values::matrix::<T>(bytes, 1, n), values::matrix::<T>(bytes, 1, n));
    let (noise, names) = (bytes.byte(), bytes.byte());
    let special = values::special::<T>(bytes);
    let (blocks, mut count) = (setup.blocks(), 0);
    let eval = |x: &[T]| {
        count += 1;
        let eval = Eval::new(f.value(x, count));
        let eval = match noise % 6 {
            0..4 => eval,
            4 => eval.noise(T::of(f64::from(noise) * 1e-9)),
            _ => eval.noise(special),
        };
        if names % 3 > 0 { eval } else { eval.branch(x.iter().filter(|x| **x > T::zero()).count() as u64) }
    };
    let report = setup.check(&x, &claims, &blocks).run(eval, &mut vec![T::nan(); scratch_len(n)]).unwrap();
    let case = (T::NAME, &setup, f, &x, &claims);
    readable(&report, Some(count), setup.most_evaluations(n), &case);

    let mut count = 0;
    let dual = |x: &[Dual<T>]| {
        count += 1;
        f.value(x, count)
    };
    let mut scratch = vec![Dual::constant(T::nan()); scratch_len(n)];
    let report = setup.check(&x, &claims, &blocks).run_dual(dual, &mut scratch).unwrap();
    readable(&report, Some(count), setup.most_evaluations(n), &case);

    let (mut count, outputs) = (0, n);
    let field = |x: &[T], out: &mut [T]| {
        count += 1;
        out.iter_mut().enumerate().for_each(|(i, out)| *out = f.value(&x[i % x.len()..], count));
    };
    let mut scratch = vec![T::nan(); jvp_scratch_len(n, outputs)];
    let report = setup.check(&x, &claims, &blocks).run_jvp(field, &claims, &mut scratch).unwrap();
    readable(&report, Some(count), setup.most_evaluations(outputs), &case);
}

/// What does not go together is an error, before the function is called.
fn refused<T: Element>(bytes: &mut Bytes) {
    let setup = Setup::new(bytes);
    let n = setup.len();
    let (x, blocks) = (vec![T::one(); n], setup.blocks());
    let never = |_: &[T]| -> T { unreachable!("the function was called") };
    let mut scratch = vec![T::zero(); scratch_len(n)];
    let claims = vec![T::one(); n + 1];
    let result = match bytes.below(6) {
        4 => setup.check(&x, &claims[..n], &blocks).evaluations(0).run(never, &mut scratch),
        5 => {
            let tolerance = bytes.pick(&[1.0, -1e-9, f64::NAN, f64::INFINITY]);
            setup.check(&x, &claims[..n], &blocks).tolerance(tolerance).run(never, &mut scratch)
        }
        0 => setup.check(&x, &claims, &blocks).run(never, &mut scratch),
        1 => setup.check(&x, &claims[..n - 1], &blocks).run(never, &mut scratch),
        2 => setup.check(&x, &claims[..n], &blocks).run(never, &mut scratch[1..]),
        _ => {
            let blocks = [Block::vector("b", n + bytes.below(3)), Block::matrix("W", 1, 1)];
            setup.check(&x, &claims[..n], &blocks).run(never, &mut scratch)
        }
    };
    assert!(result.is_err_and(|error| !error.to_string().is_empty()));
}
