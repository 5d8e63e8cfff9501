//! The run outlives its supervisor: its work is done, its output kept, and its end told.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use trainwatch::outbox::Entry;
use trainwatch::render::message::MessageKind;

use crate::support::bounded::Bounded as _;
use crate::support::outbox::{drop_all, wait_for};
use crate::support::sandbox::{Sandbox, WATCH, until};

/// Many times what a pipe or a terminal holds.
const MANY: usize = 8_000;
/// Several megabytes.
const PLENTY: usize = 40_000;
/// What the supervisor reads at once.
const BLOCK: usize = 64 * 1024;

/// `worker.py` under `watch`, with a channel that cannot be reached: what is told stays in the outbox.
struct Work {
    sandbox: Sandbox,
    watch: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    lines: usize,
}

impl Work {
    fn start(options: &[&str], before: usize, after: usize) -> Self {
        let mut sandbox = Sandbox::new();
        sandbox.set("SLACK_WEBHOOK_URL", "http://127.0.0.1:9/services/T/B/x");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/worker.py");
        let counts = [before.to_string(), after.to_string()];
        let words = ["--", "python3", script, "marker", &counts[0], &counts[1]];
        let mut watch = sandbox
            .command(WATCH, ["--linger", "0s"].iter().chain(options).chain(&words))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .start()
            .expect("watch starts");
        let input = watch.stdin.take().expect("a pipe");
        let output = BufReader::new(watch.stdout.take().expect("a pipe"));
        Self { sandbox, watch, input, output, lines: before + after }
    }

    /// Reads the output up to this line.
    fn read_until(&mut self, last: &str) -> String {
        let mut text = String::new();
        let mut line = String::new();
        while line.trim_end() != last {
            line.clear();
            assert!(self.output.read_line(&mut line).expect("output") > 0, "no `{last}`:\n{text}");
            text.push_str(&line);
        }
        text
    }

    fn signal(&self, name: &str) {
        let pid = self.watch.id().to_string();
        let kill = std::process::Command::new("kill").args(["-s", name, &pid]).status();
        assert!(kill.expect("kill runs").success());
    }

    /// Kills the supervisor; gives what it had still passed on.
    fn kill(&mut self) -> String {
        self.watch.kill().expect("it is killed");
        self.watch.wait().expect("it is dead");
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).expect("the rest");
        rest
    }

    fn go(&mut self) {
        self.input.write_all(b"go\n").expect("the command reads");
    }

    fn stop(&self) {
        self.signal("STOP");
        let stat = format!("/proc/{}/stat", self.watch.id());
        until("it is stopped", || fs::read_to_string(&stat).expect("stat").contains(") T "));
    }

    fn await_work(&self) {
        let marker = self.sandbox.work().join("marker");
        until("its work is done", || fs::read(&marker).is_ok_and(|text| text == b"done"));
    }

    /// What was told once the end is; and that the command has done all its work.
    fn told(&self) -> Vec<Entry> {
        let ended = |entry: &Entry| entry.message.kind == MessageKind::End;
        let entries = wait_for(&self.sandbox.state(), |entries| entries.iter().any(ended));
        drop_all(&self.sandbox.state());
        let marker = fs::read_to_string(self.sandbox.work().join("marker"));
        assert_eq!(marker.expect("the work is done"), "done");
        entries
    }

    /// The only run's `output.log`.
    fn log(&self) -> String {
        let runs = fs::read_dir(self.sandbox.state().join("runs")).expect("runs");
        let folders: Vec<PathBuf> = runs.map(|run| run.expect("a run").path()).collect();
        assert_eq!(folders.len(), 1);
        fs::read_to_string(folders[0].join("output.log")).expect("a log").replace('\r', "")
    }

    /// What the keeper has read while the supervisor was stopped.
    fn spills(&self) -> Vec<PathBuf> {
        let runs = fs::read_dir(self.sandbox.state().join("runs")).expect("runs");
        let files = runs.flat_map(|run| fs::read_dir(run.expect("a run").path()).expect("files"));
        let paths = files.map(|file| file.expect("a file").path());
        paths.filter(|path| path.to_string_lossy().contains("stopped.")).collect()
    }

    fn all_lines(&self, waiting_after: usize) -> String {
        let line = |number| format!("line {number:07} {}\n", ".".repeat(80));
        let (before, after) = (0..waiting_after, waiting_after..self.lines);
        before.map(line).chain(["waiting\n".to_owned()]).chain(after.map(line)).collect()
    }
}

fn titles(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.message.title.as_str()).collect()
}

#[test]
fn a_killed_supervisor_harms_no_run_and_its_end_is_told_with_its_cause() {
    for options in [&["--pty", "never"][..], &["--pty", "always"]] {
        let mut work = Work::start(options, 10, MANY);
        let before = work.read_until("waiting").replace('\r', "");
        let rest = work.kill();
        work.go();
        let entries = work.told();
        let titles = titles(&entries);
        assert_eq!(titles.len(), 2, "{titles:?}");
        assert_eq!(titles[0], "The watcher of worker.py is gone.", "{options:?}");
        // How a process ended that is not ours Linux tells since 6.15.
        let status = if knows_status() { "exit status 3" } else { "not known" };
        assert!(titles[1].contains(status), "{options:?}: {titles:?}");
        assert!(titles[1].contains("worker.py"), "{titles:?}");
        let log = work.log().replace("RuntimeError: the last words\n", "");
        assert!(before + &rest + &log == work.all_lines(10), "{options:?}: output is lost");
    }
}

/// Whether the system tells how a process ended that is not ours.
pub(crate) fn knows_status() -> bool {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let mut numbers = release.split('.').map_while(|part| part.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(6), Some(15))
}

