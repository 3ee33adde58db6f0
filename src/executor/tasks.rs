//! What a pass asks of a pool of threads.

use crate::error::Error;

/// Runs two tasks, perhaps at the same time: all that a pass asks of a pool of threads.
///
/// A pass is cut into parts by halving, one `join` for each cut, as often as [`threads`](Self::threads) asks
/// for. The parts write to different places and no sum is cut, so that the results are the same bits for
/// every executor and every number of threads.
///
/// What an executor has to do is said with its methods. One that does not do it costs time or makes the pass an
/// error, but nothing worse: a task that is run again does nothing, of a task that was never run
/// [`run`](crate::Pass::run) tells by [`Error::Executor`], and any number of threads will do. Where a method panics, the
/// panic is the caller's, and the outputs are incomplete.
///
/// References to executors are executors, and with `std` so are `Box` and `Arc` of them.
///
/// # Example
///
/// Scoped threads of the standard library, one more than there are joins:
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::{Batch, Dims, Executor, MatRef, Params, Pass};
///
/// struct Scoped(usize);
///
/// impl Executor for Scoped {
///     fn threads(&self) -> usize {
///         self.0
///     }
///
///     fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
///         std::thread::scope(|scope| {
///             scope.spawn(a);
///             b();
///         });
///     }
/// }
///
/// let dims = Dims::new(2, 3, 2)?;
/// let theta = vec![0.5; dims.param_len()];
/// let x: Vec<f64> = (0..200).map(f64::from).collect();
/// let batch = Batch::new(MatRef::new(&x, 100, 2)?, &[1; 100])?;
/// let pass = || Ok(Pass::new(Params::from_flat(dims, &theta)?, batch));
/// let mut scratch = vec![0.0; dims.scratch_len(100)];
/// let serial = pass()?.run(&mut scratch)?;
/// assert_eq!(pass()?.executor(&Scoped(3)).run(&mut scratch)?, serial);
/// # Ok::<(), handgrad::Error>(())
/// # }
/// ```
pub trait Executor: Sync {
    /// How many parts the work is cut into at most: the threads that can work at the same time. Asked once a pass. Less
    /// than 2 is the calling thread alone, more than 4096 is 4096.
    fn threads(&self) -> usize;

    /// Runs both tasks, each once, on any threads, in any order or at the same time, and returns when both are done.
    /// Tasks call `join` for their own parts.
    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send));

    /// Runs a whole pass, once, and returns when it is done: on the calling thread, unless it is better run on one of
    /// the pool's own, where [`join`](Self::join) will be called then.
    fn enter(&self, pass: &mut (dyn FnMut() + Send)) {
        pass();
    }
}

/// Executors behind pointers.
macro_rules! forward {
    ($($pointer:ty: $($bound:path),*;)*) => {$(
        impl<E: Executor + ?Sized $(+ $bound)*> Executor for $pointer {
            fn threads(&self) -> usize {
                (**self).threads()
            }

            fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
                (**self).join(a, b);
            }

            fn enter(&self, pass: &mut (dyn FnMut() + Send)) {
                (**self).enter(pass);
            }
        }
    )*};
}

forward! {
    &E:;
}

#[cfg(feature = "std")]
forward! {
    std::boxed::Box<E>:;
    std::sync::Arc<E>: Send;
}

/// Runs `task` on both halves of something; the first error counts.
pub(crate) fn both<W: Send>(
    executor: &dyn Executor,
    a: W,
    b: W,
    task: impl Fn(W) -> Result<(), Error> + Sync,
) -> Result<(), Error> {
    let (mut a, mut b) = ((Some(a), None), (Some(b), None));
    let run = |(work, result): &mut (Option<W>, Option<Result<(), Error>>)| {
        if let Some(work) = work.take() {
            *result = Some(task(work));
        }
    };
    executor.join(&mut || run(&mut a), &mut || run(&mut b));
    a.1.unwrap_or(Err(Error::Executor))?;
    b.1.unwrap_or(Err(Error::Executor))
}
