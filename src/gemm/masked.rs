//! Products that leave out the terms that are known to be zero: those whose factor in A is 0.
//!
//! ```text
//! for each kc rows of B:                                (depth, as in blocked.rs)
//!   for each mc rows of A:
//!     mask their elements: a bit for each that is not 0 (masks.rs)
//!     for each panel of B, as wide as there are registers for:
//!       for each piece of the depth, of up to 64 rows:  (with this width it fits the L1 cache)
//!         copy it to the pack buffer, unless it is as well read where it lies
//!         for each row: for each bit of its mask: sums += element of A times row of the piece
//! ```
//!
//! A register tile has no use for a zero, because the other rows of the tile need the same row of B. Here each row has the
//! registers for itself, and every multiply-add loads its register of B: from the L1 cache, which is as fast as multiply-adds
//! are.
//!
//! The result has the bits of the product with all terms: the sums have the same order and are stored at the same places of
//! the depth, and a sum that begins with +0 is not changed by a term that is 0. (If a sum has become -0 because its terms are
//! too small for the type, such a term would make it +0: so both products add +0 before they store.) But 0 times NaN or
//! infinity is NaN: who calls has to know of rows of B that are not finite.

use core::ops::Range;

use num_traits::Float;

use super::blocked::{self, depth_part, even};
use super::epilogue::Epilogue;
use super::factors::{Blocks, Left, Right};
use super::masks::{MASK_BITS, density, is_finite, masks};
use super::packing::{Submatrix, copy};
use super::panels::widths;
use super::product::Beta;
use super::tile::{Destination, finish_elements, finish_rows, load, prefetch_dest, store};
use crate::data::{MatMut, MatRef};
use crate::limits::{MASKED_ROWS, MAX_LANES};
use crate::simd::{self, Simd};

/// A C = A B of which A has zeros, or C + A B, then the epilogue.
pub(crate) struct Masked<'a, T> {
    pub(crate) a: Left<'a, T>,
    /// If packed, in panels of [`Blocking::masked_vecs`](crate::simd::Blocking).
    pub(crate) b: Right<'a, T>,
    /// If the rows of B lie in blocks, the first of which is this view. The columns of A lie in blocks of the same length then.
    pub(crate) b_blocks: Blocks,
    pub(crate) beta: Beta,
    pub(crate) c: MatMut<'a, T>,
    /// None where rows of C are not contiguous.
    pub(crate) epilogue: Epilogue<'a, T>,
    /// A bit for each row of B, set where zeros of A have to be multiplied by it; or nothing, if there are none.
    pub(crate) multiplied: &'a [u64],
}

/// C = A B, or C + A B, without the zeros of A where that takes less time and may be done.
pub(crate) fn product<T: Float, S: Simd<T>>(
    simd: S,
    a: Left<'_, T>,
    b: MatRef<'_, T>,
    beta: Beta,
    c: MatMut<'_, T>,
    pack_buffer: &mut [T],
) {
    let (right, epilogue) = (Right::View(b), Epilogue::None);
    if time(simd, &a, &right, c.cols()) < 1.0 && is_finite(simd, b) {
        Masked { a, b: right, b_blocks: Blocks::ONE, beta, c, epilogue, multiplied: &[] }.run(simd, pack_buffer);
    } else {
        blocked::product(simd, a, right, beta, c, epilogue, pack_buffer);
    }
}

/// The time that a product takes without the zeros of its left factor, as a share of the time with them; by a sample of them.
/// C has so many columns.
pub(crate) fn time<T: Float, S: Simd<T>>(simd: S, a: &Left<'_, T>, b: &Right<'_, T>, cols: usize) -> f32 {
    let all_vecs = cols.div_ceil(S::LANES);
    let vecs = all_vecs.min(S::BLOCKING.masked_vecs) as f32;
    // In multiply-adds of whole registers: a term takes a load beside those of its registers, and no less than the latency of
    // a multiply-add; a visit of a row to a piece as long as 64; a copy 3 or 8 for each register; to begin as long as 1500.
    let term = (vecs + 1.0).max(4.0) / vecs;
    let visit = 64.0 / (vecs * a.depth.min(MASK_BITS) as f32);
    let copy = match b {
        Right::Packed(_) => 0.0,
        Right::View(b) | Right::Squares(b) => if b.col_stride() == 1 { 3.0 } else { 8.0 },
    };
    let begin = 1500.0 / (a.rows * a.depth * all_vecs) as f32;
    let fixed = visit + copy / a.rows.min(MASKED_ROWS) as f32 + begin;
    // Where even a factor of zeros would not pay, none are counted.
    if fixed < 1.0 { density(simd, a) * term + fixed } else { fixed }
}

