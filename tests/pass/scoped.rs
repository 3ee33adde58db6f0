//! An executor of the standard library's threads.

use handgrad::Executor;

/// Three threads: one for each task.
pub struct Scoped;

impl Executor for Scoped {
    fn threads(&self) -> usize {
        3
    }

    fn join(&self, first: &mut (dyn FnMut() + Send), second: &mut (dyn FnMut() + Send)) {
        std::thread::scope(|scope| {
            scope.spawn(first);
            second();
        });
    }
}
