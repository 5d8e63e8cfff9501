//! When a checkpoint is written: only once all that was read until then is known to be told.
//!
//! A mark is put behind what was read. It passes all that stands between here and the messages, and
//! whoever stores these acknowledges it. Knows no file that is followed, and no clock.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::engine::Input;
use crate::sources::Sink;
use crate::sources::tail::checkpoint::Checkpoint;
use crate::sources::tail::store::Store;
use crate::time::Timestamp;

/// As often at most a checkpoint is written: so much may be repeated after a crash.
const EVERY: Duration = Duration::from_secs(3);
/// At the end the last mark is waited for this long.
const PATIENCE: Duration = Duration::from_secs(5);
/// After a restart what comes so soon may be a repeat, even if all was read: an unterminated line
/// is judged a while after it came.
const OVERLAP: Duration = Duration::from_secs(2);

/// Up to which mark all is told. Shared by the follower and whoever tells.
#[derive(Clone, Debug, Default)]
pub struct Acknowledged(Arc<(Mutex<u64>, Condvar)>);

impl Acknowledged {
    /// All alerts of what came before this mark are stored or shown.
    pub fn tell(&self, mark: u64) {
        *self.lock() = mark;
        self.0.1.notify_all();
    }

    fn reached(&self, mark: u64) -> bool {
        *self.lock() >= mark
    }

    fn wait(&self, mark: u64, patience: Duration) -> bool {
        let waiting = |told: &mut u64| *told < mark;
        let waited = self.0.1.wait_timeout_while(self.lock(), patience, waiting);
        *waited.unwrap_or_else(PoisonError::into_inner).0 >= mark
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes the checkpoints of one follower.
#[derive(Debug)]
pub(super) struct Keeper {
    store: Store,
    acknowledged: Acknowledged,
    marks: u64,
    /// What is true once this mark is acknowledged.
    pending: Option<(u64, Checkpoint)>,
    written: Option<Checkpoint>,
    last: Option<Timestamp>,
    /// What is read may be a repeat, since this time. The time is known with the first poll.
    overlap: Option<Option<Timestamp>>,
}

impl Keeper {
    /// `found`: the checkpoint from which the follower goes on.
    pub(super) fn new(
        store: Store,
        acknowledged: Acknowledged,
        found: Option<Checkpoint>,
        sink: &dyn Sink,
    ) -> Self {
        let overlap = found.as_ref().is_some_and(|found| !found.clean).then_some(None);
        if overlap.is_some() {
            sink.put(Input::Repeats { on: true });
        }
        let mut keeper = Self {
            store,
            acknowledged,
            marks: 0,
            pending: None,
            written: None,
            last: None,
            overlap,
        };
        if let Some(found) = found {
            // From now on lines may be told that are not told of there.
            let _ = keeper.write(Checkpoint { clean: false, ..found });
        }
        keeper
    }

    /// After each poll. `more`: it left something unread.
    pub(super) fn step(
        &mut self,
        now: Timestamp,
        more: bool,
        sink: &dyn Sink,
        snapshot: impl FnOnce() -> Checkpoint,
    ) -> Result<(), String> {
        if let Some(since) = &mut self.overlap
            && now.since(*since.get_or_insert(now)) >= OVERLAP
            && !more
        {
            self.overlap = None;
            sink.put(Input::Repeats { on: false });
        }
        let written = match self.pending.take_if(|(mark, _)| self.acknowledged.reached(*mark)) {
            Some((_, checkpoint)) => self.write(checkpoint),
            None => Ok(()),
        };
        if self.pending.is_none() && self.last.is_none_or(|last| now.since(last) >= EVERY) {
            self.last = Some(now);
            self.mark(snapshot(), sink);
        }
        written
    }

    /// Whether time alone, or who tells, brings something on.
    pub(super) fn is_waiting(&self) -> bool {
        self.pending.is_some() || self.overlap.is_some()
    }

    /// The follower has come to its end.
    pub(super) fn finish(mut self, last: Checkpoint, sink: &dyn Sink) -> Result<(), String> {
        // What a watcher before told may not have been read again yet.
        let clean = last.clean && self.overlap.is_none();
        self.mark(Checkpoint { clean, ..last }, sink);
        match self.pending.take() {
            Some((mark, checkpoint)) if self.acknowledged.wait(mark, PATIENCE) => {
                self.write(checkpoint)
            }
            _ => Ok(()),
        }
    }

    /// Nothing is marked where nothing is new.
    fn mark(&mut self, snapshot: Checkpoint, sink: &dyn Sink) {
        let checkpoint = Checkpoint { key: self.store.key.clone(), ..snapshot };
        if self.written.as_ref() != Some(&checkpoint) {
            self.marks += 1;
            sink.put(Input::Mark { number: self.marks });
            self.pending = Some((self.marks, checkpoint));
        }
    }

    fn write(&mut self, checkpoint: Checkpoint) -> Result<(), String> {
        self.store.write(&checkpoint).map_err(|error| error.to_string())?;
        self.written = Some(checkpoint);
        Ok(())
    }
}
