//! A run's heartbeat in one channel: an alarm that the service holds and sends by itself, pushed on
//! with each sign of life and taken back at the end. So the death of a machine is told without a
//! server. `plan` says when; here it is done, and kept on disk.

mod plan;

use std::time::Duration;

use tokio::time::Instant;

use crate::channels::{Channel, DeliveryError, Holding, Verdict};
use crate::courier::attempt::TIMEOUT;
use crate::courier::heartbeat::plan::{Life, View};
use crate::outbox::backoff::{self, Failure};
use crate::outbox::{Alarm, Cards, Outbox};
use crate::render::Message;
use crate::render::heartbeat::{heard_again, no_sign_of_life};
use crate::time::Timestamp;

pub(super) use plan::Step;

/// So many failures in a row are worth a word.
const PATIENCE: u32 = 3;

#[derive(Debug)]
pub(super) struct Heartbeat {
    cards: Cards,
    run: String,
    channel: String,
    seed: u64,
    alarms: Vec<Alarm>,
    /// The service refused it for good.
    off: bool,
    /// Not before this.
    ready: Instant,
    failures: u32,
}

/// What comes of a step.
#[derive(Debug)]
pub(super) enum Said {
    Nothing,
    /// To be told in the channel.
    Tell(Box<Message>),
    /// To be said on the terminal.
    Trouble(String),
}

impl Heartbeat {
    pub(super) fn new(cards: Cards, run: &str, channel: &str, seed: u64) -> Self {
        let alarms = cards.alarms(run, channel);
        let (run, channel) = (run.to_owned(), channel.to_owned());
        Self { cards, run, channel, seed, alarms, off: false, ready: Instant::now(), failures: 0 }
    }

    /// Nothing is held for the run any more.
    pub(super) fn is_done(&self) -> bool {
        self.alarms.is_empty()
    }

    /// What is to be done now. `over`: the run is, or nobody tells of it any more.
    pub(super) fn step(&self, service: &dyn Channel, now: Timestamp, over: bool) -> Option<Step> {
        let after = service.heartbeat().filter(|_| !(over || self.off));
        if self.ready > Instant::now() || (after.is_none() && self.alarms.is_empty()) {
            return None;
        }
        let life = after.and_then(|after| self.life(after));
        plan::step(View { now, life, alarms: &self.alarms })
    }

    /// Of a run that goes on and is shown; there the alarm has its place.
    fn life(&self, after: Duration) -> Option<Life> {
        let card = self.cards.read(&self.run).filter(|card| !card.ended())?;
        if self.cards.seat(&self.run, &self.channel).place.is_null() {
            return None;
        }
        let elapsed = card.message.run.elapsed.unwrap_or_default();
        Some(Life { at: card.message.at, elapsed, after })
    }

    pub(super) async fn take(&mut self, service: &dyn Channel, step: Step) -> Said {
        let result = match step {
            Step::Hold { due, life } => self.hold(service, due, life).await,
            Step::TakeBack(index) => self.take_back(service, index).await,
            Step::Forget(index) => {
                self.forget(index);
                Ok(())
            }
            Step::HeardAgain(index) => return self.heard_again(index),
        };
        match result {
            Ok(()) => {
                self.failures = 0;
                Said::Nothing
            }
            Err(error) => self.failed(error),
        }
    }

    async fn hold(
        &mut self,
        service: &dyn Channel,
        due: Timestamp,
        life: Timestamp,
    ) -> Result<(), DeliveryError> {
        let (Some(card), Some(after)) = (self.cards.read(&self.run), service.heartbeat()) else {
            return Ok(());
        };
        let message = no_sign_of_life(&card, after);
        let place = self.cards.seat(&self.run, &self.channel).place;
        let mut alarm = Alarm { due, life, certain: false, handle: serde_json::Value::Null };
        let mut handle = serde_json::Value::Null;
        let mut save = {
            let (cards, run, channel) =
                (self.cards.clone(), self.run.clone(), self.channel.clone());
            let (before, alarm) = (self.alarms.clone(), alarm.clone());
            move |handle: &serde_json::Value| {
                let alarm = Alarm { handle: handle.clone(), ..alarm.clone() };
                // A disk that refuses costs at most an alarm that a crash leaves behind.
                let _ = cards.save_alarms(&run, &channel, &[&before[..], &[alarm]].concat());
            }
        };
        let holding = Holding {
            message: &message,
            due,
            place: &place,
            handle: &mut handle,
            handle_changed: &mut save,
        };
        let result = in_time(service.hold(holding)).await;
        let surely_not = matches!(
            result.as_ref().map_err(|error| &error.verdict),
            Err(Verdict::Permanent | Verdict::Retry { after: Some(_) })
        );
        if !surely_not {
            alarm.certain = result.is_ok();
            alarm.handle = handle;
            self.alarms.push(alarm);
        }
        self.save();
        result
    }

