//! `elapsed: 24h`: the run has lasted this long.

use std::time::Duration;

use crate::engine::alert::{AlertState, Happening};
use crate::engine::explain::Why;
use crate::engine::rules::{Change, Track};
use crate::engine::scene::Scene;
use crate::time::Timestamp;

#[derive(Debug)]
pub(in crate::engine) struct Elapsed {
    limit: Duration,
    at: Option<Timestamp>,
}

impl Elapsed {
    /// A rule that is new at `at` fires then if it is late already.
    pub(super) fn new(limit: Duration, (started, at): (Timestamp, Timestamp)) -> Self {
        Self { limit, at: Some(started.after(limit).max(at)) }
    }
}

impl Track for Elapsed {
    fn deadline(&self) -> Option<Timestamp> {
        self.at
    }

    fn due(&mut self, _scene: &Scene<'_>, out: &mut Vec<Change>) {
        self.at = None;
        let happening = Happening::Elapsed { limit: self.limit };
        out.push(Change { state: AlertState::Firing, happening });
    }

    fn explain(&self, _: &[u8], _: &Scene<'_>, wall: &dyn Fn(Timestamp) -> Timestamp) -> Why {
        Why::Waiting { until: self.at.map(wall) }
    }
}
