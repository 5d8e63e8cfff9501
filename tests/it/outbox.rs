//! The courier over a real outbox folder, with channels that follow a script and time that is
//! paused: no test here waits.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests are tests too")]

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;
use trainwatch::channels::secret::Secret;
use trainwatch::channels::{
    self, Channel, ChannelConfig, Delivery, DeliveryError, DeliveryFuture, Verdict,
};
use trainwatch::courier::{self, Notice, Ports, Settings, Stage};
use trainwatch::engine::alert::{AlertState, Severity};
use trainwatch::outbox::{Outbox, Picture};
use trainwatch::render::Message;
use trainwatch::render::message::{Curve, MessageKind, RunLabel};
use trainwatch::time::Timestamp;

const START: Timestamp = Timestamp::from_secs(1_795_401_203);

/// What a channel does with one delivery.
#[derive(Clone, Debug)]
enum Step {
    Take,
    Refuse(Verdict),
    /// Reports its progress and then never answers.
    Hang(serde_json::Value),
}

/// One attempt, as the channel saw it.
#[derive(Clone, Debug)]
struct Attempt {
    channel: String,
    title: String,
    body: String,
    images: usize,
    progress: serde_json::Value,
    /// Since the world began.
    at: Duration,
}

struct Scripted {
    name: String,
    world: Arc<World>,
}

impl Channel for Scripted {
    fn deliver<'a>(&'a self, delivery: Delivery<'a>) -> DeliveryFuture<'a> {
        Box::pin(async move {
            let attempt = Attempt {
                channel: self.name.clone(),
                title: delivery.message.title.clone(),
                body: delivery.message.body.clone(),
                images: delivery.images.len(),
                progress: delivery.progress.clone(),
                at: self.world.begin.elapsed(),
            };
            self.world.attempts.lock().unwrap().push(attempt);
            match self.world.next(&self.name) {
                Step::Take => Ok(()),
                Step::Refuse(verdict) => {
                    Err(DeliveryError { verdict, reason: "scripted".to_owned(), hint: None })
                }
                Step::Hang(progress) => {
                    *delivery.progress = progress;
                    (delivery.progress_changed)(delivery.progress);
                    std::future::pending().await
                }
            }
        })
    }
}

/// A state folder, channels with their scripts, a clock, and what was seen of them.
struct World {
    dir: tempfile::TempDir,
    outbox: Outbox,
    begin: Instant,
    scripts: Mutex<Vec<(String, VecDeque<Step>)>>,
    attempts: Mutex<Vec<Attempt>>,
    notices: Mutex<Vec<Notice>>,
}

impl World {
    /// A script that is at its end takes everything.
    fn new(scripts: &[(&str, &[Step])]) -> Arc<Self> {
        let scripts = scripts
            .iter()
            .map(|(name, steps)| ((*name).to_owned(), steps.iter().cloned().collect()))
            .collect();
        let dir = tempfile::tempdir().unwrap();
        Arc::new(Self {
            outbox: Outbox::open(dir.path()).unwrap(),
            dir,
            begin: Instant::now(),
            scripts: Mutex::new(scripts),
            attempts: Mutex::default(),
            notices: Mutex::default(),
        })
    }

    fn next(&self, channel: &str) -> Step {
        let mut scripts = self.scripts.lock().unwrap();
        let script = scripts.iter_mut().find(|(name, _)| name == channel).unwrap();
        script.1.pop_front().unwrap_or(Step::Take)
    }

    fn now(&self) -> Timestamp {
        START.after(self.begin.elapsed())
    }

    fn commit(&self, run: &str, channel: &str, kind: MessageKind, title: &str) {
        let message = message(run, kind, title, self.now());
        let _ = self.outbox.commit(&message, channel, run, &[], self.now()).unwrap();
    }

    fn configs(&self) -> Vec<ChannelConfig> {
        let scripts = self.scripts.lock().unwrap();
        scripts.iter().map(|(name, _)| config(name)).collect()
    }

    fn ports(self: &Arc<Self>) -> Ports {
        let (builder, clock, teller) = (self.clone(), self.clone(), self.clone());
        Ports {
            build: Box::new(move |config| match config.name.as_str() {
                "broken" => Err("no such token".to_owned()),
                name => Ok(Box::new(Scripted { name: name.to_owned(), world: builder.clone() })),
            }),
            clock: Rc::new(move || clock.now()),
            tell: Rc::new(move |notice| teller.notices.lock().unwrap().push(notice.clone())),
        }
    }

