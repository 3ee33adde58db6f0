//! AVX2 with FMA, and AVX-512, found at run time.
#![allow(unsafe_code, reason = "vector instructions are unsafe to call where the CPU might not have them")]
#![allow(clippy::incompatible_msrv, reason = "AVX-512 is compiled where build.rs has found it")]

use core::arch::x86_64::*;
use std::sync::OnceLock;

use super::registers::{Blocking, Simd};
use crate::kink::Kink;
#[cfg(handgrad_avx512)]
use crate::limits::MAX_DEPTH;
use crate::limits::{L2_EIGHTHS, small_panel, stacked_masks};

/// Proof that the CPU has AVX2 and FMA.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    pub(crate) fn detect() -> Option<&'static Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(&Self(()))
    }
}

/// Proof that the CPU has AVX-512 F, DQ, VL, BW, and AVX2 with FMA.
#[cfg(handgrad_avx512)]
#[derive(Clone, Copy)]
pub(crate) struct Avx512(());

#[cfg(handgrad_avx512)]
impl Avx512 {
    pub(crate) fn detect() -> Option<&'static Self> {
        let found = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma");
        found.then_some(&Self(()))
    }
}

/// The bytes of a core's L2 cache, or 0 if the CPU does not say.
fn l2_cache() -> usize {
    static BYTES: OnceLock<usize> = OnceLock::new();
    *BYTES.get_or_init(|| {
        // The leaf with the caches, numbered from the core outwards: Intel's, and AMD's where that one is empty.
        [4, 0x8000_001d].into_iter().map(cache_of_level_2).find(|&bytes| bytes > 0).unwrap_or(0)
    })
}

/// What this leaf of CPUID says of the cache of level 2, or 0.
#[allow(unused_unsafe, reason = "older compilers have it as an unsafe function")]
fn cache_of_level_2(leaf: u32) -> usize {
    // SAFETY: every x86-64 CPU has the instruction; a leaf that it does not have is never read.
    let cpuid = |leaf, part| unsafe { __cpuid_count(leaf, part) };
    // Miri has no CPU to ask.
    if cfg!(miri) || cpuid(leaf & 0x8000_0000, 0).eax < leaf {
        return 0;
    }
    let Some(cache) = (0..8).map(|part| cpuid(leaf, part)).find(|cache| cache.eax >> 5 & 7 == 2) else {
        return 0;
    };
    let (ways, parts, line) = (cache.ebx >> 22, cache.ebx >> 12 & 0x3ff, cache.ebx & 0xfff);
    [ways, parts, line, cache.ecx].into_iter().map(|count| count as usize + 1).product()
}

/// Measured on a Zen 3 with a L2 cache of 512 KB. A panel of 16 `f32` or 8 `f64` in a row takes 25 KB, which stay in a
/// L1 cache of 32 KB: from the second one it would come at 10 bytes a cycle, more than there are when a neighbour
/// shares the core. On a Zen 4 with the target spread 1 to 5 % more time.
const AVX2: Blocking = Blocking {
    kc: 400,
    l2_bytes: 256 << 10,
    mc_tiles: 8,
    unroll: 4,
    prefetch_ahead: 0,
    spread_prefetch: false,
    packs_in_tile: false,
    masked_vecs: 12,
    l1_bytes: 24 << 10,
}
.within_limits();

/// Measured on two Xeons and on a Zen 4, whose L2 caches are fast enough for panels to come from there. Unrolled, the
/// loop would need more address registers than there are. Of B, two panels at a time took 2 to 4 % less time than five on
/// the Zen 4 with its 1 MB of L2 cache, and 2 to 7 % more on a Xeon with 2 MB: so it is a share of that cache. The
/// target spread, because its 24 or 48 lines are more than the L1 cache waits for at once, took 2 to 5 % less on the Zen 4,
/// 1 to 2 % on that Xeon. A whole pass of a (784, 128, 10) net took 3 to 4 % less there with the copies made by the first tile;
/// with AVX2, whose products take twice the time, as long.
#[cfg(handgrad_avx512)]
const AVX512: Blocking = Blocking {
    kc: MAX_DEPTH,
    l2_bytes: 320_000,
    mc_tiles: 1,
    unroll: 1,
    prefetch_ahead: 32,
    spread_prefetch: true,
    packs_in_tile: true,
    masked_vecs: 8,
    l1_bytes: 32 << 10,
}
.within_limits();

