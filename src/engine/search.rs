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
use crate::engine::metrics::{Readings, Shapes};
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
    finds_metrics: bool,
    shapes: Arc<Shapes>,
}

/// What was found in some bytes. Kept for its memory.
#[derive(Debug, Default)]
pub struct Searched {
    /// The searcher's.
    version: u64,
    /// With their newlines, in their order: those that may be news.
    pub(super) news: Vec<Range<usize>>,
    /// Those that may tell how far the run is, perhaps the same.
    pub(super) counts: Vec<Range<usize>>,
    /// Those before this place have told it.
    pub(super) counted: usize,
    pub(super) readings: Readings,
    small: Vec<u8>,
}

impl Searcher {
    /// In place of `before`, whose memory of shapes it takes over.
    pub(super) fn new(before: &Self, patterns: Vec<Regex>, finds_metrics: bool) -> Self {
        Self {
            version: before.version + 1,
            scanner: Scanner::new(patterns),
            gate: OnceLock::new(),
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
        let Searched { version, news, counts, counted, readings, small } = searched;
        (*version, *counted) = (self.version, 0);
        news.clear();
        counts.clear();
        readings.clear();
        small.clear();
        small.extend_from_slice(bytes);
        small.make_ascii_lowercase();
        let block = Block { text: bytes, small };
        self.news(block, news);
        if self.finds_metrics {
            self.shapes.read(block::ranges(bytes), bytes, readings, counts);
        } else {
            Counters::lines(block, counts);
        }
        for lines in [news, counts] {
            lines.sort_unstable_by_key(|line| line.start);
            lines.dedup();
        }
    }

    /// Adds the lines that may be news to the investigator or to a rule.
    fn news(&self, block: Block<'_>, out: &mut Vec<Range<usize>>) {
        let words = self.scanner.words();
        let all = || Investigator::words().chain(words.into_iter().flatten().cloned()).collect();
        let Some(gate) = self.gate.get_or_init(|| Gate::new(all())) else {
            return out.extend(block::lines_with(block.text, |_, from| Some(from)));
        };
        let is_news = |line: &Range<usize>| {
            let text = &block.text[line.start..line.end];
            let text = text.strip_suffix(b"\n").unwrap_or(text);
            Investigator::is_news(text) || self.scanner.is_match(text)
        };
        out.extend(gate.lines(block).filter(is_news));
        if words.is_none() {
            self.scanner.lines(block.text, out);
        }
    }
}
