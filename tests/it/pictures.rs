//! Messages for the pictures in `docs/messages.md`: real runs, written down as Slack got them.
//!
//! `PICTURES=/tmp/pictures cargo test --test it pictures -- --ignored`; `docs/pictures/page.mjs`
//! makes a page of each.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::bounded::Bounded as _;
use crate::support::sandbox::{Sandbox, WATCH, helper, train_script};
use crate::support::slack::{FakeSlack, Posted};

const TRAINING: &str = "#training";

fn folder() -> Option<PathBuf> {
    std::env::var_os("PICTURES").map(PathBuf::from)
}

fn bot(slack: &FakeSlack) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.set("SLACK_BOT_TOKEN", &slack.token);
    sandbox.set("SLACK_CHANNEL_ID", TRAINING);
    sandbox.set("SLACK_API_URL", &slack.api_url);
    sandbox
}

fn write(sandbox: &Sandbox, slack: &FakeSlack, messages: &[Posted], name: &str) {
    let Some(folder) = folder() else { return };
    fs::create_dir_all(&folder).expect("a folder");
    let messages: Vec<Value> =
        messages.iter().map(|message| written(slack, message, name, &folder)).collect();
    let text = serde_json::to_string_pretty(&messages).expect("JSON");
    // Where a reader of theirs would have it.
    let work = sandbox.work();
    let home = work.parent().and_then(Path::to_str).expect("UTF-8");
    let text = text.replace(home, "/home/me");
    fs::write(folder.join(format!("{name}.json")), text).expect("it is written");
}

fn written(slack: &FakeSlack, message: &Posted, name: &str, folder: &Path) -> Value {
    let files: Vec<Value> = message
        .files
        .iter()
        .filter_map(|id| {
            let (alt, bytes) = slack.picture(id)?;
            let file = format!("{name}-{id}.png");
            fs::write(folder.join(&file), bytes).expect("it is written");
            Some(json!({"file": file, "alt": alt}))
        })
        .collect();
    json!({
        "text": message.text, "blocks": message.blocks, "attachments": message.attachments,
        "thread": message.thread, "broadcast": message.broadcast, "edited": message.edited > 0,
        "files": files,
    })
}

/// The example in the sandbox's folder, with these arguments.
fn words<'a>(sandbox: &Sandbox, arguments: &[&'a str]) -> Vec<&'a str> {
    let script = fs::read_to_string(train_script()).expect("the example");
    sandbox.write("train.py", &script);
    let options = ["--quiet", "--name", "spirals", "--linger", "60s", "--", "python3", "train.py"];
    [&options[..], arguments].concat()
}

#[test]
#[ignore = "half a minute; to be run by hand, for its pictures"]
fn the_card_while_it_runs() {
    let slack = FakeSlack::start();
    let sandbox = bot(&slack);
    let words = words(&sandbox, &["--pause", "0.1", "--epochs", "16"]);
    let mut command = sandbox.command(WATCH, words);
    let mut run = command.stdout(Stdio::null()).stderr(Stdio::null()).start().expect("it starts");
    slack.wait_for("chat.update", 1);
    write(&sandbox, &slack, &slack.messages(TRAINING), "card");
    kill_process(Pid::from_child(&run), Signal::TERM).expect("it is asked to end");
    run.wait().expect("it ends");
    slack.assert_no_violations();
}

#[test]
#[ignore = "four minutes; to be run by hand, for its pictures"]
fn a_heartbeat_that_went_off() {
    let slack = FakeSlack::start();
    let sandbox = bot(&slack);
    let lab = format!("{{ token: '${{SLACK_BOT_TOKEN}}', channel: '{TRAINING}', heartbeat: 3m }}");
    sandbox.write("rules.yaml", &format!("channels:\n  lab: {{ slack: {lab} }}\n"));
    let example = words(&sandbox, &["--pause", "0.1", "--epochs", "100"]);
    let words = ["--rules", "rules.yaml"].into_iter().chain(example);
    let mut command = sandbox.command(WATCH, words);
    let mut run = command.stdout(Stdio::null()).stderr(Stdio::null()).start().expect("it starts");
    // Its card is edited every now and then.
    let not_held = |_: &usize| slack.scheduled().is_empty();
    (1..).take_while(not_held).for_each(|n| slack.wait_for("chat.update", n));
    // As when the machine stands still.
    let all = [Pid::from_child(&run), helper(&run, "courier")];
    let each = |signal| all.iter().for_each(|pid| kill_process(*pid, signal).expect("it runs"));
    each(Signal::STOP);
    slack.advance(Duration::from_mins(4));
    let messages = slack.messages(TRAINING);
    let found = messages.into_iter().find(|m| m.text.contains("no sign of life"));
    write(&sandbox, &slack, &[found.expect("a message")], "heartbeat");
    each(Signal::CONT);
    kill_process(all[0], Signal::TERM).expect("it is asked to end");
    run.wait().expect("it ends");
    slack.assert_no_violations();
}

/// The message of a run that has this in its text, in the thread.
fn one_of(name: &str, text: &str, arguments: &[&str]) {
    let slack = FakeSlack::start();
    let sandbox = bot(&slack);
    sandbox.watch(words(&sandbox, arguments));
    let messages = slack.messages(TRAINING);
    let found = messages.into_iter().find(|m| m.thread.is_some() && m.text.contains(text));
    write(&sandbox, &slack, &[found.expect("a message")], name);
    slack.assert_no_violations();
}

#[test]
#[ignore = "to be run by hand, for its pictures"]
fn a_crash_and_a_divergence() {
    one_of("crash", "failed after", &["--fail", "crash", "--pause", "0.02"]);
    one_of("diverged", "loss is nan", &["--fail", "nan", "--pause", "0.02"]);
}

#[test]
#[ignore = "to be run by hand, for its pictures"]
fn a_webhook_has_one_message() {
    let slack = FakeSlack::start();
    let mut sandbox = Sandbox::new();
    sandbox.set("SLACK_WEBHOOK_URL", &slack.webhook_url);
    sandbox.watch(words(&sandbox, &["--fail", "crash", "--pause", "0.02"]));
    write(&sandbox, &slack, &slack.messages("webhook"), "webhook");
    slack.assert_no_violations();
}
