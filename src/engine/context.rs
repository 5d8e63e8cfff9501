//! The last lines of output, as a terminal shows them, for the messages. Bounded memory, and no
//! allocation once it is filled.

use std::collections::VecDeque;

use crate::engine::block;
use crate::engine::input::SourceId;
use crate::engine::splitter::{Line, LineKind};

/// Of a longer line its start is kept.
const MAX_LINE: usize = 2_000;
/// However many lines a rule wants.
const MAX_LINES: usize = 500;

#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct Context {
    capacity: usize,
    lines: VecDeque<Vec<u8>>,
    /// The state of a line that is not ended yet: a progress bar, a prompt.
    open: Option<SourceId>,
    open_text: Vec<u8>,
}

impl Context {
    /// Keeps so many lines from now on.
    pub(in crate::engine) fn keep(&mut self, lines: usize) {
        self.capacity = lines.clamp(1, MAX_LINES);
        let extra = self.lines.len().saturating_sub(self.capacity);
        self.lines.drain(..extra);
    }

    pub(in crate::engine) fn line(&mut self, source: SourceId, line: &Line<'_>) {
        let text = &line.text[..line.text.len().min(MAX_LINE)];
        if line.kind != LineKind::Whole {
            self.open = Some(source);
            self.open_text.clear();
            self.open_text.extend_from_slice(text);
            return;
        }
        if self.open == Some(source) {
            self.open = None;
        }
        let full = self.lines.len() >= self.capacity;
        let mut kept = if full { self.lines.pop_front() } else { None }.unwrap_or_default();
        kept.clear();
        kept.extend_from_slice(text);
        self.lines.push_back(kept);
    }

    /// A block of whole lines.
    pub(in crate::engine) fn pass(&mut self, source: SourceId, block: &[u8]) {
        let lines = block::count(block);
        for text in block::lines(block::last(block, lines, self.capacity, |_| true)) {
            self.line(source, &Line { number: 0, kind: LineKind::Whole, text });
        }
    }

    /// The newest `count` lines, oldest first.
    pub(in crate::engine) fn last(&self, count: usize) -> Vec<String> {
        let shown = |line: &[u8]| String::from_utf8_lossy(line).into_owned();
        let open = self.open.filter(|_| count > 0).map(|_| shown(&self.open_text));
        let whole = count.saturating_sub(usize::from(open.is_some()));
        let skipped = self.lines.len().saturating_sub(whole);
        self.lines.iter().skip(skipped).map(|line| shown(line)).chain(open).collect()
    }

    /// The newest line that is not blank.
    pub(in crate::engine) fn last_line(&self) -> Option<String> {
        let open = self.open.map(|_| &self.open_text);
        open.into_iter()
            .chain(self.lines.iter().rev())
            .find(|line| !line.trim_ascii().is_empty())
            .map(|line| String::from_utf8_lossy(line).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(context: &mut Context, source: u32, kind: LineKind, text: &str) {
        context.line(SourceId(source), &Line { number: 1, kind, text: text.as_bytes() });
    }

    #[test]
    fn the_last_lines_are_kept_with_the_open_one() {
        let mut context = Context::default();
        context.keep(3);
        for text in ["one", "two", "three", "four"] {
            feed(&mut context, 0, LineKind::Whole, text);
        }
        assert_eq!(context.last(10), ["two", "three", "four"]);
        feed(&mut context, 1, LineKind::Frame, "10%");
        feed(&mut context, 1, LineKind::Frame, "20%");
        assert_eq!(context.last(2), ["four", "20%"]);
        feed(&mut context, 1, LineKind::Whole, "100%");
        feed(&mut context, 1, LineKind::Whole, " ");
        assert_eq!(context.last(2), ["100%", " "]);
        assert_eq!(context.last_line().as_deref(), Some("100%"));
        assert!(context.last(0).is_empty());
    }

    #[test]
    fn any_bytes_and_any_length_are_taken() {
        let mut context = Context::default();
        context.keep(1);
        let long = vec![0xff; 100_000];
        context.line(SourceId(0), &Line { number: 1, kind: LineKind::Whole, text: &long });
        assert_eq!(context.last(1)[0].chars().count(), MAX_LINE);
    }
}
