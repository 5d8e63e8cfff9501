//! The card: how one run stands, in words; the newest state only. It is a message that channels
//! which can edit show in one place and keep up to date.

use serde::{Deserialize, Serialize};

use crate::engine::alert::{Alert, AlertState, Happening, Outcome, Progress, Severity};
use crate::engine::rules::Attach;
use crate::engine::snapshot::{Snapshot, Stage};
use crate::render::Message;
use crate::render::language::{Language, Phrases, fill};
use crate::render::mask::mask;
use crate::render::message::{Field, MessageKind, RunLabel};
use crate::render::text::{self, Context};
use crate::time::{Timestamp, format_duration};

/// Cells of the bar that shows how far the run is.
const CELLS: usize = 12;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    pub message: Message,
    pub language: Language,
    pub state: State,
    /// What is said of the run should nothing follow.
    #[serde(default)]
    pub last: Last,
}

/// A run's last words, so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Last {
    /// `step 1200 of 5000, loss 2.31`; may be empty.
    pub figures: String,
    /// The newest lines of its output, oldest first, secrets masked.
    pub lines: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Running,
    Ended(Outcome),
    /// It is just watched no more.
    Unwatched,
    /// Its command could not be started.
    NotStarted,
    /// Its watcher died without a word.
    Lost,
}

impl Card {
    /// Nothing follows: the run ended, or nobody watches it any more.
    pub fn ended(&self) -> bool {
        self.state != State::Running
    }
}

/// The card of a run as it stands.
pub fn card(snapshot: &Snapshot, context: &Context<'_>) -> Card {
    let phrases = context.language.phrases();
    let mut message = text::message(&as_alert(snapshot), context);
    message.rule = String::new();
    let lines = std::mem::take(&mut message.lines);
    let last = Last { figures: figures(snapshot, &message, phrases), lines };
    let values =
        [("run", message.run.name.clone()), ("elapsed", format_duration(snapshot.elapsed))];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    match &snapshot.stage {
        Stage::Running => {
            message.kind = MessageKind::Card;
            message.title = fill(phrases.card_running, &values);
        }
        Stage::Unjudged => {
            message.kind = MessageKind::Card;
            message.title = fill(phrases.card_running, &values);
            message.body = fill(phrases.broken_meaning, &values);
        }
        Stage::Unwatched => {
            message.kind = MessageKind::Note;
            message.title = fill(phrases.card_unwatched, &values);
        }
        Stage::NotStarted(why) => {
            message.kind = MessageKind::Note;
            message.title = fill(phrases.card_not_started, &values);
            message.body = mask(why, context.secrets);
        }
        Stage::Ended(_) => {}
    }
    if let Some(progress) = &snapshot.progress
        && snapshot.stage == Stage::Running
    {
        message.fields.retain(|field| field.name != phrases.field_progress);
        message.body = [bar(progress), Some(text::progress_text(progress, phrases))]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join("\n");
    }
    let state = match &snapshot.stage {
        Stage::Running | Stage::Unjudged => State::Running,
        Stage::Unwatched => State::Unwatched,
        Stage::NotStarted(_) => State::NotStarted,
        Stage::Ended(verdict) => State::Ended(verdict.outcome),
    };
    Card { message, language: context.language, state, last }
}

/// How far it is, and the metric that people look at first. Of the message's fields, which are
/// masked and bounded.
fn figures(snapshot: &Snapshot, message: &Message, phrases: &Phrases) -> String {
    let done = snapshot.progress.as_ref().map(|progress| {
        let progress = Progress { remaining: None, ..progress.clone() };
        text::progress_text(&progress, phrases)
    });
    let of_a_metric =
        |field: &&Field| snapshot.metrics.iter().any(|metric| metric.name == field.name);
    let metric = message.fields.iter().find(of_a_metric);
    let metric = metric.map(|field| format!("{} {}", field.name, field.value));
    done.into_iter().chain(metric).collect::<Vec<_>>().join(", ")
}

/// What a run's card becomes when its watcher died without a word.
pub fn gone(card: &Card, at: Timestamp) -> Card {
    let phrases = card.language.phrases();
    let run = &card.message.run;
    Card {
        message: Message {
            kind: MessageKind::Alert,
            // From now on the silence says nothing: that must be seen.
            severity: Severity::Critical,
            at,
            title: fill(phrases.gone, &[("run", &run.name)]),
            body: phrases.gone_meaning.to_owned(),
            ..card.message.clone()
        },
        state: State::Lost,
        ..card.clone()
    }
}

