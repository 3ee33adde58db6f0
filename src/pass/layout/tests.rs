//! The decisions for many nets and numbers of examples: nothing is run.

use super::{External, Hidden, HiddenGrad, Layout};
use crate::data::Dims;
use crate::limits::{MAX_BLOCK, MAX_CHUNK, MAX_LANES, MIN_BLOCK, PACK_BUFFER};

const EXTERNALS: [External; 3] = [External::None, External::Forward, External::All];

fn dims(inputs: usize, hidden: usize, classes: usize) -> Dims {
    Dims::new(inputs, hidden, classes).unwrap()
}

/// Nets of all kinds: small and large in each of their sizes.
fn nets() -> impl Iterator<Item = Dims> {
    let sizes = [(1, 1), (16, 15), (64, 32), (255, 127), (256, 128), (784, 300), (3000, 1024), (5, 40_000)];
    sizes.into_iter().flat_map(|(m, h)| [1, 10, 48, 49, 1000].map(|c| dims(m, h, c)))
}

/// The largest nets there can be, one size at a time and all three.
fn huge_nets() -> impl Iterator<Item = Dims> {
    let nets: [fn(usize) -> Result<Dims, crate::Error>; 4] = [
        |size| Dims::new(size, 1, 1),
        |size| Dims::new(1, size, 1),
        |size| Dims::new(1, 1, size),
        |size| Dims::new(size, size, size),
    ];
    nets.into_iter().map(|net| {
        let largest = (0..usize::BITS).rev().fold(0, |size, bit| {
            let larger = size | 1 << bit;
            if net(larger).is_ok() { larger } else { size }
        });
        net(largest).unwrap()
    })
}

/// Numbers of examples around each limit.
const EXAMPLES: [usize; 22] = [
    1, 7, 8, 9, 16, 31, 32, 33, 48, 64, 127, 129, 255, 257, 1000, 1024, 1025, 2048, 2049, 4096, 4097,
    1_000_000,
];

/// Each net, each number of examples, each engine.
fn each(check: impl Fn(Dims, usize, External, Layout)) {
    for (dims, n) in nets().flat_map(|dims| EXAMPLES.map(|n| (dims, n))) {
        for external in EXTERNALS {
            check(dims, n, external, Layout::new(dims, n, external));
        }
    }
}

#[test]
#[cfg_attr(handgrad_small_limits, ignore = "states what holds at the limits that pay")]
fn eight_examples_are_few_and_nine_are_not() {
    for dims in nets() {
        for external in [External::None, External::Forward] {
            assert!([1, 8].iter().all(|&n| Layout::new(dims, n, external).few_examples));
            assert!(!Layout::new(dims, 9, external).few_examples);
        }
        assert!(!Layout::new(dims, 8, External::All).few_examples);
    }
}

#[test]
#[cfg_attr(handgrad_small_limits, ignore = "states what holds at the limits that pay")]
fn with_few_examples_the_crate_multiplies_on_the_way_forward() {
    for (dims, n) in nets().flat_map(|dims| [(dims, 1), (dims, 8)]) {
        assert_eq!(Layout::new(dims, n, External::Forward), Layout::new(dims, n, External::None));
    }
}

#[test]
#[cfg_attr(handgrad_small_limits, ignore = "states what holds at the limits that pay")]
fn few_examples_and_products_of_another_run_on_the_calling_thread() {
    each(|_, n, external, layout| {
        assert_eq!(layout.is_serial(), n <= 8 || external == External::All);
    });
}

#[test]
#[cfg_attr(handgrad_small_limits, ignore = "states what holds at the limits that pay")]
fn the_hidden_gradient_has_its_own_place_from_49_classes_on() {
    for n in [1, 8, 9, 100, 5000] {
        for external in [External::None, External::Forward] {
            assert_eq!(Layout::new(dims(20, 30, 48), n, external).hidden_grad, HiddenGrad::OverZ);
            assert_eq!(Layout::new(dims(20, 30, 49), n, external).hidden_grad, HiddenGrad::Own);
        }
        for classes in [48, 49] {
            assert_eq!(Layout::new(dims(20, 30, classes), n, External::All).hidden_grad, HiddenGrad::OverA);
        }
    }
    each(|_, _, _, layout| {
        let needs_place = layout.hidden_grad == HiddenGrad::Own || layout.packs_hidden_grad;
        assert_eq!(layout.lens.d > 0, needs_place);
        if needs_place {
            assert_eq!(layout.lens.d, layout.lens.z);
        }
    });
}

