//! `when`: a condition becomes true, stays so, and becomes false again.
//!
//! Unknown (a metric is missing or NaN) changes nothing: it neither starts nor ends anything.

use std::time::Duration;

use crate::engine::alert::{AlertState, Happening, Held};
use crate::engine::explain::{Phase, Why};
use crate::engine::expression::Bound;
use crate::engine::rules::every::{SHORTEST, last_due};
use crate::engine::rules::{Change, Hold, Track};
use crate::engine::scene::Scene;
use crate::engine::series::SeriesId;
use crate::time::Timestamp;

#[derive(Debug)]
pub(in crate::engine) struct When {
    condition: Bound,
    hold: Hold,
    until: Option<Bound>,
    repeat: Option<Duration>,
    state: State,
    /// When time alone may change one of the conditions; at first, the start.
    next_change: Option<Timestamp>,
    /// When it was judged last: a timer before that has had its turn.
    judged_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Idle,
    /// True since then, on so many samples.
    Pending {
        since: Timestamp,
        samples: u32,
    },
    Firing {
        said_at: Timestamp,
    },
    /// Ended by `until` while the condition was still true: it must become false first.
    Spent,
}

impl When {
    pub(super) fn new(
        condition: Bound,
        hold: Hold,
        until: Option<Bound>,
        repeat: Option<Duration>,
        started: Timestamp,
    ) -> Self {
        let repeat = repeat.map(|repeat| repeat.max(SHORTEST));
        let next_change = Some(started);
        let judged_at = Timestamp::MIN;
        Self { condition, hold, until, repeat, state: State::Idle, next_change, judged_at }
    }

    /// Judges anew. `samples` is 1 if a new sample is the reason, 0 if only time went by.
    fn evaluate(&mut self, samples: u32, scene: &Scene<'_>, out: &mut Vec<Change>) {
        let holds = self.condition.holds(scene);
        self.state = match (self.state, holds) {
            (State::Idle | State::Pending { .. } | State::Spent, Some(false)) => State::Idle,
            (State::Idle, Some(true)) => {
                self.pending(State::Pending { since: scene.at, samples }, scene, out)
            }
            (State::Pending { since, samples: before }, Some(true)) => {
                let samples = before.saturating_add(samples);
                self.pending(State::Pending { since, samples }, scene, out)
            }
            (State::Firing { said_at }, holds) => self.firing(said_at, holds, scene, out),
            (state, _) => state,
        };
        self.judged_at = scene.at;
        let until = self.until.as_ref().and_then(|until| until.next_change(scene));
        let condition = self.condition.next_change(scene);
        self.next_change = [condition, until].into_iter().flatten().min();
    }

    /// True, perhaps long enough.
    fn pending(&self, state: State, scene: &Scene<'_>, out: &mut Vec<Change>) -> State {
        let State::Pending { since, samples } = state else { return state };
        let enough = match self.hold {
            Hold::None => true,
            Hold::Samples(needed) => samples >= needed,
            Hold::Time(time) => since.after(time) <= scene.at,
        };
        if !enough {
            return state;
        }
        out.push(self.change(AlertState::Firing, scene));
        State::Firing { said_at: scene.at }
    }

    fn firing(
        &self,
        said_at: Timestamp,
        holds: Option<bool>,
        scene: &Scene<'_>,
        out: &mut Vec<Change>,
    ) -> State {
        let over = match &self.until {
            Some(until) => until.holds(scene) == Some(true),
            None => holds == Some(false),
        };
        if over {
            out.push(self.change(AlertState::Resolved, scene));
            return if holds == Some(false) { State::Idle } else { State::Spent };
        }
        if self.repeat.is_some_and(|repeat| said_at.after(repeat) <= scene.at) {
            out.push(self.change(AlertState::Firing, scene));
            return State::Firing { said_at: scene.at };
        }
        State::Firing { said_at }
    }

    fn change(&self, state: AlertState, scene: &Scene<'_>) -> Change {
        let held = match self.hold {
            Hold::None => None,
            Hold::Samples(samples) => Some(Held::Samples(samples)),
            Hold::Time(time) => Some(Held::Time(time)),
        };
        let condition = match (&self.until, state) {
            (Some(until), AlertState::Resolved) => until,
            _ => &self.condition,
        };
        let happening = Happening::Condition {
            condition: condition.expression().to_string(),
            values: self.condition.values(scene),
            held,
        };
        Change { state, happening }
    }

    /// When the hold is over, or it is said again.
    fn timer(&self) -> Option<Timestamp> {
        let timer = match (self.state, self.hold) {
            (State::Pending { since, .. }, Hold::Time(time)) => Some(since.after(time)),
            (State::Firing { said_at }, _) => self.repeat.map(|repeat| said_at.after(repeat)),
            _ => None,
        };
        timer.filter(|timer| *timer > self.judged_at)
    }
}

impl Track for When {
    fn sampled(&mut self, sampled: &[SeriesId], scene: &Scene<'_>, out: &mut Vec<Change>) {
        let until = self.until.as_ref().map(Bound::series).unwrap_or_default();
        let own = self.condition.series().iter().any(|id| sampled.contains(id));
        if own || until.iter().any(|id| sampled.contains(id)) {
            self.evaluate(u32::from(own), scene, out);
        }
    }

    fn deadline(&self) -> Option<Timestamp> {
        [self.next_change, self.timer()].into_iter().flatten().min()
    }

    fn skip_to(&mut self, latest: Timestamp) {
        if let (State::Firing { said_at }, Some(repeat)) = (self.state, self.repeat) {
            let said_at = last_due(said_at.after(repeat), repeat, latest).before(repeat);
            self.state = State::Firing { said_at };
        }
    }

    fn due(&mut self, scene: &Scene<'_>, out: &mut Vec<Change>) {
        self.evaluate(0, scene, out);
    }

    fn explain(&self, _: &[u8], scene: &Scene<'_>, wall: &dyn Fn(Timestamp) -> Timestamp) -> Why {
        let phase = match (self.state, self.hold) {
            (State::Pending { samples, .. }, Hold::Samples(of)) => {
                Phase::Samples { so_far: samples, of }
            }
            (State::Pending { since, .. }, Hold::Time(time)) => {
                Phase::Until { at: wall(since.after(time)) }
            }
            (State::Idle | State::Pending { .. }, _) => Phase::Idle,
            (State::Firing { .. }, _) => Phase::Firing,
            (State::Spent, _) => Phase::Spent,
        };
        Why::Condition(self.condition.explain(scene, phase))
    }
}
