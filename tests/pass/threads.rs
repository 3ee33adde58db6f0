//! Promise: the same bits for every executor and any number of threads.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Element, Problem, matrix_multiply};
use handgrad::gemm::Gemm;
use handgrad::{Batch, Engine, Error, Executor, MatMut, MatRef, Params, ParamsMut, Pass};

/// Scoped threads. Counts the joins.
struct Scoped {
    threads: usize,
    joins: AtomicUsize,
}

impl Executor for Scoped {
    fn threads(&self) -> usize {
        self.threads
    }

    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        self.joins.fetch_add(1, Ordering::Relaxed);
        std::thread::scope(|scope| {
            scope.spawn(a);
            b();
        });
    }
}

/// On one thread, in the order that nobody expects, and each task twice: the second time does nothing.
struct Backwards;

impl Executor for Backwards {
    fn threads(&self) -> usize {
        5
    }

    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        b();
        a();
        b();
        a();
    }
}

/// Everything that a pass can write, on this executor or on none.
fn outputs<T: Element + Send + Sync, E: Executor>(
    problem: &Problem,
    engine: Engine<'_, T>,
    executor: Option<&E>,
    col_major: bool,
) -> Result<Vec<T>, Error> {
    let Problem { dims, n, .. } = *problem;
    let (theta, x) = (problem.theta::<T>(), problem.x::<T>());
    let (m, c) = (dims.inputs(), dims.classes());
    let (mut grad, mut dx) = (vec![T::nan(); dims.param_len()], vec![T::nan(); n * m]);
    let (mut losses, mut classes) = (vec![T::nan(); n], vec![usize::MAX; n]);
    let mut outs = [(); 3].map(|()| vec![T::nan(); n * c]);
    let [f, p, log_p] = &mut outs;
    let f = if col_major { MatMut::col_major(f, n, c)? } else { MatMut::new(f, n, c)? };
    // Rows far apart: whether they are packed depends on that, and must not depend on the threads.
    let stride = m + 300;
    let mut far = vec![T::nan(); n * stride];
    far.chunks_mut(stride).zip(x.chunks(m)).for_each(|(far, x)| far[..m].copy_from_slice(x));
    let batch = Batch::new(MatRef::with_strides(&far, (n, m), (stride, 1))?, &problem.labels)?;
    let pass = Pass::new(Params::from_flat(dims, &theta)?, batch)
        .engine(engine)
        .grad(ParamsMut::from_flat(dims, &mut grad)?)
        .input_grad(MatMut::new(&mut dx, n, m)?)
        .losses(&mut losses)
        .scores(f)
        .probabilities(MatMut::new(p, n, c)?)
        .log_probabilities(MatMut::new(log_p, n, c)?)
        .predictions(&mut classes);
    let mut scratch = vec![T::nan(); dims.scratch_len(n)];
    let loss = match executor {
        Some(executor) => pass.executor(executor).run(&mut scratch)?,
        None => pass.run(&mut scratch)?,
    };
    let classes = classes.into_iter().map(|class| T::of(class as f64)).collect();
    Ok([vec![loss], grad, dx, losses, outs.concat(), classes].concat())
}

fn check<T: Element + Send + Sync>(problem: &Problem, engine: Engine<'_, T>) {
    let serial = outputs::<T, Scoped>(problem, engine, None, false).unwrap();
    assert!(serial.iter().all(|value| !value.is_nan()));
    let same = |got: Vec<T>, what: &str| {
        let pairs = serial.iter().zip(&got).enumerate();
        let first = pairs.clone().find(|(_, (a, b))| a.value().to_bits() != b.value().to_bits());
        assert!(first.is_none(), "{what}: {first:?}, n = {}", problem.n);
    };
    for threads in [1, 2, 3, 8] {
        let executor = Scoped { threads, joins: AtomicUsize::new(0) };
        same(outputs(problem, engine, Some(&executor), false).unwrap(), "scoped");
        let joins = executor.joins.into_inner();
        let [w1, _, w2, _] = problem.dims.block_lens();
        let worth_it = problem.dims.chunk_len(problem.n) * (w1 + w2) >= 1 << 19;
        let as_expected = (joins > 0) == (threads > 1 && worth_it);
        assert!(as_expected || cfg!(handgrad_small_limits), "{joins} joins, {threads} threads");
    }
    same(outputs(problem, engine, Some(&Backwards), false).unwrap(), "backwards");
    #[cfg(feature = "rayon")]
    same(outputs(problem, engine, Some(&handgrad::Rayon), false).unwrap(), "rayon");
}

