//! A run of a day, faster than time: one card, one thread, and how many calls that takes.

use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;
use trainwatch::channels::secret::Secret;
use trainwatch::channels::{
    self, Channel, ChannelConfig, Delivery, DeliveryFuture, HEARTBEAT, Holding,
};
use trainwatch::courier::{self, Ports, Settings, Stage};
use trainwatch::engine::alert::{AlertState, Severity};
use trainwatch::outbox::{Cards, Outbox};
use trainwatch::render::Message;
use trainwatch::render::card::{Card, Last, State};
use trainwatch::render::language::Language;
use trainwatch::render::message::{MessageKind, RunLabel};
use trainwatch::time::Timestamp;

const START: Timestamp = Timestamp::from_secs(1_795_401_203);
/// How often the run's supervisor writes a new card.
const CARD_EVERY: Duration = Duration::from_secs(5);
const REPORT_EVERY: Duration = Duration::from_mins(30);

/// Calls by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Calls {
    cards: usize,
    edits: usize,
    replies: usize,
    alone: usize,
    /// Alarms that the service was given, and those that it holds at the end.
    alarms: usize,
    held: usize,
}

#[derive(Clone, Default)]
struct Board(Arc<Mutex<Calls>>);

impl Channel for Board {
    fn deliver<'a>(&'a self, delivery: Delivery<'a>) -> DeliveryFuture<'a> {
        Box::pin(async move {
            let mut calls = self.0.lock().unwrap();
            match delivery.place.is_null() {
                true => calls.alone += 1,
                false => calls.replies += 1,
            }
            Ok(())
        })
    }

    fn can_show(&self) -> bool {
        true
    }

    fn heartbeat(&self) -> Option<Duration> {
        Some(HEARTBEAT)
    }

    fn hold<'a>(&'a self, holding: Holding<'a>) -> DeliveryFuture<'a> {
        Box::pin(async move {
            let mut calls = self.0.lock().unwrap();
            calls.alarms += 1;
            calls.held += 1;
            // The old one is taken back only then.
            assert!(calls.held <= 2, "{calls:?}");
            *holding.handle = json!(calls.alarms);
            Ok(())
        })
    }

    fn take_back<'a>(&'a self, _: &'a Value) -> DeliveryFuture<'a> {
        Box::pin(async move {
            self.0.lock().unwrap().held -= 1;
            Ok(())
        })
    }

    fn show<'a>(&'a self, _: &'a Message, place: &'a mut Value) -> DeliveryFuture<'a> {
        Box::pin(async move {
            let mut calls = self.0.lock().unwrap();
            match std::mem::replace(place, json!("here")).is_null() {
                true => calls.cards += 1,
                false => calls.edits += 1,
            }
            Ok(())
        })
    }
}

fn message(kind: MessageKind, elapsed: Duration) -> Message {
    Message {
        kind,
        severity: Severity::Info,
        state: AlertState::Firing,
        run: RunLabel {
            id: "r1".to_owned(),
            name: "resnet50".to_owned(),
            host: "gpu01".to_owned(),
            command: String::new(),
            elapsed: Some(elapsed),
        },
        rule: "rule".to_owned(),
        at: START.after(elapsed),
        title: format!("{kind:?} at {}", elapsed.as_secs()),
        body: String::new(),
        fields: Vec::new(),
        lines: Vec::new(),
        chart_path: None,
        curves: Vec::new(),
        exit: None,
    }
}

/// The run for so long, with a card every few seconds and a report every half hour.
async fn run_for(whole: Duration) -> Calls {
    let dir = tempfile::tempdir().unwrap();
    let board = Board::default();
    let begin = Instant::now();
    let now = move || START.after(begin.elapsed());
    let outbox = Outbox::open(dir.path()).unwrap();
    let settings = channels::Settings::SlackWebhook { url: Secret::new("unused".to_owned()) };
    let channels = vec![ChannelConfig { name: "lab".to_owned(), settings }];
    let run = message(MessageKind::Card, Duration::ZERO).run;
    let settings = Settings { state_dir: dir.path().to_owned(), run, channels };
    let shown = board.clone();
    let ports = Ports {
        build: Box::new(move |_| Ok(Box::new(shown.clone()))),
        clock: Rc::new(now),
        tell: Rc::new(|_| {}),
    };
    let (stage, stages) = watch::channel(Stage::Running(0));
    let write = async {
        let cards = Cards::new(dir.path());
        let card = |kind, state| {
            let message = message(kind, begin.elapsed());
            let card = Card { message, language: Language::En, state, last: Last::default() };
            cards.write("r1", &card).unwrap();
        };
        let commit = |kind| {
            let message = message(kind, begin.elapsed());
            let _ = outbox.commit(&message, "lab", "r1", &[], message.at).unwrap();
        };
        let mut reported = Duration::ZERO;
        while begin.elapsed() < whole {
            card(MessageKind::Card, State::Running);
            if begin.elapsed() >= reported + REPORT_EVERY {
                reported = begin.elapsed();
                commit(MessageKind::Report);
            }
            tokio::time::sleep(CARD_EVERY).await;
        }
        card(MessageKind::Note, State::Unwatched);
        commit(MessageKind::End);
        stage.send_replace(Stage::Ended);
    };
    let (_, delivered) = tokio::join!(write, courier::deliver(settings, ports, stages));
    delivered.unwrap();
    let calls = board.0.lock().unwrap();
    calls.clone()
}

#[tokio::test(start_paused = true)]
async fn three_hours_are_one_card_one_thread_and_few_edits() {
    let calls = run_for(Duration::from_hours(3)).await;
    assert_eq!((calls.cards, calls.alone, calls.replies), (1, 0, 6), "{calls:?}");
    assert!(calls.edits <= 110, "{calls:?}");
    assert_eq!((calls.alarms, calls.held), (35, 0), "{calls:?}");
}

/// Slack takes 50 edits a minute of a whole workspace: this is one in 180 of them.
#[tokio::test(start_paused = true)]
#[ignore = "a minute; to be run by hand, for its figures"]
async fn a_day_is_one_card_one_thread_and_less_than_400_edits() {
    let calls = run_for(Duration::from_hours(24)).await;
    eprintln!("{calls:?}");
    assert_eq!((calls.cards, calls.alone, calls.replies), (1, 0, 48), "{calls:?}");
    assert!(calls.edits <= 400, "{calls:?}");
}
