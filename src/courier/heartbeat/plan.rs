//! When an alarm is held, pushed on, and taken back. Pure: by what is known at one moment.
//!
//! The new alarm is held before the old one is taken back, so that there is always one.

use std::time::Duration;

use crate::outbox::Alarm;
use crate::time::Timestamp;

/// Slack gives back nothing in the last minute before it is sent; a request takes a moment too.
const LOCKED: Duration = Duration::from_secs(65);
/// So many held at once, and no more until some are taken back.
const MOST: usize = 4;

/// What is known at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) now: Timestamp,
    /// None: the run is not to be watched so, or is over.
    pub(super) life: Option<Life>,
    pub(super) alarms: &'a [Alarm],
}

/// A run that is to be missed if nothing is heard of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life {
    /// Its last sign of life.
    pub(super) at: Timestamp,
    /// How long it has lasted then.
    pub(super) elapsed: Duration,
    /// After so long without one it is missed; no run that is younger.
    pub(super) after: Duration,
}

/// The next thing to do; numbers are of alarms in the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::courier) enum Step {
    Hold {
        due: Timestamp,
        life: Timestamp,
    },
    TakeBack(usize),
    /// It was sent, or will be: nothing can be done about it.
    Forget(usize),
    /// It was sent, and yet the run lives: that is to be told, and it is forgotten.
    HeardAgain(usize),
}

/// None: nothing for now.
pub(super) fn step(view: View<'_>) -> Option<Step> {
    let Some(life) = view.life else { return clear(view) };
    if let Some(sent) = sent(view, life) {
        return Some(sent);
    }
    let newest = (0..view.alarms.len())
        .filter(|index| view.alarms[*index].certain)
        .max_by_key(|index| view.alarms[*index].due);
    let stale = || {
        let free = |index: &usize| Some(*index) != newest && left(view, *index) > LOCKED;
        (0..view.alarms.len()).find(free).map(Step::TakeBack)
    };
    if view.alarms.len() >= MOST {
        return stale();
    }
    hold(view, life, newest.map(|index| &view.alarms[index])).or_else(stale)
}

/// The run is over: nothing may be sent any more.
fn clear(view: View<'_>) -> Option<Step> {
    let first = view.alarms.first().map(|_| left(view, 0))?;
    Some(if first > LOCKED { Step::TakeBack(0) } else { Step::Forget(0) })
}

/// What the service has sent by now. Of several the last one is told of.
fn sent(view: View<'_>, life: Life) -> Option<Step> {
    let mut sent = (0..view.alarms.len()).filter(|index| left(view, *index).is_zero());
    let (first, second) = (sent.next()?, sent.next());
    let alarm = &view.alarms[first];
    match second.is_some() || !alarm.certain {
        true => Some(Step::Forget(first)),
        false => (life.at > alarm.due).then_some(Step::HeardAgain(first)),
    }
}

fn hold(view: View<'_>, life: Life, newest: Option<&Alarm>) -> Option<Step> {
    // A clock that was set back makes old signs look new.
    let due = life.at.min(view.now).after(life.after);
    let held = newest.map(|alarm| alarm.due.since(view.now));
    let wanted = match (held, newest) {
        (Some(held), Some(alarm)) => {
            let is_near = held <= life.after / 2 && due > alarm.due;
            held > LOCKED && life.at != alarm.life && (is_near || held > life.after)
        }
        _ => life.elapsed >= life.after && due.since(view.now) > life.after / 2,
    };
    let step = Step::Hold { due, life: life.at };
    (wanted && due.since(view.now) > LOCKED).then_some(step)
}

