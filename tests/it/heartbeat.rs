//! A heartbeat on Slack by the whole program: held, pushed on, taken back, whoever dies.

use std::path::Path;
use std::time::Duration;

use trainwatch::channels::secret::Secret;
use trainwatch::channels::{self, ChannelConfig};
use trainwatch::courier::{self, CourierHandle, Settings};
use trainwatch::engine::alert::{AlertState, Outcome, Severity};
use trainwatch::outbox::{Cards, Outbox};
use trainwatch::render::Message;
use trainwatch::render::card::{Card, Last, State};
use trainwatch::render::language::Language;
use trainwatch::render::message::{MessageKind, RunLabel};
use trainwatch::runtime::clock::Clock;
use trainwatch::time::Timestamp;

use crate::support::sandbox::{Sandbox, WATCH, has_ended, until};
use crate::support::slack::FakeSlack;

const TRAINING: &str = "#training";
const SCHEDULE: &str = "chat.scheduleMessage";
const DELETE: &str = "chat.deleteScheduledMessage";
/// Long enough for any machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(60);
const RUN: &str = "20261123-023323-045-77";

struct World {
    slack: FakeSlack,
    sandbox: Sandbox,
    now: Timestamp,
}

impl World {
    fn new() -> Self {
        let slack = FakeSlack::start();
        let mut sandbox = Sandbox::new();
        sandbox.set("SLACK_BOT_TOKEN", &slack.token);
        sandbox.set("SLACK_CHANNEL_ID", TRAINING);
        sandbox.set("SLACK_API_URL", &slack.api_url);
        std::fs::create_dir_all(sandbox.state()).expect("a folder");
        Self { slack, sandbox, now: Clock::start().now() }
    }

    fn message(&self, kind: MessageKind, minutes: u64, ago: Duration) -> Message {
        Message {
            kind,
            severity: Severity::Info,
            state: AlertState::Firing,
            run: RunLabel {
                id: RUN.to_owned(),
                name: "resnet50".to_owned(),
                host: "gpu01".to_owned(),
                command: "python train.py".to_owned(),
                elapsed: Some(Duration::from_mins(minutes)),
            },
            rule: String::new(),
            at: self.now.before(ago),
            title: "resnet50 is running".to_owned(),
            body: String::new(),
            fields: Vec::new(),
            lines: Vec::new(),
            chart_path: None,
            curves: Vec::new(),
            exit: None,
        }
    }

    /// What the supervisor writes: the run has lasted so long, and was alive so long ago.
    fn card(&self, minutes: u64, ago: u64, state: State) {
        let figures = "step 1200, loss 2.31".to_owned();
        let last = Last { figures, lines: vec!["step 1200 loss 2.31".to_owned()] };
        let message = self.message(MessageKind::Card, minutes, Duration::from_secs(ago));
        let card = Card { message, language: Language::En, state, last };
        Cards::new(&self.sandbox.state()).write(RUN, &card).expect("it is written");
    }

    fn courier(&self) -> CourierHandle {
        let settings = channels::Settings::SlackBot {
            token: Secret::new(self.slack.token.clone()),
            channel: TRAINING.to_owned(),
            api_url: self.slack.api_url.clone(),
            heartbeat: Some(Duration::from_mins(10)),
        };
        let channels = vec![ChannelConfig { name: "slack".to_owned(), settings }];
        let run = self.message(MessageKind::Card, 0, Duration::ZERO).run;
        let settings = Settings { state_dir: self.sandbox.state(), run, channels };
        courier::start(settings, Path::new(WATCH)).expect("it starts").expect("there is a channel")
    }

    /// A word in the thread, so that the card is shown at once.
    fn note(&self) {
        let message = self.message(MessageKind::Note, 0, Duration::ZERO);
        let outbox = Outbox::open(&self.sandbox.state()).expect("an outbox");
        let _ = outbox.commit(&message, "slack", RUN, &[], self.now).expect("it is stored");
    }

    /// The run has lasted, and its courier holds an alarm.
    fn held(&self) -> CourierHandle {
        self.card(11, 0, State::Running);
        self.note();
        let courier = self.courier();
        self.slack.wait_for(SCHEDULE, 1);
        courier
    }

    /// All at once.
    fn remove_state(&self) {
        let aside = self.sandbox.work().join("removed");
        std::fs::rename(self.sandbox.state(), aside).expect("it is moved away");
    }

    fn kill(&self, courier: &CourierHandle) {
        let pid = rustix::process::Pid::from_raw(courier.id().cast_signed()).expect("a process");
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it is killed");
        assert!(!courier.wait(PATIENCE), "it is gone, not idle");
    }

    #[track_caller]
    fn assert_all_taken_back(&self) {
        assert!(self.slack.scheduled().is_empty());
        assert!(Cards::new(&self.sandbox.state()).alarmed("slack").is_empty());
        self.slack.assert_no_violations();
    }
}

