//! A sink that cannot hurt a reader: after a panic inside it nothing more is put, and the echo
//! goes on.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::engine::{Input, SourceId};
use crate::sources::Sink;

/// Shared by the threads of one run.
#[derive(Clone)]
pub struct Guarded {
    sink: Arc<dyn Sink>,
    broken: Arc<AtomicBool>,
}

impl Guarded {
    pub fn new(sink: Arc<dyn Sink>) -> Self {
        Self { sink, broken: Arc::default() }
    }

    /// The id is 0 if the sink is broken; it is never looked at then.
    pub fn open(&self, name: &str) -> SourceId {
        self.attempt(|sink| sink.open(name)).unwrap_or(SourceId(0))
    }

    pub fn put(&self, input: Input<'_>) {
        self.attempt(|sink| sink.put(input));
    }

    fn attempt<T>(&self, work: impl FnOnce(&dyn Sink) -> T) -> Option<T> {
        if self.broken.load(Ordering::Relaxed) {
            return None;
        }
        // The sink is never used again after a panic, so a broken invariant in it is never seen.
        let result = catch_unwind(AssertUnwindSafe(|| work(self.sink.as_ref())));
        if result.is_err() {
            self.broken.store(true, Ordering::Relaxed);
        }
        result.ok()
    }
}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").field("broken", &self.broken).finish_non_exhaustive()
    }
}