    /// A courier for `run`, and the supervisor's end of its pipe.
    fn courier(self: &Arc<Self>, run: &str) -> (watch::Sender<Stage>, impl Future<Output = ()>) {
        let (stage, stages) = watch::channel(Stage::Running(0));
        let settings = Settings {
            state_dir: self.dir.path().to_owned(),
            run: label(run),
            channels: self.configs(),
        };
        let delivering = courier::deliver(settings, self.ports(), stages);
        (stage, async { delivering.await.unwrap() })
    }

    /// A courier for `run`, from its start to its end, with everything committed before.
    async fn deliver_all(self: &Arc<Self>, run: &str) {
        let (stage, delivering) = self.courier(run);
        stage.send_replace(Stage::Ended);
        delivering.await;
    }

    fn attempts(&self) -> Vec<Attempt> {
        self.attempts.lock().unwrap().clone()
    }

    fn titles(&self) -> Vec<String> {
        self.attempts().into_iter().map(|attempt| attempt.title).collect()
    }

    fn notices(&self) -> Vec<Notice> {
        self.notices.lock().unwrap().clone()
    }

    fn left(&self) -> usize {
        self.outbox.list().unwrap().entries.len()
    }
}

fn config(name: &str) -> ChannelConfig {
    let url = Secret::new("https://hooks.example/secret".to_owned());
    ChannelConfig { name: name.to_owned(), settings: channels::Settings::SlackWebhook { url } }
}

fn label(run: &str) -> RunLabel {
    RunLabel {
        id: run.to_owned(),
        name: "resnet50".to_owned(),
        host: "gpu-07".to_owned(),
        command: "python train.py".to_owned(),
        elapsed: None,
    }
}

fn message(run: &str, kind: MessageKind, title: &str, at: Timestamp) -> Message {
    Message {
        kind,
        severity: Severity::Info,
        state: AlertState::Firing,
        run: label(run),
        rule: "rule".to_owned(),
        at,
        title: title.to_owned(),
        body: String::new(),
        fields: Vec::new(),
        lines: Vec::new(),
        chart_path: None,
        curves: Vec::new(),
        exit: None,
    }
}

fn refuse_later(seconds: u64) -> Step {
    Step::Refuse(Verdict::Retry { after: Some(Duration::from_secs(seconds)) })
}

#[test]
fn an_entry_with_curves_reads_back_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = Outbox::open(dir.path()).unwrap();
    let mut told = message("r1", MessageKind::Alert, "diverged", START);
    told.curves = vec![Curve {
        name: "loss".to_owned(),
        points: vec![("100".to_owned(), 0.1 + 0.2), ("200".to_owned(), 1e-300)],
    }];
    let _stored = outbox.commit(&told, "slack", "r1", &[], START).unwrap();
    let listing = outbox.list().unwrap();
    assert_eq!(listing.entries[0].message, told);
}

const LOST: Step = Step::Refuse(Verdict::Retry { after: None });

#[tokio::test(start_paused = true)]
async fn order_is_kept_and_the_end_overtakes_reports() {
    let world = World::new(&[("lab", &[])]);
    for (kind, title) in [
        (MessageKind::Alert, "1"),
        (MessageKind::Report, "2"),
        (MessageKind::Note, "3"),
        (MessageKind::End, "4"),
        (MessageKind::Report, "5"),
    ] {
        world.commit("r1", "lab", kind, title);
    }
    world.deliver_all("r1").await;
    assert_eq!(world.titles(), ["1", "3", "4", "2", "5"]);
    assert_eq!(world.left(), 0);
    assert_eq!(world.notices().last(), Some(&Notice::Idle(true)));
}

