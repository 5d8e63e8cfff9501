//! What comes of a block of lines, most of which hold no news: the work that `Judge::line` does for
//! each of them, less what is known not to be needed.

use std::ops::Range;

use crate::engine::alert::{Effect, Sign};
use crate::engine::block::Block;
use crate::engine::format::Format;
use crate::engine::input::SourceId;
use crate::engine::judge::{Judge, Moment};
use crate::engine::progress::Counters;
use crate::engine::rules::Tracker;
use crate::engine::splitter::Line;
use crate::time::Timestamp;

impl Judge {
    /// Words, in small letters, of which a line with news for a rule holds one; none if there are
    /// no such words.
    pub(in crate::engine) fn words(&self) -> Option<&[Vec<u8>]> {
        self.scanner.words()
    }

    /// Whether a line without its newline is news for a rule.
    pub(in crate::engine) fn is_news(&self, line: &[u8]) -> bool {
        self.scanner.is_match(line)
    }

    /// Adds the lines of a block that may be news for a rule.
    pub(in crate::engine) fn news(&self, block: &[u8], out: &mut Vec<Range<usize>>) {
        self.scanner.lines(block, out);
    }

    /// Adds the lines of a block that may tell how far the run is.
    pub(in crate::engine) fn counts(block: Block<'_>, out: &mut Vec<Range<usize>>) {
        Counters::lines(block, out);
    }

    /// Whether anybody was told of a silence, and waits for its end.
    pub(in crate::engine) fn tells_silence(&self) -> bool {
        let tells = |&number: &usize| match self.rules.get(number).map(|ruling| &ruling.tracker) {
            Some(Tracker::Silence(silence)) => silence.is_told(),
            _ => false,
        };
        self.waiting.iter().any(tells)
    }

    /// Whether a line without such news may still hold a metric.
    pub(in crate::engine) fn finds_metrics(&self) -> bool {
        self.auto_metrics
    }

    /// A whole line without news, of which only metrics can come, and how far the run is if it
    /// `counts`.
    pub(in crate::engine) fn quiet_line(
        &mut self,
        line: &Line<'_>,
        counts: bool,
        moment: &Moment<'_>,
        format: &mut Format,
        effects: &mut Vec<Effect>,
    ) {
        let Some((source, _)) = moment.source else { return };
        self.context.line(source, line);
        self.batch.start();
        self.missing.clear();
        self.measure(line, counts, moment, format, effects);
        self.judge(&[], None, moment, effects);
    }

    /// A whole line without news and metrics that may tell how far the run is. The sign that it is,
    /// if a rule waits for one.
    pub(in crate::engine) fn counted(&mut self, line: &Line<'_>, at: Timestamp) -> Option<Sign> {
        self.progress.line(line.text, at);
        let position = self.position();
        self.pulse.see(line, position).filter(|_| !self.waiting.is_empty())
    }

    /// A block of whole lines without news and metrics.
    pub(in crate::engine) fn pass(&mut self, source: SourceId, block: &[u8]) {
        self.context.pass(source, block);
    }
}
