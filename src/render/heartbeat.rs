//! What is said of a run of which nothing is heard any more, and of one that is heard of again.
//!
//! The first is written while all is well, for a service to say should nobody take it back.

use std::time::Duration;

use crate::engine::alert::{AlertState, Severity};
use crate::render::Message;
use crate::render::card::Card;
use crate::render::language::fill;
use crate::render::message::MessageKind;
use crate::time::{Timestamp, format_duration};

/// The rule's name in both messages.
const RULE: &str = "heartbeat";

/// "no sign of life from gpu01 since 04:33 UTC; last: step 1200 of 5000, loss 2.31", to be said
/// when `after` has passed since the card.
pub fn no_sign_of_life(card: &Card, after: Duration) -> Message {
    let phrases = card.language.phrases();
    let run = &card.message.run;
    let (since, after) = (clock_time(card.message.at), format_duration(after));
    let values =
        [("host", run.host.as_str()), ("run", &run.name), ("since", &since), ("time", &after)];
    let mut title = fill(phrases.no_sign_of_life, &values);
    if !card.last.figures.is_empty() {
        title += &fill(phrases.last_figures, &[("figures", &card.last.figures)]);
    }
    Message {
        kind: MessageKind::Alert,
        severity: Severity::Critical,
        state: AlertState::Firing,
        rule: RULE.to_owned(),
        title,
        body: fill(phrases.no_sign_of_life_meaning, &values),
        lines: card.last.lines.clone(),
        chart_path: None,
        curves: Vec::new(),
        ..card.message.clone()
    }
}

/// "resnet50 is heard of again, after 25m": `since` is the last sign of life before.
pub fn heard_again(card: &Card, since: Timestamp) -> Message {
    let run = &card.message.run;
    let time = format_duration(card.message.at.since(since));
    let values = [("run", run.name.as_str()), ("time", &time)];
    Message {
        kind: MessageKind::Note,
        severity: Severity::Info,
        state: AlertState::Firing,
        rule: RULE.to_owned(),
        title: fill(card.language.phrases().heard_again, &values),
        ..card.message.clone()
    }
}

/// `04:33 UTC`: the context of the message shows the time in each reader's own zone.
fn clock_time(at: Timestamp) -> String {
    let text = at.to_string();
    match text.get(11..16) {
        Some(time) => format!("{time} UTC"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::alert::{MetricValue, Progress};
    use crate::engine::snapshot::{Snapshot, Stage};
    use crate::render::card::card;
    use crate::render::language::Language;
    use crate::render::message::RunLabel;
    use crate::render::text::Context;

    fn running(language: Language, metrics: Vec<MetricValue>) -> Card {
        let run = RunLabel {
            id: "r1".into(),
            name: "resnet50".into(),
            host: "gpu01".into(),
            command: "python train.py".into(),
            elapsed: None,
        };
        let progress = (!metrics.is_empty()).then(|| Progress {
            unit: "step".into(),
            done: 1200.0,
            total: Some(5000.0),
            remaining: Some(Duration::from_secs(17_500)),
        });
        let snapshot = Snapshot {
            at: Timestamp::from_secs(1_795_401_203),
            elapsed: Duration::from_secs(7500),
            metrics,
            progress,
            lines: vec!["step 1200 loss 2.31".into()],
            stage: Stage::Running,
        };
        card(&snapshot, &Context { run: &run, language, secrets: &[] })
    }

    fn loss() -> Vec<MetricValue> {
        vec![MetricValue { name: "loss".into(), value: 2.31, text: "2.31".into() }]
    }

    #[test]
    fn it_says_where_since_when_and_what_was_last() {
        let message = no_sign_of_life(&running(Language::En, loss()), Duration::from_mins(10));
        assert_eq!(
            message.title,
            "no sign of life from gpu01 since 02:33 UTC; last: step 1200 of 5000, loss 2.31"
        );
        assert!(message.body.contains("for 10m"), "{}", message.body);
        let message = no_sign_of_life(&running(Language::En, Vec::new()), Duration::from_mins(10));
        assert_eq!(message.title, "no sign of life from gpu01 since 02:33 UTC");
    }

    #[test]
    fn every_language_names_host_and_run() {
        for language in [Language::En, Language::Zh, Language::Ja, Language::Ko] {
            let card = running(language, loss());
            let message = no_sign_of_life(&card, Duration::from_mins(10));
            let text = format!("{} {}", message.title, message.body);
            assert!(text.contains("gpu01") && text.contains("loss 2.31"), "{text}");
            assert!(text.contains("resnet50") && !text.contains('{'), "{text}");
            let again = heard_again(&card, card.message.at.before(Duration::from_mins(25)));
            assert!(again.title.contains("resnet50") && again.title.contains("25m"));
        }
    }
}
