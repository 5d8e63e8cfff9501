//! The rules file of a live run is changed: the whole program takes it over, or says why not.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStderr, Stdio};

use crate::support::bounded::Bounded as _;
use crate::support::sandbox::{Sandbox, WATCH};

const RULES: &str = "
builtin: false
rules:
  - { name: once, match: apple, once: true }
  - { name: twice, match: pear, count: 2, within: 1h }
  - { name: changed, match: plum }
";

/// `watch -- cat`, which prints whatever it is given.
struct Run {
    child: Child,
    said: BufReader<ChildStderr>,
}

impl Run {
    fn start(sandbox: &Sandbox) -> Self {
        let mut command = sandbox.command(WATCH, ["--record", "run.journal", "--", "cat"]);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.start().expect("it starts");
        let said = BufReader::new(child.stderr.take().expect("a pipe"));
        Self { child, said }
    }

    fn print(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().expect("a pipe");
        input.write_all(format!("{line}\n").as_bytes()).expect("it reads");
    }

    /// What it says until a line holds this text.
    fn until(&mut self, text: &str) -> String {
        let mut all = String::new();
        loop {
            let before = all.len();
            let read = self.said.read_line(&mut all).expect("a line");
            assert!(read > 0, "`{text}` is not in:\n{all}");
            if all[before..].contains(text) {
                return all;
            }
        }
    }

    fn end(mut self) -> String {
        drop(self.child.stdin.take());
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut self.said, &mut rest).expect("text");
        self.child.wait().expect("it ends");
        rest
    }
}

#[test]
fn new_rules_hold_from_now_on_and_the_same_ones_keep_their_state() {
    let sandbox = Sandbox::new();
    let path = sandbox.write("rules.yaml", RULES);
    let mut run = Run::start(&sandbox);
    for line in ["apple", "pear", "plum"] {
        run.print(line);
    }
    run.until("· changed");
    fs::write(&path, RULES.replace("plum", "peach")).expect("it is written");
    let said = run.until("rules.yaml has changed: 3 rules from now on");
    assert!(!said.contains("twice"), "{said}");
    for line in ["apple", "plum", "pear", "peach"] {
        run.print(line);
    }
    let said = run.until("· changed");
    assert!(said.contains("· twice") && !said.contains("· once"), "{said}");
    let rest = run.end();
    assert!(!rest.contains("· once"), "{rest}");
    let replay = sandbox.watch(["replay", "run.journal"]);
    replay.ends_with(0).says("the rules were replaced during this run");
}

#[test]
fn a_broken_file_is_said_once_and_the_rules_from_before_go_on() {
    let sandbox = Sandbox::new();
    let path = sandbox.write("rules.yaml", RULES);
    let mut run = Run::start(&sandbox);
    run.print("apple");
    run.until("· once");
    // The first rule would be right.
    fs::write(&path, "rules:\n  - { name: new, match: grape }\n  - { name: bad, mach: x }\n")
        .expect("it is written");
    run.until("has changed, but the rules stay: it is wrong");
    run.until("did you mean");
    fs::remove_file(&path).expect("it is removed");
    let said = run.until("has changed, but the rules stay");
    assert_eq!(said.matches("rules stay").count(), 1, "{said}");
    for line in ["grape", "plum"] {
        run.print(line);
    }
    let said = run.until("· changed");
    assert!(!said.contains("· new"), "{said}");
    run.end();
}
