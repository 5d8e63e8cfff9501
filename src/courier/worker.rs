//! Delivers one channel's entries, one after the other, and does what each failure asks for.

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::channels::{Channel, DeliveryError, Verdict};
use crate::courier::attempt::{add_on_top, attempt, attempt_for_another};
use crate::courier::card::{Keeper, Need};
use crate::courier::heartbeat::{Heartbeat, Said, Step, settle_all};
use crate::courier::mailbox::{GIVE_UP, Mailbox, Next};
use crate::courier::process::Stage;
use crate::courier::protocol::Notice;
use crate::outbox::backoff::{self, Failure};
use crate::outbox::{Entry, Outbox, Picture, Seat};
use crate::render::Card;
use crate::render::Message;
use crate::render::message::MessageKind;
use crate::time::Timestamp;

/// A wake-up that is lost costs no more than this.
const POLL: Duration = Duration::from_secs(1);
/// While the service is away there is less to look for.
const POLL_BLOCKED: Duration = Duration::from_secs(10);
/// How many deliveries are remembered, to know what a channel was told already.
const REMEMBERED: usize = 256;

/// What the workers of one courier have in common; all run on one thread.
pub(super) struct Shared {
    pub(super) outbox: Outbox,
    pub(super) mailbox: RefCell<Mailbox>,
    pub(super) clock: Rc<dyn Fn() -> Timestamp>,
    pub(super) tell: Rc<dyn Fn(&Notice)>,
    /// Channels that are not yet through with this run.
    pub(super) busy: RefCell<BTreeSet<String>>,
    /// (channel, fingerprint of a message) of the last deliveries.
    pub(super) told: RefCell<VecDeque<(String, u64)>>,
    /// What the card becomes if that cannot be written down.
    pub(super) farewell: RefCell<Option<Message>>,
    /// The last trouble, so that it is not said every second.
    pub(super) trouble: RefCell<String>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("outbox", &self.outbox).finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn refresh(&self) {
        let now = (self.clock)();
        match self.mailbox.borrow_mut().refresh(now) {
            Ok(notices) => notices.into_iter().for_each(|notice| self.trouble(notice)),
            Err(error) => self.trouble(error.to_string()),
        }
        for entry in self.mailbox.borrow_mut().give_up(now) {
            let reason = entry.reason.unwrap_or_default();
            (self.tell)(&Notice::GaveUp { channel: entry.channel, reason });
        }
    }

    pub(super) fn trouble(&self, text: String) {
        if *self.trouble.borrow() != text {
            (self.tell)(&Notice::Trouble(text.clone()));
            *self.trouble.borrow_mut() = text;
        }
    }
}

pub(super) struct Worker {
    pub(super) name: String,
    pub(super) channel: Box<dyn Channel>,
    /// The channel that is offered what this one refuses.
    pub(super) fallback: Option<String>,
    pub(super) seed: u64,
    pub(super) shared: Rc<Shared>,
    card: Keeper,
    heartbeat: Heartbeat,
    others_settled: bool,
    /// Nothing is tried before this: the service is away, or asked for it.
    blocked: Instant,
    /// Failures since the last delivery.
    failures: u32,
}

impl Worker {
    pub(super) fn new(
        run: &str,
        name: &str,
        channel: Box<dyn Channel>,
        fallback: Option<String>,
        seed: u64,
        shared: Rc<Shared>,
    ) -> Self {
        shared.busy.borrow_mut().insert(name.to_owned());
        let card = Keeper::new(shared.outbox.cards(), run, name, seed);
        let heartbeat = Heartbeat::new(shared.outbox.cards(), run, name, seed);
        let (name, blocked) = (name.to_owned(), Instant::now());
        let (others_settled, failures) = (false, 0);
        Self {
            name,
            channel,
            fallback,
            seed,
            shared,
            card,
            heartbeat,
            others_settled,
            blocked,
            failures,
        }
    }

