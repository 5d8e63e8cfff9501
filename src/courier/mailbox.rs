//! What there is to deliver, and in which order. It reads the outbox and holds the runs' claims; it
//! delivers nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::outbox::{Claim, Entry, Loaded, Outbox, OutboxError};
use crate::render::message::MessageKind;
use crate::time::Timestamp;

/// After this long of trying it is given up (and kept; `watch outbox flush` tries again).
pub(super) const GIVE_UP: Duration = Duration::from_hours(24);
/// A message that failed this often no longer holds up those after it.
const STUCK: u32 = 8;
/// The end does not wait for others of its run when more than so many wait, it among them.
const FEW: usize = 5;
/// Entries of other runs are left to their own courier, which may be starting, for this long, ...
const GRACE: Duration = Duration::from_mins(1);
/// ... and then looked at every so many times.
const ADOPT_EVERY: u64 = 30;

/// An entry that waits, and when it may be tried (monotonic: a clock that is set moves nothing).
#[derive(Debug)]
struct Waiting {
    entry: Entry,
    ready: Instant,
}

/// The next thing to do for a channel.
#[derive(Debug)]
pub(super) enum Next {
    /// `late`: it is of a run whose own courier is gone.
    Deliver {
        entry: Box<Entry>,
        late: bool,
    },
    Until(Instant),
    Nothing,
}

#[derive(Debug)]
pub(super) struct Mailbox {
    outbox: Outbox,
    run: String,
    channels: Vec<String>,
    waiting: BTreeMap<String, Waiting>,
    /// Runs that are ours to deliver; none where there are no locks.
    claims: BTreeMap<String, Option<Claim>>,
    /// Of no channel of ours, or unreadable: not read again.
    foreign: BTreeSet<String>,
    /// Tried for too long, and said so.
    given_up: BTreeSet<String>,
    /// Delivered, but the disk refused to forget them.
    undead: BTreeMap<String, Entry>,
    rounds: u64,
    /// The outbox is: all that is left of it is `waiting`.
    gone: bool,
    /// Whether the run's end is (or was) among the entries.
    pub(super) saw_end: bool,
}

impl Mailbox {
    pub(super) fn new(outbox: Outbox, run: &str, channels: Vec<String>) -> Self {
        Self {
            outbox,
            run: run.to_owned(),
            channels,
            waiting: BTreeMap::new(),
            claims: BTreeMap::new(),
            foreign: BTreeSet::new(),
            given_up: BTreeSet::new(),
            undead: BTreeMap::new(),
            rounds: 0,
            gone: false,
            saw_end: false,
        }
    }

    /// Looks into the outbox. The texts are what was wrong with files.
    pub(super) fn refresh(&mut self, now: Timestamp) -> Result<Vec<String>, OutboxError> {
        let mut notices = Vec::new();
        let was_gone = std::mem::replace(&mut self.gone, self.outbox.is_gone());
        if self.gone {
            self.claims.entry(self.run.clone()).or_insert(None);
            let dir = self.outbox.dir().display();
            return Ok(vec![format!(
                "the folder {dir} was removed; what is known of it is still told"
            )]);
        }
        if was_gone {
            notices.extend(self.put_back().err().map(|error| error.to_string()));
        }
        notices.extend(self.bury().err().map(|error| error.to_string()));
        let ids: BTreeSet<String> = self.outbox.ids()?.into_iter().collect();
        self.waiting.retain(|id, _| ids.contains(id));
        self.foreign.retain(|id| ids.contains(id));
        self.given_up.retain(|id| ids.contains(id));
        for id in ids {
            if !self.waiting.contains_key(&id) && !self.foreign.contains(&id) {
                notices.extend(self.read(&id, now));
            }
        }
        notices.extend(self.adopt(now));
        self.rounds = self.rounds.wrapping_add(1);
        Ok(notices)
    }

