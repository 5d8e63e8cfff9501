//! A command under `watch` is as it is without: its bytes, its end, its signals, its terminal.
//!
//! Nothing is asserted about our own stderr, on which messages appear.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod ends;
mod inside;
mod job_control;
mod signals;
mod streams;
mod terminal;

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::support::bounded::Bounded as _;

const WATCH: &str = env!("CARGO_BIN_EXE_watch");
/// A test that waits longer than this hangs.
const PATIENCE: Timespec = Timespec { tv_sec: 60, tv_nsec: 0 };

/// A file of `tests/data`.
fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// The scripted command's path.
fn script() -> String {
    data("child.py").to_str().unwrap().to_owned()
}

/// No settings of the machine, no channel but the terminal, a state directory for tests.
fn isolate(command: &mut Command) {
    for name in ["SLACK_WEBHOOK_URL", "SLACK_BOT_TOKEN", "SLACK_CHANNEL_ID", "WATCH_RULES"] {
        command.env_remove(name);
    }
    command.env("XDG_STATE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/state"));
    command.env("XDG_CONFIG_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/config"));
}

/// `watch -- ARGS`, its input empty, its output captured.
fn watch<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(WATCH);
    isolate(&mut command);
    command.arg("--").args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// `watch -- child.py ARGS`.
fn watch_child(args: &[&str]) -> Command {
    let mut command = watch(["python3", &script()]);
    command.args(args);
    command
}

/// A started `watch -- child.py ARGS`, of which the output is read as it comes.
struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::null()).start().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The next line; empty at the end.
    fn line(&mut self) -> String {
        line(&mut self.lines)
    }

    fn signal(&self, signal: i32) {
        kill(self.child.id().cast_signed(), signal);
    }
}

/// The next line; empty at the end. Whoever waits too long for it hangs.
fn line<R: Read + AsFd>(lines: &mut BufReader<R>) -> String {
    let mut line = Vec::new();
    while !line.ends_with(b"\n") {
        if lines.buffer().is_empty() {
            let fds = &mut [PollFd::new(lines.get_ref(), PollFlags::IN)];
            assert_eq!(poll(fds, Some(&PATIENCE)), Ok(1), "waiting for a line");
        }
        let buffer = lines.fill_buf().unwrap();
        let end = buffer.iter().position(|byte| *byte == b'\n').map_or(buffer.len(), |at| at + 1);
        if end == 0 {
            break;
        }
        line.extend_from_slice(&buffer[..end]);
        lines.consume(end);
    }
    String::from_utf8_lossy(&line).trim_end().to_owned()
}

/// By kill(1), for process groups (a negative pid) and for the signals without a name.
fn kill(pid: i32, signal: i32) {
    let args = [format!("-{signal}"), "--".to_owned(), pid.to_string()];
    assert!(Command::new("kill").args(args).status().unwrap().success(), "kill {pid} {signal}");
}
