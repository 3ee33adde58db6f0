//! Promise: an executor can be handed over in any form, and one that does not do what it should costs an error at most:
//! never a wrong number, never a panic of the crate's.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::scoped::Scoped;
use crate::support::Problem;
use handgrad::{Batch, Error, Executor, MatRef, Params, ParamsMut, Pass};

type Task<'a, 'b> = &'a mut (dyn FnMut() + Send + 'b);

/// Loss and gradient, added to `OLD`: what is added twice shows.
fn evaluate(problem: &Problem, executor: Option<&dyn Executor>) -> Result<Vec<f64>, Error> {
    let Problem { dims, n, .. } = *problem;
    let mut out = vec![7.25; dims.param_len() + 1];
    let (loss, grad) = out.split_first_mut().unwrap();
    let batch = Batch::new(MatRef::new(&problem.x, n, dims.inputs())?, &problem.labels)?;
    let pass = Pass::new(Params::from_flat(dims, &problem.theta)?, batch)
        .accumulate_grad(ParamsMut::from_flat(dims, grad)?);
    let pass = executor.into_iter().fold(pass, Pass::executor);
    *loss = pass.run(&mut vec![f64::NAN; dims.scratch_len(n)])?;
    Ok(out)
}

/// Worth several threads, in two chunks of which the second is not.
fn problem() -> Problem {
    Problem::random(12, (40, 61, 5, 2100))
}

/// What an executor may do with two tasks.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Join {
    InOrder,
    Backwards,
    Twice,
    BothElsewhere,
    First,
    Second,
    Neither,
}

/// What it may do with a pass.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Enter {
    Here,
    Elsewhere,
    Twice,
    Never,
}

struct Hostile {
    /// What it answers, one after the other, and then the last one.
    threads: &'static [usize],
    asked: AtomicUsize,
    joins: AtomicUsize,
    enters: AtomicUsize,
    join: Join,
    enter: Enter,
}

impl Hostile {
    fn new(threads: &'static [usize], join: Join, enter: Enter) -> Self {
        let none = || AtomicUsize::new(0);
        Self { threads, asked: none(), joins: none(), enters: none(), join, enter }
    }
}

impl Executor for Hostile {
    fn threads(&self) -> usize {
        self.threads[self.asked.fetch_add(1, Relaxed).min(self.threads.len() - 1)]
    }

    fn join(&self, a: Task<'_, '_>, b: Task<'_, '_>) {
        self.joins.fetch_add(1, Relaxed);
        match self.join {
            Join::InOrder => {
                a();
                b();
            }
            Join::Backwards => {
                b();
                a();
            }
            Join::Twice => {
                (0..2).for_each(|_| a());
                (0..2).for_each(|_| b());
            }
            Join::BothElsewhere => std::thread::scope(|scope| {
                scope.spawn(a);
                scope.spawn(b);
            }),
            Join::First => a(),
            Join::Second => b(),
            Join::Neither => {}
        }
    }

    fn enter(&self, pass: Task<'_, '_>) {
        self.enters.fetch_add(1, Relaxed);
        match self.enter {
            Enter::Here => pass(),
            Enter::Twice => (0..2).for_each(|_| pass()),
            Enter::Elsewhere => std::thread::scope(|scope| {
                scope.spawn(pass);
            }),
            Enter::Never => {}
        }
    }
}

#[test]
fn what_runs_every_task_gives_the_same_bits() {
    let problem = problem();
    let serial = evaluate(&problem, None).unwrap();
    for join in [Join::InOrder, Join::Backwards, Join::Twice, Join::BothElsewhere] {
        for enter in [Enter::Here, Enter::Elsewhere, Enter::Twice] {
            let executor = Hostile::new(&[3], join, enter);
            assert!(evaluate(&problem, Some(&executor)).unwrap() == serial, "{join:?} {enter:?}");
            assert!(executor.joins.into_inner() > 0);
        }
    }
}

#[test]
fn what_leaves_a_task_out_is_an_error() {
    let problem = problem();
    for join in [Join::First, Join::Second, Join::Neither] {
        let executor = Hostile::new(&[3], join, Enter::Here);
        assert_eq!(evaluate(&problem, Some(&executor)), Err(Error::Executor), "{join:?}");
    }
    let executor = Hostile::new(&[3], Join::InOrder, Enter::Never);
    assert_eq!(evaluate(&problem, Some(&executor)), Err(Error::Executor));
}

