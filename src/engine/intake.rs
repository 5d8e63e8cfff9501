//! How the bytes of a source come in: blocks of plain lines at once, all others line by line.
//!
//! What comes of a block is what would come of its lines one by one; only the work that no line
//! needs is left out. The tests hold the two against each other.

use std::ops::Range;

use crate::engine::alert::Effect;
use crate::engine::block;
use crate::engine::cause::Investigator;
use crate::engine::format::Format;
use crate::engine::judge::Moment;
use crate::engine::{Engine, Feed, PARTIAL_AFTER, moment, source_id};
use crate::time::Timestamp;

impl Engine {
    /// The next bytes of a source.
    pub(super) fn chunk(
        &mut self,
        index: usize,
        bytes: &[u8],
        at: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        self.printed(index, at, effects);
        let mut rest = bytes;
        while !rest.is_empty() {
            let (plain, after) = self.split_plain(index, rest);
            self.block(index, plain, at, effects);
            let (line, after) = block::first_line(after);
            if !line.is_empty() {
                self.feed(index, Feed::Bytes(line), at, effects);
            }
            rest = after;
        }
        let source = &mut self.sources[index];
        source.partial_due = source.splitter.has_partial().then(|| at.after(PARTIAL_AFTER));
    }

    /// What of the bytes is a plain block. Event files have no lines.
    fn split_plain<'a>(&self, index: usize, bytes: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        let source = &self.sources[index];
        if source.splitter.is_at_line_start() && !matches!(source.format, Format::Events(_)) {
            block::split_plain(bytes)
        } else {
            bytes.split_at(0)
        }
    }

    fn block(&mut self, index: usize, block: &[u8], at: Timestamp, effects: &mut Vec<Effect>) {
        if block.is_empty() {
            return;
        }
        let mut news = std::mem::take(&mut self.news);
        self.find_news(block, &mut news);
        let mut from = 0;
        for line in &news {
            self.quiet_lines(index, &block[from..line.start], at, effects);
            self.line(index, &block[line.start..line.end - 1], at, effects);
            from = line.end;
        }
        self.quiet_lines(index, &block[from..], at, effects);
        self.news = news;
    }

    /// The lines of a block that need a look, in their order.
    fn find_news(&self, block: &[u8], news: &mut Vec<Range<usize>>) {
        news.clear();
        Investigator::news(block, news);
        self.judge.news(block, news);
        news.sort_unstable_by_key(|line| line.start);
        news.dedup();
    }

    /// One plain line.
    fn line(&mut self, index: usize, text: &[u8], at: Timestamp, effects: &mut Vec<Effect>) {
        let source = &mut self.sources[index];
        let line = source.splitter.whole(text);
        let id = source_id(index);
        let moment = moment(&self.time, at, Some((id, &source.name)));
        self.investigator.line(id, &line);
        let moment = Moment { line: line.number, ..moment };
        self.judge.line(&line, &moment, &mut source.format, effects);
    }

    /// Lines of a block without news.
    fn quiet_lines(
        &mut self,
        index: usize,
        block: &[u8],
        at: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let mut rest = block;
        // The first line that is not blank is a sign of life; more of them at the same time are not.
        let mut alive = self.judge.finds_metrics();
        while (self.investigator.is_reading() || !alive) && !rest.is_empty() {
            let (line, after) = block::first_line(rest);
            self.line(index, &line[..line.len() - 1], at, effects);
            alive |= !line.trim_ascii().is_empty();
            rest = after;
        }
        if rest.is_empty() {
            return;
        }
        let source = &mut self.sources[index];
        let id = source_id(index);
        self.investigator.pass(id, rest);
        if !self.judge.finds_metrics() {
            source.splitter.pass(rest);
            self.judge.pass(id, rest);
            return;
        }
        let before = moment(&self.time, at, Some((id, &source.name)));
        for text in block::lines(rest) {
            let line = source.splitter.whole(text);
            let moment = Moment { line: line.number, ..before };
            self.judge.quiet_line(&line, &moment, &mut source.format, effects);
        }
    }
}