/// How the product is cut up.
#[derive(Clone, Copy)]
struct Cuts {
    /// The most registers in a row of a panel.
    vecs: usize,
    /// The most rows of A that are masked at a time.
    mc: usize,
    /// The longest piece of the depth.
    piece: usize,
    /// The elements of a packed piece, 0 if B is read where it lies.
    packed: usize,
}

/// So many rows of B are prefetched ahead while they are copied.
const ROWS_AHEAD: usize = 4;

/// So many rows ahead the elements of A are prefetched.
const TERMS_AHEAD: usize = 4;

/// The bytes of a cache line.
const LINE: usize = 64;

/// So many rows ahead the places of the sums are prefetched: each may lie in a page of its own.
const AHEAD: usize = 2;

/// Fewer rows of A at a time do not pay for copies of B.
const MIN_ROWS: usize = 32;

impl<T: Float> Masked<'_, T> {
    /// Computes it. The pack buffer may have any length: the longer, the better. What it holds afterwards is unspecified.
    pub(crate) fn run<S: Simd<T>>(self, simd: S, pack_buffer: &mut [T]) {
        match self.cuts::<S>(pack_buffer.len()) {
            Some(cuts) => self.in_parts(simd, cuts, pack_buffer),
            None => self.on_stack(simd),
        }
    }

    // Not inlined: a stack frame of this size is touched page by page at each call.
    #[inline(never)]
    fn on_stack<S: Simd<T>>(self, simd: S) {
        let mut panel = simd.panel();
        let panel = panel.as_mut();
        if let Some(cuts) = self.cuts::<S>(panel.len()) {
            self.in_parts(simd, cuts, panel);
        } else {
            debug_assert!(false, "a panel holds a narrow piece and the sums of some rows");
        }
    }

    /// Panels as wide as a buffer of this length allows, `None` if it is too short.
    fn cuts<S: Simd<T>>(&self, buffer: usize) -> Option<Cuts> {
        let all = S::BLOCKING.masked_vecs;
        let is_packed = matches!(self.b, Right::Packed(_));
        [all, all / 2, all / 4, 1].into_iter().take(if is_packed { 1 } else { 4 }).find_map(|vecs| {
            let width = vecs.max(1) * S::LANES;
            let piece = MASK_BITS.min(S::BLOCKING.l1_bytes / size_of::<T>() / width).max(1);
            let packed = if self.packs::<S>() { piece * width } else { 0 };
            // Sums whose columns are the contiguous ones are transposed before they are stored.
            let rows = buffer.checked_sub(packed)? / width;
            (rows >= MIN_ROWS.min(self.a.rows)).then_some(Cuts { vecs: vecs.max(1), mc: rows, piece, packed })
        })
    }

    /// Whether pieces of B are copied to the pack buffer before they are used.
    fn packs<S: Simd<T>>(&self) -> bool {
        match self.b {
            Right::View(b) => {
                b.col_stride() != 1 || self.c.cols() % S::LANES != 0 || !is_aligned(&b)
            }
            Right::Squares(_) => true,
            Right::Packed(_) => false,
        }
    }

    fn in_parts<S: Simd<T>>(mut self, simd: S, cuts: Cuts, buffer: &mut [T]) {
        let mut memory = simd.masks();
        let (memory, kc) = (memory.as_mut(), depth_part::<T, S>(self.a.depth));
        for p in (0..self.a.depth).step_by(kc) {
            let depth = p..self.a.depth.min(p + kc);
            let count = pieces(self.a, depth.clone(), cuts.piece).count();
            let mc = even(self.a.rows, cuts.mc.min(memory.len() / count).clamp(1, MASKED_ROWS));
            for row in (0..self.a.rows).step_by(mc) {
                let rows = row..self.a.rows.min(row + mc);
                for (depth, masks) in pieces(self.a, depth.clone(), cuts.piece).zip(memory.chunks_mut(mc)) {
                    self.mask(simd, rows.clone(), depth.clone(), masks);
                }
                let block = Block { rows, depth: depth.clone(), masks: memory, step: mc };
                let mut col = 0;
                for (panels, vecs) in widths::<T, S>(self.c.cols(), cuts.vecs) {
                    for _ in 0..panels {
                        self.panel(simd, &cuts, &block, (col, vecs), buffer);
                        col += vecs * S::LANES;
                    }
                }
            }
        }
    }

    /// The masks of some rows: their elements that are not 0, and those by which zeros have to be multiplied.
    fn mask<S: Simd<T>>(&self, simd: S, rows: Range<usize>, depth: Range<usize>, to: &mut [u64]) {
        let to = &mut to[..rows.len()];
        masks(simd, &self.a, rows, depth.clone(), to);
        if !self.multiplied.is_empty() {
            let is_set = |p: usize| self.multiplied[p / 64] >> (p % 64) & 1;
            let all = depth.clone().fold(0, |all, p| all | is_set(p) << (p - depth.start));
            to.iter_mut().for_each(|mask| *mask |= all);
        }
    }

    /// Some rows of A times a part of a panel of B, which begins with this column and has so many registers.
    fn panel<S: Simd<T>>(
        &mut self,
        simd: S,
        cuts: &Cuts,
        block: &Block<'_>,
        (col, vecs): (usize, usize),
        buffer: &mut [T],
    ) {
        let width = vecs * S::LANES;
        let (rows, cols) = (block.rows.clone(), col..self.c.cols().min(col + width));
        let (packed, sums) = buffer.split_at_mut(cuts.packed);
        let sums = &mut sums[..rows.len() * width];
        let strides = (self.c.row_stride(), self.c.col_stride());
        let beta = if block.depth.start == 0 { self.beta } else { Beta::One };
        let is_transposed = strides.1 != 1 && matches!(self.epilogue, Epilogue::None);
        let kernel = kernel::<T, S>(vecs);
        for (depth, masks) in pieces(self.a, block.depth.clone(), cuts.piece).zip(block.masks.chunks(block.step)) {
            let (is_first, is_last) = (depth.start == block.depth.start, depth.end == block.depth.end);
            let piece = self.piece(simd, depth.clone(), cols.clone(), width, packed);
            let terms = Terms { a: self.a, rows: rows.clone(), depth: depth.clone(), masks, is_first };
            let dest = (is_last && !is_transposed).then(|| {
                let is_end = depth.end == self.a.depth;
                let epilogue = if is_end { self.epilogue.at(0, 0) } else { Epilogue::None };
                Destination { c: self.c.as_mut_slice(), strides, cols: cols.end, beta, epilogue }
            });
            kernel(simd, &terms, piece, sums, col, dest);
        }
        if is_transposed {
            let c = &mut self.c.as_mut_slice()[rows.start * strides.0 + col * strides.1..];
            store_transposed(simd, sums, (rows.len(), cols.len(), width), beta, strides, c);
        }
    }

    /// A piece of a panel of B: where it lies, copied, or still to be copied.
    fn piece<'p, S: Simd<T>>(
        &self,
        simd: S,
        depth: Range<usize>,
        cols: Range<usize>,
        width: usize,
        packed: &'p mut [T],
    ) -> Piece<'p, T>
    where
        Self: 'p,
    {
        let view = match self.b {
            Right::Packed(panels) => {
                let rows = &panels[cols.start * self.a.depth + depth.start * width..];
                return Piece::Ready { rows, step: width };
            }
            Right::View(view) | Right::Squares(view) => view,
        };
        let strides = (view.row_stride(), view.col_stride());
        let data = &view.as_slice()[self.b_blocks.offset(depth.start, strides.0) + cols.start * strides.1..];
        let is_square = matches!(self.b, Right::Squares(_));
        if strides.1 == 1 && cols.len() == width && !is_square {
            let (rows, step) = (data, strides.0);
            if packed.is_empty() { Piece::Ready { rows, step } } else { Piece::Copy { rows, step, to: packed } }
        } else {
            let packed = &mut packed[..depth.len() * width];
            copy(simd, Submatrix { data, rows: depth.len(), cols: cols.len(), strides }, width, packed);
            if is_square {
                packed.iter_mut().for_each(|b| *b = *b * *b);
            }
            Piece::Ready { rows: packed, step: width }
        }
    }
}

