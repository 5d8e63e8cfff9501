//! The incoming webhook.

use std::time::Duration;

use trainwatch::channels::Verdict;
use trainwatch::channels::secret::Secret;

use super::{Sender, Settings, diverged, picture};
use crate::support::slack::{FakeSlack, Fault, Reply, What};

#[test]
fn a_message_arrives_whole() {
    let slack = FakeSlack::start();
    Sender::webhook(&slack).send(&diverged(), &[picture("loss.png")]).unwrap();
    let view = slack.view("webhook");
    for part in [
        "# 🔴 resnet50: loss is NaN at step 1200",
        "[danger]",
        "loss: nan",
        "step 1200 loss nan lr 2.9e-4",
        "[chart \"loss\"",
        "gpu01",
        "2h 05m",
        "diverged",
        "chart.png",
    ] {
        assert!(view.contains(part), "{part} is missing:\n{view}");
    }
    assert_eq!(slack.calls(), ["webhook"]);
    slack.assert_no_violations();
}

#[test]
fn a_workspace_without_chart_blocks_gets_the_message_without_it() {
    let slack = FakeSlack::start();
    slack.refuse_charts();
    let mut sender = Sender::webhook(&slack);
    sender.send(&diverged(), &[]).unwrap();
    assert_eq!(slack.messages("webhook").len(), 1);
    assert!(!slack.view("webhook").contains("[chart"));
    assert_eq!(slack.calls().len(), 2);
    assert_eq!(sender.progress["form"], "no_chart");
    slack.assert_no_violations();
}

#[test]
fn refused_blocks_become_plain_text() {
    let slack = FakeSlack::start();
    for _ in 0..2 {
        slack.inject(Fault::once("webhook", What::Answer(Reply::text(400, "invalid_blocks"))));
    }
    Sender::webhook(&slack).send(&diverged(), &[]).unwrap();
    let messages = slack.messages("webhook");
    assert!(messages[0].blocks.is_empty() && messages[0].attachments.is_empty());
    assert!(messages[0].text.contains("step 1200 loss nan"));
    slack.assert_no_violations();
}

#[test]
fn what_slack_never_takes_is_given_up() {
    let slack = FakeSlack::start();
    slack.inject(Fault::always("webhook", What::Answer(Reply::text(400, "invalid_payload"))));
    let error = Sender::webhook(&slack).send(&diverged(), &[]).unwrap_err();
    assert_eq!(error.verdict, Verdict::Permanent);
    assert_eq!(slack.calls().len(), 3, "rich, without a chart, plain");
}

#[test]
fn answers_become_verdicts() {
    let retry = |seconds: Option<u64>| Verdict::Retry { after: seconds.map(Duration::from_secs) };
    let answer = |status, body| What::Answer(Reply::text(status, body));
    for (what, verdict) in [
        (What::Answer(Reply::too_many(37)), retry(Some(37))),
        (answer(500, "rollup_error"), retry(None)),
        (answer(503, ""), retry(None)),
        (answer(504, "<html>"), Verdict::Ambiguous),
        (answer(200, "<html>Sign in</html>"), retry(None)),
        (answer(302, ""), retry(None)),
        (answer(403, "action_prohibited"), Verdict::Permanent),
        (answer(404, "no_service"), Verdict::Permanent),
        (answer(410, "channel_is_archived"), Verdict::Permanent),
        (What::DropBefore, Verdict::Ambiguous),
        (What::DropAfter, Verdict::Ambiguous),
    ] {
        let slack = FakeSlack::start();
        slack.inject(Fault::once("webhook", what.clone()));
        let error = Sender::webhook(&slack).send(&diverged(), &[]).unwrap_err();
        assert_eq!(error.verdict, verdict, "{what:?}");
        assert_eq!(error.hint.is_some(), verdict == Verdict::Permanent || is_foreign(&what));
        let secret = slack.webhook_url.rsplit('/').next().unwrap();
        assert!(!format!("{error} {error:?}").contains(secret), "{error:?}");
        slack.assert_no_violations();
    }
}

/// An answer that came from something between here and Slack.
fn is_foreign(what: &What) -> bool {
    matches!(what, What::Answer(reply) if reply.status == 200 || reply.status == 302)
}

#[test]
fn a_server_that_hangs_leaves_it_open_whether_the_message_arrived() {
    let slack = FakeSlack::start();
    for what in [What::HangBefore, What::HangAfter] {
        slack.inject(Fault::once("webhook", what));
        let url = Secret::new(slack.webhook_url.clone());
        let mut sender = Sender::impatient(Settings::SlackWebhook { url });
        let error = sender.send(&diverged(), &[]).unwrap_err();
        assert_eq!(error.verdict, Verdict::Ambiguous);
        assert!(error.reason.contains("did not answer in time"), "{error}");
    }
}

#[test]
fn nothing_was_sent_where_nobody_listens() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = Secret::new(format!("http://{free}/services/T0/B0/secret"));
    let error = Sender::new(Settings::SlackWebhook { url }).send(&diverged(), &[]).unwrap_err();
    assert_eq!(error.verdict, Verdict::Retry { after: None });
    assert!(error.reason.contains("127.0.0.1") && !error.reason.contains("secret"), "{error}");
}

#[test]
fn a_failed_tls_handshake_has_sent_nothing() {
    let slack = FakeSlack::start();
    let url = Secret::new(slack.webhook_url.replace("http://", "https://"));
    let error = Sender::new(Settings::SlackWebhook { url }).send(&diverged(), &[]).unwrap_err();
    assert_eq!(error.verdict, Verdict::Retry { after: None });
    assert!(error.hint.unwrap().contains("HTTPS_PROXY"));
}

#[test]
fn an_address_that_is_none_is_permanent_and_not_shown() {
    let url = Secret::new("hooks.slack.com/services/secret".to_owned());
    let error = Sender::new(Settings::SlackWebhook { url }).send(&diverged(), &[]).unwrap_err();
    assert_eq!(error.verdict, Verdict::Permanent);
    assert!(!format!("{error:?}").contains("secret"));
}

#[test]
fn a_redirect_is_not_followed() {
    let (slack, other) = (FakeSlack::start(), FakeSlack::start());
    let reply = Reply::text(307, "").with("location", &other.webhook_url);
    slack.inject(Fault::once("webhook", What::Answer(reply)));
    let error = Sender::webhook(&slack).send(&diverged(), &[]).unwrap_err();
    assert_eq!(error.verdict, Verdict::Retry { after: None });
    assert!(other.calls().is_empty());
}
