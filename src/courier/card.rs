//! Keeps the run's card up to date in one channel: when it is due, and what its failures mean.
//!
//! Messages never wait for long for a card, and it never costs one its place in the channel's
//! limits: it is edited rarely, and more rarely the longer the run lasts.

use std::time::Duration;

use tokio::time::Instant;

use crate::channels::{Channel, DeliveryError, Verdict};
use crate::courier::attempt::TIMEOUT;
use crate::outbox::backoff::{self, Failure};
use crate::outbox::{Cards, Seat};
use crate::render::{Card, Message};

/// A run that ends before this has no card but its end.
const FIRST: Duration = Duration::from_secs(2);
/// Edits of a card: a twentieth of the run's time apart, within these bounds. Slack takes 50 a
/// minute, of all runs of a workspace together.
const OFTEN: Duration = Duration::from_secs(15);
const RARELY: Duration = Duration::from_mins(5);
/// Slack advises not to edit one message more often, so the last edit waits this long too.
const PAUSE: Duration = Duration::from_secs(3);
/// So many failures in a row, and messages no longer wait for it, nor does the end of the run.
pub(super) const PATIENCE: u32 = 3;
/// After a refusal for good a person may have repaired what was wrong.
const REPAIRED: Duration = Duration::from_mins(10);

#[derive(Debug)]
pub(super) struct Keeper {
    cards: Cards,
    run: String,
    channel: String,
    seed: u64,
    /// Where it is shown, should that be forgotten on disk.
    known: Seat,
    /// What is shown.
    shown: Option<Message>,
    /// Not before this.
    ready: Instant,
    /// An edit, not before the first of these; one that is not the last, not before the second.
    last_edit: Instant,
    next_edit: Instant,
    failures: u32,
}

/// What is to be done about the card.
#[derive(Debug)]
pub(super) enum Need {
    /// It is shown as it is, or not to be shown.
    Nothing,
    /// It is to be shown, not before this time.
    Show { card: Box<Card>, seat: Seat, at: Instant },
}

impl Keeper {
    pub(super) fn new(cards: Cards, run: &str, channel: &str, seed: u64) -> Self {
        let now = Instant::now();
        let known = cards.seat(run, channel);
        Self {
            cards,
            known,
            run: run.to_owned(),
            channel: channel.to_owned(),
            seed,
            shown: None,
            ready: now + FIRST,
            // Another courier may have edited it just now.
            last_edit: now + PAUSE,
            next_edit: now + PAUSE,
            failures: 0,
        }
    }

    /// Whether the run is shown in the channel already.
    pub(super) fn has_place(&self) -> bool {
        !self.seat().place.is_null()
    }

    /// If somebody has removed the run's folder, it is written down again once there is one.
    fn seat(&self) -> Seat {
        let seat = self.cards.seat(&self.run, &self.channel);
        if seat != Seat::default() || self.known.place.is_null() {
            return seat;
        }
        if self.cards.read(&self.run).is_some() {
            let _ = self.cards.save_seat(&self.run, &self.channel, &self.known);
        }
        self.known.clone()
    }

    /// Shows for the last time what is written down nowhere.
    pub(super) async fn farewell(&mut self, channel: &dyn Channel, message: &Message) {
        let mut place = self.seat().place;
        if channel.can_show() && !place.is_null() {
            // Its message follows, so it is tried once.
            let _ = tokio::time::timeout(TIMEOUT, channel.show(message, &mut place)).await;
        }
    }

    /// `wanted`: a message of the run is to be delivered, and would reply to it. `over`: it will
    /// not change any more.
    pub(super) fn need(&self, wanted: bool, over: bool) -> Need {
        let seat = self.seat();
        let Some(card) = self.cards.read(&self.run).filter(|_| !seat.closed) else {
            return Need::Nothing;
        };
        if self.shown.as_ref() == Some(&card.message) {
            return Need::Nothing;
        }
        let is_new = seat.place.is_null();
        let last = card.ended() || over;
        let at = match () {
            // What ended unseen is told by its end.
            () if is_new && last && !wanted => return Need::Nothing,
            () if self.failures > 0 => self.ready,
            () if is_new && wanted => Instant::now(),
            () if last => self.last_edit,
            () if is_new => self.ready,
            () => self.ready.max(self.next_edit),
        };
        Need::Show { card: Box::new(card), seat, at }
    }

