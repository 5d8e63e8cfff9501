//! The work on a block that needs no state of the run: which lines may be news, which may tell how
//! far the run is, and the numbers of those whose shape is known.
//!
//! It may be done ahead, on another thread. Knows no time and no source.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use regex::bytes::Regex;

use crate::engine::block::{self, Block};
use crate::engine::cause::Investigator;
use crate::engine::gate::Gate;
use crate::engine::metrics::{Asked, Readings, Shapes};
use crate::engine::progress::Counters;
use crate::engine::scanner::Scanner;

/// What is searched for, by the rules that hold.
#[derive(Debug, Default)]
pub struct Searcher {
    /// How many searchers there were before.
    version: u64,
    scanner: Scanner,
    /// To what may be news to a rule or to the investigator. Made for the first block.
    gate: OnceLock<Option<Gate>>,
    /// The same for lines of which only the shape is known.
    gate_of_shapes: OnceLock<Option<Gate>>,
    finds_metrics: bool,
    shapes: Arc<Shapes>,
}

/// What was found in some bytes. Kept for its memory.
#[derive(Debug, Default)]
pub struct Searched {
    /// The searcher's.
    version: u64,
    /// Before this place there is nothing but text and newlines.
    pub(super) plain: usize,
    /// With their newlines, in their order: those that may be news.
    pub(super) news: Vec<Range<usize>>,
    /// Runs of lines that had to be searched for news.
    unsure: Vec<Range<usize>>,
    /// Those that may tell how far the run is, perhaps the same.
    pub(super) counts: Vec<Range<usize>>,
    /// Those before this place have told it.
    pub(super) counted: usize,
    pub(super) readings: Readings,
    small: Vec<u8>,
}

impl Searched {
    /// Bytes of memory that are kept for what is found next, roughly.
    pub fn kept(&self) -> usize {
        let lines = self.news.capacity() + self.unsure.capacity() + self.counts.capacity();
        self.small.capacity() + lines * size_of::<Range<usize>>() + self.readings.kept()
    }
}

impl Searcher {
    /// In place of `before`, whose memory of shapes it takes over.
    pub(super) fn new(before: &Self, patterns: Vec<Regex>, finds_metrics: bool) -> Self {
        Self {
            version: before.version + 1,
            scanner: Scanner::new(patterns),
            gate: OnceLock::new(),
            gate_of_shapes: OnceLock::new(),
            finds_metrics,
            shapes: Arc::clone(&before.shapes),
        }
    }

    pub(super) fn scanner(&self) -> &Scanner {
        &self.scanner
    }

    pub(super) fn shapes(&self) -> &Shapes {
        &self.shapes
    }

    /// Whether a line without news may still hold a metric.
    pub fn finds_metrics(&self) -> bool {
        self.finds_metrics
    }

    /// Whether this was found by this searcher.
    pub(super) fn has_found(&self, searched: &Searched) -> bool {
        searched.version == self.version
    }

    /// Searches bytes of a source, in any pieces in which they were read.
    pub fn search(&self, bytes: &[u8], searched: &mut Searched) {
        let Searched { version, plain, news, unsure, counts, counted, readings, small } = searched;
        (*version, *plain, *counted) = (self.version, block::plain(bytes), 0);
        for lines in [&mut *news, unsure, counts] {
            lines.clear();
        }
        readings.clear();
        if self.finds_metrics {
            let asked = Asked { version: self.version, of: &|line| self.is_asked_about(line) };
            self.shapes.read(bytes, asked, readings, (counts, unsure));
            let rest = memchr::memrchr(b'\n', bytes).map_or(0, |newline| newline + 1)..bytes.len();
            unsure.extend(Some(rest).filter(|rest| !rest.is_empty()));
        } else {
            unsure.push(0..bytes.len());
        }
        for lines in unsure {
            let block = Block::of(&bytes[lines.clone()], small);
            let from = news.len();
            self.news(block, news);
            news[from..].iter_mut().for_each(|line| *line = moved(line, lines.start));
            if !self.finds_metrics {
                Counters::lines(block, counts);
            }
        }
        for lines in [news, counts] {
            lines.sort_unstable_by_key(|line| line.start);
            lines.dedup();
        }
    }

    /// Adds the lines that may be news to the investigator or to a rule.
    fn news(&self, block: Block<'_>, out: &mut Vec<Range<usize>>) {
        let Some(gate) = self.gate() else {
            return out.extend(block::lines_with(block.text, |_, from| Some(from)));
        };
        let is_news = |line: &Range<usize>| {
            let text = &block.text[line.start..line.end];
            let text = text.strip_suffix(b"\n").unwrap_or(text);
            Investigator::is_news(text) || self.scanner.is_match(text)
        };
        out.extend(gate.lines(block).filter(is_news));
        if self.scanner.words().is_none() {
            self.scanner.lines(block.text, out);
        }
    }

    fn words(&self) -> impl Iterator<Item = Vec<u8>> {
        Investigator::words().chain(self.scanner.words().into_iter().flatten().cloned())
    }

    fn gate(&self) -> Option<&Gate> {
        self.gate.get_or_init(|| Gate::new(self.words().collect())).as_ref()
    }

    /// Whether a line that differs from this one in its digits only may be news.
    fn is_asked_about(&self, line: &[u8]) -> bool {
        let gate = || Gate::new(self.words().map(|word| of_any_digits(&word)).collect());
        let gate = self.gate_of_shapes.get_or_init(gate).as_ref();
        let gate = gate.filter(|_| self.scanner.words().is_some());
        gate.is_none_or(|gate| gate.is_open(&of_any_digits(line)))
    }
}

/// In small letters, and each digit as `0`.
fn of_any_digits(text: &[u8]) -> Vec<u8> {
    let digitless =
        |byte: &u8| if byte.is_ascii_digit() { b'0' } else { byte.to_ascii_lowercase() };
    text.iter().map(digitless).collect()
}

fn moved(range: &Range<usize>, by: usize) -> Range<usize> {
    range.start + by..range.end + by
}
