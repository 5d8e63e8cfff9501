//! `match`: a line matches, and so often within so long.
//!
//! A line that is drawn over (a progress bar) counts at most once, in the first of its states that
//! matches: however often the bar is redrawn, it is one line. So does a line that was offered
//! before it was complete.

use std::collections::VecDeque;
use std::time::Duration;

use regex::bytes::Regex;

use crate::engine::alert::{AlertState, Happening};
use crate::engine::explain::{Phase, Why};
use crate::engine::expression::Bound;
use crate::engine::rules::{Change, Hit, LinePlace, Track};
use crate::engine::scene::Scene;
use crate::engine::splitter::LineKind;
use crate::time::Timestamp;

/// No rule waits for more matches than this.
const MAX_COUNT: u32 = 100_000;
/// How much of a line goes into an alert, and how much of that before the match.
const SHOWN: usize = 2_000;
const SHOWN_BEFORE: usize = 500;

#[derive(Debug)]
pub(in crate::engine) struct Pattern {
    pattern: Regex,
    except: Option<Regex>,
    when: Option<Bound>,
    count: u32,
    within: Option<Duration>,
    /// Of the matches that count towards the next alert; at most `count`.
    times: VecDeque<Timestamp>,
    /// The line that counted last, of each source with an unfinished line.
    counted: Vec<LinePlace>,
}

impl Pattern {
    pub(super) fn new(
        pattern: Regex,
        except: Option<Regex>,
        when: Option<Bound>,
        count: u32,
        within: Option<Duration>,
    ) -> Self {
        let count = count.clamp(1, MAX_COUNT);
        let (times, counted) = (VecDeque::new(), Vec::new());
        Self { pattern, except, when, count, within, times, counted }
    }

    fn counts(&self, hit: &Hit<'_>, scene: &Scene<'_>) -> bool {
        if self.except.as_ref().is_some_and(|except| except.is_match(hit.text)) {
            return false;
        }
        match &self.when {
            None => true,
            // A number in a line that is not complete may be cut in the middle.
            Some(_) if hit.kind == LineKind::Partial => false,
            Some(when) => when.holds_without(scene, hit.missing) == Some(true),
        }
    }

    /// Notes that a line counted; false if it had counted already.
    fn count_line(&mut self, hit: &Hit<'_>) -> bool {
        let known = self.counted.iter_mut().find(|place| place.source == hit.place.source);
        match known {
            Some(place) if *place == hit.place => return false,
            Some(place) => *place = hit.place,
            None if hit.kind != LineKind::Whole => self.counted.push(hit.place),
            None => {}
        }
        true
    }

    /// The event at `at` completes a group: `count` of them, none older than `within`.
    fn completes(&mut self, at: Timestamp) -> bool {
        self.times.push_back(at);
        if let Some(within) = self.within {
            while self.times.front().is_some_and(|first| first.after(within) < at) {
                self.times.pop_front();
            }
        }
        let complete = self.times.len() >= self.count as usize;
        if complete {
            self.times.clear();
        }
        complete
    }

    fn happening(&self, text: &[u8]) -> Happening {
        let shown = |bytes: &[u8]| {
            let end = bytes.len().min(SHOWN);
            String::from_utf8_lossy(&bytes[..end]).into_owned()
        };
        let captured = self.pattern.captures(text);
        let start = captured.as_ref().and_then(|c| c.get(0)).map_or(0, |found| found.start());
        let from = if text.len() > SHOWN { start.saturating_sub(SHOWN_BEFORE) } else { 0 };
        let captures = self.pattern.capture_names().flatten().filter_map(|name| {
            let group = captured.as_ref()?.name(name)?;
            Some((name.to_owned(), shown(group.as_bytes())))
        });
        Happening::Matched {
            captures: captures.collect(),
            text: shown(&text[from..]),
            count: self.count,
            within: self.within,
        }
    }
}

impl Track for Pattern {
    fn pattern(&self) -> Option<&Regex> {
        Some(&self.pattern)
    }

    fn matched(&mut self, hit: &Hit<'_>, scene: &Scene<'_>, out: &mut Vec<Change>) {
        if self.counts(hit, scene) && self.count_line(hit) && self.completes(scene.at) {
            let happening = self.happening(hit.text);
            out.push(Change { state: AlertState::Firing, happening });
        }
    }

    fn explain(&self, text: &[u8], scene: &Scene<'_>, _: &dyn Fn(Timestamp) -> Timestamp) -> Why {
        if !self.pattern.is_match(text) {
            return Why::NoMatch { pattern: self.pattern.as_str().to_owned() };
        }
        if let Some(except) = self.except.as_ref().filter(|except| except.is_match(text)) {
            return Why::Excepted { except: except.as_str().to_owned() };
        }
        match self.when.as_ref().map(|when| when.explain(scene, Phase::Idle)) {
            Some(state) if state.holds != Some(true) => Why::Condition(state),
            _ => Why::Counting { count: self.times.len(), of: self.count, within: self.within },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a list of all matches since the last alert.
        #[test]
        fn count_within_agrees_with_a_naive_implementation(
            gaps in prop::collection::vec(0_i64..30, 1..80),
            count in 1_u32..6,
            within in prop::option::of(1_u64..60),
        ) {
            let within = within.map(Duration::from_secs);
            let mut pattern = Pattern::new(Regex::new("x").unwrap(), None, None, count, within);
            let (mut now, mut since_alert) = (0, Vec::new());
            for gap in gaps {
                now += gap;
                let at = Timestamp::from_secs(now);
                since_alert.push(at);
                let recent = since_alert.iter().filter(|one| within.is_none_or(|w| at.since(**one) <= w));
                let expected = recent.count() >= count as usize;
                if expected {
                    since_alert.clear();
                }
                prop_assert_eq!(pattern.completes(at), expected, "at {}", now);
                prop_assert!(pattern.times.len() < count as usize);
            }
        }
    }
}
