//! The bot: the text first, then its pictures.

use std::time::Duration;

use trainwatch::channels::secret::Secret;
use trainwatch::channels::{self, BuildError, ChannelConfig, Verdict, build};
use trainwatch::time::Timestamp;

use super::{Sender, Settings, bot_settings, diverged, picture};
use crate::support::slack::{Channel, FakeSlack, Fault, Reply, What};

const UPLOAD: [&str; 3] = ["files.getUploadURLExternal", "upload", "files.completeUploadExternal"];

#[test]
fn text_and_picture_are_one_message() {
    let slack = FakeSlack::start();
    let mut sender = Sender::bot(&slack, "C0TRAINING1");
    sender.send(&diverged(), &[picture("loss.png"), picture("acc.png")]).unwrap();
    let messages = slack.messages("training");
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].files.len(), 2);
    let view = slack.view("training");
    assert!(view.contains("[picture loss.png, 18 bytes: Loss over steps"), "{view}");
    assert!(!view.contains("[chart"), "a picture is better than Slack's chart:\n{view}");
    assert!(!view.contains("chart.png"), "the picture is there, so its path is noise:\n{view}");
    let [get, put, complete] = UPLOAD;
    assert_eq!(slack.calls(), ["chat.postMessage", get, put, get, put, complete, "chat.update"]);
    slack.assert_no_violations();
}

#[test]
fn without_a_picture_slack_draws() {
    let slack = FakeSlack::start();
    Sender::bot(&slack, "C0TRAINING1").send(&diverged(), &[]).unwrap();
    assert!(slack.view("training").contains("[chart"));
    assert_eq!(slack.calls(), ["chat.postMessage"]);
    slack.assert_no_violations();
}

#[test]
fn a_workspace_without_chart_blocks_gets_the_message_without_it() {
    let slack = FakeSlack::start();
    slack.refuse_charts();
    Sender::bot(&slack, "C0TRAINING1").send(&diverged(), &[]).unwrap();
    assert_eq!(slack.messages("training").len(), 1);
    assert!(!slack.view("training").contains("[chart"));
    slack.assert_no_violations();
}

#[test]
fn every_way_to_name_a_channel_leads_there() {
    for (name, lookups) in [
        ("C0TRAINING1", 0),
        ("https://acme.slack.com/archives/C0TRAINING1", 0),
        ("#training", 1),
        ("training", 1),
    ] {
        let slack = FakeSlack::start();
        let mut sender = Sender::bot(&slack, name);
        sender.send(&diverged(), &[]).unwrap();
        sender.fresh().send(&diverged(), &[]).unwrap();
        assert_eq!(slack.messages("training").len(), 2, "{name}");
        let calls = slack.calls();
        let searched = calls.iter().filter(|c| *c == "users.conversations").count();
        assert_eq!(searched, lookups, "{name}: {calls:?}");
        slack.assert_no_violations();
    }
}

#[test]
fn a_name_is_found_on_a_later_page_and_archived_namesakes_are_skipped() {
    let slack = FakeSlack::start();
    for i in 0..450 {
        slack.add_channel(Channel::public(&format!("C0FILLER{i:03}"), &format!("filler-{i}")));
    }
    let far = Channel::public("C0FARAWAY01", "far-away");
    slack.add_channel(Channel { archived: true, ..Channel::public("C0OLD000001", "far-away") });
    slack.add_channel(far);
    Sender::bot(&slack, "#far-away").send(&diverged(), &[]).unwrap();
    assert_eq!(slack.messages("C0FARAWAY01").len(), 1);
    let pages = slack.calls().iter().filter(|c| *c == "conversations.list").count();
    assert_eq!(pages, 3);
    assert!(slack.calls().contains(&"conversations.join".to_owned()));
    slack.assert_no_violations();
}

#[test]
fn a_search_that_must_pause_goes_on_where_it_was() {
    let slack = FakeSlack::start();
    for i in 0..450 {
        slack.add_channel(Channel::public(&format!("C0FILLER{i:03}"), &format!("filler-{i}")));
    }
    slack.add_channel(Channel { member: false, ..Channel::public("C0FARAWAY01", "far-away") });
    slack.inject(Fault { skip: 1, ..Fault::too_many("conversations.list", 30) });
    let mut sender = Sender::bot(&slack, "#far-away");
    let error = sender.send(&diverged(), &[]).unwrap_err();
    assert_eq!(error.verdict, Verdict::Retry { after: Some(Duration::from_secs(30)) });
    slack.advance(Duration::from_secs(30));
    let mut sender = sender.restart(bot_settings(&slack, "#far-away"));
    sender.send(&diverged(), &[]).unwrap();
    let log = slack.log();
    let pages: Vec<_> = log.iter().filter(|e| e.name == "conversations.list").collect();
    assert_eq!(pages.len(), 4, "page 1, page 2 refused, page 2, page 3");
    assert_eq!(pages[1].args["cursor"], pages[2].args["cursor"]);
    slack.assert_no_violations();
}