#[test]
fn same_bits_for_any_number_of_threads() {
    // The last ones pack D, give it a place of its own, pack X.
    for (m, h, c) in [(7, 11, 5), (64, 32, 10), (20, 270, 60), (300, 40, 3), (270, 259, 49)] {
        for n in [1, 64, 150, 600] {
            let problem = Problem::random(n as u64, (m, h, c, n));
            check::<f32>(&problem, matrix_multiply());
            check::<f64>(&problem, matrix_multiply());
            check::<f32>(&problem, Engine::Builtin);
            check::<f64>(&problem, Engine::Builtin);
            check::<f32>(&problem, Engine::Portable);
        }
    }
    // At small limits the problems above have chunks enough, and large weights.
    if cfg!(handgrad_small_limits) {
        return;
    }
    let many = Problem::random(5, (17, 27, 4, 5000));
    check::<f32>(&many, matrix_multiply());
    check::<f32>(&many, Engine::Builtin);
    // So many weights that all examples of a part go past them together, where they are one block on eight threads.
    let large = Problem::random(6, (4, 1024, 1025, 300));
    check::<f32>(&large, matrix_multiply());
    check::<f32>(&large, Engine::Builtin);
}

/// Rows of a column-major output interleave: the examples are not cut up, the weights still are.
#[test]
fn outputs_that_cannot_be_cut() {
    let problem = Problem::random(3, (70, 61, 5, 200));
    let serial = outputs::<f32, Scoped>(&problem, Engine::Builtin, None, true).unwrap();
    let executor = Scoped { threads: 4, joins: AtomicUsize::new(0) };
    assert_eq!(outputs::<f32, _>(&problem, Engine::Builtin, Some(&executor), true).unwrap(), serial);
    assert!(executor.joins.into_inner() > 0);
}

/// Another engine than the crate's own is called from the calling thread alone.
#[test]
fn engines_of_others_are_not_cut_up() {
    struct Foreign;
    impl Gemm<f32> for Foreign {
        fn gemm(
            &self,
            a: MatRef<'_, f32>,
            b: MatRef<'_, f32>,
            beta: handgrad::gemm::Beta,
            c: MatMut<'_, f32>,
        ) -> Result<(), Error> {
            matrix_multiply().gemm(a, b, beta, c)
        }
    }
    let problem = Problem::random(3, (70, 61, 5, 200));
    let serial = outputs::<f32, Scoped>(&problem, Engine::Gemm(&Foreign), None, false).unwrap();
    let executor = Scoped { threads: 4, joins: AtomicUsize::new(0) };
    assert_eq!(outputs::<f32, _>(&problem, Engine::Gemm(&Foreign), Some(&executor), false).unwrap(), serial);
    assert_eq!(executor.joins.into_inner(), 0);
}

/// A pass can be sent to another thread.
#[test]
fn a_pass_can_be_sent() {
    fn assert_send<T: Send>() {}
    assert_send::<Pass<'_, f32>>();
}

/// Pools of other sizes than the global one, two at a time: threads that are kept awake hold nobody up.
#[cfg(feature = "rayon")]
#[test]
fn same_bits_on_any_pool() {
    let problem = Problem::random(8, (20, 270, 60, 300));
    let serial = outputs::<f32, Scoped>(&problem, Engine::Builtin, None, false).unwrap();
    let passes = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        for _ in 0..20 {
            let on_pool =
                || outputs::<f32, _>(&problem, Engine::Builtin, Some(&handgrad::Rayon), false).unwrap();
            assert!(pool.install(on_pool) == serial, "{threads} threads");
        }
    };
    std::thread::scope(|scope| {
        for threads in [1, 2, 5] {
            let passes = &passes;
            scope.spawn(move || passes(threads));
        }
    });
}
