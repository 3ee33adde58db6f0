//! Promise: the crate allocates nothing by itself, and matrixmultiply as often as is said. A counting allocator sees
//! every allocation of this program.
#![allow(unsafe_code, reason = "an allocator is unsafe by its trait")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use half::bf16;
use handgrad::gradcheck::{Block, Check, Dual, Outcome, jvp_scratch_len, scratch_len, self_test_scratch_len};
use handgrad::{Batch, Engine, MatMut, MatRef, Params, ParamsMut, Pass};
use support::{Element, Problem};

struct Counting;

thread_local! {
    /// Allocations of this thread: tests run side by side.
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator with the same arguments.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The allocations of one pass with every output, of one short call, and of every error path.
fn allocations<T: Element>(engine: Engine<'_, T>, n: usize) -> usize {
    let problem = Problem::random(1, (9, 13, 5, n));
    let (dims, m, c) = (problem.dims, 9, 5);
    let (theta, x) = (problem.theta::<T>(), problem.x::<T>());
    let mut outs = [(); 3].map(|()| vec![T::zero(); n * c]);
    let [f, p, log_p] = &mut outs;
    let (mut grad, mut dx) = (vec![T::zero(); dims.param_len()], vec![T::zero(); n * m]);
    let (mut losses, mut classes) = (vec![T::zero(); n], vec![0; n]);
    let mut scratch = vec![T::zero(); dims.scratch_len(n)];

    let before = COUNT.get();
    let params = Params::from_flat(dims, &theta).unwrap();
    let batch = Batch::new(MatRef::new(&x, n, m).unwrap(), &problem.labels).unwrap();
    Pass::new(params, batch)
        .engine(engine)
        .accumulate_grad(ParamsMut::from_flat(dims, &mut grad).unwrap())
        .input_grad(MatMut::new(&mut dx, n, m).unwrap())
        .losses(&mut losses)
        .scores(MatMut::new(f, n, c).unwrap())
        .probabilities(MatMut::new(p, n, c).unwrap())
        .log_probabilities(MatMut::new(log_p, n, c).unwrap())
        .predictions(&mut classes)
        .run(&mut scratch)
        .unwrap();
    Pass::new(params, batch).engine(engine).run(&mut []).unwrap_err();
    Pass::new(params, batch).engine(engine).losses(&mut []).run(&mut scratch).unwrap_err();
    COUNT.get() - before
}

#[test]
fn the_counter_counts() {
    let before = COUNT.get();
    drop(std::hint::black_box(vec![0u8; 100]));
    assert_eq!(COUNT.get() - before, 1);
}

#[test]
fn none_on_the_crates_own_engines() {
    for n in [1, 9, 257, 2049, 5000] {
        assert_eq!(allocations::<f32>(Engine::Builtin, n), 0);
        assert_eq!(allocations::<f64>(Engine::Builtin, n), 0);
        assert_eq!(allocations::<f32>(Engine::Portable, n), 0);
        assert_eq!(allocations::<f64>(Engine::Portable, n), 0);
        assert_eq!(allocations::<bf16>(Engine::Auto, n), 0);
    }
}

/// matrixmultiply allocates once for each product: X W1ᵀ is one a chunk of up to 2048 examples, A W2ᵀ one a block.
#[test]
fn matrixmultiply_allocates_once_a_product() {
    // 9 examples are one block, 257 are four of up to 80, and of more than 2048 each chunk has blocks of 256.
    #[cfg(feature = "matrixmultiply")]
    fn engine<T>() -> Engine<'static, T> {
        Engine::MatrixMultiply
    }
    #[cfg(not(feature = "matrixmultiply"))]
    fn engine<T>() -> Engine<'static, T> {
        Engine::Auto
    }
    let expected = [(1, 0), (8, 0), (9, 2), (257, 1 + 4), (2049, 1 + 8 + 1 + 1), (5000, 2 * (1 + 8) + 1 + 4)];
    for (n, count) in expected {
        let count = if cfg!(feature = "matrixmultiply") { count } else { 0 };
        assert_eq!(allocations::<f32>(engine(), n), count, "n = {n}");
        assert_eq!(allocations::<f64>(engine(), n), count, "n = {n}");
    }
}

/// The checker, all its modes, right claims and wrong ones.
#[test]
fn none_in_a_gradient_check() {
    fn f<T: num_traits::Float>(x: &[T]) -> T {
        x.iter().fold(T::zero(), |sum, &x| sum + x * x * x)
    }
    let x: Vec<f64> = (1..200).map(|i| f64::from(i) / 100.0).collect();
    let right: Vec<f64> = x.iter().map(|x| 3.0 * x * x).collect();
    let wrong: Vec<f64> = right.iter().map(|g| -g).collect();
    let n = x.len();
    let blocks = [Block::matrix("A", 3, 50), Block::vector("b", 49)];
    let mut scratch = vec![0.0; self_test_scratch_len(n).max(jvp_scratch_len(n, n))];
    let mut duals = vec![Dual::constant(0.0); scratch_len(n)];

    let before = COUNT.get();
    for claims in [&right, &wrong] {
        let check = Check::new(&x, claims).blocks(&blocks);
        let outcomes = [
            check.run(f, &mut scratch).unwrap().outcome(),
            check.run_dual(f, &mut duals).unwrap().outcome(),
            check.run_jvp(cubes, &x, &mut scratch).unwrap().outcome(),
        ];
        assert_eq!(outcomes[0] == Outcome::Holds, claims == &right);
        assert_eq!(outcomes[0], outcomes[1]);
        let test = check.self_test(f, &mut scratch).unwrap();
        assert_eq!(test.baseline().is_ok(), claims == &right);
    }
    assert_eq!(COUNT.get() - before, 0);
}

/// x³, entry by entry: its derivative along x itself is 3 x³.
fn cubes(x: &[f64], out: &mut [f64]) {
    out.iter_mut().zip(x).for_each(|(out, x)| *out = x * x * x);
}
