//! The supervisor is stopped, and its command goes on; then it is continued, and nothing is amiss.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{ChildStderr, ChildStdout, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::bounded::Bounded as _;
use crate::support::sandbox::{Mortal, Sandbox, WATCH, helper, until};

/// `counter.py` under `watch`.
pub(crate) struct Counting {
    pub(crate) sandbox: Sandbox,
    pub(crate) watch: Mortal,
    pub(crate) lines: BufReader<ChildStdout>,
    pub(crate) messages: ChildStderr,
    seen: u64,
}

impl Counting {
    pub(crate) fn start(options: &[&str]) -> Self {
        let sandbox = Sandbox::new();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/counter.py");
        let words = ["--", "python3", script, "enough", "marker"];
        let mut command = sandbox.command(WATCH, options.iter().chain(&words));
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut watch = command.start().expect("watch starts");
        let lines = BufReader::new(watch.stdout.take().expect("a pipe"));
        let messages = watch.stderr.take().expect("a pipe");
        Self { sandbox, watch: Mortal(watch), lines, messages, seen: 0 }
    }

    /// Reads so many lines, which must go on where the ones before ended.
    pub(crate) fn read(&mut self, count: u64) {
        let mut line = String::new();
        for _ in 0..count {
            line.clear();
            assert!(self.lines.read_line(&mut line).expect("output") > 0, "after {}", self.seen);
            assert_eq!(line.trim_end(), self.seen.to_string());
            self.seen += 1;
        }
    }

    pub(crate) fn stop(&self) {
        self.watch.signal(Signal::STOP);
        let stat = format!("/proc/{}/stat", self.watch.0.id());
        until("it is stopped", || fs::read_to_string(&stat).expect("stat").contains(") T "));
    }

    pub(crate) fn go_on(&self) {
        self.watch.signal(Signal::CONT);
    }

    /// What the keeper has read of it meanwhile.
    pub(crate) fn spill(&self) -> PathBuf {
        let runs = fs::read_dir(self.sandbox.state().join("runs")).expect("runs");
        let run = runs.map(|run| run.expect("a run").path()).next().expect("a run");
        run.join("stopped.stdout")
    }

    pub(crate) fn until_spilled(&self) {
        let spill = self.spill();
        until("the keeper reads", || fs::metadata(&spill).is_ok_and(|it| it.len() > 0));
    }

    /// The command writes no more; gives how many lines it has written.
    pub(crate) fn finish_command(&self) -> u64 {
        self.sandbox.write("enough", "");
        let marker = self.sandbox.work().join("marker");
        until("the command has ended", || marker.exists());
        fs::read_to_string(marker).expect("a count").parse().expect("a count")
    }

    /// Reads all, up to so many lines; gives the messages.
    pub(crate) fn finish(mut self, count: u64) -> String {
        self.read(count - self.seen);
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).expect("the end");
        assert_eq!(rest, "");
        assert_eq!(self.watch.0.wait().expect("it ends").code(), Some(0));
        assert!(!self.spill().exists());
        self.messages.read_to_string(&mut rest).expect("messages");
        rest
    }
}

#[test]
fn stopped_and_continued_again_and_again_its_output_is_exact() {
    for options in [&["--pty", "never"][..], &["--pty", "always"]] {
        let mut run = Counting::start(options);
        let mut random = 7_u32;
        for round in 0..30 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            run.read(u64::from(random >> 20));
            run.stop();
            // Otherwise it goes on before the keeper has noticed, or just then.
            if round % 3 == 0 {
                run.until_spilled();
            }
            run.go_on();
        }
        run.stop();
        let count = run.finish_command();
        run.go_on();
        run.finish(count);
    }
}

#[test]
fn the_keepers_death_loses_nothing_of_what_it_has_read() {
    let mut run = Counting::start(&["--pty", "never"]);
    run.read(1);
    run.stop();
    run.until_spilled();
    let count = run.finish_command();
    let keeper = helper(&run.watch.0, "keeper");
    let stat = format!("/proc/{}/stat", keeper.as_raw_nonzero());
    // It sleeps when there is nothing to read.
    until("it has read all", || fs::read_to_string(&stat).expect("stat").contains(") S "));
    kill_process(keeper, Signal::KILL).expect("it is killed");
    run.go_on();
    run.finish(count);
}

