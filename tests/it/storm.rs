//! What must hold whatever a run prints: a storm stays within Slack's limits, and no secret leaves
//! the run, neither to Slack nor to the disk.

use std::fs;
use std::path::Path;

use crate::support::sandbox::Sandbox;
use crate::support::slack::FakeSlack;

const LINES: u64 = 100_000;
/// The engine lets so many alerts of one rule through in a minute.
const FLOOD: u64 = 20;

fn sandbox(slack: &FakeSlack, rules: &str) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.set("SLACK_BOT_TOKEN", &slack.token);
    sandbox.set("SLACK_CHANNEL_ID", "#training");
    sandbox.set("SLACK_API_URL", &slack.api_url);
    sandbox.write("rules.yaml", rules);
    sandbox
}

/// The number before the word, or 0.
fn number_before(text: &str, word: &str) -> u64 {
    let words: Vec<&str> = text.split_whitespace().collect();
    let at = words.iter().position(|w| *w == word);
    at.and_then(|at| words.get(at.checked_sub(1)?)?.parse().ok()).unwrap_or(0)
}

#[test]
fn a_storm_is_few_messages_that_count_every_match() {
    let slack = FakeSlack::start();
    let rules = "builtin: false\nrules:\n  - name: oops\n    match: 'error \\d+'\n    \
                 severity: warning\n    cooldown: 0s\n  - name: end\n    exit: any\n";
    let sandbox = sandbox(&slack, rules);
    let print = format!("BEGIN {{ for (i = 0; i < {LINES}; i++) print \"error\", i; exit 3 }}");
    sandbox.watch(["--quiet", "--linger", "60s", "--", "awk", &print]).ends_with(3);
    slack.assert_no_violations();
    let messages = slack.messages("#training");
    let view = slack.view("#training");
    assert!(messages.len() < 25, "{view}");
    assert!(messages.iter().any(|m| m.broadcast && m.text.contains("failed after")), "{view}");
    let storm = messages.iter().filter(|m| m.text.contains("awk: error"));
    let counted: u64 = storm.map(|m| 1 + number_before(&m.text, "more")).sum();
    // The first time, and what was let through later says how many were held back before.
    let end = messages.iter().find(|m| m.broadcast).expect("an end");
    let told = number_before(&end.text, "×") + counted;
    assert!(counted >= FLOOD && told == LINES, "{told}\n{view}");
}

/// Every file below it, with its bytes.
fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        if entry.path().is_dir() {
            files(&entry.path(), found);
        } else {
            let bytes = fs::read(entry.path()).unwrap_or_default();
            found.push((entry.path().display().to_string(), bytes));
        }
    }
}

#[test]
fn no_secret_of_environment_arguments_output_or_rules_goes_anywhere() {
    let slack = FakeSlack::start();
    let hook = "http://127.0.0.1:9/services/T00000000/B00000000/canaryRulesHook0123456789";
    let rules = format!(
        "channels:\n  lab: {{ slack: {{ token: \"${{SLACK_BOT_TOKEN}}\", channel: \"#training\" }} \
         }}\n  dead: {{ slack: {{ webhook: \"{hook}\" }} }}\n\
         rules:\n  - name: oops\n    match: 'oops'\n    lines: 20\n"
    );
    let mut sandbox = sandbox(&slack, &rules);
    sandbox.set("WANDB_API_KEY", "canaryEnvironment0123456789");
    let script = "echo api_key=canaryOutputKey0123; echo Authorization: Bearer canaryOutputBearer0123; \
                  echo git clone https://me:canaryOutputUrl0123@example.com/x; \
                  echo SLACK_BOT_TOKEN is $SLACK_BOT_TOKEN; echo oops; echo loss 0.5; exit 3";
    let options = ["--quiet", "--linger", "5s", "--name", "run"];
    let command = ["--", "sh", "-c", script, "--api-key", "canaryArgument0123456789"];
    let seen = sandbox.watch([&options[..], &command].concat());
    seen.ends_with(3);
    let messages = slack.messages("#training");
    assert!(messages.iter().any(|m| m.text.contains("oops")), "{}", slack.view("#training"));
    let mut places = vec![
        ("requests".to_owned(), format!("{:?}", slack.log()).into_bytes()),
        ("standard error".to_owned(), seen.stderr.clone().into_bytes()),
    ];
    files(&sandbox.state(), &mut places);
    let is_waiting = |(name, _): &(String, Vec<u8>)| name.contains("/outbox/1");
    assert!(places.iter().any(is_waiting), "the dead channel's messages are looked at too");
    for (place, bytes) in &places {
        let text = String::from_utf8_lossy(bytes);
        for secret in ["canary", slack.token.as_str(), "services/T00000000"] {
            if let Some(at) = text.find(secret) {
                let around = text.get(at.saturating_sub(60)..).unwrap_or(&text);
                panic!("{secret} in {place}: {}", around.chars().take(200).collect::<String>());
            }
        }
    }
    sandbox.watch(["outbox", "drop", "--all"]).ends_with(0);
}
