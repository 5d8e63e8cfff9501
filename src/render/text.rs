//! An alert in words: title, body, fields and lines, in the run's language. Each of these has a file;
//! here they become one message.
//!
//! Text from the run is data: it is masked, bounded, and never evaluated.

mod body;
mod fields;
mod lines;
#[cfg(test)]
mod tests;
mod title;

pub(super) use fields::progress_text;

use crate::engine::alert::{Alert, Happening, Outcome, Severity};
use crate::engine::input::ProcessStatus;
use crate::render::language::{Language, fill};
use crate::render::mask::mask;
use crate::render::message::{Field, Message, MessageKind, RunLabel};
use crate::render::template;
use crate::render::text::body::body;
use crate::render::text::fields::fields;
use crate::render::text::lines::lines;
use crate::render::text::title::title;

/// Longest title and body, in characters; the middle of a longer one is left out.
const TITLE_LIMIT: usize = 400;
const BODY_LIMIT: usize = 2_000;
const LINE_LIMIT: usize = 600;

/// What rendering needs to know besides the alert.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    pub run: &'a RunLabel,
    pub language: Language,
    /// Values that are masked wherever they appear.
    pub secrets: &'a [String],
}

/// The message for an alert. A template that fails gives the built-in title and says why below it.
pub fn message(alert: &Alert, context: &Context<'_>) -> Message {
    let phrases = context.language.phrases();
    let clean = |text: &str, limit: usize| clip(&mask(text, context.secrets), limit);
    let built_in = title(alert, context.run, phrases);
    let mut body = body(alert, phrases);
    let title = match &alert.message {
        None => built_in,
        Some(source) => template::fill_in(source, alert, context.run).unwrap_or_else(|error| {
            body.push(fill(phrases.template_failed, &[("error", &error)]));
            built_in
        }),
    };
    let mut run = context.run.clone();
    run.elapsed = Some(alert.elapsed);
    run.command = clean(&run.command, LINE_LIMIT);
    Message {
        kind: kind(alert),
        severity: severity(alert),
        state: alert.state,
        run,
        rule: alert.rule.clone(),
        at: alert.at,
        title: clean(&one_line(&title), TITLE_LIMIT),
        body: clean(&body.join("\n"), BODY_LIMIT),
        fields: fields(alert, phrases)
            .into_iter()
            .map(|field| Field { name: clean(&field.name, 80), value: clean(&field.value, 80) })
            .collect(),
        lines: lines(alert).iter().map(|line| clean(line, LINE_LIMIT)).collect(),
        chart_path: None,
        curves: Vec::new(),
        exit: exit(&alert.happening),
    }
}

fn exit(happening: &Happening) -> Option<u8> {
    let Happening::Ended(verdict) = happening else { return None };
    match verdict.status {
        ProcessStatus::Exited { code } => u8::try_from(code).ok(),
        ProcessStatus::Signaled { signal, .. } => {
            signal.checked_add(128).and_then(|code| u8::try_from(code).ok())
        }
        ProcessStatus::Unknown => None,
    }
}

/// Title, body and lines as one text, as `replay` prints it.
pub fn whole(message: &Message) -> String {
    let mut text = String::new();
    if !message.body.is_empty() {
        text.push_str(&message.body);
    }
    for line in &message.lines {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(line);
    }
    text
}

/// A rule for any end is of severity info; a failure looks like none all the same.
fn severity(alert: &Alert) -> Severity {
    match &alert.happening {
        Happening::Ended(verdict) if verdict.outcome != Outcome::Finished => {
            alert.severity.max(Severity::Warning)
        }
        _ => alert.severity,
    }
}

fn kind(alert: &Alert) -> MessageKind {
    match alert.happening {
        Happening::Ended(_) => MessageKind::End,
        Happening::Due => MessageKind::Report,
        _ => MessageKind::Alert,
    }
}

/// Newlines and control characters would break a title on a phone.
fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// At most `limit` characters: of a longer text the middle is left out.
fn clip(text: &str, limit: usize) -> String {
    let count = text.chars().count();
    if count <= limit {
        return text.to_owned();
    }
    let head = limit * 2 / 3;
    let tail = limit - head - 3;
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(count - tail).collect();
    format!("{start} … {end}")
}
