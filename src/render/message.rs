//! A message as every channel gets it: complete, in words, free of secrets, and of no channel's
//! markup. Channels choose what fits them; all text here is literal and must be escaped by them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::engine::alert::{AlertState, Severity};
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub kind: MessageKind,
    pub severity: Severity,
    pub state: AlertState,
    pub run: RunLabel,
    pub rule: String,
    pub at: Timestamp,
    /// What happened, in one sentence with the values. No newline.
    pub title: String,
    /// A few more sentences: the cause, what was held back. May be empty.
    pub body: String,
    /// Short pairs: last metrics, progress, elapsed time. In the order of importance.
    pub fields: Vec<Field>,
    /// The run's lines that explain it, oldest first.
    pub lines: Vec<String>,
    /// Where the newest chart lies on the run's machine, for channels that cannot carry it.
    pub chart_path: Option<String>,
    /// The curves in few points, for channels that draw themselves.
    pub curves: Vec<Curve>,
    /// Of an end, the exit status as a shell shows it: 128 and the signal's number for one that was
    /// killed. None where it is not known.
    #[serde(default)]
    pub exit: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    Alert,
    /// A report in intervals.
    Report,
    /// The end of the run; overtakes reports.
    End,
    /// `watch send`.
    Note,
    /// How a run stands that goes on: replaced by the next one, never queued.
    Card,
}

/// Which run a message is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLabel {
    pub id: String,
    pub name: String,
    pub host: String,
    /// The command line, secrets masked.
    pub command: String,
    pub elapsed: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    pub name: String,
    pub value: String,
}

/// A metric's course in at most 20 points, all finite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    pub name: String,
    /// (x as a label: a step or an elapsed time, value)
    pub points: Vec<(String, f64)>,
}
