//! What a line, a sample or a point in time means: samples into the series, and the rules' say.
//!
//! Gets complete lines and a time that only goes forward; knows no bytes, no wall clock and no
//! channel. Everything goes in the order of the rules file.

mod batch;
mod measure;
mod numbers;
mod pulse;
mod quiet;
mod steps;

use crate::engine::LAST_LINES;
use crate::engine::alert::{Effect, Happening, Origin, Progress, Verdict};
use crate::engine::context::Context;
use crate::engine::explain::Explained;
use crate::engine::format::Format;
use crate::engine::input::SourceId;
use crate::engine::judge::batch::Batch;
use crate::engine::judge::pulse::Pulse;
use crate::engine::judge::steps::Steps;
use crate::engine::metrics::Reading;
use crate::engine::progress::Counters;
use crate::engine::rules::{Change, Hit, LinePlace, RuleSet, Tracker};
use crate::engine::scene::Scene;
use crate::engine::search::Searcher;
use crate::engine::series::{SeriesId, SeriesStore};
use crate::engine::speaker::{Occasion, Speaker};
use crate::engine::splitter::{Line, LineKind};
use crate::time::Timestamp;

#[derive(Debug)]
pub(super) struct Judge {
    started: Timestamp,
    /// Every sample is an effect.
    trace: bool,
    finds_metrics: bool,
    /// The process is gone: timers no longer fire, since its silence is no news.
    died: bool,
    rules: Vec<Ruling>,
    /// Those that wait for more than a line that matches: often few among many.
    waiting: Vec<usize>,
    /// What each pattern of the searcher is for.
    wanted: Vec<Wanted>,
    series: SeriesStore,
    /// By the numbers of the searcher's names: its series, and whether it counts the run.
    known: Vec<Option<(SeriesId, bool)>>,
    steps: Steps,
    progress: Counters,
    pulse: Pulse,
    context: Context,
    batch: Batch,
    // Scratch, kept for its memory.
    ids: Vec<Option<SeriesId>>,
    hits: Vec<usize>,
    missing: Vec<SeriesId>,
    changes: Vec<Change>,
}

/// A rule at work.
#[derive(Debug)]
struct Ruling {
    tracker: Tracker,
    speaker: Speaker,
    /// It matched or fired at least once.
    matched: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// Only its named groups.
    Metrics,
    Rule(usize),
}

/// What makes something of a line's text.
pub(super) struct Ears<'a> {
    pub(super) format: &'a mut Format,
    pub(super) searcher: &'a Searcher,
    /// What it found in the line ahead.
    pub(super) reading: Option<Reading<'a>>,
}

/// When and where in the input: both times, and the line if it is one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment<'a> {
    /// On the run's time.
    pub(super) at: Timestamp,
    pub(super) wall: Timestamp,
    pub(super) source: Option<(SourceId, &'a str)>,
    /// The line's number; 0 for what stands in no line.
    pub(super) line: u64,
    /// Whole lines of the source up to this one that are not in the context yet.
    pub(super) passed: &'a [u8],
    /// The line is complete because its source was closed, not because more came.
    pub(super) closed: bool,
}

impl Moment<'_> {
    /// The line; none for what stands in no line.
    pub(super) fn origin(&self) -> Option<Origin> {
        let (_, name) = self.source.filter(|_| self.line > 0)?;
        Some(Origin { source: name.to_owned(), line: self.line })
    }
}

impl Judge {
    /// With what searches for it.
    pub(super) fn new(set: RuleSet, started: Timestamp, trace: bool) -> (Self, Searcher) {
        let mut judge = Self {
            started,
            trace,
            finds_metrics: true,
            died: false,
            waiting: Vec::new(),
            rules: Vec::new(),
            wanted: Vec::new(),
            series: SeriesStore::default(),
            known: Vec::new(),
            steps: Steps::default(),
            progress: Counters::default(),
            pulse: Pulse::default(),
            context: Context::default(),
            batch: Batch::default(),
            ids: Vec::new(),
            hits: Vec::new(),
            missing: Vec::new(),
            changes: Vec::new(),
        };
        let searcher = judge.replace_rules(set, started, &Searcher::default());
        (judge, searcher)
    }

