//! An effect as one line: what a failed test prints, and what an expectation can be written as.

use crate::commands::replay::reason;
use crate::engine::Effect;
use crate::engine::alert::{
    Alert, AlertState, Happening, Held, MetricValue, Sample, Sign, Suppressed,
};
use crate::engine::input::ProcessStatus;
use crate::time::{Timestamp, format_duration};

/// `102s burst fires: "error" x3 within 1m (stdout:4) held back 2`
pub(super) fn describe(effect: &Effect) -> String {
    match effect {
        Effect::Alert(alert) => of_alert(alert),
        Effect::Suppressed(suppressed) => of_suppressed(suppressed),
        Effect::Sample(sample) => of_sample(sample),
    }
}

pub(super) fn seconds(at: Timestamp) -> String {
    format!("{}s", at.as_nanos() as f64 / 1e9)
}

pub(super) fn state(state: AlertState) -> &'static str {
    match state {
        AlertState::Firing => "fires",
        AlertState::Resolved => "is over",
    }
}

fn of_alert(alert: &Alert) -> String {
    let mut text = format!("{} {} {}", seconds(alert.at), alert.rule, state(alert.state));
    text.push_str(&happening(&alert.happening));
    if let Some(origin) = &alert.origin {
        text.push_str(&format!(" ({}:{})", origin.source, origin.line));
    }
    if alert.held_back > 0 {
        text.push_str(&format!(" held back {}", alert.held_back));
    }
    if alert.elapsed != alert.at.since(Timestamp::default()) {
        text.push_str(&format!(" elapsed {}", format_duration(alert.elapsed)));
    }
    if !alert.lines.is_empty() {
        text.push_str(&format!(" | {}", alert.lines.join(" | ")));
    }
    text
}

fn of_suppressed(suppressed: &Suppressed) -> String {
    let (word, until) = reason(suppressed.reason);
    let until = until.map(|until| format!(" until {}", seconds(until))).unwrap_or_default();
    format!("{} {} held back: {word}{until}", seconds(suppressed.at), suppressed.rule)
}

fn of_sample(sample: &Sample) -> String {
    let step = sample.step.map(|step| format!(" at step {step}")).unwrap_or_default();
    let line = sample.origin.line;
    format!("{} {} = {}{step} (line {line})", seconds(sample.at), sample.metric, sample.text)
}

fn happening(happening: &Happening) -> String {
    match happening {
        Happening::Matched { text, captures, count, within } => {
            let captures: String = captures.iter().map(|(n, v)| format!(" {n}={v}")).collect();
            let count = if *count > 1 { format!(" x{count}") } else { String::new() };
            let within = within.map(|w| format!(" within {}", format_duration(w)));
            format!(": \"{text}\"{captures}{count}{}", within.unwrap_or_default())
        }
        Happening::Condition { values, held, .. } => {
            let held = match held {
                None => String::new(),
                Some(Held::Samples(samples)) => format!(" for {samples} samples"),
                Some(Held::Time(time)) => format!(" for {}", format_duration(*time)),
            };
            format!(": {}{held}", listed(values))
        }
        Happening::NonFinite { metric, text } => format!(": {metric} is {text}"),
        Happening::Silent { quiet, lacks, last_line, .. } => {
            let lack = match lacks {
                Sign::Output => "quiet",
                Sign::Line => "without a line",
                Sign::Step => "without a step",
            };
            let last = last_line.as_deref().map(|line| format!(" after \"{line}\""));
            format!(": {} {lack}{}", format_duration(*quiet), last.unwrap_or_default())
        }
        Happening::Due => ": due".to_owned(),
        Happening::Elapsed { limit } => format!(": {} elapsed", format_duration(*limit)),
        Happening::Ended(verdict) => format!(": {}", status(verdict.status)),
        Happening::Restarting { verdict, attempt, most, after } => {
            let (status, after) = (status(verdict.status), format_duration(*after));
            format!(": {status}, restart {attempt} of {most} in {after}")
        }
    }
}

fn status(status: ProcessStatus) -> String {
    match status {
        ProcessStatus::Exited { code } => format!("exit {code}"),
        ProcessStatus::Signaled { signal, .. } => format!("signal {signal}"),
        ProcessStatus::Unknown => "unknown".to_owned(),
    }
}

fn listed(values: &[MetricValue]) -> String {
    let shown = values.iter().map(|value| format!("{}={}", value.name, value.value));
    shown.collect::<Vec<_>>().join(", ")
}
