//! The only clock. Wall time at the start plus monotonic time since, so that a step of the
//! system's clock moves no deadline.

#![expect(clippy::disallowed_methods, reason = "this is the one place that reads clocks")]

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::time::Timestamp;

#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall: Timestamp,
    base: Instant,
}

impl Clock {
    pub fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { wall: Timestamp::default().after(since_epoch), base: Instant::now() }
    }

    pub fn now(&self) -> Timestamp {
        self.wall.after(self.base.elapsed())
    }

    /// When the clock was started.
    pub fn started(&self) -> Timestamp {
        self.wall
    }
}
