//! What Gauss-Newton's matrix has of single examples: how the classes vary under p, (31) to (34).
//!
//! The variance of W2\[c, j\] under p as a difference of two sums loses all digits where one class leads. Here each
//! row of W2 is taken relative to the leader's and to the mean of those: sums of squares, in which only the leader's
//! own row is left to cancel, and that one is 0.

use core::ops::Range;

use num_traits::Float;

use super::part::Part;
use crate::data::{MatMut, MatRef};
use crate::kernels::norms::dot_rows;
use crate::kernels::scaled::Scaled;
use crate::kernels::sum::sum;
use crate::pass::{Chunk, Layout, Plan};
use crate::simd::Simd;

/// What has been kept of an example.
struct Kept<'a, T> {
    /// P from the first class on, and the distance of two classes.
    p: &'a [T],
    stride: usize,
    classes: usize,
    lead: usize,
    /// 0 for an example that is excluded.
    weight: T,
}

impl<'a, T: Float> Kept<'a, T> {
    fn of(kept: &'a [T], layout: &Layout, classes: usize, i: usize) -> Self {
        let stride = layout.score_stride;
        let p = &kept[i / layout.block * stride * (classes + 1) + i % layout.block..];
        let larger =
            |lead: usize, class: usize| if p[class * stride] > p[lead * stride] { class } else { lead };
        let lead = (0..classes).fold(0, larger);
        Self { p, stride, classes, lead, weight: p[classes * stride] }
    }

    fn p(&self, class: usize) -> T {
        self.p[class * self.stride]
    }

    /// 1 - p_c: for the leader the sum of the others.
    fn others(&self, class: usize) -> T {
        if class != self.lead {
            return T::one() - self.p(class);
        }
        let others = (0..self.classes).filter(|&other| other != class);
        others.fold(T::zero(), |sum, other| sum + self.p(other))
    }

    /// The means under p of W2\[c\] - W2\[lead\].
    #[inline(always)]
    fn mean(&self, w2: MatRef<'_, T>, unused: &[T], mean: &mut [T]) {
        mean.fill(T::zero());
        for class in 0..self.classes {
            let p = self.p(class);
            self.each(w2, class, unused, mean, |apart, _, sum| sum + p * apart);
        }
    }

    /// Changes each of `out` by W2\[class\] - W2\[lead\] and its mean.
    #[inline(always)]
    fn each(
        &self,
        w2: MatRef<'_, T>,
        class: usize,
        mean: &[T],
        out: &mut [T],
        change: impl Fn(T, T, T) -> T,
    ) {
        let out = out.iter_mut().zip(mean);
        if w2.col_stride() == 1 {
            let [w, lead] = [class, self.lead].map(|class| &w2.as_slice()[class * w2.row_stride()..]);
            let rows = out.zip(w).zip(lead);
            rows.for_each(|(((out, &mean), &w), &lead)| *out = change(w - lead, mean, *out));
        } else {
            let rows = out.zip(w2.row(class)).zip(w2.row(self.lead));
            rows.for_each(|(((out, &mean), w), lead)| *out = change(w - lead, mean, *out));
        }
    }
}

/// Of the examples of a part: A * A in the place of A', (32) in that of D', s p (1 - p) of (31) in that of G', and the
/// traces.
pub(super) fn diagonal<T: Float, S: Simd<T>>(simd: S, plan: &Plan<'_, T>, part: &mut Part<'_, T>) {
    simd.vectorize(
        #[inline(always)]
        || {
            for i in 0..part.len() {
                diagonal_of_one(simd, plan, part, i);
            }
        },
    );
}