    /// Works until the run ended and every channel is through with it.
    pub(super) async fn work(
        mut self,
        mut stages: watch::Receiver<Stage>,
        mut ended: watch::Receiver<Option<Instant>>,
    ) {
        loop {
            // In this order: what was committed before the end is seen before it is believed.
            let over = *ended.borrow_and_update();
            stages.borrow_and_update();
            self.shared.refresh();
            if over.is_some() && self.shared.outbox.is_gone() {
                return self.last_words().await;
            }
            let now = (self.shared.clock)();
            let next = self.next(now);
            let need = self.card_need(&next, over.is_some());
            let settled = (matches!(need, Need::Nothing) || self.card.is_hopeless())
                && self.heartbeat.is_done();
            let free = self.blocked <= Instant::now();
            let card_at = match need {
                Need::Show { card, seat, at } if free && at <= Instant::now() => {
                    self.show(*card, seat).await;
                    continue;
                }
                Need::Show { at, .. } => Some(at.max(self.blocked)),
                Need::Nothing => None,
            };
            let beat = self.heartbeat.step(self.channel.as_ref(), now, over.is_some());
            // An end is told first, and then taken for one.
            let waits = free && matches!(next, Next::Deliver { .. });
            if let Some(step) = beat.filter(|step| matches!(step, Step::Hold { .. }) || !waits) {
                self.beat(step).await;
                continue;
            }
            if !(waits || self.others_settled) {
                self.settle_others().await;
            }
            self.report(over, settled, now);
            let until = match next {
                Next::Deliver { entry, late } if free => {
                    self.deliver(*entry, late).await;
                    continue;
                }
                Next::Deliver { .. } => self.blocked.min(Instant::now() + POLL_BLOCKED),
                Next::Until(ready) => ready.max(self.blocked).min(Instant::now() + POLL_BLOCKED),
                Next::Nothing => Instant::now() + POLL,
            };
            let too_long = over.is_some_and(|end| end.elapsed() >= GIVE_UP);
            if too_long || (over.is_some() && self.shared.busy.borrow().is_empty()) {
                return;
            }
            let until = card_at.map_or(until, |at| until.min(at));
            let pause = tokio::time::sleep_until(until);
            tokio::select! {
                () = pause => {}
                Ok(()) = stages.changed() => {}
                Ok(()) = ended.changed() => {}
            }
        }
    }

    /// The run is over and its state folder was removed: nothing is kept, so each is tried once.
    async fn last_words(mut self) {
        let shared = Rc::clone(&self.shared);
        let now = (shared.clock)();
        let farewell = shared.farewell.borrow().clone();
        if let Some(message) = farewell {
            self.card.farewell(self.channel.as_ref(), &message).await;
        }
        while let Some(entry) = { shared.mailbox.borrow().oldest(&self.name) } {
            let mut tried = entry.clone();
            let channel = self.channel.as_ref();
            match attempt(channel, &shared.outbox, &mut tried, false, now).await {
                Ok(()) => self.delivered(tried),
                Err(error) => {
                    let lost = "a message is lost, its state folder was removed";
                    (shared.tell)(&Notice::Trouble(format!("{}: {lost}: {error}", self.name)));
                    self.forget(tried);
                }
            }
        }
        while let Some(step) = self.heartbeat.step(self.channel.as_ref(), now, true) {
            self.beat(step).await;
        }
        let mut busy = shared.busy.borrow_mut();
        if busy.remove(&self.name) && busy.is_empty() {
            (shared.tell)(&Notice::Idle(true));
        }
    }

    /// What is next; the end goes before all else where there is no card that they could reply to.
    fn next(&self, now: Timestamp) -> Next {
        let mailbox = self.shared.mailbox.borrow();
        let end = match self.channel.can_show() && !self.card.has_place() {
            true => mailbox.end(&self.name, now),
            false => None,
        };
        end.unwrap_or_else(|| mailbox.next(&self.name, now))
    }

