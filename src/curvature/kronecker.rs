//! Kronecker factors of Gauss-Newton's matrix.

use num_traits::{Float, PrimInt};

use super::scratch::{Hidden, Lens, Scratch, scratch_len};
use super::second_order::{SecondOrder, second_order};
use super::variance::add_score_factor;
use super::weights::alpha;
use crate::data::{Inputs, Kind, MatMut, MatRef};
use crate::error::{Error, What, check_scratch};
use crate::gemm::Beta;
use crate::kernels::scaled::Scaled;
use crate::pass::{Chunk, Halfway, Net, Pass, Setting, Share};

/// The Kronecker factors that are wanted, by [`kronecker_factors`]: each is symmetric and written in full.
///
/// The block of Gauss-Newton's matrix for (W1, b1) is a sum over examples of `hidden` ⊗ `inputs`, that for (W2, b2)
/// one of `scores` ⊗ `activations`, of one example each: of several, the product of the sums divided by the number of
/// examples is the usual approximation.
#[derive(Debug)]
pub struct KroneckerFactors<'a, T> {
    /// The sum of \[x; 1\] \[x; 1\]ᵀ over the examples that are not excluded, (m + 1) × (m + 1).
    pub inputs: Option<MatMut<'a, T>>,
    /// (34), the second derivatives by z: (1/N) times the sum of s I (W2ᵀ (diag p - p pᵀ) W2) I, h × h.
    pub hidden: Option<MatMut<'a, T>>,
    /// The sum of \[a; 1\] \[a; 1\]ᵀ over the same examples, (h + 1) × (h + 1).
    pub activations: Option<MatMut<'a, T>>,
    /// (33), the second derivatives by the scores: (1/N) times the sum of s (diag p - p pᵀ), C × C.
    pub scores: Option<MatMut<'a, T>>,
}

impl<T> Default for KroneckerFactors<'_, T> {
    fn default() -> Self {
        Self { inputs: None, hidden: None, activations: None, scores: None }
    }
}

