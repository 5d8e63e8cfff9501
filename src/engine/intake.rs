//! How the bytes of a source come in: blocks of plain lines at once, all others line by line.
//!
//! What comes of a block is what would come of its lines one by one; only the work that no line
//! needs is left out. The tests hold the two against each other.

use std::ops::Range;
use std::sync::Arc;

use crate::engine::alert::{Effect, Sign};
use crate::engine::block;
use crate::engine::format::Format;
use crate::engine::input::SourceId;
use crate::engine::judge::{Ears, Moment};
use crate::engine::search::{Searched, Searcher};
use crate::engine::splitter::{Line, LineKind};
use crate::engine::{Engine, Feed, PARTIAL_AFTER, moment, source_id};
use crate::time::Timestamp;

/// The lines that begin within `part`.
fn within<'a>(lines: &'a [Range<usize>], part: &Range<usize>) -> &'a [Range<usize>] {
    let before = |place: usize| lines.partition_point(|line| line.start < place);
    lines.get(before(part.start)..before(part.end)).unwrap_or_default()
}

impl Engine {
    /// What searches the bytes of a source, which `handle_searched` may then be given in parts. It
    /// is another one after each change of the rules.
    pub fn searcher(&self) -> &Arc<Searcher> {
        &self.searcher
    }

    /// Handles a chunk as `handle` does: a part of the bytes that were searched, which begins where
    /// a line does, or where the part before ended.
    pub fn handle_searched(
        &mut self,
        now: Timestamp,
        source: SourceId,
        (bytes, part): (&[u8], Range<usize>),
        searched: &Searched,
        effects: &mut Vec<Effect>,
    ) {
        let at = self.time.advance(now);
        self.advance(at, effects);
        if !self.finished
            && let Some(index) = self.open(source).filter(|_| !part.is_empty())
        {
            if self.searcher.has_found(searched) {
                return self.chunk(index, (bytes, part), searched, at, effects);
            }
            // It was searched for what the rules of before wanted.
            let mut searched = std::mem::take(&mut self.searched);
            self.searcher.search(bytes, &mut searched);
            self.chunk(index, (bytes, part), &searched, at, effects);
            self.searched = searched;
        }
    }

    /// Whether this part, printed at `now`, may as well be handled at a later time, together with the
    /// whole line behind it that is printed then: no line of it is looked at but for how far the run is,
    /// which is done now, and nothing is due until then. `line`: where the line ends, and its time.
    pub fn put_off(
        &mut self,
        now: Timestamp,
        source: SourceId,
        (bytes, part): (&[u8], Range<usize>),
        searched: &mut Searched,
        (line, until): (usize, Timestamp),
    ) -> bool {
        let quiet = within(&searched.news, &part).is_empty()
            && !self.searcher.finds_metrics()
            && !self.judge.tells_silence()
            && !self.investigator.is_reading()
            && !self.finished;
        let index = source.0 as usize;
        let may_be = quiet
            && index < self.sources.len()
            // The rest of a line is printed later than its beginning, and has its time.
            && bytes[..part.end].ends_with(b"\n")
            // The line is a sign of life as those before it are.
            && self.plain(index, (bytes, part.start..line), searched.plain) == line - part.start
            && !bytes[part.end..line].trim_ascii().is_empty()
            && self.is_idle(until);
        if !may_be || within(&searched.counts, &part).is_empty() {
            return may_be;
        }
        let at = self.time.advance(now);
        for count in within(&searched.counts, &part) {
            let text = &bytes[count.start..count.end - 1];
            let line = Line { number: 0, kind: LineKind::Whole, text };
            if let Some(sign) = self.judge.counted(&line, at) {
                // As long as no silence is told, nothing comes of a sign at once.
                self.judge.alive(sign, &moment(&self.time, at, None), &mut Vec::new());
            }
        }
        searched.counted = part.end;
        self.is_idle(until)
    }

    /// Whether nothing is due until then.
    fn is_idle(&self, until: Timestamp) -> bool {
        self.next_due().is_none_or(|(due, _)| due > self.time.at(until))
    }

    /// The next bytes of a source.
    pub(super) fn chunk(
        &mut self,
        index: usize,
        (bytes, part): (&[u8], Range<usize>),
        searched: &Searched,
        at: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        self.printed(index, at, effects);
        let mut from = part.start;
        while from < part.end {
            let plain = from..from + self.plain(index, (bytes, from..part.end), searched.plain);
            from = plain.end;
            self.block(index, (bytes, plain), searched, at, effects);
            let (line, _) = block::first_line(&bytes[from..part.end]);
            from += line.len();
            if !line.is_empty() {
                self.feed(index, Feed::Bytes(line), at, effects);
            }
        }
        let source = &mut self.sources[index];
        source.partial_due = source.splitter.has_partial().then(|| at.after(PARTIAL_AFTER));
    }

