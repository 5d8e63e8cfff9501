//! Its bytes, and what it is started with.

use std::fs;
use std::io::{BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{Running, WATCH, isolate, line, script, watch, watch_child};
use crate::support::bounded::Bounded as _;
use crate::support::sandbox::until;

fn bare(args: &[&str]) -> std::process::Output {
    Command::new("python3").arg(script()).args(args).stdin(Stdio::null()).capture().unwrap()
}

#[test]
fn every_byte_comes_through_as_it_is() {
    for args in [&["wild"][..], &["big", "10000001"]] {
        let expected = bare(args).stdout;
        assert!(!expected.is_empty());
        assert!(watch_child(args).capture().unwrap().stdout == expected, "{args:?}");
    }
}

#[test]
fn the_streams_stay_apart_and_in_order() {
    let output = watch_child(&["both", "500"]).capture().unwrap();
    let lines = |name: &str| (0..500).map(|n| format!("{name} {n}\n")).collect::<String>();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), lines("out"));
    // Our own messages are there too.
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let theirs = stderr.split_inclusive('\n').filter(|line| line.starts_with("err "));
    assert_eq!(theirs.collect::<String>(), lines("err"));
}

/// Two pipes know nothing of each other's order, and a line was cut by a line of the other.
#[test]
fn the_order_of_both_outputs_was_lost_where_ours_are_one() {
    let output = by_shell("exec \"$@\" 2>&1", &["python3", &script(), "both", "500"]);
    let all = String::from_utf8(output.stdout).unwrap();
    let expected: String = (0..500).map(|n| format!("out {n}\nerr {n}\n")).collect();
    assert!(all.starts_with(&expected), "{all}");
}

#[test]
fn the_last_words_before_a_kill_are_not_lost() {
    for _ in 0..20 {
        let output = watch_child(&["last-words", "9"]).capture().unwrap();
        assert_eq!(output.stdout, b"the last words");
        assert_eq!(output.status.signal(), Some(9));
    }
}

#[test]
fn what_python_keeps_in_its_buffer_is_not_lost_in_a_kill() {
    let code = "import os; print('epoch 1'); os.kill(os.getpid(), 9)";
    let mut command = watch(["python3", "-c", code]);
    let output = command.env_remove("PYTHONUNBUFFERED").capture().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "epoch 1\n");
}

/// Starts a command that writes `bytes` and ends, and waits for its end, reading nothing.
fn ended_unread(bytes: usize) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let mut command = watch_child(&["big", &bytes.to_string()]);
    let run = Running::start(command.arg(&mark));
    until("all is written", || mark.exists());
    let parent = format!(" {} ", run.child.id());
    let runs = || {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let stats = processes.filter_map(|it| fs::read_to_string(it.path().join("stat")).ok());
        stats.filter(|stat| stat.contains("(python3) ")).any(|stat| {
            // After the name: the state, then the parent.
            let rest = stat.split(')').nth(1).and_then(|rest| rest.get(2..));
            rest.is_some_and(|rest| rest.starts_with(&parent))
        })
    };
    until("it has ended", || !runs());
    run
}

#[test]
fn what_a_slow_reader_has_not_taken_at_the_end_is_not_lost() {
    // More than fits into the pipe from us, less than into that and the one to us.
    let mut run = ended_unread(250_000);
    let mut all = Vec::new();
    run.lines.read_to_end(&mut all).unwrap();
    assert_eq!(all.len(), 250_000);
    assert_eq!(run.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_reader_that_does_not_read_holds_up_no_message() {
    let mut command = watch_child(&["big", "250000"]);
    let mut child = command.start().unwrap();
    let mut messages = BufReader::new(child.stderr.take().unwrap());
    while !line(&mut messages).contains("finished") {}
    let mut all = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut all).unwrap();
    assert_eq!((all.len(), child.wait().unwrap().code()), (250_000, Some(0)));
}

#[test]
fn a_reader_that_never_reads_does_not_keep_us_when_we_are_told_to_end() {
    let mut run = ended_unread(250_000);
    run.signal(15);
    assert_eq!(run.child.wait().unwrap().code(), Some(0));
}

#[test]
fn an_output_that_somebody_made_non_blocking_loses_nothing() {
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    let mut command = watch_child(&["big", "1000000"]);
    let mut child = command.stdout(writer).start().unwrap();
    // It holds our copy of the writer.
    drop(command);
    let mut all = Vec::new();
    fs::File::from(reader).read_to_end(&mut all).unwrap();
    assert_eq!(all.len(), 1_000_000);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_full_disk_under_our_output_does_not_end_the_command() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output =
        watch_child(&["big", "1000000"]).stdout(full).start().unwrap().wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_reader_that_leaves_hangs_up_a_forced_terminal() {
    let mut command = Command::new(WATCH);
    isolate(&mut command);
    // A write may fail before the signal comes (Linux hangs up the files first): a shell's `echo`
    // goes on then, where `yes` would end by itself.
    let script = "while :; do echo y; done";
    command.args(["--pty", "always", "--", "sh", "-c", script]);
    let mut run = Running::start(command.stdin(Stdio::null()).stdout(Stdio::piped()));
    assert_eq!(run.line(), "y");
    drop(run.lines);
    assert_eq!(run.child.wait().unwrap().signal(), Some(1));
}

#[test]
fn quiet_echoes_nothing() {
    let mut command = Command::new(WATCH);
    isolate(&mut command);
    let output =
        command.args(["--quiet", "--", "echo", "hello"]).stdin(Stdio::null()).capture().unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0));
}

