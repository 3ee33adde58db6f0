//! Engines and executors of the caller's.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use handgrad::gemm::{Beta, Gemm, product_shape};
use handgrad::{Engine, Error, Executor, MatMut, MatRef};

use crate::bytes::Bytes;
use crate::element::Element;

/// Who computes.
#[derive(Clone, Copy, Debug)]
pub struct Who {
    engine: u8,
    /// The product that fails, of an engine of the caller's.
    pub fails: Option<usize>,
    pub executor: u8,
    pub threads: usize,
}

impl Who {
    pub fn new(bytes: &mut Bytes) -> Self {
        let engine = bytes.below(10) as u8;
        let fails = (engine == 9).then(|| bytes.below(12));
        Self { engine, fails, executor: bytes.byte() % 8, threads: 1 + bytes.below(5) }
    }

    /// Whether it is the crate that multiplies for the gradients.
    pub fn is_own(&self) -> bool {
        self.engine < 8
    }

    pub fn engine<'a, T: Element>(&self, plain: &'a Plain) -> Engine<'a, T> {
        match self.engine {
            0 | 1 => Engine::Auto,
            2..5 => Engine::Builtin,
            5 | 6 => Engine::Portable,
            7 => Engine::MatrixMultiply,
            _ => Engine::Gemm(plain),
        }
    }
}

/// Plain loops, the depth from its end on; one call may fail.
pub struct Plain {
    fails: Option<usize>,
    calls: AtomicUsize,
}

/// What the engine that fails says.
pub const FAILURE: Error = Error::Executor;

impl Plain {
    pub fn new(fails: Option<usize>) -> Self {
        Self { fails, calls: AtomicUsize::new(0) }
    }
}

impl<T: Element> Gemm<T> for Plain {
    fn gemm(
        &self,
        a: MatRef<'_, T>,
        b: MatRef<'_, T>,
        beta: Beta,
        mut c: MatMut<'_, T>,
    ) -> Result<(), Error> {
        let (m, k, n) = product_shape(&a, &b, &c)?;
        if Some(self.calls.fetch_add(1, Relaxed)) == self.fails {
            return Err(FAILURE);
        }
        for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
            let term = |sum: T, p| sum + a.get(i, p).unwrap() * b.get(p, j).unwrap();
            let sum = (0..k).rev().fold(T::zero(), term);
            let c = c.get_mut(i, j).unwrap();
            *c = if beta == Beta::Zero { sum } else { *c + sum };
        }
        Ok(())
    }
}

/// Threads of the standard library, or the calling one, which runs the second task first.
pub struct Threads {
    pub threads: usize,
    pub scoped: bool,
}

impl Executor for Threads {
    fn threads(&self) -> usize {
        self.threads
    }

    fn join(&self, first: &mut (dyn FnMut() + Send), second: &mut (dyn FnMut() + Send)) {
        if self.scoped {
            std::thread::scope(|scope| {
                scope.spawn(first);
                second();
            });
        } else {
            second();
            first();
        }
    }
}