    /// The outbox is there again, but nothing in it.
    fn put_back(&mut self) -> Result<(), OutboxError> {
        // What was locked was removed.
        self.claims.clear();
        for waiting in self.waiting.values().filter(|w| w.entry.run == self.run) {
            let _ = self.outbox.store(waiting.entry.clone(), &[])?;
        }
        Ok(())
    }

    /// A message of this run that the disk did not take: it lives as long as we do.
    pub(super) fn hold(&mut self, entry: Entry) {
        self.waiting.insert(entry.id.clone(), Waiting { entry, ready: Instant::now() });
    }

    /// The oldest of this run's for that channel, whenever it may be tried.
    pub(super) fn oldest(&self, channel: &str) -> Option<Entry> {
        let own = |w: &&Waiting| w.entry.channel == channel && w.entry.run == self.run;
        self.waiting.values().find(own).map(|w| w.entry.clone())
    }

    /// The entries that are given up from now on; each is named once.
    pub(super) fn give_up(&mut self, now: Timestamp) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (id, w) in &self.waiting {
            if expired(&w.entry, now) && self.given_up.insert(id.clone()) {
                entries.push(w.entry.clone());
            }
        }
        entries
    }

    /// What is next in this channel's order.
    pub(super) fn next(&self, channel: &str, now: Timestamp) -> Next {
        let open = |w: &&Waiting| {
            w.entry.channel == channel
                && self.claims.contains_key(&w.entry.run)
                && !expired(&w.entry, now)
        };
        let first = self.waiting.values().filter(open).min_by_key(|w| self.order(&w.entry));
        match first {
            None => Next::Nothing,
            Some(w) if w.ready > Instant::now() => Next::Until(w.ready),
            Some(w) => {
                Next::Deliver { entry: Box::new(w.entry.clone()), late: w.entry.run != self.run }
            }
        }
    }

    /// The run's end, if it waits for that channel: where there is no card, it comes first and
    /// takes its place.
    pub(super) fn end(&self, channel: &str, now: Timestamp) -> Option<Next> {
        let end = self.waiting.values().find(|w| {
            w.entry.channel == channel
                && w.entry.run == self.run
                && w.entry.message.kind == MessageKind::End
                && w.entry.attempts < STUCK
                && self.claims.contains_key(&w.entry.run)
                && !expired(&w.entry, now)
        })?;
        Some(match end.ready {
            ready if ready > Instant::now() => Next::Until(ready),
            _ => Next::Deliver { entry: Box::new(end.entry.clone()), late: false },
        })
    }

    /// How many entries of this run and channel are still to be delivered.
    pub(super) fn own_left(&self, channel: &str, now: Timestamp) -> usize {
        self.waiting
            .values()
            .filter(|w| w.entry.channel == channel && w.entry.run == self.run)
            .filter(|w| !expired(&w.entry, now))
            .count()
    }

    /// A message like this one waits for that channel already.
    pub(super) fn has_twin(&self, channel: &str, entry: &Entry) -> bool {
        self.waiting.values().any(|w| {
            w.entry.channel == channel
                && w.entry.run == entry.run
                && w.entry.message.at == entry.message.at
                && w.entry.message.title == entry.message.title
        })
    }

    /// The entry failed: this is how it is now, and when it may be tried again.
    pub(super) fn postpone(&mut self, entry: Entry, ready: Instant) {
        self.waiting.insert(entry.id.clone(), Waiting { entry, ready });
    }

    /// The entry is delivered or set aside. If the disk refuses to forget it, it is at least not
    /// sent again by this courier.
    pub(super) fn forget(&mut self, entry: Entry) -> Result<(), OutboxError> {
        self.waiting.remove(&entry.id);
        self.foreign.insert(entry.id.clone());
        self.undead.insert(entry.id.clone(), entry);
        self.bury()
    }

    fn bury(&mut self) -> Result<(), OutboxError> {
        if self.gone {
            return Ok(());
        }
        while let Some(first) = self.undead.first_entry() {
            self.outbox.remove(first.get())?;
            first.remove();
        }
        Ok(())
    }

    /// Own entries first, then those of dead runs; stuck ones last; a report after its
    /// run's end, and everything after it where there is much.
    fn order<'a>(&self, entry: &'a Entry) -> (bool, bool, bool, &'a str) {
        let beside = |w: &&Waiting| w.entry.run == entry.run && w.entry.channel == entry.channel;
        let gives_way = match entry.message.kind {
            MessageKind::End => false,
            MessageKind::Report => true,
            _ => self.waiting.values().filter(beside).count() > FEW,
        };
        let is_end = |w: &Waiting| w.entry.message.kind == MessageKind::End;
        let overtaken = gives_way && self.waiting.values().filter(beside).any(is_end);
        (entry.run != self.run, entry.attempts >= STUCK, overtaken, &entry.id)
    }

    fn read(&mut self, id: &str, now: Timestamp) -> Option<String> {
        let loaded = match self.outbox.load(id) {
            Ok(loaded) => loaded,
            // Trouble with one file must not keep the others; it is read again next time.
            Err(error) => return Some(error.to_string()),
        };
        match loaded {
            Loaded::Gone => None,
            Loaded::Whole(entry) if self.channels.contains(&entry.channel) => {
                self.saw_end |= entry.run == self.run && entry.message.kind == MessageKind::End;
                if expired(&entry, now) {
                    self.given_up.insert(id.to_owned());
                }
                // A longer wait than this is a clock that was wrong.
                let wait = entry.due.since(now).min(GIVE_UP);
                let waiting = Waiting { entry: *entry, ready: Instant::now() + wait };
                self.waiting.insert(id.to_owned(), waiting);
                None
            }
            Loaded::Whole(_) => {
                self.foreign.insert(id.to_owned());
                None
            }
            Loaded::Unreadable(notice) => {
                self.foreign.insert(id.to_owned());
                Some(notice)
            }
        }
    }

    /// Claims the own run, and runs that nobody delivers; lets go of those that are done.
    fn adopt(&mut self, now: Timestamp) -> Vec<String> {
        let mut runs = BTreeSet::from([self.run.clone()]);
        if self.rounds.is_multiple_of(ADOPT_EVERY) {
            let old = |w: &&Waiting| now.since(w.entry.created) >= GRACE && !expired(&w.entry, now);
            runs.extend(self.waiting.values().filter(old).map(|w| w.entry.run.clone()));
        }
        runs.retain(|run| !self.claims.contains_key(run));
        let trouble = runs.iter().filter_map(|run| self.claim(run, now).err());
        let trouble = trouble.map(|error| error.to_string()).collect();
        let (own, waiting) = (&self.run, &self.waiting);
        self.claims.retain(|run, _| {
            let used = |w: &Waiting| w.entry.run == *run && !expired(&w.entry, now);
            run == own || waiting.values().any(used)
        });
        trouble
    }

    fn claim(&mut self, run: &str, now: Timestamp) -> Result<(), OutboxError> {
        let claim = match self.outbox.claim(run) {
            Ok(None) => return Ok(()),
            Ok(claim) => claim,
            // Nobody can know whether another run lives; our own is ours.
            Err(OutboxError::NoLocks { .. }) if run == self.run => None,
            Err(OutboxError::NoLocks { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        self.claims.insert(run.to_owned(), claim);
        // What was read before it was claimed may have been delivered, in part or in whole.
        let stale: Vec<String> =
            self.waiting.extract_if(.., |_, w| w.entry.run == run).map(|(id, _)| id).collect();
        for id in stale {
            self.read(&id, now);
        }
        Ok(())
    }
}

fn expired(entry: &Entry, now: Timestamp) -> bool {
    entry.first_tried.is_some_and(|first| now.since(first) >= GIVE_UP)
}
