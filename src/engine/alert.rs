//! What the engine says: alerts as facts, not yet as text. `render` puts them into words.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::engine::input::ProcessStatus;
use crate::engine::rules::{Attach, Stop};
use crate::time::Timestamp;

/// One thing the engine wants the outside to do or to know, in the order in which it arose.
#[derive(Clone, Debug)]
pub enum Effect {
    Alert(Box<Alert>),
    Suppressed(Suppressed),
    /// Only while tracing (`replay --json`), since live nobody looks at each of them.
    Sample(Sample),
}

#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    #[default]
    Info,
    Warning,
    Critical,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    Firing,
    Resolved,
}

/// A rule fired (or is resolved).
#[derive(Clone, Debug)]
pub struct Alert {
    pub rule: String,
    pub severity: Severity,
    pub state: AlertState,
    pub at: Timestamp,
    /// The line that made it fire; none for times and ends.
    pub origin: Option<Origin>,
    pub happening: Happening,
    /// The user's template, not yet filled in.
    pub message: Option<String>,
    /// Output around it, as a terminal shows it, oldest first.
    pub lines: Vec<String>,
    /// The newest value of each metric, in the order in which they were first seen.
    pub metrics: Vec<MetricValue>,
    pub progress: Option<Progress>,
    /// The run's time: wall time less the times in which it was stopped.
    pub elapsed: Duration,
    /// How many times it would have fired since it last did, and was held back.
    pub held_back: u64,
    /// Of an end: rules that were held back by a cooldown or as a flood and spoke no more since,
    /// and how many times. In the order of the rules.
    pub untold: Vec<(String, u64)>,
    /// Names of channels; empty: all.
    pub to: Vec<String>,
    pub attach: Attach,
    pub stop: Option<Stop>,
}

/// Where in which source something stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    pub source: String,
    /// Lines as a terminal shows them after a newline, the first is 1.
    pub line: u64,
}

/// What happened, with the values that a reader needs.
#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    /// A line matched; `captures` are the named groups.
    Matched { text: String, captures: Vec<(String, String)>, count: u32, within: Option<Duration> },
    /// A condition holds (or, resolved, no longer holds). `values`: the metrics that it names.
    Condition { condition: String, values: Vec<MetricValue>, held: Option<Held> },
    /// A metric is NaN or infinite.
    NonFinite { metric: String, text: String },
    /// No such sign of life (or, with a pattern, no line that matches it) for `quiet`.
    Silent { quiet: Duration, lacks: Sign, pattern: Option<String>, last_line: Option<String> },
    /// A report was due.
    Due,
    /// The run has lasted this long.
    Elapsed { limit: Duration },
    /// The run ended.
    Ended(Verdict),
    /// The run's process ended, and another one is started `after` this time.
    Restarting { verdict: Verdict, attempt: u32, most: u32, after: Duration },
}

/// A sign of life in what a run prints; each one is also those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sign {
    /// Any byte.
    Output,
    /// A line, or a redraw of one that says something new.
    Line,
    /// The run has got further.
    Step,
}

/// How long a condition had to hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Held {
    Samples(u32),
    Time(Duration),
}

/// How the run ended, and why as far as it is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub status: ProcessStatus,
    pub outcome: Outcome,
    pub cause: Option<Cause>,
    /// How often the run was started again before that.
    #[serde(default)]
    pub restarts: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Finished,
    Failed,
    Killed,
    OutOfMemory,
    Interrupted,
    TimeLimit,
    Preempted,
    Unknown,
}

/// The reason of an end, from the output or from the system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// One line, in the program's own words where it has some: `RuntimeError: mat1 and mat2 …`.
    pub summary: String,
    /// Where in the user's code: `train.py:41 in step`; which rank.
    pub place: Option<String>,
    pub rank: Option<u32>,
    /// A guess rather than a proof; said as "likely".
    pub likely: bool,
    /// Lines that prove it: the traceback's last frames, a counter.
    pub evidence: Vec<String>,
}

/// A metric's value, and how the program wrote it.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricValue {
    pub name: String,
    pub value: f64,
    pub text: String,
}

/// How far the run is: `done` of `total` of some unit (`step`, `epoch`, `it`).
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    pub unit: String,
    pub done: f64,
    pub total: Option<f64>,
    pub remaining: Option<Duration>,
}

/// A value of a metric that was found in a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub origin: Origin,
    pub at: Timestamp,
    pub metric: String,
    pub step: Option<f64>,
    pub value: f64,
    pub text: String,
}

/// A rule would have fired, and why it did not.
#[derive(Clone, Debug, PartialEq)]
pub struct Suppressed {
    pub rule: String,
    pub origin: Option<Origin>,
    pub at: Timestamp,
    pub reason: SuppressReason,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SuppressReason {
    /// It fired already, and stays silent until then.
    Cooldown { until: Timestamp },
    /// It fired too often within a minute, and stays silent until then.
    Flood { until: Timestamp },
    /// `once: true`, and it fired already.
    Once,
    /// The run died of what was already warned of; or its end was told by a rule of the user's.
    AlreadyTold,
}