#[tokio::test(start_paused = true)]
async fn the_end_does_not_wait_behind_a_backlog() {
    let world = World::new(&[("lab", &[])]);
    for n in 0..20 {
        world.commit("r1", "lab", MessageKind::Alert, &n.to_string());
    }
    world.commit("r1", "lab", MessageKind::End, "end");
    let (stage, courier) = world.courier("r1");
    stage.send_replace(Stage::Ended);
    courier.await;
    let titles = world.titles();
    assert_eq!((titles.len(), titles[0].as_str()), (21, "end"));
    assert!(titles[1..].is_sorted_by_key(|title| title.parse::<u32>().unwrap()), "{titles:?}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_channel_does_not_hold_up_another() {
    let world = World::new(&[("slow", &[refuse_later(600)]), ("fast", &[])]);
    world.commit("r1", "slow", MessageKind::Alert, "a");
    world.commit("r1", "fast", MessageKind::Alert, "a");
    world.deliver_all("r1").await;
    let fast = world.attempts().into_iter().find(|attempt| attempt.channel == "fast").unwrap();
    assert!(fast.at < Duration::from_secs(1));
    assert_eq!(world.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_told_wait_is_obeyed_exactly_and_by_the_whole_channel() {
    let world = World::new(&[("lab", &[refuse_later(30), refuse_later(7)])]);
    world.commit("r1", "lab", MessageKind::Report, "report");
    let (stage, delivering) = world.courier("r1");
    let supervisor = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        world.commit("r1", "lab", MessageKind::End, "end");
        stage.send_replace(Stage::Ended);
    };
    tokio::join!(delivering, supervisor);
    assert_eq!(world.titles(), ["report", "end", "end", "report"]);
    let at: Vec<Duration> = world.attempts().iter().map(|attempt| attempt.at).collect();
    for (earlier, later, wait) in [(0, 1, 30), (1, 2, 7)] {
        let waited = at[later] - at[earlier];
        assert!(waited >= Duration::from_secs(wait), "{waited:?}");
        assert!(waited < Duration::from_secs(wait + 1), "{waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn waits_grow_while_the_network_is_away_and_one_notice_says_so() {
    let world = World::new(&[("lab", &[LOST, LOST, LOST, LOST])]);
    world.commit("r1", "lab", MessageKind::Alert, "a");
    world.deliver_all("r1").await;
    let at: Vec<Duration> = world.attempts().iter().map(|attempt| attempt.at).collect();
    for (index, longest) in [2, 4, 8, 16].into_iter().enumerate() {
        let waited = (at[index + 1] - at[index]).as_secs_f64();
        assert!(waited >= longest as f64 / 2.0 && waited <= longest as f64 + 0.1, "{waited}");
    }
    let waiting = |notice: &Notice| matches!(notice, Notice::Waiting { .. });
    assert_eq!(world.notices().into_iter().filter(waiting).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_message_is_set_aside_and_offered_to_the_next_channel_once() {
    let never = [Step::Refuse(Verdict::Permanent)];
    let world = World::new(&[("lab", &never), ("hook", &never)]);
    let message = message("r1", MessageKind::Alert, "a", START);
    let picture = Picture { name: "l.png".to_owned(), alt: "l".to_owned(), bytes: vec![1] };
    let _ = world.outbox.commit(&message, "lab", "r1", &[picture], START).unwrap();
    world.deliver_all("r1").await;
    let attempts = world.attempts();
    let seen: Vec<_> = attempts.iter().map(|a| (a.channel.as_str(), a.images)).collect();
    assert_eq!(seen, [("lab", 1), ("hook", 1)], "and not back again");
    assert!(attempts[1].body.contains("lab refused this message: scripted"));
    assert_eq!(world.left(), 0);
    let failed = world.outbox.list_failed().unwrap().entries;
    assert_eq!(failed.len(), 2);
    assert!(failed.iter().all(|entry| entry.reason.as_deref() == Some("scripted")));
    let said = world.notices().into_iter().filter(|n| matches!(n, Notice::Failed { .. })).count();
    assert_eq!(said, 2);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_has_the_message_anyway_is_not_told_twice() {
    let world = World::new(&[("broken", &[]), ("hook", &[])]);
    world.commit("r1", "broken", MessageKind::Alert, "a");
    world.commit("r1", "hook", MessageKind::Alert, "a");
    world.deliver_all("r1").await;
    assert_eq!(world.titles(), ["a"]);
    let failed = world.outbox.list_failed().unwrap().entries;
    assert!(failed[0].reason.as_ref().unwrap().contains("no such token"));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_without_an_answer_ends_and_is_resumed_by_its_progress() {
    let world = World::new(&[("lab", &[Step::Hang(json!({ "posted": "1.2" }))])]);
    world.commit("r1", "lab", MessageKind::Alert, "a");
    world.deliver_all("r1").await;
    let attempts = world.attempts();
    assert_eq!(attempts.len(), 2);
    assert_eq!(attempts[1].progress, json!({ "posted": "1.2" }));
    assert!(attempts[1].at >= Duration::from_secs(60 + 7));
    assert_eq!(world.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_courier_killed_in_mid_delivery_is_resumed_by_the_next_one() {
    let world = World::new(&[("lab", &[Step::Hang(json!({ "posted": "1.2" }))])]);
    world.commit("r1", "lab", MessageKind::Alert, "a");
    let (_stage, delivering) = world.courier("r1");
    let killed = tokio::time::timeout(Duration::from_secs(5), delivering).await;
    assert!(killed.is_err(), "it hangs");
    world.deliver_all("r1").await;
    let attempts = world.attempts();
    assert_eq!(attempts.len(), 2);
    assert_eq!(attempts[1].progress, json!({ "posted": "1.2" }));
    assert_eq!(world.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_wait_survives_the_courier() {
    let world = World::new(&[("lab", &[refuse_later(100)])]);
    world.commit("r1", "lab", MessageKind::Alert, "a");
    let (_stage, delivering) = world.courier("r1");
    let _ = tokio::time::timeout(Duration::from_secs(5), delivering).await;
    world.deliver_all("r1").await;
    assert!(world.attempts()[1].at >= Duration::from_secs(100));
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_is_gone_is_told_of() {
    let world = World::new(&[("lab", &[]), ("hook", &[])]);
    let (stage, delivering) = world.courier("r1");
    stage.send_replace(Stage::Gone);
    delivering.await;
    let titles = world.titles();
    assert_eq!(titles.len(), 2, "each channel is told");
    assert!(titles.iter().all(|title| title.contains("watcher of resnet50 is gone")));
    assert_eq!(world.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_died_after_it_told_the_end_is_not_told_of() {
    let world = World::new(&[("lab", &[])]);
    let (stage, delivering) = world.courier("r1");
    let supervisor = async {
        world.commit("r1", "lab", MessageKind::End, "finished");
        tokio::time::sleep(Duration::from_secs(30)).await;
        stage.send_replace(Stage::Gone);
    };
    tokio::join!(delivering, supervisor);
    assert_eq!(world.titles(), ["finished"]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_wake_up_is_no_loss_and_a_wake_up_is_heard_at_once() {
    let world = World::new(&[("lab", &[])]);
    let (stage, delivering) = world.courier("r1");
    let supervisor = async {
        tokio::time::sleep(Duration::from_millis(5_100)).await;
        world.commit("r1", "lab", MessageKind::Alert, "lost");
        tokio::time::sleep(Duration::from_millis(2_000)).await;
        world.commit("r1", "lab", MessageKind::Alert, "heard");
        stage.send_replace(Stage::Running(1));
        tokio::time::sleep(Duration::from_millis(2_000)).await;
        stage.send_replace(Stage::Ended);
    };
    tokio::join!(delivering, supervisor);
    let attempts = world.attempts();
    assert!(attempts[0].at <= Duration::from_millis(6_200), "{:?}", attempts[0].at);
    assert!(attempts[1].at <= Duration::from_millis(7_110), "{:?}", attempts[1].at);
}

#[tokio::test(start_paused = true)]
async fn left_overs_of_a_dead_run_are_delivered_late_and_those_of_a_live_one_are_not() {
    let world = World::new(&[("lab", &[])]);
    world.commit("dead", "lab", MessageKind::Alert, "of the dead");
    world.commit("live", "lab", MessageKind::Alert, "of the living");
    world.commit("dead", "elsewhere", MessageKind::Alert, "for no channel of ours");
    let _live = world.outbox.claim("live").unwrap().unwrap();
    tokio::time::advance(Duration::from_hours(3)).await;
    world.commit("r1", "lab", MessageKind::Alert, "own");
    world.deliver_all("r1").await;
    assert_eq!(world.titles(), ["own", "of the dead"]);
    assert!(world.attempts()[1].body.starts_with("delivered late: this is from 2026-"));
    assert!(world.attempts()[0].body.is_empty());
    assert_eq!(world.left(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_another_delivered_before_it_was_claimed_is_not_sent_again() {
    let world = World::new(&[("lab", &[])]);
    world.commit("r1", "lab", MessageKind::Alert, "a");
    let other = world.outbox.claim("r1").unwrap();
    let (stage, delivering) = world.courier("r1");
    stage.send_replace(Stage::Ended);
    let adopter = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(world.titles(), Vec::<String>::new(), "it waits for the claim");
        let entry = world.outbox.list().unwrap().entries.remove(0);
        world.outbox.remove(&entry).unwrap();
        drop(other);
    };
    tokio::join!(delivering, adopter);
    assert_eq!(world.titles(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn it_gives_up_after_a_day_and_keeps_the_message() {
    let away: Vec<Step> = std::iter::repeat_n(refuse_later(3600), 50).collect();
    let world = World::new(&[("lab", &away)]);
    world.commit("r1", "lab", MessageKind::Alert, "a");
    world.deliver_all("r1").await;
    let elapsed = world.begin.elapsed();
    assert!(elapsed >= Duration::from_hours(24), "{elapsed:?}");
    assert!(elapsed < Duration::from_hours(25), "{elapsed:?}");
    assert_eq!(world.left(), 1);
    let gave_up = |notice: &Notice| matches!(notice, Notice::GaveUp { .. });
    assert_eq!(world.notices().into_iter().filter(gave_up).count(), 1);
    let before = world.attempts().len();
    world.deliver_all("r2").await;
    assert_eq!(world.attempts().len(), before, "the next courier leaves it to `flush`");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_fails_for_ever_does_not_hold_up_the_others() {
    let lost: Vec<Step> = std::iter::repeat_n(LOST, 8).collect();
    let world = World::new(&[("lab", &lost)]);
    world.commit("r1", "lab", MessageKind::Alert, "poison");
    world.commit("r1", "lab", MessageKind::Alert, "good");
    world.deliver_all("r1").await;
    assert_eq!(world.titles()[7..], ["poison", "good", "poison"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_dropped_by_hand_is_not_tried_again() {
    let world = World::new(&[("lab", &[refuse_later(60)])]);
    world.commit("r1", "lab", MessageKind::Alert, "a");
    let (stage, delivering) = world.courier("r1");
    let person = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        let entry = world.outbox.list().unwrap().entries.remove(0);
        world.outbox.discard(&entry).unwrap();
        stage.send_replace(Stage::Ended);
    };
    tokio::join!(delivering, person);
    assert_eq!(world.attempts().len(), 1);
    assert!(world.begin.elapsed() < Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn flush_tries_everything_once_but_what_a_living_courier_has() {
    let never = Step::Refuse(Verdict::Permanent);
    let world = World::new(&[("lab", &[LOST]), ("hook", &[never])]);
    world.commit("dead", "lab", MessageKind::Alert, "1");
    world.commit("dead", "lab", MessageKind::Alert, "2");
    world.commit("dead", "hook", MessageKind::Alert, "3");
    world.commit("dead", "elsewhere", MessageKind::Alert, "4");
    world.commit("live", "lab", MessageKind::Alert, "5");
    let _live = world.outbox.claim("live").unwrap().unwrap();
    let flush = async || {
        let mut fates = Vec::new();
        let (configs, ports) = (world.configs(), world.ports());
        courier::flush(&world.outbox, &configs, &ports, |entry, fate| {
            fates.push((entry.message.title.clone(), fate.clone()));
        })
        .await
        .unwrap();
        fates.into_iter().map(|(title, fate)| format!("{title} {fate:?}")).collect::<Vec<_>>()
    };
    assert_eq!(
        flush().await,
        [
            r#"1 Waiting("scripted")"#,
            r#"2 Waiting("scripted")"#,
            r#"3 Failed("scripted")"#,
            "4 NoChannel",
            "5 Busy",
        ]
    );
    let failed = world.outbox.list_failed().unwrap().entries.remove(0);
    world.outbox.retry_failed(&failed).unwrap();
    assert_eq!(
        flush().await,
        ["1 Delivered", "2 Delivered", "3 Delivered", "4 NoChannel", "5 Busy"]
    );
    assert_eq!(world.left(), 2);
}
