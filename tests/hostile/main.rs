//! Promise: whatever safe code puts in the place of an engine, an executor, a number or a label, nobody's memory is harmed.
//! The call ends: with an error, with a panic of the foreign code or of a bounds check, or with numbers that mean nothing.
//!
//! Guards around all outputs are looked at here. Anything else that would be undefined behaviour is for the tools of
//! `.ci/sanitize` to see, which run these tests: that is why they are a program of their own, with few dependencies.

mod calls;
mod checker;
mod executors;
mod labels;
mod numbers;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use handgrad::gemm::{Beta, Gemm};
use handgrad::{Engine, Error, Executor, MatMut, MatRef};

use calls::{Problem, Way, all_ways};
use labels::Turncoat;
use numbers::{Bang, Bomb, Byte, Hostile, Liar, Nothing, Number, Odd, is_bang};

/// Sizes (m, h, C, n) that take all ways: few examples, one block, several, several chunks, threads, and zeros to be left out.
const SIZES: &[(usize, usize, usize, usize)] = if cfg!(miri) {
    &[(2, 3, 2, 2), (2, 20, 6, 5)]
} else if cfg!(handgrad_small_limits) {
    &[(3, 5, 3, 1), (3, 5, 3, 3), (9, 21, 7, 20)]
} else {
    &[(3, 5, 3, 1), (3, 5, 3, 8), (9, 7, 4, 70), (2, 3, 2, 2100), (20, 130, 50, 150)]
};

/// Work enough for threads.
const THREADS: (usize, usize, usize, usize) = if cfg!(miri) {
    (2, 7, 2, 9)
} else if cfg!(handgrad_small_limits) {
    (9, 9, 6, 40)
} else {
    (70, 61, 5, 200)
};

/// Sizes for what is done many times: few examples, and so many that there is more than one block with small limits.
const FEW_SIZES: &[(usize, usize, usize, usize)] =
    if cfg!(miri) { &[(2, 3, 2, 9)] } else { &[(3, 5, 3, 3), (9, 7, 4, 35)] };

/// Of many similar cases, as many as an interpreter has time for.
const CASES: usize = if cfg!(miri) { 2 } else { 40 };

/// The same for one way: what is asked of second order takes as long as all others together.
fn cases(way: Way) -> usize {
    if way == Way::Curvature { CASES.div_ceil(10) } else { CASES }
}

/// All that have this type: of a hostile one, all are one.
fn engines<T: Number>() -> &'static [Engine<'static, T>] {
    if T::IS_HOSTILE {
        return &[Engine::Portable];
    }
    &[
        Engine::Builtin,
        Engine::Portable,
        #[cfg(feature = "matrixmultiply")]
        Engine::MatrixMultiply,
    ]
}

/// The ways that engines and executors have a part in.
fn passes() -> impl Iterator<Item = Way> {
    all_ways().into_iter().filter(|&way| way != Way::Compact)
}

/// What a call does that may panic.
fn outcome<R>(call: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(call))
}

/// Whether it is the panic of a bounds check or of a check for overflow, which come before anything could happen.
fn is_check(panic: &(dyn Any + Send)) -> bool {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    text.is_some_and(|text| {
        ["index out of bounds", "out of range for slice", "with overflow"]
            .iter()
            .any(|part| text.contains(part))
    })
}

/// Both tasks, each on a thread of its own or on this one.
struct Scoped(usize);

impl Executor for Scoped {
    fn threads(&self) -> usize {
        self.0
    }

    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        let of_a = std::thread::scope(|scope| {
            let a = scope.spawn(a);
            b();
            a.join()
        });
        of_a.unwrap_or_else(|panic| resume_unwind(panic));
    }
}

