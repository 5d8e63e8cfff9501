//! `silence: 15m`: no output at all, or none that says anything new, or lines but no step; with a
//! pattern: no line that matches it.
//!
//! A progress bar that still moves is a step. Whatever breaks the silence also ends it.

use std::time::Duration;

use regex::bytes::Regex;

use crate::engine::alert::{AlertState, Happening, Sign};
use crate::engine::explain::Why;
use crate::engine::rules::every::{SHORTEST, last_due};
use crate::engine::rules::{Change, Hit, Track};
use crate::engine::scene::Scene;
use crate::time::Timestamp;

const SIGNS: [Sign; 3] = [Sign::Output, Sign::Line, Sign::Step];
/// A run that has made fewer steps may not count them at all.
const LEAST_STEPS: u32 = 3;
/// A pause is long for steps if it is so many times the longest one before: evaluations and
/// checkpoints print lines without steps.
const LONG_PAUSE: u32 = 10;
/// A long one that ended by itself was no stall (an evaluation, perhaps): the next one is long if
/// it is so many times longer.
const LONGER_PAUSE: u32 = 2;

#[derive(Debug)]
pub(in crate::engine) struct Silence {
    quiet: Duration,
    pattern: Option<Regex>,
    /// A silence that ended by itself was none to tell of, once the run has begun.
    patient: bool,
    repeat: Option<Duration>,
    /// When there was each of `SIGNS` last; at first, the start. With a pattern: when it matched.
    since: [Timestamp; SIGNS.len()],
    steps: u32,
    /// Between two steps.
    longest_pause: Duration,
    /// Of those that were long for steps.
    longest_long: Duration,
    /// Of those that a patient rule has learned, and how many there were.
    longest_quiet: Duration,
    silences: u32,
    /// What was said to be lacking, and when last; none: nothing since it came.
    said: Option<(Sign, Timestamp)>,
}

impl Silence {
    pub(super) fn new(
        quiet: Duration,
        pattern: Option<Regex>,
        patient: bool,
        repeat: Option<Duration>,
        started: Timestamp,
    ) -> Self {
        let repeat = repeat.map(|repeat| repeat.max(SHORTEST));
        let since = [started; SIGNS.len()];
        Self {
            quiet,
            pattern,
            patient,
            repeat,
            since,
            steps: 0,
            longest_pause: Duration::ZERO,
            longest_long: Duration::ZERO,
            longest_quiet: Duration::ZERO,
            silences: 0,
            said: None,
        }
    }

    /// The run gave a sign of life.
    pub(in crate::engine) fn alive(
        &mut self,
        sign: Sign,
        scene: &Scene<'_>,
        out: &mut Vec<Change>,
    ) {
        if self.pattern.is_none() {
            self.broken(sign, scene, out);
        }
    }

    /// What the run did is done, and whether steps follow is not known until they do.
    pub(in crate::engine) fn expect_no_step(&mut self) {
        self.steps = 0;
    }

    /// Whether a silence was told that is not over.
    pub(in crate::engine) fn is_told(&self) -> bool {
        self.said.is_some()
    }

    /// The run was started again: every sign is awaited from now on.
    pub(in crate::engine) fn begin_anew(&mut self, scene: &Scene<'_>, out: &mut Vec<Change>) {
        if let Some((lack, _)) = self.said.take() {
            out.push(self.change(AlertState::Resolved, lack, scene));
        }
        self.since = [scene.at; SIGNS.len()];
        self.steps = 0;
    }