/// None is the calling thread, and more than can be is as many as can be. They are asked for once: a second answer
/// that is another one would come too late.
#[test]
fn any_number_of_threads() {
    let problem = problem();
    let serial = evaluate(&problem, None).unwrap();
    for (threads, joins) in [
        (&[0][..], 0..1),
        (&[1], 0..1),
        (&[0, usize::MAX], 0..1),
        (&[usize::MAX, 0], 2..20_000),
        (&[usize::MAX], 2..20_000),
        (&[usize::MAX / 2 + 1], 2..20_000),
        (&[4097], 2..20_000),
    ] {
        let executor = Hostile::new(threads, Join::InOrder, Enter::Here);
        assert!(evaluate(&problem, Some(&executor)).unwrap() == serial, "{threads:?}");
        assert_eq!(executor.asked.into_inner(), 1, "{threads:?}");
        assert!(joins.contains(&executor.joins.into_inner()), "{threads:?}");
    }
}

/// The executor's own panic comes through, and the next pass is as if there had been none.
#[test]
fn a_panic_is_the_executors() {
    struct Panics {
        before: bool,
    }
    impl Executor for Panics {
        fn threads(&self) -> usize {
            2
        }
        fn join(&self, a: Task<'_, '_>, _: Task<'_, '_>) {
            if !self.before {
                a();
            }
            panic!("of the executor's");
        }
    }
    let problem = problem();
    let serial = evaluate(&problem, None).unwrap();
    for before in [true, false] {
        let caught = catch_unwind(AssertUnwindSafe(|| evaluate(&problem, Some(&Panics { before }))));
        let message = caught.unwrap_err();
        assert_eq!(message.downcast_ref::<&str>(), Some(&"of the executor's"));
        assert!(evaluate(&problem, Some(&Scoped(2))).unwrap() == serial);
    }
}

/// By reference, boxed, shared, as an object of the trait, and through generic code of each kind.
#[test]
fn any_form_of_an_executor() {
    fn generic(problem: &Problem, executor: &impl Executor) -> Vec<f64> {
        evaluate(problem, Some(executor)).unwrap()
    }
    fn unsized_too<E: Executor + ?Sized>(problem: &Problem, executor: &E) -> Vec<f64> {
        evaluate(problem, Some(&executor)).unwrap()
    }
    fn object(problem: &Problem, executor: &dyn Executor) -> Vec<f64> {
        generic(problem, &executor)
    }
    let problem = problem();
    let serial = evaluate(&problem, None).unwrap();
    let counted = || Hostile::new(&[2], Join::Backwards, Enter::Elsewhere);
    let plain = counted();
    for result in [generic(&problem, &plain), unsized_too(&problem, &plain), object(&problem, &plain)] {
        assert!(result == serial);
    }
    assert_eq!((plain.asked.into_inner(), plain.enters.into_inner()), (3, 3));
    let boxed: Box<dyn Executor> = Box::new(counted());
    let sent: Box<dyn Executor + Send> = Box::new(counted());
    let shared = Arc::new(counted());
    let shared_object: Arc<dyn Executor + Send> = shared.clone();
    assert!(generic(&problem, &boxed) == serial && evaluate(&problem, Some(&*boxed)).unwrap() == serial);
    assert!(generic(&problem, &sent) == serial && unsized_too(&problem, &*sent) == serial);
    assert!(generic(&problem, &shared) == serial && evaluate(&problem, Some(&shared)).unwrap() == serial);
    assert!(generic(&problem, &shared_object) == serial && object(&problem, &*shared_object) == serial);
    assert_eq!((shared.asked.load(Relaxed), shared.enters.load(Relaxed)), (4, 4));
    assert!(shared.joins.load(Relaxed) > 0);
}