/// Every way of every problem with numbers of this type: it ends, and outputs end where they should. Each of them several
/// times, after `before` has been told which of these numbers it is.
fn numbers_from<T: Number>(times: &[i64], before: fn(i64)) {
    let mut ended = [0; all_ways().len()];
    for &size in SIZES.iter().chain([&THREADS]) {
        let problem = Problem::<T>::new(size);
        for &engine in engines() {
            for (way, ended) in all_ways().into_iter().zip(&mut ended) {
                let executor: Option<&dyn Executor> = if size == THREADS { Some(&Scoped(3)) } else { None };
                for &time in times {
                    before(time);
                    match outcome(|| problem.run(way, engine, executor, |label| label)) {
                        Ok(result) => *ended += usize::from(result.is_ok()),
                        Err(panic) => assert!(is_check(&*panic), "{size:?}, {engine:?}, {way:?}, {time}"),
                    }
                }
            }
        }
    }
    // That no way is closed by a check of an option.
    assert!(ended.iter().all(|&times| times > 0), "{ended:?}");
}

fn numbers<T: Number>() {
    numbers_from::<T>(&[0], |_| ());
}

/// The unsafe code of each engine and instruction set, under the eyes of the tools.
#[test]
fn numbers_that_are_honest() {
    numbers::<f64>();
    if !cfg!(miri) {
        numbers::<f32>();
    }
}

#[test]
fn numbers_of_one_byte() {
    numbers::<Hostile<Byte>>();
}

#[test]
fn numbers_of_no_byte() {
    numbers::<Hostile<Nothing>>();
}

#[test]
fn numbers_whose_comparisons_contradict_one_another() {
    numbers_from::<Hostile<Liar>>(&[0, 30, 300, 3000, 30_000], Liar::turn);
}

#[test]
fn numbers_whose_constants_and_alignment_are_odd() {
    numbers::<Hostile<Odd>>();
}

/// One engine is as good as the other: all have the type in plain Rust.
#[test]
fn numbers_that_panic() {
    for &size in FEW_SIZES.iter().chain([&THREADS]) {
        let problem = Problem::<Hostile<Bomb>>::new(size);
        for way in all_ways() {
            let executor: Option<&dyn Executor> = if size == THREADS { Some(&Scoped(3)) } else { None };
            let run = |fuse| {
                Bomb::light(fuse);
                let result = outcome(|| problem.run(way, Engine::Portable, executor, |label| label));
                (result, fuse - Bomb::left())
            };
            let (result, operations) = run(i64::MAX);
            assert!(result.is_ok(), "{size:?}, {way:?}");
            for fuse in (0..operations).step_by((operations as usize / cases(way)).max(1)) {
                let (result, _) = run(fuse);
                assert!(result.is_err_and(|panic| is_bang(&*panic)), "{size:?}, {way:?}, {fuse}");
            }
        }
    }
    Bomb::light(i64::MAX);
}

/// What a hostile engine does instead of a product.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Nothing,
    /// Fills the slice with this, also between the elements.
    Fill(f64),
    /// The product, but an error at this call.
    Fail(usize),
    /// A panic.
    Panic(usize),
    /// The product of the factors without their last column and row.
    Less,
}

/// Its deed, and how often it has been called.
struct Rogue(Deed, AtomicUsize);

impl Rogue {
    const ERROR: Error = Error::Executor;

    fn new(deed: Deed) -> Self {
        Self(deed, AtomicUsize::new(0))
    }
}

impl<T: Number> Gemm<T> for Rogue {
    fn gemm(
        &self,
        a: MatRef<'_, T>,
        b: MatRef<'_, T>,
        beta: Beta,
        mut c: MatMut<'_, T>,
    ) -> Result<(), Error> {
        let call = self.1.fetch_add(1, Relaxed);
        match self.0 {
            Deed::Nothing => return Ok(()),
            Deed::Fill(value) => {
                c.as_mut_slice().fill(T::of(value));
                return Ok(());
            }
            Deed::Fail(at) if at == call => return Err(Self::ERROR),
            Deed::Panic(at) if at == call => panic_any(Bang),
            Deed::Less if a.cols() > 1 => {
                let a = MatRef::with_strides(
                    a.as_slice(),
                    (a.rows(), a.cols() - 1),
                    (a.row_stride(), a.col_stride()),
                )?;
                // Refused: the sizes do not go together.
                Engine::Builtin.gemm(a, b, beta, c.reborrow()).unwrap_err();
                return Ok(());
            }
            _ => {}
        }
        Engine::Builtin.gemm(a, b, beta, c)
    }
}

