//! The run's card, its thread, and what becomes of both when something breaks.

use trainwatch::engine::alert::Severity;
use trainwatch::render::Message;
use trainwatch::render::message::MessageKind;

use super::{Sender, bot_settings, diverged, field, picture};
use crate::support::slack::{FakeSlack, Fault, Posted};

const TRAINING: &str = "#training";

fn running(loss: &str) -> Message {
    Message {
        kind: MessageKind::Card,
        severity: Severity::Info,
        title: "resnet50 is running".to_owned(),
        body: "▰▰▰▱▱▱▱▱▱▱▱▱ 24 %\nstep 1200 of 5000, 6h 35m left".to_owned(),
        rule: String::new(),
        fields: vec![field("loss", loss), field("elapsed", "2h 05m")],
        lines: Vec::new(),
        curves: Vec::new(),
        chart_path: None,
        ..diverged()
    }
}

fn end() -> Message {
    Message {
        kind: MessageKind::End,
        title: "resnet50 failed after 2h 05m: ValueError: bad batch (exit status 1)".to_owned(),
        body: "At train.py:41 in step.".to_owned(),
        rule: "failed".to_owned(),
        ..diverged()
    }
}

/// What the card shows of an end.
fn ended() -> Message {
    Message { rule: String::new(), lines: Vec::new(), curves: Vec::new(), ..end() }
}

fn warning() -> Message {
    Message { severity: Severity::Warning, ..diverged() }
}

/// The card, and a message below it.
fn card_and(message: &Message) -> (FakeSlack, Sender, Vec<Posted>) {
    let slack = FakeSlack::start();
    let mut sender = Sender::bot(&slack, TRAINING);
    sender.show(&running("0.31")).unwrap();
    sender.send(message, &[picture("loss.png")]).unwrap();
    slack.assert_no_violations();
    let messages = slack.messages(TRAINING);
    (slack, sender, messages)
}

#[test]
fn a_card_is_posted_once_and_edited_from_then_on() {
    let slack = FakeSlack::start();
    let mut sender = Sender::bot(&slack, TRAINING);
    for loss in ["0.31", "0.30", "0.29"] {
        sender.show(&running(loss)).unwrap();
        slack.advance(std::time::Duration::from_secs(15));
    }
    // The courier that comes after a crash knows the place from the disk.
    let mut sender = sender.restart(bot_settings(&slack, TRAINING));
    sender.show(&running("0.28")).unwrap();
    slack.assert_no_violations();
    assert_eq!(slack.messages(TRAINING).len(), 1);
    assert_eq!(slack.calls().iter().filter(|call| *call == "chat.update").count(), 3);
    assert!(slack.view(TRAINING).contains("loss: 0.28"), "{}", slack.view(TRAINING));
}

#[test]
fn what_happens_is_a_reply_and_what_must_be_seen_is_in_the_channel_too() {
    let note = Message { kind: MessageKind::Note, severity: Severity::Info, ..diverged() };
    let report = Message { kind: MessageKind::Report, ..note.clone() };
    let resolved = Message { state: trainwatch::engine::alert::AlertState::Resolved, ..diverged() };
    let good = Message { severity: Severity::Info, ..end() };
    for (message, broadcast) in [
        (diverged(), true),
        (end(), true),
        (good, true),
        (warning(), false),
        (note, false),
        (report, false),
        (resolved, false),
    ] {
        let (slack, _, messages) = card_and(&message);
        assert_eq!(messages.len(), 2, "{}", slack.view(TRAINING));
        assert_eq!(messages[1].thread.as_ref(), Some(&messages[0].ts));
        assert_eq!(messages[1].broadcast, broadcast, "{message:?}");
        assert_eq!((messages[0].files.len(), messages[1].files.len()), (0, 1));
    }
}

#[test]
fn the_end_of_a_run_without_a_card_is_its_card_with_text_and_picture() {
    let slack = FakeSlack::start();
    let mut sender = Sender::bot(&slack, TRAINING);
    sender.send(&end(), &[picture("loss.png")]).unwrap();
    sender.fresh().send(&warning(), &[]).unwrap();
    slack.assert_no_violations();
    let messages = slack.messages(TRAINING);
    assert_eq!((messages[0].thread.as_ref(), messages[0].files.len()), (None, 1));
    assert_eq!(messages[1].thread.as_ref(), Some(&messages[0].ts), "later ones reply to it");
}

#[test]
fn a_message_that_is_no_end_takes_no_place() {
    let slack = FakeSlack::start();
    let mut sender = Sender::bot(&slack, TRAINING);
    sender.send(&warning(), &[]).unwrap();
    assert!(sender.place.is_null());
}

#[test]
fn below_a_card_that_was_deleted_nothing_is_lost() {
    let (slack, mut sender, _) = card_and(&warning());
    slack.delete_messages(TRAINING);
    sender.fresh().send(&end(), &[picture("loss.png")]).unwrap();
    let messages = slack.messages(TRAINING);
    assert_eq!(
        (messages.len(), messages[0].thread.as_ref(), messages[0].files.len()),
        (1, None, 1)
    );
    // Whoever deleted it does not get another one.
    sender.show(&ended()).unwrap_err();
    assert!(sender.place.is_null());
    assert_eq!(slack.messages(TRAINING).len(), 1);
    slack.assert_no_violations();
}

#[test]
fn a_reply_that_is_repeated_after_a_failure_stays_in_its_thread() {
    let slack = FakeSlack::start();
    let mut sender = Sender::bot(&slack, TRAINING);
    sender.show(&running("0.31")).unwrap();
    slack.inject(Fault::status("chat.postMessage", 503));
    sender.send(&end(), &[]).unwrap_err();
    sender.send(&end(), &[]).unwrap();
    let messages = slack.messages(TRAINING);
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[1].thread.as_ref(), Some(&messages[0].ts));
}

#[test]
fn an_edit_that_failed_for_a_while_keeps_the_place() {
    let slack = FakeSlack::start();
    let mut sender = Sender::bot(&slack, TRAINING);
    sender.show(&running("0.31")).unwrap();
    slack.inject(Fault::too_many("chat.update", 30));
    sender.show(&running("0.30")).unwrap_err();
    slack.advance(std::time::Duration::from_secs(31));
    sender.show(&running("0.29")).unwrap();
    slack.assert_no_violations();
    assert!(slack.view(TRAINING).contains("loss: 0.29"));
}

#[test]
fn a_story_reads_well() {
    let (slack, mut sender, _) = card_and(&warning());
    let running = slack.view(TRAINING);
    sender.fresh().send(&end(), &[picture("loss.png")]).unwrap();
    sender.show(&ended()).unwrap();
    slack.assert_no_violations();
    let story = slack.view(TRAINING);
    insta::assert_snapshot!(format!("while it runs:\n{running}\nat its end:\n{story}"));
}