#[test]
fn its_input_is_ours_until_its_end() {
    let mut command = watch_child(&["stdin"]);
    let mut run = Running::start(command.stdin(Stdio::piped()));
    assert_eq!(run.line(), "ready");
    let mut input = run.child.stdin.take().unwrap();
    input.write_all(b"one\ntwo").unwrap();
    drop(input);
    assert_eq!((run.line(), run.line()), ("[one".into(), "two]".into()));
    assert_eq!(run.child.wait().unwrap().code(), Some(0));

    let output = watch_child(&["stdin"]).capture().unwrap();
    assert_eq!(output.stdout, b"ready\n[]\n", "/dev/null is empty");
}

#[test]
fn a_reader_that_leaves_ends_the_command_as_without_us() {
    let mut run = Running::start(&mut watch(["yes"]));
    assert_eq!(run.line(), "y");
    drop(run.lines);
    assert_eq!(run.child.wait().unwrap().signal(), Some(13));
}

/// What `child.py report` says when started by `sh` with limits, an umask, an ignored signal, a
/// niceness and a descriptor of ours.
fn report(watched: bool) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let set_up = "trap '' HUP USR1; umask 027; ulimit -n 200; ulimit -c 0; exec 5</dev/null; \
                  exec nice -n 3 \"$@\"";
    let mut command = Command::new("sh");
    isolate(&mut command);
    command.args(["-c", set_up, "sh"]);
    if watched {
        command.args([WATCH, "--"]);
    }
    command
        .args(["python3", &script(), "report"])
        .arg(&path)
        .env("OURS", "a b")
        .stdin(Stdio::null());
    assert_eq!(command.capture().unwrap().status.code(), Some(0));
    serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap()
}

/// `watch -- WORDS` as started by a line of `sh`, in which it is `"$@"`.
fn by_shell(line: &str, words: &[&str]) -> std::process::Output {
    let mut command = Command::new("sh");
    isolate(&mut command);
    command.args(["-c", line, "sh", WATCH, "--"]).args(words).stdin(Stdio::null());
    command.capture().unwrap()
}

/// As systemd starts its services; Rust's runtime changes it before `main`.
#[test]
fn an_ignored_sigpipe_was_not_ignored_any_more() {
    for signals in ["PIPE", "XFSZ CHLD", "USR1"] {
        let line = format!("trap '' {signals}; exec \"$@\"");
        let words = ["grep", "SigIgn", "/proc/self/status"];
        let bare = Command::new("sh").args(["-c", &line, "sh"]).args(words).capture().unwrap();
        let ignored = |output: std::process::Output| {
            let text = String::from_utf8(output.stdout).unwrap();
            let signals = u64::from_str_radix(text.split_whitespace().nth(1).unwrap(), 16).unwrap();
            // 32 and 33 are the C library's own.
            signals & !(0b11 << 31)
        };
        assert_eq!(ignored(by_shell(&line, &words)), ignored(bare), "{signals}");
    }
}

/// Rust's runtime puts /dev/null in the place of a closed stream.
#[test]
fn a_stream_that_is_closed_was_open_for_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("open");
    let look =
        "x=; for fd in 0 1 2; do [ -e /proc/$$/fd/$fd ] && x=$x$fd; done; echo \"$x\" > \"$0\"";
    for (closed, open) in [("<&-", "12"), (">&-", "02"), ("2>&-", "01"), ("<&- >&- 2>&-", "")] {
        by_shell(&format!("exec \"$@\" {closed}"), &["sh", "-c", look, path.to_str().unwrap()]);
        assert_eq!(fs::read_to_string(&path).unwrap().trim_end(), open, "{closed}");
    }
}

#[test]
fn it_is_started_with_what_we_were_started_with() {
    let (bare, mut watched) = (report(false), report(true));
    // These two are documented.
    let env = watched["env"].as_object_mut().unwrap();
    env.remove("WATCH_RUN");
    if bare["env"].get("PYTHONUNBUFFERED").is_none() {
        env.remove("PYTHONUNBUFFERED");
    }
    assert_eq!(bare["env"]["OURS"], "a b");
    assert!(bare["fds"].as_array().unwrap().contains(&5.into()));
    for (fact, value) in bare.as_object().unwrap() {
        assert_eq!(&watched[fact], value, "{fact}");
    }
}