fn rogue_engines<T: Number>() {
    for &size in FEW_SIZES {
        let problem = Problem::<T>::new(size);
        for way in passes() {
            let run = |deed| {
                let rogue = Rogue::new(deed);
                let result = outcome(|| problem.run(way, Engine::Gemm(&rogue), None, |label| label));
                (result, rogue.1.into_inner())
            };
            for deed in [Deed::Nothing, Deed::Fill(f64::NAN), Deed::Fill(f64::NEG_INFINITY), Deed::Less] {
                assert!(matches!(run(deed), (Ok(Ok(_)), 1..)), "{size:?}, {way:?}, {deed:?}");
            }
            let (expected, calls) = run(Deed::Fail(usize::MAX));
            assert!(matches!(expected, Ok(Ok(_))), "{size:?}, {way:?}");
            for at in (0..calls).step_by((calls / CASES).max(1)) {
                let (result, count) = run(Deed::Fail(at));
                assert!(matches!(result, Ok(Err(Rogue::ERROR))), "{size:?}, {way:?}, {at}");
                assert_eq!(count, at + 1, "calls after the error");
                let (result, _) = run(Deed::Panic(at));
                assert!(result.is_err_and(|panic| is_bang(&*panic)), "{size:?}, {way:?}, {at}");
            }
        }
    }
}

#[test]
fn engines_that_do_anything_but_multiply() {
    rogue_engines::<f64>();
    if !cfg!(miri) {
        rogue_engines::<f32>();
    }
}

/// Valid when they are checked, and anything when they are used.
#[test]
fn labels_that_change() {
    for &size in FEW_SIZES {
        let problem = Problem::<f64>::new(size);
        for way in all_ways() {
            for lie in [None, Some(size.2), Some(1000), Some(usize::MAX / 2), Some(usize::MAX)] {
                let run = |honest| {
                    Turncoat::turn(honest, lie);
                    let result =
                        outcome(|| problem.run(way, Engine::Portable, None, |label| Turncoat(label as u8)));
                    (result, honest - Turncoat::left())
                };
                let (result, questions) = run(usize::MAX);
                assert!(matches!(result, Ok(Ok(_))), "{size:?}, {way:?}");
                let is_long = cfg!(miri) || way == Way::Curvature;
                for honest in (0..questions).step_by(if is_long { questions / cases(way) + 1 } else { 1 }) {
                    match run(honest).0 {
                        Ok(Ok(_) | Err(Error::Label { .. })) => {}
                        Ok(Err(err)) => panic!("{size:?}, {way:?}, {lie:?}, {honest}: {err}"),
                        Err(panic) => assert!(is_check(&*panic), "{size:?}, {way:?}, {lie:?}, {honest}"),
                    }
                }
            }
        }
    }
}

/// A slice of what takes no memory can be as long as a `usize` goes.
#[test]
fn views_of_nothing() {
    let all = &[(); usize::MAX];
    let half = isize::MAX as usize;
    let column = MatRef::new(&all[..half], half, 1).unwrap();
    assert_eq!(
        (column.get(half - 1, 0), column.get(half, 0), column.t().get(0, half - 1)),
        (Some(()), None, Some(()))
    );
    assert!(matches!(MatRef::new(all, usize::MAX, 1), Err(Error::Overflow { .. })));
    let wide = MatRef::with_strides(all, (2, 2), (half - 2, 1)).unwrap();
    assert_eq!((wide.get(1, 1), wide.get(1, 2)), (Some(()), None));
    let mut some = [(); 9];
    assert!(MatMut::with_strides(&mut some, (3, 3), (3, 2)).is_err());
    *MatMut::with_strides(&mut some, (3, 3), (1, 3)).unwrap().get_mut(2, 2).unwrap() = ();

    let zeros = [Hostile::<Nothing>::of(0.0); 1000];
    let (a, mut c) = (MatRef::new(&zeros[..200], 10, 20).unwrap(), zeros);
    for engine in engines() {
        engine.gemm(a, a.t(), Beta::One, MatMut::new(&mut c[..100], 10, 10).unwrap()).unwrap();
    }
}