    /// How much of a part is a plain block; before `plain` all is. Event files have no lines.
    fn plain(&self, index: usize, (bytes, part): (&[u8], Range<usize>), plain: usize) -> usize {
        let source = &self.sources[index];
        let may_be =
            source.splitter.is_at_line_start() && !matches!(source.format, Format::Events(_));
        if !may_be {
            0
        } else if part.start < plain {
            block::whole_lines(&bytes[part.start..part.end.min(plain)])
        } else {
            block::split_plain(&bytes[part]).0.len()
        }
    }

    fn block(
        &mut self,
        index: usize,
        (bytes, part): (&[u8], Range<usize>),
        searched: &Searched,
        at: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let mut from = part.start;
        for line in within(&searched.news, &part) {
            self.quiet_lines(index, (bytes, from..line.start), searched, at, effects);
            self.line(index, &bytes[line.start..line.end - 1], at, effects);
            from = line.end;
        }
        self.quiet_lines(index, (bytes, from..part.end), searched, at, effects);
    }

    /// One plain line.
    fn line(&mut self, index: usize, text: &[u8], at: Timestamp, effects: &mut Vec<Effect>) {
        let source = &mut self.sources[index];
        let line = source.splitter.whole(text);
        let id = source_id(index);
        let moment = moment(&self.time, at, Some((id, &source.name)));
        self.investigator.line(id, &line);
        let moment = Moment { line: line.number, ..moment };
        let ears = Ears { format: &mut source.format, searcher: &self.searcher, reading: None };
        self.judge.line(&line, &moment, ears, effects);
    }

    /// Lines of a block without news.
    fn quiet_lines(
        &mut self,
        index: usize,
        (bytes, mut part): (&[u8], Range<usize>),
        searched: &Searched,
        at: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        while self.investigator.is_reading() && !part.is_empty() {
            let (line, _) = block::first_line(&bytes[part.clone()]);
            part.start += line.len();
            self.line(index, &line[..line.len() - 1], at, effects);
        }
        if part.is_empty() {
            return;
        }
        let id = source_id(index);
        let source = &mut self.sources[index];
        let mut moment = moment(&self.time, at, Some((id, &source.name)));
        moment.line = source.splitter.lines();
        let uncounted = part.start.max(searched.counted)..part.end;
        let mut counts = within(&searched.counts, &uncounted).iter().peekable();
        // The first line that is not blank is a sign of life; more of them at the same time are not.
        let every = self.searcher.finds_metrics();
        // Of lines that were put off, counts had their effect at their own time.
        let told = part.start..searched.counted.clamp(part.start, part.end);
        let mut alive = every || !bytes[told].trim_ascii().is_empty();
        if alive && !every {
            self.judge.alive(Sign::Line, &moment, effects);
        }
        let block = part.clone();
        let mut readings = searched.readings.since(part.start).peekable();
        while (every || !alive) && !part.is_empty() {
            let counted = counts.next_if(|count| count.start == part.start).is_some();
            let reading = readings.next_if(|reading| reading.start == part.start);
            let length = reading.map_or_else(
                || block::first_line(&bytes[part.clone()]).0.len() - 1,
                |reading| reading.length,
            );
            let text = &bytes[part.start..part.start + length];
            part.start += length + 1;
            moment.line += 1;
            moment.passed = &bytes[block.start..part.start];
            let line = Line { number: moment.line, kind: LineKind::Whole, text };
            let ears = Ears { format: &mut source.format, searcher: &self.searcher, reading };
            self.judge.quiet_line(&line, counted, &moment, ears, effects);
            alive = alive || !text.trim_ascii().is_empty();
        }
        for count in counts {
            let line =
                Line { number: 0, kind: LineKind::Whole, text: &bytes[count.start..count.end - 1] };
            let Some(sign) = self.judge.counted(&line, at) else { continue };
            moment.line += block::count(&bytes[part.start..count.end]);
            moment.passed = &bytes[block.start..count.end];
            part.start = count.end;
            self.judge.alive(sign, &moment, effects);
        }
        let lines = moment.line - source.splitter.lines() + block::count(&bytes[part]);
        source.splitter.pass(&bytes[block.clone()], lines);
        self.investigator.pass(id, &bytes[block.clone()], lines);
        self.judge.pass(id, &bytes[block]);
    }
}
