//! A run is recorded while it is watched; its replay gives the same alerts, at the same times.

use serde_json::Value;
use trainwatch::render::text::whole;

use crate::support::bounded::Bounded as _;
use crate::support::outbox::{drop_all, wait_for};
use crate::support::sandbox::{Sandbox, WATCH};

/// Beside the built-in rules: some that hang on what comes when, in what pieces. None may speak so
/// often that some of its alerts are told in one message.
const RULES: &str = "
rules:
  - { name: low, when: loss < 0.9 * mean(loss), for: 2 samples, once: true }
  - { name: slow, when: age(loss) > 1s, for: 200ms, severity: critical }
  - { name: pause, silence: 1s, resolved: true }
  - { name: words, match: '(?i)error|warning|nan', count: 2, within: 1s, cooldown: 3s, lines: 3 }
  - { name: report, every: 2s }
  - { name: long, elapsed: 1s }
";

/// Rule, title, time, and the text if it is of the run alone.
type Told = (String, String, String, String);

fn told(rule: &str, title: &str, time: &str, text: &str) -> Told {
    // What the threads are doing is seen live only.
    let text = if rule == "pause" { "" } else { text };
    [rule, title, time, text].map(str::to_owned).into()
}

fn is_the_same(log: &str, code: i32, pty: &str) {
    let mut sandbox = Sandbox::new();
    // What is told stays in the outbox.
    sandbox.set("SLACK_WEBHOOK_URL", "http://127.0.0.1:9/services/T/B/x");
    sandbox.write("rules.yaml", RULES);
    let data = |name: &str| format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    let (play, log, code) = (data("play.py"), data(&format!("runs/{log}")), code.to_string());
    let options = ["--linger", "0s", "--pty", pty, "--record", "run.journal", "--"];
    let words = [&options[..], &["python3", &play, &log, &code]].concat();
    let output = sandbox.command(WATCH, words).capture().expect("watch runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code().map(|code| code.to_string()), Some(code), "{said}");
    assert!(output.stdout == std::fs::read(&log).expect("a log"), "{log} {pty}: other bytes");
    let entries = wait_for(&sandbox.state(), |entries| !entries.is_empty());
    drop_all(&sandbox.state());
    let messages = entries.iter().map(|entry| &entry.message);
    let live: Vec<Told> =
        messages.map(|it| told(&it.rule, &it.title, &it.at.to_string(), &whole(it))).collect();
    let replay = sandbox.watch(["replay", "--json", "run.journal"]);
    let objects = replay.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let text = |object: &Value, key: &str| object[key].as_str().unwrap_or_default().to_owned();
    let replayed: Vec<Told> = objects
        .filter(|object| object["type"] == "alert")
        .map(|it| {
            told(&text(&it, "rule"), &text(&it, "title"), &text(&it, "time"), &text(&it, "text"))
        })
        .collect();
    assert_eq!(live, replayed, "{log} {pty}");
    let rules: Vec<&str> = live.iter().map(|(rule, ..)| rule.as_str()).collect();
    assert!(rules.contains(&"pause") && rules.contains(&"long") && rules.len() > 3, "{rules:?}");
}

#[test]
fn pipes() {
    is_the_same("pt_tqdm_exception.pipe.log", 1, "never");
    is_the_same("torchrun_exception.pipe.log", 1, "never");
    is_the_same("sb3_nan.pipe.log", 0, "never");
}

#[test]
fn terminals() {
    is_the_same("hf_v4_nan.pty.log", 0, "always");
    is_the_same("log_rich_log_exception.pty.log", 1, "always");
    is_the_same("keras_exception.pty.log", 1, "always");
}