    /// Posts it or edits it. An error: not done, and nothing else should be tried before the time.
    pub(super) async fn show(
        &mut self,
        channel: &dyn Channel,
        card: Card,
        mut seat: Seat,
    ) -> Result<(), Trouble> {
        let is_new = seat.place.is_null();
        let before = seat.clone();
        let shown =
            tokio::time::timeout(TIMEOUT, channel.show(&card.message, &mut seat.place)).await;
        let error = match shown {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error),
            Err(_) => Some(DeliveryError {
                verdict: Verdict::Ambiguous,
                reason: "no answer to the card".to_owned(),
                hint: None,
            }),
        };
        // Whoever deleted it does not want to see it again; what cannot be edited stays as it is.
        let refused = error.as_ref().is_some_and(|error| error.verdict == Verdict::Permanent);
        seat.closed |= refused && !is_new;
        if seat != before {
            // At worst it is posted a second time by the next courier.
            let _ = self.cards.save_seat(&self.run, &self.channel, &seat);
            self.known = seat;
        }
        let now = Instant::now();
        let Some(error) = error else {
            self.failures = 0;
            self.last_edit = now + PAUSE;
            self.next_edit = now + pace(&card.message);
            self.shown = Some(card.message);
            return Ok(());
        };
        self.failures = self.failures.saturating_add(1);
        let wait = match error.verdict {
            Verdict::Permanent => REPAIRED,
            Verdict::Retry { after: Some(after) } => after,
            Verdict::Retry { after: None } => {
                backoff::wait(Failure::Lost, self.failures, self.seed)
            }
            Verdict::Ambiguous => backoff::wait(Failure::Ambiguous, self.failures, self.seed),
        };
        self.ready = now + wait.min(Duration::from_hours(1));
        // An edit is a method of its own, with limits of its own.
        let passing = is_new && error.verdict != Verdict::Permanent;
        let blocked = (passing && self.failures <= PATIENCE).then_some(self.ready);
        let tell = is_new && self.failures == 1;
        Err(Trouble { error, blocked, tell })
    }

    pub(super) fn run(&self) -> &str {
        &self.run
    }

    /// It failed so often that the end of the run does not wait for it.
    pub(super) fn is_hopeless(&self) -> bool {
        self.failures >= PATIENCE
    }
}

/// Another run's card, whose own courier died before it was shown: so that what is left of the run
/// is one thread. An error: it passes, and the messages should wait; after any other they stand alone.
pub(super) async fn introduce(
    channel: &dyn Channel,
    cards: &Cards,
    run: &str,
    name: &str,
) -> Result<(), DeliveryError> {
    let mut seat = cards.seat(run, name);
    let Some(card) = cards.read(run).filter(|_| channel.can_show()) else { return Ok(()) };
    if seat.closed || !seat.place.is_null() {
        return Ok(());
    }
    let shown = tokio::time::timeout(TIMEOUT, channel.show(&card.message, &mut seat.place)).await;
    if !seat.place.is_null() {
        seat.closed = card.ended();
        let _ = cards.save_seat(run, name, &seat);
    }
    match shown {
        Ok(Err(error)) if error.verdict != Verdict::Permanent => Err(error),
        _ => Ok(()),
    }
}

/// Another run's card, whose own courier is gone, shows for the last time how the run stands.
pub(super) async fn bring_to_end(channel: &dyn Channel, cards: &Cards, run: &str, name: &str) {
    let mut seat = cards.seat(run, name);
    let Some(card) = cards.read(run).filter(|card| card.ended()) else { return };
    if !channel.can_show() || seat.closed || seat.place.is_null() {
        return;
    }
    // Its thread has told it by now; so it is tried once.
    let _ = tokio::time::timeout(TIMEOUT, channel.show(&card.message, &mut seat.place)).await;
    seat.closed = true;
    let _ = cards.save_seat(run, name, &seat);
}

/// A card that was not shown.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) error: DeliveryError,
    /// Messages would fail as well: none is tried before this.
    pub(super) blocked: Option<Instant>,
    pub(super) tell: bool,
}