    fn broken(&mut self, sign: Sign, scene: &Scene<'_>, out: &mut Vec<Change>) {
        let over = self.said.filter(|(lack, _)| sign >= *lack);
        if let Some((lack, _)) = over {
            out.push(self.change(AlertState::Resolved, lack, scene));
            self.said = None;
        }
        let pause = scene.at.since(self.since[sign as usize]);
        if self.patient && sign == Sign::Output && pause >= self.quiet {
            self.silences = self.silences.saturating_add(1);
            // How long the run takes to begin says nothing of how it goes on.
            if self.steps > 0 || self.silences > 1 {
                self.longest_quiet = pause.max(self.longest_quiet);
            }
        }
        if sign == Sign::Step {
            if self.steps > 0 && over.is_none_or(|(lack, _)| lack == Sign::Step) {
                self.learn(pause);
            }
            self.steps = self.steps.saturating_add(1);
        }
        // What lacks after a silence is counted from its end. Output is told when it comes, and a
        // line that is not ended only a while later.
        let anew = pause >= self.quiet;
        for (known, since) in SIGNS.iter().zip(&mut self.since) {
            let implied = *known <= sign && *known > Sign::Output;
            if *known == sign || implied || (anew && *known > sign) {
                *since = scene.at;
            }
        }
    }

    /// Between two steps there was this pause, and it is over.
    fn learn(&mut self, pause: Duration) {
        let is_long = self.steps >= LEAST_STEPS && pause >= self.long_pause();
        let longest = if is_long { &mut self.longest_long } else { &mut self.longest_pause };
        *longest = pause.max(*longest);
    }

    /// From which length on a pause between two steps is out of the ordinary.
    fn long_pause(&self) -> Duration {
        self.quiet.max(self.longest_pause.saturating_mul(LONG_PAUSE))
    }

    /// How long this sign may be lacking; none: it need not be there.
    fn limit(&self, sign: Sign) -> Option<Duration> {
        let usual = self.quiet.max(self.longest_quiet.saturating_mul(LONGER_PAUSE));
        match sign {
            Sign::Output => Some(usual),
            _ if self.pattern.is_some() => None,
            Sign::Line => Some(usual),
            Sign::Step if self.steps < LEAST_STEPS => None,
            Sign::Step => {
                let longest_long = self.longest_long.saturating_mul(LONGER_PAUSE);
                Some(usual.max(self.long_pause()).max(longest_long))
            }
        }
    }

    /// When each sign will have been lacking for too long.
    fn limits(&self) -> impl Iterator<Item = (Timestamp, Sign)> {
        let limits = SIGNS.iter().zip(self.since);
        limits.filter_map(|(sign, since)| Some((since.after(self.limit(*sign)?), *sign)))
    }

    fn change(&self, state: AlertState, lacks: Sign, scene: &Scene<'_>) -> Change {
        let happening = Happening::Silent {
            quiet: scene.at.since(self.since[lacks as usize]),
            lacks,
            pattern: self.pattern.as_ref().map(|pattern| pattern.as_str().to_owned()),
            last_line: scene.lines().last_line(),
        };
        Change { state, happening }
    }
}

impl Track for Silence {
    fn pattern(&self) -> Option<&Regex> {
        self.pattern.as_ref()
    }

    fn printed(&mut self, scene: &Scene<'_>, out: &mut Vec<Change>) {
        self.alive(Sign::Output, scene, out);
    }

    fn matched(&mut self, _hit: &Hit<'_>, scene: &Scene<'_>, out: &mut Vec<Change>) {
        self.broken(Sign::Output, scene, out);
    }

    fn deadline(&self) -> Option<Timestamp> {
        match self.said {
            None => self.limits().map(|(at, _)| at).min(),
            Some((_, said_at)) => self.repeat.map(|repeat| said_at.after(repeat)),
        }
    }

    fn skip_to(&mut self, latest: Timestamp) {
        if let (Some((_, said_at)), Some(repeat)) = (&mut self.said, self.repeat) {
            *said_at = last_due(said_at.after(repeat), repeat, latest).before(repeat);
        }
    }

    fn due(&mut self, scene: &Scene<'_>, out: &mut Vec<Change>) {
        // The weakest sign that is lacking says the most.
        let lacking = self.limits().find(|(at, _)| *at <= scene.at).map(|(_, sign)| sign);
        let lack = self.said.map(|(lack, _)| lack).or(lacking).unwrap_or(Sign::Output);
        self.said = Some((lack, scene.at));
        out.push(self.change(AlertState::Firing, lack, scene));
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
