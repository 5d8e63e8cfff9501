//! The pure core: bytes and process events in, alerts out.
//!
//! It knows no clock, file, network, environment or randomness. `now` is an argument, so a replay
//! and a live run are the same by construction. Deadlines due at or before `now` fire first, each
//! at its own time, then the input is handled; a wake-up too many changes nothing. Where wake-ups
//! are missing, of what is told in intervals only the last one is told.
//!
//! Inside: bytes become lines here, source by source; `judge` makes samples of lines and asks the
//! rules; each rule's tracker says what happened, its speaker whether it is told.

pub mod alert;
mod bar;
mod block;
pub mod cause;
mod context;
mod cooldown;
pub mod csv;
mod escape;
pub mod explain;
pub mod expression;
mod format;
mod gate;
pub mod host;
pub mod input;
mod intake;
mod judge;
pub mod metrics;
mod progress;
mod rows;
pub mod rules;
mod run_time;
mod scanner;
mod scene;
mod screen;
mod search;
pub mod series;
pub mod signals;
pub mod snapshot;
mod speaker;
pub mod splitter;
pub mod tfevents;

use std::sync::Arc;
use std::time::Duration;

pub use alert::{Alert, Effect};
pub use input::{Input, SourceId};
pub use search::{Searched, Searcher};

use crate::engine::alert::{Happening, Verdict};
use crate::engine::cause::Investigator;
use crate::engine::explain::Explained;
use crate::engine::format::Format;
use crate::engine::input::ProcessEnd;
use crate::engine::judge::{Ears, Judge, Moment};
use crate::engine::metrics::Found;
use crate::engine::rules::RuleSet;
use crate::engine::run_time::RunTime;
use crate::engine::series::SeriesStore;
use crate::engine::snapshot::{Snapshot, Stage};
use crate::engine::splitter::Splitter;
use crate::time::Timestamp;

/// An unterminated line is offered to the rules when nothing was added to it for this long.
const PARTIAL_AFTER: Duration = Duration::from_secs(1);
/// Lines of output that a snapshot shows.
pub(crate) const LAST_LINES: usize = 20;
/// Sources beyond this number are not listened to.
const MAX_SOURCES: usize = 4_096;

/// The engine of one run.
#[derive(Debug)]
pub struct Engine {
    time: RunTime,
    sources: Vec<Source>,
    investigator: Investigator,
    judge: Judge,
    searcher: Arc<Searcher>,
    /// Scratch.
    searched: Searched,
    end: Option<ProcessEnd>,
    /// The process has ended, and another one is about to be started.
    restarting: bool,
    /// How often another one was.
    restarts: u32,
    /// How it ended, once it is finished.
    verdict: Option<Verdict>,
    finished: bool,
    /// It panics when it is used, for the tests of those who must bear that.
    #[cfg(test)]
    pub(crate) is_broken: bool,
}

#[derive(Debug, Default)]
struct Source {
    name: String,
    splitter: Splitter,
    format: Format,
    /// When its unterminated line is offered, on the run's time.
    partial_due: Option<Timestamp>,
}

/// What may be done to a source's lines.
#[derive(Clone, Copy, Debug)]
enum Feed<'a> {
    Bytes(&'a [u8]),
    Partial,
    Close,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug)]
enum Due {
    Partial(usize),
    Rule(usize),
}

impl Engine {
    /// `started` is the run's start. With `trace`, every sample is an effect too.
    pub fn new(rules: RuleSet, started: Timestamp, trace: bool) -> Self {
        let (judge, searcher) = Judge::new(rules, started, trace);
        Self {
            time: RunTime::new(started),
            sources: Vec::new(),
            investigator: Investigator::default(),
            judge,
            searcher: Arc::new(searcher),
            searched: Searched::default(),
            end: None,
            restarting: false,
            restarts: 0,
            verdict: None,
            finished: false,
            #[cfg(test)]
            is_broken: false,
        }
    }

