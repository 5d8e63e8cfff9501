//! The courier as a real process: what it does when its supervisor ends, dies or does not listen.

use std::path::Path;
use std::time::Duration;

use trainwatch::channels::secret::Secret;
use trainwatch::channels::{self, ChannelConfig};
use trainwatch::courier::{self, CourierHandle, Settings};
use trainwatch::engine::alert::{AlertState, Severity};
use trainwatch::outbox::Outbox;
use trainwatch::render::Message;
use trainwatch::render::message::{MessageKind, RunLabel};
use trainwatch::time::Timestamp;

const PROGRAM: &str = env!("CARGO_BIN_EXE_watch");
/// Long enough for any machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(60);

fn label() -> RunLabel {
    RunLabel {
        id: "r1".to_owned(),
        name: "resnet50".to_owned(),
        host: "gpu-07".to_owned(),
        command: "python train.py".to_owned(),
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
    };
    let outbox = Outbox::open(state_dir).unwrap();
    let _ = outbox.commit(&message, "hook", "r1", &[], message.at).unwrap();
}

/// Blocks until the courier wrote into the outbox what makes `found` true.
fn wait_for(state_dir: &Path, found: impl Fn(&[String]) -> bool) -> Vec<String> {
    use notify::Watcher as _;
    let (changed, changes) = std::sync::mpsc::sync_channel(1);
    let mut watcher = notify::recommended_watcher(move |_| drop(changed.try_send(()))).unwrap();
    let dir = state_dir.join("outbox");
    watcher.watch(&dir, notify::RecursiveMode::NonRecursive).unwrap();
    loop {
        let entries = Outbox::open(state_dir).unwrap().list().unwrap().entries;
        let titles: Vec<String> = entries.into_iter().map(|entry| entry.message.title).collect();
        if found(&titles) {
            return titles;
        }
        changes.recv_timeout(PATIENCE).expect("the courier does something");
    }
}

#[test]
fn a_supervisor_that_dies_is_told_of_by_the_courier() {
    let dir = tempfile::tempdir().unwrap();
    Outbox::open(dir.path()).unwrap();
    drop(start(dir.path()));
    let titles = wait_for(dir.path(), |titles| !titles.is_empty());
    assert_eq!(titles, ["The watcher of this run is gone."]);
    Outbox::open(dir.path()).map(|outbox| drop_all(&outbox)).unwrap();
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
    let outcome = courier.finish(Duration::from_millis(1)).unwrap();
    assert_eq!((outcome.waiting, outcome.all_delivered()), (1, false));
    drop_all(&Outbox::open(dir.path()).unwrap());
    assert!(courier.wait(PATIENCE), "it notices that there is nothing left to do");
}

#[test]
fn a_terminal_alone_needs_no_courier() {
    let channels =
        vec![ChannelConfig { name: "t".to_owned(), settings: channels::Settings::Terminal }];
    let settings = Settings { state_dir: "/nowhere".into(), run: label(), channels };
    assert!(courier::start(settings, Path::new(PROGRAM)).unwrap().is_none());
}

/// Lets the courier end, which would go on trying for a day.
fn drop_all(outbox: &Outbox) {
    for entry in outbox.list().unwrap().entries {
        outbox.remove(&entry).unwrap();
    }
}