    /// Judges by these rules from `at` on. A rule that is defined as before keeps its state. Gives
    /// what searches for it, in place of `searcher`.
    pub(super) fn replace_rules(
        &mut self,
        set: RuleSet,
        at: Timestamp,
        searcher: &Searcher,
    ) -> Searcher {
        let named = set.named_metrics();
        let mut old = std::mem::take(&mut self.rules);
        let mut patterns = set.metrics;
        self.wanted = vec![Wanted::Metrics; patterns.len()];
        self.finds_metrics = set.auto_metrics;
        let wanted = set.rules.iter().map(|rule| rule.lines).max().unwrap_or_default();
        self.context.keep(wanted.max(LAST_LINES));
        for (number, rule) in set.rules.into_iter().enumerate() {
            let known = old.iter().position(|ruling| ruling.speaker.rule().is_same(&rule));
            let ruling = match known.map(|known| old.swap_remove(known)) {
                Some(Ruling { tracker: Tracker::NonFinite(mut tracker), speaker, matched }) => {
                    tracker.name(&named, &mut self.series);
                    Ruling { tracker: Tracker::NonFinite(tracker), speaker, matched }
                }
                Some(known) => known,
                None => {
                    let times = (self.started, at);
                    let tracker = Tracker::new(&rule, &mut self.series, times, &named);
                    Ruling { tracker, speaker: Speaker::new(rule), matched: false }
                }
            };
            if let Some(pattern) = ruling.tracker.as_track().pattern() {
                patterns.push(pattern.clone());
                self.wanted.push(Wanted::Rule(number));
            }
            self.rules.push(ruling);
        }
        let waits = |number: &usize| !matches!(self.rules[*number].tracker, Tracker::Pattern(_));
        self.waiting = (0..self.rules.len()).filter(waits).collect();
        Searcher::new(searcher, patterns, self.finds_metrics)
    }

    pub(super) fn series(&self) -> &SeriesStore {
        &self.series
    }

    pub(super) fn started(&self) -> Timestamp {
        self.started
    }

    pub(super) fn progress(&self, at: Timestamp) -> Option<Progress> {
        self.progress.progress(at)
    }

    pub(super) fn last_lines(&self, count: usize) -> Vec<String> {
        self.context.last(count)
    }

    pub(super) fn unmatched_rules(&self) -> Vec<&str> {
        let unmatched = self.rules.iter().filter(|ruling| !ruling.matched);
        unmatched.map(|ruling| ruling.speaker.rule().name.as_str()).collect()
    }

    /// The process is gone; what it printed may still come.
    pub(super) fn died(&mut self) {
        self.died = true;
    }

    /// The process is gone, and another one is to be started. `happening` says so.
    pub(super) fn restarts(
        &mut self,
        happening: &Happening,
        moment: &Moment<'_>,
        effects: &mut Vec<Effect>,
    ) {
        // The run goes on, so a warning of it may be repeated.
        self.died = false;
        self.each_rule(moment, effects, |_, ruling, _, out| {
            if let Tracker::Restart(restart) = &ruling.tracker {
                restart.restarts(happening, out);
            }
        });
        self.died = true;
    }

    /// A process is there again. The time without one was no silence of it.
    pub(super) fn lives(&mut self, moment: &Moment<'_>, effects: &mut Vec<Effect>) {
        self.died = false;
        self.each_rule(moment, effects, |_, ruling, scene, out| {
            if let Tracker::Silence(silence) = &mut ruling.tracker {
                silence.begin_anew(scene, out);
            }
        });
    }

    /// The rule that wants to be woken first, and when; of several the first in the file.
    pub(super) fn next_deadline(&self) -> Option<(Timestamp, usize)> {
        if self.died {
            return None;
        }
        let deadline = |&number: &usize| {
            Some((self.rules.get(number)?.tracker.as_track().deadline()?, number))
        };
        self.waiting.iter().filter_map(deadline).min()
    }

