//! Where bytes come from: pipes, a pseudo-terminal, files that are followed, old logs.
//!
//! A source reads and puts; it knows no rule and never waits for the engine for long.

pub mod echo;
pub mod guard;
pub mod host;
pub mod images;
pub mod pipe;
pub mod pty;
pub mod rotating;
pub mod share;
pub mod spill;
pub mod tail;
pub mod turn;
pub mod wake;

use crate::engine::{Input, SourceId};

/// Where sources and the process put what they see. Implemented by the runtime's queue, which
/// stamps the time of arrival, is bounded, and counts a gap where the engine cannot keep up.
pub trait Sink: Send + Sync {
    /// Announces a source and gets its id. `name` is shown in messages: `stdout`, `train.log`.
    fn open(&self, name: &str) -> SourceId;

    fn put(&self, input: Input<'_>);
}
