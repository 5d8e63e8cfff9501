//! The engine's thread: takes events, handles them, hands on what the engine wants.
//!
//! A panic in the engine must not hurt the run: it is said once, and from then on it is only shown
//! that the run lives, and its end is told, from its status alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::engine::Engine;
use crate::engine::alert::{Alert, AlertState, Effect, Happening, Outcome, Severity, Verdict};
use crate::engine::input::{ProcessEnd, ProcessStatus};
use crate::engine::rules::{Attach, RuleSet};
use crate::engine::series::{Curve, Unprinted};
use crate::engine::snapshot::{Snapshot, Stage};
use crate::runtime::ahead::search_ahead;
use crate::runtime::queue::{Event, Queue};
use crate::runtime::recording::Recording;
use crate::time::Timestamp;

/// The newest state of the run is looked at this often, also when nothing happens.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(5);
/// A run may print a metric later than others that are called alike.
const HINT_AFTER: Duration = Duration::from_secs(60);

/// What the driver tells the outside: an alert, with the curves as they were then.
#[derive(Debug)]
pub struct Report {
    pub alert: Alert,
    /// All curves; empty unless the alert wants charts.
    pub curves: Vec<Curve>,
    /// The step that the run was at; none where it prints none.
    pub step: Option<f64>,
    /// An earlier watcher may have told it.
    pub repeat: bool,
    /// What the processes of a run that hangs are doing.
    pub doing: Vec<String>,
}

/// What the driver says, in the engine's order.
#[derive(Debug)]
pub enum Word {
    Report(Box<Report>),
    /// All that came before this mark was judged, and its alerts were reported.
    Mark(u64),
    /// At the end, where no message of it says so: what was held back, by rule.
    Untold(Vec<(String, u64)>),
    /// Metrics that rules name and that the run does not print, though some are called alike. Once,
    /// early if it lasts.
    Unprinted(Vec<Unprinted>),
    /// From now on nothing is judged: the engine broke.
    Broken(Timestamp),
}

impl Report {
    /// An alert without the engine's series.
    pub(super) fn bare(alert: Alert) -> Self {
        Self { alert, curves: Vec::new(), step: None, repeat: false, doing: Vec::new() }
    }

    /// It tells that the run hangs.
    pub fn is_of_a_hang(&self) -> bool {
        let silent = matches!(self.alert.happening, Happening::Silent { pattern: None, .. });
        silent && self.alert.state == AlertState::Firing
    }
}

/// The run's newest state. The driver never waits for who reads it.
#[derive(Debug, Default)]
pub struct Newest(Mutex<Option<Snapshot>>);

impl Newest {
    /// What is new since the last call.
    pub fn take(&self) -> Option<Snapshot> {
        self.lock().take()
    }

    /// A panic costs this one look.
    fn look(&self, engine: &Engine, at: Timestamp) {
        guarded(|| self.put(engine.snapshot(at)));
    }

    fn put(&self, snapshot: Snapshot) {
        *self.lock() = Some(snapshot);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Snapshot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs until `Event::Finished`. `say` is called in the engine's order. Each call of the engine
/// is noted in `recording`.
pub fn drive(
    engine: Engine,
    queue: &Queue,
    started: Timestamp,
    newest: &Newest,
    recording: Recording,
    say: &mut dyn FnMut(Word),
) {
    let mut taken = Taken::default();
    thread::scope(|scope| {
        let _end = EndOfSearch(queue);
        // Without this thread the engine does it all.
        let helper = thread::Builder::new().name("search".to_owned());
        let _ = helper.spawn_scoped(scope, || search_ahead(queue));
        if !guarded(|| judge(engine, queue, started, newest, recording, &mut taken, say)) {
            queue.end_search();
            without_engine(taken, queue, (started, SNAPSHOT_EVERY), newest, say);
        }
    });
}

/// Ends the search ahead, however the engine ends.
struct EndOfSearch<'a>(&'a Queue);

impl Drop for EndOfSearch<'_> {
    fn drop(&mut self) {
        self.0.end_search();
    }
}

/// What was taken out of the queue, as far as it must not be lost with the engine.
#[derive(Debug, Default)]
struct Taken {
    /// How the run ended; if it was started again, the last one.
    end: Option<(Timestamp, ProcessEnd)>,
    finished: bool,
}

impl Taken {
    fn note(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::Ended(end) => self.end = Some((at, end.clone())),
            Event::Finished => self.finished = true,
            _ => {}
        }
    }
}

