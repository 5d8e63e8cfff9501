//! `watch replay --explain LINE`: what one line of a log is to the rules, and why each of them fires
//! at it or does not.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{Replay, reason};
use crate::engine::Effect;
use crate::engine::alert::{Alert, Sample, Suppressed};
use crate::engine::explain::{ConditionState, Explained, Phase, Why};
use crate::engine::splitter::{LineKind, Splitter};
use crate::render::text::{self, Context};
use crate::time::{Timestamp, format_duration};

/// Of a longer line only the beginning is explained.
const LONGEST: usize = 1 << 20;

/// The line that is to be explained, as it is found.
#[derive(Debug)]
pub(super) struct Question {
    /// Counted from 1.
    pub(super) line: u64,
    source: String,
    bytes: Vec<u8>,
    samples: Vec<Sample>,
    alerts: Vec<Alert>,
    held_back: Vec<Suppressed>,
}

impl Question {
    pub(super) fn new(line: u64) -> Self {
        Self {
            line,
            source: String::new(),
            bytes: Vec::new(),
            samples: Vec::new(),
            alerts: Vec::new(),
            held_back: Vec::new(),
        }
    }

    pub(super) fn source(&mut self, name: &str) {
        self.source = name.to_owned();
    }

    /// Whether the log has this line.
    pub(super) fn is_found(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// A piece of the line.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        let room = LONGEST.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// What the engine said while this line was handled.
    pub(super) fn hear(&mut self, effect: &Effect) {
        let is_here = |line: Option<u64>| line == Some(self.line);
        match effect {
            Effect::Sample(sample) if is_here(Some(sample.origin.line)) => {
                self.samples.push(sample.clone());
            }
            Effect::Alert(alert) if is_here(alert.origin.as_ref().map(|o| o.line)) => {
                self.alerts.push(Alert::clone(alert));
            }
            Effect::Suppressed(held) if is_here(held.origin.as_ref().map(|o| o.line)) => {
                self.held_back.push(held.clone());
            }
            _ => {}
        }
    }

    /// The line as a terminal shows it.
    fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        let mut each = |line: crate::engine::splitter::Line<'_>| {
            if line.kind == LineKind::Whole {
                text.clear();
                text.extend_from_slice(line.text);
            }
        };
        let mut splitter = Splitter::default();
        splitter.push(&self.bytes, &mut each);
        splitter.close(&mut each);
        text
    }
}

/// What is said of one rule.
struct Answer<'a> {
    explained: &'a Explained,
    outcome: &'static str,
    words: String,
}

impl<W: Write> Replay<W> {
    /// Writes the answer.
    pub(super) fn explain(&mut self, question: &Question) -> io::Result<()> {
        let text = question.text();
        let now = self.now;
        let explained = self.engine.as_ref().map(|engine| engine.explain(now, &text));
        let explained = explained.unwrap_or_default();
        let answers: Vec<_> = explained.iter().map(|one| self.answer(question, one)).collect();
        let text = String::from_utf8_lossy(&text).into_owned();
        if self.json {
            let object = self.object(question, &text, &answers);
            writeln!(self.out, "{object}")?;
        } else {
            self.words(question, &text, &answers)?;
        }
        self.out.flush()
    }

