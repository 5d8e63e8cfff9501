//! What the courier says by itself when its supervisor is gone.

use crate::engine::alert::{AlertState, Severity};
use crate::render::Message;
use crate::render::message::{MessageKind, RunLabel};
use crate::time::Timestamp;

/// "The watcher of this run is gone". What became of the run is not known, and not claimed.
pub(super) fn watcher_gone(run: &RunLabel, at: Timestamp) -> Message {
    Message {
        kind: MessageKind::Alert,
        severity: Severity::Warning,
        state: AlertState::Firing,
        run: run.clone(),
        rule: "watcher gone".to_owned(),
        at,
        title: "The watcher of this run is gone.".to_owned(),
        body: "It ended without a word: killed, or out of memory. Whether the run goes on is not \
               known, and nothing more will be told about it."
            .to_owned(),
        fields: Vec::new(),
        lines: Vec::new(),
        chart_path: None,
        curves: Vec::new(),
    }
}