fn judge(
    mut engine: Engine,
    queue: &Queue,
    started: Timestamp,
    newest: &Newest,
    mut recording: Recording,
    taken: &mut Taken,
    say: &mut dyn FnMut(Word),
) {
    let mut effects = Vec::new();
    let mut repeats = false;
    let mut looks =
        Looks { newest, due: started, hint_from: started.after(HINT_AFTER), hinted: false };
    queue.search_by(engine.searcher());
    loop {
        let deadline = engine.next_deadline();
        let wake = deadline.map_or(looks.due, |deadline| deadline.min(looks.due));
        let Some((at, event)) = queue.take(Some(wake)) else {
            if wake == looks.due {
                looks.look(&engine, wake, say);
            }
            let Some(due) = deadline.filter(|due| *due <= wake) else { continue };
            recording.deadline(due);
            engine.handle_deadline(due, &mut effects);
            pass_on(&engine, &mut effects, repeats, say);
            continue;
        };
        recording.event(at, &event);
        taken.note(at, &event);
        handle(&mut engine, queue, at, &event, &mut effects);
        if matches!(event, Event::Finished) {
            newest.look(&engine, at);
            looks.hint(&engine, say);
            say_untold(&engine, &effects, say);
        }
        pass_on(&engine, &mut effects, repeats, say);
        match event {
            Event::Mark { number } => say(Word::Mark(number)),
            Event::Repeats { on } => repeats = on,
            Event::Rules(_) => looks.hinted = false,
            Event::Finished => return,
            _ => {}
        }
        if at >= looks.due {
            looks.look(&engine, at, say);
        }
    }
}

/// What is looked at now and then, whatever comes.
struct Looks<'a> {
    newest: &'a Newest,
    due: Timestamp,
    hint_from: Timestamp,
    hinted: bool,
}

impl Looks<'_> {
    fn look(&mut self, engine: &Engine, at: Timestamp, say: &mut dyn FnMut(Word)) {
        self.due = at.after(SNAPSHOT_EVERY);
        self.newest.look(engine, at);
        if at >= self.hint_from {
            self.hint(engine, say);
        }
    }

    /// Says once what rules name and the run prints under another name.
    fn hint(&mut self, engine: &Engine, say: &mut dyn FnMut(Word)) {
        if self.hinted {
            return;
        }
        let unprinted = engine.series().unprinted();
        self.hinted = !unprinted.is_empty();
        if self.hinted {
            say(Word::Unprinted(unprinted));
        }
    }
}

fn handle(
    engine: &mut Engine,
    queue: &Queue,
    at: Timestamp,
    event: &Event,
    effects: &mut Vec<Effect>,
) {
    match (event, event.as_input()) {
        (Event::Rules(rules), _) => {
            engine.replace_rules(at, RuleSet::clone(rules), effects);
            queue.search_by(engine.searcher());
        }
        (Event::Chunk { source, chunk }, Some(input)) => match chunk.take_searched() {
            Some(searched) => {
                let bytes = chunk.bytes();
                let part = 0..bytes.len();
                engine.handle_searched(at, *source, (bytes, part), &searched, effects);
                queue.give_back(searched);
            }
            None => engine.handle(at, input, effects),
        },
        (_, Some(input)) => engine.handle(at, input, effects),
        (_, None) => {}
    }
}

fn guarded(work: impl FnOnce()) -> bool {
    // The engine is never used again after a panic, so a broken invariant in it is never seen.
    catch_unwind(AssertUnwindSafe(work)).is_ok()
}

/// A message of the end says it itself.
fn say_untold(engine: &Engine, effects: &[Effect], say: &mut dyn FnMut(Word)) {
    let is_end = |alert: &Alert| matches!(alert.happening, Happening::Ended(_));
    let is_told = |effect: &Effect| matches!(effect, Effect::Alert(alert) if is_end(alert));
    let untold = engine.untold();
    if !(untold.is_empty() || effects.iter().any(is_told)) {
        say(Word::Untold(untold));
    }
}

/// `repeats`: lines come that may have come before; what no line made fire is new all the same.
fn pass_on(engine: &Engine, effects: &mut Vec<Effect>, repeats: bool, say: &mut dyn FnMut(Word)) {
    for effect in effects.drain(..) {
        if let Effect::Alert(alert) = effect {
            let series = engine.series();
            let curves = if alert.attach.charts { series.curves() } else { Vec::new() };
            let repeat = repeats && alert.origin.is_some();
            let step = series.step();
            let report = Report { curves, step, repeat, ..Report::bare(*alert) };
            say(Word::Report(Box::new(report)));
        }
    }
}

/// Drains the queue, so that nobody waits for it, shows `every` so often that the run lives, and
/// tells its end.
fn without_engine(
    mut taken: Taken,
    queue: &Queue,
    (started, every): (Timestamp, Duration),
    newest: &Newest,
    say: &mut dyn FnMut(Word),
) {
    crate::error::say(
        "watch: a bug in the engine stopped the judging of this run. The run itself goes on, and its end is still told.",
    );
    let broke_at = queue.now();
    say(Word::Broken(broke_at));
    let mut due = broke_at;
    while !taken.finished {
        let next = queue.take(Some(due));
        let now = next.as_ref().map_or(due, |(at, _)| *at);
        if now >= due {
            newest.put(unjudged(now, started));
            due = now.after(every);
        }
        next.iter().for_each(|(at, event)| taken.note(*at, event));
    }
    if let Some((at, end)) = taken.end {
        say(Word::Report(Box::new(Report::bare(bare_end(&end, at, started)))));
    }
}

