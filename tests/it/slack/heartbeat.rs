//! The alarm of a heartbeat: held by Slack, sent by itself, or taken back.

use std::time::Duration;

use serde_json::{Value, json};
use trainwatch::channels::{DeliveryError, Holding, Verdict};
use trainwatch::render::Message;
use trainwatch::time::Timestamp;

use super::{Sender, bot_settings, diverged, field};
use crate::support::slack::{FakeSlack, Fault, What};

const TRAINING: &str = "#training";
const SCHEDULE: &str = "chat.scheduleMessage";
const NOW: i64 = 1_795_401_203;

fn missed() -> Message {
    Message {
        rule: "heartbeat".to_owned(),
        title: "no sign of life from gpu01 since 02:33 UTC; last: step 1200 of 5000, loss 2.31"
            .to_owned(),
        body: "Nothing was heard of resnet50 for 10m: the machine is down or cut off from the network, or \
               the watcher is stopped. Whether the run goes on is not known."
            .to_owned(),
        fields: vec![field("loss", "2.31"), field("elapsed", "2h 05m")],
        lines: vec!["step 1190 loss 2.35".to_owned(), "step 1200 loss 2.31".to_owned()],
        chart_path: None,
        curves: Vec::new(),
        ..diverged()
    }
}

/// A run that is shown, and Slack's clock set.
fn shown() -> (FakeSlack, Sender) {
    let slack = FakeSlack::start();
    slack.set_clock(NOW);
    let mut sender = Sender::bot(&slack, TRAINING);
    sender.show(&missed()).unwrap();
    (slack, sender)
}

/// The handle, as it stands on disk in the end and before the call.
fn hold(sender: &Sender, seconds: i64) -> (Result<(), DeliveryError>, Value, Vec<Value>) {
    let (mut handle, mut saved, place) = (Value::Null, Vec::new(), sender.place.clone());
    let holding = Holding {
        message: &missed(),
        due: Timestamp::from_secs(NOW + seconds),
        place: &place,
        handle: &mut handle,
        handle_changed: &mut |handle| saved.push(handle.clone()),
    };
    let result = sender.runtime.block_on(sender.channel.hold(holding));
    (result, handle, saved)
}

fn take_back(sender: &Sender, handle: &Value) -> Result<(), DeliveryError> {
    sender.runtime.block_on(sender.channel.take_back(handle))
}

#[test]
fn slack_says_it_by_itself_below_the_card_and_in_the_channel() {
    let (slack, sender) = shown();
    let (result, handle, saved) = hold(&sender, 600);
    result.unwrap();
    assert_eq!(saved.len(), 1, "before the call");
    assert_eq!((&saved[0]["id"], &saved[0]["post_at"]), (&Value::Null, &json!(NOW + 600)));
    assert!(handle["id"].is_string(), "{handle}");
    slack.advance(Duration::from_secs(599));
    assert_eq!(slack.messages(TRAINING).len(), 1);
    slack.advance(Duration::from_secs(2));
    let messages = slack.messages(TRAINING);
    assert_eq!(messages[1].thread.as_ref(), Some(&messages[0].ts));
    assert!(messages[1].broadcast && messages[1].text.contains("no sign of life from gpu01"));
    insta::assert_snapshot!(slack.view(TRAINING).split_once("↳ ").unwrap().1);
    // It was sent: there is nothing to take back, and that is no failure.
    take_back(&sender, &handle).unwrap();
    slack.assert_no_violations();
}

#[test]
fn what_is_taken_back_is_never_said() {
    let (slack, sender) = shown();
    let (_, handle, _) = hold(&sender, 600);
    for _ in 0..2 {
        take_back(&sender, &handle).unwrap();
    }
    assert!(slack.scheduled().is_empty());
    slack.assert_no_violations();
}

#[test]
fn one_whose_answer_was_lost_is_found_and_taken_back_and_no_other() {
    let (slack, sender) = shown();
    hold(&sender, 300).0.unwrap();
    slack.inject(Fault::once(SCHEDULE, What::DropAfter));
    let (result, _, saved) = hold(&sender, 600);
    assert_eq!(result.unwrap_err().verdict, Verdict::Ambiguous);
    assert_eq!(slack.scheduled().len(), 2);
    // All that a crash leaves is what was saved before the call.
    take_back(&sender, &saved[0]).unwrap();
    let left: Vec<i64> = slack.scheduled().iter().map(|(at, _)| *at).collect();
    assert_eq!(left, [NOW + 300]);
    // And one that was never held is none.
    slack.inject(Fault::once(SCHEDULE, What::DropBefore));
    let (_, _, saved) = hold(&sender, 900);
    take_back(&sender, &saved[0]).unwrap();
    assert_eq!(slack.scheduled().len(), 1);
    slack.assert_no_violations();
}

#[test]
fn refusals_are_passing_or_for_good() {
    for (code, verdict) in [
        ("restricted_too_many", Verdict::Retry { after: None }),
        ("time_in_past", Verdict::Permanent),
        ("missing_scope", Verdict::Permanent),
        ("internal_error", Verdict::Ambiguous),
    ] {
        let (slack, sender) = shown();
        slack.inject(Fault::error(SCHEDULE, code));
        let (result, ..) = hold(&sender, 600);
        assert_eq!(result.unwrap_err().verdict, verdict, "{code}");
    }
}

#[test]
fn thirty_in_five_minutes_of_a_channel_and_no_more() {
    let (slack, sender) = shown();
    for second in 0..30 {
        hold(&sender, 600 + second).0.unwrap();
    }
    let refused = hold(&sender, 700).0.unwrap_err();
    assert!(refused.hint.unwrap().contains("heartbeat: off"));
    hold(&sender, 1000).0.unwrap();
    slack.assert_no_violations();
}

#[test]
fn blocks_that_are_refused_are_no_reason_not_to_be_missed() {
    let (slack, sender) = shown();
    slack.inject(Fault::error(SCHEDULE, "invalid_blocks"));
    hold(&sender, 600).0.unwrap();
    assert!(slack.scheduled()[0].1.blocks.is_empty());
    slack.assert_no_violations();
}

#[test]
fn a_channel_without_a_heartbeat_has_none() {
    let slack = FakeSlack::start();
    let mut settings = bot_settings(&slack, TRAINING);
    if let trainwatch::channels::Settings::SlackBot { heartbeat, .. } = &mut settings {
        *heartbeat = None;
    }
    assert_eq!(Sender::new(settings).channel.heartbeat(), None);
    assert_eq!(Sender::webhook(&slack).channel.heartbeat(), None);
}