/// Some rows of a panel of B, and how far they are apart.
enum Piece<'p, T> {
    Ready {
        rows: &'p [T],
        step: usize,
    },
    /// To be copied before: in whole registers.
    Copy {
        rows: &'p [T],
        step: usize,
        to: &'p mut [T],
    },
}

/// Whether each row begins with a cache line: registers that lie in two of them take twice the time to load.
fn is_aligned<T>(b: &MatRef<'_, T>) -> bool {
    b.as_slice().as_ptr().align_offset(LINE) == 0 && b.row_stride() * size_of::<T>() % LINE == 0
}

/// Some rows of A and a part of the depth, and the masks of its pieces, `step` for each.
struct Block<'m> {
    rows: Range<usize>,
    depth: Range<usize>,
    masks: &'m [u64],
    step: usize,
}

/// Cuts a part of the depth into pieces no longer than `most`, where the blocks of A's columns end and as equal as can be
/// between.
fn pieces<T>(a: Left<'_, T>, part: Range<usize>, most: usize) -> impl Iterator<Item = Range<usize>> {
    let mut start = part.start;
    core::iter::from_fn(move || {
        (start < part.end).then(|| {
            let together = a.col_blocks.rest(start).min(part.end - start);
            let piece = start..start + together.div_ceil(together.div_ceil(most));
            start = piece.end;
            piece
        })
    })
}

