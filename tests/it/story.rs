//! A run's story, told by the whole program: a card, its thread, how it ends, goes on, or is lost.

use std::fs;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};

use crate::support::bounded::Bounded as _;
use crate::support::sandbox::{Sandbox, WATCH, kill_with_keeper};
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
    command.start().expect("it starts")
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
    kill_with_keeper(&mut run);
    slack.wait_for(POST, 2);
    slack.wait_for("chat.update", 1);
    let (messages, view) = (slack.messages(TRAINING), slack.view(TRAINING));
    assert!(messages[0].text.contains("The watcher of resnet50 is gone"), "{view}");
    assert_reply(&messages[1], &messages[0], true);
    slack.assert_no_violations();
}

/// The id of the only run of this sandbox.
fn only_run(sandbox: &Sandbox) -> String {
    let mut runs = fs::read_dir(sandbox.state().join("runs")).expect("runs");
    runs.next().expect("a run").expect("an entry").file_name().into_string().expect("UTF-8")
}

/// A run to its end, with a card.
fn whole_run(slack: &FakeSlack, sandbox: &Sandbox, options: &[&str], posts: usize) {
    let mut run = start(sandbox, options);
    slack.wait_for(POST, posts);
    go_on(&mut run);
    go_on(&mut run);
    run.wait().expect("it ends");
}

#[test]
fn a_run_that_is_resumed_goes_on_in_its_card_and_thread() {
    let slack = FakeSlack::start();
    let sandbox = sandbox(&slack);
    whole_run(&slack, &sandbox, &[], 1);
    let (before, first) = (slack.messages(TRAINING).len(), only_run(&sandbox));
    let mut run = start(&sandbox, &["--resume", &first]);
    slack.wait_for(POST, before + 1);
    let note = &slack.messages(TRAINING)[before];
    assert!(note.text.contains("resnet50 was started again on"), "{}", slack.view(TRAINING));
    go_on(&mut run);
    go_on(&mut run);
    run.wait().expect("it ends");
    slack.assert_no_violations();
    let (messages, view) = (slack.messages(TRAINING), slack.view(TRAINING));
    let roots = messages.iter().filter(|message| message.thread.is_none()).count();
    assert_eq!(roots, 1, "{view}");
    sandbox.watch(["--resume", "20261123-023323-045-77", "--", "true"]).ends_with(125);
}

#[test]
fn a_requeued_job_finds_its_thread_by_itself() {
    let slack = FakeSlack::start();
    let mut sandbox = sandbox(&slack);
    sandbox.set("SLURM_JOB_ID", "4711");
    whole_run(&slack, &sandbox, &[], 1);
    let before = slack.messages(TRAINING).len();
    sandbox.set("SLURM_RESTART_COUNT", "1");
    whole_run(&slack, &sandbox, &[], before + 1);
    let (messages, view) = (slack.messages(TRAINING), slack.view(TRAINING));
    assert_eq!(messages.iter().filter(|message| message.thread.is_none()).count(), 1, "{view}");
    slack.assert_no_violations();
}

#[test]
fn a_run_that_was_lost_is_told_at_the_next_start_and_listed() {
    let sandbox = Sandbox::new();
    let mut run = start(&sandbox, &[]);
    let card = || sandbox.state().join("runs").join(only_run(&sandbox)).join("card.json");
    wait_for_a_metric(&sandbox);
    sandbox.watch(["runs"]).ends_with(0).prints("running");
    kill_with_keeper(&mut run);
    let path = card();
    let mut value: serde_json::Value =
        serde_json::from_slice(&fs::read(&path).expect("a card")).expect("JSON");
    let at = value["message"]["at"].as_i64().expect("a time");
    value["message"]["at"] = (at - 3_600_000_000_000).into();
    fs::write(&path, value.to_string()).expect("it is written");
    sandbox.watch(["runs"]).ends_with(0).prints("lost").prints("resnet50");
    let next = sandbox.watch(["--", "true"]);
    next.ends_with(0).says("resnet50 was lost: no sign of life for 1h");
    next.says("│   step 1 loss 0.5\n").says("The figures are its last ones");
    sandbox.watch(["--", "true"]).says_nothing_of("resnet50");
    let id = value["message"]["run"]["id"].as_str().expect("an id").to_owned();
    sandbox.watch(["runs", &id[..20]]).ends_with(0).prints("resnet50 was lost").prints("loss 0.5");
    sandbox.watch(["runs", &id[..20]]).prints("output     step 1 loss 0.5");
    sandbox.watch(["runs", "nonsense"]).ends_with(1).says("there is no run nonsense");
}

/// Blocks until the card of the only run shows its first metric.
fn wait_for_a_metric(sandbox: &Sandbox) {
    use notify::Watcher as _;
    let (changed, changes) = std::sync::mpsc::sync_channel(1);
    let mut watcher = notify::recommended_watcher(move |_| {
        let _ = changed.try_send(());
    })
    .expect("a watcher");
    let state = sandbox.state();
    fs::create_dir_all(&state).expect("a folder");
    watcher.watch(&state, notify::RecursiveMode::Recursive).expect("it is watched");
    let runs = state.join("runs");
    let shown = || {
        let run = fs::read_dir(&runs).ok()?.next()?.ok()?;
        let card = fs::read_to_string(run.path().join("card.json")).ok()?;
        card.contains("\"loss\"").then_some(())
    };
    while shown().is_none() {
        changes.recv_timeout(std::time::Duration::from_secs(60)).expect("the card changes");
    }
}
