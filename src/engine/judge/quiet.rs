//! What comes of a block of lines, most of which hold no news: the work that `Judge::line` does for
//! each of them, less what is known not to be needed.

use crate::engine::alert::{Effect, Sign};
use crate::engine::input::SourceId;
use crate::engine::judge::{Ears, Judge, Moment};
use crate::engine::rules::Tracker;
use crate::engine::splitter::Line;
use crate::time::Timestamp;

impl Judge {
    /// Whether anybody was told of a silence, and waits for its end.
    pub(in crate::engine) fn tells_silence(&self) -> bool {
        let tells = |&number: &usize| match self.rules.get(number).map(|ruling| &ruling.tracker) {
            Some(Tracker::Silence(silence)) => silence.is_told(),
            _ => false,
        };
        self.waiting.iter().any(tells)
    }

    /// A whole line without news, of which only metrics can come, and how far the run is if it
    /// `counts`. It is among the lines that are to pass.
    pub(in crate::engine) fn quiet_line(
        &mut self,
        line: &Line<'_>,
        counts: bool,
        moment: &Moment<'_>,
        ears: Ears<'_>,
        effects: &mut Vec<Effect>,
    ) {
        self.batch.start();
        self.measure(line, counts, moment, ears, effects);
        self.judge_samples(moment, effects);
    }

    /// A whole line without news and metrics that may tell how far the run is. The sign that it is,
    /// if a rule waits for one.
    pub(in crate::engine) fn counted(&mut self, line: &Line<'_>, at: Timestamp) -> Option<Sign> {
        self.progress.line(line.text, at);
        let position = self.position();
        self.pulse.see(line, true, position).filter(|_| !self.waiting.is_empty())
    }

    /// A block of whole lines without news and metrics.
    pub(in crate::engine) fn pass(&mut self, source: SourceId, block: &[u8]) {
        self.context.pass(source, block);
    }
}
