//! Slack end to end: messages through the channel into a strict fake, and what faults do to them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod bot;
mod card;
mod docs;
mod fake;
mod heartbeat;
mod markup;
mod view;
mod webhook;

use std::time::Duration;

use serde_json::Value;
use trainwatch::channels::http::Timeouts;
use trainwatch::channels::secret::Secret;
use trainwatch::channels::{
    self, Channel, ChannelConfig, Delivery, DeliveryError, Image, Settings,
};
use trainwatch::engine::alert::{AlertState, Severity};
use trainwatch::render::Message;
use trainwatch::render::message::{Curve, Field, MessageKind, RunLabel};
use trainwatch::time::Timestamp;

use crate::support::slack::FakeSlack;

/// A channel, and what of the delivery is done: the state of one outbox entry.
struct Sender {
    /// One for its life: connections that are kept belong to it.
    runtime: tokio::runtime::Runtime,
    channel: Box<dyn Channel>,
    progress: Value,
    /// Where the run's card is.
    place: Value,
    /// Progress as it was written down, step by step.
    saved: Vec<Value>,
}

impl Sender {
    fn new(settings: Settings) -> Self {
        let config = ChannelConfig { name: "lab".to_owned(), settings };
        // Long enough for a busy machine, short enough for the tests in which nobody answers.
        let timeouts = Timeouts {
            connect: Duration::from_secs(20),
            answer: Duration::from_secs(20),
            upload: Duration::from_secs(20),
        };
        Self::with(&config, timeouts)
    }

    fn with(config: &ChannelConfig, timeouts: Timeouts) -> Self {
        let channel = channels::build_with(config, timeouts).expect("a channel");
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { runtime, channel, progress: Value::Null, place: Value::Null, saved: Vec::new() }
    }

    fn webhook(slack: &FakeSlack) -> Self {
        Self::new(Settings::SlackWebhook { url: Secret::new(slack.webhook_url.clone()) })
    }

    fn bot(slack: &FakeSlack, channel: &str) -> Self {
        Self::new(bot_settings(slack, channel))
    }

    /// Gives up after a moment: for a server that hangs.
    fn impatient(settings: Settings) -> Self {
        let config = ChannelConfig { name: "lab".to_owned(), settings };
        let soon = Duration::from_millis(300);
        let timeouts = Timeouts { connect: Duration::from_secs(20), answer: soon, upload: soon };
        Self::with(&config, timeouts)
    }

    /// For the next message: nothing of it is done.
    fn fresh(&mut self) -> &mut Self {
        self.progress = Value::Null;
        self.saved.clear();
        self
    }

    fn send(&mut self, message: &Message, images: &[Image]) -> Result<(), DeliveryError> {
        let saved = &mut self.saved;
        let delivery = Delivery {
            message,
            images,
            progress: &mut self.progress,
            progress_changed: &mut |progress| saved.push(progress.clone()),
            place: &mut self.place,
        };
        self.runtime.block_on(self.channel.deliver(delivery))
    }

    /// Shows the card, or edits it.
    fn show(&mut self, card: &Message) -> Result<(), DeliveryError> {
        self.runtime.block_on(self.channel.show(card, &mut self.place))
    }

    /// The courier died and lives again: all that is left is what was written down.
    fn restart(self, settings: Settings) -> Self {
        let progress = self.saved.last().cloned().unwrap_or_default();
        Self { progress, place: self.place.clone(), ..Self::new(settings) }
    }
}

fn bot_settings(slack: &FakeSlack, channel: &str) -> Settings {
    Settings::SlackBot {
        token: Secret::new(slack.token.clone()),
        channel: channel.to_owned(),
        api_url: slack.api_url.clone(),
        heartbeat: Some(Duration::from_mins(10)),
    }
}

/// A run that diverged, as rendering makes it.
fn diverged() -> Message {
    let steps = (0..20).map(|i| (i * 60).to_string());
    let values = (0..20).map(|i| 4.2 / f64::from(i + 1));
    let lines = [
        "step 1180 loss 0.2210 lr 2.9e-4",
        "step 1190 loss 3.9112 lr 2.9e-4",
        "step 1200 loss nan lr 2.9e-4",
    ];
    Message {
        kind: MessageKind::Alert,
        severity: Severity::Critical,
        state: AlertState::Firing,
        run: RunLabel {
            id: "20261123-0233-resnet50".to_owned(),
            name: "resnet50".to_owned(),
            host: "gpu01".to_owned(),
            command: "python train.py --lr 3e-4 --token ****".to_owned(),
            elapsed: Some(Duration::from_secs(7500)),
        },
        rule: "diverged".to_owned(),
        at: Timestamp::from_secs(1_795_401_203),
        title: "loss is NaN at step 1200".to_owned(),
        body: "It was 0.2210 at step 1180, its lowest.".to_owned(),
        fields: vec![
            field("loss", "nan"),
            field("eval_loss", "0.31"),
            field("progress", "step 1200 of 5000 (24 %)"),
        ],
        lines: lines.map(str::to_owned).to_vec(),
        chart_path: Some("/home/me/.local/state/watch/runs/r1/chart.png".to_owned()),
        curves: vec![Curve { name: "loss".to_owned(), points: steps.zip(values).collect() }],
        exit: None,
    }
}

fn field(name: &str, value: &str) -> Field {
    Field { name: name.to_owned(), value: value.to_owned() }
}

fn picture(name: &str) -> Image {
    let alt = "Loss over steps, last value NaN".to_owned();
    Image { name: name.to_owned(), alt, bytes: b"\x89PNG\r\n\x1a\nnot really".to_vec() }
}
