//! How it ends, and how it cannot start.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use super::{Running, kill, script, watch, watch_child};
use crate::support::bounded::Bounded as _;
use crate::support::sandbox::{Sandbox, until};

#[test]
fn the_exit_code_is_the_commands() {
    for code in [0, 1, 2, 3, 42, 85, 124, 125, 126, 127, 128, 129, 130, 137, 143, 254, 255] {
        let status = watch(["sh", "-c", &format!("exit {code}")]).to_end().unwrap();
        assert_eq!(status.code(), Some(code));
    }
}

#[test]
fn we_die_of_the_signal_that_killed_the_command() {
    // All whose default action ends a process, also by a core file, and two realtime signals.
    let signals = (1..=16).chain([24, 25, 26, 27, 29, 30, 31, 34, 64]);
    for signal in signals {
        let name = signal.to_string();
        let bare = Command::new("python3").arg(script()).args(["die", &name]).to_end().unwrap();
        let watched = watch_child(&["die", &name]).capture().unwrap().status;
        assert_eq!(bare.signal(), Some(signal));
        assert_eq!(watched.signal(), bare.signal(), "of signal {signal}: {watched}");
        assert!(!watched.core_dumped(), "a second core file for signal {signal}");
    }
}

#[test]
fn a_core_dump_is_told_and_we_make_none_of_our_own() {
    let sandbox = Sandbox::new();
    let die = ["sh", "-c", "kill -SEGV $$"];
    let unlimited = ["-c", "ulimit -c unlimited; exec \"$@\"", "sh"];
    let bare = sandbox.command("sh", [&unlimited[..], &die].concat()).capture().unwrap();
    let words = [&unlimited[..], &[super::WATCH, "--"], &die].concat();
    let watched = sandbox.command("sh", words).capture().unwrap();
    assert_eq!((watched.status.signal(), watched.status.core_dumped()), (Some(11), false));
    // Where the system lets it make one.
    let told = String::from_utf8(watched.stderr).unwrap().contains("SIGSEGV, core dumped");
    assert_eq!(told, bare.status.core_dumped());
}

#[test]
fn a_command_that_is_not_there_gives_127() {
    for name in ["no-such-command-anywhere", "/no/such/file", "./no-such-file"] {
        assert_eq!(watch([name]).capture().unwrap().status.code(), Some(127), "{name}");
    }
}

#[test]
fn a_command_that_cannot_be_executed_gives_126() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain");
    fs::write(&plain, "#!/bin/sh\n").unwrap();
    let orphan = folder.path().join("orphan");
    fs::write(&orphan, "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(&orphan, PermissionsExt::from_mode(0o755)).unwrap();
    for path in [folder.path(), &plain, &orphan] {
        assert_eq!(watch([path]).capture().unwrap().status.code(), Some(126), "{}", path.display());
    }
}

#[test]
fn a_script_without_a_first_line_is_run_by_the_shell() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bare");
    fs::write(&path, "exit 6\n").unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(watch([path]).capture().unwrap().status.code(), Some(6));
}

#[test]
fn a_grandchild_that_holds_the_output_does_not_hold_us() {
    let mut run = Running::start(&mut watch_child(&["leak", "60"]));
    let grandchild: i32 = run.line().strip_prefix("grandchild ").unwrap().parse().unwrap();
    assert_eq!(run.child.wait().unwrap().code(), Some(5));
    // It lives on: it would have, without us.
    let stat = fs::read_to_string(format!("/proc/{grandchild}/stat")).unwrap();
    assert!(!stat.contains(") Z "), "it was waited for: {stat}");
    kill(grandchild, 9);
}

#[test]
fn what_a_grandchild_writes_after_the_end_is_still_shown() {
    let output = watch_child(&["leak", "words"]).capture().unwrap();
    assert_eq!(output.status.code(), Some(5));
    assert!(output.stdout.ends_with(b"late words\n"), "{output:?}");
}

/// It died of the pipe that nobody read any more, and nobody was told that it was there.
#[test]
fn what_the_command_left_behind_died_when_it_wrote_after_our_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (order, mark, out) = (path("order"), path("mark"), path("out"));
    assert!(Command::new("mkfifo").arg(&order).status().unwrap().success());
    let mut command = watch_child(&["leave", order.to_str().unwrap(), mark.to_str().unwrap()]);
    command.stdout(fs::File::create(&out).unwrap());
    let output = command.start().unwrap().wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(5));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("watch: the command left processes behind"), "{told}");
    // Opening it waits for the other side.
    fs::write(&order, "").unwrap();
    until("it has written", || mark.exists());
    assert_eq!(fs::read_to_string(&mark).unwrap(), "written");
    until("it is shown", || fs::read(&out).unwrap() == b"written late\n");
}

/// SIGXFSZ came for files of our own.
#[test]
fn a_limit_on_the_size_of_files_killed_us() {
    let sandbox = Sandbox::new();
    let limited =
        ["-c", "ulimit -f 0; exec \"$@\"", "sh", super::WATCH, "--", "sh", "-c", "exit 4"];
    let status = sandbox.command("sh", limited).capture().unwrap().status;
    assert_eq!(status.code(), Some(4), "{status}");
}

#[test]
fn a_rule_that_stops_a_run_that_is_stopped_continues_it_so_that_it_can_end() {
    let sandbox = Sandbox::new();
    sandbox.write("rules.yaml", "rules: [{ name: enough, match: ready, stop: true }]\n");
    // Whichever comes first, the rule's signal or the command's own stop.
    for verb in ["stop", "stop-late"] {
        let outcome = sandbox.watch(["--", "python3", &script(), verb]);
        assert_eq!(outcome.signal, Some(15), "{}", outcome.stderr);
    }
}

#[test]
fn the_exit_code_is_known_where_sigchld_is_ignored() {
    let ignoring = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); \
                    os.execvp(sys.argv[1], sys.argv[1:])";
    let mut command = Command::new("python3");
    super::isolate(&mut command);
    command.args(["-c", ignoring, super::WATCH, "--", "sh", "-c", "exit 7"]);
    assert_eq!(command.stdin(Stdio::null()).capture().unwrap().status.code(), Some(7));
}
