//! Nothing from a run can page anyone, inject markup, or make a message that Slack refuses.

use std::cell::RefCell;

use proptest::prelude::*;

use trainwatch::engine::alert::{AlertState, Severity};
use trainwatch::render::Message;
use trainwatch::render::message::{Curve, Field, MessageKind, RunLabel};
use trainwatch::time::Timestamp;

use super::{Sender, diverged, picture};
use crate::support::slack::FakeSlack;

/// Text as a run can print it, rich in what Slack gives a meaning to, and long at times.
fn text() -> impl Strategy<Value = String> {
    let nasty = prop_oneof![
        Just("<!channel>".to_owned()),
        Just("<@U0123456789|x>".to_owned()),
        Just("<!date^1^{x}|<!here>>".to_owned()),
        Just("&lt;&amp;".to_owned()),
        Just("```".to_owned()),
        Just(":smile: *b* _i_ ~s~ `c`".to_owned()),
        Just("\u{202e}\u{0}\u{1b}[31m\u{85}".to_owned()),
        Just("\n\n> q\r\n".to_owned()),
        Just("https://user:pw@example.com/<x>".to_owned()),
        Just("<&>".repeat(2000)),
        Just("é".repeat(4000)),
        Just(String::new()),
        Just("  ".to_owned()),
        "\\PC{0,200}",
        ".{0,40}",
    ];
    prop::collection::vec(nasty, 0..5).prop_map(|parts| parts.concat())
}

fn texts(most: usize) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(text(), 0..most)
}

fn curves() -> impl Strategy<Value = Vec<Curve>> {
    let value = prop_oneof![any::<f64>(), -10.0..10.0];
    let points = prop::collection::vec((text(), value), 0..25);
    let curve = (text(), points).prop_map(|(name, points)| Curve { name, points });
    prop::collection::vec(curve, 0..5)
}

fn message() -> impl Strategy<Value = Message> {
    let severity =
        prop_oneof![Just(Severity::Info), Just(Severity::Warning), Just(Severity::Critical)];
    let state = prop_oneof![Just(AlertState::Firing), Just(AlertState::Resolved)];
    let kind = prop_oneof![Just(MessageKind::Note), Just(MessageKind::End)];
    let words = prop::collection::vec(text(), 8);
    let lines = prop_oneof![texts(60), prop::collection::vec("[ -~]{0,90}", 0..200)];
    let path = prop::option::of(text());
    let at = any::<i64>().prop_map(Timestamp::from_nanos);
    let parts = (words, texts(30), lines, path, curves());
    (severity, state, kind, at, parts).prop_map(
        |(severity, state, kind, at, (words, pairs, lines, chart_path, curves))| {
            let word = |i: usize| words[i].clone();
            let fields = pairs.chunks(2).map(|pair| Field {
                name: pair[0].clone(),
                value: pair.last().cloned().unwrap_or_default(),
            });
            let run = RunLabel {
                id: word(0),
                name: word(1),
                host: word(2),
                command: word(3),
                elapsed: None,
            };
            let fields = fields.collect();
            let (rule, title, body) = (word(4), word(5), word(6));
            Message {
                kind,
                severity,
                state,
                run,
                rule,
                at,
                title,
                body,
                fields,
                lines,
                chart_path,
                curves,
                exit: None,
            }
        },
    )
}

#[test]
fn any_message_is_taken_by_slack_and_pages_nobody() {
    let slack = FakeSlack::start();
    slack.lift_rate_limits();
    let webhook = RefCell::new(Sender::webhook(&slack));
    let bot = RefCell::new(Sender::bot(&slack, "C0TRAINING1"));
    let mut config = ProptestConfig::with_cases(100);
    config.failure_persistence = None;
    proptest!(config, |(message in message(), alt in text(), name in text())| {
        slack.clear();
        let image = trainwatch::channels::Image { name, alt, ..picture("") };
        let sent = webhook.borrow_mut().fresh().send(&message, &[]);
        prop_assert_eq!((sent, slack.violations()), (Ok(()), vec![]));
        let sent = bot.borrow_mut().fresh().send(&message, &[image]);
        prop_assert_eq!((sent, slack.violations()), (Ok(()), vec![]));
        // What is left when Slack refuses the blocks must be as safe.
        slack.inject(refusal());
        let sent = webhook.borrow_mut().fresh().send(&Message { curves: vec![], ..message }, &[]);
        prop_assert_eq!((sent, slack.violations()), (Ok(()), vec![]));
    });
}

fn refusal() -> crate::support::slack::Fault {
    use crate::support::slack::{Fault, Reply, What};
    Fault::once("webhook", What::Answer(Reply::text(400, "invalid_blocks")))
}

#[test]
fn the_end_of_many_lines_stays_and_the_rest_is_counted() {
    let slack = FakeSlack::start();
    let lines = (1..=500).map(|i| format!("line {i} of the log, with some more words in it"));
    let message = Message { lines: lines.collect(), ..diverged() };
    Sender::bot(&slack, "C0TRAINING1").send(&message, &[]).unwrap();
    let view = slack.view("training");
    assert!(view.contains("line 500 of") && !view.contains("line 1 of"), "{view}");
    let kept = view.lines().filter(|line| line.contains("of the log")).count();
    assert!(view.contains(&format!("… {} earlier lines left out", 500 - kept)), "{view}");
    slack.assert_no_violations();
}

#[test]
fn a_title_too_long_for_the_header_is_told_whole_below_it() {
    let slack = FakeSlack::start();
    let title = format!("RuntimeError:{} end", " mat1 and mat2 shapes".repeat(12));
    let message = Message { title: title.clone(), ..diverged() };
    Sender::bot(&slack, "C0TRAINING1").send(&message, &[]).unwrap();
    assert!(slack.view("training").contains(&title));
    slack.assert_no_violations();
}