/// What a run's card becomes when it is found dead, with its last words and their time.
pub fn lost(card: &Card, now: Timestamp) -> Card {
    let phrases = card.language.phrases();
    let last = &card.message;
    let quiet = format_duration(now.since(last.at));
    let whole = Timestamp::from_secs(last.at.as_nanos().div_euclid(1_000_000_000));
    let values = [("run", last.run.name.as_str()), ("time", &quiet), ("at", &whole.to_string())];
    let mut lost = gone(card, now);
    lost.message.title = fill(phrases.lost, &values);
    lost.message.body = fill(phrases.lost_meaning, &values);
    lost
}

/// A word in the thread of a run that goes on in it.
pub fn resumed(run: &RunLabel, language: Language, at: Timestamp) -> Message {
    let title = fill(language.phrases().resumed, &[("run", &run.name), ("host", &run.host)]);
    Message { title, ..note(run, at) }
}

/// A bug of ours stopped the judging: from now on the silence says nothing.
pub fn broken(run: &RunLabel, language: Language, at: Timestamp) -> Message {
    let (phrases, values) = (language.phrases(), [("run", run.name.as_str())]);
    Message {
        kind: MessageKind::Alert,
        severity: Severity::Critical,
        title: fill(phrases.broken, &values),
        body: fill(phrases.broken_meaning, &values),
        ..note(run, at)
    }
}

