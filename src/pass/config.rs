//! How a pass computes, as a value that can be kept.

use core::fmt;

use super::engine::Engine;
use crate::executor::Executor;
use crate::kink::Kink;

/// How passes compute: engine, threads, kink. A value to keep beside a net and to hand to each [`Pass`](crate::Pass), in the
/// place of three calls.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::{Batch, Config, Dims, Engine, Kink, MatRef, Params, Pass};
///
/// struct Classifier {
///     dims: Dims,
///     theta: Vec<f64>,
///     config: Config<'static, f64>,
/// }
///
/// let dims = Dims::new(1, 1, 2)?;
/// let config = Config { engine: Engine::Portable, kink: Kink::Zero, ..Config::default() };
/// let net = Classifier { dims, theta: vec![1.0, 0.0, 1.0, -1.0, 0.0, 0.0], config };
/// let batch = Batch::new(MatRef::new(&[0.0], 1, 1)?, &[0])?;
/// let params = Params::from_flat(net.dims, &net.theta)?;
/// let loss = Pass::new(params, batch).config(net.config).run(&mut [0.0; 4])?;
/// assert_eq!(loss, 2f64.ln());
/// # Ok(())
/// # }
/// ```
pub struct Config<'a, T> {
    /// Who multiplies.
    pub engine: Engine<'a, T>,
    /// Whose threads run the pass; `None`, the default, is the calling thread.
    pub executor: Option<&'a dyn Executor>,
    /// The derivative of max(0, z) at z = 0.
    pub kink: Kink,
}

impl<T> Default for Config<'_, T> {
    fn default() -> Self {
        Self { engine: Engine::default(), executor: None, kink: Kink::default() }
    }
}

// Not derived: it can be copied whether or not its elements can.
impl<T> Clone for Config<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Config<'_, T> {}

impl<T> fmt::Debug for Config<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads = self.executor.map_or(1, |executor| executor.threads());
        let mut fields = f.debug_struct("Config");
        fields.field("engine", &self.engine).field("threads", &threads).field("kink", &self.kink).finish()
    }
}
