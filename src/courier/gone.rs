//! What is said when the supervisor is gone.

use crate::engine::alert::{AlertState, Severity};
use crate::render::Message;
use crate::render::card::{self, Card, Last, State};
use crate::render::language::Language;
use crate::render::message::{MessageKind, RunLabel};
use crate::time::Timestamp;

/// The run's last card, turned into one that says so; made up if there never was one.
pub(super) fn gone(run: &RunLabel, last: Option<Card>, at: Timestamp) -> Card {
    let blank = || Card {
        message: blank(run, at),
        language: Language::default(),
        state: State::Running,
        last: Last::default(),
    };
    card::gone(&last.unwrap_or_else(blank), at)
}

/// "The watcher of this run is gone". What became of the run is not known, and not claimed.
pub(super) fn watcher_gone(gone: &Card) -> Message {
    let (rule, lines) = ("watcher gone".to_owned(), gone.last.lines.clone());
    Message { rule, lines, ..gone.message.clone() }
}

/// The same from one who carries on, and says what that means.
pub fn watcher_replaced(run: &RunLabel, last: Option<Card>, at: Timestamp, body: &str) -> Message {
    let (body, lines) = (body.to_owned(), Vec::new());
    Message { body, lines, ..watcher_gone(&gone(run, last, at)) }
}

fn blank(run: &RunLabel, at: Timestamp) -> Message {
    Message {
        kind: MessageKind::Alert,
        severity: Severity::Warning,
        state: AlertState::Firing,
        run: run.clone(),
        rule: String::new(),
        at,
        title: String::new(),
        body: String::new(),
        fields: Vec::new(),
        lines: Vec::new(),
        chart_path: None,
        curves: Vec::new(),
        exit: None,
    }
}