/// Writes Kronecker factors of Gauss-Newton's matrix, exactly and not by sampling labels, and returns the loss,
/// NaN without labels, which are not needed.
///
/// For each example m² multiply-adds for `inputs`, Ch² for `hidden`, h² for `activations`, C²/2 for `scores`, beside
/// the way forward. Chunks are added up plainly: over n examples the error grows by up to n/2048 units of rounding.
///
/// `scratch` needs [`scratch_len(dims, n, 1)`](super::scratch_len) elements.
///
/// # Errors
///
/// [`Error::Shape`] for the first factor of the wrong size, [`Error::Length`] for too short a scratch, and all errors of
/// [`Pass::infer`](crate::Pass::infer); nothing has been written then.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::curvature::{KroneckerFactors, kronecker_factors, scratch_len};
/// use handgrad::{Batch, Dims, MatMut, MatRef, Params, Pass};
///
/// let dims = Dims::new(1, 1, 2)?;
/// let theta = [1.0, 0.0, 1.0, -1.0, 0.0, 0.0];
/// let x = MatRef::new(&[2.0, -3.0], 2, 1)?; // scores 2 and -2, 0 and 0
/// let (mut inputs, mut scores) = ([0.0; 4], [0.0; 4]);
/// let factors = KroneckerFactors {
///     inputs: Some(MatMut::new(&mut inputs, 2, 2)?),
///     scores: Some(MatMut::new(&mut scores, 2, 2)?),
///     ..Default::default()
/// };
/// let pass = Pass::new(Params::from_flat(dims, &theta)?, Batch::unlabelled(x));
/// kronecker_factors(pass, factors, &mut vec![0.0; scratch_len(dims, 2, 1)])?;
/// assert_eq!(inputs, [13.0, -1.0, -1.0, 2.0]);
/// let p = 1.0 / (1.0 + f64::exp(-4.0));
/// let variance = (p * (1.0 - p) + 0.25) / 2.0;
/// assert!((scores[0] - variance).abs() < 1e-15 && scores[1] == -scores[0]);
/// # Ok(())
/// # }
/// ```
pub fn kronecker_factors<T: Float + Send + Sync + 'static, L: PrimInt + Sync>(
    pass: Pass<'_, T, L>,
    factors: KroneckerFactors<'_, T>,
    scratch: &mut [T],
) -> Result<T, Error> {
    let Net { dims, examples: n, layout, .. } = pass.net();
    let mut run_factors = factors;
    let KroneckerFactors { inputs, hidden, activations, scores } = &run_factors;
    let (m, h, c) = (dims.inputs(), dims.hidden(), dims.classes());
    for (factor, len) in [(inputs, m + 1), (hidden, h), (activations, h + 1), (scores, c)] {
        let (expected, got) =
            ((len, len), factor.as_ref().map_or((len, len), |view| (view.rows(), view.cols())));
        if got != expected {
            return Err(Error::Shape { what: What::KroneckerFactor, expected, got });
        }
    }
    check_scratch(scratch_len(dims, n, 1), scratch.len())?;
    let (own, rest) = scratch.split_at_mut(dims.scratch_len(n));
    let Scratch { kept, hidden, f, .. } = Lens::new(dims, &layout).cut(rest);
    let second_order = second_order(pass.engine);
    let mut run = Run {
        factors: &mut run_factors,
        second_order,
        hidden,
        f,
        alpha: Scaled::new(T::zero()),
        has_begun: false,
    };
    let loss = pass.run_halfway(&mut run, kept, own)?;
    let alpha = run.alpha;
    if n == 0 {
        run.clear();
    }
    let KroneckerFactors { inputs, hidden, activations, scores } = &mut run_factors;
    for factor in [inputs, activations, scores].into_iter().flatten() {
        mirror(factor);
    }
    for factor in [hidden, scores].into_iter().flatten() {
        let [alpha, rest] = alpha.split().map(Scaled::get);
        for row in 0..factor.rows() {
            factor.row_mut(row).for_each(|out| *out = *out * alpha * rest);
        }
    }
    Ok(loss)
}

/// The lower half of a symmetric matrix, from its upper one.
fn mirror<T: Copy>(matrix: &mut MatMut<'_, T>) {
    for row in 0..matrix.rows() {
        for col in 0..row {
            if let (Some(value), Some(out)) = (matrix.as_ref().get(col, row), matrix.get_mut(row, col)) {
                *out = value;
            }
        }
    }
}

/// The factors while they are added up.
struct Run<'r, 'f, T: 'static> {
    factors: &'r mut KroneckerFactors<'f, T>,
    second_order: &'static dyn SecondOrder<T>,
    hidden: Hidden<'r, T>,
    f: &'r mut [T],
    /// What sums over all examples are multiplied with.
    alpha: Scaled<T>,
    has_begun: bool,
}

impl<T: Float> Run<'_, '_, T> {
    fn clear(&mut self) {
        let KroneckerFactors { inputs, hidden, activations, scores } = &mut *self.factors;
        for factor in [inputs, hidden, activations, scores].into_iter().flatten() {
            factor.fill(T::zero());
        }
    }
}