thread_local! {
    static SCRATCH: Cell<Vec<f64>> = const { Cell::new(Vec::new()) };
    static BORROWED: RefCell<Vec<f64>> = const { RefCell::new(Vec::new()) };
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// The recipe at `Rayon` for scratch of a thread: taken out for the pass, not borrowed.
fn with_taken_scratch(problem: &Problem, executor: &dyn Executor) -> f64 {
    let Problem { dims, n, .. } = *problem;
    let mut scratch = SCRATCH.take();
    scratch.resize(dims.scratch_len(n).max(scratch.len()), f64::NAN);
    let batch = Batch::new(MatRef::new(&problem.x, n, dims.inputs()).unwrap(), &problem.labels).unwrap();
    let pass = Pass::new(Params::from_flat(dims, &problem.theta).unwrap(), batch);
    let loss = pass.executor(executor).run(&mut scratch).unwrap();
    SCRATCH.set(scratch);
    loss
}

/// Between its two tasks this thread does something else: what a thread of rayon's may do where it waits.
struct Interrupted<'a>(&'a (dyn Fn() + Sync));

impl Executor for Interrupted<'_> {
    fn threads(&self) -> usize {
        2
    }
    fn join(&self, a: Task<'_, '_>, b: Task<'_, '_>) {
        a();
        let depth = DEPTH.get();
        if depth < 3 {
            DEPTH.set(depth + 1);
            (self.0)();
            DEPTH.set(depth);
        }
        b();
    }
}

#[test]
fn a_pass_can_be_interrupted_by_another_on_its_thread() {
    let problem = problem();
    let serial = evaluate(&problem, None).unwrap()[0];
    let nested = AtomicUsize::new(0);
    fn interrupt(problem: &Problem, serial: f64, nested: &AtomicUsize) {
        nested.fetch_add(1, Relaxed);
        let again = || interrupt(problem, serial, nested);
        assert_eq!(with_taken_scratch(problem, &Interrupted(&again)), serial);
    }
    interrupt(&problem, serial, &nested);
    assert!(nested.into_inner() > 3);
    // What the recipe is for: a borrowed one is found borrowed.
    BORROWED.with_borrow_mut(|_| assert!(BORROWED.with(|scratch| scratch.try_borrow_mut().is_err())));
}

/// Jobs of rayon's pool that run passes on it, each of which may be interrupted by others.
#[cfg(feature = "rayon")]
#[test]
fn scratch_of_a_thread_with_rayon() {
    use rayon::prelude::*;

    let problem = problem();
    let serial = evaluate(&problem, None).unwrap()[0];
    let (dims, n) = (problem.dims, problem.n);
    for threads in [1, 2, 5] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let taken = (0..60).into_par_iter().map(|_| with_taken_scratch(&problem, &handgrad::Rayon));
            assert!(taken.collect::<Vec<_>>() == [serial; 60], "taken, {threads} threads");
            let own = (0..60).into_par_iter().map_init(
                || vec![f64::NAN; dims.scratch_len(n)],
                |scratch, _| {
                    let x = MatRef::new(&problem.x, n, dims.inputs()).unwrap();
                    let batch = Batch::new(x, &problem.labels).unwrap();
                    let pass = Pass::new(Params::from_flat(dims, &problem.theta).unwrap(), batch);
                    pass.executor(&handgrad::Rayon).run(scratch).unwrap()
                },
            );
            assert!(own.collect::<Vec<_>>() == [serial; 60], "own, {threads} threads");
        });
    }
}

/// The same on a pool of one thread, where it is certain that jobs interrupt one another.
#[cfg(feature = "rayon")]
#[test]
fn jobs_of_rayon_that_interrupt_one_another() {
    struct Yields;
    impl Executor for Yields {
        fn threads(&self) -> usize {
            2
        }
        fn join(&self, a: Task<'_, '_>, b: Task<'_, '_>) {
            a();
            rayon::yield_now();
            b();
        }
    }
    let problem = problem();
    let serial = evaluate(&problem, None).unwrap()[0];
    let (deepest, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|_| {
                DEPTH.set(DEPTH.get() + 1);
                deepest.fetch_max(DEPTH.get(), Relaxed);
                assert_eq!(with_taken_scratch(&problem, &Yields), serial);
                DEPTH.set(DEPTH.get() - 1);
                done.fetch_add(1, Relaxed);
            });
        }
    });
    assert_eq!(done.into_inner(), 8);
    assert!(deepest.into_inner() > 1);
}
