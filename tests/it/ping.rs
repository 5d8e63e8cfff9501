//! Pings of a check, by the whole program.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::support::bounded::Bounded as _;
use crate::support::sandbox::{Sandbox, WATCH};
use crate::support::slack::{FakeSlack, Fault, Reply, What};

/// Any HTTP server does; this one answers with what it is told to.
fn check(sandbox: &Sandbox) -> FakeSlack {
    let server = FakeSlack::start();
    for what in ["", "/start", "/log", "/fail", "/3"] {
        let ok = What::Answer(Reply::text(200, "OK"));
        server.inject(Fault::always(&format!("/ping/uuid{what}"), ok));
    }
    let base = server.api_url.replace("/api/", "/ping/uuid");
    let rules = format!(
        "channels:\n  alive: {{ ping: {{ url: \"{base}\" }} }}\nbuiltin: false\nrules:\n  \
         - name: oops\n    match: oops\n  - name: good\n    exit: success\n  - name: bad\n    \
         exit: failure\n    severity: critical\n"
    );
    sandbox.write("rules.yaml", &rules);
    server
}

#[test]
fn a_check_is_told_of_start_log_and_failure() {
    let sandbox = Sandbox::new();
    let server = check(&sandbox);
    let script = "echo begun; read a; echo oops; read b; exit 3";
    let mut command: Command =
        sandbox.command(WATCH, ["--linger", "60s", "--", "sh", "-c", script]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut run = command.start().unwrap();
    server.wait_for("/ping/uuid/start", 1);
    run.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    server.wait_for("/ping/uuid/log", 1);
    run.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(3));
    let calls = server.calls();
    assert_eq!(calls.iter().filter(|call| call.ends_with("/3")).count(), 1, "{calls:?}");
    assert_eq!(calls.iter().filter(|call| call.ends_with("/start")).count(), 1, "{calls:?}");
}

#[test]
fn a_short_good_run_is_one_ping() {
    let sandbox = Sandbox::new();
    let server = check(&sandbox);
    sandbox.watch(["--linger", "60s", "--", "true"]).ends_with(0);
    assert_eq!(server.calls(), ["/ping/uuid"]);
    sandbox.watch(["doctor"]).ends_with(0).prints("alive: ping: it answers");
}
