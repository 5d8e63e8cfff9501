//! What earlier runs of this state folder left behind: a card to go on with, a loss that nobody
//! has told of yet, folders that are too many.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::outbox::{Cards, Seat};
use crate::render::card::{self, Card, State};
use crate::runtime::record::{self, Run};
use crate::time::Timestamp;

/// Folders of runs that are kept: so many, and none older than that.
const MOST: usize = 200;
const OLDEST: Duration = Duration::from_hours(30 * 24);
/// The courier of a watcher that died says so itself, if it lives; it gets this long.
const GRACE: Duration = Duration::from_secs(20);

/// The newest run of this name in the same batch job: what a requeued job did before.
pub fn requeued(state_dir: &Path, name: &str, slurm_job: &str) -> Option<String> {
    let ids = record::ids(state_dir).ok()?;
    let same =
        |run: &Run| run.label.name == name && run.record.slurm_job.as_deref() == Some(slurm_job);
    ids.into_iter()
        .rev()
        .take(MOST)
        .find(|id| Run::load(state_dir, id).is_some_and(|run| same(&run)))
}

/// The new run goes on in the places of the old one, which leaves them alone from now on. The names
/// of the channels in which there is such a place.
pub fn take_over(cards: &Cards, old: &str, new: &str, channels: &[String]) -> Vec<String> {
    let mut taken = Vec::new();
    for channel in channels {
        let seat = cards.seat(old, channel);
        if seat.place.is_null() {
            continue;
        }
        let left = Seat { closed: true, ..seat.clone() };
        let kept = Seat { closed: false, ..seat };
        let done = cards
            .save_seat(new, channel, &kept)
            .and_then(|()| cards.save_seat(old, channel, &left));
        if done.is_ok() {
            taken.push(channel.clone());
        }
    }
    taken
}

/// The runs whose watcher died without a word, each once: with its last card, which says so from
/// now on.
pub fn lost(state_dir: &Path, ourselves: &str, now: Timestamp) -> Vec<Card> {
    let cards = Cards::new(state_dir);
    let ids = record::ids(state_dir).unwrap_or_default();
    let mut lost = Vec::new();
    for id in ids.iter().rev().take(MOST).filter(|id| *id != ourselves) {
        let running = |card: &Card| card.state == State::Running;
        // Most have ended: of these nothing else is read, since the run that starts waits for it.
        if !cards.read(id).is_some_and(|card| running(&card)) {
            continue;
        }
        let Some(run) = Run::load(state_dir, id) else { continue };
        let Some(_buried) = run.if_dead() else { continue };
        // Read again: whoever held the lock just now may have told it.
        let Some(last) = cards.read(id).filter(running) else { continue };
        if now.since(last.message.at) < GRACE {
            continue;
        }
        let card = card::lost(&last, now);
        // What cannot be written down would be told at every start.
        if cards.write(id, &card).is_ok() {
            lost.push(card);
        }
    }
    lost.reverse();
    lost
}