#[test]
fn a_bot_that_may_not_list_channels_posts_by_name() {
    let slack = FakeSlack::start();
    slack.set_scopes(&["chat:write", "files:write"]);
    Sender::bot(&slack, "#training").send(&diverged(), &[picture("loss.png")]).unwrap();
    assert_eq!(slack.messages("training")[0].files.len(), 1);
    slack.assert_no_violations();
}

#[test]
fn without_the_scope_for_private_channels_public_ones_are_found() {
    let slack = FakeSlack::start();
    slack.set_scopes(&["chat:write", "channels:read"]);
    Sender::bot(&slack, "#training").send(&diverged(), &[]).unwrap();
    assert_eq!(slack.messages("training").len(), 1);
    let error = Sender::bot(&slack, "#secret").send(&diverged(), &[]).unwrap_err();
    assert_eq!(error.verdict, Verdict::Permanent);
    assert!(error.to_string().contains("#secret"), "{error}");
    assert!(error.hint.unwrap().contains("/invite"));
    slack.assert_no_violations();
}

#[test]
fn a_public_channel_is_joined() {
    let slack = FakeSlack::start();
    Sender::bot(&slack, "C0GENERAL01").send(&diverged(), &[]).unwrap();
    assert_eq!(slack.calls(), ["chat.postMessage", "conversations.join", "chat.postMessage"]);
    slack.assert_no_violations();
}

#[test]
fn a_channel_that_cannot_be_joined_needs_an_invitation() {
    let slack = FakeSlack::start();
    slack.set_scopes(&["chat:write"]);
    let error = Sender::bot(&slack, "C0GENERAL01").send(&diverged(), &[]).unwrap_err();
    assert_eq!(error.verdict, Verdict::Permanent);
    assert!(error.hint.unwrap().contains("/invite @"));
    slack.assert_no_violations();
}

#[test]
fn a_join_that_must_wait_is_tried_again() {
    let slack = FakeSlack::start();
    slack.inject(Fault::too_many("conversations.join", 12));
    let mut sender = Sender::bot(&slack, "C0GENERAL01");
    let error = sender.send(&diverged(), &[]).unwrap_err();
    assert_eq!(error.verdict, Verdict::Retry { after: Some(Duration::from_secs(12)) });
    slack.advance(Duration::from_secs(12));
    sender.send(&diverged(), &[]).unwrap();
    assert_eq!(slack.messages("general").len(), 1);
    slack.assert_no_violations();
}

#[test]
fn a_post_from_outside_joins_for_its_picture() {
    let slack = FakeSlack::start();
    slack.set_scopes(&["chat:write", "chat:write.public", "channels:join", "files:write"]);
    Sender::bot(&slack, "C0GENERAL01").send(&diverged(), &[picture("loss.png")]).unwrap();
    assert_eq!(slack.messages("general")[0].files.len(), 1);
    slack.assert_no_violations();
}

#[test]
fn the_text_is_never_lost_for_its_picture() {
    let get = "files.getUploadURLExternal";
    let twice = |fault: Fault| Fault { times: 2, ..fault };
    for fault in [
        Fault::error(get, "file_uploads_disabled"),
        Fault::error(get, "storage_limit_reached"),
        Fault::error("files.completeUploadExternal", "access_denied"),
        Fault::error("chat.update", "unable_to_share_files"),
        twice(Fault::error("chat.update", "edit_window_closed")),
        twice(Fault::error("chat.update", "message_not_found")),
    ] {
        let slack = FakeSlack::start();
        slack.inject(fault.clone());
        Sender::bot(&slack, "C0TRAINING1").send(&diverged(), &[picture("loss.png")]).unwrap();
        let messages = slack.messages("training");
        assert_eq!(messages.len(), 1, "{fault:?}");
        assert!(messages[0].files.is_empty());
        let told = slack.view("training").contains("a chart could not be attached");
        assert_eq!(told, fault.times == 1, "{fault:?}\n{}", slack.view("training"));
        slack.assert_no_violations();
    }
}

