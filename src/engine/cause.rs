//! Why a run ended: from its status, its clues and what it printed last.
//!
//! Watches all lines of all sources cheaply, keeps what may explain an end (tracebacks, known
//! words of doom), bounded, and gives a verdict at the end. "Likely" where it is a guess.

use crate::engine::alert::{Outcome, Verdict};
use crate::engine::input::{ProcessEnd, SourceId};
use crate::engine::splitter::Line;

#[derive(Debug, Default)]
pub struct Investigator {}

impl Investigator {
    /// Looks at a line; cheap for one without news.
    pub fn line(&mut self, _source: SourceId, _line: &Line<'_>) {}

    /// The verdict, with all that was seen until now.
    pub fn verdict(&self, end: &ProcessEnd) -> Verdict {
        let outcome = if end.status.is_success() { Outcome::Finished } else { Outcome::Failed };
        Verdict { status: end.status, outcome, cause: None }
    }
}
