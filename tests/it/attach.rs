//! `--pid`: a process that is not ours is watched to its end, and lives on without us.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use trainwatch::render::message::MessageKind;

use crate::support::bounded::Bounded as _;
use crate::support::outbox::{drop_all, wait_for};
use crate::support::sandbox::{Outcome, Sandbox, WATCH};

/// A process that ends with this code once it is given a line; not a child of `watch`.
fn process(code: i32) -> Child {
    let words = ["-c", &format!("read line; exit {code}")];
    let mut command = Command::new("sh");
    command.args(words).stdin(Stdio::piped()).start().expect("it starts")
}

/// `watch --pid`, of which it is known that it watches: it has shown what is in a file.
fn attach(sandbox: &Sandbox, process: &Child) -> Child {
    let log = sandbox.write("log", "step 1 loss 0.5\n");
    let words =
        ["--pid", &process.id().to_string(), "--from", "start", "--tail"].map(str::to_owned);
    let mut command = sandbox.command(WATCH, words);
    command.arg(log).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut watch = command.start().expect("it starts");
    let mut line = String::new();
    let mut shown = BufReader::new(watch.stdout.as_mut().expect("a pipe"));
    shown.read_line(&mut line).expect("a line");
    assert_eq!(line, "step 1 loss 0.5\n");
    watch
}

fn append(log: &Path, line: &str) {
    let mut log = File::options().append(true).open(log).expect("a log");
    log.write_all(line.as_bytes()).expect("a line");
}

fn end(process: &mut Child) {
    process.stdin.as_mut().expect("a pipe").write_all(b"\n").expect("it reads");
    process.wait().expect("it ends");
}

#[test]
fn the_end_of_a_process_that_is_not_ours_is_told() {
    for (code, told) in [(0, "finished"), (3, "exit status 3")] {
        let sandbox = Sandbox::new();
        let mut process = process(code);
        let watch = attach(&sandbox, &process);
        end(&mut process);
        let outcome = Outcome::of(watch.wait_with_output().expect("it ends"));
        if crate::survive::knows_status() {
            outcome.ends_with(code).says(told);
        } else {
            outcome.ends_with(0).says("how is not known");
        }
        outcome.says("sh");
    }
}

#[test]
fn what_its_log_says_is_judged_until_its_end() {
    let sandbox = Sandbox::new();
    let mut process = process(0);
    let watch = attach(&sandbox, &process);
    append(&sandbox.work().join("log"), "step 2 loss nan\n");
    end(&mut process);
    Outcome::of(watch.wait_with_output().expect("it ends")).says("loss is nan");
}

#[test]
fn it_lives_on_when_we_are_asked_to_end() {
    let sandbox = Sandbox::new();
    let mut process = process(0);
    let watch = attach(&sandbox, &process);
    let kill = Command::new("kill").args(["-s", "TERM", &watch.id().to_string()]).status();
    assert!(kill.expect("kill runs").success());
    let outcome = Outcome::of(watch.wait_with_output().expect("it ends"));
    outcome.ends_with(0).says_nothing_of("finished");
    assert!(process.try_wait().expect("it is ours").is_none(), "it was ended too");
    end(&mut process);
}

#[test]
fn a_process_that_is_not_there_is_said_before_anything_starts() {
    let mut process = process(0);
    end(&mut process);
    let outcome = Sandbox::new().watch(["--pid", &process.id().to_string()]);
    outcome.ends_with(125).says("there is no process");
    Sandbox::new().watch(["--pid", "1", "--", "true"]).ends_with(125);
}

#[test]
fn the_end_is_told_though_the_watcher_was_killed() {
    let mut sandbox = Sandbox::new();
    sandbox.set("SLACK_WEBHOOK_URL", "http://127.0.0.1:9/services/T/B/x");
    let mut process = process(3);
    let mut watch = attach(&sandbox, &process);
    watch.kill().expect("it is killed");
    watch.wait().expect("it is dead");
    assert!(process.try_wait().expect("it is ours").is_none(), "it died with its watcher");
    wait_for(&sandbox.state(), |entries| !entries.is_empty());
    end(&mut process);
    let entries = wait_for(&sandbox.state(), |entries| {
        entries.iter().any(|entry| entry.message.kind == MessageKind::End)
    });
    drop_all(&sandbox.state());
    let titles: Vec<&str> = entries.iter().map(|entry| entry.message.title.as_str()).collect();
    assert_eq!((titles.len(), titles[0]), (2, "The watcher of sh is gone."), "{titles:?}");
    let status = if crate::survive::knows_status() { "exit status 3" } else { "not known" };
    assert!(titles[1].contains(status), "{titles:?}");
}

#[test]
fn a_hang_up_that_is_ignored_ends_no_watching() {
    let sandbox = Sandbox::new();
    let log = sandbox.write("log", "one\n");
    let mut command = sandbox.command(WATCH, ["--nohup", "--from", "start", "--tail"]);
    command.arg(&log).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut watch = command.start().expect("it starts");
    let mut shown = BufReader::new(watch.stdout.take().expect("a pipe"));
    let mut next = || {
        let mut line = String::new();
        shown.read_line(&mut line).expect("a line");
        line
    };
    assert_eq!(next(), "one\n");
    let pid = watch.id().to_string();
    let signal = |name: &str| {
        let kill = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(kill.expect("kill runs").success());
    };
    signal("HUP");
    for line in ["two\n", "three\n", "four\n"] {
        append(&log, line);
        assert_eq!(next(), line);
    }
    signal("TERM");
    Outcome::of(watch.wait_with_output().expect("it ends")).ends_with(0);
}
