//! The courier as a real process: what it does when its supervisor ends, dies or does not listen.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests are tests too")]

use std::path::Path;
use std::time::Duration;

use trainwatch::channels::secret::Secret;
use trainwatch::channels::{self, ChannelConfig};
use trainwatch::courier::{self, CourierHandle, Notice, Settings};
use trainwatch::engine::alert::{AlertState, Severity};
use trainwatch::outbox::{Entry, Outbox};
use trainwatch::render::Message;
use trainwatch::render::message::{MessageKind, RunLabel};
use trainwatch::time::Timestamp;

use crate::support::bounded::Bounded as _;
use crate::support::outbox::{drop_all, wait_for};
use crate::support::sandbox::{Sandbox, has_ended, until};
use crate::support::slack::FakeSlack;

const PROGRAM: &str = env!("CARGO_BIN_EXE_watch");
/// Long enough for any machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(60);

fn label() -> RunLabel {
    RunLabel {
        id: "r1".to_owned(),
        name: "resnet50".to_owned(),
        host: "gpu-07".to_owned(),
        command: "python train.py ".repeat(100_000),
        elapsed: None,
    }
}

/// A courier whose only channel is at an address where nobody listens.
fn start(state_dir: &Path) -> CourierHandle {
    let url = Secret::new("http://127.0.0.1:9/services/T/B/x".to_owned());
    let settings = channels::Settings::SlackWebhook { url };
    let channels = vec![ChannelConfig { name: "hook".to_owned(), settings }];
    let settings = Settings { state_dir: state_dir.to_owned(), run: label(), channels };
    courier::start(settings, Path::new(PROGRAM)).unwrap().unwrap()
}

fn commit(state_dir: &Path) {
    let message = Message {
        kind: MessageKind::End,
        severity: Severity::Info,
        state: AlertState::Firing,
        run: label(),
        rule: "finished".to_owned(),
        at: Timestamp::from_secs(1_795_401_203),
        title: "finished".to_owned(),
        body: String::new(),
        fields: Vec::new(),
        lines: Vec::new(),
        chart_path: None,
        curves: Vec::new(),
        exit: None,
    };
    let outbox = Outbox::open(state_dir).unwrap();
    let _ = outbox.commit(&message, "hook", "r1", &[], message.at).unwrap();
}

#[test]
fn a_supervisor_that_dies_is_told_of_by_the_courier() {
    let dir = tempfile::tempdir().unwrap();
    Outbox::open(dir.path()).unwrap();
    drop(start(dir.path()));
    let entries = wait_for(dir.path(), |entries| !entries.is_empty());
    assert_eq!(entries[0].message.title, "The watcher of resnet50 is gone.");
    drop_all(dir.path());
}

#[test]
fn a_run_without_messages_is_finished_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut courier = start(dir.path());
    courier.wake();
    courier.end();
    assert!(courier.wait(PATIENCE));
    assert!(courier.outcome().unwrap().all_delivered());
}

#[test]
fn what_cannot_be_delivered_is_left_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    commit(dir.path());
    let mut courier = start(dir.path());
    let outcome = courier.finish(Duration::ZERO).unwrap();
    assert_eq!((outcome.waiting, outcome.all_delivered()), (1, false));
    drop_all(dir.path());
    assert!(courier.wait(PATIENCE), "it notices that there is nothing left to do");
}

#[test]
fn a_courier_without_a_state_folder_and_a_network_ends() {
    let dir = tempfile::tempdir().unwrap();
    let (state, aside) = (dir.path().join("state"), dir.path().join("aside"));
    commit(&state);
    let courier = start(&state);
    let tried = |entries: &[Entry]| entries.iter().any(|entry| entry.attempts > 1);
    wait_for(&state, tried);
    std::fs::rename(&state, aside).unwrap();
    let pid = courier.id();
    drop(courier);
    until("it ends", || has_ended(pid));
    assert!(!state.exists());
}

#[test]
fn an_end_is_told_though_the_state_folder_was_removed_under_the_run() {
    let slack = FakeSlack::start();
    let mut sandbox = Sandbox::new();
    sandbox.set("SLACK_WEBHOOK_URL", &slack.webhook_url);
    // Something may just be written into it.
    let remove = format!("until rm -rf {}; do :; done; exit 3", sandbox.state().display());
    let seen = sandbox.watch(["--linger", "60s", "--", "sh", "-c", &remove]);
    seen.ends_with(3).says("was removed; it is made again");
    let told = slack.messages("webhook");
    assert!(told.iter().any(|message| message.text.contains("exit status 3")), "{told:?}");
}

