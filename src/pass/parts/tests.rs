//! Cuts for some numbers of threads: every buffer is numbered, so that a piece tells where it is from.

use core::ops::Range;

use super::{ExamplesPart, Finding, GradsPart, PanelsPart, Share};
use crate::data::{Dims, MatMut, MatRef, ParamsMut};
use crate::kernels::scaled::Scaled;
use crate::limits::MAX_LANES;
use crate::pass::layout::Hidden;
use crate::pass::outputs::Outputs;

const THREADS: [usize; 5] = [1, 2, 3, 5, 8];

/// The pieces for so many threads, cut as they are for an executor.
fn pieces<W>(work: W, threads: usize, cut: &impl Fn(W, Share) -> (W, Option<W>)) -> Vec<W> {
    if threads == 1 {
        return vec![work];
    }
    let half = threads / 2;
    match cut(work, Share { threads: half, of: threads }) {
        (whole, None) => vec![whole],
        (first, Some(second)) => {
            let mut all = pieces(first, half, cut);
            all.extend(pieces(second, threads - half, cut));
            all
        }
    }
}

/// That pieces of this size are of so many in all, one for each thread as far as there are, and no two differ by more
/// than one.
fn assert_fair(sizes: &[usize], all: usize, threads: usize) {
    let context = || format!("{all} for {threads} threads: {sizes:?}");
    assert!(sizes.iter().sum::<usize>() == all, "{}", context());
    assert!(sizes.len() == threads.min(all), "{}", context());
    let (least, most) = (all / threads, all.div_ceil(threads));
    assert!(sizes.iter().all(|&size| size >= least.max(1) && size <= most), "{}", context());
}

/// Numbers that say where they are.
fn numbered(len: usize) -> Vec<f64> {
    (0..len).map(|i| i as f64).collect()
}

/// That a part of such numbers is this one.
fn assert_is(part: &[f64], range: Range<usize>) {
    assert!(part.iter().copied().eq(range.clone().map(|i| i as f64)), "{range:?} is {part:?}");
}

const BLOCK: usize = 4;
const STRIDE: usize = 3;
const CLASSES: usize = 2;
const INPUTS: usize = 2;
/// The chunk's first example in the batch.
const FIRST: usize = 20;

/// A chunk of some examples, each buffer of which is numbered from 0 on.
struct Chunk {
    len: usize,
    x: Vec<f64>,
    z: Vec<f64>,
    a: Vec<f64>,
    d: Vec<f64>,
    f: Vec<f64>,
    kept: Vec<f64>,
    findings: Vec<Finding<f64>>,
    pack_buffer: Vec<f64>,
    /// Of the whole batch.
    example_losses: Vec<f64>,
    scores: Vec<f64>,
}

impl Chunk {
    fn new(len: usize) -> Self {
        let blocks = len.div_ceil(BLOCK);
        Self {
            len,
            x: numbered(len * INPUTS),
            z: numbered(blocks * BLOCK * STRIDE),
            a: numbered(len * STRIDE),
            d: numbered(blocks * BLOCK * STRIDE),
            f: numbered(blocks * (BLOCK + 1) * CLASSES),
            kept: numbered(blocks * (BLOCK + 1) * (CLASSES + 1)),
            findings: numbered(blocks)
                .into_iter()
                .map(|loss| Finding { loss: Scaled::new(loss), has_finite_inputs: true })
                .collect(),
            pack_buffer: numbered(13 * MAX_LANES),
            example_losses: numbered(FIRST + len),
            scores: numbered((FIRST + len) * CLASSES),
        }
    }

    fn blocks(&self) -> usize {
        self.findings.len()
    }

    /// All of it. The scores lie row by row or, so that their rows interleave, column by column.
    fn part(&mut self, scores_by_rows: bool) -> ExamplesPart<'_, f64> {
        let (rows, scores) = (FIRST + self.len, &mut self.scores);
        let scores = if scores_by_rows {
            MatMut::new(scores, rows, CLASSES)
        } else {
            MatMut::col_major(scores, rows, CLASSES)
        };
        ExamplesPart {
            first: FIRST,
            x: MatRef::new(&self.x, self.len, INPUTS).unwrap().into(),
            w1_panels: None,
            hidden: Hidden { z: &mut self.z, a: &mut self.a, d: &mut self.d },
            f: &mut self.f,
            kept: &mut self.kept,
            findings: &mut self.findings,
            pack_buffer: &mut self.pack_buffer,
            out: Outputs {
                losses: Some(&mut self.example_losses),
                scores: Some(scores.unwrap()),
                ..Outputs::default()
            },
            row: FIRST,
        }
    }
}

