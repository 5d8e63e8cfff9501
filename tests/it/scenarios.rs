//! Engine scenarios, written in YAML: rules, what happens when, and what is said.
//!
//! Each is run whole, byte by byte, and with wake-ups in between: the effects must be the same.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;

use serde::Deserialize;
use trainwatch::engine::alert::{AlertState, Happening, Held, MetricValue, SuppressReason};
use trainwatch::engine::input::{ProcessEnd, ProcessStatus};
use trainwatch::engine::rules::RuleSet;
use trainwatch::engine::{Effect, Engine, Input, SourceId};
use trainwatch::time::{Timestamp, format_duration};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    name: String,
    /// A rules file. Metrics found by themselves are left out.
    rules: String,
    /// The built-in rules too.
    #[serde(default)]
    builtin: bool,
    /// Also the samples are expected.
    #[serde(default)]
    trace: bool,
    input: Vec<Step>,
    /// One line an effect, see `describe`.
    expect: Vec<String>,
    /// Rules that never matched; not looked at if it is left out.
    unmatched: Option<Vec<String>>,
}

/// What happens at a second; exactly one of the rest.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    at: f64,
    /// With its newline.
    line: Option<String>,
    /// As it stands; escapes work in double quotation marks.
    bytes: Option<String>,
    /// Of `line` and `bytes`: 0 if it is left out.
    #[serde(default)]
    source: u32,
    /// Metric and value.
    sample: Option<(String, f64)>,
    exit: Option<i32>,
    signal: Option<i32>,
    event: Option<Event>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Event {
    /// Only time goes by.
    Wait,
    Stopped,
    Continued,
    Gap,
    Closed,
    Finished,
}