/// Removes the folders of old runs; how many.
pub fn prune(state_dir: &Path, ourselves: &str, now: Timestamp) -> usize {
    let ids = record::ids(state_dir).unwrap_or_default();
    let surplus = ids.len().saturating_sub(MOST);
    let mut removed = 0;
    for (index, id) in ids.iter().enumerate().filter(|(_, id)| *id != ourselves) {
        let folder = state_dir.join("runs").join(id);
        let run = Run::load(state_dir, id);
        // Of another version, or not whole: its number alone counts.
        let old = run.as_ref().map(|run| now.since(run.record.started) > OLDEST);
        match old {
            _ if index < surplus => {}
            Some(true) => {}
            // The ids are in the order of their starts: what follows is younger still.
            Some(false) => break,
            None => continue,
        }
        let _buried = match run.as_ref().map(Run::if_dead) {
            Some(None) => continue,
            Some(buried) => buried,
            None => None,
        };
        removed += usize::from(fs::remove_dir_all(folder).is_ok());
    }
    removed
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::engine::alert::Outcome;
    use crate::engine::snapshot::{Snapshot, Stage};
    use crate::render::language::Language;
    use crate::render::message::RunLabel;
    use crate::render::text::Context;
    use crate::runtime::record::{Alive, Record, enrol};
    use crate::runtime::state;

    const NOW: Timestamp = Timestamp::from_secs(1_795_401_203);

    /// A run that started so many hours ago and is supervised as long as its lock is held.
    fn run(dir: &Path, id: &str, hours: u64, state: State) -> Alive {
        let label = RunLabel {
            id: id.to_owned(),
            name: "resnet50".to_owned(),
            host: "gpu01".to_owned(),
            command: String::new(),
            elapsed: None,
        };
        state::write_label(dir, &label).unwrap();
        let started = NOW.before(Duration::from_hours(hours));
        let snapshot = Snapshot {
            at: started.after(Duration::from_secs(60)),
            elapsed: Duration::from_secs(60),
            metrics: Vec::new(),
            progress: None,
            lines: vec!["step 1200 loss 2.31".into()],
            stage: Stage::Running,
        };
        let context = Context { run: &label, language: Language::En, secrets: &[] };
        let card = Card { state, ..card::card(&snapshot, &context) };
        Cards::new(dir).write(id, &card).unwrap();
        enrol(dir, id, &Record::ours(started, Some("17".to_owned()))).unwrap()
    }

    fn id(number: usize) -> String {
        format!("20261123-{number:06}-000-77")
    }

    #[test]
    fn a_lost_run_is_told_once_and_a_living_or_ended_one_never() {
        let dir = tempfile::tempdir().unwrap();
        let _living = run(dir.path(), &id(1), 1, State::Running);
        drop(run(dir.path(), &id(2), 1, State::Running));
        drop(run(dir.path(), &id(3), 1, State::Ended(Outcome::Finished)));
        drop(run(dir.path(), &id(4), 1, State::Running));
        let lost_ids = || -> Vec<String> {
            lost(dir.path(), &id(4), NOW).into_iter().map(|card| card.message.run.id).collect()
        };
        assert_eq!(lost_ids(), [id(2)]);
        assert!(lost_ids().is_empty());
        assert_eq!(Cards::new(dir.path()).read(&id(2)).unwrap().state, State::Lost);
    }

    #[test]
    fn a_loss_says_when_there_was_the_last_sign_of_life() {
        let dir = tempfile::tempdir().unwrap();
        drop(run(dir.path(), &id(1), 2, State::Running));
        let card = lost(dir.path(), "", NOW).remove(0);
        assert_eq!(card.message.title, "resnet50 was lost: no sign of life for 1h 59m");
        assert!(card.message.body.contains("2026-11-23T00:34:23Z"), "{}", card.message.body);
    }

    #[test]
    fn old_runs_and_too_many_are_removed_but_no_living_one() {
        let dir = tempfile::tempdir().unwrap();
        let days = |days: u64| 24 * days;
        let _living = run(dir.path(), &id(0), days(90), State::Running);
        drop(run(dir.path(), &id(1), days(31), State::Lost));
        drop(run(dir.path(), &id(2), days(29), State::Lost));
        assert_eq!(prune(dir.path(), "", NOW), 1);
        assert_eq!(record::ids(dir.path()).unwrap(), [id(0), id(2)]);
        for number in 3..MOST + 3 {
            drop(run(dir.path(), &id(number), 1, State::Lost));
        }
        assert_eq!(prune(dir.path(), "", NOW), 1);
        let left = record::ids(dir.path()).unwrap();
        assert_eq!((left.len(), &left[0]), (MOST + 1, &id(0)));
        assert!(!left.contains(&id(2)));
    }

    #[test]
    fn a_requeued_job_goes_on_where_it_was() {
        let dir = tempfile::tempdir().unwrap();
        drop(run(dir.path(), &id(1), 1, State::Lost));
        drop(run(dir.path(), &id(2), 1, State::Lost));
        assert_eq!(requeued(dir.path(), "resnet50", "17"), Some(id(2)));
        assert_eq!(requeued(dir.path(), "resnet50", "18"), None);
        assert_eq!(requeued(dir.path(), "other", "17"), None);
        let cards = Cards::new(dir.path());
        let seat = Seat { place: json!({"ts": "1.2"}), closed: true };
        cards.save_seat(&id(2), "lab", &seat).unwrap();
        let channels = ["lab".to_owned(), "hook".to_owned()];
        assert_eq!(take_over(&cards, &id(2), "new", &channels), ["lab"]);
        assert_eq!(cards.seat("new", "lab"), Seat { closed: false, ..seat.clone() });
        assert_eq!(cards.seat(&id(2), "lab"), seat);
        assert!(cards.seat("new", "hook").place.is_null());
    }
}