/// That a piece has everything of `len` examples from `start` on, as they are numbered in the chunk.
fn assert_has_examples(piece: &mut ExamplesPart<'_, f64>, start: usize, blocks: usize) {
    let (len, first_block) = (piece.len(), start / BLOCK);
    assert_eq!(piece.first, FIRST + start);
    let x = piece.x.row(0).chain(piece.x.row(len - 1)).collect::<Vec<_>>();
    assert_eq!(x, [start * 2, start * 2 + 1, (start + len) * 2 - 2, (start + len) * 2 - 1].map(|i| i as f64));
    let of_blocks = |each: usize| first_block * each..(first_block + blocks) * each;
    assert_is(piece.hidden.z, of_blocks(BLOCK * STRIDE));
    assert_is(piece.hidden.a, start * STRIDE..(start + len) * STRIDE);
    assert_is(piece.hidden.d, of_blocks(BLOCK * STRIDE));
    assert_is(piece.f, of_blocks((BLOCK + 1) * CLASSES));
    assert_is(piece.kept, of_blocks((BLOCK + 1) * (CLASSES + 1)));
    let losses: Vec<f64> = piece.findings.iter().map(|found| found.loss.value).collect();
    assert_is(&losses, of_blocks(1));
    let row = piece.row;
    assert_is(&piece.out.losses.as_ref().unwrap()[row..][..len], FIRST + start..FIRST + start + len);
    let scores = piece.out.scores.as_mut().unwrap();
    assert_eq!(scores.get_mut(row, 0).copied(), Some(((FIRST + start) * CLASSES) as f64));
    assert!(scores.rows() >= row + len);
}

#[test]
fn examples_are_cut_in_whole_blocks_each_once_and_in_fair_shares() {
    for (len, threads) in [1, 4, 5, 8, 9, 31, 40, 65].into_iter().flat_map(|len| THREADS.map(|t| (len, t))) {
        let mut chunk = Chunk::new(len);
        let blocks = chunk.blocks();
        let mut pieces = pieces(chunk.part(true), threads, &|part, share| part.cut(BLOCK, share));
        let sizes: Vec<_> = pieces.iter().map(|piece| piece.findings.len()).collect();
        assert_fair(&sizes, blocks, threads);
        let mut start = 0;
        for (piece, &blocks) in pieces.iter_mut().zip(&sizes) {
            assert_has_examples(piece, start, blocks);
            start += piece.len();
            assert!(start == len || piece.len() == blocks * BLOCK, "{len} examples: broken before the end");
        }
        assert_eq!(start, len);
        let packs: Vec<_> = pieces.iter().map(|piece| piece.pack_buffer.len()).collect();
        assert_eq!(packs.iter().sum::<usize>(), 13 * MAX_LANES);
        assert!(packs.iter().all(|len| len % MAX_LANES == 0), "{packs:?}");
    }
}

#[test]
fn a_chunk_whose_hidden_gradient_has_no_place_of_its_own_is_cut_too() {
    let mut chunk = Chunk::new(10);
    let mut part = chunk.part(true);
    part.hidden.d = &mut [];
    let (first, second) = part.cut(BLOCK, Share { threads: 1, of: 2 });
    assert_eq!([first.hidden.d.len(), second.unwrap().hidden.d.len()], [0, 0]);
}

#[test]
fn examples_are_not_cut_where_rows_of_an_output_interleave_or_there_is_one_block() {
    let share = Share { threads: 4, of: 8 };
    let mut chunk = Chunk::new(40);
    let (mut whole, none) = chunk.part(false).cut(BLOCK, share);
    assert!(none.is_none());
    assert_eq!((whole.len(), whole.row), (40, FIRST));
    assert_is(whole.hidden.reborrow().z, 0..10 * BLOCK * STRIDE);
    let mut chunk = Chunk::new(BLOCK);
    assert!(chunk.part(true).cut(BLOCK, share).1.is_none());
}