#[test]
fn what_was_read_meanwhile_is_whole_though_our_output_takes_nothing_when_the_run_has_ended() {
    for options in [&["--pty", "never"][..], &["--pty", "always"]] {
        let mut run = Counting::start(options);
        run.read(1);
        run.stop();
        run.until_spilled();
        let count = run.finish_command();
        run.go_on();
        // The end is told though nobody reads: all of the output was taken from the command.
        let mut messages = BufReader::new(&mut run.messages).lines().map_while(Result::ok);
        assert!(messages.any(|line| line.contains("finished")), "the end is told");
        run.finish(count);
    }
}

#[test]
fn what_does_not_fit_is_counted() {
    let sandbox = Sandbox::new();
    let total = 80_000_000;
    let words = format!("echo begin; read line; yes $(seq 200) | head -c {total}; touch marker");
    let mut command = sandbox.command(WATCH, ["--pty", "never", "--", "sh", "-c", &words]);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut watch = command.start().expect("watch starts");
    let mut output = BufReader::new(watch.stdout.take().expect("a pipe"));
    let mut line = String::new();
    output.read_line(&mut line).expect("a line");
    kill_process(Pid::from_child(&watch), Signal::STOP).expect("it is stopped");
    let mut watch = Mortal(watch);
    drop(watch.0.stdin.take());
    let marker = sandbox.work().join("marker");
    until("the command has written all", || marker.exists());
    watch.signal(Signal::CONT);
    let shown = std::io::copy(&mut output, &mut std::io::sink()).expect("output");
    let mut messages = String::new();
    watch.0.stderr.take().expect("a pipe").read_to_string(&mut messages).expect("messages");
    let (before, _) = messages.split_once(" bytes of output were lost").expect("it is told");
    let lost: u64 = before.rsplit(' ').next().expect("a number").parse().expect("a number");
    assert!(lost > 0);
    assert_eq!(shown + lost, total);
}

#[test]
fn the_time_in_which_it_was_stopped_is_no_silence() {
    let sandbox = Sandbox::new();
    let rules = "builtin: false\nrules:\n  - { name: stuck, silence: 3s }\n";
    sandbox.write("rules.yaml", rules);
    // It prints all the time, which only the keeper sees.
    let life = "i=0; while [ ! -e enough ]; do i=$((i+1)); echo \"step $i\"; sleep 0.05; done";
    let command = &mut sandbox.command(WATCH, ["--pty", "never", "--", "sh", "-c", life]);
    let watch = command.stdout(Stdio::piped()).stderr(Stdio::piped()).start();
    let mut watch = Mortal(watch.expect("watch starts"));
    let mut output = BufReader::new(watch.0.stdout.take().expect("a pipe"));
    output.read_line(&mut String::new()).expect("a line");
    watch.signal(Signal::STOP);
    let runs = fs::read_dir(sandbox.state().join("runs")).expect("runs");
    let spill = runs.map(|run| run.expect("a run").path()).next().expect("a run");
    let spill = spill.join("stopped.stdout");
    let seconds = |text: String| text.lines().count() / 20;
    until("long enough", || fs::read_to_string(&spill).is_ok_and(|text| seconds(text) >= 6));
    watch.signal(Signal::CONT);
    sandbox.write("enough", "");
    let mut rest = String::new();
    output.read_to_string(&mut rest).expect("output");
    let mut messages = String::new();
    watch.0.stderr.take().expect("a pipe").read_to_string(&mut messages).expect("messages");
    assert!(!messages.contains("3s"), "{messages}");
}

#[test]
fn what_was_read_meanwhile_is_shown_though_the_command_prints_nothing_more() {
    for pty in ["never", "always"] {
        let sandbox = Sandbox::new();
        let words = "echo 0; read line; seq 200000; touch marker; read line";
        let mut command = sandbox.command(WATCH, ["--pty", pty, "--", "sh", "-c", words]);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut watch = Mortal(command.start().expect("watch starts"));
        let mut input = watch.0.stdin.take().expect("a pipe");
        let mut lines = BufReader::new(watch.0.stdout.take().expect("a pipe")).lines();
        assert_eq!(lines.next().expect("a line").expect("text"), "0");
        watch.signal(Signal::STOP);
        input.write_all(b"go\n").expect("the command reads");
        let marker = sandbox.work().join("marker");
        until("the command has written all", || marker.exists());
        watch.signal(Signal::CONT);
        for number in 1..=200_000 {
            let line = lines.next().expect("a line").expect("text");
            assert_eq!(line, number.to_string());
        }
        drop(input);
        assert!(lines.next().is_none());
    }
}
