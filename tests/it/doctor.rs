//! `watch doctor` by the whole program.

use crate::support::sandbox::Sandbox;
use crate::support::slack::{FakeSlack, Fault, What};

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
    seen.prints("slack: heartbeat: a message was scheduled, and taken back unseen");
    assert!(slack.messages("#training").is_empty() && slack.scheduled().is_empty());
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
fn half_of_slacks_variables_is_no_channel() {
    let mut sandbox = Sandbox::new();
    sandbox.set("SLACK_BOT_TOKEN", "xoxb-1");
    sandbox.watch(["doctor"]).ends_with(1).prints("set SLACK_CHANNEL_ID");
}

#[test]
fn a_heartbeat_that_slack_refuses_is_said_with_what_to_do() {
    const SCHEDULE: &str = "chat.scheduleMessage";
    const DELETE: &str = "chat.deleteScheduledMessage";
    let no_answer = |on| Fault::once(on, What::DropAfter);
    for (fault, left, said) in [
        (Fault::error(SCHEDULE, "restricted_too_many"), 0, "30 runs are watched so"),
        (Fault::error(SCHEDULE, "time_in_past"), 0, "the clock of this machine is not Slack's"),
        (no_answer(SCHEDULE), 0, "chat.scheduleMessage"),
        (
            Fault::error(DELETE, "internal_error"),
            1,
            "it could not be taken back, and is sent at 20",
        ),
    ] {
        let slack = FakeSlack::start();
        slack.inject(fault);
        let seen = sandbox(&slack, "#training").watch(["doctor"]);
        seen.ends_with(1).prints("FAILED  slack: heartbeat: ").prints(said);
        assert_eq!(slack.scheduled().len(), left, "{said}");
        slack.assert_no_violations();
    }
}

#[test]
fn a_heartbeat_is_tried_only_where_there_is_one_and_the_app_is_in_the_channel() {
    let slack = FakeSlack::start();
    let seen = sandbox(&slack, "#general").watch(["doctor"]);
    seen.ends_with(0).prints("slack: heartbeat: not tried");
    let sandbox = sandbox(&slack, "#training");
    let slack_of = |heartbeat| {
        format!(
            "channels:\n  lab: {{ slack: {{ token: '${{SLACK_BOT_TOKEN}}', channel: '#training', {heartbeat} }} }}\n"
        )
    };
    sandbox.write("rules.yaml", &slack_of("heartbeat: off"));
    let seen = sandbox.watch(["doctor", "--rules", "rules.yaml"]);
    assert!(!seen.stdout.contains("heartbeat"), "{}", seen.stdout);
    assert!(!slack.calls().iter().any(|call| call == "chat.scheduleMessage"));
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