#[test]
fn panels_are_cut_each_once_and_in_fair_shares() {
    let first_row = |panel: usize| panel * 24;
    for (panels, threads) in [1, 2, 3, 7, 16].into_iter().flat_map(|panels| THREADS.map(|t| (panels, t))) {
        let mut data = numbered(first_row(panels) * INPUTS);
        let w1 = numbered(first_row(panels) * INPUTS);
        let w1 = MatRef::new(&w1, first_row(panels), INPUTS).unwrap();
        let part = PanelsPart { w1, panels: 0..panels, data: &mut data };
        let pieces = pieces(part, threads, &|part, share| part.cut(share, first_row));
        assert_fair(&pieces.iter().map(|piece| piece.panels.len()).collect::<Vec<_>>(), panels, threads);
        let mut next = 0;
        for piece in pieces {
            assert_eq!(piece.panels.start, next);
            next = piece.panels.end;
            assert_is(piece.data, first_row(piece.panels.start) * INPUTS..first_row(next) * INPUTS);
        }
    }
}

/// All gradients of a net, numbered in the flat order.
fn grads(dims: Dims, flat: &mut [f64]) -> ParamsMut<'_, f64> {
    flat.iter_mut().enumerate().for_each(|(i, number)| *number = i as f64);
    ParamsMut::from_flat(dims, flat).unwrap()
}

/// That these are so many rows of a matrix from the first one's number on.
fn assert_has_rows(view: MatRef<'_, f64>, rows: &Range<usize>, first: usize) {
    assert_eq!(view.rows(), rows.len());
    for i in 0..view.rows() {
        let start = first + (rows.start + i) * view.cols();
        assert!(view.row(i).eq((start..start + view.cols()).map(|i| i as f64)), "row {i} of {rows:?}");
    }
}

#[test]
fn gradients_are_cut_in_whole_tiles_each_row_once_and_in_fair_shares() {
    const TILE: usize = 6;
    for (hidden, classes) in [(1, 3), (6, 3), (7, 1), (36, 10), (50, 2), (131, 48)] {
        let dims = Dims::new(2, hidden, classes).unwrap();
        let [w1, b1, w2, _] = dims.block_lens();
        for threads in THREADS {
            let (mut flat, mut pack_buffer) = (vec![0.0; dims.param_len()], numbered(9 * MAX_LANES));
            let part = GradsPart::all(grads(dims, &mut flat), &mut pack_buffer);
            let pieces = pieces(part, threads, &|part, share| part.cut(TILE, share));
            let tiles: Vec<_> = pieces.iter().map(|piece| piece.hidden.len().div_ceil(TILE)).collect();
            assert_fair(&tiles, hidden.div_ceil(TILE), threads);
            let (mut rows, mut class, mut pack) = (0, 0, 0);
            for piece in pieces {
                assert_eq!(
                    (piece.hidden.start, piece.hidden.start % TILE, piece.classes.start),
                    (rows, 0, class)
                );
                assert_has_rows(piece.w1.as_ref(), &piece.hidden, 0);
                (rows, class) = (piece.hidden.end, piece.classes.end);
                assert_is(piece.b1, w1 + piece.hidden.start..w1 + rows);
                assert_eq!(piece.w2.is_none(), piece.classes.is_empty());
                if let Some(view) = piece.w2 {
                    assert_has_rows(view.as_ref(), &piece.classes, w1 + b1);
                }
                assert_is(piece.b2, w1 + b1 + w2 + piece.classes.start..w1 + b1 + w2 + class);
                assert_is(piece.pack_buffer, pack..pack + piece.pack_buffer.len());
                assert_eq!(pack % MAX_LANES, 0);
                pack += piece.pack_buffer.len();
            }
            assert_eq!((rows, class, pack), (hidden, classes, 9 * MAX_LANES));
        }
    }
}

#[test]
fn gradients_are_not_cut_where_rows_interleave() {
    let (mut w1, mut b1, mut w2, mut b2) = ([0.0; 60], [0.0; 20], [0.0; 60], [0.0; 3]);
    for (w1_by_rows, w2_by_rows) in [(true, true), (true, false), (false, true)] {
        let view = |data, rows, cols, by_rows| {
            if by_rows { MatMut::new(data, rows, cols) } else { MatMut::col_major(data, rows, cols) }
        };
        let (w1, w2) = (view(&mut w1[..], 20, 3, w1_by_rows), view(&mut w2[..], 3, 20, w2_by_rows));
        let params = ParamsMut::new(w1.unwrap(), &mut b1, w2.unwrap(), &mut b2).unwrap();
        let (first, second) = GradsPart::all(params, &mut []).cut(4, Share { threads: 1, of: 2 });
        assert_eq!(second.is_some(), w1_by_rows && w2_by_rows);
        assert_eq!(first.hidden, if second.is_some() { 0..8 } else { 0..20 });
    }
}