fn note(run: &RunLabel, at: Timestamp) -> Message {
    Message {
        kind: MessageKind::Note,
        severity: Severity::Info,
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

/// The snapshot as an alert that says the same, to be put into words like any other.
fn as_alert(snapshot: &Snapshot) -> Alert {
    let (happening, severity) = match &snapshot.stage {
        Stage::Running | Stage::Unwatched => (Happening::Due, Severity::Info),
        Stage::Unjudged | Stage::NotStarted(_) => (Happening::Due, Severity::Warning),
        Stage::Ended(verdict) => (Happening::Ended(verdict.clone()), severity(verdict.outcome)),
    };
    Alert {
        rule: String::new(),
        severity,
        state: AlertState::Firing,
        at: snapshot.at,
        origin: None,
        happening,
        message: None,
        lines: snapshot.lines.clone(),
        metrics: snapshot.metrics.clone(),
        progress: snapshot.progress.clone(),
        elapsed: snapshot.elapsed,
        held_back: 0,
        untold: Vec::new(),
        to: Vec::new(),
        attach: Attach::default(),
        stop: None,
    }
}

fn severity(outcome: Outcome) -> Severity {
    match outcome {
        Outcome::Finished => Severity::Info,
        Outcome::Interrupted | Outcome::Preempted | Outcome::Unknown => Severity::Warning,
        Outcome::Failed | Outcome::Killed | Outcome::OutOfMemory | Outcome::TimeLimit => {
            Severity::Critical
        }
    }
}

/// `▰▰▰▰▱▱▱▱▱▱▱▱ 33 %`; none where the whole is not known.
fn bar(progress: &Progress) -> Option<String> {
    let part = (progress.done / progress.total?).clamp(0.0, 1.0);
    // Of NaN nothing is filled; a cast of a part of few cells is exact.
    let full = (part * CELLS as f64) as usize;
    let percent = (part * 100.0) as u32;
    Some(format!("{}{} {percent} %", "▰".repeat(full), "▱".repeat(CELLS - full.min(CELLS))))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::engine::alert::{Cause, MetricValue, Verdict};
    use crate::engine::input::ProcessStatus;

    fn made(stage: Stage, language: Language) -> Card {
        let run = RunLabel {
            id: "r1".into(),
            name: "resnet50".into(),
            host: "gpu01".into(),
            command: "python train.py".into(),
            elapsed: None,
        };
        let snapshot = Snapshot {
            at: Timestamp::from_secs(1_795_401_203),
            elapsed: Duration::from_secs(7500),
            metrics: vec![MetricValue { name: "loss".into(), value: 0.5, text: "0.5".into() }],
            progress: Some(Progress {
                unit: "epoch".into(),
                done: 3.0,
                total: Some(10.0),
                remaining: Some(Duration::from_secs(17_500)),
            }),
            lines: vec!["step 1200 loss 2.31".into()],
            stage,
        };
        card(&snapshot, &Context { run: &run, language, secrets: &[] })
    }

    fn failed() -> Stage {
        let cause = Cause {
            summary: "ValueError: bad batch".into(),
            place: Some("train.py:41 in step".into()),
            rank: None,
            likely: false,
            evidence: vec!["ValueError: bad batch".into()],
        };
        let status = ProcessStatus::Exited { code: 1 };
        Stage::Ended(Verdict { status, outcome: Outcome::Failed, cause: Some(cause), restarts: 0 })
    }

    #[test]
    fn a_running_card_says_how_far_it_is() {
        let card = made(Stage::Running, Language::En);
        let message = &card.message;
        assert_eq!(message.title, "resnet50 is running");
        assert_eq!(message.body, "▰▰▰▱▱▱▱▱▱▱▱▱ 30 %\nepoch 3 of 10, 4h 51m left");
        let names: Vec<_> = message.fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["loss", "elapsed"]);
        assert!(!card.ended());
    }

    #[test]
    fn an_ended_card_says_why_and_leaves_the_evidence_to_the_thread() {
        let card = made(failed(), Language::En);
        let message = &card.message;
        assert_eq!(
            message.title,
            "resnet50 failed after 2h 05m: ValueError: bad batch (exit status 1)"
        );
        assert_eq!(message.body, "At train.py:41 in step.");
        assert_eq!((message.severity, message.kind), (Severity::Critical, MessageKind::End));
        assert!(message.lines.is_empty() && card.ended());
    }

    #[test]
    fn a_card_of_a_run_that_is_judged_no_more_says_so_and_is_no_end() {
        let card = made(Stage::Unjudged, Language::En);
        assert_eq!(card.message.title, "resnet50 is running");
        assert!(card.message.body.contains("No alert"), "{}", card.message.body);
        assert_eq!(card.message.severity, Severity::Warning);
        assert!(!card.ended());
    }

    #[test]
    fn last_words_are_kept_without_secrets_and_not_shown() {
        let run = made(Stage::Running, Language::En).message.run;
        let snapshot = Snapshot {
            at: Timestamp::from_secs(0),
            elapsed: Duration::ZERO,
            metrics: vec![MetricValue { name: "lr".into(), value: 0.1, text: "0.1".into() }],
            progress: None,
            lines: vec!["login hunter2 ok".into(), "step 7".into()],
            stage: Stage::Running,
        };
        let secrets = ["hunter2".to_owned()];
        let context = Context { run: &run, language: Language::En, secrets: &secrets };
        let card = card(&snapshot, &context);
        assert_eq!(card.last.lines, ["login **** ok", "step 7"]);
        assert_eq!(card.last.figures, "lr 0.1");
        assert!(card.message.lines.is_empty());
    }

    #[test]
    fn every_language_names_the_run_in_each_state() {
        for language in [Language::En, Language::Zh, Language::Ja, Language::Ko] {
            let running = made(Stage::Running, language);
            let gone = gone(&running, Timestamp::from_secs(0));
            let unstarted = Stage::NotStarted("no: command not found".to_owned());
            let stages = [Stage::Unjudged, Stage::Unwatched, unstarted, failed()];
            let made = stages.map(|stage| made(stage, language));
            for card in [running, gone].into_iter().chain(made) {
                let text = format!("{} {}", card.message.title, card.message.body);
                assert!(text.contains("resnet50") && !text.contains('{'), "{text}");
            }
        }
    }

    #[test]
    fn a_bar_is_as_long_as_ever_whatever_the_numbers() {
        for (done, total) in [(0.0, 1.0), (1.0, 1.0), (5.0, 1.0), (f64::NAN, 1.0), (1.0, 0.0)] {
            let progress =
                Progress { unit: "step".into(), done, total: Some(total), remaining: None };
            let bar = bar(&progress).unwrap();
            assert_eq!(bar.chars().take_while(|c| *c != ' ').count(), CELLS, "{bar}");
        }
    }
}
