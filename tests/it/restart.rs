//! `--restart on-failure`: one run of several processes.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStderr, Command, Stdio};

use trainwatch::render::message::MessageKind;

use crate::support::bounded::Bounded as _;
use crate::support::outbox::{drop_all, wait_for};
use crate::support::sandbox::{Outcome, Sandbox, WATCH};

/// The first process fails, the next ones do as `then` says.
fn fails_once(then: &str) -> String {
    format!(
        "echo life of $WATCH_RUN
         [ -e marker ] || {{ touch marker; echo 'ValueError: bad batch' >&2; exit 3; }}
         {then}"
    )
}

fn watch(sandbox: &Sandbox, restart: &str, script: &str) -> Command {
    let words = ["--linger", "0s", "--restart", restart, "--", "sh", "-c", script];
    let mut command = sandbox.command(WATCH, words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(sandbox: &Sandbox, restart: &str, script: &str) -> Outcome {
    let outcome = Outcome::of(watch(sandbox, restart, script).capture().expect("watch runs"));
    Outcome { stderr: unwrapped(&outcome.stderr), ..outcome }
}

/// Messages without the line breaks in their sentences.
fn unwrapped(messages: &str) -> String {
    messages.replace("\n│ ", " ")
}

fn signal(watch: &Child, name: &str) {
    let kill = Command::new("kill").args(["-s", name, &watch.id().to_string()]).status();
    assert!(kill.expect("kill runs").success());
}

fn count(text: &str, part: &str) -> usize {
    text.matches(part).count()
}

#[test]
fn a_command_that_failed_is_started_again_as_the_same_run() {
    let sandbox = Sandbox::new();
    let outcome = run(&sandbox, "on-failure", &fails_once("echo well"));
    outcome.ends_with(0).prints("well");
    let lives: Vec<&str> = outcome.stdout.lines().filter(|it| it.starts_with("life")).collect();
    assert_eq!(lives.len(), 2, "{}", outcome.stdout);
    assert!(lives[0].len() > 8 && lives[0] == lives[1], "{lives:?}");
    outcome.says("ValueError: bad batch").says("started again in 1s (restart 1 of 10)");
    outcome.says("finished in").says("Restarts: 1.").says_nothing_of("failed: ");
    assert_eq!(count(&outcome.stderr, "╭─"), 2, "{}", outcome.stderr);
}

#[test]
fn a_crash_loop_is_one_warning_and_one_end() {
    let sandbox = Sandbox::new();
    let outcome = run(&sandbox, "on-failure:2", "echo life; exit 7");
    outcome.ends_with(7).says("restart 1 of 2").says_nothing_of("restart 2 of 2");
    outcome.says("Restarts: 2.");
    assert_eq!(outcome.stdout, "life\nlife\nlife\n");
    assert_eq!(count(&outcome.stderr, "╭─"), 2, "{}", outcome.stderr);
}

#[test]
fn what_ended_well_or_was_stopped_is_not_started_again() {
    let sandbox = Sandbox::new();
    let outcome = run(&sandbox, "on-failure", "echo life; exit 0");
    outcome.ends_with(0).says_nothing_of("started again");
    assert_eq!(outcome.stdout, "life\n");
    // A trainer that saves its state when it is told to end may exit with anything.
    let stopped = "trap 'exit 5' TERM; echo life; read line; exit 9";
    // Whoever runs the tests may ignore SIGINT, as a job of the background does.
    let waits = "import signal; signal.signal(signal.SIGINT, signal.SIG_DFL); \
                 print('life', flush=True); signal.pause()";
    let waits = format!("exec python3 -c \"{waits}\"");
    for (name, script, code) in
        [("TERM", stopped, Some(5)), ("INT", &waits, None), ("USR1", &waits, None)]
    {
        let mut child = watch(&sandbox, "on-failure", script).start().expect("watch starts");
        let input = child.stdin.take();
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        lines.read_line(&mut line).expect("output");
        signal(&child, name);
        lines.read_to_string(&mut line).expect("the rest");
        assert_eq!(line, "life\n", "{name}");
        drop(input);
        assert_eq!(child.wait().expect("it ends").code(), code, "{name}");
    }
}

#[test]
fn whoever_no_longer_reads_gets_no_restarts() {
    let sandbox = Sandbox::new();
    let mut child = watch(&sandbox, "on-failure", "exec yes").start().expect("watch starts");
    let mut some = [0; 2];
    child.stdout.take().expect("a pipe").read_exact(&mut some).expect("output");
    let mut told = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut told).expect("messages");
    assert!(!told.contains("restarted"), "{told}");
    assert_eq!(child.wait().expect("it ends").signal(), Some(13), "{told}");
}

/// Started, and failed for the first time: what it said until then.
fn until_its_pause(command: &mut Command) -> (Child, BufReader<ChildStderr>, String) {
    let mut child = command.start().expect("watch starts");
    let mut told = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut text = String::new();
    while !text.contains("╰─") {
        assert!(told.read_line(&mut text).expect("messages") > 0, "{text}");
    }
    (child, told, text)
}

#[test]
fn a_hang_up_that_is_ignored_ends_no_pause() {
    let sandbox = Sandbox::new();
    let words = ["--nohup", "--restart", "on-failure", "--", "sh", "-c", &fails_once("echo well")];
    let mut command = sandbox.command(WATCH, words);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let (child, mut told, _) = until_its_pause(&mut command);
    signal(&child, "HUP");
    let mut rest = String::new();
    told.read_to_string(&mut rest).expect("the rest");
    let outcome = Outcome::of(child.wait_with_output().expect("it ends"));
    outcome.ends_with(0).prints("well");
    assert!(rest.contains("finished in"), "{rest}");
}

#[test]
fn a_signal_in_the_pause_ends_us_as_it_would_have_ended_the_command() {
    let sandbox = Sandbox::new();
    // A signal that comes too late for the pause ends the next process.
    let script = fails_once("exec tail -f /dev/null");
    let mut command = watch(&sandbox, "on-failure", &script);
    let (mut child, mut told, mut text) = until_its_pause(&mut command);
    signal(&child, "TERM");
    told.read_to_string(&mut text).expect("the rest");
    assert_eq!(child.wait().expect("it ends").signal(), Some(15), "{text}");
    let text = unwrapped(&text);
    let (_, end) = text.split_once("started again in").expect("the restart");
    assert!(end.contains("SIGTERM") && !end.contains("ValueError: bad batch ("), "{text}");
}

/// A channel that cannot be reached: what is told stays in the outbox.
fn unreachable() -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.set("SLACK_WEBHOOK_URL", "http://127.0.0.1:9/services/T/B/x");
    sandbox
}

