//! A run's story in Slack, told by the whole program: a card, its thread, and how it ends.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};

use crate::support::sandbox::{Sandbox, WATCH};
use crate::support::slack::{FakeSlack, Posted};

const TRAINING: &str = "#training";
const POST: &str = "chat.postMessage";

/// A run that goes on whenever it is given a line.
const RUN: &str =
    "echo step 1 loss 0.5; read a; echo step 2 loss nan; read b; echo gone >&2; exit 3";

fn sandbox(slack: &FakeSlack) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.set("SLACK_BOT_TOKEN", &slack.token);
    sandbox.set("SLACK_CHANNEL_ID", TRAINING);
    sandbox.set("SLACK_API_URL", &slack.api_url);
    sandbox
}

fn start(sandbox: &Sandbox, options: &[&str]) -> Child {
    let words = [&["--linger", "60s", "--name", "resnet50"], options, &["--", "sh", "-c", RUN]];
    let mut command: Command = sandbox.command(WATCH, words.concat());
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("it starts")
}

fn go_on(run: &mut Child) {
    run.stdin.as_mut().expect("a pipe").write_all(b"\n").expect("it reads");
}

#[track_caller]
fn assert_reply(reply: &Posted, card: &Posted, broadcast: bool) {
    assert_eq!((reply.thread.as_ref(), reply.broadcast), (Some(&card.ts), broadcast));
}

#[test]
fn a_run_is_one_card_and_one_thread() {
    let slack = FakeSlack::start();
    let sandbox = sandbox(&slack);
    let mut run = start(&sandbox, &[]);
    slack.wait_for(POST, 1);
    let view = slack.view(TRAINING);
    assert!(view.contains("resnet50 is running"), "{view}");
    go_on(&mut run);
    slack.wait_for(POST, 2);
    go_on(&mut run);
    assert_eq!(run.wait().expect("it ends").code(), Some(3));
    slack.assert_no_violations();
    let (messages, view) = (slack.messages(TRAINING), slack.view(TRAINING));
    assert_eq!(messages.len(), 3, "{view}");
    assert!(messages[0].text.contains("resnet50 failed after"), "{view}");
    assert_eq!(messages[0].attachments[0]["color"], "danger");
    assert_reply(&messages[1], &messages[0], false);
    assert_reply(&messages[2], &messages[0], true);
    assert_eq!((messages[0].files.len(), messages[2].files.len()), (0, 1), "{view}");
}

#[test]
fn a_watcher_that_is_killed_leaves_a_card_that_says_so() {
    let slack = FakeSlack::start();
    let sandbox = sandbox(&slack);
    let mut run = start(&sandbox, &[]);
    slack.wait_for(POST, 1);
    run.kill().expect("it is killed");
    run.wait().expect("it ends");
    slack.wait_for(POST, 2);
    slack.wait_for("chat.update", 1);
    let (messages, view) = (slack.messages(TRAINING), slack.view(TRAINING));
    assert!(messages[0].text.contains("The watcher of resnet50 is gone"), "{view}");
    assert_reply(&messages[1], &messages[0], false);
    slack.assert_no_violations();
}