    /// A rule's deadline has come, and it is `latest` by now.
    pub(super) fn due(
        &mut self,
        number: usize,
        latest: Timestamp,
        moment: &Moment<'_>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(ruling) = self.rules.get_mut(number) else { return };
        let tracker = ruling.tracker.as_track_mut();
        tracker.skip_to(latest);
        if tracker.deadline().is_none_or(|deadline| deadline > moment.at) {
            return;
        }
        self.each_rule(moment, effects, |at, ruling, scene, out| {
            if at == number {
                ruling.tracker.as_track_mut().due(scene, out);
            }
        });
    }

    /// Something was printed, whatever it is.
    pub(super) fn printed(&mut self, moment: &Moment<'_>, effects: &mut Vec<Effect>) {
        self.each_waiting(moment, effects, |_, ruling, scene, out| {
            ruling.tracker.as_track_mut().printed(scene, out);
        });
    }

    /// A line or a frame. Samples first, so that conditions see what the line shows.
    pub(super) fn line(
        &mut self,
        line: &Line<'_>,
        moment: &Moment<'_>,
        ears: Ears<'_>,
        effects: &mut Vec<Effect>,
    ) {
        let Some((source, _)) = moment.source else { return };
        self.context.line(source, line);
        self.batch.start();
        let mut hits = std::mem::take(&mut self.hits);
        ears.searcher.scanner().scan(line.text, &mut hits);
        let place = LinePlace { source, number: line.number };
        self.missing.clear();
        for &number in &hits {
            self.capture((ears.searcher, number), line, place);
        }
        self.measure(line, line.kind != LineKind::Partial, moment, ears, effects);
        self.judge(&hits, Some((line, place)), moment, effects);
        self.hits = hits;
    }

