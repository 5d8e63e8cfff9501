//! A run that hangs is told with what it lacks, and with what its threads are doing.

use crate::support::sandbox::Sandbox;

/// Longer than Python takes to start on a busy machine.
const RULES: &str = "
builtin: false
rules:
  - { name: stuck, silence: 5s, stop: true }
";

fn is_told(lacks: &str, title: &str) {
    let sandbox = Sandbox::new();
    sandbox.write("rules.yaml", RULES);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/hang.py");
    let outcome = sandbox.watch(["--", "python3", script, lacks]);
    assert_eq!(outcome.signal, Some(15), "{}", outcome.stderr);
    outcome.says(title).says("1 thread");
    let states = ["running", "sleeping", "waiting for a device"];
    let told = outcome.stderr.lines().find(|line| line.contains("python3 ("));
    let told = told.unwrap_or_else(|| panic!("no process is named:\n{}", outcome.stderr));
    assert!(states.iter().any(|state| told.contains(state)), "{told}");
    let others = [OUTPUT, LINES, STEPS].into_iter().filter(|other| *other != title);
    for other in others {
        outcome.says_nothing_of(other);
    }
}

const OUTPUT: &str = "no output for 5s";
const LINES: &str = "output, but no line and nothing new in it for 5s";
const STEPS: &str = "lines are printed, but no step was made for 5s";

#[test]
fn no_output() {
    is_told("output", OUTPUT);
}

#[test]
fn output_without_a_line() {
    is_told("lines", LINES);
}

#[test]
fn lines_without_a_step() {
    is_told("steps", STEPS);
}
