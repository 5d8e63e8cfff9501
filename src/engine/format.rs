//! What a source's bytes are, which its name tells: output of a program, a CSV file, TensorBoard
//! events. Knows no rule and no time.

use crate::engine::csv::{self, Csv};
use crate::engine::metrics::{Found, Metrics, Reading, Shapes};
use crate::engine::splitter::{Line, LineKind};
use crate::engine::tfevents::{self, Events};

#[derive(Debug)]
pub(super) enum Format {
    Output(Box<Metrics>),
    Csv(Csv),
    Events(Events),
}

impl Default for Format {
    fn default() -> Self {
        Self::Output(Box::default())
    }
}

impl Format {
    /// `before`: what a source of the same name was, if there was one.
    pub(super) fn of(name: &str, before: Option<&mut Self>) -> Self {
        if tfevents::is_event_file(name) {
            return Self::Events(Events::default());
        }
        if !csv::is_csv(name) {
            return Self::default();
        }
        Self::Csv(match before {
            Some(Self::Csv(before)) => Csv::in_place_of(before),
            _ => Csv::default(),
        })
    }

    /// Whether what was found ahead in a line is what it holds.
    pub(super) fn holds(&mut self, line: &Line<'_>, reading: &Reading<'_>) -> bool {
        match self {
            Self::Output(metrics) => metrics.holds(line, reading),
            Self::Csv(_) | Self::Events(_) => false,
        }
    }

    /// Gives every metric that a line holds. `reading`: what was found in it ahead.
    pub(super) fn scan(
        &mut self,
        line: &Line<'_>,
        reading: Option<Reading<'_>>,
        shapes: &Shapes,
        each: &mut dyn FnMut(Found<'_>),
    ) {
        match self {
            Self::Output(metrics) => metrics.scan_known(line, reading, shapes, each),
            Self::Csv(csv) if line.kind == LineKind::Whole => csv.line(line.text, each),
            Self::Csv(_) | Self::Events(_) => {}
        }
    }
}