/// Until it is sent.
fn left(view: View<'_>, index: usize) -> Duration {
    view.alarms.get(index).map_or(Duration::ZERO, |alarm| alarm.due.since(view.now))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const AFTER: u64 = 600;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_secs(1_795_401_203).after(Duration::from_secs(seconds))
    }

    fn alarm(due: u64, certain: bool) -> Alarm {
        let life = at(due.saturating_sub(AFTER));
        Alarm { due: at(due), life, certain, handle: Value::Null }
    }

    fn of(now: u64, life: Option<u64>, alarms: &[Alarm]) -> Option<Step> {
        let life = life.map(|life| Life {
            at: at(life),
            elapsed: Duration::from_secs(life),
            after: Duration::from_secs(AFTER),
        });
        step(View { now: at(now), life, alarms })
    }

    fn hold_at(life: u64) -> Option<Step> {
        Some(Step::Hold { due: at(life + AFTER), life: at(life) })
    }

    #[test]
    fn steps_by_time_and_what_is_held() {
        let sure = |due| alarm(due, true);
        for (what, now, life, held, expected) in [
            ("a young run", 300, Some(300), vec![], None),
            ("it has lasted", 601, Some(600), vec![], hold_at(600)),
            ("but was not heard of lately", 1000, Some(600), vec![], None),
            ("just held", 610, Some(610), vec![sure(1200)], None),
            ("half is over", 900, Some(899), vec![sure(1200)], hold_at(899)),
            ("half is over, no new sign", 900, Some(600), vec![sure(1200)], None),
            ("a new sign, a second later", 1130, Some(601), vec![sure(1200)], hold_at(601)),
            ("the old one", 901, Some(901), vec![sure(1200), sure(1499)], Some(Step::TakeBack(0))),
            (
                "an unheard one",
                610,
                Some(610),
                vec![sure(1200), alarm(1205, false)],
                Some(Step::TakeBack(1)),
            ),
            ("too late for it", 1140, Some(1140), vec![sure(1200)], None),
            ("it was sent", 1201, Some(1100), vec![sure(1200)], None),
            ("and the run lives", 1206, Some(1205), vec![sure(1200)], Some(Step::HeardAgain(0))),
            (
                "two were sent",
                1206,
                Some(1205),
                vec![sure(1100), sure(1200)],
                Some(Step::Forget(0)),
            ),
            ("perhaps sent", 1206, Some(1205), vec![alarm(1200, false)], Some(Step::Forget(0))),
            ("over", 1000, None, vec![sure(1200)], Some(Step::TakeBack(0))),
            ("over, too late", 1140, None, vec![sure(1200)], Some(Step::Forget(0))),
            ("over, nothing held", 1140, None, vec![], None),
            ("the clock was set back", 10, Some(8), vec![sure(1200)], hold_at(8)),
        ] {
            assert_eq!(of(now, life, &held), expected, "{what}");
        }
    }

    #[test]
    fn never_too_many_are_held() {
        let unheard: Vec<Alarm> = (0..4).map(|n| alarm(1200 + n, false)).collect();
        assert_eq!(of(900, Some(900), &unheard), Some(Step::TakeBack(0)));
    }

    /// A day, with a service that fails now and then and a clock that jumps: never a moment
    /// without an alarm while signs come, and none is asked back in its last minute.
    #[test]
    fn a_day_of_heartbeats() {
        let mut alarms: Vec<Alarm> = Vec::new();
        let (mut held, mut gaps) = (0, 0);
        for now in (0..86_400).step_by(5) {
            let fails = now % 3600 < 120;
            while let Some(step) = of(now, Some(now), &alarms).filter(|_| !fails) {
                match step {
                    Step::Hold { due, life } => {
                        assert!(due > at(now + 60));
                        alarms.push(Alarm { due, life, certain: true, handle: Value::Null });
                        held += 1;
                    }
                    Step::TakeBack(index) => {
                        assert!(alarms.remove(index).due > at(now + 60));
                    }
                    other => panic!("{other:?} at {now}"),
                }
            }
            gaps += usize::from(now > 720 && alarms.is_empty());
        }
        assert_eq!(gaps, 0);
        assert!((280..=300).contains(&held), "{held}");
    }
}
