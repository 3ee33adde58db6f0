//! Where the sums of a product go, and how: the last step of the register tile and of the products without zeros.

use core::ops::Range;

use num_traits::Float;

use super::epilogue::Epilogue;
use super::product::{AlphaBeta, Beta};
use crate::simd::Simd;

/// Where the sums go: `cols` columns of C from `c[0]` on.
pub(super) struct Destination<'a, T> {
    pub(super) c: &'a mut [T],
    pub(super) strides: (usize, usize),
    pub(super) cols: usize,
    pub(super) onto: AlphaBeta<T>,
    pub(super) epilogue: Epilogue<'a, T>,
}

/// Prefetches the places of a row of sums, so that they are at hand when those are complete.
#[inline(always)]
pub(super) fn prefetch_dest<T: Float, S: Simd<T>, const N: usize>(
    simd: S,
    dest: &Destination<'_, T>,
    place: usize,
) {
    for v in 0..N {
        let place = place + v * S::LANES;
        simd.prefetch(dest.c.as_ptr().wrapping_add(place));
        match &dest.epilogue {
            Epilogue::Activate { a, .. } => simd.prefetch(a.as_ptr().wrapping_add(place)),
            Epilogue::Mask { z: Some(z), .. } => simd.prefetch(z.as_ptr().wrapping_add(place)),
            _ => {}
        }
    }
}

/// Whole registers, rows contiguous.
///
/// Each loop is short enough to be unrolled: an index into `sums` that is not a constant would keep them in
/// memory, in `multiply`, too.
#[inline(always)]
pub(super) fn finish_rows<T: Float, S: Simd<T>, const R: usize, const N: usize>(
    simd: S,
    mut sums: [[S::V; N]; R],
    dest: &mut Destination<'_, T>,
    place: usize,
    col: usize,
) {
    let stride = dest.strides.0;
    let c = &mut dest.c[place..];
    let zero = simd.splat(T::zero());
    if dest.onto.alpha == T::one() {
        for i in 0..R {
            for v in 0..N {
                sums[i][v] = simd.add(sums[i][v], zero);
            }
        }
    } else {
        for i in 0..R {
            for v in 0..N {
                sums[i][v] = dest.onto.scaled(simd, sums[i][v]);
            }
        }
    }
    if dest.onto.beta == Beta::One {
        for i in 0..R {
            let old = load::<T, S, N>(simd, &c[i * stride..]);
            for v in 0..N {
                sums[i][v] = simd.add(old[v], sums[i][v]);
            }
        }
    }
    match &mut dest.epilogue {
        Epilogue::None => {}
        Epilogue::Activate { kink, bias, a } => {
            let bias = load::<T, S, N>(simd, &bias[col..]);
            let a = &mut a[place..];
            for i in 0..R {
                for v in 0..N {
                    sums[i][v] = simd.add(sums[i][v], bias[v]);
                }
            }
            let mut active = sums;
            for i in 0..R {
                for v in 0..N {
                    active[i][v] = simd.keep_active(*kink, sums[i][v], sums[i][v]);
                }
            }
            for i in 0..R {
                store::<T, S, N>(simd, active[i], &mut a[i * stride..]);
            }
        }
        Epilogue::Mask { kink, z } => {
            let z = z.map_or(&*c, |z| &z[place..]);
            for i in 0..R {
                let z = load::<T, S, N>(simd, &z[i * stride..]);
                for v in 0..N {
                    sums[i][v] = simd.keep_active(*kink, z[v], sums[i][v]);
                }
            }
        }
    }
    for i in 0..R {
        store::<T, S, N>(simd, sums[i], &mut c[i * stride..]);
    }
}

#[inline(always)]
pub(super) fn load<T, S: Simd<T>, const N: usize>(simd: S, from: &[T]) -> [S::V; N] {
    let from = &from[..N * S::LANES];
    // Not `array::from_fn`: for long rows it is a call, and not of this instruction set.
    let mut row = [simd.load(from); N];
    for v in 1..N {
        row[v] = simd.load(&from[v * S::LANES..]);
    }
    row
}

#[inline(always)]
pub(super) fn store<T, S: Simd<T>, const N: usize>(simd: S, row: [S::V; N], to: &mut [T]) {
    let to = &mut to[..N * S::LANES];
    for v in 0..N {
        simd.store(row[v], &mut to[v * S::LANES..]);
    }
}

/// Any strides, any number of columns: by way of memory. Down the columns, because only those are contiguous
/// where rows are not.
pub(super) fn finish_elements<T: Float>(
    sums: &[T],
    width: usize,
    dest: &mut Destination<'_, T>,
    first: usize,
    cols: Range<usize>,
) {
    let Destination { c, strides: (row_stride, col_stride), onto, epilogue, .. } = dest;
    for (j, col) in cols.enumerate() {
        for (i, sums) in sums.chunks_exact(width).enumerate() {
            let place = first + i * *row_stride + j * *col_stride;
            let c = &mut c[place];
            let sum = onto.apply_one(sums[j], *c);
            *c = match epilogue {
                Epilogue::None => sum,
                Epilogue::Activate { kink, bias, a } => {
                    let z = sum + bias[col];
                    a[place] = if kink.is_active(z) { z } else { T::zero() };
                    z
                }
                Epilogue::Mask { kink, z } => {
                    if kink.is_active(z.map_or(*c, |z| z[place])) {
                        sum
                    } else {
                        T::zero()
                    }
                }
            };
        }
    }
}