#[test]
fn a_courier_that_was_killed_is_started_again_by_the_next_message() {
    let dir = tempfile::tempdir().unwrap();
    let mut courier = start(dir.path());
    let first = courier.id();
    let pid = rustix::process::Pid::from_raw(first.cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    assert!(!courier.wait(PATIENCE), "it is seen to be gone, not to be idle");
    courier.wake();
    assert_ne!(courier.id(), first);
    courier.end();
    assert!(courier.wait(PATIENCE));
    assert!(courier.notices().contains(&Notice::Idle(true)));
}

#[test]
fn the_courier_lives_in_a_session_of_its_own_and_outlives_a_batch_systems_sigterm() {
    let dir = tempfile::tempdir().unwrap();
    Outbox::open(dir.path()).unwrap();
    let courier = start(dir.path());
    let pid = rustix::process::Pid::from_raw(courier.id().cast_signed()).unwrap();
    // It commits this once it is up, and so after it arranged its session and signals.
    drop(courier);
    wait_for(dir.path(), |entries| !entries.is_empty());
    assert_eq!(rustix::process::getsid(Some(pid)).unwrap(), pid);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let tried = |entries: &[Entry]| entries.iter().map(|entry| entry.attempts).sum::<u32>();
    let before = tried(&Outbox::open(dir.path()).unwrap().list().unwrap().entries);
    wait_for(dir.path(), |entries| tried(entries) > before + 1);
    drop_all(dir.path());
}

#[test]
#[cfg(target_os = "linux")]
fn the_supervised_command_holds_no_end_of_the_couriers_pipes() {
    // The only pipe that it has by itself is its standard output.
    let pipes_of_a_child = || {
        let mut list = std::process::Command::new("ls");
        list.args(["-l", "/proc/self/fd"]).stdin(std::process::Stdio::null());
        let text = String::from_utf8(list.capture().unwrap().stdout).unwrap();
        text.lines().filter(|line| line.contains("pipe:")).count()
    };
    let before = pipes_of_a_child();
    let dir = tempfile::tempdir().unwrap();
    let mut courier = start(dir.path());
    assert_eq!(pipes_of_a_child(), before);
    courier.end();
    assert!(courier.wait(PATIENCE));
}

#[test]
fn a_terminal_alone_needs_no_courier() {
    let channels =
        vec![ChannelConfig { name: "t".to_owned(), settings: channels::Settings::Terminal }];
    let settings = Settings { state_dir: "/nowhere".into(), run: label(), channels };
    assert!(courier::start(settings, Path::new(PROGRAM)).unwrap().is_none());
}

mod verbs {
    use trainwatch::channels::terminal::Look;
    use trainwatch::commands::outbox::{Which, drop, list};
    use trainwatch::commands::send::{Note, SendError, Sent, Target, send};

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_795_401_203);

    fn hook() -> ChannelConfig {
        let url = Secret::new("http://127.0.0.1:9/services/T/B/x".to_owned());
        ChannelConfig {
            name: "hook".to_owned(),
            settings: channels::Settings::SlackWebhook { url },
        }
    }

    fn say(
        text: &str,
        dir: &Path,
        channels: &[ChannelConfig],
    ) -> (Result<Sent, SendError>, String) {
        let run = label();
        let severity = Severity::Info;
        let note = Note { text, chart: None, severity, run: &run, secrets: &[] };
        let target = Target {
            channels,
            state_dir: dir,
            program: Path::new(PROGRAM),
            look: Look { width: 60, colour: false, tty: false },
            linger: Duration::from_millis(1),
        };
        let mut terminal = Vec::new();
        let sent = send(note, target, NOW, &mut terminal);
        (sent, String::from_utf8(terminal).unwrap())
    }

    fn listed(dir: &Path) -> String {
        let mut output = Vec::new();
        list(dir, NOW.after(Duration::from_secs(90)), &mut output).unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn without_a_channel_a_note_is_shown_on_the_terminal_only() {
        let dir = tempfile::tempdir().unwrap();
        let terminal =
            ChannelConfig { name: "t".to_owned(), settings: channels::Settings::Terminal };
        let (sent, shown) = say("hello\nworld", dir.path(), &[terminal]);
        assert_eq!(sent.unwrap(), Sent::Delivered);
        assert!(shown.contains("│ hello\n│\n│ world\n"), "{shown}");
        assert!(matches!(say("  ", dir.path(), &[]).0, Err(SendError::Empty)));
    }

    #[test]
    fn a_chart_that_is_no_picture_is_refused_while_somebody_sees_it() {
        let dir = tempfile::tempdir().unwrap();
        let chart = dir.path().join("loss.png");
        std::fs::write(&chart, b"\x89PNG\r\n\x1a\nhalf of it").unwrap();
        let run = label();
        let note = Note {
            text: "look",
            chart: Some(&chart),
            severity: Severity::Info,
            run: &run,
            secrets: &[],
        };
        let target = Target {
            channels: &[hook()],
            state_dir: dir.path(),
            program: Path::new(PROGRAM),
            look: Look { width: 60, colour: false, tty: false },
            linger: Duration::from_millis(1),
        };
        let refused = send(note, target, NOW, &mut Vec::new()).unwrap_err().to_string();
        assert!(refused.ends_with("loss.png: it is only half written"), "{refused}");
    }

    #[test]
    fn inside_a_run_its_courier_delivers() {
        let dir = tempfile::tempdir().unwrap();
        let _courier = Outbox::open(dir.path()).unwrap().claim("r1").unwrap().unwrap();
        assert_eq!(say("hello", dir.path(), &[hook()]).0.unwrap(), Sent::LeftToTheRun);
        assert!(listed(dir.path()).contains("info: hello"));
    }

    #[test]
    fn what_is_not_delivered_is_listed_and_can_be_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let (sent, _) = say("hel\x1blo", dir.path(), &[hook()]);
        let Sent::Pending(outcome, _) = sent.unwrap() else { panic!("nobody listens there") };
        assert_eq!(outcome.waiting, 1);
        let text = listed(dir.path());
        assert!(text.contains("waiting  info: hel\u{fffd}lo\n"), "{text}");
        assert!(text.contains("of resnet50, for channel hook, 1m 30s ago"), "{text}");
        assert!(drop(dir.path(), &Which::Ids(vec!["nothing".to_owned()])).is_err());
        assert_eq!(drop(dir.path(), &Which::Ids(vec!["17954012030".to_owned()])).unwrap(), 1);
        assert_eq!(listed(dir.path()), "The outbox is empty: everything is delivered.\n");
    }
}
