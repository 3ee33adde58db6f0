//! Executors that do not do what they are told.

use std::panic::panic_any;

use handgrad::{Engine, Error, Executor};

use super::calls::{Problem, Way};
use super::numbers::Bang;
use super::{THREADS, outcome};

/// What a hostile executor does with two tasks, or with the whole pass.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Order {
    Twice,
    Neither,
    First,
    Second,
    OnThreads,
    PanicBefore,
    PanicBetween,
    PanicAfter,
    Swallow,
}

struct Unruly {
    threads: usize,
    join: Order,
    enter: Order,
}

fn in_order(order: Order, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
    match order {
        Order::Twice => (b(), a(), b(), a()).0,
        Order::Neither => {}
        Order::First => a(),
        Order::Second => (b(), b()).0,
        Order::OnThreads => std::thread::scope(|scope| {
            scope.spawn(a);
            scope.spawn(b);
        }),
        Order::PanicBefore => panic_any(Bang),
        Order::PanicBetween => {
            b();
            panic_any(Bang)
        }
        Order::PanicAfter => {
            a();
            b();
            panic_any(Bang)
        }
        Order::Swallow => {
            // The first one is run again, whatever became of it.
            let _ = outcome(&mut *a);
            let _ = outcome(b);
            let _ = outcome(a);
        }
    }
}

impl Executor for Unruly {
    fn threads(&self) -> usize {
        self.threads
    }

    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        in_order(self.join, a, b);
    }

    fn enter(&self, pass: &mut (dyn FnMut() + Send)) {
        in_order(self.enter, pass, &mut || {});
    }
}

/// Where each task has been run, the results are the right ones; else it is an error or the executor's panic.
#[test]
fn executors_that_do_not_do_as_they_are_told() {
    use Order::*;
    const RIGHT: [Order; 3] = [Twice, OnThreads, Swallow];
    let problem = Problem::<f64>::new(THREADS);
    let engine = if cfg!(miri) { Engine::Portable } else { Engine::Auto };
    let all = [Twice, Neither, First, Second, OnThreads, PanicBefore, PanicBetween, PanicAfter, Swallow];
    let ways = [Way::Plain, Way::Everything, Way::Infer, Way::Curvature];
    for way in ways.into_iter().take(if cfg!(miri) { 1 } else { 4 }) {
        let run =
            |executor: Option<&dyn Executor>| outcome(|| problem.run(way, engine, executor, |label| label));
        let Ok(Ok(serial)) = run(None) else { panic!("{way:?}") };
        for (join, enter) in
            all.map(|join| (join, OnThreads)).into_iter().chain(all.map(|enter| (Twice, enter)))
        {
            for threads in [3, usize::MAX] {
                let case = format!("{way:?}, {join:?}, {enter:?}, {threads}");
                match run(Some(&Unruly { threads, join, enter })) {
                    Ok(Ok(got)) => {
                        assert!(
                            RIGHT.contains(&join) && (RIGHT.contains(&enter) || enter == First),
                            "{case}"
                        );
                        assert!(got == serial, "{case}");
                    }
                    Ok(Err(err)) => assert_eq!(err, Error::Executor, "{case}"),
                    Err(_) => assert!(
                        [PanicBefore, PanicBetween, PanicAfter].contains(&join)
                            || format!("{enter:?}").starts_with("Panic"),
                        "{case}"
                    ),
                }
            }
        }
        for threads in [0, 1] {
            let got = run(Some(&Unruly { threads, join: PanicBefore, enter: PanicBefore }));
            assert!(matches!(got, Ok(Ok(got)) if got == serial), "{way:?}, {threads}");
        }
    }
}

/// Nothing hostile: threads of a pool, several passes at a time.
#[cfg(feature = "rayon")]
#[test]
fn a_pool_of_threads() {
    let problem = Problem::<f32>::new(THREADS);
    let run =
        |executor: Option<&dyn Executor>| problem.run(Way::Everything, Engine::Auto, executor, |label| label);
    let serial = run(None).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..super::CASES {
                    assert!(pool.install(|| run(Some(&handgrad::Rayon))).unwrap() == serial);
                    assert!(run(Some(&handgrad::Rayon)).unwrap() == serial);
                }
            });
        }
    });
}