    /// Handles one input that happened at `now`, after all deadlines until then.
    pub fn handle(&mut self, now: Timestamp, input: Input<'_>, effects: &mut Vec<Effect>) {
        let at = self.time.advance(now);
        self.advance(at, effects);
        if self.finished {
            return;
        }
        match input {
            Input::Started { .. } => {
                if self.restarting {
                    self.forget_end();
                    self.restarts = self.restarts.saturating_add(1);
                    self.judge.lives(&moment(&self.time, at, None), effects);
                }
            }
            Input::Mark { .. } | Input::Repeats { .. } => {}
            Input::Opened { source, name } => {
                let mut others = self.sources.iter_mut().rev();
                let before = others.find(|other| other.name == name);
                let format = Format::of(name, before.map(|before| &mut before.format));
                if let Some(index) = self.open(source) {
                    self.sources[index].name = name.to_owned();
                    self.sources[index].format = format;
                }
            }
            Input::Chunk { source, bytes } => {
                if let Some(index) = self.open(source).filter(|_| !bytes.is_empty()) {
                    let mut searched = std::mem::take(&mut self.searched);
                    self.searcher.search(bytes, &mut searched);
                    self.chunk(index, (bytes, 0..bytes.len()), &searched, at, effects);
                    self.searched = searched;
                }
            }
            Input::Gap { source, .. } => {
                if let Some(index) = self.open(source) {
                    self.printed(index, at, effects);
                    self.feed(index, Feed::Close, at, effects);
                }
            }
            Input::Closed { source } => {
                if let Some(index) = self.open(source) {
                    self.feed(index, Feed::Close, at, effects);
                }
            }
            Input::Sample { source, metric, step, value } => {
                if let Some(index) = self.open(source) {
                    // A host metric, which has no step, is measured; an event was written by the run.
                    if step.is_some() {
                        self.printed(index, at, effects);
                    }
                    let moment = moment(&self.time, at, Some((source, &self.sources[index].name)));
                    let text = host::text(metric, value);
                    let text = text.as_str().into();
                    let found = Found { name: metric, value, text, known: None };
                    self.judge.sample(found, step, &moment, effects);
                }
            }
            Input::Stopped => self.time.stop(),
            Input::Continued => self.time.go_on(),
            Input::Ended(end) => {
                if self.restarting {
                    self.forget_end();
                }
                self.judge.died();
                self.end.get_or_insert(end);
            }
            Input::Restarting { attempt, most, after } => {
                let Some(end) = &self.end else { return };
                self.restarting = true;
                let verdict = self.verdict(end);
                let happening = Happening::Restarting { verdict, attempt, most, after };
                self.judge.restarts(&happening, &moment(&self.time, at, None), effects);
            }
            Input::Finished => self.finish(at, effects),
        }
    }

    /// From `now` on other rules hold. A rule that is defined as before keeps its state; any other
    /// one starts anew.
    pub fn replace_rules(&mut self, now: Timestamp, rules: RuleSet, effects: &mut Vec<Effect>) {
        let at = self.time.advance(now);
        self.advance(at, effects);
        self.searcher = Arc::new(self.judge.replace_rules(rules, at, &self.searcher));
    }

