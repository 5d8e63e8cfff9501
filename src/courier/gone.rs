//! What is said when the supervisor is gone.

use crate::engine::alert::{AlertState, Severity};
use crate::render::Message;
use crate::render::message::{MessageKind, RunLabel};
use crate::time::Timestamp;

/// For a courier that is left alone: what became of the run is not known, and not claimed.
pub(super) const NOTHING_KNOWN: &str = "It ended without a word: killed, or out of memory. Whether \
     the run goes on is not known, and nothing more will be told about it.";

/// "The watcher of this run is gone", and what that means.
pub fn watcher_gone(run: &RunLabel, at: Timestamp, what_now: &str) -> Message {
    Message {
        kind: MessageKind::Alert,
        severity: Severity::Warning,
        state: AlertState::Firing,
        run: run.clone(),
        rule: "watcher gone".to_owned(),
        at,
        title: "The watcher of this run is gone.".to_owned(),
        body: what_now.to_owned(),
        fields: Vec::new(),
        lines: Vec::new(),
        chart_path: None,
        curves: Vec::new(),
    }
}
