//! NEON, which every CPU has that a target with the feature `neon` is for.
#![allow(unsafe_code, reason = "vector instructions are unsafe to call where the CPU might not have them")]

use core::arch::aarch64::*;

use super::registers::{Blocking, Simd};
use crate::kink::Kink;
use crate::limits::{small_panel, stacked_masks};

/// Proof that the CPU has NEON.
#[derive(Clone, Copy)]
pub(crate) struct Neon(());

impl Neon {
    /// The target has it: this module exists.
    pub(crate) fn get() -> &'static Self {
        &Self(())
    }
}

/// As on AVX-512, with shorter registers: not measured on a machine with NEON.
const BLOCKING: Blocking = Blocking {
    kc: 384,
    l2_bytes: 768 << 10,
    mc_tiles: 1,
    unroll: 1,
    prefetch_ahead: 32,
    spread_prefetch: false,
    packs_in_tile: false,
    masked_vecs: 12,
    l1_bytes: 24 << 10,
}
.within_limits();

/// Of 256 rows of the largest depth: 16 KB.
const MASKS: usize = stacked_masks(1 << 11);

const SMALL_PANEL: usize = small_panel(32);

/// The same implementation for both types, which differ in the names of the instructions.
///
/// SAFETY, for all blocks in it:
/// - the CPU has the instructions: `self` exists;
/// - `load` and `store` touch `$lanes` elements at a slice's start, and the slice has been cut to that length;
///   they need no alignment.
macro_rules! simd {
    (
        $t:ty, $v:ty, $lanes:literal, $splat:ident, $load:ident, $store:ident, $add:ident, $mul_add:ident,
        $zip1:ident, $zip2:ident,
        $less:ident, $less_equal:ident, $clear:expr
    ) => {
        impl Simd<$t> for Neon {
            type V = $v;
            const LANES: usize = $lanes;
            const MR: usize = 8;
            const NR_VECS: usize = 3;
            const BLOCKING: Blocking = BLOCKING;
            type Panel = [$t; BLOCKING.kc * 3 * $lanes];
            type SmallPanel = [$t; SMALL_PANEL * 3 * $lanes];
            type Masks = [u64; MASKS];

            fn panel(self) -> Self::Panel {
                [0.0; BLOCKING.kc * 3 * $lanes]
            }

            fn small_panel(self) -> Self::SmallPanel {
                [0.0; SMALL_PANEL * 3 * $lanes]
            }

            fn masks(self) -> Self::Masks {
                [0; MASKS]
            }

            #[inline(always)]
            fn splat(self, x: $t) -> $v {
                // SAFETY: above.
                unsafe { $splat(x) }
            }

            #[inline(always)]
            fn load(self, from: &[$t]) -> $v {
                let from = &from[..$lanes];
                // SAFETY: above.
                unsafe { $load(from.as_ptr()) }
            }

            #[inline(always)]
            fn store(self, v: $v, to: &mut [$t]) {
                let to = &mut to[..$lanes];
                // SAFETY: above.
                unsafe { $store(to.as_mut_ptr(), v) }
            }

            #[inline(always)]
            fn prefetch(self, _: *const $t) {}

            #[inline(always)]
            fn add(self, a: $v, b: $v) -> $v {
                // SAFETY: above.
                unsafe { $add(a, b) }
            }

            #[inline(always)]
            fn mul_add(self, a: $v, b: $v, c: $v) -> $v {
                // SAFETY: above.
                unsafe { $mul_add(c, a, b) }
            }

            #[inline(always)]
            fn zip(self, a: $v, b: $v) -> ($v, $v) {
                // SAFETY: above.
                unsafe { ($zip1(a, b), $zip2(a, b)) }
            }

            #[inline(always)]
            fn keep_active(self, kink: Kink, z: $v, v: $v) -> $v {
                // SAFETY: above. A comparison with NaN is false: such a unit is active.
                unsafe {
                    let zero = $splat(0.0);
                    ($clear)(v, if kink == Kink::One { $less(z, zero) } else { $less_equal(z, zero) })
                }
            }

            #[inline(always)]
            fn nonzero(self, v: $v) -> u32 {
                let mut lanes = [0.0; $lanes];
                Simd::<$t>::store(self, v, &mut lanes);
                (0..$lanes).fold(0, |bits, lane| bits | u32::from(lanes[lane] != 0.0) << lane)
            }

            #[inline(always)]
            fn exp(self, x: &mut [$t]) {
                super::math::exp(x);
            }

            #[inline(always)]
            fn ln_1p(self, x: &mut [$t]) {
                super::math::ln_1p(x);
            }

            #[inline(always)]
            fn vectorize<R>(self, f: impl FnOnce() -> R) -> R {
                f()
            }
        }
    };
}

simd!(
    f32,
    float32x4_t,
    4,
    vdupq_n_f32,
    vld1q_f32,
    vst1q_f32,
    vaddq_f32,
    vfmaq_f32,
    vzip1q_f32,
    vzip2q_f32,
    vcltq_f32,
    vcleq_f32,
    |v, off| vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(v), off))
);

simd!(
    f64,
    float64x2_t,
    2,
    vdupq_n_f64,
    vld1q_f64,
    vst1q_f64,
    vaddq_f64,
    vfmaq_f64,
    vzip1q_f64,
    vzip2q_f64,
    vcltq_f64,
    vcleq_f64,
    |v, off| vreinterpretq_f64_u64(vbicq_u64(vreinterpretq_u64_f64(v), off))
);