/// Some rows of A times a piece of B.
struct Terms<'a, T> {
    a: Left<'a, T>,
    rows: Range<usize>,
    depth: Range<usize>,
    masks: &'a [u64],
    /// Whether the sums begin here.
    is_first: bool,
}

/// Adds the terms to the sums, or hands those on where they are complete: to the columns from this one on.
type Kernel<T, S> = fn(S, &Terms<'_, T>, Piece<'_, T>, &mut [T], usize, Option<Destination<'_, T>>);

/// For panels of so many registers, no more than the instruction set's largest. (That the guards say so, too, leaves the others
/// out of the program.)
fn kernel<T: Float, S: Simd<T>>(vecs: usize) -> Kernel<T, S> {
    let most = S::BLOCKING.masked_vecs;
    match vecs {
        12 if most >= 12 => rows::<T, S, 12>,
        11 if most >= 11 => rows::<T, S, 11>,
        10 if most >= 10 => rows::<T, S, 10>,
        9 if most >= 9 => rows::<T, S, 9>,
        8 if most >= 8 => rows::<T, S, 8>,
        7 if most >= 7 => rows::<T, S, 7>,
        6 if most >= 6 => rows::<T, S, 6>,
        5 if most >= 5 => rows::<T, S, 5>,
        4 => rows::<T, S, 4>,
        3 => rows::<T, S, 3>,
        2 => rows::<T, S, 2>,
        _ => rows::<T, S, 1>,
    }
}

// Not inlined: one copy of each serves all products.
#[inline(never)]
fn rows<T: Float, S: Simd<T>, const N: usize>(
    simd: S,
    terms: &Terms<'_, T>,
    piece: Piece<'_, T>,
    sums: &mut [T],
    col: usize,
    mut dest: Option<Destination<'_, T>>,
) {
    simd.vectorize(
        #[inline(always)]
        || {
            let width = N * S::LANES;
            let (a, a_step) = (&terms.a, terms.a.strides.1);
            let (b, b_step) = match piece {
                Piece::Ready { rows, step } => (rows, step),
                Piece::Copy { rows, step, to } => {
                    copy_rows::<T, S, N>(simd, rows, step, &mut to[..terms.depth.len() * width]);
                    (&*to, width)
                }
            };
            let (mut together, mut offset) = (0, 0);
            for (index, row) in terms.rows.clone().enumerate() {
                if together == 0 {
                    (together, offset) = (a.row_blocks.rest(row), a.offset(row, terms.depth.start));
                }
                let from = &a.data[offset..];
                (together, offset) = (together - 1, offset + a.strides.0);
                prefetch_terms(simd, from, row, terms.depth.len(), a.strides);
                let mask = terms.masks[index];
                if mask == 0 && !terms.is_first && dest.is_none() {
                    continue;
                }
                let memory = &mut sums[index * width..][..width];
                let sums = if terms.is_first { [simd.splat(T::zero()); N] } else { load(simd, memory) };
                let sums = add::<T, S, N>(simd, sums, mask, from, a_step, b, b_step);
                match &mut dest {
                    None => store(simd, sums, memory),
                    Some(dest) => {
                        let place = row * dest.strides.0 + col * dest.strides.1;
                        prefetch_dest::<T, S, N>(simd, dest, place + AHEAD * dest.strides.0);
                        if dest.strides.1 == 1 && col + width <= dest.cols {
                            finish_rows(simd, [sums], dest, place, col);
                        } else {
                            store(simd, sums, memory);
                            finish_elements(memory, width, dest, place, col..dest.cols);
                        }
                    }
                }
            }
        },
    );
}

/// Prefetches what is going to be read of A: rows that are contiguous, some rows ahead; or of columns that are, for the rows
/// in the next cache line a share of it.
#[inline(always)]
fn prefetch_terms<T, S: Simd<T>>(
    simd: S,
    from: &[T],
    row: usize,
    depth: usize,
    (row_stride, col_stride): (usize, usize),
) {
    let (from, line) = (from.as_ptr(), LINE / size_of::<T>());
    if col_stride == 1 {
        for p in (0..depth).step_by(line) {
            simd.prefetch(from.wrapping_add(TERMS_AHEAD * row_stride + p));
        }
    } else if row_stride == 1 && col_stride > line {
        for p in (row % line..depth).step_by(line) {
            simd.prefetch(from.wrapping_add(line + p * col_stride));
        }
    }
}

/// Copies rows of N registers, which are so far apart.
#[inline(always)]
fn copy_rows<T: Float, S: Simd<T>, const N: usize>(simd: S, from: &[T], step: usize, to: &mut [T]) {
    for (p, to) in to.chunks_exact_mut(N * S::LANES).enumerate() {
        store::<T, S, N>(simd, load(simd, &from[p * step..]), to);
        for v in 0..N {
            simd.prefetch(from.as_ptr().wrapping_add((p + ROWS_AHEAD) * step + v * S::LANES));
        }
    }
}

/// The sums and the terms of a row whose bits are set, in their order.
#[inline(always)]
fn add<T: Float, S: Simd<T>, const N: usize>(
    simd: S,
    mut sums: [S::V; N],
    mut mask: u64,
    a: &[T],
    a_step: usize,
    b: &[T],
    b_step: usize,
) -> [S::V; N] {
    while mask != 0 {
        let p = mask.trailing_zeros() as usize;
        mask &= mask - 1;
        let (a, b) = (simd.splat(a[p * a_step]), &b[p * b_step..][..N * S::LANES]);
        for v in 0..N {
            sums[v] = simd.mul_add(a, simd.load(&b[v * S::LANES..]), sums[v]);
        }
    }
    sums
}

/// Stores sums, of so many rows and columns, rows as wide as the last number says, where columns of C are contiguous: by squares of
/// registers.
fn store_transposed<T: Float, S: Simd<T>>(
    simd: S,
    sums: &[T],
    (rows, cols, width): (usize, usize, usize),
    beta: Beta,
    strides: (usize, usize),
    c: &mut [T],
) {
    simd.vectorize(
        #[inline(always)]
        || {
            for row in (0..rows).step_by(S::LANES) {
                let count = S::LANES.min(rows - row);
                for col in (0..cols).step_by(S::LANES) {
                    let mut square = [simd.splat(T::zero()); MAX_LANES];
                    for i in 0..S::LANES {
                        // The last row more often if there are no more: those columns are not used.
                        square[i] = simd.load(&sums[(row + i.min(count - 1)) * width + col..]);
                    }
                    square = simd::transpose(simd, square);
                    for j in 0..S::LANES.min(cols - col) {
                        let c = &mut c[row * strides.0 + (col + j) * strides.1..];
                        let column = simd.add(square[j], simd.splat(T::zero()));
                        if strides.0 == 1 && count == S::LANES {
                            let new = if beta == Beta::One { simd.add(simd.load(c), column) } else { column };
                            simd.store(new, c);
                            continue;
                        }
                        let mut column_ = [T::zero(); MAX_LANES];
                        simd.store(column, &mut column_);
                        let c = c.iter_mut().step_by(strides.0.max(1)).zip(&column_[..count]);
                        c.for_each(|(c, &sum)| *c = if beta == Beta::One { *c + sum } else { sum });
                    }
                }
            }
        },
    );
}

#[cfg(test)]
mod timing {
    extern crate std;
    use super::*;
    use crate::gemm::{Blocks, pack_left, product};
    use std::{vec, vec::Vec, println, time::Instant};
    fn one<T: Float, S: Simd<T>>(simd: S, name: &str, (m, h, n): (usize, usize, usize), dens: f64) {
        let mut s = 12345u64;
        let mut rnd = || { s ^= s << 13; s ^= s >> 7; s ^= s << 17; (s >> 11) as f64 / (1u64 << 53) as f64 };
        let stride = if h<128 {h} else {h.next_multiple_of(48) + 16};
        let block = if n%256==0 {256} else {n};
        let d: Vec<T> = (0..n * stride).map(|_| if rnd() < dens { T::from(rnd() - 0.5).unwrap() } else { T::zero() }).collect();
        let x: Vec<T> = (0..n * m).map(|_| T::from(rnd() - 0.5).unwrap()).collect();
        let mut panels = vec![T::zero(); n * stride];
        for b in 0..n / block {
            let at = MatRef::with_strides(&d[b * block * stride..(b + 1) * block * stride], (block, h), (stride, 1)).unwrap();
            pack_left(simd, at, block * S::MR, &mut panels[b * block * stride..]);
        }
        let left = Left { data: &panels, rows: h, depth: n, strides: (1, S::MR), row_blocks: Blocks { len: S::MR, step: block * S::MR }, col_blocks: Blocks { len: block, step: block * stride } };
        let left = if h < 128 { Left::view(MatRef::with_strides(&d, (n, h), (stride, 1)).unwrap().t()) } else { left };
        let xv = MatRef::new(&x, n, m).unwrap();
        let mut c = vec![T::zero(); h * m];
        let mut c2 = vec![T::zero(); h * m];
        let mut buf = vec![T::zero(); 3 << 17];
        let off = buf.as_ptr().align_offset(64);
        let buf = &mut buf[off..];
        let (mut dense, mut mask) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..12 {
            let t = Instant::now();
            product(simd, left, Right::View(xv), Beta::Zero, MatMut::new(&mut c, h, m).unwrap(), Epilogue::None, buf);
            dense = dense.min(t.elapsed().as_secs_f64());
            let t = Instant::now();
            Masked { a: left, b: Right::View(xv), b_blocks: Blocks::ONE, beta: Beta::Zero, c: MatMut::new(&mut c2, h, m).unwrap(), epilogue: Epilogue::None, multiplied: &[] }.run(simd, buf);
            mask = mask.min(t.elapsed().as_secs_f64());
        }
        assert!(c == c2);
        let gf = |t: f64| 2.0 * (m * h * n) as f64 / t / 1e9;
        println!("{name} {} ({m},{h},{n}) density {dens}: dense {:.3} ms {:.1} GF, masked {:.3} ms {:.1} GF, ratio {:.2}, estimate {:.2}", size_of::<T>(), dense * 1e3, gf(dense), mask * 1e3, gf(mask), mask / dense, time(simd, &left, &Right::View(xv), m));
    }
    fn two<T: Float, S: Simd<T>>(simd: S, (h, c, n): (usize, usize, usize), dens: f64) {
        let mut s = 12345u64;
        let mut rnd = || { s ^= s << 13; s ^= s >> 7; s ^= s << 17; (s >> 11) as f64 / (1u64 << 53) as f64 };
        let stride = h + 16;
        let block = 256;
        let ss = 272;
        let a: Vec<T> = (0..n * stride).map(|_| if rnd() < dens { T::from(rnd() - 0.5).unwrap() } else { T::zero() }).collect();
        let w2: Vec<T> = (0..c * h).map(|_| T::from(rnd() - 0.5).unwrap()).collect();
        let mut f = vec![T::zero(); n / block * ss * c];
        let mut f2 = f.clone();
        let g: Vec<T> = (0..n / block * ss * c).map(|_| T::from(rnd() - 0.5).unwrap()).collect();
        let mut dw = vec![T::zero(); c * h];
        let mut dw2 = dw.clone();
        let mut buf = vec![T::zero(); 3 << 17];
        let off = buf.as_ptr().align_offset(64);
        let buf = &mut buf[off..];
        let w2 = MatRef::new(&w2, c, h).unwrap();
        let mut t4 = [f64::INFINITY; 4];
        for _ in 0..8 {
            for k in 0..4 {
                let t = Instant::now();
                match k {
                    0 | 1 => for b in 0..n / block {
                        let av = MatRef::with_strides(&a[b * block * stride..], (block, h), (stride, 1)).unwrap();
                        let f = if k == 0 { &mut f } else { &mut f2 };
                        let fv = MatMut::with_strides(&mut f[b * ss * c..(b + 1) * ss * c], (c, block), (ss, 1)).unwrap();
                        if k == 0 { product(simd, Left::view(w2), Right::View(av.t()), Beta::Zero, fv, Epilogue::None, buf); }
                        else { Masked { a: Left::view(av), b: Right::View(w2.t()), b_blocks: Blocks::ONE, beta: Beta::Zero, c: fv.t(), epilogue: Epilogue::None, multiplied: &[] }.run(simd, buf); }
                    },
                    _ => {
                        let first = MatRef::with_strides(&g, (c, block), (ss, 1)).unwrap();
                        let blocks = Blocks { len: block, step: ss * c };
                        if k == 2 {
                            let av = MatRef::with_strides(&a, (n, h), (stride, 1)).unwrap();
                            product(simd, Left::col_blocks(first, n, blocks), Right::View(av), Beta::Zero, MatMut::new(&mut dw, c, h).unwrap(), Epilogue::None, buf);
                        } else {
                            let av = MatRef::with_strides(&a, (block, h), (stride, 1)).unwrap();
                            let av = Left::col_blocks(av.t(), n, Blocks { len: block, step: block * stride });
                            Masked { a: av, b: Right::View(first.t()), b_blocks: blocks, beta: Beta::Zero, c: MatMut::new(&mut dw2, c, h).unwrap().t(), epilogue: Epilogue::None, multiplied: &[] }.run(simd, buf);
                        }
                    }
                }
                t4[k] = t4[k].min(t.elapsed().as_secs_f64());
            }
        }
        assert!(f == f2 && dw == dw2);
        println!("({h},{c},{n}) density {dens}: F dense {:.2} masked {:.2} ratio {:.2}; dW2 dense {:.2} masked {:.2} ratio {:.2}", t4[0] * 1e3, t4[1] * 1e3, t4[1] / t4[0], t4[2] * 1e3, t4[3] * 1e3, t4[3] / t4[2]);
    }
    fn three<T: Float, S: Simd<T>>(simd: S, (m, h, n): (usize, usize, usize), dens: f64) {
        let mut s = 12345u64;
        let mut rnd = || { s ^= s << 13; s ^= s >> 7; s ^= s << 17; (s >> 11) as f64 / (1u64 << 53) as f64 };
        let stride = h + 16;
        let x: Vec<T> = (0..n * m).map(|_| if rnd() < dens { T::from(rnd() - 0.5).unwrap() } else { T::zero() }).collect();
        let w1: Vec<T> = (0..h * m).map(|_| T::from(rnd() - 0.5).unwrap()).collect();
        let b1 = vec![T::zero(); h];
        let d: Vec<T> = (0..n * stride).map(|_| T::from(rnd() - 0.5).unwrap()).collect();
        let (mut z, mut a) = (vec![T::zero(); n * stride], vec![T::zero(); n * stride]);
        let mut dw = vec![T::zero(); h * m];
        let mut buf = vec![T::zero(); 3 << 17];
        let off = buf.as_ptr().align_offset(64);
        let buf = &mut buf[off..];
        let w1 = MatRef::new(&w1, h, m).unwrap();
        let x = MatRef::new(&x, n, m).unwrap();
        let mut panels = vec![T::zero(); m * h.next_multiple_of(16) + 16];
        let off = panels.as_ptr().align_offset(64);
        let panels = &mut panels[off..];
        let mut t4 = [f64::INFINITY; 4];
        for _ in 0..8 {
            for k in 0..4 {
                let t = Instant::now();
                match k {
                    0 => crate::gemm::pack(simd, w1.t(), S::BLOCKING.masked_vecs, 0..crate::gemm::panels::<T, S>(h, S::BLOCKING.masked_vecs), panels),
                    1 => Masked { a: Left::view(x), b: Right::Packed(panels), b_blocks: Blocks::ONE, beta: Beta::Zero, c: MatMut::with_strides(&mut z, (n, h), (stride, 1)).unwrap(), epilogue: Epilogue::Activate { kink: crate::Kink::One, bias: &b1, a: &mut a }, multiplied: &[] }.run(simd, buf),
                    2 => { let dv = MatRef::with_strides(&d, (n, h), (stride, 1)).unwrap(); Masked { a: Left::view(x.t()), b: Right::View(dv), b_blocks: Blocks::ONE, beta: Beta::Zero, c: MatMut::new(&mut dw, h, m).unwrap().t(), epilogue: Epilogue::None, multiplied: &[] }.run(simd, buf) },
                    _ => { let dv = MatRef::with_strides(&d, (n, h), (stride, 1)).unwrap(); std::hint::black_box((is_finite(simd, dv), time(simd, &Left::view(x.t()), &Right::View(dv), h))); }
                }
                t4[k] = t4[k].min(t.elapsed().as_secs_f64());
            }
        }
        println!("({m},{h},{n}) density {dens}: pack {:.3} Z {:.3} ms {:.1} GF; dW1 by inputs {:.3} ms {:.1} GF; finite and time {:.4}", t4[0] * 1e3, t4[1] * 1e3, 2.0 * (m * h * n) as f64 / t4[1] / 1e9, t4[2] * 1e3, 2.0 * (m * h * n) as f64 / t4[2] / 1e9, t4[3] * 1e3);
    }
    #[test]
    #[ignore]
    fn timing() {
        if std::env::var("ONLY").is_ok_and(|o| o.contains('X')) {
            for dens in [0.19] { for shape in [(784, 1024, 1024)] { three::<f32, _>(*crate::simd::Avx512::detect().unwrap(), shape, dens); } }
            return;
        }
        if std::env::var("ONLY").is_ok_and(|o| o.contains('F')) {
            for dens in [0.5, 0.35] { two::<f32, _>(*crate::simd::Avx512::detect().unwrap(), (1024, 1000, 1024), dens); two::<f32, _>(*crate::simd::Avx512::detect().unwrap(), (512, 1000, 512), dens); }
            return;
        }
        let set = *crate::simd::Avx512::detect().unwrap();
        let set2 = *crate::simd::Avx2::detect().unwrap();
        let only = std::env::var("ONLY").unwrap_or_default();
        for dens in [0.5, 0.35] {
            for shape in [(784, 1024, 1024), (784, 128, 1024), (784, 128, 128), (3072, 1024, 1024), (64,32,1797), (64,32,32),(64,128,256),(256,32,256)] {
                if only.is_empty() || only.contains('5') { one::<f32, _>(set, "avx512", shape, dens); }
                if only.contains('d') { one::<f64, _>(set, "avx512", shape, dens); }
                if only.is_empty() || only.contains('2') { one::<f32, _>(set2, "avx2", shape, dens); }
            }
        }
    }
}