#[test]
fn a_missing_scope_for_files_is_said_in_the_message() {
    let slack = FakeSlack::start();
    slack.set_scopes(&["chat:write"]);
    Sender::bot(&slack, "C0TRAINING1").send(&diverged(), &[picture("loss.png")]).unwrap();
    let view = slack.view("training");
    assert!(view.contains("files:write"), "{view}");
    assert!(view.contains("/runs/r1/chart.png"), "where to find it instead:\n{view}");
    slack.assert_no_violations();
}

#[test]
fn of_two_pictures_the_good_one_is_shown() {
    let slack = FakeSlack::start();
    let refused = Fault::error("files.getUploadURLExternal", "file_type_not_allowed");
    slack.inject(Fault { skip: 1, ..refused });
    let images = [picture("loss.png"), picture("odd.svg")];
    Sender::bot(&slack, "C0TRAINING1").send(&diverged(), &images).unwrap();
    assert_eq!(slack.messages("training")[0].files.len(), 1);
    assert!(slack.view("training").contains("file_type_not_allowed"));
    slack.assert_no_violations();
}

#[test]
fn a_retry_resumes_after_any_step_and_posts_nothing_twice() {
    let steps = UPLOAD.into_iter().chain(["chat.update"]);
    for step in steps {
        for what in [
            What::Answer(Reply::text(503, "")),
            What::Answer(Reply::too_many(9)),
            What::DropBefore,
            What::DropAfter,
        ] {
            let slack = FakeSlack::start();
            slack.inject(Fault::once(step, what.clone()));
            let mut sender = Sender::bot(&slack, "C0TRAINING1");
            let images = [picture("loss.png"), picture("acc.png")];
            let error = sender.send(&diverged(), &images).unwrap_err();
            assert!(matches!(error.verdict, Verdict::Retry { .. }), "{step} {what:?}: {error:?}");
            slack.advance(Duration::from_secs(9));
            let mut sender = sender.restart(bot_settings(&slack, "C0TRAINING1"));
            sender.send(&diverged(), &images).unwrap();
            let messages = slack.messages("training");
            assert_eq!((messages.len(), messages[0].files.len()), (1, 2), "{step} {what:?}");
            slack.assert_no_violations();
        }
    }
}

#[test]
fn pictures_that_never_arrive_are_given_up_with_a_word() {
    let slack = FakeSlack::start();
    slack.inject(Fault::always("upload", What::Answer(Reply::text(503, ""))));
    let mut sender = Sender::bot(&slack, "C0TRAINING1");
    let images = [picture("loss.png")];
    let failures = (0..10).take_while(|_| sender.send(&diverged(), &images).is_err()).count();
    assert_eq!(failures, 4);
    assert!(slack.view("training").contains("a chart could not be attached"));
    assert_eq!(slack.messages("training").len(), 1);
    slack.assert_no_violations();
}

#[test]
fn a_post_without_an_answer_is_ambiguous() {
    for (what, arrived) in
        [(What::DropBefore, 0), (What::DropAfter, 1), (What::HangBefore, 0), (What::HangAfter, 1)]
    {
        let slack = FakeSlack::start();
        slack.inject(Fault::once("chat.postMessage", what.clone()));
        let mut sender = match what {
            What::HangBefore | What::HangAfter => {
                Sender::impatient(bot_settings(&slack, "C0TRAINING1"))
            }
            _ => Sender::bot(&slack, "C0TRAINING1"),
        };
        let error = sender.send(&diverged(), &[]).unwrap_err();
        assert_eq!(error.verdict, Verdict::Ambiguous, "{what:?}");
        slack.wait_for("chat.postMessage", 1);
        assert_eq!(slack.messages("training").len(), arrived, "{what:?}");
    }
}

#[test]
fn refusals_become_verdicts() {
    let retry = |seconds: Option<u64>| Verdict::Retry { after: seconds.map(Duration::from_secs) };
    let post = "chat.postMessage";
    for (fault, verdict) in [
        (Fault::too_many(post, 42), retry(Some(42))),
        (Fault::status(post, 500), retry(None)),
        (Fault::error(post, "ratelimited"), retry(None)),
        (Fault::error(post, "service_unavailable"), retry(None)),
        (Fault::error(post, "internal_error"), Verdict::Ambiguous),
        (Fault::error(post, "fatal_error"), Verdict::Ambiguous),
        (Fault::error(post, "account_inactive"), Verdict::Permanent),
        (Fault::error(post, "is_archived"), Verdict::Permanent),
        (Fault::error(post, "restricted_action_thread_locked"), Verdict::Permanent),
        (Fault { times: 9, ..Fault::error(post, "invalid_blocks") }, Verdict::Permanent),
    ] {
        let slack = FakeSlack::start();
        slack.inject(fault.clone());
        let error = Sender::bot(&slack, "C0TRAINING1").send(&diverged(), &[]).unwrap_err();
        assert_eq!(error.verdict, verdict, "{fault:?}");
        assert_eq!(error.hint.is_some(), verdict == Verdict::Permanent, "{fault:?}: {error}");
        slack.assert_no_violations();
    }
}

