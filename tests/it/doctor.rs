//! `watch doctor` by the whole program.

use crate::support::sandbox::Sandbox;
use crate::support::slack::FakeSlack;

fn sandbox(slack: &FakeSlack, channel: &str) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.set("SLACK_BOT_TOKEN", &slack.token);
    sandbox.set("SLACK_CHANNEL_ID", channel);
    sandbox.set("SLACK_API_URL", &slack.api_url);
    sandbox
}

#[test]
fn all_is_well_and_nothing_was_posted() {
    let slack = FakeSlack::start();
    let seen = sandbox(&slack, "#training").watch(["doctor"]);
    seen.ends_with(0).prints("slack: picture: one was uploaded").prints("proxy: none");
    assert!(slack.messages("#training").is_empty());
    slack.assert_no_violations();
}

#[test]
fn each_failure_says_what_to_do() {
    let slack = FakeSlack::start();
    let mut sandbox = sandbox(&slack, "#nowhere");
    sandbox.set("HTTPS_PROXY", "http://me:hunter2@127.0.0.1:9");
    let seen = sandbox.watch(["doctor"]);
    seen.ends_with(1).prints("proxy: taken from HTTPS_PROXY").prints("FAILED  slack: channel");
    assert!(!seen.stdout.contains("hunter2") && !seen.stdout.contains(&slack.token));
    slack.revoke_token();
    sandbox.watch(["doctor"]).ends_with(1).prints("FAILED  slack: token");
}

#[test]
fn a_webhook_is_tried_without_a_message() {
    let slack = FakeSlack::start();
    let mut sandbox = Sandbox::new();
    sandbox.set("SLACK_WEBHOOK_URL", &slack.webhook_url);
    sandbox.watch(["doctor"]).ends_with(0).prints("slack: webhook: it answers");
    assert!(slack.messages("webhook").is_empty());
    let violations = slack.violations();
    assert!(violations.len() == 1 && violations[0].starts_with("no_text"), "{violations:?}");
    sandbox.set("SLACK_WEBHOOK_URL", &format!("{}x", slack.webhook_url));
    sandbox.watch(["doctor"]).ends_with(1).prints("FAILED  slack: webhook");
}

#[test]
fn a_manifest_asks_for_the_scopes_that_are_used() {
    let sandbox = Sandbox::new();
    let seen = sandbox.watch(["doctor", "--manifest"]);
    let manifest: serde_json::Value = serde_json::from_str(&seen.stdout).expect("JSON");
    let scopes = manifest["oauth_config"]["scopes"]["bot"].as_array().expect("a list");
    assert!(scopes.contains(&"chat:write".into()) && scopes.contains(&"files:write".into()));
    seen.ends_with(0).says("From a manifest");
    sandbox.watch(["doctor"]).ends_with(0).prints("watch doctor --manifest");
}