#[test]
#[cfg_attr(handgrad_small_limits, ignore = "states what holds at the limits that pay")]
fn the_hidden_gradient_is_found_where_it_was_written() {
    let marks = ([1.0], [2.0], [3.0]);
    for (external, classes, a, d) in
        [(External::None, 48, 2.0, 1.0), (External::None, 49, 2.0, 3.0), (External::All, 49, 1.0, 2.0)]
    {
        let (mut z_place, mut a_place, mut d_place) = marks;
        let hidden = Hidden { z: &mut z_place, a: &mut a_place, d: &mut d_place };
        let factors = Layout::new(dims(2, 3, classes), 100, external).after_hidden_grad(hidden);
        assert_eq!((factors.a[0], factors.d[0]), (a, d));
        // The panels go to the third place.
        assert!(external == External::All || factors.d_panels[0] == 6.0 - a - d);
    }
}

#[test]
#[cfg_attr(handgrad_small_limits, ignore = "states what holds at the limits that pay")]
fn the_hidden_gradient_is_packed_from_128_units_on() {
    each(|dims, n, external, layout| {
        assert_eq!(layout.packs_hidden_grad, dims.hidden() >= 128 && n > 8 && external != External::All);
        if layout.packs_hidden_grad {
            // Panels of 4, 6 and 8 rows all fit into a row's place.
            let stride = layout.hidden_stride;
            assert!([4, 6, 8].iter().all(|&rows| stride >= dims.hidden().next_multiple_of(rows)));
        }
    });
}

#[test]
#[cfg_attr(handgrad_small_limits, ignore = "states what holds at the limits that pay")]
fn w1_has_room_for_its_panels_where_the_crate_may_multiply_by_it() {
    each(|dims, n, external, layout| {
        let panels = dims.inputs() * dims.hidden().next_multiple_of(MAX_LANES);
        let is_packed = n > 8 && external != External::All;
        assert_eq!(layout.lens.w1_panels, if is_packed { panels.next_multiple_of(MAX_LANES) } else { 0 });
    });
}

#[test]
#[cfg_attr(handgrad_small_limits, ignore = "states what holds at the limits that pay")]
fn a_chunk_has_at_most_2048_examples_and_32_if_there_are_so_many() {
    each(|dims, n, _, layout| {
        assert_eq!(layout.chunk, dims.chunk_len(n));
        assert!(
            layout.chunk <= n.min(MAX_CHUNK) && layout.chunk >= n.min(MIN_BLOCK),
            "{dims:?} {n}: {layout:?}"
        );
        // All chunks but the last of a batch have the same blocks.
        assert!(n <= layout.chunk || layout.chunk % layout.block == 0, "{dims:?} {n}: {layout:?}");
    });
    assert_eq!(dims(64, 32, 10).chunk_len(1_000_000), 2048);
    assert_eq!(dims(64, 1000, 10).chunk_len(1_000_000), 1024);
    assert_eq!(dims(64, 1 << 20, 10).chunk_len(1_000_000), 32);
}

#[test]
#[cfg_attr(handgrad_small_limits, ignore = "states what holds at the limits that pay")]
fn blocks_have_32_to_256_examples_and_there_are_several_from_33_examples_on() {
    each(|dims, n, external, layout| {
        let context = || format!("{dims:?} {n} {external:?}: {layout:?}");
        if n <= 8 || external == External::All {
            assert!(layout.block == layout.chunk, "{}", context());
        } else {
            assert!(layout.block <= MAX_BLOCK && layout.block >= n.min(MIN_BLOCK), "{}", context());
            assert!(n < 33 || n.div_ceil(layout.block) >= 2, "{}", context());
            assert!(layout.score_stride >= layout.block && layout.hidden_stride >= dims.hidden());
            // Rows of many cache lines would fall into few sets.
            assert!(layout.score_stride % 256 != 0 && layout.hidden_stride % 256 != 0, "{}", context());
        }
    });
}

