//! An executor of the standard library's threads.

use handgrad::Executor;

/// So many scoped threads, one more than there are joins.
pub struct Scoped(pub usize);

impl Executor for Scoped {
    fn threads(&self) -> usize {
        self.0
    }

    fn join(&self, first: &mut (dyn FnMut() + Send), second: &mut (dyn FnMut() + Send)) {
        std::thread::scope(|scope| {
            scope.spawn(first);
            second();
        });
    }
}
