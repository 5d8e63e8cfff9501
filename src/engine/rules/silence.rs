//! `silence: 15m`: no output at all; with a pattern: no line that matches it.
//!
//! A progress bar that still moves is output. Whatever breaks the silence also ends it.

use std::time::Duration;

use regex::bytes::Regex;

use crate::engine::alert::{AlertState, Happening};
use crate::engine::explain::Why;
use crate::engine::rules::every::{SHORTEST, last_due};
use crate::engine::rules::{Change, Hit, Track};
use crate::engine::scene::Scene;
use crate::time::Timestamp;

#[derive(Debug)]
pub(in crate::engine) struct Silence {
    quiet: Duration,
    pattern: Option<Regex>,
    repeat: Option<Duration>,
    /// When it was last broken; at first, the start.
    since: Timestamp,
    /// When it was last said; none: not since it was broken.
    said_at: Option<Timestamp>,
}

impl Silence {
    pub(super) fn new(
        quiet: Duration,
        pattern: Option<Regex>,
        repeat: Option<Duration>,
        started: Timestamp,
    ) -> Self {
        let repeat = repeat.map(|repeat| repeat.max(SHORTEST));
        Self { quiet, pattern, repeat, since: started, said_at: None }
    }

    fn broken(&mut self, scene: &Scene<'_>, out: &mut Vec<Change>) {
        if self.said_at.take().is_some() {
            out.push(self.change(AlertState::Resolved, scene));
        }
        self.since = scene.at;
    }

    fn change(&self, state: AlertState, scene: &Scene<'_>) -> Change {
        let happening = Happening::Silent {
            quiet: scene.at.since(self.since),
            pattern: self.pattern.as_ref().map(|pattern| pattern.as_str().to_owned()),
            last_line: scene.context.last_line(),
        };
        Change { state, happening }
    }
}

impl Track for Silence {
    fn pattern(&self) -> Option<&Regex> {
        self.pattern.as_ref()
    }

    fn printed(&mut self, scene: &Scene<'_>, out: &mut Vec<Change>) {
        if self.pattern.is_none() {
            self.broken(scene, out);
        }
    }

    fn matched(&mut self, _hit: &Hit<'_>, scene: &Scene<'_>, out: &mut Vec<Change>) {
        self.broken(scene, out);
    }

    fn deadline(&self) -> Option<Timestamp> {
        match self.said_at {
            None => Some(self.since.after(self.quiet)),
            Some(said_at) => self.repeat.map(|repeat| said_at.after(repeat)),
        }
    }

    fn skip_to(&mut self, latest: Timestamp) {
        if let (Some(said_at), Some(repeat)) = (self.said_at, self.repeat) {
            self.said_at = Some(last_due(said_at.after(repeat), repeat, latest).before(repeat));
        }
    }

    fn due(&mut self, scene: &Scene<'_>, out: &mut Vec<Change>) {
        self.said_at = Some(scene.at);
        out.push(self.change(AlertState::Firing, scene));
    }

    fn explain(&self, text: &[u8], _: &Scene<'_>, wall: &dyn Fn(Timestamp) -> Timestamp) -> Why {
        match &self.pattern {
            Some(pattern) if !pattern.is_match(text) => {
                Why::NoMatch { pattern: pattern.as_str().to_owned() }
            }
            _ => Why::Waiting { until: self.deadline().map(wall) },
        }
    }
}