/// Of 256 rows of the largest depth: 32 KB.
const MASKS: usize = stacked_masks(1 << 12);

const SMALL_PANEL: usize = small_panel(32);

/// The same implementation for each pair of an instruction set and a type, which differ in the names of the
/// instructions. (What has the form of a closure is the body of a method: a closure would be inlined or not, and where it
/// is not, each of its instructions is a call.)
///
/// SAFETY, for all blocks in it:
/// - the CPU has the instructions: `self` exists;
/// - `load` and `store` touch `$lanes` elements at a slice's start, and the slice has been cut to that length;
///   they need no alignment.
macro_rules! simd {
    (
        $set:ident, $features:literal, $t:ty, $v:ty, $lanes:literal, tile $rows:literal, $vecs:literal, $blocking:ident,
        $splat:ident, $load:ident, $store:ident, $add:ident, $mul_add:ident,
        |$a:ident, $b:ident| $zip:expr, |$kink:ident, $of:ident, $kept:ident| $keep:expr,
        |$x:ident| $nonzero:expr
    ) => {
        impl Simd<$t> for $set {
            type V = $v;
            const LANES: usize = $lanes;
            const MR: usize = $rows;
            const NR_VECS: usize = $vecs;
            const BLOCKING: Blocking = $blocking;

            type Panel = [$t; $blocking.kc * $vecs * $lanes];
            type SmallPanel = [$t; SMALL_PANEL * $vecs * $lanes];
            type Masks = [u64; MASKS];

            fn l2_bytes(self) -> usize {
                // Two panels of the largest depth of AVX-512 in 1 MB, five in 2 MB: what was best where measured.
                $blocking.l2_bytes.max(l2_cache() / 8 * L2_EIGHTHS)
            }

            fn panel(self) -> Self::Panel {
                [0.0; $blocking.kc * $vecs * $lanes]
            }

            fn small_panel(self) -> Self::SmallPanel {
                [0.0; SMALL_PANEL * $vecs * $lanes]
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
            fn prefetch(self, from: *const $t) {
                // SAFETY: above; it accesses nothing.
                unsafe { _mm_prefetch::<_MM_HINT_T0>(from.cast()) };
            }

            #[inline(always)]
            fn add(self, a: $v, b: $v) -> $v {
                // SAFETY: above.
                unsafe { $add(a, b) }
            }

            #[inline(always)]
            fn mul_add(self, a: $v, b: $v, c: $v) -> $v {
                // SAFETY: above.
                unsafe { $mul_add(a, b, c) }
            }

            #[inline(always)]
            fn zip(self, $a: $v, $b: $v) -> ($v, $v) {
                // SAFETY: above.
                unsafe { $zip }
            }

            #[inline(always)]
            fn keep_active(self, $kink: Kink, $of: $v, $kept: $v) -> $v {
                // SAFETY: above.
                unsafe { $keep }
            }

            #[inline(always)]
            fn nonzero(self, $x: $v) -> u32 {
                // SAFETY: above.
                unsafe { $nonzero }
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
                #[target_feature(enable = $features)]
                unsafe fn go<R>(f: impl FnOnce() -> R) -> R {
                    f()
                }
                // SAFETY: above.
                unsafe { go(f) }
            }
        }
    };
}

// Comparisons "not less" and "not less or equal" hold for NaN, as `Kink::is_active` does.

simd!(
    Avx2, "avx2,fma", f32, __m256, 8, tile 6, 2, AVX2,
    _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_add_ps, _mm256_fmadd_ps,
    |a, b| {
        let (low, high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
        (_mm256_permute2f128_ps::<0x20>(low, high), _mm256_permute2f128_ps::<0x31>(low, high))
    },
    |kink, z, v| _mm256_and_ps(v, match kink {
        Kink::One => _mm256_cmp_ps::<_CMP_NLT_UQ>(z, _mm256_setzero_ps()),
        Kink::Zero => _mm256_cmp_ps::<_CMP_NLE_UQ>(z, _mm256_setzero_ps()),
    }),
    |v| _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_NEQ_UQ>(v, _mm256_setzero_ps())) as u32
);

simd!(
    Avx2, "avx2,fma", f64, __m256d, 4, tile 6, 2, AVX2,
    _mm256_set1_pd, _mm256_loadu_pd, _mm256_storeu_pd, _mm256_add_pd, _mm256_fmadd_pd,
    |a, b| {
        let (low, high) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
        (_mm256_permute2f128_pd::<0x20>(low, high), _mm256_permute2f128_pd::<0x31>(low, high))
    },
    |kink, z, v| _mm256_and_pd(v, match kink {
        Kink::One => _mm256_cmp_pd::<_CMP_NLT_UQ>(z, _mm256_setzero_pd()),
        Kink::Zero => _mm256_cmp_pd::<_CMP_NLE_UQ>(z, _mm256_setzero_pd()),
    }),
    |v| _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_NEQ_UQ>(v, _mm256_setzero_pd())) as u32
);