#[test]
fn four_threads_get_blocks_of_equal_size() {
    for n in (128..=2048).step_by(128) {
        let block = Layout::new(dims(64, 32, 10), n, External::None).block;
        assert!(n % block == 0 && n / block % 4 == 0, "{n}: {block}");
    }
}

#[test]
fn the_examples_of_a_plain_sum_are_at_most_4096() {
    each(|dims, n, _, layout| {
        assert!(
            layout.plain_chunks >= 1 && layout.plain_chunks * layout.chunk <= 4096,
            "{dims:?} {n}: {layout:?}"
        );
        let needs_low = n > layout.plain_chunks * layout.chunk;
        assert!(layout.lens.low_order >= if needs_low { dims.param_len() } else { 0 });
        assert!(needs_low || layout.lens.low_order == 0);
    });
}

#[test]
#[cfg_attr(handgrad_small_limits, ignore = "states what holds at the limits that pay")]
fn products_over_many_examples_at_a_time_where_weights_come_from_far() {
    let rows = |m, h, external| {
        let layout = Layout::new(dims(m, h, 10), 1000, external);
        (layout.rows_at_once == layout.chunk, layout.rows_at_once == layout.block)
    };
    assert_eq!(rows(1023, 1024, External::None), (false, true));
    assert_eq!(rows(1024, 1024, External::None), (true, false));
    assert_eq!(rows(64, 32, External::Forward), (true, false));
}

#[test]
fn all_parts_but_those_of_whole_chunks_are_multiples_of_the_widest_register() {
    each(|dims, n, external, layout| {
        if n > 8 && external != External::All {
            let lens = layout.lens;
            let parts = [lens.z, lens.a, lens.d, lens.f, lens.w1_panels, lens.pack_buffer, lens.low_order];
            assert!(parts.iter().all(|len| len % MAX_LANES == 0), "{dims:?} {n}: {lens:?}");
        }
        assert!(layout.lens.pack_buffer <= PACK_BUFFER);
    });
}

#[test]
fn the_parts_hold_what_goes_there() {
    each(|dims, _, _, layout| {
        let (h, c, Layout { chunk, block, hidden_stride, score_stride, lens, .. }) =
            (dims.hidden(), dims.classes(), layout);
        let blocks = chunk.div_ceil(block);
        assert!(
            lens.z >= blocks * block * hidden_stride && lens.a >= chunk * hidden_stride && hidden_stride >= h
        );
        assert!(lens.f >= blocks * score_stride * c && score_stride >= block);
    });
}

#[test]
fn no_engine_needs_more_scratch_than_is_said() {
    each(|dims, n, external, layout| {
        assert!(layout.lens.sum() <= dims.scratch_len(n), "{dims:?} {n} {external:?}: {layout:?}");
    });
    // Also of the largest nets: nothing overflows.
    for (dims, n) in
        huge_nets().flat_map(|dims| EXAMPLES.into_iter().chain([usize::MAX]).map(move |n| (dims, n)))
    {
        let said = dims.scratch_len(n);
        assert!(isize::try_from(said).is_ok(), "{dims:?} {n}: {said}");
        for external in EXTERNALS {
            assert!(Layout::new(dims, n, external).lens.sum() <= said, "{dims:?} {n} {external:?}");
        }
    }
}

#[test]
fn the_scratch_grows_with_the_examples_up_to_5000_and_no_further() {
    for dims in nets() {
        let mut before = 0;
        for n in 1..=5000 {
            let len = dims.scratch_len(n);
            assert!(len >= before, "{dims:?}: {before} before {n} examples, then {len}");
            before = len;
        }
        assert!(
            [5001, 10_000, 1_000_000, usize::MAX].iter().all(|&n| dims.scratch_len(n) == before),
            "{dims:?}"
        );
    }
}

#[test]
#[cfg_attr(handgrad_small_limits, ignore = "states what holds at the limits that pay")]
fn the_smallest_scratch_is_what_the_documentation_says() {
    assert_eq!(dims(64, 32, 10).scratch_len(7), 7 * (2 * 32 + 10));
    assert_eq!(dims(64, 32, 49).scratch_len(7), 7 * (3 * 32 + 49));
}