/// What was measured before is no news any more.
fn unjudged(at: Timestamp, started: Timestamp) -> Snapshot {
    Snapshot {
        at,
        elapsed: at.since(started),
        metrics: Vec::new(),
        progress: None,
        lines: Vec::new(),
        stage: Stage::Unjudged,
    }
}

fn bare_end(end: &ProcessEnd, at: Timestamp, started: Timestamp) -> Alert {
    let (outcome, rule, severity) = match end.status {
        ProcessStatus::Unknown => (Outcome::Unknown, "ended", Severity::Warning),
        status if status.is_success() => (Outcome::Finished, "finished", Severity::Info),
        _ => (Outcome::Failed, "failed", Severity::Critical),
    };
    Alert {
        rule: rule.to_owned(),
        severity,
        state: AlertState::Firing,
        at,
        origin: None,
        happening: Happening::Ended(Verdict {
            status: end.status,
            outcome,
            cause: None,
            restarts: 0,
        }),
        message: None,
        lines: Vec::new(),
        metrics: Vec::new(),
        progress: None,
        elapsed: at.since(started),
        held_back: 0,
        untold: Vec::new(),
        to: Vec::new(),
        attach: Attach::default(),
        stop: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Input, SourceId};
    use crate::runtime::clock::Clock;
    use crate::sources::Sink as _;

    /// What an engine that breaks at its first input has said at the end.
    fn said(inputs: Vec<Input<'_>>) -> Vec<Happening> {
        let clock = Clock::start();
        let queue = Queue::new(clock);
        let mut engine = Engine::new(RuleSet::default(), clock.started(), false);
        engine.is_broken = true;
        for input in inputs {
            queue.put(input);
        }
        let (newest, mut said) = (Newest::default(), Vec::new());
        drive(engine, &queue, clock.started(), &newest, Recording::default(), &mut |word| {
            if let Word::Report(report) = word {
                said.push(report.alert.happening);
            }
        });
        said
    }

    fn ended(code: i32) -> (Input<'static>, Happening) {
        let status = ProcessStatus::Exited { code };
        let outcome = if code == 0 { Outcome::Finished } else { Outcome::Failed };
        let verdict = Verdict { status, outcome, cause: None, restarts: 0 };
        let end = ProcessEnd { status, clues: Vec::new() };
        (Input::Ended(end), Happening::Ended(verdict))
    }

    #[test]
    fn the_end_is_told_though_the_engine_broke() {
        let chunk = || Input::Chunk { source: SourceId(0), bytes: b"loss nan\n" };
        for code in [0, 3] {
            let (end, told) = ended(code);
            let all = vec![chunk(), chunk(), end, chunk(), Input::Finished];
            assert_eq!(said(all), [told]);
        }
        let (end, told) = ended(3);
        assert_eq!(said(vec![end, Input::Finished]), [told], "it broke at the end itself");
        assert_eq!(said(vec![Input::Finished]), [], "it broke at the last input");
    }

    #[test]
    fn of_several_processes_the_last_end_is_told_without_the_engine() {
        let ((first, _), (last, told)) = (ended(1), ended(0));
        let after = Duration::from_secs(1);
        let again = Input::Restarting { attempt: 1, most: 3, after };
        assert_eq!(said(vec![first, again, last, Input::Finished]), [told]);
    }

    #[test]
    fn a_run_whose_engine_broke_gives_signs_of_life_until_it_ends() {
        let clock = Clock::start();
        let (queue, newest) = (Queue::new(clock), Newest::default());
        let mut words = Vec::new();
        std::thread::scope(|scope| {
            let run = scope.spawn(|| {
                let signs = std::iter::from_fn(|| Some(newest.take())).flatten().take(3);
                let signs: Vec<Snapshot> = signs.collect();
                queue.put(ended(0).0);
                queue.put(Input::Finished);
                signs
            });
            let often = (clock.started(), Duration::from_millis(1));
            without_engine(Taken::default(), &queue, often, &newest, &mut |word| words.push(word));
            let signs = run.join().unwrap();
            assert!(signs.iter().all(|sign| sign.stage == Stage::Unjudged));
            assert!(signs[0].elapsed < signs[2].elapsed && signs[0].at < signs[2].at);
        });
        assert!(matches!(words.as_slice(), [Word::Broken(_), Word::Report(_)]), "{words:?}");
    }

    #[test]
    fn nobody_waits_for_an_engine_that_broke() {
        // Many times what the queue holds.
        let line = vec![b'x'; 64 * 1024];
        let clock = Clock::start();
        let queue = Queue::new(clock);
        let mut engine = Engine::new(RuleSet::default(), clock.started(), false);
        engine.is_broken = true;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let newest = Newest::default();
                let recording = Recording::default();
                drive(engine, &queue, clock.started(), &newest, recording, &mut |_| {});
            });
            let chunk = || Input::Chunk { source: SourceId(0), bytes: &line };
            (0..1000).for_each(|_| queue.put(chunk()));
            queue.put(Input::Finished);
        });
    }
}
