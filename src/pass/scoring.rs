//! From the scores of a block of examples to everything that is asked of them.

use num_traits::Float;

use super::objective::Goal;
use super::outputs::Outputs;
use crate::kernels::soft_targets::Dense;
use crate::kernels::softmax::{Aside, LANES, Lanes, Scores};
use crate::kernels::sum::{Sum, sum};
use crate::simd::Simd;

/// What is wanted of the scores, beside the outputs.
pub(crate) struct Wanted<'a, T> {
    pub(crate) b2: &'a [T],
    pub(crate) goal: &'a dyn Goal<T>,
    /// What an example's loss counts in the gradient, if one is wanted.
    pub(crate) weight: Option<T>,
}

/// The scores of some examples: those of class c from `f[c * stride]` on.
pub(crate) struct Block<'a, T> {
    pub(crate) f: &'a mut [T],
    pub(crate) stride: usize,
    pub(crate) len: usize,
}

/// (3) to (5), (15) for a block of examples: it holds W2 a; the score gradient takes its place. The first
/// example has the number `first` in the batch and the row `offset` in `out`. Returns the sum of the losses.
pub(crate) fn finish<T: Float, S: Simd<T>>(
    simd: S,
    wanted: &Wanted<'_, T>,
    first: usize,
    block: Block<'_, T>,
    out: &mut Outputs<'_, T>,
    offset: usize,
) -> T {
    let Block { f, stride, len } = block;
    let mut total = Sum::new();
    for start in (0..len).step_by(LANES) {
        let mut f = Scores { data: f, stride, first: start, len: LANES.min(len - start) };
        total.add(some(simd, wanted, first + start, &mut f, out, offset + start));
    }
    total.total()
}

/// The same for up to [`LANES`] examples.
fn some<T: Float, S: Simd<T>>(
    simd: S,
    wanted: &Wanted<'_, T>,
    first: usize,
    f: &mut Scores<'_, T>,
    out: &mut Outputs<'_, T>,
    offset: usize,
) -> T {
    let len = f.len;
    let mut lanes = Lanes::new(len);
    simd.vectorize(
        #[inline(always)]
        || lanes.score(f, wanted.b2),
    );
    lanes.aim(wanted.goal, first);
    out.scored(&lanes, f, offset);
    let known = wanted.goal.is_known();
    if !known && !out.needs_exponentials() {
        return T::zero();
    }
    simd.vectorize(
        #[inline(always)]
        || lanes.shift(f),
    );
    let dense =
        if known && wanted.goal.is_dense() { Some(Dense::new(wanted.goal, &lanes, first, f)) } else { None };
    simd.vectorize(
        #[inline(always)]
        || lanes.exponentiate(simd, f),
    );
    if out.needs_exponentials() || dense.is_some() {
        lanes.sum(simd, f, Aside::Leader);
        out.probable(&lanes, f, offset);
    }
    if !known {
        return T::zero();
    }
    if let Some(dense) = &dense {
        dense.losses(&mut lanes);
        if let Some(weight) = wanted.weight {
            dense.grad(&lanes, f, weight);
        }
    } else {
        simd.vectorize(
            #[inline(always)]
            || {
                lanes.sum(simd, f, Aside::Label);
                lanes.add_log();
                if let Some(weight) = wanted.weight {
                    lanes.grad(f, weight);
                }
            },
        );
    }
    if let Some(losses) = &mut out.losses {
        losses[offset..][..len].copy_from_slice(lanes.losses());
    }
    sum(lanes.losses())
}