#[inline(always)]
fn diagonal_of_one<T: Float, S: Simd<T>>(simd: S, plan: &Plan<'_, T>, part: &mut Part<'_, T>, i: usize) {
    let (layout, w2, kink) = (&plan.layout, plan.params.w2, plan.kink);
    let (h, c, stride) = (w2.cols(), w2.rows(), layout.hidden_stride);
    let row = i * stride..i * stride + h;
    let (a, z) = (&part.a[row.clone()], &part.z[row.clone()]);
    let (squares, d) = (&mut part.hidden.a[row.clone()], &mut part.hidden.d[row]);
    let g = &mut part.f[i / layout.block * layout.score_stride * c + i % layout.block..];
    let kept = Kept::of(part.kept, layout, c, i);
    let is_excluded = kept.weight == T::zero();
    d.fill(T::zero());
    if is_excluded {
        squares.fill(T::zero());
    } else {
        kept.mean(w2, d, squares);
        let mean = &*squares;
        for class in 0..c {
            let p = kept.p(class);
            let add = |apart, mean, k| k + p * ((apart - mean) * (apart - mean));
            kept.each(w2, class, mean, d, add);
        }
        for (d, &z) in d.iter_mut().zip(z) {
            *d = if kink.is_active(z) { *d * kept.weight } else { T::zero() };
        }
        squares.iter_mut().zip(a).for_each(|(square, &a)| *square = a * a);
    }
    let mut of_scores = T::zero();
    for class in 0..c {
        let g = &mut g[class * layout.score_stride];
        *g = if is_excluded { T::zero() } else { kept.p(class) * kept.others(class) * kept.weight };
        of_scores = of_scores + *g;
    }
    if let Some(traces) = &mut part.out.gauss_newton {
        let trace = if is_excluded {
            T::zero()
        } else {
            let one = T::one();
            of_scores * (sum(squares) + one) + sum(d) * (dot_rows(simd, part.x, i, i) + one)
        };
        traces[part.row + i] = Scaled { value: trace, exponent: plan.unit }.get();
    }
}

/// Rows r = i C + c of a matrix B with BᵀB = (34), summed over examples: sqrt(s p_c) I * (W2\[c\] - mean). Each is
/// [`hidden_stride`](Layout::hidden_stride) after the one before; `mean` is for a row.
pub(super) fn hidden_factor<T: Float, S: Simd<T>>(
    simd: S,
    plan: &Plan<'_, T>,
    chunk: &Chunk<'_, T>,
    rows: Range<usize>,
    to: &mut [T],
    mean: &mut [T],
) {
    let (layout, w2, kink) = (&plan.layout, plan.params.w2, plan.kink);
    let (h, c, stride) = (w2.cols(), w2.rows(), layout.hidden_stride);
    let mean = &mut mean[..h];
    simd.vectorize(
        #[inline(always)]
        || {
            for (index, to) in rows.clone().zip(to.chunks_mut(stride)) {
                let (i, class, to) = (index / c, index % c, &mut to[..h]);
                let kept = Kept::of(chunk.kept, layout, c, i);
                to.fill(T::zero());
                if kept.weight == T::zero() {
                    continue;
                }
                if class == 0 || index == rows.start {
                    kept.mean(w2, to, mean);
                }
                let root = (kept.weight * kept.p(class)).sqrt();
                kept.each(w2, class, mean, to, |apart, mean, _| root * (apart - mean));
                let z = &chunk.z[i * stride..][..h];
                to.iter_mut()
                    .zip(z)
                    .filter(|(_, z)| !kink.is_active(**z))
                    .for_each(|(to, _)| *to = T::zero());
            }
        },
    );
}

/// Adds (33) of a chunk's examples to the upper half of a C × C matrix. `p` is for a row of it.
pub(super) fn add_score_factor<T: Float>(
    plan: &Plan<'_, T>,
    chunk: &Chunk<'_, T>,
    p: &mut [T],
    factor: &mut MatMut<'_, T>,
) {
    let c = plan.params.b2.len();
    let p = &mut p[..c];
    for i in 0..chunk.x.rows() {
        let kept = Kept::of(chunk.kept, &plan.layout, c, i);
        if kept.weight == T::zero() {
            continue;
        }
        p.iter_mut().enumerate().for_each(|(class, p)| *p = kept.p(class));
        for class in 0..c {
            let weighted = kept.weight * p[class];
            let mut row = factor.row_mut(class).skip(class);
            row.by_ref().take(1).for_each(|out| *out = *out + weighted * kept.others(class));
            row.zip(&p[class + 1..]).for_each(|(out, &p)| *out = *out - weighted * p);
        }
    }
}
