//! How a run stands at one moment: for the card that shows its newest state.

use std::time::Duration;

use crate::engine::alert::{MetricValue, Progress, Verdict};
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    pub at: Timestamp,
    /// The run's time: wall time less the times in which it was stopped.
    pub elapsed: Duration,
    /// The newest value of each metric, in the order in which they were first seen.
    pub metrics: Vec<MetricValue>,
    pub progress: Option<Progress>,
    /// The last lines of output, oldest first.
    pub lines: Vec<String>,
    pub stage: Stage,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    Running,
    /// It goes on, but its output is not judged any more: all else in here is what is known without.
    Unjudged,
    /// The supervised process ended.
    Ended(Verdict),
    /// There was no process, or it is not known how it ended: it is just watched no more.
    Unwatched,
    /// There is no process: why its command could not be started.
    NotStarted(String),
}
