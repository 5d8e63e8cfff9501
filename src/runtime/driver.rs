//! The engine's thread: takes events, handles them, hands on what the engine wants.
//!
//! A panic in the engine must not hurt the run: it is said once, and from then on only the end of
//! the run is told, from its status alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::engine::Engine;
use crate::engine::alert::{Alert, AlertState, Effect, Happening, Outcome, Severity, Verdict};
use crate::engine::input::{ProcessEnd, ProcessStatus};
use crate::engine::rules::{Attach, RuleSet};
use crate::engine::series::Curve;
use crate::engine::snapshot::Snapshot;
use crate::runtime::queue::{Event, Queue};
use crate::runtime::recording::Recording;
use crate::time::Timestamp;

/// The newest state of the run is looked at this often, also when nothing happens.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(5);

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
}

/// What the driver says, in the engine's order.
#[derive(Debug)]
pub enum Word {
    Report(Box<Report>),
    /// All that came before this mark was judged, and its alerts were reported.
    Mark(u64),
}

impl Report {
    /// An alert without the engine's series.
    fn bare(alert: Alert) -> Self {
        Self { alert, curves: Vec::new(), step: None, repeat: false }
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
        guarded(|| *self.lock() = Some(engine.snapshot(at)));
    }

    fn lock(&self) -> MutexGuard<'_, Option<Snapshot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs until `Event::Finished`. `say` is called in the engine's order. Each call of the engine
/// is noted in `recording`.
pub fn drive(
    mut engine: Engine,
    queue: &Queue,
    started: Timestamp,
    newest: &Newest,
    mut recording: Recording,
    say: &mut dyn FnMut(Word),
) {
    let mut effects = Vec::new();
    let mut repeats = false;
    let mut snapshot_due = started;
    let mut end = None;
    loop {
        let deadline = engine.next_deadline();
        let wake = deadline.map_or(snapshot_due, |deadline| deadline.min(snapshot_due));
        let Some((at, event)) = queue.take(Some(wake)) else {
            if wake == snapshot_due {
                snapshot_due = wake.after(SNAPSHOT_EVERY);
                newest.look(&engine, wake);
            }
            let Some(due) = deadline.filter(|due| *due <= wake) else { continue };
            recording.deadline(due);
            if !guarded(|| engine.handle_deadline(due, &mut effects)) {
                return without_engine(end, Some(queue), started, say);
            }
            pass_on(&engine, &mut effects, repeats, say);
            continue;
        };
        recording.event(at, &event);
        if let Event::Ended(latest) = &event {
            end = Some((at, latest.clone()));
        }
        if !guarded(|| handle(&mut engine, at, &event, &mut effects)) {
            let rest = (!matches!(event, Event::Finished)).then_some(queue);
            return without_engine(end, rest, started, say);
        }
        if matches!(event, Event::Finished) {
            newest.look(&engine, at);
        }
        pass_on(&engine, &mut effects, repeats, say);
        match event {
            Event::Mark { number } => say(Word::Mark(number)),
            Event::Repeats { on } => repeats = on,
            Event::Finished => return,
            _ => {}
        }
        if at >= snapshot_due {
            snapshot_due = at.after(SNAPSHOT_EVERY);
            newest.look(&engine, at);
        }
    }
}

fn handle(engine: &mut Engine, at: Timestamp, event: &Event, effects: &mut Vec<Effect>) {
    match (event, event.as_input()) {
        (Event::Rules(rules), _) => engine.replace_rules(at, RuleSet::clone(rules), effects),
        (_, Some(input)) => engine.handle(at, input, effects),
        (_, None) => {}
    }
}

fn guarded(work: impl FnOnce()) -> bool {
    // The engine is never used again after a panic, so a broken invariant in it is never seen.
    catch_unwind(AssertUnwindSafe(work)).is_ok()
}

/// `repeats`: lines come that may have come before; what no line made fire is new all the same.
fn pass_on(engine: &Engine, effects: &mut Vec<Effect>, repeats: bool, say: &mut dyn FnMut(Word)) {
    for effect in effects.drain(..) {
        if let Effect::Alert(alert) = effect {
            let series = engine.series();
            let curves = if alert.attach.charts { series.curves() } else { Vec::new() };
            let repeat = repeats && alert.origin.is_some();
            let step = series.step();
            say(Word::Report(Box::new(Report { alert: *alert, curves, step, repeat })));
        }
    }
}

/// Drains the queue, so that nobody waits for it, and tells the end: of a run that was started again
/// the last one. `queue`: none if it was finished already.
fn without_engine(
    mut end: Option<(Timestamp, ProcessEnd)>,
    queue: Option<&Queue>,
    started: Timestamp,
    say: &mut dyn FnMut(Word),
) {
    crate::error::say(
        "watch: a bug in the engine stopped the judging of this run. The run itself goes on, and its end is still told.",
    );
    while let Some((at, event)) = queue.and_then(|queue| queue.take(None)) {
        match event {
            Event::Ended(latest) => end = Some((at, latest)),
            Event::Finished => break,
            _ => {}
        }
    }
    if let Some((at, end)) = end {
        say(Word::Report(Box::new(Report::bare(bare_end(&end, at, started)))));
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
        happening: Happening::Ended(Verdict { status: end.status, outcome, cause: None }),
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