#[test]
fn a_supervisor_may_be_killed_at_any_moment_of_a_run_that_prints_all_the_time() {
    for options in [&["--pty", "never"][..], &["--pty", "always"]] {
        for seen in [0, 1, 1000] {
            let mut work = Work::start(options, MANY, 1);
            work.go();
            let mut shown = work.read_until(&format!("line {seen:07} {}", ".".repeat(80)));
            shown += &work.kill();
            let entries = work.told();
            assert_eq!(entries[0].message.title, "The watcher of worker.py is gone.");
            let log = work.log().replace("RuntimeError: the last words\n", "");
            // What it had read and not passed on yet is lost with it, and nothing else.
            let (_, whole) = log.split_once('\n').expect("lines");
            let all = work.all_lines(MANY);
            assert!(all.ends_with(whole), "{options:?} {seen}: output is lost");
            let kept = shown.replace('\r', "").len() + log.len();
            assert!(kept + BLOCK >= all.len(), "{options:?} {seen}: too much is lost");
        }
    }
}

#[test]
fn output_into_a_file_goes_on_into_that_file() {
    let mut sandbox = Sandbox::new();
    sandbox.set("SLACK_WEBHOOK_URL", "http://127.0.0.1:9/services/T/B/x");
    let out = sandbox.work().join("out");
    let mut watch = sandbox
        .command(WATCH, ["--log", "log", "--", "sh", "-c", "echo before; read line; echo after"])
        .stdin(Stdio::piped())
        .stdout(fs::File::create(&out).expect("a file"))
        .stderr(Stdio::null())
        .start()
        .expect("watch starts");
    until("the first line", || fs::read_to_string(&out).expect("a file") == "before\n");
    // Waiting would close it.
    let mut input = watch.stdin.take().expect("a pipe");
    watch.kill().expect("it is killed");
    watch.wait().expect("it is dead");
    input.write_all(b"go\n").expect("the command reads");
    wait_for(&sandbox.state(), |entries| {
        entries.iter().any(|entry| entry.message.kind == MessageKind::End)
    });
    drop_all(&sandbox.state());
    assert_eq!(fs::read_to_string(&out).expect("a file"), "before\nafter\n");
    let log = fs::read_to_string(sandbox.work().join("log"));
    assert_eq!(log.expect("a log"), "before\nafter\n");
}

#[test]
fn a_supervisor_that_was_stopped_loses_nothing() {
    let mut work = Work::start(&[], 10, MANY);
    let mut output = work.read_until("waiting");
    work.signal("STOP");
    work.go();
    work.signal("CONT");
    work.output.read_to_string(&mut output).expect("the rest");
    assert!(output == work.all_lines(10));
    work.told();
    let status = work.watch.wait().expect("it ends");
    assert_eq!(status.code(), Some(3));
}

#[test]
fn a_supervisor_that_is_stopped_stops_no_run_and_shows_all_of_it_later() {
    for options in [&["--pty", "never"][..], &["--pty", "always"]] {
        let mut work = Work::start(options, 10, PLENTY);
        let mut output = work.read_until("waiting");
        work.stop();
        work.go();
        work.await_work();
        work.signal("CONT");
        work.output.read_to_string(&mut output).expect("the rest");
        let output = output.replace('\r', "").replace("RuntimeError: the last words\n", "");
        assert!(output == work.all_lines(10), "{options:?}: output is lost, or out of order");
        let entries = work.told();
        assert_eq!(titles(&entries).len(), 1, "{options:?}: {:?}", titles(&entries));
        assert_eq!(work.watch.wait().expect("it ends").code(), Some(3));
        assert_eq!(work.spills(), [] as [PathBuf; 0]);
    }
}

#[test]
fn a_supervisor_that_is_killed_while_it_is_stopped_leaves_all_output_in_order() {
    for options in [&["--pty", "never"][..], &["--pty", "always"]] {
        let mut work = Work::start(options, 10, PLENTY);
        let before = work.read_until("waiting").replace('\r', "");
        work.stop();
        work.go();
        work.await_work();
        let rest = work.kill();
        work.told();
        let log = work.log().replace("RuntimeError: the last words\n", "");
        assert!(before + &rest + &log == work.all_lines(10), "{options:?}: output is lost");
        until("the spill is removed", || work.spills().is_empty());
    }
}

#[test]
fn what_the_command_left_behind_died_when_the_keeper_had_told_the_end() {
    let mut sandbox = Sandbox::new();
    sandbox.set("SLACK_WEBHOOK_URL", "http://127.0.0.1:9/services/T/B/x");
    let [order, mark] = ["order", "mark"].map(|name| sandbox.work().join(name));
    assert!(std::process::Command::new("mkfifo").arg(&order).status().expect("mkfifo").success());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/child.py");
    let shell = "echo ready; read go; exec python3 \"$0\" leave order mark";
    let mut command = sandbox.command(WATCH, ["--linger", "0s", "--", "sh", "-c", shell, script]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut watch = command.start().expect("watch starts");
    let mut line = String::new();
    let mut output = BufReader::new(watch.stdout.take().expect("a pipe"));
    output.read_line(&mut line).expect("output");
    assert_eq!(line, "ready\n");
    watch.kill().expect("it is killed");
    watch.stdin.take().expect("a pipe").write_all(b"go\n").expect("the command reads");
    let ended = |entry: &Entry| entry.message.kind == MessageKind::End;
    wait_for(&sandbox.state(), |entries| entries.iter().any(ended));
    drop_all(&sandbox.state());
    // Opening it waits for the other side.
    fs::write(&order, "").expect("it waits");
    until("it has written", || mark.exists());
    assert_eq!(fs::read_to_string(&mark).expect("a mark"), "written");
    watch.wait().expect("it is dead");
}