#[test]
fn refused_blocks_become_plain_text() {
    let slack = FakeSlack::start();
    slack.inject(Fault { times: 2, ..Fault::error("chat.postMessage", "invalid_blocks") });
    Sender::bot(&slack, "C0TRAINING1").send(&diverged(), &[]).unwrap();
    let messages = slack.messages("training");
    assert!(messages[0].blocks.is_empty() && messages[0].text.contains("step 1200 loss nan"));
    slack.assert_no_violations();
}

#[test]
fn a_renamed_channel_is_looked_up_again() {
    let slack = FakeSlack::start();
    let mut sender = Sender::bot(&slack, "#training");
    sender.send(&diverged(), &[]).unwrap();
    slack.inject(Fault::error("chat.postMessage", "channel_not_found"));
    sender.fresh().send(&diverged(), &[]).unwrap();
    let searched = slack.calls().iter().filter(|c| *c == "users.conversations").count();
    assert_eq!((searched, slack.messages("training").len()), (2, 2));
    slack.assert_no_violations();
}

const NOW: Timestamp = Timestamp::from_secs(1_795_401_203);

#[test]
fn the_doctor_says_what_is_missing_and_posts_nothing() {
    let examine = |slack: &FakeSlack, channel: &str| -> Vec<String> {
        let settings = bot_settings(slack, channel);
        let config = ChannelConfig { name: "lab".to_owned(), settings };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let checks = runtime.block_on(channels::examine(&config, NOW)).unwrap();
        slack.assert_no_violations();
        assert!(!slack.calls().contains(&"chat.postMessage".to_owned()));
        checks.iter().map(ToString::to_string).collect()
    };
    let slack = FakeSlack::start();
    slack.set_clock(NOW.as_nanos() / 1_000_000_000);
    assert_eq!(
        examine(&slack, "#training"),
        [
            "token: ok, trainbot in the workspace Acme",
            "scope chat:write: ok, to send messages",
            "scope files:write: ok, to attach charts",
            "channel #training: ok, C0TRAINING1, and the app is in it",
            "heartbeat: ok, a message was scheduled, and taken back unseen",
            "picture: ok, one was uploaded, seen by nobody, and removed",
        ]
    );
    assert!(examine(&slack, "C0GENERAL01")[3].contains("joins with the first message"));
    slack.set_date("Mon, 23 Nov 2026 03:33:23 GMT");
    let clock = examine(&slack, "#training").remove(3);
    assert!(clock.starts_with("clock: FAILED: this machine's is 1h behind Slack's; "), "{clock}");
    slack.set_scopes(&["chat:write", "channels:read"]);
    let general = examine(&slack, "C0GENERAL01").pop().unwrap();
    assert!(general.contains("FAILED") && general.contains("/invite @"), "{general}");
    slack.set_scopes(&["chat:write"]);
    let checks = examine(&slack, "#training");
    assert!(checks[2].contains("FAILED") && checks[2].contains("reinstall"), "{checks:?}");
    assert!(checks[4].contains("channels:read"), "{checks:?}");
    slack.revoke_token();
    let checks = examine(&slack, "#training");
    assert_eq!(checks.len(), 1, "nothing else can be known: {checks:?}");
    assert!(checks[0].contains("token_revoked"));
}

#[test]
fn a_bad_token_is_permanent_and_never_shown() {
    let slack = FakeSlack::start();
    slack.revoke_token();
    let error = Sender::bot(&slack, "C0TRAINING1").send(&diverged(), &[]).unwrap_err();
    assert_eq!(error.verdict, Verdict::Permanent);
    assert!(error.reason.contains("token_revoked") && error.hint.is_some());
    assert!(!format!("{error:?}").contains(&slack.token));
    assert!(!format!("{:?}", slack.log()).contains(&slack.token));

    let mut settings = bot_settings(&slack, "C0TRAINING1");
    if let Settings::SlackBot { token, .. } = &mut settings {
        *token = Secret::new("xoxb-secret\nxoxb".to_owned());
    }
    let config = ChannelConfig { name: "lab".to_owned(), settings };
    assert!(matches!(build(&config), Err(BuildError::Token)));
}