#[cfg(handgrad_avx512)]
simd!(
    Avx512, "avx512f,avx512dq,avx512vl,avx512bw,avx2,fma", f32, __m512, 16, tile 8, 3, AVX512,
    _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_add_ps, _mm512_fmadd_ps,
    |a, b| {
        // From 16 on, b's lanes.
        let low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        let high = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        (_mm512_permutex2var_ps(a, low, b), _mm512_permutex2var_ps(a, high, b))
    },
    |kink, z, v| _mm512_maskz_mov_ps(match kink {
        Kink::One => _mm512_cmp_ps_mask::<_CMP_NLT_UQ>(z, _mm512_setzero_ps()),
        Kink::Zero => _mm512_cmp_ps_mask::<_CMP_NLE_UQ>(z, _mm512_setzero_ps()),
    }, v),
    |v| u32::from(_mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(v, _mm512_setzero_ps()))
);

#[cfg(handgrad_avx512)]
simd!(
    Avx512, "avx512f,avx512dq,avx512vl,avx512bw,avx2,fma", f64, __m512d, 8, tile 8, 3, AVX512,
    _mm512_set1_pd, _mm512_loadu_pd, _mm512_storeu_pd, _mm512_add_pd, _mm512_fmadd_pd,
    |a, b| {
        let low = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
        let high = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);
        (_mm512_permutex2var_pd(a, low, b), _mm512_permutex2var_pd(a, high, b))
    },
    |kink, z, v| _mm512_maskz_mov_pd(match kink {
        Kink::One => _mm512_cmp_pd_mask::<_CMP_NLT_UQ>(z, _mm512_setzero_pd()),
        Kink::Zero => _mm512_cmp_pd_mask::<_CMP_NLE_UQ>(z, _mm512_setzero_pd()),
    }, v),
    |v| u32::from(_mm512_cmp_pd_mask::<_CMP_NEQ_UQ>(v, _mm512_setzero_pd()))
);

/// What Linux says of it, where it does: of one CPU or another, should they differ.
#[cfg(all(test, target_os = "linux"))]
#[test]
fn the_l2_cache_is_what_the_system_says() {
    let read = |cpu: usize, name: &str| {
        let path = std::format!("/sys/devices/system/cpu/cpu{cpu}/cache/index2/{name}");
        Some(std::fs::read_to_string(path).ok()?.trim().to_string())
    };
    let size = |cpu| {
        let size = read(cpu, "size").filter(|_| read(cpu, "level").as_deref() == Some("2"))?;
        size.strip_suffix('K')?.parse::<usize>().ok()
    };
    let sizes: std::vec::Vec<usize> = (0..1024).map_while(size).collect();
    let kib = l2_cache() / 1024;
    // An older AMD leaf, which only Linux reads, may be all there is.
    assert!(kib == 0 || sizes.is_empty() || sizes.contains(&kib), "{kib} KiB, {sizes:?}");
}