#[test]
fn a_run_that_lasts_is_missed_by_slack_itself_until_it_ends() {
    let world = World::new();
    let mut courier = world.held();
    let (due, message) = world.slack.scheduled().remove(0);
    let at = world.now.as_nanos() / 1_000_000_000;
    assert!((at + 590..=at + 610).contains(&due), "{due} {at}");
    assert!(message.text.contains("last: step 1200, loss 2.31"), "{}", message.text);
    assert_eq!(message.thread.as_ref(), Some(&world.slack.messages(TRAINING)[0].ts));
    world.card(12, 0, State::Ended(Outcome::Finished));
    courier.end();
    assert!(courier.wait(PATIENCE), "it is idle once nothing is held");
    world.assert_all_taken_back();
}

#[test]
fn a_young_run_and_one_that_is_off_have_none() {
    let world = World::new();
    world.card(9, 0, State::Running);
    world.note();
    let mut courier = world.courier();
    world.slack.wait_for("chat.postMessage", 2);
    world.card(9, 0, State::Unwatched);
    courier.end();
    assert!(courier.wait(PATIENCE));
    assert!(!world.slack.calls().contains(&SCHEDULE.to_owned()));
}

#[test]
fn the_next_courier_takes_over_what_a_killed_one_left() {
    let world = World::new();
    let mut courier = world.held();
    world.kill(&courier);
    assert_eq!(world.slack.scheduled().len(), 1);
    world.card(12, 0, State::Ended(Outcome::Finished));
    courier.end();
    assert!(courier.wait(PATIENCE));
    world.assert_all_taken_back();
    assert_eq!(world.slack.calls().iter().filter(|call| *call == DELETE).count(), 1);
}

#[test]
fn a_courier_that_dies_unheard_is_started_again_without_a_message() {
    let world = World::new();
    let mut courier = world.held();
    let first = courier.id();
    world.kill(&courier);
    courier.revive();
    assert_ne!(courier.id(), first);
    world.card(12, 0, State::Ended(Outcome::Finished));
    courier.end();
    assert!(courier.wait(PATIENCE));
    world.assert_all_taken_back();
}

#[test]
fn a_flush_and_the_next_start_take_back_what_would_be_a_false_alarm() {
    for words in [&["outbox", "flush"][..], &["--linger", "60s", "--", "true"]] {
        let world = World::new();
        let courier = world.held();
        world.kill(&courier);
        // Of a run that may be lost the alarm is true.
        world.sandbox.watch(words).ends_with(0);
        assert_eq!(world.slack.scheduled().len(), 1, "{words:?}");
        world.card(12, 0, State::Ended(Outcome::Finished));
        world.sandbox.watch(words).ends_with(0);
        world.assert_all_taken_back();
        drop(courier);
    }
}

#[test]
fn a_watcher_that_is_gone_is_told_of_and_not_missed_as_well() {
    let world = World::new();
    let courier = world.held();
    drop(courier);
    world.slack.wait_for(DELETE, 1);
    assert!(world.slack.scheduled().is_empty());
    world.slack.assert_no_violations();
    assert!(world.slack.view(TRAINING).contains("The watcher of resnet50 is gone"));
}

#[test]
fn a_courier_whose_state_folder_was_removed_says_what_it_can_and_ends() {
    let world = World::new();
    let courier = world.held();
    let pid = courier.id();
    world.remove_state();
    drop(courier);
    until("the courier ends", || has_ended(pid));
    let view = world.slack.view(TRAINING);
    let told = view.matches("The watcher of resnet50 is gone").count();
    assert!(told >= 2, "by its card and by a message: {view}");
    assert!(world.slack.scheduled().is_empty(), "nobody is left to take it back");
    assert!(!world.sandbox.state().exists(), "what was removed is not made again");
    world.slack.assert_no_violations();
}

#[test]
fn a_run_whose_state_folder_was_removed_goes_on_in_its_card_and_thread() {
    let mut world = World::new();
    let mut courier = world.held();
    world.slack.wait_for("chat.postMessage", 2);
    world.remove_state();
    world.now = world.now.after(Duration::from_secs(1));
    // As the supervisor does it.
    std::fs::create_dir_all(world.sandbox.state()).expect("it is made again");
    world.card(12, 0, State::Running);
    world.note();
    world.slack.wait_for("chat.postMessage", 3);
    world.card(13, 0, State::Ended(Outcome::Finished));
    courier.end();
    assert!(courier.wait(PATIENCE));
    let messages = world.slack.messages(TRAINING);
    assert_eq!(messages.iter().filter(|message| message.thread.is_none()).count(), 1);
    world.assert_all_taken_back();
}

#[test]
fn a_refusal_is_said_once_and_nothing_else_suffers() {
    let world = World::new();
    let refusal = crate::support::slack::Fault {
        times: u32::MAX,
        ..crate::support::slack::Fault::error(SCHEDULE, "no_permission")
    };
    world.slack.inject(refusal);
    let mut courier = world.held();
    world.card(12, 0, State::Ended(Outcome::Finished));
    courier.end();
    assert!(courier.wait(PATIENCE));
    let said: Vec<String> = courier.notices().iter().map(|notice| format!("{notice:?}")).collect();
    let said = said.iter().filter(|text| text.contains("there is no heartbeat")).count();
    assert_eq!(said, 1);
    assert_eq!(world.slack.calls().iter().filter(|call| *call == SCHEDULE).count(), 1);
    assert!(world.slack.messages(TRAINING).len() >= 2);
}