/// The rules of a scenario.
fn rules(scenario: &Scenario) -> RuleSet {
    let builtin = scenario.builtin;
    let text = format!("builtin: {builtin}\nauto_metrics: false\n{}", scenario.rules);
    match trainwatch::config::compile(&scenario.name, &text, Path::new(""), &|_| None) {
        Ok(config) => config.rules,
        Err(error) => panic!("{}: {}", scenario.name, error.render(false)),
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    Whole,
    ByteByByte,
    WithWakeUps,
}

fn time(seconds: f64) -> Timestamp {
    Timestamp::from_nanos((seconds * 1e9).round() as i64)
}

fn run(scenario: &Scenario, how: How) -> (Vec<String>, Vec<String>) {
    let mut engine = Engine::new(rules(scenario), time(0.0), scenario.trace);
    let mut effects = Vec::new();
    for (source, name) in [(0, "stdout"), (1, "stderr")] {
        let input = Input::Opened { source: SourceId(source), name };
        engine.handle(time(0.0), input, &mut effects);
    }
    let mut last = 0.0;
    for step in &scenario.input {
        if how == How::WithWakeUps {
            for part in 1..=4 {
                let between = last + (step.at - last) * f64::from(part) / 5.0;
                engine.handle_deadline(time(between), &mut effects);
                assert!(engine.next_deadline().is_none_or(|next| next > time(between)));
            }
        }
        last = step.at;
        happen(&mut engine, step, how, &mut effects);
    }
    let unmatched = engine.unmatched_rules().into_iter().map(str::to_owned).collect();
    (effects.iter().map(describe).collect(), unmatched)
}

fn happen(engine: &mut Engine, step: &Step, how: How, effects: &mut Vec<Effect>) {
    let now = time(step.at);
    let source = SourceId(step.source);
    let line = step.line.as_ref().map(|line| format!("{line}\n"));
    if let Some(text) = line.as_ref().or(step.bytes.as_ref()) {
        let size = if how == How::ByteByByte { 1 } else { text.len().max(1) };
        for bytes in text.as_bytes().chunks(size) {
            engine.handle(now, Input::Chunk { source, bytes }, effects);
        }
    }
    if let Some((metric, value)) = &step.sample {
        let input = Input::Sample { source, metric, step: None, value: *value };
        engine.handle(now, input, effects);
    }
    let exited = step.exit.map(|code| ProcessStatus::Exited { code });
    let killed = step.signal.map(|signal| ProcessStatus::Signaled { signal, core_dumped: false });
    if let Some(status) = exited.or(killed) {
        let end = ProcessEnd { status, clues: Vec::new() };
        engine.handle(now, Input::Ended(end), effects);
    }
    match step.event {
        None => {}
        Some(Event::Wait) => engine.handle_deadline(now, effects),
        Some(Event::Stopped) => engine.handle(now, Input::Stopped, effects),
        Some(Event::Continued) => engine.handle(now, Input::Continued, effects),
        Some(Event::Gap) => engine.handle(now, Input::Gap { source, bytes: 9 }, effects),
        Some(Event::Closed) => engine.handle(now, Input::Closed { source }, effects),
        Some(Event::Finished) => engine.handle(now, Input::Finished, effects),
    }
}

/// `102s burst fires: "error" 3 within 1m 00s (stdout:4) held back 2`
fn describe(effect: &Effect) -> String {
    let seconds = |at: Timestamp| at.as_nanos() as f64 / 1e9;
    match effect {
        Effect::Alert(alert) => {
            let state = match alert.state {
                AlertState::Firing => "fires",
                AlertState::Resolved => "is over",
            };
            let mut text = format!("{}s {} {state}", seconds(alert.at), alert.rule);
            text.push_str(&happening(&alert.happening));
            if let Some(origin) = &alert.origin {
                text.push_str(&format!(" ({}:{})", origin.source, origin.line));
            }
            if alert.held_back > 0 {
                text.push_str(&format!(" held back {}", alert.held_back));
            }
            if alert.elapsed != alert.at.since(time(0.0)) {
                text.push_str(&format!(" elapsed {}", format_duration(alert.elapsed)));
            }
            if !alert.lines.is_empty() {
                text.push_str(&format!(" | {}", alert.lines.join(" | ")));
            }
            text
        }
        Effect::Suppressed(suppressed) => {
            let reason = match suppressed.reason {
                SuppressReason::Cooldown { until } => format!("cooldown until {}s", seconds(until)),
                SuppressReason::Once => "once".to_owned(),
                SuppressReason::AlreadyTold => "already told".to_owned(),
            };
            format!("{}s {} suppressed: {reason}", seconds(suppressed.at), suppressed.rule)
        }
        Effect::Sample(sample) => {
            let step = sample.step.map(|step| format!(" at step {step}")).unwrap_or_default();
            let line = sample.origin.line;
            format!(
                "{}s {} = {}{step} (line {line})",
                seconds(sample.at),
                sample.metric,
                sample.text
            )
        }
    }
}

fn happening(happening: &Happening) -> String {
    let values = |values: &[MetricValue]| {
        let shown = values.iter().map(|v| format!("{}={}", v.name, v.value));
        shown.collect::<Vec<_>>().join(", ")
    };
    match happening {
        Happening::Matched { text, captures, count, within } => {
            let captures: String = captures.iter().map(|(n, v)| format!(" {n}={v}")).collect();
            let count = if *count > 1 { format!(" x{count}") } else { String::new() };
            let within = within.map(|w| format!(" within {}", format_duration(w)));
            format!(": \"{text}\"{captures}{count}{}", within.unwrap_or_default())
        }
        Happening::Condition { values: named, held, .. } => {
            let held = match held {
                None => String::new(),
                Some(Held::Samples(samples)) => format!(" for {samples} samples"),
                Some(Held::Time(time)) => format!(" for {}", format_duration(*time)),
            };
            format!(": {}{held}", values(named))
        }
        Happening::NonFinite { metric, text } => format!(": {metric} is {text}"),
        Happening::Silent { quiet, last_line, .. } => {
            let last = last_line.as_deref().map(|line| format!(" after \"{line}\""));
            format!(": {} quiet{}", format_duration(*quiet), last.unwrap_or_default())
        }
        Happening::Due => ": due".to_owned(),
        Happening::Elapsed { limit } => format!(": {} elapsed", format_duration(*limit)),
        Happening::Ended(verdict) => match verdict.status {
            ProcessStatus::Exited { code } => format!(": exit {code}"),
            ProcessStatus::Signaled { signal, .. } => format!(": signal {signal}"),
            ProcessStatus::Unknown => ": unknown".to_owned(),
        },
    }
}

/// Runs all scenarios of a file.
fn check(file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/scenarios").join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let scenarios: Vec<Scenario> =
        serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
    assert!(!scenarios.is_empty());
    let mut wrong = String::new();
    for scenario in &scenarios {
        for how in [How::Whole, How::ByteByByte, How::WithWakeUps] {
            let (effects, unmatched) = run(scenario, how);
            if effects != scenario.expect {
                wrong.push_str(&format!(
                    "\n{} ({how:?})\n expected:\n  {}\n found:\n  {}\n",
                    scenario.name,
                    scenario.expect.join("\n  "),
                    effects.join("\n  "),
                ));
            }
            if let Some(expected) = &scenario.unmatched {
                assert_eq!(&unmatched, expected, "{}", scenario.name);
            }
        }
    }
    assert!(wrong.is_empty(), "{file}:{wrong}");
}

macro_rules! scenarios {
    ($($name:ident),*) => {
        $(#[test] fn $name() { check(concat!(stringify!($name), ".yaml")); })*

        #[test]
        fn every_file_is_run() {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/scenarios");
            let run = [$(concat!(stringify!($name), ".yaml")),*];
            for entry in std::fs::read_dir(folder).unwrap() {
                let name = entry.unwrap().file_name();
                assert!(run.iter().any(|known| **known == *name), "{name:?} is not in the list");
            }
        }
    };
}

scenarios!(matching, when, silence, exit, every, elapsed, non_finite, run_time, metrics);