#[test]
fn the_keeper_holds_the_process_that_was_started_again() {
    let sandbox = unreachable();
    let script = fails_once("echo waiting; read line; echo after; touch done; exit 4");
    let mut child = watch(&sandbox, "on-failure", &script).start().expect("watch starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut text = String::new();
    while !text.contains("waiting") {
        assert!(lines.read_line(&mut text).expect("output") > 0, "{text}");
    }
    // Waiting would close it.
    let mut input = child.stdin.take().expect("a pipe");
    child.kill().expect("it is killed");
    child.wait().expect("it is dead");
    input.write_all(b"go\n").expect("the command reads");
    let entries = wait_for(&sandbox.state(), |entries| {
        entries.iter().any(|entry| entry.message.kind == MessageKind::End)
    });
    drop_all(&sandbox.state());
    assert!(sandbox.work().join("done").exists());
    let rules: Vec<&str> = entries.iter().map(|entry| entry.message.rule.as_str()).collect();
    assert_eq!(count(&rules.join(" "), "restarted"), 1, "{rules:?}");
    let runs = fs::read_dir(sandbox.state().join("runs")).expect("runs");
    let logs: Vec<_> = runs.map(|run| run.expect("a run").path().join("output.log")).collect();
    assert_eq!(fs::read_to_string(&logs[0]).expect("a log"), "after\n");
}

#[test]
fn a_supervisor_that_dies_in_the_pause_leaves_an_end_and_no_restart() {
    let sandbox = unreachable();
    let script = "echo life >> lives; exit 3";
    let mut child = watch(&sandbox, "on-failure", script).start().expect("watch starts");
    wait_for(&sandbox.state(), |entries| {
        entries.iter().any(|entry| entry.message.rule == "restarted")
    });
    child.kill().expect("it is killed");
    child.wait().expect("it is dead");
    let lives = fs::read_to_string(sandbox.work().join("lives")).expect("lives");
    wait_for(&sandbox.state(), |entries| {
        entries.iter().any(|entry| entry.message.kind == MessageKind::End)
    });
    drop_all(&sandbox.state());
    assert_eq!(fs::read_to_string(sandbox.work().join("lives")).expect("lives"), lives);
}

#[test]
fn what_is_no_restart_is_refused() {
    let sandbox = Sandbox::new();
    for (restart, hint) in [("always", "on-failure:N"), ("on-failure:0", "1 to 1000")] {
        sandbox.watch(["--restart", restart, "--", "true"]).ends_with(125).says(hint);
    }
    let alone = sandbox.watch(["--restart", "on-failure", "--tail", "log"]);
    alone.ends_with(125).says("--restart needs a command");
}
