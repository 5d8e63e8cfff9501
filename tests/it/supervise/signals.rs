//! Signals sent to us reach the command once.

use std::io::Write as _;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use super::{Running, WATCH, isolate, kill, script, watch_child};
use crate::support::sandbox::until;

const NAMED: [(&str, i32); 8] = [
    ("SIGHUP", 1),
    ("SIGINT", 2),
    ("SIGQUIT", 3),
    ("SIGUSR1", 10),
    ("SIGTERM", 15),
    ("SIGCONT", 18),
    ("SIGALRM", 14),
    ("SIGPWR", 30),
];

#[test]
fn each_signal_to_us_reaches_it_once_and_in_order() {
    let mut command = watch_child(&["log-signals"]);
    let mut run = Running::start(command.args(NAMED.map(|(name, _)| name)));
    assert_eq!(run.line(), "ready");
    for (name, signal) in NAMED.iter().chain(NAMED.iter().rev()) {
        run.signal(*signal);
        assert_eq!(run.line(), *name);
    }
    run.signal(12);
    // A second copy of any would stand before this.
    assert_eq!(run.line(), "bye");
    assert_eq!(run.child.wait().unwrap().code(), Some(0));
}

/// They ended us, and the command went on alone: SIGXCPU, with which batch systems say that the time
/// is over, SIGABRT and others.
#[test]
fn signals_that_few_send_killed_us_instead_of_reaching_the_command() {
    let names = [
        ("SIGABRT", 6),
        ("SIGURG", 23),
        ("SIGXCPU", 24),
        ("SIGXFSZ", 25),
        ("SIGVTALRM", 26),
        ("SIGPROF", 27),
        ("SIGWINCH", 28),
        ("SIGIO", 29),
        ("SIGSYS", 31),
    ];
    let mut command = watch_child(&["log-signals"]);
    let mut run = Running::start(command.args(names.map(|(name, _)| name)));
    assert_eq!(run.line(), "ready");
    for (name, signal) in names {
        run.signal(signal);
        assert_eq!(run.line(), name);
    }
    run.signal(12);
    assert_eq!(run.line(), "bye");
    assert_eq!(run.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_signal_to_our_group_reaches_it_once() {
    // In a session without a terminal, as under a batch system.
    let mut command = std::process::Command::new("setsid");
    isolate(&mut command);
    command.args([WATCH, "--", "python3", &script(), "log-signals", "SIGTERM"]);
    let mut run = Running::start(command.stdin(Stdio::null()).stdout(Stdio::piped()));
    assert_eq!(run.line(), "ready");
    for _ in 0..20 {
        kill(-run.child.id().cast_signed(), 15);
        assert_eq!(run.line(), "SIGTERM");
    }
    run.signal(12);
    assert_eq!(run.line(), "bye");
}

#[test]
fn a_signal_that_comes_during_the_start_is_not_lost() {
    for _ in 0..50 {
        let mut run = Running::start(watch_child(&["wait"]).stdin(Stdio::piped()));
        let mut input = run.child.stdin.take().unwrap();
        run.signal(15);
        assert_eq!(run.child.wait().unwrap().signal(), Some(15));
        // Whoever dies before the command leaves it behind, with the other end of its input.
        until("nobody is left", || input.write_all(b".").is_err());
    }
}

#[test]
fn a_signal_reaches_only_the_main_child() {
    // The grandchild would end the pipe if it died.
    let both = "trap 'echo main; exit 3' TERM; (trap 'echo worker' TERM; echo ready; \
                while [ -e /proc/$PPID ]; do read x < /proc/self/stat; done) & wait";
    let mut run = Running::start(&mut super::watch(["bash", "-c", both]));
    assert_eq!(run.line(), "ready");
    run.signal(15);
    assert_eq!(run.line(), "main");
    assert_eq!(run.line(), "");
    assert_eq!(run.child.wait().unwrap().code(), Some(3));
}