    /// Asks the rules, in their order, about the committed samples and the line that was hit.
    fn judge(
        &mut self,
        hits: &[usize],
        line: Option<(&Line<'_>, LinePlace)>,
        moment: &Moment<'_>,
        effects: &mut Vec<Effect>,
    ) {
        let Some((line, place)) = line.filter(|_| !hits.is_empty()) else {
            return self.judge_samples(moment, effects);
        };
        let sampled = self.batch.take();
        let missing = std::mem::take(&mut self.missing);
        let wanted = std::mem::take(&mut self.wanted);
        self.each_rule(moment, effects, |number, ruling, scene, out| {
            if !sampled.is_empty() {
                ruling.tracker.as_track_mut().sampled(&sampled, scene, out);
            }
            if hits.iter().any(|hit| wanted.get(*hit) == Some(&Wanted::Rule(number))) {
                ruling.matched = true;
                let (kind, text) = (line.kind, line.text);
                let hit = Hit { place, kind, text, missing: &missing };
                ruling.tracker.as_track_mut().matched(&hit, scene, out);
            }
        });
        self.batch.judged(sampled);
        self.missing = missing;
        self.wanted = wanted;
    }

    /// The same of a line that was not hit: of committed samples only.
    fn judge_samples(&mut self, moment: &Moment<'_>, effects: &mut Vec<Effect>) {
        let sampled = self.batch.take();
        if !sampled.is_empty() {
            self.each_waiting(moment, effects, |_, ruling, scene, out| {
                ruling.tracker.as_track_mut().sampled(&sampled, scene, out);
            });
        }
        self.batch.judged(sampled);
    }

    /// What each rule makes of a line. `wall`: a point on the run's time, as others see it.
    pub(super) fn explain(
        &self,
        text: &[u8],
        at: Timestamp,
        wall: &dyn Fn(Timestamp) -> Timestamp,
    ) -> Vec<Explained> {
        let scene = Scene {
            at,
            started: self.started,
            series: &self.series,
            context: &self.context,
            passed: None,
            counters: &self.progress,
        };
        let explain = |ruling: &Ruling| {
            let tracker = ruling.tracker.as_track();
            let captures = tracker.pattern().and_then(|pattern| {
                let captures = pattern.captures(text)?;
                let groups = pattern.capture_names().flatten().filter_map(|name| {
                    let group = captures.name(name)?;
                    Some((name.to_owned(), String::from_utf8_lossy(group.as_bytes()).into_owned()))
                });
                Some(groups.collect())
            });
            let why = tracker.explain(text, &scene, wall);
            Explained { rule: ruling.speaker.rule().name.clone(), captures, why }
        };
        self.rules.iter().map(explain).collect()
    }

    /// Nothing more comes. The user's rules speak of the end before the built-in ones, and these
    /// keep quiet if everybody has heard of it already.
    pub(super) fn finish(
        &mut self,
        verdict: Option<&Verdict>,
        moment: &Moment<'_>,
        effects: &mut Vec<Effect>,
    ) {
        let is_exit = |ruling: &Ruling| matches!(ruling.tracker, Tracker::Exit(_));
        self.each_rule(moment, effects, |_, ruling, scene, out| {
            if !is_exit(ruling) {
                ruling.tracker.as_track_mut().finished(verdict, scene, out);
            }
        });
        let untold = self.untold();
        let first = effects.len();
        for builtin in [false, true] {
            let told = self.rules.iter().any(|r| is_exit(r) && r.speaker.has_told_everybody());
            self.each_rule(moment, effects, |_, ruling, scene, out| {
                if is_exit(ruling) && ruling.speaker.rule().builtin == builtin {
                    ruling.speaker.keep_quiet(told);
                    ruling.tracker.as_track_mut().finished(verdict, scene, out);
                }
            });
        }
        for effect in effects.iter_mut().skip(first) {
            if let Effect::Alert(alert) = effect {
                alert.untold.clone_from(&untold);
            }
        }
    }

    /// What was held back and would be told nowhere, since nothing follows.
    pub(super) fn untold(&self) -> Vec<(String, u64)> {
        let counts = self.rules.iter().map(|ruling| &ruling.speaker);
        let counts = counts.map(|speaker| (speaker.rule().name.clone(), speaker.untold()));
        counts.filter(|(_, count)| *count > 0).collect()
    }

    /// Lets `ask` ask each rule in order, and says what comes of it.
    fn each_rule(
        &mut self,
        moment: &Moment<'_>,
        effects: &mut Vec<Effect>,
        ask: impl FnMut(usize, &mut Ruling, &Scene<'_>, &mut Vec<Change>),
    ) {
        self.each_of(0..self.rules.len(), moment, effects, ask);
    }

    /// The same for those that wait for more than a line that matches.
    #[inline]
    fn each_waiting(
        &mut self,
        moment: &Moment<'_>,
        effects: &mut Vec<Effect>,
        ask: impl FnMut(usize, &mut Ruling, &Scene<'_>, &mut Vec<Change>),
    ) {
        if self.waiting.is_empty() {
            return;
        }
        let waiting = std::mem::take(&mut self.waiting);
        self.each_of(waiting.iter().copied(), moment, effects, ask);
        self.waiting = waiting;
    }

    fn each_of(
        &mut self,
        numbers: impl Iterator<Item = usize>,
        moment: &Moment<'_>,
        effects: &mut Vec<Effect>,
        mut ask: impl FnMut(usize, &mut Ruling, &Scene<'_>, &mut Vec<Change>),
    ) {
        let passed = moment.source.map(|(source, _)| (source, moment.passed));
        let scene = Scene {
            at: moment.at,
            started: self.started,
            series: &self.series,
            context: &self.context,
            passed: passed.filter(|(_, lines)| !lines.is_empty()),
            counters: &self.progress,
        };
        for number in numbers {
            let Some(ruling) = self.rules.get_mut(number) else { continue };
            ask(number, ruling, &scene, &mut self.changes);
            if self.changes.is_empty() {
                continue;
            }
            for change in self.changes.drain(..) {
                ruling.matched = true;
                let died = self.died;
                let occasion = Occasion { scene: &scene, moment, died };
                effects.extend(ruling.speaker.say(change, &occasion));
            }
        }
    }
}