    fn card_need(&self, next: &Next, over: bool) -> Need {
        if !self.channel.can_show() {
            return Need::Nothing;
        }
        let wanted = match next {
            Next::Deliver { entry, .. } => {
                entry.message.run.id == self.card.run() && entry.message.kind != MessageKind::End
            }
            _ => false,
        };
        self.card.need(wanted, over)
    }

    async fn show(&mut self, card: Card, seat: Seat) {
        let Err(trouble) = self.card.show(self.channel.as_ref(), card, seat).await else { return };
        self.blocked = trouble.blocked.unwrap_or(self.blocked);
        if trouble.tell {
            let (channel, error) = (self.name.clone(), trouble.error);
            let (reason, hint) = (error.reason, error.hint);
            (self.shared.tell)(&match error.verdict {
                Verdict::Permanent => Notice::Failed { channel, reason, hint },
                _ => Notice::Waiting { channel, reason, hint },
            });
        }
    }

    /// False alarms of other runs that ended unheard: their couriers died before they could.
    async fn settle_others(&mut self) {
        self.others_settled = true;
        let (shared, channel) = (&self.shared, self.channel.as_ref());
        let now = (shared.clock)();
        settle_all(channel, &shared.outbox, &self.name, self.card.run(), now).await;
    }

    async fn beat(&mut self, step: Step) {
        match self.heartbeat.take(self.channel.as_ref(), step).await {
            Said::Nothing => {}
            Said::Trouble(text) => self.shared.trouble(text),
            Said::Tell(message) => {
                let (shared, run) = (&self.shared, self.card.run());
                let now = (shared.clock)();
                match shared.outbox.commit(&message, &self.name, run, &[], now) {
                    Ok(committed) => {
                        committed.notice.into_iter().for_each(|notice| shared.trouble(notice));
                    }
                    Err(error) => shared.trouble(error.to_string()),
                }
            }
        }
    }

    /// Keeps the books on who is through; the last one says so.
    fn report(&self, over: Option<Instant>, settled: bool, now: Timestamp) {
        let through = over.is_some()
            && settled
            && self.shared.mailbox.borrow().own_left(&self.name, now) == 0;
        let mut busy = self.shared.busy.borrow_mut();
        if !through {
            busy.insert(self.name.clone());
        } else if busy.remove(&self.name) && busy.is_empty() {
            (self.shared.tell)(&Notice::Idle(true));
        }
    }

    async fn deliver(&mut self, mut entry: Entry, late: bool) {
        let shared = Rc::clone(&self.shared);
        let now = (shared.clock)();
        let channel = self.channel.as_ref();
        let result = match entry.message.run.id == self.card.run() {
            true => attempt(channel, &shared.outbox, &mut entry, late, now).await,
            false => attempt_for_another(channel, &shared.outbox, &mut entry, late, now).await,
        };
        match result {
            Ok(()) => self.delivered(entry),
            Err(error) if error.verdict == Verdict::Permanent => self.refused(entry, error),
            Err(error) => self.failed(entry, error),
        }
    }

    fn delivered(&mut self, entry: Entry) {
        self.failures = 0;
        let mut told = self.shared.told.borrow_mut();
        told.truncate(REMEMBERED - 1);
        told.push_front((self.name.clone(), fingerprint(&entry)));
        drop(told);
        (self.shared.tell)(&Notice::Delivered { channel: self.name.clone(), id: entry.id.clone() });
        self.forget(entry);
    }