fn pace(card: &Message) -> Duration {
    (card.run.elapsed.unwrap_or_default() / 20).clamp(OFTEN, RARELY)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::{Value, json};

    use super::*;
    use crate::channels::{Delivery, DeliveryFuture};
    use crate::courier::gone::gone;
    use crate::render::card::State;
    use crate::render::message::{MessageKind, RunLabel};
    use crate::time::Timestamp;

    /// Shows cards, or fails as it is told to.
    #[derive(Default)]
    struct Wall {
        verdicts: Mutex<Vec<Verdict>>,
        titles: Mutex<Vec<String>>,
    }

    impl Channel for Wall {
        fn deliver<'a>(&'a self, _: Delivery<'a>) -> DeliveryFuture<'a> {
            Box::pin(async { Ok(()) })
        }

        fn can_show(&self) -> bool {
            true
        }

        fn show<'a>(&'a self, card: &'a Message, place: &'a mut Value) -> DeliveryFuture<'a> {
            Box::pin(async move {
                if let Some(verdict) = self.verdicts.lock().unwrap().pop() {
                    return Err(DeliveryError { verdict, reason: "no".to_owned(), hint: None });
                }
                *place = json!("here");
                self.titles.lock().unwrap().push(card.title.clone());
                Ok(())
            })
        }
    }

    /// One run's card in one channel.
    struct World {
        _dir: tempfile::TempDir,
        cards: Cards,
        wall: Wall,
        keeper: Keeper,
    }

    impl World {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let cards = Cards::new(dir.path());
            let keeper = Keeper::new(cards.clone(), "r1", "lab", 1);
            Self { _dir: dir, cards, wall: Wall::default(), keeper }
        }

        /// The run is `minutes` old, and its card says so.
        fn write(&self, minutes: u64, ended: bool) {
            let run = RunLabel {
                id: "r1".to_owned(),
                name: "resnet50".to_owned(),
                host: String::new(),
                command: String::new(),
                elapsed: Some(Duration::from_mins(minutes)),
            };
            let mut card = gone(&run, None, Timestamp::default());
            card.message.kind = MessageKind::Card;
            card.message.title = format!("{minutes} minutes");
            card.state = if ended { State::Unwatched } else { State::Running };
            self.cards.write("r1", &card).unwrap();
        }

        /// In how many seconds it is to be shown; none: not at all.
        fn due(&self, wanted: bool) -> Option<u64> {
            match self.keeper.need(wanted, false) {
                Need::Nothing => None,
                Need::Show { at, .. } => {
                    Some(at.saturating_duration_since(Instant::now()).as_secs_f64().round() as u64)
                }
            }
        }

        /// Shows it, whenever it is due.
        async fn show(&mut self) -> Result<(), Trouble> {
            let need = self.keeper.need(false, false);
            let Need::Show { card, seat, at } = need else { panic!("nothing to show") };
            tokio::time::sleep_until(at).await;
            self.keeper.show(&self.wall, *card, seat).await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_card_comes_when_the_run_lasts_or_says_something() {
        let world = World::new();
        assert_eq!(world.due(false), None, "there is no card yet");
        world.write(0, false);
        assert_eq!((world.due(false), world.due(true)), (Some(2), Some(0)));
        world.write(0, true);
        assert_eq!((world.due(false), world.due(true)), (None, Some(0)), "its end tells it");
    }

    #[tokio::test(start_paused = true)]
    async fn edits_are_rarer_the_longer_the_run_lasts() {
        for (minutes, seconds) in [(0, 15), (5, 15), (20, 60), (60, 180), (6000, 300)] {
            let mut world = World::new();
            world.write(minutes, false);
            world.show().await.unwrap();
            assert_eq!(world.due(false), None, "it is shown as it is");
            world.write(minutes + 1, false);
            assert_eq!(world.due(false), Some(seconds), "{minutes}");
            world.write(minutes + 1, true);
            assert_eq!(world.due(false), Some(3), "the end does not wait for that");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn messages_wait_for_a_card_a_few_times_only() {
        let mut world = World::new();
        world.write(0, false);
        *world.wall.verdicts.lock().unwrap() = vec![Verdict::Retry { after: None }; 4];
        for failure in 1..=4 {
            let trouble = world.show().await.unwrap_err();
            assert_eq!(trouble.blocked.is_some(), failure <= 3, "{failure}");
            assert_eq!(trouble.tell, failure == 1);
            assert_eq!(world.keeper.is_hopeless(), failure >= 3);
        }
        world.show().await.unwrap();
        assert!(!world.keeper.is_hopeless(), "it comes when it can");
    }

    #[tokio::test(start_paused = true)]
    async fn an_edit_that_fails_holds_up_no_message() {
        let mut world = World::new();
        world.write(0, false);
        world.show().await.unwrap();
        world.write(1, false);
        let later = Verdict::Retry { after: Some(Duration::from_secs(40)) };
        world.wall.verdicts.lock().unwrap().push(later);
        let trouble = world.show().await.unwrap_err();
        assert!(trouble.blocked.is_none() && !trouble.tell);
        assert_eq!(world.due(false), Some(40), "the service is obeyed");
    }

    #[tokio::test(start_paused = true)]
    async fn a_card_that_cannot_be_edited_is_left_alone() {
        let mut world = World::new();
        world.write(0, false);
        world.show().await.unwrap();
        world.write(1, true);
        world.wall.verdicts.lock().unwrap().push(Verdict::Permanent);
        world.show().await.unwrap_err();
        assert_eq!(world.due(true), None);
        assert!(world.keeper.has_place(), "replies go on below it");
    }

    #[tokio::test(start_paused = true)]
    async fn another_courier_goes_on_with_the_same_card() {
        let mut world = World::new();
        world.write(0, false);
        world.show().await.unwrap();
        let next = Keeper::new(world.cards.clone(), "r1", "lab", 1);
        assert!(next.has_place());
        world.keeper = next;
        world.write(1, false);
        world.show().await.unwrap();
        assert_eq!(*world.wall.titles.lock().unwrap(), ["0 minutes", "1 minutes"]);
    }
}