    async fn take_back(
        &mut self,
        service: &dyn Channel,
        index: usize,
    ) -> Result<(), DeliveryError> {
        let Some(alarm) = self.alarms.get(index) else { return Ok(()) };
        let result = give_back(service, alarm).await;
        if result.is_ok() {
            self.forget(index);
        }
        result
    }

    fn forget(&mut self, index: usize) {
        if index < self.alarms.len() {
            self.alarms.remove(index);
        }
        self.save();
    }

    fn heard_again(&mut self, index: usize) -> Said {
        let since = self.alarms.get(index).map(|alarm| alarm.life);
        self.forget(index);
        match (self.cards.read(&self.run), since) {
            (Some(card), Some(since)) => Said::Tell(Box::new(heard_again(&card, since))),
            _ => Said::Nothing,
        }
    }

    fn failed(&mut self, error: DeliveryError) -> Said {
        self.failures = self.failures.saturating_add(1);
        let wait = match error.verdict {
            Verdict::Permanent => {
                self.off = true;
                return Said::Trouble(format!("{}: there is no heartbeat: {error}", self.channel));
            }
            Verdict::Retry { after: Some(after) } => after,
            // One that is held unheard is taken back, so it may be tried again soon.
            _ => backoff::wait(Failure::Lost, self.failures, self.seed),
        };
        self.ready = Instant::now() + wait.min(Duration::from_hours(1));
        match self.failures == PATIENCE {
            true => Said::Trouble(format!("{}: the heartbeat is late: {error}", self.channel)),
            false => Said::Nothing,
        }
    }

    fn save(&self) {
        let _ = self.cards.save_alarms(&self.run, &self.channel, &self.alarms);
    }
}

/// What another run left behind whose courier is gone: taken back if the run is over, for then the
/// alarm would be false. One that was lost unseen is rightly missed.
pub(super) async fn settle(
    service: &dyn Channel,
    cards: &Cards,
    run: &str,
    channel: &str,
    now: Timestamp,
) -> Result<(), DeliveryError> {
    let mut alarms = cards.alarms(run, channel);
    if alarms.is_empty() || cards.read(run).is_some_and(|card| !card.ended()) {
        return Ok(());
    }
    let mut result = Ok(());
    while let Some(step) = plan::step(View { now, life: None, alarms: &alarms }) {
        let index = match step {
            Step::TakeBack(index) => {
                let Some(alarm) = alarms.get(index) else { break };
                result = give_back(service, alarm).await;
                if result.is_err() {
                    break;
                }
                index
            }
            Step::Forget(index) | Step::HeardAgain(index) => index,
            Step::Hold { .. } => break,
        };
        alarms.remove(index);
    }
    let _ = cards.save_alarms(run, channel, &alarms);
    result
}

/// `settle` of all runs but our own and those whose courier lives, until the service fails.
pub(super) async fn settle_all(
    service: &dyn Channel,
    outbox: &Outbox,
    channel: &str,
    ourselves: &str,
    now: Timestamp,
) {
    let cards = outbox.cards();
    for run in cards.alarmed(channel).iter().filter(|run| *run != ourselves) {
        // As long as it is held no courier works on it.
        if let Ok(Some(_claim)) = outbox.claim(run)
            && settle(service, &cards, run, channel, now).await.is_err()
        {
            return;
        }
    }
}

/// What cannot be taken back for good is not asked for again.
async fn give_back(service: &dyn Channel, alarm: &Alarm) -> Result<(), DeliveryError> {
    match in_time(service.take_back(&alarm.handle)).await {
        Err(error) if error.verdict != Verdict::Permanent => Err(error),
        _ => Ok(()),
    }
}

async fn in_time(
    call: impl Future<Output = Result<(), DeliveryError>>,
) -> Result<(), DeliveryError> {
    let unanswered = || DeliveryError {
        verdict: Verdict::Ambiguous,
        reason: "no answer to the heartbeat".to_owned(),
        hint: None,
    };
    tokio::time::timeout(TIMEOUT, call).await.unwrap_or_else(|_| Err(unanswered()))
}