    /// To be tried again.
    fn failed(&mut self, mut entry: Entry, error: DeliveryError) {
        self.failures = self.failures.saturating_add(1);
        let (failure, attempts) = match error.verdict {
            Verdict::Retry { after: Some(after) } => (Failure::Told(after), self.failures),
            Verdict::Ambiguous => (Failure::Ambiguous, entry.attempts),
            _ => (Failure::Lost, self.failures.max(entry.attempts)),
        };
        let wait = backoff::wait(failure, attempts, self.seed);
        // An absurd wait is cut where it is given up anyway.
        let ready = Instant::now() + wait.min(GIVE_UP);
        let now = (self.shared.clock)();
        self.blocked = ready;
        entry.due = now.after(wait);
        entry.reason = Some(error.to_string());
        if self.failures == 1 {
            (self.shared.tell)(&Notice::Waiting {
                channel: self.name.clone(),
                reason: error.reason,
                hint: error.hint,
            });
        }
        match self.shared.outbox.save_progress(&entry) {
            Ok(true) => self.shared.mailbox.borrow_mut().postpone(entry, ready),
            Ok(false) if self.shared.outbox.is_gone() => {
                self.shared.mailbox.borrow_mut().postpone(entry, ready);
            }
            // Somebody dropped it while it was tried.
            Ok(false) => self.forget(entry),
            Err(error) => {
                self.shared.trouble(error.to_string());
                self.shared.mailbox.borrow_mut().postpone(entry, ready);
            }
        }
    }

    /// Never to be tried again here: offered to the next channel, and set aside.
    fn refused(&mut self, mut entry: Entry, error: DeliveryError) {
        entry.reason = Some(error.to_string());
        let set_aside = self
            .offer_to_fallback(&entry, &error)
            .and_then(|()| self.shared.outbox.fail(&entry).map_err(|error| error.to_string()));
        if let Err(trouble) = set_aside {
            // Without a record it would be lost: rather have it refused again.
            self.shared.trouble(trouble);
            let verdict = Verdict::Retry { after: None };
            return self.failed(entry, DeliveryError { verdict, ..error });
        }
        (self.shared.tell)(&Notice::Failed {
            channel: self.name.clone(),
            reason: error.reason,
            hint: error.hint,
        });
        self.forget(entry);
    }

    /// Once only, and not where that channel has the same message anyway.
    fn offer_to_fallback(&self, entry: &Entry, error: &DeliveryError) -> Result<(), String> {
        let Some(fallback) = self.fallback.as_ref().filter(|_| entry.instead_of.is_none()) else {
            return Ok(());
        };
        let known = (fallback.clone(), fingerprint(entry));
        if self.shared.told.borrow().contains(&known)
            || self.shared.mailbox.borrow().has_twin(fallback, entry)
        {
            return Ok(());
        }
        let mut offered = Entry {
            // Always the same, so that an offer that is repeated after a crash replaces the first.
            id: format!("{}-f", entry.id),
            channel: fallback.clone(),
            instead_of: Some(self.name.clone()),
            attempts: 0,
            due: entry.created,
            first_tried: None,
            reason: None,
            progress: serde_json::Value::Null,
            ..entry.clone()
        };
        let remark = format!("The channel {} refused this message: {}", self.name, error.reason);
        add_on_top(&mut offered.message, &remark);
        let pictures = self.shared.outbox.pictures(entry);
        let pictures: Vec<&Picture> = pictures.iter().collect();
        match self.shared.outbox.store(offered, &pictures) {
            Ok(committed) => {
                committed.notice.into_iter().for_each(|notice| self.shared.trouble(notice));
                Ok(())
            }
            Err(error) => Err(error.to_string()),
        }
    }

    fn forget(&self, entry: Entry) {
        if let Err(error) = self.shared.mailbox.borrow_mut().forget(entry) {
            self.shared.trouble(error.to_string());
        }
    }
}

/// A worker that panics must not keep the others from ending.
impl Drop for Worker {
    fn drop(&mut self) {
        if let Ok(mut busy) = self.shared.busy.try_borrow_mut() {
            busy.remove(&self.name);
        }
    }
}

fn fingerprint(entry: &Entry) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&entry.run, &entry.message.rule, &entry.message.title, entry.message.at).hash(&mut hasher);
    hasher.finish()
}