impl<T: Float + Send + Sync + 'static> Halfway<T> for Run<'_, '_, T> {
    fn chunk(&mut self, setting: &Setting<'_, T>, chunk: Chunk<'_, T>) -> Result<(), Error> {
        let (plan, objective) = (setting.plan, setting.objective);
        self.alpha = alpha(plan);
        if !self.has_begun {
            self.clear();
            self.has_begun = true;
        }
        let (h, c, stride) = (plan.params.b1.len(), plan.params.b2.len(), plan.layout.hidden_stride);
        let n = chunk.x.rows();
        // Runs of examples that are not excluded: of those nothing may be multiplied.
        let mut start = 0;
        while start < n {
            let excluded = |i: &usize| objective.excludes(chunk.first + i);
            let end = (start..n).find(excluded).unwrap_or(n);
            if end > start {
                let a = &chunk.a[start * stride..];
                let a = MatRef::with_strides(a, (end - start, h), (stride, 1))?;
                for (factor, rows) in [
                    (&mut self.factors.inputs, chunk.x.row_range(start..end)),
                    (&mut self.factors.activations, a.into()),
                ] {
                    if let Some(factor) = factor {
                        add_with_ones(setting, rows, factor)?;
                    }
                }
            }
            start = (end..n).find(|i| !excluded(i)).unwrap_or(n);
        }
        if let Some(factor) = &mut self.factors.scores {
            add_score_factor(plan, &chunk, self.f, factor);
        }
        if let Some(factor) = &mut self.factors.hidden {
            // As many rows at a time as there are examples in a chunk.
            for first in (0..n * c).step_by(n) {
                let rows = first..(n * c).min(first + n);
                let len = rows.len();
                let (to, mean) = (&mut self.hidden.d[..len * stride], &mut self.hidden.a[..h]);
                self.second_order.hidden_factor(plan, &chunk, rows, to, mean);
                let b = MatRef::with_strides(&self.hidden.d[..len * stride], (len, h), (stride, 1))?;
                add_gram(setting, b, factor.reborrow())?;
            }
        }
        Ok(())
    }
}

/// Adds [R, 1]ᵀ [R, 1] to a matrix, or its upper half.
fn add_with_ones<T: Float + Send + Sync>(
    setting: &Setting<'_, T>,
    rows: Inputs<'_, T>,
    to: &mut MatMut<'_, T>,
) -> Result<(), Error> {
    let (n, m) = (rows.rows(), rows.cols());
    let strides = (to.row_stride(), to.col_stride());
    let mut add = |row, col, term| {
        if let Some(out) = to.get_mut(row, col) {
            *out = *out + term;
        }
    };
    add(m, m, T::from(n).unwrap_or_else(T::nan));
    match rows.kind() {
        Kind::Dense(rows) => {
            for row in 0..m {
                let column = (0..n).fold(T::zero(), |sum, i| sum + rows.get(i, row).unwrap_or_else(T::nan));
                add(row, m, column);
            }
            add_gram(setting, rows, MatMut::with_strides(to.as_mut_slice(), (m, m), strides)?)?;
        }
        Kind::Sparse(_) => {
            for i in 0..n {
                for (row, x) in rows.numbered(i) {
                    rows.numbered(i).for_each(|(col, other)| add(row, col, x * other));
                    add(row, m, x);
                }
            }
        }
    }
    Ok(())
}

/// Adds RᵀR to a matrix, in parts of its rows on the threads.
fn add_gram<T: Float + Send + Sync>(
    setting: &Setting<'_, T>,
    rows: MatRef<'_, T>,
    to: MatMut<'_, T>,
) -> Result<(), Error> {
    let Setting { phases, threads, plan, .. } = *setting;
    let part = Rows { first: 0, view: to };
    threads.run(part, &|part, share| part.cut(phases.tile_rows(), share), &|Rows { first, view }| {
        let left = rows.t().row_range(first..first + view.rows());
        match plan.gradient_gemm() {
            Some(gemm) => gemm.gemm(left, rows, Beta::One, view),
            None => phases.gemm(left, rows, Beta::One, view),
        }
    })
}

/// Some rows of a matrix, for a thread.
struct Rows<'a, T> {
    first: usize,
    view: MatMut<'a, T>,
}

impl<T> Rows<'_, T> {
    /// Two parts, of whole register tiles, the first with this share of them; only one if there are no two or the
    /// strides do not allow it.
    fn cut(self, tile_rows: usize, share: Share) -> (Self, Option<Self>) {
        let (first, all) = (self.first, self.view.rows());
        let rows = share.of(all.div_ceil(tile_rows)) * tile_rows;
        if rows == 0 || rows >= all || !self.view.can_split() {
            return (self, None);
        }
        let (above, below) = self.view.split_rows(rows);
        (Self { first, view: above }, Some(Self { first: first + rows, view: below }))
    }
}
