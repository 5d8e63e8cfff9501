//! The pure core: bytes and process events in, alerts out.
//!
//! It knows no clock, file, network, environment or randomness. `now` is an argument, so a replay
//! and a live run are the same by construction. Deadlines due at or before `now` fire first, each
//! at its own time, then the input is handled; a wake-up too many changes nothing.

pub mod alert;
mod bar;
pub mod cause;
mod escape;
pub mod expression;
pub mod input;
pub mod metrics;
pub mod rules;
mod screen;
pub mod series;
pub mod splitter;

pub use alert::{Alert, Effect};
pub use input::{Input, SourceId};

use crate::engine::rules::RuleSet;
use crate::engine::series::SeriesStore;
use crate::time::Timestamp;

/// The engine of one run.
#[derive(Debug)]
pub struct Engine {
    series: SeriesStore,
}

impl Engine {
    /// `started` is the run's start. With `trace`, every sample is an effect too.
    pub fn new(_rules: RuleSet, _started: Timestamp, _trace: bool) -> Self {
        Self { series: SeriesStore::default() }
    }

    /// Handles one input that happened at `now`, after all deadlines until then.
    pub fn handle(&mut self, _now: Timestamp, _input: Input<'_>, _effects: &mut Vec<Effect>) {}

    /// When `handle_deadline` must be called at the latest; none: not before the next input.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        None
    }

    /// Fires what is due at or before `now`. Calling it too early or too often is harmless.
    pub fn handle_deadline(&mut self, _now: Timestamp, _effects: &mut Vec<Effect>) {}

    /// All metrics so far, for charts.
    pub fn series(&self) -> &SeriesStore {
        &self.series
    }

    /// Names of the rules that never matched or fired, in the order of the file.
    pub fn unmatched_rules(&self) -> Vec<&str> {
        Vec::new()
    }
}