/// Wherever the scratch begins: parts of the lengths that were said, one after the other and within it, and the first one
/// at the beginning of a cache line, where there is room for that.
#[test]
fn the_scratch_is_cut_into_disjoint_parts_from_any_address() {
    let dims = dims(20, 130, 50);
    let most = dims.scratch_len(5000);
    let mut memory = vec![0u32; most + MAX_LANES];
    for (n, external) in [4, 40, 5000].into_iter().flat_map(|n| EXTERNALS.map(|external| (n, external))) {
        let (layout, len) = (Layout::new(dims, n, external), dims.scratch_len(n));
        for start in 0..MAX_LANES {
            memory.fill(0);
            let scratch = layout.cut(&mut memory[start..start + len]);
            let Hidden { z, a, d } = scratch.hidden;
            let aligned = z.as_ptr().align_offset(64) == 0;
            assert!(aligned || layout.lens.alignment == 0, "{n} {external:?} from {start}");
            let parts = [z, a, d, scratch.f, scratch.w1_panels, scratch.pack_buffer, scratch.low_order];
            let lens = layout.lens;
            let said = [lens.z, lens.a, lens.d, lens.f, lens.w1_panels, lens.pack_buffer, lens.low_order];
            assert_eq!(parts.each_ref().map(|part| part.len()), said);
            // Marks go to different places of the scratch, and are in order.
            parts.into_iter().zip(1..).for_each(|(part, mark)| part.fill(mark));
            let marked: Vec<u32> = memory.iter().copied().filter(|&mark| mark > 0).collect();
            assert_eq!(marked.len(), said.iter().sum::<usize>());
            assert!(marked.is_sorted());
            let outside = memory[..start].iter().chain(&memory[start + len..]);
            assert!(outside.copied().all(|mark| mark == 0));
        }
    }
}

/// By hand: the longest of the copies of X, A, W2 and of Aᵀ (of a block), each at most as deep as is multiplied at a time; and
/// of a piece and the sums of some rows, where the zeros may be left out.
#[test]
#[cfg_attr(handgrad_small_limits, ignore = "states what holds at the limits that pay")]
fn the_pack_buffer_is_as_long_as_its_largest_use() {
    for (net, n, expected) in [
        // X, with 304 numbers a row.
        (dims(300, 40, 10), 1000, 800 * 304),
        // The same of fewer examples than are multiplied at a time, and of as many.
        (dims(300, 40, 10), 250, 250 * 304),
        (dims(300, 40, 10), 800, 800 * 304),
        // A: X is read where it lies.
        (dims(64, 300, 10), 1000, 800 * 304),
        // W2, of more classes than there are examples.
        (dims(64, 300, 1000), 50, 800 * 304),
        // Aᵀ of 240 hidden units and a block of 256 examples.
        (dims(64, 240, 10), 1000, 240 * 256),
        // Rows of 256 numbers are too far apart to be read where they lie.
        (dims(256, 32, 10), 1000, 800 * 256),
        // No more than there may be.
        (dims(1000, 40, 10), 1000, PACK_BUFFER),
        // X and A, of too few terms for the zeros to be left out.
        (dims(3, 4, 2), 20, 20 * 16),
        // Enough terms: a piece of 32 rows and 64 sums, of 64 numbers each. And one hidden unit less.
        (dims(32, 64, 2), 64, (32 + 64) * 64),
        (dims(32, 63, 2), 64, 64 * 64),
        // A piece of 64 rows and 256 sums, of the 32 hidden units.
        (dims(64, 32, 10), 1000, (64 + 256) * 32),
    ] {
        assert_eq!(Layout::new(net, n, External::None).lens.pack_buffer, expected, "{net:?} {n}");
    }
}

/// 2^20 weights in one of the matrices.
#[test]
#[cfg_attr(handgrad_small_limits, ignore = "states what holds at the limits that pay")]
fn large_matrices_are_multiplied_by_all_examples_of_a_chunk() {
    for (net, is_large) in [
        (dims(1024, 1024, 2), true),
        (dims(1023, 1024, 2), false),
        (dims(2, 1024, 1024), true),
        (dims(2, 1024, 1023), false),
    ] {
        let layout = Layout::new(net, 300, External::None);
        assert!(layout.block < layout.chunk);
        let expected = if is_large { layout.chunk } else { layout.block };
        assert_eq!(layout.rows_at_once, expected, "{net:?}");
    }
}
