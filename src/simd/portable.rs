//! Every `Float`, every target: plain arrays, separate multiplications and additions, so that the results
//! are the same bits wherever the type's own functions are.

use core::any::TypeId;

use num_traits::Float;

use super::registers::{Blocking, Simd};
use crate::kink::Kink;
use crate::limits::{small_panel, stacked_masks};

const LANES: usize = 4;
const VECS: usize = 2;
const BLOCKING: Blocking = Blocking {
    kc: 64,
    l2_bytes: 768 << 10,
    mc_tiles: 1,
    unroll: 1,
    prefetch_ahead: 0,
    spread_prefetch: false,
    packs_in_tile: false,
    masked_vecs: 2,
    l1_bytes: 8 << 10,
}
.within_limits();
const DEPTH: usize = BLOCKING.kc;
const SMALL_DEPTH: usize = small_panel(8);
const MASKS: usize = stacked_masks(64);

#[derive(Clone, Copy)]
pub(crate) struct Portable;

impl<T: Float + 'static> Simd<T> for Portable {
    type V = [T; LANES];
    const LANES: usize = LANES;
    const MR: usize = 4;
    const NR_VECS: usize = VECS;
    const BLOCKING: Blocking = BLOCKING;
    type Panel = [T; DEPTH * VECS * LANES];
    type SmallPanel = [T; SMALL_DEPTH * VECS * LANES];
    type Masks = [u64; MASKS];

    fn panel(self) -> Self::Panel {
        [T::zero(); DEPTH * VECS * LANES]
    }

    fn small_panel(self) -> Self::SmallPanel {
        [T::zero(); SMALL_DEPTH * VECS * LANES]
    }

    fn masks(self) -> Self::Masks {
        [0; MASKS]
    }

    #[inline(always)]
    fn splat(self, x: T) -> Self::V {
        [x; LANES]
    }

    #[inline(always)]
    fn load(self, from: &[T]) -> Self::V {
        let from = &from[..LANES];
        [from[0], from[1], from[2], from[3]]
    }

    #[inline(always)]
    fn store(self, v: Self::V, to: &mut [T]) {
        to[..LANES].copy_from_slice(&v);
    }

    #[inline(always)]
    fn prefetch(self, _: *const T) {}

    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        [a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]]
    }

    #[inline(always)]
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        [c[0] + a[0] * b[0], c[1] + a[1] * b[1], c[2] + a[2] * b[2], c[3] + a[3] * b[3]]
    }

    #[inline(always)]
    fn zip(self, a: Self::V, b: Self::V) -> (Self::V, Self::V) {
        ([a[0], b[0], a[1], b[1]], [a[2], b[2], a[3], b[3]])
    }

    #[inline(always)]
    fn keep_active(self, kink: Kink, z: Self::V, v: Self::V) -> Self::V {
        core::array::from_fn(|lane| if kink.is_active(z[lane]) { v[lane] } else { T::zero() })
    }

    #[inline(always)]
    fn nonzero(self, v: Self::V) -> u32 {
        (0..LANES).fold(0, |bits, lane| bits | u32::from(v[lane] != T::zero()) << lane)
    }

    // What a type of others' carries beside its value cannot be asked for. 16 bits are hardly enough for one number.
    fn has_plain_zeros(self) -> bool {
        let known = [TypeId::of::<f32>(), TypeId::of::<f64>()];
        known.contains(&TypeId::of::<T>()) || size_of::<T>() <= 2
    }

    #[inline(always)]
    fn exp(self, x: &mut [T]) {
        x.iter_mut().for_each(|x| *x = x.exp());
    }

    #[inline(always)]
    fn ln_1p(self, x: &mut [T]) {
        x.iter_mut().for_each(|x| *x = x.ln_1p());
    }

    #[inline(always)]
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R {
        f()
    }
}