    fn answer<'a>(&self, question: &Question, explained: &'a Explained) -> Answer<'a> {
        let context = Context {
            run: &self.run,
            language: self.config.language,
            secrets: &self.config.secrets,
        };
        let alert = question.alerts.iter().find(|alert| alert.rule == explained.rule);
        let held = question.held_back.iter().find(|held| held.rule == explained.rule);
        let (outcome, words) = match (alert, held) {
            (Some(alert), _) => {
                let title = text::message(alert, &context).title;
                let resolved = alert.state == crate::engine::alert::AlertState::Resolved;
                (if resolved { "is over" } else { "fires" }, title)
            }
            (None, Some(held)) => {
                let (word, until) = reason(held.reason);
                let until = until.map(|until| format!(" until {}", self.point(until)));
                ("held back", format!("{word}{}", until.unwrap_or_default()))
            }
            (None, None) => ("does not fire", why(&explained.why, &|at| self.point(at))),
        };
        Answer { explained, outcome, words }
    }

    /// A point in time; in a log without times, how long after its start.
    fn point(&self, at: Timestamp) -> String {
        self.time(at).unwrap_or_else(|| {
            format!(
                "{} (each line is taken to last {})",
                seconds(at),
                format_duration(super::ASSUMED)
            )
        })
    }

    fn object(&self, question: &Question, text: &str, answers: &[Answer<'_>]) -> Value {
        let samples = question.samples.iter().map(|sample| {
            json!({
                "metric": sample.metric,
                "value": sample.value.is_finite().then_some(sample.value), "text": sample.text,
            })
        });
        let rules = answers.iter().map(|answer| {
            let captures = answer.explained.captures.as_ref().map(|captures| {
                let pairs = captures.iter().map(|(name, value)| (name.clone(), json!(value)));
                Value::Object(pairs.collect())
            });
            json!({
                "rule": answer.explained.rule, "matches": captures.is_some(),
                "captures": captures, "outcome": answer.outcome, "reason": answer.words,
            })
        });
        json!({
            "type": "explanation", "source": question.source, "line": question.line,
            "time": self.time(self.now), "text": text,
            "samples": samples.collect::<Vec<_>>(), "rules": rules.collect::<Vec<_>>(),
        })
    }

    fn words(&mut self, question: &Question, text: &str, answers: &[Answer<'_>]) -> io::Result<()> {
        let time = self.time(self.now).map(|time| format!(", {time}")).unwrap_or_default();
        writeln!(self.out, "{}:{}{time}: {text}", question.source, question.line)?;
        let shown = question.samples.iter().map(|s| match s.text.as_str() {
            "" => format!("{} = {}", s.metric, s.value),
            text => format!("{} = {text}", s.metric),
        });
        let shown: Vec<_> = shown.collect();
        match shown.as_slice() {
            [] => writeln!(self.out, "metrics: none found")?,
            shown => writeln!(self.out, "metrics: {}", shown.join(", "))?,
        }
        for answer in answers {
            let rule = &answer.explained.rule;
            let matched = match &answer.explained.captures {
                Some(captures) if !captures.is_empty() => {
                    let captures = captures.iter().map(|(name, value)| format!("{name}={value}"));
                    format!(" (matches: {})", captures.collect::<Vec<_>>().join(", "))
                }
                Some(_) => " (matches)".to_owned(),
                None => String::new(),
            };
            writeln!(self.out, "[{rule}] {}{matched}: {}", answer.outcome, answer.words)?;
        }
        Ok(())
    }
}

fn seconds(at: Timestamp) -> String {
    format_duration(at.since(Timestamp::default()))
}

/// Why nothing was said. `time` shows a point in time.
fn why(why: &Why, time: &dyn Fn(Timestamp) -> String) -> String {
    match why {
        Why::NoMatch { pattern } => format!("the pattern does not match: {}", clipped(pattern)),
        Why::Excepted { except } => format!("`except` matches: {}", clipped(except)),
        Why::Counting { of: 1, .. } => {
            "this line has counted already, in an earlier state".to_owned()
        }
        Why::Counting { count, of, within } => {
            let within = within.map(|within| format!(" within {}", format_duration(within)));
            format!("match {count} of {of}{}", within.unwrap_or_default())
        }
        Why::Condition(state) => condition(state, time),
        Why::NonFinite { doubted } if doubted.is_empty() => {
            "no metric turned NaN or infinite here".to_owned()
        }
        Why::NonFinite { doubted } => {
            format!("it is not certain yet whether this is meant: {}", doubted.join(", "))
        }
        Why::Waiting { until: Some(until) } => format!("it waits until {}", time(*until)),
        Why::Waiting { until: None } => "it waits for nothing that this line could be".to_owned(),
        Why::AtTheEnd => "it speaks when the run has ended".to_owned(),
    }
}

fn condition(state: &ConditionState, time: &dyn Fn(Timestamp) -> String) -> String {
    let values = match state.comparisons.as_slice() {
        [] => String::new(),
        comparisons => format!(" ({})", comparisons.join("; ")),
    };
    let text = &state.condition;
    let truth = match state.holds {
        Some(true) => format!("`{text}` is true{values}"),
        Some(false) => format!("`{text}` is false{values}"),
        None if state.missing.is_empty() => {
            format!("`{text}` is unknown{values}: there are too few samples, or one is NaN")
        }
        None => {
            format!("`{text}` is unknown{values}: no value of {}", state.missing.join(", "))
        }
    };
    match state.phase {
        Phase::Idle => truth,
        Phase::Samples { so_far, of } => format!("{truth}, for {so_far} of {of} samples"),
        Phase::Until { at } => format!("{truth}; it fires at {} if it stays so", time(at)),
        Phase::Firing => format!("{truth}; it fires already, and that is told only once"),
        Phase::Spent => format!("{truth}; ended by `until`, it must become false first"),
    }
}

fn clipped(pattern: &str) -> String {
    const LONGEST: usize = 100;
    let mut shown: String = pattern.chars().take(LONGEST).collect();
    if shown.len() < pattern.len() {
        shown.push('…');
    }
    shown
}
