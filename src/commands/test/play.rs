//! A test's steps through the engine. The only clock is the test's own.

use std::time::Duration;

use crate::cli::DEFAULT_RESTARTS;
use crate::config::scenario::{Expected, Scenario, Step, StepEvent};
use crate::engine::input::ProcessEnd;
use crate::engine::{Effect, Engine, Input, SourceId};
use crate::render::message::RunLabel;
use crate::render::text::{self, Context};
use crate::time::Timestamp;

/// How the same input reaches the engine; what it says must not depend on that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Whole,
    ByteByByte,
    /// It is woken more often than it asked for.
    WithWakeUps,
}

/// What the engine said.
#[derive(Debug)]
pub struct Told {
    pub effects: Vec<Effect>,
    pub unmatched: Vec<String>,
}

/// Runs a test to its last step or expectation.
pub fn play(scenario: &Scenario, way: Way) -> Told {
    let mut run = Run {
        engine: Engine::new(scenario.rules.clone(), Timestamp::default(), scenario.samples),
        way,
        sources: Vec::new(),
        restarts: 0,
        now: Timestamp::default(),
        effects: Vec::new(),
    };
    for name in ["stdout", "stderr"] {
        run.source(name);
    }
    for step in &scenario.steps {
        run.wait_until(step.at);
        run.happen(step);
    }
    let is = |event: &StepEvent| scenario.steps.iter().any(|step| step.event == *event);
    let ended = scenario.steps.iter().any(|step| matches!(step.event, StepEvent::Ended(_)));
    if ended && !is(&StepEvent::Finished) {
        run.engine.handle(run.now, Input::Finished, &mut run.effects);
    }
    if let Some(last) = scenario.expect.iter().filter_map(|e| expected_at(&e.what)).max() {
        run.wait_until(last);
    }
    let unmatched = run.engine.unmatched_rules().into_iter().map(str::to_owned).collect();
    Told { effects: run.effects, unmatched }
}

fn expected_at(expected: &Expected) -> Option<Timestamp> {
    match expected {
        Expected::Alert { at, .. } | Expected::HeldBack { at, .. } => *at,
        Expected::Line(_) => None,
    }
}

struct Run {
    engine: Engine,
    way: Way,
    sources: Vec<String>,
    restarts: u32,
    now: Timestamp,
    effects: Vec<Effect>,
}

impl Run {
    fn source(&mut self, name: &str) -> SourceId {
        let known = self.sources.iter().position(|known| known == name);
        let index = known.unwrap_or(self.sources.len());
        let source = SourceId(u32::try_from(index).unwrap_or(u32::MAX));
        if known.is_none() {
            self.sources.push(name.to_owned());
            self.engine.handle(self.now, Input::Opened { source, name }, &mut self.effects);
        }
        source
    }

    fn wait_until(&mut self, at: Timestamp) {
        if self.way == Way::WithWakeUps {
            for part in 1..=4 {
                let between = self.now.after(at.since(self.now) / 5 * part);
                self.engine.live_until(between, &mut self.effects);
                self.engine.handle_deadline(between, &mut self.effects);
            }
        }
        self.now = self.now.max(at);
        self.engine.live_until(self.now, &mut self.effects);
    }

    fn happen(&mut self, step: &Step) {
        let source = self.source(&step.source);
        let input = match &step.event {
            StepEvent::Nothing => return self.engine.handle_deadline(self.now, &mut self.effects),
            StepEvent::Bytes(bytes) => return self.print(source, bytes),
            StepEvent::Sample { metric, value } => {
                Input::Sample { source, metric, step: None, value: *value }
            }
            StepEvent::Ended(status) => {
                Input::Ended(ProcessEnd { status: *status, clues: Vec::new() })
            }
            StepEvent::Restarting => {
                self.restarts += 1;
                let (attempt, most) = (self.restarts, DEFAULT_RESTARTS);
                Input::Restarting { attempt, most, after: Duration::from_secs(1) }
            }
            StepEvent::Started => Input::Started { pid: 1 },
            StepEvent::Stopped => Input::Stopped,
            StepEvent::Continued => Input::Continued,
            StepEvent::Gap => Input::Gap { source, bytes: 1 },
            StepEvent::Closed => Input::Closed { source },
            StepEvent::Finished => Input::Finished,
        };
        self.engine.handle(self.now, input, &mut self.effects);
    }

    fn print(&mut self, source: SourceId, bytes: &[u8]) {
        let size = if self.way == Way::ByteByByte { 1 } else { bytes.len().max(1) };
        for bytes in bytes.chunks(size) {
            self.engine.handle(self.now, Input::Chunk { source, bytes }, &mut self.effects);
        }
    }
}

/// The title that the message of an alert would have.
pub(super) fn title(scenario: &Scenario, effect: &Effect) -> Option<String> {
    let Effect::Alert(alert) = effect else { return None };
    let run = RunLabel {
        id: "test".to_owned(),
        name: "test".to_owned(),
        host: String::new(),
        command: String::new(),
        elapsed: None,
    };
    let context = Context { run: &run, language: scenario.language, secrets: &[] };
    Some(text::message(alert, &context).title)
}
