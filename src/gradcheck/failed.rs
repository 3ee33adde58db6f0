//! What did not pass, as an error.

use core::fmt;

/// A report or self-test that is not ok, as an error. Its `Display`, and its `Debug`, which is what a `main` or test that
/// returns it prints, are the text of what is in it.
///
/// It has the names of the [blocks](crate::gradcheck::Block) in it: where these are no literals, `?` into a
/// `Box<dyn Error>` wants its text instead: `report.ok().map_err(|failed| failed.to_string())?`.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::gradcheck::{Hint, check};
///
/// let failed = check(|x: &[f64]| x[0], &[3.0], &[-1.0], &mut [0.0; 2])?.ok().unwrap_err();
/// assert_eq!(failed.0.hint(), Some(Hint::Sign));
/// assert_eq!(failed.to_string(), failed.0.to_string());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq)]
pub struct Failed<R>(pub R);

impl<R: fmt::Display> fmt::Display for Failed<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<R: fmt::Display> fmt::Debug for Failed<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<R: fmt::Display> core::error::Error for Failed<R> {}