    /// When `handle_deadline` must be called at the latest; none: not before the next input.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let (at, _) = self.next_due().filter(|_| !self.time.is_stopped())?;
        Some(self.time.wall(at))
    }

    /// Fires what is due at or before `now`. Calling it too early or too often is harmless.
    pub fn handle_deadline(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let at = self.time.advance(now);
        self.advance(at, effects);
    }

    /// Wakes up at each deadline until `now`, as a live run does.
    pub fn live_until(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        while let Some(due) = self.next_deadline().filter(|due| *due <= now) {
            self.handle_deadline(due, effects);
        }
    }

    /// All metrics so far, for charts.
    pub fn series(&self) -> &SeriesStore {
        self.judge.series()
    }

    /// How the run stands at `now`.
    pub fn snapshot(&self, now: Timestamp) -> Snapshot {
        let at = self.time.at(now);
        Snapshot {
            at: now,
            elapsed: at.since(self.judge.started()),
            metrics: self.series().newest_values(),
            progress: self.judge.progress(at),
            lines: self.judge.last_lines(LAST_LINES),
            stage: match (&self.verdict, self.finished) {
                (Some(verdict), _) => Stage::Ended(verdict.clone()),
                (None, true) => Stage::Unwatched,
                (None, false) => Stage::Running,
            },
        }
    }

    /// Names of the rules that never matched or fired, in the order of the file.
    pub fn unmatched_rules(&self) -> Vec<&str> {
        self.judge.unmatched_rules()
    }

    /// What was held back and nobody has heard of, by rule.
    pub fn untold(&self) -> Vec<(String, u64)> {
        self.judge.untold()
    }

    /// What each rule makes of a line with this text, which was just handled.
    pub fn explain(&self, now: Timestamp, text: &[u8]) -> Vec<Explained> {
        self.judge.explain(text, self.time.at(now), &|at| self.time.wall(at))
    }

    /// Fires all deadlines until `at`, each at its own time.
    fn advance(&mut self, at: Timestamp, effects: &mut Vec<Effect>) {
        #[cfg(test)]
        assert!(!self.is_broken, "as the test wants it");
        while let Some((due_at, due)) = self.next_due().filter(|(due_at, _)| *due_at <= at) {
            match due {
                Due::Partial(index) => self.feed(index, Feed::Partial, due_at, effects),
                Due::Rule(number) => {
                    self.judge.due(number, at, &moment(&self.time, due_at, None), effects);
                }
            }
        }
    }

    /// The first deadline. At the same time lines come before rules, since a line may put off what
    /// a rule is waiting for; and rules come in their order.
    fn next_due(&self) -> Option<(Timestamp, Due)> {
        if self.finished {
            return None;
        }
        let partials = self.sources.iter().enumerate();
        let partials = partials.filter_map(|(index, s)| Some((s.partial_due?, index)));
        let partial = partials.min().map(|(at, index)| (at, Due::Partial(index)));
        let rule = self.judge.next_deadline().map(|(at, number)| (at, Due::Rule(number)));
        match (partial, rule) {
            (Some(partial), Some(rule)) if rule.0 < partial.0 => Some(rule),
            (partial, rule) => partial.or(rule),
        }
    }

    /// The index of a source; one that was not announced is added without a name.
    fn open(&mut self, source: SourceId) -> Option<usize> {
        let index = usize::try_from(source.0).ok().filter(|index| *index < MAX_SOURCES)?;
        if index >= self.sources.len() {
            self.sources.resize_with(index + 1, Source::default);
        }
        Some(index)
    }

    fn printed(&mut self, index: usize, at: Timestamp, effects: &mut Vec<Effect>) {
        let source = (source_id(index), self.sources[index].name.as_str());
        self.judge.printed(&moment(&self.time, at, Some(source)), effects);
    }

    fn feed(&mut self, index: usize, feed: Feed<'_>, at: Timestamp, effects: &mut Vec<Effect>) {
        let Some(source) = self.sources.get_mut(index) else { return };
        let id = source_id(index);
        let closed = matches!(feed, Feed::Close);
        let before = Moment { closed, ..moment(&self.time, at, Some((id, &source.name))) };
        let (judge, investigator) = (&mut self.judge, &mut self.investigator);
        let searcher = &self.searcher;
        if let Format::Events(events) = &mut source.format {
            return match feed {
                Feed::Bytes(bytes) => events.push(bytes, &mut |scalar| {
                    let moment = Moment { line: scalar.record, ..before };
                    let found = Found {
                        name: scalar.tag,
                        value: scalar.value,
                        text: scalar.text.into(),
                        known: None,
                    };
                    judge.sample(found, Some(scalar.step as f64), &moment, effects);
                }),
                Feed::Partial => {}
                Feed::Close => events.gap(),
            };
        }
        let format = &mut source.format;
        let mut each = |line: splitter::Line<'_>| {
            investigator.line(id, &line);
            let moment = Moment { line: line.number, ..before };
            let ears = Ears { format, searcher, reading: None };
            judge.line(&line, &moment, ears, effects);
        };
        match feed {
            Feed::Bytes(bytes) => source.splitter.push(bytes, &mut each),
            Feed::Partial => source.splitter.offer_partial(&mut each),
            Feed::Close => source.splitter.close(&mut each),
        }
        let again = matches!(feed, Feed::Bytes(_)) && source.splitter.has_partial();
        source.partial_due = again.then(|| at.after(PARTIAL_AFTER));
    }

    fn verdict(&self, end: &ProcessEnd) -> Verdict {
        Verdict { restarts: self.restarts, ..self.investigator.verdict(end) }
    }

    /// What an earlier process died of explains nothing of the next one.
    fn forget_end(&mut self) {
        self.restarting = false;
        self.end = None;
        self.investigator = Investigator::default();
    }

    fn finish(&mut self, at: Timestamp, effects: &mut Vec<Effect>) {
        for index in 0..self.sources.len() {
            self.feed(index, Feed::Close, at, effects);
        }
        let verdict = self.end.as_ref().map(|end| self.verdict(end));
        self.judge.finish(verdict.as_ref(), &moment(&self.time, at, None), effects);
        self.verdict = verdict;
        self.finished = true;
    }
}

fn source_id(index: usize) -> SourceId {
    SourceId(u32::try_from(index).unwrap_or(u32::MAX))
}

fn moment<'a>(time: &RunTime, at: Timestamp, source: Option<(SourceId, &'a str)>) -> Moment<'a> {
    Moment { at, wall: time.wall(at), source, line: 0, passed: b"", closed: false }
}
